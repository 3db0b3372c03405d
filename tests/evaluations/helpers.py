"""Small case sets and measured candidates for the tests of evaluations."""

import csv
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from decisions.actions.rows import add_candidate
from decisions.models import Candidate, Decision
from evaluations.freezing import import_case_set
from evaluations.importers.cases import CaseFile, Columns
from evaluations.models import CaseSet, Import
from evaluations.tasks import bring_in, work_on_run
from tests.factories import People

COLUMNS = Columns(input="text", label="team", key="id", split="split")
WORDS = {
    "billing": ("invoice", "refund", "charge", "payment", "receipt", "price"),
    "delivery": ("parcel", "courier", "late", "shipment", "tracking", "doorstep"),
    "account": ("password", "login", "email", "profile", "locked", "username"),
}


def rows(per_label: int = 6, tests: int = 4) -> list[dict[str, str]]:
    """Return rows of messages about three teams: to train on, then to test."""
    made = []
    for split, size in (("train", per_label), ("test", tests)):
        for team, words in WORDS.items():
            for place in range(size):
                first, second = words[place % 6], words[(place + 1 + place // 6) % 6]
                text = f"My {first} and the {second}, message {split} {place}"
                made.append({"id": f"{split}-{team}-{place}", "split": split, "text": text})
                made[-1]["team"] = team
    return made


def write_csv(path: Path, found: Iterable[dict[str, str]]) -> Path:
    """Write rows as a CSV file with a header."""
    told = list(found)
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(told[0]))
        writer.writeheader()
        writer.writerows(told)
    return path


def make_case_set(folder: Path, name: str = "Messages", **sizes: int) -> CaseSet:
    """Import a small case set through the real action."""
    path = write_csv(folder / "messages.csv", rows(**sizes))
    return import_case_set(name=name, files=[CaseFile(path)], columns=COLUMNS).case_set


def make_candidate(
    record: Decision, team: People, technique: str = "rag/bm25_knn", **fields: Any
) -> Candidate:
    """Have data science put a candidate under consideration that runs a technique."""
    spec = {"technique": technique, **fields.pop("settings", {})}
    values = {"name": technique, "approach": technique.partition("/")[0], "spec": spec} | fields
    return add_candidate(record, by=team.data_science, **values)


def bring_everything_in() -> None:
    """Do what a worker does that was woken for every import that waits."""
    for pk in Import.objects.open().values_list("pk", flat=True):
        bring_in(pk)


def work_through(*runs: Any) -> None:
    """Do what a worker does that was woken for these runs."""
    for run in runs:
        work_on_run(run.pk)
        run.refresh_from_db()
