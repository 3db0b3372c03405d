"""Requests that go to allowed addresses alone, by number, and end with their time.

Where a name leads is decided once, in `allowed(host, port)`, and that address is what is connected
to: no second look-up can change it. Neither proxies nor redirects are followed here.
"""

import ssl
import time
from collections.abc import Callable, Iterable, Iterator
from functools import cache
from typing import Any

import httpcore2
import httpx2

Allowed = Callable[[str, int], Iterable[str]]


class GuardedTransport(httpx2.BaseTransport):
    """Carries requests, one at a time, until `ends` on the monotonic clock (seconds)."""

    def __init__(self, allowed: Allowed, ends: float) -> None:
        self._pool = httpcore2.ConnectionPool(
            ssl_context=_trusted(),
            network_backend=_GuardedBackend(allowed, ends),
            max_connections=1,
        )

    def handle_request(self, request: httpx2.Request) -> httpx2.Response:
        """Send a request; raises httpcore2's errors, and what `allowed` raises."""
        url = request.url
        asked = httpcore2.Request(
            request.method,
            httpcore2.URL(
                scheme=url.raw_scheme, host=url.raw_host, port=url.port, target=url.raw_path
            ),
            headers=request.headers.raw,
            content=request.stream,
            extensions=request.extensions,
        )
        answered = self._pool.handle_request(asked)
        return httpx2.Response(
            answered.status,
            headers=answered.headers,
            stream=_Body(answered),
            extensions=answered.extensions,
        )

    def close(self) -> None:
        """Close the connections."""
        self._pool.close()


class _Body(httpx2.SyncByteStream):
    """An answer's body, as it comes."""

    def __init__(self, response: httpcore2.Response) -> None:
        self._response = response

    def __iter__(self) -> Iterator[bytes]:
        yield from self._response.iter_stream()

    def close(self) -> None:
        """Leave the rest where it is."""
        self._response.close()


class _GuardedBackend(httpcore2.NetworkBackend):
    """Connects to the first of a host's allowed addresses that answers."""

    def __init__(self, allowed: Allowed, ends: float) -> None:
        self._backend = httpcore2.SyncBackend()
        self._allowed, self._ends = allowed, ends

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore2.NetworkStream:
        """Connect, by number, for as long as there is time."""
        failure: Exception = httpcore2.ConnectError(f"no address for {host}")
        for address in self._allowed(host, port):
            try:
                stream = self._backend.connect_tcp(
                    address, port, _left(self._ends, timeout), local_address, socket_options
                )
                return _BoundedStream(stream, self._ends)
            except (httpcore2.ConnectError, httpcore2.ConnectTimeout) as error:
                failure = error
        raise failure

    def sleep(self, seconds: float) -> None:
        """Wait, as the connections' own retries do."""
        self._backend.sleep(seconds)


class _BoundedStream(httpcore2.NetworkStream):
    """A connection that waits for nothing longer than until its end."""

    def __init__(self, stream: httpcore2.NetworkStream, ends: float) -> None:
        self._stream, self._ends = stream, ends

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        """Return what comes next."""
        return self._stream.read(max_bytes, _left(self._ends, timeout))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        """Send bytes."""
        self._stream.write(buffer, _left(self._ends, timeout))

    def close(self) -> None:
        """Hang up."""
        self._stream.close()

    def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,
    ) -> httpcore2.NetworkStream:
        """Return the same connection, encrypted."""
        secured = self._stream.start_tls(ssl_context, server_hostname, _left(self._ends, timeout))
        return _BoundedStream(secured, self._ends)

    def get_extra_info(self, info: str) -> Any:
        """Return what is known of the connection."""
        return self._stream.get_extra_info(info)


def _left(ends: float, timeout: float | None) -> float:
    """Return the seconds that a wait may take; raise httpcore2's timeout when there are none."""
    left = ends - time.monotonic()
    if left <= 0:
        raise httpcore2.ReadTimeout("the time is used up")
    return left if timeout is None else min(left, timeout)


@cache
def _trusted() -> ssl.SSLContext:
    """Return whose certificates count; SSL_CERT_FILE names others than the usual ones."""
    return httpx2.create_ssl_context()
