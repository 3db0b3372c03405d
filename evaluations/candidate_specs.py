"""How a candidate is run: choosing its technique and what is set on it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext as _

from decisions.models import Approach, Candidate, User
from decisions.numbers import format_number
from evaluations.models import Run
from evaluations.techniques import TECHNIQUES, SpecError, Technique, technique_for

MOST_TUNED = 100  # runs that are looked through for tuned models


@dataclass(frozen=True)
class Family:
    """The techniques of one approach."""

    name: str
    techniques: tuple[Technique, ...]


def families(approach: str = "") -> list[Family]:
    """Return all techniques by approach, those of `approach` first."""
    order = sorted(Approach, key=lambda one: one.value != approach)
    found = [(one, tuple(t for t in TECHNIQUES.values() if t.approach == one)) for one in order]
    return [Family(str(one.label), techniques) for one, techniques in found if techniques]


def chosen_technique(candidate: Candidate, key: str = "") -> Technique | None:
    """Return the technique named by `key`, or the candidate's own; None if there is neither."""
    if key:
        return TECHNIQUES.get(key)
    return technique_of(candidate.spec)


def technique_of(spec: Mapping[str, Any]) -> Technique | None:
    """Return the technique that a spec names, None if this installation has none of that name."""
    try:
        return technique_for(spec)
    except SpecError:
        return None


def is_runnable(candidate: Candidate) -> bool:
    """Return whether a candidate's spec can be run."""
    technique = technique_of(candidate.spec)
    if technique is None:
        return False
    try:
        technique.validate(candidate.spec)
    except SpecError:
        return False
    return True


def connects(candidate: Candidate) -> bool:
    """Return whether a candidate asks a model server."""
    technique = technique_of(candidate.spec)
    return technique is not None and bool(technique.endpoints(candidate.spec))


def draws_by_seed(candidate: Candidate) -> bool:
    """Return whether a candidate may be repeated with other seeds at no cost but its answers'.

    What pays to learn (a model to tune, a prompt to mine) would pay for each seed anew.
    """
    technique = technique_of(candidate.spec)
    if technique is None or not any(one.name == "seed" for one in technique.fields):
        return False
    return technique.learn is None or not technique.connects


@dataclass(frozen=True)
class TunedModel:
    """A model that a provider has tuned for a run, as its server calls it."""

    endpoint: str
    model: str
    run: Run

    def __str__(self) -> str:
        told = {"model": self.model, "candidate": self.run.candidate, "run": self.run}
        told["record"] = self.run.candidate.decision.reference
        return _("%(model)s, tuned for %(candidate)s of %(record)s (%(run)s)") % told


def tuned_models(user: User) -> list[TunedModel]:
    """Return the models tuned here that a person may know of, each once, the newest first."""
    runs = Run.objects.visible_to(user).filter(artefact__has_key="tuned_model")
    found: dict[tuple[str, str], TunedModel] = {}
    for run in runs.select_related("candidate__decision")[:MOST_TUNED]:
        named = (str(run.spec.get("endpoint", "")), str(run.artefact["tuned_model"]))
        found.setdefault(named, TunedModel(*named, run))
    return list(found.values())


def settings_in_words(spec: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Return (label, value) of what is set, in the order of the technique's form."""
    technique = technique_of(spec)
    if technique is None:
        return [(name, str(value)) for name, value in spec.items()]
    return [
        (str(field.label), _value(dict(field.choices), spec.get(field.name, field.default)))
        for field in technique.fields
    ]


def _value(choices: Mapping[str, Any], value: Any) -> str:
    if value in (None, ""):
        return "–"
    if isinstance(value, int | float):
        return format_number(value)
    return str(choices.get(value, value))
