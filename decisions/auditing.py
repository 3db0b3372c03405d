"""Checks the audit log against itself, the anchors, the documents and the records."""

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from django.db import connection
from django.db.models import Exists, Max, OuterRef, QuerySet

from decisions.actions.rendering import file_name
from decisions.anchors import Known, read_anchors
from decisions.append_only import unprotected
from decisions.audit import event_line, signature_line
from decisions.audit_check import (
    Break,
    Chain,
    Fault,
    Finding,
    Head,
    KeptVersion,
    Ledger,
    Link,
    Signature,
    Standing,
    check_chain,
    check_record,
    recomputed,
)
from decisions.content import content
from decisions.models import (
    Decision,
    Document,
    DocumentState,
    Event,
    Import,
    SignOff,
    Status,
    Version,
)
from decisions.workflow import MOVES

# Which event leads to which status; a record is opened as a draft.
LEADS_TO = {"open": str(Status.DRAFT)} | {
    move.action: str(move.target) for move in MOVES.values() if move.target
}
CHUNK = 2000


@dataclass(slots=True)
class Report:
    """How much was checked, and everything that does not hold."""

    records: int = 0
    events: int = 0
    documents: int = 0
    anchors: int = 0
    newest_anchor: str = ""
    findings: list[Finding] = field(default_factory=list)

    @property
    def holds(self) -> bool:
        """Return whether nothing was found."""
        return not self.findings


def verify_log(
    records: QuerySet[Decision] | None = None,
    *,
    references: Iterable[str] = (),
    heads: Sequence[Head] = (),
) -> Report:
    """Check the chains of `records` (of all by default) and what guards them.

    `references` ("DR-9") names those that an anchor may know although the database does not.
    `heads` are further heads that each of the chains must contain. Reads only; a record that is
    written to meanwhile is read again. Memory holds one chunk of one chain, and the anchors' heads.
    """
    known = read_anchors()
    report = Report(anchors=known.files, newest_anchor=known.newest)
    report.findings += [_unprotected(table) for table in unprotected(connection)]
    report.findings += known.faults
    asked_for = Decision.objects.all() if records is None else records
    for decision in asked_for.order_by("number").iterator(chunk_size=CHUNK):
        _verify_record(report, decision, known, heads)
    wanted = None if records is None else {one.upper() for one in references}
    report.findings += [*_gone(known, wanted), *(_orphans() if records is None else [])]
    return report


def _unprotected(table: str) -> Finding:
    told = f"{table} can be changed: its triggers are missing or switched off; run migrate"
    return Finding("", None, Fault.UNPROTECTED, told)


def _verify_record(report: Report, decision: Decision, known: Known, more: Sequence[Head]) -> None:
    """Check one record; if someone wrote to it meanwhile, what was found may be of two moments."""
    printed = list(_printed_heads(decision))
    seen = [*known.heads.get(_key(decision), []), *printed, *more]
    while True:
        moment = _moment(decision)
        chain, breaks = _examine(decision, seen)
        if not breaks or _moment(decision) == moment:
            break
    report.records += 1
    report.events += chain.lines
    report.documents += len(printed)
    report.findings += [_finding(decision, one) for one in breaks]


def _moment(decision: Decision) -> Any:
    """Return what every action moves."""
    found = Decision.objects.filter(pk=decision.pk).annotate(last=Max("events__sequence"))
    return found.values_list("changed_at", "last").first()


def _finding(decision: Decision, one: Break) -> Finding:
    return Finding(decision.reference, one.sequence, one.fault, one.sentence)


def _examine(decision: Decision, seen: list[Head]) -> tuple[Chain, list[Break]]:
    """Return how far a record's chain holds, and all that does not."""
    ledger = Ledger(LEADS_TO)
    chain = check_chain(ledger.noting(links(decision)), seen)
    if chain.broken:
        return chain, [chain.broken]
    if not chain.lines:
        return chain, [Break(None, Fault.GONE, "the record has no log at all")]
    fresh = Decision.objects.select_related("owner", "template").get(pk=decision.pk)
    standing = Standing(fresh.status, fresh.version, fresh.digest, recomputed(content(fresh)))
    found = list(check_record(ledger, standing, _signatures(decision), _versions(decision)))
    found += [*_file_against_event(decision, ledger), *_approval_against_event(fresh, ledger)]
    return chain, found


def _file_against_event(decision: Decision, ledger: Ledger) -> Iterator[Break]:
    """Yield where a record came in from a file, and what that said is no longer what was kept."""
    named = ledger.came_in.get("archive", "")
    kept = Import.objects.filter(decision=decision).first()
    if (hashlib.sha256(kept.archive.encode()).hexdigest() if kept else "") != named:
        told = "what is kept of the file that the record came in from is gone or was changed"
        yield Break(1, Fault.CONTENT, told)


def _approval_against_event(decision: Decision, ledger: Ledger) -> Iterator[Break]:
    """Yield where the row says otherwise than the log whether the record was approved here."""
    if decision.is_approved_elsewhere != ledger.is_approved_elsewhere:
        told = "the record's row and its log differ on whether it was approved here"
        yield Break(None, Fault.STATUS, told)


def links(decision: Decision) -> Iterator[Link]:
    """Yield a record's events as the lines of its chain, in order, a chunk of rows at a time."""
    uid, last = str(decision.uid), 0
    events = Event.objects.filter(decision=decision).order_by("sequence", "pk")
    try:
        for event in events.iterator(chunk_size=CHUNK):
            link = Link(event_line(event, uid), event.hash)
            last = link.sequence
            yield link
    except (ValueError, TypeError, AttributeError, OverflowError):
        # Only a row that was changed from outside does not even become an event.
        blank = dict.fromkeys(event_line(Event(at=decision.created_at), uid))
        yield Link(blank | {"sequence": last + 1}, "unreadable")


def _printed_heads(decision: Decision) -> Iterator[Head]:
    """Yield the heads that are printed in a record's documents."""
    made = Document.objects.filter(
        decision=decision, state=DocumentState.READY, head_sequence__isnull=False
    )
    for one in made.order_by("pk"):
        one.decision = decision
        day = one.finished_at.date().isoformat() if one.finished_at else ""
        source = f"the document {file_name(one)} of {day}"
        yield Head(one.head_sequence or 0, one.head_hash, source)


def _signatures(decision: Decision) -> Iterator[Signature]:
    for one in SignOff.objects.filter(decision=decision).order_by("pk"):
        yield Signature(
            user_id=one.user_id,
            name=one.printed_name,
            signed_for=one.printed_for,
            role=one.role,
            meaning=one.meaning,
            digest=one.digest,
            version=one.version,
            whole=recomputed(signature_line(one)),
        )


def _versions(decision: Decision) -> Iterator[KeptVersion]:
    """Yield a record's versions; their contents are digested one at a time."""
    kept = Version.objects.filter(decision=decision).order_by("number", "step")
    for one in kept.iterator(chunk_size=20):
        yield KeptVersion(one.number, one.step, one.digest, recomputed(one.content), one.by_id)


def _key(decision: Decision) -> tuple[str, str]:
    """Return what anchors call a record."""
    return str(decision.uid), decision.reference


def _gone(known: Known, wanted: set[str] | None) -> Iterator[Finding]:
    """Yield the records that an anchor saw and that are no longer there at all."""
    there = {_key(one) for one in Decision.objects.only("uid", "number")}
    for key in sorted(known.heads.keys() - there, key=lambda one: one[1]):
        reference, newest = key[1], known.heads[key][-1]
        if wanted is None or reference in wanted:
            told = f"the record and its whole log are gone; {newest.source} saw {newest.sequence}"
            yield Finding(reference, 1, Fault.GONE, f"{told} events")


def _orphans() -> Iterator[Finding]:
    """Yield one finding if there are events of a record that is not there."""
    record = Decision.objects.filter(pk=OuterRef("decision_id"))
    lost = Event.objects.filter(~Exists(record)).count()
    if lost:
        told = f"there are {lost} events of records that are not there"
        yield Finding("", None, Fault.GONE, told)
