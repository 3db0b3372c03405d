"""Records made of dice: all statuses, many scripts, odd numbers, and all that a record can hold."""

from __future__ import annotations

from random import Random
from typing import Any

from decisions.actions.delegation import accept_delegation, delegate
from decisions.actions.evidence import (
    SourceFile,
    add_evidence,
    attach_evidence,
    withdraw_evidence,
)
from decisions.actions.lifecycle import (
    approve,
    note_outcome,
    reopen,
    submit,
    supersede,
    withdraw,
)
from decisions.actions.review import (
    Remark,
    edit_comment,
    lift_review,
    open_thread,
    reply,
    resolve,
    send_review,
)
from decisions.actions.rows import add_candidate, add_goal, edit_candidate
from decisions.models import Candidate, Decision, EvidenceKind, Meaning, Role, Status
from tests import factories
from tests.factories import People, fresh

WORDS = (
    "Wohin mit den Nachrichten?",
    "العربية من اليمين إلى اليسار",
    "עברית מימין לשמאל",
    "日本語の見出しと漢字",
    "한국어 제목",
    "हिन्दी में शीर्षक",
    "Ελληνικά και ω",
    "ไทยไม่มีช่องว่าง",
    "emoji 👩‍👩‍👧 and a ﷽",
    "<script>alert(1)</script> & “quotes”",
    'back\\slash "and" quotes\ttab',
    "e\u0301 is not \u00e9, \u2028 nor is this",
)
NUMBERS = (1e21, -0.0, 1e-7, 0.1 + 0.2, 5e-324, 1.7976931348623157e308, 123456789012345680000.0)
ENDS = (
    Status.DRAFT,
    Status.IN_REVIEW,
    Status.APPROVED,
    Status.WITHDRAWN,
    "reopened",
    Status.SUPERSEDED,
)


def rich_record(seed: int) -> Decision:
    """Make a record, and the people on it; the same seed makes the same one.

    One that is superseded has a successor, which is made of the same dice and approved.
    """
    return _rich_record(seed, factories.people(), ENDS[seed % len(ENDS)])


def _rich_record(seed: int, people: People, end: str) -> Decision:
    dice = Random(seed)
    title = f"{dice.choice(WORDS)} {seed}"
    record = factories.open_record(people, title=title, tags=[dice.choice(WORDS)[:12]])
    factories.fill_in(record, people)
    _add_rows(record, people, dice)
    _talk(record, people, dice)
    _end(fresh(record), people, dice, end)
    if end == Status.SUPERSEDED:
        heir = _rich_record(seed, people, Status.APPROVED)
        supersede(fresh(record), by=people.owner, successor=heir)
    return fresh(record)


def _add_rows(record: Decision, people: People, dice: Random) -> None:
    """Add evidence of every kind, some of it withdrawn, and a candidate that is dropped."""
    first, second = record.candidates.all()[:2]
    number = dice.choice(NUMBERS)
    told: dict[str, Any] = {"value": number, "low": number, "high": number}
    estimate: dict[str, Any] = {"n": 0, "conditions": {}, "origin": dice.choice(WORDS)}
    odd = factories.measurement("effort", unit="€", **told, **estimate)
    file = SourceFile(f"{dice.choice(WORDS)[:20]}.csv", f"a,b\n{seed_text(dice)}\n".encode())
    add_evidence(first, by=people.ux, kind=EvidenceKind.ESTIMATE, measurements=[odd], file=file)
    pair = factories.measurement("accuracy", 3.5, compared_with=second)
    attach_evidence(
        first, by=people.data_science, kind=EvidenceKind.COMPARISON, measurements=[pair]
    )
    gone = dice.choice(list(record.evidence.standing()))
    withdraw_evidence(gone, by=people.owner, reason=dice.choice(WORDS))
    third = add_candidate(
        record,
        by=people.data_science,
        name=dice.choice(WORDS)[:60],
        approach="hybrid",
        spec={"technique": "prompting", "parameters": {"x": dice.choice(NUMBERS), "y": None}},
    )
    third = Candidate.objects.get(pk=third.pk)
    edit_candidate(third, by=people.data_science, token=third.token, is_dropped=True)
    add_goal(
        record,
        by=people.ux,
        proposed_by_role=Role.UX,
        metric="calm",
        name=dice.choice(WORDS),
        direction="at_least",
        target=dice.choice(NUMBERS) or 7.25,
    )
    for section in record.sections.all():
        if not section.is_complete:
            factories.complete_section(section, people)
    cited = dice.choice(list(record.evidence.standing()))
    problem = factories.section_of(record, "problem")
    said = f"{dice.choice(WORDS)} [[{cited.reference}]]"
    factories.edit(record, "problem", people, **{problem.definition.fields[0].name: said})


def seed_text(dice: Random) -> str:
    """Return some digits."""
    return ",".join(str(dice.random()) for _one in range(5))


def _talk(record: Decision, people: People, dice: Random) -> None:
    thread = open_thread(
        record,
        by=people.business,
        remark=Remark(dice.choice(WORDS), factories.section_of(record, "problem")),
    )
    said = reply(thread, by=people.devops, body=dice.choice(WORDS))
    edit_comment(said, by=people.devops, body=f"{dice.choice(WORDS)}, after all")
    resolve(thread, by=people.owner)


def _end(record: Decision, people: People, dice: Random, end: str) -> None:
    """Walk the record on to its status, with a delegated signature and a dissent on the way."""
    if end == Status.DRAFT:
        return
    submit(record, by=people.owner)
    review = send_review(record, by=people.ux, verdict="request_changes", body=dice.choice(WORDS))
    lift_review(review, by=people.ux)
    lent = delegate(record, by=people.ux, taker=people.outsider, reason=dice.choice(WORDS))
    accept_delegation(lent, by=people.outsider)
    for role in (Role.BUSINESS, Role.DATA_SCIENCE, Role.DEVOPS):
        factories.sign(record, people.signatories[role], role)
    factories.sign(
        record,
        people.outsider,
        Role.UX,
        signed_for=people.ux,
        meaning=Meaning.APPROVE_WITH_RESERVATION,
        text=dice.choice(WORDS),
    )
    if end == Status.WITHDRAWN:
        withdraw(record, by=people.owner, reason=dice.choice(WORDS))
    if end in (Status.APPROVED, "reopened", Status.SUPERSEDED):
        approve(record, by=people.owner)
        note_outcome(record, by=people.owner, success="partly", text=dice.choice(WORDS))
    if end == "reopened":
        reopen(record, by=people.owner, reason=dice.choice(WORDS))
