"""Check a document that left: `verify DR-1-v3.pdf`."""

import json
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from decisions.exports.verify_report import NO_VERDICT, sentences
from decisions.verifying import verified


class Command(BaseCommand):
    """Says what the file alone tells, and what this installation knows of it."""

    help = "Check a sealed PDF or an archive: its seal, its record, its signatures, its audit log."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", type=Path, help="a sealed PDF, or an archive (JSON)")
        parser.add_argument("--json", action="store_true", help="print one JSON object")

    def handle(self, *args: Any, **options: Any) -> None:
        path: Path = options["file"].resolve()
        if not path.is_file():
            raise CommandError(f"There is no file {path}.", returncode=NO_VERDICT)
        report = verified(path, sees_all=True)
        as_json = options["json"]
        self.stdout.write(json.dumps(report.as_values()) if as_json else sentences(report))
        if report.status:
            told = f"The file is not shown to be intact: {report.verdict}."
            raise CommandError(told, returncode=report.status)
