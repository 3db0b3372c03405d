"""Two runs side by side: how far apart they are, and the cases on which they differ."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.db.models import Exists, F, OuterRef, Q
from django.http import Http404, HttpRequest, HttpResponse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from decisions.models import EvidenceKind
from decisions.views.shared import get_record, page, person
from evaluations.comparing import Paired, paired, sentences, source_digest, why_not
from evaluations.models import Result, Run, RunState
from evaluations.rating import still_to_rate
from evaluations.views.shared import page_of

CASES_PER_PAGE = 50


@dataclass(frozen=True)
class Pair:
    """What both runs said of one case."""

    first: Result
    second: Result | None


@require_safe
def compare(request: HttpRequest) -> HttpResponse:
    """Show how two finished runs of a record compare, in words, in a table and case by case."""
    chosen = _chosen(request, "a"), _chosen(request, "b")
    first, second = sorted(chosen, key=lambda one: one.candidate.position)
    if first.candidate.decision_id != second.candidate.decision_id or first == second:
        raise Http404
    why = why_not(first, second)
    decision = get_record(request, first.candidate.decision.reference)
    context: dict[str, Any] = {"first": first, "second": second, "why_not": why}
    if not why:
        context |= _compared(request, first, second)
    return page(request, "evaluations/compare.html", decision, **context)


def _chosen(request: HttpRequest, name: str) -> Run:
    """Return a finished run that the address names and the person may see; raise 404."""
    number = request.GET.get(name, "")
    if not (number.isascii() and number.isdigit() and len(number) < 16):
        raise Http404
    visible = Run.objects.visible_to(person(request)).filter(state=RunState.FINISHED)
    related = visible.select_related("candidate__decision", "case_set")
    if found := related.filter(pk=int(number)).first():
        return found
    raise Http404


def _compared(request: HttpRequest, first: Run, second: Run) -> dict[str, Any]:
    """Return what the page shows of two runs that may be compared."""
    found = paired(first, second)
    reads = all(one.case_set.is_visible_to(person(request)) for one in (first, second))
    unrated = still_to_rate(person(request))
    blinding = next((one for one in unrated if one.is_about(first) or one.is_about(second)), None)
    shows = reads and not blinding
    rows = page_of(request, differing(first, second) if shows else [], CASES_PER_PAGE)
    return {
        "sentences": _told(first, second, found),
        "table": found.table,
        "reads_cases": reads,
        "blinding": blinding,
        "page_obj": rows,
        "pairs": _pairs(list(rows.object_list), second),
        "names": first.case_set.label_names(),
    }


def _told(first: Run, second: Run, found: Paired) -> list[str]:
    """Return what the comparison says: as it stands on the record, corrected, if it does."""
    decision = first.candidate.decision
    standing = decision.evidence.standing().filter(kind=EvidenceKind.COMPARISON)
    kept = standing.filter(source_digest=source_digest(first, second)).first()
    if kept is None:
        return sentences(first, second, found)
    return [_("%(name)s on the record says:") % {"name": kept.reference}, kept.method]


def differing(first: Run, second: Run) -> Any:
    """Return the first run's results on the cases where the second scored otherwise."""
    twin = _twin(first, second)
    same = Exists(twin.filter(score=OuterRef("score")))
    both_failed = Q(score=None) & Exists(twin.filter(score=None))
    rows = first.results.select_related("case").filter(~same & ~both_failed)
    return rows.order_by(F("score").asc(nulls_first=True), "pk")


def _twin(first: Run, second: Run) -> Any:
    """Return what the second run said of the same case, found by an index.

    Cases known by two names are found by their keys within their own case set: a key alone would
    have all results of the run looked through for each case.
    """
    twin = second.results.filter(repeat=OuterRef("repeat"))
    if first.case_set_id == second.case_set_id:
        return twin.filter(case=OuterRef("case"))
    own = second.case_set.cases.filter(key=OuterRef(OuterRef("case__key")))
    return twin.filter(case__in=own)


def _pairs(rows: Sequence[Result], second: Run) -> list[Pair]:
    """Return each result with what the other run said of the same case."""
    keys = [row.case.key for row in rows]
    others = second.results.select_related("case").filter(case__key__in=keys)
    told = {(one.case.key, one.repeat): one for one in others}
    return [Pair(row, told.get((row.case.key, row.repeat))) for row in rows]
