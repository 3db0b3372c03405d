"""What a run has spent at model servers, for its page."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from decisions.numbers import format_count
from evaluations.candidate_specs import technique_of
from evaluations.endpoints.page import dollars, price_words
from evaluations.endpoints.prices import Price
from evaluations.models import Run
from evaluations.scorers import SCORERS


@dataclass(frozen=True)
class Spending:
    """Rows of (what, how much, of at most how much), and what is not known of the cost."""

    rows: list[tuple[str, str, str]]
    prices: list[tuple[str, str]]
    unknown: str


def _asks_models(run: Run) -> bool:
    """Return whether its technique or one of its scorers asks a model server."""
    technique = technique_of(run.spec)
    scorers = [SCORERS[one["key"]] for one in run.scorers if one["key"] in SCORERS]
    is_judged = any(one.judges == "model" for one in scorers)
    return is_judged or (technique is not None and bool(technique.endpoints(run.spec)))


def spending_of(run: Run) -> Spending | None:
    """Return what a run has spent, retries and mining included; None if it asks no server."""
    if run.is_imported or not _asks_models(run):
        return None
    tokens = run.spent_input_tokens + run.spent_output_tokens
    rows = [
        (_("Requests"), format_count(run.spent_requests), _most(run.budget, "requests")),
        (_("Tokens"), format_count(tokens), _most(run.budget, "tokens")),
        (_("Cost"), _cost(run), _most(run.budget, "money")),
    ]
    prices = [(model, _price(kept)) for model, kept in sorted(run.prices.items())]
    return Spending(rows, prices, _unknown(run))


def _most(budget: Mapping[str, Any], which: str) -> str:
    limit = budget.get(which)
    if limit is None:
        return ""
    return dollars(Decimal(limit)) if which == "money" else format_count(limit)


def _cost(run: Run) -> str:
    """Return what was paid; where nobody knows a price, that is said and never nothing."""
    is_unknown = run.spent_unpriced or None in run.prices.values()
    if not is_unknown:
        return dollars(run.spent_cost)
    told = {"cost": dollars(run.spent_cost)}
    return _("at least %(cost)s") % told if run.spent_cost else _("cost unknown")


def _price(kept: Mapping[str, Any] | None) -> str:
    """Return the price a run keeps, with the day on which it was looked up."""
    if kept is None:
        return _("cost unknown")
    told = {"price": price_words(Price.from_snapshot(kept)), "day": kept["date"]}
    return _("%(price)s As of %(day)s.") % told


def _unknown(run: Run) -> str:
    count = run.spent_unpriced
    if not count:
        return ""
    sentence = ngettext(
        "What %(n)s answer cost is not known.", "What %(n)s answers cost is not known.", count
    )
    return sentence % {"n": format_count(count)}
