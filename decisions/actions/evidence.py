"""Attaching and withdrawing evidence. What is attached is never edited."""

import json
import math
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

from django.db.models import Max, Q, QuerySet
from django.utils.translation import gettext as _

from decisions import clock
from decisions.actions.base import Entry, change
from decisions.models import Candidate, Decision, Evidence, EvidenceKind, User
from decisions.models.evidence import EvidenceQuerySet
from decisions.policies import BadInput


@dataclass(frozen=True)
class Measurement:
    """One measured value, as the record takes it in.

    `value`, `low` and `high` are in `unit` (shares in "%"); `low` and `high` bound the interval
    that `interval_method` names; `n` is the sample size; `source_digest` is the SHA-256 (hex) of
    what it was computed from; `conditions` must agree before two values may be compared. Of a
    paired comparison the value speaks of the candidate against the one in `compared_with`.
    """

    metric: str
    metric_name: str
    value: float
    n: int
    method: str
    origin: str
    source_digest: str
    unit: str = ""
    low: float | None = None
    high: float | None = None
    interval_method: str = ""
    origin_url: str = ""
    conditions: dict[str, Any] = field(default_factory=dict)
    compared_with: Candidate | None = None


def attach_evidence(
    candidate: Candidate, *, by: User, measurements: list[Measurement], kind: str = EvidenceKind.RUN
) -> list[Evidence]:
    """Freeze measurements of a candidate into its record, all or none.

    What was measured before for the same metric under the same conditions (and compared with the
    same other candidate) is withdrawn with that reason, so a record never shows two answers to
    one question. What stands there already, word for word, is kept: a delivery that comes twice
    changes nothing. Raises `BadInput` for a value that is no number, or half an interval.
    """
    with change(candidate.decision, "attach_evidence", by=by) as entry:
        standing = [_attach(entry, candidate, by, kind, one) for one in measurements]
        fresh = [one for one, is_new in standing if is_new]
        if not fresh:
            entry.void()
        entry.data = {
            "candidate": str(candidate),
            "evidence": [{"name": str(one), "value": one.value, "n": one.n} for one in fresh],
        }
    return [one for one, _is_new in standing]


def withdraw_evidence(evidence: Evidence, *, by: User, reason: str) -> None:
    """Take a piece of evidence out of the record, with the reason; it stays in the history.

    With a run's figures go the comparisons that rest on them. Raises `BadInput` without a reason.
    """
    with change(evidence.decision, "withdraw_evidence", by=by) as entry:
        if not reason.strip():
            raise BadInput(_("Say why this evidence no longer counts."))
        if not _withdraw(entry.decision.evidence.filter(pk=evidence.pk), by, reason):
            entry.void()
            return
        entry.data = {"evidence": str(evidence), "reason": reason}
        if evidence.kind == EvidenceKind.RUN:
            told = _("%(evidence)s, which it rests on, was withdrawn.")
            why = told % {"evidence": evidence.reference}
            _withdraw(_resting_on(evidence), by, why)


def withdraw_comparisons(
    candidate: Candidate, *, by: User, conditions: Mapping[str, Any], kept: Collection[str]
) -> None:
    """Withdraw the comparisons under these conditions that are not among those that count.

    `kept` are the digests of the sources of those that do. Where none does, it is known only that
    the candidate is compared with nobody: what compares others stands.
    """
    with change(candidate.decision, "attach_evidence", by=by, kind="withdraw_evidence") as entry:
        found = _comparisons(entry.decision, {Evidence(conditions=conditions).question})
        left = found.exclude(source_digest__in=kept) if kept else found.filter(_naming(candidate))
        names = ", ".join(map(str, left))
        reason = _("What it compares is no longer compared under these conditions.")
        if not _withdraw(left, by, reason):
            entry.void()
        entry.data = {"evidence": names, "reason": reason}


def withdraw_dropped(candidate: Candidate, *, by: User) -> None:
    """Withdraw how the runs of a dropped candidate compare. The caller holds the lock."""
    figures = candidate.evidence.filter(kind=EvidenceKind.RUN)
    found = _comparisons(candidate.decision, {one.question for one in figures})
    told = _("%(candidate)s is no longer considered.") % {"candidate": candidate}
    _withdraw(found.filter(_naming(candidate)), by, told)


def withdraw_outdated(candidate: Candidate, *, by: User) -> None:
    """Withdraw what was measured with a candidate's earlier spec. The caller holds the lock."""
    measured = Q(candidate=candidate, kind__in=[EvidenceKind.RUN, EvidenceKind.COMPARISON])
    spoken_of = Evidence.objects.filter(measured | Q(compared_with=candidate))
    _withdraw(spoken_of, by, _("How the candidate is run has changed."))


def _resting_on(evidence: Evidence) -> QuerySet[Evidence]:
    """Return the comparisons of a figure, or all of its run once no figure of that stands."""
    found = _comparisons(evidence.decision, {evidence.question})
    found = found.filter(_naming(evidence.candidate))
    of_run = evidence.decision.evidence.standing().filter(
        candidate=evidence.candidate_id, source_digest=evidence.source_digest
    )
    return found.filter(metric=evidence.metric) if of_run.exists() else found


def _comparisons(record: Decision, questions: Collection[str]) -> EvidenceQuerySet:
    """Return the standing comparisons that answer one of these questions."""
    standing = record.evidence.standing().filter(kind=EvidenceKind.COMPARISON)
    return record.evidence.filter(pk__in=[one.pk for one in standing if one.question in questions])


def _naming(candidate: Candidate) -> Q:
    return Q(candidate=candidate) | Q(compared_with=candidate)


def _attach(
    entry: Entry, candidate: Candidate, by: User, kind: str, measurement: Measurement
) -> tuple[Evidence, bool]:
    """Return the evidence and whether it is new: then it was written under the next number."""
    _refuse_unmeasured(measurement)
    record: Decision = entry.decision
    # SQLite compares JSON as text, so the order of the keys has to be one and the same.
    conditions = json.loads(json.dumps(measurement.conditions, sort_keys=True))
    values = vars(measurement) | {"conditions": conditions}
    _refuse_stranger(record, measurement.compared_with)
    alike = record.evidence.standing().filter(
        candidate=candidate,
        kind=kind,
        metric=measurement.metric,
        compared_with=measurement.compared_with,
    )
    question = Evidence(conditions=conditions).question
    earlier = alike.filter(pk__in=[one.pk for one in alike if one.question == question])
    if same := earlier.filter(**values).first():
        return same, False
    again = _("Compared again.") if kind == EvidenceKind.COMPARISON else _("Measured again.")
    _withdraw(earlier, by, again)
    highest = record.evidence.aggregate(highest=Max("number"))["highest"] or 0
    evidence = Evidence.objects.create(
        decision=record,
        candidate=candidate,
        number=highest + 1,
        kind=kind,
        attached_by=by,
        attached_at=clock.now(),
        **values,
    )
    return evidence, True


def _refuse_stranger(record: Decision, other: Candidate | None) -> None:
    """Raise `BadInput` for a comparison with a candidate of another record."""
    if other is not None and other.decision_id != record.pk:
        raise BadInput(_("%(other)s is not a candidate of this record.") % {"other": other})


def _refuse_unmeasured(measurement: Measurement) -> None:
    """Raise `BadInput` for what no one can have measured, or what can't be written as JSON."""
    bounds = [one for one in (measurement.low, measurement.high) if one is not None]
    if not all(math.isfinite(one) for one in (measurement.value, *bounds)):
        raise BadInput(_("“%(name)s” is not a number.") % {"name": measurement.metric_name})
    if len(bounds) == 1 or bounds != sorted(bounds):
        raise BadInput(
            _("The interval of “%(name)s” is not one.") % {"name": measurement.metric_name}
        )


def _withdraw(evidence: QuerySet[Evidence], by: User, reason: str) -> int:
    """Withdraw what still stands; return how many."""
    return evidence.filter(withdrawn_at__isnull=True).update(
        withdrawn_at=clock.now(), withdrawn_by=by, withdrawn_reason=reason
    )
