"""Weighted scores, and how sure they are: Monte Carlo over what the evidence leaves open. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from decisions.weighing.draws import Draws, draw
from decisions.weighing.table import Flags, Floats, Table

DRAWS = 10_000
SAME_PLACES = 12  # decimal places to which scores are told apart
SAME_DRAWN = 1e-6  # the same for the single precision of draws

Hits = NDArray[np.bool_]


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

    @property
    def has_order(self) -> bool:
        """Return whether there is a first of several, and it scores more than nothing."""
        return self.runner_up is not None and bool(self.scores[self.order[0]] > 0)

    @property
    def level(self) -> list[int]:
        """Return the columns that share the best score, in the table's order; at least one."""
        best = np.round(self.scores, SAME_PLACES)
        return np.flatnonzero(~self.is_out & (best == best[self.order[0]])).tolist()


@dataclass(frozen=True, eq=False)
class Simulated:
    """What the draws come to.

    `best` (C,) is the probability of being best, `nobody` that every candidate fails a must.
    For each of the table's sources, (S,): `worth_knowing` is by how much (in score, 0 to 1) the
    choice would be better on average if it were known exactly, `deviation` the standard deviation
    (in score) of what it adds to its candidate.
    """

    best: Floats
    nobody: float
    worth_knowing: Floats
    deviation: Floats
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
    must even odds. A must that is open, estimated or unknown puts its candidate out where the
    draw misses it. Candidates that share the best score share the draw.

    Cells of one source move together (see `draw`), those of different sources and those of
    different candidates independently. Of candidates measured on the same cases the difference is
    known better than that, so between two the chances are rather too near to even.

    `worth_knowing` is the expected value of partial perfect information (Raiffa & Schlaifer 1961,
    Applied Statistical Decision Theory; Strong, Oakley & Brennan 2014, Medical Decision Making
    34:311) about one source: what would be measured again. Scores add up and sources are
    independent, so given one the means of the others stand and no inner simulation is needed.
    """
    worths = draw(table, draws, np.random.default_rng(seed))
    parts, meets = _parts(table, worths), _meets(table, worths)
    owners = np.array([source.column for source in table.sources], np.intp)
    scores = np.zeros((len(table.columns), draws), np.float32)
    for owner, part in zip(owners, parts, strict=True):
        scores[owner] += part
    scores[table.is_out] = -1.0
    for at, met in meets.items():
        scores[owners[at], ~met] = -1.0
    best, nobody = _wins(scores)
    return Simulated(best, nobody, _information(table, parts, meets), _deviation(parts), draws)


def _parts(table: Table, worths: Draws) -> Draws:
    """Return what each source adds to the score of its candidate in each draw, (S, draws)."""
    shares = shares_of(table).astype(np.float32)
    parts = np.empty((len(table.sources), worths.shape[2]), np.float32)
    for part, source in zip(parts, table.sources, strict=True):
        np.multiply(worths[source.rows[0], source.column], shares[source.rows[0]], out=part)
        for row in source.rows[1:]:
            part += shares[row] * worths[row, source.column]
    return parts


def _meets(table: Table, worths: Draws) -> dict[int, Hits]:
    """Return in which draws the open musts of a source are all met, by its place; (draws,) each.

    Whatever reaches its target is worth exactly 1.
    """
    found: dict[int, Hits] = {}
    for at, source in enumerate(table.sources):
        musts = [row for row in source.rows if table.is_open_must[row, source.column]]
        if musts:
            found[at] = np.all(worths[musts, source.column] >= 1, axis=0)
    return found


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


def _information(table: Table, parts: Draws, meets: Mapping[int, Hits]) -> Floats:
    """Return the worth of knowing each source, (S,).

    With p the chance that a source's open musts are met and m the mean of what it adds where they
    are, a candidate's expected score is Π p Σ m over its sources. Given what one adds, its own p
    and m give way to that, or all is 0 where a must is missed. Knowing is worth the mean of the
    better of that and the best rival, less the better of the two means.
    """
    chance, means = _chances(parts, meets)
    places = [
        [at for at, source in enumerate(table.sources) if source.column == column]
        for column in range(len(table.columns))
    ]
    expected = np.array([chance[own].prod() * means[own].sum() for own in places], np.float64)
    expected[table.is_out] = 0.0
    rivals = _best_of_others(expected)
    found = np.zeros(len(parts))
    for column, own in enumerate(places):
        if not table.is_out[column]:
            now = max(float(expected[column] - rivals[column]), 0.0)
            for at in own:
                others = [one for one in own if one != at]
                rest, odds = means[others].sum(), chance[others].prod()
                ahead = _ahead(parts[at], meets.get(at), float(odds), rest, rivals[column])
                found[at] = ahead - now
    return np.where(found > SAME_DRAWN, found, 0.0)


def _deviation(parts: Draws) -> Floats:
    """Return the standard deviation of what each source adds, (S,)."""
    centred = parts - parts.mean(axis=1, keepdims=True)
    squares = np.einsum("sd,sd->s", centred, centred, dtype=np.float32)
    return np.asarray(np.sqrt(squares / parts.shape[1]), np.float64)


def _chances(parts: Draws, meets: Mapping[int, Hits]) -> tuple[Floats, Floats]:
    """Return how often each source's open musts are met, and the mean of what it adds then."""
    chance, means = np.ones(len(parts)), parts.mean(axis=1, dtype=np.float64)
    for at, met in meets.items():
        chance[at] = met.mean()
        means[at] = parts[at, met].mean(dtype=np.float64) if met.any() else 0.0
    return chance, means


def _ahead(part: Draws, met: Hits | None, odds: float, rest: float, rival: float) -> float:
    """Return the mean lead over a rival, where there is one, given each draw of one source.

    `odds` are those of the musts of the candidate's other sources, which add `rest`.
    """
    lead = odds * (part + np.float32(rest)) - np.float32(rival)
    np.maximum(lead, 0, out=lead)
    if met is not None:
        lead *= met
    return float(lead.mean(dtype=np.float64))


def _best_of_others(expected: Floats) -> Floats:
    """Return for each candidate the best expected score among the others; 0 without any."""
    rivals = np.tile(expected, (len(expected), 1))
    np.fill_diagonal(rivals, 0.0)
    return np.asarray(rivals.max(axis=1, initial=0.0), np.float64)
