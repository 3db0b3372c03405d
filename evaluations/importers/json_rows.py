"""Rows from JSON: one object a line, or one array of objects read piece by piece."""

import json
from collections.abc import Iterator
from typing import Any, TextIO

from django.utils.translation import gettext as _

CHUNK = 65_536
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
    decoder = json.JSONDecoder()
    text, number = _without(file.read(CHUNK), "["), 0
    while True:
        text = text.lstrip()
        if text.startswith("]"):
            return
        try:
            row, end = decoder.raw_decode(text)
        except (json.JSONDecodeError, RecursionError) as error:
            text = _extended(file, text, number, error)
            continue
        number += 1
        yield _object(row, number)
        text = _after(file, text[end:], number)


def _extended(file: TextIO, text: str, number: int, error: Exception) -> str:
    """Return the unfinished text with more of the file; raise ValueError at its end."""
    more = file.read(CHUNK)
    if not more or len(text) > LONGEST_ROW or isinstance(error, RecursionError):
        sentence = _("row %(row)s is not valid JSON.") % {"row": number + 1}
        raise ValueError(sentence) from error
    return text + more


def _after(file: TextIO, text: str, number: int) -> str:
    """Return what follows a row's comma, or the end of the array."""
    text = text.lstrip()
    while not text and (more := file.read(CHUNK)):
        text = more.lstrip()
    if text.startswith((",", "]")):
        return text.removeprefix(",")
    raise ValueError(_("after row %(row)s the array is not continued.") % {"row": number})


def _without(text: str, start: str) -> str:
    return text.lstrip().removeprefix(start)


def _parsed(line: str, number: int) -> Any:
    try:
        return json.loads(line)
    except (json.JSONDecodeError, RecursionError) as error:
        raise ValueError(_("line %(line)s is not valid JSON.") % {"line": number}) from error


def _object(row: Any, number: int) -> dict[str, Any]:
    if not isinstance(row, dict):
        raise ValueError(_("row %(row)s is not an object with columns.") % {"row": number})
    return row
