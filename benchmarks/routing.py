"""Every offline technique on the sample's 200 test messages.

python -m benchmarks.routing
"""

import csv
import json

from benchmarks.banking77 import CLASSIFIERS, ROOT, report
from evaluations.techniques import Example, Label

FOLDER = ROOT / "samples" / "routing"


def messages(split: str) -> list[Example]:
    """Return the messages of a split with the team that each belongs to."""
    with (FOLDER / "messages.csv").open(newline="", encoding="utf-8") as file:
        rows = [row for row in csv.DictReader(file) if row["split"] == split]
    return [Example(row["text"], row["team"]) for row in rows]


def teams() -> list[Label]:
    """Return the teams with their names and descriptions."""
    described = json.loads((FOLDER / "teams.json").read_text(encoding="utf-8"))
    return [Label(slug, **about) for slug, about in described.items()]


def main() -> None:
    """Measure and print."""
    report(CLASSIFIERS, messages("train"), messages("test"), teams())


if __name__ == "__main__":
    main()
