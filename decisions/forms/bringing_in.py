"""The form that takes a record from a file: uploaded first, kept while it is looked at."""

from typing import Any

from django import forms
from django.core.files.uploadedfile import UploadedFile
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from decisions.actions.adr_files import AdrFile, read_adr
from decisions.forms.base import CountersignForm
from decisions.imports.reading import BadFile, Brought, holds_archive, largest_file, read_file
from decisions.imports.waiting import kept
from decisions.models import User


class AccountsField(forms.TypedMultipleChoiceField):
    """Keys of accounts; which of them the file knows is for the action to see."""

    def valid_value(self, value: Any) -> bool:
        """Return whether it is a key at all."""
        return str(value).isdecimal() and len(str(value)) < 16


class BringInForm(CountersignForm):
    """A file; or, once it was looked at, its SHA-256 and its name: `by` has it waiting."""

    file = forms.FileField(
        label=gettext_lazy("File"),
        required=False,
        help_text=gettext_lazy(
            "An architecture decision record in Markdown (.md), an archive (.json), or a PDF that "
            "was exported elsewhere."
        ),
        widget=forms.FileInput(attrs={"accept": ".md,.markdown,.json,.pdf"}),
    )
    seen = forms.CharField(required=False, widget=forms.HiddenInput, max_length=64)
    # The keys of the accounts that take part in what an archive brings.
    invited = AccountsField(required=False, coerce=int)
    name = forms.CharField(required=False, widget=forms.HiddenInput, max_length=300)

    def __init__(self, *args: Any, by: User, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.by = by
        self.archive: Brought | None = None
        self.adr: AdrFile | None = None

    def clean(self) -> dict[str, Any]:
        """Read the file; what is in it decides what it is."""
        cleaned = super().clean() or {}
        if self.errors:
            return cleaned
        try:
            cleaned["bytes"], cleaned["name"] = self._bytes(cleaned)
            if holds_archive(cleaned["bytes"], cleaned["name"]):
                self.archive = read_file(cleaned["bytes"], is_apart=True)
            else:
                self.adr = read_adr(cleaned["bytes"], cleaned["name"])
        except BadFile as error:
            self.add_error("file", str(error))
        return cleaned

    def _bytes(self, cleaned: dict[str, Any]) -> tuple[bytes, str]:
        """Return the bytes that were sent and the file's name; raises `BadFile` without any."""
        upload: UploadedFile | None = cleaned.get("file")
        if upload:
            return upload.read(largest_file() + 1), str(upload.name)
        if not cleaned.get("seen"):
            raise BadFile(_("Choose a file."))
        content = kept(cleaned["seen"], self.by)
        if content is None:
            raise BadFile(_("The file that you looked at is not kept any more. Choose it again."))
        return content, cleaned["name"]


def too_many(minutes: int) -> str:
    """Return what to say to who may bring no more files for so many minutes."""
    return ngettext(
        "You brought many files, or some that took long. Try again in %(minutes)s minute.",
        "You brought many files, or some that took long. Try again in %(minutes)s minutes.",
        minutes,
    ) % {"minutes": minutes}
