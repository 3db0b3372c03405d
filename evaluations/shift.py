"""One worker's stretch of work on a run: claim, answer several at once, write, renew, hand back.

The loop keeps as many answers under way as there are seats. Beside them goes at most one chore at
the database: what is done is written twice a second, so that progress is never far behind, and more
is claimed before it is needed. The database is only ever touched from the thread that called
`Shift.spend`. A technique that computes here keeps the loop's own thread busy and answers nothing
during a chore: its latency is its own.
"""

import asyncio
import contextlib
import inspect
import logging
import time
from collections import deque
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field, replace
from typing import Any

from asgiref.sync import async_to_sync, sync_to_async
from celery.exceptions import SoftTimeLimitExceeded
from django.db import DatabaseError

from decisions import clock
from evaluations import work
from evaluations.endpoints.errors import EndpointError
from evaluations.judging import Judges, Verdict
from evaluations.models import OPEN_RUNS, WORKING_RUNS, Result, Run, RunState
from evaluations.scorers import CaseView
from evaluations.scoring import Scores, Scoring, view_of
from evaluations.techniques import Answer, Answerer, Halt, Question, Remote

logger = logging.getLogger(__name__)

BOOKS_EVERY = 0.5  # seconds between writing what is done and looking whether the run goes on
LOOK_AGAIN = 0.05  # seconds, while no seat is free
CLAIM_AGAIN = 0.2  # seconds, while nothing can be claimed
AHEAD = 0.5  # seconds of work that a worker claims beyond what is under way
MOST_AHEAD = 200  # cases
GRACE = 5.0  # seconds that what is under way gets to end when the run was cancelled
LONGEST = 1500.0  # seconds; what is under way then is given back, well before the task is ended

Stop = Callable[[], bool]
Task = asyncio.Task[work.Answered]
Chore = Callable[[], Coroutine[Any, Any, None]]


@dataclass
class Shift:
    """A worker's shift on one run. `stop` says when it is over; what is under way is finished."""

    run: Run
    answerer: Answerer
    scoring: Scoring
    stop: Stop
    judges: Judges | None = None
    waiting: deque[Result] = field(default_factory=deque)
    under_way: dict[Task, Result] = field(default_factory=dict)
    chore: asyncio.Task[None] | None = None
    done: list[work.Answered] = field(default_factory=list)
    refused: list[Result] = field(default_factory=list)
    answered: int = 0
    alone: bool = False
    exhausted: bool = False
    resting: bool = False
    halted: str = ""
    claim_at: float = 0.0

    def __post_init__(self) -> None:
        self._remote = self.answerer if isinstance(self.answerer, Remote) else None

    def spend(self) -> bool:
        """Answer cases until none can be claimed or the shift is over; return whether any may be.

        Raise `Halt` where the run cannot go on; what was claimed is given back before.
        """
        async_to_sync(self._work)()
        if self.halted:
            raise Halt(self.halted)
        return not self.exhausted

    async def _work(self) -> None:
        self.began = self.booked = self.renewed = time.monotonic()
        self.ends = self._longest
        self.news = asyncio.Event()
        try:
            while self._busy():
                await self._wait()
                self._collect()
        finally:
            await self._hand_in()

    def _busy(self) -> bool:
        """Begin what there are seats for, and a chore; return whether anything goes on."""
        while self._may_begin and len(self.under_way) < self._seats:
            self._begin(self.waiting.popleft())
        if not self.chore and (chore := self._due()):
            self.chore = asyncio.create_task(chore())
            self.chore.add_done_callback(self._tell)
        return self._goes_on or bool(self.chore)

    @property
    def _longest(self) -> float:
        return self.began + LONGEST

    @property
    def _may_begin(self) -> bool:
        """Return whether another answer may begin, were there a seat for it."""
        is_disturbed = bool(self.chore) and not self._remote
        return bool(self.waiting) and not self._is_over and not is_disturbed

    @property
    def _goes_on(self) -> bool:
        return bool(self.under_way) or (not self._is_over and bool(self.waiting))

    def _due(self) -> Chore | None:
        """Return what has to be done at the database now."""
        now = time.monotonic()
        if self._wants_more(now):
            return self._claim
        if self._goes_on and now - self.renewed >= work.lease().total_seconds() / 3:
            return self._renew
        if self._goes_on and now - self.booked >= BOOKS_EVERY:
            return self._keep_books
        return None

    def _tell(self, _task: asyncio.Task[Any]) -> None:
        self.news.set()

    async def _wait(self) -> None:
        """Wait for something to be done, but not for ever: seats come and go."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(LOOK_AGAIN):
                await self.news.wait()
        self.news.clear()

    def _collect(self) -> None:
        """Take the answers that are there; raise what a chore ended with."""
        for task in [one for one in self.under_way if one.done()]:
            self._take(task, self.under_way.pop(task))
        if self.chore and self.chore.done():
            chore, self.chore = self.chore, None
            chore.result()

    @property
    def _is_over(self) -> bool:
        return bool(self.halted) or self.resting or self.stop()

    @property
    def _seats(self) -> int:
        """Return how many answers may be under way now."""
        asked = self._remote or self.judges
        return min(asked.seats() if asked else 1, 1 if self.alone else self.run.concurrency)

    def _wants_more(self, now: float) -> bool:
        """Return whether less waits than is soon needed; a suspect only once all else is done."""
        if self._is_over or self.exhausted or (self._has_any and now < self.claim_at):
            return False
        return not (self.alone and self._has_any) and len(self.waiting) <= self._ahead // 2

    async def _claim(self) -> None:
        found = await sync_to_async(work.claim)(self.run, self._ahead)
        if found is None:
            self.claim_at = time.monotonic() + CLAIM_AGAIN
            self.exhausted = not self._has_any
            return
        self.alone = found.is_suspect
        self.waiting.extend(found.results)

    @property
    def _has_any(self) -> bool:
        return bool(self.waiting or self.under_way)

    @property
    def _ahead(self) -> int:
        """Return how many cases to claim at a time: as many as seats, and a second's work."""
        rate = self.answered / max(time.monotonic() - self.began, 0.001)
        return min(max(self._seats, int(rate * AHEAD), 1), MOST_AHEAD)

    def _begin(self, result: Result) -> None:
        """Begin an answer; those under way have one more beside them from now on."""
        task = asyncio.create_task(self._answer(result))
        task.add_done_callback(self._tell)
        self.under_way[task] = result
        now = len(self.under_way) if self._remote else 1
        result.at_once = now
        for one in self.under_way.values():
            one.at_once = max(one.at_once, now)

    def _take(self, task: Task, result: Result) -> None:
        try:
            self.done.append(task.result())
            self.answered += 1
        except Halt as why:
            self.halted = str(why)
            self.waiting.append(result)  # goes back with the rest
        except asyncio.CancelledError:
            self.waiting.append(result)

    async def _keep_books(self) -> None:
        """Write what is done and look whether the run goes on."""
        self.booked = time.monotonic()
        await self._write()
        await self._look()

    async def _write(self) -> None:
        """Write what is done; what a run that has ended refuses is given back at the end."""
        answers, self.done = self.done, []
        try:
            written = await sync_to_async(work.finish)(answers)
        except BaseException:
            self.done = [*answers, *self.done]  # they are paid for: tried once more at the end
            raise
        if written < len(answers):
            self.refused += [one.result for one in answers]

    async def _look(self) -> None:
        """Rest when the run does; give up what is under way soon after it was cancelled."""
        state = await sync_to_async(_state)(self.run)
        now = time.monotonic()
        self.resting = state not in WORKING_RUNS
        self.ends = min(self.ends, now + GRACE) if state not in OPEN_RUNS else self._longest
        if now >= self.ends:
            for task in self.under_way:
                task.cancel()

    async def _renew(self) -> None:
        """Renew the leases; drop what is another worker's by now."""
        self.renewed = time.monotonic()
        tokens = {one.claimed_by for one in (*self.waiting, *self.under_way.values())}
        held = await sync_to_async(work.renew)(self.run, tokens)
        self.waiting = deque(one for one in self.waiting if one.claimed_by in held)

    async def _hand_in(self) -> None:
        """Write what is done and give back what is not; close the technique's connections."""
        for task in self.under_way:
            task.cancel()
        chores = [self.chore] if self.chore else []
        await asyncio.gather(*self.under_way, *chores, return_exceptions=True)
        for task, result in self.under_way.items():
            if task.cancelled() or task.exception():
                self.waiting.append(result)
            else:
                self.done.append(task.result())
        async with contextlib.AsyncExitStack() as last:  # each is done, whatever becomes of others
            if self.judges:
                last.push_async_callback(self.judges.close)
            if self._remote:
                last.push_async_callback(self._remote.close)
            last.push_async_callback(self._release)
            try:
                await self._write()
            except DatabaseError:
                await asyncio.sleep(BOOKS_EVERY)
                await self._write()

    async def _release(self) -> None:
        await sync_to_async(work.release)([*self.waiting, *self.refused])

    async def _answer(self, result: Result) -> work.Answered:
        """Answer one case and score it; what it raises becomes its error."""
        began = time.perf_counter()
        try:
            question = Question(result.case.input, result.case.key, result.repeat)
            awaited = self.answerer.answer(question)
            answer = await awaited if inspect.isawaitable(awaited) else awaited
            latency = answer.latency_ms or _milliseconds(began)
            view = view_of(result.case).with_details(answer.details)
            found = self.scoring.scores(answer.output, view)
        except (Halt, SoftTimeLimitExceeded):
            raise
        except Exception as error:
            logger.exception("Case %s of %s could not be answered", result.case_id, self.run)
            return self._failed(result, error, _milliseconds(began))
        judged = await self._judged(result, answer.output, view)
        found |= {key: one.score for key, one in judged.items()}
        noted = {key: one.noted for key, one in judged.items()}
        details = answer.details | ({"judged": noted} if noted else {})
        return self._scored(result, replace(answer, details=details), found, latency)

    async def _judged(self, result: Result, output: str, view: CaseView) -> dict[str, Verdict]:
        """Return each judge's verdict; one that gives none is not the answer's fault."""
        judges, found = self.judges, dict[str, Verdict]()
        if judges is None:
            return found
        for key in judges.sitting:
            try:
                found[key] = await judges.verdict(key, output, view)
            except (Halt, SoftTimeLimitExceeded):
                raise
            except Exception as error:
                logger.exception("Case %s of %s could not be judged", result.case_id, self.run)
                found[key] = Verdict(None, fault=_told(error))
        return found

    def _failed(self, result: Result, error: Exception, latency: float) -> work.Answered:
        scores = self.scoring.of_failure(view_of(result.case))
        return work.Answered(
            result,
            latency,
            clock.now(),
            error=_told(error),
            at_once=result.at_once,
            score=scores[self.scoring.main.scorer.key],
            scores=scores,
        )

    def _scored(
        self, result: Result, answer: Answer, found: Scores, latency: float
    ) -> work.Answered:
        """Return an answer with its scores; where the main judge gave none, to be tried again."""
        key = self.scoring.main.scorer.key
        main = found[key]
        return work.Answered(
            result,
            latency,
            clock.now(),
            output=answer.output.replace("\0", ""),
            correct=main.correct if main else None,
            score=main.value if main else None,
            scores={key: one.value if one else None for key, one in found.items()},
            error=answer.details.get("judged", {}).get(key, {}).get("fault", ""),
            at_once=result.at_once,
            input_tokens=answer.input_tokens,
            output_tokens=answer.output_tokens,
            cost=answer.cost,
            details=dict(answer.details),
        )


def _state(run: Run) -> str:
    """Return the state of a run as it is now; one that is gone has ended."""
    found = Run.objects.filter(pk=run.pk).values_list("state", flat=True).first()
    return found or RunState.CANCELLED


def _told(error: Exception) -> str:
    """Return an error as it is shown: a sentence of our own as it is, others with their kind."""
    if isinstance(error, EndpointError):
        return error.sentence
    return f"{type(error).__name__}: {error}"[:500].replace("\0", "")


def _milliseconds(began: float) -> float:
    return 1000 * (time.perf_counter() - began)
