"""The record's figures: one drawing for page and PDF, each with a title, words and a table."""

from __future__ import annotations

from dataclasses import dataclass

from django.utils.translation import gettext as _

from decisions.forest_plot import Figure, FigureRow, Row, Target, forest_plot
from decisions.models import Candidate, Decision, Direction, Evidence, EvidenceKind, Goal
from decisions.numbers import format_exact
from decisions.outcomes import Outcome

__all__ = [
    "EvidenceRow",
    "Figure",
    "FigureRow",
    "GoalFigure",
    "Row",
    "Target",
    "chosen_letters",
    "drawn",
    "evidence_figures",
    "forest_plot",
    "goal_target",
]

FEW = 8  # figures that a page draws whatever they say


@dataclass(frozen=True)
class EvidenceRow:
    """One measurement under a goal: the evidence, its texts and what it says of the goal."""

    evidence: Evidence
    candidate: Candidate
    value: str
    interval: str
    n: str
    outcome: Outcome | None
    is_chosen: bool


@dataclass(frozen=True)
class GoalFigure:
    """Measurements that may be compared with each other, and the goal they speak to, if any."""

    goal: Goal | None
    metric: str
    name: str
    unit: str
    key: str
    target: Target | None
    rows: tuple[EvidenceRow, ...]
    figure: Figure
    note: str = ""
    cases: str = ""
    is_first: bool = True

    @property
    def is_shared(self) -> bool:
        """Return whether it holds candidates against each other."""
        return len({row.candidate.pk for row in self.rows}) > 1

    @property
    def in_short(self) -> str:
        """Return each candidate's value on one line: "A 91.5 %, B 88.0 %"."""
        return ", ".join(f"{row.candidate.letter} {row.value}" for row in self.rows)

    @property
    def target_words(self) -> str:
        """Return the target in words, or "" where there is none."""
        return self.target.words(self.unit) if self.target else ""

    @property
    def legend(self) -> str:
        """Return how to read the figure's marks."""
        if self.target is None:
            return ""
        marks = _(
            "Disc: met. Ring: not decisive, the interval crosses the target. Diamond: not met."
        )
        worst = self.target.worst
        if worst is None or worst == self.target.value:
            return marks
        told = {"worst": format_exact(worst, self.unit)}
        return f"{marks} {_('Dotted line: worst acceptable, %(worst)s.') % told}"

    @property
    def anchor(self) -> str:
        """Return the id of the figure on its page."""
        return f"goal-{self.key}"


def evidence_figures(decision: Decision) -> list[GoalFigure]:
    """Return a figure for each goal with standing evidence, then for each other measured metric.

    Only values obtained under the same conditions share a figure. Reads the prefetched rows.
    """
    goals = {goal.metric: goal for goal in decision.goals.all()}
    places = {metric: place for place, metric in enumerate(goals)}
    groups = _comparable(decision)
    found: list[GoalFigure] = []
    # Sorting is stable: under one metric, what was measured first comes first.
    for (metric, *_rest), members in sorted(
        groups.items(), key=lambda group: places.get(group[0][0], len(places))
    ):
        earlier = sum(one.metric == metric for one in found)
        found.append(_goal_figure(decision, goals.get(metric), members, earlier))
    return found


def drawn(figures: list[GoalFigure]) -> list[GoalFigure]:
    """Return all figures of a record that has few; of many those that answer to a goal."""
    if len(figures) <= FEW:
        return figures
    answering = [one for one in figures if one.goal is not None and one.is_first]
    return answering or figures[:FEW]


def goal_target(goal: Goal) -> Target:
    """Return what a goal asks for."""
    return Target(goal.target, goal.direction == Direction.AT_LEAST, goal.worst_acceptable)


def chosen_letters(decision: Decision) -> set[str]:
    """Return the letters of the candidates that the recommendation names."""
    for section in decision.sections.all():
        if section.kind == "recommendation":
            return set(section.data.get("chosen") or [])
    return set()


def _comparable(decision: Decision) -> dict[tuple[str, str, str], list[Evidence]]:
    """Return the standing measurements by metric, unit and conditions, in the order of numbers."""
    groups: dict[tuple[str, str, str], list[Evidence]] = {}
    for one in decision.evidence.all():
        if one.kind != EvidenceKind.COMPARISON and not one.is_withdrawn:
            groups.setdefault((one.metric, one.unit, one.question), []).append(one)
    return groups


def _goal_figure(
    decision: Decision, goal: Goal | None, members: list[Evidence], earlier: int
) -> GoalFigure:
    """Return one figure of measurements that may be compared."""
    unit, metric = members[0].unit, members[0].metric
    target = goal_target(goal) if goal and goal.unit == unit else None
    name = goal.name if goal else members[0].metric_name
    key = f"{metric}-{earlier + 1}" if earlier else metric
    chosen = chosen_letters(decision)
    members.sort(key=lambda one: (one.candidate.position, one.candidate.pk, one.number))
    plotted = [_row(one, one.candidate.letter in chosen) for one in members]
    figure = forest_plot(plotted, target, name=name, unit=unit, key=key)
    lines = zip(members, plotted, figure.rows, strict=True)
    rows = tuple(
        EvidenceRow(
            one, one.candidate, line.value, line.interval, line.n, line.outcome, row.is_chosen
        )
        for one, row, line in lines
    )
    cases = _cases(members[0])
    note = " ".join(filter(None, [_note(goal, unit, earlier), cases]))
    return GoalFigure(
        *(goal, metric, name, unit, key, target, rows, figure, note, cases), is_first=not earlier
    )


def _note(goal: Goal | None, unit: str, earlier: int) -> str:
    """Return what keeps these values from being compared with others, or ""."""
    if earlier:
        return _("Measured under other conditions: not to be compared with the values above.")
    if goal and goal.unit != unit:
        return _("The goal is set in another unit, so these values are not held against it.")
    return ""


def _cases(evidence: Evidence) -> str:
    """Return what cases a figure was measured on, where its conditions say so."""
    case_set = evidence.conditions.get("case_set")
    return _("On %(case_set)s.") % {"case_set": case_set} if case_set else ""


def _row(evidence: Evidence, is_chosen: bool) -> Row:
    candidate = evidence.candidate
    name = candidate.name
    if candidate.is_dropped:
        name = _("%(name)s (no longer considered)") % {"name": name}
    return Row(
        candidate.letter,
        name,
        evidence.value,
        evidence.low,
        evidence.high,
        evidence.n,
        evidence.interval_method,
        is_chosen,
    )
