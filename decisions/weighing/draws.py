"""What each cell may be worth: draws from what its evidence leaves open. Pure."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from decisions.weighing.table import Floats, Table

Z_95 = 1.959963984540054  # the normal quantile of 97.5 %

# Farther from worthless and target than this makes no difference, and single precision holds it.
FAR = 1e12

Draws = NDArray[np.float32]


def draw(table: Table, draws: int, generator: np.random.Generator) -> Draws:
    """Return what each cell is worth in each draw, (R, C, draws), 0 to 1.

    What is drawn doesn't depend on weights, so moving one changes nothing by chance.
    """
    parts = (table.value, table.low, table.high)
    middle, *ends = (np.clip(table.worth(part), -FAR, FAR) for part in parts)
    low, high = _sorted(*ends)
    drawn = np.empty((*middle.shape, draws), np.float32)
    below, above = np.nan_to_num((middle - low) / Z_95), np.nan_to_num((high - middle) / Z_95)
    drawn[:] = middle[..., None]
    for row in np.flatnonzero((below + above).any(axis=1)):
        _measured(middle[row], below[row], above[row], generator, out=drawn[row])
    estimated = table.is_estimate & ~np.isnan(low)
    drawn[estimated] = _estimated(
        middle[estimated], low[estimated], high[estimated], draws, generator
    )
    drawn[table.is_unknown] = generator.random((table.is_unknown.sum(), draws), np.float32)
    unknown_musts = table.is_unknown & table.must[:, None]
    drawn[unknown_musts] = np.round(drawn[unknown_musts])
    least, most = _sorted(table.worth(table.lowest), table.worth(table.highest))
    return np.clip(drawn, _bound(least), _bound(most), out=drawn)


def _sorted(one: Floats, other: Floats) -> tuple[Floats, Floats]:
    """Return the lesser and the greater, place by place."""
    return np.minimum(one, other), np.maximum(one, other)


def _bound(worth: Floats) -> Draws:
    """Return the bounds of rows as they are held against draws."""
    return np.clip(worth, 0.0, 1.0).astype(np.float32)[:, None, None]


def _measured(
    middle: Floats, below: Floats, above: Floats, generator: np.random.Generator, out: Draws
) -> None:
    """Fill `out` (C, draws) from C values with a standard deviation below and one above.

    Half of the draws lie on either side. A value with none on either side stays as it is.
    """
    generator.standard_normal(dtype=np.float32, out=out)
    falls = np.minimum(out, 0)
    falls *= _column(np.maximum(below, 0))
    np.maximum(out, 0, out=out)
    out *= _column(np.maximum(above, 0))
    out += falls
    out += _column(middle)


def _estimated(
    likely: Floats, low: Floats, high: Floats, draws: int, generator: np.random.Generator
) -> Draws:
    """Return draws (K, draws) from K estimates: triangular, by the inverse of its distribution."""
    likely = np.clip(likely, low, high)
    rise, fall = _column(likely - low), _column(high - likely)
    # From here on in distances from low, the chance as an area of the same scale.
    span = rise + fall
    area = generator.random((len(likely), draws), np.float32) * span
    distance = np.where(area < rise, np.sqrt(area * rise), span - np.sqrt((span - area) * fall))
    return np.asarray(distance + _column(low), np.float32)


def _column(parts: Floats) -> Draws:
    """Return K numbers as a column, in the precision of draws."""
    return parts.astype(np.float32)[:, None]
