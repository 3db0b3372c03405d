"""Results of other tools become runs of a candidate, whole or not at all."""

import json
from datetime import timedelta
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from decisions import clock
from decisions.models import Candidate
from decisions.policies import BadInput, Refused
from evaluations import bringing, jobs
from evaluations.actions import attach_run, retry_run
from evaluations.bringing import chosen_systems, import_results, looked_through
from evaluations.imported_figures import stated_figures
from evaluations.importers.measured import Source
from evaluations.importers.results import registry
from evaluations.models import (
    Case,
    CaseSet,
    Import,
    ImportState,
    Result,
    ResultState,
    Run,
    RunState,
)
from tests.evaluations.importers.reading import shared_file
from tests.evaluations.importers.tracking import RUN, tracking
from tests.factories import People

ERRORS = "generated/pf_0.123.1_errors_repeat2.json"
DEMO = "generated/samples_sent_demo_first40.jsonl"
GROUPED = "generated/results_2026-11-21T01-24-00.429488.json"


def table(folder: Path, rows: list[dict[str, Any]], name: str = "sheet.jsonl") -> Path:
    """Write rows as JSON lines."""
    path = folder / name
    path.write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    return path


def rows(right: int, wrong: int, **more: Any) -> list[dict[str, Any]]:
    """Return rows of a table: so many right and wrong answers to different questions."""
    return [
        {"id": f"q{n}", "input": f"Question {n}?", "output": "yes", "expected": "yes"}
        | {"correct": n < right, "model": "small", **more}
        for n in range(right + wrong)
    ]


def bring(path: Path, candidate: Candidate, *systems: str, **asked: Any) -> list[Run]:
    """Bring a file in through the action, as its record's owner."""
    source = Source(path)
    survey = looked_through(source)
    chosen = chosen_systems(survey, candidate, systems)
    by = candidate.decision.owner
    return import_results(source, survey.format, chosen, by=by, **asked)


def test_answers_become_a_run_with_its_case_set(candidate: Candidate, tmp_path: Path) -> None:
    (run,) = bring(table(tmp_path, rows(6, 2)), candidate)
    run = Run.objects.get(pk=run.pk)
    assert (run.state, run.source, run.case_count) == (RunState.FINISHED, "imported", 8)
    assert (run.told["model"], run.told["file"]) == ("small", "sheet.jsonl")
    assert run.metrics["accuracy"]["value"] == 75
    assert (run.metrics["accuracy"]["n"], run.metrics["attempted"]) == (8, 8)
    assert run.case_set.is_ready
    assert run.case_set.counts == {"test": 8}
    first = run.results.order_by("case__position")[0]
    assert (first.case.key, first.case.input, first.output) == ("q0", "Question 0?", "yes")


def test_figures_are_attached_with_where_they_come_from(
    candidate: Candidate, tmp_path: Path
) -> None:
    (run,) = bring(table(tmp_path, rows(6, 2)), candidate)
    evidence = candidate.decision.evidence.get(metric="accuracy")
    assert (evidence.value, evidence.n, evidence.origin) == (75, 8, str(run))
    assert "sheet.jsonl was brought in" in evidence.method
    assert evidence.source_digest == run.results_digest
    assert run.outcome.startswith("Attached to")


def test_errors_stay_errors_and_count_as_wrong(candidate: Candidate) -> None:
    path = shared_file("promptfoo", ERRORS)
    (run,) = bring(path, candidate, "prompt-3")
    assert (run.metrics["attempted"], run.metrics["failed"]) == (10, 10)
    assert run.results.filter(state=ResultState.FAILED).exclude(error="").count() == 10
    assert (run.metrics["pass_rate"]["value"], run.metrics["error_rate"]["value"]) == (0, 100)
    assert (run.repeats, run.case_count) == (2, 5)


def test_repeats_are_one_case_answered_several_times(candidate: Candidate) -> None:
    (run,) = bring(shared_file("promptfoo", ERRORS), candidate, "prompt-0")
    passed = run.metrics["pass_rate"]
    assert (passed["value"], passed["n"], run.metrics["attempted"]) == (40, 5, 10)


def test_two_files_with_the_same_questions_share_a_case_set(
    candidate: Candidate, tmp_path: Path
) -> None:
    (one,) = bring(table(tmp_path, rows(6, 2), "one.jsonl"), candidate)
    backwards = rows(3, 5, model="other")[::-1]
    (other,) = bring(table(tmp_path, backwards, "other.jsonl"), candidate)
    assert one.case_set_id == other.case_set_id
    assert CaseSet.objects.count() == 1
    pairs = [set(run.results.values_list("case_id", flat=True)) for run in (one, other)]
    assert pairs[0] == pairs[1]


def test_answers_find_the_cases_of_a_chosen_case_set(
    candidate: Candidate, case_set: CaseSet, tmp_path: Path
) -> None:
    cases = list(case_set.cases.filter(split="test"))
    told = [
        {"id": f"their-{n}", "input": one.input.upper(), "output": one.expected, "correct": True}
        for n, one in enumerate(cases)
    ]
    (run,) = bring(table(tmp_path, told), candidate, case_set=case_set)
    assert run.case_set == case_set
    assert {one.case_id for one in run.results.all()} == {one.pk for one in cases}


def test_a_question_that_a_chosen_case_set_lacks_stops_the_import(
    candidate: Candidate, case_set: CaseSet, tmp_path: Path
) -> None:
    with pytest.raises(BadInput, match="Messages, version 1 has no case like “q0” of the file"):
        bring(table(tmp_path, rows(1, 0)), candidate, case_set=case_set)
    assert nothing_came_in()


def test_figures_alone_come_in_without_cases_and_say_so(candidate: Candidate) -> None:
    path = shared_file("lm_eval", "generated/results_2026-11-21T00-57-09.615671.json")
    (run,) = bring(path, candidate)
    assert (run.case_set_id, run.results.count(), run.case_count) == (None, 0, 0)
    evidence = candidate.decision.evidence.get()
    assert (evidence.metric, evidence.value, evidence.n) == ("accuracy", 65.9375, 640)
    assert "The file holds no answers" in evidence.method


def test_a_group_is_left_out_of_what_comes_in(candidate: Candidate) -> None:
    survey = looked_through(Source(shared_file("lm_eval", GROUPED)))
    groups = [key for key, one in survey.systems.items() if one.is_group]
    assert groups == ["sent_group,none", "sent_group,strict"]
    assert not {*groups} & {*survey.own}


def test_several_models_have_to_be_told_apart(candidate: Candidate) -> None:
    with pytest.raises(BadInput, match="several systems; choose among: prompt-0, prompt-1"):
        bring(shared_file("promptfoo", ERRORS), candidate)


def test_what_was_not_understood_is_kept_with_the_run(candidate: Candidate) -> None:
    (run,) = bring(shared_file("lm_eval", DEMO), candidate)
    assert "samples name no model" in run.told["not_understood"][0]["what"]
    assert (run.metrics["accuracy"]["value"], run.metrics["accuracy"]["n"]) == (67.5, 40)


def test_a_file_that_breaks_off_leaves_nothing(candidate: Candidate, tmp_path: Path) -> None:
    path = tmp_path / "cut.jsonl"
    whole = "\n".join(map(json.dumps, rows(30, 10)))
    path.write_text(whole[: len(whole) // 2])
    with pytest.raises(BadInput, match=r"cut\.jsonl: line 21 is not valid JSON: is the file whole"):
        bring(path, candidate)
    form, chosen = registry.format_named("generic"), {"small": candidate}
    with pytest.raises(BadInput, match=r"cut\.jsonl: line 21 is not valid JSON"):
        import_results(Source(path), form, chosen, by=candidate.decision.owner)
    assert nothing_came_in()


def test_a_file_that_changes_between_the_passes_leaves_nothing(
    candidate: Candidate, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = table(tmp_path, rows(3, 1))
    surveyed = bringing.surveyed

    def then_changed(*given: Any) -> Any:
        found = surveyed(*given)
        table(tmp_path, rows(2, 2)[:3])
        return found

    source, survey = Source(path), looked_through(Source(path))
    monkeypatch.setattr(bringing, "surveyed", then_changed)
    chosen = chosen_systems(survey, candidate)
    with pytest.raises(BadInput, match="The file changed while it was being read"):
        import_results(source, survey.format, chosen, by=candidate.decision.owner)
    assert nothing_came_in()


def test_what_a_dead_worker_wrote_is_cleared_away(
    candidate: Candidate, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def killed(*_given: Any) -> Any:
        raise SystemExit

    monkeypatch.setattr(bringing, "metrics_of", killed)
    monkeypatch.setattr(jobs, "fail", lambda *_given: None)  # a killed process says nothing more
    monkeypatch.setattr(jobs, "discard_drafts", lambda *_given: None)
    with pytest.raises(SystemExit):
        bring(table(tmp_path, rows(6, 2)), candidate)
    assert (Run.objects.count(), CaseSet.objects.count()) == (0, 0)
    assert (Run.everything.count(), Result.objects.count(), Case.objects.count()) == (1, 8, 8)
    monkeypatch.undo()
    jobs.discard_drafts()
    assert Run.everything.count() == 1, "its worker may still be at it"
    Import.objects.update(heard_at=clock.now() - timedelta(hours=1))
    jobs.give_up_on_the_dead()
    jobs.discard_drafts()
    assert nothing_came_in()
    assert not CaseSet.everything.exists()


def test_a_cancelled_import_leaves_nothing(
    candidate: Candidate, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    counted = bringing.metrics_of

    def cancelled(*given: Any) -> Any:
        jobs.cancel(Import.objects.get())
        return counted(*given)

    monkeypatch.setattr(bringing, "metrics_of", cancelled)
    with pytest.raises(Refused, match="The import was cancelled"):
        bring(table(tmp_path, rows(6, 2)), candidate)
    assert (Run.everything.count(), Result.objects.count(), Case.objects.count()) == (0, 0, 0)
    assert not CaseSet.everything.exists()
    assert not candidate.decision.evidence.exists()


def test_the_same_file_again_measures_again(candidate: Candidate, tmp_path: Path) -> None:
    path = table(tmp_path, rows(6, 2))
    (one,), (other,) = bring(path, candidate), bring(path, candidate)
    assert one.results_digest == other.results_digest
    assert candidate.decision.evidence.standing().filter(metric="accuracy").count() == 1


def test_figures_of_an_edited_candidate_are_not_attached(
    candidate: Candidate, people: People, tmp_path: Path
) -> None:
    (run,) = bring(table(tmp_path, rows(6, 2)), candidate, attach=False)
    Candidate.objects.filter(pk=candidate.pk).update(spec={"technique": "other"})
    with pytest.raises(Refused, match="spec has changed"):
        attach_run(run, by=people.owner)


def test_errors_of_another_tool_cannot_be_tried_again(candidate: Candidate, people: People) -> None:
    (run,) = bring(shared_file("promptfoo", ERRORS), candidate, "prompt-3")
    with pytest.raises(Refused, match="Another tool measured this"):
        retry_run(run, by=people.owner)


def test_missing_answers_count_as_wrong_and_are_told(candidate: Candidate) -> None:
    path = shared_file("inspect", "generated/i0285_cancelled_celery_sigterm.eval")
    (run,) = bring(path, candidate)
    assert [run.metrics[name] for name in ("attempted", "answered", "failed", "missing")] == [
        *(320, 69, 32, 219)
    ]
    assert run.metrics["accuracy"]["value"] == pytest.approx(100 * 59 / 320)
    assert run.metrics["accuracy"]["n"] == 320
    (stated,) = stated_figures(run)
    assert (stated.name, stated.value, stated.n, stated.differs) == (
        "accuracy",
        "0.8551",
        "69",
        True,
    )
    assert "The tool counts 69 answers; here all 320 count" in stated.note


def nothing_came_in() -> bool:
    """Return whether an import left nothing but its own row, which says that it failed."""
    assert Import.objects.filter(what="results").get().state == ImportState.FAILED
    left = [Run.everything.count(), Result.objects.count()]
    unready = CaseSet.everything.filter(is_ready=False)
    return (
        not any(left)
        and not unready.exists()
        and not Case.objects.filter(case_set__in=unready).exists()
    )


# The command


def told(*arguments: Any) -> str:
    """Return what the command prints."""
    out = StringIO()
    call_command("import_run", *map(str, arguments), stdout=out)
    return out.getvalue()


@pytest.mark.django_db
def test_a_dry_run_says_what_would_come_in_and_writes_nothing() -> None:
    path = shared_file("promptfoo", ERRORS)
    said = told(path, "--dry-run")
    assert said.startswith("promptfoo; 4 systems:")
    assert "prompt-3: openai:chat:flaky on generated edge cases" in said
    assert "    prompt: zero-shot: p1.txt: Classify the review" in said
    assert "10 answers of 10 attempted: 0 right, 0 wrong, 10 errors, 0 without verdict" in said
    assert "config.providers: the providers' other settings stay in the file" in said
    found = json.loads(told(path, "--dry-run", "--json"))
    assert found["systems"][3]["errors"] == 10
    assert found["runs"] == []
    assert not Import.objects.exists()


def test_the_command_brings_a_system_in(candidate: Candidate) -> None:
    record = candidate.decision.reference
    path = shared_file("promptfoo", ERRORS)
    said = told(path, "--record", record, "--candidate", candidate.letter, "--system", "prompt-0")
    assert "openai:chat:fake. Pass rate 40" in said
    assert candidate.decision.evidence.exists()


def test_the_command_refuses_two_systems_as_one_candidate(candidate: Candidate) -> None:
    named = ["--record", candidate.decision.reference, "--candidate", candidate.letter]
    both = ["--system", "prompt-0", "--system", "prompt-3"]
    with pytest.raises(CommandError, match="cannot be both “prompt-0” and “prompt-3”"):
        told(shared_file("promptfoo", ERRORS), *named, *both)
    assert not Run.everything.exists()


def test_the_command_maps_columns_and_can_leave_the_record_alone(
    candidate: Candidate, tmp_path: Path
) -> None:
    path = table(tmp_path, [{"frage": "Who?", "antwort": "me", "gut": "yes"}])
    columns = ["input=frage", "output=antwort", "correct=gut"]
    mapped = [one for column in columns for one in ("--column", column)]
    named = ["--record", candidate.decision.reference, "--candidate", candidate.letter]
    said = json.loads(told(path, *named, *mapped, "--no-attach", "--json"))
    assert said["runs"][0]["metrics"]["accuracy"]["value"] == 100
    assert not candidate.decision.evidence.exists()


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ([], "Say whose figures these are"),
        (["--record", "DR-99", "--candidate", "A"], "There is no record DR-99"),
        (["--column", "odd"], "odd is not ROLE=COLUMN"),
    ],
)
def test_the_command_says_what_it_lacks(
    arguments: list[str], sentence: str, tmp_path: Path
) -> None:
    with pytest.raises(CommandError, match=sentence):
        told(table(tmp_path, rows(1, 0)), *arguments)


@pytest.mark.django_db
def test_the_command_fetches_from_a_tracking_server(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_TOKEN", "secret")
    with tracking() as server:
        said = told("--mlflow", server.address, RUN, "--dry-run")
        assert server.seen[0][2] == "Bearer secret"
    assert f"{RUN}: qwen2.5:7b on banking77" in said
    with pytest.raises(CommandError, match="Name a file, or a server and a run"):
        told("--dry-run")


def test_people_who_may_not_measure_bring_nothing_in(
    candidate: Candidate, people: People, tmp_path: Path
) -> None:
    source = Source(table(tmp_path, rows(1, 0)))
    survey = looked_through(source)
    chosen = chosen_systems(survey, candidate)
    with pytest.raises(Refused):
        import_results(source, survey.format, chosen, by=people.outsider)
