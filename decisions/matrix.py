"""A record as what is weighed: which evidence fills which cell, and what comes of it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from math import nan

from django.utils.translation import gettext as _

from decisions.caching import kept
from decisions.comparability import LeftOut, why_apart
from decisions.metrics import COSTS, LATENCIES, METRICS, QUALITIES
from decisions.models import Candidate, Decision, Direction, Evidence, Goal
from decisions.weighing.flips import (
    Flip,
    RatingFlip,
    Swing,
    lone_weight,
    rating_flips,
    swings,
    weight_flips,
)
from decisions.weighing.pareto import Front, pareto
from decisions.weighing.scores import Simulated, Weighed, simulate, weigh
from decisions.weighing.table import (
    Cell,
    Column,
    Rating,
    Row,
    Table,
    goal_row,
    make_table,
    role_row,
)
from decisions.weighing.verdict import Verdict, verdict
from decisions.weights import WeightSheet

Place = tuple[int, int]  # of a cell: row, column
# Names what is kept of draws: another, once they are drawn or kept in another way.
DRAWN = "drawn-1"


@dataclass(frozen=True)
class Filled:
    """The evidence in one row by the place of its column, and what was left out of it."""

    chosen: Mapping[int, Evidence]
    left_out: tuple[LeftOut, ...]


@dataclass(frozen=True)
class Matrix:
    """What is weighed of a record, and from what evidence; its weights are the saved ones."""

    decision: Decision
    table: Table
    sources: Mapping[Place, Evidence]
    left_out: tuple[LeftOut, ...]


def matrix_of(decision: Decision) -> Matrix:
    """Return the accepted goals and rating roles by the candidates still considered.

    Only evidence that answers one question shares a row. Reads the prefetched rows.
    """
    goals, sheet = decision.accepted_goals, WeightSheet(decision)
    candidates = considered(decision)
    filled = [_fill(decision, goal.metric, goal.unit, candidates) for goal in goals]
    sources = _placed(filled)
    rows = [
        *(_goal_row(goal) for goal in goals),
        *(role_row(key, sheet.names[key], weight=sheet.weights[key]) for key in sheet.roles),
    ]
    ratings = _ratings(sheet, candidates, len(goals))
    cells = {place: _cell(one) for place, one in sources.items()}
    table = make_table(rows, _columns(candidates), cells, ratings)
    left_out = tuple(one for row in filled for one in row.left_out)
    return Matrix(decision, table, sources, left_out)


def considered(decision: Decision) -> list[Candidate]:
    """Return the candidates that are still considered, in their order."""
    return [one for one in decision.candidates.all() if not one.is_dropped]


class Weighing:
    """What comes of a matrix under some weights; everything is computed when first asked for.

    `weights` are tried instead of the saved ones, by the keys of their rows.
    """

    def __init__(self, matrix: Matrix, weights: Mapping[str, float] | None = None) -> None:
        self.matrix = matrix
        self.table = matrix.table.with_weights(weights or {})

    @property
    def is_empty(self) -> bool:
        """Return whether there is nothing to weigh: no row or no column."""
        return not (self.table.rows and self.table.columns)

    @property
    def is_blank(self) -> bool:
        """Return whether nothing is known yet that could be weighed."""
        return bool(self.table.is_unknown.all())

    @cached_property
    def stale(self) -> list[Evidence]:
        """Return the evidence in cells that is out of date."""
        return [one for one in self.matrix.sources.values() if one.is_stale]

    @cached_property
    def weighed(self) -> Weighed:
        """Return what the values alone come to."""
        return weigh(self.table)

    @cached_property
    def simulated(self) -> Simulated:
        """Return what 10,000 draws from what the evidence leaves open come to.

        Kept for a day, in the cache: they are the same as long as the table says the same.
        """
        return kept(f"{DRAWN}:{self.table.digest}", lambda: simulate(self.table))

    @cached_property
    def verdict(self) -> Verdict:
        """Return whether one candidate clearly wins, and why not."""
        return verdict(self.table, self.weighed, self.simulated)

    @cached_property
    def flips(self) -> list[Flip]:
        """Return the nearest weight of each row to either side that changes the winner."""
        return weight_flips(self.table, self.weighed)

    @cached_property
    def rating_flips(self) -> list[RatingFlip]:
        """Return each rating that changes the winner by one point."""
        return rating_flips(self.table, self.weighed)

    @property
    def flip_sentences(self) -> list[str]:
        """Return what weights would change the winner, the smallest change first."""
        found = sorted(self.flips, key=lambda one: one.change)
        told = [one.words(self.table, self.weighed) for one in found]
        lone = lone_weight(self.table)
        if lone is not None:
            words = _("Only %(row)s has a weight: at 0 nothing is weighed, and nobody wins.")
            told.append(words % {"row": self.table.rows[lone].name})
        return told

    @property
    def steady(self) -> list[str]:
        """Return the names of the rows of which no weight changes the winner."""
        moving = {one.row for one in self.flips} | {lone_weight(self.table)}
        return [row.name for at, row in enumerate(self.table.rows) if at not in moving]

    @property
    def rating_sentences(self) -> list[str]:
        """Return which ratings would change the winner."""
        return [one.words(self.table) for one in self.rating_flips]

    @cached_property
    def swings(self) -> list[Swing]:
        """Return what each uncertain cell can do to the leader's lead, the farthest first."""
        return swings(self.table, self.weighed)

    @cached_property
    def fronts(self) -> list[tuple[Table, Front]]:
        """Return the heaviest quality goal against cost and latency, each with its own table."""
        return list(_fronts(self.matrix))


def _goal_row(goal: Goal) -> Row:
    return goal_row(
        goal.metric,
        goal.name,
        target=goal.target,
        at_least=goal.direction == Direction.AT_LEAST,
        worst=goal.worst_acceptable,
        unit=goal.unit,
        weight=goal.weight,
        is_must=goal.is_must,
    )


def _columns(candidates: Iterable[Candidate]) -> list[Column]:
    return [Column(one.letter, one.name) for one in candidates]


def _placed(filled: Sequence[Filled]) -> dict[Place, Evidence]:
    """Return the evidence of several rows by the places of their cells."""
    return {
        (row, column): one
        for row, found in enumerate(filled)
        for column, one in found.chosen.items()
    }


def _cell(evidence: Evidence) -> Cell:
    one, told = evidence, evidence.conditions
    # What was measured on the same cases is wrong together, whatever run measured it.
    cases = told.get("case_set_digest")
    source = f"{cases} {told.get('split', '')}" if cases else one.source_digest
    return Cell(one.value, one.low, one.high, one.n, one.is_estimate, source, one.is_stale)


def _ratings(sheet: WeightSheet, candidates: Sequence[Candidate], first: int) -> list[Rating]:
    """Return every rating on a role's present criteria; its rows begin at `first`."""
    found = []
    for row, role in enumerate(sheet.roles, start=first):
        names = {one.key: str(one.name) for one in sheet.decision.criteria_of(role)}
        found += [
            Rating(row, column, said.criterion, said.rating, names[said.criterion])
            for column, candidate in enumerate(candidates)
            for said in candidate.assessments.all()
            if said.role == role and said.criterion in names
        ]
    return found


def _fill(decision: Decision, metric: str, unit: str, candidates: Sequence[Candidate]) -> Filled:
    """Return which evidence fills the row of a metric in its unit, and what is left out of it."""
    standing = [
        one
        for one in decision.evidence.all()
        if one.metric == metric and not one.is_comparison and not one.is_withdrawn
    ]
    columns = {one.pk: place for place, one in enumerate(candidates)}
    left_out = []
    usable = []
    for one in standing:
        if why := _why_unusable(one, unit, columns):
            left_out.append(LeftOut(one, why))
        else:
            usable.append(one)
    chosen = _chosen(usable, columns)
    lost = [LeftOut(one, _why_not(one, chosen, columns)) for one in usable]
    kept = {one.pk for one in chosen.values()}
    return Filled(chosen, (*left_out, *(one for one in lost if one.evidence.pk not in kept)))


def _why_unusable(evidence: Evidence, unit: str, columns: Mapping[int, int]) -> str:
    """Return why a piece of evidence can fill no cell at all, or ""."""
    if evidence.candidate_id not in columns:
        return _("%(candidate)s is no longer considered.") % {"candidate": evidence.candidate}
    if evidence.unit != unit:
        told = {"unit": evidence.unit or _("no unit"), "asked": unit or _("no unit")}
        return _("It is in another unit (%(unit)s) than the goal (%(asked)s).") % told
    return ""


def _chosen(usable: Sequence[Evidence], columns: Mapping[int, int]) -> dict[int, Evidence]:
    """Return by column what is measured under the question that covers most candidates.

    Of several questions that cover as many it is the one answered last. A person's estimate
    stands only where nothing was measured.
    """
    chosen: dict[int, Evidence] = {}
    for one in usable:
        if one.is_estimate:
            chosen[columns[one.candidate_id]] = one
    groups: dict[str, list[Evidence]] = {}
    for one in usable:
        if not one.is_estimate:
            groups.setdefault(one.question, []).append(one)
    if groups:
        best = max(groups.values(), key=_covers)
        chosen |= {columns[one.candidate_id]: one for one in sorted(best, key=_number)}
    return chosen


def _covers(members: Sequence[Evidence]) -> tuple[int, int]:
    """Return how many candidates a question covers, and its newest evidence."""
    return len({one.candidate_id for one in members}), max(map(_number, members))


def _number(evidence: Evidence) -> int:
    return evidence.number


def _why_not(evidence: Evidence, chosen: Mapping[int, Evidence], columns: Mapping[int, int]) -> str:
    """Return why another piece of evidence than this one stands in its row."""
    other = chosen.get(columns[evidence.candidate_id])
    if other and evidence.is_estimate:
        return _("An estimate; %(other)s was measured.") % {"other": other.reference}
    reference = next((one for one in chosen.values() if not one.is_estimate), evidence)
    if evidence.question != reference.question:
        told = {"why": why_apart(evidence, reference), "other": reference.reference}
        return _("Not to be compared with %(other)s: %(why)s.") % told
    return _("%(other)s is newer.") % {"other": other.reference if other else ""}


def _fronts(matrix: Matrix) -> Iterator[tuple[Table, Front]]:
    """Give the front of quality against cost, then against latency, as far as either is known.

    What is measured counts here also where no goal is set on it.
    """
    goals = {goal.metric: goal for goal in matrix.decision.accepted_goals}
    qualities = [one for one in goals.values() if one.metric in QUALITIES]
    if not qualities:
        return
    quality = max(qualities, key=lambda one: one.weight)
    for offered in (COSTS, LATENCIES):
        asked_for = [one for one in offered if one in goals]
        drawn = (_front(matrix, quality, one, goals.get(one)) for one in asked_for or offered)
        if front := next((one for one in drawn if one[1].points), None):
            yield front


def _front(matrix: Matrix, quality: Goal, metric: str, goal: Goal | None) -> tuple[Table, Front]:
    """Return how candidates stand in a quality goal and in another metric."""
    candidates = considered(matrix.decision)
    against = _goal_row(goal) if goal else _plain_row(metric)
    rows = [_goal_row(quality), against]
    filled = [_fill(matrix.decision, row.key, row.unit, candidates) for row in rows]
    cells = {place: _cell(one) for place, one in _placed(filled).items()}
    table = make_table(rows, _columns(candidates), cells)
    return table, pareto(table, 0, 1)


def _plain_row(metric: str) -> Row:
    """Return the row of a metric on which no goal is set: less is better, no target."""
    known = METRICS[metric]
    return Row(metric, str(known.name), known.unit, nan, nan, at_least=False, weight=0.0)
