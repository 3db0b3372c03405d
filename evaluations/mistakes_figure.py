"""The commonest mistakes of a run as a figure: what was taken for what, and how often."""

from collections.abc import Mapping, Sequence

from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from decisions.forest_plot import Figure
from decisions.marks import LINE, RULE, SOFT, TEXT, TO_BASE, frame, line, text
from decisions.svg import Scale, element, wrap
from evaluations.confusion_words import Cell, ConfusionWords, headings
from evaluations.scorers import Confusion

MOST = 15
WIDTH, NAMES, NUMBERS, ROW, BAR, PAD = 760.0, 372.0, 148.0, 27.0, 13.0, 8.0


def commonest_mistakes(
    confusion: Confusion, names: Mapping[str, str], *, key: str = "mistakes"
) -> Figure | None:
    """Return what was most often taken for what; None without mistakes.

    `names` are those of labels that have one.
    """
    found = confusion.mistakes()[:MOST]
    if not found:
        return None
    words = ConfusionWords(confusion, names)
    count = len(found)
    title = ngettext("The commonest mistake", "The %(n)s commonest mistakes", count) % {"n": count}
    description = words.worst(found)
    drawing = _Drawing(words, found).svg(title, description, f"figure-{key}")
    return Figure(drawing, title, description, (), headings(), tuple(map(words.line, found)))


class _Drawing:
    """Lays mistakes out: what was taken for what, a bar, and of how many cases."""

    def __init__(self, words: ConfusionWords, cells: Sequence[Cell]) -> None:
        self.words, self.cells = words, cells
        pairs = (" → ".join(map(words.name, cell)) for cell in cells)
        self.names = [wrap(pair, NAMES - PAD, TEXT) for pair in pairs]
        most = max(self._count(cell) for cell in cells)
        self.scale = Scale(0, most, NAMES, WIDTH - NUMBERS)

    def svg(self, title: str, description: str, key: str) -> SafeString:
        """Return the whole drawing."""
        heights = [ROW + LINE * (len(lines) - 1) for lines in self.names]
        middles = [sum(heights[:at]) + height / 2 for at, height in enumerate(heights)]
        return frame(
            *(self._row(at, middle) for at, middle in enumerate(middles)),
            line(NAMES, 0, NAMES, sum(heights), "fig-axis", RULE),
            title=title,
            description=description,
            key=key,
            kind="mistakes",
            width=WIDTH,
            height=sum(heights),
        )

    def _count(self, cell: Cell) -> int:
        return self.words.counts[cell[0]][cell[1]]

    def _row(self, at: int, middle: float) -> SafeString:
        """Return one mistake: its labels, its bar, and its counts."""
        cell, lines, base = self.cells[at], self.names[at], middle + TEXT * TO_BASE
        end, first = self.scale(self._count(cell)), base - LINE * (len(lines) - 1) / 2
        place = {"x": NAMES, "y": middle - BAR / 2, "width": end - NAMES, "height": BAR}
        told = _("%(count)s of %(of)s, %(share)s") % self.words.told(cell)
        return element(
            "g",
            *(text(0, first + LINE * up, words, "start", TEXT) for up, words in enumerate(lines)),
            element("rect", class_="fig-bar", fill=SOFT, **place),
            text(end + PAD, base, told, "start", TEXT),
        )
