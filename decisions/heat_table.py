"""The matrix as a figure: goals by candidates, each cell shaded by what its value is worth.

Every shade stands beside a number and every outcome beside a sign, so it reads without colour.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from django.utils.safestring import SafeString
from django.utils.translation import gettext as _

from decisions.forest_plot import Figure
from decisions.marks import (
    EDGE,
    GOOD,
    HAIRLINE,
    LINE,
    RULE,
    SMALL,
    TEXT,
    TO_BASE,
    frame,
    line,
    sign,
    text,
)
from decisions.svg import Attribute, element, text_width, wrap
from decisions.weighing.scores import Simulated, Weighed
from decisions.weighing.table import Table
from decisions.weighing.words import (
    CellWords,
    cells_in_words,
    chance_words,
    chances_in_words,
    goal_words,
    points,
    worth_words,
)
from decisions.wide_tables import even_parts

WIDTH, NAMES, CELL_AT_LEAST, CELL_AT_MOST = 760.0, 196.0, 92.0, 150.0
ROW, RESULT, PAD, GAP = 50.0, 30.0, 10.0, 2.0
# What a part for a page holds: with the results and the legend it is no longer than the page, and
# it is not so wide that its letters get too small to read.
MOST_ROWS, MOST_WIDTH = 12, 950.0
# The darkest shade leaves ink readable on it.
FAINTEST, DARKEST = 0.03, 0.28


@dataclass(frozen=True, slots=True)
class Apart:
    """What is known for a cell and does not count there: the figure with its name, and why."""

    value: str
    why: str

    def __str__(self) -> str:
        told = {"value": self.value, "why": self.why}
        return _("%(value)s, measured, not comparable: %(why)s") % told


def heat_table(
    table: Table,
    weighed: Weighed,
    simulated: Simulated,
    *,
    winner: int | None = None,
    apart: Mapping[tuple[int, int], Apart] | None = None,
    in_parts: bool = False,
    key: str = "matrix",
) -> Figure:
    """Return goals by candidates with values, outcomes and what they are worth.

    Under them stand the scores and how often each candidate is the best; neither where nothing
    has a weight; those of a clear `winner` (a column) are set in bold. `apart` is, by row and
    column, what was measured for cells that hold nothing. `in_parts` is for pages: what is too
    large for one is drawn in several, the candidates over each.
    """
    apart = apart or {}
    title = _("How each candidate stands in every goal")
    results = _results(table, weighed, simulated)
    description = _describe(table, weighed, simulated)
    cells = cells_in_words(table)
    layout = _Drawing(table, weighed, cells, results, apart, winner, in_parts=in_parts)
    drawing, *further = layout.parts(title, description, f"figure-{key}")
    headings = (_("Goal"), *(str(column) for column in table.columns))
    lines = tuple(
        (
            f"{place.name} ({goal_words(place)}; {worth_words(place)})",
            *(str(apart.get((row, at), one)) for at, one in enumerate(told)),
        )
        for row, (place, told) in enumerate(zip(table.rows, cells, strict=True))
    )
    shown = lines + tuple(results)
    return Figure(drawing, title, description, (), headings, shown, tuple(further))


def heat_legend() -> str:
    """Return how to read the figure."""
    return _(
        "The darker a cell, the more its value is worth: nothing at the worst acceptable value, "
        "all at the target. Tick: met. Cross: not met. Waves: not decisive, the interval crosses "
        "the target. Dashed edge: no evidence, or none that may be compared with the others of its "
        "row: worth nothing. Est.: an estimate, which decides nothing. No interval: counts as "
        "exactly known."
    )


def _results(table: Table, weighed: Weighed, simulated: Simulated) -> list[tuple[str, ...]]:
    """Return the rows of results under the goals, as text."""
    if not table.is_weighed:
        return []
    out, places = _("out"), range(len(table.columns))
    scores = [points(score) for score in weighed.scores.tolist()]
    chances = [chance_words(table, simulated, at) for at in places]
    return [
        (name, *(out if weighed.is_out[at] else told[at] for at in places))
        for name, told in ((_("Score of 100"), scores), (_("Chance to be best"), chances))
    ]


def _describe(table: Table, weighed: Weighed, simulated: Simulated) -> str:
    """Return each candidate's result in a sentence, from first to last."""
    if not table.is_weighed:
        return _("Nothing has a weight, so nothing is weighed.")
    sentences = [_sentence(table, weighed, simulated, at) for at in weighed.order]
    return " ".join([*sentences, *chances_in_words(table, simulated)])


def _sentence(table: Table, weighed: Weighed, simulated: Simulated, at: int) -> str:
    told = {"candidate": str(table.columns[at]), "score": points(float(weighed.scores[at]))}
    if weighed.is_out[at]:
        told["musts"] = ", ".join(table.rows[row].name for row in table.failed_musts(at))
        return _("%(candidate)s is out: it fails a must, %(musts)s.") % told
    if table.is_unproven[at]:
        told["musts"] = ", ".join(table.rows[row].name for row in table.unknown_musts(at))
        return (
            _("%(candidate)s scores %(score)s of 100; nothing is known of a must, %(musts)s.")
            % told
        )
    told["chance"] = chance_words(table, simulated, at)
    return _("%(candidate)s scores %(score)s of 100, best in %(chance)s of draws.") % told


class _Drawing:
    """Lays the matrix out: a head of candidates, a row a goal, and the results.

    `rows` and `columns` are those of each part; without parts, of one that has them all.
    """

    def __init__(
        self,
        table: Table,
        weighed: Weighed,
        cells: list[list[CellWords]],
        results: list[tuple[str, ...]],
        apart: Mapping[tuple[int, int], Apart],
        winner: int | None,
        *,
        in_parts: bool,
    ) -> None:
        self.table, self.weighed, self.cells, self.results = table, weighed, cells, results
        self.apart, self.winner = apart, winner
        rows, columns = len(table.rows), len(table.columns)
        cell = min(self._widest(), CELL_AT_MOST)
        most = int((MOST_WIDTH - NAMES) / cell) if in_parts else columns
        self.rows = even_parts(rows, MOST_ROWS if in_parts else rows)
        self.columns = even_parts(columns, most)
        across = max(len(self.columns[0]), 1)
        self.cell = min(max((WIDTH - NAMES) / across, cell), CELL_AT_MOST)
        self.width = max(WIDTH, NAMES + self.cell * across)
        self.names = [wrap(one.name, self.cell - 2 * PAD, SMALL) for one in table.columns]
        self.head = 24 + LINE * max((len(lines) for lines in self.names), default=0)

    def parts(self, title: str, description: str, key: str) -> list[SafeString]:
        """Return the drawings: all goals of some candidates, then all goals of the next.

        Each has its own title; what they show together is told with the first.
        """
        places = [(rows, columns) for columns in self.columns for rows in self.rows]
        if len(places) == 1:
            return [self._part(*places[0], title, description, key)]
        named = _("%(title)s, part %(number)s of %(count)s")
        told = {"title": title, "count": len(places)}
        return [
            self._part(
                rows,
                columns,
                named % {**told, "number": number},
                description if number == 1 else _("As told with the first part."),
                key if number == 1 else f"{key}-{number}",
            )
            for number, (rows, columns) in enumerate(places, start=1)
        ]

    def _part(
        self, rows: range, columns: range, title: str, description: str, key: str
    ) -> SafeString:
        """Return some goals of some candidates; under the last goal stand the results."""
        bottom = self.head + ROW * len(rows)
        lefts = {column: NAMES + self.cell * at for at, column in enumerate(columns)}
        results = self.results if rows == self.rows[-1] else []
        body = [
            *(self._heading(column, left) for column, left in lefts.items()),
            *(self._row(row, self.head + ROW * at, lefts) for at, row in enumerate(rows)),
            line(0, bottom + 3, self.width, bottom + 3, "fig-axis", RULE),
            *(
                self._result(told, bottom + 4 + RESULT * at, lefts)
                for at, told in enumerate(results)
            ),
        ]
        return frame(
            *body,
            title=title,
            description=description,
            key=key,
            kind="heat-table",
            width=self.width,
            height=bottom + RESULT * len(results) + 8,
        )

    def _widest(self) -> float:
        """Return the width that the widest cell needs."""
        widths = [
            max(text_width(one.value, TEXT) + 22, text_width(one.second, SMALL))
            for row in self.cells
            for one in row
        ]
        widths += [text_width(one.value, TEXT) for one in self.apart.values()]
        widths += [text_width(_("not comparable"), SMALL)] if self.apart else []
        return max([CELL_AT_LEAST, *(width + 2 * PAD for width in widths)])

    def _heading(self, column: int, left: float) -> SafeString:
        """Return a candidate's letter and name over its column, and whether it is out."""
        start, is_out = left + PAD, bool(self.weighed.is_out[column])
        letter = self.table.columns[column].letter
        words = _("%(letter)s, out") % {"letter": letter} if is_out else letter
        lines = [
            text(start, 16 + LINE * (at + 1), words, "start", SMALL, soft=True)
            for at, words in enumerate(self.names[column])
        ]
        return element("g", text(start, 16, words, "start", TEXT, weight=600, soft=is_out), *lines)

    def _row(self, row: int, top: float, lefts: Mapping[int, float]) -> SafeString:
        """Return one goal: its name, what it asks for, and a cell a candidate."""
        place = self.table.rows[row]
        (name,) = wrap(place.name, NAMES - 2 * PAD, TEXT, lines=1) or [""]
        (asked,) = wrap(goal_words(place), NAMES - PAD, SMALL, lines=1) or [""]
        return element(
            "g",
            line(0, top, self.width, top, "fig-grid", HAIRLINE),
            text(0, top + 21, name, "start", TEXT, weight=600),
            text(0, top + 21 + LINE, asked, "start", SMALL, soft=True),
            *(self._cell(row, column, top, left) for column, left in lefts.items()),
        )

    def _cell(self, row: int, column: int, top: float, left: float) -> SafeString:
        """Return one cell: shade, sign, value and interval."""
        told, parts = self.cells[row][column], []
        start = left + PAD
        if told.outcome:
            parts.append(sign(told.outcome, start + 6, top + 16))
            start += 18
        room, is_out = left + self.cell - GAP - start, bool(self.weighed.is_out[column])
        apart = self.apart.get((row, column))
        value, second = (apart.value, _("not comparable")) if apart else (told.value, told.second)
        soft, weight = (True, 400) if apart else (is_out, 600)
        for words in wrap(value, room, TEXT, lines=1):
            base = top + 16 + TEXT * TO_BASE
            parts.append(text(start, base, words, "start", TEXT, weight=weight, soft=soft))
        for words in wrap(second, self.cell - PAD - GAP, SMALL, lines=1):
            base = top + 16 + LINE + SMALL * TO_BASE
            parts.append(text(left + PAD, base, words, "start", SMALL, soft=True))
        return element("g", self._shade(row, column, top, left), *parts)

    def _shade(self, row: int, column: int, top: float, left: float) -> SafeString:
        """Return the ground of a cell: the darker, the more its value is worth.

        Where a candidate is out its values are worth nothing any more.
        """
        place: dict[str, Attribute] = {
            "x": left + GAP,
            "y": top + GAP,
            "width": self.cell - 2 * GAP,
            "height": ROW - 2 * GAP,
            "rx": 3,
        }
        if self.table.is_unknown[row, column]:
            dashes = {"class_": "fig-nothing", "stroke": EDGE, "stroke_dasharray": "3 3"}
            return element("rect", fill="none", **dashes, **place)
        gone = self.weighed.is_out[column]
        worth = 0.0 if gone else float(self.weighed.utilities[row, column])
        shade = FAINTEST + (DARKEST - FAINTEST) * worth
        return element("rect", class_="fig-worth", fill=GOOD, fill_opacity=shade, **place)

    def _result(self, told: tuple[str, ...], top: float, lefts: Mapping[int, float]) -> SafeString:
        """Return a row of results; a clear winner's is set in bold."""
        base = top + RESULT / 2 + TEXT * TO_BASE
        cells = [
            text(
                left + PAD,
                base,
                told[column + 1],
                "start",
                TEXT,
                weight=600 if column == self.winner else 400,
                soft=bool(self.weighed.is_out[column]),
            )
            for column, left in lefts.items()
        ]
        return element("g", text(0, base, told[0], "start", TEXT, weight=600), *cells)
