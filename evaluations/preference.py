"""What several people's blind choices between two systems come to. Pure functions of plain values.

A choice is "first", "second", "tie" or "both_bad".
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from evaluations.statistics import Interval, mcnemar_exact, wilson

FIRST, SECOND = "first", "second"
NEITHER = ("tie", "both_bad")


@dataclass(frozen=True, slots=True)
class Agreement:
    """How far raters agree beyond chance: kappa (None where undefined) over n cases."""

    kappa: float | None
    n: int
    raters: int
    method: str


@dataclass(frozen=True, slots=True)
class Preference:
    """On how many cases the first system won, the second did, or neither, over all rated cases.

    `both_bad` is how many of the cases that neither won most raters called bad on both sides.
    """

    first: int
    second: int
    neither: int
    both_bad: int
    agreement: Agreement | None

    @property
    def n(self) -> int:
        """Return the number of cases that anybody rated."""
        return self.first + self.second + self.neither

    @property
    def decided(self) -> int:
        """Return the number of cases that one of the two won."""
        return self.first + self.second

    @property
    def interval(self) -> Interval:
        """Return the interval (Wilson) of the first's share of the cases that one of them won."""
        return wilson(self.first, self.decided)

    @property
    def p(self) -> float:
        """Return the two-sided exact p-value of the sign test."""
        return mcnemar_exact(self.first, self.second)


def preference(choices: Mapping[str, Sequence[str]], raters: Sequence[str]) -> Preference:
    """Return what choices come to; `choices` is case → rater's choices in the order of raters.

    A rater's choice that is missing is "". A case goes to a system if more than half of those who
    rated it found it better; else neither wins. Cases that nobody rated don't count.
    """
    given = {case: [one for one in row if one] for case, row in choices.items()}
    winners = [winner(row) for row in given.values() if row]
    counted = Counter(winners)
    bad = sum(_most_say_bad(row) for row in given.values() if row)
    return Preference(
        counted[FIRST],
        counted[SECOND],
        len(winners) - counted[FIRST] - counted[SECOND],
        bad,
        agreement(list(choices.values()), len(raters)),
    )


def winner(row: Sequence[str]) -> str:
    """Return whom more than half of the choices on a case prefer, or "neither"."""
    for system in (FIRST, SECOND):
        if 2 * sum(one == system for one in row) > len(row):
            return system
    return "neither"


def _most_say_bad(row: Sequence[str]) -> bool:
    return 2 * sum(one == "both_bad" for one in row) > len(row)


def agreement(rows: Sequence[Sequence[str]], raters: int) -> Agreement | None:
    """Return the agreement over the cases that all raters rated; None for one rater or no such.

    A tie and "both are bad" count as one answer: neither is better.
    """
    complete = [[_plain(one) for one in row] for row in rows if len(row) == raters and all(row)]
    if raters < 2 or not complete:
        return None
    kappa = cohen_kappa(complete) if raters == 2 else fleiss_kappa(complete)
    return Agreement(kappa, len(complete), raters, "Cohen" if raters == 2 else "Fleiss")


def _plain(choice: str) -> str:
    return "neither" if choice in NEITHER else choice


def cohen_kappa(rows: Sequence[Sequence[str]]) -> float | None:
    """Return the agreement of two raters beyond chance (Cohen 1960); None if all said the same."""
    n = len(rows)
    agreed = sum(one == other for one, other in rows) / n
    one, other = Counter(row[0] for row in rows), Counter(row[1] for row in rows)
    chance = sum(one[name] * other[name] for name in one) / n**2
    return None if chance == 1 else (agreed - chance) / (1 - chance)


def fleiss_kappa(rows: Sequence[Sequence[str]]) -> float | None:
    """Return the agreement of as many raters a case beyond chance (Fleiss 1971); None if all agree.

    Each row holds one case's choices. With a single answer throughout, chance alone explains it.
    """
    n, m = len(rows), len(rows[0])
    counts = [Counter(row) for row in rows]
    alike = sum((sum(c * c for c in one.values()) - m) / (m * (m - 1)) for one in counts) / n
    total = Counter(choice for row in rows for choice in row)
    chance = sum((count / (n * m)) ** 2 for count in total.values())
    return None if chance == 1 else (alike - chance) / (1 - chance)
