"""How a worker takes a requested document, and what becomes of it. The row is the truth."""

import hashlib
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.core.files.base import ContentFile
from django.db.models import Q, QuerySet

from decisions import clock
from decisions.models import Document, DocumentState, Event

# Longer than the task's time limit: a claim that is older belongs to a worker that died.
CLAIM_HOLDS = timedelta(minutes=5)
# A request that no worker has taken by then was lost on its way.
LOST_AFTER = timedelta(seconds=20)


@dataclass(frozen=True)
class Claim:
    """A document that this worker alone is making; `at` tells this claim from a later one."""

    document: Document
    at: datetime


def claim_document(document_id: int) -> Claim | None:
    """Take a document that is asked for, or whose worker died; None if there is nothing to do."""
    now = clock.now()
    waiting = Q(state=DocumentState.REQUESTED) | _abandoned(now)
    taken = Document.objects.filter(waiting, pk=document_id).update(
        state=DocumentState.RENDERING, claimed_at=now
    )
    if not taken:
        return None
    return Claim(Document.objects.select_related("decision").get(pk=document_id), now)


def keep_document(claim: Claim, content: bytes, pages: int, head: Event | None = None) -> bool:
    """Store the finished file and mark the document ready, unless the claim was lost meanwhile.

    `head` is the event that is printed in it as the head of the audit log.
    """
    document = claim.document
    document.file.save(file_name(document), ContentFile(content), save=False)
    kept = _still_ours(claim).update(
        state=DocumentState.READY,
        file=document.file.name,
        sha256=hashlib.sha256(content).hexdigest(),
        pages=pages,
        head_sequence=head.sequence if head else None,
        head_hash=head.hash if head else "",
        error="",
        finished_at=clock.now(),
    )
    if not kept:
        document.file.delete(save=False)
    return bool(kept)


def fail_document(claim: Claim, sentence: str) -> None:
    """Say in one sentence why the document could not be made."""
    _still_ours(claim).update(state=DocumentState.FAILED, error=sentence, finished_at=clock.now())


def lost_documents() -> list[int]:
    """Return the documents that no worker is making although one should."""
    now = clock.now()
    never_taken = Q(state=DocumentState.REQUESTED, requested_at__lt=now - LOST_AFTER)
    lost = Document.objects.filter(never_taken | _abandoned(now))
    return list(lost.order_by("requested_at").values_list("pk", flat=True))


def file_name(document: Document) -> str:
    """Return what a document's file is called: `DR-1-v3-draft.pdf`."""
    draft = "-draft" if document.is_draft else ""
    return f"{document.decision.reference}-v{document.version}{draft}.{document.format}"


def _abandoned(now: datetime) -> Q:
    return Q(state=DocumentState.RENDERING, claimed_at__lt=now - CLAIM_HOLDS)


def _still_ours(claim: Claim) -> QuerySet[Document]:
    return Document.objects.filter(
        pk=claim.document.pk, state=DocumentState.RENDERING, claimed_at=claim.at
    )
