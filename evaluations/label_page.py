"""Which labels a run gets right and which it takes for which, as its page shows it."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

from django.db.models import Count
from django.utils.translation import gettext as _

from decisions.numbers import format_count, format_number
from evaluations.models import ResultState, Run
from evaluations.scorers import Confusion, normalised
from evaluations.scorers.labels import counted

MOST_IN_MATRIX = 20  # labels; more columns than that nobody reads
MOST_CONFUSIONS = 15
SHADES = 5


@dataclass(frozen=True)
class LabelRow:
    """One label's figures, to two places."""

    name: str
    precision: str
    recall: str
    f1: str
    support: str


@dataclass(frozen=True)
class Mistake:
    """A label that was answered with another one, how often, and of how many cases."""

    expected: str
    answered: str
    count: int
    of: int


@dataclass(frozen=True)
class Cell:
    """A count of the matrix; `shade` 0 to 5 is its share of the row, "right" on the diagonal."""

    count: int
    shade: int
    is_right: bool


class LabelPage:
    """The figures by label of one finished run; counted in the database."""

    def __init__(self, run: Run) -> None:
        self.run = run
        self.names = {normalised(k): name for k, name in run.case_set.label_names().items()}

    @cached_property
    def confusion(self) -> Confusion:
        """Return how often each label was answered with what."""
        rows = self.run.results.order_by().values_list("case__expected", "output", "state")
        return counted(
            (None if state == ResultState.FAILED else output, expected, n)
            for expected, output, state, n in rows.annotate(n=Count("pk"))
        )

    @cached_property
    def rows(self) -> list[LabelRow]:
        """Return each label's figures, the worst F1 first."""
        found = sorted(self.confusion.figures(), key=lambda one: (one.f1, one.label))
        return [
            LabelRow(
                self._name(one.label),
                format_number(one.precision, 2) if one.given else "–",
                format_number(one.recall, 2),
                format_number(one.f1, 2),
                format_count(one.support),
            )
            for one in found
        ]

    @cached_property
    def mistakes(self) -> list[Mistake]:
        """Return the commonest mistakes, commonest first."""
        support = {one.label: one.support for one in self.confusion.figures()}
        return [
            Mistake(self._name(expected), self._answer(answered), count, support[expected])
            for expected, answered, count in self.confusion.worst(MOST_CONFUSIONS)
        ]

    @property
    def columns(self) -> list[str]:
        """Return the heads of the matrix; [] where there are too many labels for one."""
        labels = self.confusion.labels
        if len(labels) > MOST_IN_MATRIX:
            return []
        return [*map(self._name, labels), _("another answer"), _("no answer")]

    @property
    def matrix(self) -> list[tuple[str, list[Cell]]]:
        """Return (expected label, cells) of each row of the matrix."""
        found = zip(self.confusion.labels, self.confusion.counts, strict=True)
        return [
            (self._name(label), [_cell(row, place, at) for place in range(len(row))])
            for at, (label, row) in enumerate(found)
        ]

    def _name(self, label: str) -> str:
        return self.names.get(label, label)

    def _answer(self, label: str | None) -> str:
        other: Mapping[str | None, str] = {None: _("no answer"), "other": _("another answer")}
        return self.names.get(label or "") or other.get(label) or str(label)


def _cell(row: tuple[int, ...], place: int, diagonal: int) -> Cell:
    """Return one cell, shaded by its share of the row; what is there at all has a shade."""
    count = row[place]
    shade = -(-SHADES * count // sum(row))
    return Cell(count, shade, place == diagonal)
