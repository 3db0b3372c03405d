"""Budgets: what may be asked of an endpoint and spent by a run, over all workers.

Requests are counted before they are sent, so never more go out than allowed. What a reply comes to
is known only afterwards: a budget in tokens or money is exceeded by what is under way, or already
in a worker's hand, when it is reached. Workers take requests out of the budgets in blocks, which
shrink as the end comes near, and write what they have spent about once a second, so that the rows
everybody shares are not written for every request. A worker that dies has counted at most one block
too many, and has not written what it spent in its last second.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from threading import Lock

from asgiref.sync import sync_to_async
from django.db import DatabaseError, transaction
from django.utils.formats import number_format
from django.utils.translation import gettext as _

from evaluations.models import Endpoint, Run
from evaluations.techniques.interface import Halt

logger = logging.getLogger(__name__)

SETTLE_EVERY = 1.0  # seconds
MOST_AT_ONCE = 32  # requests in a block
PARTS = 32  # a block is at most such a part of what is left
COUNTERS = ("requests", "input_tokens", "output_tokens", "cost", "unpriced")


class BudgetExhausted(Halt):
    """A budget is used up; `which` is requests, tokens, money or price (money nobody can count)."""

    def __init__(self, sentence: str, which: str) -> None:
        super().__init__(sentence)
        self.which = which


@dataclass(frozen=True, slots=True)
class Spent:
    """What was spent; `unpriced` counts the replies whose cost (US dollars) nobody knows."""

    requests: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    cost: Decimal = Decimal(0)
    unpriced: int = 0

    def __add__(self, other: Spent) -> Spent:
        return Spent(*(getattr(self, name) + getattr(other, name) for name in COUNTERS))

    @property
    def tokens(self) -> int:
        """Return the tokens that went in and came out."""
        return self.input_tokens + self.output_tokens

    @classmethod
    def of(cls, row: Endpoint | Run) -> Spent:
        """Return what an endpoint or a run has spent so far."""
        return cls(*(getattr(row, f"spent_{name}") for name in COUNTERS))

    @classmethod
    def by_reply(
        cls, input_tokens: int | None, output_tokens: int | None, cost: Decimal | None
    ) -> Spent:
        """Return what one reply came to, its request not counted again."""
        return cls(0, input_tokens or 0, output_tokens or 0, cost or Decimal(0), int(cost is None))


@dataclass(frozen=True, slots=True)
class Limits:
    """What may be spent in all; None is without limit, money in US dollars."""

    requests: int | None = None
    tokens: int | None = None
    money: Decimal | None = None

    @classmethod
    def of(cls, row: Endpoint | Run) -> Limits:
        """Return the limits of an endpoint or a run."""
        if isinstance(row, Endpoint):
            return cls(row.budget_requests, row.budget_tokens, row.budget_money)
        money = row.budget.get("money")
        wanted = None if money in (None, "") else Decimal(str(money))
        return cls(row.budget.get("requests"), row.budget.get("tokens"), wanted)

    def left(self, spent: Spent) -> dict[str, Decimal]:
        """Return what is left of every limit that there is, in its own unit; never below 0."""
        pairs = (
            ("requests", self.requests, spent.requests),
            ("tokens", self.tokens, spent.tokens),
            ("money", self.money, spent.cost),
        )
        return {
            which: max(Decimal(limit) - Decimal(used), Decimal(0))
            for which, limit, used in pairs
            if limit is not None
        }

    def room(self, spent: Spent, like: Spent) -> int | None:
        """Return how many more requests are likely to fit, None if there is no limit.

        `like` is what some answered requests have come to.
        """
        left = self.left(spent)
        if not left:
            return None
        if not min(left.values()):
            return 0
        used = {"tokens": Decimal(like.tokens), "money": like.cost}
        used = {which: value for which, value in used.items() if which in left}
        fitting = {which: _fitting(left[which], used[which], like.requests) for which in used}
        return max(int(min((left | fitting).values())), 1)


def _fitting(left: Decimal, used: Decimal, requests: int) -> Decimal:
    """Return how many requests fit into what is left, if they are like some that used so much.

    While nobody knows what they come to, as many again as were answered.
    """
    return left * requests / used if used else Decimal(requests + 1)


def reserve(endpoint: Endpoint, run: Run | None = None) -> None:
    """Count one request; raise BudgetExhausted if an endpoint's or the run's budget is used up."""
    if _book(endpoint, run, Spent(), 1)[0] == 0:
        raise _exhausted(endpoint, run)


def charge(
    endpoint: Endpoint,
    run: Run | None,
    input_tokens: int | None,
    output_tokens: int | None,
    cost: Decimal | None,
) -> None:
    """Write what a reply came to: tokens, US dollars, None where it is not known."""
    _book(endpoint, run, Spent.by_reply(input_tokens, output_tokens, cost))


def refusal(endpoint: Endpoint, run: Run | None, *, has_price: bool) -> str | None:
    """Return why a run cannot begin: money cannot be kept to where nobody knows what it costs."""
    if has_price or not _has_money_limit(endpoint, run):
        return None
    return _(
        "The price of this model is not known, so a budget in money cannot be kept to: set the"
        " price at the endpoint, or limit requests or tokens instead."
    )


def _has_money_limit(endpoint: Endpoint, run: Run | None) -> bool:
    return any(Limits.of(row).money is not None for row in _rows(endpoint, run))


class Purse:
    """What one worker takes out of the budgets of an endpoint and of a run, and has spent of it.

    `take` and `charge` keep off the database; `reserve`, `keep` and `close` are for event loops.
    """

    def __init__(
        self, endpoint: Endpoint, run: Run | None = None, block: int = MOST_AT_ONCE
    ) -> None:
        self.endpoint, self.run, self.block = endpoint, run, block
        self._lock = Lock()
        self._stock = 0  # requests that are counted in the database and not yet made
        self._is_unlimited = self._has_unpriced = False
        self._unwritten = Spent()
        self._answered = Spent()  # by this purse, each request counted when it was

    def take(self) -> bool:
        """Count one request, or return False if the purse has to be refilled first."""
        with self._lock:
            if self._stock:
                self._stock -= 1
            elif self._is_unlimited:
                self._unwritten += Spent(requests=1)
            else:
                return False
            return True

    def charge(
        self, input_tokens: int | None, output_tokens: int | None, cost: Decimal | None
    ) -> None:
        """Note what a reply came to; it is written with the next settling."""
        reply = Spent.by_reply(input_tokens, output_tokens, cost)
        with self._lock:
            self._unwritten += reply
            self._answered += reply + Spent(requests=1)
            self._has_unpriced |= cost is None

    def refill(self) -> None:
        """Take requests out of the budgets if none are left; raise BudgetExhausted if none are."""
        if self._stock or self._is_unlimited:
            return
        if self._settle(self.block):
            raise _exhausted(self.endpoint, self.run)
        if self._has_unpriced and _has_money_limit(self.endpoint, self.run):
            raise BudgetExhausted(
                _("Nobody knows what a reply cost, so the budget in money cannot be kept to."),
                "price",
            )

    def settle(self) -> None:
        """Write what was spent, and give back what a used-up budget no longer allows."""
        if self._settle(0):
            self._give_back()

    def leave(self) -> None:
        """Write what was spent and give back what was not."""
        self._give_back()
        self._is_unlimited = False

    async def reserve(self) -> None:
        """Count one request; raise BudgetExhausted if a budget is used up."""
        while not self.take():
            await sync_to_async(self.refill)()

    async def keep(self) -> None:
        """Settle about once a second until cancelled; a busy database is asked again."""
        while True:
            await asyncio.sleep(SETTLE_EVERY)
            try:
                await sync_to_async(self.settle)()
            except DatabaseError:
                logger.warning("What %s was asked could not be written", self.endpoint)

    async def close(self) -> None:
        """Write what was spent and give back what was not."""
        await sync_to_async(self.leave)()

    def _settle(self, block: int) -> bool:
        """Write what was spent, take up to a block, and return whether a budget is used up."""
        with self._lock:
            writing, self._unwritten = self._unwritten, Spent()
        try:
            room, taken = _book(self.endpoint, self.run, writing, block, self._answered)
        except BaseException:
            with self._lock:
                self._unwritten += writing
            raise
        with self._lock:
            self._is_unlimited = room is None
            self._stock += taken
        return room == 0

    def _give_back(self) -> None:
        with self._lock:
            self._unwritten += Spent(requests=-self._stock)
            self._stock = 0
        self._settle(0)


def _exhausted(endpoint: Endpoint, run: Run | None) -> BudgetExhausted:
    """Return the error that says which budget is used up."""
    for row in _rows(endpoint, run):
        limits = Limits.of(row)
        for which, left in limits.left(Spent.of(row)).items():
            if not left:
                return BudgetExhausted(_sentence(row, which, getattr(limits, which)), which)
    return BudgetExhausted(_("The budget was used up a moment ago."), "requests")


def _book(
    endpoint: Endpoint, run: Run | None, spent: Spent, block: int = 0, like: Spent = Spent()
) -> tuple[int | None, int]:
    """Write what was spent, and take up to a block of requests; return the room for both and it.

    The room is in requests, None without limits.
    """
    with transaction.atomic():
        rows = _rows(endpoint, run, lock=True)
        rooms = [Limits.of(row).room(Spent.of(row) + spent, like) for row in rows]
        room = min((one for one in rooms if one is not None), default=None)
        taken = block if room is None else min(block, room, max(room // PARTS, 1))
        if taken or spent != Spent():
            _write(rows, spent + Spent(requests=taken))
    return room, taken


def _rows(endpoint: Endpoint, run: Run | None, *, lock: bool = False) -> list[Endpoint | Run]:
    """Return the budgets of the endpoint and the run as they are now, locked in this order."""
    spent = [f"spent_{name}" for name in COUNTERS]
    budgets = ["budget_requests", "budget_tokens", "budget_money"]
    endpoints = Endpoint.objects.filter(pk=endpoint.pk).only("name", *budgets, *spent)
    runs = Run.objects.filter(pk__in=[run.pk] if run else []).only("budget", *spent)
    if lock:
        endpoints = endpoints.select_for_update(no_key=True)
        runs = runs.select_for_update(no_key=True)
    return [*endpoints, *runs]


def _write(rows: Sequence[Endpoint | Run], spent: Spent) -> None:
    """Add to what locked rows have spent; exactly, which a database's own sum would not be."""
    fields = [f"spent_{name}" for name in COUNTERS]
    for row in rows:
        total = Spent.of(row) + spent
        for name in COUNTERS:
            setattr(row, f"spent_{name}", getattr(total, name))
        row.save(update_fields=fields)


def _sentence(row: Endpoint | Run, which: str, limit: int | Decimal) -> str:
    """Return which budget is used up, as people say it."""
    told = {"limit": number_format(limit, force_grouping=True), "whose": row}
    if which == "requests":
        return _("%(whose)s has used up its budget of %(limit)s requests.") % told
    if which == "tokens":
        return _("%(whose)s has used up its budget of %(limit)s tokens.") % told
    return _("%(whose)s has used up its budget of %(limit)s US dollars.") % told
