"""What a server's answer says: plain values out of its JSON, or what is wrong with it."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import numpy as np
import numpy.typing as npt
from django.utils.translation import gettext as _

from evaluations.endpoints.errors import EndpointError, Kind
from evaluations.endpoints.prices import Price

QUOTED = 300  # characters of what a server or a model says in an error


@dataclass(frozen=True, slots=True)
class Reply:
    """What a model said. Tokens and cost (US dollars) are None where they are not known.

    `latency_ms` is the time of the attempt that succeeded alone; `attempts` counts all. `texts` are
    all that was said, where several replies were asked for.
    """

    text: str
    model: str
    input_tokens: int | None
    output_tokens: int | None
    cost: Decimal | None
    latency_ms: float
    attempts: int = 1
    finish_reason: str = ""
    cached_tokens: int | None = None
    texts: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Embedded:
    """Texts as vectors: float32, a row for each text. The rest as in a `Reply`."""

    vectors: npt.NDArray[np.float32]
    model: str
    input_tokens: int | None
    output_tokens: int | None
    cost: Decimal | None
    latency_ms: float
    attempts: int = 1


@dataclass(frozen=True, slots=True)
class Received:
    """A server's answer to one request: the body, and the milliseconds it took."""

    body: bytes
    content_type: str
    milliseconds: float
    attempts: int = 1


def reply_of(received: Received, asked: str, price: Price | None) -> Reply:
    """Return what a model said.

    Raises `EndpointError` for what is not a chat completion, and for a reply without an answer: the
    model, or a filter before it, refused.
    """
    data = _plain(received)
    choices = _list_of(data, "choices")
    if not choices:
        raise EndpointError(_("The server answered without a reply in it."), Kind.EMPTY)
    reply = _reply(data, choices, received, asked, price)
    if problem := _problem(choices[0], reply):
        raise problem
    return reply


def embedded_of(received: Received, asked: str, price: Price | None, count: int) -> Embedded:
    """Return vectors, in the order of the texts; raises `EndpointError` for anything else."""
    data = _plain(received)
    rows = sorted(_list_of(data, "data"), key=_place)
    usage = _usage(data)
    tokens = _count(usage, "prompt_tokens")
    return Embedded(
        _vectors(rows, count),
        _text(data.get("model")) or asked,
        tokens,
        None if tokens is None else 0,
        price.cost(tokens, 0) if price else None,
        received.milliseconds,
        received.attempts,
    )


def models_of(received: Received) -> list[str]:
    """Return the models that a server says it has; raises `EndpointError` for anything else."""
    rows = _list_of(_plain(received), "data")
    return [name for name in (_text(row.get("id")) for row in rows) if name]


def error_said(body: bytes) -> tuple[str, str, str]:
    """Return the sentence, the code and the parameter of a server's error, each maybe empty."""
    try:
        data = json.loads(body)
    except (ValueError, RecursionError):
        return "", "", ""
    error = data.get("error", data) if isinstance(data, dict) else data
    if isinstance(error, str):
        return _text(error), "", ""
    if not isinstance(error, dict):
        return "", "", ""
    said = error.get("message") or error.get("detail") or ""
    code = error.get("code") or error.get("type") or ""
    return _text(said), _text(code), _text(error.get("param"))


def quoted(text: str) -> str:
    """Return what somebody said on one line, at most 300 characters."""
    line = " ".join(text.split())
    return line if len(line) <= QUOTED else f"{line[: QUOTED - 1]}…"


def object_of(received: Received) -> dict[str, Any]:
    """Return the body as a JSON object; raises `EndpointError` for anything else."""
    kind = received.content_type.partition(";")[0].strip().lower()
    if kind == "text/html":
        raise EndpointError(
            _("A web page came back instead of an answer. Is the address complete (…/v1)?"),
            Kind.MALFORMED,
        )
    try:
        data = json.loads(received.body)
    except (ValueError, RecursionError):
        data = None
    if not isinstance(data, dict):
        raise _malformed(_("What came back is not the JSON that the protocol asks for."))
    return data


def _plain(received: Received) -> dict[str, Any]:
    """Return the body as JSON's plain values, unless it says that something went wrong."""
    data = object_of(received)
    if data.get("error"):  # some servers say so with status 200
        said = error_said(received.body)[0]
        told = {"said": quoted(said) or _("no reason given")}
        raise EndpointError(_("The server says: %(said)s") % told, Kind.SERVER, is_retryable=True)
    return data


def _list_of(data: Mapping[str, Any], name: str) -> list[dict[str, Any]]:
    rows = data.get(name)
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise _malformed(_("What came back lacks “%(name)s” as a list.") % {"name": name})
    return rows


def _reply(
    data: Mapping[str, Any],
    choices: Sequence[Mapping[str, Any]],
    received: Received,
    asked: str,
    price: Price | None,
) -> Reply:
    usage = _usage(data)
    tokens = _count(usage, "prompt_tokens"), _count(usage, "completion_tokens")
    details = usage.get("prompt_tokens_details")
    cached = _count(details, "cached_tokens") if isinstance(details, dict) else None
    texts = tuple(_content(choice) or "" for choice in choices)
    return Reply(
        texts[0],
        _text(data.get("model")) or asked,
        *tokens,
        price.cost(*tokens, cached) if price else None,
        received.milliseconds,
        received.attempts,
        _text(choices[0].get("finish_reason")),
        cached,
        texts,
    )


def _problem(choice: Mapping[str, Any], reply: Reply) -> EndpointError | None:
    """Return why the first choice is no answer, if it is none; tokens are spent all the same."""
    refusal = _text(_message(choice).get("refusal"))
    if refusal and not reply.text:
        told = {"said": quoted(refusal)}
        sentence, kind = _("The model refused: %(said)s") % told, Kind.REFUSED
    elif reply.finish_reason == "content_filter":
        sentence, kind = _("The server's content filter held the reply back."), Kind.FILTERED
    elif reply.text == "" and reply.finish_reason == "length":
        sentence = _("The longest reply was used up before anything was said. Allow a longer one.")
        kind = Kind.EMPTY
    elif _content(choice) is None:
        sentence, kind = _("The server's reply has no text in it."), Kind.EMPTY
    else:
        return None
    return EndpointError(sentence, kind, reply=reply)


def _message(choice: Mapping[str, Any]) -> Mapping[str, Any]:
    message = choice.get("message")
    return message if isinstance(message, dict) else {}


def _content(choice: Mapping[str, Any]) -> str | None:
    """Return a choice's text, also where it comes in parts; None where there is none."""
    content = _message(choice).get("content")
    if isinstance(content, list):
        parts = [part.get("text") for part in content if isinstance(part, dict)]
        return _text("".join(part for part in parts if isinstance(part, str)))
    return _text(content) if isinstance(content, str) else None


def _usage(data: Mapping[str, Any]) -> Mapping[str, Any]:
    usage = data.get("usage")
    return usage if isinstance(usage, dict) else {}


def _count(usage: Mapping[str, Any], name: str) -> int | None:
    """Return a number of tokens, None where it is missing or makes no sense."""
    found = usage.get(name)
    if not isinstance(found, int) or isinstance(found, bool):
        return None
    return found if 0 <= found < 2**31 else None


def _place(row: Mapping[str, Any]) -> int:
    found = row.get("index")
    return found if isinstance(found, int) else 0


def _vectors(rows: Sequence[Mapping[str, Any]], count: int) -> npt.NDArray[np.float32]:
    try:
        vectors = np.array([row["embedding"] for row in rows], dtype=np.float32)
    except (KeyError, TypeError, ValueError, OverflowError):
        vectors = np.empty(0, dtype=np.float32)
    if vectors.ndim != 2 or len(vectors) != count or not vectors.shape[1]:
        told = {"count": count}
        raise _malformed(_("What came back is not a vector for each of %(count)s texts.") % told)
    if not math.isfinite(float(np.abs(vectors).max())):
        raise _malformed(_("A vector that came back holds what is not a number."))
    return vectors


def _text(value: object) -> str:
    """Return a text that can be stored and sent: whole characters only; other values as ""."""
    if not isinstance(value, str):
        return ""
    value = value.replace("\0", "")  # which PostgreSQL does not store
    if value.isascii():
        return value
    return value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def _malformed(sentence: str) -> EndpointError:
    return EndpointError(sentence, Kind.MALFORMED, is_retryable=True)
