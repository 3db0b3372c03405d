"""Runs of a record held against each other: which may be, how far apart they are, as evidence."""

import hashlib
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from itertools import combinations
from typing import Any

import numpy as np
from django.urls import reverse
from django.utils.text import slugify
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from decisions.actions.evidence import Measurement, attach_evidence, withdraw_comparisons
from decisions.freshness import earlier_spec
from decisions.metrics import METRICS
from decisions.models import OF_RUNS, Candidate, Decision, Evidence, EvidenceKind, User
from decisions.numbers import format_count
from evaluations.comparison import EXACT, Aligned, Comparison, aligned, compare, with_holm
from evaluations.imported_figures import why_incomparable
from evaluations.models import Result, Run, RunSource, RunState
from evaluations.scorers import SCORERS
from evaluations.statistics import cases_needed, cases_needed_for_mean
from evaluations.summary import conditions

KEPT = 512  # comparisons of two runs that a process remembers
FEW_LETTERS = 3  # candidates that are named with a reason
MOST_NEEDED = 1_000_000  # more cases than this is as good as never


@dataclass(frozen=True)
class Paired:
    """Two runs compared case by case, and the cases by who was right (None where graded)."""

    comparison: Comparison
    table: tuple[int, int, int, int] | None
    needed: int | None

    @property
    def needed_in_words(self) -> str:
        """Return how many cases would tell, or "" where these do or no number would."""
        if self.comparison.decisive or self.needed is None:
            return ""
        told = {"n": format_count(rounded_up(self.needed))}
        return _("About %(n)s cases would be needed to tell.") % told


@dataclass(frozen=True)
class LeftOut:
    """A candidate whose run is not compared, and why."""

    candidate: Candidate
    run: Run
    why: str


@dataclass(frozen=True)
class Reason:
    """Why some candidates are not compared, without what differs from one to the other."""

    words: str
    left_out: tuple[LeftOut, ...]

    @property
    def sentence_part(self) -> str:
        """Return who is not compared and why; of more than a few only how many there are."""
        n = len(self.left_out)
        letters = ", ".join(one.candidate.letter for one in self.left_out)
        if n <= FEW_LETTERS:
            # Of a single one all is told: which cases, which scorer.
            why = self.left_out[0].why if n == 1 else self.words
            return f"{letters}: {why}"
        counted = ngettext("%(n)s candidate", "%(n)s candidates", n) % {"n": format_count(n)}
        return f"{counted}: {self.words}"


@dataclass(frozen=True)
class Family:
    """All runs of a record that may be compared with one run, itself included, and the others.

    The comparisons of all pairs are one family: their p-values are corrected together (Holm).
    """

    runs: tuple[Run, ...]
    left_out: tuple[LeftOut, ...]

    @property
    def reasons(self) -> list[Reason]:
        """Return why others are not compared, commonest first."""
        found: dict[str, list[LeftOut]] = {}
        for one in self.left_out:
            words = one.why.partition(" (")[0].replace(str(one.run), _("their run"))
            found.setdefault(words, []).append(one)
        reasons = [Reason(words, tuple(some)) for words, some in found.items()]
        return sorted(reasons, key=lambda one: -len(one.left_out))

    @property
    def pairs(self) -> list[tuple[Run, Run]]:
        """Return every two runs, the one whose candidate stands first on the record first."""
        return list(combinations(self.runs, 2))

    @cached_property
    def compared(self) -> list[tuple[Run, Run, Paired]]:
        """Return every two runs with how they compare, corrected for being several."""
        found = [paired(*pair) for pair in self.pairs]
        corrected = with_holm([one.comparison for one in found]) if found else []
        return [
            (first, second, Paired(comparison, one.table, one.needed))
            for (first, second), one, comparison in zip(self.pairs, found, corrected, strict=True)
        ]


def family_of(run: Run) -> Family:
    """Return the runs that stand on the record and may be compared with this finished one.

    Of every other candidate that is considered it is the newest finished run whose figures the
    record shows. What cannot be compared with it is named with the reason.
    """
    newest: dict[int, Run] = {}
    fallback: dict[int, LeftOut] = {}
    outdated = _of_earlier_specs(run.candidate.decision)
    for other in standing_runs(run):
        if other.candidate_id in newest:
            continue
        if (other.candidate_id, other.results_digest) in outdated:
            why = _("it is run otherwise by now")
        else:
            why = why_not(run, other)
        if why:
            fallback.setdefault(other.candidate_id, LeftOut(other.candidate, other, why))
        else:
            newest[other.candidate_id] = other
    runs = sorted([run, *newest.values()], key=lambda one: one.candidate.position)
    left_out = [one for pk, one in fallback.items() if pk not in newest]
    return Family(tuple(runs), tuple(left_out))


def standing_runs(run: Run) -> list[Run]:
    """Return the other candidates' runs whose figures stand on the record, newest first."""
    shown = run.candidate.decision.evidence.standing().filter(kind__in=OF_RUNS)
    figures = set(shown.values_list("origin_url", "source_digest", "metric"))
    found = Run.objects.of(run.candidate.decision).filter(
        state=RunState.FINISHED,
        candidate__is_dropped=False,
        results_digest__in={digest for _url, digest, _metric in figures},
    )
    others = found.exclude(candidate=run.candidate_id).select_related("candidate", "case_set")
    return [one for one in others.order_by("-pk") if _stands(one, figures)]


def _of_earlier_specs(record: Decision) -> set[tuple[int, str]]:
    """Return who is run otherwise by now, each with the digest of what was measured of them."""
    specs = dict(record.candidates.values_list("pk", "spec"))
    figures = record.evidence.standing().filter(kind__in=OF_RUNS)
    outdated = (one for one in figures if earlier_spec(one, specs))
    return {(one.candidate_id, one.source_digest) for one in outdated}


def _stands(run: Run, figures: Collection[tuple[str, str, str]]) -> bool:
    """Return whether the figure that is compared stands; of another tool's run, any figure.

    Runs that differ in their seed may answer alike: which one the record shows, its address says.
    """
    own = [run.get_absolute_url(), run.results_digest]
    metrics = {metric for *of, metric in figures if of == own}
    return bool(metrics) if run.is_imported else metric_of(run)[0] in metrics


def why_not(one: Run, other: Run) -> str:
    """Return why two runs may not be compared, or ""."""
    if one.case_set_id is None or other.case_set_id is None:
        return _("brought in without its cases")
    if why := why_incomparable(one) or why_incomparable(other):
        return why
    if one.case_set.digest != other.case_set.digest:
        return _("measured on other cases (%(case_set)s)") % {"case_set": other.case_set}
    if one.split != other.split:
        return _("measured on another split")
    if one.scorer != other.scorer:
        return _("scored in another way (%(scorer)s)") % {"scorer": other.scorer}
    if _unjudged(one, other):
        return _("not judged throughout: try again what failed")
    return ""


def _unjudged(*runs: Run) -> bool:
    """Return whether the main scorer's model owes a verdict on an answer of runs from here."""
    owed = Result.objects.filter(run__in=runs, run__source=RunSource.MEASURED).exclude(error="")
    return owed.exclude(output="").exists()


def paired(first: Run, second: Run) -> Paired:
    """Return how two finished runs compare; remembered, for it takes long where scores are graded.

    The digest of its results names what a run found; asking again after it was worked on anew
    compares anew.
    """
    return _paired(first.pk, first.results_digest, second.pk, second.results_digest)


@lru_cache(maxsize=KEPT)
def _paired(first: int, first_digest: str, second: int, second_digest: str) -> Paired:
    """Return how two runs compare; the digests are there to tell what is remembered apart."""
    pairs = scores_of(first, second)
    comparison = compare(pairs.first, pairs.second)
    if comparison.method != EXACT:
        return Paired(comparison, None, _needed_for_mean(pairs))
    table = table_of(pairs)
    return Paired(comparison, table, _needed(table))


def scores_of(first: int, second: int) -> Aligned:
    """Return the scores of two runs paired by case; a case without an answer scores 0.

    Every case that the first run was to answer is compared; both have the same ones.
    """
    runs = Run.objects.select_related("case_set").in_bulk([first, second])
    of_first = runs[first]
    cases = of_first.case_set.cases.filter(split=of_first.split).order_by("position")
    keys = list(cases.values_list("key", flat=True))
    return aligned(_scores(runs[first]), _scores(runs[second]), keys)


def _scores(run: Run) -> list[tuple[str, float | None]]:
    """Return (case key, score) of a run's answers; None where there is none."""
    rows = run.results.order_by("case__position", "repeat")
    told = rows.values_list("case__key", "score", "correct", "error")
    return [
        (key, None if error else score if score is not None else float(bool(correct)))
        for key, score, correct, error in told.iterator(chunk_size=2000)
    ]


def table_of(pairs: Aligned) -> tuple[int, int, int, int]:
    """Return the number of cases where both, the first only, the second only, neither is right."""
    one, other = pairs.first == 1, pairs.second == 1
    counts = (one & other, one & ~other, ~one & other, ~one & ~other)
    both, first, second, neither = (int(np.sum(count)) for count in counts)
    return both, first, second, neither


def _needed(table: tuple[int, int, int, int]) -> int | None:
    n, differs = sum(table), table[1] + table[2]
    difference = (table[1] - table[2]) / n
    return cases_needed(difference, differs / n) if difference else None


def _needed_for_mean(pairs: Aligned) -> int | None:
    differences = pairs.first - pairs.second
    if len(differences) < 2:
        return None
    mean, sd = float(differences.mean()), float(differences.std(ddof=1))
    return cases_needed_for_mean(mean, sd) if mean and sd > 0 else None


def rounded_up(n: int) -> int:
    """Return a number of cases with two digits that count: it is an estimate, told as one."""
    step = int(10 ** max(0, len(str(n)) - 2))
    return min(MOST_NEEDED, -(-n // step) * step)


# As evidence


def attach_comparisons(run: Run, *, by: User) -> tuple[list[Evidence], Family]:
    """Hand the comparisons of all runs that may be compared with this one to its record.

    The whole family is computed and attached anew, for the correction of each p-value depends on
    all of them; what comes out word for word as it stands there is kept, and what compares a run
    outside the family is withdrawn. The caller's transaction holds the record's lock.
    """
    if Candidate.objects.filter(pk=run.candidate_id, is_dropped=True).exists():
        return [], Family((), ())
    family = family_of(run)
    if run.case_set_id is None:
        return [], family
    told = _conditions(family)
    found: list[Evidence] = []
    for first in family.runs[:-1]:
        measured = [
            _measurement(one, other, result, len(family.pairs), told)
            for one, other, result in family.compared
            if one == first
        ]
        found += attach_evidence(
            first.candidate, by=by, measurements=measured, kind=EvidenceKind.COMPARISON
        )
    kept = [source_digest(*pair) for pair in family.pairs]
    withdraw_comparisons(run.candidate, by=by, conditions=told, kept=kept)
    return found, family


def remember(run: Run, results_digest: str) -> None:
    """Compare a run that is about to finish, so that it need not be done while all is locked."""
    run.results_digest = results_digest
    _ = family_of(run).compared


def _conditions(family: Family) -> dict[str, str]:
    """Return what was the same for all; of cases known by two names the older name."""
    return conditions(min(family.runs, key=lambda one: one.case_set_id or 0))


def _measurement(
    first: Run, second: Run, result: Paired, family_size: int, told: dict[str, str]
) -> Measurement:
    """Return a comparison as the record takes it in, in percentage points."""
    comparison = result.comparison
    metric, name = metric_of(first)
    values = {"metric": name, "other": second.candidate.letter}
    return Measurement(
        metric=metric,
        metric_name=_("%(metric)s, difference from %(other)s") % values,
        value=100 * comparison.difference,
        n=comparison.n,
        unit=_("points"),
        method=" ".join(sentences(first, second, result, family_size)),
        origin=_("%(first)s and %(second)s") % {"first": first, "second": second},
        origin_url=compare_url(first, second),
        source_digest=source_digest(first, second),
        conditions=told,
        compared_with=second.candidate,
        **_interval(comparison),
    )


def metric_of(run: Run) -> tuple[str, str]:
    """Return key and name of what is compared: the figure of the main scorer.

    What another tool scored by has no figure of its own in the catalogue.
    """
    scorer = SCORERS.get(run.scorer.partition("/")[0])
    if scorer is None:
        return slugify(run.scorer) or "score", run.scorer
    return scorer.metric, str(METRICS[scorer.metric].name)


def _interval(comparison: Comparison) -> dict[str, Any]:
    """Return the interval as a measurement has it; one without width bounds nothing."""
    low, high = comparison.low, comparison.high
    if low is None or high is None or low == high:
        return {}
    how = _("paired, %(confidence)s: %(method)s") % {
        "confidence": f"{comparison.confidence:.0%}",
        "method": comparison.method.rpartition(", ")[2],
    }
    return {"low": 100 * low, "high": 100 * high, "interval_method": how}


def sentences(first: Run, second: Run, result: Paired, family_size: int = 1) -> list[str]:
    """Return a comparison in sentences: who is ahead, whether it is decisive, how that is known."""
    one = result.comparison
    names = (first.candidate.name, second.candidate.name)
    found = [one.in_words(*names, family_size), result.needed_in_words]
    if result.table:
        told = {
            "first": first.candidate.letter,
            "second": second.candidate.letter,
            "first_only": format_count(result.table[1]),
            "second_only": format_count(result.table[2]),
        }
        found.append(
            _(
                "Only %(first)s was right on %(first_only)s, only %(second)s on %(second_only)s of "
                "them."
            )
            % told
        )
    found.append(_test_in_words(one, family_size))
    found.append(_("A case without an answer counts as wrong."))
    return [sentence for sentence in found if sentence]


def _test_in_words(one: Comparison, family_size: int) -> str:
    """Return the test and its p-value, corrected where there were several comparisons."""
    name = _("Exact McNemar test") if one.method == EXACT else _("Paired randomisation test")
    told = {"test": name, "p": p_in_words(one.p)}
    if one.p_holm is None or family_size < 2:
        return _("%(test)s: %(p)s.") % told
    told |= {"n": format_count(family_size), "corrected": p_in_words(one.p_holm)}
    return (
        ngettext(
            "%(test)s: %(p)s; corrected for %(n)s comparison (Holm): %(corrected)s.",
            "%(test)s: %(p)s; corrected for %(n)s comparisons (Holm): %(corrected)s.",
            family_size,
        )
        % told
    )


def p_in_words(p: float) -> str:
    """Return a p-value to two figures that count: "p = 0.012", "p < 0.0001"."""
    return "p < 0.0001" if p < 0.0001 else f"p = {p:.2g}"


def source_digest(first: Run, second: Run) -> str:
    """Return the SHA-256 (hex) of the digests of both runs' results, in order."""
    told = f"{first.results_digest}\n{second.results_digest}\n{first.scorer}\n"
    return hashlib.sha256(told.encode()).hexdigest()


def compare_url(first: Run, second: Run) -> str:
    """Return the address of the page that shows two runs side by side."""
    return f"{reverse('evaluations:compare')}?a={first.pk}&b={second.pk}"


def told_of(found: Sequence[Evidence], family: Family) -> str:
    """Return in a sentence what a run was compared with, and what was left out and why."""
    parts = []
    if found:
        names = ", ".join(one.reference for one in found)
        parts.append(_("Compared with the other candidates as %(names)s.") % {"names": names})
    if family.left_out:
        why = "; ".join(one.sentence_part for one in family.reasons)
        parts.append(_("Not compared with %(why)s.") % {"why": why})
    return " ".join(parts)
