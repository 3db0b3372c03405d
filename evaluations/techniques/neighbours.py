"""Retrieval classifiers: the most similar training messages are found and vote for their label.

This is the retrieval half of retrieval-augmented generation, measured as a classifier: nothing is
generated. Defaults were chosen on a development split of Banking77's train file.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from numpy.typing import NDArray

from evaluations.spec import choice, integer, number
from evaluations.techniques.embedding import Vectored, embedding_model, vectors_from
from evaluations.techniques.indexes import (
    K1,
    LANGUAGES,
    STEMMING_HELP,
    STEMMING_LABEL,
    B,
    Bm25Index,
    DenseIndex,
    FusedIndex,
    Index,
    TfidfIndex,
)
from evaluations.techniques.interface import (
    Answer,
    Answerer,
    Example,
    Material,
    PrepareError,
    Question,
    Technique,
)
from evaluations.techniques.voting import Scores, best, closeness, matches, ranking, shares

NEIGHBOURS_LABEL = gettext_lazy("Matches that vote")
SHARPNESS_LABEL = gettext_lazy("Sharpness")
SHARPNESS_HELP = gettext_lazy(
    "How much more a closer match counts: (score / best score) to this power. 0: one vote each."
)


@dataclass(frozen=True)
class Voters:
    """The training examples as voters: whom each one votes for."""

    train: Sequence[Example]
    slugs: tuple[str, ...] = field(init=False)
    owners: NDArray[np.intp] = field(init=False)

    def __post_init__(self) -> None:
        slugs = sorted({example.expected for example in self.train})
        places = {slug: place for place, slug in enumerate(slugs)}
        owners = np.array([places[example.expected] for example in self.train], dtype=np.intp)
        object.__setattr__(self, "slugs", tuple(slugs))
        object.__setattr__(self, "owners", owners)

    def shares(
        self, scores: Scores, neighbours: int, sharpness: float
    ) -> tuple[NDArray[np.intp], NDArray[np.float64]]:
        """Return the matches that vote, best first, and each label's share of their votes."""
        found = best(scores, neighbours)
        votes = closeness(scores[found], sharpness)
        return found, shares(votes, self.owners[found], len(self.slugs))


@dataclass(frozen=True)
class NeighbourAnswerer:
    """Answers with the label that the best matches vote for, or not at all without a match."""

    index: Index
    voters: Voters
    neighbours: int
    sharpness: float

    @cached_property
    def facts(self) -> dict[str, Any]:
        """Return what was prepared."""
        counts = {"training_examples": len(self.voters.train), "labels": len(self.voters.slugs)}
        return counts | self.index.facts

    def answer(self, question: Question) -> Answer:
        """Return the elected label; the details hold the vote and the first matches."""
        scores = self.index.scores(question.input)
        found, votes = self.voters.shares(scores, self.neighbours, self.sharpness)
        if not len(found):
            return Answer("", {"reason": "nothing similar was found"})
        return Answer(
            self.voters.slugs[int(votes.argmax())],
            {
                "labels": ranking(self.voters.slugs, votes),
                "matches": matches(self.voters.train, found, scores),
            },
        )


@dataclass(frozen=True, slots=True)
class TfidfNeighbours:
    """TF-IDF and a vote."""

    neighbours: int = integer(20, NEIGHBOURS_LABEL, minimum=1, maximum=1000)
    sharpness: float = number(4.0, SHARPNESS_LABEL, SHARPNESS_HELP, minimum=0, maximum=100)
    stemming: str = choice("english", STEMMING_LABEL, LANGUAGES, STEMMING_HELP)


@dataclass(frozen=True, slots=True)
class Bm25Neighbours:
    """BM25 and a vote. Cutting stems gave +1.2 points on the split, stop words cost 0.9."""

    neighbours: int = integer(20, NEIGHBOURS_LABEL, minimum=1, maximum=1000)
    sharpness: float = number(4.0, SHARPNESS_LABEL, SHARPNESS_HELP, minimum=0, maximum=100)
    stemming: str = choice("english", STEMMING_LABEL, LANGUAGES, STEMMING_HELP)
    k1: float = number(
        K1,
        gettext_lazy("k1"),
        gettext_lazy("How soon repeating a word stops to count."),
        minimum=0,
        maximum=10,
    )
    b: float = number(
        B,
        gettext_lazy("b"),
        gettext_lazy("How much long texts are held back, from 0 to 1."),
        minimum=0,
        maximum=1,
    )


@dataclass(frozen=True, slots=True)
class DenseNeighbours(Vectored):
    """Cosine and a vote."""

    neighbours: int = integer(10, NEIGHBOURS_LABEL, minimum=1, maximum=1000)
    sharpness: float = number(20.0, SHARPNESS_LABEL, SHARPNESS_HELP, minimum=0, maximum=100)
    embedding_endpoint: str = vectors_from()
    embedding_model: str = embedding_model()


@dataclass(frozen=True, slots=True)
class FusedNeighbours(Vectored):
    """Both, fused by rank. The usual constant of 60 cost 1.7 points on the split."""

    neighbours: int = integer(10, NEIGHBOURS_LABEL, minimum=1, maximum=1000)
    sharpness: float = number(2.0, SHARPNESS_LABEL, SHARPNESS_HELP, minimum=0, maximum=100)
    depth: int = integer(
        50,
        gettext_lazy("Matches of each retrieval that are fused"),
        minimum=1,
        maximum=10_000,
    )
    constant: int = integer(
        5,
        gettext_lazy("Fusion constant"),
        gettext_lazy("A match of rank r adds 1 / (constant + r)."),
        minimum=0,
        maximum=1000,
    )
    stemming: str = choice("english", STEMMING_LABEL, LANGUAGES, STEMMING_HELP)
    embedding_endpoint: str = vectors_from()
    embedding_model: str = embedding_model()


def training_texts(material: Material) -> list[str]:
    """Return the training messages; raise PrepareError if there are none."""
    if not material.train:
        raise PrepareError(_("The case set has no training examples to search in."))
    return [example.input for example in material.train]


def prepare_tfidf(spec: TfidfNeighbours, material: Material) -> Answerer:
    """Return an answerer over TF-IDF weights."""
    index = TfidfIndex(training_texts(material), spec.stemming)
    return NeighbourAnswerer(index, Voters(material.train), spec.neighbours, spec.sharpness)


def prepare_bm25(spec: Bm25Neighbours, material: Material) -> Answerer:
    """Return an answerer over a BM25 index."""
    index = Bm25Index(training_texts(material), spec.stemming, spec.k1, spec.b)
    return NeighbourAnswerer(index, Voters(material.train), spec.neighbours, spec.sharpness)


def prepare_dense(spec: DenseNeighbours, material: Material) -> Answerer:
    """Return an answerer over an index of embeddings."""
    index = DenseIndex.build(training_texts(material), material)
    return NeighbourAnswerer(index, Voters(material.train), spec.neighbours, spec.sharpness)


def prepare_fused(spec: FusedNeighbours, material: Material) -> Answerer:
    """Return an answerer over both indexes."""
    texts = training_texts(material)
    parts: list[Index] = [Bm25Index(texts, spec.stemming), DenseIndex.build(texts, material)]
    index = FusedIndex(parts, spec.constant, spec.depth)
    return NeighbourAnswerer(index, Voters(material.train), spec.neighbours, spec.sharpness)


KIND_NOTE = gettext_lazy(
    "A retrieval classifier, not generation: the most similar training messages vote for the label."
)
ENTRIES = (
    Technique(
        key="rag/tfidf_knn",
        approach="rag",
        version="1",
        title=gettext_lazy("TF-IDF retrieval"),
        description=gettext_lazy(
            "Finds training messages with the same words, weighted by how rare they are."
        ),
        kind_note=KIND_NOTE,
        spec_class=TfidfNeighbours,
        build=prepare_tfidf,
    ),
    Technique(
        key="rag/bm25_knn",
        approach="rag",
        version="1",
        title=gettext_lazy("BM25 retrieval"),
        description=gettext_lazy("Finds training messages that share rare words with this one."),
        kind_note=KIND_NOTE,
        spec_class=Bm25Neighbours,
        build=prepare_bm25,
    ),
    Technique(
        key="rag/dense_knn",
        approach="rag",
        version="1",
        title=gettext_lazy("Dense retrieval"),
        description=gettext_lazy("Finds training messages that mean nearly the same as this one."),
        kind_note=KIND_NOTE,
        spec_class=DenseNeighbours,
        build=prepare_dense,
    ),
    Technique(
        key="rag/fused_knn",
        approach="rag",
        version="1",
        title=gettext_lazy("BM25 and dense retrieval, fused"),
        description=gettext_lazy("Finds training messages by words and by meaning, fused by rank."),
        kind_note=KIND_NOTE,
        spec_class=FusedNeighbours,
        build=prepare_fused,
    ),
)
