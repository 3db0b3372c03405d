"""The moves that change a record's status, and what became of it afterwards."""

from collections.abc import Callable
from datetime import date
from typing import Any

from django.utils.translation import gettext as _

from decisions import clock
from decisions.actions.base import change
from decisions.actions.documents import seal_approved
from decisions.actions.evidence import look_for_stale
from decisions.actions.records import A_MOMENT
from decisions.actions.relations import (
    both_locked,
    other_record,
    refuse_unapproved,
    tell_other,
)
from decisions.content import current_digest
from decisions.models import Decision, OutcomeNote, Status, Success, User
from decisions.policies import BadInput, Refused, wrong_state
from decisions.signatures import policy_of
from decisions.workflow import MOVES


def submit(decision: Decision, *, by: User) -> None:
    """Put a finished draft before the team; the signing policy is copied into the record.

    From now on nobody but who has an account is said to sign, whatever an imported file said.
    """
    with change(decision, "submit", by=by, first=look_for_stale) as entry:
        policy = policy_of(entry.decision).to_json()
        _move(entry.decision, "submit", policy=policy)
        as_imported = entry.decision.participants.exclude(user__known_by="")
        as_imported.update(is_signatory=False)
        entry.data = {"policy": policy}


def approve(decision: Decision, *, by: User) -> None:
    """Close a record that every role has signed as it stands."""
    with change(decision, "approve", by=by, first=look_for_stale) as entry:
        if current_digest(entry.decision) != entry.decision.digest:
            raise wrong_state(
                _("The record was changed outside the app; compare it with its history.")
            )
        _move(entry.decision, "approve")
        seal_approved(entry.decision, by=by)


def withdraw(decision: Decision, *, by: User, reason: str) -> None:
    """Give the decision up, with the reason; raises `BadInput` without one."""
    with change(decision, "withdraw", by=by) as entry:
        _refuse_unexplained(reason)
        _move(entry.decision, "withdraw")
        entry.data = {"reason": reason}


def reopen(decision: Decision, *, by: User, reason: str) -> None:
    """Take a record back to draft for a new round; all its signatures lapse and stay visible.

    Raises `BadInput` without a reason.
    """
    with change(decision, "reopen", by=by) as entry:
        _refuse_unexplained(reason)
        anew = {"round": entry.decision.round + 1, "policy": {}, "is_approved_elsewhere": False}
        _move(entry.decision, "reopen", **anew)
        entry.data = {"reason": reason}


ONCE: dict[str, Callable[..., None]] = {
    "submit": submit,
    "approve": approve,
    "withdraw": withdraw,
    "reopen": reopen,
}


def move_once(decision: Decision, action: str, *, by: User, **asked: Any) -> None:
    """Make one of the moves of `ONCE`; asked for twice at once, as by two clicks, it is one.

    The second finds the record where the first has put it, and is refused there.
    """
    try:
        ONCE[action](decision, by=by, **asked)
    except Refused:
        decision.refresh_from_db()
        if not was_just_made(decision, action, by=by, **asked):
            raise


def was_just_made(decision: Decision, action: str, *, by: User, **asked: Any) -> bool:
    """Return whether the same person made the same move a moment ago, and it still stands."""
    if action not in ONCE or decision.status != MOVES[action].target:
        return False
    last = decision.events.filter(kind=action).order_by("sequence").last()
    if last is None or last.actor_id != by.pk or clock.now() - last.at > A_MOMENT:
        return False
    return all(last.data.get(name) == value for name, value in asked.items())


def supersede(decision: Decision, *, by: User, successor: Decision) -> None:
    """Put another approved record, which the person may read, in this one's place."""
    with both_locked(decision, successor), change(decision, "supersede", by=by) as entry:
        other = other_record(entry.decision, successor, by)
        refuse_unapproved(other, _("Only another approved record can take this one's place."))
        _move(entry.decision, "supersede", superseded_by=other)
        entry.data = {"successor": other.reference}
        tell_other(other, decision, by, "supersedes")


def note_outcome(
    decision: Decision, *, by: User, success: str, text: str, review_on: date | None = None
) -> OutcomeNote:
    """Note what became of a decision, and when to look at it again, if ever.

    Notes are never changed or taken back. Raises `BadInput` without words, for an answer that is
    none, and for a day that has passed. The date in the signed recommendation stays as it was.
    """
    with change(decision, "note_outcome", by=by) as entry:
        _refuse_senseless(success, text, review_on)
        last = entry.decision.outcome_notes.last()
        if last and (last.written_by_id, last.success, last.text) == (by.pk, success, text):
            entry.void()
            return last
        note = OutcomeNote.objects.create(
            decision=entry.decision,
            success=success,
            text=text,
            written_at=clock.now(),
            written_by=by,
        )
        # What no longer holds does not come back.
        again = review_on if entry.decision.status == Status.APPROVED else None
        Decision.objects.filter(pk=decision.pk).update(review_on=again)
        entry.data = {"success": success}
    return note


def _refuse_senseless(success: str, text: str, review_on: date | None) -> None:
    """Raise `BadInput` for a note that says nothing, or that comes back in the past."""
    if success not in Success.values:
        raise BadInput(_("Say whether it worked."))
    if not text.strip():
        raise BadInput(_("Say what became of it."))
    if review_on and review_on <= clock.today():
        raise BadInput(_("Choose a day that is still to come."))


def _refuse_unexplained(reason: str) -> None:
    """Raise `BadInput` if no reason is given."""
    if not reason.strip():
        raise BadInput(_("Say why: the reason stays in the record's history."))


def _move(decision: Decision, action: str, **values: Any) -> None:
    """Set the status that the table gives for this action; the caller holds the lock."""
    Decision.objects.filter(pk=decision.pk).update(status=MOVES[action].target, **values)
