"""Asking for documents; a worker makes them."""

import logging
from dataclasses import dataclass
from datetime import timedelta
from functools import cached_property
from typing import Any

from django.db import transaction
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from decisions import clock
from decisions.actions.base import change
from decisions.actions.claiming import Claim
from decisions.exports.formats import FORMATS
from decisions.exports.seal_keys import SealError
from decisions.models import Decision, Document, DocumentFormat, DocumentState, Status, User
from decisions.models.document import PDFS
from decisions.policies import BadInput, wrong_state
from decisions.sealing import keys_in_settings, seal_works
from decisions.workflow import CLOSED

# What could not be sealed is tried again no sooner, then after as long again as it has waited, and
# after no more than an hour: each try lays all of its pages out.
SEALED_AGAIN_AFTER, LONGEST_PAUSE = timedelta(minutes=5), timedelta(hours=1)

SEAL_GONE = gettext_noop("There is no seal here any more. Export it anew: it comes without one.")

logger = logging.getLogger(__name__)


def request_document(
    decision: Decision,
    *,
    by: User,
    format: str = DocumentFormat.PDF,
    as_it_stands: bool = False,
    wakes: bool = True,
) -> Document:
    """Return the document of the record as it stands: the kept one, or a new one being made.

    The kept one is served while it would say the same: a PDF while its pages would, a sealed one
    for as long as the content stands. What still waits for a worker wakes one up again, unless the
    caller makes it. `as_it_stands` asks beside a sealed document for a copy without a seal, which
    tells what became of the record since and says what it is; on paper that is named there are such
    copies only. What was made and has been lost is made anew. Raises `BadInput` for an unknown
    format, `Refused` where a sealed file has been lost: nothing is sealed twice.
    """
    if format not in FORMATS:
        raise BadInput(_("A record does not leave in this format."))
    with change(decision, "export", by=by) as entry:
        wanted = _Wanted(entry.decision, format, as_it_stands)
        document = wanted.kept()
        if document and document.is_lost:
            raise wrong_state(_lost_words())
        if document:
            entry.void()
        else:
            document = wanted.asked(by)
            entry.data = wanted.told
        _see_to(document, wakes=wakes)
    return document


def seal_approved(decision: Decision, *, by: User) -> None:
    """Ask for the sealed document of a record that was just approved, where there is a seal.

    The caller holds the record's lock; the approval is what the log says of it.
    """
    wanted = _Wanted(Decision.objects.get(pk=decision.pk), DocumentFormat.PDF)
    if wanted.is_to_be_sealed and not wanted.kept():
        _see_to(wanted.asked(by))


@dataclass(frozen=True)
class _Wanted:
    """A record as it stands under its lock, in a format: what is digested of it is so once."""

    decision: Decision
    format: str
    as_it_stands: bool = False

    @cached_property
    def source_digest(self) -> str:
        """Return the digest of all that the file will say."""
        return FORMATS[self.format].source(self.decision)

    @cached_property
    def is_copy(self) -> bool:
        """Return whether it is to stand beside the sealed document, without a seal."""
        never_sealed = self.as_it_stands or self.format != DocumentFormat.PDF
        return self.format in PDFS and never_sealed and self.sealed is not None

    @cached_property
    def sealed(self) -> Document | None:
        """Return the sealed document, made or still being made."""
        return sealed_document(self.decision)

    @cached_property
    def is_to_be_sealed(self) -> bool:
        """Return whether it was approved here and there is a seal.

        What a file says of an approval elsewhere is not sealed. What was sealed once is served also
        where the seal is gone.
        """
        is_sealed_format = self.format == DocumentFormat.PDF and not self.is_copy
        if not is_sealed_format or self.decision.status not in CLOSED:
            return False
        wants_seal = keys_in_settings().are_named and not self.decision.is_approved_elsewhere
        return wants_seal or self.sealed is not None

    def kept(self) -> Document | None:
        """Return the document that there is already, made or still being made.

        A sealed one also where its file has been lost.
        """
        if self.is_to_be_sealed:
            return self.sealed
        # One that was made before there was a seal does not say that it is a copy.
        documents = self.decision.documents.filter(format=self.format, is_copy=self.is_copy)
        same = documents.filter(source_digest=self.source_digest, is_sealed=False)
        found = same.exclude(state=DocumentState.FAILED)
        return next((one for one in found if not one.is_lost), None)

    @property
    def shown(self) -> dict[str, Any]:
        """Return what the document's row says of what it shows."""
        return {
            "source_digest": self.source_digest,
            "digest": self.decision.digest,
            "version": self.decision.version,
            "is_draft": self.decision.status not in CLOSED,
            "is_withdrawn": self.decision.status == Status.WITHDRAWN,
        }

    @property
    def told(self) -> dict[str, str]:
        """Return what the log says of it."""
        return {"format": self.format, "digest": self.decision.digest}

    def asked(self, by: User) -> Document:
        """Write down that a new one is asked for."""
        return Document.objects.create(
            decision=self.decision,
            format=self.format,
            **self.shown,
            is_sealed=self.is_to_be_sealed,
            is_copy=self.is_copy,
            requested_by=by,
            requested_at=clock.now(),
        )


def _lost_words() -> str:
    return _(
        "The file of the sealed document has been lost, and nothing is sealed twice. Have it put "
        "back from a backup, or export a copy as it stands now."
    )


def follow_record(held: Claim[Document]) -> bool:
    """Have what is being made show the record as it stands by now; the log tells of it.

    Returns False where that would be another kind of document: what is sealed stays what was
    approved, and no draft becomes final by itself. So too where the claim was lost, and where the
    same was asked for again meanwhile: that one is made, and this one is gone.
    """
    document = held.row
    if document.is_sealed:
        return False
    with change(document.decision, "export", by=document.requested_by) as entry:
        wanted = _Wanted(entry.decision, document.format, as_it_stands=document.is_copy)
        same_kind = wanted.shown["is_draft"] == document.is_draft
        again = wanted.kept() if same_kind else None
        if again and again != document:
            held.give_up()
        follows = same_kind and held.go_on(**wanted.shown)
        if follows:
            entry.data = wanted.told
        else:
            entry.void()
    return follows


def sealed_document(decision: Decision) -> Document | None:
    """Return the sealed document of a closed record, made or still being made.

    What waits for a seal that is no longer wanted is nobody's document.
    """
    if decision.status not in CLOSED:
        return None
    sealed = decision.documents.filter(is_sealed=True, digest=decision.digest)
    found = sealed.exclude(state=DocumentState.FAILED).first()
    is_wanted = found and (found.file or keys_in_settings().are_named)
    return found if is_wanted else None


def ask_for_seals() -> None:
    """Have sealed what waits for the seal, once the seal can be put on again.

    Where there is no seal any more it has failed: it can be had without one.
    """
    tried_before = clock.now() - SEALED_AGAIN_AFTER
    waiting = Document.objects.filter(state=DocumentState.UNSEALED, finished_at__lt=tried_before)
    if not keys_in_settings().are_named:
        over = {"state": DocumentState.FAILED, "finished_at": clock.now()}
        waiting.update(error=SEAL_GONE, error_values={}, **over)
        return
    due = [one for one in waiting if _is_due(one)]
    if due and seal_works() and _stamps_are_given():
        for document in due:
            _see_to(document)


def _is_due(document: Document) -> bool:
    """Return whether a document has waited for long enough since it was last tried."""
    if document.finished_at is None or document.unsealed_at is None:
        return True
    waited = document.finished_at - document.unsealed_at
    pause = min(max(waited, SEALED_AGAIN_AFTER), LONGEST_PAUSE)
    return clock.now() - document.finished_at >= pause


def _stamps_are_given() -> bool:
    """Return whether the time-stamping authority answers; before that no page is laid out."""
    from decisions.exports.seal import ensure_stamps

    try:
        ensure_stamps(keys_in_settings())
    except SealError:
        logger.exception("What waits for its seal goes on waiting")
        return False
    return True


def _see_to(document: Document, *, wakes: bool = True) -> None:
    """Wake a worker for it if it is not made yet; without a queue the sweep does so later.

    What waits for the seal is tried again.
    """
    if document.state == DocumentState.UNSEALED:
        waiting = Document.objects.filter(pk=document.pk, state=DocumentState.UNSEALED)
        waiting.update(state=DocumentState.REQUESTED, requested_at=clock.now(), attempts=0)
        document.refresh_from_db()
    if document.is_working and wakes:
        transaction.on_commit(lambda: _wake_worker(document.pk), robust=True)


def _wake_worker(document_id: int) -> None:
    """Tell a worker that there is a document to make."""
    from decisions.tasks import render_document

    render_document.delay(document_id)
