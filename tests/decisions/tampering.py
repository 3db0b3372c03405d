"""Ways to tamper with a chain, each with what must be found: seeded, on plain lines."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from random import Random
from typing import Any

from decisions.audit_check import GENESIS, Fault, Head, Link, hash_of


@dataclass(frozen=True)
class Tampered:
    """A chain after tampering, and what must be named: the first broken link, and how."""

    links: list[Link]
    sequence: int
    faults: set[Fault]
    what: str


@dataclass(frozen=True)
class Victim:
    """A sound chain, a line of another record, the people there are, and which heads were seen."""

    links: list[Link]
    other: list[Link]
    people: list[int]
    anchored: frozenset[int]

    @property
    def heads(self) -> list[Head]:
        """Return the heads that the anchors saw; the newest is always among them."""
        return [
            Head(one.sequence, one.hash, f"anchor {one.sequence}")
            for one in self.links
            if one.sequence in self.anchored
        ]

    def next_anchor(self, sequence: int) -> int:
        """Return the first anchored event from here on."""
        return min(one for one in self.anchored if one >= sequence)


def other_digit(random: Random, text: str) -> str:
    """Change one hexadecimal digit."""
    at = random.randrange(len(text))
    return text[:at] + random.choice("0123456789abcdef".replace(text[at], "")) + text[at + 1 :]


def other_value(random: Random, name: str, line: dict[str, Any], people: list[int]) -> Any:
    """Return another value of the kind that a field holds."""
    old = line[name]
    match name:
        case "kind":
            return random.choice([one for one in ("comment", "approve", "sign") if one != old])
        case "at":
            moved = random.choice([1, -1, 86_400_000_000])
            return (datetime.fromisoformat(old) + timedelta(microseconds=moved)).isoformat()
        case "actor_id":
            return random.choice([one for one in people if one != old])
        case "actor":
            return old + random.choice([" ", ".", " Junior"])
        case "data":
            return random.choice([old | {"note": "x"}, {"changed": ["nothing"]}])
        case "address":
            return random.choice([one for one in ("192.0.2.1", "2001:db8::7") if one != old])
    return other_digit(random, old or "0" * 64)


FIELDS = (
    "kind",
    "at",
    "actor_id",
    "actor",
    "data",
    "digest_before",
    "digest_after",
    "address",
    "previous_hash",
)


def edited(victim: Victim, random: Random) -> tuple[Link, str]:
    """Return a line with another value in one field, its hash left as it was."""
    link = random.choice(victim.links)
    name = random.choice(FIELDS)
    line = link.line | {name: other_value(random, name, link.line, victim.people)}
    return replace(link, line=line), name


def put(links: list[Link], link: Link) -> list[Link]:
    """Return the chain with one line in the place of that of the same number."""
    return [link if one.sequence == link.sequence else one for one in links]


def numbered(links: list[Link]) -> list[Link]:
    """Number lines anew from 1, leaving all else."""
    return [replace(one, line=one.line | {"sequence": at}) for at, one in enumerate(links, start=1)]


def rehashed(links: list[Link], start: int) -> list[Link]:
    """Number the lines, and make every hash from line `start` on anew, so that the chain fits."""
    whole = numbered(links)
    for at in range(start - 1, len(whole)):
        previous = whole[at - 1].hash if at else GENESIS
        line = whole[at].line | {"previous_hash": previous}
        whole[at] = Link(line, hash_of(line))
    return whole


def edit(victim: Victim, random: Random) -> Tampered:
    link, name = edited(victim, random)
    return Tampered(put(victim.links, link), link.sequence, {Fault.EDITED}, name)


def edit_hash(victim: Victim, random: Random) -> Tampered:
    link = random.choice(victim.links)
    changed = replace(link, hash=other_digit(random, link.hash))
    return Tampered(put(victim.links, changed), link.sequence, {Fault.EDITED}, "")


def renumber(victim: Victim, random: Random) -> Tampered:
    at, last = random.choice(victim.links).sequence, len(victim.links)
    away = last + random.randint(1, 40)
    links = [
        replace(one, line=one.line | {"sequence": away}) if one.sequence == at else one
        for one in victim.links
    ]
    links.sort(key=lambda one: one.sequence)
    # The last one moved on by one number leaves exactly one gap; all others leave theirs earlier.
    return Tampered(links, at, {Fault.MISSING}, f"to {away}")


def delete(victim: Victim, random: Random) -> Tampered:
    count = random.choice([1, 1, 2, 5])
    at = random.choice(victim.links).sequence
    links = [one for one in victim.links if not at <= one.sequence < at + count]
    lost_end = at + count > len(victim.links)
    gone = {Fault.GONE} if not links else {Fault.TRUNCATED}
    return Tampered(links, at, gone if lost_end else {Fault.MISSING}, f"{count}")


def delete_and_close(victim: Victim, random: Random) -> Tampered:
    at = random.choice(victim.links).sequence
    links = numbered([one for one in victim.links if one.sequence != at])
    last = at == len(victim.links)
    return Tampered(links, at, {Fault.TRUNCATED if last else Fault.OUT_OF_ORDER}, "")


def insert(victim: Victim, random: Random) -> Tampered:
    """Put in a line that fits the one before it, and number all later ones anew."""
    at = random.choice(victim.links).sequence
    forged = forged_line(victim, random, at)
    links = numbered([*victim.links[: at - 1], forged, *victim.links[at - 1 :]])
    if at in victim.anchored:
        return Tampered(links, at, {Fault.REWRITTEN}, "")
    return Tampered(links, at + 1, {Fault.INSERTED}, "")


def insert_badly(victim: Victim, random: Random) -> Tampered:
    """Put in a line, also at the end, that does not fit."""
    at = random.randint(1, len(victim.links) + 1)
    forged = forged_line(victim, random, at)
    if random.random() < 0.5:
        forged = replace(forged, hash=other_digit(random, forged.hash))
        faults = {Fault.EDITED}
    else:
        line = forged.line | {"previous_hash": other_digit(random, forged.line["previous_hash"])}
        forged = Link(line, hash_of(line))
        faults = {Fault.UNLINKED}
    return Tampered(
        numbered([*victim.links[: at - 1], forged, *victim.links[at - 1 :]]), at, faults, ""
    )


def forged_line(victim: Victim, random: Random, at: int) -> Link:
    """Return a line that was never written, which fits the one before it."""
    previous = victim.links[at - 2].hash if at > 1 else GENESIS
    model = random.choice(victim.links).line
    line = model | {
        "sequence": at,
        "kind": "comment",
        "data": {"forged": random.randrange(10**6)},
        "previous_hash": previous,
    }
    return Link(line, hash_of(line))


def repeat_number(victim: Victim, random: Random) -> Tampered:
    """Put in a second line of the same number, as if nothing kept numbers apart."""
    at = random.choice(victim.links).sequence
    forged = forged_line(victim, random, at)
    return Tampered([*victim.links[:at], forged, *victim.links[at:]], at, {Fault.INSERTED}, "twice")


def swap(victim: Victim, random: Random) -> Tampered:
    first, second = sorted(random.sample(range(len(victim.links)), 2))
    links = list(victim.links)
    links[first], links[second] = links[second], links[first]
    return Tampered(numbered(links), first + 1, {Fault.OUT_OF_ORDER}, f"with {second + 1}")


def shuffle(victim: Victim, random: Random) -> Tampered:
    start = random.randrange(len(victim.links) - 2)
    part = victim.links[start:]
    while [one.sequence for one in part] == list(range(start + 1, len(victim.links) + 1)):
        random.shuffle(part)
    links = [*victim.links[:start], *part]
    moved = next(at for at, one in enumerate(links, start=1) if one.sequence != at)
    return Tampered(numbered(links), moved, {Fault.OUT_OF_ORDER}, "")


def truncate(victim: Victim, random: Random) -> Tampered:
    count = random.choice([1, 1, 2, 3, random.randint(1, len(victim.links)), len(victim.links)])
    links = victim.links[:-count]
    fault = Fault.TRUNCATED if links else Fault.GONE
    return Tampered(links, len(links) + 1, {fault}, f"{count}")


def replay(victim: Victim, random: Random) -> Tampered:
    """Put another record's line in the place of one, or behind the last."""
    at = random.randint(1, len(victim.links) + 1)
    uid = victim.links[0].line["decision"]
    taken = random.choice(victim.other)
    line = taken.line | {"decision": uid, "sequence": at}
    links = [*victim.links[: at - 1], Link(line, taken.hash), *victim.links[at:]]
    return Tampered(links, at, {Fault.FOREIGN, Fault.EDITED}, f"its {taken.sequence}")


def replay_own(victim: Victim, random: Random) -> Tampered:
    """Repeat a line of the same record behind the last."""
    taken = random.choice(victim.links)
    links = numbered([*victim.links, taken])
    return Tampered(links, len(links), {Fault.INSERTED}, f"{taken.sequence}")


def edit_and_rehash(victim: Victim, random: Random) -> Tampered:
    """Change a line and make its own hash anew, but no later one."""
    link, name = edited(victim, random)
    while name == "previous_hash":
        link, name = edited(victim, random)
    changed = Link(link.line, hash_of(link.line))
    here = link.sequence in victim.anchored
    at = link.sequence if here else link.sequence + 1
    fault = Fault.REWRITTEN if here else Fault.UNLINKED
    return Tampered(put(victim.links, changed), at, {fault}, name)


def edit_smartly(victim: Victim, random: Random) -> Tampered:
    """Change a line and make all hashes from there on anew: the chain itself is perfect again."""
    link, name = edited(victim, random)
    while name == "previous_hash":
        link, name = edited(victim, random)
    links = rehashed(put(victim.links, link), link.sequence)
    return Tampered(links, victim.next_anchor(link.sequence), {Fault.REWRITTEN}, name)


def insert_smartly(victim: Victim, random: Random) -> Tampered:
    at = random.choice(victim.links).sequence
    forged = forged_line(victim, random, at)
    links = rehashed([*victim.links[: at - 1], forged, *victim.links[at - 1 :]], at)
    return Tampered(links, victim.next_anchor(at), {Fault.REWRITTEN}, "")


def delete_smartly(victim: Victim, random: Random) -> Tampered:
    at, last = random.choice(victim.links).sequence, len(victim.links)
    links = rehashed([one for one in victim.links if one.sequence != at], at)
    found = victim.next_anchor(at)
    fault = Fault.TRUNCATED if found == last else Fault.REWRITTEN
    return Tampered(links, found, {fault}, "")


def swap_smartly(victim: Victim, random: Random) -> Tampered:
    plain = swap(victim, random)
    links = rehashed(plain.links, plain.sequence)
    return Tampered(links, victim.next_anchor(plain.sequence), {Fault.REWRITTEN}, plain.what)


Way = Callable[[Victim, Random], Tampered]
WAYS: tuple[Way, ...] = (
    edit,
    edit_hash,
    renumber,
    delete,
    delete_and_close,
    insert,
    insert_badly,
    repeat_number,
    swap,
    shuffle,
    truncate,
    replay,
    replay_own,
    edit_and_rehash,
    edit_smartly,
    insert_smartly,
    delete_smartly,
    swap_smartly,
)


def tampered(victim: Victim, seed: int) -> tuple[str, Victim, Tampered]:
    """Return the way that a seed stands for, with the anchors there were, and the result."""
    random = Random(seed)
    last = len(victim.links)
    others = random.sample(range(1, last), random.choice([0, 0, 3]))
    seen = replace(victim, anchored=frozenset({last, *others}))
    way = WAYS[seed % len(WAYS)]
    return way.__name__, seen, way(seen, random)
