"""Write a record to a file."""

import hashlib
import json
from argparse import ArgumentParser
from collections.abc import Callable
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from decisions.models import Decision


def _pdf(decision: Decision) -> bytes:
    from decisions.exports.pdf import render_pdf

    return render_pdf(decision)


def _html(decision: Decision) -> bytes:
    from decisions.exports.pdf import self_contained_html

    return self_contained_html(decision).encode()


FORMATS: dict[str, Callable[[Decision], bytes]] = {"pdf": _pdf, "html": _html}


class Command(BaseCommand):
    """Exports what the record says now; a draft is marked as one."""

    help = "Write a decision record to a file."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("reference", help="the record, for example DR-1")
        parser.add_argument("--format", choices=sorted(FORMATS), default="pdf")
        parser.add_argument("--output", required=True, type=Path, help="the file to write")
        parser.add_argument("--json", action="store_true", help="report as one JSON object")

    def handle(self, *args: Any, **options: Any) -> None:
        decision = Decision.objects.by_reference(options["reference"]).first()
        if decision is None:
            raise CommandError(f"There is no decision {options['reference']}.")
        content = FORMATS[options["format"]](decision)
        path: Path = options["output"]
        try:
            path.write_bytes(content)
        except OSError as error:
            raise CommandError(f"{path} cannot be written: {error.strerror}.") from error
        self._report(decision, path, content, as_json=options["json"])

    def _report(self, decision: Decision, path: Path, content: bytes, *, as_json: bool) -> None:
        """Say what was written."""
        told = {
            "decision": decision.reference,
            "version": decision.version,
            "digest": decision.digest,
            "file": str(path),
            "bytes": len(content),
            "sha256": hashlib.sha256(content).hexdigest(),
        }
        if as_json:
            self.stdout.write(json.dumps(told))
        else:
            self.stdout.write(
                "{decision}, version {version}, written to {file} ({bytes:,} bytes).\n"
                "Digest of the record: {digest}\n"
                "SHA-256 of the file:  {sha256}".format(**told)
            )
