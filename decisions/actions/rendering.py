"""How a worker takes a requested document, and what becomes of it. The row is the truth."""

import hashlib
from contextlib import suppress
from typing import Any

from django.core.files.base import ContentFile
from django.db import OperationalError, transaction
from django.utils.translation import gettext_noop as _

from decisions import clock
from decisions.actions.claiming import Claim, Lost, claim
from decisions.exports.formats import FORMATS
from decisions.exports.seal_keys import Opened
from decisions.models import Document, DocumentState, DocumentStep, Event, SealCertificate

# A document that ended its workers so often is not taken again.
MOST_ATTEMPTS = 2
STOPPED = _(
    "The worker stopped %(n)s times while making this file: the record may need more memory or"
    " time than a worker has. An archive takes far less of both."
)


def claim_document(document_id: int) -> Claim[Document] | None:
    """Take a document that is asked for, or whose worker died; None if there is nothing to do.

    One that workers died of time and again fails instead, with a sentence for who waits.
    """
    held = claim(Document, document_id, step=DocumentStep.GATHERING, pages=None)
    if held and held.row.attempts > MOST_ATTEMPTS:
        fail_document(held, STOPPED, n=MOST_ATTEMPTS)
        return None
    return held


def note_step(held: Claim[Document], step: str, pages: int | None = None) -> None:
    """Tell who waits what is being done, and how many pages there are so far.

    Raises `Lost` where another worker has taken the document over: two never lay it out at once.
    """
    # They read it on a page: a database that is busy for so long is no reason to stop.
    with suppress(OperationalError):
        if not held.go_on(step=step, pages=pages):
            raise Lost


@transaction.atomic
def keep_document(
    held: Claim[Document],
    content: bytes,
    pages: int | None,
    head: Event | None = None,
    seal: Opened | None = None,
) -> bool:
    """Store the finished file and mark the document ready, unless the claim was lost meanwhile.

    `head` is the event that is printed in it as the head of the audit log, `seal` what it was
    sealed with: from then on that is trusted here.
    """
    kept = held.keep(
        file_name(held.row),
        ContentFile(content),
        sha256=hashlib.sha256(content).hexdigest(),
        pages=pages,
        step="",
        unsealed_at=None,
        head_sequence=head.sequence if head else None,
        head_hash=head.hash if head else "",
    )
    if kept and seal:
        SealCertificate.objects.get_or_create(sha256=seal.sha256, defaults={"pem": seal.pem})
    return kept


def fail_document(
    held: Claim[Document],
    message: str,
    state: DocumentState = DocumentState.FAILED,
    **values: Any,
) -> None:
    """Say why the document could not be made, or not sealed yet.

    The message and the values in it are kept apart, for each reader's language.
    """
    over: dict[str, Any] = {"step": "", "pages": None, "error_values": values}
    if state == DocumentState.UNSEALED:
        over["unsealed_at"] = held.row.unsealed_at or clock.now()
    held.fail(message, state, **over)


def file_name(document: Document) -> str:
    """Return what a document's file is called: `DR-1-v3-draft.pdf`."""
    kind = "-draft" if document.is_draft else ""
    if document.is_withdrawn:
        kind = "-withdrawn"
    elif document.is_copy:
        kind = "-as-it-stands-unsealed"
    extension = FORMATS[document.format].extension
    return f"{document.decision.reference}-v{document.version}{kind}.{extension}"
