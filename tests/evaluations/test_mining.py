"""Prompt mining: the better prompt wins, on development cases, within what may be asked."""

import asyncio
import json
from collections.abc import Callable
from dataclasses import asdict
from typing import Any

import pytest

from evaluations.curve_figure import curve_legend
from evaluations.prompt_search import PromptSearch, search_of
from evaluations.techniques import Example, Halt, Interrupted, PrepareError
from evaluations.techniques.chat import Usage
from evaluations.techniques.messages import Prompt
from evaluations.techniques.mining import (
    MOST_VARIANTS,
    Mined,
    Tried,
    Unanswered,
    mined,
    variants_of,
)

BASE = Prompt("{text}", context="plain")
DEV = [Example(f"case {place}", "yes") for place in range(200)]
ALTERNATIVES = "be kind\n---\nbe right\n---\nbe quick\n"


class Notebook:
    """A memory that is kept in a test, and interrupts after some steps."""

    def __init__(self, interrupts_after: int = 100) -> None:
        self.state: dict[str, Any] = {}
        self.steps = interrupts_after

    async def keep(self, **state: Any) -> None:
        self.state |= json.loads(json.dumps(state))
        self.steps -= 1
        if not self.steps:
            raise Interrupted


def race(
    share: dict[str, int],
    requests: int = 160,
    dev: list[Example] = DEV,
    memory: Notebook | None = None,
) -> Mined:
    """Mine where a prompt of some context is right on so many of ten cases."""

    async def trial(prompt: Prompt, example: Example) -> tuple[bool, Usage]:
        place = int(example.input.split()[1])
        return place % 10 < share.get(prompt.context, 3), Usage(requests=1)

    variants = variants_of(BASE, "context", ALTERNATIVES)
    return asyncio.run(mined(variants, dev, trial, requests, memory or Notebook()))


def test_an_interrupted_search_goes_on_after_its_last_round() -> None:
    whole = race({"be right": 9, "be quick": 6})
    memory = Notebook(interrupts_after=1)
    with pytest.raises(Interrupted):
        race({"be right": 9, "be quick": 6}, memory=memory)

    assert memory.state["seen"] == 20
    assert race({"be right": 9, "be quick": 6}, memory=memory) == whole


def test_the_prompt_that_does_best_is_found() -> None:
    assert race({"be right": 9}).prompt == Prompt("{text}", context="be right")


def test_the_prompt_as_it_is_takes_part_and_wins_a_tie() -> None:
    assert race({}).prompt == BASE


def test_the_better_half_goes_on_and_is_asked_more() -> None:
    found = race({"be right": 9, "be quick": 6})

    assert [len(one["prompts"]) for one in found.curve] == [4, 2]
    assert [one["prompts"][0]["change"] for one in found.curve] == ["be right", "be right"]
    assert [one["cases"] for one in found.curve] == [20, 60]
    assert found.curve[-1]["prompts"][0]["asked"] == 60


def search(**spec: Any) -> PromptSearch:
    """Return what the page is told of a search."""
    found = race({"be right": 9, "be quick": 6})
    told = {"mined_prompt": asdict(found.prompt), "learning_curve": found.curve}
    shown = search_of({"part": "context", **spec}, told)
    assert shown
    return shown


def test_the_page_shows_the_whole_prompt_that_won_as_it_is_sent() -> None:
    assert search().turns == [
        ("Instructions", "be right\n\nAnswer with one of these labels alone:\n- {labels}"),
        ("Message", "{text}"),
    ]
    assert [text for _speaker, text in search(shots=4).turns][1:] == [
        "{example}",
        "{answer}",
        "{text}",
    ]
    assert "stand for 4 training cases" in search(shots=4).places
    assert "step by step" in search(reasoning="step_by_step").turns[-1][1]


def test_the_page_shows_every_prompt_that_was_tried_as_it_stood_in_its_last_round() -> None:
    told = [(one.text, one.right, one.asked, one.share, one.rounds) for one in search().variants]
    assert told == [
        ("be right", 54, 60, "90.0 %", 2),
        ("be quick", 36, 60, "60.0 %", 2),
        ("As it was written", 6, 20, "30.0 %", 1),
        ("be kind", 6, 20, "30.0 %", 1),
    ]


def test_a_run_without_a_search_shows_none() -> None:
    assert search_of({}, {"learning_curve": [{"examples": 10}], "prompt": {}}) is None


def test_mining_keeps_to_its_requests() -> None:
    for requests in (8, 20, 100, 333):
        assert race({}, requests).usage.requests <= requests


def test_when_the_cases_run_out_the_best_so_far_wins() -> None:
    found = race({"be quick": 9}, requests=10_000, dev=DEV[:30])

    assert found.prompt.context == "be quick"
    assert found.usage.requests == 4 * 30


def failing_on(fails: Callable[[Prompt, Example], bool], memory: Notebook) -> Mined:
    """Mine where all prompts are right on what they answer, but some get no answer."""

    async def trial(prompt: Prompt, example: Example) -> Tried:
        if fails(prompt, example):
            raise Unanswered("The server failed.")
        return True, Usage(requests=1)

    variants = variants_of(BASE, "context", ALTERNATIVES)
    return asyncio.run(mined(variants, DEV, trial, 160, memory))


def test_a_case_without_an_answer_counts_as_not_right_and_is_told_on_the_curve() -> None:
    found = failing_on(lambda prompt, _example: prompt.context == "plain", Notebook())

    assert found.prompt.context == "be kind"
    first, last = found.curve
    told = {one["change"]: (one["right"], one["asked"], one["failed"]) for one in first["prompts"]}
    assert told == {
        "": (0, 20, 20),
        "be kind": (20, 20, 0),
        "be right": (20, 20, 0),
        "be quick": (20, 20, 0),
    }
    assert [one["failed"] for one in last["prompts"]] == [0, 0]
    assert found.usage.requests == 60 + 80


def test_the_page_of_the_run_tells_how_many_got_no_answer() -> None:
    def shown(fails: bool) -> str:
        found = failing_on(lambda prompt, _: fails and prompt.context == "plain", Notebook())
        return curve_legend({"learning_curve": found.curve})

    assert shown(fails=True).endswith("20 of 160 could not be asked and count as wrong.")
    assert shown(fails=False).endswith("Measured on development cases, never on test cases.")


def test_cases_without_an_answer_survive_an_interruption() -> None:
    def fails(_prompt: Prompt, example: Example) -> bool:
        return example.input == "case 3"

    memory = Notebook(interrupts_after=1)
    with pytest.raises(Interrupted):
        failing_on(fails, memory)

    assert [one["failed"] for one in failing_on(fails, memory).curve[-1]["prompts"]] == [1, 1]


def test_a_round_without_any_answer_ends_the_search_with_the_reason() -> None:
    with pytest.raises(PrepareError, match=r"80 requests.*none was answered: The server failed\."):
        failing_on(lambda *_: True, Notebook())


def test_what_ends_a_search_ends_all_that_it_has_under_way() -> None:
    asked = []

    async def trial(prompt: Prompt, example: Example) -> Tried:
        await asyncio.sleep(0.01 * int(example.input.split()[1]))
        asked.append(example)
        if len(asked) == 5:
            raise Halt("The budget is used up.")
        return True, Usage(requests=1)

    async def mine() -> None:
        with pytest.raises(Halt):
            await mined(variants_of(BASE, "context", ALTERNATIVES), DEV, trial, 160, Notebook())
        await asyncio.sleep(0.3)

    asyncio.run(mine())
    assert len(asked) <= 8  # those of the same moment


@pytest.mark.parametrize(
    ("alternatives", "dev", "requests", "why"),
    [
        ("", DEV, 100, "needs 1 to 63 alternatives"),
        ("\n---\n".join(map(str, range(MOST_VARIANTS))), DEV, 1000, "needs 1 to 63 alternatives"),
        (ALTERNATIVES, [], 100, "there are none"),
        (ALTERNATIVES, DEV, 7, "at least two requests"),
    ],
)
def test_mining_that_makes_no_sense_says_why(
    alternatives: str, dev: list[Example], requests: int, why: str
) -> None:
    async def trial(prompt: Prompt, example: Example) -> tuple[bool, Usage]:
        return True, Usage()

    def mine() -> Mined:
        variants = variants_of(BASE, "context", alternatives)
        return asyncio.run(mined(variants, dev, trial, requests, Notebook()))

    with pytest.raises(PrepareError, match=why):
        mine()
