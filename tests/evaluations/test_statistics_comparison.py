"""Two systems on the same cases: paired by key, tested, bounded, and told in words."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from evaluations.comparison import (
    EXACT,
    RANDOMISED,
    Comparison,
    aligned,
    compare,
    randomisation_p,
    with_holm,
)
from evaluations.statistics import compare_paired

TABLE = (50, 12, 25, 13)  # both right, only the first, only the second, neither


def answers(both: int, first: int, second: int, neither: int) -> tuple[list[float], list[float]]:
    """Return the scores of two systems with these counts."""
    one = [1.0] * both + [1.0] * first + [0.0] * second + [0.0] * neither
    other = [1.0] * both + [0.0] * first + [1.0] * second + [0.0] * neither
    return one, other


def test_right_and_wrong_are_compared_exactly() -> None:
    found = compare(*answers(*TABLE))
    paired = compare_paired(*(list(map(bool, side)) for side in answers(*TABLE)))
    assert (found.method, found.n) == (EXACT, 100)
    assert found.difference == pytest.approx(-0.13)
    assert (found.first, found.second) == pytest.approx((0.62, 0.75))
    assert (found.low, found.high) == (paired.interval.low, paired.interval.high)
    # statsmodels 0.15.0: mcnemar([[50, 12], [25, 13]], exact=True).pvalue
    assert found.p == pytest.approx(0.0470310, abs=1e-7)


@pytest.mark.parametrize("n", [1, 2, 50])
@pytest.mark.parametrize("score", [0.0, 1.0, 0.3])
def test_without_a_case_that_differs_nothing_is_decided(n: int, score: float) -> None:
    found = compare([score] * n, [score] * n)
    assert (found.difference, found.p, found.decisive) == (0, 1, False)
    assert found.in_words("A", "B").startswith("Not decisive: A and B are level")


@pytest.mark.parametrize(("good", "bad"), [(1.0, 0.0), (0.9, 0.1), (1.0, None)])
def test_all_right_against_all_wrong(good: float, bad: float | None) -> None:
    assert compare([good] * 30, [bad] * 30).decisive
    assert not compare([good] * 3, [bad] * 3).decisive  # three cases prove nothing


def test_a_single_case_decides_nothing() -> None:
    found = compare([0.9], [0.2])
    assert (found.n, found.low, found.high, found.p, found.decisive) == (1, None, None, 1, False)
    assert found.in_words("A", "B") == (
        "Not decisive: A is 70.0 points ahead of B, which may be chance (n = 1, paired)."
    )


def test_no_cases_and_unaligned_scores_are_refused() -> None:
    with pytest.raises(ValueError, match="at least one"):
        compare([], [])
    with pytest.raises(ValueError, match="align"):
        compare([1.0, 0.0], [1.0])


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("n", [8, 12, 150])
def test_the_randomisation_test_agrees_with_scipy(n: int, seed: int) -> None:
    generator = np.random.default_rng(seed)
    differences = generator.normal(0.1, 0.3, n)
    theirs = stats.permutation_test(
        (differences,),
        np.mean,
        permutation_type="samples",
        vectorized=True,
        n_resamples=np.inf if n < 13 else 20_000,
        rng=1,
    ).pvalue
    assert randomisation_p(differences) == pytest.approx(theirs, abs=1e-9 if n < 13 else 0.015)


def test_few_sizes_are_flipped_together_with_the_same_outcome() -> None:
    differences = np.random.default_rng(6).choice([-0.5, -0.25, 0, 0.25, 0.5], 200)
    theirs = stats.permutation_test(
        (differences,), np.mean, permutation_type="samples", n_resamples=20_000, rng=1
    ).pvalue
    assert randomisation_p(differences) == pytest.approx(theirs, abs=0.015)


def test_graded_scores_have_the_interval_of_their_differences() -> None:
    generator = np.random.default_rng(7)
    one, other = generator.beta(5, 2, 120), generator.beta(4, 2, 120)
    found = compare(one, other)
    theirs = stats.bootstrap((one - other,), np.mean, n_resamples=20_000, method="BCa", rng=1)
    assert found.method == RANDOMISED
    assert (found.low, found.high) == pytest.approx(tuple(theirs.confidence_interval), abs=0.004)
    assert found == compare(one, other)


scores = st.lists(st.tuples(st.floats(0, 1), st.floats(0, 1)), min_size=1, max_size=10)


@given(scores)
def test_swapping_the_systems_turns_the_comparison_round(pairs: list[tuple[float, float]]) -> None:
    first, second = ([pair[side] for pair in pairs] for side in (0, 1))
    one, other = compare(first, second), compare(second, first)
    assert one.difference == pytest.approx(-other.difference)
    assert one.p == pytest.approx(other.p)
    assert -1 <= one.difference <= 1
    if one.low is not None and one.high is not None:
        assert one.low <= one.difference + 1e-9
        assert one.high >= one.difference - 1e-9


def test_repeats_of_a_case_are_one_case() -> None:
    one, other = answers(10, 8, 1, 1)
    once = compare(one, other)
    cases = [n for n in range(20) for _ in range(5)]
    thrice = compare(np.repeat(one, 5), np.repeat(other, 5), cases)
    assert thrice == once
    graded = compare([1, 1, 0, 1] * 10, [0, 1, 0, 0] * 10, [n for n in range(20) for _ in "ab"])
    assert (graded.n, graded.method) == (20, RANDOMISED)


def test_cases_are_paired_by_key_and_what_is_left_out_is_told() -> None:
    first = [("a", 1.0), ("b", 0.0), ("x", 1.0)]
    second = [("y", 1.0), ("b", 1.0), ("a", None)]
    found = aligned(first, second)
    assert found.keys == ("a", "b")
    assert list(found.first) == [1, 0]
    assert list(found.second) == [0, 1]
    assert (found.only_first, found.only_second, found.left_out) == (("x",), ("y",), 2)
    assert (found.missing_first, found.missing_second) == ((), ())


def test_a_case_that_a_system_was_to_answer_and_lacks_scores_0() -> None:
    found = aligned([("a", 1.0), ("x", 1.0)], [("b", 0.5)], cases=["a", "b", "c"])
    assert found.keys == ("a", "b", "c")
    assert list(found.first) == [1, 0, 0]
    assert list(found.second) == [0, 0.5, 0]
    assert (found.missing_first, found.missing_second) == (("b", "c"), ("a", "c"))
    assert (found.only_first, found.only_second) == (("x",), ())


def test_a_repeat_that_failed_scores_0() -> None:
    rows = [("a", 1.0), ("a", 1.0), ("a", None)]
    found = aligned(rows, rows[:2])
    assert (list(found.first), list(found.second)) == (pytest.approx([2 / 3]), [1])


def test_nothing_in_common_is_nothing_to_compare() -> None:
    found = aligned([("a", 1.0)], [("b", 1.0)])
    assert (found.keys, found.left_out) == ((), 2)
    with pytest.raises(ValueError, match="at least one"):
        compare(found.first, found.second)


def test_several_comparisons_are_decided_by_the_corrected_p() -> None:
    close = compare(*answers(200, 25, 10, 65))
    assert close.decisive
    assert close.p < 0.05 < 3 * close.p
    three = with_holm([close, compare([1.0] * 9, [1.0] * 9), close])
    assert [one.p_holm for one in three] == pytest.approx([3 * close.p, 1, 3 * close.p])
    assert not any(one.decisive for one in three)
    assert with_holm([]) == []
    assert with_holm([close])[0].decisive


def test_a_decisive_comparison_says_who_is_ahead() -> None:
    found = Comparison(-0.0324, -0.0531, -0.0107, 300, EXACT, 0.003)
    assert found.in_words("RAG", "the prompt") == (
        "the prompt is 3.2 points ahead of RAG (95% CI 1.1\u20135.3, n = 300, paired)."
    )
    chance = Comparison(0.0324, -0.01, 0.0748, 300, EXACT, 0.2)
    assert chance.in_words("RAG", "the prompt") == (
        "Not decisive: RAG is 3.2 points ahead of the prompt, which may be chance "
        "(95% CI \u22121.0 to 7.5, n = 300, paired)."
    )
    of_three = replace(found, p_holm=0.009).in_words("RAG", "the prompt", 3)
    assert of_three.endswith("n = 300, paired; test corrected for 3 comparisons, Holm).")
