"""DeepEval, Pydantic Evals, MLflow and Ragas: what their files say, case by case."""

import json
from pathlib import Path

import pytest

from evaluations.importers.measured import CaseFound, Source
from evaluations.importers.results import deepeval, mlflow, pydantic_evals, ragas
from evaluations.importers.rows import Unreadable
from tests.evaluations.importers.reading import read, shared_file, written

# DeepEval


@pytest.mark.parametrize("name", ["evaluate_result.json", "test_run_20261121_012442.json"])
def test_a_metric_that_failed_has_no_score_and_its_case_an_answer(name: str) -> None:
    found = read(deepeval.FORMAT, shared_file("deepeval", f"generated/{name}"))
    case = next(one for one in found.cases["system"] if one.key == "r-003")
    assert (case.output, case.error, case.correct) == ("positive", "", False)
    assert case.scores == {"success": None, "Exact Match": 1.0, "Boom": None}
    assert case.details["metric_errors"] == {"Boom": "judge failed"}
    assert "the metric “Boom” could not be computed" in found.lost_text


def test_both_shapes_of_deepeval_have_the_same_cases() -> None:
    files = ("evaluate_result.json", "test_run_20261121_012442.json")
    one, other = (read(deepeval.FORMAT, shared_file("deepeval", f"generated/{f}")) for f in files)
    told = [
        [(case.key, case.input, case.output, case.correct) for case in found.cases["system"]]
        for found in (one, other)
    ]
    assert told[0] == told[1]


def test_what_a_trace_says_is_told() -> None:
    found = read(deepeval.FORMAT, shared_file("deepeval", "test_run_sample.json"))
    (case,) = found.cases["system"]
    assert case.scores == {"success": 0.0, "Answer Relevancy": 0.92, "Faithfulness": 0.45}
    assert "its trace says that a step went wrong" in found.lost_text


# Pydantic Evals


def test_a_failure_is_an_error_and_a_failed_evaluator_is_not() -> None:
    found = read(pydantic_evals.FORMAT, shared_file("pydantic_evals", "generated/report.json"))
    by_key = {case.key: case for case in found.cases["t"]}
    assert by_key["r-4"].error == "RuntimeError: timeout"
    assert (by_key["r-4"].correct, set(by_key["r-4"].scores.values())) == (None, {None})
    assert by_key["r-2"].scores["Bad"] is None
    assert (by_key["r-2"].error, by_key["r-2"].correct) == ("", False)
    assert by_key["r-0"].details["scores"] == {"len": 8}
    assert "“len” is not on a scale from 0 to 1 (5 times)" in found.lost_text


def test_repeats_of_a_case_name_what_they_repeat(tmp_path: Path) -> None:
    case = {"inputs": "Who?", "output": "me", "task_duration": 0.5, "evaluator_failures": []}
    case |= {"assertions": {"exact": {"value": True}}, "scores": {}, "labels": {}, "metrics": {}}
    repeats = [{**case, "name": f"a [{n}/2]", "source_case_name": "a"} for n in (1, 2)]
    report = {"name": "t", "cases": repeats, "failures": []}
    found = read(pydantic_evals.FORMAT, written(tmp_path, "r.json", report))
    assert [(one.key, one.repeat, one.latency_ms) for one in found.cases["t"]] == [
        ("a", 0, 500.0),
        ("a", 1, 500.0),
    ]
    assert found.systems["t"].repeats == 2


# MLflow


def test_a_scorer_that_failed_leaves_the_answer() -> None:
    path = shared_file("mlflow", "generated/genai_eval_results.json")
    found = read(mlflow.FORMAT, path)
    (cases,) = found.cases.values()
    failed = [one for one in cases if one.scores["flaky"] is None]
    assert len(failed) == 1
    assert (failed[0].error, failed[0].correct, failed[0].scores["exact"]) == ("", True, 1.0)
    assert all(one.latency_ms for one in cases)
    assert "the scorer “flaky” failed" in found.lost_text


def test_rest_dictionary_and_table_of_runs_say_the_same() -> None:
    names = ("rest_runs_get.json", "get_run_to_dictionary.json", "search_runs.csv")
    told = []
    for name in names:
        found = read(mlflow.FORMAT, shared_file("mlflow", f"generated/{name}"))
        (system,) = found.systems.values()
        told.append((system.key, system.model, system.task))
        figures = {metric: one.value for (_key, metric), one in found.figures.items()}
        assert figures["accuracy"] == 0.76
        assert figures["f1"] is None
    assert len(set(told)) == 1


def test_nan_in_a_run_is_no_figure_and_says_why() -> None:
    found = read(mlflow.FORMAT, shared_file("mlflow", "generated/rest_runs_get.json"))
    figure = found.figures["eb672bef1d2949cb98d96d7281381daa", "f1"]
    assert (figure.value, bool(figure.why)) == (None, True)


def test_a_history_keeps_its_points_and_the_latest_counts() -> None:
    found = read(mlflow.FORMAT, shared_file("mlflow", "generated/metric_history.json"))
    figure = found.figures["history", "accuracy"]
    assert (figure.value, figure.settings["points"]) == (0.76, 3)
    assert [value for _at, value in figure.settings["history"]] == [0.71, 0.74, 0.76]


def test_an_empty_answer_in_a_table_is_told() -> None:
    found = read(mlflow.FORMAT, shared_file("mlflow", "generated/eval_results_table.json"))
    last = found.cases["system"][-1]
    assert (last.key, last.output, last.scores) == ("r-3", None, {"score": None})
    assert last.error == "The file has no answer here."
    assert "no answer, and no error that says why" in found.lost_text


# Ragas


def test_a_pipeline_that_failed_has_no_zeros_for_scores() -> None:
    found = read(ragas.FORMAT, shared_file("ragas", "iris_report_20250915_212120.json"))
    for system in ("current_graphrag", "merged_graphrag", "basic_rag"):
        for case in found.cases[system]:
            assert case.error
            assert set(case.scores.values()) == {None}
    first = found.cases["current_graphrag"][0]
    assert (first.key, first.error) == ("test_001", "name 'p_type' is not defined")


def test_means_of_failed_pipelines_are_no_figures() -> None:
    found = read(ragas.FORMAT, shared_file("ragas", "iris_report_20250928.json"))
    assert {figure.value for figure in found.figures.values()} == {None}
    assert all(figure.why for figure in found.figures.values())


def test_missing_scores_are_not_zero() -> None:
    found = read(ragas.FORMAT, shared_file("ragas", "veritas_ragas_results.json"))
    cases = found.cases["system"]
    known = [
        c.scores["answer_relevancy"] for c in cases if c.scores["answer_relevancy"] is not None
    ]
    assert (len(cases), len(known)) == (25, 6)
    assert sum(known) / 6 == pytest.approx(0.9406241900460528)
    assert all(case.scores["faithfulness"] is None for case in cases)


def test_renamed_columns_of_ragas_are_mapped(tmp_path: Path) -> None:
    row = {"q": "Who?", "response": "me", "faithfulness": 0.5, "answer_relevancy": 1}
    path = written(tmp_path, "r.json", json.dumps([row]))
    found = list(ragas.FORMAT.read(Source(path, columns={"input": "q"})))
    (case,) = [one for one in found if isinstance(one, CaseFound)]
    assert case.input == "Who?"
    assert case.scores == {"faithfulness": 0.5, "answer_relevancy": 1.0}


# All of them


@pytest.mark.parametrize(
    ("form", "content"),
    [
        (deepeval.FORMAT, '{"test_results": []}'),
        (deepeval.FORMAT, '{"test_results": [1]}'),
        (pydantic_evals.FORMAT, '{"cases": [], "failures": []}'),
        (pydantic_evals.FORMAT, '{"cases": ["x"], "failures": []}'),
        (mlflow.FORMAT, '{"columns": ["a"], "data": [1]}'),
        (mlflow.FORMAT, "[]"),
        (ragas.FORMAT, '{"detailed_results": []}'),
    ],
)
def test_a_file_without_results_is_one_sentence(form: object, content: str, tmp_path: Path) -> None:
    path = written(tmp_path, "empty.json", content)
    with pytest.raises(Unreadable, match="theirs"):
        list(form.read(Source(path, "theirs")))  # type: ignore[attr-defined]
