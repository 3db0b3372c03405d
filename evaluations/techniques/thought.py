"""Ways to come to an answer: at once, step by step, by several tries, or by a tree of thoughts.

Each is a function from messages to a `Thought`; they talk to nothing but a `Chat`.

Sources: chain of thought, Wei et al. (2022); zero-shot "step by step", Kojima et al. (2022);
self-consistency, Wang et al. (2023); tree of thoughts with breadth-first search and a value asked
of the model itself, Yao et al. (2023).
"""

import asyncio
import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from evaluations.scorers import normalised
from evaluations.techniques.chat import Chat, Message, Usage, beside
from evaluations.techniques.messages import ANSWER, concluded

STEP_BY_STEP = (
    "Think step by step. When you are done, write your answer alone on a last line that begins "
    f'with "{ANSWER}".'
)
NEXT_STEP = "Write only the next step of the reasoning, in one or two sentences. No answer yet."
HOW_GOOD = (
    "How likely is it that the reasoning so far leads to the right answer? "
    "Reply with a whole number from 1 (impossible) to 10 (certain) and nothing else."
)
NOW_ANSWER = f'Now write the answer alone on one line that begins with "{ANSWER}".'
SHOWN = 1500  # characters of a reply kept with a result
_NUMBER = re.compile(r"\d+")


@dataclass(frozen=True, slots=True)
class Sampling:
    """How a model draws its words; `seed` is passed on, and heeded by some servers only."""

    temperature: float = 0.0
    max_tokens: int = 512
    seed: int = 0


@dataclass(frozen=True, slots=True)
class Thought:
    """An answer, how it came about (as plain values), and what it took."""

    answer: str
    usage: Usage
    trace: dict[str, Any] = field(default_factory=dict)


async def say(chat: Chat, messages: Sequence[Message], sampling: Sampling) -> tuple[str, Usage]:
    """Return what a model says, and what that came to."""
    reply = await chat.say(
        messages,
        temperature=sampling.temperature,
        max_tokens=sampling.max_tokens,
        seed=sampling.seed,
    )
    return reply.text, Usage.of(reply)


def added(messages: Sequence[Message], instruction: str) -> list[Message]:
    """Return the messages with an instruction at the end of the user's last turn."""
    *before, last = messages
    return [*before, {"role": last["role"], "content": f"{last['content']}\n\n{instruction}"}]


async def at_once(chat: Chat, messages: Sequence[Message], sampling: Sampling) -> Thought:
    """Return what the model says right away."""
    text, usage = await say(chat, messages, sampling)
    return Thought(text.strip(), usage)


async def step_by_step(chat: Chat, messages: Sequence[Message], sampling: Sampling) -> Thought:
    """Let the model think aloud before it answers."""
    text, usage = await say(chat, added(messages, STEP_BY_STEP), sampling)
    return Thought(concluded(text), usage, {"reasoning": text[:SHOWN]})


async def by_vote(
    chat: Chat, messages: Sequence[Message], sampling: Sampling, samples: int
) -> Thought:
    """Let the model think several times, each from a seed of its own; the commonest answer wins.

    Of answers that are equally common the one that came first does.
    """
    seeds = (replace(sampling, seed=sampling.seed + place) for place in range(samples))
    tries = await asyncio.gather(*(step_by_step(chat, messages, one) for one in seeds))
    answers = [one.answer for one in tries]
    votes = votes_for(answers)
    winner = max(votes, key=lambda said: votes[said])
    first = next(said for said in answers if normalised(said) == winner)
    trace = {"votes": votes, "reasoning": [one.trace["reasoning"][:SHOWN] for one in tries]}
    return Thought(first, beside([one.usage for one in tries]), trace)


def votes_for(answers: Sequence[str]) -> dict[str, int]:
    """Return how often each answer was given, without differences of case and spacing."""
    votes: dict[str, int] = {}
    for said in answers:
        votes[normalised(said)] = votes.get(normalised(said), 0) + 1
    return votes


@dataclass(frozen=True, slots=True)
class Tree:
    """How a tree of thoughts grows: `breadth` thoughts are kept on each of `depth` levels.

    `branches` next steps are tried from each thought. The search stops early where one more level
    would take more than `budget` requests, the answer's own included.
    """

    breadth: int = 2
    depth: int = 2
    branches: int = 3
    budget: int = 30

    def level(self, kept: int) -> int:
        """Return the requests of one more level: a step and its value for every branch."""
        return 2 * kept * self.branches


@dataclass(frozen=True, slots=True)
class Path:
    """Some steps of reasoning, and how likely (1 to 10) the model thinks that they lead there."""

    steps: tuple[str, ...] = ()
    value: float = 0.0


async def by_tree(
    chat: Chat, messages: Sequence[Message], sampling: Sampling, tree: Tree
) -> Thought:
    """Grow a tree of thoughts and answer from its best path."""
    paths, usage = [Path()], Usage()
    while len(paths[0].steps) < tree.depth:
        if usage.requests + tree.level(len(paths)) + 1 > tree.budget:
            break
        paths, spent = await _grown(chat, messages, sampling, tree, paths)
        usage = usage.then(spent)
    prompt = added(messages, _so_far(paths[0].steps) + NOW_ANSWER)
    text, spent = await say(chat, prompt, sampling)
    trace = {
        "steps": [step[:SHOWN] for step in paths[0].steps],
        "value": paths[0].value,
        "requests": usage.requests + 1,
    }
    return Thought(concluded(text), usage.then(spent), trace)


async def _grown(
    chat: Chat, messages: Sequence[Message], sampling: Sampling, tree: Tree, paths: list[Path]
) -> tuple[list[Path], Usage]:
    """Return the best paths that are one step longer; equal ones keep their order."""
    tries = [(path, branch) for path in paths for branch in range(tree.branches)]
    grown = await asyncio.gather(
        *(
            _one_longer(chat, messages, replace(sampling, seed=sampling.seed + branch), path)
            for path, branch in tries
        )
    )
    ranked = sorted((path for path, _usage in grown), key=lambda path: -path.value)
    return ranked[: tree.breadth], beside([usage for _path, usage in grown])


async def _one_longer(
    chat: Chat, messages: Sequence[Message], sampling: Sampling, path: Path
) -> tuple[Path, Usage]:
    """Return a path with its next step and the value that the model gives it."""
    step, first = await say(chat, added(messages, _so_far(path.steps) + NEXT_STEP), sampling)
    steps = (*path.steps, step.strip())
    calm = replace(sampling, temperature=0.0)
    said, second = await say(chat, added(messages, _so_far(steps) + HOW_GOOD), calm)
    return Path(steps, value_in(said)), first.then(second)


def value_in(reply: str) -> float:
    """Return the number from 1 to 10 in a reply; a reply without one says nothing good: 0."""
    found = _NUMBER.search(reply)
    return float(min(int(found[0]), 10)) if found and len(found[0]) < 4 else 0.0


def _so_far(steps: Sequence[str]) -> str:
    if not steps:
        return ""
    told = "\n".join(f"{number}. {step}" for number, step in enumerate(steps, 1))
    return f"Reasoning so far:\n{told}\n\n"
