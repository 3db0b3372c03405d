"""Weighted scores, and how sure they are: Monte Carlo over what the evidence leaves open. Pure."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from decisions.weighing.table import Flags, Floats, Table

DRAWS = 10_000
Z_95 = 1.959963984540054  # the normal quantile of 97.5 %
SAME_PLACES = 12  # decimal places to which scores are told apart
SAME_DRAWN = 1e-6  # the same for the single precision of draws

Draws = NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class Weighed:
    """What the values alone come to.

    `utilities` (R, C) from 0 to 1; `scores` (C,) their weighted means, 0 to 1; `is_out` (C,);
    `order` the places of columns from first to last, those that are out at the end. `leader` is
    None where no candidate is left or nothing has a weight, `runner_up` where fewer than two are.
    `margin` is the leader's lead as a share of its own score.
    """

    utilities: Floats
    scores: Floats
    is_out: Flags
    order: tuple[int, ...]
    leader: int | None
    runner_up: int | None
    margin: float


@dataclass(frozen=True, eq=False)
class Simulated:
    """What the draws come to.

    `best` (C,) is the probability of being best, `nobody` that every candidate fails a must.
    `expected` (C,) is the expected score, a failed must counting as 0. `worth_knowing` (R, C) is
    by how much (in score, 0 to 1) the choice would be better on average if that one cell were
    known exactly; `spread` (R, C) the standard deviation that the cell gives its score.
    """

    best: Floats
    nobody: float
    expected: Floats
    worth_knowing: Floats
    spread: Floats
    draws: int


def weigh(table: Table) -> Weighed:
    """Return the weighted scores: Σ weight x worth / Σ weight; what is not known is worth 0.

    Of equal candidates the one that stands first in the table comes first.
    """
    utilities = np.nan_to_num(np.clip(table.worth(table.value), 0.0, 1.0), nan=0.0)
    total = float(table.weights.sum())
    scores = table.weights @ utilities / total if total else np.zeros(len(table.columns))
    order = _order(scores, table.is_out)
    standing = [at for at in order if not table.is_out[at]] if total else []
    leader, runner_up = [*standing, None, None][:2]
    return Weighed(
        utilities, scores, table.is_out, order, leader, runner_up, _margin(scores, standing)
    )


def leaders(scores: Floats, is_out: Flags) -> NDArray[np.intp]:
    """Return the place of the best candidate left in each of many score lists (…, C)."""
    return np.where(is_out, -1.0, np.round(scores, SAME_PLACES)).argmax(axis=-1)


def _order(scores: Floats, is_out: Flags) -> tuple[int, ...]:
    """Return the places from best to worst."""
    level = np.round(scores, SAME_PLACES)
    places = range(len(scores))
    return tuple(sorted(places, key=lambda at: (bool(is_out[at]), -float(level[at]), at)))


def _margin(scores: Floats, standing: list[int]) -> float:
    """Return the lead of the first over the second, as a share of the first; 1 over nobody."""
    if not standing or scores[standing[0]] <= 0:
        return 0.0
    first = float(scores[standing[0]])
    second = float(scores[standing[1]]) if len(standing) > 1 else 0.0
    return max(0.0, (first - second) / first)


def simulate(table: Table, draws: int = DRAWS, seed: int = 0) -> Simulated:
    """Return how often each candidate is best when every cell is drawn from what is known of it.

    A value with an interval: two halves of normals that meet at the value, each with half of the
    probability, so that 2.5 % lie beyond either end. An estimate: triangular from low over likely
    to high. A value alone is fixed; nothing known: anything from worthless to target, and for a
    must even odds. A must that is open or unknown puts its candidate out where the draw misses
    it. Candidates that share the best score share the draw.

    `worth_knowing` is the expected value of partial perfect information (Raiffa & Schlaifer 1961,
    Applied Statistical Decision Theory; Strong, Oakley & Brennan 2014, Medical Decision Making
    34:311). Scores add up and cells are independent, so given one cell the means of the others
    stand and no inner simulation is needed.
    """
    worths = _draw(table, draws, np.random.default_rng(seed))
    shares = shares_of(table)
    scores = np.tensordot(shares.astype(np.float32), worths, axes=1)
    scores[table.is_out] = -1.0
    # Whatever reaches its target is worth exactly 1.
    for row, column in np.argwhere(table.is_open_must):
        scores[column, worths[row, column] < 1] = -1.0
    best, nobody = _wins(scores)
    return Simulated(best, nobody, *_information(table, worths, shares), draws)


def shares_of(table: Table) -> Floats:
    """Return the weights as shares of their sum, (R,); zeros if nothing has a weight."""
    return table.weights / (table.weights.sum() or 1.0)


def _draw(table: Table, draws: int, generator: np.random.Generator) -> Draws:
    """Return what each cell is worth in each draw, (R, C, draws), 0 to 1.

    What is drawn doesn't depend on weights, so moving one changes nothing by chance.
    """
    middle = table.worth(table.value)
    ends = np.sort(np.stack([table.worth(table.low), table.worth(table.high)]), axis=0)
    is_bounded = ~np.isnan(ends[0]) & ~table.is_unknown
    drawn = np.empty((*middle.shape, draws), np.float32)
    drawn[:] = middle[..., None]
    measured, estimated = is_bounded & ~table.is_estimate, is_bounded & table.is_estimate
    drawn[measured] = _measured(middle[measured], *ends[:, measured], draws, generator)
    drawn[estimated] = _estimated(middle[estimated], *ends[:, estimated], draws, generator)
    drawn[table.is_unknown] = generator.random((table.is_unknown.sum(), draws), np.float32)
    unknown_musts = table.is_unknown & table.must[:, None]
    drawn[unknown_musts] = np.round(drawn[unknown_musts])
    bounds = np.sort(np.stack([table.worth(table.lowest), table.worth(table.highest)]), axis=0)
    low, high = np.clip(bounds, 0.0, 1.0).astype(np.float32)[:, :, None, None]
    return np.clip(drawn, low, high, out=drawn)


def _measured(
    middle: Floats, low: Floats, high: Floats, draws: int, generator: np.random.Generator
) -> Draws:
    """Return draws (K, draws) from K measured values with 95 % intervals."""
    normal = generator.standard_normal((len(middle), draws), np.float32)
    below, above, middle = (
        part.astype(np.float32)[:, None]
        for part in (
            np.maximum(middle - low, 0) / Z_95,
            np.maximum(high - middle, 0) / Z_95,
            middle,
        )
    )
    drawn = np.minimum(normal, 0)
    drawn *= below
    np.maximum(normal, 0, out=normal)
    normal *= above
    drawn += normal
    drawn += middle
    return drawn


def _estimated(
    likely: Floats, low: Floats, high: Floats, draws: int, generator: np.random.Generator
) -> Draws:
    """Return draws (K, draws) from K estimates: triangular, by the inverse of its distribution."""
    chance = generator.random((len(likely), draws), np.float32)
    likely = np.clip(likely, low, high)
    span = np.where(high > low, high - low, 1.0)
    low, likely, high, span = (
        part.astype(np.float32)[:, None] for part in (low, likely, high, span)
    )
    rising = low + np.sqrt(chance * span * (likely - low))
    falling = high - np.sqrt((1 - chance) * span * (high - likely))
    return np.where(chance * span < likely - low, rising, falling)


def _wins(scores: Draws) -> tuple[Floats, float]:
    """Return how often each candidate has the best score, and how often none is left (below 0)."""
    if not len(scores):
        return np.zeros(0), 1.0
    top = scores.max(axis=0)
    is_best = (scores >= top - SAME_DRAWN) & (top >= 0)
    shared = is_best / np.maximum(is_best.sum(axis=0), 1).astype(np.float32)
    return shared.mean(axis=1, dtype=np.float64), float((top < 0).mean())


def _information(table: Table, worths: Draws, shares: Floats) -> tuple[Floats, Floats, Floats]:
    """Return expected scores (C,), the worth of knowing each cell and its spread, both (R, C).

    With P the chance that all open musts are met and m the mean worth of a cell, the expected
    score is P Σ share x m, as a must that is met is worth 1. Given the worth u of one cell it is
    P (Σ share x m + share x (u - m)), or for an open must: nothing if missed, all over its own
    chance if met. Knowing is worth the mean of the better of that and the best rival, less the
    better of the two means.
    """
    is_open, means = table.is_open_must, worths.mean(axis=2, dtype=np.float64)
    chance = (
        np.where(is_open, (worths >= 1).mean(axis=2), 1.0) if is_open.any() else np.ones_like(means)
    )
    means = np.where(is_open, 1.0, means)
    sums, all_met = shares @ means, chance.prod(axis=0)
    expected = np.where(table.is_out, 0.0, all_met * sums)
    rival = _best_of_others(expected)
    ahead = expected - rival
    slopes = shares[:, None] * all_met
    # The worth from which on a cell makes its candidate the choice.
    turns = means - np.divide(ahead, slopes, out=np.full_like(means, np.inf), where=slopes > 0)
    above = np.maximum(worths - turns.astype(np.float32)[..., None], 0).mean(axis=2)
    gains = np.where(slopes > 0, slopes * above, 0.0)
    for row, column in np.argwhere(is_open):
        others = np.delete(chance[:, column], row).prod()
        gains[row, column] = chance[row, column] * max(0, others * sums[column] - rival[column])
    worth_knowing = np.maximum(gains - np.maximum(ahead, 0.0), 0.0)
    worth_knowing[worth_knowing < SAME_DRAWN] = 0.0
    worth_knowing[:, table.is_out] = 0.0
    return expected, worth_knowing, shares[:, None] * worths.std(axis=2)


def _best_of_others(expected: Floats) -> Floats:
    """Return for each candidate the best expected score among the others; 0 without any."""
    rivals = np.tile(expected, (len(expected), 1))
    np.fill_diagonal(rivals, 0.0)
    return rivals.max(axis=1, initial=0.0)
