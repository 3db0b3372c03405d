"""Asking for documents; a worker makes them."""

from django.db import transaction

from decisions import clock
from decisions.actions.base import change
from decisions.exports.source import document_source
from decisions.models import Decision, Document, DocumentFormat, DocumentState, Status, User


def request_document(decision: Decision, *, by: User, format: str = DocumentFormat.PDF) -> Document:
    """Return the document of the record as it stands: the kept one, or a new one being made.

    An unchanged record is served from its file; what still waits for a worker is woken up again.
    """
    with change(decision, "export", by=by) as entry:
        source = document_source(entry.decision)
        known = entry.decision.documents.filter(format=format, source_digest=source.digest)
        document = known.exclude(state=DocumentState.FAILED).first()
        if document:
            entry.void()
        else:
            document = Document.objects.create(
                decision=entry.decision,
                format=format,
                source_digest=source.digest,
                digest=entry.decision.digest,
                version=entry.decision.version,
                is_draft=entry.decision.status not in {Status.APPROVED, Status.SUPERSEDED},
                requested_by=by,
                requested_at=clock.now(),
            )
            entry.data = {"format": format, "digest": entry.decision.digest}
        if document.is_working:
            # If the queue cannot be reached, the row waits and the reaper wakes a worker later.
            transaction.on_commit(lambda: _wake_worker(document.pk), robust=True)
    return document


def _wake_worker(document_id: int) -> None:
    """Tell a worker that there is a document to make."""
    from decisions.tasks import render_document

    render_document.delay(document_id)
