"""Retrieval-augmented generation: a prompted model answers from the passages that were found.

Lewis et al. (2020), "Retrieval-Augmented Generation for Knowledge-Intensive NLP Tasks"; here
retriever and model are not trained together. Everything is composed of what searches a corpus
(searching.py) and what prompts a model (language_model.py).
"""

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from django.utils.translation import gettext_lazy

from evaluations.scorers.words import MARKER
from evaluations.spec import choice, integer, text
from evaluations.techniques import thought
from evaluations.techniques.chat import Message
from evaluations.techniques.embedding import hold
from evaluations.techniques.interface import (
    Answer,
    Answerer,
    Example,
    Material,
    Memory,
    Question,
    after,
)
from evaluations.techniques.language_model import ChatAnswerer, Mining, Prompted, Think, mine
from evaluations.techniques.messages import Prompt, placeholders
from evaluations.techniques.reranking import MOST_LISTED, reordered
from evaluations.techniques.searching import (
    RERANKINGS,
    Found,
    Search,
    Searching,
    prepared_search,
    retrieved,
)

BY_MODEL = "model"
REASONING: dict[str, Think] = {
    "at_once": thought.at_once,
    "step_by_step": thought.step_by_step,
}


def has_text_and_passages(template: str) -> str | None:
    """Return what a template lacks of what it needs, as a sentence, or None."""
    known = ("text", "passages", "labels")
    return placeholders("text", *known)(template) or placeholders("passages", *known)(template)


@dataclass(frozen=True)
class Generating(Searching, Prompted):
    """A search, a model and its prompt."""

    message_template: str = text(
        "{passages}\n\nQuestion: {text}",
        gettext_lazy("Message"),
        gettext_lazy(
            "{text} is the question; {passages} what was found, numbered [1], [2] …; {labels} the "
            "answers to choose from."
        ),
        check=has_text_and_passages,
    )
    rules: str = text(
        "Answer from the numbered passages alone, as briefly as you can.\n"
        "After what you take from a passage, cite its number in brackets, such as [1].",
        gettext_lazy("Rules"),
        gettext_lazy("One a line."),
        nullable=True,
    )
    rerank: str = choice(
        "none",
        gettext_lazy("Order anew"),
        (
            *RERANKINGS,
            ("model", gettext_lazy("By the model, which is shown up to 20 of them at once")),
        ),
    )
    top_k: int = integer(
        4,
        gettext_lazy("Passages handed over (top k)"),
        gettext_lazy("They are numbered in the order found."),
        minimum=1,
        maximum=100,
    )
    reasoning: str = choice(
        "at_once",
        gettext_lazy("The model answers"),
        (
            ("at_once", gettext_lazy("At once")),
            ("step_by_step", gettext_lazy("Step by step (chain of thought)")),
        ),
    )


@dataclass(frozen=True)
class Composed(Generating, Mining):
    """A search, and a model whose prompt is searched for on the development cases."""

    # Not by the model: each trial of a prompt would ask it twice.
    rerank: str = choice("none", gettext_lazy("Order anew"), RERANKINGS)


@dataclass(frozen=True)
class GroundedAnswerer:
    """Finds passages for a question and lets a prompted model answer from them."""

    spec: Generating
    search: Search
    model: ChatAnswerer

    @property
    def facts(self) -> dict[str, Any]:
        """Return what was prepared."""
        return {"training_examples": 0, **self.search.facts, **self.model.facts}

    def seats(self) -> int:
        """Return how many questions may be under way now."""
        return self.model.seats()

    async def close(self) -> None:
        """Give connections and seats back."""
        await self.model.close()

    async def answer(self, question: Question) -> Answer:
        """Return what the model says; the details hold what was found and the numbers cited.

        What a user would have waited is the search and the model's time.
        """
        began = time.perf_counter()
        found = self.search.passages_for(question.input, self._looked_at)
        searched = 1000 * (time.perf_counter() - began)
        if self.spec.rerank == BY_MODEL:
            seed = self.spec.seed + question.repeat
            order = await reordered(question.input, found, self.model.chat, seed)
            answer = await self._answer(question, order.found[: self.spec.top_k], searched)
            details = {**answer.details, "reranked": order.is_read}
            return after(order.usage, replace(answer, details=details))
        return await self._answer(question, found, searched)

    @property
    def _looked_at(self) -> int:
        """Return how many passages are found for a question."""
        if self.spec.rerank != BY_MODEL:
            return self.spec.top_k
        return max(self.spec.top_k, min(self.spec.depth, MOST_LISTED))

    async def _answer(self, question: Question, found: Sequence[Found], searched: float) -> Answer:
        """Return what the model says to these passages; finding them took some milliseconds."""
        answer = await self.model.answer(replace(question, passages=_texts(found)))
        said = answer.details.get("said", answer.output)
        details = answer.details | retrieved(found, found) | {"citations": cited(said)}
        return replace(answer, details=details, latency_ms=(answer.latency_ms or 0) + searched)


def _texts(found: Sequence[Found]) -> tuple[str, ...]:
    return tuple(one.passage.text for one in found)


def cited(said: str) -> list[int]:
    """Return the numbers that a reply cites, each once, whether there is such a passage or not."""
    numbers = (int(one) for marks in MARKER.findall(said) for one in marks.split(","))
    return list(dict.fromkeys(numbers))


def prepare_generation(spec: Generating, material: Material) -> Answerer:
    """Return an answerer over the indexed corpus and a model at an endpoint."""
    return _grounded(spec, spec.prompt, material)


def prepare_composed(spec: Composed, material: Material) -> Answerer:
    """Return an answerer with the prompt that was found."""
    return _grounded(spec, Prompt(**material.learned["mined_prompt"]), material)


def _grounded(spec: Generating, prompt: Prompt, material: Material) -> Answerer:
    chat = material.chat(spec.endpoint, spec.model)
    think = REASONING[spec.reasoning]
    model = ChatAnswerer(spec, prompt, chat, think, material.labels, lambda _question: ())
    return GroundedAnswerer(spec, prepared_search(spec, material), model)


async def mine_with_passages(spec: Composed, material: Material, memory: Memory) -> dict[str, Any]:
    """Search for the best prompt on the development cases, with the passages found for each."""
    search = await asyncio.to_thread(prepared_search, spec, material)
    hold([one.input for one in material.dev], material)

    def messages(prompt: Prompt, example: Example) -> list[Message]:
        found = _texts(search.passages_for(example.input, spec.top_k))
        return prompt.messages(Question(example.input), material.labels, (), found)

    return await mine(spec, material, memory, messages, REASONING[spec.reasoning])
