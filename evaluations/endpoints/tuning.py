"""The side of a model server that tunes models: files and jobs, as OpenAI's protocol has them.

Nothing that costs money is sent twice: what cannot be repeated safely is sent once, and whoever
does not know what became of it looks it up (`uploaded`, `begun`).
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final

import httpx2
from asgiref.sync import async_to_sync, sync_to_async
from django.db import transaction
from django.utils.translation import gettext as _

from evaluations.endpoints import budget
from evaluations.endpoints.budget import BudgetExhausted, Limits, Spent
from evaluations.endpoints.chats import EndpointChat, Line, connect
from evaluations.endpoints.client import Ask
from evaluations.endpoints.errors import STANDING, EndpointError, Kind
from evaluations.endpoints.prices import price_of
from evaluations.endpoints.replies import quoted
from evaluations.models import Endpoint, Run
from evaluations.techniques.interface import (
    Halt,
    NotYet,
    PrepareError,
    TuningJob,
    UnknownThere,
)

if TYPE_CHECKING:
    from openai import AsyncOpenAI

PURPOSE: Final = "fine-tune"
TUNED: Final = "ft:%s:countersign"  # what price lists may call a model that is yet to be tuned
PAGE = 100
MOST_PAGES = 20
ENDED = {"succeeded": "succeeded", "failed": "failed", "cancelled": "cancelled"}

Keep = Callable[[], Awaitable[None]]
Listing = Callable[["AsyncOpenAI", Mapping[str, Any]], Awaitable[httpx2.Response]]


def connect_tuner(endpoint: str, model: str) -> EndpointTuner:
    """Return what tunes a model at an endpoint, by the endpoint's slug; raises `PrepareError`."""
    return EndpointTuner(connect(endpoint, model))


class EndpointTuner:
    """Tunes one model at one endpoint, as `evaluations.techniques.interface.Tuner` has it."""

    def __init__(self, chat: EndpointChat) -> None:
        self._chat = chat

    async def upload(self, name: str, content: bytes) -> str:
        """Hand in a training file; return what the server calls it."""

        async def ask(sdk: AsyncOpenAI) -> httpx2.Response:
            file = (name, content, "application/jsonl")
            return (
                await sdk.files.with_raw_response.create(file=file, purpose=PURPOSE)
            ).http_response

        return _id(await self._told(ask, is_order=True))

    async def uploaded(self, name: str) -> str | None:
        """Return what the server calls a file that was handed in under a name, if it has it."""

        async def ask(sdk: AsyncOpenAI, page: Mapping[str, Any]) -> httpx2.Response:
            return (await sdk.files.with_raw_response.list(purpose=PURPOSE, **page)).http_response

        return await self._first(ask, "filename", name)

    async def begin(self, file: str, settings: Mapping[str, Any]) -> str:
        """Begin a job on a file; return what the server calls it."""
        body = {**settings, "model": self._chat.model, "training_file": file}

        async def ask(sdk: AsyncOpenAI) -> httpx2.Response:
            return (await sdk.fine_tuning.jobs.with_raw_response.create(**body)).http_response

        return _id(await self._told(ask, is_order=True))

    async def begun(self, file: str) -> str | None:
        """Return the job that was begun on a file, if there is one."""

        async def ask(sdk: AsyncOpenAI, page: Mapping[str, Any]) -> httpx2.Response:
            return (await sdk.fine_tuning.jobs.with_raw_response.list(**page)).http_response

        return await self._first(ask, "training_file", file)

    async def look(self, job: str) -> TuningJob:
        """Return how a job stands."""

        async def ask(sdk: AsyncOpenAI) -> httpx2.Response:
            return (await sdk.fine_tuning.jobs.with_raw_response.retrieve(job)).http_response

        return job_of(await self._told(ask))

    async def cancel(self, job: str) -> None:
        """Stop a job; one that has ended stays as it is, and a running one is never unknown."""

        async def ask(sdk: AsyncOpenAI) -> httpx2.Response:
            return (await sdk.fine_tuning.jobs.with_raw_response.cancel(job)).http_response

        try:
            await self._told(ask)
        except PrepareError as refused:
            if (await self.look(job)).status == "running":
                raise PrepareError(str(refused)) from None

    async def afford(self, tokens: int, cost: Decimal | None) -> None:
        """Raise `Halt` if the budgets of endpoint or run do not allow a job that comes to this."""
        line = await self._line()
        endpoint, run = line.purse.endpoint, line.purse.run
        await sync_to_async(_refuse_beyond)(endpoint, run, self._chat.model, tokens, cost)

    async def charge(self, tokens: int | None, cost: Decimal | None, keep: Keep) -> None:
        """Count what a job came to for endpoint and run; trained tokens count as input.

        What `keep` writes holds with it or not at all, so a worker that is killed or loses its
        lease over it neither loses the charge nor doubles it.
        """
        purse = (await self._line()).purse

        @transaction.atomic
        def booked() -> None:
            budget.charge(purse.endpoint, purse.run, tokens, 0, cost)
            async_to_sync(keep)()

        await sync_to_async(booked)()

    async def close(self) -> None:
        """Give connections and seats back, and write what was spent."""
        await self._chat.close()

    async def _line(self) -> Line:
        return await self._chat.line()

    async def _told(self, ask: Ask, *, is_order: bool = False) -> dict[str, Any]:
        """Return the server's answer to one request, made from a seat.

        What is ordered counts as a request and is sent once; looking and cancelling use up nothing.
        """
        line = await self._line()
        try:
            async with line.seat():
                return await line.client.told(ask, is_repeatable=not is_order, is_counted=is_order)
        except EndpointError as error:
            raise _as_technique_sees(error) from None

    async def _first(self, ask: Listing, name: str, value: str) -> str | None:
        """Return the id of the first listed thing with a value under a name, newest first."""
        async for row in self._listed(ask):
            if row.get(name) == value:
                return _id(row)
        return None

    async def _listed(self, ask: Listing) -> AsyncIterator[dict[str, Any]]:
        after = ""
        for _page in range(MOST_PAGES):
            page = {"limit": PAGE, **({"after": after} if after else {})}

            async def ask_page(sdk: AsyncOpenAI, page: Mapping[str, Any] = page) -> httpx2.Response:
                return await ask(sdk, page)

            told = await self._told(ask_page)
            rows = [row for row in told.get("data") or () if isinstance(row, dict)]
            for row in rows:
                yield row
            if not told.get("has_more") or not rows:
                return
            after = _id(rows[-1])


def job_of(told: Mapping[str, Any]) -> TuningJob:
    """Return a job as the server tells it; a state that is not an end is "running"."""
    began, ended, tokens = (
        told.get(name) for name in ("created_at", "finished_at", "trained_tokens")
    )
    is_timed = isinstance(began, int | float) and isinstance(ended, int | float)
    error = told.get("error")
    return TuningJob(
        _id(told),
        ENDED.get(str(told.get("status")), "running"),
        str(told.get("fine_tuned_model") or ""),
        tokens if isinstance(tokens, int) else None,
        float(ended - began) if is_timed else None,  # type: ignore[operator]
        quoted(str(error.get("message") or "")) if isinstance(error, dict) else "",
        quoted(str(told.get("status") or "")),
        float(began) if isinstance(began, int | float) else None,
    )


def _id(told: Mapping[str, Any]) -> str:
    found = told.get("id")
    if not isinstance(found, str) or not found:
        raise NotYet  # what was asked for may be there all the same: it is looked up next time
    return found


def _as_technique_sees(error: EndpointError) -> Exception:
    """Return what a refusal means to a technique: wait, rest, or give up with the sentence."""
    if error.kind == Kind.MISSING:
        return UnknownThere(error.sentence)
    if error.kind in STANDING:
        return Halt(error.sentence)
    return NotYet() if error.is_retryable else PrepareError(error.sentence)


def _refuse_beyond(
    endpoint: Endpoint, run: Run | None, model: str, tokens: int, cost: Decimal | None
) -> None:
    endpoint = Endpoint.objects.get(pk=endpoint.pk)
    rows: list[Endpoint | Run] = [endpoint]
    if run:
        rows.append(Run.objects.get(pk=run.pk))
    for row in rows:
        left = Limits.of(row).left(Spent.of(row))
        if "money" in left and cost is None:
            sentence = _(
                "Nobody knows what tuning costs here, so the budget in money of %(whose)s cannot "
                "be kept to: enter the price of training, or limit requests or tokens instead."
            )
            raise BudgetExhausted(sentence % {"whose": row}, "price")
        if "money" in left and price_of(endpoint, TUNED % model) is None:
            sentence = _(
                "The price of the tuned model is not known, so the budget in money of %(whose)s "
                "could not be kept to once it is there: set the price at the endpoint, or limit "
                "requests or tokens instead."
            )
            raise BudgetExhausted(sentence % {"whose": row}, "price")
        if left.get("tokens", tokens) < tokens or (cost or 0) > left.get("money", cost or 0):
            sentence = _("Tuning would take more than the budget of %(whose)s has left.")
            raise BudgetExhausted(sentence % {"whose": row}, "tokens")
