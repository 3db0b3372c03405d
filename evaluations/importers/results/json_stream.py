"""JSON read piece by piece: the parts that are wanted, and nothing of a large file held at once.

A pattern is a path of steps from the root: a member's name, "*" for any member, "[]" for any item
of an array. What no pattern leads to is passed over without being built.
"""

import json
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, TextIO

from django.utils.translation import gettext as _

CHUNK = 65_536
LONGEST_VALUE = 4_000_000  # characters of one result, or of one line
LONGEST_BREAK = 3  # characters at which a number may be cut and still be one: “1” of “1e-5”
PEEK = 262_144  # characters in which a format shows what it is
DEEPEST_OUTLINE = 6

Step = str | int
Pattern = tuple[str, ...]
Tree = dict[str, Any]

SPACE = re.compile(r"[ \t\n\r]*")
# Each sign can be matched in one way only, so nothing is tried twice. Not by possessive groups:
# they match wrongly before Python 3.11.5 (https://github.com/python/cpython/issues/106052).
WRITTEN = r'[^"\\]*(?:\\.[^"\\]*)*'
FLAT = re.compile(rf'[^"{{}}\[\]]*(?:"{WRITTEN}"[^"{{}}\[\]]*)*', re.DOTALL)
TOKEN = re.compile(rf'"({WRITTEN})(?:"|\\?\Z)\s*(:?)|[{{}}\[\]]', re.DOTALL)


def parts(file: TextIO, patterns: Iterable[Pattern]) -> Iterator[tuple[tuple[Step, ...], Any]]:
    """Yield (path, value) for what the patterns lead to, in the file's order; raise ValueError."""
    text = _Text(file)
    yield from _parts(text, _tree(patterns), ())
    text.refuse_more()


def lines(file: TextIO) -> Iterator[tuple[int, Any]]:
    """Yield (line number, value) for each line that is not empty; raise ValueError."""
    number = 0
    while line := file.readline(LONGEST_VALUE + 1):
        number += 1
        if len(line) > LONGEST_VALUE:
            at = {"line": number, "most": LONGEST_VALUE}
            raise ValueError(_("line %(line)s is longer than %(most)s characters.") % at)
        if line.strip():
            yield number, _line(line, number)


def outline(path: Path) -> set[Pattern]:
    """Return the paths of the members at the beginning of a JSON file; safe on any bytes.

    A file that is not JSON has none; nothing is checked, so that this says what a file looks
    like, not that it is sound.
    """
    text = beginning(path)
    return _outline(text) if text.startswith(("{", "[")) else set()


def beginning(path: Path) -> str:
    """Return how a file begins, without a byte order mark and white space; "" for a folder."""
    if not path.is_file():
        return ""
    with path.open(encoding="utf-8-sig", errors="replace", newline="") as file:
        return file.read(PEEK).lstrip()


def _outline(text: str) -> set[Pattern]:
    found: set[Pattern] = set()
    steps: list[str] = []
    for token in TOKEN.finditer(text):
        if token[0] in ("{", "["):
            steps.append("" if token[0] == "{" else "[]")
        elif token[0] in ("}", "]"):
            del steps[-1:]
        elif token[2] and steps and steps[-1] != "[]":
            steps[-1] = token[1]
            if len(steps) <= DEEPEST_OUTLINE:
                found.add(tuple(steps))
    return found


def _line(line: str, number: int) -> Any:
    try:
        return json.loads(line)
    except RecursionError as error:
        raise ValueError(_("line %(line)s is nested too deeply.") % {"line": number}) from error
    except ValueError as error:
        sentence = _("line %(line)s is not valid JSON: is the file whole?")
        raise ValueError(sentence % {"line": number}) from error


def _tree(patterns: Iterable[Pattern]) -> Tree:
    """Return patterns as nested steps; an empty branch is a value that is wanted whole."""
    tree: Tree = {}
    for pattern in patterns:
        branch = tree
        for step in pattern:
            branch = branch.setdefault(step, {})
    return tree


def _parts(text: "_Text", tree: Tree, path: tuple[Step, ...]) -> Iterator[tuple[Any, Any]]:
    """Yield what is wanted of the value that comes next."""
    if not tree:
        yield path, text.value()
        return
    opening = text.peek()
    if opening == "{" and tree.keys() != {"[]"}:
        for name in text.members():
            branch = tree.get(name, tree.get("*"))
            yield from _branch(text, branch, (*path, name))
    elif opening == "[" and "[]" in tree:
        for index in text.items():
            yield from _branch(text, tree["[]"], (*path, index))
    else:
        text.skip()


def _branch(text: "_Text", branch: Tree | None, path: tuple[Step, ...]) -> Iterator[Any]:
    if branch is None:
        text.skip()
    else:
        yield from _parts(text, branch, path)


class _Text:
    """The file's text with a place in it; holds no more than one value and one chunk."""

    def __init__(self, file: TextIO) -> None:
        self.file = file
        self.text = ""
        self.at = 0
        self.decoder = json.JSONDecoder()

    def peek(self) -> str:
        """Return the next character that is not white space; raise ValueError at the end."""
        while True:
            self.at = _end(SPACE, self.text, self.at)
            if self.at < len(self.text):
                return self.text[self.at]
            if not self._more():
                raise ValueError(_("the file ends too early: it is not whole."))

    def value(self) -> Any:
        """Return the value that comes next."""
        self.peek()
        while True:
            try:
                value, end = self.decoder.raw_decode(self.text, self.at)
            except RecursionError as error:
                raise ValueError(_("it is nested too deeply.")) from error
            except ValueError as error:
                self._more_or_refuse(error)
                continue
            if not _may_go_on(value) or end + LONGEST_BREAK < len(self.text) or not self._more():
                self.at = end
                return value

    def members(self) -> Iterator[str]:
        """Yield the names of an object's members, each with its value next."""
        self._take("{")
        if self.peek() == "}":
            self._take("}")
            return
        while True:
            name = self.value()
            if not isinstance(name, str):
                raise ValueError(_("it is not valid JSON: a name is not a text."))
            self._take(":")
            yield name
            if self._take(",}") == "}":
                return

    def items(self) -> Iterator[int]:
        """Yield the places of an array's items, each with the item next."""
        self._take("[")
        if self.peek() == "]":
            self._take("]")
            return
        index = 0
        while True:
            yield index
            index += 1
            if self._take(",]") == "]":
                return

    def skip(self) -> None:
        """Pass over the value that comes next without building it."""
        if self.peek() not in "{[":
            self.value()
            return
        depth = 0
        while True:
            depth += self._bracket()
            if depth <= 0:
                return

    def refuse_more(self) -> None:
        """Raise ValueError if there is more than one value in the file."""
        while True:
            self.at = _end(SPACE, self.text, self.at)
            if self.at < len(self.text):
                raise ValueError(_("it is not valid JSON: there is more after its end."))
            if not self._more():
                return

    def _bracket(self) -> int:
        """Pass over the next bracket outside texts; return 1 where it opens, -1 where it closes."""
        while True:
            end = _end(FLAT, self.text, self.at)
            if end < len(self.text) and self.text[end] != '"':
                self.at = end + 1
                return 1 if self.text[end] in "{[" else -1
            self.at = end
            self._more_or_refuse(None)

    def _take(self, wanted: str) -> str:
        """Pass over one of the characters; raise ValueError for any other."""
        found = self.peek()
        if found not in wanted:
            raise ValueError(
                _("it is not valid JSON: “%(found)s” is out of place.") % {"found": found}
            )
        self.at += 1
        return found

    def _more_or_refuse(self, error: Exception | None) -> None:
        if not self._more():
            sentence = _("it is not valid JSON: it is broken off or damaged.")
            raise ValueError(sentence) from error

    def _more(self) -> bool:
        """Read on, twice as far for a long value; return False at the end of the file."""
        held = self.text[self.at :]
        if len(held) > LONGEST_VALUE:
            most = {"most": LONGEST_VALUE}
            raise ValueError(_("one value in it is longer than %(most)s characters.") % most)
        more = self.file.read(max(CHUNK, min(len(held), LONGEST_VALUE - len(held))))
        if more:
            self.text, self.at = held + more, 0
        return bool(more)


def _end(pattern: re.Pattern[str], text: str, at: int) -> int:
    match = pattern.match(text, at)
    return match.end() if match else at


def _may_go_on(value: Any) -> bool:
    """Return whether what looks like the value may be its beginning: a number."""
    return isinstance(value, int | float) and not isinstance(value, bool)
