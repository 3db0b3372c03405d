"""What would change the winner: other weights, other ratings, the ends of intervals. Pure."""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import ceil, floor

import numpy as np
from django.utils.translation import gettext as _
from numpy.typing import NDArray

from decisions.numbers import format_number
from decisions.weighing.scores import SAME_PLACES, Weighed, leaders, shares_of
from decisions.weighing.table import (
    HEAVIEST,
    HIGHEST_RATING,
    LOWEST_RATING,
    Flags,
    Floats,
    Rating,
    Table,
)

PLACES = 2  # decimal places of a weight in a sentence, where they are enough
MOST_PLACES = 9
LEVEL = 1e-12

Places = NDArray[np.intp]


@dataclass(frozen=True, slots=True)
class Flip:
    """The weight of a row past which another candidate wins.

    At `weight` itself the two are level; past it `by` (a column) leads. `shown` is the first round
    weight past it at which `by` leads. `now` is the present weight; `rises` says on which side of
    it the flip lies.
    """

    row: int
    now: float
    weight: float
    shown: float
    by: int
    rises: bool

    @property
    def change(self) -> float:
        """Return by how much the weight would have to change."""
        return abs(self.weight - self.now)

    def words(self, table: Table, weighed: Weighed) -> str:
        """Return it as a sentence."""
        told = {
            "leader": table.columns[weighed.leader or 0].letter,
            "by": table.columns[self.by].letter,
            "row": table.rows[self.row].name,
            "now": format_number(self.now),
            "shown": format_number(self.shown),
        }
        return _sentence(self) % told


def _sentence(flip: Flip) -> str:
    """Return the sentence of a flip, with its gaps; who comes first is no clear winner by that."""
    if flip.change == 0:
        return _(
            "%(leader)s and %(by)s are level: with a weight of %(row)s of %(shown)s, %(by)s comes "
            "first."
        )
    if flip.rises:
        return _(
            "%(leader)s comes first unless the weight of %(row)s rises from %(now)s to %(shown)s "
            "or more; then %(by)s does."
        )
    if flip.shown == 0:
        return _(
            "%(leader)s comes first unless the weight of %(row)s falls from %(now)s to 0; then "
            "%(by)s does."
        )
    return _(
        "%(leader)s comes first unless the weight of %(row)s falls from %(now)s to %(shown)s or "
        "less; then %(by)s does."
    )


@dataclass(frozen=True, slots=True)
class RatingFlip:
    """One rating that, a point higher or lower, makes another candidate (`winner`) lead."""

    rating: Rating
    to: int
    winner: int

    def words(self, table: Table) -> str:
        """Return it as a sentence."""
        told = {
            "role": table.rows[self.rating.row].name,
            "criterion": self.rating.name or self.rating.criterion,
            "candidate": table.columns[self.rating.column].letter,
            "now": self.rating.rating,
            "to": self.to,
            "winner": table.columns[self.winner].letter,
        }
        return (
            _(
                "If %(role)s rated %(criterion)s of %(candidate)s %(to)s instead of %(now)s, "
                "%(winner)s would come first."
            )
            % told
        )


@dataclass(frozen=True, slots=True)
class Swing:
    """How far the leader's lead moves as one cell goes over what it may be.

    `from_value` and `to_value` are the ends in the row's unit (worth nothing and target where
    nothing is known); `at_from` and `at_to` the leader's lead over the best of the others then, in
    score (-1 to 1); below 0 another leads. None where the candidate would miss a must at that
    end and be out.
    """

    row: int
    column: int
    from_value: float
    to_value: float
    at_from: float | None
    at_to: float | None
    is_unknown: bool = False
    is_estimate: bool = False

    @property
    def length(self) -> float:
        """Return how far the lead moves; a leader that is out has lost by everything."""
        ends = [-1.0 if lead is None else lead for lead in (self.at_from, self.at_to)]
        return abs(ends[1] - ends[0])


def weight_flips(table: Table, weighed: Weighed) -> list[Flip]:
    """Return for each row the nearest weight below and above its own that changes the winner.

    Exact: a lead is linear in one weight when the others stay, so it is level at one weight only.
    Weights go from 0 to 100; where nothing in there changes the winner, a row has no flip.
    """
    leader = weighed.leader
    if leader is None:
        return []
    rivals = np.array([at for at in weighed.order if at != leader and not weighed.is_out[at]], int)
    slopes = weighed.utilities[:, [leader]] - weighed.utilities[:, rivals]
    leads = np.maximum(table.weights @ slopes, 0.0)
    found = [
        _flip(row, float(table.weights[row]), leads, slopes[row], rivals, rises)
        for row in range(len(table.rows))
        for rises in (False, True)
    ]
    return [one for one in found if one]


def lone_weight(table: Table) -> int | None:
    """Return the row that alone has a weight, None where none or several have.

    Without its weight nothing is weighed and nobody leads.
    """
    weighed = np.flatnonzero(table.weights).tolist()
    return int(weighed[0]) if len(weighed) == 1 else None


def _flip(
    row: int, now: float, leads: Floats, slopes: Floats, rivals: Places, rises: bool
) -> Flip | None:
    """Return the flip of one row to one side; `leads` and `slopes` are those over each rival."""
    losing = slopes < -LEVEL if rises else slopes > LEVEL
    if not losing.any():
        return None
    turns = np.where(losing, now - leads / np.where(losing, slopes, 1.0), np.inf)
    weight = float(np.min(turns) if rises else np.max(np.where(losing, turns, -np.inf)))
    # Past the weight at which several are level, the one that gains fastest leads.
    level = losing & (np.abs(turns - weight) <= LEVEL * max(1.0, weight))
    gains = np.where(level, np.round(np.abs(slopes), SAME_PLACES), -1.0)
    first = gains.max()
    by = int(rivals[gains == first].min())
    flip = Flip(row, now, weight, weight, by, rises)
    shown = _shown(flip, leads, slopes, rivals)
    return None if shown is None else replace(flip, shown=shown)


def _shown(flip: Flip, leads: Floats, slopes: Floats, rivals: Places) -> float | None:
    """Return the first round weight past a flip at which the candidate it names leads.

    None where there is none from 0 to 100.
    """
    for places in range(PLACES, MOST_PLACES):
        steps = round(flip.weight * 10.0**places, 4)
        at = (floor(steps) + 1 if flip.rises else ceil(steps) - 1) / 10.0**places
        then = np.round(leads + (at - flip.now) * slopes, SAME_PLACES)
        foremost = int(rivals[then == then.min()].min())
        if 0 <= at <= HEAVIEST and then.min() < 0 and foremost == flip.by:
            return at
    return None


def rating_flips(table: Table, weighed: Weighed) -> list[RatingFlip]:
    """Return every single rating that, a point higher or lower, would change the winner."""
    if weighed.leader is None or not table.ratings:
        return []
    moves = [
        (one, one.rating + by)
        for one in table.ratings
        for by in (-1, 1)
        if LOWEST_RATING <= one.rating + by <= HIGHEST_RATING
    ]
    rows = np.array([one.row for one, _to in moves])
    columns = np.array([one.column for one, _to in moves])
    # A rating is one of n whose mean is worth 0 at 1 and 1 at 5.
    steps = np.array([to - one.rating for one, to in moves])
    moved = steps / (HIGHEST_RATING - LOWEST_RATING) / table.n[rows, columns]
    winners = leaders(_with(weighed, columns, shares_of(table)[rows] * moved), weighed.is_out)
    return [
        RatingFlip(one, to, int(winner))
        for (one, to), winner in zip(moves, winners, strict=True)
        if winner != weighed.leader
    ]


def _with(weighed: Weighed, columns: Places, added: Floats) -> Floats:
    """Return a list of scores (K, C) for each of K additions to the score of one column."""
    scores = np.tile(weighed.scores, (len(columns), 1))
    scores[np.arange(len(columns)), columns] += added
    return scores


def swings(table: Table, weighed: Weighed) -> list[Swing]:
    """Return what each uncertain cell can do to the leader's lead, the farthest first.

    Cells that cannot move it, whatever they are, are left out.
    """
    if weighed.leader is None:
        return []
    ends = _ends(table)
    is_moving = (ends[0] != ends[1]) & ~weighed.is_out
    rows, columns = np.nonzero(is_moving)
    leads = [_leads(table, weighed, rows, columns, end) for end in ends]
    lead = float(_lead(weighed.scores[None], weighed.is_out[None], weighed.leader)[0])
    found = [
        Swing(
            row,
            column,
            float(ends[0][row, column]),
            float(ends[1][row, column]),
            _number(leads[0][at]),
            _number(leads[1][at]),
            bool(table.is_unknown[row, column]),
            bool(table.is_estimate[row, column]),
        )
        for at, (row, column) in enumerate(zip(rows.tolist(), columns.tolist(), strict=True))
    ]
    moving = [one for one in found if _moves(one, lead)]
    return sorted(moving, key=lambda one: -one.length)


def _ends(table: Table) -> tuple[Floats, Floats]:
    """Return between which values (R, C) each cell may lie; the same twice where it is fixed."""
    ends = []
    for end, nothing_known in ((table.low, table.zero), (table.high, table.one)):
        known = np.where(np.isnan(end), table.value, end)
        known = np.clip(known, table.lowest[:, None], table.highest[:, None])
        ends.append(np.where(table.is_unknown, nothing_known[:, None], known))
    return ends[0], ends[1]


def _leads(table: Table, weighed: Weighed, rows: Places, columns: Places, end: Floats) -> Floats:
    """Return the leader's lead (K,) with each of K cells at one end; NaN where it would be out."""
    worth = np.clip(table.worth(end), 0.0, 1.0)
    gained = (worth - weighed.utilities)[rows, columns] * shares_of(table)[rows]
    is_out = np.tile(weighed.is_out, (len(rows), 1))
    misses = table.is_open_must & (worth < 1)
    is_out[np.arange(len(rows)), columns] |= misses[rows, columns]
    return _lead(_with(weighed, columns, gained), is_out, weighed.leader or 0)


def _lead(scores: Floats, is_out: Flags, leader: int) -> Floats:
    """Return a candidate's lead over the best of the others left; NaN where it is out itself."""
    rivals = np.where(is_out, 0.0, scores)
    rivals[:, leader] = 0.0
    return np.where(is_out[:, leader], np.nan, scores[:, leader] - rivals.max(axis=1))


def _number(lead: float) -> float | None:
    """Return a lead, None where there is none."""
    return None if np.isnan(lead) else float(lead)


def _moves(swing: Swing, lead: float) -> bool:
    """Return whether a cell moves the lead at all."""
    ends = (swing.at_from, swing.at_to)
    return any(end is None or abs(end - lead) > LEVEL for end in ends)
