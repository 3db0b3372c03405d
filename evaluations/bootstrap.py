"""Intervals for figures that are no plain share: the bias-corrected, accelerated bootstrap.

Cases are what is drawn. Where a case was answered several times, `clusters` names the case of each
answer, and its answers are drawn together: repeats make no case count twice. All is seeded: the
same answers give the same interval.
"""

import math
from collections.abc import Callable, Iterator, Sequence
from statistics import NormalDist
from typing import Any

import numpy as np
from numpy.typing import NDArray

from evaluations.scorers.words import normalised
from evaluations.statistics import Interval, normal_quantile, wilson

METHOD = "BCa bootstrap"
RESAMPLES = 2000
CHUNK = 250  # resamples at once, so that memory stays at a few megabytes
CELLS = 1_000_000  # numbers at once, for the same reason
OFTEN = 8  # times that values come on average where their counts are drawn instead of the cases
BLOCKS = 500  # groups of cases that a jackknife leaves out at most

Floats = NDArray[np.float64]
Places = NDArray[np.intp]
Statistic = Callable[[NDArray[Any]], NDArray[Any]]
Values = Sequence[float | None] | Floats


def score_interval(
    values: Values,
    clusters: Sequence[Any] | None = None,
    *,
    seed: int = 0,
    confidence: float = 0.95,
) -> Interval:
    """Return the interval of mean scores: Wilson where cases are right or wrong, else BCa.

    None is a failure and counts as 0. Raise ValueError without values.
    """
    means = case_means(values, clusters)
    if is_right_or_wrong(means):
        return wilson(int(means.sum()), len(means), confidence)
    return mean_interval(means, seed=seed, confidence=confidence)


def is_right_or_wrong(values: Floats) -> bool:
    """Return whether all values are 0 or 1."""
    return bool(np.isin(values, (0.0, 1.0)).all())


def case_means(values: Values, clusters: Sequence[Any] | None = None) -> Floats:
    """Return each case's mean score in the order of first appearance, shape (cases,).

    None and NaN are failures and count as 0. Every case weighs the same, however often it was
    answered. Raise ValueError without values or if the lengths differ.
    """
    scores = np.nan_to_num(np.array(values, dtype=np.float64), nan=0.0)
    if not len(scores):
        raise ValueError("a mean needs at least one value")
    if clusters is None:
        return scores
    if len(clusters) != len(scores):
        raise ValueError(f"{len(scores)} values, but {len(clusters)} names of their cases")
    places: dict[Any, int] = {}
    at = [places.setdefault(case, len(places)) for case in clusters]
    means: Floats = np.bincount(at, weights=scores) / np.bincount(at)
    return means


def mean_interval(
    values: Values,
    clusters: Sequence[Any] | None = None,
    *,
    seed: int = 0,
    confidence: float = 0.95,
    resamples: int = RESAMPLES,
) -> Interval:
    """Return the BCa interval of the mean over cases (Efron 1987).

    Without ends for a single case, and without width where all cases are the same: the sample
    then says nothing of how far others may lie. Raise ValueError without values.
    """
    means = case_means(values, clusters)
    n = len(means)
    if n == 1:
        return Interval(None, None, confidence, METHOD)
    resampled = _resampled_means(means, np.random.default_rng(seed), resamples)
    left_out = (means.sum() - means) / (n - 1)
    return bca(float(means.mean()), resampled, left_out, confidence)


def _resampled_means(values: Floats, generator: np.random.Generator, resamples: int) -> Floats:
    """Return the mean of each resample, shape (resamples,).

    Where there are few distinct values it is enough to draw how often each of them comes.
    """
    n = len(values)
    distinct, counts = np.unique(values, return_counts=True)
    if come_often(distinct, n):
        drawn = generator.multinomial(n, counts / n, size=resamples)
        means: Floats = drawn @ distinct / n
        return means
    parts = [values[draws].mean(axis=1) for draws in _draws(n, generator, resamples)]
    return np.concatenate(parts)


def come_often(distinct: Floats, n: int) -> bool:
    """Return whether n cases have so few distinct values that drawing their counts is quicker."""
    return len(distinct) * OFTEN <= n


def _draws(n: int, generator: np.random.Generator, resamples: int) -> Iterator[Places]:
    """Yield which of n cases each resample holds, in chunks of shape (some, n)."""
    some = max(1, CELLS // n)
    for start in range(0, resamples, some):
        yield generator.integers(0, n, size=(min(some, resamples - start), n))


def statistic_interval(
    sample: NDArray[Any],
    statistic: Statistic,
    clusters: Sequence[Any] | None = None,
    *,
    seed: int = 0,
    confidence: float = 0.95,
    resamples: int = RESAMPLES,
) -> Interval:
    """Return the BCa interval of any figure of a sample, shape (answers, ...).

    `statistic` takes samples of shape (some, answers, ...) and returns one figure for each:
    `lambda samples: np.median(samples, axis=1)`. With clusters whole cases are drawn, and a
    resample holds as many answers as its cases have. From 500 cases on the acceleration comes
    from leaving out groups of cases. Raise ValueError without answers.
    """
    if not len(sample):
        raise ValueError("a figure needs at least one value")
    groups = _groups(len(sample), clusters)
    if len(groups) == 1:
        return Interval(None, None, confidence, METHOD)
    generator = np.random.default_rng(seed)
    draws = _draws(len(groups), generator, resamples)
    resampled = np.concatenate([_figures(sample, statistic, groups, chunk) for chunk in draws])
    kept = _all_but_one(len(groups), generator)
    left_out = [_figures(sample, statistic, groups, rows[np.newaxis])[0] for rows in kept]
    observed = float(statistic(sample[np.newaxis])[0])
    return bca(observed, resampled, np.array(left_out), confidence)


def _groups(n: int, clusters: Sequence[Any] | None) -> Places | list[Places]:
    """Return the places of each case's answers, as a table where all have as many."""
    if clusters is None:
        return np.arange(n)[:, np.newaxis]
    if len(clusters) != n:
        raise ValueError(f"{n} values, but {len(clusters)} names of their cases")
    found: dict[Any, list[int]] = {}
    for place, case in enumerate(clusters):
        found.setdefault(case, []).append(place)
    groups = [np.array(places) for places in found.values()]
    return np.stack(groups) if len(set(map(len, groups))) == 1 else groups


def _figures(
    sample: NDArray[Any], statistic: Statistic, groups: Places | list[Places], chosen: Places
) -> Floats:
    """Return the figure of each row of chosen cases; at once where all have as many answers."""
    if isinstance(groups, np.ndarray):
        places = groups[chosen].reshape(len(chosen), -1)
        return np.asarray(statistic(sample[places]), dtype=np.float64)
    rows = (np.concatenate([groups[case] for case in row]) for row in chosen)
    return np.array([float(statistic(sample[places][np.newaxis])[0]) for places in rows])


def _all_but_one(n: int, generator: np.random.Generator) -> Iterator[Places]:
    """Yield the cases that are left without one of them, or without one of 500 random groups."""
    for block in np.array_split(generator.permutation(n), min(n, BLOCKS)):
        yield np.delete(np.arange(n), block)


def bca(
    observed: float, resampled: Floats, jackknife: Floats, confidence: float = 0.95
) -> Interval:
    """Return the BCa interval of a figure (Efron 1987; Efron and Tibshirani 1993, chapter 14).

    `resampled` holds the figure of each bootstrap sample, `jackknife` that of each sample with one
    case left out.
    """
    below = (np.sum(resampled < observed) + np.sum(resampled == observed) / 2) / len(resampled)
    if not 0 < below < 1 or np.ptp(resampled) == 0:
        return Interval(float(resampled.min()), float(resampled.max()), confidence, METHOD)
    bias = NormalDist().inv_cdf(float(below))
    acceleration = _acceleration(jackknife)
    z = normal_quantile(confidence)
    low, high = (_adjusted(bias, acceleration, side) for side in (-z, z))
    ends = np.quantile(resampled, [low, high])
    return Interval(float(ends[0]), float(ends[1]), confidence, METHOD)


def macro_f1_interval(
    outputs: Sequence[str | None],
    expected: Sequence[str],
    seed: int = 0,
    confidence: float = 0.95,
    clusters: Sequence[Any] | None = None,
) -> Interval:
    """Return the BCa interval of macro-F1 (0 to 1) over cases drawn with replacement.

    Labels are compared normalised, as macro-F1 itself compares them. A label that a resample does
    not hold has no F1 in it. With clusters the answers to a case are drawn together. Seeded: the
    same cases give the same interval. Raise ValueError without cases or if the lengths differ.
    """
    if not expected:
        raise ValueError("macro-F1 needs at least one case")
    labels = [normalised(label) for label in expected]
    wanted = _one_hot(labels, labels)
    said = _one_hot([normalised(one or "") or None for one in outputs], labels)
    hits, wanted, said = (_by_case(one, clusters) for one in (wanted * said, wanted, said))
    tables = (hits, wanted, said)
    totals = tuple(table.sum(axis=0, keepdims=True) for table in tables)
    left_out = tuple(total - table for total, table in zip(totals, tables, strict=True))
    observed = float(_macro_f1(*totals)[0])
    return bca(observed, _resampled(tables, seed), _macro_f1(*left_out), confidence)


def _by_case(table: Floats, clusters: Sequence[Any] | None) -> Floats:
    """Return the counts of each case's answers, shape (cases, labels)."""
    groups = _groups(len(table), clusters)
    if isinstance(groups, np.ndarray):
        counts: Floats = table[groups].sum(axis=1)
        return counts
    return np.stack([table[places].sum(axis=0) for places in groups])


def _resampled(tables: tuple[Floats, Floats, Floats], seed: int) -> Floats:
    """Return macro-F1 of each resample: how often a case is drawn is its weight."""
    n = len(tables[0])
    generator = np.random.default_rng(seed)
    found = []
    for _ in range(RESAMPLES // CHUNK):
        weights = generator.multinomial(n, np.full(n, 1 / n), size=CHUNK).astype(np.float64)
        found.append(_macro_f1(*(weights @ table for table in tables)))
    return np.concatenate(found)


def _macro_f1(hits: Floats, wanted: Floats, said: Floats) -> Floats:
    """Return macro-F1 of each row of counts, shape (rows, labels)."""
    present = wanted > 0
    sizes = np.where(present, wanted + said, 1)
    scores = np.where(present, 2 * hits / sizes, 0).sum(axis=1)
    means: Floats = scores / np.maximum(present.sum(axis=1), 1)
    return means


def _one_hot(answers: Sequence[str | None], expected: Sequence[str]) -> Floats:
    """Return which of the expected labels each answer is, shape (cases, labels)."""
    places = {label: place for place, label in enumerate(sorted(set(expected)))}
    table = np.zeros((len(answers), len(places)))
    for row, answer in enumerate(answers):
        if answer in places:
            table[row, places[answer]] = 1
    return table


def _acceleration(jackknife: Floats) -> float:
    """Return how fast the figure's spread changes with the figure, from the cases left out."""
    apart = jackknife.mean() - jackknife
    spread = float(np.sum(apart**2))
    return float(np.sum(apart**3)) / (6 * spread**1.5) if spread else 0.0


def _adjusted(bias: float, acceleration: float, z: float) -> float:
    """Return the share of resamples below an end of the interval."""
    shifted = bias + z
    place = bias + shifted / (1 - acceleration * shifted)
    return NormalDist().cdf(place) if math.isfinite(place) else 0.5
