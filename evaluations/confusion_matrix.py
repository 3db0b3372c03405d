"""The confusion matrix as a figure: which label was taken for which.

Right answers are outlined and mistakes are solid, so both read without colour.
"""

from collections.abc import Mapping
from math import sqrt

from django.utils.safestring import SafeString
from django.utils.translation import gettext as _

from decisions.forest_plot import Figure
from decisions.marks import COLOURS, GOOD, HAIRLINE, LINE, SMALL, TO_BASE, frame, line, text
from decisions.numbers import format_count
from decisions.outcomes import Outcome
from decisions.svg import Attribute, element, text_width, wrap
from evaluations.confusion_words import Cell, ConfusionWords, headings
from evaluations.scorers import Confusion

MOST_COUNTED = 20  # labels; with more, squares stand for the counts
MOST_IN_MATRIX = 200  # labels; more rows than that would be thinner than a line

WIDTH, NAMES, HEAD, PAD, GAP = 760.0, 186.0, 54.0, 6.0, 12.0
EXTRA, CELL_AT_MOST, NAMED_FROM, ROW = 54.0, 100.0, 64.0, 27.0
FAINTEST, DARKEST, SMALLEST = 0.08, 0.42, 2.0
RIGHT: dict[str, Attribute] = {"class_": "fig-right", "fill": GOOD, "stroke": GOOD}
WRONG: dict[str, Attribute] = {"class_": "fig-wrong", "fill": COLOURS[Outcome.MISSED]}


def confusion_matrix(
    confusion: Confusion, names: Mapping[str, str], *, key: str = "confusion"
) -> Figure | None:
    """Return which label was taken for which; None where there are too many labels to draw.

    `names` are those of labels that have one. With many labels, squares stand for the counts. The
    table holds every cell that isn't empty.
    """
    if not 0 < len(confusion.labels) <= MOST_IN_MATRIX:
        return None
    words = ConfusionWords(confusion, names)
    title = _("Which label is taken for which")
    drawing = _Drawing(words).svg(title, words.summary, f"figure-{key}")
    table = tuple(map(words.line, confusion.filled()))
    return Figure(drawing, title, words.summary, (), headings(), table)


def confusion_legend(confusion: Confusion) -> str:
    """Return how to read the matrix."""
    if len(confusion.labels) > MOST_COUNTED:
        return _(
            "A row is what was expected, a column what was answered. Hollow squares on the "
            "diagonal are right, solid ones are mistakes: the larger, the larger the share of the "
            "row, and the commonest mistake fills its cell. Rows with most mistakes are named; the "
            "table names all."
        )
    return _(
        "A row is what was expected, a column what was answered; the darker a cell, the larger its "
        "share of the row. Outlined cells on the diagonal are right, others are mistakes."
    )


class _Drawing:
    """Lays a matrix out: named rows, numbered columns, and a mark for what was answered."""

    def __init__(self, words: ConfusionWords) -> None:
        self.words, self.counts, self.size = words, words.counts, len(words.labels)
        self.is_counted = self.size <= MOST_COUNTED
        self.most_wrong = max(map(words.share, words.confusion.mistakes()), default=1.0)
        room = (WIDTH - NAMES - GAP - 2 * EXTRA) / self.size
        self.cell = max(min(room, CELL_AT_MOST), self._widest())
        self.row = ROW if self.is_counted else self.cell
        self.end = NAMES + self.cell * self.size
        self.bottom = HEAD + self.row * self.size

    def svg(self, title: str, description: str, key: str) -> SafeString:
        """Return the whole drawing."""
        body = [
            self._heads(),
            self._guides(),
            *(self._cells() if self.is_counted else self._squares()),
            *self._names(),
        ]
        return frame(
            *body,
            title=title,
            description=description,
            key=key,
            kind="confusion-matrix",
            width=max(WIDTH, self.end + GAP + 2 * EXTRA),
            height=self.bottom + 4,
        )

    def _widest(self) -> float:
        """Return the width that the largest count needs, nothing where none is written."""
        widest = max(text_width(format_count(max(row)), SMALL) for row in self.counts)
        return widest + PAD if self.is_counted else 0.0

    def _left(self, column: int) -> float:
        """Return where a column begins; what is no label stands apart."""
        beyond = column - self.size
        return NAMES + self.cell * column if beyond < 0 else self.end + GAP + EXTRA * beyond

    def _middle(self, column: int) -> float:
        return self._left(column) + (self.cell if column < self.size else EXTRA) / 2

    def _middle_of_row(self, row: int) -> float:
        return HEAD + self.row * (row + 0.5)

    def _is_numbered(self, place: int) -> bool:
        """Return whether a column has its number over it: each, or the tens."""
        return self.is_counted or place == 0 or (place + 1) % 10 == 0

    def _heads(self) -> SafeString:
        """Return what stands over the columns, and what rows and columns are."""
        over = text(NAMES, SMALL, _("Answered"), "start", SMALL, soft=True)
        beside = text(0, HEAD - 8, _("Expected"), "start", SMALL, soft=True)
        return element("g", over, beside, *(self._head(at) for at in range(self.size + 2)))

    def _head(self, column: int) -> SafeString:
        """Return what stands over a column: its name where there is room, else its number."""
        lines = [str(column + 1)] if self._is_numbered(column) else []
        if column >= self.size:
            lines = wrap(self.words.name(column), EXTRA, SMALL)
        elif self.cell >= NAMED_FROM:
            lines = wrap(self.words.numbered(column), self.cell - 2, SMALL)
        return element(
            "g",
            *(
                text(self._middle(column), HEAD - 8 - LINE * up, told, "middle", SMALL, soft=True)
                for up, told in enumerate(reversed(lines))
            ),
        )

    def _guides(self) -> SafeString:
        """Return lines to follow rows by, and columns where marks are small."""
        count, end = self.size, self._left(self.size + 2)
        every = range(count + 1) if self.is_counted else [*range(0, count, 10), count]
        rows = [HEAD + self.row * at for at in every]
        start = 0 if self.is_counted else NAMES
        parts = [line(start, y, end, y, "fig-grid", HAIRLINE) for y in rows]
        if not self.is_counted:
            columns = (NAMES + self.cell * at for at in every)
            parts += [line(x, HEAD, x, self.bottom, "fig-grid", HAIRLINE) for x in columns]
        return element("g", *parts)

    def _names(self) -> list[SafeString]:
        """Return the names of all rows, or of those with most mistakes that stand clear."""
        right = NAMES - PAD
        named = range(self.size) if self.is_counted else self._worst_rows()
        return [
            text(
                0 if self.is_counted else right,
                self._middle_of_row(at) + SMALL * TO_BASE,
                words,
                "start" if self.is_counted else "end",
                SMALL,
            )
            for at in named
            for words in wrap(self.words.numbered(at), right, SMALL, lines=1)
        ]

    def _worst_rows(self) -> list[int]:
        """Return the rows with most mistakes whose names leave each other room."""
        wrong = {at: sum(row) - row[at] for at, row in enumerate(self.counts)}
        kept: list[int] = []
        for at in sorted(wrong, key=lambda place: -wrong[place]):
            clear = all(abs(at - other) * self.row >= LINE for other in kept)
            if wrong[at] and clear:
                kept.append(at)
        return kept

    def _cells(self) -> list[SafeString]:
        """Return a shaded cell with its count for whatever was answered at all."""
        return [self._cell(cell) for cell in self.words.confusion.filled()]

    def _cell(self, cell: Cell) -> SafeString:
        row, column = cell
        x, y = self._middle(column), self._middle_of_row(row)
        width = (self.cell if column < self.size else EXTRA) - 2
        place = {"x": x - width / 2, "y": y - self.row / 2 + 1, "width": width}
        shade = element(
            "rect",
            height=self.row - 2,
            rx=2,
            fill_opacity=FAINTEST + (DARKEST - FAINTEST) * self.words.share(cell),
            **place,
            **(RIGHT if row == column else WRONG),
        )
        count, weight = format_count(self.counts[row][column]), 600 if row == column else 400
        words = text(x, y + SMALL * TO_BASE, count, "middle", SMALL, weight=weight)
        return element("g", shade, words)

    def _squares(self) -> list[SafeString]:
        """Return all right answers as one path of hollow squares, all mistakes as a solid one."""
        cells = self.words.confusion.filled()
        right = "".join(self._square(cell) for cell in cells if cell[0] == cell[1])
        wrong = "".join(self._square(cell) for cell in cells if cell[0] != cell[1])
        hollow = RIGHT | {"fill": "none", "class_": "fig-right-open"}
        return [element("path", d=right, **hollow), element("path", d=wrong, **WRONG)]

    def _square(self, cell: Cell) -> str:
        """Return the path of a square; the largest share of mistakes fills its cell, as all do."""
        most = 1.0 if cell[0] == cell[1] else self.most_wrong
        side = max((self.row - 1) * sqrt(self.words.share(cell) / most), SMALLEST)
        x, y = self._middle(cell[1]) - side / 2, self._middle_of_row(cell[0]) - side / 2
        return f"M{x:.1f} {y:.1f}h{side:.1f}v{side:.1f}h-{side:.1f}z"
