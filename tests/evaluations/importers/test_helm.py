import json
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from decisions.models import Candidate
from evaluations.imported_figures import stated_figures
from evaluations.importers.measured import Source
from evaluations.importers.results.helm import FORMAT
from evaluations.importers.rows import Unreadable
from evaluations.importers.surveying import surveyed
from tests.evaluations.importers.reading import Read, read, shared_file
from tests.evaluations.test_bringing import bring

BBQ, HELLASWAG, MMLU = "v3_bbq_gemini15", "hellaswag_pythia1b", "mmlu_philosophy_gpt2"

# Written by hand from the files:
# (model, task, main score, attempted, (cases, right, wrong, errors)).
EXPECTED: dict[str, tuple[str, str, str, int, tuple[int, int, int, int]]] = {
    BBQ: (
        "google/gemini-1.5-pro-001",
        "bbq:subject=all,method=multiple_choice_joint",
        *("exact_match", 2, (2, 0, 2, 0)),
    ),
    HELLASWAG: (
        "eleutherai/pythia-1b-v0",
        "commonsense:dataset=hellaswag,method=multiple_choice_joint",
        *("exact_match", 10, (10, 3, 7, 0)),
    ),
    MMLU: (
        "openai/gpt2",
        "mmlu:subject=philosophy,method=multiple_choice_joint",
        *("exact_match", 9, (9, 1, 8, 0)),
    ),
}


def only(found: Read) -> str:
    """Return the key of the one system of a run."""
    (key,) = found.systems
    return key


@pytest.mark.parametrize("name", EXPECTED)
def test_every_run_gives_its_model_numbers_and_errors(name: str) -> None:
    found = read(FORMAT, shared_file("helm", name))
    key = only(found)
    system = found.systems[key]
    told = (system.model, system.task, system.scorer, system.attempted, found.verdicts(key))
    assert told == EXPECTED[name]
    assert (system.tool, system.repeats) == ("helm", 1)


# Written by hand: (run, metric) → (value, number of instances).
FIGURES: dict[tuple[str, str], tuple[float | None, int]] = {
    (BBQ, "exact_match"): (0.0, 2),
    (BBQ, "bbq_accuracy"): (0.0, 2),
    (BBQ, "bbq_metric_ambiguous_bias"): (-1.0, 2),
    (BBQ, "inference_runtime"): (0.6138865947723389, 2),
    (BBQ, "training_co2_cost"): (None, 0),
    (HELLASWAG, "exact_match"): (0.3, 10),
    (HELLASWAG, "quasi_prefix_exact_match@5"): (0.3, 10),
    (HELLASWAG, "inference_runtime"): (14.876816749572754, 10),
    (MMLU, "exact_match"): (0.1111111111111111, 9),
    (MMLU, "exact_match (valid)"): (0.0, 1),
    (MMLU, "inference_runtime (valid)"): (0.6785750389099121, 1),
    (MMLU, "training_energy_cost"): (None, 0),
}


@pytest.mark.parametrize(("name", "metric"), FIGURES)
def test_the_figures_are_helms_own(name: str, metric: str) -> None:
    found = read(FORMAT, shared_file("helm", name))
    figure = found.figures[only(found), metric]
    assert (figure.value, figure.n) == FIGURES[name, metric]


def test_without_perturbations_nothing_is_told_three_times() -> None:
    found = read(FORMAT, shared_file("helm", HELLASWAG))
    assert len(found.figures) == 13
    assert not [metric for _system, metric in found.figures if "robustness" in metric]
    assert not found.lost


def test_a_choice_is_a_letter_among_the_choices() -> None:
    found = read(FORMAT, shared_file("helm", MMLU))
    case = found.case(only(found), "What does the notion")
    assert case.input == (
        "What does the notion of “meaning in life” refer to?\n"
        "A) external meaning\nB) god's plan\nC) internalmeaning\nD) meaning in an afterlife"
    )
    assert (case.key, case.expected, case.output, case.correct) == ("id147", "C", " D", False)
    assert (case.input_tokens, case.output_tokens) == (333, 1)
    assert case.latency_ms == pytest.approx(680.37, abs=0.01)
    assert case.scores["exact_match"] == 0.0
    assert "num_references" not in case.scores
    assert case.details == {"split": "test"}


def test_a_folder_of_runs_and_its_archive_give_the_same(tmp_path: Path) -> None:
    folder = shared_file("helm", BBQ).parent
    path = tmp_path / "helm.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
        for one in sorted(folder.rglob("*.json")):
            file.write(one, f"runs/v1/{one.relative_to(folder)}")
    packed, loose = read(FORMAT, path), read(FORMAT, folder)
    assert len(loose.systems) == 3
    assert (packed.systems, packed.cases) == (loose.systems, loose.cases)
    assert packed.figures == loose.figures


SPEC = {
    "name": "trivia:lang=en,model=acme_one,groups=x",
    "adapter_spec": {"method": "generation", "model": "acme/one", "num_train_trials": 1},
}
ABOUT = {"name": "f1_score", "split": "test"}
STATS = [
    {"name": ABOUT, "count": 1, "mean": 0.5},
    {"name": {"name": "exact_match", "split": "test"}, "count": 1, "mean": 0.5},
    {"name": {"name": "num_instances", "split": "test"}, "count": 1, "mean": 2.0},
]


def state(number: int = 1, **changed: Any) -> dict[str, Any]:
    """Return a request state as HELM writes it."""
    tags: list[str] = ["correct"]
    references = [{"output": {"text": text}, "tags": tags} for text in ("Paris", "paris, France")]
    told = {"input": {"text": f"Capital {number}?"}, "references": references, "split": "test"}
    completion = {"text": "Paris", "logprob": 0.0}
    return {
        "instance": {"id": f"id{number}", **told},
        "train_trial_index": 0,
        "result": {"success": True, "completions": [completion], "request_time": 0.25},
        **changed,
    }


def scored(number: int = 1, trial: int = 0, /, **values: Any) -> dict[str, Any]:
    """Return the statistics of an instance as HELM writes them."""
    stats = [
        {"name": {"name": name, "split": "test"}, "count": 1, "sum": value, "mean": value}
        for name, value in (values or {"exact_match": 1, "f1_score": 1}).items()
    ]
    return {"instance_id": f"id{number}", "train_trial_index": trial, "stats": stats}


def run(folder: Path, /, **files: Any) -> Path:
    """Return a folder with a run, files by their names without the end; None leaves one out."""
    whole = {
        "run_spec": SPEC,
        "stats": STATS,
        "scenario_state": {"adapter_spec": {}, "request_states": [state(), state(2)]},
        "per_instance_stats": [scored(), scored(2)],
        **files,
    }
    folder.mkdir(parents=True, exist_ok=True)
    for name, value in whole.items():
        if value is not None:
            text = value if isinstance(value, str) else json.dumps(value)
            (folder / f"{name}.json").write_text(text)
    return folder


def run_read(folder: Path, /, **files: Any) -> Read:
    """Return what comes out of a run."""
    return read(FORMAT, run(folder, **files))


def test_a_free_answer_is_judged_by_degree(tmp_path: Path) -> None:
    found = run_read(tmp_path)
    (key, system) = next(iter(found.systems.items()))
    assert (system.task, system.scorer) == ("trivia:lang=en,groups=x", "f1_score")
    case = found.cases[key][0]
    assert (case.input, case.expected, case.output) == ("Capital 1?", "Paris", "Paris")
    assert case.details["references"] == ["paris, France"]
    assert (case.scores, case.correct) == ({"exact_match": 1.0, "f1_score": 1.0}, None)


def test_statistics_are_joined_from_several_entries_in_any_order(tmp_path: Path) -> None:
    told = [scored(2, f1_score=0.25), scored(1, exact_match=0), scored(1, f1_score=0.75)]
    found = run_read(tmp_path, per_instance_stats=told)
    first, second = found.cases[only(found)]
    assert first.scores == {"exact_match": 0.0, "f1_score": 0.75}
    assert second.scores == {"f1_score": 0.25}


def test_a_failed_request_is_an_error_and_has_no_score(tmp_path: Path) -> None:
    failed = state(result={"success": False, "error": "rate limit", "completions": []})
    silent = state(2, result={"success": False})
    dry = state(3, result=None)
    found = run_read(tmp_path, scenario_state={"request_states": [failed, silent, dry]})
    cases = found.cases[only(found)]
    assert [case.error for case in cases] == [
        "rate limit",
        "HELM calls the request a failure and does not say why.",
        "HELM did not ask the model.",
    ]
    assert (cases[0].output, cases[0].correct) == (None, None)
    assert cases[0].scores == {"exact_match": None, "f1_score": None}
    assert cases[2].scores == {"f1_score": None}


def test_only_the_test_split_comes_in_as_in_helms_headline(candidate: Candidate) -> None:
    found = read(FORMAT, shared_file("helm", MMLU))
    assert (
        "1 answer of “valid” is left out: HELM’s headline is over “test” alone" in found.lost_text
    )
    (run,) = bring(shared_file("helm", MMLU), candidate)
    assert run.metrics["scores"]["exact_match"]["value"] == pytest.approx(100 / 9)
    assert (run.metrics["attempted"], run.metrics["missing"]) == (9, 0)
    stated = {one.name: one for one in stated_figures(run)}
    assert stated["exact_match"].here == "11\u00a0%"
    assert not stated["exact_match"].differs
    assert stated["exact_match (valid)"].n == "1"


def test_a_larger_split_that_stays_out_makes_no_excerpt_of_the_other(tmp_path: Path) -> None:
    other = {"name": "f1_score", "split": "valid"}
    count = {"name": "num_instances", "split": "valid"}
    stats = [*STATS, {"name": other, "count": 1, "mean": 0.1}, {"name": count, "mean": 99.0}]
    path = run(tmp_path, stats=stats)
    (one,) = surveyed(Source(path), FORMAT).systems.values()
    assert (one.attempted, one.answers, one.is_excerpt) == (2, 2, False)


def test_without_statistics_the_answers_say_which_split_counts(tmp_path: Path) -> None:
    early = state()
    early["instance"] = {**early["instance"], "split": "train"}
    states = {"request_states": [early, state(2), state(3)]}
    found = run_read(tmp_path, stats=None, scenario_state=states)
    assert [case.key for case in found.cases[only(found)]] == ["id2", "id3"]
    assert "1 answer of “train” is left out" in found.lost_text


def test_where_all_instances_are_perturbed_they_come_in(tmp_path: Path) -> None:
    perturbed = state()
    perturbed["instance"] = {**perturbed["instance"], "perturbation": {"name": "typos"}}
    found = run_read(tmp_path, stats=None, scenario_state={"request_states": [perturbed]})
    assert len(found.cases[only(found)]) == 1


def test_trials_are_repeats_and_perturbed_instances_stay_out(tmp_path: Path) -> None:
    typos = {"name": "typos", "computed_on": "perturbed", "rate": 0.1}
    perturbed = state()
    perturbed["instance"] = {**perturbed["instance"], "perturbation": typos}
    states = [state(), perturbed, state(train_trial_index=1)]
    told = [
        scored(1, 0, f1_score=1),
        scored(1, 1, f1_score=0.5),
        {**scored(1, 0, f1_score=0), "perturbation": typos},
    ]
    stats = [
        {"name": {**ABOUT, "perturbation": typos}, "count": 2, "mean": 0, "stddev": 0.1},
        *STATS,
    ]
    adapter = {**SPEC["adapter_spec"], "num_train_trials": 2}  # type: ignore[dict-item]
    spec = {**SPEC, "adapter_spec": adapter, "data_augmenter_spec": {"perturbation_specs": [{}]}}
    found = run_read(
        tmp_path,
        run_spec=spec,
        scenario_state={"request_states": states},
        per_instance_stats=told,
        stats=stats,
    )
    cases = found.cases[only(found)]
    assert [(case.key, case.repeat) for case in cases] == [("id1", 0), ("id1", 1)]
    assert [case.scores["f1_score"] for case in cases] == [1.0, 0.5]
    assert "1 answer of “test typos perturbed” is left out" in found.lost_text
    assert found.systems[only(found)].attempted == 4
    figure = found.figures[only(found), "f1_score (typos perturbed)"]
    assert (figure.value, figure.n, figure.settings["stddev_over_trials"]) == (0.0, 2, 0.1)


def test_choices_asked_about_one_by_one_are_one_case(tmp_path: Path) -> None:
    spec = {**SPEC, "adapter_spec": {"method": "multiple_choice_separate_original", "model": "m"}}
    states = [
        state(one, reference_index=index, request_mode="original")
        for one in (1, 2)
        for index in (0, 1)
    ]
    told = [scored(1, exact_match=1, predicted_index=1), scored(2, exact_match=0)]
    found = run_read(
        tmp_path,
        run_spec=spec,
        scenario_state={"request_states": states},
        per_instance_stats=told,
    )
    first, second = found.cases[only(found)]
    assert first.input == "Capital 1?\nA) Paris\nB) paris, France"
    assert (first.output, first.correct, first.latency_ms) == ("B", True, 500.0)
    assert (second.output, second.correct) == (None, False)
    assert "the file has no answer" in found.lost_text


def test_old_runs_have_texts_where_new_ones_have_objects(tmp_path: Path) -> None:
    old = state()
    references = [{"output": "Paris", "tags": ["correct"]}]
    old["instance"] = {"id": "id1", "input": "Capital?", "references": references}
    found = run_read(tmp_path, scenario_state={"request_states": [old]})
    (case,) = found.cases[only(found)]
    assert (case.input, case.expected) == ("Capital?", "Paris")


def test_images_are_their_digests_and_a_nul_is_shown(tmp_path: Path) -> None:
    media = [{"text": "Which\0 city?"}, {"content_type": "image/png", "location": "a.png"}]
    seen = state()
    seen["instance"]["input"] = {"text": "", "multimedia_content": {"media_objects": media}}
    found = run_read(tmp_path, scenario_state={"request_states": [seen]})
    (case,) = found.cases[only(found)]
    assert case.input.startswith("Which␀ city?\n[image/png ")
    assert "digests stand for them" in found.lost_text
    assert "not text" in found.lost_text


def test_a_missing_mean_and_nan_are_no_value(tmp_path: Path) -> None:
    stats = [
        {"name": ABOUT, "count": 0, "sum": 0},
        {"name": {"name": "odd", "split": "test"}, "count": 1, "mean": float("nan")},
        {"name": ABOUT, "count": 1, "mean": 1},
    ]
    told = [scored(exact_match=float("nan")), scored(2, exact_match=7)]
    found = run_read(tmp_path, stats=stats, per_instance_stats=told)
    key = only(found)
    assert found.figures[key, "f1_score"].why == "nothing was counted"
    assert found.figures[key, "odd"].why == "HELM has no number here"
    assert [case.scores["exact_match"] for case in found.cases[key]] == [None, None]
    assert found.cases[key][1].details["scores"] == {"exact_match": "7.0"}
    assert "“exact_match” is not from 0 to 1 (2 times)" in found.lost_text
    assert "told twice" in found.lost_text


def test_files_that_are_missing_are_told(tmp_path: Path) -> None:
    alone = run_read(tmp_path / "a", scenario_state=None)
    assert not alone.cases
    assert alone.figures[only(alone), "f1_score"].value == 0.5
    assert "scenario_state.json: the run is without this file" in alone.lost_text
    assert "scores without their answers stay in the file" in alone.lost_text
    unscored = run_read(tmp_path / "b", per_instance_stats=None, stats=None)
    assert [case.scores for case in unscored.cases[only(unscored)]] == [{}, {}]
    assert "an answer without statistics (2 times)" in unscored.lost_text


def test_the_same_run_in_two_suites_is_two_systems(tmp_path: Path) -> None:
    run(tmp_path / "v1" / "trivia")
    run(tmp_path / "v2" / "trivia")
    found = read(FORMAT, tmp_path)
    assert list(found.systems) == [SPEC["name"], f"{SPEC['name']} in v2/trivia"]


def test_links_lead_nowhere(tmp_path: Path) -> None:
    run(tmp_path / "outside")
    (tmp_path / "inside").mkdir()
    (tmp_path / "inside" / "run").symlink_to(tmp_path / "outside")
    (tmp_path / "inside" / "run_spec.json").symlink_to(tmp_path / "outside" / "run_spec.json")
    assert not FORMAT.detect(Source(tmp_path / "inside"))


DEEP = "[" * 99_999 + "]" * 99_999
MALFORMED: dict[str, tuple[dict[str, Any], str]] = {
    "a run that is none": ({"run_spec": []}, "does not say which model was measured on what"),
    "a run without a model": ({"run_spec": {"name": "x"}}, "does not say which model"),
    "a name that is none": ({"run_spec": {**SPEC, "name": {}}}, "does not say which model"),
    "a run cut off": ({"run_spec": '{"name": "x'}, "broken off or damaged"),
    "statistics cut off": ({"stats": '[{"name": '}, "broken off or damaged"),
    "scores cut off": ({"per_instance_stats": '[{"instance_id": "a"'}, "broken off or damaged"),
    "states cut off": ({"scenario_state": '{"request_states": [{}'}, "without an instance"),
    "a state that is none": ({"scenario_state": {"request_states": [17]}}, "without an instance"),
    "twice": (
        {"scenario_state": {"request_states": [state(), state(2), state()]}},
        "“id1”, repeat 1, is in it twice",
    ),
    "deep": ({"per_instance_stats": f'[{{"stats": {DEEP}}}]'}, "nested too deeply"),
    "deep settings": ({"run_spec": f'{{"name": "x", "a": {DEEP}}}'}, "nested too deeply"),
    "too large": (
        {"scenario_state": '{"request_states": ["' + "x" * 4_100_000 + '"]}'},
        "longer than 4000000 characters",
    ),
    "a huge number": ({"stats": "[" + "9" * 9_000 + "]"}, "broken off or damaged"),
    "too many statistics": (
        {"per_instance_stats": [scored(**{f"m{n}": 1 for n in range(1_001)})]},
        "an instance in it has too many statistics",
    ),
    "too many requests": (
        {"scenario_state": {"request_states": [state()] * 1_001}},
        "one instance in it has too many requests",
    ),
}


@pytest.mark.parametrize("name", MALFORMED)
def test_a_run_that_makes_no_sense_is_one_sentence(name: str, tmp_path: Path) -> None:
    files, sentence = MALFORMED[name]
    with pytest.raises(Unreadable) as refused:
        list(FORMAT.read(Source(run(tmp_path, **files), "theirs")))
    assert sentence in str(refused.value)
    assert "theirs" in str(refused.value)
    assert "\n" not in str(refused.value)


WRONG_TYPES: dict[str, dict[str, Any]] = {
    "statistics": {"stats": {"a": 1}},
    "a statistic": {"stats": [1, {"name": 5}, {"name": {"name": []}}, {"mean": 1}]},
    "scores": {"per_instance_stats": [None, 5, {"stats": 5}, {"stats": [5, {"name": None}]}]},
    "states": {"scenario_state": []},
    "an instance": {"scenario_state": {"request_states": [{"instance": {"id": [1], "input": 5}}]}},
    "an answer": {"scenario_state": {"request_states": [state(result={"completions": [5]})]}},
    "references": {
        "scenario_state": {"request_states": [state(instance={"references": [5, {"tags": 1}]})]}
    },
    "choices": {"scenario_state": {"request_states": [state(output_mapping={"A": [1]})]}},
    "settings": {"run_spec": {**SPEC, "scenario_spec": float("nan"), "groups": 10**30}},
}


@pytest.mark.parametrize("name", WRONG_TYPES)
def test_values_of_wrong_types_are_passed_over(name: str, tmp_path: Path) -> None:
    assert run_read(tmp_path, **WRONG_TYPES[name]).systems


OTHERS: dict[str, Callable[[Path], object]] = {
    "no file": lambda path: None,
    "an empty folder": lambda path: path.mkdir(),
    "a file": lambda path: path.write_text(json.dumps(SPEC)),
    "an archive that is none": lambda path: path.write_bytes(b"PK\x03\x04" + bytes(500)),
}


@pytest.mark.parametrize("name", OTHERS)
def test_what_is_not_helms_is_not_taken_for_it(name: str, tmp_path: Path) -> None:
    OTHERS[name](tmp_path / "file")
    assert not FORMAT.detect(Source(tmp_path / "file"))
    with pytest.raises(Unreadable):
        list(FORMAT.read(Source(tmp_path / "file")))
