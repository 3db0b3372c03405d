"""What changed between two versions of a record's content, in words."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import cached_property
from itertools import pairwise
from typing import Any, NamedTuple

from django.db.models import Model
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from decisions.content import MATERIAL
from decisions.models import OWNER, Candidate, Decision, Evidence, Goal, Role, Version
from decisions.section_kinds import SECTION_KINDS, Field, FieldType, Rows, Text
from decisions.words import Kind, compare_words

ROUND = gettext_lazy("Round")
WRITERS: dict[str, Text] = {**dict(Role.choices), OWNER: gettext_lazy("Owner")}
PLAIN = re.compile(r"[^,\s]+( [^,\s]+)*\Z")


@dataclass(frozen=True)
class Change:
    """One difference: where, what it said before and what it says now ("" for nothing)."""

    where: Text
    before: str
    after: str
    # The kind of the section that says it; "" for what the record says as a whole.
    section: str = field(default="", compare=False)
    # What it is called in there: "Question", "B. Prompt", "E3 Accuracy".
    name: str = field(default="", compare=False)

    @property
    def runs(self) -> list[tuple[Kind, str]]:
        """Return the words that stayed, went and came."""
        return compare_words(self.before, self.after)


def changes_between(decision: Decision, before: str, after: str) -> list[Change]:
    """Return what differs between two of the record's contents, each named by its digest.

    A digest that no version has (it was never the record's) compares as an empty record.
    """
    versions = {
        version.digest: version.content
        for version in Version.objects.filter(decision=decision, digest__in=[before, after])
    }
    return list(compare(versions.get(before, {}), versions.get(after, {})))


def compare(before: dict[str, Any], after: dict[str, Any]) -> Iterator[Change]:
    """Yield the differences between two contents, in the record's order; then those of order."""
    yield from _changes(_statements(before), _statements(after))
    yield from _changes_of_order(before, after)


def _changes(old: dict[str, Statement], new: dict[str, Statement]) -> Iterator[Change]:
    for place in [*new, *(place for place in old if place not in new)]:
        was, now = old.get(place, NOTHING), new.get(place, NOTHING)
        if was.text != now.text:
            section, name = now.section or was.section, now.name or was.name or place
            yield Change(place, was.text, now.text, section, name)


def _changes_of_order(before: dict[str, Any], after: dict[str, Any]) -> Iterator[Change]:
    """Yield where what stands in both contents stands in another order."""
    for old, new in zip(_orders(before), _orders(after), strict=True):
        was = [key for key in old.names if key in new.names]
        now = [key for key in new.names if key in old.names]
        if was != now:
            told = (
                ", ".join(old.names[key] for key in was),
                ", ".join(new.names[key] for key in now),
            )
            yield Change(new.place, *told, new.section, new.place)


def changed_sections(before: dict[str, Any], after: dict[str, Any]) -> set[str]:
    """Return the kinds of the sections that differ, "" for the record as a whole."""
    return {one.section for one in compare(before, after)}


def changed_in_turn(contents: Iterable[dict[str, Any]]) -> Iterator[list[Change]]:
    """Yield, for each content after the first, how it differs from the last.

    Each content is read once, so that a long history is told quickly.
    """
    for (before, old), (after, new) in pairwise((one, _statements(one)) for one in contents):
        yield [*_changes(old, new), *_changes_of_order(before, after)]


class Past:
    """Earlier contents of a record, read at once, each compared once with what it says now."""

    def __init__(self, decision: Decision, digests: Iterable[str], now: str) -> None:
        self.decision = decision
        self.now = now
        self.digests = set(digests) - {now}
        self._compared: dict[str, list[Change]] = {}

    @cached_property
    def contents(self) -> dict[str, dict[str, Any]]:
        """Return digest → content, for those that are or once were the record's."""
        if not self.digests:
            return {}
        kept = Version.objects.filter(decision=self.decision, digest__in=self.digests | {self.now})
        return dict(kept.values_list("digest", "content"))

    def changes_since(self, digest: str) -> list[Change]:
        """Return what differs from an earlier content; nothing if it never was the record's."""
        if digest not in self.contents:
            return []
        if digest not in self._compared:
            now = self.contents.get(self.now, {})
            self._compared[digest] = list(compare(self.contents[digest], now))
        return self._compared[digest]


class Statement(NamedTuple):
    """What a content says in one place, in which kind of section, and what it is called there."""

    text: str
    section: str
    name: str = ""


NOTHING = Statement("", "")


def _statements(record: dict[str, Any]) -> dict[str, Statement]:
    """Return everything a content says, by place.

    Evidence counts to the candidates, whose part shows what was measured.
    """
    details = record.get("decision", {})
    written = _Parts(record)
    said = {
        _("Title"): Statement(details.get("title", ""), ""),
        str(ROUND): Statement(str(details.get("round", "")), ""),
        _("Weights of the roles"): Statement(_weights(details.get("role_weights", {})), ""),
    }
    for section in record.get("sections", []):
        said |= _section_statements(section)
    for goal in record.get("goals", []):
        place = _("Goal: %(name)s (%(metric)s)") % goal
        said[place] = Statement(_values(goal, Goal), written.kind(Rows.GOALS), goal["name"])
    for candidate in record.get("candidates", []):
        said |= _candidate_statements(candidate, written)
    for evidence in record.get("evidence", []):
        place = _("Evidence E%(number)s") % evidence
        name = f"E{evidence['number']} {evidence['metric_name']}"
        said[place] = Statement(_values(evidence, Evidence), written.kind(Rows.CANDIDATES), name)
    return said


def _weights(weights: dict[str, Any]) -> str:
    """Return what the ratings of each role count, in the order of the roles."""
    told = sorted(weights.items(), key=lambda pair: [*WRITERS, pair[0]].index(pair[0]))
    return ", ".join(f"{WRITERS.get(role, role)}: {_text(weight)}" for role, weight in told)


class Order(NamedTuple):
    """In which order a content lists rows: by what tells them apart, each with its name."""

    place: str
    section: str
    names: dict[str, str]


def _orders(record: dict[str, Any]) -> list[Order]:
    """Return the orders that a content gives, always the same lists."""
    written = _Parts(record)
    parts = {
        one["kind"]: str(SECTION_KINDS[one["kind"]].title) for one in record.get("sections", [])
    }
    goals = {one["metric"]: one["name"] for one in record.get("goals", [])}
    candidates = {
        one["letter"]: f"{one['letter']}. {one['name']}" for one in record.get("candidates", [])
    }
    return [
        Order(_("Order of the parts"), "", parts),
        Order(_("Order of the goals"), written.kind(Rows.GOALS), goals),
        Order(_("Order of the candidates"), written.kind(Rows.CANDIDATES), candidates),
    ]


class _Parts:
    """In which sections of a content its rows are written, and what candidates are rated on."""

    def __init__(self, record: dict[str, Any]) -> None:
        self.sections = [
            (SECTION_KINDS[one["kind"]], one["role"]) for one in record.get("sections", [])
        ]

    def kind(self, rows: Rows, role: str = "") -> str:
        """Return the kind of the section that holds such rows, "" if there is none."""
        return next(
            (kind.key for kind, by in self.sections if kind.rows == rows and role in ("", by)), ""
        )

    def criterion(self, role: str, key: str) -> Text:
        """Return the name of what a role rates on; its key where the content has no such part."""
        asked = (one for kind, by in self.sections if by == role for one in kind.criteria)
        return next((one.name for one in asked if one.key == key), key)


def _section_statements(section: dict[str, Any]) -> dict[str, Statement]:
    """Return who writes a part, and its answers; also those to what is no longer asked."""
    kind = SECTION_KINDS[section["kind"]]
    asked = {one.name: one for one in kind.fields}
    said = {_("Written by"): str(WRITERS.get(section["role"], section["role"]))}
    for name in [*asked, *sorted(section["data"].keys() - asked.keys())]:
        value = section["data"].get(name, "")
        label = str(asked[name].label if name in asked else name)
        said[label] = _answer(asked[name], value) if name in asked else _text(value)
    return {
        f"{kind.title}: {label}": Statement(text, kind.key, label) for label, text in said.items()
    }


def _answer(asked: Field, value: Any) -> str:
    """Return an answer as its form shows it."""
    return str(asked.label_of(value)) if asked.type == FieldType.CHOICE else _text(value)


def _candidate_statements(candidate: dict[str, Any], written: _Parts) -> dict[str, Statement]:
    """Return what is said of one candidate: its own fields, and each rating."""
    name = f"{candidate['letter']}. {candidate['name']}"
    own = {key: value for key, value in candidate.items() if key != "assessments"}
    place = _("Candidate: %(name)s") % {"name": name}
    said = {place: Statement(_values(own, Candidate), written.kind(Rows.CANDIDATES), name)}
    for one in candidate["assessments"]:
        criterion = written.criterion(one["role"], one["criterion"])
        said[f"{name}: {Role(one['role']).label}, {criterion}"] = Statement(
            f"{one['rating']} – {one['reason']}",
            written.kind(Rows.ASSESSMENTS, one["role"]),
            f"{candidate['letter']}: {criterion}",
        )
    return said


def _text(answer: Any) -> str:
    """Return an answer as it is read; what has parts of its own stands as JSON, in one order.

    Two answers that differ never read alike: a list stands on one line only where nothing in it
    could be taken for two.
    """
    if isinstance(answer, bool):
        return _("yes") if answer else _("no")
    if isinstance(answer, str) or not isinstance(answer, dict | list):
        return str(answer)
    if isinstance(answer, list) and all(
        isinstance(one, str) and PLAIN.match(one) for one in answer
    ):
        return ", ".join(answer)
    return json.dumps(answer, ensure_ascii=False, sort_keys=True, indent=2)


def _values(row: dict[str, Any], model: type[Model]) -> str:
    """Return a row's filled-in values, a line each, in the order of the content.

    PostgreSQL gives JSON back with its keys in another order, which is no change.
    """
    names = [*MATERIAL[model], *sorted(row.keys() - set(MATERIAL[model]))]
    said = ((name, row.get(name)) for name in names)
    fields = {field.name: field for field in model._meta.fields}
    return "\n".join(
        _field_statement(fields.get(name), name, value)
        for name, value in said
        if value not in (None, "", {})
    )


def _field_statement(field: Any, name: str, value: Any) -> str:
    """Return what a field says, under the name and with the choice that its form shows.

    Its further lines are set in, so that none can be taken for another field.
    """
    called = field.verbose_name if field else name.replace("_", " ")
    choices = dict(field.flatchoices) if field else {}
    told = str(choices.get(value, value)) if choices else _text(value)
    return f"{called}: " + told.replace("\n", "\n    ")
