"""Weighted scores, and how sure they are: Monte Carlo over what the evidence leaves open. Pure."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from decisions.weighing.draws import Draws, draw
from decisions.weighing.table import Flags, Floats, Table

DRAWS = 10_000
SAME_PLACES = 12  # decimal places to which scores are told apart
SAME_DRAWN = 1e-6  # the same for the single precision of draws


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
    known exactly; `spread` (R, C) how much of its score the interval of a cell leaves open.
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
    level = np.where(is_out, -1.0, np.round(scores, SAME_PLACES))
    return np.asarray(level.argmax(axis=-1), np.intp)


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
    it. Candidates that share the best score share the draw. Cells are drawn independently; of
    candidates measured on the same cases the difference is known better than that, so chances
    here are rather too near to even.

    `worth_knowing` is the expected value of partial perfect information (Raiffa & Schlaifer 1961,
    Applied Statistical Decision Theory; Strong, Oakley & Brennan 2014, Medical Decision Making
    34:311). Scores add up and cells are independent, so given one cell the means of the others
    stand and no inner simulation is needed.
    """
    worths = draw(table, draws, np.random.default_rng(seed))
    shares = shares_of(table)
    scores = np.einsum("r,rcd->cd", shares.astype(np.float32), worths)
    scores[table.is_out] = -1.0
    # Whatever reaches its target is worth exactly 1.
    for row, column in np.argwhere(table.is_open_must):
        scores[column, worths[row, column] < 1] = -1.0
    best, nobody = _wins(scores)
    spread = shares[:, None] * _left_open(table)
    return Simulated(best, nobody, *_information(table, worths, shares), spread, draws)


def shares_of(table: Table) -> Floats:
    """Return the weights as shares of their sum, (R,); zeros if nothing has a weight."""
    return table.weights / (table.weights.sum() or 1.0)


def _wins(scores: Draws) -> tuple[Floats, float]:
    """Return how often each candidate has the best score, and how often none is left (below 0)."""
    if not len(scores):
        return np.zeros(0), 1.0
    top = scores.max(axis=0)
    is_best = (scores >= top - SAME_DRAWN) & (top >= 0)
    shared = is_best / np.maximum(is_best.sum(axis=0), 1).astype(np.float32)
    return shared.mean(axis=1, dtype=np.float64), float((top < 0).mean())


def _left_open(table: Table) -> Floats:
    """Return what part of the way from worthless to target each cell leaves open, (R, C)."""
    low, high = np.clip(table.worth(table.low), 0, 1), np.clip(table.worth(table.high), 0, 1)
    return np.where(table.is_unknown, 1.0, np.nan_to_num(np.abs(high - low)))


def _information(table: Table, worths: Draws, shares: Floats) -> tuple[Floats, Floats]:
    """Return expected scores (C,) and the worth of knowing each cell (R, C).

    With P the chance that all open musts are met and m the mean worth of a cell, the expected
    score is P Σ share x m, as a must that is met is worth 1. Given the worth u of one cell it is
    P (Σ share x m + share x (u - m)), or for an open must: nothing if missed, all over its own
    chance if met. Knowing is worth the mean of the better of that and the best rival, less the
    better of the two means.
    """
    is_open, means = table.is_open_must, worths.mean(axis=2, dtype=np.float64)
    chance = np.ones_like(means)
    chance[is_open] = (worths[is_open] >= 1).mean(axis=1)
    means[is_open] = 1.0
    sums, all_met = shares @ means, chance.prod(axis=0)
    expected = np.where(table.is_out, 0.0, all_met * sums)
    rival = _best_of_others(expected)
    better = _better_of(worths, means, shares[:, None] * all_met, expected - rival)
    for row, column in np.argwhere(is_open):
        others = np.delete(chance[:, column], row).prod()
        better[row, column] = chance[row, column] * max(0, others * sums[column] - rival[column])
    gained = better - np.maximum(expected - rival, 0.0)
    worth_knowing = np.where((gained > SAME_DRAWN) & ~table.is_out, gained, 0.0)
    return expected, worth_knowing


def _better_of(worths: Draws, means: Floats, slopes: Floats, ahead: Floats) -> Floats:
    """Return the mean (R, C) of a candidate's lead over its rival where that is above 0.

    A lead, `ahead` on average, moves by `slopes` for each worth that a cell has above its mean.
    """
    leads = np.broadcast_to(ahead, means.shape)
    # The worth of a cell from which on its candidate leads.
    turns = means - np.divide(leads, slopes, out=np.full_like(means, np.inf), where=slopes > 0)
    turning = (turns > 0) & (turns < 1)
    above = worths[turning] - turns[turning].astype(np.float32)[:, None]
    better = np.maximum(leads, 0.0)
    better[turning] = slopes[turning] * np.maximum(above, 0, out=above).mean(axis=1)
    return better


def _best_of_others(expected: Floats) -> Floats:
    """Return for each candidate the best expected score among the others; 0 without any."""
    rivals = np.tile(expected, (len(expected), 1))
    np.fill_diagonal(rivals, 0.0)
    return np.asarray(rivals.max(axis=1, initial=0.0), np.float64)
