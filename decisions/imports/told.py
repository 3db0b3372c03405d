"""What happened to a record before it came in, as its file tells it: in plain sentences."""

from __future__ import annotations

import json
from collections.abc import Collection
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any

from django.utils import timezone
from django.utils.translation import gettext as _

from decisions.history import ICONS, sentence
from decisions.imports.copies import events_in
from decisions.models import Decision, Event, Import

MOST = 200  # events on a page; the archive has them all
LONGEST = 300  # characters of a sentence


@dataclass(frozen=True)
class ToldLine:
    """An event of a file's log; `version` is the one that it led to, if it changed what is said."""

    kind: str
    who: str
    sentence: str
    at: datetime
    version: int | None

    @property
    def day(self) -> date:
        """Return the day on which it is said to have happened, where the reader is."""
        return timezone.localdate(self.at)

    @property
    def icon(self) -> str:
        """Return the symbol for this kind of event."""
        return ICONS.get(self.kind, "edit")


@dataclass(frozen=True)
class Told:
    """The newest of what a file tells and is asked for, first.

    `found` counts all of that; `events` and `versions` count what the file tells of in all.
    """

    reference: str
    lines: list[ToldLine]
    found: int
    events: int
    versions: int

    @property
    def is_cut(self) -> bool:
        """Return whether there is more of it in the archive."""
        return len(self.lines) < self.found


def told_before(record: Decision, kinds: Collection[str] = ()) -> Told | None:
    """Return what the file says of the time before it came in; None for a record of this place.

    `kinds` are those of the events that are asked for, all of them if empty.
    """
    imported: Import | None = getattr(record, "imported", None)
    if imported is None:
        return None
    archive = json.loads(imported.archive)
    numbers = {one["digest"]: one["number"] for one in archive["versions"]}
    events, versions = events_in(archive), {*numbers.values()}
    found = [one for one in events if not kinds or one["kind"] in kinds]
    lines = [_line(one, numbers) for one in reversed(found[-MOST:])]
    return Told(imported.reference, lines, len(found), len(events), len(versions))


def _line(said: dict[str, Any], numbers: dict[str, int]) -> ToldLine:
    changed = said["digest_before"] != said["digest_after"]
    who = _("%(name)s (as imported)") % {"name": said["actor"]}
    version = numbers.get(said["digest_after"]) if changed else None
    at = datetime.fromisoformat(said["at"]).astimezone(UTC)
    return ToldLine(said["kind"], who, _sentence(said), at, version)


def _sentence(said: dict[str, Any]) -> str:
    try:
        words = sentence(Event(kind=said["kind"], data=said["data"]))
    # What an event holds has no form of its own in a file: anything may be missing or another.
    except Exception:
        words = said["kind"].replace("_", " ")
    return words if len(words) <= LONGEST else f"{words[: LONGEST - 1]}…"
