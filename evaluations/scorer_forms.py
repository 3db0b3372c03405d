"""Choosing scorers in a form: the main one, further ones, and what is set on each.

What is set on a scorer is asked for in fields of its own (`regex__pattern`); of a scorer that is
not used they don't matter, so none of them has to be filled in.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from django import forms
from django.utils.text import format_lazy
from django.utils.translation import gettext_lazy

from decisions.forms.base import as_lines
from evaluations.models import Endpoint
from evaluations.scorers import SCORERS, Scorer
from evaluations.scoring import ScorerProblem, Scoring, Stored, configured
from evaluations.spec import Field

MAIN, FURTHER, BETWEEN = "main_scorer", "further_scorers", "__"
Make = Callable[[Field], forms.Field]


@dataclass(frozen=True)
class ScorerGroup:
    """What can be set on one scorer, for the page; `is_wrong` if something of it is at fault."""

    scorer: Scorer
    fields: list[forms.BoundField]

    @property
    def is_wrong(self) -> bool:
        """Return whether the group has to be looked at."""
        return any(field.errors for field in self.fields)


def scorers_here() -> list[Scorer]:
    """Return the scorers that can be chosen; a model judges only where a server is set up."""
    has_servers = Endpoint.objects.usable().exists()
    return [one for one in SCORERS.values() if one.judge is not None or has_servers]


def scorer_fields(make: Make) -> dict[str, forms.Field]:
    """Return the fields that ask for scorers; `make` builds one for each thing that can be set."""
    known = scorers_here()
    usual = ("", gettext_lazy("As is usual for the case set"))
    fields: dict[str, forms.Field] = {
        MAIN: forms.ChoiceField(
            label=gettext_lazy("Main scorer"),
            choices=[usual, *((one.key, one.title) for one in known)],
            required=False,
            help_text=gettext_lazy(
                "It says which answers are right. Usual are: for labels exact match; for "
                "questions token F1, then normalised match; for free text token F1, then "
                "ROUGE-L; and what scores retrieval, where something is retrieved."
            ),
        ),
        FURTHER: forms.MultipleChoiceField(
            label=gettext_lazy("And also"),
            choices=[(one.key, format_lazy("{}. {}", one.title, one.description)) for one in known],
            widget=forms.CheckboxSelectMultiple,
            required=False,
        ),
    }
    return fields | {
        f"{one.key}{BETWEEN}{field.name}": _optional(make(field), "retrieved" in one.uses)
        for one in known
        for field in one.fields
    }


def _optional(field: forms.Field, counts_kept: bool) -> forms.Field:
    """Let a field be empty; what counts the documents kept says how many that stands for."""
    field.required = False
    if counts_kept:
        told = gettext_lazy("Empty: {}, or as many as the technique keeps where that is fewer.")
        field.help_text = format_lazy(told, field.initial)
        field.initial = None
    return field


def scorer_groups(form: forms.Form) -> Iterator[ScorerGroup]:
    """Yield what can be set, scorer by scorer."""
    for one in SCORERS.values():
        names = [f"{one.key}{BETWEEN}{field.name}" for field in one.fields]
        if found := [form[name] for name in names if name in form.fields]:
            yield ScorerGroup(one, found)


def asked_scorers(cleaned: Mapping[str, Any]) -> list[Stored]:
    """Return the scorers that were chosen, an empty entry for the usual ones; [] if untouched."""
    main, further = cleaned.get(MAIN, ""), cleaned.get(FURTHER) or []
    keys = dict.fromkeys([main, *further])
    found: list[Stored] = [
        {"key": key, "settings": _settings(key, cleaned)} if key else {} for key in keys
    ]
    return found if any(found) else []


def _settings(key: str, cleaned: Mapping[str, Any]) -> dict[str, Any]:
    """Return what was filled in for a scorer; what was left empty is left to its default."""
    given = {
        field.name: cleaned.get(f"{key}{BETWEEN}{field.name}") for field in SCORERS[key].fields
    }
    return {
        name: as_lines(value) if isinstance(value, str) else value
        for name, value in given.items()
        if value not in (None, "")
    }


def check_scorers(form: forms.Form, cleaned: Mapping[str, Any]) -> None:
    """Add an error to each field that a chosen scorer can't be used with."""
    chosen = [one for one in asked_scorers(cleaned) if one]
    for one in chosen:
        try:
            configured([one])
        except ScorerProblem as problem:
            for name, sentence in problem.problems.items():
                form.add_error(f"{problem.key}{BETWEEN}{name}", sentence)


def as_inputs(scoring: Scoring) -> list[tuple[str, Any]]:
    """Return (name, value) of the fields that ask for the same scorers again."""
    first, *others = (one.scorer.key for one in scoring.scorers)
    told: list[tuple[str, Any]] = [(MAIN, first), *((FURTHER, key) for key in others)]
    for one in scoring.scorers:
        told += [(f"{one.scorer.key}{BETWEEN}{name}", v) for name, v in one.settings.items()]
    return told
