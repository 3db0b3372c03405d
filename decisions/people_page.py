"""What the people page shows: who is on a record, who signs, in which order, and for whom."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

from django.utils.translation import gettext as _

from decisions.blockers import Blocker, standing_requests, unsignable
from decisions.forms.people import ChangeForm
from decisions.models import Decision, Delegation, Participant, Role, User, Visibility
from decisions.policy_words import rule_of_duties, rule_of_order, rule_of_role
from decisions.record_page import RecordPage
from decisions.record_parts import PlaceLine
from decisions.signatures import Seat, Signatures
from decisions.signing_policy import Order
from decisions.standing_in import StandingIn, open_delegations


@dataclass(frozen=True)
class PersonLine:
    """Somebody in one role: what else they are on the record, and the form that changes it."""

    participant: Participant
    also: list[str]
    form: ChangeForm | None


@dataclass(frozen=True)
class RoleOfPeople:
    """A role, who holds it, how many of them have to sign, and how their places stand."""

    role: Role
    rule: str
    people: list[PersonLine]
    places: list[PlaceLine]


class PeoplePage:
    """Everyone on one record, as one person reads it; `sent` is a form that came back."""

    def __init__(self, page: RecordPage, sent: ChangeForm | None = None) -> None:
        self.page = page
        self.record = page.record
        self.sent = sent

    @cached_property
    def roles(self) -> list[RoleOfPeople]:
        """Return the four roles with their people."""
        return [
            RoleOfPeople(role, rule_of_role(self.page.board.policy, role), *self._in(role))
            for role in Role
        ]

    @cached_property
    def signing(self) -> list[RoleOfPeople]:
        """Return the roles that have to sign, in the policy's order."""
        lines = {one.role: one for one in self.roles}
        return [lines[Role(role)] for role in self.page.board.policy.roles]

    @property
    def is_in_order(self) -> bool:
        """Return whether the roles sign one after another."""
        return self.page.board.policy.order == Order.LISTED

    @property
    def rules(self) -> list[str]:
        """Return the order of signing and the separation of duties, in sentences."""
        policy = self.page.board.policy
        return [one for one in (rule_of_order(policy), rule_of_duties(policy)) if one]

    @property
    def is_fixed(self) -> bool:
        """Return whether the policy was copied into the record, so that no template changes it."""
        return bool(self.record.policy)

    @cached_property
    def lacking(self) -> list[Blocker]:
        """Return which roles have nobody who signs, in the words that hold submission back."""
        return list(unsignable(self.record)) if self.record.is_open else []

    @cached_property
    def standing_in(self) -> list[StandingIn]:
        """Return the delegations in force here, and the offers that concern the reader."""
        found = (self._standing_in(one) for one in open_delegations(self.record))
        return [one for one in found if one.delegation.is_in_force or one.is_private]

    def _standing_in(self, delegation: Delegation) -> StandingIn:
        signed = [one for one in self.record.sign_offs.all() if one.delegation_id == delegation.pk]
        here = self.record if delegation.decision_id else None
        return StandingIn(delegation, self.page.user, here, signed)

    @property
    def can_delegate(self) -> bool:
        """Return whether the reader may let someone sign in their place now."""
        return self.page.refusal("delegate") is None

    def _in(self, role: Role) -> tuple[list[PersonLine], list[PlaceLine]]:
        people = [
            PersonLine(one, also(self.record, one), self._form(one))
            for one in self.record.participants.all()
            if one.role == role
        ]
        return people, [line for line in self.page.places if line.role == role]

    def _form(self, participant: Participant) -> ChangeForm | None:
        if not self.page.can_invite:
            return None
        if self.sent and self.sent.participant.pk == participant.pk:
            return self.sent
        return ChangeForm(participant, other_roles(self.record, participant))


def other_roles(record: Decision, participant: Participant) -> set[str]:
    """Return the roles that a participant holds besides this one."""
    return record.roles_of(participant.user) - {participant.role}


def also(record: Decision, participant: Participant) -> list[str]:
    """Return what a participant is besides this role, in words."""
    others = other_roles(record, participant)
    owns = [_("Owner")] if record.owner_id == participant.user_id else []
    return owns + [str(role.label) for role in Role if role in others]


def what_removal_means(page: RecordPage, participant: Participant) -> list[str]:
    """Return what taking this role from the person changes, in sentences."""
    return [*_for_signatures(page.board, participant), *_for_the_person(page.record, participant)]


def _for_signatures(board: Signatures, participant: Participant) -> Iterator[str]:
    seat = next((one for one in board.seats if one.participant.pk == participant.pk), None)
    if seat is None:
        return
    names = {"role": Role(seat.role).label, "name": participant.user}
    if seat.signature:
        yield _signature_lost(seat)
    if seat.role in board.policy.roles and len(board.of_role(seat.role)) == 1:
        yield _("No one signs for %(role)s.") % names
    for one in open_delegations(board.decision):
        others = [other for other in board.seats if other.participant.user_id == one.giver_id]
        if one.giver_id == participant.user_id and len(others) == 1:
            taker = {"taker": one.taker, "name": participant.user}
            yield _("%(taker)s cannot sign in place of %(name)s here any more.") % taker


def _signature_lost(seat: Seat) -> str:
    """Return that the signature in a seat stops counting."""
    told = {"role": Role(seat.role).label, "name": seat.signature and seat.signature.in_words}
    if seat.rejects:
        return (
            _(
                "The rejection by %(name)s for %(role)s no longer holds the record back. "
                "It stays in the record and in its document."
            )
            % told
        )
    return _("The signature of %(name)s for %(role)s no longer counts.") % told


def _for_the_person(record: Decision, participant: Participant) -> Iterator[str]:
    user: User = participant.user
    if also(record, participant):
        return
    name = {"name": user}
    if any(one.reviewer_id == user.pk for one in standing_requests(record)):
        yield _("The changes that %(name)s asked for still hold it back; you can lift that.") % name
    if record.visibility == Visibility.PARTICIPANTS:
        yield _("%(name)s can no longer read the record.") % name
