"""The bootstrap against an independent implementation, and where it must not break."""

import numpy as np
import pytest
from scipy import stats

from evaluations.bootstrap import bca, macro_f1_interval
from evaluations.scorers import macro_f1


def answers(seed: int, n: int, labels: int, right: float) -> tuple[list[str], list[str]]:
    """Return made-up outputs and expected labels, with a share of right answers."""
    generator = np.random.default_rng(seed)
    expected = generator.integers(0, labels, n)
    guesses = generator.integers(0, labels, n)
    outputs = np.where(generator.random(n) < right, expected, guesses)
    return [str(one) for one in outputs], [str(one) for one in expected]


@pytest.mark.parametrize("seed", range(3))
def test_the_interval_of_a_mean_agrees_with_scipy(seed: int) -> None:
    sample = np.random.default_rng(seed).exponential(size=60)
    theirs = stats.bootstrap((sample,), np.mean, n_resamples=4000, method="BCa", rng=seed)
    resampled = theirs.bootstrap_distribution
    jackknife = np.array([np.delete(sample, place).mean() for place in range(len(sample))])
    ours = bca(sample.mean(), resampled, jackknife)
    assert ours.low == pytest.approx(theirs.confidence_interval.low, abs=2e-3)
    assert ours.high == pytest.approx(theirs.confidence_interval.high, abs=2e-3)


def test_the_interval_of_macro_f1_agrees_with_scipy() -> None:
    outputs, expected = answers(seed=5, n=150, labels=4, right=0.7)

    def score(places: np.ndarray) -> float:
        return macro_f1([outputs[at] for at in places], [expected[at] for at in places])

    theirs = stats.bootstrap(
        (np.arange(150),), score, n_resamples=2000, method="BCa", vectorized=False, rng=1
    ).confidence_interval
    ours = macro_f1_interval(outputs, expected)
    assert ours.low == pytest.approx(theirs.low, abs=0.01)
    assert ours.high == pytest.approx(theirs.high, abs=0.01)


def test_the_interval_holds_the_figure_and_shrinks_with_more_cases() -> None:
    widths = []
    for n in (100, 400, 1600):
        outputs, expected = answers(seed=2, n=n, labels=10, right=0.8)
        found = macro_f1_interval(outputs, expected)
        assert found.low is not None
        assert found.high is not None
        assert found.low < macro_f1(outputs, expected) < found.high
        widths.append(found.high - found.low)
    assert widths[0] > 1.5 * widths[1] > 2 * widths[2]


def test_the_same_cases_give_the_same_interval() -> None:
    outputs, expected = answers(seed=3, n=80, labels=5, right=0.6)
    assert macro_f1_interval(outputs, expected) == macro_f1_interval(outputs, expected)


@pytest.mark.parametrize(
    ("outputs", "expected", "value"),
    [
        (["a"], ["a"], 1.0),
        (["b", "b"], ["a", "a"], 0.0),
        ([None, None], ["a", "b"], 0.0),
        (["a", "b"] * 20, ["a", "b"] * 20, 1.0),
    ],
)
def test_all_right_and_all_wrong_have_no_width(
    outputs: list[str | None], expected: list[str], value: float
) -> None:
    found = macro_f1_interval(outputs, expected)
    assert (found.low, found.high) == (value, value)


def test_labels_are_compared_as_macro_f1_itself_compares_them() -> None:
    labels = ["Card", "Loan", "Rate"] * 20
    said = [label if place % 10 else "Loan" for place, label in enumerate(labels)]
    shouted = [label.upper() if place % 2 else label for place, label in enumerate(said)]

    assert macro_f1_interval(shouted, labels) == macro_f1_interval(said, labels)
    assert macro_f1_interval(["", None], ["", "a"]).high == 0


def test_no_cases_are_refused() -> None:
    with pytest.raises(ValueError, match="at least one case"):
        macro_f1_interval([], [])


def test_answers_to_the_same_case_are_drawn_together() -> None:
    outputs, expected = answers(seed=4, n=60, labels=4, right=0.7)
    once = macro_f1_interval(outputs, expected)
    cases = [*range(60)] * 3

    again = macro_f1_interval(outputs * 3, expected * 3, clusters=cases)
    uneven = macro_f1_interval(
        outputs + outputs[:30], expected + expected[:30], clusters=[*range(60), *range(30)]
    )

    assert again == once  # the same answers three times over say nothing new
    assert uneven.low is not None
    with pytest.raises(ValueError, match="names of their cases"):
        macro_f1_interval(outputs, expected, clusters=cases)
