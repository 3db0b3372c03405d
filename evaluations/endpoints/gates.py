"""Seats: how many requests may be under way at an endpoint and for a run, over all workers.

Every worker holds a share of a gate's seats, leased in the database. It renews its lease about once
a second and takes its fair part then, but never more than the others leave: a newcomer waits until
they have shrunk, and what is under way keeps its seat until it is done. So no gate ever has more
requests under way than it allows, except for what a worker had under way that was silent for longer
than its lease and is thought dead.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta

from asgiref.sync import sync_to_async
from django.db import DatabaseError, transaction

from decisions import clock
from evaluations import work
from evaluations.endpoints.pace import Pace, fair_shares
from evaluations.models import Share

logger = logging.getLogger(__name__)

LONGEST_LEASE = timedelta(seconds=15)
RENEW_EVERY = 1.0  # seconds
LONG_AGO = datetime(1970, 1, 1, tzinfo=UTC)


class Gate:
    """One worker's way through some gates, given by name with the most that each lets through.

    `worker` has to be another for every Gate; it asks for no more than `most`. Only `seats`,
    `slower` and `faster` keep off the database; before the first `renew` there are no seats.
    """

    def __init__(
        self, names_and_caps: Mapping[str, int], worker: str, most: int | None = None
    ) -> None:
        self.caps = dict(names_and_caps)
        self.worker = worker
        self.most = min([*self.caps.values(), *([most] if most else [])])
        self._pace = Pace()
        self._granted = 0
        self._until = LONG_AGO

    def seats(self) -> int:
        """Return how many requests this worker may have under way now."""
        return self._pace.within(self._granted) if clock.now() < self._until else 0

    def slower(self) -> None:
        """Note that the server had too much to do: fewer seats for a while."""
        self._pace.slower(self._granted)

    def faster(self) -> None:
        """Note that the server has answered."""
        self._pace.faster(self._granted)

    def renew(self, under_way: int = 0) -> None:
        """Take or renew this worker's share of every gate; what is `under_way` keeps its seats.

        Until that is done, no more than this may be under way: the others are told of no more.
        """
        self._granted = min(self._granted, under_way)
        until = clock.now() + min(LONGEST_LEASE, work.lease())
        shares = [
            take_share(name, self.worker, cap=cap, wanted=self._wanted, until=until, held=under_way)
            for name, cap in self.caps.items()
        ]
        self._granted, self._until = min(shares), until

    def leave(self) -> None:
        """Give the seats back."""
        self._granted, self._until = 0, LONG_AGO
        Share.objects.filter(gate__in=self.caps, worker=self.worker).delete()

    async def keep(self, under_way: Callable[[], int]) -> None:
        """Renew about once a second until cancelled; a busy database is asked again."""
        while True:
            now = under_way()
            self._granted = min(self._granted, now)  # before anything else can begin
            try:
                await sync_to_async(self.renew)(now)
            except DatabaseError:
                logger.warning("The seats of %s could not be renewed", self.worker, exc_info=True)
            await asyncio.sleep(RENEW_EVERY)

    @property
    def _wanted(self) -> int:
        """Return how many seats could be used: what all gates allow, and the server soon bears."""
        return min(self.most, 2 * self._pace.within(self.most))


def take_share(
    gate: str, worker: str, *, cap: int, wanted: int, until: datetime, held: int = 0
) -> int:
    """Take or renew a worker's share of one gate; return how many seats it may fill from now on.

    The worker's row is there before the others' are locked, so of two workers one always sees the
    other's, and waits for its lock. What the others hold is read once the locks are held: a row
    that came in while they were waited for is not among them, and may have its share already.
    """
    newly = {"until": until, "wanted": wanted}  # others leave room for it from now on
    Share.objects.get_or_create(gate=gate, worker=worker, defaults=newly)
    with transaction.atomic():
        of_gate = Share.objects.filter(gate=gate).order_by("pk")
        list(of_gate.select_for_update())
        rows = list(of_gate.all())
        live = [row for row in rows if row.until > clock.now() or row.worker == worker]
        mine = next((row for row in live if row.worker == worker), None)
        if mine is None:  # taken for dead in this very moment
            return 0
        mine.wanted, mine.until = wanted, until
        granted = _granted(live, mine, cap)
        mine.granted = max(granted, held)
        mine.save(update_fields=["granted", "wanted", "until"])
        Share.objects.filter(pk__in=[row.pk for row in rows if row not in live]).delete()
    return granted


def _granted(live: list[Share], mine: Share, cap: int) -> int:
    """Return a worker's fair share, or what the others have left of it for now."""
    fair = fair_shares(cap, [row.wanted for row in live])[live.index(mine)]
    taken = sum(row.granted for row in live if row is not mine)
    return max(min(fair, cap - taken), 0)
