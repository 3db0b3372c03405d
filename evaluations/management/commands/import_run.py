"""Bring in what another tool measured: `import_run out.json --record DR-1 --candidate B`."""

import json
import os
from argparse import ArgumentParser, ArgumentTypeError
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from decisions.models import Candidate
from decisions.policies import BadInput, Refused
from evaluations.bringing import chosen_systems, import_results, looked_through
from evaluations.importers.measured import Source
from evaluations.importers.results.mlflow_server import fetch
from evaluations.importers.results.registry import FORMATS
from evaluations.importers.surveying import ResultsSurvey, SystemSurvey, told_apart
from evaluations.management.commands.evaluate import chosen, found_record
from evaluations.models import CaseSet, Run

SHOWN = 20  # systems, and figures of each, in sentences


class Command(BaseCommand):
    """Brings results in as runs of a record's candidate, as the record's owner."""

    help = "Import what another tool has measured as runs of a record's candidate."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "file", nargs="?", type=Path, help="a file, or the folder of a HELM run"
        )
        parser.add_argument(
            "--mlflow",
            nargs=2,
            metavar=("ADDRESS", "RUN"),
            help="fetch a run from a tracking server; the token from MLFLOW_TRACKING_TOKEN",
        )
        parser.add_argument("--record", metavar="DR-1", help="not needed with --dry-run")
        parser.add_argument("--candidate", metavar="B", help="letter or name")
        parser.add_argument("--format", default="", choices=[one.key for one in FORMATS])
        parser.add_argument(
            "--system", action="append", default=[], metavar="KEY", help="may be repeated"
        )
        parser.add_argument(
            "--column",
            action="append",
            default=[],
            type=column,
            metavar="ROLE=COLUMN",
            help="of a table: what a column holds, or =COLUMN after a score's name",
        )
        parser.add_argument("--case-set", default="", metavar="NAME", help="that has these cases")
        parser.add_argument("--no-attach", action="store_true", help="leave the record as it is")
        parser.add_argument("--dry-run", action="store_true", help="say what would come in")
        parser.add_argument("--json", action="store_true", help="print one JSON object")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            with TemporaryDirectory() as spare:
                source = Source(found_file(options, Path(spare)), columns=dict(options["column"]))
                survey = looked_through(source, options["format"])
                runs = [] if options["dry_run"] else brought_in(source, survey, options)
        except (BadInput, Refused) as error:
            raise CommandError(str(error)) from error
        if options["json"]:
            told = survey.as_plain() | {"runs": [run_report(run) for run in runs]}
            self.stdout.write(json.dumps(told))
            return
        for line in [run_sentence(run) for run in runs] or sentences(survey):
            self.stdout.write(line)


def column(argument: str) -> tuple[str, str]:
    """Return (role, column) of `input=question`."""
    role, equals, name = argument.partition("=")
    if not role or not equals:
        raise ArgumentTypeError(f"{argument} is not ROLE=COLUMN")
    return role, name


def found_file(options: dict[str, Any], spare: Path) -> Path:
    """Return the file that is named, or fetch what a tracking server has; raise `BadInput`."""
    if options["mlflow"] and options["file"] is None:
        address, run = options["mlflow"]
        return fetch(address, run, os.environ.get("MLFLOW_TRACKING_TOKEN", ""), spare)
    if options["mlflow"] or options["file"] is None:
        raise BadInput("Name a file, or a server and a run with --mlflow.")
    file: Path = options["file"]
    return file


def brought_in(source: Source, survey: ResultsSurvey, options: dict[str, Any]) -> list[Run]:
    """Do what the command line asks for; raise `BadInput` or `Refused`."""
    candidate = named_candidate(options)
    return import_results(
        source,
        survey.format,
        chosen_systems(survey, candidate, options["system"]),
        by=candidate.decision.owner,
        case_set=named_case_set(options["case_set"]),
        attach=not options["no_attach"],
    )


def named_candidate(options: dict[str, Any]) -> Candidate:
    """Return the candidate that is named; raise `BadInput`."""
    if not options["record"] or not options["candidate"]:
        raise BadInput("Say whose figures these are: --record DR-1 --candidate B.")
    return chosen(found_record(options["record"]), [options["candidate"]])[0]


def named_case_set(name: str) -> CaseSet | None:
    """Return the case set of that name, None without one; raise `BadInput`."""
    found: CaseSet | None = CaseSet.objects.named(name) if name else None
    if name and found is None:
        raise BadInput(f"There is no case set “{name}”.")
    return found


def sentences(survey: ResultsSurvey) -> list[str]:
    """Return what a file holds, for people."""
    found = [f"{survey.format.title}; {len(survey.systems)} systems:"]
    apart = told_apart(survey.systems.values())
    for key, one in list(survey.systems.items())[:SHOWN]:
        found += system_sentences(one, apart.get(key, ""))
    if len(survey.systems) > SHOWN:
        found.append(f"… and {len(survey.systems) - SHOWN} more (--json lists all).")
    lost = [f"  {one.where}: {one.what}" for one in survey.remarks]
    return [*found, *(["Not understood:", *lost] if lost else ["All of it was understood."])]


def system_sentences(one: SystemSurvey, apart: str = "") -> list[str]:
    """Return one system in a few lines; `apart` is what tells it from others of the same model."""
    system = one.system
    model = system.model or "a model that the file does not name"
    task = f" on {system.task}" if system.task else ""
    counted = (
        f"{one.answers} answers of {one.attempted} attempted: {one.right} right, {one.wrong} "
        f"wrong, {one.errors} errors, {one.unjudged} without verdict, {one.missing} missing"
    )
    lines = [f"  {system.key}: {model}{task}{', sums up others' if one.is_group else ''}"]
    lines += [f"    {apart}"] if apart else []
    lines.append(f"    {counted}" if one.answers else "    figures only, no answers")
    for figure in one.figures[:SHOWN]:
        n = f", n = {figure.n}" if figure.n is not None else ""
        value = figure.why if figure.value is None else f"{figure.value:g}{figure.unit}"
        lines.append(f"    {figure.metric}: {value}{n}")
    return lines


def run_report(run: Run) -> dict[str, Any]:
    """Return a run that came in, as plain values."""
    return {
        "run": run.pk,
        "candidate": str(run.candidate),
        "case_set": run.case_set.slug if run.case_set_id else "",
        "system": run.told["system"],
        "outcome": run.outcome,
        "metrics": run.metrics,
    }


def run_sentence(run: Run) -> str:
    """Return a run that came in, for people."""
    figures = "; ".join(f"{name} {figure}" for name, figure in run.figures())
    head = f"{run}: {run.candidate}, {run.told['model']}."
    return " ".join(one for one in (head, figures, run.outcome) if one)
