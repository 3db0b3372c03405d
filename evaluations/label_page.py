"""Which labels a run gets right, as its page shows it."""

from dataclasses import dataclass
from functools import cached_property

from django.db.models import Count

from decisions.numbers import format_count, format_number
from evaluations.models import ResultState, Run
from evaluations.scorers import Confusion, normalised
from evaluations.scorers.labels import counted


@dataclass(frozen=True)
class LabelRow:
    """One label's figures, to two places."""

    name: str
    precision: str
    recall: str
    f1: str
    support: str


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

    def _name(self, label: str) -> str:
        return self.names.get(label, label)
