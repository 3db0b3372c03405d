"""Zip files from strangers: read in place, never unpacked, with limits on what they may become."""

import io
import stat
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import IO

from django.utils.translation import gettext as _

MOST_FILES = 50_000
LARGEST_WHOLE = 1_000_000_000  # bytes, all files unpacked
LARGEST_FILE = 200_000_000  # bytes
LARGEST_DIRECTORY = 16_000_000  # bytes of the list of files, which is read whole
# How many times a file may be larger than it was packed; prose rarely exceeds 10.
HIGHEST_RATIO = 200
SMALL = 1_000_000  # bytes below which the ratio says nothing
END = b"PK\x05\x06"
END64 = b"PK\x06\x07"
TAIL = 22 + 65_535  # bytes: the end record and the longest comment behind it
METHODS = {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED}


def is_zip(path: Path) -> bool:
    """Return whether a file begins as zips do."""
    with path.open("rb") as file:
        return file.read(4) in {b"PK\x03\x04", END}


@dataclass
class Budget:
    """How many bytes the rest of a zip may still become."""

    left: int = LARGEST_WHOLE

    def spend(self, size: int) -> None:
        """Take bytes away; raise ValueError when there are none."""
        self.left -= size
        if self.left < 0:
            raise ValueError(_("unpacked it is larger than %(n)s MB.") % {"n": _mb(LARGEST_WHOLE)})


class Counted(io.RawIOBase):
    """A member's bytes, counted as they come: what its header says of its size proves nothing."""

    def __init__(self, file: IO[bytes], info: zipfile.ZipInfo, budget: Budget) -> None:
        super().__init__()
        self._file, self._budget, self._packed = file, budget, max(info.compress_size, 1)
        self._size, self._name = 0, info.filename

    def readable(self) -> bool:
        """It can be read."""
        return True

    def readinto(self, buffer: object) -> int:
        """Read on; raise ValueError with a sentence for a bomb or a broken file."""
        view = memoryview(buffer).cast("B")  # type: ignore[arg-type]
        try:
            found = self._file.read(len(view))
        except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError) as error:
            told = {"name": self._name[:100]}
            raise ValueError(_("“%(name)s” in it is damaged.") % told) from error
        self._count(len(found))
        view[: len(found)] = found
        return len(found)

    def _count(self, size: int) -> None:
        self._size += size
        self._budget.spend(size)
        is_bomb = self._size > SMALL and self._size > HIGHEST_RATIO * self._packed
        if is_bomb or self._size > LARGEST_FILE:
            told = {"name": self._name[:100]}
            raise ValueError(_("“%(name)s” in it unpacks to far more than a text would.") % told)


@dataclass(frozen=True)
class Member:
    """A file in a zip."""

    name: str
    archive: zipfile.ZipFile
    info: zipfile.ZipInfo
    budget: Budget

    def open(self) -> io.BufferedReader:
        """Return its bytes, counted."""
        try:
            return io.BufferedReader(Counted(self.archive.open(self.info), self.info, self.budget))
        except (zipfile.BadZipFile, NotImplementedError, RuntimeError) as error:
            told = {"name": self.name[:100]}
            raise ValueError(_("“%(name)s” in it cannot be unpacked.") % told) from error


def members_of(path: Path) -> Iterator[Member]:
    """Yield a zip's files in the order of their names; raise ValueError with a sentence.

    Folders, links, hidden files and what systems add (`__MACOSX`) are passed over.
    """
    _refuse_long_directory(path)
    try:
        archive = zipfile.ZipFile(path)
    except (zipfile.BadZipFile, OSError, NotImplementedError, ValueError) as error:
        raise ValueError(_("this is not a zip file, or it is damaged.")) from error
    with archive:
        infos = [info for info in archive.infolist() if not info.is_dir()]
        if len(infos) > MOST_FILES:
            raise ValueError(_("it holds more than %(n)s files.") % {"n": f"{MOST_FILES:,}"})
        budget = Budget()
        for info in sorted(infos, key=lambda one: one.filename):
            _refuse_trick(info)
            if not _is_passed_over(info):
                yield Member(info.filename, archive, info, budget)


def _refuse_long_directory(path: Path) -> None:
    """Raise ValueError before a list of files is read that would fill the memory."""
    with path.open("rb") as file:
        size = file.seek(0, io.SEEK_END)
        file.seek(max(0, size - TAIL))
        tail = file.read()
    at = tail.rfind(END)
    if at < 0 or len(tail) < at + 22:
        raise ValueError(_("this is not a zip file, or it is damaged."))
    # The larger form of the list stands right before the end record, if it is there.
    has_more = tail[max(0, at - 20) : at].startswith(END64)
    if int.from_bytes(tail[at + 12 : at + 16], "little") > LARGEST_DIRECTORY or has_more:
        raise ValueError(_("it holds more than %(n)s files.") % {"n": f"{MOST_FILES:,}"})


def _refuse_trick(info: zipfile.ZipInfo) -> None:
    """Raise ValueError for a name that leads out of the zip, or what cannot be read."""
    name = info.filename
    is_odd = name.startswith(("/", "\\")) or "\\" in name or ":" in name.partition("/")[0]
    if is_odd or ".." in PurePosixPath(name).parts:
        raise ValueError(_("“%(name)s” in it is not a plain name.") % {"name": name[:100]})
    if info.flag_bits & 0x1:
        raise ValueError(_("it is encrypted."))
    if info.compress_type not in METHODS:
        raise ValueError(_("“%(name)s” in it cannot be unpacked.") % {"name": name[:100]})


def _is_passed_over(info: zipfile.ZipInfo) -> bool:
    parts = PurePosixPath(info.filename).parts
    is_link = stat.S_ISLNK(info.external_attr >> 16)
    return is_link or any(part.startswith(".") or part == "__MACOSX" for part in parts)


def _mb(size: int) -> str:
    return f"{size // 1_000_000:,}"
