"""Retrieval: the most similar training messages are found and vote for their label.

This is the retrieval half of retrieval-augmented generation, measured as a classifier: nothing is
generated. Defaults were chosen on a development split of Banking77's train file.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Protocol

import numpy as np
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from numpy.typing import NDArray

from evaluations.encoder import Encoder, Vectors, encode_once, get_encoder
from evaluations.spec import choice, integer, number
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

WORD = re.compile(r"\w+")
LANGUAGES = (
    ("none", gettext_lazy("Words as written")),
    ("english", gettext_lazy("English")),
    ("french", gettext_lazy("French")),
    ("german", gettext_lazy("German")),
    ("italian", gettext_lazy("Italian")),
    ("portuguese", gettext_lazy("Portuguese")),
    ("spanish", gettext_lazy("Spanish")),
)
STEMMING_LABEL = gettext_lazy("Word stems")
STEMMING_HELP = gettext_lazy("The language whose endings are cut off, so that cards finds card.")
NEIGHBOURS_LABEL = gettext_lazy("Matches that vote")
SHARPNESS_LABEL = gettext_lazy("Sharpness")
SHARPNESS_HELP = gettext_lazy(
    "How much more a closer match counts: (score / best score) to this power. 0: one vote each."
)


class Index(Protocol):
    """Something that scores every training message against a question."""

    @property
    def facts(self) -> dict[str, Any]:
        """Return what was built."""

    def scores(self, question: str) -> Scores:
        """Return one score a training message; zero or less is no match."""


class Bm25Index:
    """BM25 (Robertson and Zaragoza, 2009) over stems; stop words stay, for short messages."""

    def __init__(self, texts: Sequence[str], language: str, k1: float, b: float) -> None:
        import bm25s
        import Stemmer

        self._stemmer = None if language == "none" else Stemmer.Stemmer(language)
        tokens = [self.tokens(text) for text in texts]
        if not any(tokens):
            raise PrepareError(_("The training examples have no words to index."))
        self._index = bm25s.BM25(k1=k1, b=b)
        self._index.index(tokens, show_progress=False)
        self._count = len(tokens)

    def tokens(self, text: str) -> list[str]:
        """Return the stems of a text's words."""
        words = WORD.findall(text.casefold())
        return self._stemmer.stemWords(words) if self._stemmer else words

    def scores(self, question: str) -> Scores:
        """Return the BM25 scores, shape (training messages,)."""
        known = self._index.get_tokens_ids(self.tokens(question))
        if not known:
            return np.zeros(self._count, dtype=np.float32)
        found: Scores = self._index.get_scores_from_ids(known)
        return found

    @property
    def facts(self) -> dict[str, Any]:
        """Return the size of the postings and of the vocabulary."""
        arrays = [part for part in self._index.scores.values() if isinstance(part, np.ndarray)]
        words = self._index.vocab_dict
        size = sum(part.nbytes for part in arrays) + sum(len(word.encode()) for word in words)
        return {"index_bytes": size, "vocabulary": len(words)}


class DenseIndex:
    """Cosine similarity of embeddings; the training messages are encoded once, in one go."""

    def __init__(self, encoder: Encoder, vectors: Vectors, from_cache: bool) -> None:
        self.encoder = encoder
        self.vectors = vectors
        self.from_cache = from_cache

    @classmethod
    def build(cls, material: Material) -> "DenseIndex":
        """Return the index of the training messages."""
        encoder = get_encoder()
        texts = [example.input for example in material.train]
        return cls(encoder, *encode_once(encoder, texts, material.cache))

    def scores(self, question: str) -> Scores:
        """Return the cosines, shape (training messages,)."""
        return self.near(self.encoder.encode([question])[0])

    def near(self, vector: Vectors) -> Scores:
        """Return the cosines of the training messages with a unit vector."""
        return self.vectors @ vector

    @property
    def facts(self) -> dict[str, Any]:
        """Return the index's size and the encoder; a cached index took no time to compute."""
        return {
            "index_bytes": self.vectors.nbytes,
            "encoder": self.encoder.name,
            "encoder_digest": self.encoder.digest,
            "embeddings_from_cache": self.from_cache,
        }


class FusedIndex:
    """Reciprocal rank fusion (Cormack, Clarke and Büttcher, 2009): the sum of 1 / (c + rank)."""

    def __init__(self, parts: Sequence[Index], constant: int, depth: int) -> None:
        self._parts = parts
        self._constant = constant
        self._depth = depth

    def scores(self, question: str) -> Scores:
        """Return the fused scores, shape (training messages,)."""
        return self.fuse([part.scores(question) for part in self._parts])

    def fuse(self, scored: Sequence[Scores]) -> Scores:
        """Return the fused scores of several scorings of the same messages."""
        fused = np.zeros(len(scored[0]), dtype=np.float64)
        for scores in scored:
            found = best(scores, self._depth)
            fused[found] += 1 / (self._constant + 1 + np.arange(len(found)))
        return fused

    @property
    def facts(self) -> dict[str, Any]:
        """Return what was built, the sizes added up."""
        facts: dict[str, Any] = {}
        for part in self._parts:
            size = facts.get("index_bytes", 0) + part.facts["index_bytes"]
            facts |= part.facts | {"index_bytes": size}
        return facts


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
class Bm25Neighbours:
    """BM25 and a vote. Cutting stems gave +1.2 points on the split, stop words cost 0.9."""

    neighbours: int = integer(20, NEIGHBOURS_LABEL, minimum=1, maximum=1000)
    sharpness: float = number(4.0, SHARPNESS_LABEL, SHARPNESS_HELP, minimum=0, maximum=100)
    stemming: str = choice("english", STEMMING_LABEL, LANGUAGES, STEMMING_HELP)
    k1: float = number(
        1.5,
        gettext_lazy("k1"),
        gettext_lazy("How soon repeating a word stops to count."),
        minimum=0,
        maximum=10,
    )
    b: float = number(
        0.75,
        gettext_lazy("b"),
        gettext_lazy("How much long texts are held back, from 0 to 1."),
        minimum=0,
        maximum=1,
    )


@dataclass(frozen=True, slots=True)
class DenseNeighbours:
    """Cosine and a vote."""

    neighbours: int = integer(10, NEIGHBOURS_LABEL, minimum=1, maximum=1000)
    sharpness: float = number(20.0, SHARPNESS_LABEL, SHARPNESS_HELP, minimum=0, maximum=100)


@dataclass(frozen=True, slots=True)
class FusedNeighbours:
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


def training_texts(material: Material) -> list[str]:
    """Return the training messages; raise PrepareError if there are none."""
    if not material.train:
        raise PrepareError(_("The case set has no training examples to search in."))
    return [example.input for example in material.train]


def prepare_bm25(spec: Bm25Neighbours, material: Material) -> Answerer:
    """Return an answerer over a BM25 index."""
    index = Bm25Index(training_texts(material), spec.stemming, spec.k1, spec.b)
    return NeighbourAnswerer(index, Voters(material.train), spec.neighbours, spec.sharpness)


def prepare_dense(spec: DenseNeighbours, material: Material) -> Answerer:
    """Return an answerer over an index of embeddings."""
    training_texts(material)
    index = DenseIndex.build(material)
    return NeighbourAnswerer(index, Voters(material.train), spec.neighbours, spec.sharpness)


def prepare_fused(spec: FusedNeighbours, material: Material) -> Answerer:
    """Return an answerer over both indexes."""
    lexical = Bm25Index(training_texts(material), spec.stemming, k1=1.5, b=0.75)
    index = FusedIndex([lexical, DenseIndex.build(material)], spec.constant, spec.depth)
    return NeighbourAnswerer(index, Voters(material.train), spec.neighbours, spec.sharpness)


KIND_NOTE = gettext_lazy(
    "A retrieval classifier, not generation: the most similar training messages vote for the label."
)
ENTRIES = (
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
