"""What the pages of endpoints show."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from decimal import ROUND_CEILING, Decimal
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from django.utils.formats import number_format
from django.utils.translation import gettext as _

from decisions.crypto import Undecipherable
from evaluations.models import Endpoint

if TYPE_CHECKING:
    from evaluations.endpoints.prices import Price

CENT = Decimal("0.01")
USUAL_PORTS = {"http": 80, "https": 443}


@dataclass(frozen=True)
class Spending:
    """One of an endpoint's budgets: what is spent of it, in words and as a share of 100."""

    name: str
    spent: str
    limit: str
    percent: int | None

    @property
    def is_used_up(self) -> bool:
        """Return whether nothing is left."""
        return self.percent is not None and self.percent >= 100


def spendings(endpoint: Endpoint) -> list[Spending]:
    """Return what is spent of requests, tokens and money, whether there is a limit or not."""
    pairs: tuple[tuple[str, Any, Any, Callable[[Any], str]], ...] = (
        (_("Requests"), endpoint.spent_requests, endpoint.budget_requests, _whole),
        (_("Tokens"), endpoint.spent_tokens, endpoint.budget_tokens, _whole),
        (_("Money"), endpoint.spent_cost, endpoint.budget_money, dollars),
    )
    return [
        Spending(name, words(spent), "" if limit is None else words(limit), _percent(spent, limit))
        for name, spent, limit, words in pairs
    ]


def place_of(endpoint: Endpoint) -> str:
    """Return the endpoint's scheme and host."""
    parts = urlsplit(endpoint.base_url)
    return f"{parts.scheme}://{parts.netloc}"


def leads_elsewhere(endpoint: Endpoint, url: str) -> bool:
    """Return whether an address names another server than the endpoint's, or drops encryption."""
    return _server(endpoint.base_url) != _server(url)


def key_state(endpoint: Endpoint) -> str:
    """Return kept, none or unreadable: whether there is a key that the settings can decrypt."""
    try:
        return "kept" if endpoint.key else "none"
    except Undecipherable:
        return "unreadable"


def own_price(endpoint: Endpoint) -> str:
    """Return the price that is set at the endpoint, "" where there is none."""
    if endpoint.price_input is None or endpoint.price_output is None:
        return ""
    told = {"input": _price(endpoint.price_input), "output": _price(endpoint.price_output)}
    return _("%(input)s in and %(output)s out a million tokens") % told


def price_words(price: Price | None) -> str:
    """Return what a model costs, as a sentence."""
    if price is None:
        return _("Nobody lists a price for it: cost unknown. You can set one here.")
    rate = price.rates[0]
    told = {"input": _price(rate.input), "output": _price(rate.output), "source": price.source}
    if rate.output is None:
        return _("It costs %(input)s a million tokens (%(source)s).") % told
    return _("It costs %(input)s in and %(output)s out a million tokens (%(source)s).") % told


def dollars(amount: Decimal) -> str:
    """Return an amount of US dollars in cents, small ones as exactly as they are kept."""
    if amount and amount < CENT:
        rounded = amount.quantize(Decimal("0.000001"), rounding=ROUND_CEILING).normalize()
        return f"US$ {number_format(f'{rounded:f}')}"
    return f"US$ {number_format(amount, decimal_pos=2, force_grouping=True)}"


def _price(amount: Decimal | None) -> str:
    return "–" if amount is None else f"US$ {number_format(f'{amount.normalize():f}')}"


def _whole(amount: int | Decimal) -> str:
    return number_format(amount, force_grouping=True)


def _percent(spent: int | Decimal, limit: int | Decimal | None) -> int | None:
    """Return how much of a limit is spent, rounded down; all of a limit of nothing."""
    if limit is None:
        return None
    return min(int(100 * Decimal(spent) / Decimal(limit)), 100) if limit else 100


def _server(url: str) -> tuple[str, str, int | None]:
    parts = urlsplit(url.strip())
    return (
        parts.scheme,
        (parts.hostname or "").rstrip("."),
        parts.port or USUAL_PORTS.get(parts.scheme),
    )
