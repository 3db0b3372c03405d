"""The tornado: how far each uncertain cell can move the best score above the next."""

from __future__ import annotations

from collections.abc import Sequence

from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from decisions.forest_plot import Figure
from decisions.marks import (
    ACCENT,
    HAIRLINE,
    LINE,
    RULE,
    SMALL,
    SOFT,
    TEXT,
    TO_BASE,
    blank,
    frame,
    line,
    lines_below,
    names_below,
    roomy_ticks,
    text,
)
from decisions.numbers import format_count, format_number, places_of, with_unit
from decisions.svg import Scale, element, scale_over, text_width, wrap
from decisions.weighing.flips import Swing
from decisions.weighing.scores import Weighed
from decisions.weighing.table import Table
from decisions.weighing.words import points, value_words

MOST = 12
LEAST = 0.0005  # of a score; less doesn't show in points to a tenth
WIDTH, NAMES, ENDS, ROW, BAR, HEAD, FOOT = 760.0, 190.0, 92.0, 28.0, 14.0, 30.0, 46.0


def tornado(
    table: Table, weighed: Weighed, swings: Sequence[Swing], *, key: str = "tornado"
) -> Figure | None:
    """Return the cells that move the leader's lead most, at most twelve; None if none does.

    A lead in scores is no clear one, so the words speak of the difference.

    What a role has not rated could be anything: it is named in one line, not drawn.
    """
    unrated = [one for one in swings if one.is_unknown and table.rows[one.row].is_role]
    drawn = [one for one in swings if one not in unrated]
    shown = [one for one in drawn if one.length >= LEAST][:MOST]
    if weighed.leader is None or not shown:
        return None
    leader = table.columns[weighed.leader].letter
    title = _("How far %(leader)s scores above the next, and what moves it") % {"leader": leader}
    below = _unrated(table, unrated)
    rest = [_rest(len(drawn) - len(shown)), below]
    description = " ".join([*(_sentence(table, one, leader) for one in shown), *filter(None, rest)])
    drawing = _Drawing(table, shown, weighed, below).svg(title, description, f"figure-{key}")
    headings = (
        _("Measurement"),
        _("Goes from"),
        _("to"),
        _("Points of %(leader)s above the next go from") % {"leader": leader},
        _("to"),
    )
    return Figure(
        drawing,
        title,
        description,
        (),
        headings,
        tuple(_cells(table, one) for one in shown),
    )


def _lead(weighed: Weighed) -> float:
    """Return the leader's lead over the next, in score; all of its score over nobody."""
    scores, second = weighed.scores, weighed.runner_up
    return float(scores[weighed.leader or 0] - (0.0 if second is None else scores[second]))


def _name(table: Table, swing: Swing) -> str:
    told = {"row": table.rows[swing.row].name, "candidate": table.columns[swing.column].letter}
    return _("%(row)s of %(candidate)s") % told


def _remark(table: Table, swing: Swing) -> str:
    """Return what is known of a cell, where it isn't a measured interval."""
    if swing.is_unknown:
        return _("not rated") if table.rows[swing.row].is_role else _("not known")
    return _("estimate") if swing.is_estimate else value_words(table, swing.row, swing.column)


def _value(table: Table, swing: Swing, value: float) -> str:
    """Return one end of a cell, with its unit, to as many digits as the ends differ in."""
    unit = table.rows[swing.row].unit
    low, high = sorted((swing.from_value, swing.to_value))
    places = places_of(value, low, high, unit)
    return with_unit(format_number(value, max(0, places)), unit)


def _lead_words(lead: float | None) -> str:
    return _("out") if lead is None else points(lead)


def _cells(table: Table, swing: Swing) -> tuple[str, ...]:
    """Return one line of the data table."""
    remark = _remark(table, swing)
    return (
        f"{_name(table, swing)} ({remark})" if remark else _name(table, swing),
        _value(table, swing, swing.from_value),
        _value(table, swing, swing.to_value),
        _lead_words(swing.at_from),
        _lead_words(swing.at_to),
    )


def _sentence(table: Table, swing: Swing, leader: str) -> str:
    """Return one swing in words."""
    name, start, end, lead_start, lead_end = _cells(table, swing)
    told = {
        "name": name,
        "from": start,
        "to": end,
        "leader": leader,
        "lead_from": lead_start,
        "lead_to": lead_end,
    }
    if swing.at_from is None or swing.at_to is None:
        told["worst"] = start if swing.at_from is None else end
        return _("%(name)s: at %(worst)s, %(leader)s misses a must and is out.") % told
    return (
        _(
            "%(name)s: from %(from)s to %(to)s, %(leader)s goes from %(lead_from)s to %(lead_to)s "
            "points above the next."
        )
        % told
    )


def _rest(left: int) -> str:
    """Return how many cells move the lead less than those shown."""
    if left <= 0:
        return ""
    told = {"n": format_count(left)}
    return ngettext("%(n)s more moves it less.", "%(n)s more move it less.", left) % told


def _unrated(table: Table, unrated: Sequence[Swing]) -> str:
    """Return which ratings are still missing, by candidate: "Not rated yet: UX of A, B"."""
    by_role: dict[int, list[str]] = {}
    for one in sorted(unrated, key=lambda one: (one.row, one.column)):
        by_role.setdefault(one.row, []).append(table.columns[one.column].letter)
    told = [
        _("%(row)s of %(candidate)s") % {"row": table.rows[row].name, "candidate": ", ".join(found)}
        for row, found in by_role.items()
    ]
    return (
        _("Not rated yet, so not drawn: %(ratings)s.") % {"ratings": "; ".join(told)}
        if told
        else ""
    )


class _Drawing:
    """Lays a tornado out: names, bars on the scale of the lead, and what stands at their ends."""

    def __init__(self, table: Table, swings: Sequence[Swing], weighed: Weighed, below: str) -> None:
        self.table, self.swings, self.below = table, swings, below
        self.leader, self.lead = weighed.leader or 0, 100 * _lead(weighed)
        self.names = [wrap(_name(table, one), NAMES - 12, TEXT) for one in swings]
        self.scale = self._scale()

    def svg(self, title: str, description: str, key: str) -> SafeString:
        """Return the whole drawing."""
        heights = [self._height(at) for at in range(len(self.swings))]
        tops = [HEAD + sum(heights[:at]) for at in range(len(heights))]
        bottom = HEAD + sum(heights)
        names = names_below(self._columns(), bottom + FOOT + 14, WIDTH)
        below = lines_below(self.below, bottom + FOOT + 14 + LINE * len(names), WIDTH)
        body = [
            self._axis(bottom),
            self._now(bottom),
            *(self._row(at, top, heights[at]) for at, top in enumerate(tops)),
            *names,
            *below,
        ]
        return frame(
            *body,
            title=title,
            description=description,
            key=key,
            kind="tornado",
            width=WIDTH,
            height=bottom + FOOT + LINE * (len(names) + len(below)),
        )

    def _columns(self) -> list[tuple[str, str]]:
        """Return the letters and names of the candidates in the figure."""
        places = sorted({one.column for one in self.swings} | {self.leader})
        return [(self.table.columns[at].letter, self.table.columns[at].name) for at in places]

    def _height(self, at: int) -> float:
        """Return the height of a bar with its name and what stands under that."""
        return ROW + LINE * (len(self.names[at]) - 1 + bool(self._under(at)))

    def _under(self, at: int) -> str:
        """Return what stands under the name of a bar."""
        return _remark(self.table, self.swings[at])

    def _scale(self) -> Scale:
        """Return the scale of the lead, in points; a leader that is out lies at its very left."""
        leads = [lead for one in self.swings for lead in (one.at_from, one.at_to)]
        ends = [100 * lead for lead in leads if lead is not None]
        values = [0.0, self.lead, *ends]
        if None in leads:
            values.append(min(values) - 0.2 * (max(values) - min(values)))
        return scale_over(values, NAMES + ENDS, WIDTH - ENDS, bounded=False)

    def _axis(self, bottom: float) -> SafeString:
        """Return the grid, the axis, and the line to whose left another leads."""
        ticks = [(self.scale(at), format_number(at)) for at in roomy_ticks(self.scale)]
        zero = self.scale(0)
        words = _(
            "points of 100 that %(leader)s scores above the next; below 0 another comes first"
        ) % {"leader": self.table.columns[self.leader].letter}
        return element(
            "g",
            *(line(x, HEAD, x, bottom, "fig-grid", HAIRLINE) for x, _words in ticks),
            line(self.scale.start, bottom, self.scale.end, bottom, "fig-axis", RULE),
            line(zero, HEAD - 4, zero, bottom, "fig-target", ACCENT, stroke_width=1.6),
            *(text(x, bottom + 16, told, "middle", SMALL, soft=True) for x, told in ticks),
            text(
                (self.scale.start + self.scale.end) / 2,
                bottom + 36,
                words,
                "middle",
                SMALL,
                soft=True,
            ),
        )

    def _now(self, bottom: float) -> SafeString:
        """Return the line of the lead as it is."""
        at = self.scale(self.lead)
        words = _("now %(lead)s") % {"lead": points(self.lead / 100)}
        return element(
            "g",
            line(at, HEAD - 4, at, bottom, "fig-axis", RULE, stroke_dasharray="2 3"),
            text(at, HEAD - 10, words, "middle", SMALL),
        )

    def _row(self, at: int, top: float, height: float) -> SafeString:
        """Return one bar with its name and the values at its ends."""
        swing, lines = self.swings[at], list(self.names[at])
        middle = top + height / 2
        under = self._under(at)
        first = middle + TEXT * TO_BASE - LINE * (len(lines) + bool(under) - 1) / 2
        parts = [
            text(0, first + LINE * place, words, "start", TEXT) for place, words in enumerate(lines)
        ]
        if under:
            parts.append(text(0, first + LINE * len(lines), under, "start", SMALL, soft=True))
        return element("g", *parts, *self._bar(swing, middle), class_="fig-row")

    def _bar(self, swing: Swing, middle: float) -> list[SafeString]:
        """Return a bar, what of it lies where another leads in the accent's colour."""
        marks = [
            (swing.at_from, _value(self.table, swing, swing.from_value)),
            (swing.at_to, _value(self.table, swing, swing.to_value)),
        ]
        (left, left_words), (right, right_words) = sorted(
            ((self._place(lead), self._end_words(lead, words)) for lead, words in marks)
        )
        zero, base = min(max(self.scale(0), left), right), middle + SMALL * TO_BASE
        return [
            _block(left, zero, middle, "fig-bar-lost", ACCENT),
            _block(zero, right, middle, "fig-bar", SOFT),
            blank(left - 4 - text_width(left_words, SMALL), left - 2, middle),
            blank(right + 2, right + 4 + text_width(right_words, SMALL), middle),
            text(left - 6, base, left_words, "end", SMALL),
            text(right + 6, base, right_words, "start", SMALL),
        ]

    def _place(self, lead: float | None) -> float:
        return self.scale.start if lead is None else self.scale(100 * lead)

    def _end_words(self, lead: float | None, value: str) -> str:
        """Return what stands at one end of a bar."""
        return _("%(value)s: out") % {"value": value} if lead is None else value


def _block(left: float, right: float, middle: float, kind: str, paint: str) -> SafeString:
    """Return a piece of a bar, nothing where it has no length."""
    if right <= left:
        return element("g")
    width = right - left
    return element(
        "rect", x=left, y=middle - BAR / 2, width=width, height=BAR, class_=kind, fill=paint
    )
