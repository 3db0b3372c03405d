"""Figures over many labelled answers: macro-F1, and which label is taken for which.

A case that failed or was never answered has the output None and counts as wrong: the denominator
is what was attempted.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from evaluations.scorers.interface import Outcome
from evaluations.scorers.words import normalised


@dataclass(frozen=True, slots=True)
class LabelFigures:
    """One label's figures: of `support` cases `found` were right; `given` answers named it."""

    label: str
    support: int
    given: int
    found: int

    @property
    def precision(self) -> float:
        """Return the share of its answers that were right; 0 if it was never answered."""
        return self.found / self.given if self.given else 0.0

    @property
    def recall(self) -> float:
        """Return the share of its cases that were found."""
        return self.found / self.support if self.support else 0.0

    @property
    def f1(self) -> float:
        """Return the harmonic mean of precision and recall."""
        return 2 * self.found / (self.given + self.support) if self.support + self.given else 0.0


@dataclass(frozen=True, slots=True)
class Confusion:
    """How often each label (row) was answered with what (column); both normalised and sorted.

    Columns are the labels, then other answers under "other", then None for no answer.
    """

    labels: tuple[str, ...]
    counts: tuple[tuple[int, ...], ...]

    def figures(self) -> list[LabelFigures]:
        """Return each label's figures."""
        return [
            LabelFigures(
                label,
                support=sum(self.counts[place]),
                given=sum(row[place] for row in self.counts),
                found=self.counts[place][place],
            )
            for place, label in enumerate(self.labels)
        ]

    def filled(self) -> list[tuple[int, int]]:
        """Return (row, column) of what was answered at all: by row, right first, then by count."""
        return [
            (row, column)
            for row, counts in enumerate(self.counts)
            for _right, _often, column in sorted(
                (column != row, -count, column) for column, count in enumerate(counts) if count
            )
        ]

    def mistakes(self) -> list[tuple[int, int]]:
        """Return (row, column) of every mistake, commonest first."""
        wrong = [(row, column) for row, column in self.filled() if row != column]
        return sorted(wrong, key=lambda cell: -self.counts[cell[0]][cell[1]])


def confusion(outputs: Sequence[Outcome], expected: Sequence[str]) -> Confusion:
    """Return the confusion counts over the labels that were expected; lengths must agree."""
    return counted((*pair, 1) for pair in zip(outputs, expected, strict=True))


def counted(answers: Iterable[tuple[Outcome, str, int]]) -> Confusion:
    """Return the confusion counts of (answer, expected label, how often)."""
    told = [(normalised(said or ""), normalised(label), n) for said, label, n in answers]
    labels = tuple(sorted({label for _said, label, _n in told}))
    places = {label: place for place, label in enumerate(labels)}
    counts = [[0] * (len(labels) + 2) for _label in labels]
    for said, label, n in told:
        column = places.get(said, len(labels)) if said else len(labels) + 1
        counts[places[label]][column] += n
    return Confusion(labels, tuple(map(tuple, counts)))


def macro_f1(outputs: Sequence[Outcome], expected: Sequence[str]) -> float:
    """Return the plain mean of F1 over the labels that were expected (0 to 1).

    A label that no case expected has no F1 of its own; answering with it costs the recall of the
    label that was expected. Raise ValueError without cases.
    """
    figures = confusion(outputs, expected).figures()
    if not figures:
        raise ValueError("macro-F1 needs at least one case")
    return sum(one.f1 for one in figures) / len(figures)
