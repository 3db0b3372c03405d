"""The form of a section, made from its kind's fields."""

from collections.abc import Callable
from datetime import date
from typing import Any

from django import forms
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from decisions.forms.base import (
    CountersignForm,
    as_lines,
    completing,
    date_input,
    multiline,
)
from decisions.models import Section
from decisions.references import problems_in
from decisions.section_kinds import Field, FieldType


class SectionForm(CountersignForm):
    """A section's questions. Blank answers are fine until the part is said to be complete."""

    token = forms.IntegerField(widget=forms.HiddenInput)
    complete = forms.BooleanField(
        label=gettext_lazy("This part is complete"),
        required=False,
        help_text=gettext_lazy("The owner can submit the record once every part is complete."),
    )

    def __init__(self, section: Section, data: Any = None, **kwargs: Any) -> None:
        initial = {"token": section.token, "complete": section.is_complete, **section.data}
        super().__init__(data, initial=initial, **kwargs)
        self.section = section
        asked = {one.name: MAKERS[one.type](one, section) for one in section.definition.fields}
        self.fields = {**asked, **self.fields}

    def clean(self) -> dict[str, Any]:
        """Ask of a part that is said to be complete for what is required, and for what holds."""
        cleaned = super().clean() or {}
        if cleaned.get("complete"):
            for one in self.section.definition.fields:
                if one.required and one.is_empty(cleaned.get(one.name)) and one.name in cleaned:
                    self.add_error(one.name, _("Answer this before the part is complete."))
            self._refuse_loose_references(cleaned)
        return cleaned

    def _refuse_loose_references(self, cleaned: dict[str, Any]) -> None:
        """Say of a part that is said to be complete what it refers to that does not hold."""
        for one in self.section.definition.fields:
            if one.type == FieldType.MARKDOWN and cleaned.get(one.name):
                for problem in problems_in([cleaned[one.name]], self.section.decision):
                    self.add_error(one.name, problem)

    @property
    def answers(self) -> dict[str, Any]:
        """Return the answers as plain JSON values."""
        return {
            one.name: _plain(self.cleaned_data.get(one.name))
            for one in self.section.definition.fields
        }


def _plain(value: Any) -> Any:
    if isinstance(value, date):
        return value.isoformat()
    return as_lines(value) if isinstance(value, str) else value


def _common(field: Field) -> dict[str, Any]:
    return {"label": field.label, "help_text": field.hint, "required": False}


def _markdown(field: Field, section: Section) -> forms.Field:
    widget = multiline(6, **completing("references"))
    return forms.CharField(widget=widget, max_length=20_000, **_common(field))


def _line(field: Field, section: Section) -> forms.Field:
    return forms.CharField(max_length=500, **_common(field))


def _choice(field: Field, section: Section) -> forms.Field:
    """Ask for one of the choices; where none is needed, what was chosen can be taken back."""
    open_still = [] if field.required else [("", _("Not known yet"))]
    return forms.ChoiceField(
        choices=[*open_still, *field.choices], widget=forms.RadioSelect, **_common(field)
    )


def _date(field: Field, section: Section) -> forms.Field:
    return forms.DateField(widget=date_input(), **_common(field))


def _candidates(field: Field, section: Section) -> forms.Field:
    letters = [
        (one.letter, str(one)) for one in section.decision.candidates.all() if not one.is_dropped
    ]
    return forms.MultipleChoiceField(
        choices=letters, widget=forms.CheckboxSelectMultiple, **_common(field)
    )


MAKERS: dict[FieldType, Callable[[Field, Section], forms.Field]] = {
    FieldType.MARKDOWN: _markdown,
    FieldType.LINE: _line,
    FieldType.CHOICE: _choice,
    FieldType.DATE: _date,
    FieldType.CANDIDATES: _candidates,
}
