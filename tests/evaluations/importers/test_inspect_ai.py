import json
import zipfile
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from evaluations.importers.measured import Source
from evaluations.importers.results import archive
from evaluations.importers.results.inspect_ai import FORMAT
from evaluations.importers.rows import Unreadable
from tests.evaluations.importers.reading import Read, read, shared_file, written

MINI, FAKE = "openai/gpt-4o-mini", "openai-api/fake/fake"
UNSCORED = "2025-02-11T15-17-00-05-00_popularity_dPiJifoWeEQBrfWsAopzWr.eval"
SCORED = "2025-02-11T15-18-04-05-00_popularity_mj7khqpMM4GBCfVQozKgzB.eval"
CANCELLED, EMPTY = (
    "2025-05-12T20-28-13-04-00_popularity.json",
    "2025-05-12T20-28-13-04-00_no-samples.json",
)
GUIDE = "2025-05-12T20-28-26-04-00_security-guide.json"
MADE = "generated/i0285_"
ERRORS = "sample_errors_excluded"

# Written by hand from the files:
# (model, task, attempted, epochs, status, main score, (cases, right, wrong, errors)).
EXPECTED: dict[str, tuple[str, str, int, int, str, str, tuple[int, int, int, int]]] = {
    UNSCORED: (MINI, "popularity", 10, 1, "", "match", (10, 0, 0, 0)),
    SCORED: (MINI, "popularity", 10, 1, "", "match", (10, 8, 2, 0)),
    CANCELLED: (MINI, "popularity", 3, 1, "cancelled", "match", (3, 2, 1, 0)),
    EMPTY: (MINI, "testtaskname", 3, 1, "cancelled", "match", (0, 0, 0, 0)),
    GUIDE: (MINI, "security_guide", 3, 1, "", "model_graded_fact", (3, 3, 0, 0)),
    "log_formats.eval": ("ollama/llama3.1", "popularity", 1, 1, "", "match", (1, 0, 1, 0)),
    "log_formats.json": ("ollama/llama3.1", "popularity", 1, 1, "", "match", (1, 0, 1, 0)),
    "log_message_deduplication.eval": (
        "hardcoded/hardcoded",
        "inspect_test_utils/guess_number",
        *(1, 1, "", "closeness_log", (1, 0, 1, 0)),
    ),
    "mmlu-summary-choices.eval": (
        "openai/gpt-4o",
        "inspect_evals/mmlu_0_shot",
        *(1, 1, "", "choice", (1, 0, 1, 0)),
    ),
    "scout_popularity_100.eval": (MINI, "popularity", 100, 1, "", "match", (100, 63, 37, 0)),
    "data_arc_qwen.json": (
        "ollama/qwen2.5:0.5b",
        "inspect_evals/arc_easy",
        *(3, 1, "", "choice", (3, 1, 2, 0)),
    ),
    "data_cyse2_vuln_exploit_challenges.json": (
        "mistral/mistral-large-latest",
        "inspect_evals/cyse2_vulnerability_exploit",
        *(2340, 4, "", "vul_exploit_scorer", (1, 0, 0, 0)),
    ),
    "data_pubmedqa_gpt4o_mini.json": (
        "openai/azure/gpt-4o-mini",
        "inspect_evals/pubmedqa",
        *(2, 1, "", "choice", (2, 2, 0, 0)),
    ),
    "data_with_llm_scoring.json": (
        "anthropic/claude-opus-4-6",
        "simpleqa_verified",
        *(1000, 1, "", "simpleqa_scorer", (0, 0, 0, 0)),
    ),
    f"{MADE}cancelled_celery_sigterm.eval": (
        FAKE,
        "task_killSIGTERM",
        *(320, 1, "cancelled", "match", (101, 59, 10, 32)),
    ),
    f"{MADE}epochs3_ci.eval": (FAKE, "epochs3_ci", 18, 3, "", "match", (18, 9, 9, 0)),
    f"{MADE}failed_run.eval": (FAKE, "failed_run", 6, 1, "error", "match", (6, 1, 2, 3)),
    f"{MADE}multi_scorer_nan_zstd.eval": (
        FAKE,
        "multi_scorer_nan_zstd",
        *(12, 1, "", "match", (12, 5, 7, 0)),
    ),
    f"{MADE}no_samples_logged.json": (
        FAKE,
        "no_samples_logged",
        *(12, 1, "", "match", (0, 0, 0, 0)),
    ),
    f"{MADE}{ERRORS}.eval": (FAKE, ERRORS, 20, 1, "", "match", (20, 1, 9, 10)),
    f"{MADE}{ERRORS}.json": (FAKE, ERRORS, 20, 1, "", "match", (20, 1, 9, 10)),
}


def log(name: str) -> Path:
    """Return a log; the one made for the project that is too large to copy is with the others."""
    if name == f"{MADE}{ERRORS}.json":
        return shared_file("inspect/generated", name.removeprefix("generated/"))
    return shared_file("inspect", name)


def only(found: Read) -> str:
    """Return the key of the one system of a log."""
    (key,) = found.systems
    return key


@pytest.mark.parametrize("name", EXPECTED)
def test_every_log_gives_its_model_numbers_and_errors(name: str) -> None:
    found = read(FORMAT, log(name))
    key = only(found)
    system = found.systems[key]
    told = (system.model, system.task, system.attempted, system.repeats, system.status)
    assert (*told, system.scorer, found.verdicts(key)) == EXPECTED[name]


# Written by hand: (file, metric) → (value, over how many, standard error).
FIGURES: dict[tuple[str, str], tuple[float, int, float | None]] = {
    (SCORED, "accuracy"): (0.8, 10, 0.13333333333333333),
    (CANCELLED, "accuracy"): (0.6666666666666666, 3, 0.33333333333333337),
    (EMPTY, "accuracy"): (0.6666666666666666, 3, 0.33333333333333337),
    (GUIDE, "accuracy"): (1.0, 3, 0.0),
    ("log_formats.eval", "accuracy"): (0.0, 1, 0.0),
    ("log_formats.json", "accuracy"): (0.0, 1, 0.0),
    ("log_message_deduplication.eval", "accuracy"): (0.0, 1, 0.0),
    ("mmlu-summary-choices.eval", "accuracy"): (0.0, 1, 0.0),
    ("scout_popularity_100.eval", "accuracy"): (0.63, 100, 0.048523658709390974),
    ("data_arc_qwen.json", "accuracy"): (0.3333333333333333, 3, 0.33333333333333337),
    ("data_cyse2_vuln_exploit_challenges.json", "accuracy"): (0.38108974358974373, 2340, None),
    ("data_cyse2_vuln_exploit_challenges.json", "mean"): (0.38108974358974357, 2340, None),
    ("data_cyse2_vuln_exploit_challenges.json", "std"): (0.3115628730565127, 2340, None),
    ("data_pubmedqa_gpt4o_mini.json", "accuracy"): (1.0, 2, 0.0),
    ("data_with_llm_scoring.json", "accuracy"): (0.431, 1000, 0.01566794448817344),
    (f"{MADE}cancelled_celery_sigterm.eval", "accuracy"): (
        0.855072463768116,
        69,
        0.04268963668731213,
    ),
    (f"{MADE}epochs3_ci.eval", "accuracy"): (0.5, 6, 0.22360679774997896),
    (f"{MADE}multi_scorer_nan_zstd.eval", "match/accuracy"): (
        0.4166666666666667,
        12,
        0.1486470975026408,
    ),
    (f"{MADE}multi_scorer_nan_zstd.eval", "multi/len/mean"): (8.0, 12, 0.0),
    (f"{MADE}multi_scorer_nan_zstd.eval", "multi/nan/mean"): (1.0, 10, None),
    (f"{MADE}no_samples_logged.json", "accuracy"): (0.4166666666666667, 12, 0.1486470975026408),
    (f"{MADE}{ERRORS}.eval", "accuracy"): (0.1, 10, 0.09999999999999999),
    (f"{MADE}{ERRORS}.json", "accuracy"): (0.1, 10, 0.09999999999999999),
}


@pytest.mark.parametrize(("name", "metric"), FIGURES)
def test_the_figures_are_inspects_own(name: str, metric: str) -> None:
    found = read(FORMAT, log(name))
    figure = found.figures[only(found), metric]
    assert (figure.value, figure.n, figure.stderr) == FIGURES[name, metric]


@pytest.mark.parametrize("name", [UNSCORED, f"{MADE}failed_run.eval"])
def test_neither_an_unscored_log_nor_a_failed_run_has_figures(name: str) -> None:
    assert not read(FORMAT, log(name)).figures
    others = set(EXPECTED) - {UNSCORED, f"{MADE}failed_run.eval"}
    assert {one for one, _metric in FIGURES} == others


def test_an_error_has_no_output_and_no_score() -> None:
    found = read(FORMAT, log(f"{MADE}{ERRORS}.eval"))
    case = found.case(only(found), "Review 1: x")
    assert case.error.startswith("ModelGenerateError(")
    assert "Error code: 400 - overloaded" in case.error
    assert (case.output, case.correct, case.scores) == (None, None, {"match": None})
    assert (case.key, case.expected) == ("c1", "positive")


def test_a_cancelled_answer_is_an_error_and_what_never_began_is_told() -> None:
    found = read(FORMAT, log(f"{MADE}cancelled_celery_sigterm.eval"))
    errors = {case.error for case in found.cases[only(found)] if case.error}
    assert errors == {"CancelledError()"}
    assert "219 of 320 answers are not in the log" in found.lost_text


def test_epochs_are_repeats_of_a_case() -> None:
    found = read(FORMAT, log(f"{MADE}epochs3_ci.eval"))
    cases = found.cases[only(found)]
    assert sorted({case.key for case in cases}) == ["c0", "c1", "c2", "c3", "c4", "c5"]
    assert sorted(case.repeat for case in cases) == [0] * 6 + [1] * 6 + [2] * 6


def test_nan_and_numbers_above_1_are_no_score_and_are_told() -> None:
    found = read(FORMAT, log(f"{MADE}multi_scorer_nan_zstd.eval"))
    case = found.case(only(found), "Review 1: x")
    assert case.scores == {"match": 0.0, "multi/len": None, "multi/nan": None}
    assert case.details["scores"] == {"multi/len": "8", "multi/nan": "NaN"}
    assert "“multi/nan” has no score from 0 to 1 (2 times)" in found.lost_text


def test_an_unscored_log_has_answers_without_a_verdict() -> None:
    found = read(FORMAT, log(UNSCORED))
    case = found.case(only(found), "Is the following statement")
    assert (case.output, case.correct, case.scores) == ("Yes", None, {"match": None})
    assert not found.figures
    assert "a sample without a score (10 times)" in found.lost_text


def test_a_failed_run_says_why() -> None:
    found = read(FORMAT, log(f"{MADE}failed_run.eval"))
    system = found.systems[only(found)]
    assert "overloaded" in system.settings["error"]
    assert (system.tool, system.tool_version) == ("inspect_ai", "0.3.285")
    assert system.started_at == datetime(2026, 11, 21, 1, 23, 32, tzinfo=UTC)


def test_the_same_samples_pair_in_json_and_eval() -> None:
    told = [
        {(case.key, case.repeat, case.input, case.expected) for case in found.cases[only(found)]}
        for found in (read(FORMAT, log(f"{MADE}{ERRORS}{end}")) for end in (".json", ".eval"))
    ]
    assert told[0] == told[1]
    assert len(told[0]) == 20


def test_the_same_samples_pair_in_logs_of_several_years() -> None:
    old, new = (read(FORMAT, log(name)) for name in (SCORED, "scout_popularity_100.eval"))
    inputs = {case.key: case.input for case in new.cases[only(new)]}
    assert all(inputs[case.key] == case.input for case in old.cases[only(old)])


def test_choices_are_part_of_what_is_asked() -> None:
    found = read(FORMAT, log("mmlu-summary-choices.eval"))
    (case,) = found.cases[only(found)]
    assert case.input.endswith("closest to\nA) 6.0 e\nB) 6.8 eV\nC) 12.2 eV\nD) 13.6 eV")
    assert (case.expected, case.output) == ("A", "ANSWER: C")
    assert case.details["answer"] == {"choice": "C"}
    assert (case.input_tokens, case.output_tokens) == (153, 3)
    assert case.latency_ms == pytest.approx(1443.19, abs=0.01)


def test_a_message_of_a_user_is_its_text_and_a_judge_keeps_its_reasons() -> None:
    found = read(FORMAT, log(GUIDE))
    case = found.case(only(found), "How do I prevent SQL Injection attacks?")
    assert case.input == "How do I prevent SQL Injection attacks?"
    assert case.details["explanation"]["model_graded_fact"].endswith("GRADE: C")


def test_of_a_conversation_the_time_of_all_turns_counts() -> None:
    found = read(FORMAT, log("log_message_deduplication.eval"))
    (case,) = found.cases[only(found)]
    assert (case.input, case.output, case.latency_ms) == ("Guess the number", "done", 449.0)
    assert "of several turns only the last answer comes in" in found.lost_text


def test_a_nul_in_a_real_question_is_shown_and_told() -> None:
    found = read(FORMAT, log("data_cyse2_vuln_exploit_challenges.json"))
    (case,) = found.cases[only(found)]
    assert "str[i] != '␀'" in case.input
    assert (case.scores, case.correct) == ({"vul_exploit_scorer": 0.65}, None)
    assert "characters that are not text" in found.lost_text


EVAL = {
    "run_id": "r1",
    "created": "2024-05-01T10:00:00+00:00",
    "task": "greetings",
    "model": "openai/gpt-4",
    "dataset": {"samples": 4},
    "config": {"limit": 2},
    "scorers": [{"name": "pkg/match", "metrics": [{"name": "inspect_ai/accuracy"}]}],
}


def sample(**changed: Any) -> dict[str, Any]:
    """Return a sample as current versions write it."""
    message = {"role": "assistant", "content": "hello"}
    return {
        "id": 1,
        "epoch": 1,
        "input": "Say hello",
        "target": "hello",
        "messages": [{"role": "user", "content": "Say hello"}, message],
        "output": {"choices": [{"message": message, "stop_reason": "stop"}], "time": 0.5},
        "scores": {"match": {"value": "C"}},
        **changed,
    }


def samples_read(folder: Path, *samples: Any, **head: Any) -> Read:
    """Return what comes out of a log in JSON with these samples."""
    whole = {"status": "success", "eval": EVAL, **head, "samples": list(samples)}
    return read(FORMAT, written(folder, "log.json", whole))


def test_logs_of_the_first_version_come_in(tmp_path: Path) -> None:
    old = sample(score={"value": 1, "answer": "hello"})
    del old["scores"]
    accuracy = {"accuracy": {"name": "accuracy", "value": 1.0}}
    found = samples_read(tmp_path, old, results={"scorer": {"name": "match"}, "metrics": accuracy})
    (case,) = found.cases["r1"]
    assert (case.scores, case.correct) == ({"score": 1.0}, True)
    assert found.figures["r1", "accuracy"].value == 1.0
    assert found.systems["r1"].attempted == 2


def test_a_grade_between_right_and_wrong_has_no_verdict(tmp_path: Path) -> None:
    grades = ("C", "I", "P", "N", True, "yes", 0, 0.7, "0.25", "maybe", None, [1, 2], 10**400)
    samples = [sample(id=n, scores={"match": {"value": one}}) for n, one in enumerate(grades)]
    found = samples_read(tmp_path, *samples)
    cases = found.cases["r1"]
    assert [case.scores["match"] for case in cases] == [
        *(1.0, 0.0, 0.5, 0.0, 1.0, 1.0, 0.0, 0.7, 0.25, None, None, None, None)
    ]
    assert [case.correct for case in cases] == [
        *(True, False, None, False, True, True, False, None, None, None, None, None, None)
    ]
    assert cases[2].details["scores"] == {"match": "P"}
    assert cases[9].details["scores"] == {"match": "maybe"}


def test_a_score_for_an_error_is_not_taken(tmp_path: Path) -> None:
    broken = sample(error={"message": "Timeout", "traceback": "…"}, scores={"match": {"value": 0}})
    silent = sample(id=2, error={"message": ""})
    found = samples_read(tmp_path, broken, silent)
    case, other = found.cases["r1"]
    assert (case.error, case.output, case.scores) == ("Timeout", None, {"match": None})
    assert case.details["output"] == "hello"
    assert other.error == "Inspect calls it an error and does not say why."


def test_more_scores_than_anybody_gives_are_refused(tmp_path: Path) -> None:
    scores = {f"s{n}": {"value": 1} for n in range(1_001)}
    path = written(tmp_path, "log.json", {"eval": EVAL, "samples": [sample(scores=scores)]})
    assert "a sample in it has too many scores" in refusal(path)


def test_what_stopped_and_what_was_tried_before_is_kept(tmp_path: Path) -> None:
    limit = {"type": "token", "limit": 100}
    choice = {"message": {"content": "he"}, "stop_reason": "max_tokens"}
    cut = sample(limit=limit, output={"choices": [choice]}, error_retries=[{"message": "x"}])
    found = samples_read(tmp_path, cut, sample(id=2, invalidation={"author": "me"}))
    case = found.cases["r1"][0]
    assert case.details["limit"] == limit
    assert (case.details["stopped_by"], case.details["earlier_errors"]) == ("max_tokens", 1)
    assert "declared invalid" in found.lost_text


def test_messages_with_parts_tools_and_images_are_text(tmp_path: Path) -> None:
    image = {"type": "image", "image": "data:image/png;base64,AAAA"}
    call = {"function": "look", "arguments": {"at": "it"}, "id": "random"}
    asked = [
        {"id": "random", "role": "system", "content": "Be kind."},
        {"role": "user", "content": [{"type": "text", "text": "What is it?"}, image]},
        {"role": "assistant", "content": "", "tool_calls": [call]},
    ]
    found = samples_read(tmp_path, sample(input=asked, target=["a cat", "cat"]))
    (case,) = found.cases["r1"]
    assert case.input.startswith("system: Be kind.\n\nuser: What is it?\n[image ")
    assert case.input.endswith('assistant: [look({"at": "it"})]')
    assert (case.expected, case.details["references"]) == ("a cat", ["cat"])
    assert "images or files" in found.lost_text


def test_reasoning_is_no_part_of_the_answer(tmp_path: Path) -> None:
    content = [{"type": "reasoning", "reasoning": "hm"}, {"type": "text", "text": "hello"}]
    found = samples_read(tmp_path, sample(output={"choices": [{"message": {"content": content}}]}))
    assert found.cases["r1"][0].output == "hello"


def test_several_reducers_are_several_figures(tmp_path: Path) -> None:
    scores = [
        {"name": "match", "scorer": "match", "reducer": one, "metrics": {"accuracy": {"value": v}}}
        for one, v in (("mean", 0.5), ("max", float("nan")))
    ]
    found = samples_read(tmp_path, sample(), results={"scores": scores})
    assert found.figures["r1", "accuracy (mean)"].value == 0.5
    assert found.figures["r1", "accuracy (max)"].why == "the log has NaN here"


def packed(path: Path, members: dict[str, Any], method: int = zipfile.ZIP_DEFLATED) -> Path:
    """Return an archive with these members, values as JSON, texts as they are."""
    with zipfile.ZipFile(path, "w", method) as file:
        for name, value in members.items():
            file.writestr(name, value if isinstance(value, str | bytes) else json.dumps(value))
    return path


HEADER = {"header.json": {"status": "success", "eval": EVAL}}
FIRST = "samples/1_epoch_1.json"


def test_a_log_that_was_broken_off_is_read_by_what_it_began_with(tmp_path: Path) -> None:
    members = {"_journal/start.json": {"version": 2, "eval": EVAL}, FIRST: sample()}
    found = read(FORMAT, packed(tmp_path / "log.eval", members, zipfile.ZIP_STORED))
    assert found.systems["r1"].status == "started"
    assert found.verdicts("r1") == (1, 1, 0, 0)
    assert "1 of 2 answers are not in the log" in found.lost_text


DEEP = "[" * 99_999 + "]" * 99_999
START = '{"status": "success", "eval": ' + json.dumps(EVAL)
MALFORMED: dict[str, tuple[str, str]] = {
    "cut off": (START + ', "samples": [{"id": 1, "inp', "broken off or damaged"),
    "cut off after a sample": (START + ', "samples": [{"id": 1}', "broken off or damaged"),
    "a sample that is none": (START + ', "samples": [17, {"id": 1}]}', "samples.0 is not a sample"),
    "twice": (START + ', "samples": [{"id": 1}, {"id": 1}]}', "“1”, repeat 1, is in it twice"),
    "too deep": (START + ', "samples": [{"id": 1, "scores": ' + DEEP + "}]}", "nested too deeply"),
    "too large": (
        START + ', "samples": [{"input": "' + "x" * 4_100_000 + '"}]}',
        "longer than 4000000 characters",
    ),
    "a long text": (
        START + ', "samples": [{"input": "' + "x y" * 400_000 + '"}]}',
        "a text in it is longer",
    ),
    "a huge number": (START + ', "samples": [{"epoch": ' + "9" * 9_000 + "}]}", "damaged"),
    "no model": ('{"eval": {"run_id": "r", "task": 1, "model": null}}', "does not say which model"),
}


@pytest.mark.parametrize("name", MALFORMED)
def test_a_log_that_makes_no_sense_is_one_sentence(name: str, tmp_path: Path) -> None:
    content, sentence = MALFORMED[name]
    path = written(tmp_path, "log.json", content)
    assert refusal(path).count(sentence) == 1


def refusal(path: Path) -> str:
    """Return the sentence that a file is refused with."""
    with pytest.raises(Unreadable) as refused:
        list(FORMAT.read(Source(path, "theirs")))
    sentence = str(refused.value)
    assert "theirs" in sentence
    assert "\n" not in sentence
    return sentence


def changed(path: Path, mark: bytes, offset: int, value: bytes) -> Path:
    """Return an archive with other bytes in the last of the records that begin with a mark."""
    content = bytearray(path.read_bytes())
    at = content.rindex(mark) + offset
    content[at : at + len(value)] = value
    path.write_bytes(content)
    return path


ENTRY = b"PK\x01\x02"
DAMAGES: dict[str, tuple[Callable[[Path], object], str]] = {
    "cut off": (lambda path: path.write_bytes(path.read_bytes()[:-300]), "has no directory"),
    "a wrong checksum": (lambda path: changed(path, ENTRY, 16, b"1234"), "broken off or damaged"),
    "more than it says": (lambda path: changed(path, ENTRY, 24, b"\x09\0\0\0"), "damaged"),
    "far more than allowed": (
        lambda path: changed(path, ENTRY, 24, b"\xf0\xff\xff\xff"),
        "unpacked it has over 100000000 bytes",
    ),
    "no data": (lambda path: changed(path, ENTRY, 20, b"\x09\0\0\0"), "broken off or damaged"),
    "elsewhere": (lambda path: changed(path, ENTRY, 42, b"\xf0\xff\xff\x7f"), "damaged"),
    "encrypted": (lambda path: changed(path, ENTRY, 8, b"\x01"), "is encrypted"),
    "packed otherwise": (lambda path: changed(path, ENTRY, 10, b"\x0e"), "a way that is not known"),
    "Zstandard that is none": (lambda path: changed(path, ENTRY, 10, b"\x5d"), "damaged"),
    "more entries than there are": (
        lambda path: changed(path, b"PK\x05\x06", 10, b"\x09\0"),
        "broken off or damaged",
    ),
    "a directory elsewhere": (
        lambda path: changed(path, b"PK\x05\x06", 16, b"\xf0\xff\xff\x7f"),
        "broken off or damaged",
    ),
}


@pytest.mark.parametrize("name", DAMAGES)
def test_a_damaged_archive_is_one_sentence(name: str, tmp_path: Path) -> None:
    damage, sentence = DAMAGES[name]
    path = packed(tmp_path / "log.eval", {**HEADER, FIRST: sample()})
    damage(path)
    assert sentence in refusal(path)


ODD_MEMBERS: dict[str, tuple[dict[str, Any], str]] = {
    "a path that leads out": ({"samples/../../x.json": "{}"}, "a path that leads out of it"),
    "a path from the root": ({"/etc/x.json": "{}"}, "a path that leads out of it"),
    "a drive": ({"C:\\x.json": "{}"}, "a path that leads out of it"),
    "no sample": ({FIRST: "17"}, f"theirs/{FIRST}: it is not a sample"),
    "half a sample": ({FIRST: '{"id": 1, "inp'}, "broken off or damaged"),
    "bytes": ({FIRST: b'{"id": "caf\xe9"}'}, "is not UTF-8 text"),
    "deep": ({FIRST: '{"scores": ' + DEEP + "}"}, "nested too deeply"),
    "twice": ({FIRST: sample(), "samples/2_epoch_1.json": sample()}, "is in it twice"),
    "zeros": ({FIRST: b"\0" * 50_000_000}, "longer than 4000000 characters"),
}


@pytest.mark.parametrize("name", ODD_MEMBERS)
def test_an_archive_with_odd_files_is_one_sentence(name: str, tmp_path: Path) -> None:
    members, sentence = ODD_MEMBERS[name]
    assert sentence in refusal(packed(tmp_path / "log.eval", {**HEADER, **members}))


def test_an_archive_that_unpacks_to_too_much_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = packed(tmp_path / "log.eval", {**HEADER, FIRST: sample(input="x" * 5_000)})
    monkeypatch.setattr(archive, "LARGEST_ENTRY", 2_000)
    assert f"“{FIRST}” in it is larger than 2000 bytes" in refusal(path)
    monkeypatch.setattr(archive, "FEW_UNPACKED", 2_000)
    monkeypatch.setattr(archive, "MOST_TIMES", 1)
    assert f"unpacked it has over {max(2_000, path.stat().st_size)} bytes" in refusal(path)
    monkeypatch.setattr(archive, "MOST_UNPACKED", 500)
    assert "unpacked it has over 500 bytes" in refusal(path)
    monkeypatch.setattr(archive, "MOST_ENTRIES", 1)
    assert "more than 1 files" in refusal(path)


OTHERS: dict[str, Callable[[Path], object]] = {
    "no file": lambda path: None,
    "a folder": lambda path: path.mkdir(),
    "nothing": lambda path: path.write_bytes(b""),
    "bytes": lambda path: path.write_bytes(b"PK\x03\x04" + bytes(range(256)) * 50),
    "another archive": lambda path: packed(path, {"a.json": {"eval": EVAL}}),
    "other JSON": lambda path: path.write_text('{"eval": {"task": "x"}}'),
    "deep": lambda path: path.write_text("[" * 300_000),
}


@pytest.mark.parametrize("name", OTHERS)
def test_what_is_not_inspects_is_not_taken_for_it(name: str, tmp_path: Path) -> None:
    OTHERS[name](tmp_path / "file")
    assert not FORMAT.detect(Source(tmp_path / "file"))


def test_an_archive_with_many_files_is_read(tmp_path: Path) -> None:
    members = {f"samples/{n}_epoch_1.json": "" for n in range(66_000)}
    path = packed(tmp_path / "log.eval", {**HEADER, **members}, zipfile.ZIP_STORED)
    assert sum(1 for _entry in archive.entries(path)) == 66_001
