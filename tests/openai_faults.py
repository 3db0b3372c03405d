"""What can go wrong at a model server: each fault makes a wrong answer of the right one.

A fault takes the `Sent` that the server would have sent and returns what it sends instead, so what
is not wrong about it stays right. Hand them to `tests.openai_server.ModelServer`, see there.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime
from email.utils import format_datetime
from typing import Any

JSON = "application/json"


@dataclass(frozen=True)
class Sent:
    """An answer and how it travels. Times are in seconds, lengths in bytes.

    `wait` is before the first byte. With `piece` the body goes out chunked, a piece `every` so
    often. The connection is closed `cut` bytes into the body, although more was promised. What
    `hangs` is never answered.
    """

    status: int = 200
    body: bytes = b""
    content_type: str = JSON
    headers: dict[str, str] = field(default_factory=dict)
    wait: float = 0.0
    piece: int = 0
    every: float = 0.0
    cut: int | None = None
    hangs: bool = False
    hangs_up: bool = False

    @property
    def json(self) -> Any:
        """Return the body as plain values."""
        return json.loads(self.body)

    def saying(self, values: Any) -> Sent:
        """Return the same with another JSON body."""
        return replace(self, body=json.dumps(values).encode())


Fault = Callable[[Sent], Sent]


def refused(status: int, message: str, code: str | None = None, **headers: str) -> Sent:
    """Return an error as OpenAI's servers word it."""
    kind = "invalid_request_error" if status < 500 else "server_error"
    error = {"message": message, "type": kind, "param": None, "code": code}
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Sent(status, json.dumps({"error": error}).encode(), headers=named)


def failing(status: int = 500, message: str = "The server had an error.", **headers: str) -> Fault:
    """Answer with an error status."""
    return lambda sent: refused(status, message, **headers)


def rate_limited(after: float | datetime | None = None) -> Fault:
    """Answer 429; `after` is told as Retry-After, in seconds or as an HTTP date (UTC)."""
    told = format_datetime(after, usegmt=True) if isinstance(after, datetime) else after
    headers = {} if told is None else {"Retry-After": str(told)}
    return failing(429, "Rate limit reached for requests.", **headers)


def late(seconds: float) -> Fault:
    """Answer rightly, but only after a while."""
    return lambda sent: replace(sent, wait=seconds)


def hanging() -> Fault:
    """Take the request and never answer."""
    return lambda sent: replace(sent, hangs=True)


def hanging_up() -> Fault:
    """Take the request and close the connection without a word."""
    return lambda sent: replace(sent, hangs_up=True)


def malformed(body: bytes = b'{"id": "chatcmpl-1", "choices": [') -> Fault:
    """Answer 200 with something that is not JSON and says that it is."""
    return lambda sent: replace(sent, body=body)


def truncated(share: float = 0.5) -> Fault:
    """Close the connection within the body, after promising all of it."""
    return lambda sent: replace(sent, cut=int(len(sent.body) * share))


def dripping(piece: int = 16, every: float = 0.05) -> Fault:
    """Send the right body, chunked, a few bytes at a time."""
    return lambda sent: replace(sent, piece=piece, every=every)


def web_page(status: int = 200) -> Fault:
    """Answer with a web page, as a proxy or a login page in between does."""
    page = b"<!doctype html><title>Sign in</title><h1>Please sign in</h1>"
    return lambda sent: Sent(status, page, "text/html; charset=utf-8")


def redirecting(to: str, status: int = 307) -> Fault:
    """Send the client somewhere else."""
    return lambda sent: Sent(status, headers={"Location": to})


def empty() -> Fault:
    """Answer 200 with nothing."""
    return lambda sent: replace(sent, body=b"")


def huge(size: int) -> Fault:
    """Answer with valid JSON of more than `size` bytes."""
    return lambda sent: sent.saying({**sent.json, "padding": "x" * size})


def without(key: str) -> Fault:
    """Leave something out of the answer: usage, choices, model, data …"""
    return lambda sent: sent.saying({k: v for k, v in sent.json.items() if k != key})


def having(**values: Any) -> Fault:
    """Put something else into the answer: `having(choices=[])`, `having(usage=None)` …"""
    return lambda sent: sent.saying({**sent.json, **values})


def with_message(finish_reason: str = "stop", **values: Any) -> Fault:
    """Put something else into the first choice's message: `with_message(content=None)` …"""

    def wrong(sent: Sent) -> Sent:
        answer = sent.json
        choice = answer["choices"][0]
        choice["message"].update(values)
        choice["finish_reason"] = finish_reason
        return sent.saying(answer)

    return wrong


def refusing(sentence: str = "I can't help with that.") -> Fault:
    """Let the model refuse, in the field that structured output has for it."""
    return with_message(content=None, refusal=sentence)


def filtered() -> Fault:
    """Let the content filter cut the answer."""
    return with_message("content_filter", content="")


# By name, for servers in another process: `POST /_/faults [["rate_limited", [1]], …]`.
FAULTS: dict[str, Callable[..., Fault]] = {
    make.__name__: make
    for make in (
        dripping,
        empty,
        failing,
        filtered,
        hanging,
        hanging_up,
        huge,
        late,
        malformed,
        rate_limited,
        redirecting,
        refusing,
        truncated,
        web_page,
        without,
    )
}
