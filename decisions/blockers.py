"""What holds a record back, computed: each blocker says whom it waits on and where to mend it."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from decisions.models import Decision, Review, Role, Section, Thread
from decisions.models.decision import OWNER
from decisions.section_kinds import FieldType, Rows, Text
from decisions.signatures import Signatures
from decisions.signing_policy import Quorum
from decisions.workflow import MOVES, Hold


@dataclass(frozen=True)
class Blocker:
    """One thing to put right, in a sentence, with whom it waits on and where it is mended."""

    sentence: str
    waits_on: Text
    url: str


def role_label(decision: Decision, role: str) -> str:
    """Return a role's name, or the owner's name for the owner's own part."""
    return str(decision.owner) if role == OWNER else str(Role(role).label)


def section_problems(section: Section) -> list[str]:
    """Return what is still missing from a section, in sentences."""
    missing = [
        _("“%(field)s” is empty.") % {"field": field.label}
        for field, value in section.values()
        if field.required and field.is_empty(value)
    ]
    return missing + _choice_problems(section) + _ROW_PROBLEMS[section.definition.rows](section)


def _choice_problems(section: Section) -> list[str]:
    """Return a sentence for each chosen candidate that is no longer considered."""
    chosen = {
        letter
        for field, value in section.values()
        if field.type == FieldType.CANDIDATES
        for letter in value or []
    }
    if not chosen:
        return []
    live = {one.letter for one in section.decision.candidates.all() if not one.is_dropped}
    return [
        _("Candidate %(letter)s was chosen, but is no longer considered.") % {"letter": letter}
        for letter in sorted(chosen - live)
    ]


def _no_rows(section: Section) -> list[str]:
    return []


def _goal_problems(section: Section) -> list[str]:
    if section.decision.goals.all():
        return []
    return [_("There is no goal yet.")]


def _candidate_problems(section: Section) -> list[str]:
    if any(not one.is_dropped for one in section.decision.candidates.all()):
        return []
    return [_("There is no candidate yet.")]


def _assessment_problems(section: Section) -> list[str]:
    """Return a sentence for each candidate that the section's role has not rated in full."""
    needed = {criterion.key for criterion in section.definition.criteria}
    return [
        _("“%(candidate)s” is not fully rated.") % {"candidate": candidate}
        for candidate in section.decision.candidates.all()
        if not candidate.is_dropped
        and needed
        - {one.criterion for one in candidate.assessments.all() if one.role == section.role}
    ]


_ROW_PROBLEMS: dict[Rows | None, Callable[[Section], list[str]]] = {
    None: _no_rows,
    Rows.GOALS: _goal_problems,
    Rows.CANDIDATES: _candidate_problems,
    Rows.ASSESSMENTS: _assessment_problems,
}


def unfinished(decision: Decision) -> Iterator[Blocker]:
    """Yield a blocker for each section that is not complete, or no longer is."""
    for section in decision.sections.all():
        section.decision = decision
        problems = section_problems(section)
        if section.is_complete and not problems:
            continue
        sentence = _("“%(section)s” is not complete.") % {"section": section}
        if section.is_complete:
            sentence = _("“%(section)s” needs work: %(problem)s") % {
                "section": section,
                "problem": problems[0],
            }
        yield Blocker(sentence, role_label(decision, section.role), section.get_absolute_url())


def unsignable(decision: Decision) -> Iterator[Blocker]:
    """Yield a blocker for each role that must sign but has no signatory, or only the author."""
    board = Signatures(decision)
    url = reverse("decisions:people", args=[decision.reference])
    for role in board.policy.roles:
        if not board.of_role(role):
            sentence = _("No one signs for %(role)s.") % {"role": Role(role).label}
            yield Blocker(sentence, str(decision.owner), url)
    if board.seats and board.only_the_author_could:
        name = board.seats[0].participant.user
        sentence = _(
            "Only %(name)s, who writes the recommendation, would sign it: name someone else too."
        ) % {"name": name}
        yield Blocker(sentence, str(decision.owner), url)


def standing_requests(decision: Decision) -> list[Review]:
    """Return the reviews that still ask for changes; reopening answers none of them."""
    return [review for review in decision.reviews.all() if review.asks_for_changes]


def changes_requested(decision: Decision) -> Iterator[Blocker]:
    """Yield a blocker for each standing request for changes."""
    for review in standing_requests(decision):
        yield Blocker(
            _("%(name)s has asked for changes.") % {"name": review.reviewer},
            str(review.reviewer),
            f"{decision.get_absolute_url()}#review-{review.pk}",
        )


def open_must_fix(decision: Decision) -> list[Thread]:
    """Return the unresolved threads that were marked "must fix"."""
    return [one for one in decision.threads.all() if one.must_fix and not one.is_resolved]


def must_fix(decision: Decision) -> Iterator[Blocker]:
    """Yield one blocker for all unresolved "must fix" threads."""
    threads = open_must_fix(decision)
    if threads:
        sentence = ngettext(
            "%(count)s thread must be resolved first.",
            "%(count)s threads must be resolved first.",
            len(threads),
        ) % {"count": len(threads)}
        yield Blocker(sentence, str(decision.owner), threads[0].get_absolute_url())


def unsigned(decision: Decision) -> Iterator[Blocker]:
    """Yield a blocker for each signature that approval still lacks, and for each rejection."""
    board = Signatures(decision)
    url = f"{decision.get_absolute_url()}#signatures"
    for role in board.policy.roles:
        for sentence in _unsigned_sentences(board, role):
            yield Blocker(sentence, str(Role(role).label), url)


def _unsigned_sentences(board: Signatures, role: str) -> Iterator[str]:
    """Yield what one role's signatures still lack."""
    values: dict[str, Any] = {"role": Role(role).label}
    rejections = board.against(role)
    for one in rejections:
        told = values | {"name": one.in_words}
        yield _("%(name)s has rejected it for %(role)s.") % told
    if rejections or board.is_settled(role):
        return
    if board.policy.quorum_of(role) == Quorum.ALL and len(board.of_role(role)) > 1:
        for seat in board.empty_seats(role):
            told = values | {"name": seat.participant.user}
            yield _("%(name)s has not signed for %(role)s what the record says now.") % told
    else:
        yield _("%(role)s has not signed what the record says now.") % values


def not_yet(decision: Decision, role: str | None) -> Iterator[Blocker]:
    """Yield a blocker if another role has to sign before this one."""
    awaited = Signatures(decision).awaited_before(role) if role else None
    if role and awaited:
        names = {"first": Role(awaited).label, "role": Role(role).label}
        sentence = _("%(first)s signs before %(role)s.") % names
        url = f"{decision.get_absolute_url()}#signatures"
        yield Blocker(sentence, str(names["first"]), url)


def signed_by_author(decision: Decision) -> Iterator[Blocker]:
    """Yield a blocker if nobody but the author of the recommendation has signed it."""
    approval = Signatures(decision).only_approval_of_author
    if approval:
        sentence = _("Only %(name)s, who wrote the recommendation, has signed it.") % {
            "name": approval.printed_name
        }
        url = reverse("decisions:people", args=[decision.reference])
        yield Blocker(sentence, str(decision.owner), url)


HOLDS: dict[Hold, Callable[[Decision], Iterator[Blocker]]] = {
    Hold.UNFINISHED: unfinished,
    Hold.UNSIGNABLE: unsignable,
    Hold.CHANGES_REQUESTED: changes_requested,
    Hold.MUST_FIX: must_fix,
    Hold.UNSIGNED: unsigned,
    Hold.SIGNED_BY_AUTHOR: signed_by_author,
}


def blockers(decision: Decision, action: str, role: str | None = None) -> list[Blocker]:
    """Return everything that holds `action` back on this record, in the table's order.

    Signing is asked for a `role`, which may have to wait for another.
    """
    found = [one for hold in MOVES[action].holds if hold in HOLDS for one in HOLDS[hold](decision)]
    return found + (list(not_yet(decision, role)) if Hold.NOT_YET in MOVES[action].holds else [])
