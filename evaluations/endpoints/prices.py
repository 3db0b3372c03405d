"""What tokens cost: published prices as of today, or an endpoint's own; unknown stays unknown."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

from decisions import clock

if TYPE_CHECKING:
    from genai_prices.types import ModelPrice

    from evaluations.models import Endpoint

MILLION = Decimal(1_000_000)
KEPT = Decimal("0.000000001")  # of US dollars, in the tables
OWN, PUBLISHED = "endpoint", "genai-prices"
# The prices that a chat or an embedding of texts is billed by.
BILLED = {"input_mtok", "output_mtok", "cache_read_mtok"}
# Prices that only apply to what is never asked for here; any other price makes the sum unknown.
NOT_ASKED = {
    "web_searches_kcount",
    "storage_searches_kcount",
    "cache_write_mtok",
    "cache_write_1h_mtok",
    "cache_audio_read_mtok",
    "cache_image_read_mtok",
    "input_audio_mtok",
    "output_audio_mtok",
    "input_audio_hours",
    "audio_hours",
    "input_image_mtok",
    "output_image_mtok",
    "input_video_mtok",
    "output_video_mtok",
}


@dataclass(frozen=True, slots=True)
class Rate:
    """US dollars a million tokens, for requests with more than `above` tokens of input.

    `cached` is for input that the server still had; None: as other input. `output` is None where
    there is none to pay for, as of embeddings.
    """

    input: Decimal
    output: Decimal | None
    cached: Decimal | None = None
    above: int = 0


@dataclass(frozen=True, slots=True)
class Price:
    """What a model's tokens cost, and where that is written. The first rate is for any input."""

    model: str
    rates: tuple[Rate, ...]
    provider: str = ""
    source: str = OWN
    package_version: str = ""
    on: date | None = None

    def cost(
        self, input_tokens: int | None, output_tokens: int | None, cached_tokens: int | None = None
    ) -> Decimal | None:
        """Return the price of one request in US dollars; None where tokens are not known."""
        if input_tokens is None or output_tokens is None:
            return None
        rate = [one for one in self.rates if one.above == 0 or input_tokens > one.above][-1]
        if output_tokens and rate.output is None:
            return None
        cached = min(cached_tokens or 0, input_tokens) if rate.cached is not None else 0
        total = rate.input * (input_tokens - cached) + (rate.output or 0) * output_tokens
        total += (rate.cached or 0) * cached
        return (total / MILLION).quantize(KEPT)

    @property
    def snapshot(self) -> dict[str, Any]:
        """Return the price as it is kept with a run, money as text."""
        return {
            "provider": self.provider,
            "model": self.model,
            "currency": "USD",
            "per": "1M tokens",
            "input": _text(self.rates[0].input),
            "output": _text(self.rates[0].output),
            "rates": [_rate_as_kept(rate) for rate in self.rates],
            "source": self.source,
            "version": self.package_version,
            "date": self.on.isoformat() if self.on else "",
        }

    @classmethod
    def from_snapshot(cls, kept: Mapping[str, Any]) -> Price:
        """Return the price that a snapshot was made of."""
        return cls(
            model=kept["model"],
            rates=tuple(_kept_rate(rate) for rate in kept["rates"]),
            provider=kept["provider"],
            source=kept["source"],
            package_version=kept["version"],
            on=date.fromisoformat(kept["date"]) if kept["date"] else None,
        )


def price_of(endpoint: Endpoint, model: str) -> Price | None:
    """Return what a model costs at an endpoint today, None if nobody knows.

    The endpoint's own price wins. Published prices are looked up by the server's address, so the
    same model on a server of one's own has no price.
    """
    if endpoint.price_input is not None and endpoint.price_output is not None:
        rate = Rate(Decimal(endpoint.price_input), Decimal(endpoint.price_output))
        return Price(model, (rate,), source=OWN, on=clock.now().date())
    return published(endpoint.base_url, model)


def published(base_url: str, model: str) -> Price | None:
    """Return the published price of a model at an address, from the installed genai-prices.

    Of a tuned model (ft:…) that is not listed nothing is known. A price of nothing at all counts
    as unknown too: lists that say so mostly mean that nobody has filled it in.
    """
    from genai_prices.data_snapshot import get_snapshot  # a second, and only where it is needed

    try:
        provider, found = get_snapshot().find_provider_model(model, None, None, base_url)
    except LookupError:
        return None
    rates = _rates(found.get_prices(clock.now()))
    if not rates:
        return None
    return Price(
        found.id, rates, provider.id, PUBLISHED, version("genai-prices"), clock.now().date()
    )


def _rates(prices: ModelPrice) -> tuple[Rate, ...]:
    """Return listed prices as rates, none where they are not for tokens alone or are nothing."""
    listed = {name: price for name, price in vars(prices).items() if price is not None}
    if "input_mtok" not in listed or listed.keys() - BILLED - NOT_ASKED:
        return ()
    starts = sorted({0}.union(*(_starts(listed[name]) for name in BILLED & listed.keys())))
    rates = tuple(_rate(listed, start) for start in starts)
    return rates if any(rate.input or rate.output for rate in rates) else ()


def _rate(listed: Mapping[str, Any], start: int) -> Rate:
    """Return the rate for input of more than `start` tokens."""
    output, cached = (
        _at(listed[name], start) if name in listed else None
        for name in ("output_mtok", "cache_read_mtok")
    )
    return Rate(_at(listed["input_mtok"], start), output, cached, start)


def _starts(price: Any) -> set[int]:
    """Return the numbers of tokens above which a price changes."""
    return {tier.start for tier in getattr(price, "tiers", ())}


def _at(price: Any, start: int) -> Decimal:
    """Return a price for input of more than `start` tokens: the last tier's that has begun."""
    begun = [tier.price for tier in getattr(price, "tiers", ()) if tier.start <= start]
    return Decimal(begun[-1] if begun else getattr(price, "base", price))


def _rate_as_kept(rate: Rate) -> dict[str, Any]:
    return {
        "above": rate.above,
        "input": _text(rate.input),
        "output": _text(rate.output),
        "cached": _text(rate.cached),
    }


def _kept_rate(kept: Mapping[str, Any]) -> Rate:
    output, cached = (
        None if kept[name] is None else Decimal(kept[name]) for name in ("output", "cached")
    )
    return Rate(Decimal(kept["input"]), output, cached, kept["above"])


def _text(price: Decimal | None) -> str | None:
    return None if price is None else f"{price.normalize():f}"
