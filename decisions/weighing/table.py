"""What is weighed: goals and roles in rows, candidates in columns, and what is known in the cells.

Pure: plain values in, arrays out. What a value is worth follows a linear single-attribute value
function (Keeney & Raiffa 1976, Decisions with Multiple Objectives, chapter 3).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from hashlib import sha256
from math import inf, isfinite, nan

import numpy as np
from numpy.typing import NDArray

from decisions.outcomes import Outcome, outcome

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]

LOWEST_RATING, HIGHEST_RATING = 1, 5
HEAVIEST = 100.0  # the largest weight that can be given
# Where the worst acceptable value is the target itself, a value is worth nothing or all.
STEP = 1e-9


@dataclass(frozen=True, slots=True)
class Column:
    """One candidate that is still considered."""

    letter: str
    name: str = ""

    def __str__(self) -> str:
        return f"{self.letter}. {self.name}" if self.name else self.letter


@dataclass(frozen=True, slots=True)
class Row:
    """One thing that counts: a goal, or what one role says of the candidates.

    `key` (a metric or a role) is unique in a table. `zero` is the value worth nothing, `one` the
    target, worth all, both in `unit` and NaN where no goal is set; `lowest` and `highest` bound
    what the metric can be. `has_worst` is False where nobody set a worst acceptable value.
    """

    key: str
    name: str
    unit: str = ""
    zero: float = 0.0
    one: float = 1.0
    at_least: bool = True
    weight: float = 1.0
    is_must: bool = False
    lowest: float = -inf
    highest: float = inf
    is_role: bool = False
    has_worst: bool = True

    def __post_init__(self) -> None:
        if not (isfinite(self.weight) and self.weight >= 0):
            raise ValueError("a weight is a number that is not negative")


def goal_row(
    key: str,
    name: str,
    *,
    target: float,
    at_least: bool,
    worst: float | None = None,
    unit: str = "",
    weight: float = 1.0,
    is_must: bool = False,
) -> Row:
    """Return the row of a goal; shares ("%") go from 0 to 100, all else has no known bounds.

    Without a worst acceptable value a goal counts from nothing: from 0 where the target is to be
    reached, from twice the target where it is not to be passed. Twice 0 is no scale: a share then
    counts from 100 %, anything else is worth all at its target and nothing beyond.
    """
    lowest, highest = (0.0, 100.0) if unit == "%" else (-inf, inf)
    nothing = target - abs(target) if at_least else target + abs(target)
    if not (target or at_least) and isfinite(highest):
        nothing = highest
    return Row(
        key,
        name,
        unit,
        nothing if worst is None else worst,
        target,
        at_least,
        weight,
        is_must,
        lowest,
        highest,
        has_worst=worst is not None,
    )


def role_row(key: str, name: str, *, weight: float = 1.0) -> Row:
    """Return the row of a role's ratings: the mean of what it gave, 1 worth 0 and 5 worth 1."""
    low, high = float(LOWEST_RATING), float(HIGHEST_RATING)
    return Row(key, name, "", low, high, True, weight, False, low, high, is_role=True)


@dataclass(frozen=True, slots=True)
class Cell:
    """What is known of one candidate in one row, in the row's unit.

    `low` and `high` are a 95 % interval, or with `is_estimate` the ends a person gave. `source`
    names what it was measured on: cells of one candidate that name the same one are wrong
    together. "" is a source of its own. `is_stale` marks what is out of date.
    """

    value: float
    low: float | None = None
    high: float | None = None
    n: int = 0
    is_estimate: bool = False
    source: str = ""
    is_stale: bool = False


@dataclass(frozen=True, slots=True)
class Source:
    """What one measurement says of one candidate (`column`), in one or several rows."""

    column: int
    rows: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Rating:
    """One rating (1 to 5) by the role in `row` of the candidate in `column` on one criterion."""

    row: int
    column: int
    criterion: str
    rating: int
    name: str = ""


@dataclass(frozen=True, eq=False)
class Table:
    """R rows by C columns; `value`, `low`, `high` (R, C) are NaN where nothing is known.

    `n` (R, C) is the number of cases, 0 where there is none; `is_estimate` (R, C) marks what a
    person estimated, `is_stale` (R, C) what is out of date; `ratings` are the single ratings
    behind the rows of roles. `sources` are what cells come from, each cell from one; goals of
    which nothing is known share one a candidate, as one measurement may tell them all. Make one
    with `make_table`.
    """

    rows: tuple[Row, ...]
    columns: tuple[Column, ...]
    value: Floats
    low: Floats
    high: Floats
    n: NDArray[np.int64]
    is_estimate: Flags
    is_stale: Flags
    sources: tuple[Source, ...]
    ratings: tuple[Rating, ...] = ()

    @cached_property
    def digest(self) -> str:
        """Return the SHA-256 (hex) of all that it says; equal tables have the same."""
        parts = (self.value, self.low, self.high, self.n, self.is_estimate, self.is_stale)
        named = repr((self.rows, self.columns, self.sources, self.ratings))
        return sha256(b"".join([named.encode(), *(one.tobytes() for one in parts)])).hexdigest()

    @cached_property
    def zero(self) -> Floats:
        """Return the values that are worth nothing, (R,)."""
        return np.array([row.zero for row in self.rows], np.float64)

    @cached_property
    def one(self) -> Floats:
        """Return the targets, which are worth all, (R,)."""
        return np.array([row.one for row in self.rows], np.float64)

    @cached_property
    def weights(self) -> Floats:
        """Return the weights as they were given, (R,)."""
        return np.array([row.weight for row in self.rows], np.float64)

    @cached_property
    def must(self) -> Flags:
        """Return which rows must be met, (R,)."""
        return np.array([row.is_must for row in self.rows], np.bool_)

    @cached_property
    def lowest(self) -> Floats:
        """Return the least that each row's values can be, (R,)."""
        return np.array([row.lowest for row in self.rows], np.float64)

    @cached_property
    def highest(self) -> Floats:
        """Return the most that each row's values can be, (R,)."""
        return np.array([row.highest for row in self.rows], np.float64)

    @cached_property
    def is_unknown(self) -> Flags:
        """Return which cells hold nothing, (R, C)."""
        return np.isnan(self.value)

    @cached_property
    def is_weighed(self) -> bool:
        """Return whether anything has a weight."""
        return bool(self.weights.any())

    @cached_property
    def outcomes(self) -> tuple[tuple[Outcome | None, ...], ...]:
        """Return what each cell says of its goal; None for roles and where nothing is known."""
        return tuple(
            tuple(self._outcome(row, column) for column in range(len(self.columns)))
            for row in range(len(self.rows))
        )

    @cached_property
    def is_out(self) -> Flags:
        """Return which candidates fail a must, whatever the truth within the interval, (C,)."""
        missed = [[one == Outcome.MISSED for one in row] for row in self.outcomes]
        return np.asarray((self._flags(missed) & self.must[:, None]).any(axis=0))

    @cached_property
    def is_open_must(self) -> Flags:
        """Return the musts of which is not known whether they are met, (R, C)."""
        open_or_unknown = [[one in (None, Outcome.OPEN) for one in row] for row in self.outcomes]
        return self._flags(open_or_unknown) & self.must[:, None]

    @cached_property
    def is_unproven(self) -> Flags:
        """Return of which candidates nothing at all is known on a must, (C,)."""
        return np.asarray((self.is_unknown & self.must[:, None]).any(axis=0))

    def unknown_musts(self, column: int) -> list[int]:
        """Return the places of the musts on which nothing is known of a candidate."""
        return np.flatnonzero(self.is_unknown[:, column] & self.must).tolist()

    def failed_musts(self, column: int) -> list[int]:
        """Return the places of the musts that a candidate fails."""
        rows = enumerate(self.outcomes)
        return [at for at, row in rows if self.must[at] and row[column] == Outcome.MISSED]

    def worth(self, values: Floats) -> Floats:
        """Return what values (R, …) in their units are worth: 0 at `zero`, 1 at `one`, unclipped.

        Linear either way; NaN stays NaN.
        """
        span = self.one - self.zero
        signs = np.array([1.0 if row.at_least else -1.0 for row in self.rows])
        tiny = STEP * np.maximum(1.0, np.abs(self.one)) * signs
        span = np.where(span == 0, tiny, span)
        across = (slice(None),) + (None,) * (values.ndim - 1)
        return np.asarray(1 + (values - self.one[across]) / span[across], np.float64)

    def place(self, key: str) -> int:
        """Return the place of a row; KeyError if there is none of this key."""
        places = {row.key: place for place, row in enumerate(self.rows)}
        return places[key]

    def with_weights(self, weights: Mapping[str, float]) -> Table:
        """Return the same table with other weights for the rows of these keys."""
        rows = tuple(replace(row, weight=weights.get(row.key, row.weight)) for row in self.rows)
        return replace(self, rows=rows)

    def _outcome(self, row: int, column: int) -> Outcome | None:
        """Return what a cell says of its goal; what a person estimates decides nothing."""
        if self.rows[row].is_role or self.is_unknown[row, column]:
            return None
        if self.is_estimate[row, column]:
            return Outcome.OPEN
        low, high = self.low[row, column], self.high[row, column]
        bounded = isfinite(low) and isfinite(high)
        return outcome(
            float(self.value[row, column]),
            float(low) if bounded else None,
            float(high) if bounded else None,
            target=self.rows[row].one,
            at_least=self.rows[row].at_least,
        )

    def _flags(self, told: list[list[bool]]) -> Flags:
        return np.array(told, np.bool_).reshape(len(self.rows), len(self.columns))


def make_table(
    rows: Sequence[Row],
    columns: Sequence[Column],
    cells: Mapping[tuple[int, int], Cell],
    ratings: Sequence[Rating] = (),
) -> Table:
    """Return a table from what is known by (place of row, place of column).

    The rows of roles are filled with the means of their ratings.
    """
    shape = (len(rows), len(columns))
    value, low, high = np.full((3, *shape), nan)
    n, (is_estimate, is_stale) = np.zeros(shape, np.int64), np.zeros((2, *shape), np.bool_)
    known = {**cells, **_means(ratings)}
    for at, cell in known.items():
        value[at], n[at] = cell.value, cell.n
        is_estimate[at], is_stale[at] = cell.is_estimate, cell.is_stale
        if cell.low is not None and cell.high is not None:
            low[at], high[at] = cell.low, cell.high
    sources = _sources(rows, len(columns), known)
    return Table(
        tuple(rows),
        tuple(columns),
        value,
        low,
        high,
        n,
        is_estimate,
        is_stale,
        sources,
        tuple(ratings),
    )


def _sources(
    rows: Sequence[Row], columns: int, cells: Mapping[tuple[int, int], Cell]
) -> tuple[Source, ...]:
    """Return what the cells come from, by column and first row.

    What was estimated and what was measured never come from the same.
    """
    found: list[Source] = []
    for column in range(columns):
        places: dict[tuple[object, ...], list[int]] = {}
        for at, row in enumerate(rows):
            places.setdefault(_origin(row, at, cells.get((at, column))), []).append(at)
        found += [Source(column, tuple(one)) for one in places.values()]
    return tuple(found)


def _origin(row: Row, at: int, cell: Cell | None) -> tuple[object, ...]:
    """Return what tells the source of a cell from the others of its candidate."""
    if cell is None:
        return ("a role", at) if row.is_role else ("unknown",)
    return ("named", cell.source, cell.is_estimate) if cell.source else ("its own", at)


def _means(ratings: Sequence[Rating]) -> dict[tuple[int, int], Cell]:
    """Return the mean of each role's ratings of each candidate."""
    given: dict[tuple[int, int], list[int]] = {}
    for one in ratings:
        given.setdefault((one.row, one.column), []).append(one.rating)
    return {at: Cell(sum(marks) / len(marks), n=len(marks)) for at, marks in given.items()}
