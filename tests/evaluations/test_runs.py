"""A run from being asked for to evidence on the record, whatever happens on the way."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from kombu.exceptions import OperationalError

from decisions import clock
from decisions.actions.lifecycle import withdraw
from decisions.actions.rows import edit_candidate
from decisions.models import Candidate, Decision, Evidence
from decisions.policies import BadInput, Refused
from evaluations import measuring, tasks
from evaluations.actions import (
    attach_run,
    cancel_run,
    conclude_run,
    pause_run,
    request_run,
    request_runs,
    resume_run,
    start_run,
)
from evaluations.models import CaseSet, ResultState, Run, RunState
from evaluations.run_page import RunPage
from evaluations.scoring import configured
from evaluations.summary import Outcome, figures, latency_at_once, results_digest
from evaluations.techniques import TECHNIQUES
from evaluations.work import claim
from tests.evaluations.helpers import (
    COLUMNS,
    make_candidate,
    make_case_set,
    rows,
    work_through,
    write_csv,
)
from tests.factories import People

BM25 = TECHNIQUES["rag/bm25_knn"]
PLAIN = configured([{"key": "exact_match"}])


@pytest.fixture
def technique(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Return a function that puts another way of preparing in the place of BM25's."""

    def put(build: Any) -> None:
        monkeypatch.setitem(TECHNIQUES, BM25.key, replace(BM25, build=build))

    return put


class Wrapped:
    """An answerer that does something of its own before the real one answers."""

    def __init__(self, spec: Any, material: Any, before: Any) -> None:
        self.real, self.before = BM25.build(spec, material), before

    @property
    def facts(self) -> Any:
        return self.real.facts

    def answer(self, question: Any) -> Any:
        self.before(question.input)
        return self.real.answer(question)


def outputs(run: Run) -> list[tuple[str, str, bool | None]]:
    return list(run.results.order_by("pk").values_list("case__key", "output", "correct"))


# Asking


def test_asking_writes_the_run_with_its_whole_spec_and_a_row_for_each_test_case(run: Run) -> None:
    assert run.state == RunState.REQUESTED
    assert run.spec["technique"] == "rag/bm25_knn"
    assert set(run.spec) == {"technique", *(field.name for field in BM25.fields)}
    assert run.results.filter(state=ResultState.PENDING).count() == run.case_count == 12


def test_asking_again_while_it_is_open_returns_the_same_run(run: Run, people: People) -> None:
    assert request_run(run.candidate, run.case_set, by=people.owner) == run
    assert Run.objects.count() == 1


def test_only_the_owner_and_data_science_may_ask(
    candidate: Candidate, case_set: CaseSet, people: People
) -> None:
    with pytest.raises(Refused, match="Only"):
        request_run(candidate, case_set, by=people.ux)
    assert request_run(candidate, case_set, by=people.data_science)


def test_a_record_that_is_closed_is_not_measured(
    candidate: Candidate, case_set: CaseSet, people: People
) -> None:
    withdraw(candidate.decision, by=people.owner, reason="Enough.")

    with pytest.raises(Refused):
        request_run(candidate, case_set, by=people.owner)


@pytest.mark.parametrize(
    ("spec", "says"),
    [
        ({}, "has no spec yet"),
        ({"technique": "magic"}, "cannot be run: technique: Must be one of"),
        ({"technique": "rag/bm25_knn", "neighbours": 0}, "neighbours: Must be at least 1"),
        ({"technique": "rag/bm25_knn", "nonsense": 1}, "nonsense: There is no such setting"),
    ],
)
def test_a_spec_that_cannot_be_run_is_refused_in_a_sentence(
    draft: Decision, case_set: CaseSet, people: People, spec: dict[str, Any], says: str
) -> None:
    candidate = make_candidate(draft, people)
    edit_candidate(candidate, by=people.owner, token=candidate.token, spec=spec)

    with pytest.raises(BadInput, match=says):
        request_run(candidate, case_set, by=people.owner)


def test_a_case_set_without_what_the_run_needs_is_refused(
    candidate: Candidate, people: People, tmp_path: Path
) -> None:
    only_train = make_case_set(tmp_path, name="Train", tests=0)
    only_test = make_case_set(tmp_path, name="Test", per_label=0)

    with pytest.raises(BadInput, match="has no test cases"):
        request_run(candidate, only_train, by=people.owner)
    with pytest.raises(BadInput, match="has none to train"):
        request_run(candidate, only_test, by=people.owner)


def test_of_several_either_all_are_asked_for_or_none(
    candidate: Candidate, case_set: CaseSet, people: People
) -> None:
    broken = make_candidate(candidate.decision, people, name="Broken")
    edit_candidate(broken, by=people.owner, token=broken.token, spec={})

    with pytest.raises(BadInput):
        request_runs([candidate, broken], case_set, by=people.owner)

    assert not Run.objects.exists()


def test_workers_are_woken_only_once_the_run_is_committed(
    candidate: Candidate,
    case_set: CaseSet,
    people: People,
    django_capture_on_commit_callbacks: Any,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    woken: list[int] = []
    monkeypatch.setattr(
        tasks.work_on_run, "apply_async", lambda args, **options: woken.append(args[0])
    )
    with django_capture_on_commit_callbacks(execute=True):
        run = request_run(candidate, case_set, by=people.owner)
        assert woken == []

    assert woken == [run.pk] * tasks.AT_ONCE
    run.refresh_from_db()
    assert run.woken_at


def test_a_queue_that_cannot_be_reached_costs_nothing_but_time(
    candidate: Candidate,
    case_set: CaseSet,
    people: People,
    django_capture_on_commit_callbacks: Any,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def unreachable(*args: Any, **options: Any) -> None:
        raise OperationalError("connection refused")

    with monkeypatch.context() as patch:
        patch.setattr(tasks.work_on_run, "apply_async", unreachable)
        with django_capture_on_commit_callbacks(execute=True):
            run = request_run(candidate, case_set, by=people.owner)
    run.refresh_from_db()
    assert (run.state, run.woken_at) == (RunState.REQUESTED, None)

    woken: list[int] = []
    monkeypatch.setattr(
        tasks.work_on_run, "apply_async", lambda args, **options: woken.append(args[0])
    )
    tasks.reclaim_lost_work()
    assert woken == [run.pk]


# Working


def test_a_worker_takes_a_run_to_its_figures_and_to_evidence(run: Run) -> None:
    work_through(run)

    assert run.state == RunState.FINISHED
    assert not run.results.unanswered().exists()
    assert run.metrics["attempted"] == run.metrics["answered"] == 12
    right = run.results.filter(correct=True).count()
    assert run.metrics["accuracy"]["value"] == pytest.approx(100 * right / 12)
    assert run.artefact["training_examples"] == 18
    assert run.artefact["prepare_seconds"] > 0
    assert run.environment["packages"]["bm25s"]
    assert run.outcome.startswith("Attached to DR-")


def test_the_evidence_says_what_it_is_and_where_it_comes_from(run: Run) -> None:
    work_through(run)

    found = {one.metric: one for one in Evidence.objects.filter(candidate=run.candidate)}
    assert set(found) == {"accuracy", "macro_f1", "latency_p50", "latency_p95"}
    accuracy = found["accuracy"]
    assert (accuracy.unit, accuracy.n, accuracy.interval_method) == ("%", 12, "Wilson, 95%")
    assert accuracy.low < accuracy.value <= accuracy.high
    assert accuracy.origin == f"Run {run.pk}"
    assert accuracy.origin_url == f"/runs/{run.pk}/"
    assert accuracy.source_digest == run.results_digest
    assert accuracy.conditions == {
        "case_set": "Messages, version 1",
        "case_set_digest": run.case_set.digest,
        "split": "test",
        "scorer": "exact_match/1",
    }
    assert "not generation" in accuracy.method
    assert "0 got no answer" in accuracy.method
    assert found["latency_p50"].unit == "ms"
    assert "Time to answer a case, one at a time, over 12 answers" in found["latency_p50"].method


def test_latency_without_enough_cases_for_an_interval_has_none(run: Run) -> None:
    work_through(run)

    p95 = Evidence.objects.get(metric="latency_p95")
    assert p95.high is None
    assert "Too few cases for an interval." in p95.method
    notes = {one.name: one.note for one in RunPage(run).measures}
    assert "too few cases for an interval" in notes[p95.metric_name]
    assert "too few" not in notes["Accuracy"]


def test_deleting_the_results_and_running_again_gives_them_back(run: Run, people: People) -> None:
    work_through(run)
    before, digest = outputs(run), run.results_digest
    candidate, case_set = run.candidate, run.case_set
    run.delete()
    measuring._kept.clear()

    again = request_run(candidate, case_set, by=people.owner)
    work_through(again)

    assert outputs(again) == before
    assert again.results_digest == digest


def test_a_call_that_is_delivered_again_changes_nothing(run: Run) -> None:
    work_through(run)
    before = (outputs(run), run.finished_at)

    work_through(run, run)

    assert (outputs(run), run.finished_at) == before
    assert Evidence.objects.filter(candidate=run.candidate).count() == 4


def test_a_call_for_a_run_that_is_gone_does_nothing(db: None) -> None:
    tasks.work_on_run(4711)


def test_a_case_that_raises_is_a_wrong_one_and_the_others_go_on(run: Run, technique: Any) -> None:
    def stumble(case_input: str) -> None:
        if "invoice" in case_input:
            raise ValueError("no idea\0")

    technique(lambda spec, material: Wrapped(spec, material, stumble))
    work_through(run)

    failed = run.results.filter(state=ResultState.FAILED)
    assert failed.count() == 1
    assert failed.get().error == "ValueError: no idea"
    assert failed.get().correct is False
    assert (run.metrics["attempted"], run.metrics["failed"]) == (12, 1)
    assert run.metrics["accuracy"]["n"] == 12
    assert run.metrics["latency_p50"]["n"] == 11


def test_a_run_whose_every_case_raises_has_no_latency_and_no_accuracy(
    run: Run, technique: Any
) -> None:
    def stumble(case_input: str) -> None:
        raise RuntimeError("out of order")

    technique(lambda spec, material: Wrapped(spec, material, stumble))
    work_through(run)

    assert run.state == RunState.FINISHED
    assert run.metrics["accuracy"]["value"] == 0
    assert set(Evidence.objects.values_list("metric", flat=True)) == {"accuracy", "macro_f1"}


def test_a_technique_that_cannot_be_prepared_fails_the_run_in_a_sentence(
    run: Run, technique: Any, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(spec: Any, material: Any) -> Any:
        raise ZeroDivisionError("division by zero")

    technique(broken)
    work_through(run)

    assert run.state == RunState.FAILED
    assert run.error == (
        "Preparing the technique failed unexpectedly; the worker's log says where."
    )
    assert "ZeroDivisionError" in caplog.text
    assert not Evidence.objects.filter(candidate=run.candidate).exists()


def test_what_the_technique_says_against_the_material_is_the_runs_error(
    people: People, draft: Decision, tmp_path: Path
) -> None:
    only_one = [row for row in rows() if row["team"] == "billing"]
    from evaluations.actions import import_case_set
    from evaluations.importers.cases import CaseFile

    path = write_csv(tmp_path / "one.csv", only_one)
    found = import_case_set(name="One", files=[CaseFile(path)], columns=COLUMNS).case_set
    candidate = make_candidate(draft, people, "fine_tuning/encoder_head")
    run = request_run(candidate, found, by=people.owner)

    work_through(run)

    assert (run.state, run.error) == (
        RunState.FAILED,
        "Training needs examples of at least two labels.",
    )


def test_a_record_that_closed_meanwhile_takes_nothing_and_the_run_says_so(
    run: Run, people: People
) -> None:
    withdraw(run.candidate.decision, by=people.owner, reason="Enough.")

    work_through(run)

    assert run.state == RunState.FINISHED
    assert run.metrics["accuracy"]["n"] == 12
    assert run.outcome.startswith("Not attached to the record: The record is withdrawn.")
    assert run.is_unattached


def test_figures_that_were_held_back_are_attached_on_request(
    candidate: Candidate, case_set: CaseSet, people: People
) -> None:
    run = request_run(candidate, case_set, by=people.owner, attach=False)
    work_through(run)
    assert run.is_unattached
    assert not Evidence.objects.exists()

    attach_run(run, by=people.data_science)

    run.refresh_from_db()
    assert run.attached_at
    assert Evidence.objects.filter(attached_by=people.data_science).count() == 4


def test_a_run_without_figures_cannot_be_attached(run: Run, people: People) -> None:
    with pytest.raises(Refused, match="Only a finished run"):
        attach_run(run, by=people.owner)


def test_a_cancelled_run_stays_cancelled_and_attaches_nothing(run: Run, people: People) -> None:
    cancel_run(run, by=people.owner)

    work_through(run)

    assert run.state == RunState.CANCELLED
    assert run.outcome == "Cancelled by Olivia Brandt."
    assert not Evidence.objects.exists()
    with pytest.raises(Refused, match="has ended already"):
        cancel_run(run, by=people.owner)


def test_after_a_run_has_ended_asking_makes_a_new_one(run: Run, people: People) -> None:
    cancel_run(run, by=people.owner)

    assert request_run(run.candidate, run.case_set, by=people.owner) != run


def test_a_run_keeps_the_spec_it_was_asked_with(run: Run, people: People) -> None:
    candidate = run.candidate
    changed = {"technique": "rag/bm25_knn", "neighbours": 3}
    edit_candidate(candidate, by=people.owner, token=candidate.token, spec=changed)

    work_through(run)

    assert run.spec["neighbours"] == BM25.validate({}).neighbours


def test_figures_of_another_spec_stay_out_of_the_record(run: Run, people: People) -> None:
    candidate = run.candidate
    changed = {"technique": "rag/bm25_knn", "neighbours": 3}
    edit_candidate(candidate, by=people.owner, token=candidate.token, spec=changed)

    work_through(run)

    assert run.state == RunState.FINISHED
    assert run.outcome.startswith("Not attached to the record: The candidate's spec has changed")
    with pytest.raises(Refused, match="spec has changed"):
        attach_run(run, by=people.owner)
    assert run.is_unattached
    assert not Evidence.objects.exists()


def test_a_worker_prepares_a_technique_once_for_the_same_spec_and_cases(
    run: Run, people: People, technique: Any
) -> None:
    prepared: list[Any] = []

    def counted(spec: Any, material: Any) -> Any:
        prepared.append(spec)
        return BM25.build(spec, material)

    technique(counted)
    work_through(run)
    work_through(request_run(run.candidate, run.case_set, by=people.owner))

    assert len(prepared) == 1


def test_a_worker_whose_stretch_is_over_gives_the_run_back_and_goes_to_the_end(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    again: list[int] = []
    monkeypatch.setattr(tasks, "STRETCH", -1)
    monkeypatch.setattr(tasks.work_on_run, "delay", again.append)

    work_through(run)

    assert run.state == RunState.RUNNING
    assert again == [run.pk]
    assert run.results.filter(state=ResultState.PENDING).count() == 12


def test_a_run_that_was_answered_but_not_concluded_is_concluded_by_the_next_call(run: Run) -> None:
    start_run(run, {})
    run.results.update(
        state=ResultState.DONE,
        output="billing",
        correct=True,
        latency_ms=1,
        answered_at="2030-01-01T00:00Z",
    )

    work_through(run)

    assert run.state == RunState.FINISHED
    assert run.metrics["correct"] == 12


def test_a_run_with_open_cases_is_not_concluded(run: Run) -> None:
    start_run(run, {})
    claim(run, limit=3)

    assert not conclude_run(run)


# The reaper


def test_the_reaper_leaves_alone_what_someone_works_on(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    woken: list[int] = []
    monkeypatch.setattr(
        tasks.work_on_run, "apply_async", lambda args, **options: woken.append(args[0])
    )
    start_run(run, {})
    held = claim(run)
    tasks.reclaim_lost_work()
    assert woken == []

    run.results.filter(claimed_by=held.token).update(lease_until="2020-01-01T00:00Z")
    tasks.reclaim_lost_work()
    assert woken == [run.pk]

    tasks.reclaim_lost_work()
    assert woken == [run.pk]


def test_the_reaper_leaves_ended_runs_alone(run: Run, people: People) -> None:
    cancel_run(run, by=people.owner)

    assert not Run.objects.lacking_workers(run.finished_at).exists()


def test_a_technique_is_not_run_on_a_kind_of_cases_that_it_has_no_answers_to(
    candidate: Candidate, case_set: CaseSet, people: People
) -> None:
    CaseSet.objects.filter(pk=case_set.pk).update(kind="free_text")
    case_set.refresh_from_db()

    with pytest.raises(BadInput, match="answers with a label; Messages, version 1 asks for"):
        request_run(candidate, case_set, by=people.owner)


# Figures


def outcome(key: str, output: str | None, latency: float | None = 1.0) -> Outcome:
    expected = key[0]
    scores = {"exact_match": float(output == expected)}
    right = output == expected
    return Outcome(key, expected, output, right, latency, None, "one:1", scores=scores)


def test_failed_cases_stay_in_the_denominator() -> None:
    found = [outcome("a1", "a"), outcome("a2", None, None), outcome("b1", "b"), outcome("b2", "a")]

    told = figures(found, PLAIN)

    assert told["accuracy"]["value"] == 50
    assert (told["attempted"], told["answered"], told["failed"]) == (4, 3, 1)
    assert told["latency_p50"]["n"] == 3


def test_repeats_make_more_answers_but_not_more_cases() -> None:
    once = [outcome(f"a{n}", "a" if n < 6 else "b") for n in range(10)]
    thrice = [replace(one, repeat=repeat) for one in once for repeat in range(3)]

    first, second = figures(once, PLAIN)["accuracy"], figures(thrice, PLAIN)["accuracy"]

    assert (second["value"], second["n"]) == (first["value"], 10)
    assert (second["low"], second["high"]) == (first["low"], first["high"])
    assert figures(thrice, PLAIN)["attempted"] == 30


def test_answers_that_differ_from_time_to_time_are_averaged_case_by_case() -> None:
    found = [
        replace(outcome(f"a{n}", "a" if (n + repeat) % 3 else "b"), repeat=repeat)
        for n in range(30)
        for repeat in range(2)
    ]

    told = figures(found, PLAIN)["accuracy"]

    assert told["value"] == pytest.approx(200 / 3)
    assert told["n"] == 30
    assert "BCa" in told["interval_method"]
    assert told["low"] < told["value"] < told["high"]


def test_what_was_answered_in_a_crowd_says_nothing_of_latency() -> None:
    calm = [replace(outcome(f"a{n}", "a", 10.0), at_once=8) for n in range(5)]
    crowded = [replace(outcome(f"b{n}", "b", 99.0), at_once=9) for n in range(5)]

    told = figures([*calm, *crowded], PLAIN)

    assert (told["latency_p50"]["value"], told["latency_p50"]["n"]) == (10.0, 5)
    assert told["latency_p99"]["value"] == 10.0
    assert "latency_p50" not in figures(crowded, PLAIN)


@pytest.mark.parametrize(
    ("at_once", "workers", "words"),
    [
        (1, 1, "one at a time"),
        (1, 2, "one at a time in each of 2 workers"),
        (5, 1, "at most 5 at once"),
        (32, 1, "at most 8 at once"),
        (32, 2, "at most 8 at once in each of 2 workers"),
        (None, 1, ""),
    ],
)
def test_a_latency_says_under_which_load_it_was_measured(
    at_once: int | None, workers: int, words: str
) -> None:
    known = {} if at_once is None else {"at_once": at_once}
    assert latency_at_once({"workers": workers, **known}) == words


def test_a_cost_is_known_only_if_every_answer_says_what_it_cost() -> None:
    paid = [replace(outcome(f"a{n}", "a"), cost=Decimal(n) / 1000) for n in range(1, 5)]

    told = figures(paid, PLAIN)["cost_per_1000"]
    assert (told["value"], told["n"], told["unit"]) == (pytest.approx(2.5), 4, "USD")
    assert told["low"] < 2.5 < told["high"]
    assert "cost_per_1000" not in figures([*paid, outcome("b1", "b")], PLAIN)


def test_macro_f1_has_an_interval_unless_every_resample_agrees() -> None:
    mixed = [outcome(f"{label}{n}", label if n else "c") for label in "ab" for n in range(10)]
    perfect = [outcome(f"{label}{n}", label) for label in "ab" for n in range(10)]

    told = figures(mixed, PLAIN)["macro_f1"]
    assert told["low"] < told["value"] < told["high"]
    assert "low" not in figures(perfect, PLAIN)["macro_f1"]
    repeated = figures([*mixed, *(replace(one, repeat=1) for one in mixed)], PLAIN)["macro_f1"]
    assert repeated == told
    assert figures(perfect, PLAIN)["accuracy"]["low"] < 100


def test_the_digest_of_results_changes_with_any_of_them() -> None:
    found = [outcome("a1", "a"), outcome("b1", "b")]
    others = [
        [outcome("a1", "a"), outcome("b1", "a")],
        [outcome("b1", "b"), outcome("a1", "a")],
        [outcome("a1", "a"), outcome("b2", "b")],
        found[:1],
    ]

    digests = {results_digest(one) for one in [found, *others]}

    assert len(digests) == 5
    assert results_digest(found) == results_digest(list(found))


def test_a_run_tells_the_time_in_which_it_worked_without_its_rests(
    run: Run, people: People
) -> None:
    begin = clock.now()

    def after(seconds: int, move: Callable[..., object], *told: object, **by: object) -> None:
        with clock.held_at(begin + timedelta(seconds=seconds)):
            move(run, *told, **by)
        run.refresh_from_db()

    after(0, start_run, {})
    after(10, pause_run, by=people.owner)
    after(900, resume_run, by=people.owner)
    after(1005, start_run, {})
    after(1010, cancel_run, by=people.owner)
    after(2000, resume_run, by=people.owner)
    after(2000, pause_run, by=people.owner)
    after(3000, resume_run, by=people.owner)
    after(3000, start_run, {})
    after(3020, pause_run, by=people.owner)
    after(3100, cancel_run, by=people.owner)

    assert run.took == timedelta(seconds=35)
    assert run.rested == timedelta(seconds=3065)


def test_throughput_is_that_of_the_time_in_which_the_run_worked() -> None:
    begin = clock.now()

    def at(seconds: float) -> datetime:
        return begin + timedelta(seconds=seconds)

    moments = (0, 1, 2, 3, 103, 104)
    found = [replace(outcome(f"a{n}", "a"), at=at(one)) for n, one in enumerate(moments)]
    # The fourth was under way when the run was paused; the worker needs a second to go on.
    rests = [(at(-50), at(-40)), (at(2.5), at(102)), (at(110), at(500))]

    assert figures(found, PLAIN)["throughput"]["value"] == pytest.approx(5 / 104)
    assert figures(found, PLAIN, rests=rests)["throughput"]["value"] == pytest.approx(5 / 5)
