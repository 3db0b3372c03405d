"""Hybrid: retrieval and a tuned head decide together."""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from django.utils.translation import gettext_lazy
from numpy.typing import NDArray

from evaluations.spec import choice, number
from evaluations.techniques.fine_tuning import Head, trained
from evaluations.techniques.indexes import (
    LANGUAGES,
    STEMMING_HELP,
    STEMMING_LABEL,
    Bm25Index,
    DenseIndex,
    added_up,
)
from evaluations.techniques.interface import Answer, Answerer, Material, Question, Technique
from evaluations.techniques.neighbours import (
    Bm25Neighbours,
    DenseNeighbours,
    Voters,
    training_texts,
)
from evaluations.techniques.voting import matches, ranking

BM25 = Bm25Neighbours()
DENSE = DenseNeighbours()


@dataclass(frozen=True, slots=True)
class Fused:
    """How much the head has to say. 0.3 to 0.5 was best on a split of Banking77's train file."""

    head_share: float = number(
        0.3,
        gettext_lazy("Share of the tuned head"),
        gettext_lazy("The rest is shared equally by the BM25 and the dense vote."),
        minimum=0,
        maximum=1,
    )
    c: float = number(
        30.0,
        gettext_lazy("Freedom of the head (C)"),
        gettext_lazy("Higher trusts the examples more, lower keeps the head simpler."),
        minimum=0.0001,
        maximum=100_000,
    )
    stemming: str = choice("english", STEMMING_LABEL, LANGUAGES, STEMMING_HELP)


@dataclass(frozen=True)
class FusedAnswerer:
    """Adds up the head's probabilities and the shares of two votes.

    Interpolating a model with its nearest neighbours: Khandelwal et al. (2020), kNN-LM, equation 3.
    """

    spec: Fused
    head: Head
    lexical: Bm25Index
    dense: DenseIndex
    voters: Voters

    @cached_property
    def facts(self) -> dict[str, Any]:
        """Return what was prepared, the sizes added up."""
        indexes = added_up([self.lexical, self.dense])
        head = self.head.weights.nbytes + self.head.bias.nbytes
        return {
            "training_examples": len(self.voters.train),
            "labels": len(self.voters.slugs),
            **indexes,
            "index_bytes": indexes["index_bytes"] + head,
        }

    def answer(self, question: Question) -> Answer:
        """Return the label with the highest sum; the details hold it and the nearest messages."""
        vector = self.dense.encoder.encode([question.input])[0]
        cosines = self.dense.near(vector)
        found, near = self.voters.shares(cosines, DENSE.neighbours, DENSE.sharpness)
        words = self.lexical.scores(question.input)
        _found, shared = self.voters.shares(words, BM25.neighbours, BM25.sharpness)
        total = self.mixed(self.head.probabilities(vector), near, shared)
        return Answer(
            self.voters.slugs[int(total.argmax())],
            {
                "labels": ranking(self.voters.slugs, total),
                "matches": matches(self.voters.train, found, cosines),
            },
        )

    def mixed(
        self,
        odds: NDArray[np.float64],
        near: NDArray[np.float64],
        shared: NDArray[np.float64],
    ) -> NDArray[np.float64]:
        """Return the weighted sum, shape (labels,)."""
        share = self.spec.head_share
        total: NDArray[np.float64] = share * odds + (1 - share) * (near + shared) / 2
        return total


def prepare_fused(spec: Fused, material: Material) -> Answerer:
    """Return an answerer with both indexes and a head trained on all examples."""
    texts = training_texts(material)
    lexical = Bm25Index(texts, spec.stemming)
    dense = DenseIndex.build(texts, material)
    voters = Voters(material.train)
    head = trained(dense.vectors, [example.expected for example in material.train], spec.c)
    return FusedAnswerer(spec, head, lexical, dense, voters)


ENTRIES = (
    Technique(
        key="hybrid/fused",
        approach="hybrid",
        version="1",
        title=gettext_lazy("Retrieval and a tuned head, fused"),
        description=gettext_lazy(
            "Similar training messages, found by words and by meaning, and a head trained on all "
            "of them decide together."
        ),
        kind_note=gettext_lazy(
            "Retrieval and a small classifier on an encoder's vectors (all-MiniLM-L6-v2); "
            "no language model and no generation."
        ),
        spec_class=Fused,
        build=prepare_fused,
    ),
)
