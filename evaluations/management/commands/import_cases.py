"""Bring cases in from files: `import_cases train=train.csv test=test.csv --name Banking77`."""

import json
from argparse import ArgumentParser, RawDescriptionHelpFormatter
from dataclasses import replace
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from decisions.policies import BadInput
from evaluations.actions import Imported, import_case_set
from evaluations.importers.cases import CaseFile, Columns, guessed, read_labels
from evaluations.importers.rows import columns_of
from evaluations.models import Split

EXAMPLES = """
Which split a file's rows belong to comes from the first of these that is given:
  a prefix            import_cases train=train.csv test=test.csv --name Banking77
  --split             import_cases questions.csv --name Questions --split test
  --split-column      import_cases messages.csv --name Messages --split-column part
  a column "split"    import_cases messages.csv --name Messages
Otherwise all rows are test cases.
"""


class Command(BaseCommand):
    """Freezes the cases of CSV, TSV, JSON or JSON-lines files as one version of a case set."""

    help = "Import cases from CSV, TSV, JSON lines or JSON files as one frozen, hashed case set."

    def create_parser(self, *args: Any, **kwargs: Any) -> Any:
        """Keep the examples' lines as they are."""
        kwargs |= {"epilog": EXAMPLES, "formatter_class": RawDescriptionHelpFormatter}
        return super().create_parser(*args, **kwargs)

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("files", nargs="+", metavar="[SPLIT=]FILE", type=case_file)
        parser.add_argument("--name", required=True, help="name of the case set")
        parser.add_argument("--split", choices=Split.values, default="", help="of all files")
        parser.add_argument("--split-column", default="", help="column that says train, dev, test")
        parser.add_argument("--input-column", default="", help="default: text, input, message …")
        parser.add_argument("--label-column", default="", help="default: label, category, intent …")
        parser.add_argument("--id-column", default="", help="default: id or key; else numbered")
        parser.add_argument(
            "--labels", type=Path, metavar="FILE", help="JSON: {label: {name, description}}"
        )
        parser.add_argument("--origin", default="", help="where the cases come from")
        parser.add_argument("--licence", default="", help="under which licence they are")
        parser.add_argument("--json", action="store_true", help="print one JSON object")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            imported = run_import(options)
        except BadInput as error:
            raise CommandError(str(error)) from error
        told = report(imported)
        self.stdout.write(json.dumps(told) if options["json"] else sentences(told))


def case_file(argument: str) -> CaseFile:
    """Return what `train=train.csv` or `train.csv` names."""
    split, equals, path = argument.partition("=")
    if equals and split in Split.values and not Path(argument).exists():
        return CaseFile(Path(path), split)
    return CaseFile(Path(argument))


def run_import(options: dict[str, Any]) -> Imported:
    """Do what the command line asks for; raise `BadInput`."""
    files = [replace(file, split=file.split or options["split"]) for file in options["files"]]
    return import_case_set(
        name=options["name"],
        files=files,
        columns=chosen_columns(files, options),
        labels=read_labels(options["labels"]) if options["labels"] else None,
        origin=options["origin"],
        licence=options["licence"],
    )


def chosen_columns(files: list[CaseFile], options: dict[str, Any]) -> Columns:
    """Return the columns that were named, and a guess for the others."""
    guess = guessed(columns_of(files[0].path))
    by_column = options["split_column"] or not all(file.split for file in files)
    return Columns(
        input=options["input_column"] or guess.input,
        label=options["label_column"] or guess.label,
        key=options["id_column"] or guess.key,
        split=(options["split_column"] or guess.split) if by_column else "",
    )


def report(imported: Imported) -> dict[str, Any]:
    """Return what came in, as plain values."""
    case_set = imported.case_set
    return {
        "name": case_set.name,
        "slug": case_set.slug,
        "version": case_set.version,
        "is_new": imported.is_new,
        "digest": case_set.digest,
        "cases": case_set.counts,
        "labels": len(case_set.labels),
        **case_set.findings,
    }


def sentences(told: dict[str, Any]) -> str:
    """Return what came in, for people."""
    news = "imported" if told["is_new"] else "was imported before; nothing was added"
    cases = ", ".join(f"{count:,} {split}" for split, count in told["cases"].items())
    return (
        f"{told['name']}, version {told['version']}: {news}.\n"
        f"{cases}; {told['labels']} labels.\n"
        f"{told['duplicates']} duplicates within a split, {told['overlaps']} test cases also in "
        f"train or dev, {told['contradictions']} texts with more than one label.\n"
        f"Digest {told['digest']}"
    )
