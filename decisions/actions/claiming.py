"""How a worker takes an export and is alone at it. The row is the truth.

A claim holds for a while after its last sign of life. What a worker writes, it writes only while
the claim is its own: one that was taken for dead, or whose export was cancelled, changes nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Generic, TypeVar

from django.core.files.base import File
from django.db.models import F, Q, QuerySet

from decisions import clock
from decisions.models import Bundle, Document, DocumentState

# Longer than a task's time limit: a claim without a sign of life for longer is a dead worker's.
CLAIM_HOLDS = timedelta(minutes=5)
# A request that no worker has taken by then was lost on its way.
LOST_AFTER = timedelta(seconds=20)

Kind = TypeVar("Kind", Document, Bundle)


class Lost(Exception):
    """The export is no longer this worker's: it was cancelled, or another has taken it over."""


@dataclass
class Claim(Generic[Kind]):
    """An export that this worker alone is making; `at` tells this claim from a later one."""

    row: Kind
    at: datetime

    @property
    def _still_ours(self) -> QuerySet[Kind]:
        kind: type[Kind] = type(self.row)
        return kind._default_manager.filter(
            pk=self.row.pk, state=DocumentState.RENDERING, claimed_at=self.at
        )

    def go_on(self, **told: Any) -> bool:
        """Give a sign of life and write how far it is; return False if the claim was lost."""
        now = clock.now()
        if not self._still_ours.update(claimed_at=now, **told):
            return False
        self.at = now
        for name, value in told.items():
            setattr(self.row, name, value)
        return True

    def keep(self, name: str, content: File[bytes], **told: Any) -> bool:
        """Store the finished file and mark the row ready, unless the claim was lost meanwhile."""
        file = self.row.file
        file.save(name, content, save=False)
        ready = {"state": DocumentState.READY, "error": "", "finished_at": clock.now()}
        kept = self._still_ours.update(file=file.name, **ready, **told)
        if not kept:
            file.delete(save=False)
        return bool(kept)

    def fail(self, sentence: str, state: DocumentState = DocumentState.FAILED, **told: Any) -> None:
        """Say in one sentence why it could not be made."""
        over = {"state": state, "error": sentence, "finished_at": clock.now()}
        self._still_ours.update(**over, **told)

    def give_up(self) -> None:
        """Delete the row, for another that it would be the same as."""
        self._still_ours.delete()

    def release(self) -> bool:
        """Give back what is not finished, for a worker to go on with."""
        now = clock.now()
        anew = {"state": DocumentState.REQUESTED, "requested_at": now, "attempts": 0}
        anew["woken_at"] = now
        return bool(self._still_ours.update(**anew))


def claim(kind: type[Kind], pk: int, **told: Any) -> Claim[Kind] | None:
    """Take what is asked for, or whose worker died; None if there is nothing to do.

    It is told beside that how often it was taken without getting on.
    """
    now = clock.now()
    waiting = Q(state=DocumentState.REQUESTED) | _abandoned(now)
    taken = kind._default_manager.filter(waiting, pk=pk)
    ours = {"state": DocumentState.RENDERING, "claimed_at": now, "attempts": F("attempts") + 1}
    if not taken.update(**ours, **told):
        return None
    return Claim(kind._default_manager.get(pk=pk), now)


def lost(kind: type[Kind]) -> list[int]:
    """Return what no worker is making although one should, and note that it is woken now.

    What was woken shortly before is left alone: its message may wait behind many others.
    """
    now = clock.now()
    never_taken = Q(state=DocumentState.REQUESTED, requested_at__lt=now - LOST_AFTER)
    not_on_its_way = Q(woken_at=None) | Q(woken_at__lt=now - CLAIM_HOLDS)
    found = kind._default_manager.filter(never_taken | _abandoned(now)).filter(not_on_its_way)
    keys = list(found.order_by("requested_at").values_list("pk", flat=True))
    kind._default_manager.filter(pk__in=keys).update(woken_at=now)
    return keys


def _abandoned(now: datetime) -> Q:
    return Q(state=DocumentState.RENDERING, claimed_at__lt=now - CLAIM_HOLDS)
