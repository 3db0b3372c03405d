"""What holds a record back, computed: each blocker says whom it waits on and where to mend it."""

from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass

from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from decisions.freshness import earlier_spec
from decisions.models import Decision, Review, Role, Section, Thread, User
from decisions.models.decision import OWNER
from decisions.references import reference_problems
from decisions.section_kinds import FieldType, Rows, Text
from decisions.signatures import Seat, Signatures
from decisions.signing_policy import Quorum
from decisions.workflow import MOVES, Hold


@dataclass(frozen=True)
class Blocker:
    """One thing to put right, in a sentence, with whom it waits on and where it is mended.

    It waits on a person (by key) or on whoever holds a role; `waits_on` is either's name.
    """

    sentence: str
    waits_on: Text
    url: str
    person: int | None = None
    role: str = ""
    is_missing_signature: bool = False

    def concerns(self, user: User, roles: Collection[str]) -> bool:
        """Return whether it waits on this person, who holds these roles on the record."""
        return self.person == user.pk if self.person else self.role in roles


def role_label(decision: Decision, role: str) -> str:
    """Return a role's name, or the owner's name for the owner's own part."""
    return str(decision.owner) if role == OWNER else str(Role(role).label)


def _for_person(user: User, sentence: str, url: str) -> Blocker:
    return Blocker(sentence, str(user), url, person=user.pk)


def _people_page(decision: Decision) -> str:
    return reverse("decisions:people", args=[decision.reference])


def section_problems(section: Section) -> list[str]:
    """Return what is missing from a section, or no longer holds in it, in sentences."""
    missing = [
        _("“%(field)s” is empty.") % {"field": field.label}
        for field, value in section.values()
        if field.required and field.is_empty(value)
    ]
    return [
        *missing,
        *_choice_problems(section),
        *_ROW_PROBLEMS[section.definition.rows](section),
        *reference_problems(section),
    ]


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
    if section.decision.accepted_goals:
        return []
    if section.decision.proposed_goals:
        return [_("No goal has been accepted yet.")]
    return [_("There is no goal yet.")]


def _candidate_problems(section: Section) -> list[str]:
    considered = [one for one in section.decision.candidates.all() if not one.is_dropped]
    if not considered:
        return [_("There is no candidate yet.")]
    specs = {one.pk: one.spec for one in section.decision.candidates.all()}
    standing = [one for one in section.decision.evidence.all() if not one.is_withdrawn]
    outdated = [one for one in standing if one.is_measured and earlier_spec(one, specs)]
    return [
        _("%(candidate)s was run otherwise when it was measured: %(evidence)s. Measure it again.")
        % {"candidate": candidate, "evidence": ", ".join(found)}
        for candidate in considered
        if (found := [one.reference for one in outdated if one.candidate_id == candidate.pk])
    ]


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
    """Yield a blocker for each section that is not complete, or no longer is.

    Where nobody holds the role that writes it, the owner has to give out the role first. Who is
    only named in an imported file writes nothing.
    """
    held = {OWNER} | {one.role for one in decision.participants.all() if not one.user.known_by}
    orphans: dict[str, list[Section]] = {}
    for section in decision.sections.all():
        section.decision = decision
        problems = section_problems(section)
        if section.is_complete and not problems:
            continue
        if section.role in held:
            yield _unfinished(section, problems)
        else:
            orphans.setdefault(section.role, []).append(section)
    for role, sections in orphans.items():
        yield _nobody_writes(decision, role, sections)


def _unfinished(section: Section, problems: list[str]) -> Blocker:
    """Return that a section waits on its role, or on the owner if it is theirs."""
    decision, url = section.decision, section.get_absolute_url()
    sentence = _("“%(section)s” is not complete.") % {"section": section}
    if section.is_complete:
        told = {"section": section, "problem": problems[0]}
        sentence = _("“%(section)s” needs work: %(problem)s") % told
    if section.role == OWNER:
        return _for_person(decision.owner, sentence, url)
    return Blocker(sentence, role_label(decision, section.role), url, role=section.role)


def _nobody_writes(decision: Decision, role: str, sections: list[Section]) -> Blocker:
    """Return that sections wait until the owner gives out the role that writes them."""
    sentence = ngettext(
        "“%(first)s” is for %(role)s to write, and no one has that role.",
        "%(count)s parts are for %(role)s to write, and no one has that role.",
        len(sections),
    ) % {"first": sections[0], "count": len(sections), "role": Role(role).label}
    return _for_person(decision.owner, sentence, _people_page(decision))


def unsignable(decision: Decision) -> Iterator[Blocker]:
    """Yield a blocker for each role that must sign but has no signatory, or only the author."""
    board = Signatures(decision)
    for role in board.policy.roles:
        if not board.of_role(role):
            yield _nobody_signs(decision, role)
    if board.seats and board.only_the_author_could:
        name = board.seats[0].participant.user
        sentence = _(
            "Only %(name)s, who writes the recommendation, would sign it: name someone else too."
        ) % {"name": name}
        yield _for_person(decision.owner, sentence, _people_page(decision))


def _nobody_signs(decision: Decision, role: str) -> Blocker:
    sentence = _("No one signs for %(role)s.") % {"role": Role(role).label}
    return _for_person(decision.owner, sentence, _people_page(decision))


def standing_requests(decision: Decision) -> list[Review]:
    """Return the reviews that still ask for changes; reopening answers none of them."""
    return [review for review in decision.reviews.all() if review.asks_for_changes]


def changes_requested(decision: Decision) -> Iterator[Blocker]:
    """Yield a blocker for each who asks for changes, however many of their requests stand.

    The requests of who has left the record wait on the owner, who may lift them.
    """
    by_reviewer: dict[User, list[Review]] = {}
    for review in standing_requests(decision):
        by_reviewer.setdefault(review.reviewer, []).append(review)
    for reviewer, requests in by_reviewer.items():
        waits_on = reviewer if decision.takes_part(reviewer) else decision.owner
        url = f"{decision.get_absolute_url()}#review-{requests[0].pk}"
        yield _for_person(waits_on, _asked(reviewer, waits_on, len(requests)), url)


def _asked(reviewer: User, waits_on: User, count: int) -> str:
    """Return who asks for changes, how many of their requests stand, and if they have left."""
    told = {"name": reviewer, "count": count}
    if reviewer != waits_on:
        return (
            _("%(name)s asked for changes and has left the record: the owner may lift it.") % told
        )
    return (
        ngettext(
            "%(name)s has asked for changes.",
            "%(name)s has asked for changes; %(count)s requests stand.",
            count,
        )
        % told
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
        yield _for_person(decision.owner, sentence, threads[0].get_absolute_url())


def unsigned(decision: Decision) -> Iterator[Blocker]:
    """Yield a blocker for each signature that approval still lacks, and for each rejection."""
    board = Signatures(decision)
    for role in board.policy.roles:
        rejected = list(_rejections(board, role))
        yield from rejected or _missing_signatures(board, role)


def _rejections(board: Signatures, role: str) -> Iterator[Blocker]:
    """Yield a blocker for each rejection that stands: the owner has to answer it."""
    for one in board.against(role):
        told = {"name": one.in_words, "role": Role(role).label}
        sentence = _("%(name)s has rejected it for %(role)s.") % told
        yield _for_person(board.decision.owner, sentence, _signatures_of(board.decision))


def _missing_signatures(board: Signatures, role: str) -> Iterator[Blocker]:
    """Yield what one role's signatures still lack: by name, where all of several must sign.

    Where nobody signs for the role any more, the owner has to name someone first.
    """
    if board.is_settled(role):
        return
    if not board.of_role(role):
        yield _nobody_signs(board.decision, role)
        return
    if board.policy.quorum_of(role) == Quorum.ALL and len(board.of_role(role)) > 1:
        yield from (_missing_from(board, seat) for seat in board.empty_seats(role))
        return
    label, url = str(Role(role).label), _signatures_of(board.decision)
    sentence = _("%(role)s has not signed what the record says now.") % {"role": label}
    yield Blocker(sentence, label, url, role=role, is_missing_signature=True)


def _missing_from(board: Signatures, seat: Seat) -> Blocker:
    user, url = seat.participant.user, _signatures_of(board.decision)
    told = {"name": user, "role": Role(seat.role).label}
    sentence = _("%(name)s has not signed for %(role)s what the record says now.") % told
    return Blocker(sentence, str(user), url, user.pk, seat.role, is_missing_signature=True)


def _signatures_of(decision: Decision) -> str:
    return f"{decision.get_absolute_url()}#signatures"


def not_yet(decision: Decision, role: str | None) -> Iterator[Blocker]:
    """Yield a blocker if another role has to sign before this one."""
    awaited = Signatures(decision).awaited_before(role) if role else None
    if role and awaited:
        names = {"first": Role(awaited).label, "role": Role(role).label}
        sentence = _("%(first)s signs before %(role)s.") % names
        yield Blocker(sentence, str(names["first"]), _signatures_of(decision), role=awaited)


def signed_by_author(decision: Decision) -> Iterator[Blocker]:
    """Yield a blocker if nobody but the author of the recommendation has signed it."""
    approval = Signatures(decision).only_approval_of_author
    if approval:
        sentence = _("Only %(name)s, who wrote the recommendation, has signed it.") % {
            "name": approval.printed_name
        }
        yield _for_person(decision.owner, sentence, _people_page(decision))


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
