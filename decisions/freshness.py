"""What evidence rests on has versions elsewhere: who keeps them registers, and is asked here."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from decisions.models import Decision

Conditions = Mapping[str, Any]


@dataclass(frozen=True)
class Versions:
    """What is known of the versions of what evidence rests on.

    `moved` gives for a record's standing evidence that is marked otherwise than it should be, by
    its key, the sentence why it is out of date, or "". `succeeds` says whether the first
    conditions are the second's but for newer versions.
    """

    moved: Callable[[Decision], Mapping[int, str]]
    succeeds: Callable[[Conditions, Conditions], bool]


_known: list[Versions] = []


def register(versions: Versions) -> None:
    """Ask these too from now on."""
    _known.append(versions)


def moved(record: Decision) -> dict[int, str]:
    """Return what is to be marked on a record, by the evidence's key: why, or ""."""
    return {pk: why for one in _known for pk, why in one.moved(record).items()}


def succeeds(now: Conditions, then: Conditions) -> bool:
    """Return whether conditions are others' in newer versions."""
    return any(one.succeeds(now, then) for one in _known)
