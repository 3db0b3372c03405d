"""Learning once: what takes long or costs money is done by one worker, kept, and survives it.

A technique that has something to learn (a prompt to mine, a model to have tuned elsewhere) does it
under a lease, like a case. It keeps its state after every step, so that a killed worker costs a
step and not the whole; what is learned serves every worker and every later run of the same spec.
"""

import asyncio
import time
import uuid
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from asgiref.sync import async_to_sync, sync_to_async
from django.db.models import Q, QuerySet

from decisions import clock
from evaluations import work
from evaluations.models import Preparation
from evaluations.shift import Stop
from evaluations.techniques import Interrupted, Memory, PrepareError

Lesson = Callable[[Memory], Awaitable[Mapping[str, Any]]]

LOOK_EVERY = 2.0  # seconds between two looks whether learning may go on


class SomeoneElseLearns(Exception):
    """Another worker is at it; there is nothing to do here until it is done."""


@dataclass
class LearnersMemory:
    """What a technique keeps while it learns; see `evaluations.techniques.Memory`."""

    preparation: Preparation
    token: str
    stop: Stop
    state: dict[str, Any] = field(default_factory=dict)
    # Whether what it is learned for rests; asked meanwhile, where `stop` waits for a step's end.
    rests: Stop = lambda: False

    async def keep(self, **state: Any) -> None:
        """Keep a state; raise `Interrupted` if this worker has to make room for others now."""
        self.state = {**self.state, **state}
        is_mine = await sync_to_async(self._write)(state=self.state)
        if not is_mine or await sync_to_async(self.stop)():
            raise Interrupted

    def goes_on(self) -> bool:
        """Extend the lease; return whether it still holds and nobody has stopped the run."""
        return bool(self._write(lease_until=clock.now() + work.lease())) and not self.rests()

    def finish(self, learned: Mapping[str, Any]) -> None:
        """Keep what was learned."""
        self._write(learned=dict(learned), finished_at=clock.now(), held_by="", lease_until=None)

    def release(self) -> None:
        """Let another worker go on from the kept state."""
        self._write(held_by="", lease_until=None)

    def _write(self, **values: Any) -> int:
        mine = Preparation.objects.filter(pk=self.preparation.pk, held_by=self.token)
        return mine.update(**values)


class TimedMemory:
    """A memory that keeps as well how long learning took so far, whoever was at it."""

    def __init__(self, memory: Memory) -> None:
        self.memory, self.state = memory, memory.state
        self.before = float(memory.state.get("learning_seconds", 0.0))
        self.began = time.monotonic()

    @property
    def seconds(self) -> float:
        """Return how long learning took so far; not what others' machines took meanwhile."""
        return round(self.before + time.monotonic() - self.began, 3)

    async def keep(self, **state: Any) -> None:
        """Keep a state and the time; raise `Interrupted` as the memory does."""
        await self.memory.keep(**state, learning_seconds=self.seconds)
        self.state = self.memory.state


def learned(key: str, lesson: Lesson, stop: Stop, rests: Stop = lambda: False) -> Mapping[str, Any]:
    """Return what has been learned under a key, taking the lesson now if nobody has.

    `stop` is asked after each step that is kept, `rests` all the time: a step in hand is given up.
    Raises `SomeoneElseLearns`, `NotYet` or `Interrupted` where that has to wait, and what the
    technique raises where it cannot be learned. A sentence that it kept as `failed` is raised as
    `PrepareError` until somebody tries again.
    """
    preparation, _made = Preparation.objects.get_or_create(key=key)
    if preparation.learned is not None:
        return dict(preparation.learned)
    if failed := preparation.state.get("failed"):
        raise PrepareError(failed)
    memory = taken(preparation, stop)
    memory.rests = rests
    try:
        found = async_to_sync(_learned)(lesson, memory)
    except BaseException:
        memory.release()
        raise
    memory.finish(found)
    return found


def taken(preparation: Preparation, stop: Stop) -> LearnersMemory:
    """Take the lease, or raise `SomeoneElseLearns`."""
    token = f"{work.worker_name()}:{uuid.uuid4().hex}"
    if not _free(preparation).update(held_by=token, lease_until=clock.now() + work.lease()):
        raise SomeoneElseLearns
    preparation.refresh_from_db()
    return LearnersMemory(preparation, token, stop, preparation.state)


def _free(preparation: Preparation) -> QuerySet[Preparation]:
    """Return the preparation if it is neither learned nor in anyone's hands."""
    lapsed = Q(lease_until__isnull=True) | Q(lease_until__lte=clock.now())
    return Preparation.objects.filter(lapsed, pk=preparation.pk, learned__isnull=True)


async def _learned(lesson: Lesson, memory: LearnersMemory) -> Mapping[str, Any]:
    """Learn, renewing the lease meanwhile; stop where it is lost."""
    learning = asyncio.ensure_future(lesson(memory))
    try:
        await _kept_alive(learning, memory)
    finally:
        learning.cancel()
    return await learning


async def _kept_alive(learning: asyncio.Future[Any], memory: LearnersMemory) -> None:
    """Wait until all is learned; raise `Interrupted` where that has to stop for now."""
    period = min(LOOK_EVERY, work.lease().total_seconds() / 3)
    while not learning.done():
        await asyncio.wait([learning], timeout=period)
        if not learning.done() and not await sync_to_async(memory.goes_on)():
            raise Interrupted
