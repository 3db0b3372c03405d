"""Whether a record that a file tells of is here already, as far as their logs go."""

from __future__ import annotations

import json
from typing import Any, NamedTuple

from decisions.models import Decision, Import, User

# Events by which a record leaves and comes in; they say nothing more of it.
TRAVELS = {"export", "import"}


class Copy(NamedTuple):
    """A record here that began as the one in a file did; whether it knows all that the file tells.

    One that went on here knows what the file does not, and still not all of what the file tells.
    """

    decision: Decision
    knows_all: bool


def copies_here(archive: dict[str, Any], by: User) -> list[Copy]:
    """Return those that a person may read, by their numbers.

    It is the same record if it began with the same event: one that somebody made up under a known
    uid keeps the real one out as little as one that the person may not know of.
    """
    events = events_in(archive)
    first, uid = events[0]["hash"], archive["content"]["decision"]["uid"]
    told = [one["hash"] for one in events if one["kind"] not in TRAVELS]
    last = told[-1] if told else first
    here = Decision.objects.visible_to(by).filter(uid=uid).order_by("number")
    known = [(one, _hashes_known(one)) for one in here]
    return [Copy(one, last in hashes) for one, hashes in known if first in hashes]


def events_in(archive: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the events of all logs in a file, the oldest first."""
    logs = [*(one["events"] for one in archive["earlier"]), archive["events"]]
    return [one for log in logs for one in log]


def _hashes_known(decision: Decision) -> set[str]:
    """Return the hashes of a record's events: those here, and those that its file told of."""
    imported = Import.objects.filter(decision=decision).first()
    brought = events_in(json.loads(imported.archive)) if imported else []
    return {*decision.events.values_list("hash", flat=True), *(one["hash"] for one in brought)}
