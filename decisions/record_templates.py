"""Record templates: which sections a new decision starts with, and the policy for signing it."""

from dataclasses import dataclass, field
from typing import Any

from django.utils.translation import gettext_lazy as _

from decisions.models.people import Role
from decisions.section_kinds import SECTION_KINDS, Text


@dataclass(frozen=True)
class RecordTemplate:
    """What a record of this kind holds; `policy` is copied into the record at submission."""

    key: str
    title: Text
    description: Text
    sections: tuple[str, ...]
    policy: dict[str, Any] = field(default_factory=dict)


RECORD_TEMPLATES: dict[str, RecordTemplate] = {
    template.key: template
    for template in (
        RecordTemplate(
            "adapting-an-llm",
            _("Adapting an LLM"),
            _("Prompt engineering, retrieval, fine-tuning or a hybrid: which, and why."),
            tuple(SECTION_KINDS),
            {"signing_roles": list(Role.values), "quorum": "any"},
        ),
    )
}
