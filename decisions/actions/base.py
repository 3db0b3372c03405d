"""What all actions share: the lock, the refusal, the digest before and after, the event."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from django.db import transaction

from decisions import clock
from decisions.audit import append_event
from decisions.content import content, digest
from decisions.models import Decision, User, Version
from decisions.policies import Refused, refusal


@dataclass
class Entry:
    """What an action does to a locked record, and what the audit log will say of it."""

    decision: Decision
    kind: str
    data: dict[str, Any] = field(default_factory=dict)
    is_void: bool = False

    def void(self) -> None:
        """Say that nothing happened after all: no event is written."""
        self.is_void = True


@contextmanager
def change(
    decision: Decision, action: str, *, by: User, subject: Any = None, kind: str = ""
) -> Iterator[Entry]:
    """Do one action on a record: all of it or nothing, one at a time, with its event.

    Locks the record, raises `Refused` if the action may not happen, and after the block computes
    the digest anew: where the content changed there is a new version, so a signature on the old
    one lapses whoever wrote the change. The fresh record is `entry.decision`.
    """
    with transaction.atomic():
        entry = Entry(locked(decision), kind or action)
        if refused := refusal(action, entry.decision, by, subject):
            raise Refused(refused)
        yield entry
        if not entry.is_void:
            conclude(entry, by)
    decision.refresh_from_db()


def locked(decision: Decision) -> Decision:
    """Return the record as it is now, locked until the transaction ends."""
    return Decision.objects.select_for_update().get(pk=decision.pk)


def conclude(entry: Entry, by: User) -> None:
    """Note the new content, if it is new, and write the event."""
    before = entry.decision.digest
    fresh = Decision.objects.get(pk=entry.decision.pk)
    told = content(fresh)
    after = digest(told)
    fresh.changed_at = clock.now()
    if after != before:
        fresh.digest = after
        fresh.version += 1
        Version.objects.create(
            decision=fresh,
            number=fresh.version,
            digest=after,
            content=told,
            at=clock.now(),
            by=by,
        )
    fresh.save(update_fields=["changed_at", "digest", "version"])
    append_event(fresh, entry.kind, by=by, data=entry.data, before=before, after=after)
