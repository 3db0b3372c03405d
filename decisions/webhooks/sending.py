"""One attempt: a POST that is bounded in time and size, follows nothing, and never raises."""

import time
from dataclasses import dataclass
from datetime import timedelta
from http import HTTPStatus

import httpcore2
import httpx2
from django.utils.translation import gettext as _

from decisions import clock
from decisions.guarded import GuardedTransport
from decisions.webhooks.guard import Forbidden, address_problem, allowed_addresses
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
    except (httpcore2.TimeoutException, httpx2.TimeoutException) as error:
        return Answer(_since(begun), error=_too_slow(error))
    except (httpcore2.ConnectError, httpx2.ConnectError) as error:
        told = {"reason": _reason(error)}
        return Answer(_since(begun), error=_("No connection: %(reason)s") % told)
    except (httpcore2.NetworkError, httpcore2.ProtocolError, httpx2.HTTPError, OSError) as error:
        told = {"reason": _reason(error)}
        return Answer(_since(begun), error=_("The connection broke: %(reason)s") % told)


def _exchange(url: str, body: bytes, headers: dict[str, str], begun: float) -> Answer:
    timeout = httpx2.Timeout(READ_SECONDS, connect=CONNECT_SECONDS)
    fixed = {
        "content-type": "application/json; charset=utf-8",
        "user-agent": AGENT,
        # What is kept of the answer is read as it comes: nothing is unpacked.
        "accept-encoding": "identity",
    }
    transport = GuardedTransport(allowed_addresses, begun + TOTAL_SECONDS)
    # Neither proxies nor passwords come from the environment: the guard has to see the address.
    with (
        httpx2.Client(transport=transport, timeout=timeout, trust_env=False) as client,
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


def _kept(response: httpx2.Response) -> str:
    """Return the beginning of what was answered; a body that never ends is cut off."""
    found = bytearray()
    try:
        for chunk in response.iter_raw():
            found += chunk
            if len(found) >= 4 * KEPT_CHARACTERS:
                break
    except (httpcore2.TimeoutException, httpcore2.NetworkError, httpcore2.ProtocolError):
        # The status has come: that decides.
        pass
    return found.decode(errors="replace")[:KEPT_CHARACTERS].replace("\0", "\ufffd")


def _refused(response: httpx2.Response) -> str:
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
    if isinstance(error, httpcore2.ConnectTimeout | httpx2.ConnectTimeout):
        return _("No connection within %(seconds)d seconds.") % {"seconds": CONNECT_SECONDS}
    return _("No answer in time: it may take %(read)d seconds, %(total)d in all.") % {
        "read": READ_SECONDS,
        "total": TOTAL_SECONDS,
    }


def _reason(error: Exception) -> str:
    return (str(error) or type(error).__name__)[:300].replace("\0", "")
