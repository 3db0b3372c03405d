"""Rows from CSV and TSV files with a header line."""

import csv
from collections.abc import Iterator
from typing import Any, TextIO

from django.utils.translation import gettext as _

DELIMITERS = ",\t;|"
LONGEST_FIELD = 1_000_000  # characters; a quote that is never closed would swallow the whole file


def read_delimited(file: TextIO) -> Iterator[dict[str, Any]]:
    """Yield a row a line, by the header; raise ValueError with a sentence."""
    csv.field_size_limit(LONGEST_FIELD)
    header_line = file.readline()
    file.seek(0)
    reader = csv.reader(file, delimiter=_delimiter(header_line), strict=True)
    try:
        header = _header(next(reader, []))
        for values in reader:
            if values:
                yield _row(header, values, reader.line_num)
    except csv.Error as error:
        at = {"line": reader.line_num, "why": error}
        raise ValueError(_("line %(line)s is not valid CSV: %(why)s.") % at) from error


def _delimiter(header_line: str) -> str:
    """Return the character that separates most columns of the header."""
    return max(DELIMITERS, key=header_line.count)


def _header(values: list[str]) -> list[str]:
    names = [value.strip() for value in values]
    if not any(names):
        raise ValueError(_("there is no header line."))
    if len(set(names)) < len(names):
        raise ValueError(_("two columns have the same name."))
    return names


def _row(header: list[str], values: list[str], line: int) -> dict[str, Any]:
    if len(values) != len(header):
        numbers = {"line": line, "found": len(values), "expected": len(header)}
        raise ValueError(
            _("line %(line)s has %(found)s columns, the header has %(expected)s.") % numbers
        )
    return dict(zip(header, values, strict=True))
