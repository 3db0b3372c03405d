"""Models as techniques talk to them: within seats and budgets, and on behalf of a run.

    with on_behalf_of(run):
        answerer = technique.prepare(…, connect=connect)
        …

A chat belongs to no run and no event loop: what it needs of both is opened when it is first used
and given back by `close`, so a prepared technique may be kept and used for the next run.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Coroutine, Iterator, Mapping, Sequence
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any

from asgiref.sync import sync_to_async
from django.db import transaction
from django.utils.translation import gettext as _

from decisions.crypto import Undecipherable
from evaluations.endpoints import budget
from evaluations.endpoints.budget import BudgetExhausted, Purse
from evaluations.endpoints.client import Client
from evaluations.endpoints.errors import STANDING, EndpointError, Kind
from evaluations.endpoints.prices import Price, price_of
from evaluations.endpoints.replies import Embedded, Reply
from evaluations.endpoints.seats import Seats
from evaluations.endpoints.wire import Server, unreadable
from evaluations.models import Endpoint, Run
from evaluations.techniques.chat import Message
from evaluations.techniques.interface import Halt, PrepareError, UnknownModel

logger = logging.getLogger(__name__)

_run: ContextVar[Run | None] = ContextVar("run", default=None)


@contextlib.contextmanager
def on_behalf_of(run: Run) -> Iterator[None]:
    """Let what is asked inside count for a run: its budget, its seats, its prices."""
    token = _run.set(run)
    try:
        yield
    finally:
        _run.reset(token)


def connect(endpoint: str, model: str) -> EndpointChat:
    """Return a model at an endpoint, by the endpoint's slug; raises `PrepareError`."""
    if not Endpoint.objects.usable().filter(slug=endpoint).exists():
        told = {"endpoint": endpoint}
        raise PrepareError(_("There is no endpoint “%(endpoint)s”, or it is archived.") % told)
    if not model.strip():
        raise PrepareError(_("Name the model, as the server calls it."))
    return EndpointChat(endpoint, model.strip())


@dataclass
class Line:
    """What talking to one model takes in one event loop: a client, seats, and a purse."""

    client: Client
    seats: Seats
    purse: Purse
    keeper: asyncio.Task[None] | None = None

    def keep(self) -> None:
        """Write what is spent, about once a second, until closed."""
        self.keeper = asyncio.create_task(self.purse.keep())

    async def close(self) -> None:
        """Stop what goes on, write what was spent, and give everything back."""
        if self.keeper:
            self.keeper.cancel()
            await asyncio.gather(self.keeper, return_exceptions=True)
        try:
            await self.purse.close()
        finally:
            try:
                await self.seats.leave()
            finally:
                await self.client.close()

    def seat(self) -> contextlib.AbstractAsyncContextManager[None]:
        """Wait for a seat and hold it."""
        return self.seats.one()


class EndpointChat:
    """One model at one endpoint, as `evaluations.techniques.chat.Chat` has it, and its vectors."""

    def __init__(self, endpoint: str, model: str) -> None:
        self.endpoint, self.model = endpoint, model
        self._opening: asyncio.Task[Line] | None = None

    async def say(
        self,
        messages: Sequence[Message],
        *,
        temperature: float | None = None,
        max_tokens: int | None = None,
        seed: int | None = None,
        schema: Mapping[str, Any] | None = None,
    ) -> Reply:
        """Return the model's reply; raises `EndpointError`, or `Halt` where the run has to rest."""
        line = await self.line()
        asked = line.client.chat(
            messages,
            model=self.model,
            temperature=temperature,
            max_tokens=max_tokens,
            seed=seed,
            schema=schema,
        )
        found: Reply = await _paid(line, asked)
        return found

    async def embed(self, texts: Sequence[str]) -> Embedded:
        """Return texts as vectors; raises `EndpointError`, or `Halt` where the run has to rest."""
        line = await self.line()
        found: Embedded = await _paid(line, line.client.embed(texts, model=self.model))
        return found

    def seats(self) -> int:
        """Return how many requests this worker may have under way now.

        0 while the line is being opened; 1 if that failed, so that somebody asks why.
        """
        opening = self._opened_here()
        if not opening.done():
            return 0
        return 1 if opening.cancelled() or opening.exception() else opening.result().seats.count()

    async def close(self) -> None:
        """Give connections and seats back, and write what was spent."""
        opening, self._opening = self._opening, None
        if opening is None or opening.get_loop() is not asyncio.get_running_loop():
            return
        try:
            line = await opening
        except Exception:  # told to those who asked
            return
        try:
            await line.close()
        except Exception:
            logger.exception("The line to %s could not be closed in good order", self.endpoint)

    async def line(self) -> Line:
        """Return the line of this event loop; whoever waits for it may go without ending it."""
        opening = self._opened_here()
        try:
            return await asyncio.shield(opening)
        except EndpointError as error:
            raise Halt(error.sentence) from None

    def _opened_here(self) -> asyncio.Task[Line]:
        """Return the opening of a line in the running event loop, begun now if need be."""
        loop = asyncio.get_running_loop()
        if self._opening is None or self._opening.get_loop() is not loop:
            self._opening = loop.create_task(_opened(self.endpoint, self.model, _run.get()))
        return self._opening


async def _opened(slug: str, model: str, run: Run | None) -> Line:
    """Return a line to a model; raises `Halt` or `EndpointError` where there can be none."""
    endpoint, price = await sync_to_async(_priced)(slug, model, run)
    seats = await Seats.at(_caps(endpoint, run))
    purse = Purse(endpoint, run)
    server = Server.of(endpoint)
    client = Client(server, price, before=purse.reserve, overloaded=seats.slower)
    line = Line(client, seats, purse)
    line.keep()
    return line


def _priced(slug: str, model: str, run: Run | None) -> tuple[Endpoint, Price | None]:
    """Return an endpoint, its key with it, and what the model costs there."""
    try:
        endpoint = Endpoint.objects.usable().filter(slug=slug).defer(None).first()
    except Undecipherable:
        raise unreadable() from None
    if endpoint is None:
        raise Halt(_("The endpoint “%(endpoint)s” is archived.") % {"endpoint": slug})
    price = kept_price(run, endpoint, model) if run else price_of(endpoint, model)
    if refused := budget.refusal(endpoint, run, has_price=price is not None):
        raise BudgetExhausted(refused, "price")
    return endpoint, price


def _caps(endpoint: Endpoint, run: Run | None) -> dict[str, int]:
    """Return the gates on the way to an endpoint, with the most that each lets through."""
    of_run = {f"run:{run.pk}": run.concurrency} if run else {}
    return {f"endpoint:{endpoint.pk}": endpoint.concurrency} | of_run


@transaction.atomic
def kept_price(run: Run, endpoint: Endpoint, model: str) -> Price | None:
    """Return what a model costs a run: as it was when the run first asked, None if nobody knew."""
    fresh = Run.objects.select_for_update(no_key=True).only("prices").get(pk=run.pk)
    key = f"{endpoint.slug} {model}"
    if key in fresh.prices:
        kept = fresh.prices[key]
        return Price.from_snapshot(kept) if kept else None
    price = price_of(endpoint, model)
    fresh.prices[key] = price.snapshot if price else None
    fresh.save(update_fields=["prices"])
    return price


async def _paid(line: Line, asked: Coroutine[Any, Any, Any]) -> Any:
    """Return what was asked, from a seat, and charge what it came to, also where it failed."""
    try:
        async with line.seat():
            reply = await asked
    except EndpointError as error:
        if error.reply is not None:
            _charge(line, error.reply)
        if error.kind in STANDING:
            halt = UnknownModel if error.kind == Kind.MISSING else Halt
            raise halt(error.sentence) from None
        raise
    finally:
        asked.close()
    _charge(line, reply)
    line.seats.faster()
    return reply


def _charge(line: Line, reply: Reply | Embedded) -> None:
    line.purse.charge(reply.input_tokens, reply.output_tokens, reply.cost)
