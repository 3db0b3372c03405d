"""The distribution of latencies as a figure: bars, the median and the 95th percentile."""

from collections.abc import Sequence
from itertools import accumulate
from math import ceil, log10

from django.utils.safestring import SafeString
from django.utils.translation import gettext as _

from decisions.forest_plot import Figure
from decisions.marks import (
    INK,
    PAPER,
    RULE,
    SMALL,
    SOFT,
    frame,
    levels,
    line,
    roomy_ticks,
    text,
)
from decisions.numbers import format_count, format_number, format_value
from decisions.svg import Attribute, Scale, element, text_width
from evaluations.statistics import interpolated

WIDTH, HEIGHT, LEFT, RIGHT, TOP, BOTTOM = 760.0, 286.0, 56.0, 744.0, 56.0, 236.0
BINS = 40
FEWEST = 10  # latencies; fewer have no distribution to speak of


def latency_histogram(latencies: Sequence[float], *, key: str = "latency") -> Figure | None:
    """Return how latencies (ms) are distributed, None if there are too few to show.

    The slowest hundredth is gathered in the last bin, so that one straggler doesn't flatten the
    rest. Median and 95th percentile are those of the run's figures.
    """
    if len(latencies) < FEWEST:
        return None
    ordered = sorted(latencies)
    step = _round_step(ordered[ceil(0.99 * len(ordered)) - 1] / BINS)
    counts = _counts(ordered, step)
    title = _("Latency of %(n)s answers") % {"n": format_count(len(ordered))}
    description = _describe(ordered)
    drawing = _Drawing(ordered, counts, step).svg(title, description, f"figure-{key}")
    headings = (_("Time"), _("Answers"), _("Up to here"))
    return Figure(drawing, title, description, (), headings, _table(counts, step))


def latency_legend() -> str:
    """Return how to read the figure."""
    return _(
        "Solid line: the median. Dashed line: the 95th percentile. The slowest hundredth is "
        "gathered in the last bar, which is hollow then."
    )


def _describe(ordered: Sequence[float]) -> str:
    told = {
        "low": _ms(ordered[0]),
        "high": _ms(ordered[-1]),
        "median": _ms(interpolated(ordered, 0.5)),
        "slow": _ms(interpolated(ordered, 0.95)),
    }
    sentence = _(
        "From %(low)s to %(high)s; half took %(median)s or less, 95 of 100 took %(slow)s or less."
    )
    return sentence % told


def _counts(ordered: Sequence[float], step: float) -> list[tuple[int, int]]:
    """Return (place, number of answers) for each bin from the first used one to the last."""
    places = [min(int(value / step), BINS) for value in ordered]
    return [(place, places.count(place)) for place in range(places[0], places[-1] + 1)]


def _table(counts: list[tuple[int, int]], step: float) -> tuple[tuple[str, ...], ...]:
    """Return a line a bin: its range, its answers, and the share of all up to its end."""
    reached = list(accumulate(n for _place, n in counts))
    return tuple(
        (_range(place, step), format_count(n), format_value(100 * sum_ / reached[-1], unit="%"))
        for (place, n), sum_ in zip(counts, reached, strict=True)
    )


class _Drawing:
    """Lays the distribution out: bars over a scale of time, and lines at two percentiles."""

    def __init__(
        self, ordered: Sequence[float], counts: list[tuple[int, int]], step: float
    ) -> None:
        self.ordered, self.counts, self.step = ordered, counts, step
        first, last = counts[0][0], counts[-1][0] + 1
        self.across = Scale(first * step, last * step, LEFT, RIGHT)
        self.up = Scale(0, max(n for _place, n in counts), BOTTOM, TOP)

    def svg(self, title: str, description: str, key: str) -> SafeString:
        """Return the whole drawing."""
        median, slow = (interpolated(self.ordered, share) for share in (0.5, 0.95))
        body = [
            levels(self.up, LEFT, RIGHT, _("answers"), whole=True),
            *(self._bar(place, n) for place, n in self.counts if n),
            self._axis(),
            self._mark(median, _("median %(time)s"), TOP - 8),
            self._mark(slow, _("95th percentile %(time)s"), TOP - 26, stroke_dasharray="5 3"),
        ]
        return frame(
            *body,
            title=title,
            description=description,
            key=key,
            kind="histogram",
            width=WIDTH,
            height=HEIGHT,
        )

    def _bar(self, place: int, n: int) -> SafeString:
        """Return a bin's bar; hollow where it gathers all that took longer."""
        left, right = (self.across(at * self.step) for at in (place, place + 1))
        where: dict[str, Attribute] = {
            "x": left + 0.5,
            "y": self.up(n),
            "width": max(right - left - 1, 0.5),
            "height": BOTTOM - self.up(n),
        }
        if place == BINS:
            return element("rect", class_="fig-point-open", fill=PAPER, stroke=INK, **where)
        return element("rect", class_="fig-bar", fill=SOFT, fill_opacity=0.5, **where)

    def _axis(self) -> SafeString:
        """Return the axis of time with its ticks, and what it shows."""
        ticks = [(self.across(at), format_number(at)) for at in roomy_ticks(self.across)]
        words = _("time to answer, ms · lower is better")
        return element(
            "g",
            line(LEFT, BOTTOM, RIGHT, BOTTOM, "fig-axis", RULE),
            *(line(x, BOTTOM, x, BOTTOM + 4, "fig-axis", RULE) for x, _words in ticks),
            *(text(x, BOTTOM + 18, told, "middle", SMALL, soft=True) for x, told in ticks),
            text((LEFT + RIGHT) / 2, BOTTOM + 40, words, "middle", SMALL, soft=True),
        )

    def _mark(self, value: float, words: str, base: float, **dashes: str) -> SafeString:
        """Return the line of a percentile, named above the bars."""
        x, told = self.across(value), words % {"time": _ms(value)}
        half = text_width(told, SMALL) / 2
        at = min(max(x, LEFT + half), RIGHT - half)
        return element(
            "g",
            line(x, base + 4, x, BOTTOM, "fig-axis", INK, stroke_width=1.6, **dashes),
            text(at, base, told, "middle", SMALL, weight=600),
        )


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
    return format_value(value, unit="ms")
