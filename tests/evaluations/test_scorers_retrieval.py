"""Retrieval measured by itself, against worked examples and scikit-learn."""

import math
import random

import numpy as np
import pytest
from sklearn.metrics import ndcg_score

from evaluations.scorers import SCORERS, CaseView


def value(key: str, retrieved: list[str], relevant: list[str], k: int) -> float:
    """Return the score of a ranking."""
    case = CaseView(relevant=tuple(relevant), retrieved=tuple(retrieved))
    found = SCORERS[key].configured({"k": k}).score("", case)
    assert found is not None
    return found.value


@pytest.mark.parametrize(
    ("retrieved", "relevant", "k", "recall"),
    [
        (["a", "b", "c"], ["a"], 1, 1.0),
        (["b", "a", "c"], ["a"], 1, 0.0),
        (["b", "a", "c"], ["a", "c", "x", "y"], 3, 0.5),
        (["a", "b"], ["a", "b", "c"], 1, 1 / 3),  # more are relevant than can be found
        (["a"], ["a", "a"], 1, 1.0),
        ([], ["a"], 5, 0.0),
    ],
)
def test_recall_is_the_share_of_the_relevant_that_was_found(
    retrieved: list[str], relevant: list[str], k: int, recall: float
) -> None:
    assert value("recall_at_k", retrieved, relevant, k) == pytest.approx(recall)


@pytest.mark.parametrize(
    ("retrieved", "k", "rank"),
    [("axx", 10, 1), ("xxa", 10, 1 / 3), ("xxa", 2, 0), ("xba", 10, 1 / 2), ("xyz", 10, 0)],
)
def test_the_first_relevant_document_decides_the_reciprocal_rank(
    retrieved: str, k: int, rank: float
) -> None:
    distinct = [f"{sign}{place if sign == 'x' else ''}" for place, sign in enumerate(retrieved)]
    assert value("mrr", distinct, ["a", "b"], k) == pytest.approx(rank)


def test_ndcg_by_hand() -> None:
    # Relevant at ranks 1 and 3 of 3, three are relevant: (1 + 1/2) / (1 + 1/log2(3) + 1/2).
    ideal = 1 + 1 / math.log2(3) + 1 / 2
    assert value("ndcg", ["a", "x", "b"], ["a", "b", "c"], 3) == pytest.approx(1.5 / ideal)
    assert value("ndcg", ["b", "c", "a"], ["a", "b", "c"], 3) == pytest.approx(1)
    assert value("ndcg", ["x", "y"], ["a"], 2) == 0


@pytest.mark.parametrize("k", [1, 3, 10, 50])
def test_ndcg_agrees_with_scikit_learn(k: int) -> None:
    draw = random.Random(k)
    keys = [f"d{n}" for n in range(20)]
    for _trial in range(50):
        ranking = draw.sample(keys, len(keys))
        relevant = draw.sample(keys, draw.randint(1, 8))
        gains = np.array([[key in relevant for key in ranking]], dtype=float)
        ranks = np.arange(len(keys), 0, -1, dtype=float)[np.newaxis]
        expected = ndcg_score(gains, ranks, k=k)
        assert value("ndcg", ranking, relevant, k) == pytest.approx(expected)


@pytest.mark.parametrize("key", ["recall_at_k", "mrr", "ndcg"])
def test_chunks_of_one_document_count_once(key: str) -> None:
    assert value(key, ["x", "x", "x", "a"], ["a"], 2) == value(key, ["x", "a"], ["a"], 2) > 0
