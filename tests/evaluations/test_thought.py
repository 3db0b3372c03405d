"""Ways of thinking: how often a model is asked, with what, and what comes of its replies."""

import asyncio
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

import pytest

from evaluations.techniques.chat import Message, Usage
from evaluations.techniques.thought import (
    HOW_GOOD,
    NEXT_STEP,
    Sampling,
    Tree,
    at_once,
    by_tree,
    by_vote,
    step_by_step,
    value_in,
)
from tests.evaluations.chats import Said, ToldChat

ASKED: list[Message] = [{"role": "user", "content": "What is 6 x 7?"}]
SAMPLING = Sampling(temperature=0.7, max_tokens=50, seed=10)


def test_at_once_the_reply_is_the_answer() -> None:
    chat = ToldChat(lambda messages, how: " 42 ")

    found = asyncio.run(at_once(chat, ASKED, SAMPLING))

    assert found.answer == "42"
    assert chat.asked == [(ASKED, {"temperature": 0.7, "max_tokens": 50, "seed": 10})]
    assert found.usage == Usage(10, 3, Decimal("0.001"), 100.0, 1, "told-1")


def test_step_by_step_the_reasoning_is_kept_beside_the_answer() -> None:
    chat = ToldChat(lambda messages, how: "6 x 7 is 42.\nAnswer: 42")

    found = asyncio.run(step_by_step(chat, ASKED, SAMPLING))

    assert found.answer == "42"
    assert found.trace == {"reasoning": "6 x 7 is 42.\nAnswer: 42"}
    assert chat.last_words[0].startswith("What is 6 x 7?\n\nThink step by step.")


def test_the_commonest_answer_wins_whatever_its_case() -> None:
    replies = {10: "Answer: 41", 11: "Answer: Forty-two", 12: "Answer: forty-two "}
    chat = ToldChat(lambda messages, how: replies[how["seed"]])

    found = asyncio.run(by_vote(chat, ASKED, SAMPLING, samples=3))

    assert found.answer == "Forty-two"
    assert found.trace["votes"] == {"41": 1, "forty-two": 2}
    assert found.usage.requests == 3
    assert found.usage.latency_ms == 100.0, "side by side, the slowest counts"
    assert found.usage.cost == Decimal("0.003")


def test_of_equally_common_answers_the_first_wins() -> None:
    chat = ToldChat(lambda messages, how: f"Answer: {how['seed']}")

    assert asyncio.run(by_vote(chat, ASKED, SAMPLING, samples=4)).answer == "10"


def thinker(messages: Sequence[Message], how: Mapping[str, Any]) -> str:
    """Think well with an even seed and badly with an odd one, and know it."""
    last = messages[-1]["content"]
    if last.endswith(NEXT_STEP):
        return "good step" if how["seed"] % 2 == 0 else "bad step"
    if last.endswith(HOW_GOOD):
        return f"{10 - 2 * last.count('bad step')}"
    return "Answer: 42" if "bad step" not in last else "Answer: 13"


def test_a_tree_goes_on_from_the_thoughts_that_the_model_thinks_best() -> None:
    chat = ToldChat(thinker)

    found = asyncio.run(by_tree(chat, ASKED, SAMPLING, Tree(breadth=2, depth=2, branches=3)))

    assert found.answer == "42"
    assert found.trace["steps"] == ["good step", "good step"]
    # One path with three branches, then two: a step and its value each; then the answer.
    assert found.usage.requests == found.trace["requests"] == 6 + 12 + 1
    assert len(chat.asked) == 19


def test_judging_a_thought_is_done_calmly() -> None:
    chat = ToldChat(thinker)
    asyncio.run(by_tree(chat, ASKED, SAMPLING, Tree(1, 1, 2)))

    warmth = {
        how["temperature"] for messages, how in chat.asked if HOW_GOOD in messages[-1]["content"]
    }
    assert warmth == {0.0}


@pytest.mark.parametrize(("budget", "requests"), [(1, 1), (6, 1), (7, 7), (18, 7), (19, 19)])
def test_a_tree_never_asks_more_often_than_its_budget(budget: int, requests: int) -> None:
    chat = ToldChat(thinker)

    asyncio.run(by_tree(chat, ASKED, SAMPLING, Tree(2, 2, 3, budget)))

    assert len(chat.asked) == requests <= budget


def test_what_one_reply_does_not_say_nobody_knows() -> None:
    replies = iter([Said("Answer: 1"), Said("Answer: 1", cost=None, output_tokens=None)])
    chat = ToldChat(lambda messages, how: next(replies))

    usage = asyncio.run(by_vote(chat, ASKED, SAMPLING, samples=2)).usage

    assert usage.cost is None
    assert usage.output_tokens is None
    assert usage.input_tokens == 20


@pytest.mark.parametrize(
    ("reply", "value"),
    [("8", 8), ("I'd say 7/10", 7), ("100", 10), ("none", 0), ("", 0), ("9" * 5000, 0), ("-3", 3)],
)
def test_a_value_is_a_number_from_a_reply(reply: str, value: float) -> None:
    assert value_in(reply) == value
