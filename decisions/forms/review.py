"""Forms of discussion, review and signature."""

from typing import Any

from django import forms
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from decisions.actions.review import Remark
from decisions.forms.base import CountersignForm, as_lines, multiline
from decisions.models import Decision, Meaning, Role, User, Verdict
from decisions.signatures import Chair


class RemarkForm(CountersignForm):
    """A comment anchored to a part and, if one is quoted, a passage."""

    body = forms.CharField(label=gettext_lazy("Comment"), widget=multiline(3), max_length=10_000)
    section = forms.ChoiceField(label=gettext_lazy("About"), required=False)
    quote = forms.CharField(
        label=gettext_lazy("Quoted passage"),
        required=False,
        widget=multiline(2),
        max_length=2000,
        help_text=gettext_lazy("Copy the words you mean; leave it empty to speak of the part."),
    )
    must_fix = forms.BooleanField(
        label=gettext_lazy("Must be fixed before approval"), required=False
    )

    def __init__(self, record: Decision, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.sections = {one.kind: one for one in record.sections.all()}
        self.fields["section"].choices = [  # type: ignore[attr-defined]
            ("", _("The record as a whole")),
            *((kind, str(section)) for kind, section in self.sections.items()),
        ]

    @property
    def remark(self) -> Remark | None:
        """Return the comment, or None where nothing was written."""
        said = self.cleaned_data
        if not said.get("body"):
            return None
        return Remark(
            body=as_lines(said["body"]),
            section=self.sections.get(said["section"]),
            quote=as_lines(said["quote"]),
            must_fix=said["must_fix"],
        )


class ReplyForm(CountersignForm):
    """A comment in a thread."""

    body = forms.CharField(label=gettext_lazy("Reply"), widget=multiline(2), max_length=10_000)


class ReviewForm(RemarkForm):
    """A review: a verdict, a word on the whole, and a comment on one part."""

    verdict = forms.ChoiceField(
        label=gettext_lazy("Verdict"), choices=Verdict.choices, widget=forms.RadioSelect
    )
    summary = forms.CharField(
        label=gettext_lazy("On the whole"), widget=multiline(4), required=False, max_length=10_000
    )
    field_order = ["verdict", "summary", "section", "quote", "body", "must_fix"]

    def __init__(self, record: Decision, *args: Any, **kwargs: Any) -> None:
        super().__init__(record, *args, **kwargs)
        self.fields["body"].required = False
        self.fields["body"].label = _("Comment on this part")

    def clean(self) -> dict[str, Any]:
        """Refuse a review that says nothing."""
        cleaned = super().clean() or {}
        if not cleaned.get("summary") and not cleaned.get("body"):
            self.add_error("summary", _("Say what you think before you send the review."))
        return cleaned


class SignForm(CountersignForm):
    """A signature: the role, what it means, and the password again."""

    role = forms.ChoiceField(label=gettext_lazy("I sign for"), widget=forms.RadioSelect)
    meaning = forms.ChoiceField(
        label=gettext_lazy("What my signature means"),
        choices=Meaning.choices,
        widget=forms.RadioSelect,
    )
    text = forms.CharField(
        label=gettext_lazy("Reservation or reason"),
        widget=multiline(3),
        required=False,
        max_length=5000,
        help_text=gettext_lazy("Needed for a reservation or a rejection; printed in the document."),
    )
    password = forms.CharField(
        label=gettext_lazy("Your password, again"),
        strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "current-password"}),
    )
    digest = forms.CharField(widget=forms.HiddenInput)

    def __init__(self, user: User, chairs: list[Chair], *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.user = user
        self.chairs = {one.key: one for one in chairs}
        self.fields["role"].choices = [  # type: ignore[attr-defined]
            (key, _place(one)) for key, one in self.chairs.items()
        ]
        if len(chairs) == 1:
            self.fields["role"].initial = chairs[0].key

    @property
    def chair(self) -> Chair:
        """Return the chosen place: the person's own, or one lent to them."""
        return self.chairs[self.cleaned_data["role"]]

    def clean_password(self) -> str:
        """Make sure it is the person who signs."""
        password = self.cleaned_data["password"]
        if not self.user.check_password(password):
            raise forms.ValidationError(_("This is not your password."))
        return str(password)

    def clean(self) -> dict[str, Any]:
        """Ask for words with a reservation or a rejection."""
        cleaned = super().clean() or {}
        if cleaned.get("meaning") not in (None, Meaning.APPROVE) and not cleaned.get("text"):
            self.add_error("text", _("Say what your reservation or your reason is."))
        return cleaned


def _place(chair: Chair) -> str:
    """Return a place to sign in: "UX", or "UX, in place of Lena Sørensen"."""
    role = str(Role(chair.seat.role).label)
    if chair.giver is None:
        return role
    return _("%(role)s, in place of %(giver)s") % {"role": role, "giver": chair.giver}
