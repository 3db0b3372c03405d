"""Attaching and withdrawing evidence. What is attached is never edited."""

import hashlib
import json
import math
import mimetypes
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from django.core.files.base import ContentFile
from django.db import transaction
from django.db.models import Max, Q, QuerySet
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from decisions import clock
from decisions.actions.base import Entry, change, locked
from decisions.audit import append_event
from decisions.models import (
    BROUGHT_IN,
    OF_RUNS,
    Attachment,
    Candidate,
    Decision,
    Evidence,
    EvidenceKind,
    User,
)
from decisions.models.evidence import EvidenceQuerySet
from decisions.notify.waking import wake_teller
from decisions.policies import BadInput
from decisions.section_kinds import Text

LARGEST_FILE = 20 * 1024 * 1024  # bytes of an attachment
LONGEST_FILE_NAME = 200


AGAIN: dict[str, Text] = {
    EvidenceKind.COMPARISON: gettext_lazy("Compared again."),
    EvidenceKind.ESTIMATE: gettext_lazy("Estimated again."),
}


@dataclass(frozen=True)
class Measurement:
    """One measured value, as the record takes it in.

    `value`, `low` and `high` are in `unit` (shares in "%"); `low` and `high` bound the interval
    that `interval_method` names; `n` is the sample size; `source_digest` is the SHA-256 (hex) of
    what it was computed from; `conditions` must agree before two values may be compared. Of a
    paired comparison the value speaks of the candidate against the one in `compared_with`. Of an
    estimate `n` is 0, and `low` and `high` are what the person takes for as low and as high as it
    gets.
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
    attachment: Attachment | None = None


@dataclass(frozen=True)
class SourceFile:
    """A file that evidence was taken from, as somebody uploaded it."""

    name: str
    content: bytes

    @property
    def sha256(self) -> str:
        """Return its digest, in hex: the digest of the source of what is taken from it."""
        return hashlib.sha256(self.content).hexdigest()


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
        return _attach_all(entry, candidate, by, kind, measurements)


def add_evidence(
    candidate: Candidate,
    *,
    by: User,
    kind: str,
    measurements: list[Measurement],
    file: SourceFile | None = None,
) -> list[Evidence]:
    """Freeze what a person brings in from outside (a study, a load test, an estimate).

    With a file it is kept beside the figures, whatever becomes of them, and its digest is that of
    their source. Otherwise as `attach_evidence`. Raises `BadInput` for a file that is too large.
    """
    if kind not in BROUGHT_IN:
        raise BadInput(_("That is not brought in from outside."))
    with change(candidate.decision, "add_evidence", by=by) as entry:
        for one in measurements:
            _refuse_unmeasured(one, kind)
        if file is not None:
            kept = _keep(entry.decision, file, by)
            measurements = [
                replace(one, attachment=kept, source_digest=kept.sha256) for one in measurements
            ]
        return _attach_all(entry, candidate, by, kind, measurements)


def withdraw_evidence(evidence: Evidence, *, by: User, reason: str) -> None:
    """Take a piece of evidence out of the record, with the reason; it stays in the history.

    With a run's figures go the comparisons that rest on them. Raises `BadInput` without a reason.
    """
    with change(evidence.decision, "withdraw_evidence", by=by, subject=evidence) as entry:
        if not reason.strip():
            raise BadInput(_("Say why this evidence no longer counts."))
        if not _withdraw(entry.decision.evidence.filter(pk=evidence.pk), by, reason):
            entry.void()
            return
        entry.data = {"evidence": str(evidence), "reason": reason}
        if evidence.is_of_run:
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
    figures = candidate.evidence.filter(kind__in=OF_RUNS)
    found = _comparisons(candidate.decision, {one.question for one in figures})
    told = _("%(candidate)s is no longer considered.") % {"candidate": candidate}
    _withdraw(found.filter(_naming(candidate)), by, told)


def withdraw_outdated(candidate: Candidate, *, by: User) -> None:
    """Withdraw what runs measured with a candidate's earlier spec. The caller holds the lock.

    What people brought in from outside is out of date, for they say whether it still counts.
    """
    measured = Q(candidate=candidate, kind__in=[*OF_RUNS, EvidenceKind.COMPARISON])
    spoken_of = Evidence.objects.filter(measured | Q(compared_with=candidate))
    why = _("How the candidate is run has changed.")
    _withdraw(spoken_of, by, why)
    brought_in = candidate.evidence.standing().filter(kind__in=BROUGHT_IN)
    brought_in.update(stale_because=why)


def mark_stale(decision: Decision, reasons: Mapping[int, str]) -> int:
    """Say of standing evidence why it is out of date, or with "" that it no longer is.

    `reasons` are sentences by the evidence's key. Nobody does this in person, so the program's
    name stands in the log; what the record says stays as it is, and so do its signatures. A
    record that is closed is left alone. Returns how many pieces of evidence changed.
    """
    with transaction.atomic():
        record = locked(decision)
        if not record.is_open:
            return 0
        rows = record.evidence.standing().filter(pk__in=reasons)
        moved = [one for one in rows if one.stale_because != reasons[one.pk]]
        for one in moved:
            one.stale_because = reasons[one.pk]
            one.save(update_fields=["stale_because"])
        for why in dict.fromkeys(one.stale_because for one in moved):
            _tell_stale(record, [one for one in moved if one.stale_because == why], why)
    return len(moved)


def _tell_stale(record: Decision, moved: list[Evidence], why: str) -> None:
    """Write the event for evidence that is out of date, or no longer is, for one reason."""
    data = {"evidence": ", ".join(map(str, moved)), "reason": why}
    kind = "mark_stale" if why else "mark_fresh"
    digest = record.digest
    append_event(record, kind, by=None, data=data, before=digest, after=digest)
    transaction.on_commit(lambda: wake_teller(record.pk), robust=True)


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


def _attach_all(
    entry: Entry, candidate: Candidate, by: User, kind: str, measurements: list[Measurement]
) -> list[Evidence]:
    """Return the evidence of all measurements; the event names what is new, if anything is."""
    standing = [_attach(entry, candidate, by, kind, one) for one in measurements]
    fresh = [one for one, is_new in standing if is_new]
    if not fresh:
        entry.void()
    entry.data = {
        "candidate": str(candidate),
        "evidence": [{"name": str(one), "value": one.value, "n": one.n} for one in fresh],
    }
    return [one for one, _is_new in standing]


def _keep(record: Decision, file: SourceFile, by: User) -> Attachment:
    """Return the attachment that a file is, kept once a record; raise `BadInput` if too large."""
    if len(file.content) > LARGEST_FILE:
        told = {"file": file.name, "size": LARGEST_FILE // 1024**2}
        raise BadInput(_("%(file)s is larger than %(size)s MB.") % told)
    if known := record.attachments.filter(sha256=file.sha256).first():
        return known
    name = file.name[-LONGEST_FILE_NAME:]
    return Attachment.objects.create(
        decision=record,
        name=name,
        content_type=mimetypes.guess_type(name)[0] or "application/octet-stream",
        size=len(file.content),
        sha256=file.sha256,
        # Never a name that came from outside.
        file=ContentFile(file.content, name=file.sha256),
        added_by=by,
    )


def _attach(
    entry: Entry, candidate: Candidate, by: User, kind: str, measurement: Measurement
) -> tuple[Evidence, bool]:
    """Return the evidence and whether it is new: then it was written under the next number."""
    _refuse_unmeasured(measurement, kind)
    record: Decision = entry.decision
    # SQLite compares JSON as text, so the order of the keys has to be one and the same.
    conditions = json.loads(json.dumps(measurement.conditions, sort_keys=True))
    values = vars(measurement) | {"conditions": conditions}
    _refuse_stranger(record, measurement.compared_with)
    alike = record.evidence.standing().filter(
        candidate=candidate,
        kind__in=OF_RUNS if kind in OF_RUNS else [kind],
        metric=measurement.metric,
        compared_with=measurement.compared_with,
    )
    question = Evidence(conditions=conditions).question
    # What is out of date is answered by whatever is measured next, on newer cases for instance.
    answered = [one.pk for one in alike if one.is_stale or one.question == question]
    earlier = alike.filter(pk__in=answered)
    if same := earlier.filter(kind=kind, stale_because="", **values).first():
        return same, False
    _withdraw(earlier, by, str(AGAIN.get(kind, _("Measured again."))))
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


def _refuse_unmeasured(measurement: Measurement, kind: str) -> None:
    """Raise `BadInput` for what no one can have measured, or what can't be written as JSON."""
    if (measurement.n == 0) != (kind == EvidenceKind.ESTIMATE):
        raise BadInput(
            _("“%(name)s”: what is measured has a sample, an estimate has none.")
            % {"name": measurement.metric_name}
        )
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
