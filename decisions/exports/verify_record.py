"""Whether what an archive says holds together: content, versions, signatures, and its audit log.

Everything is computed anew from what the archive tells; the rules are those of `audit_check`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import datetime
from typing import Any

from decisions.audit_check import (
    SIGNED,
    Chain,
    KeptVersion,
    Ledger,
    Link,
    Signature,
    Standing,
    canonical,
    check_chain,
    check_record,
    recomputed,
    tells_of,
)
from decisions.exports.archive_file import TooManyError, UnreadableError, read_strictly
from decisions.exports.archive_form import FORMAT, FORMAT_VERSION
from decisions.exports.verify_report import (
    ENDED,
    TOO_MUCH,
    Report,
    State,
    Verdict,
    in_language,
    in_words,
    noop,
    plain,
)

_ = noop

# Which event leads to which status, as in `auditing`, which knows it from the workflow.
LEADS_TO = {
    "open": "draft",
    "submit": "in_review",
    "approve": "approved",
    "reopen": "draft",
    "withdraw": "withdrawn",
    "supersede": "superseded",
}
# Which of a record's relations names what took its place.
SUPERSEDED_BY = "superseded_by"
# How the roles and what a signature says are called where people read of them.
ROLES = {
    "business": _("Business"),
    "data_science": _("Data science"),
    "devops": _("DevOps"),
    "ux": _("UX"),
}
MEANINGS = {
    "approve": _("approves"),
    "approve_with_reservation": _("approves, with a reservation"),
    "reject": _("rejects"),
}
HOLDS = _("Signed, and holds: %(given)s")
# Whose place a signature fills, by their place in the list of people, and for which role.
Seat = tuple[int | None, str]
SHA256 = re.compile(r"[0-9a-f]{64}")
NO_DOCUMENT = _("It is neither a sealed PDF nor an archive of a record.")
NEWER = _("It was made by a newer Countersign, in a form that cannot be read here.")
NO_ARCHIVE = _("The record in it is not in the form of an archive.")
# What goes wrong where an archive is not what it should be.
MISSHAPEN = (LookupError, TypeError, ValueError, AttributeError, ArithmeticError, RecursionError)


def check_archive(report: Report, data: bytes) -> None:
    """Add what there is to say of an archive, given as its bytes."""
    try:
        told = read_strictly(data)
    except TooManyError:
        report.trouble = TOO_MUCH
    except UnreadableError as error:
        report.add("record", False, error.message, **error.values)
    else:
        check_told(report, told, data)


def check_told(report: Report, told: Any, data: bytes) -> None:
    """Add what there is to say of an archive that was read from these bytes."""
    try:
        _check(report, told, data)
    except MISSHAPEN:
        report.add("record", False, NO_ARCHIVE)


def _check(report: Report, told: Any, data: bytes) -> None:
    if not isinstance(told, dict) or told.get("format") != FORMAT:
        report.trouble = NO_DOCUMENT
        return
    version = told["format_version"]
    if isinstance(version, int) and version > FORMAT_VERSION:
        report.trouble = NEWER
        return
    if version != FORMAT_VERSION:
        wanted = f"{FORMAT} {FORMAT_VERSION}"
        report.add("record", False, _("The record in it is not a %(format)s."), format=wanted)
        return
    report.reference, report.digest = str(told["reference"]), str(told["digest"])
    report.uid = str(told["content"]["decision"]["uid"])
    is_canonical = canonical(told) == data
    report.add(
        "canonical",
        is_canonical,
        _("The record is canonical JSON.")
        if is_canonical
        else _("The record is not written in canonical JSON (RFC 8785): it was written anew."),
    )
    _check_digest(report, told)
    _tell_status(report, told)
    links = [_link(one) for one in told["events"]]
    ledger = Ledger(LEADS_TO)
    chain = check_chain(ledger.noting(links))
    _tell_chain(report, chain, links)
    signatures = [signature_in(one, told["people"]) for one in told["sign_offs"]]
    seats = {(one["user"], one["role"]) for one in told["participants"] if one["is_signatory"]}
    _tell_signatures(report, told["sign_offs"], signatures, ledger, seats)
    for earlier in told["earlier"]:
        _tell_earlier(report, earlier)
    if chain.broken is None:
        _tell_agreement(report, told, ledger, signatures)


def doubt_signatures(report: Report) -> None:
    """Let no signature hold in a file that is not intact: what was signed may be another thing."""
    if report.verdict == Verdict.NOT_INTACT:
        report.tell_lapsed(HOLDS, _("Signed, as says the file, which is not intact: %(given)s"))


def _check_digest(report: Report, told: dict[str, Any]) -> None:
    fits = recomputed(told["content"]) == told["digest"]
    title = told["content"]["decision"]["title"]
    report.add(
        "content",
        fits,
        _("%(reference)s, “%(title)s”: the digest of the content is %(digest)s.")
        if fits
        else _("The content does not have the digest that the record names."),
        reference=report.reference,
        title=str(title),
        digest=report.digest,
    )


def _tell_status(report: Report, told: dict[str, Any]) -> None:
    """Note at which status the file shows the record, and say so if it no longer held by then."""
    report.record_status = plain(str(told["record"]["status"]))
    later = (one for one in told["relations"] if one["relation"] == SUPERSEDED_BY)
    report.successor = plain(str(next(later, {"reference": ""})["reference"]))
    if report.record_status in ENDED:
        had = _("When the file was made the record had been %(ended)s: it does not hold.")
        ended = {"message": ENDED[report.record_status], "values": {"successor": report.successor}}
        report.add("status", State.NOT_KNOWN, had, ended=ended)


def _link(event: dict[str, Any]) -> Link:
    """Return an event of the archive as a line of its chain."""
    line = {name: value for name, value in event.items() if name != "hash"}
    if not isinstance(line["sequence"], int) or not SHA256.fullmatch(event["hash"]):
        raise ValueError("not an event")
    return Link(line, event["hash"])


def _tell_chain(report: Report, chain: Chain, links: list[Link]) -> None:
    """Say how far the log holds, and what its head is, to be compared with a printed one."""
    foreign = [one for one in links if one.line["decision"] != report.uid]
    if chain.broken:
        told = _("The audit log does not hold: %(fault)s.")
        report.add("audit log", False, told, fault=chain.broken.sentence)
    elif foreign or not links:
        report.add("audit log", False, _("The audit log is not that of this record."))
    else:
        report.head_sequence, report.head_hash = chain.head.sequence, chain.head.hash
        told = _(
            "The audit log holds from its first event to number %(number)s, whose hash is %(hash)s."
        )
        report.add("audit log", True, told, number=chain.head.sequence, hash=chain.head.hash)


def signature_in(row: dict[str, Any], people: list[dict[str, Any]]) -> Signature:
    """Return a signature with the digest of all that its row said, from what the archive tells."""

    def number_of(place: int | None) -> int | None:
        return None if place is None else people[place]["id"]

    line = {name: row[name] for name in SIGNED} | {
        "user_id": number_of(row["user"]),
        "signed_for_id": number_of(row["signed_for"]),
        "delegation_id": row["delegation_id"],
        "signed_at": row["signed_at"],
    }
    if row["is_imported"]:
        line["is_imported"] = True
    return Signature(
        user_id=line["user_id"] or 0,
        name=row["printed_name"],
        signed_for=row["printed_for"],
        role=row["role"],
        meaning=row["meaning"],
        digest=row["digest"],
        version=row["version"],
        whole=recomputed(line),
    )


def _tell_signatures(
    report: Report,
    rows: list[dict[str, Any]],
    signatures: list[Signature],
    ledger: Ledger,
    seats: set[Seat],
) -> None:
    """Say of each signature what was signed, by whom and when, and whether it still holds."""
    if not rows:
        report.add("signatures", State.NOT_KNOWN, _("Nobody has signed."))
    # As the record has it: of those in one place that cover the content the last speaks.
    speaking = {_seat(row): row for row in rows if row["digest"] == report.digest}
    for row, one in zip(rows, signatures, strict=True):
        if one.whole in ledger.came_in.get("signatures", ()):
            told = _("Not given there, but said by the file that the record came from: %(given)s")
            report.add("signature", State.NOT_KNOWN, told, given=_given(row))
            continue
        is_logged = any(tells_of(line, one) for line in ledger.signed)
        if not is_logged:
            told = _("The audit log knows no such signature: %(given)s")
        elif one.digest != report.digest:
            told = _("Signed an earlier content, so it has lapsed: %(given)s")
        elif row is not speaking[_seat(row)]:
            told = _("Signed, and replaced by a later signature in the same place: %(given)s")
        elif _seat(row) not in seats:
            told = _("Signed this content, but no longer signs for the role: %(given)s")
        else:
            told = HOLDS
        report.add("signature", is_logged, told, given=_given(row))


def _seat(row: dict[str, Any]) -> Seat:
    """Return whose place a signature fills, and for which role."""
    signer = row["user"] if row["signed_for"] is None else row["signed_for"]
    return signer, row["role"]


def _given(row: dict[str, Any]) -> str:
    """Return who signed, for whom, what and when."""
    lent = f" in the place of {row['printed_for']}" if row["printed_for"] else ""
    when = in_words(datetime.fromisoformat(row["signed_at"]))
    role, meaning = _called(ROLES, row["role"]), _called(MEANINGS, row["meaning"])
    told = f"{row['printed_name']}{lent} for {role} ({meaning}), {when}"
    return f"{told}, version {row['version']}" + (f": “{row['text']}”" if row["text"] else "")


def _called(names: dict[str, str], key: str) -> str:
    """Return what people call a key; one that is not known, as the file tells it."""
    return in_language(names[key], {}) if key in names else key


def _tell_earlier(report: Report, earlier: dict[str, Any]) -> None:
    """Say whether a log from before the record came in from a file still holds."""
    links = [_link(one) for one in earlier["events"]]
    chain = check_chain(links, explains=False)
    name = str(earlier["reference"])
    if chain.broken or any(one.line["decision"] != report.uid for one in links) or not links:
        told = _("The log from before the import, as %(name)s, does not hold.")
        report.add("earlier log", False, told, name=name)
    else:
        told = _("The log from before the import, as %(name)s, holds: %(count)s events.")
        report.add("earlier log", True, told, name=name, count=chain.lines)


def _tell_agreement(
    report: Report, told: dict[str, Any], ledger: Ledger, signatures: list[Signature]
) -> None:
    """Say whether the log tells the same as the record: content, versions, status, signatures."""
    record = told["record"]
    standing = Standing(
        record["status"], record["version"], told["digest"], recomputed(told["content"])
    )
    versions = list(_versions(told["versions"], told["people"]))
    found = next(check_record(ledger, standing, signatures, versions), None)
    report.add(
        "agreement",
        found is None,
        _("Content, versions, status and signatures are what the audit log tells.")
        if found is None
        else _("The record is not what its audit log tells: %(fault)s."),
        fault=found.sentence if found else "",
    )


def _versions(
    rows: Iterable[dict[str, Any]], people: list[dict[str, Any]]
) -> Iterable[KeptVersion]:
    """Yield the versions; of those that nobody answered the archive tells the digest alone."""
    for one in rows:
        yield KeptVersion(
            number=one["number"],
            step=one["step"],
            digest=one["digest"],
            computed=recomputed(one["content"]) if "content" in one else one["digest"],
            by_id=people[one["by"]]["id"],
        )
