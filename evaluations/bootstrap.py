"""Intervals for figures that are no plain share: the bias-corrected, accelerated bootstrap."""

import math
from collections.abc import Sequence
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

from evaluations.statistics import Interval, normal_quantile

METHOD = "BCa bootstrap"
RESAMPLES = 2000
CHUNK = 250  # resamples at once, so that memory stays at a few megabytes

Floats = NDArray[np.float64]


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
    outputs: Sequence[str | None], expected: Sequence[str], seed: int = 0, confidence: float = 0.95
) -> Interval:
    """Return the BCa interval of macro-F1 (0 to 1) over cases drawn with replacement.

    A label that a resample does not hold has no F1 in it. Seeded: the same cases give the same
    interval. Raise ValueError without cases.
    """
    if not expected:
        raise ValueError("macro-F1 needs at least one case")
    wanted, said = _one_hot(expected, expected), _one_hot(outputs, expected)
    tables = (wanted * said, wanted, said)
    totals = tuple(table.sum(axis=0, keepdims=True) for table in tables)
    left_out = tuple(total - table for total, table in zip(totals, tables, strict=True))
    observed = float(_macro_f1(*totals)[0])
    return bca(observed, _resampled(tables, seed), _macro_f1(*left_out), confidence)


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
