"""Leases: how the cases of a run are claimed, answered for, and taken back.

The database owns the work; a queue only wakes workers up. A worker claims some cases under a
token that lapses after a while. It may write their results only while the rows still carry that
token, so a worker that was thought dead and comes back changes nothing.
"""

import os
import socket
import uuid
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from django.conf import settings
from django.db import connection, transaction
from django.db.models import F, Field
from django.utils.translation import gettext as _

from decisions import clock
from evaluations.models import OPEN_RUNS, Result, ResultState, Run, RunState
from evaluations.models.run import ResultQuerySet
from evaluations.scoring import scoring_of, view_of

BATCH = 32
MOST_ATTEMPTS = 5
# A case that so many workers did not survive is claimed alone: should it be the one that ends
# them, no other case ends with it.
SUSPECT_AFTER = 2
# Runs that take what was under way: one that was cancelled may go on, and it is paid for.
TAKING_RUNS = [*OPEN_RUNS, RunState.CANCELLED]


def lease() -> timedelta:
    """Return for how long a claim holds without a sign of life."""
    return timedelta(seconds=settings.EVALUATION_LEASE_SECONDS)


def worker_name() -> str:
    """Return the name of this process: machine and process number."""
    return f"{socket.gethostname()[:60]}:{os.getpid()}"


@dataclass(frozen=True)
class Claim:
    """Cases that are one worker's until the lease runs out; a suspect is to be answered alone."""

    token: str
    results: list[Result]

    @property
    def is_suspect(self) -> bool:
        """Return whether workers have died of this case, or beside it, before."""
        return self.results[0].attempts > SUSPECT_AFTER


@dataclass(frozen=True)
class Answered:
    """What a worker has to write of one case; without an `error` it was answered."""

    result: Result
    latency_ms: float
    at: datetime
    output: str = ""
    correct: bool | None = False
    score: float | None = 0.0
    scores: dict[str, float | None] = field(default_factory=dict)
    error: str = ""
    at_once: int = 1
    input_tokens: int | None = None
    output_tokens: int | None = None
    cost: Decimal | None = None
    details: dict[str, Any] = field(default_factory=dict)


def claim(run: Run, limit: int = BATCH) -> Claim | None:
    """Claim the next cases of a working run, or return None if there are none to claim."""
    token = f"{worker_name()}:{uuid.uuid4().hex}"
    with transaction.atomic():
        wanted = _next(run, limit)
        _claimable(run).filter(pk__in=wanted).update(
            state=ResultState.CLAIMED,
            claimed_by=token,
            lease_until=clock.now() + lease(),
            attempts=F("attempts") + 1,
        )
    mine = Result.objects.filter(run=run, claimed_by=token, state=ResultState.CLAIMED)
    results = list(mine.select_related("case").order_by("pk"))
    return Claim(token, results) if results else None


def _claimable(run: Run) -> ResultQuerySet:
    """Return what may be claimed: nothing of a run that rests, and no deadly cases."""
    claimable = Result.objects.claimable(clock.now()).filter(attempts__lt=MOST_ATTEMPTS)
    return claimable.filter(run=run, run__in=Run.objects.working())


def _next(run: Run, limit: int) -> list[int]:
    """Return the next results to claim: some that nobody suspects, else one suspect."""
    claimable = _claimable(run)
    unsuspected = claimable.filter(attempts__lt=SUSPECT_AFTER)
    return _first(unsuspected, limit) or _first(claimable, 1)


def _first(results: ResultQuerySet, limit: int) -> list[int]:
    """Return the first results, locked where the database can skip what others lock."""
    found = results.order_by("pk")
    if connection.features.has_select_for_update_skip_locked:
        found = found.select_for_update(skip_locked=True)
    return list(found.values_list("pk", flat=True)[:limit])


def renew(run: Run, tokens: Collection[str]) -> set[str]:
    """Extend what is still claimed under these tokens; return the tokens that hold."""
    held = Result.objects.filter(run=run, claimed_by__in=tokens, state=ResultState.CLAIMED)
    held.update(lease_until=clock.now() + lease())
    return set(held.values_list("claimed_by", flat=True).distinct())


def finish(answers: Sequence[Answered]) -> int:
    """Write answers in one transaction; return how many cases were still the worker's.

    Nothing is written to a run that has its figures; one that was paused or cancelled meanwhile
    takes what was under way.
    """
    if not answers:
        return 0
    with transaction.atomic(), connection.cursor() as cursor:
        written = _kept(answers[0])
        columns = [column for column in Result._meta.concrete_fields if column.name in written]
        rows = [_row(one, columns) for one in answers]
        cursor.executemany(_statement([str(one.column) for one in columns]), rows)
        return int(cursor.rowcount)


def _statement(columns: Sequence[str]) -> str:
    """Return what writes one answer if it is still the worker's, in a run that takes it.

    In SQL, as building an UPDATE through the ORM for each took longer than the rest of a case.
    """
    quote = connection.ops.quote_name
    sets = ", ".join(f"{quote(column)} = %s" for column in columns)
    states = ", ".join(["%s"] * len(TAKING_RUNS))
    return (
        f"UPDATE {quote(Result._meta.db_table)} SET {sets} "  # noqa: S608  names of our own
        "WHERE id = %s AND claimed_by = %s AND state = %s AND run_id IN "
        f"(SELECT id FROM {quote(Run._meta.db_table)} WHERE state IN ({states}))"
    )


def _row(answered: Answered, columns: "Sequence[Field[Any, Any]]") -> list[Any]:
    """Return what the statement's places hold for one answer."""
    kept, result = _kept(answered), answered.result
    return [
        *(column.get_db_prep_save(kept[column.name], connection) for column in columns),
        result.pk,
        result.claimed_by,
        ResultState.CLAIMED.value,
        *map(str, TAKING_RUNS),
    ]


def _kept(answered: Answered) -> dict[str, Any]:
    """Return what a result's row holds once it is answered."""
    return {
        "state": ResultState.FAILED if answered.error else ResultState.DONE,
        "output": answered.output,
        "correct": answered.correct,
        "score": answered.score,
        "scores": answered.scores,
        "latency_ms": answered.latency_ms,
        "answered_at": answered.at,
        "error": answered.error,
        "at_once": answered.at_once,
        "input_tokens": answered.input_tokens,
        "output_tokens": answered.output_tokens,
        "cost": answered.cost,
        "details": answered.details,
        "lease_until": None,
    }


def release(results: Sequence[Result]) -> None:
    """Give back what a worker claimed and will not answer; it does not count as an attempt."""
    if results:
        _still_mine(results).update(
            state=ResultState.PENDING, claimed_by="", lease_until=None, attempts=F("attempts") - 1
        )


def _still_mine(results: Sequence[Result]) -> ResultQuerySet:
    """Return those of some results that still carry the token they were claimed under."""
    return Result.objects.filter(
        pk__in=[one.pk for one in results],
        claimed_by__in={one.claimed_by for one in results},
        state=ResultState.CLAIMED,
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
    return sum(_given_up(deadly, one, sentence) for one in deadly.select_related("case", "run"))


def _given_up(deadly: ResultQuerySet, one: Result, sentence: str) -> int:
    """Write that a case failed, unless somebody has it again; return how many rows that were."""
    scoring = scoring_of(one.run)
    scores = scoring.of_failure(view_of(one.case))
    return deadly.filter(pk=one.pk).update(
        state=ResultState.FAILED,
        correct=False,
        score=scores[scoring.main.scorer.key],
        scores=scores,
        answered_at=clock.now(),
        error=sentence,
        lease_until=None,
    )
