"""Which evidence is out of date: its cases have a newer version, or its scorer has.

What a candidate is run with moving on withdraws what runs measured; see decisions/actions.
"""

from collections.abc import Iterable, Mapping
from functools import cache
from typing import Any

from django.utils.translation import gettext as _

from decisions.actions.evidence import mark_stale
from decisions.models import OF_RUNS, Decision, Evidence, EvidenceKind
from decisions.workflow import MOVES
from evaluations.models import CaseSet
from evaluations.scorers import SCORERS

RESTING_ON_CASES = (*OF_RUNS, EvidenceKind.COMPARISON)


def look_at_all() -> int:
    """Mark what is out of date on every open record, and what no longer is; return how many."""
    open_records = Decision.objects.filter(status__in=MOVES["attach_evidence"].sources)
    rows = _resting(Evidence.objects.standing().filter(decision__in=open_records))
    moved: dict[int, dict[int, str]] = {}
    for one, why in _moved(rows):
        moved.setdefault(one.decision_id, {})[one.pk] = why
    found = Decision.objects.in_bulk(moved)
    return sum(mark_stale(found[pk], reasons) for pk, reasons in moved.items())


def look_at(decision: Decision) -> int:
    """Mark what is out of date on one record, and what no longer is; return how many."""
    rows = _resting(decision.evidence.standing())
    reasons = {one.pk: why for one, why in _moved(rows)}
    return mark_stale(decision, reasons) if reasons else 0


def _resting(evidence: Any) -> Iterable[Evidence]:
    rows = evidence.filter(kind__in=RESTING_ON_CASES).order_by("decision", "number")
    return rows.only("decision", "conditions", "stale_because")  # type: ignore[no-any-return]


def _moved(rows: Iterable[Evidence]) -> Iterable[tuple[Evidence, str]]:
    """Yield what is marked otherwise than it should be, with why it is out of date, or ""."""
    newer = cache(_newer_cases)
    for one in rows:
        told: Mapping[str, Any] = one.conditions
        cases = newer(str(told.get("case_set_digest", "")))
        why = " ".join(filter(None, (cases, _newer_scorer(str(told.get("scorer", ""))))))
        if why != one.stale_because:
            yield one, why


def _newer_cases(digest: str) -> str:
    """Return in a sentence that cases have a newer version, "" where they have none.

    What came in under several names is fresh while it is the newest under one of them.
    """
    known = list(CaseSet.objects.filter(digest=digest)) if digest else []
    newest = [CaseSet.objects.filter(slug=one.slug).latest("version") for one in known]
    if not known or any(one.digest == digest for one in newest):
        return ""
    return _("%(case_set)s has come in since.") % {"case_set": newest[0]}


def _newer_scorer(identity: str) -> str:
    """Return in a sentence that a scorer works otherwise by now; "" for the present one's version.

    What another tool scored by is not known here and cannot move.
    """
    key, _slash, rest = identity.partition("/")
    scorer, version = SCORERS.get(key), rest.partition("+")[0]
    if scorer is None or version == str(scorer.version):
        return ""
    told = {"scorer": scorer.title, "version": version, "now": scorer.version}
    return _("%(scorer)s is in version %(now)s by now; this is of version %(version)s.") % told
