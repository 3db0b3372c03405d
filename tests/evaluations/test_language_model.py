"""Prompted language models: the prompt that is sent, the answer that is read, and what it took."""

import asyncio
import json
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

from evaluations.spec import SpecError
from evaluations.techniques import Answer, Example, Label, Material, PrepareError, Question
from evaluations.techniques.interface import Remote, Technique
from evaluations.techniques.language_model import ENTRIES
from tests.evaluations.chats import ToldChat
from tests.evaluations.test_mining import Notebook

LABELS = [Label("billing", "Billing", "invoices"), Label("delivery", "Delivery", "parcels")]
TRAIN = [
    Example("The invoice is wrong", "billing"),
    Example("The parcel is late", "delivery"),
    Example("Refund the invoice", "billing"),
    Example("The courier lost the parcel", "delivery"),
]
KNOWN = {entry.key.partition("/")[2]: entry for entry in ENTRIES}
MODEL = {"endpoint": "lab", "model": "tiny"}
Says = Callable[[Any, Any], str]


def obedient(messages: Any, how: Any) -> str:
    """Answer as told: with a number, a step, or a label after "Answer:"."""
    last = messages[-1]["content"]
    if "whole number" in last:
        return "7"
    return "Answer: Billing" if "invoice" in last else "Answer: Delivery"


def answered(
    key: str, text: str, says: Says = obedient, learned: Any = None, **settings: Any
) -> tuple[Answer, ToldChat]:
    """Ask one technique one question."""
    chat = ToldChat(says)
    technique = KNOWN[key]
    spec = technique.validate(MODEL | settings)
    answerer = technique.build(spec, material(chat, learned))
    assert isinstance(answerer, Remote)
    json.dumps(dict(answerer.facts))
    found = asyncio.run(answerer.answer(Question(text, "one")))  # type: ignore[attr-defined]
    json.dumps(found.details)
    return found, chat


def material(chat: ToldChat, learned: Any = None) -> Material:
    return Material(
        TRAIN, TRAIN, LABELS, connect=lambda endpoint, model: chat, learned=learned or {}
    )


LEARNED = {"mined_prompt": {"message": "{text}", "context": "Be right."}}


@pytest.mark.parametrize("key", KNOWN)
def test_a_model_answers_with_a_label_by_every_way_of_prompting(key: str) -> None:
    asked = {"alternatives": "Be quick."} if key == "mined" else {}
    found, _chat = answered(key, "My invoice?", learned=LEARNED, **asked)

    # Asked at once, the reply is taken as it stands; it still names one label only.
    assert found.output == "billing"
    assert found.details["model"] == "told-1"
    assert found.input_tokens == 10 * found.details["requests"]
    assert found.cost == Decimal("0.001") * found.details["requests"]


@pytest.mark.parametrize("key", KNOWN)
def test_every_way_needs_a_model_and_an_endpoint(key: str) -> None:
    technique: Technique = KNOWN[key]
    with pytest.raises(SpecError) as error:
        technique.validate({})

    assert {"endpoint", "model"} <= set(error.value.problems)
    assert technique.connects


def test_without_a_server_nothing_is_prepared() -> None:
    with pytest.raises(PrepareError, match="needs a model server"):
        KNOWN["chat"].build(KNOWN["chat"].validate(MODEL), Material(labels=LABELS))


def test_the_whole_prompt_is_sent_and_kept_with_the_answer() -> None:
    found, chat = answered(
        "chat",
        "My invoice?",
        message_template="Choose:\n{labels}\n\n{text}",
        context="You serve a shop.",
        rules="Be brief.",
        temperature=0.3,
        seed=4,
    )

    ((messages, how),) = chat.asked
    assert messages == [
        {"role": "system", "content": "You serve a shop.\n\nRules:\n- Be brief."},
        {
            "role": "user",
            "content": "Choose:\n- billing: invoices\n- delivery: parcels\n\nMy invoice?",
        },
    ]
    assert how == {"temperature": 0.3, "max_tokens": 512, "seed": 4}
    assert found.details["messages"] == messages


def test_a_second_answer_to_a_case_is_drawn_with_another_seed() -> None:
    chat = ToldChat(obedient)
    technique = KNOWN["chat"]
    answerer: Any = technique.build(technique.validate(MODEL | {"seed": 4}), material(chat))

    asyncio.run(answerer.answer(Question("My invoice?", repeat=2)))

    assert chat.asked[0][1]["seed"] == 6


@pytest.mark.parametrize(
    ("asked", "inputs"),
    [
        (
            {"choice": "fixed", "examples": "Hi there => billing\nBye => delivery"},
            ["Hi there", "Bye"],
        ),
        ({"choice": "random", "shots": 2}, None),
        ({"choice": "nearest", "shots": 1}, ["The courier lost the parcel"]),
    ],
)
def test_examples_come_before_the_question(asked: dict[str, Any], inputs: list[str] | None) -> None:
    _found, chat = answered("few_shot", "A courier lost my parcel", **asked)

    messages, _how = chat.asked[0]
    shown = [one["content"] for one in messages[:-1] if one["role"] == "user"]
    answers = [one["content"] for one in messages if one["role"] == "assistant"]
    if inputs is None:
        assert sorted(answers) == ["billing", "delivery"], "labels take turns"
    else:
        assert shown == inputs


def test_examples_that_are_not_written_as_such_are_refused() -> None:
    with pytest.raises(SpecError) as error:
        KNOWN["few_shot"].validate(MODEL | {"choice": "fixed", "examples": "a => b\nno arrow"})

    assert error.value.problems == {"examples": "Example 2 is not written as message => answer."}


def test_a_mined_prompt_is_the_one_that_did_best_on_the_development_cases() -> None:
    def helped(messages: Any, how: Any) -> str:
        knows = any("Read it twice." in one["content"] for one in messages)
        return obedient(messages, how) if knows else "no idea"

    chat = ToldChat(helped)
    technique = KNOWN["mined"]
    asked = {"part": "context", "alternatives": "Be quick.\n---\nRead it twice.", "requests": 24}
    spec = technique.validate(MODEL | asked)
    assert technique.learn is not None

    learned: Any = asyncio.run(technique.learn(spec, material(chat), Notebook()))  # type: ignore[arg-type]

    assert learned["mined_prompt"]["context"] == "Read it twice."
    assert learned["learning_curve"][-1]["prompts"][0]["share"] == 1.0
    assert learned["mining_usage"]["requests"] == len(chat.asked) <= 24
    json.dumps(learned)
