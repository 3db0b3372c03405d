"""What may be said of imported answers: which figures, over how many, comparable with what."""

import json
import re
import shutil
from pathlib import Path
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from decisions.models import Candidate
from decisions.policies import BadInput
from evaluations.comparing import why_not
from evaluations.imported_figures import imported_measurements, why_incomparable
from evaluations.models import CaseSet, Run
from evaluations.rating import open_round
from evaluations.run_page import RunPage
from tests.evaluations.helpers import make_candidate
from tests.evaluations.importers.reading import shared_file
from tests.evaluations.test_bringing import ERRORS, bring, rows, table
from tests.evaluations.test_rating import SignIn
from tests.factories import People

SAMPLES = "samples_math_perturbed_full_2026-01-21T03-44-18.458309.jsonl"
ALONE = "generated/results_2026-11-21T00-57-09.615671.json"
REPORT = Path(__file__).parents[1] / "data/results/pydantic_evals/report.json"


@pytest.fixture
def second(candidate: Candidate, people: People) -> Candidate:
    """Another candidate of the same record."""
    return make_candidate(candidate.decision, people, name="Second", settings={"neighbours": 3})


def attached(candidate: Candidate) -> dict[str, float]:
    """Return metric → value of the figures that stand on the record."""
    found = candidate.decision.evidence.standing().filter(candidate=candidate, kind="imported")
    return {one.metric: one.value for one in found}


def graded(values: list[Any], **more: Any) -> list[dict[str, Any]]:
    """Return rows with a score each, and no verdict."""
    return [
        {"id": f"q{n}", "input": f"Q {n}?", "output": "x", "model": "m", "score": value, **more}
        for n, value in enumerate(values)
    ]


def report(folder: Path, scores: list[dict[str, Any]]) -> Path:
    """Write a report of Pydantic Evals with these scores, a case each."""
    told = json.loads(REPORT.read_text())
    base, told["cases"], told["failures"] = told["cases"][0], [], []
    source = {"name": "Judge", "arguments": None}
    for n, values in enumerate(scores):
        found = {
            name: {"name": name, "value": value, "reason": None, "source": source}
            for name, value in values.items()
        }
        case = {"name": f"c{n}", "inputs": f"q {n}", "scores": found, "assertions": {}}
        told["cases"].append(base | case)
    path = folder / "report.json"
    path.write_text(json.dumps(told))
    return path


@pytest.mark.parametrize(
    "values", [[5, 5, 5, 5, 5, 5, 5, 5, 1, 1], [92, 88, 95, 90, 70, 85, 99, 91, 1, 0.5]]
)
def test_scores_on_another_scale_are_no_shares(
    candidate: Candidate, tmp_path: Path, values: list[float]
) -> None:
    (run,) = bring(table(tmp_path, graded(values)), candidate)
    assert "scores" not in run.metrics
    assert attached(candidate) == {}
    assert "not every answer has a score from 0 to 1" in Run.objects.get(pk=run.pk).outcome


def test_an_error_is_not_the_best_of_a_score_where_less_is_better(
    candidate: Candidate, tmp_path: Path
) -> None:
    told = graded([0.8] * 8) + graded([None] * 10, error="429")[8:]
    for row in told:
        row["toxicity"] = row.pop("score")
    (run,) = bring(table(tmp_path, told), candidate)
    assert run.metrics["error_rate"]["value"] == 20
    assert run.metrics["no_shares"] == ["toxicity"]
    assert attached(candidate) == {}


def test_an_error_counts_as_nothing_where_right_answers_score_higher(
    candidate: Candidate, tmp_path: Path
) -> None:
    told = [row | {"quality": 0.8 if row["correct"] else 0.4} for row in rows(6, 2)]
    told += [row | {"error": "429", "correct": None} for row in rows(10, 0)[8:]]
    (run,) = bring(table(tmp_path, told), candidate)
    assert run.metrics["scores"]["quality"]["value"] == pytest.approx(56)


def test_with_uneven_repeats_the_cases_means_are_averaged(
    candidate: Candidate, tmp_path: Path
) -> None:
    told = [
        {"id": f"q{n}", "input": f"Q {n}?", "output": "x", "model": "m", "correct": n < 30}
        for n in range(40)
        for _repeat in range(1 if n < 30 else 10)
    ]
    (run,) = bring(table(tmp_path, told), candidate)
    figure = run.metrics["accuracy"]
    assert (figure["value"], figure["n"]) == (75, 40)
    assert figure["low"] < 75 < figure["high"]


def some_of(case_set: CaseSet, most: int, **more: Any) -> list[dict[str, Any]]:
    """Return rows with right answers to the first cases of a case set."""
    cases = case_set.cases.filter(split="test")[:most]
    return [
        {"id": f"t{n}", "input": one.input, "output": one.expected, "correct": True, **more}
        for n, one in enumerate(cases)
    ]


def test_an_extract_of_a_chosen_case_set_has_no_figure_and_is_not_compared(
    candidate: Candidate, second: Candidate, case_set: CaseSet, tmp_path: Path
) -> None:
    part = table(tmp_path, some_of(case_set, 3))
    (run,) = bring(part, candidate, case_set=case_set)
    assert (run.metrics["attempted"], run.metrics["missing"], run.case_count) == (12, 9, 12)
    assert attached(candidate) == {}
    run.refresh_from_db()
    assert "the file holds 3 answers of more, and no figure over all of them" in run.outcome
    (other,) = bring(part, second, case_set=case_set)
    assert why_not(run, other) == f"{run} does not hold all answers"


def test_answers_measured_against_other_right_answers_are_refused(
    candidate: Candidate, case_set: CaseSet, tmp_path: Path
) -> None:
    told = some_of(case_set, 12, expected="zzz")
    with pytest.raises(BadInput, match="“t0” of the file was measured against “zzz”, which is no"):
        bring(table(tmp_path, told), candidate, case_set=case_set)


def test_right_answers_may_differ_in_case_and_spacing(
    candidate: Candidate, case_set: CaseSet, tmp_path: Path
) -> None:
    told = [row | {"expected": f" {row['output'].upper()} "} for row in some_of(case_set, 12)]
    bring(table(tmp_path, told), candidate, case_set=case_set)
    assert attached(candidate) == {"accuracy": 100}


def test_samples_alone_are_no_measurement_of_all_documents(
    candidate: Candidate, tmp_path: Path
) -> None:
    for name in (SAMPLES, SAMPLES.replace("samples_math_perturbed_full", "results")):
        path = name.removesuffix("l") if name.startswith("results") else name
        shutil.copy(shared_file("lm_eval", path), tmp_path)
    right = re.sub(r'"exact_match": [\d.]+', '"exact_match": 1.0', (tmp_path / SAMPLES).read_text())
    (tmp_path / SAMPLES).write_text(right)
    (run,) = bring(tmp_path / SAMPLES, candidate)
    assert (run.metrics["attempted"], run.metrics["missing"]) == (5000, 4990)
    assert attached(candidate) == {}
    assert "the file holds 10 answers of more" in Run.objects.get(pk=run.pk).outcome


def test_scores_of_like_names_stand_beside_each_other(candidate: Candidate, tmp_path: Path) -> None:
    scores = {"正確さ": 1.0, "簡潔さ": 0.2, "tone.a": 0.5, "tone/a": 0.9, "tone": 0.1}
    bring(report(tmp_path, [scores] * 10), candidate)
    found = candidate.decision.evidence.standing()
    told = {one.metric_name: one.value for one in found if one.unit == "%"}
    assert told == {name: pytest.approx(100 * value) for name, value in scores.items()}
    assert found.filter(metric="tone").exists()


def test_what_nothing_is_known_of_is_comparable_within_its_file_alone(
    candidate: Candidate, second: Candidate, tmp_path: Path
) -> None:
    human, strict = rows(10, 0), rows(2, 8)
    (one,) = bring(table(tmp_path, human, "human_graded.jsonl"), candidate)
    (other,) = bring(table(tmp_path, strict, "strict_match.jsonl"), second)
    assert one.case_set == other.case_set
    assert why_not(one, other).startswith("scored in another way")
    both = [{**row, "model": "a"} for row in human] + [{**row, "model": "b"} for row in strict]
    path = table(tmp_path, both, "both.jsonl")
    (one,), (other,) = bring(path, candidate, "a"), bring(path, second, "b")
    assert why_not(one, other) == ""


def test_what_is_asserted_alike_is_comparable_over_files(
    candidate: Candidate, second: Candidate, tmp_path: Path
) -> None:
    path, stricter = shared_file("promptfoo", ERRORS), tmp_path / "stricter.json"
    whole = path.read_text()
    again = tmp_path / "again.json"
    again.write_text(whole.replace("openai:chat:fake", "openai:chat:other"))
    stricter.write_text(whole.replace('"contains-any"', '"is-json"'))
    (one,) = bring(path, candidate, "prompt-0")
    (same,), (other,) = bring(again, second, "prompt-0"), bring(stricter, second, "prompt-0")
    assert why_not(one, same) == ""
    assert why_not(one, other).startswith("scored in another way")


def test_graders_set_in_other_ways_are_others(
    candidate: Candidate, second: Candidate, tmp_path: Path
) -> None:
    path = report(tmp_path, [{"tone": 0.5}] * 4)
    (one,), (same,) = bring(path, candidate), bring(path, second)
    path.write_text(path.read_text().replace('"arguments": null', '"arguments": {"model": "x"}'))
    (other,) = bring(path, second)
    assert (one.scorer == same.scorer, one.scorer == other.scorer) == (True, False)


def test_other_scores_of_the_same_answers_are_other_results(
    candidate: Candidate, second: Candidate, tmp_path: Path
) -> None:
    (one,) = bring(table(tmp_path, graded([0.1] * 10), "a.jsonl"), candidate)
    (other,) = bring(table(tmp_path, graded([0.9] * 10), "b.jsonl"), second)
    assert one.results_digest != other.results_digest


def test_costs_that_no_answer_has_are_told_and_left_out(
    candidate: Candidate, tmp_path: Path
) -> None:
    told = rows(3, 1)
    for row, cost in zip(told, (9.9e8, 1e-12, 0.5, 0.25), strict=True):
        row["cost"] = cost
    (run,) = bring(table(tmp_path, told), candidate)
    costs = run.results.order_by("case__position").values_list("cost", flat=True)
    assert [None if one is None else float(one) for one in costs] == [None, None, 0.5, 0.25]
    lost = [one["what"] for one in run.told["not_understood"]]
    assert "a cost of 990000000.0 US dollars" in lost
    assert "cost_per_1000" not in run.metrics


def test_a_spread_is_no_figure_for_the_record(candidate: Candidate, tmp_path: Path) -> None:
    path = tmp_path / "means.csv"
    path.write_text("model,accuracy,accuracy_std,faithfulness,n\nm,0.8,0.4,0.7,100\n")
    (run,) = bring(path, candidate)
    run.told["figures"] = [one | {"n": 100} for one in run.told["figures"]]
    found = {one.metric for one in imported_measurements(run)}
    assert {"accuracy", "faithfulness"} <= found
    assert not [one for one in found if "std" in one]


def test_more_figures_than_a_record_takes_are_told(candidate: Candidate, tmp_path: Path) -> None:
    scores = {f"score_{n}": n / 20 for n in range(15)}
    (run,) = bring(report(tmp_path, [scores] * 4), candidate)
    assert len(attached(candidate)) == 12
    assert "Only the first 12 of 16 figures are attached." in Run.objects.get(pk=run.pk).outcome


def test_runs_without_cases_cannot_be_rated(
    candidate: Candidate, second: Candidate, people: People, sign_in: SignIn
) -> None:
    path = shared_file("lm_eval", ALONE)
    (one,), (other,) = bring(path, candidate), bring(path, second)
    asked = {"question": "Which is better?", "size": 3}
    address = reverse("evaluations:ratings", args=[candidate.decision.reference])
    posted = {"first": one.pk, "second": other.pk, "raters": [people.owner.pk], **asked}
    client: Client = sign_in(people.owner)
    assert client.post(address, posted).status_code == 422
    with pytest.raises(BadInput, match="was brought in without its cases"):
        open_round(one, other, by=people.owner, raters=[people.owner], **asked)  # type: ignore[arg-type]


@pytest.mark.parametrize("name", ["evaluate_result.json", "test_run_20261121_012442.json"])
def test_a_test_that_could_not_be_judged_has_both_denominators(
    candidate: Candidate, name: str
) -> None:
    (run,) = bring(shared_file("deepeval", f"generated/{name}"), candidate)
    told = run.metrics
    assert (told["answered"], told["unjudged"], told["pass_rate"]["n"]) == (6, 1, 6)
    assert told["pass_rate"]["value"] == pytest.approx(100 / 3)
    assert (told["of_answered"]["pass_rate"]["value"], told["of_answered"]["pass_rate"]["n"]) == (
        *(40, 5),
    )
    evidence = candidate.decision.evidence.get(metric="pass_rate")
    assert "1 answer could not be judged and counts as wrong." in evidence.method
    assert "Of the 5 answered and judged alone it is 40" in evidence.method
    assert RunPage(run).measures[0].note.endswith("of the 5 answered and judged")


def test_an_answer_that_a_table_lacks_is_counted_and_keeps_no_run_from_being_compared(
    candidate: Candidate, second: Candidate, tmp_path: Path
) -> None:
    told = rows(3, 1)
    bring(table(tmp_path, told, "whole.jsonl"), second)
    told[0] = {**told[0], "output": "", "correct": None}
    (run,) = bring(table(tmp_path, told), candidate)
    assert (run.metrics["failed"], run.metrics["accuracy"]["n"]) == (1, 4)
    assert RunPage(run).measures[-1].value == "1"
    assert why_incomparable(run) == ""
    (reason,) = RunPage(run).not_compared
    assert reason.words == "scored in another way", "what another file holds may be"


def test_a_run_without_verdicts_is_not_said_to_lack_scores(
    candidate: Candidate, tmp_path: Path
) -> None:
    told = rows(3, 1)
    told[0] = {**told[0], "correct": None}
    (run,) = bring(table(tmp_path, told), candidate)
    assert why_incomparable(run) == f"{run} has answers without a verdict"


def test_errors_of_another_tool_have_both_denominators(
    candidate: Candidate, tmp_path: Path
) -> None:
    told = [*rows(3, 1), *(row | {"error": "429", "correct": None} for row in rows(6, 0)[4:])]
    (run,) = bring(table(tmp_path, told), candidate)
    alone = run.metrics["of_answered"]["accuracy"]
    assert (run.metrics["accuracy"]["value"], run.metrics["accuracy"]["n"]) == (50, 6)
    assert (alone["value"], alone["n"]) == (75, 4)
    (whole,) = bring(table(tmp_path, rows(3, 1), "whole.jsonl"), candidate)
    assert "of_answered" not in whole.metrics
