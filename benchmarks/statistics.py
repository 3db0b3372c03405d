"""What intervals and comparisons take: milliseconds by number of cases.

python -m benchmarks.statistics [cases …]     prints one JSON object
"""

import json
import sys
import time
from collections.abc import Callable
from typing import Any

import numpy as np

from evaluations.bootstrap import macro_f1_interval, mean_interval, statistic_interval
from evaluations.comparison import compare
from evaluations.statistics import quantiles

CASES = (300, 3080, 30_000)
LABELS = 77


def milliseconds(work: Callable[[], Any]) -> float:
    """Return how long something takes, the best of three."""
    best = float("inf")
    for _round in range(3):
        started = time.perf_counter()
        work()
        best = min(best, time.perf_counter() - started)
    return round(1000 * best, 2)


def timings(n: int) -> dict[str, float]:
    """Return what each figure takes for n cases."""
    generator = np.random.default_rng(0)
    one = generator.beta(3, 1, n)
    other = np.clip(one + generator.normal(-0.01, 0.2, n), 0, 1)
    right, also = ((generator.random(n) < share).astype(np.float64) for share in (0.92, 0.9))
    cases = [place // 3 for place in range(n)]
    labels = [str(label) for label in generator.integers(0, LABELS, n)]
    return {
        "mean of graded scores, BCa": milliseconds(lambda: mean_interval(one)),
        "mean of five marks, BCa": milliseconds(lambda: mean_interval(np.round(4 * one) / 4)),
        "median, BCa": milliseconds(lambda: statistic_interval(one, lambda s: np.median(s, 1))),
        "macro-F1, BCa": milliseconds(lambda: macro_f1_interval(labels, labels)),
        "comparison, right or wrong": milliseconds(lambda: compare(right, also)),
        "comparison, graded": milliseconds(lambda: compare(one, other)),
        "comparison, three repeats a case": milliseconds(lambda: compare(one, other, cases)),
        "p50, p95 and p99": milliseconds(lambda: quantiles(one.tolist())),
    }


def main() -> None:
    """Measure and print."""
    sizes = [int(given) for given in sys.argv[1:]] or CASES
    json.dump({str(n): timings(n) for n in sizes}, sys.stdout, indent=2)
    print()


if __name__ == "__main__":
    main()
