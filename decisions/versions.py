"""What changed between two versions of a record's content, in words."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from django.db.models import Model
from django.utils.translation import gettext as _

from decisions.content import MATERIAL
from decisions.models import Candidate, Decision, Evidence, Goal, Role, Version
from decisions.section_kinds import CRITERIA, SECTION_KINDS, Field, FieldType, Text
from decisions.words import Kind, compare_words


@dataclass(frozen=True)
class Change:
    """One difference: where, what it said before and what it says now ("" for nothing)."""

    where: Text
    before: str
    after: str

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
    """Yield the differences between two contents, in the record's order."""
    old, new = _statements(before), _statements(after)
    for place in [*new, *(place for place in old if place not in new)]:
        if old.get(place, "") != new.get(place, ""):
            yield Change(place, old.get(place, ""), new.get(place, ""))


def _statements(record: dict[str, Any]) -> dict[str, str]:
    """Return everything a content says, as place → text."""
    said: dict[str, str] = {}
    details = record.get("decision", {})
    said[_("Title")] = details.get("title", "")
    said[_("Round")] = str(details.get("round", ""))
    for section in record.get("sections", []):
        said |= _section_statements(section)
    for goal in record.get("goals", []):
        said[_("Goal: %(name)s (%(metric)s)") % goal] = _values(goal, Goal)
    for candidate in record.get("candidates", []):
        said |= _candidate_statements(candidate)
    for evidence in record.get("evidence", []):
        said[_("Evidence E%(number)s") % evidence] = _values(evidence, Evidence)
    return said


def _section_statements(section: dict[str, Any]) -> dict[str, str]:
    kind = SECTION_KINDS[section["kind"]]
    return {
        f"{kind.title}: {field.label}": _answer(field, section["data"].get(field.name, ""))
        for field in kind.fields
    }


def _answer(field: Field, value: Any) -> str:
    """Return an answer as its form shows it."""
    return str(field.label_of(value)) if field.type == FieldType.CHOICE else _text(value)


def _candidate_statements(candidate: dict[str, Any]) -> dict[str, str]:
    """Return what is said of one candidate: its own fields, and each rating."""
    name = f"{candidate['letter']}. {candidate['name']}"
    own = {key: value for key, value in candidate.items() if key != "assessments"}
    said = {_("Candidate: %(name)s") % {"name": name}: _values(own, Candidate)}
    for one in candidate["assessments"]:
        names = {criterion.key: criterion.name for criterion in CRITERIA[one["role"]]}
        criterion = names.get(one["criterion"], one["criterion"])
        said[f"{name}: {Role(one['role']).label}, {criterion}"] = (
            f"{one['rating']} – {one['reason']}"
        )
    return said


def _text(answer: Any) -> str:
    """Return an answer as it is read: several choices on one line, keys in one order."""
    if isinstance(answer, bool):
        return _("yes") if answer else _("no")
    if isinstance(answer, dict):
        return ", ".join(f"{key}: {_text(answer[key])}" for key in sorted(answer))
    return ", ".join(map(_text, answer)) if isinstance(answer, list) else str(answer)


def _values(row: dict[str, Any], model: type[Model]) -> str:
    """Return a row's filled-in values on one line, in the order of the content.

    PostgreSQL gives JSON back with its keys in another order, which is no change.
    """
    names = [*MATERIAL[model], *sorted(row.keys() - set(MATERIAL[model]))]
    said = ((name, row.get(name)) for name in names)
    fields = {field.name: field for field in model._meta.fields}
    return "; ".join(
        _field_statement(fields.get(name), name, value)
        for name, value in said
        if value not in (None, "", {})
    )


def _field_statement(field: Any, name: str, value: Any) -> str:
    """Return what a field says, under the name and with the choice that its form shows."""
    called = field.verbose_name if field else name.replace("_", " ")
    choices = dict(field.flatchoices) if field else {}
    return f"{called}: {choices.get(value) if choices else _text(value)}"
