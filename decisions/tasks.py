"""Jobs of the record: documents, telling people, mail, webhooks."""

import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial

from celery import shared_task
from celery.exceptions import SoftTimeLimitExceeded
from django.conf import settings
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from decisions.actions import bundles
from decisions.actions.bundling import go_through
from decisions.actions.claiming import Claim, Lost, claim, lost
from decisions.actions.documents import ask_for_seals, follow_record
from decisions.actions.rendering import (
    claim_document,
    fail_document,
    keep_document,
    note_step,
)
from decisions.anchors import has_anchor_of_today, write_anchor
from decisions.auditing import verify_log
from decisions.exports.document import Moved, RecordDocument, record_document
from decisions.exports.formats import FORMATS
from decisions.exports.memory import bounded
from decisions.exports.progress import told
from decisions.exports.seal_keys import Opened, SealError
from decisions.imports import waiting
from decisions.models import Bundle, Decision, Document, DocumentState, DocumentStep
from decisions.notify import mailing, reminders, sealing, sending, telling
from decisions.sealing import ensure_not_revoked, keys_in_settings
from decisions.webhooks.queue import send_next, webhooks_with_work
from decisions.workflow import CLOSED

# How long one job goes on sending for a webhook before others get their turn, in seconds.
DELIVERY_TURN = 30.0
# How long others get their turn before a zip of many records goes on, in seconds.
BETWEEN_TURNS = 1.0
# How often a document is laid out that somebody writes to meanwhile.
MOST_TRIES = 3
# How long a worker may take for one document; `CLAIM_HOLDS` is longer.
DOCUMENT_SECONDS = 240
# Why a document was not made; each reader is told in their own language.
NOT_MADE = gettext_noop("The document could not be made. The error is in the log.")
HAS_MOVED = gettext_noop("The record changed while the document was being made; export it again.")
TOO_LONG = gettext_noop(
    "It was not finished within %(n)s minutes, the longest that a worker may take for one file."
    " Try again when less is going on; an archive takes far less time."
)
TOO_LARGE = gettext_noop(
    "It needs more memory than the %(n)s MB that a worker may take for one file: the record is"
    " too large for it. An archive takes far less."
)
STILL_MOVES = gettext_noop("Each time that its pages were made, somebody wrote to the record.")
NOT_SEALED = gettext_noop("The seal could not be put on. The error is in the log.")

logger = logging.getLogger(__name__)


@shared_task(ignore_result=True, soft_time_limit=DOCUMENT_SECONDS, time_limit=DOCUMENT_SECONDS + 30)
def render_document(document_id: int) -> None:
    """Make a document that was asked for; a second delivery finds it taken and does nothing."""
    held = claim_document(document_id)
    if held is None:
        return
    try:
        _render(held)
    except Lost:
        logger.warning("Document %s was taken over by another worker", document_id)
    except SealError as error:
        logger.exception("Document %s could not be sealed", document_id)
        fail_document(held, error.message, DocumentState.UNSEALED, **error.values)
    except SoftTimeLimitExceeded:
        logger.exception("Document %s took too long", document_id)
        fail_document(held, TOO_LONG, n=DOCUMENT_SECONDS // 60)
    except MemoryError:
        logger.exception("Document %s took too much memory", document_id)
        fail_document(held, TOO_LARGE, n=settings.DOCUMENT_MEMORY_MB)
    except Exception:
        # Whatever went wrong, the person who waits is told; the log has the details.
        logger.exception("Document %s could not be made", document_id)
        fail_document(held, NOT_MADE)


@shared_task(ignore_result=True, soft_time_limit=DOCUMENT_SECONDS, time_limit=DOCUMENT_SECONDS + 30)
def make_bundle(bundle_id: int, done: int | None = None) -> None:
    """Go on with a zip of many records; a second delivery finds it taken and does nothing.

    `done` is how many records were done with when the message was sent: once there are more,
    another message is on its way, and one is enough.
    """
    held = None if _went_on(bundle_id, done) else claim(Bundle, bundle_id)
    if held is None:
        return
    try:
        if go_through(held, render_document):
            make_bundle.apply_async((bundle_id, held.row.done), countdown=BETWEEN_TURNS)
    except SoftTimeLimitExceeded:
        logger.exception("Bundle %s took too long", bundle_id)
        held.fail(_("The file took too long to make. Export fewer records at once."))
    except Exception:
        logger.exception("Bundle %s could not be made", bundle_id)
        held.fail(_("The file could not be made. The error is in the log."))


@shared_task(ignore_result=True)
def render_lost_documents() -> None:
    """Wake a worker for every export whose message or whose worker was lost."""
    for document_id in lost(Document):
        render_document.delay(document_id)
    for bundle in Bundle.objects.filter(pk__in=lost(Bundle)).order_by("requested_at"):
        make_bundle.delay(bundle.pk, bundle.done)


@shared_task(ignore_result=True)
def delete_old_bundles() -> None:
    """Delete the zip files that were kept for long enough."""
    bundles.delete_old()


@shared_task(ignore_result=True)
def look_at_seal() -> None:
    """Have sealed what waited for the seal; tell administrators what is wrong with it."""
    ask_for_seals()
    sealing.tell_of_seal()


@shared_task(ignore_result=True)
def forget_waiting_files() -> None:
    """Delete the files that were looked at and never brought in."""
    waiting.forget_old()


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


def _went_on(bundle_id: int, done: int | None) -> bool:
    """Return whether more records of a zip are done with than when its message was sent."""
    bundle = Bundle.objects.filter(pk=bundle_id).first()
    return bundle is not None and done is not None and bundle.done != done


def _render(held: Claim[Document]) -> None:
    """Make the file and keep it, once it shows the record as it stands.

    Where somebody writes meanwhile it is made anew, so many times.
    """
    seal = _ready_seal() if held.row.is_sealed else None
    for _time in range(MOST_TRIES):
        if _moved(held) and not follow_record(held):
            break
        document = record_document(held.row.decision, is_copy=held.row.is_copy)
        form = FORMATS[held.row.format]
        try:
            with bounded(settings.DOCUMENT_MEMORY_MB), told(partial(note_step, held)):
                made = form.make(document)
        except Moved:
            continue
        # Again: somebody may have saved while the pages were laid out.
        if _moved(held):
            continue
        content = made.content
        if seal:
            note_step(held, DocumentStep.SEALING, made.pages)
            with _sealing():
                content = _sealed(content, document, seal)
        head = document.last_event if form.tells_head else None
        keep_document(held, content, made.pages, head, seal)
        return
    # What was approved still stands: others who write hold its seal up, they do not end it.
    if seal and not _moved(held):
        raise SealError(STILL_MOVES)
    fail_document(held, HAS_MOVED)


def _ready_seal() -> Opened:
    """Return the seal, before any page is laid out for it; raises `SealError` without one."""
    from decisions.exports.seal import ensure_valid

    with _sealing():
        opened = keys_in_settings().opened()
        ensure_valid(opened)
        ensure_not_revoked(opened)
    return opened


@contextmanager
def _sealing() -> Iterator[None]:
    """Turn whatever goes wrong while the seal is put on into `SealError`: it is tried again."""
    try:
        yield
    except (SealError, SoftTimeLimitExceeded, MemoryError):
        raise
    except Exception as error:
        raise SealError(NOT_SEALED) from error


def _sealed(content: bytes, document: RecordDocument, seal: Opened) -> bytes:
    """Return the finished file under the platform's seal; raises `SealError`.

    Also where its key was told stolen while the pages were laid out.
    """
    from decisions.exports.seal import sealed_document

    record = document.record
    reason = f"{record.reference}, version {record.version}, SHA-256 {document.digest}"
    sealed = sealed_document(content, seal, reason)
    ensure_not_revoked(seal)
    return sealed


def _moved(held: Claim[Document]) -> bool:
    """Return whether the record shows something else than when the document was asked for.

    What is sealed has to be the approved content; what became of it meanwhile may stand in it too.
    """
    document = held.row
    decision = Decision.objects.select_related("owner").get(pk=document.decision_id)
    if document.is_sealed:
        return decision.status not in CLOSED or decision.digest != document.digest
    return FORMATS[document.format].source(decision) != document.source_digest
