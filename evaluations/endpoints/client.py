"""The one way to ask a model server anything: bounded, repeated where that helps, in plain words.

A client belongs to one server. It opens its connections in the event loop in which it is first
used, and can be used in another one once it is closed.
"""

from __future__ import annotations

import asyncio
import ssl
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import anyio
import httpcore2
import httpx2
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from evaluations.endpoints.errors import OVERLOAD, EndpointError, Kind
from evaluations.endpoints.prices import Price
from evaluations.endpoints.replies import (
    Embedded,
    Received,
    Reply,
    embedded_of,
    error_said,
    models_of,
    object_of,
    quoted,
    reply_of,
)
from evaluations.endpoints.retries import asked_wait, next_wait
from evaluations.endpoints.wire import Server, opened
from evaluations.techniques.chat import Message

if TYPE_CHECKING:
    from openai import AsyncOpenAI

LONGEST = 900.0  # seconds for all attempts at one request and the waits between them
SHORTEST_KEY = 6  # characters; what is shorter may be part of any word
KINDS = {
    401: Kind.KEY,
    403: Kind.FORBIDDEN,
    404: Kind.MISSING,
    405: Kind.MISSING,
    408: Kind.TIMEOUT,
    425: Kind.RATE,
    429: Kind.RATE,
    503: Kind.RATE,
    529: Kind.RATE,  # as Anthropic says it
}
# What a server says before it begins with a request; 503 and 529 also come when it broke off.
TURNED_AWAY = frozenset({425, 429})

Ask = Callable[["AsyncOpenAI"], Awaitable[httpx2.Response]]
Read = Callable[[Received], Any]
Note = Callable[[], None]


async def _nothing() -> None:
    """Do nothing before an attempt."""


def _unnoted() -> None:
    """Take no note."""


@dataclass
class Client:
    """Asks one server. `price` is what its answers are priced by, None: nobody knows.

    `before` is awaited before every attempt, and what it raises ends the request; `overloaded` is
    called whenever the server had too much to do.
    """

    server: Server
    price: Price | None = None
    before: Callable[[], Awaitable[None]] = _nothing
    overloaded: Note = _unnoted
    _sdk: AsyncOpenAI | None = field(default=None, init=False, repr=False)
    # What a model calls the length of its reply, where it is not "max_tokens".
    _length_names: dict[str, str] = field(default_factory=dict, init=False, repr=False)

    async def chat(
        self,
        messages: Sequence[Message],
        *,
        model: str,
        temperature: float | None = None,
        max_tokens: int | None = None,
        seed: int | None = None,
        schema: Mapping[str, Any] | None = None,
        n: int | None = None,
    ) -> Reply:
        """Return what a model says to messages; `schema` asks for JSON of this form.

        Raises `EndpointError`.
        """
        settings = {"temperature": temperature, "seed": seed, "n": n}
        body: dict[str, Any] = {k: value for k, value in settings.items() if value is not None}
        if schema is not None:
            body["response_format"] = _form(schema)
        body |= {"model": model, "messages": list(messages)}
        return await self._chat(body, max_tokens)

    async def embed(self, texts: Sequence[str], *, model: str) -> Embedded:
        """Return texts as vectors, in their order. Raises `EndpointError`."""
        body = {"model": model, "input": list(texts), "encoding_format": "float"}

        def read(received: Received) -> Embedded:
            return embedded_of(received, model, self.price, len(texts))

        found: Embedded = await self._ask(_posting("/embeddings", body), read)
        return found

    async def models(self) -> list[str]:
        """Return the models that the server says it has. Raises `EndpointError`."""

        async def ask(sdk: AsyncOpenAI) -> httpx2.Response:
            return (await sdk.models.with_raw_response.list()).http_response

        found: list[str] = await self._ask(ask, models_of)
        return found

    async def told(
        self, ask: Ask, *, is_repeatable: bool = True, is_counted: bool = True
    ) -> dict[str, Any]:
        """Return the JSON object that a server answers, whatever it is about.

        What is not repeatable is sent once more only where the server says that it has not begun
        with it (425, 429); anything else ends in the error at once. `before` is awaited for what is
        counted alone. Raises `EndpointError`.
        """
        found: dict[str, Any] = await self._ask(ask, object_of, is_repeatable, is_counted)
        return found

    async def close(self) -> None:
        """Close the connections; the next request opens new ones, in its own event loop."""
        sdk, self._sdk = self._sdk, None
        if sdk is not None:
            await sdk.close()

    async def _chat(self, body: dict[str, Any], max_tokens: int | None) -> Reply:
        """Ask once more where a model only knows the newer name for the length of its reply."""
        model = body["model"]
        name = self._length_names.get(model, "max_tokens")
        try:
            return await self._say(body if max_tokens is None else {**body, name: max_tokens})
        except EndpointError as error:
            if name != "max_tokens" or max_tokens is None or not _wants_newer_name(error):
                raise
        self._length_names[model] = "max_completion_tokens"
        return await self._chat(body, max_tokens)

    async def _say(self, body: dict[str, Any]) -> Reply:
        def read(received: Received) -> Reply:
            return reply_of(received, body["model"], self.price)

        found: Reply = await self._ask(_posting("/chat/completions", body), read)
        return found

    async def _ask(
        self, ask: Ask, read: Read, is_repeatable: bool = True, is_counted: bool = True
    ) -> Any:
        """Return what is read of the answer, after as many attempts as it takes and may take."""
        ends = time.monotonic() + max(LONGEST, self.server.timeout)
        attempts = 0
        while True:
            attempts += 1
            if is_counted:
                await self.before()
            found = await self._attempt(ask, read, attempts)
            if not isinstance(found, EndpointError):
                return found
            wait = next_wait(attempts, found.wait)
            is_last = attempts > self.server.retries or time.monotonic() + wait > ends
            may_repeat = found.is_retryable and (is_repeatable or found.is_turned_away)
            if is_last or not may_repeat:
                raise _after(found, attempts, self.server.key)
            await asyncio.sleep(wait)

    async def _attempt(self, ask: Ask, read: Read, attempts: int) -> Any:
        """Return what is read of one answer, or the error: returned, it drags nothing along."""
        found = await self._received(ask, attempts)
        if isinstance(found, Received):
            try:
                return read(found)
            except EndpointError as error:
                return error
        if found.kind in OVERLOAD:
            self.overloaded()
        return found

    async def _received(self, ask: Ask, attempts: int) -> Received | EndpointError:
        """Send one request and return the body of the answer, or what went wrong."""
        began = time.perf_counter()
        try:
            if self._sdk is None:  # opening it is none of the server's time
                self._sdk = opened(self.server)
                began = time.perf_counter()
            async with asyncio.timeout(self.server.timeout):
                answered = await ask(self._sdk)
        except Exception as error:
            return self._told(error)
        took = 1000 * (time.perf_counter() - began)
        kind = answered.headers.get("content-type", "")
        return Received(answered.content, kind, took, attempts)

    def _told(self, error: Exception) -> EndpointError:
        """Return any error of an attempt in plain words; raises what is none of the server's."""
        from openai import APIStatusError

        if isinstance(error, EndpointError):
            return error
        if isinstance(error, APIStatusError):
            return refused(error.response, self.server.key)
        causes = _causes(error)
        for kinds, kind, sentence in _failures(self.server.timeout):
            if any(isinstance(cause, kinds) for cause in causes):
                is_distrust = ssl.SSLCertVerificationError in kinds
                return EndpointError(sentence, kind, is_retryable=not is_distrust)
        raise error


def _posting(path: str, body: Mapping[str, Any]) -> Ask:
    """Return what posts a body as it is.

    The SDK's `create` turns every parameter over against its types before: a third of its time.
    """

    async def ask(sdk: AsyncOpenAI) -> httpx2.Response:
        return await sdk.post(path, body=body, cast_to=httpx2.Response)

    return ask


def refused(response: httpx2.Response, key: str = "") -> EndpointError:
    """Return what an answer with an error's status says, without the key should it say that."""
    status = response.status_code
    said, code, param = error_said(response.content)
    said = without_key(said, key)
    kind = _kind_of(status, code)
    told = {"status": status, "said": quoted(said) or _("no reason given")}
    return EndpointError(
        _sentences()[kind] % told,
        kind,
        is_retryable=kind in {Kind.RATE, Kind.SERVER, Kind.TIMEOUT},
        wait=asked_wait(response.headers),
        param=param,
        is_turned_away=status in TURNED_AWAY,
    )


def _kind_of(status: int, code: str) -> Kind:
    """Return what an error's status means; an account without money answers 429 as well."""
    if code in {"insufficient_quota", "billing_hard_limit_reached"} or status == 402:
        return Kind.QUOTA
    if status in KINDS:
        return KINDS[status]
    if status < 400:
        return Kind.REDIRECT
    return Kind.SERVER if status >= 500 else Kind.REQUEST


def _sentences() -> dict[Kind, str]:
    """Return what to say of each kind of refusal; the words after a wrong key are left out."""
    return {
        Kind.QUOTA: _("The account at the server has nothing left to spend: %(said)s"),
        Kind.SERVER: _("The server failed (%(status)s): %(said)s"),
        Kind.REDIRECT: _(
            "The server leads elsewhere (%(status)s), which is not followed: the key would go with "
            "it. Enter the address that it leads to."
        ),
        Kind.KEY: _("The server does not take the key (401)."),
        Kind.FORBIDDEN: _("The server does not allow this (403): %(said)s"),
        Kind.MISSING: _("The server does not know this model or address (%(status)s): %(said)s"),
        Kind.TIMEOUT: _("The server gave up waiting (%(status)s)."),
        Kind.RATE: _("The server has too much to do (%(status)s): %(said)s"),
        Kind.REQUEST: _("The server cannot do what it was asked (%(status)s): %(said)s"),
    }


def _causes(error: BaseException | None) -> list[BaseException]:
    """Return an error and what it was raised from, as the SDK and its connections wrap them."""
    found = []
    while error is not None and error not in found:
        found.append(error)
        error = error.__cause__
    return found


def _failures(timeout: float) -> list[tuple[tuple[type[Exception], ...], Kind, str]]:
    """Return (errors, kind, sentence) of what goes wrong without an answer, narrowest first."""
    seconds = {"seconds": f"{timeout:g}"}
    return [
        (
            (ssl.SSLCertVerificationError,),
            Kind.UNREACHABLE,
            _("The server's certificate is not one that is trusted here."),
        ),
        (
            (httpcore2.ConnectError, httpcore2.ConnectTimeout, httpx2.ConnectError),
            Kind.UNREACHABLE,
            _("Nobody answers at the server's address."),
        ),
        (
            (TimeoutError, httpcore2.TimeoutException, httpx2.TimeoutException),
            Kind.TIMEOUT,
            _("The server did not answer within %(seconds)s seconds.") % seconds,
        ),
        (
            (
                httpcore2.NetworkError,
                httpcore2.ProtocolError,
                httpx2.TransportError,
                anyio.EndOfStream,
                ssl.SSLError,
                OSError,
            ),
            Kind.BROKEN,
            _("The connection broke before the answer was there."),
        ),
    ]


def _after(error: EndpointError, attempts: int, key: str) -> EndpointError:
    """Return an error that says how often it was tried; the key is in none of it."""
    sentence = without_key(error.sentence, key)
    if attempts > 1:
        told = ngettext("Tried %(n)s time.", "Tried %(n)s times.", attempts) % {"n": attempts}
        sentence = f"{sentence} {told}"
    error.attempts, error.args = attempts, (sentence,)
    return error


def without_key(text: str, key: str) -> str:
    """Return a text in which the key is not."""
    return text.replace(key, "…") if len(key) >= SHORTEST_KEY else text


def _wants_newer_name(error: EndpointError) -> bool:
    """Return whether a model wants "max_completion_tokens", as OpenAI's do that think."""
    return error.kind == Kind.REQUEST and "max_completion_tokens" in error.sentence


def _form(schema: Mapping[str, Any]) -> dict[str, Any]:
    """Return what asks for JSON of a form; strictly where the form leaves nothing open."""
    is_strict = schema.get("additionalProperties") is False
    form = {"name": "answer", "schema": dict(schema), "strict": is_strict}
    return {"type": "json_schema", "json_schema": form}
