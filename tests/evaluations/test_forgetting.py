"""The forgetting check and the curve do not take an error for a wrong answer."""

import asyncio
from typing import Any

import pytest

from evaluations.curve_figure import curve_legend, learning_curve
from evaluations.techniques import Example, Halt, Label, Probe
from evaluations.techniques.forgetting import forgotten
from evaluations.techniques.grading import graded, scores
from evaluations.techniques.messages import Prompt
from evaluations.techniques.thought import Sampling
from evaluations.tuning_page import forgetting_of
from tests.evaluations.chats import ToldChat
from tests.evaluations.test_mining import Notebook

CASES = [Example(f"Question {place}", "yes") for place in range(20)]
PROBE = Probe("Probe", "0" * 64, CASES, [Label("yes"), Label("no")])


def yes(_question: str) -> str:
    return "yes"


def broken(_question: str) -> str:
    raise RuntimeError("Too many requests.")


def broken_sometimes(question: str) -> str:
    return broken(question) if question.split("\n")[0] in ("Question 1", "Question 12") else "yes"


def model(says: Any) -> ToldChat:
    return ToldChat(lambda messages, how: says(messages[-1]["content"]))


def checked(before: Any, after: Any) -> dict[str, Any]:
    models = (model(before), model(after))
    return asyncio.run(forgotten(PROBE, *models, Sampling(), 200, Notebook()))


def test_what_could_not_be_asked_is_counted_and_not_forgotten() -> None:
    found = checked(yes, broken_sometimes)

    told = found["forgetting"]
    assert (told["asked"], told["before_failed"], told["after_failed"]) == (20, 0, 2)
    assert (told["n"], told["difference"]) == (18, 0)
    shown = forgetting_of(found)
    assert shown is not None
    assert "0 of 20 before tuning, 2 of 20 after" in shown.note


def test_a_model_that_answers_nothing_halts_the_check() -> None:
    with pytest.raises(Halt, match="none got an answer: Too many requests"):
        checked(yes, broken)


def test_no_step_of_the_check_is_of_a_few_cases_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("evaluations.techniques.forgetting.STEP", 19)

    def broken_at_the_end(question: str) -> str:
        return broken(question) if "Question 19\n" in question else "yes"

    assert checked(yes, broken_at_the_end)["forgetting"]["after_failed"] == 1


def test_to_say_nothing_is_right_where_nothing_is_expected() -> None:
    assert graded("", Example("Who?", ""), []) == 1
    assert graded("Nobody", Example("Who?", ""), []) == 0


def test_another_right_answer_is_as_good() -> None:
    assert graded("Lisbon", Example("Where?", "Lisboa", ("Lisbon",)), []) == 1


def test_an_example_without_an_answer_has_no_score() -> None:
    asked = scores(Prompt("{text}"), Sampling(), model(broken_sometimes), CASES[:2], PROBE.labels)
    found = asyncio.run(asked)

    assert found == [1, None]


def test_a_curve_has_the_name_of_what_it_measures_and_tells_what_failed() -> None:
    tries = [{"seed": 0, "right": 1.5, "asked": 10, "share": 0.15, "failed": 3}]
    points = [{"examples": size, "share": 0.15, "tries": tries} for size in (10, 50)]
    artefact = {"learning_curve": points, "curve_metric": "token_f1"}
    shown = learning_curve(artefact)

    assert shown is not None
    assert "ccuracy" not in shown.title
    assert "6 of 20 could not be asked and count as wrong" in curve_legend(artefact)
