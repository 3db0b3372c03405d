"""Very many results come in, in bounded memory, whatever tool wrote them.

A hundred thousand with COUNTERSIGN_MANY=100000, which takes minutes; a tenth of that without.
"""

import json
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, TextIO

import pytest

from decisions.models import Candidate
from evaluations.bringing import chosen_systems, import_results, looked_through
from evaluations.importers.measured import Source
from evaluations.models import Run

pytestmark = pytest.mark.slow

MANY = int(os.environ.get("COUNTERSIGN_MANY") or 10_000)
MOST_MEMORY = 40 + 1.1 * MANY / 1000  # megabytes above what the process had before


def table_rows(file: TextIO) -> None:
    """Write a table, a row a line."""
    for n in range(MANY):
        row = {"id": f"q{n}", "input": f"Question {n}? " * 5, "output": "yes", "expected": "yes"}
        file.write(json.dumps(row | {"correct": n % 4 > 0, "score": n % 7 / 7}) + "\n")


def promptfoo_rows(file: TextIO) -> None:
    """Write promptfoo's JSON of one prompt."""
    file.write('{"evalId": "eval-1", "results": {"version": 3, "prompts": [], "results": [')
    for n in range(MANY):
        row = {"promptIdx": 0, "testIdx": n, "vars": {"q": f"Question {n}?"}, "latencyMs": 5}
        answer = {"success": n % 4 > 0, "score": float(n % 4 > 0), "failureReason": 0}
        told = {"provider": {"id": "fake"}, "response": {"output": "yes"}}
        file.write(("," if n else "") + json.dumps(row | answer | told | {"namedScores": {}}))
    file.write("]}}")


def peak() -> float:
    """Return the process' highest resident memory since it was last reset, in megabytes."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return int(next(one for one in lines if one.startswith("VmHWM")).split()[1]) / 1000


@pytest.fixture
def grown() -> Callable[[], float]:
    """Return how far memory has grown above what it was when the test began."""
    reset = Path("/proc/self/clear_refs")
    if not reset.exists():
        pytest.skip("memory is measured on Linux")
    reset.write_text("5")
    before = peak()
    return lambda: peak() - before


@pytest.mark.parametrize(
    ("write", "metric"), [(table_rows, "accuracy"), (promptfoo_rows, "pass_rate")]
)
def test_very_many_results_come_in_within_bounds(
    write: Callable[[TextIO], None],
    metric: str,
    candidate: Candidate,
    tmp_path: Path,
    grown: Any,
) -> None:
    path = tmp_path / "many.json"
    with path.open("w") as file:
        write(file)
    began = time.monotonic()
    source = Source(path)
    survey = looked_through(source)
    looked, by = time.monotonic() - began, candidate.decision.owner
    (run,) = import_results(source, survey.format, chosen_systems(survey, candidate), by=by)
    took = time.monotonic() - began
    print(f"looked {looked:.1f} s, in {took:.1f} s, {grown():.0f} MB")
    assert run.results.count() == MANY
    assert Run.objects.get(pk=run.pk).metrics[metric]["value"] == 75
    assert grown() < MOST_MEMORY
