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

    @property
    def row(self) -> dict[str, Any]:
        """Return the values of the template's row, its words in the source language."""
        sections = [{"kind": kind, "role": SECTION_KINDS[kind].role} for kind in self.kinds]
        return {
            "title": _source(self.title),
            "description": _source(self.description),
            "sections": sections,
            "goals": [],
            "policy": SigningPolicy(tuple(Role.values)).to_json(),
        }


# Neither starts with goals: a target that nobody on the record has chosen would be signed as if
# they had. A team that always asks for the same adds its own to its copy.
SHIPPED = (
    Shipped(
        LLM,
        _("Adapting an LLM"),
        _("Prompt engineering, retrieval, fine-tuning or a hybrid: which, and why."),
        (
            "problem",
            "goals",
            "profile_business",
            "profile_data",
            "profile_operations",
            "profile_interaction",
            "candidates",
            "assessment_business",
            "assessment_data_science",
            "assessment_devops",
            "assessment_ux",
            "results_data_science",
            "results_devops",
            "results_ux",
            "results_business",
            "recommendation",
        ),
    ),
    Shipped(
        GENERAL,
        _("General technical decision"),
        _("A platform, a migration, build or buy: any choice that many have to live with."),
        (
            "problem",
            "goals",
            "constraints_business",
            "constraints_data",
            "constraints_operations",
            "constraints_people",
            "options",
            "rating_business",
            "rating_data_science",
            "rating_devops",
            "rating_ux",
            "results_data_science",
            "results_devops",
            "results_ux",
            "results_business",
            "recommendation",
        ),
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
