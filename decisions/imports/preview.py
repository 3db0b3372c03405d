"""What a file would bring in, for somebody to look at before anything is written."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

from django.utils.translation import gettext as _

from decisions.imports.archive import namesakes
from decisions.imports.reading import Brought
from decisions.models import Role, Status, User, Visibility
from decisions.models.decision import OPEN
from decisions.models.imported import seal_in_words


@dataclass(frozen=True)
class Named:
    """Somebody the file names; `accounts` are those of that name, who may be invited.

    `is_reader` says that whoever looks at it has that name.
    """

    name: str
    accounts: list[User]
    is_reader: bool


@dataclass(frozen=True)
class Preview:
    """An archive as its page shows it to `reader`."""

    name: str
    content: bytes
    brought: Brought
    reader: User

    @property
    def told(self) -> dict[str, Any]:
        """Return the archive."""
        return self.brought.archive

    @property
    def title(self) -> str:
        """Return the record's title."""
        title: str = self.told["content"]["decision"]["title"]
        return title

    @property
    def seal(self) -> str:
        """Return what vouches for the file, in a sentence."""
        return seal_in_words(self.brought.verified)

    @property
    def status(self) -> str:
        """Return the record's status where it comes from, in words."""
        return str(Status(self.told["record"]["status"]).label)

    @property
    def visibility(self) -> str:
        """Return who may read it once it is in, in words."""
        return str(Visibility(self.told["record"]["visibility"]).label)

    @property
    def is_reopened(self) -> bool:
        """Return whether it becomes a draft here, since nobody here was asked to review it."""
        return bool(self.told["record"]["status"] == Status.IN_REVIEW)

    @property
    def is_open(self) -> bool:
        """Return whether it comes in as a draft."""
        return self.told["record"]["status"] in OPEN

    @cached_property
    def people(self) -> list[Named]:
        """Return whom the file names, in its order."""
        here = namesakes(self.told)
        names = [one["name"] for one in self.told["people"]]
        return [Named(one, here.get(one, []), one == str(self.reader)) for one in names]

    @property
    def signatures(self) -> list[str]:
        """Return each signature that the file claims, in words."""
        return [
            _("%(name)s for %(role)s, version %(version)s")
            % {
                "name": one["printed_name"],
                "role": Role(one["role"]).label if one["role"] in Role.values else one["role"],
                "version": one["version"],
            }
            for one in self.told["sign_offs"]
        ]

    @property
    def counts(self) -> list[tuple[str, int]]:
        """Return what else is in it, as (what, how many)."""
        told = self.told
        counted = {
            _("Candidates"): len(told["content"]["candidates"]),
            _("Goals"): len(told["content"]["goals"]),
            _("Evidence"): len(told["evidence"]),
            _("Attached files in it"): len(self.brought.files),
            _("Reviews"): len(told["reviews"]),
            _("Threads"): len(told["threads"]),
            _("Versions"): len(told["versions"]),
            _("Events in its log"): len(told["events"]),
        }
        return [(what, count) for what, count in counted.items() if count]
