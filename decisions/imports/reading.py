"""From a file's bytes to an archive whose every value has the type, length and place it must have.

Nothing is believed that can be computed: what the verifier does not call intact raises `BadFile`
with its sentence, as does what does not fit the format. The database is asked only whose seals are
trusted here.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from django.conf import settings
from django.utils.translation import gettext as _

from decisions.exports.archive_file import is_archive, is_pdf, read_strictly
from decisions.exports.archive_schema import archive_schema
from decisions.exports.verify_report import Report, Verdict
from decisions.imports.form import FORM, Schema, tell_form
from decisions.policies import BadInput
from decisions.verifying import report_apart, report_here


class BadFile(BadInput):
    """Raised for a file that cannot come in; the message says why."""


def of_no_kind() -> BadFile:
    """Return what to raise for a file of another kind than those that come in."""
    return BadFile(
        _(
            "The file is of no kind that can come in: Markdown in UTF-8 (.md), an archive (.json), "
            "or a PDF that was exported elsewhere."
        )
    )


def holds_archive(data: bytes, name: str) -> bool:
    """Return whether a file is to be read as an archive, or a PDF with one, and not as a text.

    Raises `BadFile` for what is called one of these and is none.
    """
    if is_archive(data):
        return True
    if name.lower().endswith((".json", ".pdf")):
        raise of_no_kind()
    return False


@dataclass(frozen=True)
class Brought:
    """A file that was read and holds: its archive, the SHA-256 of its bytes, the files in it."""

    archive: dict[str, Any]
    sha256: str
    files: dict[str, bytes] = field(default_factory=dict)
    # The verifier's verdict, and by whom and when the file was sealed, if it was.
    verified: dict[str, str] = field(default_factory=dict)


def largest_file() -> int:
    """Return how many bytes a file may have, packed and unpacked."""
    return int(settings.IMPORT_LARGEST_MB) * 1024**2


def too_large() -> str:
    """Return what to say of a file that is not read."""
    return _("The file is larger than %(size)s MB.") % {"size": settings.IMPORT_LARGEST_MB}


def _refuse_large(size: int) -> None:
    if size > largest_file():
        raise BadFile(too_large())


def read_file(data: bytes, *, is_apart: bool = False) -> Brought:
    """Return what is in an archive, or in a PDF with one, and holds; raises `BadFile`.

    `is_apart` has it checked by a process of its own with limits: what strangers bring to a server.
    """
    _refuse_large(len(data))
    report, record = (_apart if is_apart else _here)(data)
    if report.trouble:
        raise BadFile(report.sentence)
    if record is not None:
        _refuse_large(len(record))
    # What was found last is what ended the looking.
    if record is None or report.findings[-1].check == FORM:
        raise BadFile(report.findings[-1].sentence)
    if report.verdict in (Verdict.NOT_INTACT, Verdict.NOT_CHECKED):
        raise BadFile(report.sentence)
    archive = read_strictly(record)
    files = {one["sha256"]: _file(one) for one in archive["attachments"] if "bytes" in one}
    verified = {name: str(getattr(report, name)) for name in ("verdict", "sealed_by", "sealed_at")}
    return Brought(archive, hashlib.sha256(data).hexdigest(), files, verified)


def _apart(data: bytes) -> tuple[Report, bytes | None]:
    """Return the report on a file, and the record in it, as a process of its own reads both."""
    report, record = report_apart(data, json.dumps(_schema()).encode())
    return report, record if is_pdf(data) else data


def _here(data: bytes) -> tuple[Report, bytes | None]:
    report, record = report_here(data) if is_pdf(data) else (Report(), data)
    if record is not None and not report.trouble:
        tell_form(report, record, _schema(), is_verified=is_pdf(data))
    return report, record


@cache
def _schema() -> Schema:
    return archive_schema()


def _file(one: dict[str, Any]) -> bytes:
    """Return an attached file; raises `BadFile` where its bytes are not those that are named."""
    try:
        content = base64.b64decode(one["bytes"], validate=True)
    except (binascii.Error, ValueError):
        content = b""
    if (len(content), hashlib.sha256(content).hexdigest()) != (one["size"], one["sha256"]):
        raise BadFile(
            _("The attached file %(name)s is not the one that is named.") % {"name": one["name"]}
        )
    return content
