"""The audit log: one chain of events a decision, each holding the hash of the one before."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC
from hashlib import sha256
from secrets import token_hex
from typing import Any

from django.db.models import GenericIPAddressField

from decisions import clock
from decisions.audit_check import GENESIS, SIGNED, hash_of
from decisions.models import Decision, Event, SignOff, User

PROGRAM = "Countersign"

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


def acting_address() -> str | None:
    """Return the network address that events are written with now, if any."""
    return _address.get()


def event_line(event: Event, decision_uid: str) -> dict[str, Any]:
    """Return what is hashed of an event: plain JSON with every field but the hash itself.

    It names the decision by its uid; the time is in UTC, because that is how every database gives
    it back. This is what leaves in archives and documents, so the network address is in it as a
    digest that nobody can guess without the salt, which stays here.
    """
    return {
        "decision": decision_uid,
        "sequence": event.sequence,
        "kind": event.kind,
        "at": event.at.astimezone(UTC).isoformat(),
        "actor_id": event.actor_id,
        "actor": event.actor_name,
        "data": event.data,
        "digest_before": event.digest_before,
        "digest_after": event.digest_after,
        "address": _sealed_address(event),
        "previous_hash": event.previous_hash,
    }


def _sealed_address(event: Event) -> str | None:
    """Return the digest of the address that an event came from, as 45 characters at most.

    Events from before there were salts have the address itself in their hash.
    """
    if not event.address_salt:
        return event.address
    told = sha256(f"{event.address_salt} {event.address or ''}".encode()).hexdigest()
    return f"sha256:{told[:38]}"


def event_hash(event: Event) -> str:
    """Return the SHA-256 of the event's canonical JSON (RFC 8785), in hex."""
    return hash_of(event_line(event, str(event.decision.uid)))


def signature_line(one: SignOff) -> dict[str, Any]:
    """Return all that a signature's row says, as plain JSON; of most, that they were given here."""
    told = {name: getattr(one, name) for name in SIGNED} | {
        "user_id": one.user_id,
        "signed_for_id": one.signed_for_id,
        "delegation_id": one.delegation_id,
        "signed_at": one.signed_at.astimezone(UTC).isoformat(),
    }
    return told | {"is_imported": True} if one.is_imported else told


def signature_digest(one: SignOff) -> str:
    """Return the SHA-256 of all that a signature says, in hex: its event names it."""
    return hash_of(signature_line(one))


def append_event(
    decision: Decision,
    kind: str,
    *,
    by: User | None,
    data: dict[str, Any],
    before: str,
    after: str,
) -> Event:
    """Write the next line of the decision's chain. The caller holds the decision's lock.

    What nobody did in person (`by` is None) the program did.
    """
    last = decision.events.order_by("-sequence").first()
    address = _address.get()
    event = Event(
        decision=decision,
        sequence=last.sequence + 1 if last else 1,
        kind=kind,
        at=clock.now(),
        actor=by,
        actor_name=str(by or PROGRAM),
        data=data,
        digest_before=before,
        digest_after=after,
        address=address,
        address_salt=token_hex(16) if address else "",
        previous_hash=last.hash if last else GENESIS,
    )
    event.hash = event_hash(event)
    event.save(force_insert=True)
    return event
