"""What all figures are drawn with: ink and colours, lines, words, signs, and the frame.

Presentation attributes suit paper (no CSS reaches an SVG in the PDF); classes let the page's
stylesheet repaint the same drawing in the reader's theme.
"""

from __future__ import annotations

from collections.abc import Sequence

from django.utils.safestring import SafeString

from decisions.numbers import format_number, with_unit
from decisions.outcomes import Outcome
from decisions.svg import Scale, element, text_width, wrap

# The light theme's ink, for paper; the same values as static/css/tokens.css.
INK, SOFT, HAIRLINE, RULE = "#1d1c1a", "#4b4842", "#e0dbcd", "#1d1c1a"
ACCENT, EDGE, PAPER, GOOD = "#9d2a1d", "#88837a", "#ffffff", "#22613f"
COLOURS = {Outcome.MET: GOOD, Outcome.MISSED: "#a5112b", Outcome.OPEN: "#7c4f00"}
# WeasyPrint splits the list at its commas and keeps spaces, so there are none.
SANS = (
    "Source Sans Pro,Source Serif Pro,Source Sans 3,Noto Sans,"
    "Noto Sans Arabic,Noto Sans Hebrew,Noto Sans Devanagari,Noto Sans Bengali,Noto Sans Tamil,"
    "Noto Sans Telugu,Noto Sans Thai,Noto Sans Lao,Noto Sans Khmer,Noto Sans Myanmar,"
    "Noto Sans CJK JP,sans-serif"
)

TEXT, SMALL, LINE = 14.0, 12.5, 17.0
# How far below its middle a line of text stands, as a share of its size.
TO_BASE = 0.34
MOST_LINES = 12  # of names under a figure

# Drawn in a square of 12 around the middle: a tick, a cross, and two waves.
_SIGNS = {
    Outcome.MET: "M-5 .5l3.6 3.8 6.6-8",
    Outcome.MISSED: "M-4.2-4.2l8.4 8.4M4.2-4.2l-8.4 8.4",
    Outcome.OPEN: "M-5.5-1.4c2-2 3.6-1.6 5.5 0s3.5 2 5.5 0M-5.5 3c2-2 3.6-1.6 5.5 0s3.5 2 5.5 0",
}


def frame(
    *body: str, title: str, description: str, key: str, kind: str, width: float, height: float
) -> SafeString:
    """Return a whole drawing that names and describes itself; `key` makes its ids unique."""
    return element(
        "svg",
        element("title", title, id=f"{key}-title"),
        element("desc", description, id=f"{key}-desc"),
        *body,
        xmlns="http://www.w3.org/2000/svg",
        viewBox=f"0 0 {width:.0f} {height:.0f}",
        width=round(width),
        height=round(height),
        class_=f"chart {kind}",
        role="img",
        aria_labelledby=f"{key}-title {key}-desc",
        font_family=SANS,
        font_size=TEXT,
        fill=INK,
    )


def line(
    x1: float, y1: float, x2: float, y2: float, kind: str, paint: str, **more: float | str
) -> SafeString:
    """Return a line of a class of the stylesheet, painted for paper."""
    drawn: dict[str, float | str] = {"stroke": paint, "stroke_width": 1, **more}
    return element("line", x1=x1, y1=y1, x2=x2, y2=y2, class_=kind, **drawn)


def text(
    x: float,
    y: float,
    words: str,
    anchor: str,
    size: float,
    *,
    soft: bool = False,
    weight: int = 400,
    paint: str = "",
    kind: str = "",
) -> SafeString:
    """Return a word or number; `soft` ink for what is said in passing."""
    classes = kind or ("fig-text fig-soft" if soft else "fig-text")
    return element(
        "text",
        words,
        x=x,
        y=y,
        text_anchor=anchor if anchor != "start" else None,
        font_size=size,
        font_weight=weight if weight != 400 else None,
        fill=paint or (SOFT if soft else INK),
        class_=classes,
    )


def blank(left: float, right: float, middle: float) -> SafeString:
    """Return a piece of paper, a line high, that keeps lines from running through words."""
    return element(
        "rect",
        x=left,
        y=middle - LINE / 2,
        width=right - left,
        height=LINE,
        class_="fig-paper",
        fill=PAPER,
    )


def sign(found: Outcome, x: float, y: float) -> SafeString:
    """Return the sign of an outcome in a square of 12 around a point, in its colour."""
    drawn = element(
        "path",
        d=_SIGNS[found],
        transform=f"translate({x:.2f} {y:.2f})",
        fill="none",
        stroke="currentColor",
        stroke_width=1.8,
        stroke_linecap="round",
        stroke_linejoin="round",
    )
    return element("g", drawn, class_=f"verdict-{found.value}", color=COLOURS[found])


def verdict(found: Outcome, x: float, y: float) -> SafeString:
    """Return what a measurement says of the goal: a sign and a word."""
    words = element(
        "text",
        str(found.label),
        x=x + 18,
        y=y + TEXT * TO_BASE,
        fill="currentColor",
        font_size=TEXT,
    )
    parts = sign(found, x + 6, y), words
    return element("g", *parts, class_=f"verdict-{found.value}", color=COLOURS[found])


def names_below(columns: Sequence[tuple[str, str]], top: float, width: float) -> list[SafeString]:
    """Return what letters stand for, (letter, name) after (letter, name), on lines of text."""
    told = " · ".join(f"{letter}: {name}" for letter, name in columns if name)
    return lines_below(told, top, width)


def lines_below(told: str, top: float, width: float) -> list[SafeString]:
    """Return what stands under a figure, on lines of text."""
    # Widths are estimates, and nothing stands beside these lines to warn of one that is too low.
    lines = wrap(told, 0.9 * width, SMALL, MOST_LINES)
    return [
        text(0, top + LINE * at, words, "start", SMALL, soft=True) for at, words in enumerate(lines)
    ]


def roomy_ticks(scale: Scale) -> list[float]:
    """Return as many round values as there is room to label along a scale from left to right."""
    for at_most in (6, 5, 4, 3):
        ticks = scale.ticks(at_most)
        widest = max(text_width(format_number(at), SMALL) for at in ticks)
        if len(ticks) * (widest + 12) <= abs(scale.end - scale.start):
            return ticks
    return scale.ticks(2)


def levels(
    scale: Scale, left: float, right: float, name: str, *, unit: str = "", whole: bool = False
) -> SafeString:
    """Return lines across at round values of a scale from below to above.

    What it shows stands in the drawing's upper left corner; `whole` leaves out what lies between
    whole numbers, for counts.
    """
    found = [at for at in scale.ticks(5) if not whole or at == round(at)]
    ticks = [(scale(at), with_unit(format_number(at), unit)) for at in found]
    return element(
        "g",
        text(0, SMALL, name, "start", SMALL, soft=True),
        *(line(left, y, right, y, "fig-grid", HAIRLINE) for y, _words in ticks),
        *(text(left - 8, y + SMALL * TO_BASE, told, "end", SMALL, soft=True) for y, told in ticks),
    )
