"""Answers that are good to a degree: shared words, shared order, shared meaning."""

import itertools
import random
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evaluations.encoder import get_encoder
from evaluations.scorers import SCORERS, CaseView
from evaluations.scorers.overlap import longest_common


def value(key: str, output: str, *answers: str, **settings: str) -> float:
    """Return the score of an answer against one or more right ones."""
    case = CaseView(answers[0], references=answers[1:])
    found = SCORERS[key].configured(settings).score(output, case)
    assert found is not None
    assert found.correct is None
    return found.value


@pytest.mark.parametrize(
    ("output", "expected", "f1"),
    [
        ("the Norman Conquest", "Norman conquest.", 1.0),
        ("in the 10th century", "10th and 11th centuries", 2 / 7),
        ("France in Europe", "France", 0.5),
        ("dog dog dog", "dog dog", 0.8),  # each word counts as often as both have it
        ("Germany", "France", 0.0),
        ("the", "the", 0.0),  # nothing is left to compare
        ("", "France", 0.0),
    ],
)
def test_token_f1_counts_shared_words(output: str, expected: str, f1: float) -> None:
    assert value("token_f1", output, expected) == pytest.approx(f1)


def test_the_right_answer_that_fits_best_counts() -> None:
    one, best = value("token_f1", "in Paris France", "Lyon"), 2 / 3 * 2 / (2 / 3 + 1)
    assert one == 0
    assert value("token_f1", "in Paris France", "Lyon", "Paris France") == pytest.approx(best)
    assert value("rouge_l", "in Paris France", "Lyon", "Paris France") == pytest.approx(best)


def test_words_of_other_scripts_count_too() -> None:
    assert value("token_f1", "Это дом.", "дом", language="other") == pytest.approx(2 / 3)
    assert value("token_f1", "„дом“", "дом") == 0  # English knows ASCII punctuation only
    assert value("token_f1", "„дом“", "дом", language="other") == 1
    assert value("rouge_l", "Это дом.", "дом") == pytest.approx(2 / 3)


@pytest.mark.parametrize(
    ("output", "expected", "figure"),
    # Computed with the package rouge-score 0.1.2 (rougeL, no stemming); the first two are the
    # examples of Lin (2004), section 3.1.
    [
        ("police kill the gunman", "police killed the gunman", 0.75),
        ("the gunman kill police", "police killed the gunman", 0.5),
        (
            "The card was sent on Monday, and arrives in 5 days.",
            "Your card was sent on Monday. It arrives within 5 days!",
            0.727273,
        ),
        ("no words in common", "entirely different text", 0.0),
        ("a b c d e f g", "g f e d c b a", 0.142857),
    ],
)
def test_rouge_l_agrees_with_the_reference_implementation(
    output: str, expected: str, figure: float
) -> None:
    assert value("rouge_l", output, expected) == pytest.approx(figure, abs=1e-6)


words = st.lists(st.sampled_from("abcde"), max_size=9)


@given(words, words)
def test_the_longest_common_subsequence_is_the_longest(one: list[str], other: list[str]) -> None:
    def within(chosen: tuple[str, ...]) -> bool:
        rest = iter(other)
        return all(word in rest for word in chosen)

    found = longest_common(one, other)
    lengths = (
        n for n in range(len(one), -1, -1) if any(map(within, itertools.combinations(one, n)))
    )
    assert found == next(lengths) == longest_common(other, one)


def test_long_answers_are_compared_quickly() -> None:
    draw = random.Random(1)
    one, other = (" ".join(str(draw.randrange(500)) for _ in range(5000)) for _text in range(2))
    began = time.perf_counter()
    assert 0 < value("rouge_l", one, other) < 1
    assert time.perf_counter() - began < 1


def test_similar_meanings_are_closer_than_others() -> None:
    same = value("embedding_similarity", "My card has not arrived", "My card has not arrived")
    close = value("embedding_similarity", "Where is my new card?", "My card has not arrived")
    far = value("embedding_similarity", "Bananas are yellow", "My card has not arrived")
    assert same == pytest.approx(1, abs=1e-5)
    assert same > close > 0.4 > 0.2 > far >= 0


def test_similarity_is_the_cosine_with_the_closest_right_answer() -> None:
    texts = ["How do I top up?", "Topping up by card", "Exchange rates"]
    vectors = get_encoder().encode(texts)
    cosines = [float(vectors[0] @ other) for other in vectors[1:]]
    found = value("embedding_similarity", texts[0], *texts[1:])
    assert found == pytest.approx(max(cosines), abs=1e-5)


def test_an_empty_answer_is_not_similar_to_anything() -> None:
    assert value("embedding_similarity", " ", "top up") == 0
