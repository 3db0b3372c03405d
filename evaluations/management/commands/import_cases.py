"""Bring cases in from files: `import_cases train=train.csv test=test.csv --name Banking77`."""

import json
from argparse import ArgumentParser, ArgumentTypeError, RawDescriptionHelpFormatter
from dataclasses import replace
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from decisions.models import User
from decisions.policies import BadInput, Refused
from evaluations.freezing import Imported, import_case_set
from evaluations.importers.cases import (
    CaseFile,
    Columns,
    guessed,
    guessed_kind,
    read_labels,
    shape_of_all,
)
from evaluations.importers.rows import columns_of
from evaluations.models import CaseKind, Corpus, Readers, Split

EXAMPLES = """
Which split a file's rows belong to comes from the first of these that is given:
  a prefix            import_cases train=train.csv test=test.csv --name Banking77
  --split             import_cases questions.csv --name Questions --split test
  --split-column      import_cases messages.csv --name Messages --split-column part
  a column "split"    import_cases messages.csv --name Messages
Otherwise all rows are test cases.

Files in the shape of SQuAD or CLINC150 are known by their content and have no columns to name; the
paragraphs of SQuAD become the corpus of the case set.
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
        parser.add_argument("--references-column", default="", help="other right answers: a|b")
        parser.add_argument("--relevant-column", default="", help="documents that answer it: a|b")
        parser.add_argument("--kind", choices=CaseKind.values, default="", help="else guessed")
        parser.add_argument(
            "--corpus", default="", metavar="NAME", help="what the documents are in"
        )
        add_about(parser)
        parser.add_argument(
            "--labels", type=Path, metavar="FILE", help="JSON: {label: {name, description}}"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            imported = run_import(options)
        except (BadInput, Refused) as error:
            raise CommandError(str(error)) from error
        told = report(imported)
        self.stdout.write(json.dumps(told) if options["json"] else sentences(told))


def add_about(parser: ArgumentParser) -> None:
    """Add what is said of anything that is brought in."""
    parser.add_argument("--origin", default="", help="where it comes from")
    parser.add_argument("--licence", default="", help="under which licence it is")
    parser.add_argument(
        "--visibility", choices=Readers.values, default="", help="who may read it; default: all"
    )
    parser.add_argument("--by", type=someone, metavar="EMAIL", help="who brings it in")
    parser.add_argument("--json", action="store_true", help="print one JSON object")


def someone(email: str) -> User:
    """Return the person with that address."""
    if found := User.objects.filter(email__iexact=email).first():
        return found
    raise ArgumentTypeError(f"nobody has the address {email}")


def about(options: dict[str, Any]) -> dict[str, Any]:
    """Return what was said of what is brought in."""
    return {key: options[key] for key in ("name", "origin", "licence", "visibility", "by")}


def case_file(argument: str) -> CaseFile:
    """Return what `train=train.csv` or `train.csv` names."""
    split, equals, path = argument.partition("=")
    if equals and split in Split.values and not Path(argument).exists():
        return CaseFile(Path(path), split)
    return CaseFile(Path(argument))


def run_import(options: dict[str, Any]) -> Imported:
    """Do what the command line asks for; raise `BadInput`."""
    files = [replace(file, split=file.split or options["split"]) for file in options["files"]]
    columns = chosen_columns(files, options)
    return import_case_set(
        files=files,
        columns=columns,
        labels=read_labels(options["labels"]) if options["labels"] else None,
        kind=options["kind"] or guessed_kind(columns),
        corpus=named_corpus(options["corpus"]),
        **about(options),
    )


def named_corpus(name: str) -> Corpus | None:
    """Return the corpus of that name, None without one; raise `BadInput`."""
    found: Corpus | None = Corpus.objects.named(name) if name else None
    if name and found is None:
        raise BadInput(f"There is no corpus “{name}”.")
    return found


def chosen_columns(files: list[CaseFile], options: dict[str, Any]) -> Columns:
    """Return the columns that were named, and a guess for the others; none for a shape."""
    if shape_of_all(files):
        return Columns("", "")
    guess = guessed(columns_of(files[0].path))
    by_column = options["split_column"] or not all(file.split for file in files)
    return Columns(
        input=options["input_column"] or guess.input,
        label=options["label_column"] or guess.label,
        key=options["id_column"] or guess.key,
        split=(options["split_column"] or guess.split) if by_column else "",
        references=options["references_column"] or guess.references,
        relevant=options["relevant_column"] or (guess.relevant if options["corpus"] else ""),
    )


def report(imported: Imported) -> dict[str, Any]:
    """Return what came in, as plain values."""
    case_set = imported.case_set
    return {
        "name": case_set.name,
        "slug": case_set.slug,
        "version": case_set.version,
        "is_new": imported.is_new,
        "kind": case_set.kind,
        "corpus": case_set.corpus.slug if case_set.corpus else "",
        "digest": case_set.digest,
        "cases": case_set.counts,
        "labels": len(case_set.labels),
        **case_set.findings,
    }


def sentences(told: dict[str, Any]) -> str:
    """Return what came in, for people."""
    news = "imported" if told["is_new"] else "was imported before; nothing was added"
    cases = ", ".join(f"{count:,} {split}" for split, count in told["cases"].items())
    corpus = f" Corpus: {told['corpus']}." if told["corpus"] else ""
    return (
        f"{told['name']}, version {told['version']}: {news}.{corpus}\n"
        f"{cases}; {told['labels']} labels.\n"
        f"{told['duplicates']} duplicates within a split, {told['overlaps']} test cases also in "
        f"train or dev, {told['contradictions']} texts with more than one answer.\n"
        f"Digest {told['digest']}"
    )
