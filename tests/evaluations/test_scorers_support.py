"""Whether an answer says what its passages say, and cites the right ones."""

import pytest

from evaluations.scorers import SCORERS, CaseView
from evaluations.scorers.support import Statement, statements

PASSAGES = (
    "The office in Graz opens at nine and closes at five.",
    "New cards are sent by post and arrive within five working days.",
)


def value(key: str, output: str, passages: tuple[str, ...] = PASSAGES, **settings: object) -> float:
    """Return the score of an answer to passages."""
    found = SCORERS[key].configured(settings).score(output, CaseView(passages=passages))
    assert found is not None
    return found.value


@pytest.mark.parametrize(
    ("output", "share"),
    [
        ("The office opens at nine.", 1.0),
        ("The office opens at ten.", 0.75),
        ("Cards are sent by pigeon [2].", 0.8),  # the mark is no word of the answer
        ("five five five", 2 / 3),  # a word counts as often as the passages have it
        ("Bananas!", 0.0),
        ("[1]", 0.0),
    ],
)
def test_groundedness_is_the_share_of_words_that_the_passages_have(
    output: str, share: float
) -> None:
    assert value("groundedness", output) == pytest.approx(share)


def test_groundedness_does_not_see_a_negation() -> None:
    assert value("groundedness", "The office closes at nine and opens at five.") == 1


def test_an_answer_is_taken_apart_into_sentences_with_their_marks() -> None:
    answer = "It opens at nine [1]. It closes at 5.30 p.m.! [1, 2][7] Cards\ncome [2]\n\nBye. [9]"
    assert statements(answer) == [
        Statement("It opens at nine .", (1,)),
        Statement("It closes at 5.30 p.m. !", (1, 2, 7)),
        Statement("Cards", ()),
        Statement("come", (2,)),
        Statement("Bye .", (9,)),
    ]
    assert statements("[1] [2]. ") == []
    assert statements("是九点。[1]五点。") == [
        Statement("是九点 。", (1,)),
        Statement("五点。", ()),
    ]


@pytest.mark.parametrize(
    ("output", "share"),
    [
        ("The office opens at nine [1]. New cards arrive within five days [2].", 1.0),
        ("The office opens at nine [2]. New cards arrive within five days [2].", 0.5),
        ("The office opens at nine [1][2].", 0.5),
        ("The office opens at nine [3].", 0.0),
        ("The office opens at nine [0].", 0.0),
        ("The office opens at nine.", 0.0),
        ("Bananas are yellow [1].", 0.0),
    ],
)
def test_a_citation_is_right_if_its_passage_exists_and_supports_the_sentence(
    output: str, share: float
) -> None:
    assert value("citation_correctness", output) == pytest.approx(share)


def test_a_sentence_is_backed_by_what_it_cites_together() -> None:
    both = "Cards arrive within five days, the office in Graz opens at nine [1][2]."
    assert value("citation_correctness", both, threshold=0.9) == 0
    assert value("citation_correctness", both, counts="sentences", threshold=0.9) == 1
    bare = f"{both} The office closes at five."
    assert value("citation_correctness", bare, counts="sentences") == 0.5


def test_marks_without_end_take_no_time() -> None:
    assert value("citation_correctness", "." * 20_000 + "[1" * 20_000 + "[" * 20_000) == 0
