"""Sending the messages that are written. The row is the truth, a worker claims it for a while."""

from __future__ import annotations

import hashlib
import logging
import smtplib
from dataclasses import dataclass
from datetime import datetime, timedelta
from urllib.parse import urlsplit

from django.conf import settings
from django.core.mail import EmailMultiAlternatives
from django.db.models import F, Q, QuerySet
from django.utils.translation import gettext as _

from decisions import clock
from decisions.models import Dispatch, Mail
from decisions.notify.unsubscribing import unsubscribe_url

logger = logging.getLogger(__name__)

# Longer than the task's time limit: a claim that is older belongs to a worker that died.
CLAIM_HOLDS = timedelta(minutes=5)
# How long to wait after the first failure, the second …; after the last one it is given up.
WAITS = tuple(timedelta(minutes=minutes) for minutes in (1, 5, 15, 60, 240, 720, 1440))
MOST_ATTEMPTS = len(WAITS) + 1


@dataclass(frozen=True)
class Claim:
    """A message that this worker alone is sending; `at` tells this claim from a later one."""

    mail: Mail
    at: datetime


def due_mail() -> list[int]:
    """Return the messages that wait to be sent now, and those whose worker died."""
    return list(_sendable().order_by("next_attempt_at").values_list("pk", flat=True)[:500])


def send(mail_id: int) -> bool:
    """Send a message, unless that is done or another worker is at it; return whether it went out.

    A failure is noted, and tried again later and later.
    """
    claim = claim_mail(mail_id)
    if claim is None:
        return False
    try:
        as_message(claim.mail).send()
    except Exception as error:
        # Whatever went wrong, the row says so and the message is tried again.
        logger.exception("Message %s was not sent", mail_id)
        _failed(claim, error)
        return False
    _ours(claim).update(state=Dispatch.SENT, sent_at=clock.now(), error="")
    return True


def claim_mail(mail_id: int) -> Claim | None:
    """Take a message that is due, or whose worker died; None if there is nothing to do."""
    now = clock.now()
    taken = _sendable().filter(pk=mail_id, attempts__lt=MOST_ATTEMPTS)
    if taken.update(state=Dispatch.SENDING, claimed_at=now, attempts=F("attempts") + 1):
        return Claim(Mail.objects.select_related("user").get(pk=mail_id), now)
    # What ended its worker time and again is not tried for ever.
    told = _("The worker stopped %(n)s times while sending this message.") % {"n": MOST_ATTEMPTS}
    _sendable().filter(pk=mail_id).update(state=Dispatch.FAILED, error=told)
    return None


def as_message(mail: Mail) -> EmailMultiAlternatives:
    """Return a message for Django's e-mail backend, text with an HTML alternative.

    Its header offers one-click unsubscription (RFC 8058). Its Message-ID is always the same, so
    that one sent twice, because a worker died after sending it, can be told for what it is.
    """
    headers = {
        "Message-ID": message_id(mail),
        "List-Unsubscribe": f"<{unsubscribe_url(mail.user)}>",
        "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
        "Auto-Submitted": "auto-generated",
    }
    message = EmailMultiAlternatives(
        subject=mail.subject, body=mail.body, to=[mail.to], headers=headers
    )
    if mail.html:
        message.attach_alternative(mail.html, "text/html")
    return message


def message_id(mail: Mail) -> str:
    """Return the message's own identifier."""
    host = urlsplit(settings.PUBLIC_URL).hostname or "localhost"
    digest = hashlib.sha256(f"{host} {mail.pk} {mail.created_at.isoformat()}".encode())
    return f"<{digest.hexdigest()[:32]}@{host}>"


def _failed(claim: Claim, error: Exception) -> None:
    """Note why a message did not go out, and when to try again, if ever."""
    attempts = claim.mail.attempts
    is_last = attempts >= MOST_ATTEMPTS or _is_final(error)
    changes = {"state": Dispatch.FAILED} if is_last else {"state": Dispatch.WAITING}
    wait = WAITS[min(attempts, len(WAITS)) - 1]
    _ours(claim).update(**changes, error=reason(error), next_attempt_at=clock.now() + wait)


def reason(error: Exception) -> str:
    """Return what went wrong, in a line."""
    return f"{type(error).__name__}: {error}"[:500]


def _is_final(error: Exception) -> bool:
    """Return whether the mail server has said that it will never take this message."""
    match error:
        case smtplib.SMTPRecipientsRefused():
            return all(code >= 500 for code, _said in error.recipients.values())
        case ValueError():
            return True
    return False


def _sendable() -> QuerySet[Mail]:
    now = clock.now()
    waiting = Q(state=Dispatch.WAITING, next_attempt_at__lte=now)
    abandoned = Q(state=Dispatch.SENDING, claimed_at__lt=now - CLAIM_HOLDS)
    return Mail.objects.filter(waiting | abandoned)


def _ours(claim: Claim) -> QuerySet[Mail]:
    return Mail.objects.filter(pk=claim.mail.pk, state=Dispatch.SENDING, claimed_at=claim.at)
