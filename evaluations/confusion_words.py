"""Which labels a run takes for which, in words: what the figures of it say and list."""

from collections.abc import Mapping, Sequence

from django.utils.translation import gettext as _

from decisions.numbers import format_count, format_value
from evaluations.scorers import Confusion

MOST_TOLD = 3  # mistakes in a description

Cell = tuple[int, int]  # the row of what was expected, the column of what was answered


class ConfusionWords:
    """A confusion with the names of its labels; `names` are those of labels that have one.

    A number is a label's row in the drawing, from 1.
    """

    def __init__(self, confusion: Confusion, names: Mapping[str, str]) -> None:
        self.confusion, self.counts = confusion, confusion.counts
        self.labels = [names.get(label, label) for label in confusion.labels]
        self._told: dict[tuple[int, int], dict[str, str]] = {}

    def name(self, place: int) -> str:
        """Return what a column stands for: a label, another answer, or none."""
        beyond = place - len(self.labels)
        return self.labels[place] if beyond < 0 else (_("another answer"), _("no answer"))[beyond]

    def numbered(self, place: int) -> str:
        """Return what a column stands for, a label with its number."""
        name = self.name(place)
        return f"{place + 1}. {name}" if place < len(self.labels) else name

    def share(self, cell: Cell) -> float:
        """Return which share of what was expected was answered so, 0 to 1."""
        counts = self.counts[cell[0]]
        return counts[cell[1]] / sum(counts)

    def told(self, cell: Cell) -> dict[str, str]:
        """Return how often, of how many cases, and the share, as they are shown."""
        row, column = cell
        pair = self.counts[row][column], sum(self.counts[row])
        # Hundreds of cells hold the same few counts, and formatting is what takes time.
        if pair not in self._told:
            self._told[pair] = _formatted(*pair)
        return self._told[pair]

    def line(self, cell: Cell) -> tuple[str, ...]:
        """Return a line of the data table under `headings`."""
        return (*map(self.numbered, cell), *self.told(cell).values())

    def sentence(self, cell: Cell) -> str:
        """Return a mistake in words."""
        expected, answered = map(self.name, cell)
        told = self.told(cell) | {"expected": expected, "answered": answered}
        return _("%(expected)s: %(count)s of %(of)s got “%(answered)s”.") % told

    @property
    def summary(self) -> str:
        """Return how many answers are right, and what became of the others."""
        size = len(self.labels)
        right = sum(row[at] for at, row in enumerate(self.counts))
        other, none = (sum(row[at] for row in self.counts) for at in (size, size + 1))
        n = sum(map(sum, self.counts))
        told = {"right": right, "n": n, "wrong": n - right - other - none}
        sentence = _(
            "%(right)s of %(n)s are right. Another label: %(wrong)s; another answer: %(other)s; no "
            "answer: %(none)s."
        )
        counts = told | {"other": other, "none": none}
        return sentence % {name: format_count(count) for name, count in counts.items()}

    def worst(self, cells: Sequence[Cell]) -> str:
        """Return how many of all mistakes some are, and the first few of them in words."""
        found = self.confusion.mistakes()
        shown, n = (sum(self.counts[row][at] for row, at in each) for each in (cells, found))
        told = {"shown": format_count(shown), "n": format_count(n)}
        begun = _("Together %(shown)s of %(n)s mistakes.") % told
        return " ".join([begun, *map(self.sentence, cells[:MOST_TOLD])])


def _formatted(count: int, of: int) -> dict[str, str]:
    share = format_value(100 * count / of, unit="%")
    return {"count": format_count(count), "of": format_count(of), "share": share}


def headings() -> tuple[str, ...]:
    """Return what the columns of a data table hold."""
    return (_("Expected"), _("Answered"), _("How often"), _("Of its cases"), _("Share"))
