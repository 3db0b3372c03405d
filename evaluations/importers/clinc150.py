"""Intents in the shape of CLINC150: {"train": [[text, label], …], "val": …, "oos_test": …}."""

from collections.abc import Iterator
from typing import TextIO

from django.utils.translation import gettext as _

from evaluations.importers.json_stream import JsonStream

# The names of its parts, and which split each is; "oos" is what belongs to no intent.
PARTS = {
    "train": "train",
    "val": "dev",
    "test": "test",
    "oos_train": "train",
    "oos_val": "dev",
    "oos_test": "test",
}


def is_clinc150(file: TextIO) -> bool:
    """Return whether a file's first part holds pairs of a text and a label."""
    stream = JsonStream(file)
    for part in stream.items():
        if part not in PARTS or stream.peek() != "[":
            return False
        for _pair in stream.elements():
            return stream.peek() == "[" and _is_pair(stream.value())
    return False


def read_clinc150(file: TextIO) -> Iterator[tuple[str, str, str]]:
    """Yield (split, text, label); raise ValueError with a sentence."""
    stream = JsonStream(file)
    for part in stream.items():
        if part not in PARTS:
            raise ValueError(_("“%(part)s” is not a part of CLINC150.") % {"part": part[:40]})
        for number, _pair in enumerate(stream.elements(), 1):
            pair = stream.value()
            if not _is_pair(pair):
                told = {"part": part, "n": number}
                raise ValueError(_("%(part)s, entry %(n)s is not a text and a label.") % told)
            yield PARTS[part], pair[0], pair[1]
    stream.end()


def _is_pair(value: object) -> bool:
    return isinstance(value, list) and len(value) == 2 and all(isinstance(x, str) for x in value)
