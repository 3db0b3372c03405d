"""Scorers say whether an answer is right; what was never answered is wrong."""

import random

import pytest
from sklearn.metrics import f1_score

from evaluations.scorers import SCORERS, Score, confusion, macro_f1

EXACT = SCORERS["exact_match"]


@pytest.mark.parametrize(
    ("output", "expected"),
    [("card_arrival", "card_arrival"), ("  Card  Arrival\n", "card arrival"), ("ﬁ", "FI")],
)
def test_case_width_and_spacing_make_no_difference(output: str | None, expected: str) -> None:
    assert EXACT.score(output, expected) == Score(1.0, True)


@pytest.mark.parametrize("output", ["card_delivery", "card", "card_arrival!", "", "  ", None])
def test_any_other_answer_and_no_answer_are_wrong(output: str | None) -> None:
    assert EXACT.score(output, "card_arrival") == Score(0.0, False)


def test_where_nothing_is_expected_only_an_empty_answer_is_right() -> None:
    assert EXACT.score("", "") == EXACT.score(" \n", "") == Score(1.0, True)
    assert EXACT.score("something", "") == Score(0.0, False)
    assert EXACT.score(None, "") == Score(0.0, False)


def test_a_scorer_is_known_by_name_and_version() -> None:
    assert EXACT.identity == "exact_match/1"
    assert all(key == scorer.key for key, scorer in SCORERS.items())


def test_macro_f1_agrees_with_scikit_learn_over_the_expected_labels() -> None:
    draw = random.Random(4)
    labels = [f"team {n}" for n in range(7)]
    expected = [draw.choice(labels) for _case in range(400)]
    outputs = [label if draw.random() < 0.6 else draw.choice(labels) for label in expected]
    reference = f1_score(expected, outputs, labels=sorted(set(expected)), average="macro")
    assert macro_f1(outputs, expected) == pytest.approx(reference)


def test_unanswered_and_unknown_answers_stay_in_the_denominator() -> None:
    outputs = ["a", None, "nonsense", "b"]
    counted = confusion(outputs, ["a", "a", "b", "b"])
    assert counted.counts == ((1, 0, 0, 1), (0, 1, 1, 0))
    assert macro_f1(outputs, ["a", "a", "b", "b"]) == pytest.approx(2 / 3)


def test_the_commonest_mistakes_come_first() -> None:
    counted = confusion(["b", "b", None, "x", "a"], ["a", "a", "a", "b", "a"])
    assert counted.mistakes() == [(0, 1), (0, 3), (1, 2)]


def test_each_label_has_its_own_figures() -> None:
    first, second = confusion(["a", "b", "b"], ["a", "a", "b"]).figures()
    assert (first.label, first.precision, first.recall, first.support) == ("a", 1.0, 0.5, 2)
    assert (second.precision, second.recall, second.f1) == (0.5, 1.0, pytest.approx(2 / 3))


def test_macro_f1_of_nothing_is_an_error() -> None:
    with pytest.raises(ValueError, match="at least one case"):
        macro_f1([], [])


def test_every_output_needs_its_expected_answer() -> None:
    with pytest.raises(ValueError, match=r"shorter|longer"):
        confusion(["a"], ["a", "b"])
