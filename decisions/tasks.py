"""Jobs of the record: documents."""

import logging

from celery import shared_task
from celery.exceptions import SoftTimeLimitExceeded
from django.utils.translation import gettext as _

from decisions.actions.rendering import (
    Claim,
    claim_document,
    fail_document,
    keep_document,
    lost_documents,
)
from decisions.exports.source import document_source
from decisions.models import Decision

logger = logging.getLogger(__name__)


@shared_task(ignore_result=True, soft_time_limit=240, time_limit=270)
def render_document(document_id: int) -> None:
    """Make a document that was asked for; a second delivery finds it taken and does nothing."""
    claim = claim_document(document_id)
    if claim is None:
        return
    try:
        _render(claim)
    except SoftTimeLimitExceeded:
        logger.exception("Document %s took too long", document_id)
        fail_document(claim, _("The document took too long to make. Try again later."))
    except Exception:
        # Whatever went wrong, the person who waits is told; the log has the details.
        logger.exception("Document %s could not be made", document_id)
        fail_document(claim, _("The document could not be made. The error is in the log."))


@shared_task(ignore_result=True)
def render_lost_documents() -> None:
    """Wake a worker for every document whose message or whose worker was lost."""
    for document_id in lost_documents():
        render_document.delay(document_id)


def _render(claim: Claim) -> None:
    """Make the file and keep it, if it still shows what was asked for."""
    # Loading the renderer costs half a second: only workers that make documents pay for it.
    from decisions.exports.document import record_document
    from decisions.exports.pdf import make_pdf

    if _moved(claim):
        return _fail_as_moved(claim)
    made = make_pdf(record_document(claim.document.decision))
    # Again: someone may have saved while the pages were laid out.
    if _moved(claim):
        return _fail_as_moved(claim)
    keep_document(claim, made.content, made.pages)
    return None


def _moved(claim: Claim) -> bool:
    """Return whether the record shows something else than when the document was asked for."""
    decision = Decision.objects.select_related("owner").get(pk=claim.document.decision_id)
    return document_source(decision).digest != claim.document.source_digest


def _fail_as_moved(claim: Claim) -> None:
    sentence = _("The record changed while the document was being made; export it again.")
    fail_document(claim, sentence)
