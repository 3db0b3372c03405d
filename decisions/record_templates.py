"""The record templates that ship: which sections a new decision starts with, and who signs it."""

from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext_lazy as _

from decisions.models.people import Role
from decisions.section_kinds import SECTION_KINDS, Text
from decisions.signing_policy import SigningPolicy

LLM = "adapting-an-llm"
GENERAL = "general-technical-decision"


@dataclass(frozen=True)
class Shipped:
    """One template as it ships: the kinds of its sections, each written by its usual role."""

    key: str
    title: Text
    description: Text
    kinds: tuple[str, ...]
    goals: tuple[dict[str, Any], ...] = ()

    @property
    def row(self) -> dict[str, Any]:
        """Return the values of the template's row, its words in the source language."""
        sections = [{"kind": kind, "role": SECTION_KINDS[kind].role} for kind in self.kinds]
        return {
            "title": _source(self.title),
            "description": _source(self.description),
            "sections": sections,
            "goals": list(self.goals),
            "policy": SigningPolicy(tuple(Role.values)).to_json(),
        }


SHIPPED = (
    Shipped(
        LLM,
        _("Adapting an LLM"),
        _("Prompt engineering, retrieval, fine-tuning or a hybrid: which, and why."),
        tuple(SECTION_KINDS),
    ),
)


def ensure_shipped(**_signal: Any) -> None:
    """Add the templates that ship and are not there yet; one that was changed stays as it is."""
    from decisions.models import RecordTemplate

    for template in SHIPPED:
        RecordTemplate.objects.get_or_create(key=template.key, defaults=template.row)


def _source(text: Text) -> str:
    """Return a text in the language it was written in, so that it can be translated when shown."""
    from django.utils import translation

    with translation.override(None):
        return str(text)
