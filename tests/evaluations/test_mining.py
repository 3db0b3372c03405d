"""Prompt mining: the better prompt wins, on development cases, within what may be asked."""

import asyncio
import json
from typing import Any

import pytest

from evaluations.techniques import Example, Interrupted, PrepareError
from evaluations.techniques.chat import Usage
from evaluations.techniques.messages import Prompt
from evaluations.techniques.mining import MOST_VARIANTS, Mined, mined, variants_of

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


def test_mining_keeps_to_its_requests() -> None:
    for requests in (8, 20, 100, 333):
        assert race({}, requests).usage.requests <= requests


def test_when_the_cases_run_out_the_best_so_far_wins() -> None:
    found = race({"be quick": 9}, requests=10_000, dev=DEV[:30])

    assert found.prompt.context == "be quick"
    assert found.usage.requests == 4 * 30


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
