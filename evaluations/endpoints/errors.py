"""What can go wrong with a model server, in plain words and without its key."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from evaluations.endpoints.replies import Reply


class Kind(StrEnum):
    """What went wrong, for those that act on it."""

    ADDRESS = "address"  # the address may not be called
    UNREACHABLE = "unreachable"  # nobody listens there
    BROKEN = "broken"  # the connection ended early
    TIMEOUT = "timeout"
    KEY = "key"  # missing, wrong, or not readable here
    FORBIDDEN = "forbidden"
    MISSING = "missing"  # no such model, or no such address
    QUOTA = "quota"  # the account has no money left
    RATE = "rate"  # too many requests
    SERVER = "server"  # the server failed
    REQUEST = "request"  # the server cannot do what was asked
    REDIRECT = "redirect"
    TOO_LARGE = "too_large"
    MALFORMED = "malformed"  # not what the protocol says
    EMPTY = "empty"  # no choices, no text
    REFUSED = "refused"  # the model does not want to
    FILTERED = "filtered"  # a content filter does not want to


# What the next request would meet as well: a run had better rest than fail case after case.
STANDING = frozenset(
    {Kind.ADDRESS, Kind.UNREACHABLE, Kind.KEY, Kind.MISSING, Kind.QUOTA, Kind.REDIRECT}
)
# What says that the server has too much to do.
OVERLOAD = frozenset({Kind.RATE, Kind.TIMEOUT})


class EndpointError(Exception):
    """A request that got no answer; the message is a sentence for people.

    `is_retryable` says whether asking again may help, `wait` how many seconds the server asks for
    before that. `reply` is there where the server has counted tokens all the same, and
    `is_turned_away` says that the server has not begun with the request.
    """

    def __init__(
        self,
        sentence: str,
        kind: Kind,
        *,
        is_retryable: bool = False,
        wait: float | None = None,
        reply: Reply | None = None,
        param: str = "",
        is_turned_away: bool = False,
    ) -> None:
        super().__init__(sentence)
        self.kind = kind
        self.is_retryable = is_retryable
        self.wait = wait
        self.reply = reply
        self.param = param
        self.is_turned_away = is_turned_away
        self.attempts = 1

    @property
    def sentence(self) -> str:
        """Return what happened, for people."""
        return str(self.args[0])
