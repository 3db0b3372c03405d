"""Writing SVG by hand: elements, the width of words, and scales with round ticks. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache, lru_cache
from html import escape
from itertools import takewhile
from math import ceil, floor, log10
from unicodedata import combining, east_asian_width

from django.utils.html import conditional_escape
from django.utils.safestring import SafeString, mark_safe

Attribute = str | float | int | None

# Advance widths of Source Sans in ems, near enough to lay out a label.
_NARROW, _WIDE_LETTERS = set(" .,:;!'|iljtfrI()[]–-"), set("mwMW%@")
ELLIPSIS = "…"
# The span between two values must itself be a number.
FARTHEST = 1e300


def element(name: str, *children: str, **attributes: Attribute) -> SafeString:
    """Return an element; text is escaped, `_` in attribute names stands for `-`."""
    told = "".join(
        f' {_spelled(key)}="{_short(value)}"'
        for key, value in attributes.items()
        if value is not None
    )
    inside = "".join(conditional_escape(child) for child in children)
    # Everything in here was escaped above or made by this function.
    return mark_safe(f"<{name}{told}>{inside}</{name}>")  # noqa: S308


def text_width(text: str, size: float) -> float:
    """Return about how wide a text is when set at this size (the same unit)."""
    return size * sum(_em(letter) for letter in text)


def wrap(text: str, width: float, size: float, lines: int = 2) -> list[str]:
    """Return a text broken into at most so many lines of this width; the rest becomes "…"."""
    broken: list[str] = []
    rest = " ".join(text.split())
    while rest and len(broken) < lines:
        fits = _fitting(rest, width, size)
        if len(broken) == lines - 1 and len(fits) < len(rest):
            room = width - text_width(ELLIPSIS, size)
            broken.append(_cut(rest, room, size).rstrip() + ELLIPSIS)
            break
        broken.append(fits.strip())
        rest = rest[len(fits) :].lstrip()
    return broken


@dataclass(frozen=True)
class Scale:
    """Maps values from `low` to `high` to positions from `start` to `end`, evenly or by powers."""

    low: float
    high: float
    start: float
    end: float
    is_log: bool = False

    def __call__(self, value: float) -> float:
        """Return the position of a value, held inside the scale."""
        low, high, at = self.low, self.high, min(max(value, self.low), self.high)
        if self.is_log:
            low, high, at = log10(low), log10(high), log10(at)
        return self.start + (at - low) / (high - low) * (self.end - self.start)

    def ticks(self, at_most: int) -> list[float]:
        """Return up to so many round values inside the scale."""
        marks = _powers(self.low, self.high) if self.is_log else []
        if len(marks) < 2:
            marks = _round_steps(self.low, self.high, at_most)
        thinned = marks[:: ceil(len(marks) / max(at_most, 1))]
        return thinned if len(thinned) > 1 else marks[:at_most]


def scale_over(values: Iterable[float], start: float, end: float, *, bounded: bool) -> Scale:
    """Return a scale that holds the values with some air around them.

    `bounded` values are shares from 0 to 100 and never leave that range. Others that are all above
    zero and far apart get a logarithmic scale, so that the small ones don't collapse into one.
    """
    held = [min(max(value, -FARTHEST), FARTHEST) for value in values]
    low, high = min(held), max(held)
    if not bounded and low > 0 and high / low > 40:
        return Scale(low / 1.3, high * 1.3, start, end, is_log=True)
    air = (high - low) * 0.06 or abs(high) * 0.1 or 1.0
    starts_at_zero = low >= 0 and low - air < 0.3 * high
    bottom = 0.0 if starts_at_zero else low - air
    top = high + air
    return Scale(bottom, min(top, 100.0) if bounded and high <= 100 else top, start, end)


@cache
def _spelled(key: str) -> str:
    """Return the name of an attribute."""
    return key.rstrip("_").replace("_", "-")


def _short(value: Attribute) -> str:
    """Return an attribute's value, escaped; positions to a hundredth. Numbers need no escaping."""
    if isinstance(value, float):
        return f"{value:.2f}".rstrip("0").rstrip(".")
    return str(value) if isinstance(value, int) else escape(str(value))


@lru_cache(maxsize=4096)
def _em(letter: str) -> float:
    if combining(letter):
        return 0.0
    if east_asian_width(letter) in "WF":
        return 1.0
    if letter in _NARROW:
        return 0.28
    if letter in _WIDE_LETTERS:
        return 0.8
    return 0.58 if letter.isupper() else 0.5


def _cut(text: str, width: float, size: float) -> str:
    """Return as many letters of a text as fit."""
    total = 0.0
    kept = []
    for letter in text:
        total += size * _em(letter)
        if total > width:
            break
        kept.append(letter)
    return "".join(kept)


def _fitting(text: str, width: float, size: float) -> str:
    """Return the start of a text that fits on a line: whole words, or a piece of a long one."""
    kept = _cut(text, width, size)
    if len(kept) == len(text):
        return text
    at_space = kept.rfind(" ")
    return kept[:at_space] if at_space > 0 else kept or text[:1]


def _round_steps(low: float, high: float, at_most: int) -> list[float]:
    """Return multiples of 1, 2 or 5 times a power of ten."""
    rough = (high - low) / max(at_most, 1)
    power = 10.0 ** floor(log10(rough))
    step = power * next(factor for factor in (1, 2, 5, 10) if factor * power >= rough)
    first, last = ceil(low / step - 1e-9), floor(high / step + 1e-9)
    return [round(at * step, 12) for at in range(first, last + 1)]


def _powers(low: float, high: float) -> list[float]:
    """Return the powers of ten inside a range; with 2 and 5 between them if they are few."""
    first = floor(log10(low))
    factors = (1, 2, 5) if log10(high / low) < 3 else (1,)
    marks = (
        float(f"{factor}e{power}") for power in range(first, first + 320) for factor in factors
    )
    return [mark for mark in takewhile(lambda mark: mark <= high, marks) if mark >= low]
