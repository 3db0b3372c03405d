"""The file that a record travels in: an archive as it is, or a PDF with one in it.

One reader for whoever checks a file and whoever brings it in, so that both see the same record. It
needs neither Django nor a database.
"""

from __future__ import annotations

import json
import math
import re
import zlib
from collections.abc import Iterator
from io import BytesIO
from typing import TYPE_CHECKING, Any

from decisions.exports.archive_form import RECORD
from decisions.exports.verify_report import TellingError, noop

if TYPE_CHECKING:
    from pyhanko.pdf_utils.generic import DictionaryObject, StreamObject
    from pyhanko.pdf_utils.reader import PdfFileReader

_ = noop

LARGEST_RECORD = 50_000_000  # bytes of the record in a PDF, unpacked
MOST_FILES = 1_000
MOST_VALUES = 1_000_000  # of JSON
# How one begins: with its first name, or with its end.
_JSON_OBJECT = re.compile(rb'(?:\xef\xbb\xbf)?\s*\{\s*["}]')
# Beyond it JSON's numbers, which are doubles, skip integers.
SAFE = 2**53


NO_RECORD = _("There is no record embedded in it.")


class UnreadableError(TellingError, ValueError):
    """Raised for a file that cannot be read."""


class TooLargeError(UnreadableError):
    """Raised for what unpacks to more than it may."""


class TooManyError(UnreadableError):
    """Raised for more values than a record can have."""


def is_pdf(data: bytes) -> bool:
    """Return whether the bytes claim to be a PDF."""
    return data.startswith(b"%PDF-")


def is_archive(data: bytes) -> bool:
    """Return whether the bytes are a PDF or a JSON object, and no text that people read.

    Such a text may begin with a brace too, for attributes or a template's tag: `{: .no_toc }`.
    """
    return is_pdf(data) or bool(_JSON_OBJECT.match(data))


# --- JSON -----------------------------------------------------------------------------------------


def read_strictly(data: bytes) -> Any:
    """Return the value of a JSON text with nothing in it that canonical JSON cannot say.

    An integer that only a double can hold is one. Raises `UnreadableError`, also for what says a
    name twice, and for values within values without end; `TooManyError` for too many of them.
    """
    _refuse_many(data)
    try:
        return json.loads(
            data.decode("utf-8"),
            object_pairs_hook=_once,
            parse_constant=_no_number,
            parse_int=_integer,
            parse_float=_double,
        )
    except UnreadableError:
        raise
    except (ValueError, RecursionError) as error:
        raise UnreadableError(_("The record in it is not JSON that can be read.")) from error


def _refuse_many(data: bytes) -> None:
    """Raise `TooManyError` for too many values, before any of them takes memory.

    Every value but the first stands behind a comma or a bracket; what of them stands in texts is
    counted as well, which no record comes near.
    """
    if sum(data.count(one) for one in (b",", b"[", b"{")) > MOST_VALUES:
        raise TooManyError(_("The file says more than a record can."))


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    told = dict(pairs)
    if len(told) != len(pairs):
        raise UnreadableError(_("The record in it says something twice, in two ways."))
    return told


def _no_number(text: str) -> float:
    raise UnreadableError(_("“%(text)s” is not a number that JSON knows."), text=text)


def _integer(text: str) -> int | float:
    if len(text) < 17 and abs(int(text)) < SAFE:
        return int(text)
    return _double(text)


def _double(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise UnreadableError(_("A number in the record is too large: %(text)s…"), text=text[:20])
    return value


# --- A PDF with its record in it ------------------------------------------------------------------


def opened(data: bytes) -> PdfFileReader:
    """Return a PDF to be read; raises what pyHanko does for a damaged one, and that is anything."""
    from pyhanko.pdf_utils.reader import PdfFileReader

    return PdfFileReader(BytesIO(data), strict=True)


def record_in(pdf: PdfFileReader) -> bytes:
    """Return the one record that is embedded as what the pages were made from.

    Raises `UnreadableError` where there is none, are several, or it is too large; anything for a
    damaged file.
    """
    files = [one for one in _embedded(pdf) if value_at(one, "/AFRelationship") == "/Source"]
    named = [one for one in files if _name_of(one) == RECORD]
    if not files:
        raise UnreadableError(NO_RECORD)
    if len(files) != 1 or len(named) != 1:
        told = _("There are %(count)s embedded files that call themselves the source.")
        raise UnreadableError(told, count=len(files))
    return bytes_of(named[0]["/EF"]["/F"], LARGEST_RECORD)


def _name_of(file: DictionaryObject) -> str:
    return str(value_at(file, "/UF") or value_at(file, "/F"))


def _embedded(pdf: PdfFileReader) -> list[DictionaryObject]:
    """Return every embedded file once, whether the document or its list of names tells of it."""
    associated = [one.get_object() for one in value_at(pdf.root, "/AF") or ()]
    names = value_at(value_at(pdf.root, "/Names") or {}, "/EmbeddedFiles") or {}
    found: dict[int, DictionaryObject] = {}
    for one in (*associated, *_named(names)):
        found.setdefault(id(one), one)
        if len(found) > MOST_FILES:
            raise ValueError("too many files")
    return list(found.values())


def _named(root: Any) -> Iterator[DictionaryObject]:
    """Yield what a tree of names leads to (ISO 32000-1, 7.9.6).

    Raises `ValueError` for a large one, so also for one whose branches meet or lead back.
    """
    nodes = [root]
    for node in nodes:
        nodes += (kid.get_object() for kid in value_at(node, "/Kids") or ())
        if len(nodes) > MOST_FILES:
            raise ValueError("a tree of names without end")
        pairs = value_at(node, "/Names") or ()
        for place in range(1, len(pairs), 2):
            yield pairs[place].get_object()


def value_at(node: Any, name: str) -> Any:
    """Return what stands in a dictionary under a name, wherever it lies; None for nothing."""
    return node[name] if name in node else None  # noqa: SIM401 (its get() follows no reference)


def bytes_of(stream: StreamObject, largest: int) -> bytes:
    """Return what a stream holds, unpacked; raises `TooLargeError`, `ValueError` for a cut one."""
    packed, packing = stream.encoded_data, value_at(stream, "/Filter")
    if "/DecodeParms" in stream or packing not in (None, "/FlateDecode"):
        raise ValueError("packed in a way that documents are not")
    unpacker = zlib.decompressobj()
    content = bytes(packed) if packing is None else unpacker.decompress(packed, largest + 1)
    if len(content) > largest:
        raise TooLargeError(_("The record in it is larger than a record can be."))
    if packing is not None and not unpacker.eof:
        raise ValueError("cut short")
    return content
