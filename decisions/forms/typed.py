"""What somebody typed, so that a page that does not take it can give it back to be copied."""

from dataclasses import dataclass
from typing import Any, TypeVar

from django import forms
from django.http import HttpRequest

from decisions.section_kinds import Text

F = TypeVar("F", bound=forms.Form)

LONGEST = 100_000  # characters; no field takes more


@dataclass(frozen=True)
class Typed:
    """What was entered in one field; without a label if the form is not known."""

    label: Text
    text: str


def sent(request: HttpRequest, form: F) -> F:
    """Return the form, and note that the request was sent with it, in case it is refused."""
    request.sent_form = form  # type: ignore[attr-defined]
    return form


def typed_in(request: HttpRequest) -> list[Typed]:
    """Return what was entered in the form that a request sent, in its order; no password.

    Where the form is not known, as on a page that is gone, only prose counts.
    """
    if request.method != "POST":
        return []
    form: forms.Form | None = getattr(request, "sent_form", None)
    found = _prose(request) if form is None or not form.is_bound else _entered(form)
    return [one for one in found if one.text.strip()]


def _entered(form: forms.Form) -> list[Typed]:
    """Return the filled-in fields that a person sees, but for files: they still have those."""
    return [
        Typed(one.label or one.name, _as_shown(one.field, one.data))
        for one in form
        if not one.is_hidden
        and not isinstance(one.field.widget, (forms.PasswordInput, forms.FileInput))
    ]


def _as_shown(field: forms.Field, value: Any) -> str:
    """Return a value as the form shows it; a ticked box goes without saying."""
    if isinstance(field, forms.BooleanField):
        return ""
    if isinstance(field, forms.ChoiceField):
        offered: Any = field.choices
        labels = {str(key): str(label) for key, label in offered}
        chosen = value if isinstance(value, list) else [value]
        return ", ".join(labels[one] for one in map(str, chosen) if one in labels)
    return str(value or "")[:LONGEST]


def _prose(request: HttpRequest) -> list[Typed]:
    """Return the values of several words; a password may have some too."""
    return [
        Typed("", text[:LONGEST])
        for name, texts in request.POST.lists()
        for text in map(str, texts)
        if "password" not in name and len(text.split()) > 1
    ]
