"""Rows from a file, whatever its format: CSV, TSV, JSON lines or a JSON array of objects.

A new format is one entry in FORMATS and one function from an open text file to rows.
"""

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any, TextIO

from django.utils.translation import gettext as _

from decisions.policies import BadInput
from evaluations.importers.delimited import read_delimited
from evaluations.importers.json_rows import read_array, read_lines

Row = dict[str, Any]
PEEK = 4096
NOT_TEXT = re.compile("[\0\ud800-\udfff]")


class Unreadable(BadInput):
    """The file cannot be taken in; the message is a sentence that says why."""


@dataclass(frozen=True)
class RowFormat:
    """A format: how its text begins, and how its rows are read.

    `read` raises ValueError with a sentence, without the file's name, for what makes no sense.
    """

    key: str
    begins: str
    read: Callable[[TextIO], Iterator[Row]]


# In the order in which content is tried; the last one takes whatever is left.
FORMATS = (
    RowFormat("json", "[", read_array),
    RowFormat("jsonl", "{", read_lines),
    RowFormat("csv", "", read_delimited),
)


def detected(path: Path) -> RowFormat:
    """Return a file's format: by how its text begins, as names are often wrong."""
    with opened(path) as file:
        start = file.read(PEEK).lstrip()
    return next(one for one in FORMATS if start.startswith(one.begins))


def read_rows(path: Path, name: str = "") -> Iterator[Row]:
    """Yield a file's rows, column → value, one at a time; raise `Unreadable`.

    `name` is what the sentence calls the file, by default its own name.
    """
    name = name or path.name
    with in_sentences(name):
        form = detected(path)
        with opened(path) as file:
            yield from form.read(file)


@contextmanager
def in_sentences(name: str) -> Iterator[None]:
    """Raise `Unreadable`, in a sentence that begins with the file's name, for what goes wrong."""
    try:
        yield
    except UnicodeDecodeError as error:
        raise Unreadable(_("%(file)s is not UTF-8 text.") % {"file": name}) from error
    except OSError as error:
        sentence = _("%(file)s cannot be read: %(why)s.")
        raise Unreadable(sentence % {"file": name, "why": error.strerror}) from error
    except ValueError as error:
        raise Unreadable(f"{name}: {error}") from error


def columns_of(path: Path, name: str = "") -> list[str]:
    """Return the names of a file's columns, from its first rows; raise `Unreadable`."""
    names: dict[str, None] = {}
    for row in islice(read_rows(path, name), 20):
        names.update(dict.fromkeys(row))
    if not names:
        raise Unreadable(_("%(file)s has no rows.") % {"file": name or path.name})
    if not all(map(is_text, names)):
        sentence = _("%(file)s has a column whose name is not text.")
        raise Unreadable(sentence % {"file": name or path.name})
    return list(names)


def is_text(value: str) -> bool:
    """Return whether every database and every page can show it: no NUL, no half characters."""
    return NOT_TEXT.search(value) is None


@contextmanager
def opened(path: Path) -> Iterator[TextIO]:
    """Open a text file, without a byte order mark and with its line ends as they are."""
    with path.open(encoding="utf-8-sig", newline="") as file:
        yield file
