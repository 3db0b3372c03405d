"""Numbers as people read them, by one rule.

Percentages have one decimal everywhere, so that they can be read against each other. All else has
three digits that count, or fewer where its interval supports no more.
"""

from __future__ import annotations

import re
from decimal import ROUND_HALF_UP, Context, Decimal
from functools import lru_cache
from math import floor, isfinite, log10

from django.utils.formats import number_format
from django.utils.translation import get_language
from django.utils.translation import gettext as _

MINUS = "−"
EN_DASH = "–"
NO_BREAK_SPACE = "\u00a0"
NOTHING = "–"
PERCENT, PERCENT_PLACES = "%", 1
MOST_PLACES = 6  # of a percentage that is hardly any, or hardly less than all
DIGITS = 3
STEPS_IN_HALF_WIDTH = 7
# From here on digits are counted in powers of ten.
TOO_LONG = 1e15

_WIDE = Context(prec=400)
_SUPERSCRIPTS = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")
_LEVEL = re.compile(r"\b\d{2}(?:[.,]\d+)?\s?%")


def places_of(value: float, low: float | None, high: float | None, unit: str = "") -> int:
    """Return how many decimal places are shown; below zero it means tens, hundreds …

    Of percentages at most one, unless a value (or an end of its interval) that is neither 0 nor
    100 would come out as that; else at most what shows three digits. An interval may support
    fewer: the last place shown is at least the largest power of ten that is at most a seventh of
    its half-width, so that rounding moves a value by less than a tenth of what is uncertain anyway.
    """
    places = _places_of_digits(value)
    if unit == PERCENT:
        places = max(_places_of_percent(one) for one in (value, low, high) if one is not None)
    if low is None or high is None or not isfinite(high - low) or high <= low:
        return places
    return min(places, -floor(log10((high - low) / 2 / STEPS_IN_HALF_WIDTH)))


def _places_of_percent(value: float) -> int:
    """Return one, or as many as keep a value from being rounded to nothing or to all."""
    for places in range(PERCENT_PLACES, MOST_PLACES):
        if value in {0, 100} or round(value, places) not in {0, 100}:
            return places
    return MOST_PLACES


def format_number(value: float, places: int | None = None) -> str:
    """Return a number in the reader's notation, with a real minus and grouped thousands.

    Without `places` it is shown as exactly as it was typed: 85, 0.5, 2,000.
    """
    if not isfinite(value):
        return NOTHING
    if abs(value) >= TOO_LONG:
        return _power_of_ten(value)
    return _written(value, places, get_language())


@lru_cache(maxsize=8192)
def _written(value: float, places: int | None, language: str | None) -> str:
    """Return a number in the notation of the language that is active.

    Kept: a figure shows the same numbers in its drawing, its words and its table.
    """
    exact = Decimal(f"{value:.14g}")
    rounded = _plainest(exact) if places is None else _rounded(exact, places)
    shown = max(0, -int(rounded.as_tuple().exponent))
    text = number_format(abs(rounded), decimal_pos=shown, force_grouping=True)
    return f"{MINUS}{text}" if rounded < 0 else text


def format_count(count: int) -> str:
    """Return a whole number with grouped thousands."""
    return format_number(count, 0)


def with_unit(text: str, unit: str) -> str:
    """Return a formatted number with its unit, which never parts from it."""
    return f"{text}{NO_BREAK_SPACE}{unit}" if unit else text


def format_exact(value: float, unit: str = "") -> str:
    """Return a number that a person set (a target, a weight) as it was typed, with its unit."""
    return with_unit(format_number(value), unit)


def format_value(
    value: float, low: float | None = None, high: float | None = None, unit: str = ""
) -> str:
    """Return a measured value, in `unit`, with the digits that the rule gives it."""
    return with_unit(format_number(value, places_of(value, low, high, unit)), unit)


def format_interval(
    low: float | None, high: float | None, unit: str = "", value: float | None = None
) -> str:
    """Return an interval by the rule of its unit ("86.8–94.6"), or "" where there is none.

    It has as many decimals as the `value` that it bounds, so that the value lies within. The unit
    itself is not told: the value beside it has it.
    """
    if low is None or high is None:
        return ""
    return _from_to(low, high, places_of(high if value is None else value, low, high, unit))


def interval_name(interval_method: str) -> str:
    """Return what an interval is called in passing: "95% CI" where its method names the level."""
    level = _LEVEL.search(interval_method)
    return _("%(level)s CI") % {"level": level[0].replace(" ", "")} if level else _("interval")


def format_size(n: int) -> str:
    """Return a sample size; where nothing was measured, the word that says so."""
    return format_count(n) if n else _("estimate")


def format_measured(
    value: float, low: float | None, high: float | None, unit: str, n: int
) -> tuple[str, str]:
    """Return value and interval ("" where there is none) as text.

    What is measured is shown to the precision that its interval supports, an estimate (n is 0) as
    the person gave it.
    """
    if n:
        return format_value(value, low, high, unit), format_interval(low, high, unit, value)
    interval = "" if low is None or high is None else _from_to(low, high, None)
    return format_exact(value, unit), interval


def format_figure(
    value: float,
    low: float | None,
    high: float | None,
    unit: str,
    n: int,
    interval_method: str = "",
) -> str:
    """Return a whole figure as it stands in a sentence: value, interval and sample size.

    For example "91.5 % (95% CI 86.8–94.6, n = 200)", or "12 days (estimate, 8–20)".
    """
    shown, interval = format_measured(value, low, high, unit, n)
    if not n:
        return f"{shown} ({', '.join(filter(None, (format_size(n), interval)))})"
    size = _("n = %(n)s") % {"n": format_count(n)}
    if interval:
        size = f"{interval_name(interval_method)} {interval}, {size}"
    return f"{shown} ({size})"


def _from_to(low: float, high: float, places: int | None) -> str:
    """Return both ends of an interval; a dash beside a minus reads as another minus."""
    joined = _("%(low)s to %(high)s") if low < 0 else "%(low)s" + EN_DASH + "%(high)s"
    return joined % {"low": format_number(low, places), "high": format_number(high, places)}


def _places_of_digits(value: float) -> int:
    """Return the places that show three digits, never rounding the whole part."""
    if not isfinite(value) or value == 0:
        return 0
    return max(0, DIGITS - 1 - floor(log10(abs(value))))


def _rounded(exact: Decimal, places: int) -> Decimal:
    """Return a decimal rounded to so many places, with no exponent above zero."""
    step = Decimal(1).scaleb(-places)
    rounded = exact.quantize(step, rounding=ROUND_HALF_UP, context=_WIDE)
    return rounded.quantize(Decimal(1), context=_WIDE) if places < 0 else rounded


def _plainest(exact: Decimal) -> Decimal:
    """Return a decimal without trailing zeros and without an exponent above zero."""
    short = exact.normalize(_WIDE)
    is_whole = int(short.as_tuple().exponent) > 0
    return short.quantize(Decimal(1), context=_WIDE) if is_whole else short


def _power_of_ten(value: float) -> str:
    """Return a very large number as a power of ten."""
    digits, exponent = f"{value:.2e}".split("e")
    power = str(int(exponent)).translate(_SUPERSCRIPTS)
    return f"{format_number(float(digits), 2)} × 10{power}"
