"""The form of a signature."""

from typing import Any

from django import forms
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from decisions.forms.base import THROTTLED, CountersignForm, as_lines, completing, multiline
from decisions.models import Meaning, Role, User
from decisions.signatures import Chair
from decisions.throttle import TOO_MANY, Door, forget, may_guess


class SignForm(CountersignForm):
    """A signature: whose place it fills, what it means, and the password again."""

    role = forms.ChoiceField(
        label=gettext_lazy("I sign for"),
        widget=forms.RadioSelect,
        error_messages={"invalid_choice": gettext_lazy("You cannot sign in this place now.")},
    )
    meaning = forms.ChoiceField(
        label=gettext_lazy("What my signature means"),
        choices=Meaning.choices,
        widget=forms.RadioSelect,
    )
    text = forms.CharField(
        label=gettext_lazy("Reservation or reason"),
        widget=multiline(3, **completing("evidence")),
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
            (key, place_words(one)) for key, one in self.chairs.items()
        ]
        if len(self.chairs) == 1:
            self.fields["role"].initial = next(iter(self.chairs))

    @property
    def chair(self) -> Chair:
        """Return the chosen place: the person's own, or one lent to them."""
        return self.chairs[self.cleaned_data["role"]]

    def clean_text(self) -> str:
        """Return the words with plain line ends, so that sending them twice is one signature."""
        return as_lines(self.cleaned_data["text"])

    def clean_password(self) -> str:
        """Make sure it is the person who signs; after too many wrong guesses, nobody may."""
        password = str(self.cleaned_data["password"])
        if not may_guess(Door.SIGNATURE, self.user.username):
            raise forms.ValidationError(TOO_MANY, code=THROTTLED)
        if not self.user.check_password(password):
            raise forms.ValidationError(_("This is not your password."))
        forget(Door.SIGNATURE, self.user.username)
        return password

    def clean(self) -> dict[str, Any]:
        """Ask for words with a reservation or a rejection."""
        cleaned = super().clean() or {}
        dissents = cleaned.get("meaning") not in (None, Meaning.APPROVE)
        if dissents and "text" not in self.errors and not cleaned.get("text"):
            self.add_error("text", _("Say what your reservation or your reason is."))
        return cleaned


def place_words(chair: Chair) -> str:
    """Return a place to sign in: "UX", or "UX, in place of Lena Sørensen"."""
    role = str(Role(chair.seat.role).label)
    if chair.giver is None:
        return role
    return _("%(role)s, in place of %(giver)s") % {"role": role, "giver": chair.giver}
