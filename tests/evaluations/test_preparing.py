"""Preparing: one worker at a time, the others do something else and read nothing for it."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from decisions import clock
from decisions.models import Decision
from evaluations import encoder, measuring
from evaluations.actions import note_prepared, request_run, start_run
from evaluations.encoder import BeingMade, encode_once, exclusive
from evaluations.measuring import measure
from evaluations.models import CaseSet, Preparation, Run, RunState
from evaluations.preparing_page import steps_in
from evaluations.techniques import TECHNIQUES, Material, Memory, NotYet
from tests.evaluations.helpers import make_candidate, work_through
from tests.factories import People

BM25 = TECHNIQUES["rag/bm25_knn"]
pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let nobody wait for another."""
    monkeypatch.setattr(encoder, "PATIENCE", 0.0)


@pytest.fixture
def elsewhere(run: Run) -> Iterator[None]:
    """Have another worker of this machine build what the run needs."""
    with exclusive(measuring._lock_of(run)):
        yield


@pytest.fixture
def reads(monkeypatch: pytest.MonkeyPatch) -> list[Run]:
    """Return the runs whose cases are read, while the test runs."""
    found: list[Run] = []
    material_of = measuring.material_of

    def noted(run: Run) -> Material:
        found.append(run)
        return material_of(run)

    monkeypatch.setattr(measuring, "material_of", noted)
    return found


def test_a_worker_leaves_a_run_that_another_prepares_and_takes_other_runs(
    run: Run, elsewhere: None, case_set: CaseSet, people: People, draft: Decision, reads: list[Run]
) -> None:
    other = make_candidate(draft, people, "rag/tfidf_knn", name="Other")
    waiting = request_run(other, case_set, by=people.owner)

    assert not measure(run, lambda: False)
    work_through(waiting)

    run.refresh_from_db()
    assert (run.state, run.prepared_at) == (RunState.RUNNING, None)
    assert run.results.filter(state="pending").count() == 12
    assert waiting.state == RunState.FINISHED
    assert reads == [waiting]


def test_once_it_is_prepared_the_next_worker_joins(run: Run) -> None:
    with exclusive(measuring._lock_of(run)):
        work_through(run)
    assert run.state == RunState.RUNNING

    work_through(run)
    assert run.state == RunState.FINISHED


def test_nobody_waits_long_for_vectors_that_another_computes(tmp_path: Any) -> None:
    class Encoder:
        digest, dimensions = "0" * 64, 384

        def encode(self, texts: list[str]) -> Any:
            with pytest.raises(BeingMade):
                encode_once(Encoder(), ["a"], tmp_path)  # type: ignore[arg-type]
            return encoder.np.zeros((1, 384), dtype="float32")

    vectors, _cached = encode_once(Encoder(), ["a"], tmp_path)  # type: ignore[arg-type]
    assert vectors.shape == (1, 384)


@pytest.mark.parametrize(("seconds", "calls"), [(1, 0), (60, 1)])
def test_who_prepared_for_long_calls_back_one_that_did_not_wait(
    run: Run,
    django_capture_on_commit_callbacks: Any,
    jobs: list[Any],
    seconds: int,
    calls: int,
) -> None:
    start_run(run, {})
    with (
        clock.held_at(clock.now() + timedelta(seconds=seconds)),
        django_capture_on_commit_callbacks(execute=True),
    ):
        note_prepared(run, {})
        note_prepared(run, {})

    assert len([one for one in jobs if one[1] == [run.pk]]) == calls


# What is learned elsewhere


def test_while_another_learns_no_cases_are_read(
    run: Run, monkeypatch: pytest.MonkeyPatch, reads: list[Run]
) -> None:
    teach(monkeypatch, learn=never)
    later = clock.now() + timedelta(seconds=60)
    key = measuring.learning_keys(run)[0]
    Preparation.objects.create(key=key, held_by="another", lease_until=later)

    assert not measure(run, lambda: False)
    assert reads == []


def test_a_look_at_what_is_learned_elsewhere_reads_no_cases(
    run: Run, monkeypatch: pytest.MonkeyPatch, reads: list[Run]
) -> None:
    async def look(_spec: Any, material: Material, _memory: Memory) -> None:
        assert material.connect_tuner
        raise NotYet

    teach(monkeypatch, learn=never, look=look)

    assert not measure(run, lambda: False)
    assert reads == []


BEGUN = {"name": "f.jsonl"}
HANDED_IN = BEGUN | {"file": "file-1", "is_beginning": 1}
SEEN = {"stage": "queued", "begun": None, "at": "2030-01-01T12:00:00+00:00"}
STANDING = {"standing": [[1, 5, 8, 0]], "curve": [{}], "seen": 8, "usage": {"requests": 32}}


@pytest.mark.parametrize(
    ("state", "told"),
    [
        ({}, []),
        ({"jobs": {"all": {}}}, []),
        ({"jobs": {"all": BEGUN}}, [("Tuning", "The training file is being handed in.")]),
        (
            {"jobs": {"50": HANDED_IN}},
            [
                (
                    "Tuning on 50 examples",
                    "The training file is at the provider; the job is being asked for.",
                )
            ],
        ),
        (
            {"jobs": {"all": HANDED_IN | {"job": "ft-1"}}},
            [("Tuning", "Job ft-1 has been begun.")],
        ),
        (
            {"jobs": {"all": HANDED_IN | {"job": "ft-1", "seen": SEEN}}},
            [("Tuning", "Job ft-1: it waits in the provider's queue.")],
        ),
        (
            {"jobs": {"all": {"job": "ft-1", "done": {"tuning_job": "ft-1"}}}},
            [("Tuning", "Job ft-1 is done.")],
        ),
        (
            STANDING,
            [
                (
                    "Search for the best prompt",
                    "Round 1 is over: 1 of the prompts are left, compared on 8 development cases "
                    "with 32 of at most 200 requests.",
                )
            ],
        ),
        (
            {"curve": [{"examples": 10}, {"examples": 50}]},
            [("Learning curve", "2 training sizes have been measured, up to 50 examples.")],
        ),
        (
            {"before": [1, 0], "after": [1, 0]},
            [("Forgetting check", "2 cases have been asked of both models.")],
        ),
    ],
)
def test_how_far_preparing_is_stands_in_words(state: Any, told: list[tuple[str, str]]) -> None:
    found = steps_in(state, {"requests": 200})
    assert [(one.name, one.sentence) for one in found] == told


async def never(_spec: Any, _material: Material, _memory: Memory) -> dict[str, Any]:
    raise AssertionError("Nothing is to be learned here.")


def teach(monkeypatch: pytest.MonkeyPatch, **values: Any) -> None:
    """Give BM25 something to learn."""
    monkeypatch.setitem(TECHNIQUES, BM25.key, replace(BM25, **values))
