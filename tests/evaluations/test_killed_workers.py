"""Real workers, a real Redis, and SIGKILL in the middle: nothing is lost and nothing doubled."""

import json
import os
import random
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from django.conf import settings as project_settings

from tests.evaluations.helpers import rows, write_csv
from tests.migrated import copy_migrated
from tests.openai_server import KEY, apart

CASES = 700  # about 2 to 10 ms each: long enough to be interrupted

SCENE = """
from decisions.actions.records import open_decision
from decisions.actions.rows import add_candidate
from decisions.models import User
owner = User.objects.create_user("olivia", email="o@example.org", name="Olivia", password="x")
record = open_decision(by=owner, title="Which way?")
add_candidate(record, by=owner, name="Zero", approach="prompting",
              spec={"technique": "prompting/zero_shot"})
"""

LOOK = """
import json
from django.db.models import Count, Max
from evaluations.models import Result, Run
runs = [{"state": run.state, "digest": run.results_digest, "error": run.error,
         "evidence": run.candidate.evidence.count(),
         "standing": run.candidate.evidence.standing().count(),
         "results": run.results.count(), "cases": run.results.values("case").distinct().count(),
         "done": run.results.filter(state="done").count(),
         "attempts": run.results.aggregate(most=Max("attempts"))["most"]}
        for run in Run.objects.order_by("pk")]
print(json.dumps(runs))
"""

GLANCE = """
SELECT run.state, count(*) FILTER (WHERE result.state = 'done'),
       count(*) FILTER (WHERE result.state = 'claimed')
FROM evaluations_run AS run JOIN evaluations_result AS result ON result.run_id = run.id
WHERE run.id = (SELECT min(id) FROM evaluations_run)
"""


class Glance(NamedTuple):
    """How a run stands: its state, and how many of its cases are done and being worked on."""

    state: str
    done: int
    claimed: int

    @property
    def is_over(self) -> bool:
        return self.state not in {"requested", "running"}


class Installation:
    """A folder with its own database and Redis, and the workers that run on them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.socket = folder / "redis.sock"
        self.database = folder / "record.sqlite3"
        self.processes: list[subprocess.Popen[bytes]] = []
        self.environment = os.environ | {
            "COUNTERSIGN_VAR": str(folder),
            "COUNTERSIGN_DEBUG": "1",
            "DATABASE_URL": f"sqlite:///{self.database}",
            "REDIS_URL": f"redis+socket://{self.socket}",
            "DJANGO_SETTINGS_MODULE": "tests.evaluations.worker_settings",
        }

    def start(self, *command: str) -> subprocess.Popen[bytes]:
        """Start a program in a process group of its own."""
        log = (self.folder / "log").open("ab")
        process = subprocess.Popen(
            command,
            cwd=project_settings.BASE_DIR,
            env=self.environment,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
        self.processes.append(process)
        return process

    def redis(self, *words: str) -> None:
        """Tell Redis something."""
        subprocess.run(["redis-cli", "-s", str(self.socket), *words], check=True, timeout=10)

    def start_redis(self) -> None:
        """Start a Redis on a socket of the test's own."""
        binary = shutil.which("redis-server")
        assert binary
        self.start(binary, "--port", "0", "--unixsocket", str(self.socket), "--save", "")
        wait_until(self.socket.exists, "Redis does not start", 10)

    def start_worker(self) -> subprocess.Popen[bytes]:
        """Start a worker with two children."""
        flags = "--concurrency 2 -O fair --without-gossip --without-mingle --loglevel INFO"
        return self.start(sys.executable, "-m", "celery", "-A", "config", "worker", *flags.split())

    def start_beat(self) -> subprocess.Popen[bytes]:
        """Start what wakes the reaper."""
        return self.start(sys.executable, "-m", "celery", "-A", "config", "beat")

    def kill(self, process: subprocess.Popen[bytes]) -> None:
        """End a program and its children at once, giving them no chance to clean up."""
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()

    def manage(self, *words: str) -> str:
        """Run one of manage.py's commands and return what it prints."""
        done = subprocess.run(
            [sys.executable, "manage.py", *words],
            cwd=project_settings.BASE_DIR,
            env=self.environment,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    def shell(self, code: str) -> str:
        """Run Python code inside the installation."""
        return self.manage("shell", "-v", "0", "-c", code)

    def runs(self) -> list[dict[str, Any]]:
        """Return how the runs stand."""
        return list(json.loads(self.shell(LOOK)))

    def first_run(self) -> Glance:
        """Return in a moment how the first run stands: a shell takes a core's second to start."""
        file = f"file:{self.database}?mode=ro"
        with closing(sqlite3.connect(file, uri=True, timeout=60)) as database:
            return Glance(*database.execute(GLANCE).fetchone())


def wait_until(ready: Callable[[], bool], else_say: str, seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while not ready():
        assert time.monotonic() < deadline, else_say
        time.sleep(0.1)


def children_of(pid: int) -> list[int]:
    found = subprocess.run(["pgrep", "-P", str(pid)], capture_output=True, text=True, check=False)
    return [int(line) for line in found.stdout.split()]


@pytest.fixture
def installation(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    """An installation with a record, a candidate and a case set, ended whatever happens."""
    if not shutil.which("redis-server"):
        pytest.fail("redis-server is not installed: run bin/bootstrap test")
    made = Installation(tmp_path_factory.mktemp("i"))
    try:
        made.start_redis()
        copy_migrated(made.database)
        made.shell(SCENE)
        path = write_csv(made.folder / "cases.csv", rows(tests=CASES // 3))
        made.manage("import_cases", str(path), "--name", "Messages")
        yield made
    finally:
        for process in reversed(made.processes):
            made.kill(process)


@pytest.mark.slow
def test_killed_workers_lose_nothing_and_double_nothing(installation: Installation) -> None:
    worker = installation.start_worker()
    installation.start_beat()
    installation.manage("evaluate", "DR-1", "--case-set", "Messages", "--candidate", "Zero")
    total = CASES // 3 * 3

    def has_begun() -> bool:
        return 0 < installation.first_run().done < total

    wait_until(has_begun, "No case was answered in time", 120)
    for child in children_of(worker.pid)[:1]:  # one child: its case comes back with the lease
        os.kill(child, signal.SIGKILL)
    time.sleep(0.5)
    installation.kill(worker)  # and then all of it: only the reaper knows of the run now
    (after_kill,) = installation.runs()
    assert after_kill["state"] == "running"
    assert after_kill["done"] < total

    installation.start_worker()
    wait_until(
        lambda: installation.first_run().state == "finished", "The run was not taken up", 180
    )

    (killed,) = installation.runs()
    assert killed["results"] == killed["cases"] == killed["done"] == total
    assert killed["evidence"] == killed["standing"] == 4
    assert killed["attempts"] >= 2
    installation.manage(
        "evaluate", "DR-1", "--case-set", "Messages", "--candidate", "Zero", "--wait"
    )
    undisturbed = installation.runs()[1]
    assert undisturbed["digest"] == killed["digest"]


ASKING = """
from decisions.actions.records import open_decision
from decisions.actions.rows import add_candidate
from decisions.models import User
from evaluations.models import Endpoint
owner = User.objects.get(username="olivia")
Endpoint.objects.create(name="Ours", slug="ours", base_url="{url}", key="{key}", concurrency=4,
                        timeout=10, created_by=owner)
record = open_decision(by=owner, title="Whom to ask?")
add_candidate(record, by=owner, name="Asked", approach="prompting",
              spec={{"technique": "prompting/chat", "endpoint": "ours", "model": "small"}})
"""
STANDING = """
import json
from django.db.models import Count, Max
from evaluations.models import Endpoint, Result, Run
run, results = Run.objects.get(), Result.objects.all()
print(json.dumps({"state": run.state, "done": results.filter(state="done").count(),
    "results": results.count(), "cases": results.values("case").distinct().count(),
    "claimed": results.filter(state="claimed").count(),
    "failed": results.filter(state="failed").count(),
    "attempts": results.aggregate(most=Max("attempts"))["most"], "n": run.metrics.get("attempted"),
    "requests": Endpoint.objects.get().spent_requests, "evidence": run.candidate.evidence.count(),
    "standing": run.candidate.evidence.standing().count()}))
"""
KILLS = 15


@pytest.mark.slow
def test_fifteen_kills_and_an_emptied_redis_lose_nothing_of_300_cases_at_a_model_server(
    installation: Installation,
) -> None:
    chance = random.Random(15)
    with apart(delay=0.4) as server:
        installation.shell(ASKING.format(url=server.url, key=KEY))
        path = write_csv(installation.folder / "asked.csv", rows(tests=100))
        installation.manage("import_cases", str(path), "--name", "Asked")
        installation.start_beat()
        worker = installation.start_worker()
        installation.manage("evaluate", "DR-2", "--case-set", "Asked", "--candidate", "Asked")

        def goes_on_after(done: int) -> Callable[[], bool]:
            def goes_on() -> bool:
                now = installation.first_run()
                is_working = now.state == "running" and now.done > done and now.claimed > 0
                return is_working or now.is_over

            return goes_on

        kills, done = 0, -1
        while kills < KILLS:
            wait_until(goes_on_after(done), "Nobody took up the run", 300)
            before = installation.first_run()
            assert not before.is_over, f"It was over after {kills} kills"
            done = before.done
            time.sleep(chance.uniform(0, 0.5))
            children = children_of(worker.pid)
            if kills % 3 == 2 or not children:
                installation.kill(worker)
                worker = installation.start_worker()
            else:
                os.kill(chance.choice(children), signal.SIGKILL)
            kills += 1
            if kills == KILLS // 2:
                installation.redis("flushall")
        wait_until(lambda: installation.first_run().is_over, "The run does not end", 300)
        found: dict[str, Any] = json.loads(installation.shell(STANDING))
        asked = server.figures()["requests"]

    assert found["state"] == "finished"
    assert found["results"] == found["cases"] == found["done"] == found["n"] == 300
    assert found["failed"] == 0
    assert found["evidence"] == found["standing"]
    assert found["attempts"] >= 2
    assert 300 <= asked < 300 + 15 * 4 * 2
