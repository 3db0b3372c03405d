from pathlib import Path
from typing import Any

import pytest

from evaluations.importers.measured import Source
from evaluations.importers.results.openai_evals import FORMAT
from evaluations.importers.rows import Unreadable
from tests.evaluations.importers.reading import read, shared_file, written

LOG = "gpt-4-cot_semantic_role_recognition.jsonl"
RUN = "240206062816JZOWUWI3"


def test_the_log_gives_its_model_and_every_sample_that_was_attempted() -> None:
    found = read(FORMAT, shared_file("openai_evals", LOG))
    system = found.systems[RUN]
    assert (system.model, system.task) == ("zhishu/gpt-4-cot", "semantic_role_recognition.test.v1")
    assert (system.attempted, system.status, system.scorer) == (None, "incomplete", "score")
    keys = {case.key.removeprefix("semantic_role_recognition.test.") for case in found.cases[RUN]}
    assert keys == {"231", "25", "182", "204", "169", "31", "156", "50", "24"}
    assert found.verdicts(RUN) == (9, 0, 0, 0)  # no case has a verdict, none an error
    assert not found.figures


def test_a_score_of_null_stays_none_and_the_graders_choice_is_kept() -> None:
    found = read(FORMAT, shared_file("openai_evals", LOG))
    case = next(one for one in found.cases[RUN] if one.key.endswith(".25"))
    assert (case.scores, case.correct) == ({"score": None}, None)
    assert case.details == {"choice": "E", "graded": "E"}
    assert (case.output or "").endswith("the physiopathology underlying this condition.")
    assert case.input.startswith("system: In this semantic role regconition task")
    assert case.input.endswith("therapeutic management of this important syndrome.")


def test_a_broken_off_run_says_so() -> None:
    found = read(FORMAT, shared_file("openai_evals", LOG))
    assert "a sample without a verdict (8 times)" in found.lost_text
    assert "no final report" in found.lost_text


SPEC = {
    "spec": {
        "completion_fns": ["gpt-4"],
        "eval_name": "sums.dev.v0",
        "split": "dev",
        "run_config": {"max_samples": 3, "seed": 7},
        "run_id": "run-1",
        "created_at": "2024-02-06 06:28:16.896800",
    }
}
REPORT = {"final_report": {"accuracy": 0.5, "boostrap_std": 0.25, "counts/Y": 1, "odd": "x"}}


def event(sample: str, kind: str, **data: Any) -> dict[str, Any]:
    """Return an event of a sample."""
    return {"run_id": "run-1", "event_id": 0, "sample_id": sample, "type": kind, "data": data}


def test_matches_errors_and_the_report_come_in(tmp_path: Path) -> None:
    prompt = [{"role": "user", "content": "1 + 1?"}]
    lines = [
        SPEC,
        event("sums.0", "sampling", prompt=prompt, sampled=["2"]),
        event("sums.1", "sampling", prompt="2 + 2?", sampled="5"),
        event("sums.0", "match", correct=True, expected=["2", "two"], picked="2", sampled="2"),
        event("sums.1", "match", correct=False, expected="4", picked=None, sampled="5"),
        event("sums.2", "error", type="Timeout", message="no answer"),
        REPORT,
    ]
    found = read(FORMAT, written(tmp_path, "log.jsonl", *lines))
    system = found.systems["run-1"]
    assert (system.model, system.attempted, system.status) == ("gpt-4", 3, "")
    assert found.verdicts("run-1") == (3, 1, 1, 1)
    right, wrong, error = found.cases["run-1"]
    assert (right.input, right.output, right.expected) == ("1 + 1?", "2", "2")
    assert right.details["references"] == ["two"]
    assert (wrong.output, wrong.scores, wrong.correct) == ("5", {"accuracy": 0.0}, False)
    assert (error.error, error.output) == ("Timeout: no answer", None)
    accuracy = found.figures["run-1", "accuracy"]
    assert (accuracy.value, accuracy.stderr, accuracy.n) == (0.5, 0.25, 2)
    assert found.figures["run-1", "counts/Y"].value == 1
    assert "final_report.odd: its value is not a number" in found.lost_text


def test_what_a_system_says_to_itself_does_not_part_it_from_others(tmp_path: Path) -> None:
    question = {"role": "user", "content": "1 + 1?"}
    thinking = [question, {"role": "assistant", "content": "Step by step."}]
    plain = event("s.0", "sampling", prompt=[question], sampled="2")
    chain = event("s.0", "sampling", prompt=thinking, sampled="2")
    files = [written(tmp_path, f"{at}.jsonl", SPEC, one) for at, one in enumerate((plain, chain))]
    cases = [read(FORMAT, path).cases["run-1"][0] for path in files]
    assert cases[0].input == cases[1].input == "1 + 1?"


def test_a_report_of_nan_and_events_of_other_kinds_are_told(tmp_path: Path) -> None:
    lines = [SPEC, event("s.0", "embedding", prompt="a"), {"final_report": {"f1": float("nan")}}]
    found = read(FORMAT, written(tmp_path, "log.jsonl", *lines))
    figure = found.figures["run-1", "f1"]
    assert (figure.value, bool(figure.why)) == (None, True)
    assert "events of the type “embedding”" in found.lost_text


def test_older_logs_name_the_model_differently(tmp_path: Path) -> None:
    spec = {"spec": {"model_name": {"completions": ["text-davinci-003"]}, "run_id": "r"}}
    found = read(FORMAT, written(tmp_path, "log.jsonl", spec, event("s.0", "match", correct=True)))
    assert found.systems["r"].model == "text-davinci-003"


SPEC_LINE = '{"spec": {"run_id": "r"}}\n'
MALFORMED = {
    "cut off": (SPEC_LINE + '{"sample_id": "a', "line 2 is not valid JSON: is the file whole?"),
    "nothing but a specification": (SPEC_LINE, "it has no results"),
    "no sample": (SPEC_LINE + '{"type": "match"}', "an event has no sample"),
    "no event": (SPEC_LINE + "17", "line 2 is not an event"),
    "NUL": (SPEC_LINE + '{"sample_id": "a\\u0000"}', "characters that are not text"),
    "too deep": (SPEC_LINE + "[" * 99_999 + "]" * 99_999, "line 2 is nested too deeply"),
}


@pytest.mark.parametrize("name", MALFORMED)
def test_a_log_that_makes_no_sense_is_one_sentence(name: str, tmp_path: Path) -> None:
    content, sentence = MALFORMED[name]
    path = written(tmp_path, "log.jsonl", content)
    with pytest.raises(Unreadable) as refused:
        list(FORMAT.read(Source(path, "theirs.jsonl")))
    assert sentence in str(refused.value)
    assert "theirs.jsonl" in str(refused.value)
