"""The connections under the SDK: guarded, bounded in size, and the only place that holds the key.

The SDK is given a placeholder for a key; the real one is put into the header on the way out. So
neither its logs and errors nor anything it takes from the environment can carry a key elsewhere.
"""

from __future__ import annotations

import ssl
from collections.abc import AsyncIterator, Callable, Coroutine
from dataclasses import dataclass, field
from functools import cache, partial
from typing import TYPE_CHECKING

import httpcore2
import httpx2
from django.utils.translation import gettext as _

from decisions.crypto import Undecipherable
from evaluations.endpoints.errors import EndpointError, Kind
from evaluations.endpoints.guard import GuardedBackend, address_problem
from evaluations.models import Endpoint, Flavour

if TYPE_CHECKING:
    from openai import AsyncOpenAI

AGENT = "Countersign"
PLACEHOLDER = "placed-on-the-way-out"
LARGEST_BODY = 64 * 2**20  # bytes
SENT = {b"host", b"content-type", b"content-length", b"transfer-encoding"}
KEPT_OPEN = 60.0  # seconds that an idle connection waits for the next request


@dataclass(frozen=True, slots=True)
class Server:
    """Where a server is and how it is asked; `timeout` in seconds, for one attempt."""

    base_url: str
    key: str = field(default="", repr=False)
    flavour: str = Flavour.OPENAI
    api_version: str = ""
    timeout: float = 60.0
    retries: int = 5

    @classmethod
    def of(cls, endpoint: Endpoint) -> Server:
        """Return an endpoint's server; raises `EndpointError` where its key cannot be read."""
        try:
            key = endpoint.key
        except Undecipherable:
            raise unreadable() from None
        return cls(
            endpoint.base_url,
            key,
            endpoint.flavour,
            endpoint.api_version,
            float(endpoint.timeout),
            endpoint.retries,
        )


def unreadable() -> EndpointError:
    """Return what is said of a key that was encrypted under another secret."""
    return EndpointError(_("The key can no longer be read here. Enter it again."), Kind.KEY)


def opened(server: Server) -> AsyncOpenAI:
    """Return the SDK's client for a server, bound to the running event loop once it is used.

    Raises `EndpointError` for an address that no model server may have.
    """
    from openai import AsyncAzureOpenAI, AsyncOpenAI  # seconds, and only where it is needed

    if problem := address_problem(server.base_url):
        raise EndpointError(problem, Kind.ADDRESS)
    http = httpx2.AsyncClient(
        transport=Transport(server), timeout=server.timeout, trust_env=False, follow_redirects=False
    )
    if server.flavour == Flavour.AZURE:
        return AsyncAzureOpenAI(
            azure_endpoint=server.base_url.rstrip("/"),
            api_version=server.api_version,
            api_key=PLACEHOLDER,
            max_retries=0,
            http_client=http,
        )
    return AsyncOpenAI(
        base_url=server.base_url, api_key=PLACEHOLDER, max_retries=0, http_client=http
    )


class Transport(httpx2.AsyncBaseTransport):
    """Carries requests to one server over guarded connections; bodies end at `LARGEST_BODY`.

    A connection carries one request at a time, and the one that was free last goes first. The
    library's pool looks at each of its connections for every request and again for every answer:
    with 32 under way that was a quarter of a worker's time (benchmarks/throughput.py).
    """

    def __init__(self, server: Server) -> None:
        self._headers = _own_headers(server)
        self._free: list[httpcore2.AsyncHTTPConnection] = []
        self._taken: set[httpcore2.AsyncHTTPConnection] = set()

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        """Send a request with the key; raises httpcore2's errors and `EndpointError`."""
        plain = [(name, value) for name, value in request.headers.raw if name.lower() in SENT]
        url = request.url
        asked = httpcore2.Request(
            request.method,
            httpcore2.URL(
                scheme=url.raw_scheme, host=url.raw_host, port=url.port, target=url.raw_path
            ),
            headers=[*plain, *self._headers],
            content=request.stream,
            extensions=request.extensions,
        )
        connection = await self._take(asked.url.origin)
        try:
            answered = await connection.handle_async_request(asked)
        except BaseException:
            await self._give_back(connection)
            raise
        body = _Body(answered, partial(self._give_back, connection))
        if _is_packed(answered):
            await body.aclose()
            sentence = _("The server's answer is compressed, which was not asked for.")
            raise EndpointError(sentence, Kind.MALFORMED)
        return httpx2.Response(
            answered.status,
            headers=answered.headers,
            stream=body,
            extensions=answered.extensions,
        )

    async def aclose(self) -> None:
        """Close all connections."""
        connections, self._free = [*self._free, *self._taken], []
        for connection in connections:
            await connection.aclose()

    async def _take(self, origin: httpcore2.Origin) -> httpcore2.AsyncHTTPConnection:
        """Return a connection that is free and still good, or a new one."""
        while self._free:
            connection = self._free.pop()
            if connection.can_handle_request(origin) and not connection.has_expired():
                break
            await connection.aclose()
        else:
            connection = httpcore2.AsyncHTTPConnection(
                origin,
                ssl_context=_trusted(),
                keepalive_expiry=KEPT_OPEN,
                network_backend=GuardedBackend(),
            )
        self._taken.add(connection)
        return connection

    async def _give_back(self, connection: httpcore2.AsyncHTTPConnection) -> None:
        """Keep a connection whose answer was read to its end; close any other."""
        self._taken.discard(connection)
        if connection.is_available():
            self._free.append(connection)
        else:
            await connection.aclose()


class _Body(httpx2.AsyncByteStream):
    """An answer's body as it comes, up to the largest that is taken."""

    def __init__(
        self, response: httpcore2.Response, close: Callable[[], Coroutine[None, None, None]]
    ) -> None:
        self._response = response
        self._close = close
        self._is_closed = False

    async def __aiter__(self) -> AsyncIterator[bytes]:
        size = 0
        async for piece in self._response.aiter_stream():
            size += len(piece)
            if size > LARGEST_BODY:
                told = {"size": LARGEST_BODY // 2**20}
                sentence = _("The server's answer is larger than %(size)s MB.") % told
                raise EndpointError(sentence, Kind.TOO_LARGE)
            yield piece

    async def aclose(self) -> None:
        if self._is_closed:
            return
        self._is_closed = True
        try:
            await self._response.aclose()
        finally:
            await self._close()


def _is_packed(response: httpcore2.Response) -> bool:
    """Return whether the body is compressed: a small one might unpack to anything."""
    said = [value for name, value in response.headers if name.lower() == b"content-encoding"]
    return any(value.strip().lower() not in {b"", b"identity"} for value in said)


def _own_headers(server: Server) -> list[tuple[bytes, bytes]]:
    """Return the headers that are ours to set, the key among them where there is one."""
    headers = {"accept": "application/json", "accept-encoding": "identity", "user-agent": AGENT}
    if server.key and server.flavour == Flavour.AZURE:
        headers["api-key"] = server.key
    elif server.key:
        headers["authorization"] = f"Bearer {server.key}"
    return [(name.encode(), value.encode()) for name, value in headers.items()]


@cache
def _trusted() -> ssl.SSLContext:
    """Return the certificates that are trusted; reading them takes a while."""
    return httpcore2.default_ssl_context()
