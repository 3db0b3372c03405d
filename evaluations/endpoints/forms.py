"""Setting up an endpoint."""

from __future__ import annotations

from typing import Any

from django import forms
from django.core.validators import MaxValueValidator, MinValueValidator
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from decisions.forms.base import CountersignForm
from evaluations.endpoints.guard import address_problem
from evaluations.endpoints.page import key_state, leads_elsewhere
from evaluations.models import Endpoint, Flavour
from evaluations.models.endpoint import LONGEST_WAIT, MOST_RETRIES
from evaluations.models.run import MOST_AT_ONCE

PLAIN = (
    "name",
    "flavour",
    "base_url",
    "api_version",
    "timeout",
    "retries",
    "concurrency",
    "budget_requests",
    "budget_tokens",
    "budget_money",
    "price_input",
    "price_output",
)
MOST_COUNTED = 10**15
MOST_MONEY = 10**12


def _whole(label: Any, help_text: Any, least: int, most: int, **kwargs: Any) -> forms.IntegerField:
    return forms.IntegerField(
        label=label, help_text=help_text, min_value=least, max_value=most, **kwargs
    )


def _money(label: Any, help_text: Any, places: int) -> forms.DecimalField:
    """Return a field for an amount in US dollars that may be left empty."""
    return forms.DecimalField(
        label=label,
        help_text=help_text,
        required=False,
        max_digits=14,
        decimal_places=places,
        validators=[MinValueValidator(0), MaxValueValidator(MOST_MONEY)],
        widget=forms.NumberInput(attrs={"step": "any", "min": 0}),
    )


class EndpointForm(CountersignForm):
    """Where a model server is, how it may be used, and what may be spent there."""

    name = forms.CharField(
        label=gettext_lazy("Name"),
        max_length=100,
        help_text=gettext_lazy("What people here call it: “OpenAI, team account”, “GPU server”."),
    )
    flavour = forms.ChoiceField(
        label=gettext_lazy("How it is asked"),
        choices=Flavour.choices,
        widget=forms.RadioSelect,
        initial=Flavour.OPENAI,
        help_text=gettext_lazy(
            "vLLM, Ollama, llama.cpp, LiteLLM and many others speak OpenAI's protocol too."
        ),
    )
    base_url = forms.CharField(
        label=gettext_lazy("Address"),
        max_length=500,
        widget=forms.URLInput(attrs={"autocomplete": "off", "spellcheck": "false"}),
        help_text=gettext_lazy(
            "Mostly up to /v1: https://api.openai.com/v1, http://localhost:11434/v1. For Azure "
            "https://….openai.azure.com alone."
        ),
    )
    api_version = forms.CharField(
        label=gettext_lazy("API version"),
        max_length=40,
        required=False,
        help_text=gettext_lazy("For Azure only, such as 2024-10-21."),
    )
    key = forms.CharField(
        label=gettext_lazy("Key"),
        max_length=2000,
        required=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password", "spellcheck": "false"}),
        help_text=gettext_lazy(
            "Kept encrypted and never shown again. Many local servers need none."
        ),
    )
    removes_key = forms.BooleanField(
        label=gettext_lazy("Forget the key that is kept"), required=False
    )
    timeout = _whole(
        gettext_lazy("Longest wait (seconds)"),
        gettext_lazy("For one attempt, until the whole reply is there."),
        1,
        LONGEST_WAIT,
        initial=60,
    )
    retries = _whole(
        gettext_lazy("Retries"),
        gettext_lazy("After too many requests, failures of the server and broken connections."),
        0,
        MOST_RETRIES,
        initial=5,
    )
    concurrency = _whole(
        gettext_lazy("Requests at once"),
        gettext_lazy("Over all runs and workers."),
        1,
        MOST_AT_ONCE,
        initial=8,
    )
    budget_requests = _whole(gettext_lazy("Most requests"), "", 0, MOST_COUNTED, required=False)
    budget_tokens = _whole(gettext_lazy("Most tokens"), "", 0, MOST_COUNTED, required=False)
    budget_money = _money(
        gettext_lazy("Most money (US dollars)"),
        gettext_lazy("Needs a price: of a model whose price nobody knows, nothing is asked then."),
        2,
    )
    price_input = _money(gettext_lazy("US dollars a million tokens of input"), "", 6)
    price_output = _money(gettext_lazy("US dollars a million tokens of output"), "", 6)

    def __init__(self, *args: Any, endpoint: Endpoint | None = None, **kwargs: Any) -> None:
        initial = {name: getattr(endpoint, name) for name in PLAIN} if endpoint else None
        super().__init__(*args, initial=initial, **kwargs)
        self.endpoint = endpoint
        self.has_key = endpoint is not None and key_state(endpoint) != "none"
        if self.has_key:
            self.fields["key"].help_text = _("Leave it empty to keep the key that is there.")
        else:
            del self.fields["removes_key"]

    def clean_base_url(self) -> str:
        """Refuse an address that no model server may have."""
        url: str = self.cleaned_data["base_url"].strip()
        if problem := address_problem(url):
            raise forms.ValidationError(problem)
        return url

    def clean_key(self) -> str:
        """Refuse what cannot be sent as a key."""
        key: str = self.cleaned_data["key"]
        if not (key.isascii() and key.isprintable()) or " " in key:
            raise forms.ValidationError(_("A key holds letters, digits and signs without spaces."))
        return key

    def clean(self) -> dict[str, Any]:
        """Ask for what belongs together."""
        cleaned = super().clean() or {}
        if cleaned.get("flavour") == Flavour.AZURE and not cleaned.get("api_version"):
            self.add_error("api_version", _("Azure needs an API version."))
        if (cleaned.get("price_input") is None) != (cleaned.get("price_output") is None):
            missing = "price_input" if cleaned.get("price_input") is None else "price_output"
            if missing not in self.errors:
                self.add_error(missing, _("Give both prices, or neither."))
        self._ask_for_key(cleaned)
        return cleaned

    @property
    def values(self) -> dict[str, Any]:
        """Return what the form says of the endpoint; `key` None keeps the one that is there."""
        said = self.cleaned_data
        key = said["key"] or (None if self.has_key and not said.get("removes_key") else "")
        return {name: said[name] for name in PLAIN} | {"key": key}

    def _ask_for_key(self, cleaned: dict[str, Any]) -> None:
        """Ask for the key again where the address leads to another server."""
        if self.endpoint is None or not self.has_key or "key" in self.errors:
            return
        url, is_given = cleaned.get("base_url"), cleaned.get("key") or cleaned.get("removes_key")
        if url and not is_given and leads_elsewhere(self.endpoint, url):
            told = _("The address leads to another server: enter the key for that one.")
            self.add_error("key", told)
