"""Two respects at once: quality up, cost or latency across, and the front that nobody beats."""

from __future__ import annotations

from collections.abc import Iterable
from math import isfinite

from django.utils.safestring import SafeString
from django.utils.translation import gettext as _

from decisions.forest_plot import Figure
from decisions.marks import (
    ACCENT,
    EDGE,
    HAIRLINE,
    INK,
    LINE,
    PAPER,
    RULE,
    SMALL,
    SOFT,
    TEXT,
    TO_BASE,
    blank,
    frame,
    line,
    names_below,
    roomy_ticks,
    text,
)
from decisions.numbers import format_number
from decisions.svg import Attribute, Scale, element, scale_over, text_width
from decisions.weighing.pareto import Front, Point
from decisions.weighing.table import Row, Table
from decisions.weighing.words import interval_words, target_sign, value_words

WIDTH, HEIGHT, LEFT, RIGHT, TOP, BOTTOM = 760.0, 430.0, 64.0, 736.0, 34.0, 368.0
# Where a letter may stand beside its point.
BESIDE = ((11.0, -11.0), (-11.0, -11.0), (11.0, 13.0), (-11.0, 13.0))


def pareto_scatter(table: Table, front: Front, *, key: str = "pareto") -> Figure | None:
    """Return candidates by quality and cost with intervals; None if fewer than two are known."""
    if len(front.points) < 2:
        return None
    told = {"quality": front.quality.name, "against": front.against.name}
    title = _("%(quality)s against %(against)s") % told
    description = " ".join(
        [*(_sentence(table, one) for one in front.points), _left_out(table, front)]
    ).strip()
    rows = (table.rows.index(front.quality), table.rows.index(front.against))
    headings = (_("Candidate"), front.quality.name, front.against.name, _("Beaten by"))
    lines = tuple(_cells(table, one, rows) for one in front.points)
    drawing = _Drawing(table, front).svg(title, description, f"figure-{key}")
    return Figure(drawing, title, description, (), headings, lines)


def pareto_legend() -> str:
    """Return how to read the figure."""
    return _(
        "Disc: on the front, nobody beats it. Ring: beaten, another is at least as good in both "
        "respects and better in one. Ring with a dot: so for certain, whatever the intervals "
        "leave open. Cross: out, as it fails a must; it beats nobody. Dashed lines: targets."
    )


def _letters(table: Table, columns: Iterable[int]) -> str:
    return ", ".join(table.columns[at].letter for at in columns)


def _cells(table: Table, point: Point, rows: tuple[int, int]) -> tuple[str, ...]:
    """Return one line of the data table."""
    figures = (_figure(table, row, point.column) for row in rows)
    beaten = _("out") if point.is_out else _letters(table, point.dominated_by) or "–"
    return (str(table.columns[point.column]), *figures, beaten)


def _figure(table: Table, row: int, column: int) -> str:
    value, interval = value_words(table, row, column), interval_words(table, row, column)
    return f"{value} ({interval})" if interval else value


def _sentence(table: Table, point: Point) -> str:
    """Return how one candidate stands."""
    told = {
        "candidate": str(table.columns[point.column]),
        "others": _letters(table, point.dominated_by),
        "certain": _letters(table, point.for_certain),
    }
    if point.is_out:
        return _("%(candidate)s is out, as it fails a must.") % told
    if point.is_on_front:
        return _("%(candidate)s is on the front.") % told
    if point.for_certain:
        return _("%(candidate)s is beaten by %(certain)s for certain.") % told
    return _("%(candidate)s is beaten by %(others)s, though not for certain.") % told


def _left_out(table: Table, front: Front) -> str:
    """Return who isn't shown, and why."""
    if not front.left_out:
        return ""
    told = {"candidates": _letters(table, front.left_out)}
    return _("Not shown, as one of the two is not known: %(candidates)s.") % told


class _Drawing:
    """Lays the scatter out: axes with targets, the front, and a mark with whiskers a candidate."""

    def __init__(self, table: Table, front: Front) -> None:
        self.table, self.front = table, front
        self.across = _scale(front.against, (one.against for one in front.points), LEFT, RIGHT)
        self.up = _scale(front.quality, (one.quality for one in front.points), BOTTOM, TOP)

    def svg(self, title: str, description: str, key: str) -> SafeString:
        """Return the whole drawing."""
        columns = [self.table.columns[one.column] for one in self.front.points]
        names = names_below([(one.letter, one.name) for one in columns], HEIGHT + 14, WIDTH)
        body = [
            self._axes(),
            self._targets(),
            *(self._whiskers(one) for one in self.front.points),
            self._front(),
            *(self._mark(one) for one in self.front.points),
            *names,
        ]
        return frame(
            *body,
            title=title,
            description=description,
            key=key,
            kind="pareto-scatter",
            width=WIDTH,
            height=HEIGHT + LINE * len(names) + 4,
        )

    def _place(self, point: Point) -> tuple[float, float]:
        return self.across(point.against[0]), self.up(point.quality[0])

    def _axes(self) -> SafeString:
        """Return grid, axes, ticks, and what the axes show."""
        across = [(self.across(at), format_number(at)) for at in roomy_ticks(self.across)]
        up = [(self.up(at), format_number(at)) for at in self.up.ticks(6)]
        return element(
            "g",
            *(line(x, TOP, x, BOTTOM, "fig-grid", HAIRLINE) for x, _words in across),
            *(line(LEFT, y, RIGHT, y, "fig-grid", HAIRLINE) for y, _words in up),
            line(LEFT, BOTTOM, RIGHT, BOTTOM, "fig-axis", RULE),
            line(LEFT, TOP, LEFT, BOTTOM, "fig-axis", RULE),
            *(text(x, BOTTOM + 18, words, "middle", SMALL, soft=True) for x, words in across),
            *(
                text(LEFT - 8, y + SMALL * TO_BASE, words, "end", SMALL, soft=True)
                for y, words in up
            ),
            text(0, 14, _axis_words(self.front.quality, self.up), "start", SMALL, soft=True),
            text(
                (LEFT + RIGHT) / 2,
                BOTTOM + 42,
                _axis_words(self.front.against, self.across),
                "middle",
                SMALL,
                soft=True,
            ),
        )

    def _targets(self) -> SafeString:
        """Return the targets of both goals, with their values; nothing where none is set."""
        dashes: dict[str, float | str] = {"stroke_dasharray": "6 4", "stroke_width": 1.3}
        kind, parts = "fig-target-text", []
        if isfinite(self.front.against.one):
            x, words = self.across(self.front.against.one), target_sign(self.front.against)
            half = text_width(words, SMALL) / 2
            at = min(max(x, LEFT + half), RIGHT - half)
            parts += [
                line(x, TOP, x, BOTTOM, "fig-target", ACCENT, **dashes),
                text(at, TOP - 6, words, "middle", SMALL, paint=ACCENT, kind=kind),
            ]
        if isfinite(self.front.quality.one):
            y, words = self.up(self.front.quality.one), target_sign(self.front.quality)
            parts += [
                line(LEFT, y, RIGHT, y, "fig-target", ACCENT, **dashes),
                *self._beside(y - LINE / 2 - 2, words, kind),
            ]
        return element("g", *parts)

    def _beside(self, middle: float, words: str, kind: str) -> list[SafeString]:
        """Return the words of the target across, at the end that the other target leaves free."""
        wide, against = text_width(words, SMALL) + 6, self.front.against.one
        is_right = not isfinite(against) or self.across(against) < (LEFT + RIGHT) / 2
        left = RIGHT - wide if is_right else LEFT + 4
        base = middle + SMALL * TO_BASE
        return [
            blank(left, left + wide, middle),
            text(left + 3, base, words, "start", SMALL, paint=ACCENT, kind=kind),
        ]

    def _front(self) -> SafeString:
        """Return the front as stairs: what lies behind it is beaten."""
        sign = 1 if self.front.against.at_least else -1
        places = [
            self._place(one)
            for one in sorted(self.front.points, key=lambda one: -sign * one.against[0])
            if one.is_on_front
        ]
        moves = "".join(f"H{x:.2f}V{y:.2f}" for x, y in places[1:])
        if not places:
            return element("g")
        (x, y), *_others = places
        drawn = f"M{x:.2f} {y:.2f}{moves}"
        return element(
            "path", d=drawn, fill="none", class_="fig-front", stroke=SOFT, stroke_width=2.4
        )

    def _whiskers(self, point: Point) -> SafeString:
        """Return the intervals in both respects."""
        x, y = self._place(point)
        low_x, high_x = (self.across(end) for end in point.against[1:])
        low_y, high_y = (self.up(end) for end in point.quality[1:])
        return element(
            "g",
            line(low_x, y, high_x, y, "fig-whisker", EDGE, stroke_width=1.3),
            line(x, low_y, x, high_y, "fig-whisker", EDGE, stroke_width=1.3),
        )

    def _mark(self, point: Point) -> SafeString:
        """Return a candidate's point and letter, where other points leave most room."""
        x, y = self._place(point)
        others = [self._place(one) for one in self.front.points if one is not point]
        right, down = max(BESIDE, key=lambda by: _room((x + by[0], y + by[1]), others))
        letter = self.table.columns[point.column].letter
        words = _("%(letter)s, out") % {"letter": letter} if point.is_out else letter
        wide = text_width(words, TEXT)
        # Beside the point, away from it however long it is.
        left = x + right - (text_width(letter, TEXT) / 2 if right > 0 else wide / 2)
        base = y + down + TEXT * TO_BASE
        return element(
            "g",
            blank(left, left + wide, y + down),
            *_point(point, x, y),
            text(left, base, words, "start", TEXT, weight=600, soft=point.is_out),
        )


def _scale(row: Row, reaches: Iterable[tuple[float, ...]], start: float, end: float) -> Scale:
    """Return the scale over all values, intervals and the target of a row."""
    values = [one for reach in reaches for one in reach]
    values += [row.one] if isfinite(row.one) else []
    return scale_over(values, start, end, bounded=row.unit == "%")


def _axis_words(row: Row, scale: Scale) -> str:
    """Return what an axis shows, and which way is better."""
    words = f"{row.name}, {row.unit}" if row.unit else row.name
    if scale.is_log:
        words = _("%(axis)s, logarithmic") % {"axis": words}
    better = _("higher is better") if row.at_least else _("lower is better")
    return f"{words} · {better}"


def _room(place: tuple[float, float], others: list[tuple[float, float]]) -> float:
    """Return how far the nearest other point is, squared, counted up to where it matters."""
    far = 40.0**2
    return min([far, *((place[0] - x) ** 2 + (place[1] - y) ** 2 for x, y in others)])


def _point(point: Point, x: float, y: float) -> list[SafeString]:
    """Return the mark: a disc on the front, a ring behind it, with a dot where that is certain.

    What is out has a cross.
    """
    if point.is_out:
        cross = f"M{x - 4.5:.2f} {y - 4.5:.2f}l9 9m0-9l-9 9"
        return [element("path", d=cross, class_="fig-point-out", stroke=SOFT, stroke_width=2)]
    solid: dict[str, Attribute] = {"fill": INK, "stroke": INK, "stroke_width": 1}
    if point.is_on_front:
        return [element("circle", cx=x, cy=y, r=5.5, class_="fig-point", **solid)]
    ring: dict[str, Attribute] = {"fill": PAPER, "stroke": INK, "stroke_width": 2}
    drawn = [element("circle", cx=x, cy=y, r=5.5, class_="fig-point-open", **ring)]
    if point.for_certain:
        drawn.append(element("circle", cx=x, cy=y, r=1.8, class_="fig-point", **solid))
    return drawn
