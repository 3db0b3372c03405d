"""Imports that a worker does: asked for, done, cancelled, and taken up again when one dies."""

import logging
from datetime import timedelta
from typing import Any

from celery.exceptions import SoftTimeLimitExceeded
from django.db import DatabaseError, transaction
from django.db.models import Q
from django.utils.translation import gettext as _

from decisions import clock
from decisions.models import User
from decisions.policies import BadInput, Refused, wrong_state
from evaluations import jobs, uploads
from evaluations.freezing import About, CaseMaterial, freeze_cases, freeze_corpus
from evaluations.importers.cases import Columns, read_labels
from evaluations.models import Corpus, Import, Imports, ImportState
from evaluations.results_intake import do_results
from evaluations.uploads import Upload

logger = logging.getLogger(__name__)

# A request that no worker has taken by then was lost on its way.
LOST_AFTER = timedelta(seconds=20)


def request_import(
    upload: Upload, *, by: User, columns: Columns | None = None, kind: str = ""
) -> Import:
    """Ask for what was uploaded to be brought in; while that is under way it is the same import.

    `columns` and `kind` are of no meaning where the files' shape says what is in them.
    """
    about_of(upload, by)
    corpus_of(upload, by)
    return asked_for(upload, {"columns": vars(columns) if columns else {}, "kind": kind}, by)


def asked_for(upload: Upload, asked: dict[str, Any], by: User) -> Import:
    """Write down what a worker is to do with an upload, unless one is at it, and wake it."""
    with transaction.atomic():
        if under_way := Import.objects.open().filter(upload=upload.token).first():
            return under_way
        row = Import.objects.create(
            what=upload.what,
            name=upload.name,
            upload=upload.token,
            files=list(upload.files.values()),
            options=asked,
            requested_by=by,
            requested_at=clock.now(),
        )
        transaction.on_commit(lambda: _wake(row.pk), robust=True)
    return row


def cancel_import(row: Import, *, by: User) -> None:
    """Stop an import that has not ended; nothing of it stays."""
    if not jobs.cancel(row):
        raise wrong_state(_("The import has ended already."))
    transaction.on_commit(lambda: _wake(row.pk), robust=True)


def do_import(import_id: int) -> None:
    """Do what was asked for; a second call finds it taken and does nothing."""
    job = jobs.claim(import_id)
    if job is None:
        return jobs.discard_drafts()
    try:
        _freeze(job, Import.objects.select_related("requested_by").get(pk=import_id))
    except jobs.Lost:
        logger.info("Import %s was cancelled, or another worker has it", import_id)
    except (BadInput, Refused) as sentence:
        jobs.fail(job, str(sentence))
    except SoftTimeLimitExceeded:
        jobs.fail(job, _("It took too long. The commands have no limit: import_cases, import_run."))
    except DatabaseError:
        # Busy, or away: the sweep wakes another worker once this one counts as silent.
        raise
    except Exception:
        logger.exception("Import %s failed", import_id)
        jobs.fail(job, _("The import failed unexpectedly; the worker's log says where."))
    jobs.discard_drafts()
    return None


def lost_imports() -> list[int]:
    """Return the imports that no worker does although one should; end those past saving."""
    jobs.give_up_on_the_dead()
    jobs.discard_drafts()
    now = clock.now()
    unheard = Q(woken_at__isnull=True) | Q(woken_at__lt=now - LOST_AFTER)
    found = Import.objects.claimable(now).filter(unheard)
    return list(found.order_by("pk").values_list("pk", flat=True))


def _freeze(job: jobs.Job, row: Import) -> None:
    """Bring the files in, and forget them once they are."""
    upload = uploads.found(row.upload)
    by = row.requested_by
    if upload is None or by is None:
        raise BadInput(_("The files are no longer there: upload them again."))
    about = about_of(upload, by)
    if row.what == Imports.RESULTS:
        return do_results(job, row, upload, by)
    if row.what == Imports.DOCUMENTS:
        freeze_corpus(job, about, upload.document_files)
    else:
        freeze_cases(job, about, material_of(upload, by, row.options))
    uploads.forget(upload)
    return None


def about_of(upload: Upload, by: User) -> About:
    """Return what was said of an upload; raise `BadInput` for what cannot be kept."""
    return About(upload.name, upload.origin, upload.licence, upload.more.get("visibility", ""), by)


def material_of(upload: Upload, by: User, options: dict[str, Any]) -> CaseMaterial:
    """Return the cases of an upload, read as it was said; raise `BadInput`."""
    return CaseMaterial(
        files=upload.case_files,
        columns=Columns(**(options.get("columns") or {"input": "", "label": ""})),
        labels=labels_of(upload),
        kind=options.get("kind", ""),
        corpus=corpus_of(upload, by),
    )


def labels_of(upload: Upload) -> list[dict[str, str]] | None:
    """Return the labels that were uploaded, if any; raise `BadInput`."""
    return read_labels(upload.labels, upload.files["labels"]) if upload.labels else None


def corpus_of(upload: Upload, by: User) -> Corpus | None:
    """Return the corpus that was chosen, if any; raise `BadInput` if it is not theirs to choose."""
    pk = upload.more.get("corpus")
    if pk is None:
        return None
    corpus: Corpus | None = Corpus.objects.visible_to(by).filter(pk=pk).first()
    if corpus is None:
        raise BadInput(_("The corpus that was chosen is no longer there."))
    return corpus


def imported_by(user: User, what: str) -> Any:
    """Return the person's imports that are under way, or that came to nothing today."""
    today = clock.now() - timedelta(hours=24)
    recent = Q(state=ImportState.FAILED, requested_at__gt=today)
    mine = Import.objects.filter(requested_by=user, what=what)
    return mine.filter(Q(pk__in=mine.open()) | recent).order_by("-pk")[:10]


def _wake(import_id: int) -> None:
    """Tell a worker; if the queue cannot be reached, the sweep will."""
    from evaluations.tasks import bring_in

    bring_in.apply_async((import_id,), expires=3600)
    Import.objects.filter(pk=import_id).update(woken_at=clock.now())
