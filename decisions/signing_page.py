"""What the sign page shows one person: their places, what changed, who signed, whose turn it is."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from http import HTTPStatus

from django.utils.translation import gettext as _

from decisions.blockers import not_yet
from decisions.forms.signing import place_words
from decisions.models import Decision, Delegation, Role, SignOff, User
from decisions.policies import Refusal, Refused
from decisions.policy_words import rule_of_duties, rule_of_order, rule_of_role
from decisions.record_page import RecordPage
from decisions.signatures import Chair, latest_sign_offs
from decisions.standing_in import State, state_of, state_words
from decisions.versions import Change, changes_between

LENT = re.compile(r"^([a-z_]{1,20}):([0-9]{1,18})$", re.ASCII)


@dataclass(frozen=True)
class Lapsed:
    """The last signature in one or more of the reader's places, and what changed since."""

    signature: SignOff
    places: list[str]
    is_own: bool
    changes: list[Change]


@dataclass(frozen=True)
class Waiting:
    """A place in which the reader cannot sign now, and why."""

    place: str
    reason: str


class SigningPage:
    """One record before a person who may sign it."""

    def __init__(self, page: RecordPage) -> None:
        self.page = page
        self.record = page.record
        self.board = page.board

    @property
    def chairs(self) -> list[Chair]:
        """Return the places in which the person may sign."""
        return self.page.chairs

    @cached_property
    def ready(self) -> list[Chair]:
        """Return the places in which they may sign now."""
        return [one for one in self.chairs if not self.why_not(one)]

    @cached_property
    def waiting(self) -> list[Waiting]:
        """Return the places in which they may not sign now, each with the reason."""
        return [
            Waiting(place_words(one), reason)
            for one in self.chairs
            if (reason := self.why_not(one))
        ]

    def why_not(self, chair: Chair) -> str:
        """Return why nobody signs in this place now; "" if the person may."""
        for blocker in not_yet(self.record, chair.seat.role):
            return blocker.sentence
        return chair.giver_has_spoken

    @property
    def role_asked_for(self) -> str | None:
        """Return a role the person may sign for now; else one that waits, so as to say why."""
        first = next(iter(self.ready or self.chairs), None)
        return first.seat.role if first else None

    @cached_property
    def signed_already(self) -> list[str]:
        """Return the places in which the person has signed what the record says now."""
        return [
            place_words(one)
            for one in self.ready
            if one.seat.signature and one.seat.signature.user_id == self.page.user.pk
        ]

    @cached_property
    def lapsed(self) -> list[Lapsed]:
        """Return what changed since the last signature in each of the places, told once each."""
        by_digest: dict[tuple[str, int], tuple[SignOff, list[str]]] = {}
        latest = latest_sign_offs(self.record, self.board.digest)
        for chair in self.ready:
            last = latest.get((chair.seat.participant.user_id, chair.seat.role))
            if last and last.digest != self.board.digest:
                found = by_digest.setdefault((last.digest, last.user_id), (last, []))
                found[1].append(place_words(chair))
        return [self._lapsed(*one) for one in by_digest.values()]

    def _lapsed(self, last: SignOff, places: list[str]) -> Lapsed:
        changes = changes_between(self.record, last.digest, self.board.digest)
        return Lapsed(last, places, last.user_id == self.page.user.pk, changes)

    @property
    def rules(self) -> list[str]:
        """Return how many of each role sign, in which order, and who may not alone."""
        policy = self.board.policy
        said = [rule_of_role(policy, role) for role in policy.roles]
        return [one for one in (*said, rule_of_order(policy), rule_of_duties(policy)) if one]

    @property
    def turn(self) -> str:
        """Return whose turn it is where the roles sign one after another; "" in any order."""
        policy = self.board.policy
        if not policy.before(policy.roles[-1]):
            return ""
        first = next((one for one in policy.roles if not self.board.is_settled(one)), None)
        return _("Now it is the turn of %(role)s.") % {"role": Role(first).label} if first else ""


def refuse_lost_place(decision: Decision, user: User, place: str) -> None:
    """Raise `Refused` with what became of the leave to sign in another's place, if it is gone.

    `place` is what the form calls it, see `Chair.key`; the person's own places pass.
    """
    match = LENT.match(place)
    if not match or match[1] not in Role.values:
        return
    found = Delegation.objects.filter(giver=int(match[2]), taker=user, accepted_at__isnull=False)
    covering = [one for one in found.select_related("giver") if one.covers(decision.pk)]
    for sentence in _what_became(decision, match[1], covering):
        raise Refused(Refusal(sentence, HTTPStatus.FORBIDDEN))


def _what_became(decision: Decision, role: str, covering: list[Delegation]) -> Iterator[str]:
    """Yield a sentence if none of the delegations lets anyone sign for the role now."""
    if not covering:
        return
    last = max(covering, key=lambda one: (one.is_in_force, one.offered_at))
    names = {"giver": last.giver, "role": Role(role).label, "how": state_words(last)}
    if last.is_in_force:
        if role not in decision.signing_roles_of(last.giver):
            yield _("%(giver)s does not sign for %(role)s here any more.") % names
    elif state_of(last) == State.REVOKED:
        yield _("%(giver)s no longer lets you sign in their place. %(how)s.") % names
    else:
        yield _("You can no longer sign in place of %(giver)s. %(how)s.") % names
