"""Whether a person may do a thing to a record now, and if not, why, in one sentence."""

from collections.abc import Callable
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from django.utils.text import format_lazy
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from decisions.blockers import blockers
from decisions.models import (
    OWNER,
    Decision,
    Evidence,
    Goal,
    Review,
    Role,
    Status,
    User,
    Visibility,
)
from decisions.section_kinds import Rows, Text
from decisions.workflow import MOVES, PARTY_NAMES, Move, Party


@dataclass(frozen=True)
class Refusal:
    """Why an action is refused: a sentence to act on, and the HTTP status that says what kind."""

    sentence: str
    status: HTTPStatus

    def __str__(self) -> str:
        return self.sentence


class Refused(Exception):
    """Raised by an action that may not happen; carries the refusal."""

    def __init__(self, refusal: Refusal) -> None:
        super().__init__(refusal.sentence)
        self.refusal = refusal


class BadInput(Exception):
    """Raised by an action whose values make no sense; the message says why."""


def wrong_state(sentence: str) -> Refused:
    """Return the exception for an action that the record's state does not allow."""
    return Refused(Refusal(sentence, HTTPStatus.CONFLICT))


def _reads(decision: Decision, user: User, subject: Any) -> bool:
    """Return whether the record is visible to the person, as `visible_to` finds it."""
    is_open_to_all = decision.visibility == Visibility.EVERYONE
    if is_open_to_all or user.is_superuser or decision.involves(user):
        return True
    return decision.stands_in_or_is_asked_to(user)


def _writes(decision: Decision, user: User, subject: Any) -> bool:
    """Return whether the subject's role is one of the person's (the owner's part: the owner).

    A goal is written by the role whose part the list of goals is.
    """
    role = _writing_role(subject)
    if role == OWNER:
        return decision.owner_id == user.pk
    return role in decision.roles_of(user)


def _writing_role(subject: Any) -> Any:
    """Return the role that writes the subject: a section, a goal, or the role's own name."""
    if isinstance(subject, Goal):
        return subject.decision.role_of_section("goals")
    return getattr(subject, "role", subject)


def _wrote(decision: Decision, user: User, subject: Any) -> bool:
    """Return whether the subject is the person's own (or their role's own proposal).

    The request for changes of someone who has left the record is the owner's to lift.
    """
    if isinstance(subject, Review) and not decision.takes_part(subject.reviewer):
        return decision.owner_id == user.pk
    if isinstance(subject, Evidence):
        return subject.attached_by_id == user.pk and decision.involves(user)
    if proposed_by := getattr(subject, "proposed_by_role", ""):
        return proposed_by in decision.roles_of(user)
    author = getattr(subject, "author_id", getattr(subject, "reviewer_id", None))
    return author is not None and author == user.pk


def _proposes(decision: Decision, user: User, goal: Goal) -> bool:
    """Return whether a goal stands as the person's role has proposed it.

    One that was changed may have been accepted before that: it is the owner's to decline.
    """
    stands = not goal.is_accepted and goal.token == 0
    return stands and _wrote(decision, user, goal)


def _signs(decision: Decision, user: User, subject: Any) -> bool:
    """Return whether the person is a signatory: for the role that the subject names, if it does."""
    mine = decision.signing_roles_of(user)
    return bool(mine) if subject is None else subject in mine


def _stands_in(decision: Decision, user: User, subject: Any) -> bool:
    """Return whether the person may sign in a signatory's place: for the subject's role, if any."""
    lent = {seat.role for seat, _delegation in decision.seats_lent_to(user)}
    return subject in lent if subject in Role.values else bool(lent)


def _science(decision: Decision) -> tuple[str, ...]:
    """Return the roles that look after candidates and figures: who writes the candidates too."""
    part = decision.section_with(Rows.CANDIDATES)
    writer = part.role if part else Role.DATA_SCIENCE
    return tuple({Role.DATA_SCIENCE.value: None, writer: None})


def _is(user: User, part: str, delegation: Any) -> bool:
    """Return whether the person is the giver, or the taker, of a delegation."""
    return getattr(delegation, part, None) == user.pk


PARTIES: dict[Party, Callable[[Decision, User, Any], bool]] = {
    Party.READER: _reads,
    Party.PARTICIPANT: lambda decision, user, subject: decision.involves(user),
    Party.OWNER: lambda decision, user, subject: decision.owner_id == user.pk,
    Party.WRITER: _writes,
    Party.AUTHOR: _wrote,
    Party.PROPOSER: _proposes,
    Party.DATA_SCIENCE: lambda decision, user, subject: (
        not decision.roles_of(user).isdisjoint(_science(decision))
    ),
    Party.SIGNATORY: _signs,
    Party.STAND_IN: _stands_in,
    Party.GIVER: lambda decision, user, subject: _is(user, "giver_id", subject),
    Party.TAKER: lambda decision, user, subject: _is(user, "taker_id", subject),
}


def refusal(action: str, record: Decision, user: User, subject: Any = None) -> Refusal | None:
    """Return why `user` may not do `action` to `record` now, or None if they may.

    `subject` is what the action is about: a section, a goal, a thread, or a role.
    The right is asked first (403), then the record's status, then what holds it back (409).
    """
    move = MOVES[action]
    return (
        _refusal_by_party(move, record, user, subject)
        or _refusal_by_status(move, record)
        or _refusal_by_blockers(move, record, subject)
    )


def ensure(action: str, record: Decision, user: User, subject: Any = None) -> None:
    """Raise `Refused` if `user` may not do `action` to `record` now."""
    if refused := refusal(action, record, user, subject):
        raise Refused(refused)


def may(action: str, record: Decision, user: User, subject: Any = None) -> bool:
    """Return whether the person has the right at all, whatever the record's state."""
    return _refusal_by_party(MOVES[action], record, user, subject) is None


def _refusal_by_party(move: Move, record: Decision, user: User, subject: Any) -> Refusal | None:
    if any(PARTIES[party](record, user, subject) for party in move.parties):
        return None
    first, *others = (
        name for party in move.parties for name in _party_names(party, record, subject)
    )
    who: Text = first
    for other in others:
        who = format_lazy(_("{one} or {other}"), one=who, other=other)
    sentence = _("Only %(who)s can %(verb)s.") % {"who": who, "verb": move.verb}
    return Refusal(sentence, HTTPStatus.FORBIDDEN)


def _party_names(party: Party, record: Decision, subject: Any) -> list[Text]:
    """Return who a party is, in words."""
    if party == Party.DATA_SCIENCE:
        return [PARTY_NAMES[party], *(Role(one).label for one in _science(record)[1:])]
    return [_party_name(party, subject)]


def _party_name(party: Party, subject: Any) -> Text:
    """Return who a party is; the role that writes is called by its name."""
    role = _writing_role(subject)
    if party == Party.WRITER and role in Role.values:
        return Role(role).label
    if party == Party.WRITER and role == OWNER:
        return PARTY_NAMES[Party.OWNER]
    return PARTY_NAMES[party]


def _refusal_by_status(move: Move, record: Decision) -> Refusal | None:
    if record.status in move.sources:
        return None
    allowed = " / ".join(str(Status(source).label).lower() for source in move.sources)
    sentence = _("The record is %(status)s. To %(verb)s it has to be: %(allowed)s.") % {
        "status": record.get_status_display().lower(),
        "verb": move.verb,
        "allowed": allowed,
    }
    return Refusal(sentence, HTTPStatus.CONFLICT)


def _refusal_by_blockers(move: Move, record: Decision, subject: Any) -> Refusal | None:
    if not move.holds:
        return None
    found = blockers(record, move.action, subject)
    if not found:
        return None
    sentence = found[0].sentence
    if len(found) > 1:
        sentence = ngettext(
            "%(first)s One more thing is open.",
            "%(first)s %(count)s more things are open.",
            len(found) - 1,
        ) % {"first": sentence, "count": len(found) - 1}
    return Refusal(sentence, HTTPStatus.CONFLICT)
