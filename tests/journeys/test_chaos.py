"""Workers, Redis and web server are killed in the middle of a run: nothing is lost or doubled."""

import json
import os
import signal
import sqlite3
import subprocess
import time
import urllib.request
from collections.abc import Callable
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

import pytest

from tests.evaluations.helpers import rows, write_csv
from tests.journeys.conftest import Running

pytestmark = [pytest.mark.journey, pytest.mark.slow]

CASES = 1800  # about 5 ms each on two workers: long enough to be interrupted
ANSWERED = "SELECT count(*) FROM evaluations_result WHERE run_id = ? AND state = 'done'"
TOLD = """
SELECT count(*), count(DISTINCT case_id), sum(state = 'done'), max(attempts)
FROM evaluations_result WHERE run_id = ?
"""
EVIDENCE = """
SELECT count(*), count(DISTINCT metric) FROM decisions_evidence
JOIN decisions_candidate ON decisions_candidate.id = candidate_id
WHERE decisions_candidate.name = 'Under fire' AND withdrawn_at IS NULL
"""
SCENE = """
from decisions.actions.records import open_decision
from decisions.actions.rows import add_candidate
from decisions.models import User
owner = User.objects.get(username="maren")
record = open_decision(by=owner, title="What survives?")
spec = {"technique": "prompting/zero_shot"}
add_candidate(record, by=owner, name="Under fire", approach="prompting", spec=spec)
print(record.reference)
"""


def ask(product: Running, query: str, *values: object) -> tuple[Any, ...]:
    """Return the first row that the product's database answers."""
    with closing(sqlite3.connect(product.var / "countersign.sqlite3", timeout=20)) as database:
        return tuple(database.execute(query, values).fetchone())


def children(pid: int, called: str = "") -> list[int]:
    """Return the processes that a process has started, those whose command says `called`."""
    command = ["pgrep", "-P", str(pid), "-f", called]
    found = subprocess.run(command, capture_output=True, text=True, check=False)
    return [int(line) for line in found.stdout.split()]


def kill(*processes: int) -> None:
    for process in processes:
        with suppress(ProcessLookupError):
            os.kill(process, signal.SIGKILL)


def wait_until(ready: Callable[[], bool], else_say: str, seconds: float = 60) -> None:
    end = time.monotonic() + seconds
    while not ready():
        assert time.monotonic() < end, else_say
        time.sleep(0.1)


def evaluated(product: Running, record: str, *options: str) -> dict[str, Any]:
    """Ask for the candidate's run, or find the one that is under way; return how it stands."""
    done = product.manage("evaluate", record, "--case-set", "Fire", "--json", *options)
    assert done.returncode == 0, done.stdout + done.stderr
    (run,) = json.loads(done.stdout)["runs"]
    return dict(run)


@pytest.fixture
def record(running: Running, tmp_path: Path) -> str:
    """Return a record with one candidate that needs a while, and its case set."""
    path = write_csv(tmp_path / "cases.csv", rows(tests=CASES // 3))
    imported = running.manage("import_cases", str(path), "--name", "Fire")
    assert imported.returncode == 0, imported.stderr
    return running.manage("shell", "-v", "0", "-c", SCENE).stdout.strip()


def test_a_run_survives_the_death_of_everything_around_it(running: Running, record: str) -> None:
    demo = running.parent.pid

    def worker() -> int:
        wait_until(lambda: bool(children(demo, "config worker")), "No worker was started again")
        return children(demo, "config worker")[0]

    def answers() -> bool:
        with suppress(OSError):
            return bool(urllib.request.urlopen(f"{running.address}/sign-in/", timeout=5))  # noqa: S310
        return False

    run = evaluated(running, record)["run"]
    wait_until(lambda: ask(running, ANSWERED, run)[0] > 0, "No case was answered in time")
    kill(*children(worker()))
    time.sleep(1)
    kill(worker())
    kill(*children(demo, "redis-server"), *children(demo, "gunicorn"))
    assert 0 < ask(running, ANSWERED, run)[0] < CASES

    survived = evaluated(running, record, "--wait")
    assert survived["run"] == run
    assert survived["state"] == "finished"
    results, cases, done, attempts = ask(running, TOLD, run)
    assert results == cases == done == CASES
    assert attempts > 1
    standing, metrics = ask(running, EVIDENCE)
    assert standing == metrics == 4
    wait_until(answers, "The web server was not started again")

    undisturbed = evaluated(running, record, "--wait")
    assert undisturbed["run"] != run
    assert undisturbed["results_digest"] == survived["results_digest"]
    assert ask(running, EVIDENCE) == (4, 4)
