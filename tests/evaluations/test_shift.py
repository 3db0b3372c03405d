"""A worker's shift: many answers at once, written as they come, and nothing lost when it stops."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any

import pytest
from asgiref.sync import async_to_sync, sync_to_async

from decisions import clock
from decisions.models import Candidate, Evidence
from decisions.policies import BadInput, Refused
from evaluations import shift, work
from evaluations.actions import cancel_run, pause_run, request_run, resume_run, retry_run
from evaluations.models import CaseSet, Result, ResultState, Run, RunState
from evaluations.scoring import configured
from evaluations.techniques import TECHNIQUES, Answer, Halt, Question
from tests.evaluations.helpers import work_through
from tests.factories import People

BM25 = TECHNIQUES["rag/bm25_knn"]
PLAIN = configured([{"key": "exact_match"}])
Reply = Callable[["Server", Question], Awaitable[Answer]]


class Server:
    """An answerer that waits: it counts how many answers are under way, and what it was asked."""

    facts: dict[str, Any] = {}

    def __init__(self, reply: Reply, seats: int) -> None:
        self.reply, self.places = reply, seats
        self.asked: Counter[str] = Counter()
        self.under_way = self.most = 0
        self.is_closed = False

    def seats(self) -> int:
        return self.places

    async def close(self) -> None:
        self.is_closed = True

    async def answer(self, question: Question) -> Answer:
        self.asked[question.key] += 1
        self.under_way += 1
        self.most = max(self.most, self.under_way)
        try:
            return await self.reply(self, question)
        finally:
            self.under_way -= 1


async def at_once(_server: Server, _question: Question) -> Answer:
    await asyncio.sleep(0.01)
    return Answer("billing")


@pytest.fixture
def served(monkeypatch: pytest.MonkeyPatch) -> Callable[..., Server]:
    """Return a function that puts a server in the place of BM25."""

    def put(reply: Reply = at_once, seats: int = 4) -> Server:
        server = Server(reply, seats)
        entry = replace(BM25, build=lambda spec, material: server)
        monkeypatch.setitem(TECHNIQUES, BM25.key, entry)
        return server

    return put


def states(run: Run) -> Counter[str]:
    return Counter(run.results.values_list("state", flat=True))


# Several at once


def test_as_many_answers_are_under_way_as_there_are_seats(run: Run, served: Any) -> None:
    server = served(seats=5)

    work_through(run)

    assert server.most == 5
    assert run.state == RunState.FINISHED
    assert set(server.asked.values()) == {1}
    assert run.results.order_by("-at_once").values_list("at_once", flat=True)[0] == 5
    assert server.is_closed


def test_latency_counts_who_came_while_an_answer_was_under_way(
    candidate: Candidate, case_set: CaseSet, people: People, served: Any
) -> None:
    server = served(seats=12)
    run = request_run(candidate, case_set, by=people.owner, concurrency=12)
    work_through(run)

    assert server.most == 12
    assert set(run.results.values_list("at_once", flat=True)) == {12}
    assert "latency_p50" not in run.metrics
    assert run.metrics["accuracy"]["n"] == 12


def test_what_computes_here_answers_one_case_after_the_other(run: Run) -> None:
    work_through(run)

    assert set(run.results.values_list("at_once", flat=True)) == {1}


def test_a_technique_without_a_free_seat_waits_for_one(run: Run, served: Any) -> None:
    server = served(seats=0)

    async def give_seats() -> None:
        await asyncio.sleep(0.3)
        server.places = 2

    async def shifts() -> None:
        await asyncio.gather(give_seats(), one._work())

    one = shift.Shift(run, server, PLAIN, lambda: False)
    async_to_sync(shifts)()

    assert states(run) == {ResultState.DONE: 12}


def test_the_latency_that_a_technique_states_is_kept(run: Run, served: Any) -> None:
    async def timed(_server: Server, _question: Question) -> Answer:
        return Answer("billing", latency_ms=42.0, input_tokens=7, output_tokens=2)

    served(timed)
    work_through(run)

    kept = run.results.values_list("latency_ms", "input_tokens", "output_tokens")
    assert set(kept) == {(42.0, 7, 2)}


def test_every_case_is_answered_as_often_as_was_asked_and_told_which_time_it_is(
    candidate: Candidate, case_set: CaseSet, people: People, served: Any
) -> None:
    told = []

    async def noted(_server: Server, question: Question) -> Answer:
        told.append((question.key, question.repeat))
        return Answer("billing")

    served(noted)
    run = request_run(candidate, case_set, by=people.owner, repeats=3)
    work_through(run)

    assert run.answers_wanted == len(told) == len(set(told)) == 36
    assert {repeat for _key, repeat in told} == {0, 1, 2}
    assert run.state == RunState.FINISHED


@pytest.mark.parametrize("asked", [{"repeats": 0}, {"repeats": 21}, {"concurrency": 0}])
def test_a_run_does_not_ask_for_more_than_there_is(
    candidate: Candidate, case_set: CaseSet, people: People, asked: dict[str, Any]
) -> None:
    with pytest.raises(BadInput):
        request_run(candidate, case_set, by=people.owner, **asked)


# Stopping and going on


def asks(run: Run, after: int, action: Any) -> Reply:
    """Return a way to answer that does something to the run once, after some answers."""
    done: list[bool] = []

    async def reply(server: Server, _question: Question) -> Answer:
        if sum(server.asked.values()) > after and not done:
            done.append(True)
            await sync_to_async(action)(Run.objects.select_related().get)
        await asyncio.sleep(0.01)
        return Answer("billing")

    return reply


def test_a_paused_run_finishes_what_is_under_way_and_goes_on_where_it_stopped(
    run: Run, served: Any, people: People, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shift, "BOOKS_EVERY", 0.0)
    server = served(asks(run, 3, lambda get: pause_run(get(pk=run.pk), by=people.owner)), seats=2)

    work_through(run)

    assert run.state == RunState.PAUSED
    assert run.paused_because == "Paused by Olivia Brandt."
    assert states(run)[ResultState.DONE] == sum(server.asked.values()) < 12
    assert states(run)[ResultState.CLAIMED] == 0
    assert not Evidence.objects.exists()

    resume_run(run, by=people.owner)
    work_through(run)

    assert run.state == RunState.FINISHED
    assert run.paused_because == ""
    assert set(server.asked.values()) == {1}
    assert Evidence.objects.exists()


def test_of_a_cancelled_run_nothing_is_waited_for_long(
    run: Run, served: Any, people: People, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shift, "BOOKS_EVERY", 0.0)
    monkeypatch.setattr(shift, "GRACE", 0.5)

    async def cancels(server: Server, _question: Question) -> Answer:
        if server.under_way == 3:
            await sync_to_async(lambda: cancel_run(Run.objects.get(pk=run.pk), by=people.owner))()
        await asyncio.sleep(60)
        return Answer("billing")

    served(cancels, seats=3)
    began = clock.now()
    work_through(run)

    assert (clock.now() - began).total_seconds() < 5
    assert run.state == RunState.CANCELLED
    assert states(run) == {ResultState.PENDING: 12}


def test_a_cancelled_run_can_go_on_with_what_it_had(
    run: Run, served: Any, people: People, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shift, "BOOKS_EVERY", 0.0)
    server = served(asks(run, 5, lambda get: cancel_run(get(pk=run.pk), by=people.owner)), seats=1)
    work_through(run)
    had = states(run)[ResultState.DONE]

    resume_run(run, by=people.owner)
    work_through(run)

    assert 0 < had < 12
    assert run.state == RunState.FINISHED
    assert states(run) == {ResultState.DONE: 12}
    assert set(server.asked.values()) == {1}, "what was under way was thrown away"


def test_a_run_that_works_cannot_be_resumed_nor_a_paused_one_paused(
    run: Run, people: People
) -> None:
    with pytest.raises(Refused, match="paused or cancelled"):
        resume_run(run, by=people.owner)
    pause_run(run, by=people.owner)
    with pytest.raises(Refused, match="that works can be paused"):
        pause_run(run, by=people.owner)


def test_a_cancelled_run_does_not_go_on_beside_its_successor(run: Run, people: People) -> None:
    cancel_run(run, by=people.owner)
    request_run(run.candidate, run.case_set, by=people.owner)

    with pytest.raises(Refused, match="Another run of this candidate is under way"):
        resume_run(run, by=people.owner)


def test_what_cannot_go_on_for_now_is_paused_with_the_reason(run: Run, served: Any) -> None:
    async def spent(server: Server, _question: Question) -> Answer:
        if sum(server.asked.values()) > 4:
            raise Halt("The budget of 4 requests is used up.")
        return Answer("billing")

    served(spent, seats=1)
    work_through(run)

    assert run.state == RunState.PAUSED
    assert run.paused_because == "The budget of 4 requests is used up."
    assert states(run) == {ResultState.DONE: 4, ResultState.PENDING: 8}
    assert not run.results.filter(state=ResultState.PENDING, attempts__gt=0).exists()


# Trying again


def fails_at_first(question_keys: set[str]) -> Reply:
    async def reply(_server: Server, question: Question) -> Answer:
        if question.key in question_keys:
            question_keys.discard(question.key)
            raise ConnectionError("the server went away")
        return Answer("billing")

    return reply


def test_only_what_failed_is_tried_again_and_the_figures_follow(
    run: Run, served: Any, people: People
) -> None:
    keys = list(run.results.values_list("case__key", flat=True)[:3])
    server = served(fails_at_first(set(keys)))
    work_through(run)
    assert run.metrics["failed"] == 3
    assert run.first_errors() == [("ConnectionError: the server went away", 3)]

    assert retry_run(run, by=people.owner) == 3
    work_through(run)

    assert run.state == RunState.FINISHED
    assert run.metrics["failed"] == 0
    assert {key: count for key, count in server.asked.items() if count > 1} == dict.fromkeys(
        keys, 2
    )
    standing = Evidence.objects.standing().filter(metric="accuracy")
    assert [one.source_digest for one in standing] == [run.results_digest]


def test_a_run_without_failures_has_nothing_to_try_again(run: Run, people: People) -> None:
    work_through(run)

    with pytest.raises(Refused, match="No case of this run failed"):
        retry_run(run, by=people.owner)

    run.refresh_from_db()
    assert run.state == RunState.FINISHED


def test_a_run_that_could_not_be_prepared_begins_anew(
    run: Run, people: People, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(spec: Any, material: Any) -> Any:
        raise OSError("disk full")

    with monkeypatch.context() as patch:
        patch.setitem(TECHNIQUES, BM25.key, replace(BM25, build=broken))
        work_through(run)
    assert run.state == RunState.FAILED

    retry_run(run, by=people.owner)
    work_through(run)

    assert run.state == RunState.FINISHED
    assert run.error == ""


# Leases


def test_a_slow_answer_keeps_its_lease(
    run: Run, served: Any, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.EVALUATION_LEASE_SECONDS = 0.6

    async def slow(_server: Server, _question: Question) -> Answer:
        await asyncio.sleep(1.0)
        return Answer("billing")

    server = served(slow, seats=12)
    renewed = []
    real = work.renew

    def noted(run: Run, tokens: Any) -> set[str]:
        renewed.append(tokens)
        return real(run, tokens)

    monkeypatch.setattr(work, "renew", noted)
    work_through(run)

    assert len(renewed) >= 3
    assert set(server.asked.values()) == {1}
    assert set(run.results.values_list("attempts", flat=True)) == {1}


def test_a_suspect_is_answered_while_nothing_else_is_under_way(run: Run, served: Any) -> None:
    suspects = list(run.results.values_list("pk", flat=True)[:2])
    Result.objects.filter(pk__in=suspects).update(attempts=work.SUSPECT_AFTER)
    keys = set(run.results.filter(pk__in=suspects).values_list("case__key", flat=True))
    beside = []

    async def watched(server: Server, question: Question) -> Answer:
        if question.key in keys:
            beside.append(server.under_way)
        await asyncio.sleep(0.01)
        return Answer("billing")

    server = served(watched, seats=4)
    work_through(run)

    assert beside == [1, 1]
    assert server.most == 4
    assert states(run) == {ResultState.DONE: 12}


def test_a_shift_that_is_over_gives_back_what_it_had_not_begun(run: Run, served: Any) -> None:
    server = served(seats=2)
    one = shift.Shift(run, server, PLAIN, lambda: sum(server.asked.values()) >= 4)

    assert one.spend() is True

    done = states(run)[ResultState.DONE]
    assert done == sum(server.asked.values()) >= 4
    assert states(run) == {ResultState.DONE: done, ResultState.PENDING: 12 - done}
