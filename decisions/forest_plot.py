"""The forest plot: a line a row with value, interval whisker, n and the target's line."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from django.utils.safestring import SafeString
from django.utils.translation import gettext as _

from decisions.marks import (
    ACCENT,
    EDGE,
    HAIRLINE,
    INK,
    LINE,
    PAPER,
    RULE,
    SMALL,
    TEXT,
    frame,
    line,
    roomy_ticks,
    text,
    verdict,
)
from decisions.numbers import (
    NOTHING,
    format_exact,
    format_figure,
    format_measured,
    format_number,
    format_size,
    interval_name,
)
from decisions.outcomes import Outcome, outcome
from decisions.svg import Attribute, Scale, element, scale_over, text_width, wrap

WIDTH, PLOT_AT_LEAST, GAP = 760.0, 230.0, 22.0
HEAD, FOOT, ROW, LETTER = 26.0, 46.0, 32.0, 22.0
NAME_AT_MOST = 176.0


@dataclass(frozen=True)
class Target:
    """What a goal asks for, in the unit of the measurements."""

    value: float
    at_least: bool = True
    worst: float | None = None

    def words(self, unit: str) -> str:
        """Return the target in words: "at least 85 %"."""
        told = {"target": format_exact(self.value, unit)}
        return (_("at least %(target)s") if self.at_least else _("at most %(target)s")) % told

    def sign(self, unit: str) -> str:
        """Return the target in short: "≥ 85 %"."""
        return f"{'≥' if self.at_least else '≤'} {format_exact(self.value, unit)}"

    def outcome(self, value: float, low: float | None, high: float | None) -> Outcome:
        """Return whether a measurement reaches it."""
        return outcome(value, low, high, target=self.value, at_least=self.at_least)


@dataclass(frozen=True)
class Row:
    """One value of a plot; `letter` may be empty, `low` and `high` may be missing.

    With an `n` of 0 it is an estimate: drawn dashed, and named so.
    """

    letter: str
    name: str
    value: float
    low: float | None
    high: float | None
    n: int
    interval_method: str = ""
    is_chosen: bool = False


@dataclass(frozen=True)
class FigureRow:
    """One line of the table beside a figure, as text; `outcome` is None without a goal."""

    label: str
    value: str
    interval: str
    n: str
    outcome: Outcome | None


@dataclass(frozen=True)
class Figure:
    """A drawing with what it shows in words: a title, a description and a table.

    `headings` and `table` are that table as text, each line as long as the headings; a forest plot
    has `rows` instead. `further` is the rest of a drawing that is too large for one page.
    """

    svg: SafeString
    title: str
    description: str
    rows: tuple[FigureRow, ...] = ()
    headings: tuple[str, ...] = ()
    table: tuple[tuple[str, ...], ...] = ()
    further: tuple[SafeString, ...] = ()


@dataclass(frozen=True)
class Drawn:
    """A figure with the name of its file, and how it is read.

    The first so many columns of its table hold words, the others numbers.
    """

    name: str
    figure: Figure
    legend: str = ""
    words: int = 1


def forest_plot(
    rows: Sequence[Row], target: Target | None = None, *, name: str, unit: str = "", key: str = ""
) -> Figure:
    """Return a forest plot: a line a row with value, interval whisker, n and the target's line.

    `name` is the metric, `unit` that of all values; `key` makes the ids unique on the page.
    """
    title = _title(name, unit, target)
    table = tuple(_figure_row(row, unit, target) for row in rows)
    description = " ".join(
        _sentence(row, told, unit) for row, told in zip(rows, table, strict=True)
    )
    drawing = _Drawing(rows, table, target, name, unit).svg(title, description, f"figure-{key}")
    return Figure(drawing, title, description, table)


def _title(name: str, unit: str, target: Target | None) -> str:
    if target is None:
        return _("%(metric)s of each candidate") % {"metric": name}
    told = {"metric": name, "target": target.words(unit)}
    return _("%(metric)s of each candidate against the target of %(target)s") % told


def _figure_row(row: Row, unit: str, target: Target | None) -> FigureRow:
    value, interval = format_measured(row.value, row.low, row.high, unit, row.n)
    return FigureRow(
        f"{row.letter}. {row.name}" if row.letter else row.name,
        value,
        interval or NOTHING,
        format_size(row.n),
        _outcome(row, target) if target else None,
    )


def _outcome(row: Row, target: Target) -> Outcome:
    """Return what a row says of the target; what a person estimates decides nothing."""
    return target.outcome(row.value, row.low, row.high) if row.n else Outcome.OPEN


def _sentence(row: Row, told: FigureRow, unit: str) -> str:
    """Return one row in words."""
    figure = format_figure(row.value, row.low, row.high, unit, row.n, row.interval_method)
    said = f", {told.outcome.label}" if told.outcome else ""
    return f"{told.label}: {figure}{said}."


class _Drawing:
    """Lays a forest plot out: names, plot, value, interval, n, and what it says of the goal."""

    def __init__(
        self,
        rows: Sequence[Row],
        table: Sequence[FigureRow],
        target: Target | None,
        name: str,
        unit: str,
    ) -> None:
        self.rows, self.table, self.target = rows, table, target
        self.name, self.unit = name, unit
        self.names = [wrap(row.name, NAME_AT_MOST, TEXT) for row in rows]
        self._place_columns()
        self.scale = self._scale()

    def svg(self, title: str, description: str, key: str) -> SafeString:
        """Return the whole drawing."""
        heights = [ROW + LINE * (len(lines) - 1) for lines in self.names]
        bottom = HEAD + sum(heights)
        tops = [HEAD + sum(heights[:at]) for at in range(len(heights))]
        axis = self._axis_words(bottom + 36)
        height = bottom + FOOT + LINE * (len(axis) - 1)
        body = [
            self._frame(bottom),
            *axis,
            self._target_line(bottom),
            *(self._row(at, top, heights[at]) for at, top in enumerate(tops)),
            self._headings(),
        ]
        return frame(
            *body,
            title=title,
            description=description,
            key=key,
            kind="forest-plot",
            width=self.width,
            height=height,
        )

    def _place_columns(self) -> None:
        """Give each column the room its widest text needs, the plot the rest."""
        names = max((text_width(part, TEXT) for name in self.names for part in name), default=0)
        wide = [
            max([text_width(heading, SMALL), *(text_width(one, TEXT) for one in texts)])
            for heading, texts in self._text_columns()
        ]
        outcome_width = 22 + max(text_width(str(one.label), TEXT) for one in Outcome)
        ends = sum(wide) + GAP * len(wide) + (outcome_width + GAP if self.target else 0)
        self.plot_start = LETTER + min(names, NAME_AT_MOST) + GAP
        self.width = max(WIDTH, self.plot_start + PLOT_AT_LEAST + ends)
        self.plot_end = self.width - ends
        self.ends: list[float] = []
        at = self.plot_end
        for width in wide:
            at += GAP + width
            self.ends.append(at)
        self.outcome_start = at + GAP

    def _text_columns(self) -> list[tuple[str, list[str]]]:
        """Return the heading and the texts of each right-aligned column."""
        measured = [row for row in self.rows if row.low is not None and row.n]
        methods = {interval_name(row.interval_method) for row in measured}
        interval = methods.pop() if len(methods) == 1 else _("interval")
        return [
            ("", [told.value for told in self.table]),
            (interval, [told.interval for told in self.table]),
            ("n", [told.n for told in self.table]),
        ]

    def _scale(self) -> Scale:
        """Return the scale over every value, interval and target."""
        values = [
            one for row in self.rows for one in (row.value, row.low, row.high) if one is not None
        ]
        if self.target:
            values.append(self.target.value)
            values += [] if self.target.worst is None else [self.target.worst]
        bounded = self.unit == "%"
        return scale_over(values or [0, 1], self.plot_start, self.plot_end, bounded=bounded)

    def _frame(self, bottom: float) -> SafeString:
        """Return the grid, and the axis with its ticks."""
        ticks = roomy_ticks(self.scale)
        at_ticks = [self.scale(at) for at in ticks]
        parts = [line(x, HEAD, x, bottom, "fig-grid", HAIRLINE) for x in at_ticks]
        parts.append(line(self.plot_start, bottom, self.plot_end, bottom, "fig-axis", RULE))
        parts += [
            text(x, bottom + 16, format_number(at), "middle", SMALL, soft=True)
            for x, at in zip(at_ticks, ticks, strict=True)
        ]
        return element("g", *parts)

    def _axis_words(self, top: float) -> list[SafeString]:
        """Return lines of text under the plot, as far as they fit there, that say what it shows."""
        middle, parts = (self.plot_start + self.plot_end) / 2, []
        for at, words in enumerate(wrap(self._axis_shows(), 0.9 * self.width, SMALL, lines=4)):
            half = text_width(words, SMALL) / 1.8
            x = min(max(middle, half), self.width - half)
            parts.append(text(x, top + LINE * at, words, "middle", SMALL, soft=True))
        return parts

    def _axis_shows(self) -> str:
        """Return what the axis shows, and which way is better."""
        words = self.name if not self.unit else f"{self.name}, {self.unit}"
        if self.scale.is_log:
            words = _("%(axis)s, logarithmic") % {"axis": words}
        if self.target:
            words += " · " + (
                _("higher is better") if self.target.at_least else _("lower is better")
            )
        return words

    def _target_line(self, bottom: float) -> SafeString:
        """Return the target's line and label, and the worst acceptable value's dashes."""
        if self.target is None:
            return element("g")
        at = self.scale(self.target.value)
        label = _("target %(target)s") % {"target": self.target.sign(self.unit)}
        half = text_width(label, SMALL) / 2
        label_at = min(max(at, self.plot_start + half), self.plot_end - half)
        parts = [
            line(at, HEAD - 4, at, bottom, "fig-target", ACCENT, stroke_width=1.6),
            text(label_at, HEAD - 10, label, "middle", SMALL, paint=ACCENT, kind="fig-target-text"),
        ]
        if self.target.worst is not None and self.target.worst != self.target.value:
            worst = self.scale(self.target.worst)
            dashes: dict[str, float | str] = {"stroke_dasharray": "2 4", "stroke_width": 1.4}
            parts.append(line(worst, HEAD, worst, bottom, "fig-worst", EDGE, **dashes))
        return element("g", *parts)

    def _headings(self) -> SafeString:
        """Return the headings over the columns of text."""
        columns = zip(self._text_columns(), self.ends, strict=True)
        return element(
            "g",
            *(
                text(end, HEAD - 10, heading, "end", SMALL, soft=True)
                for (heading, _texts), end in columns
                if heading
            ),
        )

    def _row(self, at: int, top: float, height: float) -> SafeString:
        """Return one row: its name, its mark on the scale, its numbers and its verdict."""
        row, told = self.rows[at], self.table[at]
        middle = top + height / 2
        base = middle + TEXT * 0.34
        texts = [told.value, told.interval, told.n]
        weight = 600 if row.is_chosen else 400
        parts = [
            *self._name(row, self.names[at], middle, weight),
            *self._mark(row, told.outcome, middle),
            text(self.ends[0], base, texts[0], "end", TEXT, weight=600),
            text(self.ends[1], base, texts[1], "end", TEXT, soft=True),
            text(self.ends[2], base, texts[2], "end", TEXT, soft=True),
        ]
        if told.outcome:
            parts.append(verdict(told.outcome, self.outcome_start, middle))
        return element("g", *parts, class_="fig-row fig-chosen" if row.is_chosen else "fig-row")

    def _name(self, row: Row, lines: list[str], middle: float, weight: int) -> list[SafeString]:
        """Return a row's letter and its name on one or two lines."""
        first = middle + TEXT * 0.34 - LINE * (len(lines) - 1) / 2
        letter = [text(0, first, row.letter, "start", TEXT, weight=600)] if row.letter else []
        left = LETTER if row.letter else 0
        return letter + [
            text(left, first + LINE * at, part, "start", TEXT, weight=weight)
            for at, part in enumerate(lines)
        ]

    def _mark(self, row: Row, found: Outcome | None, middle: float) -> list[SafeString]:
        """Return the interval's whisker and the value's point."""
        paint = ACCENT if row.is_chosen else INK
        parts = []
        if row.low is not None and row.high is not None:
            low, high = self.scale(row.low), self.scale(row.high)
            whisker: dict[str, float | str] = {"stroke_width": 1.8}
            if not row.n:
                whisker["stroke_dasharray"] = "5 4"
            parts = [
                line(low, middle, high, middle, "fig-interval", paint, **whisker),
                line(low, middle - 5, low, middle + 5, "fig-interval", paint, stroke_width=1.4),
                line(high, middle - 5, high, middle + 5, "fig-interval", paint, stroke_width=1.4),
            ]
        return [*parts, _point(self.scale(row.value), middle, found, paint)]


def _point(x: float, y: float, found: Outcome | None, paint: str) -> SafeString:
    """Return a value's point: a disc for met, a ring for not decisive, a diamond for not met."""
    if found == Outcome.OPEN:
        ring: dict[str, Attribute] = {"fill": PAPER, "stroke": paint, "stroke_width": 2}
        return element("circle", cx=x, cy=y, r=5, class_="fig-point-open", **ring)
    solid: dict[str, Attribute] = {"fill": paint, "stroke": paint, "stroke_width": 1}
    if found == Outcome.MISSED:
        shape = f"M{x:.2f} {y - 6:.2f}l6 6-6 6-6-6Z"
        return element("path", d=shape, class_="fig-point", **solid)
    return element("circle", cx=x, cy=y, r=5, class_="fig-point", **solid)
