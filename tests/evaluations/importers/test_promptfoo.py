import json
from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from evaluations.importers.measured import Source
from evaluations.importers.results.promptfoo import FORMAT
from evaluations.importers.rows import Unreadable
from evaluations.importers.surveying import surveyed
from tests.evaluations.importers.reading import read, shared_file, written

GPT35, CUSTOM, MINI = "openai:gpt-3.5-turbo", "custom-function-1", "openai:gpt-4o-mini"
SERVER = "https://tds-project-1-ruby-one.vercel.app/query"
GENERATED = "generated/pf_0.123.1_errors_repeat2"

# Written by hand from the files: for each column (model, attempted, (cases, right, wrong, errors)).
EXPECTED: dict[str, list[tuple[str, int | None, tuple[int, int, int, int]]]] = {
    "pf_v2flat_nodeapi_d368.json": [(GPT35, 2, (2, 1, 1, 0)), (CUSTOM, 2, (2, 1, 1, 0))] * 3,
    "pf_v2flat_ts_09cb.json": [(GPT35, 2, (2, 1, 1, 0)), (CUSTOM, 2, (2, 1, 1, 0))] * 4,
    "pf_share_v3_wrapped.json": [(MINI, 4, (4, 4, 0, 0))] * 2,
    "pf_v3_early_1e8e.json": [(MINI, 4, (4, 4, 0, 0))] * 2,
    "pf_v3_http_fail.json": [
        (SERVER, 5, (5, 3, 2, 0)),
        ("openai:chat:gpt-4o-mini", 5, (5, 4, 1, 0)),
    ],
    f"{GENERATED}.json": [
        ("openai:chat:fake", 10, (10, 4, 6, 0)),
        ("openai:chat:fake", 10, (10, 4, 6, 0)),
        ("openai:chat:flaky", 10, (10, 4, 6, 0)),
        ("openai:chat:flaky", 10, (10, 0, 0, 10)),
    ],
    f"{GENERATED}.jsonl": [
        ("openai:chat:fake", None, (10, 4, 6, 0)),
        ("openai:chat:fake", None, (10, 4, 6, 0)),
        ("openai:chat:flaky", None, (10, 4, 6, 0)),
        ("openai:chat:flaky", None, (10, 0, 0, 10)),
    ],
    f"{GENERATED}.csv": [
        ("ok-server", None, (10, 4, 6, 0)),
        ("ok-server", None, (10, 4, 6, 0)),
        ("flaky-server", None, (10, 4, 6, 0)),
        ("flaky-server", None, (10, 0, 0, 10)),
    ],
}


@pytest.mark.parametrize("name", EXPECTED)
def test_every_file_gives_its_models_numbers_and_errors(name: str) -> None:
    found = read(FORMAT, shared_file("promptfoo", name))
    told = [
        (system.model, system.attempted, found.verdicts(key))
        for key, system in found.systems.items()
    ]
    assert told == EXPECTED[name]


# Written by hand: (file, column, metric) → (value, number of cases).
FIGURES = {
    ("pf_v2flat_nodeapi_d368.json", 0, "pass_rate"): (0.5, 2),
    ("pf_v2flat_ts_09cb.json", 2, "cost"): (0.0001185, None),
    ("pf_share_v3_wrapped.json", 1, "pass_rate"): (1.0, 4),
    ("pf_v3_early_1e8e.json", 0, "cost"): (0.000025199999999999996, None),
    ("pf_v3_http_fail.json", 0, "pass_rate"): (0.6, 5),
    ("pf_v3_http_fail.json", 1, "pass_rate"): (0.8, 5),
    ("pf_v3_http_fail.json", 1, "cost"): (0.00030375, None),
    (f"{GENERATED}.json", 0, "pass_rate"): (0.4, 10),
    (f"{GENERATED}.json", 0, "accuracy"): (4 / 8, 6),
    (f"{GENERATED}.json", 1, "accuracy"): (6 / 8, 6),
    (f"{GENERATED}.json", 1, "brevity"): (0.5, 2),
    (f"{GENERATED}.json", 2, "json"): (0.0, 4),
    (f"{GENERATED}.json", 3, "pass_rate"): (0.0, 10),
    (f"{GENERATED}.json", 3, "errors"): (10, None),
}


@pytest.mark.parametrize(("name", "column", "metric"), FIGURES)
def test_the_figures_are_promptfoos_own(name: str, column: int, metric: str) -> None:
    found = read(FORMAT, shared_file("promptfoo", name))
    figure = found.figures[f"prompt-{column}", metric]
    assert (figure.value, figure.n) == FIGURES[name, column, metric]


def test_an_error_has_no_output_and_no_score_although_promptfoo_says_zero() -> None:
    found = read(FORMAT, shared_file("promptfoo", f"{GENERATED}.json"))
    case = found.case("prompt-3", "Crème brûlée", repeat=1)
    assert case.error.startswith("API error: 400 Bad Request")
    assert (case.output, case.scores, case.correct) == (None, {"score": None}, False)
    assert case.expected == "positive"
    assert case.details["metadata"] == {"case_id": "r-001", "slice": "dessert"}


def test_a_failed_assertion_is_no_error_although_promptfoo_fills_that_field() -> None:
    found = read(FORMAT, shared_file("promptfoo", f"{GENERATED}.json"))
    case = found.case("prompt-0", "B, with comma")
    assert (case.error, case.output, case.correct) == ("", "positive", False)
    assert case.scores == {"score": 0.5, "format": 1.0, "json": 0.0}
    assert case.details["reason"] == "Expected output to be valid JSON"
    assert (case.latency_ms, case.input_tokens, case.output_tokens) == (60.0, 14, 1)
    assert case.cost is None  # 0 means unknown


def test_repeats_are_repeats_of_a_case() -> None:
    found = read(FORMAT, shared_file("promptfoo", f"{GENERATED}.json"))
    assert [system.repeats for system in found.systems.values()] == [2, 2, 2, 2]
    for cases in found.cases.values():
        assert len({case.key for case in cases}) == 5
        assert sorted(case.repeat for case in cases) == [0] * 5 + [1] * 5


def test_the_same_test_has_the_same_key_in_json_lines_and_csv() -> None:
    keys = [
        {
            (case.key, case.input)
            for cases in read(FORMAT, shared_file("promptfoo", f"{GENERATED}{end}")).cases.values()
            for case in cases
        }
        for end in (".json", ".jsonl", ".csv")
    ]
    assert keys[0] == keys[1] == keys[2]
    assert len(keys[0]) == 5


def test_versions_of_one_evaluation_pair() -> None:
    early = read(FORMAT, shared_file("promptfoo", "pf_v3_early_1e8e.json"))
    shared = read(FORMAT, shared_file("promptfoo", "pf_share_v3_wrapped.json"))
    assert {case.key for case in early.cases["prompt-0"]} == {
        case.key for case in shared.cases["prompt-1"]
    }
    assert early.case("prompt-0", "body: I'm hungry\nlanguage: French").output == "J'ai faim."


def test_a_cached_answer_has_a_price_and_no_latency() -> None:
    found = read(FORMAT, shared_file("promptfoo", "pf_v2flat_ts_09cb.json"))
    cached, fresh = found.case("prompt-4", "Hello"), found.case("prompt-6", "Hello")
    assert (cached.latency_ms, cached.cost, cached.input_tokens) == (
        None,
        Decimal("0.0000145"),
        None,
    )
    assert (fresh.latency_ms, fresh.input_tokens, fresh.output_tokens) == (769.0, 37, 35)


def test_a_structured_answer_is_text_and_an_image_is_its_digest() -> None:
    found = read(FORMAT, shared_file("promptfoo", "pf_v3_http_fail.json"))
    case = found.case("prompt-0", "image: ")
    assert case.input.startswith("image: [40428 characters of data, 356d94675a724aa9]\nquestion: ")
    assert (case.output or "").startswith('{"answer": "I couldn')
    assert "image" in found.lost_text


def test_a_pass_without_assertions_is_told() -> None:
    found = read(FORMAT, shared_file("promptfoo", "pf_v3_early_1e8e.json"))
    assert "without any assertion" in found.lost_text
    assert "(8 times)" in found.lost_text
    assert found.systems["prompt-0"].task == "Simple test"


def test_csv_says_that_its_scores_are_rounded_and_that_an_error_has_no_reason() -> None:
    found = read(FORMAT, shared_file("promptfoo", f"{GENERATED}.csv"))
    case = found.case("prompt-0", "Cold food")
    assert case.scores == {"score": 0.33, "format": 1.0, "accuracy": 0.0}
    assert case.details == {"reason": "Latency 72ms is greater than threshold 40ms"}
    assert found.case("prompt-3", "A").error == "promptfoo calls it an error and does not say why."
    assert "rounded to two decimals" in found.lost_text


def row(**changed: Any) -> dict[str, Any]:
    """Return an answer as current versions write it."""
    return {
        "promptIdx": 0,
        "testIdx": 0,
        "provider": {"id": "openai:gpt-4", "label": ""},
        "prompt": {"raw": "Say hello", "label": "Say {{word}}"},
        "vars": {"word": "hello"},
        "response": {"output": "hello"},
        "success": True,
        "score": 1,
        "namedScores": {},
        "latencyMs": 10,
        "failureReason": 0,
        **changed,
    }


def test_a_shared_record_of_version_4_comes_in(tmp_path: Path) -> None:
    answer = row(testCase={"vars": {"word": "hello"}}, providerResponse={"output": "hi"})
    for gone in ("vars", "response", "failureReason"):
        del answer[gone]
    prompt = {"raw": "Say {{word}}", "label": "Say {{word}}", "provider": "openai:gpt-4"}
    metrics = {"testPassCount": 1, "testFailCount": 0, "testErrorCount": 0}
    record = {
        "createdAt": 1727905040496,
        "id": "eval-1",
        "config": {"description": "Greetings"},
        "results": [answer],
        "prompts": [{**prompt, "metrics": metrics}],
    }
    found = read(FORMAT, written(tmp_path, "v4.json", record))
    system = found.systems["prompt-0"]
    assert (system.model, system.task, system.attempted) == ("openai:gpt-4", "Greetings", 1)
    assert system.started_at == datetime(2024, 10, 2, 21, 37, 20, 496000, UTC)
    assert found.case("prompt-0", "hello").output == "hi"


def test_old_rows_tell_an_error_by_the_response(tmp_path: Path) -> None:
    broken = row(response={"error": "timeout"}, error="timeout", success=False, score=0)
    thrown = row(response=None, error="Error: no key", success=False, score=0, testIdx=1)
    failed = row(error="Expected x", gradingResult={"pass": False}, success=False, testIdx=2)
    rows = [broken, thrown, failed]
    for one in rows:
        del one["failureReason"]
    found = read(FORMAT, written(tmp_path, "rows.jsonl", *rows))
    assert [case.error for case in found.cases["prompt-0"]] == ["timeout", "Error: no key", ""]


def test_a_grader_that_fails_is_an_error_and_its_answer_is_kept(tmp_path: Path) -> None:
    broken = row(failureReason=2, error="the grader timed out", success=False, score=0)
    found = read(FORMAT, written(tmp_path, "rows.jsonl", broken, row(testIdx=1)))
    case = found.cases["prompt-0"][0]
    assert (case.error, case.output) == ("the grader timed out", None)
    assert case.details["output"] == "hello"


def test_a_score_outside_0_to_1_is_none_and_told(tmp_path: Path) -> None:
    odd = [row(score=float("nan")), row(namedScores={"rubric": 4.5}, testIdx=1)]
    found = read(FORMAT, written(tmp_path, "rows.jsonl", *odd))
    assert found.cases["prompt-0"][0].scores == {"score": None}
    assert found.cases["prompt-0"][1].scores == {"score": 1.0, "rubric": None}
    assert found.cases["prompt-0"][1].details["scores"] == {"rubric": "4.5"}
    assert "“rubric” has no score from 0 to 1" in found.lost_text


def test_of_an_answer_that_a_resumed_run_gave_again_the_later_counts(tmp_path: Path) -> None:
    broken = row(failureReason=2, error="timeout", success=False)
    found = read(FORMAT, written(tmp_path, "rows.jsonl", broken, row(testIdx=1), row()))
    assert found.verdicts("prompt-0") == (2, 2, 0, 0)
    assert "line 1: an answer that a later line gives again" in found.lost_text


def test_what_answers_to_other_tests_left_behind_is_no_input(tmp_path: Path) -> None:
    vars_ = {"word": "hello", "_conversation": [{"output": "hi"}]}
    plain, talk = row(), row(vars=vars_, promptIdx=1)
    found = read(FORMAT, written(tmp_path, "rows.jsonl", plain, talk))
    assert found.cases["prompt-0"][0].key == found.cases["prompt-1"][0].key


def test_the_providers_settings_stay_behind_and_are_told(tmp_path: Path) -> None:
    config = {"providers": [{"id": "x", "config": {"apiKey": "sk-secret"}}]}
    whole = {"evalId": "e", "results": {"version": 3, "results": [row()]}, "config": config}
    found = read(FORMAT, written(tmp_path, "whole.json", whole))
    assert "config.providers" in found.lost_text
    assert "sk-secret" not in repr(found)


def test_csv_of_older_versions_comes_in(tmp_path: Path) -> None:
    lines = [
        '[openai:gpt-4] Say {{word}},"[custom] Say {{word}}",word',
        '"[PASS] (1.00)\n\nhello\n\nPass Reason: fine","[ERROR] (0.00)\n\nno key",hello',
        '"[FAIL] (0.50, tone: 0.25)\n\nbye\n\nFail Reason: rude","[PASS] (1.00)\n\nok",bye',
    ]
    found = read(FORMAT, written(tmp_path, "old.csv", *lines))
    assert [one.model for one in found.systems.values()] == ["openai:gpt-4", "custom"]
    assert found.verdicts("prompt-0") == (2, 1, 1, 0)
    assert found.verdicts("prompt-1") == (2, 1, 0, 1)
    failed = found.case("prompt-0", "bye")
    assert (failed.output, failed.details) == ("bye", {"reason": "rude"})
    assert failed.scores == {"score": 0.5, "tone": 0.25}
    assert found.case("prompt-1", "hello").error == "no key"


BIG = "x" * 4_100_000
HEAD = '{"evalId": "e", "results": {"version": 3, "results": ['
MALFORMED = {
    "cut off": (HEAD + '{"success": true, "scor', "broken off or damaged"),
    "ends in the middle": (HEAD + '{"success": true}', "broken off or damaged"),
    "an answer that is none": (HEAD + "17]}}", "results.results.0 is not an answer"),
    "no results": (HEAD + "]}}", "it has no results"),
    "too deep": (HEAD + '{"vars": ' + "[" * 99_999 + "]" * 99_999 + "}]}}", "nested too deeply"),
    "too large": (HEAD + '{"vars": {"a": "' + BIG + '"}}]}}', "longer than 4000000 characters"),
    "a long text": (
        HEAD + '{"vars": {"a": "' + "x y" * 400_000 + '"}}]}}',
        "a text in it is longer",
    ),
    "NUL": (HEAD + '{"vars": {"a": "b\\u0000"}}]}}', "characters that are not text"),
    "half a character": (HEAD + '{"vars": {"a": "\\ud800"}}]}}', "characters that are not text"),
    "more after the end": (HEAD + '{"vars": {"a": "b"}}]}} {', "more after its end"),
    "a comma missing": (HEAD + '{"vars": 1} {"vars": 2}]}}', "is out of place"),
    "a huge number": (HEAD + '{"score": ' + "9" * 9_000 + "}]}}", "broken off or damaged"),
    "lines cut off": (
        '{"promptIdx": 0, "testIdx": 0}\n{"promptIdx": 0',
        "line 2 is not valid JSON",
    ),
    "CSV cut off": ('a,[x] p,Status,Score\n1,"b,PASS,1.00', "line 2 is not valid CSV"),
    "CSV with a column missing": ("a,[x] p,Status,Score\n1,b,PASS", "line 2 has 3 columns"),
}


@pytest.mark.parametrize("name", MALFORMED)
def test_a_file_that_makes_no_sense_is_one_sentence(name: str, tmp_path: Path) -> None:
    content, sentence = MALFORMED[name]
    path = written(tmp_path, "file.json", content)
    with pytest.raises(Unreadable) as refused:
        list(FORMAT.read(Source(path, "theirs.json")))
    assert sentence in str(refused.value)
    assert "theirs.json" in str(refused.value)
    assert "\n" not in str(refused.value)


OTHERS: dict[str, Callable[[Path], object]] = {
    "no file": lambda path: None,
    "a folder": lambda path: path.mkdir(),
    "nothing": lambda path: path.write_bytes(b""),
    "bytes": lambda path: path.write_bytes(bytes(range(256)) * 50),
    "other JSON": lambda path: path.write_text('{"results": {"acc": 1}}'),
    "other lines": lambda path: path.write_text('{"input": "a"}\n{"input": "b"}'),
    "other CSV": lambda path: path.write_text("input,output,Status\na,b,PASS\n"),
    "deep": lambda path: path.write_text("[" * 300_000),
}


@pytest.mark.parametrize("name", OTHERS)
def test_what_is_not_promptfoos_is_not_taken_for_it(name: str, tmp_path: Path) -> None:
    OTHERS[name](tmp_path / "file")
    assert not FORMAT.detect(Source(tmp_path / "file"))


def test_bytes_that_are_no_text_are_one_sentence(tmp_path: Path) -> None:
    path = tmp_path / "latin.jsonl"
    path.write_bytes(b'{"promptIdx": 0, "testIdx": 0, "vars": {"a": "caf\xe9"}}')
    with pytest.raises(Unreadable, match="is not UTF-8 text"):
        list(FORMAT.read(Source(path)))


def test_providers_alike_are_told_apart_by_what_they_were_asked_with(tmp_path: Path) -> None:
    told = json.loads(
        shared_file("promptfoo", "generated/pf_0.123.1_errors_repeat2.json").read_text()
    )
    first, second = told["config"]["providers"]
    told["config"]["providers"] = [
        {**first, "config": {"apiKey": "s3cret", "temperature": 0}},
        {**second, "id": first["id"], "label": first["label"], "config": {"temperature": 1}},
    ]
    for prompt in told["results"]["prompts"]:
        prompt["provider"] = first["label"]
    for row in told["results"]["results"]:
        row["provider"] = {"id": first["id"], "label": first["label"]}
    path = tmp_path / "alike.json"
    path.write_text(json.dumps(told))
    systems = surveyed(Source(path), FORMAT).as_plain()["systems"]
    apart = [one["apart"] for one in systems]
    assert {one["model"] for one in systems} == {first["id"]}
    assert len(set(apart)) == 4
    assert apart[0].startswith("prompt: zero-shot: p1.txt")
    assert (apart[0].endswith("temperature: 0"), apart[2].endswith("temperature: 1")) == (
        True,
        True,
    )
    assert "s3cret" not in str(systems)
