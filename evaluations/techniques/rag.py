"""Retrieval by itself, and answers from what was retrieved: extracted or generated."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any

import numpy as np
from django.utils.translation import gettext_lazy

from evaluations.encoder import Encoder, Vectors, get_encoder
from evaluations.spec import integer
from evaluations.techniques import neighbours
from evaluations.techniques.generation import Generating, prepare_generation
from evaluations.techniques.indexes import sentences
from evaluations.techniques.interface import Answer, Answerer, Material, Question, Technique
from evaluations.techniques.searching import Search, Searching, prepared_search, retrieved
from evaluations.techniques.voting import best

KEPT = 2_000  # passages whose sentences stay encoded
KINDS = ("question_answering", "free_text")


@dataclass(frozen=True)
class RetrievalAnswerer:
    """Answers with the best passage; the details list the documents found."""

    spec: Searching
    search: Search

    @property
    def facts(self) -> dict[str, Any]:
        """Return what was prepared."""
        return {"training_examples": 0, **self.search.facts}

    def answer(self, question: Question) -> Answer:
        """Return the passage that matches best, and the documents found, best first."""
        found = self.search.documents_for(question.input, self.spec.top_k)
        return Answer(found[0].passage.text if found else "", retrieved(found, found[:1]))


@dataclass(frozen=True)
class Extracting(Searching):
    """What is taken out of what was found."""

    top_k: int = integer(
        3,
        gettext_lazy("Passages read (top k)"),
        gettext_lazy("The answer is taken from these."),
        minimum=1,
        maximum=100,
    )
    sentences: int = integer(1, gettext_lazy("Sentences of an answer"), minimum=1, maximum=20)


@dataclass(frozen=True)
class ExtractingAnswerer:
    """Answers with the sentences of the passages found that are closest to the question."""

    spec: Extracting
    search: Search
    encoder: Encoder

    @cached_property
    def facts(self) -> dict[str, Any]:
        """Return what was prepared."""
        used = {"encoder": self.encoder.name, "encoder_digest": self.encoder.digest}
        return {"training_examples": 0, **self.search.facts, **used}

    def answer(self, question: Question) -> Answer:
        """Return the sentences, each with the number of its passage, in the passages' order."""
        found = self.search.passages_for(question.input, self.spec.top_k)
        cut = [(at, one) for at, hit in enumerate(found, 1) for one in sentences(hit.passage.text)]
        if not cut:
            return Answer("", retrieved(found, found))
        asked = self.encoder.encode([question.input])[0]
        vectors = np.concatenate([self._vectors(hit.passage.text) for hit in found])
        near = 1 + vectors @ asked  # above zero, so that something is always best
        chosen = [cut[place] for place in np.sort(best(near, self.spec.sentences))]
        said = " ".join(f"{one} [{at}]" for at, one in chosen)
        cited = list(dict.fromkeys(at for at, _one in chosen))
        return Answer(said, retrieved(found, found) | {"citations": cited})

    @cached_property
    def _vectors(self) -> Callable[[str], Vectors]:
        """Return what encodes the sentences of a passage, and keeps them for the next question.

        Each passage by itself, so that its vectors never depend on what was asked before.
        """
        return lru_cache(KEPT)(lambda text: self.encoder.encode(sentences(text)))


def prepare_retrieval(spec: Searching, material: Material) -> Answerer:
    """Return an answerer over the indexed corpus."""
    return RetrievalAnswerer(spec, prepared_search(spec, material))


def prepare_extraction(spec: Extracting, material: Material) -> Answerer:
    """Return an answerer over the indexed corpus that takes out sentences."""
    return ExtractingAnswerer(spec, prepared_search(spec, material), get_encoder())


ENTRIES = (
    *neighbours.ENTRIES,
    Technique(
        key="rag/retrieval",
        approach="rag",
        version="1",
        title=gettext_lazy("Retrieval from a corpus"),
        description=gettext_lazy(
            "Cuts the case set's documents into passages and finds those that match the question."
        ),
        kind_note=gettext_lazy(
            "Retrieval measured by itself: the answer is the best passage as it stands, and "
            "nothing is generated. What compares meanings is an encoder (all-MiniLM-L6-v2)."
        ),
        spec_class=Searching,
        build=prepare_retrieval,
        needs_training=False,
        needs_corpus=True,
        provides=("retrieved",),
        kinds=KINDS,
    ),
    Technique(
        key="rag/extraction",
        approach="rag",
        version="1",
        title=gettext_lazy("Retrieval and an extracted answer"),
        description=gettext_lazy(
            "Finds passages and answers with the sentence of theirs that is closest to the "
            "question, citing the passage."
        ),
        kind_note=gettext_lazy(
            "Extraction, not generation: whole sentences are copied from the passages that an "
            "encoder (all-MiniLM-L6-v2) finds closest; no language model takes part."
        ),
        spec_class=Extracting,
        build=prepare_extraction,
        needs_training=False,
        needs_corpus=True,
        provides=("retrieved", "passages"),
        kinds=KINDS,
    ),
    Technique(
        key="rag/generation",
        approach="rag",
        version="1",
        title=gettext_lazy("Retrieval and a generated answer"),
        description=gettext_lazy(
            "Finds passages, numbers them in the prompt, and lets a language model answer from "
            "them and cite them."
        ),
        kind_note=gettext_lazy(
            "Retrieval-augmented generation: a language model at an endpoint answers from passages "
            "of the corpus. How it answers depends on the model that the server runs."
        ),
        spec_class=Generating,
        build=prepare_generation,
        needs_training=False,
        needs_corpus=True,
        provides=("retrieved", "passages"),
        kinds=("classification", *KINDS),
    ),
)
