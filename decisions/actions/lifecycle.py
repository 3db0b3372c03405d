"""The moves that change a record's status."""

from typing import Any

from django.utils.translation import gettext as _

from decisions.actions.base import change, locked
from decisions.content import current_digest
from decisions.models import Decision, Status, User
from decisions.policies import BadInput, wrong_state
from decisions.signatures import policy_of
from decisions.workflow import MOVES


def submit(decision: Decision, *, by: User) -> None:
    """Put a finished draft before the team; the signing policy is copied into the record."""
    with change(decision, "submit", by=by) as entry:
        policy = policy_of(entry.decision).to_json()
        _move(entry.decision, "submit", policy=policy)
        entry.data = {"policy": policy}


def approve(decision: Decision, *, by: User) -> None:
    """Close a record that every role has signed as it stands."""
    with change(decision, "approve", by=by) as entry:
        if current_digest(entry.decision) != entry.decision.digest:
            raise wrong_state(
                _("The record was changed outside the app; compare it with its history.")
            )
        _move(entry.decision, "approve")


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
        _move(entry.decision, "reopen", round=entry.decision.round + 1, policy={})
        entry.data = {"reason": reason}


def supersede(decision: Decision, *, by: User, successor: Decision) -> None:
    """Put a newer approved record in this one's place."""
    with change(decision, "supersede", by=by) as entry:
        successor = locked(successor)
        if successor.pk == decision.pk or successor.status != Status.APPROVED:
            raise wrong_state(_("Only another approved record can take this one's place."))
        _move(entry.decision, "supersede", superseded_by=successor)
        entry.data = {"successor": successor.reference}


def _refuse_unexplained(reason: str) -> None:
    """Raise `BadInput` if no reason is given."""
    if not reason.strip():
        raise BadInput(_("Say why: the reason stays in the record's history."))


def _move(decision: Decision, action: str, **values: Any) -> None:
    """Set the status that the table gives for this action; the caller holds the lock."""
    Decision.objects.filter(pk=decision.pk).update(status=MOVES[action].target, **values)
