"""Delegations in words: how each stands, as the people concerned read it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from decisions.models import Decision, Delegation, SignOff, User
from decisions.section_kinds import Text


class State(StrEnum):
    """How a delegation stands."""

    OFFERED = "offered"
    IN_FORCE = "in_force"
    RUN_OUT = "run_out"
    UNANSWERED = "unanswered"
    DECLINED = "declined"
    CALLED_OFF = "called_off"
    REVOKED = "revoked"
    GIVEN_BACK = "given_back"


OVER: dict[State, Text] = {
    State.RUN_OUT: gettext_lazy("Ran out %(when)s"),
    State.UNANSWERED: gettext_lazy("Ran out unanswered %(when)s"),
    State.DECLINED: gettext_lazy("Declined %(when)s"),
    State.CALLED_OFF: gettext_lazy("Called off before it was answered, %(when)s"),
    State.REVOKED: gettext_lazy("Revoked %(when)s"),
    State.GIVEN_BACK: gettext_lazy("Given back %(when)s"),
}


# Who reads it ("" for anyone else), whether it was accepted, and whether it is over.
SENTENCES: dict[tuple[str, bool, bool], Text] = {
    ("taker", False, False): gettext_lazy("%(giver)s asks you to sign in their place."),
    ("taker", False, True): gettext_lazy("%(giver)s asked you to sign in their place."),
    ("taker", True, False): gettext_lazy("You sign in place of %(giver)s."),
    ("taker", True, True): gettext_lazy("You could sign in place of %(giver)s."),
    ("giver", False, False): gettext_lazy("You asked %(taker)s to sign in your place."),
    ("giver", False, True): gettext_lazy("You asked %(taker)s to sign in your place."),
    ("giver", True, False): gettext_lazy("%(taker)s signs in your place."),
    ("giver", True, True): gettext_lazy("%(taker)s could sign in your place."),
    ("", False, False): gettext_lazy("%(giver)s asks %(taker)s to sign in their place."),
    ("", False, True): gettext_lazy("%(giver)s asked %(taker)s to sign in their place."),
    ("", True, False): gettext_lazy("%(taker)s signs in place of %(giver)s."),
    ("", True, True): gettext_lazy("%(taker)s could sign in place of %(giver)s."),
}


def state_of(delegation: Delegation) -> State:
    """Return how a delegation stands now; one that ended says who ended it, and when."""
    was_accepted = delegation.accepted_at is not None
    if delegation.ended_at is not None:
        if delegation.ended_by_id == delegation.taker_id:
            return State.GIVEN_BACK if was_accepted else State.DECLINED
        return State.REVOKED if was_accepted else State.CALLED_OFF
    if delegation.has_run_out:
        return State.RUN_OUT if was_accepted else State.UNANSWERED
    return State.IN_FORCE if was_accepted else State.OFFERED


def state_words(delegation: Delegation) -> str:
    """Return how a delegation stands, with the moment that matters, on the reader's clock."""
    state = state_of(delegation)
    until = _moment(delegation.until) if delegation.until else ""
    if state == State.OFFERED:
        return _("Offered, until %(when)s") % {"when": until} if until else _("Offered")
    if state == State.IN_FORCE:
        if until:
            return _("In force until %(when)s") % {"when": until}
        return _("In force as long as the record is open")
    return str(OVER[state]) % {"when": _moment(delegation.ended_at or delegation.until)}


def open_delegations(decision: Decision) -> list[Delegation]:
    """Return the delegations offered or in force for this record's signatories, each once.

    Reads the prefetched participants and what they gave.
    """
    found = {
        delegation.pk: delegation
        for participant in decision.participants.all()
        if participant.is_signatory
        for delegation in participant.user.delegations_given.all()
        if delegation.covers(decision.pk) and (delegation.is_in_force or delegation.is_offered)
    }
    return list(found.values())


@dataclass(frozen=True)
class StandingIn:
    """One delegation as one person reads it.

    `record` is its record, if they may read that; `signed` is what was signed by it, which stays
    signed when it ends.
    """

    delegation: Delegation
    reader: User
    record: Decision | None = None
    signed: Sequence[SignOff] = ()

    @property
    def sentence(self) -> str:
        """Return who asks, or lets, whom sign in whose place; who asked or let, once it is over."""
        reader = "taker" if self.is_taker else "giver" if self.is_giver else ""
        was_accepted = self.delegation.accepted_at is not None
        said = SENTENCES[(reader, was_accepted, self.is_over)]
        return str(said) % {"giver": self.delegation.giver, "taker": self.delegation.taker}

    @property
    def is_giver(self) -> bool:
        """Return whether the reader gave it."""
        return self.delegation.giver_id == self.reader.pk

    @property
    def is_taker(self) -> bool:
        """Return whether the reader was asked."""
        return self.delegation.taker_id == self.reader.pk

    @property
    def is_private(self) -> bool:
        """Return whether the reader is one of the two people; only they read its reason."""
        return self.is_giver or self.is_taker

    @property
    def state(self) -> State:
        """Return how it stands."""
        return state_of(self.delegation)

    @property
    def words(self) -> str:
        """Return how it stands, in words."""
        return state_words(self.delegation)

    @property
    def is_open(self) -> bool:
        """Return whether it is offered or in force."""
        return self.state in {State.OFFERED, State.IN_FORCE}

    @property
    def is_over(self) -> bool:
        """Return whether nobody signs by it any more: it has ended, or its record is closed."""
        return not self.is_open or (self.record is not None and not self.record.is_open)

    @property
    def can_accept(self) -> bool:
        """Return whether the reader may agree to it now."""
        return self.is_taker and self.state == State.OFFERED and not self.is_over

    @property
    def ending(self) -> str:
        """Return what it is called when the reader ends it; "" if they cannot."""
        if not self.is_open or not self.is_private:
            return ""
        if self.state == State.OFFERED:
            return _("Decline") if self.is_taker else _("Call it off")
        return _("Give it back") if self.is_taker else _("Revoke")


def _moment(moment: datetime | None) -> str:
    """Return a moment on the reader's clock, to the minute."""
    return date_format(timezone.localtime(moment), "DATETIME_FORMAT")
