"""What each cell may be worth: draws from what its evidence leaves open. Pure."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from decisions.weighing.table import Flags, Floats, Source, Table

Z_95 = 1.959963984540054  # the normal quantile of 97.5 %

# Farther from worthless and target than this makes no difference, and single precision holds it.
FAR = 1e12

Draws = NDArray[np.float32]
Place = tuple[int, int]  # of a cell: row, column


def draw(table: Table, draws: int, generator: np.random.Generator) -> Draws:
    """Return what each cell is worth in each draw, (R, C, draws), 0 to 1.

    The cells of one source share one draw, all of them towards better or all towards worse: what
    was measured on the same cases is wrong together, and a sum of parts that move together is as
    uncertain as it can be (Dhaene et al. 2002, Insurance: Mathematics and Economics 31:3). So one
    measurement never counts as several. What is drawn doesn't depend on weights, so moving one
    changes nothing by chance.
    """
    known = _known(table)
    drawn = np.repeat(known.middle.astype(np.float32)[..., None], draws, axis=2)
    _fill_measured(table, known, generator, drawn)
    _fill_guessed(table, known, generator, drawn)
    least, most = _sorted(table.worth(table.lowest), table.worth(table.highest))
    return np.clip(drawn, _bound(least), _bound(most), out=drawn)


@dataclass(frozen=True, eq=False)
class _Known:
    """What is known of each cell, all (R, C): its worth, and between what it may lie."""

    middle: Floats
    low: Floats
    high: Floats
    is_bounded: Flags


def _known(table: Table) -> _Known:
    """Return what is known; what has no ends reaches from worthless to target."""
    parts = (table.value, table.low, table.high)
    middle, *ends = (np.clip(table.worth(part), -FAR, FAR) for part in parts)
    low, high = _sorted(*ends)
    is_bounded = ~np.isnan(low)
    return _Known(
        middle, np.where(is_bounded, low, 0.0), np.where(is_bounded, high, 1.0), is_bounded
    )


def _sorted(one: Floats, other: Floats) -> tuple[Floats, Floats]:
    """Return the lesser and the greater, place by place."""
    return np.minimum(one, other), np.maximum(one, other)


def _bound(worth: Floats) -> Draws:
    """Return the bounds of rows as they are held against draws."""
    return np.clip(worth, 0.0, 1.0).astype(np.float32)[:, None, None]


def _cells(source: Source, of: Flags) -> list[Place]:
    """Return the places of a source's cells among those that are flagged (R, C)."""
    return [(row, source.column) for row in source.rows if of[row, source.column]]


def _fill_measured(
    table: Table, known: _Known, generator: np.random.Generator, drawn: Draws
) -> None:
    """Fill what was measured with two halves of normals that meet at the value.

    Half of the draws lie on either side, and 2.5 % beyond either end.
    """
    below = np.maximum((known.middle - known.low) / Z_95, 0).astype(np.float32)
    above = np.maximum((known.high - known.middle) / Z_95, 0).astype(np.float32)
    measured = known.is_bounded & ~table.is_estimate
    for source in table.sources:
        if not (cells := _cells(source, measured)):
            continue
        rises: Draws = np.empty(drawn.shape[2], np.float32)
        generator.standard_normal(dtype=np.float32, out=rises)
        falls = np.minimum(rises, 0)
        np.maximum(rises, 0, out=rises)
        for at in cells:
            drawn[at] += above[at] * rises
            drawn[at] += below[at] * falls


def _fill_guessed(
    table: Table, known: _Known, generator: np.random.Generator, drawn: Draws
) -> None:
    """Fill what was estimated, with a triangle from low over likely to high, and the unknown.

    What is unknown may be anything between worthless and target. Where no ends are known of a
    must, it counts as met or as missed, whichever is nearer.
    """
    guessed = table.is_estimate | table.is_unknown
    nearest = ~known.is_bounded & table.must[:, None]
    for source in table.sources:
        if not (cells := _cells(source, guessed)):
            continue
        chance: Draws = np.empty(drawn.shape[2], np.float32)
        generator.random(dtype=np.float32, out=chance)
        for at in cells:
            guess = chance if table.is_unknown[at] else _triangular(chance, known, at)
            drawn[at] = np.round(guess) if nearest[at] else guess


def _triangular(chance: Draws, known: _Known, at: Place) -> Draws:
    """Return draws of one estimate: the inverse of its distribution at each chance."""
    low, high = float(known.low[at]), float(known.high[at])
    likely, span = min(max(float(known.middle[at]), low), high), high - low
    # From here on in distances from low, the chance as an area of the same scale.
    area, rise, fall = chance * span, likely - low, high - likely
    distance = np.where(
        area < rise,
        np.sqrt(area * rise),
        span - np.sqrt(np.maximum(span - area, 0) * fall),
    )
    return np.asarray(distance + low, np.float32)
