"""Goals, candidates and assessments: the rows of a record."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from string import ascii_uppercase
from typing import Any

from django.db.models import F, Max, QuerySet
from django.utils.translation import gettext as _

from decisions import clock
from decisions.actions.base import Entry, change
from decisions.actions.evidence import mark_outdated, note_withdrawn, withdraw_dropped
from decisions.actions.sections import Conflict
from decisions.models import Assessment, Candidate, Decision, Goal, Role, SectionState, User
from decisions.policies import BadInput, wrong_state
from decisions.section_kinds import Rows
from decisions.template_plan import goal_problems

# What says which values there can be, and how much they are worth.
SCALE = {"metric", "unit", "direction", "target", "worst_acceptable", "weight"}
LETTERS: list[str] = [*ascii_uppercase, *(f"A{letter}" for letter in ascii_uppercase)]


def add_goal(decision: Decision, *, by: User, **values: Any) -> Goal:
    """Add a goal; anyone on the record may propose one, for one of their roles (or their first).

    The owner's goals count at once, all others once the owner has accepted them.
    """
    with change(decision, "propose_goal", by=by, kind="add_goal") as entry:
        _refuse_without_list(entry.decision)
        values = {"proposed_by_role": proposes_for(entry.decision, by)[0]} | values
        _refuse_foreign_role(entry.decision, by, values["proposed_by_role"])
        _refuse_nonsense(values)
        _refuse_same_metric(entry.decision, values["metric"], None)
        is_owner = entry.decision.owner_id == by.pk
        goal = Goal.objects.create(
            decision=entry.decision,
            position=_next_position(entry.decision.goals),
            is_accepted=is_owner,
            **values,
        )
        entry.kind = "add_goal" if is_owner else "propose_goal"
        _begin(entry, by, Rows.GOALS)
        entry.data = {"goal": goal.name}
    return goal


def proposes_for(decision: Decision, person: User) -> list[str]:
    """Return the roles for which a person may propose goals: those they hold.

    The owner may write down what any role asks for, or what is asked for by none ("").
    """
    if decision.owner_id == person.pk:
        return ["", *Role.values]
    return [role for role in Role.values if role in decision.roles_of(person)]


def edit_goal(goal: Goal, *, by: User, token: int, **values: Any) -> None:
    """Change a goal from the version with this `token`; raises `Conflict` if it moved.

    The owner accepted what it said: as someone else changes it, it is a proposal again.
    """
    with change(goal.decision, "edit_goal", by=by, subject=goal) as entry:
        if values.get("proposed_by_role", goal.proposed_by_role) != goal.proposed_by_role:
            _refuse_foreign_role(entry.decision, by, values["proposed_by_role"])
        _refuse_same_metric(entry.decision, values.get("metric", ""), goal)
        _refuse_nonsense(values, goal)
        _edit(entry, goal, token, values)
        if not entry.is_void and entry.decision.owner_id != by.pk:
            Goal.objects.filter(pk=goal.pk).update(is_accepted=False)
            goal.is_accepted = False
        entry.data = {"goal": goal.name}


def remove_goal(goal: Goal, *, by: User, token: int) -> None:
    """Take a goal, as it was shown, out of the record; the history keeps it."""
    with change(goal.decision, "remove_goal", by=by, subject=goal) as entry:
        entry.data = {"goal": goal.name}
        if not _as_shown(Goal.objects.filter(pk=goal.pk), token).delete()[0]:
            entry.void()


def accept_goal(goal: Goal, *, by: User, token: int) -> None:
    """Let a proposed goal, as it was shown, count."""
    with change(goal.decision, "accept_goal", by=by) as entry:
        entry.data = {"goal": goal.name}
        accepted = {"is_accepted": True, "token": F("token") + 1}
        if not _as_shown(_proposed(goal), token).update(**accepted):
            entry.void()
            return
        goal.refresh_from_db()


def decline_goal(goal: Goal, *, by: User, token: int, reason: str) -> None:
    """Take a proposed goal, as it was shown, off the list; the history keeps it.

    Who proposed it is told the reason. Raises `BadInput` without one.
    """
    with change(goal.decision, "accept_goal", by=by, kind="decline_goal") as entry:
        if not reason.strip():
            raise BadInput(_("Say why this goal is declined."))
        entry.data = {"goal": goal.name, "reason": reason}
        if not _as_shown(_proposed(goal), token).delete()[0]:
            entry.void()


def _proposed(goal: Goal) -> QuerySet[Goal]:
    """Return the row of a goal, if it still waits for the owner."""
    return Goal.objects.filter(pk=goal.pk, is_accepted=False)


def _as_shown(rows: QuerySet[Goal], token: int) -> QuerySet[Goal]:
    """Return the row of a goal; raise `Refused` if it is not the version with this `token`."""
    if rows.exclude(token=token).exists():
        raise wrong_state(_("The goal was changed meanwhile. Look at it again."))
    return rows


def add_candidate(decision: Decision, *, by: User, **values: Any) -> Candidate:
    """Put an approach under consideration, under the next free letter."""
    with change(decision, "edit_candidate", by=by, kind="add_candidate") as entry:
        _refuse_same_name(entry.decision, values["name"], None)
        candidate = Candidate.objects.create(
            decision=entry.decision,
            letter=_next_letter(entry.decision),
            position=_next_position(entry.decision.candidates),
            **values,
        )
        _begin(entry, by, Rows.CANDIDATES)
        entry.data = {"candidate": str(candidate)}
    return candidate


def edit_candidate(candidate: Candidate, *, by: User, token: int, **values: Any) -> None:
    """Change a candidate from the version with this `token`; raises `Conflict` if it moved.

    What was measured with another spec is out of date from then on, and holds the record back: a
    signature must never cover figures beside a spec that they do not come from. Runs of one that
    is dropped are no longer compared.
    """
    with change(candidate.decision, "edit_candidate", by=by) as entry:
        _refuse_same_name(entry.decision, values.get("name", ""), candidate)
        earlier = entry.decision.candidates.get(pk=candidate.pk).spec
        _edit(entry, candidate, token, values)
        entry.data = {"candidate": str(candidate)}
        if entry.is_void:
            return
        if values.get("spec", earlier) != earlier:
            mark_outdated(entry.decision, candidate)
        if values.get("is_dropped"):
            note_withdrawn(entry, withdraw_dropped(candidate, by=by))


def assess(
    candidate: Candidate,
    *,
    by: User,
    role: str,
    ratings: Mapping[str, tuple[int, str]],
    seen: str | None = None,
) -> None:
    """Write what a role says of a candidate: criterion → (rating 1 to 5, reason).

    `seen` is the token of the sheet that the ratings were made from; raises `Conflict` if someone
    else of the role has written on it since, and `BadInput` for a criterion that is not the
    role's, or a rating out of range.
    """
    with change(candidate.decision, "assess", by=by, subject=role) as entry:
        _refuse_strange(entry.decision, role, ratings)
        sheet = RatingSheet(candidate, role)
        if seen is not None and seen != sheet.token and not sheet.says(ratings):
            raise Conflict(sheet, as_fields(ratings))
        written = [
            criterion
            for criterion, (rating, reason) in ratings.items()
            if _assess_one(candidate, by, role, criterion, rating, reason)
        ]
        if not written:
            entry.void()
            return
        _begin(entry, by, Rows.ASSESSMENTS, role)
        entry.data = {"candidate": str(candidate), "role": role, "criteria": sorted(written)}


@dataclass(frozen=True)
class RatingSheet:
    """What one role says of one candidate, as the one thing that its form edits."""

    candidate: Candidate
    role: str

    def __str__(self) -> str:
        return str(self.candidate)

    @property
    def decision(self) -> Decision:
        """Return the record the sheet belongs to."""
        return self.candidate.decision

    @property
    def ratings(self) -> dict[str, tuple[int, str]]:
        """Return what is written now: criterion → (rating, reason)."""
        said = Assessment.objects.filter(candidate=self.candidate, role=self.role)
        return {one.criterion: (one.rating, one.reason) for one in said}

    @property
    def token(self) -> str:
        """Return what changes whenever something on the sheet does."""
        return hashlib.sha256(repr(sorted(self.ratings.items())).encode()).hexdigest()[:16]

    def says(self, ratings: Mapping[str, tuple[int, str]]) -> bool:
        """Return whether the sheet says all this already."""
        return ratings.items() <= self.ratings.items()


def as_fields(ratings: Mapping[str, tuple[int, str]]) -> dict[str, Any]:
    """Return ratings under the names of their form's fields."""
    return {
        f"{criterion}_{part}": value
        for criterion, said in ratings.items()
        for part, value in zip(("rating", "reason"), said, strict=True)
    }


def _assess_one(
    candidate: Candidate, by: User, role: str, criterion: str, rating: int, reason: str
) -> bool:
    """Write one rating; return whether it says something new."""
    named: dict[str, Any] = {"candidate": candidate, "role": role, "criterion": criterion}
    if Assessment.objects.filter(**named, rating=rating, reason=reason).exists():
        return False
    said = {"rating": rating, "reason": reason, "by": by, "at": clock.now()}
    Assessment.objects.update_or_create(**named, defaults=said)
    return True


def _edit(entry: Entry, row: Goal | Candidate, token: int, values: dict[str, Any]) -> None:
    """Write the changed values of a row, unless someone else's came between."""
    fresh = type(row).objects.filter(pk=row.pk).first()
    if fresh is None:
        raise wrong_state(_("Someone else has removed it meanwhile."))
    changed = {name: value for name, value in values.items() if getattr(fresh, name) != value}
    if not changed:
        entry.void()
        return
    if fresh.token != token:
        raise Conflict(fresh, values)
    type(row).objects.filter(pk=row.pk).update(**changed, token=F("token") + 1)
    row.refresh_from_db()


def _next_letter(decision: Decision) -> str:
    """Return the first free letter; raise `Refused` once all are taken."""
    taken = set(decision.candidates.values_list("letter", flat=True))
    for letter in LETTERS:
        if letter not in taken:
            return letter
    told = {"most": len(LETTERS)}
    raise wrong_state(_("A record holds at most %(most)s candidates.") % told)


def _next_position(rows: Any) -> int:
    """Return the position after the last of a record's rows."""
    last = rows.aggregate(last=Max("position"))["last"]
    return 0 if last is None else last + 1


def _refuse_same_name(decision: Decision, name: str, candidate: Candidate | None) -> None:
    """Raise `Refused` if another candidate has this name."""
    namesake = decision.candidates.filter(name=name).first()
    if namesake and namesake != candidate:
        raise wrong_state(_("Another candidate has this name already."))


def _refuse_same_metric(decision: Decision, metric: str, goal: Goal | None) -> None:
    """Raise `Refused` if another goal is set on this metric."""
    namesake = decision.goals.filter(metric=metric).first()
    if namesake and namesake != goal:
        raise wrong_state(_("There is a goal with this metric already."))


def _refuse_foreign_role(decision: Decision, by: User, role: str) -> None:
    """Raise `BadInput` for a proposal in the name of a role that is not the person's."""
    if role not in proposes_for(decision, by):
        raise BadInput(_("You can propose a goal only for a role that you hold."))


def _refuse_nonsense(values: Mapping[str, Any], goal: Goal | None = None) -> None:
    """Raise `BadInput` for values that make no goal, with those of the goal that stay."""
    told = {**{name: getattr(goal, name) for name in SCALE if goal}, **values}
    if (goal is None or SCALE & values.keys()) and (problem := next(goal_problems(told), "")):
        raise BadInput(problem)


def _refuse_without_list(decision: Decision) -> None:
    """Raise `Refused` for a goal on a record whose template has no list of goals."""
    if decision.section_with(Rows.GOALS) is None:
        raise wrong_state(_("This record has no list of goals."))


def _refuse_strange(decision: Decision, role: str, ratings: Mapping[str, tuple[int, str]]) -> None:
    """Raise `BadInput` for criteria that are not the role's and ratings that are not 1 to 5."""
    if ratings.keys() - {one.key for one in decision.criteria_of(role)}:
        raise BadInput(_("This role does not rate that criterion."))
    if any(rating not in range(1, 6) for rating, _reason in ratings.values()):
        raise BadInput(_("A rating is a whole number from 1 to 5."))


def _begin(entry: Entry, by: User, rows: Rows, role: str = "") -> None:
    """Mark a section as begun once it has its first row."""
    section = entry.decision.section_with(rows, role)
    if section:
        entry.decision.sections.filter(pk=section.pk, state=SectionState.NOT_STARTED).update(
            state=SectionState.IN_PROGRESS, changed_at=clock.now(), changed_by=by
        )
