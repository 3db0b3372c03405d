"""Reads a file that somebody brings in, in a process of its own with limits, for `reading`.

    python -m decisions.imports.apart FILE --schema FILE --record FILE [--ca FILE] [--tsa FILE]

Prints the verifier's report as one JSON object. What keeps the record in the file from coming in
besides is the report's last finding, "form". Writes the record in a PDF to where `--record` says.
"""

from __future__ import annotations

import argparse
import hashlib
import json
from pathlib import Path

from decisions.exports.archive_file import is_pdf
from decisions.exports.limits import TooLongError, limit_process
from decisions.exports.verify import certificates_in, verify_and_take_out
from decisions.exports.verify_report import TOO_MUCH, Report, shortened
from decisions.imports.form import tell_form


def main() -> None:
    """Read one file as the command line says."""
    parser = argparse.ArgumentParser(prog="python -m decisions.imports.apart")
    parser.add_argument("file", type=Path)
    for name in ("schema", "record", "ca", "tsa"):
        parser.add_argument(f"--{name}", type=Path)
    asked = parser.parse_args()
    data = asked.file.read_bytes()
    sha256 = hashlib.sha256(data).hexdigest()
    limit_process()
    try:
        report = shortened(_report(asked, data, sha256))
    except (TooLongError, MemoryError):
        report = Report(sha256=sha256, trouble=TOO_MUCH)
    print(json.dumps(report.as_values()))


def _report(asked: argparse.Namespace, data: bytes, sha256: str) -> Report:
    schema = json.loads(asked.schema.read_bytes())
    if not is_pdf(data):
        report = Report(sha256=sha256)
        tell_form(report, data, schema, is_verified=False)
        return report
    known = [certificates_in(one.read_bytes()) if one else [] for one in (asked.ca, asked.tsa)]
    report, record = verify_and_take_out(data, *known)
    if record is not None:
        asked.record.write_bytes(record)
        tell_form(report, record, schema, is_verified=True)
    return report


if __name__ == "__main__":
    main()
