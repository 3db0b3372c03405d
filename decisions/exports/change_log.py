"""How a record came to say what it says: each version in words, and each change of its status."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from operator import attrgetter

from django.utils.text import Truncator
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from decisions.history import TOPICS, sentence
from decisions.models import Decision, Event, Version
from decisions.numbers import format_count
from decisions.section_kinds import SECTION_KINDS
from decisions.versions import Change, changed_in_turn

# As many lines as five pages hold; the archive has all.
MOST_LINES = 100
# Of a line: parts, of each the names of what changed, and of a name the letters.
MOST_PARTS, MOST_NAMES, LONGEST_NAME = 4, 4, 40


@dataclass(frozen=True)
class ChangeLine:
    """What one person did: `number` is the version that it made, None for a change of status.

    `roles` are those that the person has now ("Owner, UX"), "" for who has none any more.
    """

    at: datetime
    number: int | None
    by: str
    words: str
    roles: str = ""


@dataclass(frozen=True)
class ChangeLog:
    """The newest lines, the oldest of them first, and how many lines there are in all."""

    lines: tuple[ChangeLine, ...]
    total: int

    @property
    def is_cut(self) -> bool:
        """Return whether there are more lines than these."""
        return len(self.lines) < self.total


def change_log(decision: Decision, most: int = MOST_LINES) -> ChangeLog:
    """Return at most so many lines of a record's log; what is left out is the oldest."""
    versions = _shown_versions(decision)
    moves = list(status_events(decision))
    rows: list[Version | Event] = [*versions, *moves]
    newest = sorted(rows, key=attrgetter("at"))[-most:]
    told = _version_words(decision, [one for one in newest if isinstance(one, Version)])
    roles = _roles(decision)
    lines = [
        ChangeLine(one.at, one.number, str(one.by), told[one.number], roles.get(one.by_id, ""))
        if isinstance(one, Version)
        else ChangeLine(one.at, None, one.actor_name, _moved(one), roles.get(one.actor_id, ""))
        for one in newest
    ]
    return ChangeLog(tuple(lines), len(versions) + len(moves))


def status_events(decision: Decision) -> list[Event]:
    """Return the events of a record's course, in their order."""
    return list(decision.events.filter(kind__in=TOPICS["course"].kinds))


def _roles(decision: Decision) -> dict[int | None, str]:
    """Return user → the roles that the person has in the record, the owner's first."""
    found: dict[int | None, list[str]] = {decision.owner_id: [_("Owner")]}
    for one in decision.participants.all():
        found.setdefault(one.user_id, []).append(str(one.get_role_display()))
    return {user: ", ".join(roles) for user, roles in found.items()}


def _moved(event: Event) -> str:
    """Return a change of status in words; of an import also where what came before it is told."""
    if event.kind != "import":
        return sentence(event)
    told = {"import": sentence(event), "count": event.data["events"]}
    return (
        _(
            "%(import)s. What came before is in the file’s own log, under “earlier” in "
            "record.json; events in it: %(count)s"
        )
        % told
    )


def _shown_versions(decision: Decision) -> list[Version]:
    """Return the last step of every version, without what it says."""
    steps = decision.versions.defer("content").select_related("by")
    return list({one.number: one for one in steps}.values())


def _version_words(decision: Decision, shown: list[Version]) -> dict[int, str]:
    """Return version → what it says otherwise than the one before."""
    if not shown:
        return {}
    titles = {one.kind: str(one) for one in decision.sections.all()}
    before = decision.versions.filter(number__lt=shown[0].number).last()
    contents = Version.objects.in_bulk([one.pk for one in shown])
    told = [before.content if before else {}, *(contents[one.pk].content for one in shown)]
    words = [in_words(changed, titles) for changed in changed_in_turn(told)]
    if before is None:
        is_imported = decision.events.filter(kind="import").exists()
        words[0] = (
            _("The oldest version that came with the file")
            if is_imported
            else _("The record as it was begun")
        )
    return {one.number: said for one, said in zip(shown, words, strict=True)}


def in_words(changes: Iterable[Change], titles: Mapping[str, str]) -> str:
    """Return what changed by part, in the record's order: "List of goals (added Latency)"."""
    by_part: dict[str, list[Change]] = {}
    for one in changes:
        by_part.setdefault(one.section, []).append(one)
    order = ["", *titles, *(kind for kind in SECTION_KINDS if kind not in titles)]
    parts = [
        _part_in_words(titles.get(kind) or _title(kind), by_part[kind])
        for kind in order
        if kind in by_part
    ]
    return "; ".join(_first(parts, MOST_PARTS)) or _("nothing that is told in words")


def _title(kind: str) -> str:
    return str(SECTION_KINDS[kind].title) if kind else _("The record as a whole")


def _part_in_words(title: str, changes: Sequence[Change]) -> str:
    """Return a part with the names of what came, went and changed; of one question its title."""
    ways = (
        (_("added"), [one for one in changes if not one.before]),
        (_("removed"), [one for one in changes if not one.after]),
        (_("changed"), [one for one in changes if one.before and one.after]),
    )
    told = [" ".join([way, *_named(found, title)]) for way, found in ways if found]
    return f"{title} ({'; '.join(told)})"


def _named(changes: Sequence[Change], title: str) -> list[str]:
    """Return the names of the first changes as one text; none for what is called as its part."""
    names = [Truncator(one.name).chars(LONGEST_NAME) for one in changes if one.name != title]
    return [", ".join(_first(names, MOST_NAMES))] if names else []


def _first(names: Sequence[str], most: int) -> Iterator[str]:
    """Yield the first names, then how many more there are."""
    yield from names[:most]
    left = len(names) - most
    if left > 0:
        yield ngettext("%(n)s more", "%(n)s more", left) % {"n": format_count(left)}
