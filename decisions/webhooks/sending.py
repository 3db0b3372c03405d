"""One attempt: a POST that is bounded in time and size, follows nothing, and never raises."""

import ssl
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from functools import cache
from http import HTTPStatus
from typing import Any

import httpcore
import httpx
from django.utils.translation import gettext as _

from decisions import clock
from decisions.webhooks.guard import Forbidden, GuardedBackend, address_problem
from decisions.webhooks.retries import retry_after

CONNECT_SECONDS = 5.0
READ_SECONDS = 10.0
# For everything together; only looking up a name is bounded by the system's resolver instead.
TOTAL_SECONDS = 15.0
KEPT_CHARACTERS = 2000
AGENT = "Countersign webhooks"


@dataclass(frozen=True)
class Answer:
    """What came of an attempt; without a status nobody answered, and `error` says why."""

    seconds: float
    status: int | None = None
    response: str = ""
    error: str = ""
    asked_to_wait: timedelta | None = None
    # Whether trying again is of no use.
    is_final: bool = False

    @property
    def is_sent(self) -> bool:
        """Return whether the receiver took it."""
        return self.status is not None and HTTPStatus.OK <= self.status < 300

    @property
    def is_gone(self) -> bool:
        """Return whether the receiver never wants to be told again."""
        return self.status == HTTPStatus.GONE


def post(url: str, body: bytes, headers: dict[str, str]) -> Answer:
    """Send a body to an address and return what came back, whatever happened."""
    begun = time.monotonic()
    if problem := address_problem(url):
        return Answer(0.0, error=problem, is_final=True)
    try:
        return _exchange(url, body, headers, begun)
    except Forbidden as error:
        return Answer(_since(begun), error=str(error), is_final=True)
    except (httpcore.TimeoutException, httpx.TimeoutException) as error:
        return Answer(_since(begun), error=_too_slow(error))
    except (httpcore.ConnectError, httpx.ConnectError) as error:
        told = {"reason": _reason(error)}
        return Answer(_since(begun), error=_("No connection: %(reason)s") % told)
    except (httpcore.NetworkError, httpcore.ProtocolError, httpx.HTTPError, OSError) as error:
        told = {"reason": _reason(error)}
        return Answer(_since(begun), error=_("The connection broke: %(reason)s") % told)


def _exchange(url: str, body: bytes, headers: dict[str, str], begun: float) -> Answer:
    timeout = httpx.Timeout(READ_SECONDS, connect=CONNECT_SECONDS)
    fixed = {
        "content-type": "application/json; charset=utf-8",
        "user-agent": AGENT,
        # What is kept of the answer is read as it comes: nothing is unpacked.
        "accept-encoding": "identity",
    }
    # Neither proxies nor passwords come from the environment: the guard has to see the address.
    with (
        httpx.Client(transport=_Transport(), timeout=timeout, trust_env=False) as client,
        client.stream("POST", url.strip(), content=body, headers=fixed | headers) as response,
    ):
        kept = _kept(response)
        return Answer(
            _since(begun),
            response.status_code,
            kept,
            error=_refused(response),
            asked_to_wait=retry_after(response.headers.get("retry-after", ""), clock.now()),
        )


def _kept(response: httpx.Response) -> str:
    """Return the beginning of what was answered; a body that never ends is cut off."""
    found = bytearray()
    try:
        for chunk in response.iter_raw():
            found += chunk
            if len(found) >= 4 * KEPT_CHARACTERS:
                break
    except (httpcore.TimeoutException, httpcore.NetworkError, httpcore.ProtocolError):
        # The status has come: that decides.
        pass
    return found.decode(errors="replace")[:KEPT_CHARACTERS].replace("\0", "\ufffd")


def _refused(response: httpx.Response) -> str:
    """Return in a sentence why an answer does not count as received, nothing if it does."""
    if response.is_success:
        return ""
    if response.status_code == HTTPStatus.GONE:
        return _("The receiver answered 410 Gone: it wants to be told nothing any more.")
    told = {"status": f"{response.status_code} {response.reason_phrase}".strip()}
    if response.is_redirect:
        return _("The receiver answered %(status)s. Redirects are not followed.") % told
    return _("The receiver answered %(status)s.") % told


def _since(begun: float) -> float:
    return round(time.monotonic() - begun, 3)


def _too_slow(error: Exception) -> str:
    if isinstance(error, httpcore.ConnectTimeout | httpx.ConnectTimeout):
        return _("No connection within %(seconds)d seconds.") % {"seconds": CONNECT_SECONDS}
    return _("No answer in time: it may take %(read)d seconds, %(total)d in all.") % {
        "read": READ_SECONDS,
        "total": TOTAL_SECONDS,
    }


def _reason(error: Exception) -> str:
    return (str(error) or type(error).__name__)[:300].replace("\0", "")


class _Transport(httpx.BaseTransport):
    """Carries one exchange over a guarded connection that ends with its time."""

    def __init__(self) -> None:
        self._pool = httpcore.ConnectionPool(
            ssl_context=_trusted(), network_backend=_BoundedBackend(), max_connections=1
        )

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        url = request.url
        asked = httpcore.Request(
            request.method,
            httpcore.URL(
                scheme=url.raw_scheme, host=url.raw_host, port=url.port, target=url.raw_path
            ),
            headers=request.headers.raw,
            content=request.stream,
            extensions=request.extensions,
        )
        answered = self._pool.handle_request(asked)
        return httpx.Response(
            answered.status,
            headers=answered.headers,
            stream=_Body(answered),
            extensions=answered.extensions,
        )

    def close(self) -> None:
        self._pool.close()


class _Body(httpx.SyncByteStream):
    """The answer's body, as it comes."""

    def __init__(self, response: httpcore.Response) -> None:
        self._response = response

    def __iter__(self) -> Iterator[bytes]:
        yield from self._response.iter_stream()

    def close(self) -> None:
        self._response.close()


class _BoundedBackend(GuardedBackend):
    """Guarded connections on which everything together has to be done in time."""

    def __init__(self) -> None:
        super().__init__()
        self._ends = time.monotonic() + TOTAL_SECONDS

    def connect_tcp(self, *args: Any, **kwargs: Any) -> httpcore.NetworkStream:
        return _BoundedStream(super().connect_tcp(*args, **kwargs), self._ends)


class _BoundedStream(httpcore.NetworkStream):
    """A connection that waits for nothing longer than until its end."""

    def __init__(self, stream: httpcore.NetworkStream, ends: float) -> None:
        self._stream = stream
        self._ends = ends

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self._stream.read(max_bytes, self._left(timeout))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._stream.write(buffer, self._left(timeout))

    def close(self) -> None:
        self._stream.close()

    def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,
    ) -> httpcore.NetworkStream:
        secured = self._stream.start_tls(ssl_context, server_hostname, self._left(timeout))
        return _BoundedStream(secured, self._ends)

    def get_extra_info(self, info: str) -> Any:
        return self._stream.get_extra_info(info)

    def _left(self, timeout: float | None) -> float:
        left = self._ends - time.monotonic()
        if left <= 0:
            raise httpcore.ReadTimeout("the time is used up")
        return left if timeout is None else min(left, timeout)


@cache
def _trusted() -> ssl.SSLContext:
    """Return whose certificates count; SSL_CERT_FILE names others than the usual ones."""
    return httpx.create_ssl_context()
