"""The form of checking a document."""

from typing import Any

from django import forms
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from decisions.forms.base import CountersignForm
from decisions.throttle import FILES, SECONDS, Purpose

LARGEST_MB = 100


class VerifyForm(CountersignForm):
    """The file to check."""

    document = forms.FileField(
        label=gettext_lazy("Document"),
        allow_empty_file=True,
        max_length=1000,
        error_messages={"required": gettext_lazy("Choose a file.")},
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["document"].help_text = _(
            "A sealed PDF or an archive (JSON), up to %(mb)s MB. It is read, and nothing is kept. "
            "%(files)s files in %(minutes)s minutes; for more, take the program below."
        ) % {"mb": LARGEST_MB, "files": FILES[Purpose.VERIFY], "minutes": SECONDS // 60}


def too_large() -> str:
    """Return what to say of a file that is not even read."""
    return _("The file is larger than %(mb)s MB: no document is.") % {"mb": LARGEST_MB}


def too_many(minutes: int) -> str:
    """Return what to say to who may send no more files for so many minutes."""
    return ngettext(
        "No more files from here for now: at most %(files)s in a quarter of an hour, fewer if "
        "they take long. Try again in %(minutes)s minute, or take the program below, "
        "which has no such limit.",
        "No more files from here for now: at most %(files)s in a quarter of an hour, fewer if "
        "they take long. Try again in %(minutes)s minutes, or take the program below, "
        "which has no such limit.",
        minutes,
    ) % {"files": FILES[Purpose.VERIFY], "minutes": minutes}
