"""The distribution of latencies as SVG, with the same in words and as a table."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil, log10

from django.utils.safestring import SafeString
from django.utils.translation import gettext as _

from decisions.marks import HAIRLINE, INK, SANS, SOFT
from decisions.numbers import format_count, format_number
from decisions.svg import Scale, element

WIDTH, HEIGHT, LEFT, BOTTOM, TOP = 720.0, 170.0, 24.0, 138.0, 10.0
BINS = 40
TEXT = 13.0


@dataclass(frozen=True)
class Histogram:
    """A drawing with its title and description, and a row a bin: range and number of cases."""

    svg: SafeString
    title: str
    description: str
    rows: tuple[tuple[str, str], ...]


def latency_histogram(latencies: Sequence[float], key: str) -> Histogram | None:
    """Return how latencies (ms) are distributed, None if there are too few to show.

    The slowest hundredth is gathered in the last bin, so that one straggler doesn't flatten the
    rest.
    """
    if len(latencies) < 10:
        return None
    ordered = sorted(latencies)
    step = _round_step(ordered[ceil(0.99 * len(ordered)) - 1] / BINS)
    counts = _counts(ordered, step)
    rows = tuple((_range(place, step), format_count(n)) for place, n in counts)
    title = _("Latency of %(n)s cases") % {"n": format_count(len(ordered))}
    ends = {"low": _ms(ordered[0]), "high": _ms(ordered[-1])}
    told = ends | {"middle": _ms(ordered[(len(ordered) - 1) // 2])}
    sentence = _("From %(low)s to %(high)s ms; half of the cases took %(middle)s ms or less.")
    description = sentence % told
    return Histogram(_drawing(counts, step, title, description, key), title, description, rows)


def _counts(ordered: Sequence[float], step: float) -> list[tuple[int, int]]:
    """Return (place, number of cases) for each bin from the first used one to the last."""
    places = [min(int(value / step), BINS) for value in ordered]
    return [(place, places.count(place)) for place in range(places[0], places[-1] + 1)]


def _drawing(
    counts: list[tuple[int, int]], step: float, title: str, description: str, key: str
) -> SafeString:
    first, last = counts[0][0], counts[-1][0] + 1
    across = Scale(first * step, last * step, LEFT, WIDTH - LEFT)
    up = Scale(0, max(n for _place, n in counts), BOTTOM, TOP)
    bars = [_bar(across(place * step), across((place + 1) * step), up(n)) for place, n in counts]
    axis = element("path", d=f"M{LEFT} {BOTTOM}H{WIDTH - LEFT}", class_="fig-axis", stroke=INK)
    return element(
        "svg",
        element("title", title, id=f"{key}-title"),
        element("desc", description, id=f"{key}-desc"),
        *(_tick(across, mark) for mark in across.ticks(8)),
        *bars,
        axis,
        class_="chart",
        viewBox=f"0 0 {WIDTH:g} {HEIGHT:g}",
        role="img",
        aria_labelledby=f"{key}-title {key}-desc",
        xmlns="http://www.w3.org/2000/svg",
    )


def _bar(left: float, right: float, top: float) -> SafeString:
    return element(
        "rect",
        x=left + 0.5,
        y=top,
        width=max(right - left - 1, 0.5),
        height=BOTTOM - top,
        class_="fig-bar",
        fill=SOFT,
    )


def _tick(across: Scale, mark: float) -> SafeString:
    x = across(mark)
    line = element("path", d=f"M{x:.1f} {TOP}V{BOTTOM}", class_="fig-grid", stroke=HAIRLINE)
    words = element(
        "text",
        f"{format_number(mark)} ms",
        x=x,
        y=BOTTOM + 20,
        text_anchor="middle",
        font_size=TEXT,
        font_family=SANS,
        class_="fig-text fig-soft",
        fill=SOFT,
    )
    return element("g", line, words)


def _range(place: int, step: float) -> str:
    low, high = format_number(_tidy(place * step)), format_number(_tidy((place + 1) * step))
    if place == BINS:
        return _("%(low)s ms or more") % {"low": low}
    return _("%(low)s to %(high)s ms") % {"low": low, "high": high}


def _round_step(rough: float) -> float:
    """Return the next 1, 2 or 5 times a power of ten."""
    power = 10.0 ** ceil(log10(max(rough, 1e-6)) - 1)
    return next((factor * power for factor in (1, 2, 5) if factor * power >= rough), 10 * power)


def _tidy(value: float) -> float:
    return round(value, 9)


def _ms(value: float) -> str:
    return format_number(value, 0 if value >= 10 else 1)
