"""Which candidates another beats in two respects at once: the Pareto front. Pure.

A candidate is dominated if another is at least as good in both respects and better in one
(Pareto 1906, Manuale di economia politica, chapter 6).
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from decisions.weighing.table import Row, Table


@dataclass(frozen=True, slots=True)
class Point:
    """One candidate in two respects: (value, low, high) in each row's unit.

    `dominated_by` holds the columns that are at least as good in both and better in one,
    `for_certain` those of them of which that holds whatever the intervals leave open. One that
    `is_out` is beaten by nobody, beats nobody and is not on the front.
    """

    column: int
    quality: tuple[float, float, float]
    against: tuple[float, float, float]
    dominated_by: tuple[int, ...] = ()
    for_certain: tuple[int, ...] = ()
    is_out: bool = False

    @property
    def is_on_front(self) -> bool:
        """Return whether no other candidate beats it."""
        return not (self.dominated_by or self.is_out)


@dataclass(frozen=True, slots=True)
class Front:
    """Candidates in two respects; those of which either is unknown are `left_out` (columns)."""

    quality: Row
    against: Row
    points: tuple[Point, ...]
    left_out: tuple[int, ...]


def pareto(table: Table, quality: int, against: int, out: Collection[int] = ()) -> Front:
    """Return how candidates stand in two rows, such as accuracy against cost.

    The columns that are `out`, as those candidates fail a must, are neither held against the
    others nor the others against them.
    """
    known = ~(table.is_unknown[quality] | table.is_unknown[against])
    rows = (table.rows[quality], table.rows[against])
    plain = [
        Point(at, _reach(table, quality, at), _reach(table, against, at), is_out=at in out)
        for at in range(len(table.columns))
        if known[at]
    ]
    running = [one for one in plain if not one.is_out]
    points = tuple(one if one.is_out else _judged(one, running, rows) for one in plain)
    left_out = tuple(at for at in range(len(table.columns)) if not known[at])
    return Front(*rows, points, left_out)


def _reach(table: Table, row: int, column: int) -> tuple[float, float, float]:
    """Return value, low and high of a cell; all the same without an interval."""
    value = float(table.value[row, column])
    low, high = float(table.low[row, column]), float(table.high[row, column])
    return (value, low, high) if low <= high else (value, value, value)


def _judged(point: Point, points: list[Point], rows: tuple[Row, Row]) -> Point:
    """Return a point with the others that dominate it."""
    better = [one for one in points if _dominates(_middle(one, rows), _middle(point, rows))]
    certain = [one.column for one in better if _is_certain(one, point, rows)]
    return Point(
        point.column,
        point.quality,
        point.against,
        tuple(one.column for one in better),
        tuple(certain),
    )


def _is_certain(better: Point, worse: Point, rows: tuple[Row, Row]) -> bool:
    """Return whether one's worst is better than, or with no interval level with, other's best."""
    return _dominates(_ends(better, rows, best=False), _ends(worse, rows, best=True))


def _dominates(one: tuple[float, float], other: tuple[float, float]) -> bool:
    """Return whether one is at least as good in both and better in one; more is better."""
    return one[0] >= other[0] and one[1] >= other[1] and one != other


def _middle(point: Point, rows: tuple[Row, Row]) -> tuple[float, float]:
    """Return the values of a point, turned so that more is better."""
    signs = [1.0 if row.at_least else -1.0 for row in rows]
    return signs[0] * point.quality[0], signs[1] * point.against[0]


def _ends(point: Point, rows: tuple[Row, Row], *, best: bool) -> tuple[float, float]:
    """Return the best or worst that a point may be in each respect; more is better."""
    found = []
    for row, (_value, low, high) in zip(rows, (point.quality, point.against), strict=True):
        ends = sorted((low, high) if row.at_least else (-low, -high))
        found.append(ends[-1] if best else ends[0])
    return found[0], found[1]
