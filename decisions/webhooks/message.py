"""What a webhook is told: a body that Slack shows as it is, and that machines can read."""

import json
from datetime import UTC
from typing import Any

from django.conf import settings
from django.utils import translation
from django.utils.translation import gettext as _

from decisions import clock
from decisions.history import sentence
from decisions.models import Event, Visibility, Webhook
from decisions.webhooks.kinds import in_words

TEST = "test"


def body_of(event: Event, webhook: Webhook) -> str:
    """Return the JSON that tells a webhook of an event.

    Of a record that everyone signed in may read, the sentence of its history leaves with the
    title and the name of who did it. Of a record that only its participants may read, what leaves
    is its reference, its address, the kind of event in general words, when it happened, and the
    numbers that find it in the audit log: uid, sequence, digest and hash. Title, name and sentence
    stay unless the webhook was set up to carry them. No text of the record, no comment and no
    network address ever leaves in any field of its own.
    """
    in_full = event.decision.visibility == Visibility.EVERYONE or webhook.carries_restricted
    with translation.override(settings.LANGUAGE_CODE):
        text = _told_in_full(event) if in_full else _told_in_general(event)
    return _body(text, event.kind, _payload(event, in_full=in_full))


def body_of_test(webhook: Webhook) -> str:
    """Return the JSON of a test: no record is in it."""
    with translation.override(settings.LANGUAGE_CODE):
        words = _("This is a test of the webhook “%(name)s”.") % {"name": webhook.name}
    address = absolute(webhook.get_absolute_url())
    text = f"{_link(address, 'Countersign')}: {escaped(words)}"
    at = clock.now().astimezone(UTC).isoformat()
    return _body(text, TEST, {"kind": TEST, "url": address, "at": at})


def absolute(path: str) -> str:
    """Return the address of a page as it is reached from outside."""
    return settings.PUBLIC_URL + path


def escaped(text: str) -> str:
    """Return text for Slack's mrkdwn: it can make no link and call nobody."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _told_in_full(event: Event) -> str:
    happened = escaped(f"{event.actor_name} {sentence(event)}")
    return f"{_link(_address(event), str(event.decision))}: {happened}"


def _told_in_general(event: Event) -> str:
    return f"{_link(_address(event), event.decision.reference)}: {escaped(in_words(event.kind))}"


def _link(address: str, label: str) -> str:
    # A bar would end the label's address in some readers.
    return f"<{address}|{escaped(label).replace('|', '¦')}>"


def _address(event: Event) -> str:
    return absolute(event.decision.get_absolute_url())


def _payload(event: Event, *, in_full: bool) -> dict[str, Any]:
    """Return the event for machines: flat, as Slack's message metadata asks for."""
    told: dict[str, Any] = {
        "kind": event.kind,
        "reference": event.decision.reference,
        "uid": str(event.decision.uid),
        "url": _address(event),
        "at": event.at.astimezone(UTC).isoformat(),
        "sequence": event.sequence,
        "digest": event.digest_after,
        "hash": event.hash,
    }
    if in_full:
        told |= {"title": event.decision.title, "actor": event.actor_name}
    return told


def _body(text: str, kind: str, payload: dict[str, Any]) -> str:
    told = {"event_type": f"countersign_{kind}", "event_payload": payload}
    return json.dumps({"text": text, "metadata": told}, ensure_ascii=False, separators=(",", ":"))
