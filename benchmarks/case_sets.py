"""How a million cases come in: memory, pace, and how long anybody else waits for the database.

COUNTERSIGN_VAR=$(mktemp -d) python -m benchmarks.case_sets [ROWS]

Makes a CSV file, runs `import_cases` in a process of its own on an empty SQLite database, and
writes to that database from this one all the while, as a page would. DATABASE_URL chooses
PostgreSQL instead.

Seen on two cores that six other jobs shared, SQLite, 1,000,000 rows (100 MB) on 2026-11-21: 268 s,
3,734 rows a second, 100 MB of memory at most (100 MB for 100,000 rows, too: it is the program, not
the data). Of 6,226 writes by another process the median waited 1.2 ms, the 99th percentile 333 ms,
the longest 838 ms.
"""

import csv
import json
import os
import random
import subprocess
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
django.setup()

from django.core.management import call_command  # noqa: E402
from django.db import transaction  # noqa: E402

from decisions.models import User  # noqa: E402
from evaluations.models import CaseSet  # noqa: E402

WORDS = [f"{a}{b}" for a in ("card", "top", "cash", "rate", "pin", "fee") for b in range(60)]


def write_rows(path: Path, count: int) -> None:
    """Write messages of 12 words with one of 77 labels; one in a thousand occurs before."""
    rng = random.Random(7)
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["id", "split", "text", "label"])
        for number in range(count):
            text = " ".join(rng.choices(WORDS, k=12)) if number % 999 else "How do I top up?"
            split = "train" if number % 5 else "test"
            writer.writerow([f"m{number}", split, text, f"intent-{number % 77}"])


def begin(path: Path) -> subprocess.Popen[str]:
    """Start the command under a watch that says how much memory it took at most."""
    return subprocess.Popen(
        [sys.executable, "-c", WATCHED, str(path)], stdout=subprocess.PIPE, text=True
    )


WATCHED = """
import resource, subprocess, sys, time
began = time.perf_counter()
command = [sys.executable, "manage.py", "import_cases", sys.argv[1], "--name", "Million", "--json"]
subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
print(time.perf_counter() - began, peak / 1024)
"""


def waits_of_others(command: subprocess.Popen[str]) -> list[float]:
    """Write a row every 20 ms until the command ends; return how long each write took."""
    someone, waits = User.objects.create(username="someone"), []
    while command.poll() is None:
        began = time.perf_counter()
        with transaction.atomic():
            User.objects.filter(pk=someone.pk).update(name=f"Somebody {len(waits)}")
        waits.append(time.perf_counter() - began)
        time.sleep(0.02)
    return sorted(waits)


def main(rows: int) -> None:
    """Print the figures as JSON."""
    call_command("migrate", verbosity=0)
    with TemporaryDirectory() as folder:
        path = Path(folder) / "million.csv"
        write_rows(path, rows)
        size = path.stat().st_size
        command = begin(path)
        waits = waits_of_others(command)
        seconds, peak = map(float, (command.stdout.read() if command.stdout else "").split())
    case_set = CaseSet.objects.get()
    told = {
        "rows": case_set.cases.count(),
        "file_mb": round(size / 1e6, 1),
        "seconds": round(seconds, 1),
        "rows_a_second": round(rows / seconds),
        "peak_mb": round(peak, 1),
        "writes_by_others": len(waits),
        "wait_ms": {
            "median": round(1000 * waits[len(waits) // 2], 1),
            "p99": round(1000 * waits[int(0.99 * len(waits))], 1),
            "longest": round(1000 * waits[-1], 1),
        },
        "findings": case_set.findings,
    }
    sys.stdout.write(json.dumps(told, indent=2) + "\n")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000)
