"""What case sets, runs and results know of themselves."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from django.db import IntegrityError, transaction

from decisions import clock
from evaluations.actions import request_run
from evaluations.models import CaseSet, Result, ResultState, Run, RunState
from tests.evaluations.helpers import make_candidate, make_case_set, work_through
from tests.factories import People


def test_a_case_set_is_found_by_name_by_slug_and_by_version(
    case_set: CaseSet, tmp_path: Path
) -> None:
    second = make_case_set(tmp_path, tests=5)

    assert CaseSet.objects.named("Messages") == second
    assert CaseSet.objects.named("messages") == second
    assert CaseSet.objects.named("Messages@1") == case_set
    assert CaseSet.objects.named("Messages@3") is None
    assert CaseSet.objects.named("Letters") is None


def test_the_list_holds_the_newest_version_of_each(case_set: CaseSet, tmp_path: Path) -> None:
    second = make_case_set(tmp_path, tests=5)
    other = make_case_set(tmp_path, name="Letters")

    assert set(CaseSet.objects.newest()) == {second, other}


def test_a_run_is_visible_to_those_who_may_read_its_record(run: Run, people: People) -> None:
    assert Run.objects.visible_to(people.ux).get() == run
    assert not Run.objects.visible_to(people.outsider).exists()


def test_the_database_refuses_a_second_open_run_of_the_same(run: Run) -> None:
    twin = Run.objects.get(pk=run.pk)
    twin.pk = None
    with pytest.raises(IntegrityError), transaction.atomic():
        twin.save()


def test_the_database_refuses_two_results_for_one_case(run: Run) -> None:
    first = run.results.first()
    with pytest.raises(IntegrityError), transaction.atomic():
        Result.objects.create(run=run, case=first.case)


def test_progress_tells_the_time_left_from_the_pace_so_far(run: Run) -> None:
    start = datetime(2030, 1, 1, 12, tzinfo=UTC)
    run.woken_at = start
    for second, result in enumerate(run.results.all()[:4]):
        result.state = ResultState.FAILED if second == 3 else ResultState.DONE
        result.answered_at = start + timedelta(seconds=second + 1)
        result.save()

    with clock.held_at(start + timedelta(seconds=4)):
        progress = run.progress()

    assert (progress.answered, progress.failed, progress.total) == (4, 1, 12)
    assert progress.left == timedelta(seconds=8)
    assert progress.percent == 33


def test_answers_written_together_and_rests_do_not_pass_for_pace(run: Run) -> None:
    start = datetime(2030, 1, 1, 12, tzinfo=UTC)
    moments = [start, start + timedelta(hours=1), start + timedelta(hours=1)]
    for moment, result in zip(moments, run.results.all(), strict=False):
        result.state, result.answered_at = ResultState.DONE, moment
        result.save()
    run.woken_at = start + timedelta(hours=1, seconds=-4)

    with clock.held_at(start + timedelta(hours=1)):
        assert run.progress().rate == 0.5


def test_nobody_knows_the_time_left_after_one_case(run: Run) -> None:
    result = run.results.first()
    Result.objects.filter(pk=result.pk).update(
        state=ResultState.DONE, answered_at=clock.now(), correct=True
    )

    assert run.progress().left is None


def test_a_finished_run_tells_its_figures_with_interval_and_size(run: Run) -> None:
    work_through(run)

    assert run.state == RunState.FINISHED
    name, told = run.figures()[0]
    assert name == "Accuracy"
    assert "95% CI" in told
    assert "n = 12" in told


def test_a_run_that_the_queue_never_heard_of_says_so_after_a_moment(run: Run) -> None:
    Run.objects.filter(pk=run.pk).update(woken_at=None)
    run.refresh_from_db()

    assert not run.is_unheard
    with clock.held_at(run.requested_at + timedelta(seconds=10)):
        assert run.is_unheard


def test_runs_of_another_candidate_are_other_runs(
    run: Run, case_set: CaseSet, people: People
) -> None:
    other = make_candidate(run.candidate.decision, people, name="Other")

    assert request_run(other, case_set, by=people.owner) != run
