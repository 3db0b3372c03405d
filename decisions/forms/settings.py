"""What a person can set for themself."""

from typing import Any

from django import forms
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from decisions.forms.base import CountersignForm
from decisions.models import NoticeKind, User
from decisions.zones import zone_names


class SettingsForm(CountersignForm):
    """Name, time zone, and which notices come by mail."""

    name = forms.CharField(
        label=gettext_lazy("Name"),
        max_length=150,
        help_text=gettext_lazy(
            "Shown to others, and printed under what you sign from now on. Earlier signatures "
            "keep the name they were given under."
        ),
        widget=forms.TextInput(attrs={"autocomplete": "name"}),
    )
    time_zone = forms.ChoiceField(
        label=gettext_lazy("Time zone"),
        help_text=gettext_lazy("Times are shown on this clock, and your signatures note it."),
    )
    mailed = forms.MultipleChoiceField(
        label=gettext_lazy("Notices that also come by mail"),
        choices=NoticeKind.choices,
        required=False,
        widget=forms.CheckboxSelectMultiple,
        help_text=gettext_lazy(
            "In the app you are told of all of these, whatever you choose here. By mail, several "
            "come in one message; only who is mentioned is written to at once."
        ),
    )

    def __init__(self, user: User, *args: Any, **kwargs: Any) -> None:
        wanted = [kind for kind in NoticeKind.values if kind not in user.unmailed]
        known = {"name": user.name, "time_zone": user.time_zone, "mailed": wanted}
        super().__init__(*args, initial=known, **kwargs)
        # One that was set elsewhere stays on offer, so that saving changes nothing unasked.
        names = dict.fromkeys([*zone_names(), user.time_zone])
        field = self.fields["time_zone"]
        assert isinstance(field, forms.ChoiceField)  # noqa: S101  (as declared above)
        field.choices = [(name, name.replace("_", " ")) for name in names]

    def clean_name(self) -> str:
        """Return the name on one line."""
        name = " ".join(self.cleaned_data["name"].split())
        if not any(letter.isprintable() and not letter.isspace() for letter in name):
            raise forms.ValidationError(_("Fill this in."))
        return name
