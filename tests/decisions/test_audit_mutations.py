"""A thousand ways to tamper with the audit table: all are detected, the first broken link named."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from io import StringIO
from time import process_time
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import transaction
from hypothesis import given
from hypothesis import strategies as st

from decisions.anchors import write_anchor
from decisions.audit import acting_from
from decisions.audit_check import Fault, Link, canonical, check_chain, fits, hash_of
from decisions.auditing import links
from decisions.models import Decision, Event, User
from tests import factories
from tests.append_only import triggers_away
from tests.decisions.tampering import WAYS, Tampered, Victim, tampered
from tests.factories import People

MUTATIONS = 1000


@pytest.fixture
def superseded(people: People) -> Decision:
    with acting_from("198.51.100.4"):
        return factories.superseded(people)


@pytest.fixture
def victim(superseded: Decision) -> Victim:
    own, other = list(links(superseded)), list(links(superseded.superseded_by))
    ids = list(User.objects.values_list("pk", flat=True))
    return Victim(own, other, ids, frozenset({len(own)}))


def test_the_untouched_chain_holds_against_all_its_heads(victim: Victim) -> None:
    every = Victim(victim.links, [], [], frozenset(one.sequence for one in victim.links))
    walked = check_chain(every.links, every.heads)
    assert walked.broken is None
    assert walked.lines == len(victim.links) > 40


def test_a_thousand_mutations_are_all_detected_and_named(victim: Victim) -> None:
    wrong = []
    for seed in range(MUTATIONS):
        way, seen, result = tampered(victim, seed)
        found = check_chain(result.links, seen.heads).broken
        named = found and found.sequence == result.sequence and found.fault in result.faults
        if not named:
            wrong.append((seed, way, result.what, result.sequence, result.faults, found))
    assert wrong == []


def test_a_long_foreign_line_is_not_tried_in_every_place() -> None:
    """A file of 4 MB once took half a minute: its first line was hashed for each that follows."""
    line = {"previous_hash": "f" * 64, "data": "x" * 1_000_000}
    made_up = [Link(line | {"sequence": number}, "0" * 64) for number in range(1, 5_001)]
    began = process_time()
    found = check_chain(made_up)
    assert found.lines == 5_000
    assert found.broken is not None
    assert found.broken.fault is Fault.FOREIGN
    assert process_time() - began < 1


# Nothing in the database itself can hold two events of one number.
THROUGH_THE_DATABASE = [
    seed for seed in range(3 * len(WAYS)) if WAYS[seed % len(WAYS)].__name__ != "repeat_number"
]


def test_the_same_through_the_database_and_the_command(
    superseded: Decision, victim: Victim
) -> None:
    write_anchor()
    assert command() == []
    for seed in THROUGH_THE_DATABASE:
        way, _seen, result = tampered(victim, seed)
        with rewritten(superseded, result.links):
            found = command()
        named = [(one["record"], one["sequence"]) for one in found]
        assert named == [(superseded.reference, expected(victim, result, way))], (way, result.what)
    assert command() == []


def expected(victim: Victim, result: Tampered, way: str) -> int:
    """Return the event that must be named when only the newest head was anchored."""
    if result.faults <= {"rewritten", "truncated"} and way.endswith("smartly"):
        return len(victim.links)
    if way == "edit_and_rehash":
        at = next(
            one.sequence for one, was in zip(result.links, victim.links, strict=True) if one != was
        )
        return min(at + 1, len(victim.links))
    if way == "insert" and result.faults == {"rewritten"}:
        last = len(victim.links)
        return result.sequence if result.sequence == last else result.sequence + 1
    return result.sequence


def command() -> list[dict[str, Any]]:
    """Return what `verify_audit --json` finds; its exit code must agree."""
    out, refused = StringIO(), False
    try:
        call_command("verify_audit", "--json", stdout=out)
    except CommandError:
        refused = True
    told = json.loads(out.getvalue())
    assert told["holds"] is not refused
    return list(told["findings"])


@contextmanager
def rewritten(record: Decision, chain: list[Link]) -> Iterator[None]:
    """Let the record's events be these inside the block."""
    with transaction.atomic():
        with triggers_away():
            record.events.all()._raw_delete("default")
            Event.objects.bulk_create(row(record, one) for one in chain)
        yield
        transaction.set_rollback(True)


def row(record: Decision, link: Link) -> Event:
    told = link.line
    return Event(
        decision=record,
        sequence=told["sequence"],
        kind=told["kind"],
        at=datetime.fromisoformat(told["at"]),
        actor_id=told["actor_id"],
        actor_name=told["actor"],
        data=told["data"],
        digest_before=told["digest_before"],
        digest_after=told["digest_after"],
        address=told["address"],
        previous_hash=told["previous_hash"],
        hash=link.hash,
    )


def test_only_heads_show_what_a_perfect_chain_does_not(victim: Victim) -> None:
    """Without them the smart ways and the cut-off ends go unseen: the anchors are what tells."""
    unseen = set()
    for seed in range(MUTATIONS):
        way, _seen, result = tampered(victim, seed)
        if check_chain(result.links).broken is None:
            unseen.add(way)
    assert {one for one in unseen if one.endswith("smartly")} == {
        "edit_smartly",
        "insert_smartly",
        "delete_smartly",
        "swap_smartly",
    }
    assert "truncate" in unseen
    assert not unseen & {"edit", "edit_hash", "swap", "shuffle", "replay", "insert", "insert_badly"}


TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53) + 1, 2**53 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=8,
)


@given(data=VALUES, other=VALUES)
def test_a_line_fits_its_own_hash_and_that_of_no_other_data(data: Any, other: Any) -> None:
    hashed = hash_of({"data": data})
    assert fits(Link({"data": data}, hashed))
    assert fits(Link({"data": other}, hashed)) == (canonical(data) == canonical(other))
