"""Setting up a webhook."""

from typing import Any

from django import forms
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from decisions.forms.base import CountersignForm
from decisions.models import Webhook
from decisions.webhooks.guard import address_problem
from decisions.webhooks.kinds import GROUPS, KINDS

ALL, SOME = "all", "some"


class WebhookForm(CountersignForm):
    """What a webhook is called, where it leads, and what it is told."""

    name = forms.CharField(
        label=gettext_lazy("Name"),
        max_length=100,
        help_text=gettext_lazy("What people here call it: “Slack, #decisions”."),
    )
    url = forms.CharField(
        label=gettext_lazy("Address"),
        max_length=500,
        widget=forms.URLInput(attrs={"autocomplete": "off", "spellcheck": "false"}),
        help_text=gettext_lazy(
            "Where messages are sent, usually https://… An incoming webhook of Slack fits. Whoever "
            "knows such an address can write there, so it is shown to administrators only."
        ),
    )
    which = forms.ChoiceField(
        label=gettext_lazy("What it is told"),
        choices=[
            (ALL, gettext_lazy("Everything that happens to records, also kinds added later")),
            (SOME, gettext_lazy("Only what is ticked below")),
        ],
        widget=forms.RadioSelect,
        initial=ALL,
    )
    carries_restricted = forms.BooleanField(
        label=gettext_lazy("Tell in full of records that only their participants may read"),
        required=False,
        help_text=gettext_lazy(
            "Otherwise only their reference, the kind of event and the link leave: no title, no "
            "name, no particulars. Those who open the link still have to be on the record."
        ),
    )

    def __init__(self, *args: Any, webhook: Webhook | None = None, **kwargs: Any) -> None:
        super().__init__(*args, initial=_initial(webhook) if webhook else None, **kwargs)
        for group in GROUPS:
            self.fields[group.key] = forms.MultipleChoiceField(
                label=str(group.title),
                choices=list(group.kinds.items()),
                widget=forms.CheckboxSelectMultiple,
                required=False,
            )

    @property
    def groups(self) -> list[forms.BoundField]:
        """Return the kinds of event, a field for each group."""
        return [self[group.key] for group in GROUPS]

    def clean_url(self) -> str:
        """Refuse an address that no webhook may have."""
        url: str = self.cleaned_data["url"].strip()
        if problem := address_problem(url):
            raise forms.ValidationError(problem)
        return url

    def clean(self) -> dict[str, Any]:
        """Ask for at least one kind, if not all are wanted."""
        cleaned = super().clean() or {}
        if cleaned.get("which") == SOME and not self._ticked(cleaned):
            self.add_error("which", _("Tick at least one kind of event below."))
        return cleaned

    @property
    def values(self) -> dict[str, Any]:
        """Return what the form says of the webhook."""
        said = self.cleaned_data
        kinds = self._ticked(said) if said["which"] == SOME else []
        plain = {name: said[name] for name in ("name", "url", "carries_restricted")}
        return plain | {"kinds": kinds}

    def _ticked(self, said: dict[str, Any]) -> list[str]:
        return [kind for group in GROUPS for kind in said.get(group.key, [])]


def _initial(webhook: Webhook) -> dict[str, Any]:
    known = {name: getattr(webhook, name) for name in ("name", "url", "carries_restricted")}
    asked = set(webhook.kinds) & set(KINDS)
    ticked = {group.key: [kind for kind in group.kinds if kind in asked] for group in GROUPS}
    return known | ticked | {"which": SOME if webhook.kinds else ALL}
