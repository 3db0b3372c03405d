"""Rows from JSON: one object a line, or one array of objects read piece by piece."""

import json
from collections.abc import Iterator
from typing import Any, TextIO

from django.utils.translation import gettext as _

from evaluations.importers.json_stream import JsonStream

LONGEST_ROW = 4_000_000  # characters


def read_lines(file: TextIO) -> Iterator[dict[str, Any]]:
    """Yield the object on each line; raise ValueError with a sentence."""
    number = 0
    while line := file.readline(LONGEST_ROW):
        number += 1
        if line.strip():
            yield _object(_parsed(line, number), number)


def read_array(file: TextIO) -> Iterator[dict[str, Any]]:
    """Yield the objects of an array without holding the whole file; raise ValueError."""
    stream, number = JsonStream(file, LONGEST_ROW), 0
    stream.take("[")
    if stream.peek() == "]":
        return
    while True:
        number += 1
        yield _object(_value(stream, number), number)
        if stream.peek() == "]":
            return
        if stream.peek() != ",":
            raise ValueError(_("after row %(row)s the array is not continued.") % {"row": number})
        stream.take(",")


def _value(stream: JsonStream, number: int) -> Any:
    try:
        return stream.value()
    except ValueError as error:
        raise ValueError(_("row %(row)s is not valid JSON.") % {"row": number}) from error


def _parsed(line: str, number: int) -> Any:
    try:
        return json.loads(line)
    except (ValueError, RecursionError) as error:
        raise ValueError(_("line %(line)s is not valid JSON.") % {"line": number}) from error


def _object(row: Any, number: int) -> dict[str, Any]:
    if not isinstance(row, dict):
        raise ValueError(_("row %(row)s is not an object with columns.") % {"row": number})
    return row
