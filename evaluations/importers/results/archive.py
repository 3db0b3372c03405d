"""Zip archives from anywhere, read in place: nothing is unpacked to disk, and all of it is bounded.

Inspect packs with Zstandard (method 93), which Python's zipfile reads from 3.14 on only; it also
holds the whole directory. So the directory is read here, entry after entry (PKWARE's APPNOTE,
sections 4.3 and 4.4). Whatever is wrong is a ValueError with a sentence, without the file's name.
"""

import io
import os
import sys
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from struct import Struct
from typing import Any, BinaryIO, Protocol, TextIO

from django.utils.translation import gettext as _

CHUNK = 65_536
MOST_ENTRIES = 1_000_000
MOST_UNPACKED = 10_000_000_000  # bytes of all entries
FEW_UNPACKED = 100_000_000  # bytes that any archive may have
MOST_TIMES = 1_000  # what honest logs become when they are unpacked is about ten times
LARGEST_ENTRY = 1_000_000_000  # bytes, unpacked
LONGEST_COMMENT = 65_535

STORED, DEFLATED, ZSTANDARD = 0, 8, 93
ENCRYPTED, UTF_8 = 0x1, 0x800
UNKNOWN = 0xFFFFFFFF  # the number is in the entry's extra field
ZIP64 = 1

ENTRY = Struct("<4s6H3L5H2L")
LOCAL = Struct("<4s5H3L2H")
END = Struct("<4s4H2LH")
END_64 = Struct("<4sQ2H2L4Q")
LOCATOR = Struct("<4sLQL")
FIELD = Struct("<2H")


class Decompressor(Protocol):
    """What zlib and Zstandard are both driven by."""

    @property
    def eof(self) -> bool:
        """Return whether the packed data has come to its end."""

    @property
    def needs_input(self) -> bool:
        """Return whether there is nothing left to give without more data."""

    def decompress(self, data: bytes, max_length: int) -> bytes:
        """Return the next bytes, at most so many."""


@dataclass(frozen=True, slots=True)
class Entry:
    """A file in an archive: its name, how it is packed, where it begins, and what it should be."""

    name: str
    method: int
    flags: int
    packed: int
    size: int
    crc: int
    offset: int

    @property
    def title(self) -> str:
        """Return what sentences call it."""
        return "".join(one if one.isprintable() else "�" for one in self.name[:100])

    @property
    def is_folder(self) -> bool:
        """Return whether it stands for a folder only."""
        return self.name.endswith("/")


def is_archive(path: Path) -> bool:
    """Return whether a file begins like a zip archive."""
    if not path.is_file():
        return False
    with path.open("rb") as file:
        return file.read(4) == b"PK\x03\x04"


def first_name(path: Path) -> str:
    """Return the name of an archive's first file, also where the archive is broken off, else ""."""
    with path.open("rb") as file:
        head = file.read(LOCAL.size)
        if len(head) < LOCAL.size or not head.startswith(b"PK\x03\x04"):
            return ""
        return file.read(LOCAL.unpack(head)[-2]).decode("utf-8", "replace")


def entries(path: Path) -> Iterator[Entry]:
    """Yield the files in an archive in the directory's order, one held at a time."""
    with path.open("rb") as file:
        offset, count = _directory(file)
        if count > MOST_ENTRIES:
            raise ValueError(_("it has more than %(most)s files.") % {"most": MOST_ENTRIES})
        most, unpacked = _most_unpacked(path), 0
        file.seek(offset)
        for _number in range(count):
            entry = _entry(file)
            unpacked += entry.size
            if unpacked > most:
                raise ValueError(_("unpacked it has over %(most)s bytes.") % {"most": most})
            if why := _refusal(entry):
                raise ValueError(why % {"name": entry.title, "most": LARGEST_ENTRY})
            if not entry.is_folder:
                yield entry


@contextmanager
def opened_entry(path: Path, entry: Entry) -> Iterator[TextIO]:
    """Open a file in an archive as text; its size and checksum are checked as it is read."""
    with path.open("rb") as file:
        raw = io.BufferedReader(_Pieces(_checked(_unpacked(file, entry), entry)), CHUNK)
        with io.TextIOWrapper(raw, encoding="utf-8-sig", newline="") as text:
            yield text


def _most_unpacked(path: Path) -> int:
    """Return how many bytes an archive of this size may become."""
    return min(MOST_UNPACKED, max(FEW_UNPACKED, MOST_TIMES * path.stat().st_size))


def _directory(file: BinaryIO) -> tuple[int, int]:
    """Return where an archive's directory begins and how many entries it has."""
    size = file.seek(0, os.SEEK_END)
    start = max(0, size - END.size - LONGEST_COMMENT)
    file.seek(start)
    tail = file.read()
    at = tail.rfind(b"PK\x05\x06")
    if at < 0 or len(tail) - at < END.size:
        raise ValueError(_("the archive has no directory: it is not whole."))
    _mark, *_disks, count, _size, offset, _comment = END.unpack_from(tail, at)
    if offset != UNKNOWN and count != UNKNOWN & 0xFFFF:
        return offset, count
    return _directory_64(file, start + at) or (offset, count)


def _directory_64(file: BinaryIO, end: int) -> tuple[int, int] | None:
    """Return the same for archives with many or large files; None for others."""
    file.seek(max(0, end - LOCATOR.size))
    found = file.read(LOCATOR.size)
    if not found.startswith(b"PK\x06\x07"):
        return None
    file.seek(min(LOCATOR.unpack(found)[2], end))
    head = _exactly(file, END_64.size)
    if not head.startswith(b"PK\x06\x06"):
        raise ValueError(_damaged())
    *_others, count, _size, offset = END_64.unpack(head)
    return min(offset, end), count


def _entry(file: BinaryIO) -> Entry:
    """Return the directory's next entry."""
    head = _exactly(file, ENTRY.size)
    if not head.startswith(b"PK\x01\x02"):
        raise ValueError(_damaged())
    values = ENTRY.unpack(head)
    flags, method, crc, packed, size = values[3], values[4], *values[7:10]
    name_length, extra_length, comment_length, offset = *values[10:13], values[-1]
    name = _exactly(file, name_length).decode("utf-8" if flags & UTF_8 else "cp437", "replace")
    extra = _exactly(file, extra_length)
    file.seek(comment_length, os.SEEK_CUR)
    size, packed, offset = _large([size, packed, offset], extra)
    return Entry(name, method, flags, packed, size, crc, offset)


def _large(numbers: list[int], extra: bytes) -> list[int]:
    """Return an entry's numbers, those that are too large for it from its extra field."""
    at = 0
    while len(extra) - at >= FIELD.size:
        kind, length = FIELD.unpack_from(extra, at)
        field = io.BytesIO(extra[at + FIELD.size :][:length])
        if kind == ZIP64:
            return [
                int.from_bytes(field.read(8), "little") if one == UNKNOWN else one
                for one in numbers
            ]
        at += FIELD.size + length
    return numbers


def _refusal(entry: Entry) -> str:
    """Return why nobody should open an entry, "" for one that may be opened."""
    steps = entry.name.replace("\\", "/").split("/")
    if ".." in steps or not steps[0] or ":" in steps[0][1:2] or "\0" in entry.name:
        return _("it holds “%(name)s”, a path that leads out of it.")
    if entry.flags & ENCRYPTED:
        return _("“%(name)s” in it is encrypted.")
    if entry.method not in (STORED, DEFLATED, ZSTANDARD):
        return _("“%(name)s” in it is packed in a way that is not known.")
    if entry.size > LARGEST_ENTRY:
        return _("“%(name)s” in it is larger than %(most)s bytes.")
    return ""


def _unpacked(file: BinaryIO, entry: Entry) -> Iterator[bytes]:
    """Yield an entry's content in pieces of at most `CHUNK` bytes."""
    packed = _packed(file, entry)
    if entry.method == STORED:
        yield from packed
        return
    work: Decompressor = _Inflater() if entry.method == DEFLATED else _zstandard()
    while not work.eof:
        data = next(packed, b"") if work.needs_input else b""
        if work.needs_input and not data:
            raise ValueError(_damaged())
        try:
            yield work.decompress(data, CHUNK)
        except Exception as error:  # Zstandard's own error is known only where it is installed
            raise ValueError(_damaged()) from error


def _packed(file: BinaryIO, entry: Entry) -> Iterator[bytes]:
    """Yield an entry's packed bytes."""
    file.seek(0, os.SEEK_END)
    file.seek(min(entry.offset, file.tell()))
    head = _exactly(file, LOCAL.size)
    if not head.startswith(b"PK\x03\x04"):
        raise ValueError(_damaged())
    *_others, name_length, extra_length = LOCAL.unpack(head)
    file.seek(name_length + extra_length, os.SEEK_CUR)
    left = entry.packed
    while left and (data := file.read(min(CHUNK, left))):
        left -= len(data)
        yield data


def _checked(pieces: Iterator[bytes], entry: Entry) -> Iterator[bytes]:
    """Yield the pieces; raise ValueError if they are more, fewer or others than was said."""
    size, crc = 0, 0
    for piece in pieces:
        size, crc = size + len(piece), zlib.crc32(piece, crc)
        if size > entry.size:
            raise ValueError(_damaged())
        yield piece
    if (size, crc) != (entry.size, entry.crc):
        raise ValueError(_damaged())


def _zstandard() -> Decompressor:
    """Return a Zstandard decompressor; one kind of file needs it, so it is loaded then only."""
    if sys.version_info >= (3, 14):
        from compression import zstd
    else:
        from backports import zstd
    return zstd.ZstdDecompressor()


def _exactly(file: BinaryIO, count: int) -> bytes:
    found = file.read(count)
    if len(found) != count:
        raise ValueError(_damaged())
    return found


def _damaged() -> str:
    return _("the archive is broken off or damaged.")


class _Inflater:
    """zlib, driven like Zstandard's decompressor."""

    def __init__(self) -> None:
        self._inner = zlib.decompressobj(-zlib.MAX_WBITS)
        self._full = False

    @property
    def eof(self) -> bool:
        return self._inner.eof

    @property
    def needs_input(self) -> bool:
        return not self._full and not self._inner.unconsumed_tail

    def decompress(self, data: bytes, max_length: int) -> bytes:
        piece = self._inner.decompress(self._inner.unconsumed_tail + data, max_length)
        self._full = len(piece) == max_length
        return piece


class _Pieces(io.RawIOBase):
    """A file whose content comes in pieces."""

    def __init__(self, pieces: Iterator[bytes]) -> None:
        self._pieces = pieces
        self._left = b""

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        while not self._left:
            piece = next(self._pieces, None)
            if piece is None:
                return 0
            self._left = piece
        taken = self._left[: len(buffer)]
        buffer[: len(taken)] = taken
        self._left = self._left[len(taken) :]
        return len(taken)
