"""Let a model judge two runs' answers: `judge_pairs 12 15 --endpoint ours --model large`."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from decisions.policies import BadInput, Refused
from evaluations.judged_pairs import judge_pairs
from evaluations.learning import SomeoneElseLearns
from evaluations.models import Run
from evaluations.rating import MOST
from evaluations.rating_forms import USUAL
from evaluations.scorers import SCORERS
from evaluations.scorers.rubric import USUAL_RUBRIC
from evaluations.spec import SpecError
from evaluations.techniques import Halt, PrepareError


class Command(BaseCommand):
    """Asks a model about each pair in both orders, within the endpoint's budget, as the owner."""

    help = "Have a model judge which of two runs' answers are better, and attach what it says."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("first", type=int, metavar="RUN")
        parser.add_argument("second", type=int, metavar="RUN")
        parser.add_argument("--endpoint", required=True, metavar="SLUG")
        parser.add_argument("--model", required=True, metavar="NAME")
        parser.add_argument("--rubric", default=USUAL_RUBRIC, metavar="WORDS")
        parser.add_argument(
            "--cases", type=int, default=USUAL, metavar="N", help=f"at most so many, up to {MOST}"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        first, second = found_run(options["first"]), found_run(options["second"])
        asked = {name: options[name] for name in ("endpoint", "model", "rubric")}
        owner = first.candidate.decision.owner
        try:
            spec = SCORERS["judge"].validate(asked)
            evidence = judge_pairs(first, second, spec, options["cases"], by=owner)
        except SomeoneElseLearns as error:
            raise CommandError("Somebody else has this judged already; wait for it.") from error
        except (BadInput, Refused, SpecError, PrepareError, Halt) as error:
            raise CommandError(str(error)) from error
        self.stdout.write(f"Attached as {evidence.reference}. {evidence.method}")


def found_run(number: int) -> Run:
    """Return the run of that number; raise CommandError."""
    runs = Run.objects.select_related("candidate__decision__owner", "case_set")
    if run := runs.filter(pk=number).first():
        return run
    raise CommandError(f"There is no run {number}.")
