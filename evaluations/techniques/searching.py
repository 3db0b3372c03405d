"""Searching a corpus: its documents are cut into passages, indexed, and found again."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from django.utils.translation import gettext_lazy
from numpy.typing import NDArray

from evaluations.spec import choice, integer, number
from evaluations.techniques.chunking import UNITS, Chunking, Passage, passages_of
from evaluations.techniques.embedding import Vectored, embedding_model, vectors_from
from evaluations.techniques.indexes import (
    LANGUAGES,
    STEMMING_HELP,
    STEMMING_LABEL,
    Bm25Index,
    DenseIndex,
    DiverseIndex,
    FusedIndex,
    Index,
    ReorderedIndex,
    SentenceIndex,
    TfidfIndex,
)
from evaluations.techniques.interface import Material
from evaluations.techniques.voting import Scores, best

EXCERPT = 400  # characters of a passage that are shown
NOTHING_FOUND = "nothing was found"
METHODS = (
    ("tfidf", gettext_lazy("TF-IDF: shared words, the rarer the better")),
    ("bm25", gettext_lazy("BM25: shared words, and how often they occur in how long a text")),
    ("dense", gettext_lazy("Dense: close meaning, by vectors")),
    ("fused", gettext_lazy("BM25 and dense, fused by reciprocal rank")),
    ("fused_all", gettext_lazy("TF-IDF, BM25 and dense, fused by reciprocal rank")),
)
PARTS = {"fused": ("bm25", "dense"), "fused_all": ("tfidf", "bm25", "dense")}
RERANKINGS = (
    ("none", gettext_lazy("None: in the order found")),
    ("sentences", gettext_lazy("By the closest sentence of each passage (vectors)")),
    ("diverse", gettext_lazy("By what each adds to those before it (MMR, vectors)")),
)


@dataclass(frozen=True)
class Searching(Vectored):
    """How a corpus is cut, indexed and searched. 60 is the constant of the paper on fusion."""

    method: str = choice("fused", gettext_lazy("Retrieval"), METHODS)
    unit: str = choice("tokens", gettext_lazy("Cut documents"), UNITS)
    size: int = integer(
        200,
        gettext_lazy("Longest passage"),
        gettext_lazy("In characters or tokens. The encoder reads 256 tokens of a passage."),
        minimum=20,
        maximum=100_000,
    )
    overlap: int = integer(
        0,
        gettext_lazy("Overlap"),
        gettext_lazy("How much of a passage the next one may repeat, in the same unit."),
        minimum=0,
        maximum=50_000,
    )
    indexed: str = choice(
        "text",
        gettext_lazy("What is indexed"),
        (
            ("text", gettext_lazy("The passage")),
            ("titled", gettext_lazy("The document's title and the passage")),
        ),
    )
    stemming: str = choice("english", STEMMING_LABEL, LANGUAGES, STEMMING_HELP)
    constant: int = integer(
        60,
        gettext_lazy("Fusion constant"),
        gettext_lazy("A match of rank r adds 1 / (constant + r)."),
        minimum=0,
        maximum=1000,
    )
    rerank: str = choice("none", gettext_lazy("Order anew"), RERANKINGS)
    relevance: float = number(
        0.7,
        gettext_lazy("Relevance against novelty"),
        gettext_lazy("For MMR: 1 heeds relevance alone, 0 novelty alone."),
        minimum=0,
        maximum=1,
    )
    depth: int = integer(
        50,
        gettext_lazy("Depth"),
        gettext_lazy("How many matches are fused or ordered anew."),
        minimum=1,
        maximum=10_000,
    )
    top_k: int = integer(
        10,
        gettext_lazy("Matches kept (top k)"),
        gettext_lazy("Figures at k need at least k of them."),
        minimum=1,
        maximum=1000,
    )
    embedding_endpoint: str = vectors_from()
    embedding_model: str = embedding_model()

    @property
    def chunking(self) -> Chunking:
        """Return how documents are cut."""
        return Chunking(self.unit, self.size, self.overlap)


@dataclass(frozen=True, slots=True)
class Found:
    """A passage that was found, and how well it matched."""

    passage: Passage
    score: float

    @property
    def plain(self) -> dict[str, Any]:
        """Return it as it is shown with a result and read by scorers of retrieval."""
        return {
            "key": self.passage.key,
            "text": self.passage.text[:EXCERPT],
            "score": round(self.score, 4),
        }


def retrieved(found: Sequence[Found], handed_over: Sequence[Found]) -> dict[str, Any]:
    """Return what was found, and the texts that the answer is made of, as a result's details."""
    details: dict[str, Any] = {
        "retrieved": [one.plain for one in found],
        "passages": [one.passage.text for one in handed_over],
    }
    return details if found else details | {"reason": NOTHING_FOUND}


@dataclass(frozen=True)
class Search:
    """A corpus that is ready to be searched."""

    passages: Sequence[Passage]
    index: Index
    seconds: float
    corpus_digest: str

    def passages_for(self, question: str, count: int) -> list[Found]:
        """Return the best passages, best first; several may be of one document."""
        scores = self.index.scores(question)
        return self._found(best(scores, count), scores)

    def documents_for(self, question: str, count: int) -> list[Found]:
        """Return the best documents, best first, each by the passage of it that matched best."""
        scores = self.index.scores(question)
        by_document = np.maximum.reduceat(scores, self._starts)
        ends = [*self._starts[1:], len(scores)]
        places = [
            self._starts[one] + int(scores[self._starts[one] : ends[one]].argmax())
            for one in best(by_document, count)
        ]
        return self._found(places, scores)

    def _found(self, places: Sequence[int] | NDArray[np.intp], scores: Scores) -> list[Found]:
        return [Found(self.passages[place], float(scores[place])) for place in places]

    @cached_property
    def _starts(self) -> list[int]:
        """Return where the passages of each document begin."""
        keys = [one.key for one in self.passages]
        return [place for place, key in enumerate(keys) if not place or key != keys[place - 1]]

    @cached_property
    def facts(self) -> dict[str, Any]:
        """Return what was built, how long that took and how large it is."""
        return {
            "documents": len(self._starts),
            "chunks": len(self.passages),
            "index_build_seconds": round(self.seconds, 3),
            "corpus_digest": self.corpus_digest,
            **self.index.facts,
        }


def prepared_search(spec: Searching, material: Material) -> Search:
    """Return the search over the material's documents; raise PrepareError if there are none."""
    began = time.perf_counter()
    passages = passages_of(material.documents, spec.chunking)
    texts = [one.titled if spec.indexed == "titled" else one.text for one in passages]
    index = _reranked(spec, texts, material)
    return Search(passages, index, time.perf_counter() - began, material.corpus_digest)


def _reranked(spec: Searching, texts: Sequence[str], material: Material) -> Index:
    first = _index(spec, texts, material)
    if spec.rerank == "sentences":
        return ReorderedIndex(first, SentenceIndex.build(texts, material), spec.depth)
    if spec.rerank == "diverse":
        dense = DenseIndex.build(texts, material)
        return DiverseIndex(first, dense, spec.relevance, spec.depth)
    return first


def _index(spec: Searching, texts: Sequence[str], material: Material) -> Index:
    if spec.method in PARTS:
        parts = [_simple_index(one, spec, texts, material) for one in PARTS[spec.method]]
        return FusedIndex(parts, spec.constant, spec.depth)
    return _simple_index(spec.method, spec, texts, material)


def _simple_index(method: str, spec: Searching, texts: Sequence[str], material: Material) -> Index:
    if method == "tfidf":
        return TfidfIndex(texts, spec.stemming)
    if method == "bm25":
        return Bm25Index(texts, spec.stemming)
    return DenseIndex.build(texts, material)
