"""Forms of discussion, review and signature."""

from typing import Any

from django import forms
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from decisions.actions.review import Remark
from decisions.forms.base import CountersignForm, as_lines, completing, multiline
from decisions.models import Decision, Verdict
from decisions.quotes import finds, section_said, section_with

COMPLETES = completing("people", "evidence")


def _quote() -> forms.CharField:
    return forms.CharField(
        label=gettext_lazy("Quoted passage"),
        required=False,
        widget=multiline(2),
        max_length=2000,
        help_text=gettext_lazy("Copy the words you mean; leave it empty to speak of the part."),
    )


class ReplyForm(CountersignForm):
    """A comment in a thread."""

    body = forms.CharField(
        label=gettext_lazy("Reply"),
        widget=multiline(3, **COMPLETES, **{"data-focus": True}),
        max_length=10_000,
    )

    def __init__(self, *args: Any, label: str = "", **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if label:
            self.fields["body"].label = label

    @property
    def remark(self) -> Remark:
        """Return the words."""
        return Remark(as_lines(self.cleaned_data["body"]))


class RemarkForm(CountersignForm):
    """A comment anchored to a part and, if one is quoted, a passage."""

    quote = _quote()
    body = forms.CharField(
        label=gettext_lazy("Comment"), widget=multiline(5, **COMPLETES), max_length=10_000
    )
    must_fix = forms.BooleanField(
        label=gettext_lazy("Must be fixed before approval"), required=False
    )
    section = forms.ChoiceField(label=gettext_lazy("About"), required=False)
    # The page to go back to: "review", or the record's own.
    origin = forms.CharField(required=False, widget=forms.HiddenInput, max_length=10)
    field_order = ["section", "quote", "body", "must_fix"]

    def __init__(self, record: Decision, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.sections = {one.kind: one for one in record.sections.all()}
        self.fields["section"].choices = [  # type: ignore[attr-defined]
            ("", _("The record as a whole")),
            *((kind, str(section)) for kind, section in self.sections.items()),
        ]
        if self.initial.get("quote"):
            # Words were selected to say something about them.
            self.fields["body"].widget.attrs["autofocus"] = True

    def clean(self) -> dict[str, Any]:
        """Find the passage in its part; without a part, the first part that holds it."""
        cleaned = super().clean() or {}
        quote = cleaned.get("quote")
        if not quote or "section" not in cleaned:
            return cleaned
        if not cleaned["section"]:
            found = section_with(quote, list(self.sections.values()))
            cleaned["section"] = found.kind if found else ""
        if not cleaned["section"]:
            self.add_error("quote", _("These words are nowhere in the record."))
        elif not finds(quote, section_said(self.sections[cleaned["section"]])):
            sentence = _("These words are not in this part. Copy them as they stand there.")
            self.add_error("quote", sentence)
        return cleaned

    @property
    def remark(self) -> Remark:
        """Return the comment."""
        said = self.cleaned_data
        return Remark(
            body=as_lines(said["body"]),
            section=self.sections.get(said["section"]),
            quote=as_lines(said["quote"]),
            must_fix=said["must_fix"],
        )


class ReviewForm(CountersignForm):
    """A review: a word on the whole and a verdict, sent with the comments that were held back."""

    summary = forms.CharField(
        label=gettext_lazy("On the whole"),
        widget=multiline(5, **COMPLETES),
        required=False,
        max_length=10_000,
    )
    verdict = forms.ChoiceField(
        label=gettext_lazy("Verdict"),
        choices=Verdict.choices,
        widget=forms.RadioSelect,
        initial=Verdict.COMMENT,
        help_text=gettext_lazy(
            "A request for changes holds approval back until you lift it, or until what it speaks "
            "of has changed and you review again."
        ),
    )
    digest = forms.CharField(required=False, widget=forms.HiddenInput, max_length=64)
    # The reviewer's last review when the form was made: what is sent twice is sent once.
    after = forms.IntegerField(required=False, widget=forms.HiddenInput, min_value=0)

    def __init__(
        self, *args: Any, held: int = 0, last: int = 0, digest: str = "", **kwargs: Any
    ) -> None:
        super().__init__(*args, initial={"digest": digest, "after": last}, **kwargs)
        self.held = held
        self.last = last

    def clean(self) -> dict[str, Any]:
        """Refuse a review that says nothing, unless it has been sent already."""
        cleaned = super().clean() or {}
        is_new = cleaned.get("after") in (None, self.last)
        if is_new and not cleaned.get("summary") and not self.held:
            self.add_error("summary", _("Say what you think before you send the review."))
        return cleaned
