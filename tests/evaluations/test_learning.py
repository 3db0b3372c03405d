"""Learning once: by one worker, kept step by step, good for every later run of the same spec."""

import asyncio
from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from functools import partial
from typing import Any

import pytest
from asgiref.sync import sync_to_async

from decisions import clock
from evaluations import measuring
from evaluations.actions import request_run, resume_run, retry_run
from evaluations.learning import SomeoneElseLearns, learned
from evaluations.models import CaseSet, Preparation, Run, RunState
from evaluations.run_page import RunPage
from evaluations.techniques import (
    TECHNIQUES,
    Halt,
    Interrupted,
    Material,
    Memory,
    NotYet,
    PrepareError,
)
from tests.evaluations.helpers import work_through
from tests.factories import People

BM25 = TECHNIQUES["rag/bm25_knn"]
pytestmark = pytest.mark.django_db


def never() -> bool:
    return False


class Lesson:
    """Something to learn in steps; it counts how often each was taken."""

    def __init__(self, steps: int = 3) -> None:
        self.steps = steps
        self.taken: list[int] = []

    async def __call__(self, _spec: Any, _material: Material, memory: Memory) -> Mapping[str, Any]:
        for step in range(memory.state.get("done", 0), self.steps):
            self.taken.append(step)
            await asyncio.sleep(0)
            await memory.keep(done=step + 1)
        return {"learned": self.steps}


def learn(lesson: Any, key: str = "key", stop: Any = never) -> Mapping[str, Any]:
    return learned(key, partial(lesson, None, Material()), stop)


def test_what_is_learned_is_learned_once() -> None:
    lesson = Lesson()

    assert learn(lesson) == learn(lesson) == {"learned": 3}
    assert lesson.taken == [0, 1, 2]
    assert Preparation.objects.get().finished_at


def test_an_interrupted_worker_keeps_its_steps_and_the_next_goes_on() -> None:
    lesson = Lesson()
    with pytest.raises(Interrupted):
        learn(lesson, stop=lambda: len(lesson.taken) >= 2)

    assert Preparation.objects.get().state == {"done": 2}
    assert learn(lesson) == {"learned": 3}
    assert lesson.taken == [0, 1, 2]


def test_nobody_learns_what_another_worker_is_at() -> None:
    Preparation.objects.create(
        key="key", held_by="another", lease_until=clock.now() + timedelta(seconds=30)
    )
    lesson = Lesson()

    with pytest.raises(SomeoneElseLearns):
        learn(lesson)
    assert lesson.taken == []


def test_what_a_dead_worker_was_at_is_taken_over_where_it_stopped() -> None:
    Preparation.objects.create(
        key="key",
        held_by="dead",
        lease_until=clock.now() - timedelta(seconds=1),
        state={"done": 1},
    )
    lesson = Lesson()

    assert learn(lesson) == {"learned": 3}
    assert lesson.taken == [1, 2]


def test_a_worker_that_lost_its_lease_learns_no_further() -> None:
    class Stolen(Lesson):
        async def __call__(self, spec: Any, material: Material, memory: Memory) -> Any:
            await sync_to_async(Preparation.objects.update)(held_by="someone else")
            return await super().__call__(spec, material, memory)

    lesson = Stolen()
    with pytest.raises(Interrupted):
        learn(lesson)

    assert lesson.taken == [0]
    assert Preparation.objects.get().learned is None


def test_a_long_step_keeps_its_lease(settings: Any) -> None:
    settings.EVALUATION_LEASE_SECONDS = 0.3

    async def long(_spec: Any, _material: Material, _memory: Memory) -> Mapping[str, Any]:
        await asyncio.sleep(0.8)
        with pytest.raises(SomeoneElseLearns):
            await sync_to_async(learn)(Lesson())
        return {}

    assert learn(long) == {}


# In a run


@pytest.fixture
def teach(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Return a function that gives BM25 something to learn before it is prepared."""

    def put(lesson: Any) -> None:
        monkeypatch.setitem(TECHNIQUES, BM25.key, replace(BM25, learn=lesson))

    return put


def test_a_run_learns_first_and_keeps_what_it_learned(run: Run, teach: Any) -> None:
    teach(Lesson())

    work_through(run)

    assert run.state == RunState.FINISHED
    assert run.artefact["learned"] == 3
    (told,) = run.artefact["learning"]
    assert (told["run"], told["seconds"] >= 0) == (run.pk, True)
    facts = dict(RunPage(run).artefact)
    assert facts["Learning took"].endswith(" s")
    assert facts["Building took"].endswith(" s")


def test_a_later_run_of_the_same_spec_learns_nothing_again(
    run: Run, teach: Any, people: People
) -> None:
    lesson = Lesson()
    teach(lesson)
    work_through(run)
    measuring._kept.clear()
    work_through(same := request_run(run.candidate, run.case_set, by=people.owner))
    work_through(built := request_run(run.candidate, run.case_set, by=people.owner))
    told = dict(RunPage(built).artefact)["Building took"]
    assert told.endswith(f"s, done by {same} and used again")
    measuring._kept.clear()

    again = request_run(run.candidate, run.case_set, by=people.owner)
    work_through(again)

    assert again.state == RunState.FINISHED
    assert lesson.taken == [0, 1, 2]
    told = dict(RunPage(again).artefact)["Learning took"]
    assert told.endswith(f"s, done by {run} and used again")


def test_while_what_is_learned_elsewhere_is_not_ready_the_run_waits(run: Run, teach: Any) -> None:
    answers = iter([NotYet(), NotYet(), {"model": "tuned-1"}])

    async def poll(_spec: Any, _material: Material, _memory: Memory) -> Mapping[str, Any]:
        found = next(answers)
        if isinstance(found, Exception):
            raise found
        return found

    teach(poll)
    for _ in range(2):
        work_through(run)
        assert run.state == RunState.RUNNING
        assert run.results.filter(state="pending").count() == 12
    work_through(run)

    assert run.state == RunState.FINISHED
    assert run.artefact["model"] == "tuned-1"


def test_learning_that_has_to_rest_pauses_the_run(run: Run, teach: Any, people: People) -> None:
    answers = iter([Halt("The budget is used up."), {}])

    async def spend(_spec: Any, _material: Material, _memory: Memory) -> Mapping[str, Any]:
        found = next(answers)
        if isinstance(found, Exception):
            raise found
        return found

    teach(spend)
    work_through(run)
    assert (run.state, run.paused_because) == (RunState.PAUSED, "The budget is used up.")

    resume_run(run, by=people.owner)
    work_through(run)
    assert run.state == RunState.FINISHED


def test_learning_that_makes_no_sense_fails_the_run_and_can_be_tried_again(
    run: Run, teach: Any, people: People
) -> None:
    async def refuse(_spec: Any, _material: Material, _memory: Memory) -> Mapping[str, Any]:
        raise PrepareError("There are no development cases.")

    teach(refuse)
    work_through(run)
    assert (run.state, run.error) == (RunState.FAILED, "There are no development cases.")

    teach(Lesson())
    retry_run(run, by=people.owner)
    work_through(run)
    assert run.state == RunState.FINISHED


def test_another_case_set_is_learned_anew(
    run: Run, case_set: CaseSet, teach: Any, people: People, tmp_path: Any
) -> None:
    from tests.evaluations.helpers import make_case_set

    lesson = Lesson()
    teach(lesson)
    work_through(run)
    other = make_case_set(tmp_path, name="Others", tests=2)
    work_through(request_run(run.candidate, other, by=people.owner))

    assert lesson.taken == [0, 1, 2, 0, 1, 2]
