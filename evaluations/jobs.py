"""The right to write for an import: who has it, how it is kept, and how it is lost.

The row in the database owns the work. Whoever carries its token writes; every short transaction
says so again, so that a worker that was taken for dead, or whose import was cancelled, writes
nothing more.
"""

import time
import uuid
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

from django.db import models, reset_queries, transaction
from django.utils.translation import gettext as _

from decisions import clock
from decisions.models import User
from decisions.policies import BadInput, Refused, wrong_state
from evaluations.models import (
    Case,
    CaseSet,
    Corpus,
    Document,
    Import,
    ImportState,
    ImportStep,
    Result,
    Run,
)
from evaluations.models.intake import MOST_ATTEMPTS, OPEN_IMPORTS

BATCH = 1000  # rows a transaction: some 50 ms on two cores
SLOW = 0.3  # seconds a transaction may take before the next ones take fewer rows
BEAT = 1.0  # seconds between two signs of life
LOOK = 500  # rows between two looks at the clock


class Lost(Exception):
    """The import is no longer this worker's: it was cancelled, or another has taken it over."""


@dataclass
class Job:
    """An import that this process alone works on."""

    pk: int
    token: str
    beaten_at: float = field(default_factory=time.monotonic)

    def hold(self, **values: Any) -> None:
        """Write to the row and say that this process lives; raise `Lost` if it is not its own."""
        mine = Import.objects.filter(pk=self.pk, token=self.token, state=ImportState.RUNNING)
        if not mine.update(heard_at=clock.now(), **values):
            raise Lost
        self.beaten_at = time.monotonic()

    def step(self, step: ImportStep, total: int | None = None) -> None:
        """Say what is done next, and how many rows it is about."""
        self.hold(step=step, done=0, total=total)

    def beat(self) -> None:
        """Say about every second that this process lives."""
        if time.monotonic() - self.beaten_at > BEAT:
            self.hold()

    def watched(self, rows: Iterable[Any]) -> Iterator[Any]:
        """Yield rows, saying about every second how many went by."""
        for number, row in enumerate(rows, 1):
            if number % LOOK == 0 and time.monotonic() - self.beaten_at > BEAT:
                self.hold(done=number)
            yield row

    def write(self, rows: Iterable[models.Model]) -> None:
        """Write rows in short transactions, each of which others wait for only briefly.

        Where the disk is slow, fewer rows go into one.
        """
        rest, done, size = iter(rows), 0, BATCH
        while batch := list(islice(rest, size)):
            done += len(batch)
            began = time.monotonic()
            with transaction.atomic():
                self.hold(done=done)
                type(batch[0])._default_manager.bulk_create(batch)
            is_slow = time.monotonic() - began > SLOW
            size = max(size // 2, BATCH // 10) if is_slow else min(size * 2, BATCH)
            reset_queries()  # which are kept where DEBUG is on

    def finish(self, outcome: str = "", **made: Any) -> None:
        """End the import with what came of it; in the transaction that makes it ready."""
        self.hold(
            state=ImportState.FINISHED, finished_at=clock.now(), outcome=outcome, token="", **made
        )


@contextmanager
def own_job(what: str, name: str, files: list[str], by: User | None) -> Iterator[Job]:
    """Give a process that reads its files where they are the right to write.

    If the block fails, nothing of it stays; if the process dies, the sweep clears up after it.
    """
    now = clock.now()
    row = Import.objects.create(
        what=what,
        name=name.strip()[:120],
        files=files,
        state=ImportState.RUNNING,
        token=uuid.uuid4().hex,
        attempts=1,
        requested_by=by,
        requested_at=now,
        started_at=now,
        heard_at=now,
    )
    job = Job(row.pk, row.token)
    try:
        yield job
    except BaseException as error:
        sentence = str(error) if isinstance(error, BadInput | Refused) else ""
        fail(job, sentence or _("It was interrupted."))
        discard_drafts()
        if isinstance(error, Lost):
            raise wrong_state(_("The import was cancelled.")) from error
        raise


def claim(import_id: int) -> Job | None:
    """Take an import that waits, or whose worker died; None if there is nothing to do.

    What a dead worker left behind is cleared away first.
    """
    now, token = clock.now(), uuid.uuid4().hex
    taken = Import.objects.claimable(now).filter(pk=import_id, attempts__lt=MOST_ATTEMPTS)
    if not taken.update(
        state=ImportState.RUNNING,
        step=ImportStep.CHECKING,
        token=token,
        attempts=models.F("attempts") + 1,
        started_at=now,
        heard_at=now,
        done=0,
        total=None,
    ):
        return None
    discard_drafts(import_id)
    return Job(import_id, token)


def fail(job: Job, sentence: str) -> None:
    """End an import that cannot go on, with the reason in one sentence."""
    mine = Import.objects.filter(pk=job.pk, token=job.token, state=ImportState.RUNNING)
    mine.update(state=ImportState.FAILED, finished_at=clock.now(), error=sentence, token="")


def cancel(row: Import) -> bool:
    """Stop an import; return whether it had not ended. Its worker notices at its next batch."""
    open_one = Import.objects.filter(pk=row.pk, state__in=OPEN_IMPORTS)
    stopped = open_one.update(state=ImportState.CANCELLED, finished_at=clock.now(), token="")
    row.refresh_from_db()
    return bool(stopped)


def give_up_on_the_dead() -> None:
    """End what nobody will go on with: commands that died, and what ended worker after worker."""
    dead = Import.objects.abandoned(clock.now())
    ended = {"state": ImportState.FAILED, "finished_at": clock.now(), "token": ""}
    sentence = _("The process that was importing it has ended. Start the import again.")
    dead.filter(upload="").update(error=sentence, **ended)
    sentence = _("It was given up: each of the workers that tried it has ended.")
    dead.filter(attempts__gte=MOST_ATTEMPTS).update(error=sentence, **ended)


def discard_drafts(import_id: int | None = None) -> None:
    """Delete what was half written by an import, or by all that work no more."""
    # Results before the cases that they speak of; all are found before any link is gone.
    drafts: list[tuple[type[models.Model], str, Any, Sequence[str]]] = [
        (Result, "run", Run.everything, ["brought_in_by"]),
        (Case, "case_set", CaseSet.everything, ["imports", "runs__brought_in_by"]),
        (Document, "corpus", Corpus.everything, ["imports"]),
    ]
    found = [(*one[:3], _abandoned(one[2], one[3], import_id)) for one in drafts]
    for rows, owner, every, keys in found:
        for pk in keys:
            _empty(rows, {owner: pk})
            every.filter(pk=pk, is_ready=False).delete()


def _abandoned(every: Any, ways: Sequence[str], import_id: int | None) -> list[int]:
    """Return the drafts of an import, or those of no import that works; `ways` lead to imports."""
    found = every.filter(is_ready=False)
    if import_id is None:
        for way in ways:
            found = found.exclude(**{f"{way}__state": ImportState.RUNNING})
    else:
        found = found.filter(models.Q(*((way, import_id) for way in ways), _connector="OR"))
    return list(found.values_list("pk", flat=True).distinct())


def _empty(rows: type[models.Model], of: dict[str, int]) -> None:
    """Delete rows in short transactions."""
    found = rows._default_manager.filter(**of).order_by("pk")
    while batch := list(found.values_list("pk", flat=True)[:BATCH]):
        rows._default_manager.filter(pk__in=batch).delete()
