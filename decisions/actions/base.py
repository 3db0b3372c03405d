"""What all actions share: the lock, the refusal, the digest before and after, the event."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from django.db import transaction

from decisions import clock
from decisions.actions.looks import follow
from decisions.audit import append_event
from decisions.content import content, digest
from decisions.models import Decision, User, Version
from decisions.notify.waking import wake_teller
from decisions.policies import Refused, refusal

# Saves of one part by one person, each within this time of the one before, are one sitting.
SITTING = timedelta(minutes=15)


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
    decision: Decision,
    action: str,
    *,
    by: User,
    subject: Any = None,
    kind: str = "",
    first: Callable[[Decision], object] | None = None,
) -> Iterator[Entry]:
    """Do one action on a record: all of it or nothing, one at a time, with its event.

    Locks the record, raises `Refused` if the action may not happen, and after the block computes
    the digest anew: where the content changed there is a new version, so a signature on the old
    one lapses whoever wrote the change. The fresh record is `entry.decision`.

    `first` looks at the locked record before it is asked what holds the action back; what it
    writes stays written where the action is refused.
    """
    with transaction.atomic():
        entry = Entry(locked(decision), kind or action)
        if first:
            first(entry.decision)
        refused = refusal(action, entry.decision, by, subject)
        if not refused:
            yield entry
            if not entry.is_void:
                conclude(entry, by)
    if refused:
        raise Refused(refused)
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
    if entry.kind != "export":  # who takes many away brings none to the top of anybody's list
        fresh.changed_at = clock.now()
    if after != before:
        fresh.digest = after
        _keep_version(fresh, entry, by, told)
    fresh.save(update_fields=["changed_at", "digest", "version"])
    append_event(fresh, entry.kind, by=by, data=entry.data, before=before, after=after)
    follow(fresh, by=by, kind=entry.kind, before=before, told=told)
    # If the queue cannot be reached, the log is told of later, by the sweep.
    transaction.on_commit(lambda: wake_teller(fresh.pk), robust=True)


def _keep_version(fresh: Decision, entry: Entry, by: User, told: dict[str, Any]) -> None:
    """Keep the new content: as the next version, or as a step of the one of the same sitting."""
    step = 1
    if _goes_on_sitting(fresh, entry, by):
        step += fresh.versions.filter(number=fresh.version).count()
    else:
        fresh.version += 1
    Version.objects.create(
        decision=fresh,
        number=fresh.version,
        step=step,
        digest=fresh.digest,
        content=told,
        at=clock.now(),
        by=by,
    )


def _goes_on_sitting(fresh: Decision, entry: Entry, by: User) -> bool:
    """Return whether this save follows the same person's last one of the same part.

    Anything that came between ends the sitting: another person's save, a comment, a review, a
    signature, an export. So what anyone has spoken of keeps a version of its own.
    """
    last = fresh.events.order_by("-sequence").first()
    if last is None or last.actor_id != by.pk or clock.now() - last.at > SITTING:
        return False
    if entry.kind != "edit_section" or last.digest_before == last.digest_after:
        return False
    return (last.kind, last.data.get("section")) == (entry.kind, entry.data.get("section"))
