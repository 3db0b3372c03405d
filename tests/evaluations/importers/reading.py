"""Result files to read in tests, and what a reader gives of them, sorted."""

import json
import math
import os
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from evaluations.importers.measured import (
    CaseFound,
    FigureFound,
    Format,
    NotUnderstood,
    Source,
    System,
)

PROJECT = Path(__file__).resolve().parents[3]
OWN = PROJECT / "tests" / "data" / "results"


@dataclass
class Read:
    """What came out of a file."""

    systems: dict[str, System] = field(default_factory=dict)
    cases: dict[str, list[CaseFound]] = field(default_factory=dict)
    figures: dict[tuple[str, str], FigureFound] = field(default_factory=dict)
    lost: list[NotUnderstood] = field(default_factory=list)

    def verdicts(self, system: str) -> tuple[int, int, int, int]:
        """Return (cases, right, wrong, errors) of a system; an error is not counted as wrong."""
        cases = self.cases.get(system, [])
        told = Counter("error" if case.error else case.correct for case in cases)
        return len(cases), told[True], told[False], told["error"]

    def case(self, system: str, beginning: str, repeat: int = 0) -> CaseFound:
        """Return the answer of a system to the case whose input begins like this."""
        return next(
            case
            for case in self.cases[system]
            if case.input.startswith(beginning) and case.repeat == repeat
        )

    @property
    def lost_text(self) -> str:
        return "\n".join(f"{one.where}: {one.what}" for one in self.lost)


def shared_file(folder: str, name: str) -> Path:
    """Return a real result file; those under generated/ are the project's own copies."""
    if name.startswith("generated/"):
        return OWN / folder / name.removeprefix("generated/")
    data = Path(os.environ.get("COUNTERSIGN_DATA") or PROJECT.parent / "shared" / "data")
    path = data / "eval_results" / folder / name
    if not path.exists():
        pytest.skip(f"{path} is absent: COUNTERSIGN_DATA names the folder of shared data")
    return path


def read(form: Format, path: Path) -> Read:
    """Return all that a reader gives, checked for what every reader promises."""
    found = Read()
    assert form.detect(Source(path))
    for one in form.read(Source(path)):
        if isinstance(one, System):
            assert one.key not in found.systems
            found.systems[one.key] = one
        elif isinstance(one, CaseFound):
            _check_case(one, found)
            found.cases.setdefault(one.system, []).append(one)
        elif isinstance(one, FigureFound):
            assert one.system in found.systems
            assert one.value is None or math.isfinite(one.value)
            assert (one.value is None) == bool(one.why)
            found.figures[one.system, one.metric] = one
        else:
            found.lost.append(one)
    for system in found.systems.values():
        json.dumps(system.settings, allow_nan=False)
    return found


def written(folder: Path, name: str, *values: Any) -> Path:
    """Return a file with these values: one as JSON, several as JSON lines, a text as it is."""
    path = folder / name
    texts = [value if isinstance(value, str) else json.dumps(value) for value in values]
    path.write_text("\n".join(texts), encoding="utf-8")
    return path


def _check_case(case: CaseFound, found: Read) -> None:
    assert case.system in found.systems
    assert 0 < len(case.key) <= 100
    assert not (case.error and case.output is not None)
    assert all(score is None or 0 <= score <= 1 for score in case.scores.values())
    assert not case.error or set(case.scores.values()) <= {None}
    json.dumps(case.details, allow_nan=False)
