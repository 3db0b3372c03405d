"""How a record's signatures stand, computed: whose places are filled, and whose are not.

A signatory's place for a role is a *seat*. A signature fills the seat of its signer, or of the
person in whose place they signed; it counts while the seat is still there and the record says what
was signed. Nothing of this is stored.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from django.utils.translation import gettext as _

from decisions.models import Decision, Delegation, Participant, Role, SignOff, User
from decisions.signing_policy import Quorum, SigningPolicy

RECOMMENDATION = "recommendation"


def policy_of(decision: Decision) -> SigningPolicy:
    """Return the policy copied at submission; before that, the one of the record's template."""
    return SigningPolicy.from_json(decision.policy or decision.template.policy)


def latest_sign_offs(decision: Decision, digest: str = "") -> dict[tuple[int, str], SignOff]:
    """Return the signature that speaks for each seat, (signatory's id, role), whoever gave it.

    That is the newest of what the record says now (or of the content with this digest): a record
    that goes back to what was signed finds those words counting again, and no later ones about
    something else. Where there is none, it is the newest of all, which has lapsed.
    """
    given = list(decision.sign_offs.all())
    covering = {one.seat: one for one in given if one.digest == (digest or decision.digest)}
    return {one.seat: one for one in given} | covering


def author_id(decision: Decision) -> int:
    """Return who wrote the recommendation last; the owner, while no one has."""
    written = (one for one in decision.sections.all() if one.kind == RECOMMENDATION)
    section = next(written, None)
    return (section.changed_by_id if section else None) or decision.owner_id


@dataclass(frozen=True)
class Seat:
    """A signatory's place for a role, and the last signature in it, if it covers what is shown."""

    participant: Participant
    signature: SignOff | None

    @property
    def role(self) -> str:
        """Return for which role the signatory signs."""
        return self.participant.role

    @property
    def approves(self) -> bool:
        """Return whether it is filled and speaks for the recommendation."""
        return self.signature is not None and self.signature.approves

    @property
    def rejects(self) -> bool:
        """Return whether it is filled and speaks against the recommendation."""
        return self.signature is not None and not self.signature.approves


@dataclass(frozen=True)
class Chair:
    """A seat that one person may sign in: their own, or one lent to them by a delegation."""

    seat: Seat
    delegation: Delegation | None = None

    @property
    def giver(self) -> User | None:
        """Return in whose place they would sign, if it is not their own."""
        return self.delegation.giver if self.delegation else None

    @property
    def key(self) -> str:
        """Return a name for the choice in a form: "ux", or "ux:12" for the person 12."""
        return f"{self.seat.role}:{self.giver.pk}" if self.giver else self.seat.role

    @property
    def giver_has_spoken(self) -> str:
        """Return that the giver has signed this content in person, in a sentence; "" if not.

        Who stands in does not speak over that.
        """
        signed = self.seat.signature
        if not self.giver or not signed or signed.user_id != self.giver.pk:
            return ""
        names = {"giver": self.giver, "role": Role(self.seat.role).label}
        return _("%(giver)s has signed for %(role)s in person.") % names


class Signatures:
    """All seats of one record, for the content with this digest."""

    def __init__(self, decision: Decision, digest: str = "") -> None:
        self.decision = decision
        self.digest = digest or decision.digest

    @cached_property
    def policy(self) -> SigningPolicy:
        """Return what approval needs."""
        return policy_of(self.decision)

    @cached_property
    def seats(self) -> list[Seat]:
        """Return a seat for each signatory and role, in the order of the participants."""
        latest = latest_sign_offs(self.decision, self.digest)
        return [
            Seat(one, self._covering(latest.get((one.user_id, one.role))))
            for one in self.decision.participants.all()
            if one.has_seat
        ]

    def of_role(self, role: str) -> list[Seat]:
        """Return the seats of one role."""
        return [one for one in self.seats if one.role == role]

    def chairs_of(self, user: User) -> list[Chair]:
        """Return the seats in which `user` may sign, their own first, each once."""
        own = [Chair(one) for one in self.seats if one.participant.user_id == user.pk]
        lent = [
            Chair(seat, delegation)
            for participant, delegation in self.decision.seats_lent_to(user)
            for seat in self.seats
            if seat.participant.pk == participant.pk
        ]
        return own + list({one.key: one for one in lent}.values())

    def awaited_chairs_of(self, user: User) -> list[Chair]:
        """Return the seats that `user` may fill and whose signature is awaited now."""
        return [
            one
            for one in self.chairs_of(user)
            if one.seat.role in self.policy.roles
            and one.seat in self.empty_seats(one.seat.role)
            and not self.awaited_before(one.seat.role)
        ]

    def is_settled(self, role: str) -> bool:
        """Return whether the role has signed as the policy asks, with no rejection standing."""
        seats = self.of_role(role)
        enough = all if self.policy.quorum_of(role) == Quorum.ALL else any
        return bool(seats) and enough(one.approves for one in seats) and not self.against(role)

    def against(self, role: str) -> list[SignOff]:
        """Return the rejections that stand for a role."""
        return [one.signature for one in self.of_role(role) if one.rejects and one.signature]

    def empty_seats(self, role: str) -> list[Seat]:
        """Return the seats of a role that still have to be filled; none once it is settled."""
        if self.is_settled(role):
            return []
        return [one for one in self.of_role(role) if one.signature is None]

    def awaited_before(self, role: str) -> str | None:
        """Return the first role that has to sign before this one, if there is one."""
        waiting = (one for one in self.policy.before(role) if not self.is_settled(one))
        return next(waiting, None)

    @property
    def only_approval_of_author(self) -> SignOff | None:
        """Return the author's approval if nobody but who wrote the recommendation approves it."""
        approvals = [one.signature for one in self.seats if one.approves and one.signature]
        if self.policy.author_may_sign_alone or not approvals:
            return None
        alone = {one.user_id for one in approvals} == {author_id(self.decision)}
        return approvals[0] if alone else None

    @property
    def only_the_author_could(self) -> bool:
        """Return whether the recommendation's author is the only signatory there is."""
        named = {one.participant.user_id for one in self.seats}
        return named == {author_id(self.decision)} and not self.policy.author_may_sign_alone

    def _covering(self, signature: SignOff | None) -> SignOff | None:
        """Return the signature if it covers what is shown.

        What an imported file says was signed stands where the file alone says that the record was
        approved; it approves none here.
        """
        if signature is None or signature.digest != self.digest:
            return None
        is_void = signature.is_imported and not self.decision.is_approved_elsewhere
        return None if is_void else signature
