"""Jobs of the record: documents, telling people, mail, webhooks."""

import logging
import time

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
from decisions.anchors import has_anchor_of_today, write_anchor
from decisions.auditing import verify_log
from decisions.exports.source import document_source
from decisions.models import Decision
from decisions.notify import mailing, reminders, sending, telling
from decisions.webhooks.queue import send_next, webhooks_with_work

# How long one job goes on sending for a webhook before others get their turn, in seconds.
DELIVERY_TURN = 30.0

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


@shared_task(ignore_result=True)
def anchor_audit_log() -> None:
    """Write the day's anchor, once a day; before that, say in the log what does not hold."""
    if has_anchor_of_today():
        return
    for finding in verify_log().findings:
        logger.error("The audit log does not hold: %s: %s", finding.record, finding.sentence)
    write_anchor()


@shared_task(ignore_result=True, soft_time_limit=120, time_limit=150)
def deliver(webhook_id: int) -> None:
    """Send what is due for a webhook until nothing is, or something fails; the sweep comes back."""
    ends = time.monotonic() + DELIVERY_TURN
    while send_next(webhook_id):
        if time.monotonic() > ends:
            deliver.delay(webhook_id)
            return


@shared_task(ignore_result=True)
def send_due_deliveries() -> None:
    """Wake a worker for every webhook that has something to send, or whose worker was lost."""
    for webhook_id in webhooks_with_work():
        deliver.delay(webhook_id)


@shared_task(ignore_result=True, soft_time_limit=240, time_limit=270)
def tell_people(decision_id: int) -> None:
    """Tell of what happened on a record; a second call finds nothing left to tell."""
    telling.tell(decision_id)


@shared_task(ignore_result=True)
def tell_the_rest() -> None:
    """Wake a worker for every record of whose events not all were told: a call was lost."""
    for decision_id in telling.behind().values_list("pk", flat=True)[:500]:
        tell_people.delay(decision_id)


@shared_task(ignore_result=True, soft_time_limit=240, time_limit=270)
def write_due_mail() -> None:
    """Bring notices together into messages, for whom it is time."""
    mailing.write_mail()


@shared_task(ignore_result=True, soft_time_limit=60, time_limit=90)
def write_mail_at_once(user_id: int) -> None:
    """Write one person's message without waiting for the next round, if one is due."""
    mailing.write_mail_to(user_id)


@shared_task(ignore_result=True, soft_time_limit=60, time_limit=90)
def send_mail(mail_id: int) -> None:
    """Send one message; a second call finds it taken and does nothing."""
    sending.send(mail_id)


@shared_task(ignore_result=True)
def send_due_mail() -> None:
    """Wake a worker for every message that waits, is to be tried again, or lost its worker."""
    for mail_id in sending.due_mail():
        send_mail.delay(mail_id)


@shared_task(ignore_result=True, soft_time_limit=240, time_limit=270)
def send_reminders() -> None:
    """Remind people, in their morning, of what is due and waits on them."""
    reminders.remind()


def _render(claim: Claim) -> None:
    """Make the file and keep it, if it still shows what was asked for."""
    # Loading the renderer costs half a second: only workers that make documents pay for it.
    from decisions.exports.document import record_document
    from decisions.exports.pdf import make_pdf

    if _moved(claim):
        return _fail_as_moved(claim)
    document = record_document(claim.document.decision)
    made = make_pdf(document)
    # Again: someone may have saved while the pages were laid out.
    if _moved(claim):
        return _fail_as_moved(claim)
    keep_document(claim, made.content, made.pages, head=document.last_event)
    return None


def _moved(claim: Claim) -> bool:
    """Return whether the record shows something else than when the document was asked for."""
    decision = Decision.objects.select_related("owner").get(pk=claim.document.decision_id)
    return document_source(decision).digest != claim.document.source_digest


def _fail_as_moved(claim: Claim) -> None:
    sentence = _("The record changed while the document was being made; export it again.")
    fail_document(claim, sentence)
