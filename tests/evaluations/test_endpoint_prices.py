"""What tokens cost, and what is said where nobody knows."""

from datetime import date
from decimal import Decimal
from importlib.metadata import version

import genai_prices
import pytest
from genai_prices.types import ModelPrice, Tier, TieredPrices

from evaluations.endpoints import prices
from evaluations.endpoints.prices import Price, Rate, price_of, published
from evaluations.models import Endpoint

OPENAI = "https://api.openai.com/v1"


def test_a_published_price_is_kept_with_its_source_and_its_date() -> None:
    price = published(OPENAI, "gpt-4o-mini-2024-07-18")

    assert price is not None
    assert price.snapshot["provider"] == "openai"
    assert price.snapshot["model"] == "gpt-4o-mini"
    assert (price.snapshot["input"], price.snapshot["output"]) == ("0.15", "0.6")
    assert price.snapshot["source"] == "genai-prices"
    assert price.snapshot["version"] == version("genai-prices")
    assert date.fromisoformat(price.snapshot["date"])


@pytest.mark.parametrize("model", ["gpt-4o-mini", "gpt-4o", "o3"])
@pytest.mark.parametrize("tokens", [(0, 0), (1234, 56), (300_000, 9)])
def test_costs_agree_with_the_library_that_lists_them(model: str, tokens: tuple[int, int]) -> None:
    price = published(OPENAI, model)
    usage = genai_prices.Usage(input_tokens=tokens[0], output_tokens=tokens[1])
    theirs = genai_prices.calc_price(usage, model, provider_api_url=OPENAI).total_price

    assert price is not None
    assert price.cost(*tokens) == theirs.quantize(prices.KEPT)


@pytest.mark.parametrize("tokens", [1, 199_999, 200_000, 200_001, 900_000])
def test_dearer_rates_of_long_input_agree_with_the_library(tokens: int) -> None:
    address = "https://generativelanguage.googleapis.com/v1beta/openai"
    price = published(address, "gemini-2.5-pro")
    usage = genai_prices.Usage(input_tokens=tokens, output_tokens=10)
    theirs = genai_prices.calc_price(usage, "gemini-2.5-pro", provider_api_url=address)

    assert price is not None
    assert len(price.rates) > 1
    assert price.cost(tokens, 10) == theirs.total_price.quantize(prices.KEPT)


def test_input_that_the_server_still_had_is_cheaper() -> None:
    price = published(OPENAI, "gpt-4o-mini")

    assert price is not None
    usage = genai_prices.Usage(input_tokens=2000, cache_read_tokens=1500, output_tokens=3)
    theirs = genai_prices.calc_price(usage, "gpt-4o-mini", provider_api_url=OPENAI)
    assert price.cost(2000, 3, 1500) == theirs.total_price.quantize(prices.KEPT)


def test_an_embedding_costs_its_input() -> None:
    price = published(OPENAI, "text-embedding-3-small")

    assert price is not None
    assert price.cost(1_000_000, 0) == Decimal("0.02")
    assert price.cost(1_000_000, 1) is None


@pytest.mark.parametrize(
    ("address", "model"),
    [
        ("http://127.0.0.1:8000/v1", "gpt-4o-mini"),
        ("http://ollama.internal/v1", "llama3.1:8b"),
        (OPENAI, "ft:gpt-4o-mini:acme::1"),
        (OPENAI, "a-model-of-tomorrow"),
        ("https://api.githubcopilot.com", "gpt-4o"),
    ],
)
def test_a_price_that_nobody_lists_is_none(address: str, model: str) -> None:
    assert published(address, model) is None


def test_an_endpoints_own_price_wins_also_when_it_is_nothing() -> None:
    endpoint = Endpoint(base_url=OPENAI, price_input=Decimal("0"), price_output=Decimal("0"))
    price = price_of(endpoint, "gpt-4o-mini")

    assert price is not None
    assert price.cost(1000, 1000) == 0
    assert price.snapshot["source"] == "endpoint"


def test_without_tokens_there_is_no_cost() -> None:
    price = Price("small", (Rate(Decimal(1), Decimal(2)),))

    assert price.cost(None, 5) is None
    assert price.cost(5, None) is None
    assert price.cost(1_000_000, 500_000) == 2


def test_a_snapshot_gives_the_same_price_back() -> None:
    for price in (
        published(OPENAI, "gpt-4o-mini"),
        published("https://generativelanguage.googleapis.com/v1beta/openai", "gemini-2.5-pro"),
        published(OPENAI, "text-embedding-3-small"),
        Price("own", (Rate(Decimal("1e-7"), Decimal(2)),)),
    ):
        assert price is not None
        assert Price.from_snapshot(price.snapshot) == price


def test_prices_for_more_than_tokens_are_not_known() -> None:
    assert prices._rates(ModelPrice(input_mtok=Decimal(1), requests_kcount=Decimal(5))) == ()
    assert prices._rates(ModelPrice(input_mtok=Decimal(0), output_mtok=Decimal(0))) == ()
    assert prices._rates(ModelPrice(output_mtok=Decimal(1))) == ()


def test_rates_change_where_any_price_does() -> None:
    tiered = TieredPrices(base=Decimal(1), tiers=[Tier(start=100, price=Decimal(3))])
    found = prices._rates(ModelPrice(input_mtok=tiered, output_mtok=Decimal(2)))

    assert found == (
        Rate(Decimal(1), Decimal(2), None, 0),
        Rate(Decimal(3), Decimal(2), None, 100),
    )
