"""The only writers of webhooks; administrators alone may set them up."""

import logging
from datetime import timedelta
from http import HTTPStatus
from typing import Any

from django.db import transaction
from django.utils.translation import gettext as _

from decisions import clock
from decisions.crypto import Undecipherable
from decisions.models import Delivery, Dispatch, User, Webhook
from decisions.policies import BadInput, Refusal, Refused, wrong_state
from decisions.webhooks.guard import address_problem
from decisions.webhooks.message import body_of_test
from decisions.webhooks.queue import give_up_waiting, wake
from decisions.webhooks.signing import new_secret

# How long the earlier secret signs beside the new one.
OVERLAP = timedelta(hours=24)

logger = logging.getLogger(__name__)


def refusal(user: User) -> Refusal | None:
    """Return why a person may not see or set up webhooks, or None if they may."""
    if user.is_staff:
        return None
    return Refusal(_("Only administrators can set up webhooks."), HTTPStatus.FORBIDDEN)


def ensure(user: User) -> None:
    """Raise `Refused` if a person may not see or set up webhooks."""
    if refused := refusal(user):
        raise Refused(refused)


def add_webhook(*, by: User, url: str, **values: Any) -> Webhook:
    """Return a new webhook, on, with a secret; `BadInput` for an address it cannot have.

    `values`: name, kinds (none: all), carries_restricted.
    """
    ensure(by)
    webhook = Webhook.objects.create(url=_usable(url), secret=new_secret(), created_by=by, **values)
    _log("added", webhook, by)
    return webhook


def edit_webhook(webhook: Webhook, *, by: User, url: str, **values: Any) -> None:
    """Change what a webhook is called, where it leads, and what it is told."""
    ensure(by)
    Webhook.objects.filter(pk=webhook.pk).update(url=_usable(url), **values)
    _log("changed", webhook, by)


@transaction.atomic
def renew_secret(webhook: Webhook, *, by: User) -> str:
    """Return a new secret; the one before signs too for a day, if it can still be read."""
    ensure(by)
    fresh = Webhook.objects.select_for_update(no_key=True).get(pk=webhook.pk)
    try:
        fresh.former_secret, fresh.former_until = fresh.secret, clock.now() + OVERLAP
    except Undecipherable:
        fresh.former_secret, fresh.former_until = "", None
    fresh.secret = new_secret()
    fresh.save(update_fields=["secret", "former_secret", "former_until"])
    _log("given a new secret", webhook, by)
    return fresh.secret


@transaction.atomic
def switch(webhook: Webhook, *, by: User, is_active: bool) -> None:
    """Switch a webhook on or off; what waits for one that goes off is given up."""
    ensure(by)
    Webhook.objects.filter(pk=webhook.pk).update(is_active=is_active, off_because="")
    if not is_active:
        give_up_waiting(webhook)
    _log("switched on" if is_active else "switched off", webhook, by)


@transaction.atomic
def delete_webhook(webhook: Webhook, *, by: User) -> None:
    """Delete a webhook with its log."""
    ensure(by)
    _log("deleted", webhook, by)
    webhook.delete()


@transaction.atomic
def send_test(webhook: Webhook, *, by: User) -> Delivery:
    """Have a test sent, also to a webhook that is off; it is tried once."""
    ensure(by)
    delivery = Delivery.objects.create(webhook=webhook, body=body_of_test(webhook))
    wake(webhook)
    return delivery


@transaction.atomic
def send_again(delivery: Delivery, *, by: User) -> None:
    """Have a delivery sent again under its old id, with the same body and attempts anew."""
    ensure(by)
    webhook = Webhook.objects.select_for_update(no_key=True).get(pk=delivery.webhook_id)
    if not webhook.is_active and not delivery.is_test:
        raise wrong_state(_("The webhook is off. Switch it on first."))
    others = Delivery.objects.filter(pk=delivery.pk).exclude(state=Dispatch.SENDING)
    waiting = {"state": Dispatch.WAITING, "attempts": 0, "next_attempt_at": clock.now()}
    if not others.update(**waiting, sent_at=None, error=""):
        raise wrong_state(_("It is being sent right now."))
    wake(webhook)


def _usable(url: str) -> str:
    if problem := address_problem(url):
        raise BadInput(problem)
    return url.strip()


def _log(what: str, webhook: Webhook, by: User) -> None:
    """Note who did what; neither the address nor a secret, which are keys to another system."""
    logger.info("Webhook %s was %s by %s", webhook.pk, what, by.username)
