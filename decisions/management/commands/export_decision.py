"""Write a record to a file."""

import hashlib
import json
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from decisions.case_results import case_results
from decisions.exports.archive import canonical_archive
from decisions.exports.document import Moved, record_document
from decisions.exports.formats import FORMATS
from decisions.models import Decision


class Command(BaseCommand):
    """Exports what the record says now; a draft is marked as one."""

    help = "Write a decision record to a file."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("reference", help="the record, for example DR-1")
        parser.add_argument("--format", choices=sorted(FORMATS), default="pdf")
        parser.add_argument("--with-files", action="store_true", help="attached files too (json)")
        parser.add_argument("--with-results", action="store_true", help="single cases too (json)")
        parser.add_argument("--output", required=True, type=Path, help="the file to write")
        parser.add_argument("--json", action="store_true", help="report as one JSON object")

    def handle(self, *args: Any, **options: Any) -> None:
        decision = Decision.objects.by_reference(options["reference"]).first()
        if decision is None:
            raise CommandError(f"There is no decision {options['reference']}.")
        content = self._made(decision, options)
        path: Path = options["output"]
        try:
            path.write_bytes(content)
        except OSError as error:
            raise CommandError(f"{path} cannot be written: {error.strerror}.") from error
        self._report(decision, path, content, as_json=options["json"])

    def _made(self, decision: Decision, options: dict[str, Any]) -> bytes:
        """Return the file; what only an archive can hold is refused for other formats."""
        if options["format"] != "json":
            if options["with_files"] or options["with_results"]:
                raise CommandError("Files and results go along with the format json only.")
            try:
                return FORMATS[options["format"]].make(record_document(decision)).content
            except Moved as error:
                told = f"Somebody wrote to {decision.reference} meanwhile: export it again."
                raise CommandError(told) from error
        results = case_results(decision) if options["with_results"] else None
        return canonical_archive(decision, with_files=options["with_files"], results=results)

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
