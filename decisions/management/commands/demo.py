"""Start Countersign with its sample: what `make run` runs."""

import os
import sys
from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand

from config.demo import Demo, run_demo
from config.processes import Refused


def people() -> list[str]:
    """Return the sample's people, a line each."""
    from decisions.demo import people_lines

    return people_lines()


class Command(BaseCommand):
    """Web server, worker and beat under one parent, on SQLite and a private Redis by default."""

    help = "Set up Countersign with its sample and serve it until Ctrl-C."
    # The programs it starts check themselves; this process only looks after them.
    requires_system_checks = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--setup-only", action="store_true", help="load the sample and stop")
        parser.add_argument("--port", type=int, default=os.environ.get("PORT") or "8000")
        parser.add_argument("--host", default=os.environ.get("HOST") or "127.0.0.1")

    def handle(self, *args: Any, **options: Any) -> None:
        demo = Demo(
            base_dir=settings.BASE_DIR,
            var_dir=settings.VAR_DIR,
            host=options["host"],
            port=options["port"],
            setup_only=options["setup_only"],
        )
        try:
            run_demo(demo, people, self.say)
        except Refused as sentence:
            self.stderr.write(str(sentence))
            sys.exit(1)

    def say(self, line: str) -> None:
        """Print a line at once, also into a pipe."""
        self.stdout.write(line)
        self.stdout.flush()
