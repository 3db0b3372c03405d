"""Putting two versions of one row together, so that neither person's text is lost."""

from dataclasses import dataclass
from typing import Any

from django.urls import reverse

from decisions.actions.rows import RatingSheet
from decisions.actions.sections import Conflict
from decisions.forms.base import CountersignForm
from decisions.forms.rows import AssessmentForm, CandidateForm, GoalForm
from decisions.forms.sections import SectionForm
from decisions.forms.weights import WeightsForm
from decisions.models import Candidate, Decision, Event, Goal, Section, User
from decisions.section_kinds import Text
from decisions.weights import WeightSheet
from decisions.words import Kind, compare_words

Row = Section | Goal | Candidate | RatingSheet | WeightSheet
SAVES = ("edit_section", "mark_section")


@dataclass(frozen=True)
class Difference:
    """A field that two people filled in differently, as runs of words."""

    label: Text
    theirs: str
    mine: str

    @property
    def runs(self) -> list[tuple[Kind, str]]:
        """Return what has to go from theirs and come in to get mine."""
        return compare_words(self.theirs, self.mine)


@dataclass(frozen=True)
class Reconciliation:
    """Both versions, and a form that starts from mine and saves over theirs knowingly."""

    record: Decision
    name: str
    saved_by: User | None
    form: CountersignForm
    url: str
    differences: list[Difference]


def reconcile(conflict: Conflict) -> Reconciliation:
    """Return what a person needs to bring two versions together."""
    row = conflict.row
    form, url = _form(row)
    theirs = {name: form.get_initial_for_field(field, name) for name, field in form.fields.items()}
    form.initial.update(conflict.mine)
    form.initial["token"] = row.token
    differences = [
        Difference(form.fields[name].label or name, _text(theirs[name]), _text(mine))
        for name, mine in conflict.mine.items()
        if name in form.fields and _text(theirs[name]) != _text(mine)
    ]
    return Reconciliation(row.decision, str(row), _saved_by(row), form, url, differences)


def _saved_by(row: Row) -> User | None:
    """Return who wrote or marked a section last; of other rows nobody is named."""
    if not isinstance(row, Section):
        return None
    saves = Event.objects.filter(decision=row.decision_id, kind__in=SAVES, data__section=row.kind)
    last = saves.select_related("actor").order_by("sequence").last()
    return last.actor if last else None


def _form(row: Row) -> tuple[CountersignForm, str]:
    """Return a row's form and where it posts to."""
    match row:
        case Section():
            return SectionForm(row), _url(row, "section", row.kind)
        case Goal():
            return GoalForm(row.decision, offered=[], goal=row), _url(row, "goal", row.pk)
        case Candidate():
            return CandidateForm(row.decision, candidate=row), _url(row, "candidate", row.letter)
        case RatingSheet():
            return AssessmentForm(row), _url(row, "assess", row.candidate.letter, row.role)
        case WeightSheet():
            return WeightsForm(row), _url(row, "apply_weights")


def _url(row: Row, name: str, *args: object) -> str:
    return reverse(f"decisions:{name}", args=[row.decision.reference, *args])


def _text(value: Any) -> str:
    if value is None:
        return ""
    return ", ".join(value) if isinstance(value, list) else str(value)
