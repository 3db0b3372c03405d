"""Leases: how the cases of a run are claimed, answered for, and taken back.

The database owns the work; a queue only wakes workers up. A worker claims a few cases under a
token that lapses after a while. It may write their results only while the rows still carry that
token, so a worker that was thought dead and comes back changes nothing.
"""

import os
import socket
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import connection, transaction
from django.db.models import F
from django.utils.translation import gettext as _

from decisions import clock
from evaluations.models import Result, ResultState, Run
from evaluations.models.run import ResultQuerySet

BATCH = 32
MOST_ATTEMPTS = 5


def lease() -> timedelta:
    """Return for how long a claim holds without a sign of life."""
    return timedelta(seconds=settings.EVALUATION_LEASE_SECONDS)


def worker_name() -> str:
    """Return the name of this process: machine and process number."""
    return f"{socket.gethostname()[:60]}:{os.getpid()}"


@dataclass
class Claim:
    """Cases that are one worker's until the lease runs out."""

    token: str
    results: list[Result]
    until: datetime

    def renewed(self) -> bool:
        """Extend the lease once a third of it is used; return whether the claim still holds."""
        now = clock.now()
        if self.until - now > lease() * 2 / 3:
            return True
        self.until = now + lease()
        held = Result.objects.filter(claimed_by=self.token, state=ResultState.CLAIMED)
        return bool(held.update(lease_until=self.until))


@dataclass(frozen=True)
class Answered:
    """What a worker has to write of one case; without an `error` it was answered."""

    result: Result
    latency_ms: float
    at: datetime
    output: str = ""
    correct: bool | None = False
    score: float = 0.0
    error: str = ""
    details: dict[str, Any] = field(default_factory=dict)


def claim(run: Run, limit: int = BATCH) -> Claim | None:
    """Claim the next cases of an open run, or return None if there are none to claim.

    A case that was claimed before is claimed alone: should it be the one that ends its workers,
    no other case ends with it.
    """
    token = f"{worker_name()}:{uuid.uuid4().hex}"
    until = clock.now() + lease()
    with transaction.atomic():
        wanted = _next(run, limit)
        _claimable(run).filter(pk__in=wanted).update(
            state=ResultState.CLAIMED,
            claimed_by=token,
            lease_until=until,
            attempts=F("attempts") + 1,
        )
    mine = Result.objects.filter(claimed_by=token, state=ResultState.CLAIMED)
    results = list(mine.select_related("case").order_by("pk"))
    return Claim(token, results, until) if results else None


def _claimable(run: Run) -> ResultQuerySet:
    """Return what may be claimed: nothing of a run that has ended, and no deadly cases."""
    claimable = Result.objects.claimable(clock.now()).filter(attempts__lt=MOST_ATTEMPTS)
    return claimable.filter(run=run, run__in=Run.objects.open())


def _next(run: Run, limit: int) -> list[int]:
    """Return the next results to claim: some that wait, else one whose lease has run out."""
    waiting = _claimable(run).filter(state=ResultState.PENDING)
    return _first(waiting, limit) or _first(_claimable(run), 1)


def _first(results: ResultQuerySet, limit: int) -> list[int]:
    """Return the first results, locked where the database can skip what others lock."""
    found = results.order_by("pk")
    if connection.features.has_select_for_update_skip_locked:
        found = found.select_for_update(skip_locked=True)
    return list(found.values_list("pk", flat=True)[:limit])


def finish(claim: Claim, answers: Sequence[Answered]) -> int:
    """Write a claim's answers in one transaction; return how many were still the worker's.

    Nothing is written to a run that has ended meanwhile.
    """
    with transaction.atomic():
        return sum(_write(claim.token, answered) for answered in answers)


def _write(token: str, answered: Answered) -> int:
    mine = Result.objects.filter(pk=answered.result.pk, claimed_by=token, state=ResultState.CLAIMED)
    return mine.filter(run__in=Run.objects.open()).update(
        state=ResultState.FAILED if answered.error else ResultState.DONE,
        output=answered.output,
        correct=answered.correct,
        score=answered.score,
        latency_ms=answered.latency_ms,
        answered_at=answered.at,
        error=answered.error,
        details=answered.details,
        lease_until=None,
    )


def release(claim: Claim) -> None:
    """Give back what a worker claimed and will not answer; it does not count as an attempt."""
    Result.objects.filter(claimed_by=claim.token, state=ResultState.CLAIMED).update(
        state=ResultState.PENDING, claimed_by="", lease_until=None, attempts=F("attempts") - 1
    )


def give_up_on_deadly_cases(run: Run) -> int:
    """Count as failed what ended its worker time and again; return how many."""
    sentence = _("The worker stopped %(n)s times while answering this case.") % {"n": MOST_ATTEMPTS}
    deadly = Result.objects.filter(
        run=run,
        state=ResultState.CLAIMED,
        lease_until__lte=clock.now(),
        attempts__gte=MOST_ATTEMPTS,
    )
    return deadly.update(
        state=ResultState.FAILED,
        correct=False,
        score=0.0,
        answered_at=clock.now(),
        error=sentence,
        lease_until=None,
    )
