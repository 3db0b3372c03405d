"""Learning curves: nested sizes, spread over seeds, on development cases; and how pages show it."""

import asyncio
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from django.test import Client

from decisions.models import Decision
from evaluations.actions import request_run
from evaluations.curve_figure import curve_legend, learning_curve
from evaluations.models import CaseSet, Run, RunState
from evaluations.techniques import Example, Interrupted, Material
from evaluations.techniques.fine_tuning import EncoderHead, drawn, learn_curve
from evaluations.techniques.learning_curve import (
    curve,
    sizes_problem,
    sizes_up_to,
    sizes_written,
)
from evaluations.tuning_page import forgetting_of, tuning_facts
from tests.evaluations.helpers import WORDS, make_candidate, work_through
from tests.evaluations.test_mining import Notebook
from tests.factories import People

TRAIN = [
    Example(f"My {word} and number {place}", team)
    for team, words in WORDS.items()
    for place, word in enumerate(words * 5)
]
DEV = [Example(f"Where is my {words[0]}", team) for team, words in WORDS.items()]


def test_sizes_grow_by_about_three_up_to_all() -> None:
    assert sizes_up_to(10_003) == [10, 50, 100, 300, 1000, 3000, 10_000, 10_003]
    assert sizes_up_to(100) == [10, 50, 100]
    assert sizes_up_to(7) == [7]


def test_a_smaller_draw_is_part_of_a_larger_one_and_even_over_the_labels() -> None:
    small, large = (drawn(TRAIN, size, 3) for size in (12, 30))

    assert set(small) < set(large)
    assert set(Counter(one.expected for one in large).values()) == {10}


@pytest.mark.parametrize(
    ("text", "why"),
    [("ten", "whole numbers"), ("9", "10 or more"), ("10," * 9, "at most 8"), ("10, 50", None)],
)
def test_written_sizes_are_checked(text: str, why: str | None) -> None:
    problem = sizes_problem(text)
    assert (problem is None) if why is None else why in str(problem)


def test_written_sizes_may_come_in_any_order() -> None:
    assert sizes_written("50; 10,10") == [10, 50]


def test_every_size_is_tried_with_every_seed_and_all_examples_once() -> None:
    tried: list[tuple[int, int]] = []

    def measure(size: int, seed: int) -> tuple[float, int]:
        tried.append((size, seed))
        return size / 10 + seed, 10

    found = asyncio.run(curve(measure, 60, [0, 1], Notebook()))

    assert tried == [(10, 0), (10, 1), (50, 0), (50, 1), (60, 0)]
    assert found[0]["share"] == 0.15
    assert [one["share"] for one in found[0]["tries"]] == [0.1, 0.2]


def test_an_interrupted_curve_goes_on_after_its_last_size() -> None:
    tried: list[int] = []

    def measure(size: int, _seed: int) -> tuple[float, int]:
        tried.append(size)
        return 1, 1

    memory = Notebook(interrupts_after=1)
    with pytest.raises(Interrupted):
        asyncio.run(curve(measure, 60, [0], memory))
    asyncio.run(curve(measure, 60, [0], memory))

    assert tried == [10, 50, 60]


def learn(material: Material, **settings: Any) -> dict[str, Any]:
    return asyncio.run(learn_curve(EncoderHead(**settings), material, Notebook()))


def test_a_head_is_measured_on_development_cases(tmp_path: Path) -> None:
    found = learn(Material(TRAIN, DEV, cache=tmp_path))

    assert [one["examples"] for one in found["learning_curve"]] == [10, 50, 90]
    assert {one["tries"][0]["asked"] for one in found["learning_curve"]} == {len(DEV)}
    assert "curve_held_out" not in found


def test_without_development_cases_a_fifth_of_the_training_cases_is_held_out(
    tmp_path: Path,
) -> None:
    found = learn(Material(TRAIN, cache=tmp_path), curve_seeds=1)

    assert found["curve_held_out"] == 18
    assert found["learning_curve"][-1]["examples"] == 72
    assert found == learn(Material(TRAIN, cache=tmp_path), curve_seeds=1)


def test_a_curve_is_not_measured_on_what_it_is_trained_on(tmp_path: Path) -> None:
    seen = [Example(one.input.upper(), one.expected) for one in TRAIN[:9]]
    found = learn(Material(TRAIN, [*DEV, *seen], cache=tmp_path), curve_seeds=1)

    assert {one["tries"][0]["asked"] for one in found["learning_curve"]} == {len(DEV)}
    assert learn(Material(TRAIN, seen, cache=tmp_path), curve_seeds=1)["curve_held_out"] == 18


def test_training_cases_that_come_twice_are_not_on_both_sides_of_a_curve(tmp_path: Path) -> None:
    twice = [*TRAIN, *(Example(one.input.upper(), one.expected) for one in TRAIN)]
    found = learn(Material(twice, cache=tmp_path), curve_seeds=1)

    assert found["curve_held_out"] == 36
    assert found["learning_curve"][-1]["examples"] < 180 - 36


@pytest.mark.parametrize(("train", "seeds"), [(TRAIN, 0), (TRAIN[:2], 3), (TRAIN[:20], 3)])
def test_there_is_no_curve_where_it_would_say_nothing(
    train: list[Example], seeds: int, tmp_path: Path
) -> None:
    assert learn(Material(train, cache=tmp_path), curve_seeds=seeds) == {}


# On the page


POINTS = [
    {
        "examples": size,
        "share": 0.5 + place / 10,
        "tries": [{"seed": 0, "share": 0.4 + place / 10}, {"seed": 1, "share": 0.6 + place / 10}],
    }
    for place, size in enumerate((10, 50, 100, 300))
]
FORGOTTEN = {
    "n": 200,
    "before": 0.8,
    "after": 0.6,
    "difference": -0.2,
    "low": -0.27,
    "high": -0.13,
    "p": 0.00001,
    "method": "exact McNemar test",
    "confidence": 0.95,
    "decisive": True,
    "probe": "General, version 1",
    "probe_digest": "0" * 64,
}


def test_a_curve_is_drawn_told_and_listed() -> None:
    shown = learning_curve({"learning_curve": POINTS})

    assert shown
    assert shown.title == "Accuracy by training examples"
    assert shown.description == "From 50.0\u00a0% with 10 to 80.0\u00a0% with 300."
    assert shown.headings == ("Training examples", "Accuracy", "Over the draws")
    assert shown.table[0] == ("10", "50.0\u00a0%", "40.0\u00a0% to 60.0\u00a0%")
    assert shown.svg.count("<circle") == 4


def test_a_mined_prompt_has_its_curve_shown_in_the_same_way() -> None:
    rounds = [
        {"cases": cases, "prompts": [{"share": share}, {"share": 0.1}]}
        for cases, share in ((20, 0.5), (60, 0.7))
    ]
    shown = learning_curve({"learning_curve": rounds})

    assert shown
    assert shown.headings[0] == "Cases asked"
    assert shown.table[1][:2] == ("60", "70.0\u00a0%")
    assert "the best prompt of a round" in curve_legend({"learning_curve": rounds})


def test_one_point_is_no_curve() -> None:
    assert learning_curve({"learning_curve": POINTS[:1]}) is None
    assert learning_curve({}) is None


def test_a_loss_is_told_with_its_interval_and_as_what_it_is() -> None:
    shown = forgetting_of({"forgetting": FORGOTTEN})

    assert shown
    assert shown.is_loss
    assert "The base model is 20 points ahead of the tuned model (95% CI" in shown.sentence
    assert "13\u201327" in shown.sentence
    assert shown.cells == ("80.0\u00a0%", "60.0\u00a0%", "−20.0\u00a0points")


def test_what_tuning_cost_is_unknown_rather_than_nothing() -> None:
    assert ("Cost of tuning", "cost unknown") in tuning_facts({"training_cost": None})
    assert tuning_facts({}) == []
    told = dict(tuning_facts({"training_cost": "12.50", "training_findings": {"duplicates": 2}}))
    assert told["Cost of tuning"] == "12.5 US dollars, at the price that a person entered"
    assert told["Checks"] == "2 duplicates left out"


@pytest.mark.page
@pytest.mark.django_db
def test_the_page_of_a_head_shows_its_curve_and_that_it_cannot_forget(
    draft: Decision, case_set: CaseSet, people: People, client: Client
) -> None:
    run = request_run(
        make_candidate(draft, people, "fine_tuning/encoder_head"), case_set, by=people.owner
    )
    work_through(run)
    assert run.state == RunState.FINISHED, run.error
    Run.objects.filter(pk=run.pk).update(
        artefact={**run.artefact, "learning_curve": POINTS, "training_cost": None}
    )
    client.force_login(people.owner)
    html = client.get(run.get_absolute_url()).content.decode()

    assert "Accuracy by training examples" in html
    assert "Nothing can have been forgotten." in html
    assert "cost unknown" in html
