"""Attaching and withdrawing evidence. What is attached is never edited."""

import json
import math
from dataclasses import dataclass, field
from typing import Any

from django.db.models import Max, Q, QuerySet
from django.utils.translation import gettext as _

from decisions import clock
from decisions.actions.base import Entry, change
from decisions.models import Candidate, Decision, Evidence, EvidenceKind, User
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

    Raises `BadInput` without a reason.
    """
    with change(evidence.decision, "withdraw_evidence", by=by) as entry:
        if not reason.strip():
            raise BadInput(_("Say why this evidence no longer counts."))
        if not _withdraw(entry.decision.evidence.filter(pk=evidence.pk), by, reason):
            entry.void()
            return
        entry.data = {"evidence": str(evidence), "reason": reason}


def withdraw_outdated(candidate: Candidate, *, by: User) -> None:
    """Withdraw what was measured with a candidate's earlier spec. The caller holds the lock."""
    measured = Q(candidate=candidate, kind__in=[EvidenceKind.RUN, EvidenceKind.COMPARISON])
    spoken_of = Evidence.objects.filter(measured | Q(compared_with=candidate))
    _withdraw(spoken_of, by, _("How the candidate is run has changed."))


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
    earlier = record.evidence.filter(
        candidate=candidate,
        kind=kind,
        metric=measurement.metric,
        compared_with=measurement.compared_with,
        conditions=conditions,
        withdrawn_at__isnull=True,
    )
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
