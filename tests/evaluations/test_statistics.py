"""Intervals and comparisons agree with published examples and with scipy."""

import random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from evaluations.statistics import (
    binomial_cdf,
    cases_needed,
    cases_needed_for_mean,
    compare_paired,
    holm,
    mcnemar_exact,
    order_statistics,
    paired_difference,
    quantile,
    quantiles,
    spread,
    wilson,
)


@pytest.mark.parametrize(
    ("successes", "n", "low", "high"),
    # Newcombe (1998), Statistics in Medicine 17:857-872, table I, method 3.
    [
        (81, 263, 0.2553, 0.3662),
        (15, 148, 0.0624, 0.1605),
        (0, 20, 0.0, 0.1611),
        (1, 29, 0.0061, 0.1718),
    ],
)
def test_wilson_gives_the_published_intervals(
    successes: int, n: int, low: float, high: float
) -> None:
    interval = wilson(successes, n)
    assert (interval.low, interval.high) == pytest.approx((low, high), abs=5e-5)


@given(st.integers(1, 500), st.floats(0, 1), st.sampled_from([0.8, 0.9, 0.95, 0.99]))
def test_wilson_agrees_with_scipy(n: int, share: float, confidence: float) -> None:
    successes = round(share * n)
    reference = stats.binomtest(successes, n).proportion_ci(confidence, method="wilson")
    found = wilson(successes, n, confidence)
    assert (found.low, found.high) == pytest.approx((reference.low, reference.high), abs=1e-12)


@pytest.mark.parametrize(("successes", "n"), [(0, 0), (3, 2), (-1, 5)])
def test_what_is_no_proportion_has_no_interval(successes: int, n: int) -> None:
    with pytest.raises(ValueError, match="not a proportion"):
        wilson(successes, n)


@given(st.integers(0, 400), st.integers(1, 400), st.floats(0.01, 0.99))
def test_the_binomial_distribution_agrees_with_scipy(k: int, n: int, p: float) -> None:
    assert binomial_cdf(k, n, p) == pytest.approx(stats.binom.cdf(k, n, p), abs=1e-10)


@pytest.mark.parametrize("q", [0.5, 0.95, 0.99])
@pytest.mark.parametrize("n", [5, 30, 59, 200, 3080])
def test_the_ranks_are_the_innermost_that_keep_the_confidence(n: int, q: float) -> None:
    lower, upper = order_statistics(n, q, 0.95)
    below = stats.binom(n, q)
    if lower is None:
        assert below.cdf(0) > 0.025
    else:
        assert below.cdf(lower - 1) <= 0.025 < below.cdf(lower)
    if upper is None:
        assert below.sf(n - 1) > 0.025
    else:
        assert below.sf(upper - 1) <= 0.025 < below.sf(upper - 2)


def test_a_median_of_ten_lies_between_the_second_and_the_ninth() -> None:
    # The classic table of the sign interval: n = 10 gives ranks 2 and 9 (97.9%).
    found = quantile([10, 9, 8, 7, 6, 5, 4, 3, 2, 1], 0.5)
    assert (found.value, found.interval.low, found.interval.high) == (5.5, 2, 9)


def test_a_small_sample_does_not_bound_a_high_quantile_from_above() -> None:
    found = quantile([float(n) for n in range(40)], 0.95)
    assert found.interval.low is not None
    assert found.interval.high is None


@pytest.mark.parametrize(("q", "n"), [(0.5, 6), (0.95, 72), (0.99, 368)])
def test_a_quantile_has_both_ends_from_this_many_values_on(q: float, n: int) -> None:
    assert None not in order_statistics(n, q, 0.95)
    assert None in order_statistics(n - 1, q, 0.95)


def test_percentiles_come_together_and_agree_with_numpy() -> None:
    sample = [random.Random(2).expovariate(1) for _case in range(501)]
    found = quantiles(sample)
    assert [one.value for one in found] == pytest.approx(np.percentile(sample, [50, 95, 99]))
    assert found[1] == quantile(sample, 0.95)
    assert all(one.n == 501 for one in found)


def test_the_interval_of_a_quantile_covers_as_often_as_it_says() -> None:
    draw = random.Random(7)
    truth = stats.expon.ppf(0.95)
    covered = 0
    for _trial in range(1000):
        interval = quantile([draw.expovariate(1) for _case in range(200)], 0.95).interval
        covered += interval.low <= truth <= interval.high
    assert covered >= 935


def test_an_empty_sample_has_no_quantile() -> None:
    with pytest.raises(ValueError, match="sample"):
        quantile([], 0.5)


@given(st.integers(0, 300), st.integers(0, 300))
def test_mcnemar_agrees_with_the_binomial_test(first: int, second: int) -> None:
    reference = stats.binomtest(first, first + second).pvalue if first + second else 1.0
    assert mcnemar_exact(first, second) == pytest.approx(reference, abs=1e-9)


@pytest.mark.parametrize(
    ("counts", "low", "high"),
    [
        # Fagerland, Lydersen and Laake (2017), Statistical Analysis of Contingency Tables,
        # chapter 8: the data of Cavo et al. (2012), as the book's R package computes it.
        ((59, 6, 16, 80), -0.1186, -0.0046),
        # By hand: nobody was ever right, so both arms are z^2 / (n + z^2) = 3.8415 / 57.8415.
        ((0, 0, 0, 54), -0.0664, 0.0664),
    ],
)
def test_the_paired_difference_has_the_interval_of_worked_examples(
    counts: tuple[int, int, int, int], low: float, high: float
) -> None:
    interval = paired_difference(*counts)
    assert (interval.low, interval.high) == pytest.approx((low, high), abs=5e-5)


counts = st.tuples(*[st.integers(0, 60)] * 4).filter(any)


@given(counts)
def test_swapping_the_candidates_mirrors_the_interval(four: tuple[int, int, int, int]) -> None:
    both, first, second, neither = four
    one = paired_difference(both, first, second, neither)
    other = paired_difference(both, second, first, neither)
    assert (one.low, one.high) == pytest.approx((-other.high, -other.low), abs=1e-9)
    assert -1 <= one.low <= (first - second) / sum(four) <= one.high <= 1


def test_a_comparison_counts_the_cases_by_who_was_right() -> None:
    found = compare_paired([True, True, False, False, True], [True, False, True, False, False])
    assert (found.both, found.first_only, found.second_only, found.neither) == (1, 2, 1, 1)
    assert found.n == 5
    assert found.difference == pytest.approx(0.2)


def test_few_cases_are_not_decisive_and_many_are() -> None:
    first, second = [True] * 9 + [False], [True] * 7 + [False] * 3
    assert not compare_paired(first, second).decisive
    assert compare_paired(first * 30, second * 30).decisive


def test_two_candidates_that_agree_on_every_case_are_not_told_apart() -> None:
    found = compare_paired([True, False] * 20, [True, False] * 20)
    assert (found.p_value, found.difference, found.decisive) == (1.0, 0.0, False)


def test_a_comparison_needs_the_same_cases() -> None:
    with pytest.raises(ValueError, match=r"shorter|longer"):
        compare_paired([True, False], [True])
    with pytest.raises(ValueError, match="at least one"):
        compare_paired([], [])


def test_holm_gives_the_adjusted_values_in_the_given_order() -> None:
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([0.9, 0.8]) == [1.0, 1.0]
    assert holm([]) == []


def test_the_cases_needed_reach_the_power_they_promise() -> None:
    needed = cases_needed(0.05, 0.15)
    # By hand: ((1.959964 * sqrt(.15) + 0.841621 * sqrt(.1475)) / .05) ** 2 = 468.5
    assert needed == 469
    draw = random.Random(3)
    found = 0
    for _trial in range(300):
        sides = [draw.random() for _case in range(needed)]
        first = sum(side < 0.10 for side in sides)
        second = sum(0.10 <= side < 0.15 for side in sides)
        found += mcnemar_exact(first, second) <= 0.05
    assert 0.72 <= found / 300 <= 0.88


def test_a_difference_cannot_exceed_the_share_that_differs() -> None:
    with pytest.raises(ValueError, match="exceed"):
        cases_needed(0.2, 0.1)


def power_of_t_test(n: int, effect: float) -> float:
    """Return the power of a paired t-test at 5% by the noncentral t distribution."""
    edge = stats.t.ppf(0.975, n - 1)
    apart = stats.nct(n - 1, effect * n**0.5)
    return float(apart.sf(edge) + apart.cdf(-edge))


@pytest.mark.parametrize(
    ("difference", "sd", "n"),
    # By statsmodels 0.15.0: TTestPower().solve_power(difference / sd, alpha=.05, power=.8).
    [(0.5, 1, 34), (0.2, 1, 199), (-0.03, 0.25, 547), (0.1, 0.1, 10)],
)
def test_the_cases_a_mean_needs_agree_with_the_exact_power(
    difference: float, sd: float, n: int
) -> None:
    assert cases_needed_for_mean(difference, sd) == n
    effect = abs(difference) / sd
    assert power_of_t_test(n, effect) >= 0.8 > power_of_t_test(n - 1, effect)


@pytest.mark.parametrize(("difference", "sd"), [(0, 1), (0.1, 0), (0.1, -1)])
def test_nothing_tells_apart_what_does_not_differ(difference: float, sd: float) -> None:
    with pytest.raises(ValueError, match="difference of 0"):
        cases_needed_for_mean(difference, sd)


def test_a_spread_over_seeds_describes_the_seeds() -> None:
    found = spread([0.70, 0.82, 0.76])
    assert (found.mean, found.sd, found.n) == (pytest.approx(0.76), pytest.approx(0.06), 3)
    assert found.range == pytest.approx(0.12)
    assert spread([0.5]).sd is None
    with pytest.raises(ValueError, match="at least one"):
        spread([])


@given(st.lists(st.floats(0, 1), max_size=12))
def test_holm_keeps_the_order_and_never_lowers(p_values: list[float]) -> None:
    adjusted = holm(p_values)
    assert all(a >= p for a, p in zip(adjusted, p_values, strict=True))
    ranked = [adjusted[at] for at in sorted(range(len(p_values)), key=lambda at: p_values[at])]
    assert ranked == sorted(ranked)


def test_holm_agrees_with_statsmodels() -> None:
    # statsmodels 0.15.0: multipletests([.001, .02, .03, .04, .6], method="holm")[1]
    found = holm([0.001, 0.02, 0.03, 0.04, 0.6])
    assert found == pytest.approx([0.005, 0.08, 0.09, 0.09, 0.6])
