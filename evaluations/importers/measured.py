"""What other tools have measured, as plain values: systems, cases, figures, and what was not read.

A reader of a format yields these one after the other while it reads, so that a file of any size
passes through. It reads what the tool wrote and decides nothing: an error stays an error, a score
that the tool could not give stays None, and what has no place here is named.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

from evaluations.spec import Words


@dataclass(frozen=True, slots=True)
class System:
    """One measured system on one task: what becomes a run. `key` is unique within the file.

    `scorer` names the main score among those of its cases. `attempted` is the number of cases the
    tool meant to measure (times the repeats), where the file says so. `settings` are plain JSON.
    """

    key: str
    model: str
    task: str = ""
    tool: str = ""
    tool_version: str = ""
    scorer: str = ""
    attempted: int | None = None
    repeats: int = 1
    status: str = ""
    started_at: datetime | None = None
    settings: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class CaseFound:
    """One system's answer to one case; `error` is why there is none. Scores as the tool gave them.

    `scores` maps a scorer to its value from 0 to 1 (None: it could not score the case); `correct`
    is the tool's verdict, None where it has none. Times in milliseconds, cost in US dollars.
    """

    system: str
    key: str
    input: str
    expected: str = ""
    output: str | None = None
    error: str = ""
    repeat: int = 0
    scores: Mapping[str, float | None] = field(default_factory=dict)
    correct: bool | None = None
    latency_ms: float | None = None
    cost: Decimal | None = None
    input_tokens: int | None = None
    output_tokens: int | None = None
    details: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class FigureFound:
    """One figure over a system's cases, as the tool states it, in the tool's own scale.

    `unit` is "%" for 0-100 scales, "" for 0-1 scales and plain numbers, else "ms", "USD" …;
    `value` is None where the tool says that there is none ("N/A", NaN), and `why` then says so.
    What is apart is over other answers than those of the system that come in.
    """

    system: str
    metric: str
    value: float | None
    n: int | None = None
    stderr: float | None = None
    low: float | None = None
    high: float | None = None
    unit: str = ""
    why: str = ""
    settings: Mapping[str, Any] = field(default_factory=dict)
    is_apart: bool = False


@dataclass(frozen=True, slots=True)
class NotUnderstood:
    """Something in the file that has no place in a run; `where` is a path or a line."""

    where: str
    what: str


Found = System | CaseFound | FigureFound | NotUnderstood


@dataclass(frozen=True, slots=True)
class Source:
    """A file (or folder) to read, what sentences call it, and how its columns are mapped."""

    path: Path
    name: str = ""
    columns: Mapping[str, str] = field(default_factory=dict)

    @property
    def title(self) -> str:
        """Return what sentences call it."""
        return self.name or self.path.name


@dataclass(frozen=True, slots=True)
class Format:
    """An entry of the registry of formats.

    `detect` looks at the beginning of the content (never at the name alone) and is cheap and safe
    on any bytes; `read` raises `Unreadable` with one sentence. A system is yielded before its
    cases and figures.
    """

    key: str
    title: Words
    detect: Callable[[Source], bool]
    read: Callable[[Source], Iterator[Found]]
