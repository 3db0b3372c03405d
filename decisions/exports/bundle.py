"""Many exported records in one zip: safe names, fixed dates, and a table of what is in it.

It is written as a stream: of the files no more than a piece is in memory at a time. The same files
give the same bytes.
"""

from __future__ import annotations

import csv
import hashlib
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from io import StringIO
from typing import IO
from zipfile import ZIP_DEFLATED, ZIP_STORED, ZipFile, ZipInfo

from django.utils.translation import gettext as _

from decisions.exports.evidence_csv import safe_cell

INDEX = "index.csv"
COLUMNS = ("reference", "title", "status", "version", "digest", "file", "sha256", "problem")
# The earliest moment that a zip can name: it tells nothing, so that the bytes depend on no clock.
EPOCH = (1980, 1, 1, 0, 0, 0)
PIECE = 256 * 1024  # bytes
# A name stays below the 255 bytes that file systems allow, whatever its script.
LONGEST_TITLE = 180  # bytes of UTF-8
# What no name may hold on one system or another.
FORBIDDEN = '<>:"/\\|?*'
# What is packed already.
PACKED = ("pdf",)


@dataclass(frozen=True)
class Entry:
    """One record: what is known of it, and its open file or why there is none."""

    reference: str
    title: str = ""
    status: str = ""
    version: int | None = None
    digest: str = ""
    stem: str = ""  # what its file is called by itself
    extension: str = ""
    file: IO[bytes] | None = None
    size: int = 0
    sha256: str = ""
    problem: str = ""

    @property
    def name(self) -> str:
        """Return what its file is called: `DR-12-v3-draft Which model.pdf`."""
        return safe_name(self.stem or self.reference, self.title, self.extension)


def safe_name(reference: str, title: str, extension: str) -> str:
    """Return a file's name that every system takes: unique by its reference, which comes first.

    A title adds no folder, no second extension, no control or direction mark, and not too much.
    No name is one of those that Windows keeps to itself, because none is without its reference.
    """
    told = "".join(map(_allowed, unicodedata.normalize("NFC", title)))
    told = " ".join(told.split())
    short = told.encode()[:LONGEST_TITLE].decode(errors="ignore").strip(" .")
    more = "…" if short and len(short) < len(told.strip(" .")) else ""
    return f"{reference} {short}{more}".strip() + f".{extension}"


def _allowed(character: str) -> str:
    """Return a character as it may stand in a name: itself, a space, or nothing."""
    if character in FORBIDDEN or character.isspace():
        return " "
    # Controls, marks of direction, halves of surrogates, and what no script has.
    return "" if unicodedata.category(character).startswith("C") else character


def write_bundle(target: IO[bytes], entries: Iterable[Entry]) -> list[str]:
    """Write a zip of the files that there are, and the table of all entries as its last file.

    Returns what is wrong with each entry, "" for nothing: also where a file is not the one whose
    SHA-256 was noted when it was made.
    """
    rows, problems = [], []
    with ZipFile(target, "w") as bundle:
        for entry in entries:
            digest = _add(bundle, entry) if entry.file else ""
            problem = entry.problem
            if digest != entry.sha256:
                problem = _("Its file was changed after it was made.")
            rows.append(_row(entry, digest, problem))
            problems.append(problem)
        bundle.writestr(_info(INDEX), _table(rows))
    return problems


def _add(bundle: ZipFile, entry: Entry) -> str:
    """Copy a file into the zip piece by piece; return the SHA-256 of what was copied, in hex."""
    digest = hashlib.sha256()
    info = _info(entry.name)
    info.file_size = entry.size  # so that only what is larger than 2 GB gets the longer form
    with bundle.open(info, "w") as copy:
        while entry.file and (piece := entry.file.read(PIECE)):
            digest.update(piece)
            copy.write(piece)
    return digest.hexdigest()


def _info(name: str) -> ZipInfo:
    """Return what the zip says of a file: nothing of this machine, nor of the moment."""
    info = ZipInfo(name, EPOCH)
    info.compress_type = ZIP_STORED if name.endswith(PACKED) else ZIP_DEFLATED
    info.create_system = 3
    info.external_attr = 0o644 << 16
    return info


def _row(entry: Entry, digest: str, problem: str) -> list[object]:
    name = entry.name if entry.file else ""
    told = (entry.reference, entry.title, entry.status, entry.version, entry.digest)
    return [safe_cell(one) for one in (*told, name, digest, problem)]


def _table(rows: list[list[object]]) -> bytes:
    """Return the table as CSV (RFC 4180), UTF-8 with its mark."""
    out = StringIO(newline="")
    table = csv.writer(out, lineterminator="\r\n")
    table.writerow(COLUMNS)
    table.writerows(rows)
    return out.getvalue().encode("utf-8-sig")
