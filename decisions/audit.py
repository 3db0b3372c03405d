"""The audit log: one chain of events a decision, each holding the hash of the one before."""

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC
from typing import Any

import rfc8785
from django.db.models import GenericIPAddressField

from decisions import clock
from decisions.models import Decision, Event, User

GENESIS = "0" * 64

_address: ContextVar[str | None] = ContextVar("address", default=None)


@contextmanager
def acting_from(address: str | None) -> Iterator[None]:
    """Note the network address that the events written inside the block come from."""
    # Spelled as the database spells it: the hash has to be the same when the row is read back.
    token = _address.set(GenericIPAddressField().get_prep_value(address))
    try:
        yield
    finally:
        _address.reset(token)


def event_hash(event: Event) -> str:
    """Return the SHA-256 of the event's canonical JSON (RFC 8785), in hex.

    The JSON names the decision by its uid and holds every field but the hash itself; the time is
    in UTC, because that is how every database gives it back.
    """
    line = {
        "decision": str(event.decision.uid),
        "sequence": event.sequence,
        "kind": event.kind,
        "at": event.at.astimezone(UTC).isoformat(),
        "actor_id": event.actor_id,
        "actor": event.actor_name,
        "data": event.data,
        "digest_before": event.digest_before,
        "digest_after": event.digest_after,
        "address": event.address,
        "previous_hash": event.previous_hash,
    }
    return hashlib.sha256(rfc8785.dumps(line)).hexdigest()


def append_event(
    decision: Decision, kind: str, *, by: User, data: dict[str, Any], before: str, after: str
) -> Event:
    """Write the next line of the decision's chain. The caller holds the decision's lock."""
    last = decision.events.order_by("-sequence").first()
    event = Event(
        decision=decision,
        sequence=last.sequence + 1 if last else 1,
        kind=kind,
        at=clock.now(),
        actor=by,
        actor_name=str(by),
        data=data,
        digest_before=before,
        digest_after=after,
        address=_address.get(),
        previous_hash=last.hash if last else GENESIS,
    )
    event.hash = event_hash(event)
    event.save(force_insert=True)
    return event
