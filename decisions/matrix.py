"""A record as what is weighed: which evidence fills which cell, and what comes of it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import product
from math import nan

import numpy as np
from django.utils.text import get_text_list
from django.utils.translation import gettext as _

from decisions.caching import kept
from decisions.comparability import LeftOut, Standing, standing_of
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
class Matrix:
    """What is weighed of a record, and from what evidence; its weights are the saved ones.

    `apart` is what was measured for cells that hold nothing, as it may not be compared with the
    rest of its row; `left_out` is all evidence on goals that fills no cell.
    """

    decision: Decision
    table: Table
    sources: Mapping[Place, Evidence]
    apart: Mapping[Place, LeftOut]
    left_out: tuple[LeftOut, ...]


def matrix_of(decision: Decision) -> Matrix:
    """Return the accepted goals and rating roles by the candidates still considered.

    Only evidence that answers one question shares a row. Reads the prefetched rows.
    """
    goals, sheet = decision.accepted_goals, WeightSheet(decision)
    candidates = considered(decision)
    standing = [standing_of(decision, goal.metric, goal.unit) for goal in goals]
    sources = _placed(standing, candidates)
    rows = [
        *(_goal_row(goal) for goal in goals),
        *(role_row(key, sheet.names[key], weight=sheet.weights[key]) for key in sheet.roles),
    ]
    ratings = _ratings(sheet, candidates, len(goals))
    cells = {place: _cell(one) for place, one in sources.items()}
    table = make_table(rows, _columns(candidates), cells, ratings)
    left_out = tuple(one for row in standing for one in _left_out(row))
    return Matrix(decision, table, sources, _apart(standing, candidates), left_out)


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
        """Return the nearest weight of each row to either side that puts another first."""
        return weight_flips(self.table, self.weighed)

    @cached_property
    def rating_flips(self) -> list[RatingFlip]:
        """Return each rating that, a point higher or lower, puts another first."""
        return rating_flips(self.table, self.weighed)

    @property
    def flip_sentences(self) -> list[str]:
        """Return what weights would put another first, the smallest change first."""
        found = sorted(self.flips, key=lambda one: one.change)
        told = [one.words(self.table, self.weighed) for one in found]
        lone = lone_weight(self.table)
        if lone is not None:
            words = _("Only %(row)s has a weight: at 0 nothing is weighed, and nobody comes first.")
            told.append(words % {"row": self.table.rows[lone].name})
        return told

    @property
    def order_title(self) -> str:
        """Return what stands over the sentences on what would put another first."""
        return (
            _("What would flip it") if self.verdict.is_clear else _("What would change the order")
        )

    @property
    def order_words(self) -> str:
        """Return in what way somebody comes first where nobody clearly wins; "" for a winner."""
        if self.verdict.is_clear:
            return ""
        letters = [self.table.columns[at].letter for at in self.weighed.level]
        told = {"first": letters[0], "level": get_text_list(letters, _("and"))}
        if len(letters) > 1:
            words = _(
                "Nobody is clearly ahead: %(level)s have the same score. %(first)s is listed "
                "first, and this is what would put another there."
            )
            return words % told
        words = _(
            "Nobody is clearly ahead. By the scores alone %(first)s comes first, and this is what "
            "would put another there."
        )
        return words % told

    @property
    def steady_sentence(self) -> str:
        """Return of which rows no weight changes who comes first, "" if each has one that does."""
        moving = {one.row for one in self.flips} | {lone_weight(self.table)}
        steady = [row.name for at, row in enumerate(self.table.rows) if at not in moving]
        if not steady:
            return ""
        if not self.flip_sentences:
            return _("No single weight from 0 to 100 changes who comes first.")
        words = _("No weight from 0 to 100 of these alone changes who comes first: %(rows)s.")
        return words % {"rows": ", ".join(steady)}

    @property
    def rating_sentences(self) -> list[str]:
        """Return which ratings would change who comes first."""
        return [one.words(self.table) for one in self.rating_flips]

    @property
    def steady_rating_sentence(self) -> str:
        """Return that no rating changes who comes first, "" where one does or there is none."""
        if self.rating_flips or not self.table.ratings:
            return ""
        return _("No single rating, a point higher or lower, changes who comes first.")

    @cached_property
    def swings(self) -> list[Swing]:
        """Return what each uncertain cell can do to the leader's lead, the farthest first."""
        return swings(self.table, self.weighed)

    @cached_property
    def fronts(self) -> list[tuple[Table, Front]]:
        """Return the heaviest quality goal against cost and latency, each with its own table.

        Weights don't count here, so a candidate is out as it is under any.
        """
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


def _placed(standing: Sequence[Standing], candidates: Sequence[Candidate]) -> dict[Place, Evidence]:
    """Return the evidence of several rows by the places of their cells."""
    return {
        (row, column): found.chosen[one.pk]
        for row, found in enumerate(standing)
        for column, one in enumerate(candidates)
        if one.pk in found.chosen
    }


def _apart(standing: Sequence[Standing], candidates: Sequence[Candidate]) -> dict[Place, LeftOut]:
    """Return what was obtained for cells that hold nothing, and why it does not fill them."""
    return {
        (row, column): apart
        for row, found in enumerate(standing)
        for column, one in enumerate(candidates)
        if (apart := found.apart(one.pk))
    }


def _left_out(standing: Standing) -> Iterator[LeftOut]:
    """Give what fills no cell of a row; what stands of a candidate given up fills none either."""
    for one in standing.chosen.values():
        if one.candidate.is_dropped:
            why = _("%(candidate)s is no longer considered.") % {"candidate": one.candidate}
            yield LeftOut(one, why)
    yield from standing.left_out


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


def _fronts(matrix: Matrix) -> Iterator[tuple[Table, Front]]:
    """Give the front of quality against cost, then against latency, where two are known in both.

    What is measured counts here also where no goal is set on it; what a goal is set on comes
    first, of several qualities the heaviest.
    """
    goals = {goal.metric: goal for goal in matrix.decision.accepted_goals}
    qualities = [one for one in goals.values() if one.metric in QUALITIES]
    qualities.sort(key=lambda one: -one.weight)
    for offered in (COSTS, LATENCIES):
        asked_for_first = sorted(offered, key=lambda metric: metric not in goals)
        drawn = (
            _front(matrix, quality, metric, goals.get(metric))
            for quality, metric in product(qualities, asked_for_first)
        )
        if front := next((one for one in drawn if len(one[1].points) > 1), None):
            yield front


def _front(matrix: Matrix, quality: Goal, metric: str, goal: Goal | None) -> tuple[Table, Front]:
    """Return how candidates stand in a quality goal and in another metric."""
    candidates = considered(matrix.decision)
    against = _goal_row(goal) if goal else _plain_row(metric)
    rows = [_goal_row(quality), against]
    standing = [standing_of(matrix.decision, row.key, row.unit) for row in rows]
    cells = {place: _cell(one) for place, one in _placed(standing, candidates).items()}
    table = make_table(rows, _columns(candidates), cells)
    return table, pareto(table, 0, 1, out=np.flatnonzero(matrix.table.is_out).tolist())


def _plain_row(metric: str) -> Row:
    """Return the row of a metric on which no goal is set: less is better, no target."""
    known = METRICS[metric]
    return Row(metric, str(known.name), known.unit, nan, nan, at_least=False, weight=0.0)
