"""Hybrids: retrieval with a tuned head, and retrieval with a model and a mined prompt."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from django.utils.translation import gettext_lazy
from numpy.typing import NDArray

from evaluations.spec import choice, integer, number
from evaluations.techniques import thought
from evaluations.techniques.chat import Message
from evaluations.techniques.embedding import (
    Vectored,
    embedding_model,
    hold,
    vectors_from,
)
from evaluations.techniques.examples import nearest
from evaluations.techniques.fine_tuning import Head, trained
from evaluations.techniques.generation import Composed, mine_with_passages, prepare_composed
from evaluations.techniques.indexes import (
    LANGUAGES,
    STEMMING_HELP,
    STEMMING_LABEL,
    Bm25Index,
    DenseIndex,
    added_up,
)
from evaluations.techniques.interface import (
    Answer,
    Answerer,
    Example,
    Material,
    Memory,
    Question,
    Technique,
)
from evaluations.techniques.language_model import ChatAnswerer, Mining, mine
from evaluations.techniques.messages import Prompt
from evaluations.techniques.mining import lacking_cases
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
class Fused(Vectored):
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
    embedding_endpoint: str = vectors_from()
    embedding_model: str = embedding_model()


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


@dataclass(frozen=True, slots=True)
class ShownExamples(Vectored, Mining):
    """A model, similar examples, and a prompt of which one part is searched for."""

    shots: int = integer(4, gettext_lazy("Similar examples"), minimum=1, maximum=100)
    embedding_endpoint: str = vectors_from()
    embedding_model: str = embedding_model()


def prepare_shown(spec: ShownExamples, material: Material) -> Answerer:
    """Return an answerer that shows similar examples, with the prompt that was found."""
    chat = material.chat(spec.endpoint, spec.model)
    prompt = Prompt(**material.learned["mined_prompt"])
    choose = nearest(spec.shots, material)
    return ChatAnswerer(spec, prompt, chat, thought.at_once, material.labels, choose)


async def mine_with_examples(
    spec: ShownExamples, material: Material, memory: Memory
) -> Mapping[str, Any]:
    """Search for the best prompt on the development cases, each with its similar examples."""
    training_texts(material)
    choose = await asyncio.to_thread(nearest, spec.shots, material)
    hold([one.input for one in material.dev], material)

    def messages(prompt: Prompt, example: Example) -> Sequence[Message]:
        question = Question(example.input)
        return prompt.messages(question, material.labels, choose(question))

    return await mine(spec, material, memory, messages)


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
    Technique(
        key="hybrid/retrieval_and_mined_prompt",
        approach="hybrid",
        version="1",
        title=gettext_lazy("Retrieval, a model and a mined prompt"),
        description=gettext_lazy(
            "Finds passages of the corpus and lets a model, which may be a tuned one, answer from "
            "them with the prompt that did best on the development cases."
        ),
        kind_note=gettext_lazy(
            "Retrieval-augmented generation with a prompt searched for on development cases; the "
            "model is whichever the endpoint serves under that name."
        ),
        spec_class=Composed,
        build=prepare_composed,
        needs_training=False,
        needs_corpus=True,
        provides=("retrieved", "passages"),
        kinds=("classification", "question_answering", "free_text"),
        learn=mine_with_passages,
        obstacle=lacking_cases,
    ),
    Technique(
        key="hybrid/examples_and_mined_prompt",
        approach="hybrid",
        version="1",
        title=gettext_lazy("Similar examples, a model and a mined prompt"),
        description=gettext_lazy(
            "Finds the training cases most similar to the question and shows them to a model, "
            "which may be a tuned one, with the prompt that did best on the development cases."
        ),
        kind_note=gettext_lazy(
            "Few-shot prompting with retrieved examples and a prompt searched for on development "
            "cases; the model is whichever the endpoint serves under that name."
        ),
        spec_class=ShownExamples,
        build=prepare_shown,
        kinds=("classification", "question_answering", "free_text"),
        learn=mine_with_examples,
        obstacle=lacking_cases,
    ),
)
