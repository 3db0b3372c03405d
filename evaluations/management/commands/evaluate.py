"""Measure a record's candidates: `evaluate DR-1 --case-set Banking77 --wait`."""

import json
import sys
import time
from argparse import ArgumentParser, ArgumentTypeError
from collections.abc import Callable
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from decisions.models import Candidate, Decision
from decisions.policies import BadInput, Refused
from evaluations.actions import request_runs
from evaluations.models import CaseSet, Run, RunState
from evaluations.scorers import SCORERS
from evaluations.scoring import Stored

LOOK_EVERY = 1.0  # seconds


class Command(BaseCommand):
    """Requests runs as the record's owner; the workers do them."""

    help = "Request runs of a record's candidates on a case set; exit 1 if one failed."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("reference", metavar="DR-1")
        parser.add_argument("--case-set", required=True, metavar="NAME", help="NAME or NAME@2")
        parser.add_argument(
            "--candidate",
            action="append",
            default=[],
            metavar="NAME",
            help="letter or name; may be repeated; default: all that are still considered",
        )
        parser.add_argument(
            "--scorer",
            action="append",
            default=[],
            type=scorer,
            metavar="KEY[:SETTINGS]",
            help='token_f1, or \'regex:{"pattern": "^[A-Z]+$"}\'; may be repeated, the first '
            "is the main one; usual (the default) is what suits the case set; known are: "
            + ", ".join(SCORERS),
        )
        parser.add_argument(
            "--seeds",
            type=int,
            default=1,
            metavar="N",
            help="repeat what draws by a seed with so many of them; only the first is attached",
        )
        parser.add_argument("--wait", action="store_true", help="until they end, with progress")
        parser.add_argument("--json", action="store_true", help="print one JSON object")

    def handle(self, *args: Any, **options: Any) -> None:
        record = found_record(options["reference"])
        try:
            runs = requested(record, options)
        except (BadInput, Refused) as error:
            raise CommandError(str(error)) from error
        if options["wait"]:
            wait_for(runs, self.say_nothing if options["json"] else self.say)
        self.tell(runs, options["json"])
        if any(run.state in {RunState.FAILED, RunState.CANCELLED} for run in runs):
            sys.exit(1)

    def say(self, line: str) -> None:
        """Print a line at once, also into a pipe."""
        self.stdout.write(line)
        self.stdout.flush()

    def say_nothing(self, line: str) -> None:
        """Keep standard output for the one JSON object."""

    def tell(self, runs: list[Run], as_json: bool) -> None:
        """Print how the runs stand."""
        if as_json:
            self.stdout.write(json.dumps({"runs": [report(run) for run in runs]}))
            return
        for run in runs:
            self.say(sentence(run))


def scorer(told: str) -> Stored:
    """Return a scorer as it is asked for; raise `ArgumentTypeError` for what is no JSON object."""
    key, has_settings, written = told.partition(":")
    try:
        settings = json.loads(written) if has_settings else {}
    except ValueError as error:
        raise ArgumentTypeError(f"the settings of {key} are not JSON: {error}") from error
    if not isinstance(settings, dict):
        raise ArgumentTypeError(f"the settings of {key} must be a JSON object")
    return {} if key == "usual" else {"key": key, "settings": settings}


def found_record(reference: str) -> Decision:
    """Return the record of that name; raise CommandError."""
    if record := Decision.objects.by_reference(reference).first():
        return record
    raise CommandError(f"There is no record {reference}.")


def requested(record: Decision, options: dict[str, Any]) -> list[Run]:
    """Ask for the runs, all of them or none; raise `BadInput` or `Refused`."""
    case_set = CaseSet.objects.named(options["case_set"])
    if case_set is None:
        known = ", ".join(CaseSet.objects.newest().values_list("slug", flat=True)) or "none"
        raise BadInput(f"There is no case set “{options['case_set']}”; known are: {known}.")
    candidates = chosen(record, options["candidate"])
    asked = {"scorers": options["scorer"], "seeds": options["seeds"]}
    return request_runs(candidates, case_set, by=record.owner, **asked)


def chosen(record: Decision, names: list[str]) -> list[Candidate]:
    """Return the named candidates, or all that are still considered; raise `BadInput`."""
    known = list(record.candidates.filter(is_dropped=False))
    if not known:
        raise BadInput(f"{record.reference} has no candidates.")
    if not names:
        return known
    return [_named(known, name, record) for name in names]


def _named(known: list[Candidate], name: str, record: Decision) -> Candidate:
    for one in known:
        if name.casefold() in {one.letter.casefold(), one.name.casefold()}:
            return one
    raise BadInput(
        f"{record.reference} has no candidate “{name}”; it has: {', '.join(map(str, known))}."
    )


def wait_for(runs: list[Run], say: Callable[[str], None]) -> None:
    """Look at the runs until all have ended, and say when something moves."""
    last = ""
    while any(run.is_open for run in runs):
        line = "; ".join(standing(run) for run in runs if run.is_open)
        if line != last:
            say(line)
            last = line
        time.sleep(LOOK_EVERY)
        for run in runs:
            run.refresh_from_db()


def standing(run: Run) -> str:
    """Return how far an open run is."""
    progress = run.progress()
    left = f", about {progress.left.seconds} s left" if progress.left else ""
    return f"{run.candidate.letter} {progress.answered}/{progress.total}{left}"


def report(run: Run) -> dict[str, Any]:
    """Return how a run stands, as plain values."""
    return {
        "run": run.pk,
        "candidate": str(run.candidate),
        "case_set": run.case_set.slug,
        "state": run.state,
        "error": run.error,
        "outcome": run.outcome,
        "metrics": run.metrics,
        "results_digest": run.results_digest,
    }


def sentence(run: Run) -> str:
    """Return how a run stands, for people."""
    told = f"{run}: {run.candidate} on {run.case_set}: {run.get_state_display().lower()}."
    if run.error:
        return f"{told} {run.error}"
    figures = (f"{name} {text}" for name, text in run.figures())
    return " ".join([told, "; ".join(figures), run.outcome]).strip()
