"""Intervals of means and other figures, against scipy, and clustered by case."""

import numpy as np
import pytest
from scipy import stats

from evaluations.bootstrap import case_means, mean_interval, score_interval, statistic_interval
from evaluations.statistics import Interval, wilson


def medians(samples: np.ndarray) -> np.ndarray:
    """Return the median of each sample."""
    return np.median(samples, axis=1)


def ends(interval: Interval) -> tuple[float, float]:
    """Return both ends of an interval that has them."""
    assert interval.low is not None
    assert interval.high is not None
    return interval.low, interval.high


def scipy_ends(sample: np.ndarray, statistic: object = np.mean) -> tuple[float, float]:
    """Return scipy's BCa interval."""
    found = stats.bootstrap((sample,), statistic, n_resamples=20_000, method="BCa", rng=5)
    return found.confidence_interval.low, found.confidence_interval.high


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("n", [20, 200])
def test_the_interval_of_a_mean_agrees_with_scipy(n: int, seed: int) -> None:
    sample = np.random.default_rng(seed).beta(4, 1, n)
    found = ends(mean_interval(sample, resamples=20_000))
    assert found == pytest.approx(scipy_ends(sample), abs=0.03 * sample.std() / n**0.5 * 2)


def test_few_distinct_values_give_the_same_interval_as_scipy() -> None:
    sample = np.random.default_rng(1).choice([0, 0.25, 0.5, 1], 150)
    assert ends(mean_interval(sample, resamples=20_000)) == pytest.approx(
        scipy_ends(sample), abs=0.003
    )


def test_the_interval_of_any_figure_agrees_with_scipy() -> None:
    sample = np.random.default_rng(2).exponential(size=101)
    found = ends(statistic_interval(sample, medians, resamples=5000))
    assert found == pytest.approx(scipy_ends(sample, np.median), abs=0.03)


def test_a_figure_of_pairs_agrees_with_scipy() -> None:
    generator = np.random.default_rng(3)
    x = generator.normal(size=80)
    pairs = np.column_stack([x, x + generator.normal(size=80)])

    def correlations(samples: np.ndarray) -> np.ndarray:
        apart = samples - samples.mean(axis=1, keepdims=True)
        spreads = np.sqrt((apart**2).sum(axis=1).prod(axis=1))
        return apart.prod(axis=2).sum(axis=1) / spreads

    theirs = stats.bootstrap(
        (pairs[:, 0], pairs[:, 1]),
        lambda a, b: stats.pearsonr(a, b).statistic,
        paired=True,
        vectorized=False,
        n_resamples=3000,
        method="BCa",
        rng=1,
    ).confidence_interval
    found = ends(statistic_interval(pairs, correlations, resamples=5000))
    assert found == pytest.approx((theirs.low, theirs.high), abs=0.02)


def test_the_mean_by_either_way_has_the_same_interval() -> None:
    sample = np.random.default_rng(4).beta(2, 2, 60)
    one = ends(mean_interval(sample, resamples=20_000))
    other = ends(statistic_interval(sample, lambda rows: rows.mean(axis=1), resamples=20_000))
    assert one == pytest.approx(other, abs=0.003)


def test_leaving_out_groups_of_many_cases_changes_next_to_nothing() -> None:
    sample = np.random.default_rng(4).exponential(size=2000)
    one = ends(mean_interval(sample, resamples=5000))
    other = ends(statistic_interval(sample, lambda rows: rows.mean(axis=1), resamples=5000))
    assert one == pytest.approx(other, abs=0.005)


def repeated(cases: int, times: int, seed: int = 0) -> tuple[np.ndarray, list[str]]:
    """Return answers to some cases several times, alike within a case, and their cases."""
    generator = np.random.default_rng(seed)
    each = generator.random(cases)
    values = np.clip(each[:, None] + generator.normal(0, 0.02, (cases, times)), 0, 1)
    return values.ravel(), [f"case {n}" for n in range(cases) for _ in range(times)]


def test_repeats_do_not_pass_for_cases() -> None:
    values, cases = repeated(40, 10)
    clustered = np.diff(ends(mean_interval(values, cases)))[0]
    naive = np.diff(ends(mean_interval(values)))[0]
    once = np.diff(ends(mean_interval(values[::10])))[0]
    assert clustered == pytest.approx(once, rel=0.1)
    assert clustered > 2.5 * naive


def test_any_figure_is_clustered_by_case_too() -> None:
    values, cases = repeated(40, 5)
    by_mean = ends(mean_interval(values, cases, resamples=10_000))
    by_any = ends(
        statistic_interval(values, lambda rows: rows.mean(axis=1), cases, resamples=10_000)
    )
    assert by_any == pytest.approx(by_mean, abs=0.006)
    uneven = ends(statistic_interval(values[:-2], medians, cases[:-2], resamples=1000))
    assert uneven[0] < np.median(values) < uneven[1]


def test_every_case_weighs_the_same_and_failures_are_0() -> None:
    means = case_means([1, 1, None, 0.5, float("nan")], ["a", "a", "a", "b", "c"])
    assert means == pytest.approx([2 / 3, 0.5, 0])


def test_right_or_wrong_has_wilsons_interval_and_all_else_the_bootstrap() -> None:
    assert score_interval([1, 0, 1, None]) == wilson(2, 4)
    assert score_interval([1, 1, 0, 0, 1, 1], list("aabbcc")) == wilson(2, 3)
    assert score_interval([0.5, 1, 0, 0.2]).method == "BCa bootstrap"
    assert score_interval([1, 0, 1, 1], list("aabb")).method == "BCa bootstrap"


def test_all_right_and_all_wrong_keep_an_interval_with_width() -> None:
    assert ends(score_interval([1.0] * 20))[0] == pytest.approx(0.8389, abs=1e-4)
    assert ends(score_interval([None] * 20))[1] == pytest.approx(0.1611, abs=1e-4)


def test_one_case_bounds_nothing() -> None:
    assert mean_interval([0.4]).low is None
    assert mean_interval([0.4, 0.6], ["a", "a"]).high is None
    assert statistic_interval(np.array([0.4]), medians).low is None


def test_the_same_answers_give_the_same_interval_and_another_seed_another() -> None:
    sample = np.random.default_rng(0).beta(2, 2, 90)
    assert mean_interval(sample) == mean_interval(sample)
    assert mean_interval(sample) != mean_interval(sample, seed=1)
    assert statistic_interval(sample, medians) == statistic_interval(sample, medians)


def test_more_confidence_makes_a_wider_interval() -> None:
    sample = np.random.default_rng(0).beta(2, 2, 90)
    low, high = ends(mean_interval(sample))
    wide_low, wide_high = ends(mean_interval(sample, confidence=0.99))
    assert wide_low < low < high < wide_high


def test_no_values_and_missing_names_are_refused() -> None:
    for refused in (mean_interval, score_interval):
        with pytest.raises(ValueError, match="at least one value"):
            refused([])
        with pytest.raises(ValueError, match="names of their cases"):
            refused([0.1, 0.2], ["a"])
    with pytest.raises(ValueError, match="at least one value"):
        statistic_interval(np.array([]), medians)
    with pytest.raises(ValueError, match="names of their cases"):
        statistic_interval(np.array([0.1, 0.2]), medians, ["a"])
