"""What retrieval techniques share: the best matches, their vote, and how they are shown."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from evaluations.techniques.interface import Example

Scores = NDArray[np.floating]
SHOWN = 5
EXCERPT = 200


def best(scores: Scores, count: int) -> NDArray[np.intp]:
    """Return the indices of the `count` highest scores above zero, best first.

    Equal scores keep their order, so the same question always finds the same matches.
    """
    count = min(count, len(scores))
    if not count:
        return np.empty(0, dtype=np.intp)
    threshold = np.partition(scores, -count)[-count]
    candidates: NDArray[np.intp] = np.flatnonzero((scores >= threshold) & (scores > 0))
    return candidates[np.argsort(-scores[candidates], kind="stable")[:count]]


def closeness(scores: Scores, sharpness: float) -> NDArray[np.float64]:
    """Return each match's weight in the vote: (its score / the best one's) to the `sharpness`.

    Distance-weighted voting after Dudani (1976), with a power so that BM25 scores, which have no
    scale, and cosines can use the same rule. Sharpness 0 gives every match one vote.
    """
    weights: NDArray[np.float64] = np.asarray(scores, dtype=np.float64)
    if len(weights):
        weights = (weights / weights[0]) ** sharpness
    return weights


def shares(
    votes: NDArray[np.float64], owners: NDArray[np.intp], labels: int
) -> NDArray[np.float64]:
    """Return each label's share of the votes, shape (labels,); all zero if nobody voted."""
    counted: NDArray[np.float64] = np.bincount(owners, votes, labels).astype(np.float64)
    total = counted.sum()
    return counted / total if total else counted


def ranking(slugs: Sequence[str], scores: Scores, shown: int = SHOWN) -> list[dict[str, Any]]:
    """Return the labels that scored best, for a result's details."""
    order = np.argsort(-scores, kind="stable")[:shown]
    return [
        {"label": slugs[index], "score": round(float(scores[index]), 4)}
        for index in order
        if scores[index] > 0
    ]


def matches(
    train: Sequence[Example], found: NDArray[np.intp], scores: Scores
) -> list[dict[str, Any]]:
    """Return the first matches with their text, for a result's details."""
    return [
        {
            "text": train[index].input[:EXCERPT],
            "label": train[index].expected,
            "score": round(float(scores[index]), 4),
        }
        for index in found[:SHOWN]
    ]
