"""What a worker gets out of a model server that takes 50 ms, against the openai client alone.

python -m benchmarks.throughput [cases, default 12000] [rounds, default 3]

A round measures, one after the other and each in processes of its own: the openai client in a bare
loop, 32 requests at once; one worker with 32 seats; two workers with 32 each; and two bare loops,
which is what two processes could get here at all. A worker does what it does in production except
for the queue: claim, seats, budgets, prompt, request, score, write. The server has a process of its
own.

Preparing the technique and computing the figures at the end are done once a run and left out.
Seconds count from the first process's start of work to the last one's end; a worker's include
opening its connections and its last writes, but not importing libraries, which a process does once.
Two workers that begin together share the seats after a second: of a run of few cases that is most.
"Milliseconds at work" are the processor's for one case: other work on the machine lengthens the
rest, these hardly.
"""

from __future__ import annotations

import asyncio
import csv
import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import IO, Any

AT_ONCE = 32
DELAY = 0.05  # seconds
ANSWER = "benchmarks.throughput:label"
SPEC = {
    "technique": "prompting/chat",
    "endpoint": "bench",
    "model": "small",
    "context": "You sort messages: billing or delivery.",
}
RATIOS = (
    ("worker", "bare"),
    ("two workers", "worker"),
    ("two bare", "bare"),
    ("two workers", "two bare"),
)


def label(_messages: Any) -> str:
    """Answer as the server does."""
    return "billing"


# In the measured processes


def bare(url: str, count: int) -> None:
    """Ask with the openai client and nothing else."""
    from openai import AsyncOpenAI

    from tests.openai_server import KEY

    messages = [
        {"role": "system", "content": SPEC["context"]},
        {"role": "user", "content": "My invoice is wrong, message 1"},
    ]

    async def ask_all() -> None:
        left = iter(range(count))
        async with AsyncOpenAI(base_url=url, api_key=KEY, max_retries=0) as client:

            async def ask() -> None:
                for _number in left:
                    await client.chat.completions.create(
                        model=SPEC["model"],
                        messages=messages,  # type: ignore[arg-type]
                        temperature=0.0,
                        max_tokens=512,
                        seed=0,
                    )

            await asyncio.gather(*(ask() for _place in range(AT_ONCE)))

    _timed(lambda: asyncio.run(ask_all()))


def worker(run_id: int) -> None:
    """Answer cases of a run until none can be claimed."""
    _setup()
    import openai  # noqa: F401  what a process does once, like the look at the prices

    from evaluations.endpoints.chats import on_behalf_of
    from evaluations.endpoints.prices import price_of
    from evaluations.measuring import prepared_for
    from evaluations.models import Endpoint, Run
    from evaluations.scoring import scoring_of
    from evaluations.shift import Shift

    run = Run.objects.get(pk=run_id)
    price_of(Endpoint.objects.get(), SPEC["model"])
    with on_behalf_of(run):
        answerer = prepared_for(run, lambda: False).answerer
        _timed(Shift(run, answerer, scoring_of(run), lambda: False).spend)


def _timed(work: Callable[[], Any]) -> None:
    """Say that all is ready, wait for the word, work, and tell when it began and ended."""
    print("ready", flush=True)
    sys.stdin.readline()
    began, worked = time.monotonic(), time.process_time()
    work()
    print(json.dumps([began, time.monotonic(), time.process_time() - worked]), flush=True)


# In the process that measures


def _setup() -> None:
    import django

    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    os.environ.setdefault("COUNTERSIGN_DEBUG", "1")
    django.setup()


def prepare(url: str, folder: Path, cases: int) -> Callable[[int], int]:
    """Make a database with an endpoint and cases; return what asks for a run of so many seats."""
    os.environ["COUNTERSIGN_VAR"] = str(folder)
    os.environ.setdefault("DATABASE_URL", f"sqlite:///{folder / 'bench.sqlite3'}")
    _setup()
    from django.core.management import call_command

    from config.celery import app
    from decisions.models import Candidate
    from evaluations.actions import import_case_set, request_run
    from evaluations.importers.cases import CaseFile
    from evaluations.models import Endpoint, Result, Run
    from tests.evaluations.helpers import COLUMNS, make_candidate
    from tests.factories import open_record, people
    from tests.openai_server import KEY

    app.conf.update(broker_url="memory://")  # the workers are started here, nobody calls them
    call_command("migrate", verbosity=0)
    team = people()
    record = open_record(team)
    found = import_case_set(
        name="Messages", files=[CaseFile(_written(folder, cases))], columns=COLUMNS
    )
    Endpoint.objects.create(
        name="Bench", slug="bench", base_url=url, key=KEY, created_by=team.devops
    )
    made: list[Run] = []

    def ask(seats: int) -> int:
        """Return a run with nothing answered yet; one left over from before is begun anew."""
        Endpoint.objects.update(concurrency=seats)
        Result.objects.all().delete()
        Run.objects.all().delete()
        candidate = make_candidate(record, team, name=f"Candidate {len(made)}")
        Candidate.objects.filter(pk=candidate.pk).update(spec=SPEC)
        candidate.refresh_from_db()
        made.append(request_run(candidate, found.case_set, by=team.data_science, concurrency=seats))
        return made[-1].pk

    return ask


def _written(folder: Path, cases: int) -> Path:
    path = folder / "messages.csv"
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["id", "split", "text", "team"])
        for number in range(20):
            writer.writerow(
                [f"train-{number}", "train", f"The parcel is late {number}", "delivery"]
            )
        for number in range(cases):
            text = f"My invoice is wrong, message {number}"
            writer.writerow([f"test-{number}", "test", text, "billing"])
    return path


@dataclass(frozen=True)
class Pace:
    """How fast processes were together: cases a second, and the processor's milliseconds a case."""

    rate: float
    at_work: float


def pace(cases: int, *commands: list[str]) -> Pace:
    """Run processes at once and let them share the cases."""
    processes = [
        subprocess.Popen(
            [sys.executable, "-m", "benchmarks.throughput", *command],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for command in commands
    ]
    for process in processes:
        if _pipe(process.stdout).readline() != "ready\n":
            raise SystemExit("A process did not begin.")
    for process in processes:
        _pipe(process.stdin).write("go\n")
        _pipe(process.stdin).flush()
    told = [json.loads(process.communicate()[0]) for process in processes]
    seconds = max(ended for _began, ended, _worked in told) - min(began for began, *_rest in told)
    return Pace(cases / seconds, 1000 * sum(worked for *_span, worked in told) / cases)


def _pipe(pipe: IO[str] | None) -> IO[str]:
    if pipe is None:
        raise SystemExit("A process has no pipe.")
    return pipe


def measured(url: str, ask: Callable[[int], int], cases: int) -> dict[str, Pace]:
    """Return the pace of each kind, in one round."""
    one, half = ["bare", url, str(cases)], ["bare", url, str(cases // 2)]
    figures = {"bare": pace(cases, one)}
    figures["worker"] = pace(cases, ["worker", str(ask(AT_ONCE))])
    _check(cases)
    two = ["worker", str(ask(2 * AT_ONCE))]
    figures["two workers"] = pace(cases, two, two)
    _check(cases)
    return figures | {"two bare": pace(cases, half, half)}


def _check(cases: int) -> None:
    """Make sure that every case was answered once, and everything was counted."""
    from evaluations.models import Endpoint, Result, Run

    endpoint, run = Endpoint.objects.get(), Run.objects.get()
    right = Result.objects.filter(state="done", correct=True).count()
    if not (right == run.spent_requests == cases and endpoint.spent_requests % cases == 0):
        raise SystemExit(f"{right} right, {run.spent_requests} counted of {cases}")


def main() -> None:
    """Measure and print."""
    from tests.openai_server import apart

    numbers = [int(word) for word in sys.argv[1:] if word.isdigit()]
    cases, rounds = (*numbers, *(12_000, 3)[len(numbers) :])
    with TemporaryDirectory() as folder, apart(DELAY, ANSWER) as server:
        ask = prepare(server.url, Path(folder), cases)
        found = [measured(server.url, ask, cases) for _round in range(rounds)]
        told: dict[str, Any] = {
            "cases a second": {kind: [round(one[kind].rate) for one in found] for kind in found[0]},
            "milliseconds at work": {
                kind: round(statistics.median(one[kind].at_work for one in found), 2)
                for kind in found[0]
            },
        }
        for above, below in RATIOS:
            ratio = statistics.median(one[above].rate / one[below].rate for one in found)
            told[f"{above} : {below}"] = round(ratio, 3)
        told["most at once"] = server.figures()["most_at_once"]
    print(json.dumps(told, indent=2))


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["bare", url, count, *_rest]:
            bare(url, int(count))
        case ["worker", run_id, *_rest]:
            worker(int(run_id))
        case _:
            main()
