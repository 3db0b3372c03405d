"""The record's figures: one drawing for page and PDF, each with a title, words and a table."""

from __future__ import annotations

from dataclasses import dataclass

from django.utils.translation import gettext as _

from decisions.comparability import why_apart
from decisions.forest_plot import Figure, FigureRow, Row, Target, forest_plot
from decisions.models import Candidate, Decision, Direction, Evidence, Goal
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

    @property
    def cases(self) -> str:
        """Return what it was measured on, where its conditions say so."""
        told = self.evidence.conditions
        return str(told.get("case_set") or told.get("task") or "")


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
        """Return each candidate's value on one line: "A 91.5 %, B 88 % (estimate)"."""
        told = ((f"{row.candidate.letter} {row.value}", row.evidence.caveat) for row in self.rows)
        return ", ".join(f"{value} ({caveat})" if caveat else value for value, caveat in told)

    @property
    def caption(self) -> str:
        """Return what is drawn; where some have an interval and some have none, it says so."""
        measured = [row.evidence for row in self.rows if not row.evidence.is_estimate]
        bounded = [one for one in measured if one.low is not None]
        told = {"name": self.name}
        if not bounded:
            return _("%(name)s of each candidate.") % told
        if len(bounded) == len(measured):
            return _("%(name)s of each candidate, with its 95%% interval.") % told
        return (
            _(
                "%(name)s of each candidate, with its 95%% interval where there is one: the "
                "evidence says why there is none."
            )
            % told
        )

    @property
    def target_words(self) -> str:
        """Return the target in words, or "" where there is none."""
        return self.target.words(self.unit) if self.target else ""

    @property
    def legend(self) -> str:
        """Return how to read the figure's marks."""
        if self.target is None:
            return self._estimates
        marks = _(
            "Disc: met. Ring: not decisive, the interval crosses the target. Diamond: not met."
        )
        worst = self.target.worst
        if worst is None or worst == self.target.value:
            return f"{marks} {self._estimates}".strip()
        told = {"worst": format_exact(worst, self.unit)}
        line = _("Dotted line: worst acceptable, %(worst)s.") % told
        return f"{marks} {line} {self._estimates}".strip()

    @property
    def _estimates(self) -> str:
        """Return how estimates are drawn, "" where there are none."""
        if not any(row.evidence.is_estimate for row in self.rows):
            return ""
        return _("Dashed: an estimate, from the lowest to the highest that is thought likely.")

    @property
    def anchor(self) -> str:
        """Return the id of the figure on its page."""
        return f"goal-{self.key}"


def evidence_figures(decision: Decision) -> list[GoalFigure]:
    """Return a figure for each goal with standing evidence, then for each other measured metric.

    Only values obtained under the same conditions share a figure. Reads the prefetched rows.
    """
    goals = {goal.metric: goal for goal in decision.accepted_goals}
    places = {metric: place for place, metric in enumerate(goals)}
    groups = _comparable(decision)
    found: list[GoalFigure] = []
    # Sorting is stable: under one metric, what was measured first comes first.
    for (metric, *_rest), members in sorted(
        groups.items(), key=lambda group: places.get(group[0][0], len(places))
    ):
        earlier = [one for one in found if one.metric == metric]
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
    shown = [one for one in decision.evidence.all() if not one.is_comparison]
    standing = [one for one in shown if not one.is_withdrawn]
    # An estimate was made under no conditions: it stands, marked, beside what was measured first.
    for one in sorted(standing, key=lambda one: one.is_estimate):
        alike = (key for key in groups if one.is_estimate and key[:2] == (one.metric, one.unit))
        key = next(alike, (one.metric, one.unit, one.question))
        groups.setdefault(key, []).append(one)
    return groups


def _goal_figure(
    decision: Decision, goal: Goal | None, members: list[Evidence], earlier: list[GoalFigure]
) -> GoalFigure:
    """Return one figure of measurements that may be compared; `earlier` are of the same metric."""
    unit, metric = members[0].unit, members[0].metric
    target = goal_target(goal) if goal and goal.unit == unit else None
    name = goal.name if goal else members[0].metric_name
    key = f"{metric}-{len(earlier) + 1}" if earlier else metric
    chosen = chosen_letters(decision)
    members.sort(
        key=lambda one: (one.candidate.position, one.candidate.pk, one.is_estimate, one.number)
    )
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
    note = " ".join(filter(None, [_note(goal, members[0], earlier), cases]))
    return GoalFigure(
        *(goal, metric, name, unit, key, target, rows, figure, note, cases), is_first=not earlier
    )


def _note(goal: Goal | None, one: Evidence, earlier: list[GoalFigure]) -> str:
    """Return what keeps these values from being compared with others, or ""."""
    if earlier:
        told = {"why": why_apart(one, earlier[0].rows[0].evidence)}
        return _("Not to be compared with the values above (%(why)s).") % told
    if goal and goal.unit != one.unit:
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
    if evidence.is_stale:
        name = _("%(name)s (out of date)") % {"name": name}
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
