"""A model that says what a test tells it to; what talks to real servers is tested with those."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from evaluations.techniques.chat import Message


@dataclass(frozen=True)
class Said:
    """A reply."""

    text: str
    model: str = "told-1"
    input_tokens: int | None = 10
    output_tokens: int | None = 3
    cost: Decimal | None = Decimal("0.001")
    latency_ms: float = 100.0


@dataclass
class ToldChat:
    """Answers with `says(messages, how)` and keeps what it was asked."""

    says: Callable[[Sequence[Message], Mapping[str, Any]], str | Said]
    asked: list[tuple[list[Message], dict[str, Any]]] = field(default_factory=list)

    async def say(self, messages: Sequence[Message], **how: Any) -> Said:
        self.asked.append((list(messages), how))
        said = self.says(messages, how)
        return said if isinstance(said, Said) else Said(said)

    def seats(self) -> int:
        return 8

    async def close(self) -> None:
        """Nothing is open."""

    @property
    def last_words(self) -> list[str]:
        """Return the last turn of everything it was asked."""
        return [messages[-1]["content"] for messages, _how in self.asked]
