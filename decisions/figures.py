"""The record's figures: one drawing for page and PDF, each with a title, words and a table."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from django.utils.translation import gettext as _

from decisions.comparability import LeftOut, Standing, standings, why_apart
from decisions.forest_plot import Figure, FigureRow, Row, Target, forest_plot
from decisions.models import Candidate, Decision, Direction, Evidence, Goal
from decisions.numbers import format_exact
from decisions.outcomes import Outcome

__all__ = [
    "CandidateFigure",
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
class CandidateFigure:
    """What stands of one candidate in a metric; else what was obtained and may not be compared."""

    candidate: Candidate
    row: EvidenceRow | None
    apart: LeftOut | None


@dataclass(frozen=True)
class GoalFigure:
    """Measurements that may be compared with each other, and the goal they speak to, if any.

    The first of a metric is what stands of it, and the figures after it what is left out.
    """

    goal: Goal | None
    metric: str
    name: str
    unit: str
    key: str
    target: Target | None
    rows: tuple[EvidenceRow, ...]
    figure: Figure
    standing: Standing
    note: str = ""
    cases: str = ""
    is_first: bool = True

    @property
    def is_shared(self) -> bool:
        """Return whether it holds candidates against each other."""
        return len({row.candidate.pk for row in self.rows}) > 1

    def of(self, candidate: Candidate) -> CandidateFigure:
        """Return what the metric has to say of a candidate."""
        mine = (row for row in self.rows if row.candidate.pk == candidate.pk)
        row = next(mine, None)
        return CandidateFigure(candidate, row, None if row else self.standing.apart(candidate.pk))

    @property
    def apart(self) -> list[LeftOut]:
        """Return what was obtained of candidates that have no row, beside what stands."""
        shown = {row.candidate.pk for row in self.rows}
        if not self.is_first:
            return []
        left_out = {one.evidence.candidate_id: one for one in self.standing.left_out}
        return [one for candidate, one in left_out.items() if candidate not in shown]

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
        dashed = _("Dashed: an estimate, from the lowest to the highest that is thought likely.")
        return f"{dashed} {_('An estimate decides nothing.')}" if self.target else dashed

    @property
    def anchor(self) -> str:
        """Return the id of the figure on its page."""
        return f"goal-{self.key}"


def evidence_figures(decision: Decision) -> list[GoalFigure]:
    """Return a figure for each goal with standing evidence, then for each other measured metric.

    Only values obtained under the same conditions share a figure: of a metric, what stands in the
    matrix comes first, and what is left out of it after. Reads the prefetched rows.
    """
    goals = {goal.metric: goal for goal in decision.accepted_goals}
    found: list[GoalFigure] = []
    for metric, standing in standings(decision).items():
        of_metric: list[GoalFigure] = []
        for members in standing.groups:
            of_metric.append(
                _goal_figure(decision, goals.get(metric), standing, members, of_metric)
            )
        found += of_metric
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


def _goal_figure(
    decision: Decision,
    goal: Goal | None,
    standing: Standing,
    group: Iterable[Evidence],
    earlier: list[GoalFigure],
) -> GoalFigure:
    """Return one figure of measurements that may be compared; `earlier` are of the same metric."""
    members = sorted(group, key=lambda one: (one.candidate.position, one.candidate.pk))
    unit, metric = members[0].unit, members[0].metric
    target = goal_target(goal) if goal and goal.unit == unit else None
    name = goal.name if goal else members[0].metric_name
    key = f"{metric}-{len(earlier) + 1}" if earlier else metric
    chosen = chosen_letters(decision)
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
        *(goal, metric, name, unit, key, target, rows, figure, standing, note, cases),
        is_first=not earlier,
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
