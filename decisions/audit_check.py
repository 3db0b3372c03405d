"""Whether an audit log is what it was: pure functions over its lines and what others saw of it.

A chain is one record's events in their order. Each line names the hash of the one before, so that
none can be changed, taken out, put in or moved without breaking a link, unless all later hashes are
made anew; and that, like the loss of the newest lines, shows against a head: the number and hash of
an event as a file outside the database (an anchor) or a document once saw it.
"""

import hashlib
import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

import rfc8785

GENESIS = "0" * 64
# Characters that are hashed to find out where a line was taken from: a second or so.
TRIED = 8_000_000


class Fault(StrEnum):
    """What can be wrong."""

    # With a chain.
    EDITED = "edited"
    MISSING = "missing"
    OUT_OF_ORDER = "out_of_order"
    INSERTED = "inserted"
    FOREIGN = "foreign"
    UNLINKED = "unlinked"
    REWRITTEN = "rewritten"
    TRUNCATED = "truncated"
    GONE = "gone"
    # With a record whose chain is whole.
    JUMP = "jump"
    SIGNATURE = "signature"
    VERSION = "version"
    CONTENT = "content"
    STATUS = "status"
    # With what keeps the log.
    ANCHOR = "anchor"
    UNPROTECTED = "unprotected"


@dataclass(frozen=True, slots=True)
class Link:
    """A line of a chain: what was hashed, as plain JSON values, and the hash kept with it."""

    line: dict[str, Any]
    hash: str

    @property
    def sequence(self) -> int:
        """Return its number in the chain."""
        return int(self.line["sequence"])


@dataclass(frozen=True, slots=True)
class Head:
    """The newest event of a chain as `source` ("anchor 12 of 2026-11-20") saw it."""

    sequence: int
    hash: str
    source: str = ""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong: with which record ("" for none), at which event, and in words."""

    record: str
    sequence: int | None
    fault: Fault
    sentence: str


@dataclass(frozen=True, slots=True)
class Break:
    """What does not hold: at which event (None: at none in particular), and in words."""

    sequence: int | None
    fault: Fault
    sentence: str


@dataclass(frozen=True, slots=True)
class Chain:
    """What a walk along a chain found: its last sound event, how many lines it read, the break."""

    head: Head
    lines: int
    broken: Break | None = None


def canonical(value: Any) -> bytes:
    """Return the canonical JSON (RFC 8785) of a value that came out of a JSON column.

    JSON's numbers are doubles, but PostgreSQL gives 1e21 back as an integer; it is the same number.
    """
    try:
        return rfc8785.dumps(value)
    except rfc8785.IntegerDomainError:
        return rfc8785.dumps(_as_doubles(value))


def hash_of(value: Any) -> str:
    """Return the SHA-256 of a value's canonical JSON in hex; raises `ValueError` without one."""
    return hashlib.sha256(canonical(value)).hexdigest()


def recomputed(value: Any) -> str:
    """Return the same of what was stored, or "": what cannot be written down is never intact."""
    try:
        return hash_of(value)
    except (rfc8785.CanonicalizationError, RecursionError, OverflowError):
        return ""


def fits(link: Link) -> bool:
    """Return whether a line is what was hashed.

    Python's own encoder is several times faster and mostly writes the same bytes. Where those have
    the hash that was kept, they are what was hashed; only where not, the canonical form decides.
    """
    quick = json.dumps(link.line, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    encoded = quick.encode(errors="surrogatepass")
    return hashlib.sha256(encoded).hexdigest() == link.hash or recomputed(link.line) == link.hash


def check_chain(
    links: Iterable[Link], heads: Iterable[Head] = (), *, explains: bool = True
) -> Chain:
    """Walk along a chain, in the order of its numbers, up to the first link that does not hold.

    Holds one line in memory at a time, and the heads. `heads` may be of any age and in any order.
    `explains` has it found out how a foreign line came there.
    """
    seen = sorted(heads, key=lambda head: head.sequence)
    claims: dict[int, list[Head]] = {}
    for head in seen:
        claims.setdefault(head.sequence, []).append(head)
    last, confirmed, rest = Head(0, GENESIS), 0, iter(links)
    for link in rest:
        found = _break(last, link) or _contradiction(claims, link, confirmed)
        if found is not None:
            behind = sum(1 for _line in rest)
            broken = _explained(found, last, link, behind) if explains else found
            return Chain(last, last.sequence + 1 + behind, broken)
        last = Head(link.sequence, link.hash)
        confirmed = last.sequence if last.sequence in claims else confirmed
    return Chain(last, last.sequence, _lost(last, seen))


def _break(last: Head, link: Link) -> Break | None:
    """Return what is wrong between the last sound event and the next line."""
    due, number = last.sequence + 1, link.sequence
    if number > due:
        return Break(due, Fault.MISSING, _missing(due, number))
    if number < due:
        return Break(number, Fault.INSERTED, f"there is a second event {number}")
    follows = link.line["previous_hash"] == last.hash
    if not fits(link):
        fault = Fault.EDITED if follows else Fault.FOREIGN
        return Break(due, fault, f"event {due} was changed: its hash does not fit what it says")
    if not follows:
        return Break(due, Fault.UNLINKED, _unlinked(last, due))
    return None


def _missing(due: int, number: int) -> str:
    one = f"event {due} is missing"
    missing = one if number == due + 1 else f"events {due} to {number - 1} are missing"
    return f"{missing}; the log goes on with event {number}"


def _unlinked(last: Head, due: int) -> str:
    if not last.sequence:
        return f"event {due} fits its own hash but does not begin a log"
    return (
        f"event {due} fits its own hash but does not follow event {last.sequence}: "
        f"one of the two was replaced"
    )


def _contradiction(claims: dict[int, list[Head]], link: Link, confirmed: int) -> Break | None:
    """Return what a head that speaks of this very event says against it."""
    for head in claims.get(link.sequence, ()):
        if head.hash != link.hash:
            first = confirmed + 1
            where = (
                f"between events {first} and {head.sequence}" if first < head.sequence else "there"
            )
            told = f"event {head.sequence} is not the one that {head.source} saw"
            sentence = f"{told}: the log was written anew {where}"
            return Break(head.sequence, Fault.REWRITTEN, sentence)
    return None


def _explained(found: Break, last: Head, link: Link, behind: int) -> Break:
    """Return the break with its cause, if trying shows how a line came to where it does not fit."""
    if found.fault is not Fault.FOREIGN:
        return found
    due = last.sequence + 1
    if recomputed(link.line | {"previous_hash": last.hash}) == link.hash:
        return Break(due, Fault.EDITED, f"event {due} was changed: it names another one before it")
    for number in _worth_trying(due, behind, len(json.dumps(link.line))):
        if recomputed(link.line | {"sequence": number}) == link.hash:
            return _moved(due, number)
    sentence = f"event {due} is no line of this log: it was changed, or taken from elsewhere"
    return Break(due, Fault.FOREIGN, sentence)


def _worth_trying(due: int, behind: int, size: int) -> list[int]:
    """Return the numbers that a line of `size` characters may have had, the nearest first.

    Every try hashes the whole line, and who made up a log may have made it long.
    """
    tries = TRIED // size
    near = range(max(1, due - tries), min(due + behind + 1, due + tries) + 1)
    return sorted((one for one in near if one != due), key=lambda one: abs(one - due))[:tries]


def _moved(due: int, number: int) -> Break:
    stands = f"in the place of event {due} stands what was event {number}"
    if number < due:
        return Break(due, Fault.INSERTED, f"{stands}: something was put in before it, or repeated")
    return Break(
        due, Fault.OUT_OF_ORDER, f"{stands}: events were put in another order, or one was taken out"
    )


def _lost(last: Head, seen: list[Head]) -> Break | None:
    """Return the loss of the newest events, if a head saw more than there are."""
    if not seen or seen[-1].sequence <= last.sequence:
        return None
    due, newest = last.sequence + 1, seen[-1]
    if not last.sequence:
        events = "1 event" if newest.sequence == 1 else f"{newest.sequence} events"
        return Break(1, Fault.GONE, f"the whole log is gone; {newest.source} saw {events}")
    return Break(
        due,
        Fault.TRUNCATED,
        f"the log ends at event {last.sequence}, but {newest.source} saw event {newest.sequence}",
    )


def _as_doubles(value: Any) -> Any:
    """Return a JSON value with the integers that only a double can hold as such."""
    if isinstance(value, dict):
        return {key: _as_doubles(one) for key, one in value.items()}
    if isinstance(value, list):
        return [_as_doubles(one) for one in value]
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) >= 2**53:
        return float(value)
    return value


# --- What a whole chain says of the rest of the record --------------------------------------------

# What of a signature's row is digested, besides who signed (for whom, by which delegation) and
# when; its event names the digest.
SIGNED = (
    "printed_name",
    "printed_for",
    "role",
    "meaning",
    "text",
    "digest",
    "version",
    "round",
    "policy",
    "method",
    "time_zone",
)


@dataclass(frozen=True, slots=True)
class Signature:
    """A signature as its row gives it: what its event tells, and a digest of the whole row."""

    user_id: int
    name: str
    signed_for: str
    role: str
    meaning: str
    digest: str
    version: int
    whole: str

    @property
    def told(self) -> tuple[Any, ...]:
        """Return what its event says of it."""
        return (self.user_id, self.name, self.signed_for, self.role, self.meaning, self.digest)

    @property
    def in_words(self) -> str:
        """Return whose signature it is."""
        return f"the signature of {self.name} for {self.role} ({self.meaning})"


@dataclass(frozen=True, slots=True)
class KeptVersion:
    """A version as its row gives it; `computed` is the digest of the content in the row."""

    number: int
    step: int
    digest: str
    computed: str
    by_id: int


@dataclass(frozen=True, slots=True)
class Standing:
    """A record as its rows give it; `computed` is the digest of what they say now."""

    status: str
    version: int
    digest: str
    computed: str


@dataclass(slots=True)
class Ledger:
    """What a chain tells of the record, gathered while it is walked: short facts, no content."""

    # Kind of event → the status it leads to.
    moves: dict[str, str]
    status: str = ""
    digest: str = ""
    signed: list[dict[str, Any]] = field(default_factory=list)
    changed: list[tuple[int, str, int]] = field(default_factory=list)
    jump: int | None = None
    # What the event says by which the record came in from a file; empty for one opened here.
    came_in: dict[str, Any] = field(default_factory=dict)
    # Whether it came in as approved, and was not reopened since.
    is_approved_elsewhere: bool = False

    def noting(self, links: Iterable[Link]) -> Iterator[Link]:
        """Pass the lines on, and remember what they tell."""
        for link in links:
            self._note(link.line)
            yield link

    def _note(self, line: dict[str, Any]) -> None:
        before, after = line["digest_before"], line["digest_after"]
        if before != self.digest and self.jump is None:
            self.jump = line["sequence"]
        if line["kind"] == "import" and line["sequence"] == 1:
            self.came_in, self.status = line["data"], line["data"]["status"]
            self.is_approved_elsewhere = self.status in ("approved", "superseded")
        elif before != after:
            self.changed.append((line["sequence"], after, line["actor_id"]))
        if line["kind"] == "sign":
            self.signed.append(line)
        if line["kind"] == "reopen":
            self.is_approved_elsewhere = False
        self.digest = after
        self.status = self.moves.get(line["kind"], self.status)


def check_record(
    ledger: Ledger,
    standing: Standing,
    signatures: Iterable[Signature],
    versions: Iterable[KeptVersion],
) -> Iterator[Break]:
    """Yield what the record's rows and its whole chain say differently, the first of each sort."""
    if ledger.jump:
        yield Break(
            ledger.jump,
            Fault.JUMP,
            f"event {ledger.jump} starts from another content than the event before it left",
        )
    kept = list(versions)
    sorts = (
        _versions_against_events(ledger, kept),
        _signatures_against_events(ledger, list(signatures), kept),
        _standing_against_events(ledger, standing, kept),
    )
    for findings in sorts:
        yield from findings


def _versions_against_events(ledger: Ledger, kept: list[KeptVersion]) -> Iterator[Break]:
    """Yield the first version that is not as it was, or else the first that no event made.

    Those that came in from a file are as the import names them, whoever made them elsewhere.
    """
    place = (0, 0)
    whole = [tuple(one) for one in ledger.came_in.get("versions", ())]
    brought = [*whole, *(tuple(one) for one in ledger.came_in.get("told_versions", ()))]
    for one in kept:
        name = f"version {one.number}" + (f", step {one.step}" if one.step > 1 else "")
        if one.computed != one.digest:
            told = f"{name} was changed: its digest does not fit its content"
            yield Break(_made_by(ledger, one.digest), Fault.VERSION, told)
            return
        if (one.number, one.step, one.digest) in brought:
            place = (one.number, one.step)
            continue
        if (one.number, one.step) not in {(place[0] + 1, 1), (place[0], place[1] + 1)}:
            told = f"the versions are not numbered one after another: {name}"
            yield Break(_made_by(ledger, one.digest), Fault.VERSION, told)
            return
        place = (one.number, one.step)
    named = {(one.number, one.step, one.digest) for one in kept}
    if lost := [one for one in whole if one not in named]:
        yield Break(1, Fault.VERSION, f"the imported version {lost[0][0]} is gone or was changed")
        return
    made_here = [one for one in kept if (one.number, one.step, one.digest) not in brought]
    pool = [(one.digest, one.by_id) for one in made_here]
    for sequence, digest, actor_id in ledger.changed:
        if (digest, actor_id) not in pool:
            told = f"the version that event {sequence} made is gone or was changed"
            yield Break(sequence, Fault.VERSION, told)
            return
        pool.remove((digest, actor_id))
    if pool:
        yield Break(None, Fault.VERSION, f"no event made the version with the digest {pool[0][0]}")


def _made_by(ledger: Ledger, digest: str) -> int | None:
    """Return the number of the event that led to a content, if one did."""
    return next((sequence for sequence, made, _by in ledger.changed if made == digest), None)


def _signatures_against_events(
    ledger: Ledger, signatures: list[Signature], kept: list[KeptVersion]
) -> Iterator[Break]:
    """Yield the first signing whose signature is not there, or else the first without an event."""
    brought = ledger.came_in.get("signatures", ())
    pool = [one for one in signatures if one.whole not in brought]
    if len(signatures) - len(pool) != len(brought):
        yield Break(1, Fault.SIGNATURE, "an imported signature is gone or was changed")
        return
    for line in ledger.signed:
        match = next((one for one in pool if tells_of(line, one)), None)
        if match is None:
            told = f"event {line['sequence']} says that {line['actor']} signed"
            gone = f"{told}, but that signature is gone or was changed"
            yield Break(line["sequence"], Fault.SIGNATURE, gone)
            return
        pool.remove(match)
    if pool:
        yield Break(None, Fault.SIGNATURE, f"no event tells of {pool[0].in_words}")
    contents = {(one.number, one.digest) for one in kept}
    for one in signatures:
        if (one.version, one.digest) not in contents:
            told = f"{one.in_words} names version {one.version}, which says something else"
            yield Break(None, Fault.SIGNATURE, told)
            return


def tells_of(line: dict[str, Any], one: Signature) -> bool:
    """Return whether an event tells of just this signature; older ones tell no whole digest."""
    data = line["data"]
    told = (
        line["actor_id"],
        line["actor"],
        data.get("for", ""),
        data.get("role"),
        data.get("meaning"),
        data.get("digest"),
    )
    return one.told == told and data.get("signature", one.whole) == one.whole


def _standing_against_events(
    ledger: Ledger, standing: Standing, kept: list[KeptVersion]
) -> Iterator[Break]:
    """Yield where the record's own row or its parts differ from what its last event left."""
    if standing.digest != ledger.digest:
        told = "the digest in the record's row is not the one that its last event left"
        yield Break(None, Fault.CONTENT, told)
    elif standing.computed != ledger.digest:
        told = "the record was changed outside the app: its parts no longer say what was logged"
        yield Break(None, Fault.CONTENT, told)
    if standing.status != ledger.status:
        told = f"the record's status is “{standing.status}”, but its log leads to “{ledger.status}”"
        yield Break(None, Fault.STATUS, told)
    if kept and standing.version != kept[-1].number:
        told = f"the record says version {standing.version}, but the last one is {kept[-1].number}"
        yield Break(None, Fault.VERSION, told)
