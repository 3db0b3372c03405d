"""Changing what somebody who is on a record does there."""

from django.utils.translation import gettext as _

from decisions.actions.base import change
from decisions.models import Decision, Participant, Role, User
from decisions.policies import BadInput, wrong_state


def change_participant(
    decision: Decision, *, by: User, participant: Participant, role: str, is_signatory: bool
) -> None:
    """Move somebody to another role, or change whether they sign for the one they hold.

    A signature counts only while its seat is there, so one for the role they leave no longer does.
    Raises `BadInput` if they hold the other role already, `Refused` if they were taken off.
    """
    with change(decision, "invite", by=by, kind="change_role") as entry:
        held = entry.decision.participants.filter(pk=participant.pk).first()
        if held is None:
            raise wrong_state(_("They no longer hold this role."))
        if (held.role, held.is_signatory) == (role, is_signatory):
            entry.void()
            return
        if held.role == role:
            entry.kind = "name_signatory" if is_signatory else "release_signatory"
        else:
            _refuse_held(entry.decision, held.user, role)
        entry.data = {
            "person": str(held.user),
            "user_id": held.user_id,
            "before": held.role,
            "role": role,
            "signs": is_signatory,
        }
        held.role, held.is_signatory = role, is_signatory
        held.save(update_fields=["role", "is_signatory"])


def _refuse_held(decision: Decision, user: User, role: str) -> None:
    """Raise `BadInput` for a role that there is none of, or that the person holds as well."""
    if role not in Role.values:
        raise BadInput(_("There is no such role."))
    if role in decision.roles_of(user):
        names = {"name": user, "role": Role(role).label}
        raise BadInput(_("%(name)s holds the role %(role)s already.") % names)
