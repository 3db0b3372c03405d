"""JSON read piece by piece: a walk through objects and arrays that never holds the whole text.

A value is decoded where it begins in the buffer; one that is cut off is tried again once the buffer
has doubled, so that the work stays in proportion to the text.
"""

import json
import re
from collections.abc import Iterator
from typing import Any, TextIO

from django.utils.translation import gettext as _

CHUNK = 65_536
LONGEST_VALUE = 32_000_000  # characters; a value that is decoded is held whole
BLANKS = re.compile(r"[ \t\n\r]*")
DECODER = json.JSONDecoder()


class JsonStream:
    """A position in JSON text; raises ValueError with a sentence for what is not JSON."""

    def __init__(self, file: TextIO, longest: int = LONGEST_VALUE) -> None:
        self._file, self._longest = file, longest
        self._text, self._at, self._has_ended = "", 0, False

    def peek(self) -> str:
        """Return the next character that is not blank without taking it, "" at the end."""
        while True:
            found = BLANKS.match(self._text, self._at)
            self._at = found.end() if found else self._at
            if self._at < len(self._text):
                return self._text[self._at]
            if not self._more():
                return ""

    def take(self, wanted: str) -> None:
        """Go on behind a character; raise ValueError if another one comes."""
        if self.peek() != wanted:
            raise ValueError(_("“%(sign)s” is missing.") % {"sign": wanted})
        self._at += 1

    def value(self) -> Any:
        """Return the next value, whole."""
        self.peek()
        while True:
            try:
                found, end = DECODER.raw_decode(self._text, self._at)
            except json.JSONDecodeError as error:
                self._grow(error)
                continue
            except (RecursionError, ValueError) as error:
                raise ValueError(_("a value is nested too deeply or too large.")) from error
            if end < len(self._text) or not self._more():  # a number may go on behind the buffer
                self._at = end
                return found

    def elements(self) -> Iterator[None]:
        """Step through an array: whoever asks takes the value at each step."""
        self.take("[")
        if self._took("]"):
            return
        while True:
            yield
            if self._took("]"):
                return
            self.take(",")

    def items(self) -> Iterator[str]:
        """Step through an object by its keys: whoever asks takes the value at each step."""
        self.take("{")
        if self._took("}"):
            return
        while True:
            key = self.value()
            self.take(":")
            yield str(key)
            if self._took("}"):
                return
            self.take(",")

    def skip(self) -> None:
        """Pass over the next value, however long, holding no more than a piece of it."""
        sign = self.peek()
        if sign == "[":
            for _element in self.elements():
                self._skip_deeper()
        elif sign == "{":
            for _key in self.items():
                self._skip_deeper()
        else:
            self.value()

    def end(self) -> None:
        """Raise ValueError if anything follows."""
        if self.peek():
            raise ValueError(_("something follows the end of the JSON."))

    def _skip_deeper(self) -> None:
        try:
            self.skip()
        except RecursionError as error:
            raise ValueError(_("a value is nested too deeply or too large.")) from error

    def _took(self, sign: str) -> bool:
        """Go on behind a character if it comes next; return whether it did."""
        if self.peek() != sign:
            return False
        self._at += 1
        return True

    def _grow(self, error: json.JSONDecodeError) -> None:
        """Double what is held of a value that may be cut off; raise ValueError if it is not."""
        if len(self._text) - self._at > self._longest or not self._more():
            raise ValueError(_("this is not valid JSON.")) from error

    def _more(self) -> bool:
        """Drop what was passed and read on, as much as is still held; return whether any came."""
        self._text = self._text[self._at :]
        self._at = 0
        more = "" if self._has_ended else self._file.read(max(CHUNK, len(self._text)))
        self._has_ended = not more
        self._text += more
        return bool(more)
