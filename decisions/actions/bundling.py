"""How a worker makes a zip of many records: one document after the other, then the file.

Each record's document is asked for as its reader would ask for it, so it is made once, logged and
kept; one that is there already costs a file read. What became of each record is written as it is
known: who comes after a killed worker goes on from there.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from datetime import timedelta
from tempfile import TemporaryFile
from typing import Any

from celery.exceptions import SoftTimeLimitExceeded
from django.core.files.base import File
from django.utils.translation import gettext as _

from decisions import clock
from decisions.actions.bundles import readable
from decisions.actions.claiming import Claim, Lost
from decisions.actions.documents import request_document
from decisions.actions.rendering import file_name
from decisions.audit import acting_from
from decisions.exports.bundle import Entry, write_bundle
from decisions.exports.formats import FORMATS
from decisions.models import Bundle, Decision, Document, DocumentState
from decisions.policies import Refused

# How long a worker goes on before others get their turn, in seconds: they may wait for it.
TURN = 15.0
# So many workers may end over one record before it is left out.
MOST_ATTEMPTS = 3
# How often the worker says that it lives while it writes the file.
SIGN_OF_LIFE = timedelta(seconds=5)

Make = Callable[[int], None]
Outcome = dict[str, Any]

logger = logging.getLogger(__name__)


def go_through(held: Claim[Bundle], make: Make) -> bool:
    """Work for a turn, making documents with `make` (their keys); return whether more is to do."""
    ends = time.monotonic() + TURN
    bundle = held.row
    with suppress(Lost), acting_from(bundle.address):
        _go_on(held)
        while bundle.done < bundle.total:
            outcome = _outcome(bundle, make) if time.monotonic() < ends else None
            if outcome is None:
                return held.release()
            _go_on(held, outcomes=[*bundle.outcomes, outcome], attempts=0)
        _finish(held)
    return False


def _go_on(held: Claim[Bundle], **told: Any) -> None:
    if not held.go_on(**told):
        raise Lost


def _outcome(bundle: Bundle, make: Make) -> Outcome | None:
    """Return what becomes of the next record; None while another worker makes its document."""
    number = bundle.records[bundle.done]
    if bundle.attempts > MOST_ATTEMPTS:
        return {"problem": _("It was given up: each worker that tried to make it has ended.")}
    try:
        decision = readable(bundle.requested_by).get(number=number)
        return _made(decision, bundle, make)
    except Decision.DoesNotExist:
        return {"problem": _lost_sight()}
    except Refused as refused:
        return {"problem": str(refused)}
    except SoftTimeLimitExceeded:
        raise
    except Exception:
        logger.exception("DR-%s could not be exported for bundle %s", number, bundle.pk)
        return {"problem": _("The document could not be made. The error is in the log.")}


def _made(decision: Decision, bundle: Bundle, make: Make) -> Outcome | None:
    by, format = bundle.requested_by, bundle.format
    asked = request_document(decision, by=by, format=format, wakes=False)
    if asked.is_working:
        make(asked.pk)
    # It is gone where the same was asked for again meanwhile.
    document = Document.objects.filter(pk=asked.pk).first()
    if document is None or document.is_working:
        return None
    if document.state == DocumentState.READY:
        return {"document": document.pk}
    return {"problem": document.error_in_words}


def _lost_sight() -> str:
    return _("You can no longer read this record.")


def _finish(held: Claim[Bundle]) -> None:
    """Write the file to disk and keep it; nothing of it is in the way if this worker is killed."""
    if held.row.attempts > MOST_ATTEMPTS:
        return held.fail(_("The file was given up: each worker that tried it has ended."))
    bundle = held.row
    seen = readable(bundle.requested_by).in_bulk(bundle.records, field_name="number")
    with TemporaryFile() as target:
        problems = write_bundle(target, _entries(held, seen))
        size = target.tell()
        target.seek(0)
        told = zip(bundle.records, bundle.outcomes, problems, strict=True)
        outcomes = [
            {"problem": problem, "is_unseen": number not in seen} if problem else one
            for number, one, problem in told
        ]
        held.keep(f"{bundle.pk}.zip", File(target), outcomes=outcomes, size=size)
    return None


def _entries(held: Claim[Bundle], seen: Mapping[int, Decision]) -> Iterator[Entry]:
    """Yield every record with its open file, if there is one; of one not `seen` its name alone."""
    bundle = held.row
    made = [one["document"] for one in bundle.outcomes if "document" in one]
    documents = Document.objects.in_bulk(made)
    for number, outcome in zip(bundle.records, bundle.outcomes, strict=True):
        if clock.now() - held.at > SIGN_OF_LIFE:
            _go_on(held)
        if number not in seen:
            yield Entry(f"DR-{number}", problem=_lost_sight())
        else:
            document = documents.get(outcome.get("document", 0))
            yield from _entry(seen[number], document, outcome.get("problem", ""))


def _entry(decision: Decision, document: Document | None, problem: str) -> Iterator[Entry]:
    """Yield one record's entry; its file is closed once it was copied."""
    told: dict[str, Any] = {
        "reference": decision.reference,
        "title": decision.title,
        "status": decision.shown_status,
        "version": decision.version,
        "digest": decision.digest,
    }
    if document is None:
        yield Entry(**told, problem=problem)
        return
    told |= {"version": document.version, "digest": document.digest}
    try:
        content = document.file.open("rb")
    except OSError:
        logger.exception("The file of document %s cannot be read", document.pk)
        yield Entry(**told, problem=_("Its file has been lost."))
        return
    with content:
        extension = FORMATS[document.format].extension
        stem = file_name(document).removesuffix(f".{extension}")
        told |= {"stem": stem, "extension": extension, "sha256": document.sha256}
        yield Entry(**told, file=content, size=document.file.size)
