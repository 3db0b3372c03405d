"""Intervals of 95% hold the truth about 95 times in 100: seeded simulations of 2,000 samples."""

from collections.abc import Callable

import numpy as np
import pytest

from evaluations.bootstrap import mean_interval, statistic_interval
from evaluations.comparison import compare
from evaluations.statistics import paired_difference, wilson

SAMPLES = 2000
Ends = tuple[float | None, float | None]


def coverage(draw: Callable[[np.random.Generator], tuple[Ends, float]], seed: int) -> float:
    """Return the share of samples whose interval holds the truth."""
    generator = np.random.default_rng(seed)
    held = 0
    for _sample in range(SAMPLES):
        (low, high), truth = draw(generator)
        assert low is not None
        assert high is not None
        held += low <= truth <= high
    return held / SAMPLES


def one_share(generator: np.random.Generator) -> tuple[Ends, float]:
    """Wilson: 200 cases of a system that is right in 55 to 95%."""
    truth = generator.uniform(0.55, 0.95)
    found = wilson(int(generator.binomial(200, truth)), 200)
    return (found.low, found.high), truth


def two_shares(generator: np.random.Generator) -> tuple[Ends, float]:
    """Newcombe: two systems right on most of the same 200 cases."""
    shares = generator.dirichlet([12, 2, 2, 3])
    found = paired_difference(*map(int, generator.multinomial(200, shares)))
    return (found.low, found.high), float(shares[1] - shares[2])


def skewed_mean(generator: np.random.Generator) -> tuple[Ends, float]:
    """BCa: the mean of 150 skewed scores such as token F1 gives."""
    found = mean_interval(generator.beta(2, 0.7, 150), seed=int(generator.integers(2**31)))
    return (found.low, found.high), 2 / 2.7


def graded_mean(generator: np.random.Generator) -> tuple[Ends, float]:
    """BCa by counts: the mean of 150 marks."""
    marks = generator.choice([0, 0.25, 0.5, 0.75, 1], 150, p=[0.1, 0.1, 0.1, 0.2, 0.5])
    found = mean_interval(marks, seed=int(generator.integers(2**31)))
    return (found.low, found.high), 0.725


def repeated_difference(generator: np.random.Generator) -> tuple[Ends, float]:
    """BCa, paired and clustered: 120 cases, each answered three times by both systems."""
    hard = generator.beta(3, 2, (120, 1))
    one = generator.random((120, 3)) < np.clip(hard + 0.08 * hard * (1 - hard) * 4, 0, 1)
    other = generator.random((120, 3)) < hard
    cases = np.repeat(np.arange(120), 3).tolist()
    seed = int(generator.integers(2**31))
    found = compare(one.ravel().astype(float), other.ravel().astype(float), cases, seed=seed)
    # The mean of 0.32 h (1 - h), h ~ Beta(3, 2), is 0.32 * 3 * 2 / (5 * 6); no case exceeds 1.
    return (found.low, found.high), 0.32 * 6 / 30


def any_figure(generator: np.random.Generator) -> tuple[Ends, float]:
    """BCa of any figure: the median of 101 latencies."""
    sample = generator.exponential(size=101)
    found = statistic_interval(
        sample,
        lambda rows: np.median(rows, axis=1),
        seed=int(generator.integers(2**31)),
        resamples=500,
    )
    return (found.low, found.high), float(np.log(2))


@pytest.mark.slow
@pytest.mark.parametrize(
    "draw", [one_share, two_shares, skewed_mean, graded_mean, repeated_difference]
)
def test_intervals_hold_the_truth_as_often_as_they_say(
    draw: Callable[[np.random.Generator], tuple[Ends, float]],
) -> None:
    assert 0.935 <= coverage(draw, seed=11) <= 0.965


@pytest.mark.slow
def test_the_interval_of_a_median_holds_the_truth_nearly_as_often() -> None:
    # A median is no smooth figure; the bootstrap is known to fall a little short there.
    assert 0.92 <= coverage(any_figure, seed=11) <= 0.97


@pytest.mark.slow
def test_equal_systems_are_told_apart_in_at_most_one_case_of_twenty() -> None:
    generator = np.random.default_rng(12)
    decided = 0
    for _sample in range(SAMPLES):
        one, other = generator.beta(2, 1, (2, 60))
        decided += compare(one, other).decisive
    assert 0.025 <= decided / SAMPLES <= 0.06
