"""Attaching and withdrawing evidence. What is attached is never edited."""

import hashlib
import json
import math
import mimetypes
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any

from django.conf import settings
from django.core.files.base import ContentFile
from django.db import transaction
from django.db.models import Max, Q, QuerySet, Sum
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from decisions import clock, freshness
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
from decisions.plausible import impossible
from decisions.policies import BadInput, may, wrong_state
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
    notes: Attachment | None = None


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
    notes: SourceFile | None = None,
) -> list[Evidence]:
    """Freeze what a person brings in from outside (a study, a load test, an estimate).

    `file` is what the figures were computed from: its digest is that of their source. `notes` are
    kept beside it. Both stay whatever becomes of the figures. What somebody else brought in under
    the same conditions is withdrawn only by who may do that; otherwise both stand. Raises
    `BadInput` for files that are too large, `Refused` where the candidate is dropped.

    It stands in no other transaction: what that took back would leave its files.
    """
    if kind not in BROUGHT_IN:
        raise BadInput(_("That is not brought in from outside."))
    with (
        _files_gone_if_undone() as written,
        change(candidate.decision, "add_evidence", by=by) as entry,
    ):
        _refuse_dropped(candidate)
        for one in measurements:
            _refuse_unmeasured(one, kind)
        files = _kept_files(entry.decision, by, written, attachment=file, notes=notes)
        if file is not None:
            files["source_digest"] = file.sha256
        found = [replace(one, **files) for one in measurements]
        return _attach_all(entry, candidate, by, kind, found)


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
            note_withdrawn(entry, _withdraw(resting_on(evidence), by, why))


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
        reason = _("What it compares is no longer compared under these conditions.")
        names = _withdraw(left, by, reason)
        if not names:
            entry.void()
        entry.data = {"evidence": ", ".join(names), "reason": reason}


def withdraw_dropped(candidate: Candidate, *, by: User) -> list[str]:
    """Withdraw how the runs of a dropped candidate compare; return what that was.

    The caller holds the lock.
    """
    figures = candidate.evidence.filter(kind__in=OF_RUNS)
    found = _comparisons(candidate.decision, {one.question for one in figures})
    told = _("%(candidate)s is no longer considered.") % {"candidate": candidate}
    return _withdraw(found.filter(_naming(candidate)), by, told)


def mark_outdated(record: Decision, candidate: Candidate) -> None:
    """Mark what speaks of a candidate as it was run before, and what is fresh again.

    Runs may measure it again, people say of what they brought in whether it still counts; until
    then the record shows that it is of an earlier spec. The caller has locked the record.
    """
    specs = dict(record.candidates.values_list("pk", "spec"))
    brought_in = candidate.evidence.standing().filter(kind__in=BROUGHT_IN)
    reasons = {one.pk: freshness.earlier_spec(one, specs) for one in brought_in}
    _mark(record, reasons | freshness.moved(record))


def note_withdrawn(entry: Entry, names: Collection[str]) -> None:
    """Have the event name what an action withdrew besides."""
    if names:
        entry.data["withdrawn"] = list(names)


def mark_stale(decision: Decision, reasons: Mapping[int, str]) -> int:
    """Say of standing evidence why it is out of date, or with "" that it no longer is.

    `reasons` are sentences by the evidence's key. Nobody does this in person, so the program's
    name stands in the log; what the record says stays as it is, and so do its signatures. A
    record that is closed is left alone. Returns how many pieces of evidence changed.
    """
    with transaction.atomic():
        return _mark(locked(decision), reasons)


def look_for_stale(record: Decision) -> int:
    """Mark what is out of date by now, and what no longer is; return how many.

    The caller holds the lock.
    """
    reasons = freshness.moved(record)
    return _mark(record, reasons) if reasons else 0


def _mark(record: Decision, reasons: Mapping[int, str]) -> int:
    """Mark evidence of a locked record, with an event for each reason; return how many."""
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
    append_event(record, kind, by=None, data=data, before=record.digest, after=record.digest)
    transaction.on_commit(lambda: wake_teller(record.pk), robust=True)


def resting_on(evidence: Evidence) -> QuerySet[Evidence]:
    """Return the comparisons that go with a figure: its own, or with the last of a run all."""
    if not evidence.is_of_run:
        return evidence.decision.evidence.none()
    found = _comparisons(evidence.decision, {evidence.question})
    found = found.filter(_naming(evidence.candidate))
    of_run = evidence.decision.evidence.standing().filter(
        candidate=evidence.candidate_id, source_digest=evidence.source_digest
    )
    of_run = of_run.exclude(pk=evidence.pk)
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
    attached = [_attach(entry, candidate, by, kind, one) for one in measurements]
    fresh = [one.evidence for one in attached if one.is_new]
    if not fresh:
        entry.void()
    entry.data = {
        "candidate": str(candidate),
        "evidence": [{"name": str(one), "value": one.value, "n": one.n} for one in fresh],
    }
    note_withdrawn(entry, [name for one in attached for name in one.withdrawn])
    return [one.evidence for one in attached]


@contextmanager
def _files_gone_if_undone() -> Iterator[list[Attachment]]:
    """Do the block in a transaction of its own; where that fails, delete the files it wrote."""
    written: list[Attachment] = []
    try:
        with transaction.atomic(durable=True):
            yield written
    except BaseException:
        for one in written:
            if one.file:
                one.file.delete(save=False)
        raise


def _kept_files(
    record: Decision, by: User, written: list[Attachment], **files: SourceFile | None
) -> dict[str, Any]:
    """Return the attachments that files are; `written` takes up those whose content is new."""
    given = {field: file for field, file in files.items() if file is not None}
    return {field: _keep(record, file, by, written) for field, file in given.items()}


def _keep(record: Decision, file: SourceFile, by: User, written: list[Attachment]) -> Attachment:
    """Return the attachment that a file is: its content is kept once a record.

    Raises `BadInput` where it is too large, or would make the record's files too many.
    """
    if len(file.content) > LARGEST_FILE:
        told = {"file": file.name, "size": LARGEST_FILE // 1024**2}
        raise BadInput(_("%(file)s is larger than %(size)s MB.") % told)
    name = file.name[-LONGEST_FILE_NAME:]
    known = record.attachments.filter(sha256=file.sha256)
    if same := known.filter(name=name).first():
        return same
    kept = Attachment(
        decision=record,
        name=name,
        content_type=mimetypes.guess_type(name)[0] or "application/octet-stream",
        size=len(file.content),
        sha256=file.sha256,
        added_by=by,
    )
    if twin := known.first():
        kept.file = twin.file.name
    else:
        _refuse_too_many_files(record, file)
        written.append(kept)
        # Never a name that came from outside.
        kept.file.save(file.sha256, ContentFile(file.content), save=False)
    kept.save()
    return kept


def _refuse_too_many_files(record: Decision, file: SourceFile) -> None:
    """Raise `BadInput` where all files of a record would be larger than they may be together."""
    contents = record.attachments.order_by().values("sha256", "size").distinct()
    held = contents.aggregate(bytes=Sum("size"))["bytes"] or 0
    if held + len(file.content) > settings.LARGEST_ATTACHMENTS_MB * 1024**2:
        told = {"file": file.name, "size": settings.LARGEST_ATTACHMENTS_MB}
        raise BadInput(
            _("With %(file)s the files of this record would be larger than %(size)s MB.") % told
        )


@dataclass(frozen=True)
class _Attached:
    """A measurement in the record; if it is new, with the names of what it has withdrawn."""

    evidence: Evidence
    is_new: bool = False
    withdrawn: tuple[str, ...] = ()


def _attach(
    entry: Entry, candidate: Candidate, by: User, kind: str, measurement: Measurement
) -> _Attached:
    """Return what stands there already, or else write it under the next number."""
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
    answered = [one for one in alike if _answers(Evidence(conditions=conditions), one)]
    earlier = alike.filter(pk__in=[one.pk for one in answered])
    if same := earlier.filter(kind=kind, stale_because="", **values).first():
        return _Attached(same)
    # What others brought in stands beside it, unless one may withdraw it.
    gone = [one.pk for one in answered if one.kind not in BROUGHT_IN or _may_go(record, by, one)]
    why = str(AGAIN.get(kind, _("Measured again.")))
    withdrawn = _withdraw(earlier.filter(pk__in=gone), by, why)
    highest = record.evidence.aggregate(highest=Max("number"))["highest"] or 0
    evidence = Evidence.objects.create(
        decision=record,
        candidate=candidate,
        number=highest + 1,
        kind=kind,
        spec_digest=_specs_now(record, candidate, measurement.compared_with),
        attached_by=by,
        attached_at=clock.now(),
        **values,
    )
    return _Attached(evidence, True, tuple(withdrawn))


def _specs_now(record: Decision, candidate: Candidate, other: Candidate | None) -> str:
    """Return the digest of how the candidates are run now, as the database has it."""
    specs = dict(record.candidates.values_list("pk", "spec"))
    return freshness.specs_digest(*(specs[one.pk] for one in (candidate, other) if one))


def _answers(new: Evidence, earlier: Evidence) -> bool:
    """Return whether new evidence answers the question of earlier evidence.

    What is out of date is also answered on newer cases, or by a newer version of its scorer.
    """
    return new.question == earlier.question or (
        earlier.is_stale and freshness.answers(new, earlier)
    )


def _may_go(record: Decision, by: User, evidence: Evidence) -> bool:
    return may("withdraw_evidence", record, by, evidence)


def _refuse_dropped(candidate: Candidate) -> None:
    """Raise `Refused` for a candidate that is no longer considered."""
    if Candidate.objects.filter(pk=candidate.pk, is_dropped=True).exists():
        told = _("%(candidate)s is no longer considered.") % {"candidate": candidate}
        raise wrong_state(told)


def _refuse_stranger(record: Decision, other: Candidate | None) -> None:
    """Raise `BadInput` for a comparison with a candidate of another record."""
    if other is not None and other.decision_id != record.pk:
        raise BadInput(_("%(other)s is not a candidate of this record.") % {"other": other})


def _impossible(said: Measurement) -> str:
    """Return in a sentence that an estimate lies where its metric cannot, or ""."""
    return impossible(said.metric, said.unit, [said.value, said.low, said.high])


def _refuse_unmeasured(measurement: Measurement, kind: str) -> None:
    """Raise `BadInput` for what no one can have measured, or what can't be written as JSON."""
    if (measurement.n == 0) != (kind == EvidenceKind.ESTIMATE):
        raise BadInput(
            _("“%(name)s”: what is measured has a sample, an estimate has none.")
            % {"name": measurement.metric_name}
        )
    if kind == EvidenceKind.ESTIMATE and (why := _impossible(measurement)):
        raise BadInput(why)
    bounds = [one for one in (measurement.low, measurement.high) if one is not None]
    if not all(math.isfinite(one) for one in (measurement.value, *bounds)):
        raise BadInput(_("“%(name)s” is not a number.") % {"name": measurement.metric_name})
    if len(bounds) == 1 or bounds != sorted(bounds):
        raise BadInput(
            _("The interval of “%(name)s” is not one.") % {"name": measurement.metric_name}
        )


def _withdraw(evidence: QuerySet[Evidence], by: User, reason: str) -> list[str]:
    """Withdraw what still stands; return what that was, by name. The caller holds the lock."""
    standing = list(evidence.filter(withdrawn_at__isnull=True))
    Evidence.objects.filter(pk__in=[one.pk for one in standing]).update(
        withdrawn_at=clock.now(), withdrawn_by=by, withdrawn_reason=reason
    )
    return [str(one) for one in standing]
