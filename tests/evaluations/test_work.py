"""Leases: no case is lost, none is answered for twice, whoever dies or comes late."""

from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from threading import Barrier
from typing import Any

import pytest
from django.db import connection

from decisions import clock
from decisions.models import Candidate
from evaluations import work
from evaluations.actions import cancel_run, conclude_run, request_run, start_run
from evaluations.models import CaseSet, Result, ResultState, Run, RunState
from tests.evaluations.helpers import make_candidate, make_case_set
from tests.factories import People, open_record
from tests.factories import people as make_people

LATER = timedelta(minutes=5)


def answers(claim: work.Claim, output: str = "billing") -> list[work.Answered]:
    return [
        work.Answered(result, 1.0, clock.now(), output=output, correct=True, score=1.0)
        for result in claim.results
    ]


def states(run: Run) -> Counter[str]:
    return Counter(run.results.values_list("state", flat=True))


def test_a_claim_takes_the_next_cases_in_order(run: Run) -> None:
    first, second = work.claim(run, limit=5), work.claim(run, limit=5)

    keys = [result.case.key for result in first.results + second.results]
    expected = list(run.case_set.cases.filter(split="test").values_list("key", flat=True))
    assert keys == expected[:10]


def test_nothing_is_left_to_claim_while_leases_hold(run: Run) -> None:
    work.claim(run)

    assert work.claim(run) is None


def test_what_a_dead_worker_held_is_claimed_by_the_next_one(run: Run) -> None:
    dead = work.claim(run)

    with clock.held_at(clock.now() + LATER):
        again = work.claim(run)

    assert [one.pk for one in again.results] == [one.pk for one in dead.results]
    assert {one.attempts for one in again.results} == {2}
    assert not again.is_suspect


def test_cases_that_two_workers_did_not_survive_are_claimed_last_and_alone(run: Run) -> None:
    now = clock.now()
    for _ in range(work.SUSPECT_AFTER):
        with clock.held_at(now):
            deadly = work.claim(run, limit=4)
        now += LATER

    with clock.held_at(now):
        others = work.claim(run)
        suspect = work.claim(run)

    assert not others.is_suspect
    assert len(others.results) == 8
    assert suspect.is_suspect
    assert [one.pk for one in suspect.results] == [deadly.results[0].pk]


def test_a_worker_that_comes_back_too_late_changes_nothing(run: Run) -> None:
    late = work.claim(run)
    with clock.held_at(clock.now() + LATER):
        taken = work.claim(run, limit=1)
        assert work.finish(answers(taken, "delivery")) == 1
        assert work.finish(answers(late)) == 11

    assert Result.objects.get(pk=late.results[0].pk).output == "delivery"


def test_what_is_finished_twice_is_written_once(run: Run) -> None:
    claim = work.claim(run)

    assert work.finish(answers(claim)) == 12
    assert work.finish(answers(claim, "delivery")) == 0
    assert set(run.results.values_list("output", flat=True)) == {"billing"}


def test_a_lease_that_is_renewed_does_not_lapse(run: Run) -> None:
    start = clock.now()
    claim = work.claim(run)
    for seconds in (25, 50, 75, 100):
        with clock.held_at(start + timedelta(seconds=seconds)):
            assert work.renew(run, [claim.token]) == {claim.token}

    with clock.held_at(start + timedelta(seconds=110)):
        assert work.claim(run) is None


def test_a_lease_that_was_lost_cannot_be_renewed(run: Run) -> None:
    claim = work.claim(run, limit=1)
    Result.objects.filter(claimed_by=claim.token).update(claimed_by="someone else")

    with clock.held_at(clock.now() + LATER):
        assert work.renew(run, [claim.token]) == set()


def test_what_is_given_back_waits_again_and_was_no_attempt(run: Run) -> None:
    claim = work.claim(run, limit=5)
    work.finish(answers(claim)[:2])

    work.release(claim.results)

    assert states(run) == {ResultState.DONE: 2, ResultState.PENDING: 10}
    assert not run.results.filter(state=ResultState.PENDING, attempts__gt=0).exists()


def test_a_case_that_ends_its_worker_every_time_fails_alone(run: Run) -> None:
    now = clock.now()
    work.claim(run, limit=1)
    for attempt in range(2, work.MOST_ATTEMPTS + 1):
        now += LATER
        with clock.held_at(now):
            Result.objects.filter(attempts=0).update(state=ResultState.DONE, answered_at=now)
            assert work.claim(run).results[0].attempts == attempt

    with clock.held_at(now + LATER):
        assert work.claim(run) is None
        assert work.give_up_on_deadly_cases(run) == 1

    failed = run.results.get(state=ResultState.FAILED)
    assert failed.error == "The worker stopped 5 times while answering this case."
    assert failed.correct is False


def test_a_cancelled_run_is_not_claimed_but_takes_what_was_under_way(
    run: Run, people: People
) -> None:
    claim = work.claim(run, limit=5)
    cancel_run(run, by=people.owner)

    assert work.claim(run) is None
    assert work.finish(answers(claim)) == 5


@pytest.mark.parametrize("state", [RunState.FINISHED, RunState.FAILED])
def test_a_run_that_has_ended_otherwise_takes_nothing(run: Run, state: RunState) -> None:
    claim = work.claim(run, limit=5)
    Run.objects.filter(pk=run.pk).update(state=state, finished_at=clock.now())

    assert work.claim(run) is None
    assert work.finish(answers(claim)) == 0


# Races, each in threads with connections of their own


@pytest.fixture
def raced(transactional_db: None, tmp_path: Path) -> Run:
    """A run of 120 cases whose rows every thread can see."""
    team = make_people()
    candidate: Candidate = make_candidate(open_record(team), team)
    cases: CaseSet = make_case_set(tmp_path, tests=40)
    return request_run(candidate, cases, by=team.owner)


def at_once(count: int, job: Callable[[], Any]) -> list[Any]:
    """Do a job in several threads that start together; return what each returned."""
    gate = Barrier(count)

    def start() -> Any:
        try:
            gate.wait()
            return job()
        finally:
            connection.close()

    with ThreadPoolExecutor(count) as pool:
        return [one.result() for one in [pool.submit(start) for _ in range(count)]]


def test_workers_that_race_for_cases_share_them_without_doubles(raced: Run) -> None:
    def work_until_nothing_is_left() -> list[int]:
        mine: list[int] = []
        while claim := work.claim(raced, limit=7):
            mine += [result.pk for result in claim.results]
            assert work.finish(answers(claim)) == len(claim.results)
        return mine

    shares = at_once(6, work_until_nothing_is_left)

    done = [pk for share in shares for pk in share]
    assert len(done) == len(set(done)) == 120
    assert states(raced) == {ResultState.DONE: 120}
    assert set(raced.results.values_list("attempts", flat=True)) == {1}


def test_of_workers_that_finish_together_one_attaches_the_figures(raced: Run) -> None:
    start_run(raced, {})
    claim = work.claim(raced, limit=200)
    work.finish(answers(claim))

    ended = at_once(6, lambda: conclude_run(Run.objects.get(pk=raced.pk)))

    assert sorted(ended) == [False] * 5 + [True]
    raced.refresh_from_db()
    assert raced.state == RunState.FINISHED
    assert raced.candidate.decision.events.filter(kind="attach_evidence").count() == 1
    assert raced.candidate.evidence.count() == 4


def test_asking_twice_at_once_gives_one_run(raced: Run) -> None:
    candidate, case_set, owner = raced.candidate, raced.case_set, raced.requested_by
    raced.delete()

    runs = at_once(5, lambda: request_run(candidate, case_set, by=owner))

    assert len({one.pk for one in runs}) == 1
    assert Result.objects.count() == 120


def test_cancelling_while_the_last_case_is_written_ends_the_run_once(raced: Run) -> None:
    start_run(raced, {})
    claim = work.claim(raced, limit=200)
    work.finish(answers(claim))

    def cancel_or_conclude() -> str:
        run = Run.objects.get(pk=raced.pk)
        try:
            cancel_run(run, by=run.requested_by)
        except Exception:
            conclude_run(run)
        return Run.objects.get(pk=raced.pk).state

    ended = set(at_once(4, cancel_or_conclude))

    assert ended == {RunState.CANCELLED}
    assert not raced.candidate.evidence.exists()
