"""Checks a sealed document or an archive without the app: only the file, and whom to trust.

    python -m decisions.exports.verify FILE [--ca FILE] [--tsa FILE] [--json] [--record FILE]

Prints one plain verdict, then what was looked at. Exits with 0 if somebody who is trusted vouches
for the file as it is, with 1 if something speaks against it, and with 2 if neither: nobody known
sealed it, or it cannot be checked, as what is no document cannot. Trusted are the certificates of
`--ca`: those of seals, and those of authorities, for seals whose certificate they gave for signing
documents. Those of `--tsa` are believed time stamps. An archive (JSON) bears no seal: it can agree
with itself and with what is printed, no more. `--record` names where to write the record that a PDF
has in it, whatever is said of the PDF.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import re
import sys
import traceback
from collections.abc import Sequence
from pathlib import Path

from decisions.exports.archive_file import (
    NO_RECORD,
    UnreadableError,
    bytes_of,
    is_pdf,
    opened,
    record_in,
    value_at,
)
from decisions.exports.archive_form import FORMAT, RECORD
from decisions.exports.limits import JSON_SECONDS, SECONDS, TooLongError, limit_process
from decisions.exports.verify_report import (
    NO_VERDICT,
    TOO_MUCH,
    Report,
    State,
    noop,
    sentences,
    shortened,
)

try:
    from asn1crypto import pem
    from asn1crypto.x509 import Certificate
    from pyhanko.pdf_utils.reader import PdfFileReader

    from decisions.exports.verify_record import NO_DOCUMENT, check_archive, doubt_signatures
    from decisions.exports.verify_seal import SEALS_RANGE, STAMPED, UNSEALED, check_seal
except ModuleNotFoundError as error:
    if __name__ != "__main__":
        raise
    named = Path(__file__).resolve().parents[2] / "requirements.txt"
    print(
        f"The program needs packages that are not here, {error.name} among them:", file=sys.stderr
    )
    print(f'\n    {sys.executable} -m pip install -r "{named}"', file=sys.stderr)
    sys.exit(NO_VERDICT)

_ = noop

LARGEST = 100_000_000  # bytes of a file
LARGEST_METADATA = 1_000_000
# Still there in a PDF whose beginning is gone.
PDFS_END = b"startxref"

UNREADABLE = _("The file is damaged: it cannot be read as a PDF.")
# What is no document is not judged.
TOO_LARGE = _("It is larger than 100 MB.")
OTHER_PDF = _("It is a PDF of another program: there is no record in it, and no seal.")
EMPTY = _("The file is empty.")
_REASON = re.compile(
    r"(?P<reference>DR-\d+), version (?P<version>\d+), SHA-256 (?P<digest>\w{64})"
    rf"({STAMPED})?"
)
_CLAIMS = {
    "PDF/A-3a": (rb"pdfaid:part(?:>|=\")3\b", rb"pdfaid:conformance(?:>|=\")A\b"),
    "PDF/UA-1": (rb"pdfuaid:part(?:>|=\")1\b",),
}
NOT_CLAIMED = _("It does not claim to be %(names)s, as every document does.")
# All that is said of a PDF that has nothing to do with this platform.
OF_ANY_PDF = {UNSEALED, NOT_CLAIMED, NO_RECORD}


def verify(
    data: bytes, trusted: Sequence[Certificate] = (), stampers: Sequence[Certificate] = ()
) -> Report:
    """Return what can be said of a file. Raises nothing, whatever is in it.

    `trusted` are the certificates of seals, and of authorities that give such; `stampers` those of
    the authorities that are believed a time stamp.
    """
    return verify_and_take_out(data, trusted, stampers)[0]


def verify_and_take_out(
    data: bytes, trusted: Sequence[Certificate] = (), stampers: Sequence[Certificate] = ()
) -> tuple[Report, bytes | None]:
    """Return the same, and the record that was found in a PDF."""
    report, record = Report(sha256=hashlib.sha256(data).hexdigest()), None
    if len(data) > LARGEST:
        report.trouble = TOO_LARGE
    elif not data:
        report.trouble = EMPTY
    elif is_pdf(data):
        record = _verify_pdf(report, data, trusted, stampers)
    elif data.lstrip()[:1] in (b"{", b"[") and FORMAT.encode() in data:
        check_archive(report, data)
        if not report.trouble:
            report.add("one seal", State.NOT_KNOWN, _("An archive bears no seal."))
    elif PDFS_END in data or SEALS_RANGE.search(data):
        report.add("file", False, UNREADABLE)
    else:
        report.trouble = NO_DOCUMENT
    report.tell_more()
    doubt_signatures(report)
    return report, record


def _verify_pdf(
    report: Report,
    data: bytes,
    trusted: Sequence[Certificate],
    stampers: Sequence[Certificate],
) -> bytes | None:
    """Check seal, claims and record, and return that if there is one.

    What a damaged file raises in between is never foreseen.
    """
    record = None
    try:
        pdf = opened(data)
        if pdf.encrypted:
            report.add("file", False, _("It is encrypted; documents made here never are."))
            return None
        check_seal(report, pdf, data, trusted, stampers)
        _tell_claims(report, pdf)
        record = _record(report, pdf)
    except MemoryError:
        report.trouble = TOO_MUCH
    except Exception:
        report.add("file", False, UNREADABLE)
    else:
        if {one.message for one in report.findings} == OF_ANY_PDF:
            report.findings.clear()
            report.trouble = OTHER_PDF
        if record is not None:
            check_archive(report, record)
            if report.is_sealed and not report.trouble:
                _compare_reason(report)
    return record


def _tell_claims(report: Report, pdf: PdfFileReader) -> None:
    """Say what the file claims to conform to; whether it does is a validator's to say."""
    metadata = value_at(pdf.root, "/Metadata")
    xmp = bytes_of(metadata, LARGEST_METADATA) if metadata is not None else b""
    claimed = [
        name for name, marks in _CLAIMS.items() if all(re.search(mark, xmp) for mark in marks)
    ]
    missing = [name for name in _CLAIMS if name not in claimed]
    all_of_them = _("It claims to be %(names)s.")
    names = ", ".join(missing or claimed)
    report.add("claims", not missing, NOT_CLAIMED if missing else all_of_them, names=names)


def _record(report: Report, pdf: PdfFileReader) -> bytes | None:
    """Return the embedded record, having said that there is one; None where there is not."""
    try:
        record = record_in(pdf)
    except UnreadableError as error:
        report.add("embedded record", False, error.message, **error.values)
        return None
    told = _("%(name)s is embedded as what the pages were made from.")
    report.add("embedded record", True, told, name=RECORD)
    return record


def _compare_reason(report: Report) -> None:
    """Say whether the seal was put on for this record: its reason names the digest."""
    match = _REASON.fullmatch(report.reason)
    if match is None:
        told = _("The seal does not say which record it was put on for.")
        report.add("sealed record", False, told)
        return
    fits = (match["reference"], match["digest"]) == (report.reference, report.digest)
    same = _("The seal was put on for %(reason)s: that is the record in it.")
    another = _("The seal was put on for %(reason)s: that is not the record in it.")
    report.add("sealed record", fits, same if fits else another, reason=report.reason)


def certificates_in(data: bytes) -> list[Certificate]:
    """Return the certificates of a PEM or DER file; raises `ValueError` where there are none."""
    if not pem.detect(data):
        return [Certificate.load(data, strict=True)]
    found = [
        Certificate.load(one, strict=True)
        for kind, _headers, one in pem.unarmor(data, multiple=True)
        if kind == "CERTIFICATE"
    ]
    if not found:
        raise ValueError("no certificate")
    return found


def _bounded(
    path: Path, seconds: int, trusted: Sequence[Certificate], stampers: Sequence[Certificate]
) -> tuple[Report, bytes | None]:
    """Return the report on a file, and the record in it, within limits to this process.

    The file is read once: it may come through a pipe.
    """
    sha256 = ""
    try:
        limit_process(seconds)
        with path.open("rb") as file:
            data = file.read(LARGEST + 1)
        sha256 = hashlib.sha256(data).hexdigest()
        if not is_pdf(data):
            limit_process(min(seconds, JSON_SECONDS))
        report, record = verify_and_take_out(data, trusted, stampers)
        return shortened(report), record
    except (TooLongError, MemoryError):
        return Report(sha256=sha256, trouble=TOO_MUCH), None


def _seconds(text: str) -> int:
    """Return a number of seconds; an alarm in none of them would never ring."""
    if not text.isdecimal() or not (seconds := int(text)):
        raise argparse.ArgumentTypeError("a whole number above 0 is needed")
    return seconds


def main(arguments: Sequence[str] | None = None) -> int:
    """Check one file as the command line says; return the status to exit with."""
    parser = argparse.ArgumentParser(
        prog="python -m decisions.exports.verify",
        description="Check a sealed document or an archive of a decision record.",
    )
    parser.add_argument("file", type=Path, help="a sealed PDF, or an archive (JSON)")
    parser.add_argument(
        "--ca", type=Path, help="certificates to trust (seals.pem): of seals, or authorities"
    )
    parser.add_argument("--tsa", type=Path, help="certificates of authorities of time stamps")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument(
        "--seconds", type=_seconds, default=SECONDS, help="how long it may take at most"
    )
    parser.add_argument("--record", type=Path, help="where to write the record in a PDF")
    asked = parser.parse_args(arguments)
    trusted, stampers = (_certificates_of(one, parser) for one in (asked.ca, asked.tsa))
    try:
        report, record = _bounded(asked.file, asked.seconds, trusted, stampers)
        if asked.record and record is not None:
            asked.record.write_bytes(record)
    except OSError as error:
        parser.error(f"{error.filename or asked.file} cannot be used: {error.strerror}.")
    told = json.dumps(report.as_values()) if asked.json else sentences(report)
    # Whatever the terminal knows: a letter that it does not is no reason to say nothing.
    encoding = sys.stdout.encoding or "utf-8"
    print(told.encode(encoding, "replace").decode(encoding))
    return report.status


def _certificates_of(path: Path | None, parser: argparse.ArgumentParser) -> list[Certificate]:
    """Return the certificates of a named file; ends the program where there are none in it."""
    if path is None:
        return []
    try:
        return certificates_in(path.read_bytes())
    except (OSError, ValueError):
        parser.error(f"{path} holds no certificate that can be read.")


def run() -> int:
    """Do the same, but with the status of no verdict where something fails that nobody foresaw."""
    try:
        return main()
    except (Exception, TooLongError):
        traceback.print_exc()
        return NO_VERDICT


if __name__ == "__main__":
    sys.exit(run())
