"""Every offline technique on a labelled message set, by default Banking77's 3,080 test messages.

python -m benchmarks.banking77 [--technique KEY]... [--train FILE --test FILE] [--dev]

Files are CSV with text and category (or label) columns, found in $COUNTERSIGN_DATA or
../shared/data. `--dev` measures on a fifth of the train file instead, which is what defaults are
chosen on; the test file is for reporting.
"""

import argparse
import csv
import itertools
import json
import os
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from evaluations import scorers, statistics
from evaluations.techniques import TECHNIQUES, Example, Label, Question, encoder_tuning

ROOT = Path(__file__).resolve().parent.parent
CLASSIFIERS = [
    key
    for key, one in TECHNIQUES.items()
    if not one.connects
    and not one.needs_corpus
    and (key != "fine_tuning/encoder" or encoder_tuning.is_installed())
]


def data_directory(name: str = "banking77") -> Path:
    """Return the folder with a data set's files."""
    data = Path(os.environ.get("COUNTERSIGN_DATA") or ROOT.parent / "shared" / "data")
    return data / "datasets" / name


def read(name: str | Path) -> list[Example]:
    """Return a file's messages; a bare name is one of Banking77's."""
    with (data_directory() / name).open(newline="", encoding="utf-8") as file:
        return [
            Example(row["text"], row.get("category") or row["label"])
            for row in csv.DictReader(file)
        ]


def split(examples: Sequence[Example]) -> tuple[list[Example], list[Example]]:
    """Return four fifths to train on and one fifth to measure on: every fifth row of the file."""
    train = [example for place, example in enumerate(examples) if place % 5]
    return train, list(examples[::5])


def measured(
    key: str,
    train: list[Example],
    test: list[Example],
    cache: Path,
    labels: Sequence[Label] = (),
    spec: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """Return a technique's figures; `outcomes` says case by case whether it was right."""
    technique = TECHNIQUES[key]
    started = time.perf_counter()
    answerer = technique.prepare(spec or {}, train, labels=labels, cache=cache)
    prepared = time.perf_counter() - started
    outputs, seconds = [], []
    for case in test:
        started = time.perf_counter()
        outputs.append(answerer.answer(Question(case.input)).output)
        seconds.append(time.perf_counter() - started)
    return figures(outputs, test, seconds) | {
        "prepare_seconds": round(prepared, 2),
        "facts": dict(answerer.facts),
    }


def figures(outputs: list[str], test: list[Example], seconds: list[float]) -> dict[str, Any]:
    """Return accuracy with its interval, macro-F1, rate and latency."""
    scorer = scorers.SCORERS["exact_match"]
    outcomes = [
        bool(scorer.score(output, case.expected).correct)
        for output, case in zip(outputs, test, strict=True)
    ]
    interval = statistics.wilson(sum(outcomes), len(outcomes))
    middle, slow = (statistics.quantile(seconds, q) for q in (0.5, 0.95))
    return {
        "n": len(test),
        "accuracy": round(sum(outcomes) / len(outcomes), 4),
        "interval": [round(end, 4) for end in (interval.low, interval.high) if end is not None],
        "macro_f1": round(scorers.macro_f1(outputs, [case.expected for case in test]), 4),
        "answers_per_second": round(len(test) / sum(seconds), 1),
        "p50_ms": round(1000 * middle.value, 2),
        "p95_ms": round(1000 * slow.value, 2),
        "outcomes": outcomes,
    }


def compared(results: dict[str, dict[str, Any]]) -> list[str]:
    """Return a line for each technique and the one ranked just below it."""
    ranked = sorted(results, key=lambda key: -results[key]["accuracy"])
    lines = []
    for first, second in itertools.pairwise(ranked):
        found = statistics.compare_paired(results[first]["outcomes"], results[second]["outcomes"])
        low, high = found.interval.low or 0.0, found.interval.high or 0.0
        verdict = "decisive" if found.decisive else "not decisive"
        lines.append(
            f"{first} - {second}: {found.difference:+.4f} [{low:+.4f}, {high:+.4f}] "
            f"p={found.p_value:.2g} {verdict}"
        )
    return lines


def report(
    keys: Sequence[str],
    train: list[Example],
    test: list[Example],
    labels: Sequence[Label] = (),
) -> None:
    """Measure and print one JSON line a technique, then the paired comparisons."""
    results = {}
    with tempfile.TemporaryDirectory() as cache:
        for key in keys:
            results[key] = measured(key, train, test, Path(cache), labels)
            shown = {name: value for name, value in results[key].items() if name != "outcomes"}
            print(json.dumps({"technique": key, **shown}), flush=True)
    print("\n".join(compared(results)))


def main() -> None:
    """Read the arguments and the files, and report."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--technique", action="append", choices=CLASSIFIERS)
    parser.add_argument("--train", type=Path, default="train.csv")
    parser.add_argument("--test", type=Path, default="test.csv")
    parser.add_argument("--dev", action="store_true")
    options = parser.parse_args()
    train = read(options.train)
    train, test = split(train) if options.dev else (train, read(options.test))
    report(options.technique or CLASSIFIERS, train, test)


if __name__ == "__main__":
    main()
