"""The registry of techniques: a spec in, an answerer out.

A new technique is one entry in its approach's module. A stored spec is a JSON object whose
`technique` names the entry; the other keys are its settings.
"""

from collections.abc import Mapping
from typing import Any

from django.utils.translation import gettext as _

from evaluations.spec import Field, SpecError
from evaluations.techniques import (
    encoder_tuning,
    fine_tuning,
    hybrid,
    language_model,
    prompting,
    rag,
    tuned_models,
)
from evaluations.techniques.interface import (
    Answer,
    Answerer,
    Document,
    Example,
    Halt,
    Interrupted,
    Label,
    Learn,
    Material,
    Memory,
    NotYet,
    PrepareError,
    Probe,
    Question,
    Remote,
    Technique,
)

__all__ = [
    "TECHNIQUES",
    "Answer",
    "Answerer",
    "Document",
    "Example",
    "Field",
    "Halt",
    "Interrupted",
    "Label",
    "Learn",
    "Material",
    "Memory",
    "NotYet",
    "PrepareError",
    "Probe",
    "Question",
    "Remote",
    "SpecError",
    "Technique",
    "technique_for",
    "techniques_of",
]

MODULES = (prompting, language_model, rag, fine_tuning, encoder_tuning, tuned_models, hybrid)

TECHNIQUES: dict[str, Technique] = {
    entry.key: entry for module in MODULES for entry in module.ENTRIES
}


def technique_for(spec: Mapping[str, Any]) -> Technique:
    """Return the technique that a spec names; raise SpecError if there is no such technique."""
    key = spec.get("technique")
    if isinstance(key, str) and key in TECHNIQUES:
        return TECHNIQUES[key]
    raise SpecError({"technique": _("Must be one of: %(keys)s.") % {"keys": ", ".join(TECHNIQUES)}})


def techniques_of(approach: str) -> list[Technique]:
    """Return the techniques of an approach: prompting, rag, fine_tuning or hybrid."""
    return [entry for entry in TECHNIQUES.values() if entry.approach == approach]
