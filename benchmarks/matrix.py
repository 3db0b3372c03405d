"""What it takes to weigh a matrix anew, as the page does whenever a weight moves: milliseconds.

python -m benchmarks.matrix [goals [candidates [draws]]]     prints one JSON object
"""

import json
import os
import statistics
import sys
import time
from collections.abc import Callable
from typing import Any

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

import django
import numpy as np

from decisions.heat_table import heat_table
from decisions.pareto_scatter import pareto_scatter
from decisions.tornado import tornado
from decisions.weighing.flips import Swing, rating_flips, swings, weight_flips
from decisions.weighing.pareto import pareto
from decisions.weighing.scores import Simulated, Weighed, simulate, weigh
from decisions.weighing.table import Cell, Column, Rating, Table, goal_row, make_table, role_row
from decisions.weighing.verdict import verdict

ROUNDS = 40
ROLES = ("Business", "Data science", "DevOps", "UX")
CRITERIA = 4


def table(goals: int, candidates: int) -> Table:
    """Return a full matrix with intervals, some estimates, gaps and musts, and four roles."""
    generator = np.random.default_rng(0)
    rows = [
        goal_row(
            f"goal-{at}",
            f"Goal {at}",
            target=85,
            worst=60,
            at_least=True,
            unit="%",
            weight=float(generator.integers(1, 6)),
            is_must=at < 2,
        )
        for at in range(goals)
    ]
    rows += [role_row(role, role) for role in ROLES]
    columns = [Column(chr(ord("A") + at % 26)) for at in range(candidates)]
    values = generator.uniform(65, 95, (goals, candidates))
    cells = {
        (row, column): Cell(
            float(values[row, column]),
            float(values[row, column]) - 3,
            float(values[row, column]) + 2.5,
            400,
            is_estimate=bool(generator.random() < 0.1),
        )
        for row in range(goals)
        for column in range(candidates)
        if generator.random() > 0.05
    }
    ratings = [
        Rating(row, column, str(at), int(generator.integers(1, 6)))
        for row in range(goals, goals + len(ROLES))
        for column in range(candidates)
        for at in range(CRITERIA)
    ]
    return make_table(rows, columns, cells, ratings)


def everything(plain: Table, draws: int) -> None:
    """Compute all that the page shows, from a table whose weights have just moved."""
    moved = plain.with_weights({"goal-0": 2.5})
    weighed, simulated = weigh(moved), simulate(moved, draws)
    weight_flips(moved, weighed)
    rating_flips(moved, weighed)
    swings(moved, weighed)
    pareto(moved, 0, 1)
    verdict(moved, weighed, simulated)


def figures(plain: Table, weighed: Weighed, simulated: Simulated, found: list[Swing]) -> None:
    """Draw what the page draws."""
    heat_table(plain, weighed, simulated)
    tornado(plain, weighed, found)
    pareto_scatter(plain, pareto(plain, 0, 1))


def milliseconds(work: Callable[[], Any]) -> dict[str, float]:
    """Return how long something takes by the clock and on the processor, the median of many."""
    clock, processor = [], []
    for _round in range(ROUNDS):
        started, busy = time.perf_counter(), time.process_time()
        work()
        clock.append(time.perf_counter() - started)
        processor.append(time.process_time() - busy)
    return {
        "median": round(1000 * statistics.median(clock), 2),
        "p95": round(1000 * sorted(clock)[int(0.95 * ROUNDS)], 2),
        "best": round(1000 * min(clock), 2),
        "processor": round(1000 * statistics.median(processor), 2),
    }


def main() -> None:
    """Measure and print."""
    django.setup()
    goals, candidates, draws = [*map(int, sys.argv[1:]), *(12, 8, 10_000)[len(sys.argv) - 1 :]]
    plain = table(goals, candidates)
    weighed, simulated = weigh(plain), simulate(plain, draws)
    moving = swings(plain, weighed)
    found = {
        "goals": goals,
        "candidates": candidates,
        "roles": len(ROLES),
        "draws": draws,
        "everything": milliseconds(lambda: everything(plain, draws)),
        "simulate": milliseconds(lambda: simulate(plain, draws)),
        "weigh": milliseconds(lambda: weigh(plain)),
        "weight flips": milliseconds(lambda: weight_flips(plain, weighed)),
        "rating flips": milliseconds(lambda: rating_flips(plain, weighed)),
        "swings": milliseconds(lambda: swings(plain, weighed)),
        "figures": milliseconds(lambda: figures(plain, weighed, simulated, moving)),
    }
    json.dump(found, sys.stdout, indent=2)
    print()


if __name__ == "__main__":
    main()
