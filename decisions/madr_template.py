"""MADR 4's headings as a record has them: what is written by an export and found by an import."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from django.utils import translation

from decisions.markdown_source import escaped
from decisions.models.people import Role
from decisions.record_templates import SHIPPED
from decisions.section_kinds import SECTION_KINDS, Field, FieldType

Place = tuple[str, str]  # the kind of a section, and one of its fields

PROBLEM: Place = ("problem", "problem")
CHOSEN: Place = ("recommendation", "chosen")
RATIONALE: Place = ("recommendation", "rationale")
CONSEQUENCES: Place = ("recommendation", "consequences")
EXIT_CRITERIA: Place = ("recommendation", "exit_criteria")
REVIEW_ON: Place = ("recommendation", "review_on")
# What the template has a heading for; all other answers stand under their own.
IN_TEMPLATE = {PROBLEM, CHOSEN, RATIONALE, CONSEQUENCES, EXIT_CRITERIA, REVIEW_ON}
# Sections whose questions say enough without the section's title.
_PLAIN = {"problem", "recommendation"}

DATA_NEEDED, RISKS = "Data needed", "Risks"
RATINGS = "Ratings and evidence"
NOT_CHOSEN = "No option is chosen yet."
LOOK_AGAIN = "Look at it again on"


@dataclass(frozen=True)
class OwnPlace:
    """A field that stands under a heading of its own: "Data it touches: Sensitivity"."""

    place: Place
    label: str
    choices: tuple[tuple[str, str], ...] = ()
    is_line: bool = False

    def value_of(self, text: str) -> str | None:
        """Return the answer that a text gives; None if it is none."""
        if self.choices:
            return next((value for value, label in self.choices if label == text.strip()), None)
        if self.is_line:
            return None if "\n" in text.strip() else text.strip()
        return text


def own_places() -> dict[str, OwnPlace]:
    """Return the fields that stand under headings of their own, by heading, in English."""
    with translation.override("en"):
        return {
            heading_of(kind, one): _own_place(kind, one)
            for template in SHIPPED
            for kind in template.kinds
            for one in SECTION_KINDS[kind].fields
            if (kind, one.name) not in IN_TEMPLATE
        }


def _own_place(kind: str, field: Field) -> OwnPlace:
    choices = tuple((value, str(label)) for value, label in field.choices)
    return OwnPlace((kind, field.name), str(field.label), choices, field.type == FieldType.LINE)


def heading_of(kind: str, field: Field) -> str:
    """Return how an answer is headed: by its question, with its section unless that says it."""
    title, label = str(SECTION_KINDS[kind].title), str(field.label)
    return label if title == label or kind in _PLAIN else f"{title}: {label}"


def roles_by_name() -> dict[str, str]:
    """Return the roles' keys by what they are called in English."""
    with translation.override("en"):
        return {str(one.label): one.value for one in Role}


def chosen_words(names: Iterable[str]) -> str:
    """Return how an outcome begins that chooses these options, as MADR words it."""
    quoted = [f'"{escaped(one)}"' for one in names]
    return f"Chosen option{'s' if len(quoted) > 1 else ''}: {', '.join(quoted)}, because"
