"""Rows of files that any tool may have written: CSV, a row a line of JSON, or a list within JSON.

A line that never ends and a list of columns without end are refused before they are held.
"""

import csv
import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, TextIO, cast

from django.utils.translation import gettext as _

from evaluations.importers.delimited import read_delimited
from evaluations.importers.measured import Source
from evaluations.importers.results.json_stream import (
    LONGEST_VALUE,
    PEEK,
    Pattern,
    beginning,
    lines,
    parts,
)
from evaluations.importers.results.values import mapping, opened

Row = Mapping[str, Any]

CSV, JSON, LINES = "csv", "json", "lines"
SEPARATORS = ",\t;|"
MOST_COLUMNS = 1_000


def shape(source: Source) -> str:
    """Return how a file begins: "csv", "json", "lines" (an object on each line), or ""."""
    start = beginning(source.path)
    if start.startswith(("{", "[")):
        return LINES if _is_object(start.partition("\n")) else JSON
    header = start.partition("\n")[0]
    return CSV if "\0" not in start and any(one in header for one in SEPARATORS) else ""


def header(source: Source) -> list[str]:
    """Return the names of the columns of a CSV file, of any other none; safe on any bytes."""
    if shape(source) != CSV:
        return []
    first = beginning(source.path).partition("\n")[0]
    try:
        found = next(csv.reader([first.rstrip("\r")], delimiter=max(SEPARATORS, key=first.count)))
    except (csv.Error, StopIteration):
        return []
    return [one.strip() for one in found]


def first_names(source: Source) -> set[str]:
    """Return the names in the object on the first line, without other lines none."""
    if shape(source) != LINES:
        return set()
    return set(mapping(_parsed(beginning(source.path).partition("\n")[0])))


def rows(source: Source, places: Sequence[Pattern] = (("[]",),)) -> Iterator[tuple[str, Row]]:
    """Yield (where, row) for each row; in JSON the items at these places. Raise `Unreadable`."""
    kind = shape(source)
    with opened(source) as file:
        if kind == CSV:
            yield from _delimited(file)
        elif kind == LINES:
            for line, value in lines(file):
                yield _checked(_("line %(line)s") % {"line": line}, value)
        else:
            for path, value in parts(file, places):
                yield _checked(".".join(map(str, path)), value)


class ShortLines:
    """A text file of which no line is longer than a row may be; raises ValueError."""

    def __init__(self, file: TextIO) -> None:
        self.file = file

    def readline(self) -> str:
        """Return the next line, "" at the end."""
        line = self.file.readline(LONGEST_VALUE + 1)
        if len(line) > LONGEST_VALUE:
            told = {"most": LONGEST_VALUE}
            raise ValueError(_("a line in it is longer than %(most)s characters.") % told)
        return line

    def seek(self, place: int) -> None:
        """Go back to a place."""
        self.file.seek(place)

    def __iter__(self) -> Iterator[str]:
        return iter(self.readline, "")


def _delimited(file: TextIO) -> Iterator[tuple[str, Row]]:
    found = read_delimited(cast("TextIO", ShortLines(file)))
    for number, row in enumerate(found, start=1):
        yield _checked(_("row %(row)s") % {"row": number}, row)


def _checked(where: str, row: Any) -> tuple[str, Row]:
    if not isinstance(row, dict):
        raise ValueError(_("%(where)s is not an object with columns.") % {"where": where})
    if len(row) > MOST_COLUMNS:
        told = {"where": where, "most": MOST_COLUMNS}
        raise ValueError(_("%(where)s has more than %(most)s columns.") % told)
    return where, row


def _is_object(first: tuple[str, str, str]) -> bool:
    """Return whether the first line is an object by itself, and not all there is of a list."""
    line, _end, rest = first
    if not line.startswith("{"):
        return False
    if len(line) >= PEEK:  # too long to be seen whole: a line, unless it goes on elsewhere
        return False
    found = _parsed(line)
    return isinstance(found, dict) and (rest.lstrip().startswith("{") or _is_flat(found))


def _is_flat(found: Row) -> bool:
    """Return whether an object that is alone in its file is a row rather than a report of rows."""
    return not any(isinstance(one, dict) for value in found.values() for one in _within(value))


def _within(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _parsed(line: str) -> Any:
    try:
        return json.loads(line)
    except (ValueError, RecursionError):
        return None
