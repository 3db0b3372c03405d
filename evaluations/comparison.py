"""Two systems on the same cases: how far apart are they, and is that more than chance?

Cases are what is compared. A case that a system failed on, or never answered, scores 0 for it.
"""

import math
from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from numpy.typing import NDArray

from decisions.numbers import format_count, format_measured
from evaluations.bootstrap import (
    CELLS,
    RESAMPLES,
    Floats,
    Values,
    case_means,
    come_often,
    is_right_or_wrong,
    mean_interval,
)
from evaluations.statistics import Interval, compare_paired, holm

EXACT = "exact McNemar test, Newcombe paired interval (method 10)"
RANDOMISED = "paired randomisation test, BCa bootstrap of the mean difference"
FLIPS = 9999  # random assignments, where there are too many to go through all
ALL_FLIPS = 13  # differing cases up to which all assignments are gone through
SAME = 1e-12  # differences closer than this are the same but for rounding

Rows = Iterable[tuple[Hashable, float | None]]


@dataclass(frozen=True, slots=True)
class Comparison:
    """The first system's mean score minus the second's (-1 to 1) over `n` cases, with how sure.

    `low` and `high` bound the difference; an end is None where a single case can't bound it. `p`
    is the two-sided p-value, `p_holm` the same corrected for all comparisons made together, None
    as long as there is only this one. `first` and `second` are the two means.
    """

    difference: float
    low: float | None
    high: float | None
    n: int
    method: str
    p: float
    p_holm: float | None = None
    confidence: float = 0.95
    first: float = math.nan
    second: float = math.nan

    @property
    def decisive(self) -> bool:
        """Return whether interval and (corrected) test both tell the two apart."""
        if self.low is None or self.high is None:
            return False
        p = self.p if self.p_holm is None else self.p_holm
        return (self.low > 0 or self.high < 0) and p <= 1 - self.confidence + SAME

    def in_words(self, first: str, second: str, family_size: int = 1) -> str:
        """Return the comparison as a sentence about two named systems, in percentage points.

        Difference and interval are seen from the one that is ahead, and rounded by one rule.
        """
        difference, low, high = self._seen_from_ahead()
        points, interval = format_measured(difference, low, high, "", self.n)
        told = {
            "ahead": first if self.difference >= 0 else second,
            "behind": second if self.difference >= 0 else first,
            "points": points,
            "how": self._how(interval, family_size),
        }
        return self._sentence() % told

    def _sentence(self) -> str:
        """Return the sentence that fits, with its gaps."""
        if self.decisive:
            return _("%(ahead)s is %(points)s points ahead of %(behind)s (%(how)s).")
        if abs(self.difference) < SAME:
            return _("Not decisive: %(ahead)s and %(behind)s are level (%(how)s).")
        return _(
            "Not decisive: %(ahead)s is %(points)s points ahead of %(behind)s, which may be "
            "chance (%(how)s)."
        )

    def _seen_from_ahead(self) -> tuple[float, float | None, float | None]:
        """Return difference and interval in points, of the one that is ahead over the other.

        An interval without width comes from cases that are all the same, and bounds nothing.
        """
        if self.low is None or self.high is None or self.low == self.high:
            return 100 * abs(self.difference), None, None
        ends = (self.low, self.high) if self.difference >= 0 else (-self.high, -self.low)
        return 100 * abs(self.difference), 100 * ends[0], 100 * ends[1]

    def _how(self, interval: str, family_size: int) -> str:
        """Return interval and sample size, and what the test was corrected for."""
        level = _("%(level)s CI") % {"level": f"{self.confidence:.0%}"}
        size = _("n = %(n)s, paired") % {"n": format_count(self.n)}
        told = f"{level} {interval}, {size}" if interval else size
        if self.p_holm is None or family_size < 2:
            return told
        corrected = ngettext(
            "test corrected for %(n)s comparison, Holm",
            "test corrected for %(n)s comparisons, Holm",
            family_size,
        )
        return f"{told}; {corrected % {'n': format_count(family_size)}}"


@dataclass(frozen=True, slots=True)
class Aligned:
    """Two systems' scores case by case, and what was left out or filled in.

    `missing_first` and `missing_second` are cases that were compared although that system has
    nothing on them: it scores 0. `only_first` and `only_second` were not compared.
    """

    keys: tuple[Hashable, ...]
    first: Floats
    second: Floats
    missing_first: tuple[Hashable, ...] = ()
    missing_second: tuple[Hashable, ...] = ()
    only_first: tuple[Hashable, ...] = ()
    only_second: tuple[Hashable, ...] = ()

    @property
    def left_out(self) -> int:
        """Return how many cases were not compared."""
        return len(self.only_first) + len(self.only_second)


def aligned(first: Rows, second: Rows, cases: Sequence[Hashable] | None = None) -> Aligned:
    """Return the mean score of each case for both systems, paired by case key.

    Rows are (case key, score); None is an error and scores 0, and a case answered several times
    has several rows. With `cases`, the keys that both were to answer, all of them are compared
    and one that a system lacks scores 0 there. Without, only cases that both have are.
    """
    one, other = _means(first), _means(second)
    known = dict.fromkeys(one) if cases is None else dict.fromkeys(cases)
    keys = [key for key in known if cases is not None or key in other]
    compared = set(keys)
    return Aligned(
        tuple(keys),
        np.array([one.get(key, 0.0) for key in keys]),
        np.array([other.get(key, 0.0) for key in keys]),
        missing_first=tuple(key for key in keys if key not in one),
        missing_second=tuple(key for key in keys if key not in other),
        only_first=tuple(key for key in one if key not in compared),
        only_second=tuple(key for key in other if key not in compared),
    )


def _means(rows: Rows) -> Mapping[Hashable, float]:
    """Return the mean score of each case over its rows."""
    found: dict[Hashable, list[float]] = {}
    for key, score in rows:
        failed = score is None or math.isnan(score)
        found.setdefault(key, []).append(0.0 if failed or score is None else score)
    return {key: math.fsum(some) / len(some) for key, some in found.items()}


def compare(
    first: Values,
    second: Values,
    clusters: Sequence[Any] | None = None,
    *,
    seed: int = 0,
    confidence: float = 0.95,
) -> Comparison:
    """Return the comparison of two systems' scores on the same cases, in the same order.

    Where every case is right or wrong for both: McNemar's exact test and Newcombe's interval.
    Else the interval is a BCa bootstrap of the mean difference over cases and the test flips
    which system a case's scores belong to. `clusters` names the case of each score where cases
    were answered several times. None scores 0. Raise ValueError without cases, or if the lengths
    differ.
    """
    one, other = case_means(first, clusters), case_means(second, clusters)
    if len(one) != len(other):
        raise ValueError(f"{len(one)} scores against {len(other)}: align them by case first")
    interval, p, method = _judged(one, other, seed, confidence)
    return Comparison(
        float((one - other).mean()),
        interval.low,
        interval.high,
        len(one),
        method,
        p,
        confidence=confidence,
        first=float(one.mean()),
        second=float(other.mean()),
    )


def _judged(
    one: Floats, other: Floats, seed: int, confidence: float
) -> tuple[Interval, float, str]:
    """Return interval, p-value and method for the scores of paired cases."""
    if is_right_or_wrong(one) and is_right_or_wrong(other):
        paired = compare_paired(list(one == 1), list(other == 1), confidence)
        return paired.interval, paired.p_value, EXACT
    differences = one - other
    interval = mean_interval(differences, seed=seed, confidence=confidence, resamples=RESAMPLES)
    return interval, randomisation_p(differences, seed), RANDOMISED


def randomisation_p(differences: Floats, seed: int = 0) -> float:
    """Return the two-sided p-value of a mean difference under random flips of its cases' signs.

    Fisher (1935), The Design of Experiments, section 21; Smucker, Allan and Carterette (2007),
    CIKM. Exact up to 13 differing cases; beyond them of 9,999 random flips, the one observed
    counted in (Phipson and Smyth 2010).
    """
    sizes = np.abs(differences[np.abs(differences) > SAME])
    reached = abs(float(differences.sum())) - SAME * max(1, len(differences))
    if len(sizes) <= ALL_FLIPS:
        return float(np.mean(np.abs(_all_sums(sizes)) >= reached))
    sums = _random_sums(sizes, np.random.default_rng(seed))
    return (1 + int(np.sum(np.abs(sums) >= reached))) / (1 + FLIPS)


def _all_sums(sizes: Floats) -> Floats:
    """Return the sum under each assignment of signs, shape (2 ** sizes,)."""
    sums = np.zeros(1)
    for size in sizes:
        sums = np.concatenate([sums + size, sums - size])
    return sums


def _random_sums(sizes: Floats, generator: np.random.Generator) -> Floats:
    """Return the sum under random signs, shape (flips,).

    Of few distinct sizes it is enough to draw how many of each stay positive.
    """
    distinct, counts = np.unique(sizes, return_counts=True)
    if come_often(distinct, len(sizes)):
        positive = generator.binomial(counts, 0.5, size=(FLIPS, len(distinct)))
        drawn: Floats = (2 * positive - counts) @ distinct
        return drawn
    some = max(1, CELLS // len(sizes))
    chunks = (min(some, FLIPS - start) for start in range(0, FLIPS, some))
    # einsum, because a matrix product waits for threads that a busy machine does not give it.
    kept = [np.einsum("ij,j->i", _coins(generator, rows, len(sizes)), sizes) for rows in chunks]
    sums: Floats = 2 * np.concatenate(kept) - sizes.sum()
    return sums


def _coins(generator: np.random.Generator, rows: int, columns: int) -> NDArray[np.uint8]:
    """Return fair coins, 0 or 1, shape (rows, columns)."""
    bits = np.frombuffer(generator.bytes(-(-rows * columns // 8)), dtype=np.uint8)
    return np.unpackbits(bits, count=rows * columns).reshape(rows, columns)


def with_holm(comparisons: Sequence[Comparison]) -> list[Comparison]:
    """Return the comparisons with p-values corrected for being made together (Holm 1979)."""
    corrected = holm([one.p for one in comparisons])
    return [replace(one, p_holm=p) for one, p in zip(comparisons, corrected, strict=True)]
