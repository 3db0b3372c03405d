"""Prompting a language model: one prompt, and the ways in which it is let come to its answer."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, ClassVar

from asgiref.sync import sync_to_async
from celery.exceptions import SoftTimeLimitExceeded
from django.utils.translation import gettext_lazy

from evaluations.scorers import normalised
from evaluations.scorers.words import without_marks
from evaluations.spec import choice, endpoint, integer, line, number, text
from evaluations.techniques import thought
from evaluations.techniques.chat import Chat, Message, Usage
from evaluations.techniques.embedding import Vectored, embedding_model, vectors_from
from evaluations.techniques.examples import CHOICES, Choose, chooser, examples_problem
from evaluations.techniques.interface import (
    Answer,
    Answerer,
    Example,
    Halt,
    Label,
    Learn,
    Material,
    Memory,
    Question,
    Technique,
)
from evaluations.techniques.messages import Prompt, as_label, placeholders
from evaluations.techniques.mining import Unanswered, lacking_cases, mined, variants_of
from evaluations.techniques.thought import Sampling, Thought, Tree

Asked = Callable[[Prompt, Example], Sequence[Message]]
Think = Callable[[Chat, Sequence[Message], Sampling], Awaitable[Thought]]
MOST_TRIALS = 32  # requests under way at once while a prompt is searched for
KIND_NOTE = gettext_lazy(
    "A language model at an endpoint, with the prompt shown here; how it answers depends on the "
    "model that the server runs."
)


@dataclass(frozen=True, slots=True)
class Prompted:
    """A model and its prompt."""

    endpoint: str = endpoint(gettext_lazy("Endpoint"), gettext_lazy("The server that answers."))
    model: str = line(
        "", gettext_lazy("Model"), gettext_lazy("As the server calls it, such as llama3.1:8b.")
    )
    message_template: str = text(
        "{text}",
        gettext_lazy("Message"),
        gettext_lazy(
            "{text} is the question; {labels} the answers to choose from, which are told before "
            "it otherwise; {passages} the texts that belong to the question."
        ),
        check=placeholders("text", "labels", "passages"),
    )
    context: str = text(
        "",
        gettext_lazy("Context"),
        gettext_lazy("What the model has to know: where it is, whom it serves."),
        nullable=True,
    )
    style: str = text("", gettext_lazy("Style"), nullable=True)
    tone: str = text("", gettext_lazy("Tone"), nullable=True)
    rules: str = text("", gettext_lazy("Rules"), gettext_lazy("One a line."), nullable=True)
    output_format: str = text("", gettext_lazy("Output format"), nullable=True)
    temperature: float = number(
        0.0,
        gettext_lazy("Temperature"),
        gettext_lazy("0 for the likeliest words; higher varies more."),
        minimum=0,
        maximum=2,
    )
    max_tokens: int = integer(
        512,
        gettext_lazy("Longest reply (tokens)"),
        minimum=1,
        maximum=100_000,
    )
    seed: int = integer(
        0,
        gettext_lazy("Seed"),
        gettext_lazy("Passed on to the server, which may or may not heed it."),
        minimum=0,
        maximum=2**31 - 1,
    )

    tells_labels: ClassVar[bool] = True

    @property
    def prompt(self) -> Prompt:
        """Return the parts of the prompt."""
        return Prompt(
            self.message_template,
            self.context,
            self.style,
            self.tone,
            self.rules,
            self.output_format,
            self.tells_labels,
        )

    @property
    def sampling(self) -> Sampling:
        """Return how words are drawn."""
        return Sampling(self.temperature, self.max_tokens, self.seed)


@dataclass(frozen=True, slots=True)
class FewShot(Vectored, Prompted):
    """A prompt with examples before the question."""

    shots: int = integer(4, gettext_lazy("Examples"), minimum=1, maximum=100)
    choice: str = choice("random", gettext_lazy("Which ones"), CHOICES)
    examples: str = text(
        "",
        gettext_lazy("Written examples"),
        gettext_lazy("One a line: message => answer. For the fixed choice."),
        maximum=20_000,
        check=examples_problem,
        nullable=True,
    )
    embedding_endpoint: str = vectors_from()
    embedding_model: str = embedding_model()


@dataclass(frozen=True, slots=True)
class Sampled(Prompted):
    """Several tries at one question."""

    samples: int = integer(
        5,
        gettext_lazy("Tries"),
        gettext_lazy("The commonest answer wins. With temperature 0 all tries may be the same."),
        minimum=2,
        maximum=50,
    )


@dataclass(frozen=True, slots=True)
class Treed(Prompted):
    """A tree of thoughts."""

    breadth: int = integer(2, gettext_lazy("Thoughts kept on a level"), minimum=1, maximum=10)
    depth: int = integer(2, gettext_lazy("Levels"), minimum=1, maximum=6)
    branches: int = integer(
        3, gettext_lazy("Next steps tried from each thought"), minimum=1, maximum=10
    )
    budget: int = integer(
        30,
        gettext_lazy("Most requests a case"),
        gettext_lazy("A level that would need more is not begun."),
        minimum=1,
        maximum=500,
    )


PARTS = (
    ("context", gettext_lazy("Context")),
    ("style", gettext_lazy("Style")),
    ("tone", gettext_lazy("Tone")),
    ("rules", gettext_lazy("Rules")),
    ("output_format", gettext_lazy("Output format")),
    ("message", gettext_lazy("Message")),
)


@dataclass(frozen=True, slots=True)
class Mining(Prompted):
    """A prompt of which one part is searched for."""

    part: str = choice("context", gettext_lazy("Part that is searched for"), PARTS)
    alternatives: str = text(
        "",
        gettext_lazy("Alternatives"),
        gettext_lazy("What is tried in its place, divided by lines of three dashes (---)."),
        maximum=60_000,
    )
    requests: int = integer(
        200,
        gettext_lazy("Requests for the search"),
        gettext_lazy("On development cases only; the test cases are never looked at."),
        minimum=4,
        maximum=100_000,
    )


@dataclass(frozen=True)
class ChatAnswerer:
    """Answers with what a model says to the prompt, read as a label where there are labels."""

    spec: Prompted
    prompt: Prompt
    chat: Chat
    think: Think
    labels: Sequence[Label]
    choose: Choose

    @property
    def facts(self) -> dict[str, Any]:
        """Return what was prepared."""
        return {
            "endpoint": self.spec.endpoint,
            "model": self.spec.model,
            "labels": len(self.labels),
            "prompt": asdict(self.prompt),
        }

    def seats(self) -> int:
        """Return how many questions may be under way now."""
        return self.chat.seats()

    async def close(self) -> None:
        """Give connections and seats back."""
        await self.chat.close()

    async def answer(self, question: Question) -> Answer:
        """Return what the model says; the details hold the prompt and how the answer came about."""
        examples = self.choose(question)
        messages = self.prompt.messages(question, self.labels, examples, question.passages)
        sampling = replace(self.spec.sampling, seed=self.spec.seed + question.repeat)
        found = await self.think(self.chat, messages, sampling)
        return answered(found, self.labels, {"messages": shortened(messages)})


def answered(found: Thought, labels: Sequence[Label], details: dict[str, Any]) -> Answer:
    """Return a thought as an answer, with what it took."""
    usage = found.usage
    output = as_label(found.answer, labels) if labels else found.answer
    said = {} if output == found.answer else {"said": found.answer[: thought.SHOWN]}
    return Answer(
        output,
        details | found.trace | said | {"model": usage.model, "requests": usage.requests},
        input_tokens=usage.input_tokens,
        output_tokens=usage.output_tokens,
        cost=usage.cost,
        latency_ms=usage.latency_ms,
    )


def shortened(messages: Sequence[Message]) -> list[dict[str, str]]:
    """Return messages as they are kept with a result."""
    return [{"role": one["role"], "content": one["content"][: thought.SHOWN]} for one in messages]


def _nothing(_question: Question) -> Sequence[Any]:
    return ()


def _prepared(
    spec: Prompted, material: Material, think: Think, choose: Choose = _nothing
) -> ChatAnswerer:
    chat = material.chat(spec.endpoint, spec.model)
    return ChatAnswerer(spec, spec.prompt, chat, think, material.labels, choose)


def prepare_zero_shot(spec: Prompted, material: Material) -> ChatAnswerer:
    """Return an answerer that asks at once."""
    return _prepared(spec, material, thought.at_once)


def prepare_few_shot(spec: FewShot, material: Material) -> Answerer:
    """Return an answerer that shows examples first."""
    choose = chooser(spec.choice, spec.shots, spec.examples, spec.seed, material)
    return _prepared(spec, material, thought.at_once, choose)


def prepare_chain_of_thought(spec: Prompted, material: Material) -> Answerer:
    """Return an answerer that lets the model think step by step."""
    return _prepared(spec, material, thought.step_by_step)


def prepare_self_consistency(spec: Sampled, material: Material) -> Answerer:
    """Return an answerer that lets the model think several times and vote."""

    async def think(chat: Chat, messages: Sequence[Message], sampling: Sampling) -> Thought:
        return await thought.by_vote(chat, messages, sampling, spec.samples)

    return _prepared(spec, material, think)


def prepare_tree_of_thought(spec: Treed, material: Material) -> Answerer:
    """Return an answerer that grows a tree of thoughts."""
    tree = Tree(spec.breadth, spec.depth, spec.branches, spec.budget)

    async def think(chat: Chat, messages: Sequence[Message], sampling: Sampling) -> Thought:
        return await thought.by_tree(chat, messages, sampling, tree)

    return _prepared(spec, material, think)


async def mine(
    spec: Mining,
    material: Material,
    memory: Memory,
    messages: Asked | None = None,
    think: Think = thought.at_once,
) -> dict[str, Any]:
    """Search for the best prompt on the development cases; return it, the curve and the price.

    `messages` is what is sent where that is more than the prompt and the case; `think` is how the
    model is let come to its answer.
    """
    chat = await sync_to_async(material.chat)(spec.endpoint, spec.model)
    at_most = asyncio.Semaphore(MOST_TRIALS)

    def plainly(prompt: Prompt, example: Example) -> Sequence[Message]:
        return prompt.messages(Question(example.input), material.labels)

    async def trial(prompt: Prompt, example: Example) -> tuple[bool, Usage]:
        async with at_most:
            asked = (messages or plainly)(prompt, example)
            found = await _thought(think(chat, asked, spec.sampling))
        output = as_label(without_marks(found.answer), material.labels)
        return normalised(output) == normalised(example.expected), found.usage

    variants = variants_of(spec.prompt, spec.part, spec.alternatives)
    try:
        found = await mined(variants, material.dev, trial, spec.requests, memory)
    finally:
        await chat.close()
    return {
        "mined_prompt": asdict(found.prompt),
        "learning_curve": found.curve,
        "mining_usage": found.usage.plain(),
    }


async def _thought(thinking: Awaitable[Thought]) -> Thought:
    """Return what a model has thought; whatever the server answers instead is no answer."""
    try:
        return await thinking
    except (Halt, SoftTimeLimitExceeded):
        raise
    except Exception as error:
        raise Unanswered(str(error)) from error


def prepare_mined(spec: Mining, material: Material) -> Answerer:
    """Return an answerer with the prompt that was found."""
    chat = material.chat(spec.endpoint, spec.model)
    prompt = Prompt(**material.learned["mined_prompt"])
    return ChatAnswerer(spec, prompt, chat, thought.at_once, material.labels, _nothing)


def _entry(
    key: str,
    title: Any,
    description: Any,
    spec_class: type,
    build: Callable[[Any, Material], Answerer],
    learn: Learn | None = None,
) -> Technique:
    return Technique(
        key=f"prompting/{key}",
        approach="prompting",
        version="1",
        title=title,
        description=description,
        kind_note=KIND_NOTE,
        spec_class=spec_class,
        build=build,
        needs_training=False,
        kinds=("classification", "question_answering", "free_text"),
        learn=learn,
        obstacle=lacking_cases if learn else None,
    )


ENTRIES = (
    _entry(
        "chat",
        gettext_lazy("Prompt to a language model"),
        gettext_lazy("Sends one prompt and takes the reply as the answer."),
        Prompted,
        prepare_zero_shot,
    ),
    _entry(
        "few_shot",
        gettext_lazy("Few-shot prompt"),
        gettext_lazy("Shows some examples before the question: fixed, drawn, or the most similar."),
        FewShot,
        prepare_few_shot,
    ),
    _entry(
        "chain_of_thought",
        gettext_lazy("Chain of thought"),
        gettext_lazy("Lets the model think step by step before it answers."),
        Prompted,
        prepare_chain_of_thought,
    ),
    _entry(
        "self_consistency",
        gettext_lazy("Self-consistency"),
        gettext_lazy("Lets the model think several times and takes the commonest answer."),
        Sampled,
        prepare_self_consistency,
    ),
    _entry(
        "tree_of_thought",
        gettext_lazy("Tree of thoughts"),
        gettext_lazy(
            "Tries several next steps, lets the model judge them, and goes on from the best."
        ),
        Treed,
        prepare_tree_of_thought,
    ),
    _entry(
        "mined",
        gettext_lazy("Mined prompt"),
        gettext_lazy(
            "Searches for the prompt that does best on the development cases, then uses it."
        ),
        Mining,
        prepare_mined,
        mine,
    ),
)
