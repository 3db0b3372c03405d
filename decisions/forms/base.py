"""What all forms share: plain words, one column, errors that the page can link to."""

from typing import Any

from django import forms
from django.utils.translation import gettext as _

# The code of the error of who guessed a password too often.
THROTTLED = "throttled"
REQUIRED = forms.Field.default_error_messages["required"]


class CountersignForm(forms.Form):
    """A form whose invalid fields say so to assistive technology, with hints under the labels."""

    template_name = "_form.html"

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        kwargs.setdefault("label_suffix", "")
        super().__init__(*args, **kwargs)

    def full_clean(self) -> None:
        """Clean as forms do; what is missing is asked for in plain words."""
        for field in self.fields.values():
            if field.error_messages.get("required") == REQUIRED:
                chooses = isinstance(field, forms.ChoiceField)
                field.error_messages["required"] = (
                    _("Choose one.") if chooses else _("Fill this in.")
                )
        super().full_clean()

    @property
    def is_wrong(self) -> bool:
        """Return whether the form came back with errors."""
        return self.is_bound and not self.is_valid()

    @property
    def is_throttled(self) -> bool:
        """Return whether it came back because a password was guessed too often."""
        return any(self.has_error(name, THROTTLED) for name in self.errors)


def multiline(rows: int = 4, **attrs: Any) -> forms.Textarea:
    """Return a text area of so many rows."""
    return forms.Textarea(attrs={"rows": rows, **attrs})


def completing(*lists: str) -> dict[str, str]:
    """Return the attributes of a text area that completes from the page's lists of these ids.

    `people` are offered after `@`. After `[[` come the `references` of a part or, where people
    speak under their name, the `evidence` among them: see static/js/completer.js.
    """
    return {
        "data-completes": " ".join(lists),
        "aria-autocomplete": "list",
        "aria-haspopup": "listbox",
    }


def date_input() -> forms.DateInput:
    """Return the browser's own date control."""
    return forms.DateInput(format="%Y-%m-%d", attrs={"type": "date"})


def as_lines(text: str) -> str:
    """Return text with Unix line ends, so that a browser's save alone changes nothing."""
    return text.replace("\r\n", "\n").replace("\r", "\n")
