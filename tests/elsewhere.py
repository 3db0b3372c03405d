"""Records that were made on another installation: here they never were, nor the people in them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import rfc8785
from django.db import transaction

from decisions.exports.archive import PEOPLE, canonical_archive
from decisions.imports.form import parsed
from decisions.models import Decision


def made_elsewhere(make: Callable[[], Decision], **wanted: Any) -> bytes:
    """Return the archive of a record that is made and then rolled back with all around it."""
    # Not a block: what writes files insists on being outermost.
    before = transaction.savepoint()
    try:
        return canonical_archive(make(), **wanted)
    finally:
        transaction.savepoint_rollback(before)


LOCAL = {"delegation_id", "is_imported", "reference"}


def without_numbers(archive: dict[str, Any]) -> dict[str, Any]:
    """Return an archive with its people by name, for comparing those that number them otherwise.

    Keys and references are an installation's own, and so is that it did not see a signature given.
    """
    people = [one["name"] for one in archive["people"]]
    named = PEOPLE | {"withdrawn_by"}

    def told(value: Any, inside: str = "") -> Any:
        if isinstance(value, list):
            return [told(one, inside) for one in value]
        if not isinstance(value, dict) or inside in {"content", "said", "events", "earlier"}:
            return value
        return {
            name: people[one] if name in named and isinstance(one, int) else told(one, name)
            for name, one in value.items()
            if name not in LOCAL
        }

    plain: dict[str, Any] = told({name: archive[name] for name in archive if name != "people"})
    return plain


# What the installation that a record came to says in its own words.
OWN = {"reference", "events", "earlier"}


def what_stays(file: bytes, **changed: Any) -> bytes:
    """Return canonically what an archive says on any installation; `changed` is of its row."""
    told = without_numbers(parsed(file))
    told["record"] = told["record"] | {"owner": None} | changed
    return rfc8785.dumps({name: value for name, value in told.items() if name not in OWN})
