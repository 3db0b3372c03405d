"""Deliveries on their way: the row is the truth, Celery only wakes a worker up.

One worker at a time sends for one webhook, oldest first, and stops at the first failure; so a
receiver that is down takes the time of one worker for one attempt, not of all of them.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.db.models import Q
from django.utils.translation import gettext as _

from decisions import clock
from decisions.crypto import Undecipherable
from decisions.models import Attempt, Delivery, Dispatch, Event, Webhook
from decisions.webhooks.message import body_of
from decisions.webhooks.retries import MOST_ATTEMPTS, next_wait
from decisions.webhooks.sending import Answer, post
from decisions.webhooks.signing import headers

# Longer than an attempt can take: a claim that is older belongs to a worker that died.
CLAIM_HOLDS = timedelta(minutes=2)


@dataclass(frozen=True)
class Claim:
    """A delivery that this worker alone is sending; `at` tells this claim from a later one."""

    webhook: Webhook
    delivery: Delivery
    at: datetime


def enqueue(event: Event) -> None:
    """Make a delivery of an event for every webhook that asks for its kind, once.

    Called in the transaction that tells of the event; workers are woken when it commits. A
    webhook is told nothing of what happened before it was set up, or while it was off.
    """
    known = Webhook.objects.filter(is_active=True, created_at__lte=event.at)
    asking = [webhook for webhook in known if webhook.asks_for(event.kind)]
    made = [
        Delivery(webhook=webhook, event=event, body=body_of(event, webhook)) for webhook in asking
    ]
    # What was made before stays as it is.
    Delivery.objects.bulk_create(made, ignore_conflicts=True)
    for webhook in asking:
        wake(webhook)


def wake(webhook: Webhook) -> None:
    """Have a worker send what is due, once the transaction has committed."""
    # If the queue cannot be reached, the rows wait and the sweep wakes a worker later.
    transaction.on_commit(lambda: _wake(webhook.pk), robust=True)


def send_next(webhook_id: int) -> bool:
    """Send the webhook's oldest delivery that is due; return whether it got through.

    False too if nothing is due, or if another worker is sending for this webhook.
    """
    claim = claim_next(webhook_id)
    if claim is None:
        return False
    answer = _attempt(claim)
    conclude(claim, answer)
    return answer.is_sent


def claim_next(webhook_id: int) -> Claim | None:
    """Take the oldest delivery that is due, if no other worker is sending for the webhook."""
    with transaction.atomic():
        webhook = _locked(webhook_id)
        if webhook is None:
            return None
        now = clock.now()
        _take_back_abandoned(webhook, now)
        if not webhook.is_active:
            give_up_waiting(webhook)
        if webhook.deliveries.filter(state=Dispatch.SENDING).exists():
            return None
        due = webhook.deliveries.filter(state=Dispatch.WAITING, next_attempt_at__lte=now)
        delivery = due.order_by("next_attempt_at", "pk").first()
        if delivery is None:
            return None
        delivery.state, delivery.claimed_at = Dispatch.SENDING, now
        delivery.attempts += 1
        delivery.save(update_fields=["state", "claimed_at", "attempts"])
    return Claim(webhook, delivery, now)


def conclude(claim: Claim, answer: Answer) -> None:
    """Write down an attempt and what follows, unless the claim was lost meanwhile."""
    with transaction.atomic():
        webhook = _locked(claim.webhook.pk)
        if webhook is None:
            return
        Attempt.objects.create(
            delivery=claim.delivery,
            at=claim.at,
            seconds=answer.seconds,
            status=answer.status,
            response=answer.response,
            error=answer.error,
        )
        ours = webhook.deliveries.filter(
            pk=claim.delivery.pk, state=Dispatch.SENDING, claimed_at=claim.at
        )
        ours.update(**_outcome(claim.delivery, answer), claimed_at=None)
        if answer.is_gone:
            _switch_off(webhook, answer.error)


def webhooks_with_work() -> list[int]:
    """Return the webhooks with something to send, or whose worker died while sending."""
    now = clock.now()
    due = Q(deliveries__state=Dispatch.WAITING, deliveries__next_attempt_at__lte=now)
    abandoned = Q(deliveries__state=Dispatch.SENDING, deliveries__claimed_at__lt=now - CLAIM_HOLDS)
    found = Webhook.objects.filter(due | abandoned).order_by("pk")
    return list(found.values_list("pk", flat=True).distinct())


def give_up_waiting(webhook: Webhook) -> None:
    """Give up what waits for a webhook that is off; a test goes out all the same."""
    told = _("The webhook was switched off before this was sent.")
    waiting = webhook.deliveries.filter(state=Dispatch.WAITING, event__isnull=False)
    waiting.update(state=Dispatch.FAILED, error=told)


def _wake(webhook_id: int) -> None:
    from decisions.tasks import deliver

    deliver.delay(webhook_id)


def _attempt(claim: Claim) -> Answer:
    """Sign and send; a secret that cannot be read fails the attempt, not the worker."""
    body = claim.delivery.body.encode()
    try:
        signed = headers(_secrets(claim.webhook), claim.delivery.uid, clock.now(), body)
    except Webhook.DoesNotExist:
        return Answer(0.0, error=_("The webhook was deleted."))
    except (Undecipherable, ValueError):
        return Answer(0.0, error=_("The signing secret can no longer be read: make a new one."))
    return post(claim.webhook.url, body, signed)


def _secrets(webhook: Webhook) -> list[str]:
    """Return the secrets that sign now: after a change the earlier one goes on for a while."""
    if webhook.former_until is None or webhook.former_until <= clock.now():
        return [webhook.secret]
    try:
        former = webhook.former_secret
    except Undecipherable:
        return [webhook.secret]
    return [webhook.secret, former] if former else [webhook.secret]


def _outcome(delivery: Delivery, answer: Answer) -> dict[str, Any]:
    """Return what becomes of a delivery after an attempt; a test is tried once."""
    if answer.is_sent:
        return {"state": Dispatch.SENT, "sent_at": clock.now(), "error": ""}
    ends = answer.is_final or answer.is_gone or delivery.is_test
    if ends or delivery.attempts >= MOST_ATTEMPTS:
        return {"state": Dispatch.FAILED, "error": answer.error}
    wait = next_wait(delivery.attempts, answer.asked_to_wait)
    return {
        "state": Dispatch.WAITING,
        "next_attempt_at": clock.now() + wait,
        "error": answer.error,
    }


def _take_back_abandoned(webhook: Webhook, now: datetime) -> None:
    """Put back what a worker that died was sending: it may have arrived, and is sent again."""
    abandoned = Q(state=Dispatch.SENDING, claimed_at__lt=now - CLAIM_HOLDS)
    for delivery in webhook.deliveries.filter(abandoned):
        told = _("The worker stopped while sending. It may have arrived all the same.")
        begun = delivery.claimed_at or now
        Attempt.objects.create(delivery=delivery, at=begun, seconds=0.0, error=told)
        is_over = delivery.is_test or delivery.attempts >= MOST_ATTEMPTS
        delivery.state = Dispatch.FAILED if is_over else Dispatch.WAITING
        delivery.error, delivery.claimed_at, delivery.next_attempt_at = told, None, now
        delivery.save(update_fields=["state", "error", "claimed_at", "next_attempt_at"])


def _switch_off(webhook: Webhook, why: str) -> None:
    Webhook.objects.filter(pk=webhook.pk).update(is_active=False, off_because=why)
    give_up_waiting(webhook)


def _locked(webhook_id: int) -> Webhook | None:
    """Return the webhook, locked until the transaction ends, or None if it was deleted."""
    return Webhook.objects.select_for_update(no_key=True).filter(pk=webhook_id).first()
