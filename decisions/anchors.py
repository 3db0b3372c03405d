"""Anchors: once a day, the heads of all chains in a file outside the database.

A chain of hashes does not show that its newest lines are gone; whoever knows its head can tell.
Each file names the digest of the one before, so that none can be changed or taken out from between.
They only help where the database's administrator cannot reach them: copy them away, or let another
machine fetch them.
"""

import hashlib
import json
import logging
import os
import re
import tempfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC
from pathlib import Path
from typing import Any

import rfc8785
from django.conf import settings
from django.db.models import OuterRef, Subquery

from decisions import clock
from decisions.audit_check import GENESIS, Fault, Finding, Head
from decisions.models import Decision, Event

FORMAT = "countersign/anchor"
FORMAT_VERSION = 1
NAME = re.compile(r"([0-9]{6,})-([0-9]{4}-[0-9]{2}-[0-9]{2})\.json")

logger = logging.getLogger(__name__)


@dataclass(slots=True)
class Known:
    """What the anchors say: for each record (uid and reference) its heads, and their faults.

    Copies of one record, each with a log of its own, have the same uid. A head that several anchors
    saw is kept once, so this grows with the changes, not with the days.
    """

    heads: dict[tuple[str, str], list[Head]] = field(default_factory=dict)
    faults: list[Finding] = field(default_factory=list)
    files: int = 0
    newest: str = ""


def write_anchor(*, again: bool = False) -> Path | None:
    """Write the heads of all chains into the next file; None if today (UTC) has one already.

    With `again`, today may have several. A file is complete or not there, and never written over:
    if two processes write at once, one of them comes too late and writes nothing.
    """
    folder = Path(settings.AUDIT_ANCHOR_DIR)
    folder.mkdir(parents=True, exist_ok=True)
    newest = _newest(folder)
    now = clock.now().astimezone(UTC)
    today = now.date().isoformat()
    if newest and not again and _day(newest) >= today:
        return None
    number = _number(newest) + 1 if newest else 1
    content = rfc8785.dumps(
        {
            "format": FORMAT,
            "format_version": FORMAT_VERSION,
            "number": number,
            "at": now.isoformat(),
            "previous": _digest(newest.read_bytes()) if newest else GENESIS,
            "heads": list(current_heads()),
        }
    )
    path = folder / f"{number:06d}-{today}.json"
    if not _put(path, content):
        return None
    # The program's log is often kept elsewhere: there, the line is a witness of its own.
    logger.info("Anchor %s written, SHA-256 %s", path.name, _digest(content))
    return path


def has_anchor_of_today() -> bool:
    """Return whether the day (in UTC) has an anchor."""
    newest = _newest(Path(settings.AUDIT_ANCHOR_DIR))
    return newest is not None and _day(newest) >= clock.now().astimezone(UTC).date().isoformat()


def current_heads() -> Iterator[dict[str, Any]]:
    """Yield the newest event of every record, in the order of the records' uids (one query)."""
    newest = Event.objects.filter(decision=OuterRef("pk")).order_by("-sequence")
    records = Decision.objects.annotate(
        sequence=Subquery(newest.values("sequence")[:1]), hash=Subquery(newest.values("hash")[:1])
    ).exclude(sequence=None)
    for record in records.order_by("uid", "number").iterator(chunk_size=1000):
        yield {
            "decision": str(record.uid),
            "reference": record.reference,
            "sequence": record.sequence,
            "hash": record.hash,
        }


def read_anchors() -> Known:
    """Return what the anchor files say, oldest first, one file in memory at a time."""
    paths = sorted(_anchor_files(Path(settings.AUDIT_ANCHOR_DIR)), key=_number)
    return known_from((path.name, path.read_bytes()) for path in paths)


def known_from(files: Iterable[tuple[str, bytes]]) -> Known:
    """Return what anchor files, given as (name, content) in their order, say; pure."""
    known, previous, due = Known(), GENESIS, 1
    for name, content in files:
        known.files += 1
        known.newest = name
        told, sentence = _told(content)
        number = int(name.split("-")[0])
        if number != due:
            _blame(known, f"anchor {due} is missing: the files go on with {name}")
        elif sentence:
            _blame(known, f"{name} {sentence}")
        elif told["number"] != number:
            _blame(known, f"{name} says that it is anchor {told['number']}")
        elif told["previous"] != previous:
            _blame(known, f"{name} does not follow the file before it: one of the two was changed")
        _learn(known, told, f"anchor {name.removesuffix('.json')}")
        previous, due = _digest(content), number + 1
    return known


def _blame(known: Known, sentence: str) -> None:
    known.faults.append(Finding("", None, Fault.ANCHOR, sentence))


def _learn(known: Known, told: dict[str, Any], source: str) -> None:
    """Keep those of an anchor's heads that no earlier one saw."""
    for one in told.get("heads", []):
        heads = known.heads.setdefault((one["decision"], one["reference"]), [])
        if not heads or (heads[-1].sequence, heads[-1].hash) != (one["sequence"], one["hash"]):
            heads.append(Head(one["sequence"], one["hash"], source))


def _told(content: bytes) -> tuple[dict[str, Any], str]:
    """Return an anchor file's values and "", or nothing and what is wrong with it."""
    try:
        told = json.loads(content)
        heads = [(str(one["decision"]), str(one["reference"])) for one in told["heads"]]
        sound = told["format"] == FORMAT and told["format_version"] == FORMAT_VERSION
        numbers = [int(told["number"]), *(int(one["sequence"]) for one in told["heads"])]
        words = [str(told["previous"]), *(str(one["hash"]) for one in told["heads"])]
    except (ValueError, KeyError, TypeError, RecursionError):
        return {}, "cannot be read as an anchor"
    uids = [uid for uid, _reference in heads]
    if not sound or uids != sorted(uids) or min(numbers) < 1 or not all(words):
        return {}, "is no anchor that this version of the program knows"
    if rfc8785.dumps(told) != content:
        return told, "is not written as the program writes it: it was changed"
    return told, ""


def _anchor_files(folder: Path) -> Iterator[Path]:
    """Yield the anchor files of a folder, in no order; none if it is not there."""
    if folder.is_dir():
        yield from (one for one in folder.iterdir() if NAME.fullmatch(one.name))


def _newest(folder: Path) -> Path | None:
    return max(_anchor_files(folder), key=_number, default=None)


def _number(path: Path) -> int:
    return int(path.name.split("-")[0])


def _day(path: Path) -> str:
    return path.stem.split("-", 1)[1]


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _put(path: Path, content: bytes) -> bool:
    """Put a whole, read-only file in place; False if there is one of that name already."""
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=".anchor-")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.chmod(name, 0o444)
        # A link, unlike a rename, never takes the place of a file that is there.
        os.link(name, path)
    except FileExistsError:
        return False
    finally:
        os.unlink(name)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
    return True
