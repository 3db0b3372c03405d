"""The single cases behind a record's evidence, as whoever measured them tells them.

The record knows figures alone; who keeps the cases registers, and is asked when they are to go
along with an archive.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from decisions.models import Decision


@dataclass(frozen=True, slots=True)
class CaseResult:
    """What was answered to one case, once.

    `source` is the `source_digest` of the evidence that rests on it; `score` and `scores` (by the
    scorer's key) are from 0 to 1, None where they don't apply; `latency_ms` is in milliseconds.
    """

    source: str
    case: str
    repeat: int
    state: str
    answer: str
    correct: bool | None
    score: float | None
    scores: dict[str, Any]
    latency_ms: float | None
    error: str


Tell = Callable[[Decision], Iterable[CaseResult]]

_known: list[Tell] = []


def register(tell: Tell) -> None:
    """Ask this one too from now on."""
    _known.append(tell)


def case_results(record: Decision) -> list[CaseResult]:
    """Return what is behind a record's evidence case by case, in the order of those who know."""
    return [one for tell in _known for one in tell(record)]
