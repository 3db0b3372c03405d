"""Talking to a language model: what techniques need of an endpoint, and what talking came to.

A technique never sees addresses, keys, retries or budgets: it is given a `Chat` and says messages.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from decimal import Decimal
from typing import Any, Protocol, TypedDict, TypeVar

import numpy as np
from numpy.typing import NDArray

Number = TypeVar("Number", int, Decimal)


class Message(TypedDict):
    """One turn: `role` is system, user or assistant."""

    role: str
    content: str


class Paid(Protocol):
    """What a request came to. Tokens and cost are None where they are not known."""

    @property
    def model(self) -> str:
        """Return the model that the server says has answered."""

    @property
    def input_tokens(self) -> int | None:
        """Return the length of what was sent."""

    @property
    def output_tokens(self) -> int | None:
        """Return the length of the reply; of vectors 0, where anything is known."""

    @property
    def cost(self) -> Decimal | None:
        """Return the price in US dollars."""

    @property
    def latency_ms(self) -> float:
        """Return the milliseconds of the request that succeeded, without waiting for a seat."""


class Reply(Paid, Protocol):
    """What a model said to some messages."""

    @property
    def text(self) -> str:
        """Return what was said."""


class Embedded(Paid, Protocol):
    """Texts as vectors, a row for each text."""

    @property
    def vectors(self) -> NDArray[np.float32]:
        """Return the vectors, of whatever length."""


class Chat(Protocol):
    """One model at one endpoint."""

    async def say(
        self,
        messages: Sequence[Message],
        *,
        temperature: float | None = None,
        max_tokens: int | None = None,
        seed: int | None = None,
        schema: Mapping[str, Any] | None = None,
    ) -> Reply:
        """Return the model's reply; `schema` asks for JSON of this form.

        Raises an error whose message is a sentence for people; `Halt` where the run has to rest.
        """

    async def embed(self, texts: Sequence[str]) -> Embedded:
        """Return texts as vectors; raises as `say` does."""

    def seats(self) -> int:
        """Return how many requests this worker may have under way now."""

    async def close(self) -> None:
        """Give connections and seats back."""


@dataclass(frozen=True, slots=True)
class Usage:
    """What the replies behind one answer came to. What one of them does not say, nobody knows.

    `latency_ms` is what a user would have waited: one after the other adds up, side by side the
    slowest counts.
    """

    input_tokens: int | None = 0
    output_tokens: int | None = 0
    cost: Decimal | None = Decimal(0)
    latency_ms: float = 0.0
    requests: int = 0
    model: str = ""

    @classmethod
    def of(cls, reply: Paid) -> Usage:
        """Return what one reply came to."""
        return cls(
            reply.input_tokens,
            reply.output_tokens,
            reply.cost,
            reply.latency_ms,
            1,
            reply.model,
        )

    @classmethod
    def from_plain(cls, told: Mapping[str, Any]) -> Usage:
        """Return what `plain` has told; nothing, if it is empty."""
        cost = told.get("cost", "0")
        return cls(**{**told, "cost": None if cost is None else Decimal(cost)})

    def plain(self) -> dict[str, Any]:
        """Return it as values that JSON can hold."""
        return {**asdict(self), "cost": None if self.cost is None else str(self.cost)}

    def then(self, later: Usage) -> Usage:
        """Return the sum of this and what was asked after it."""
        return self._with(later, self.latency_ms + later.latency_ms)

    def beside(self, other: Usage) -> Usage:
        """Return the sum of this and what was asked at the same time."""
        return self._with(other, max(self.latency_ms, other.latency_ms))

    def _with(self, other: Usage, latency_ms: float) -> Usage:
        return Usage(
            _sum(self.input_tokens, other.input_tokens),
            _sum(self.output_tokens, other.output_tokens),
            _sum(self.cost, other.cost),
            latency_ms,
            self.requests + other.requests,
            other.model or self.model,
        )


def beside(usages: Sequence[Usage]) -> Usage:
    """Return what was asked at the same time came to."""
    total = Usage()
    for one in usages:
        total = total.beside(one)
    return total


def _sum(one: Number | None, other: Number | None) -> Number | None:
    """Return the sum, None if either is not known."""
    return None if one is None or other is None else one + other
