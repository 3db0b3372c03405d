"""The audit log: one event an action, chained so that any tampering shows on recomputation."""

from collections.abc import Iterator
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.db.models import F

from decisions import clock
from decisions.actions.records import edit_details
from decisions.actions.review import Remark, open_thread
from decisions.audit import GENESIS, acting_from, event_hash
from decisions.audit_check import check_chain
from decisions.auditing import links
from decisions.exports.archive import canonical_archive
from decisions.models import Decision, Event, User, Version
from tests import factories
from tests.append_only import triggers_away
from tests.factories import People, kinds_of_events


@pytest.fixture
def unguarded(db: None) -> Iterator[None]:
    """Let the test change what the database would refuse to change."""
    with triggers_away():
        yield


def first_broken(record: Decision) -> int | None:
    """Return the number of the first link that does not fit when recomputed, if one does not."""
    broken = check_chain(links(record)).broken
    return broken.sequence if broken else None


def retitle(record: Decision, by: User, title: str = "Another title") -> Event:
    edit_details(record, by=by, title=title)
    return record.events.order_by("sequence").last()


def test_a_whole_walk_leaves_an_unbroken_chain_without_gaps(people: People) -> None:
    record = factories.superseded(people)
    sequences = list(record.events.order_by("sequence").values_list("sequence", flat=True))
    assert sequences == list(range(1, len(sequences) + 1))
    assert first_broken(record) is None
    assert record.events.get(sequence=1).previous_hash == GENESIS


def test_each_action_leaves_exactly_one_event(people: People) -> None:
    record = factories.approved(people)
    assert kinds_of_events(record) == [
        "open",
        *["invite"] * 4,
        *["add_goal"] * 2,
        *["add_candidate"] * 2,
        *[*["assess"] * 4, "attach_evidence"] * 2,
        "edit_section",
        "mark_section",
        *["edit_section"] * 4,
        *["mark_section"] * 5,
        *["edit_section"] * 5,
        "submit",
        *["sign"] * 4,
        "approve",
    ]


def test_an_event_says_who_what_and_what_it_did_to_the_content(
    draft: Decision, people: People
) -> None:
    before = draft.digest
    event = retitle(draft, people.owner)
    assert (event.kind, event.actor, event.actor_name) == (
        "edit_details",
        people.owner,
        "Olivia Brandt",
    )
    assert event.data == {"changed": ["title"]}
    assert (event.digest_before, event.digest_after) == (before, draft.digest)
    assert before != draft.digest


def test_an_event_that_leaves_the_content_alone_says_so(draft: Decision, people: People) -> None:
    open_thread(draft, by=people.ux, remark=Remark("Why?"))
    event = draft.events.order_by("sequence").last()
    assert event.digest_before == event.digest_after == draft.digest


def test_the_printed_name_stays_what_it_was(draft: Decision, people: People) -> None:
    event = retitle(draft, people.owner)
    User.objects.filter(pk=people.owner.pk).update(name="Olivia Newname")
    event.refresh_from_db()
    assert event.actor_name == "Olivia Brandt"
    assert first_broken(draft) is None


@pytest.mark.parametrize(
    ("address", "kept"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("2001:DB8::0:1", "2001:db8::1"),
        ("::ffff:192.0.2.7", "::ffff:192.0.2.7"),
        (None, None),
    ],
)
def test_the_address_is_kept_and_chained(
    address: str | None, kept: str | None, draft: Decision, people: People
) -> None:
    with acting_from(address):
        event = retitle(draft, people.owner)
    event.refresh_from_db()
    assert event.address == kept
    assert first_broken(draft) is None
    assert f'"address":"{kept}"' not in canonical_archive(draft).decode()
    assert retitle(draft, people.owner, "Again").address is None


def test_a_time_given_in_another_zone_is_chained_in_utc(draft: Decision, people: People) -> None:
    with clock.held_at(datetime(2026, 7, 1, 12, 30, tzinfo=ZoneInfo("Asia/Kolkata"))):
        event = retitle(draft, people.owner)
    event.refresh_from_db()
    assert event.at.isoformat() == "2026-07-01T07:00:00+00:00"
    assert first_broken(draft) is None


def test_two_records_have_two_chains(people: People) -> None:
    first, second = factories.open_record(people), factories.open_record(people)
    retitle(first, people.owner)
    retitle(second, people.owner)
    assert first_broken(first) is None
    assert first_broken(second) is None
    assert first.events.count() == second.events.count() == 6


TAMPERED: dict[str, Any] = {
    "sequence": 77,
    "kind": "approve",
    "at": datetime(2020, 1, 1, tzinfo=ZoneInfo("UTC")),
    "actor_name": "Someone Else",
    "data": {"changed": ["nothing"]},
    "digest_before": "0" * 64,
    "digest_after": "0" * 64,
    "address": "203.0.113.9",
    "address_salt": "0" * 32,
    "previous_hash": "f" * 64,
    "hash": "f" * 64,
}


@pytest.mark.usefixtures("unguarded")
@pytest.mark.parametrize("name", TAMPERED)
def test_changing_any_field_of_an_event_is_detected(
    name: str, draft: Decision, people: People
) -> None:
    retitle(draft, people.owner)
    assert draft.events.filter(sequence=3).update(**{name: TAMPERED[name]}) == 1
    assert first_broken(draft) == 3


@pytest.mark.usefixtures("unguarded")
@pytest.mark.parametrize("changed", [{"address": "203.0.113.9"}, {"address_salt": "0" * 32}])
def test_changing_an_address_that_is_chained_as_a_digest_is_detected(
    changed: dict[str, str], draft: Decision, people: People
) -> None:
    with acting_from("192.0.2.7"):
        event = retitle(draft, people.owner)
    assert first_broken(draft) is None
    draft.events.filter(pk=event.pk).update(**changed)
    assert first_broken(draft) == event.sequence


@pytest.mark.usefixtures("unguarded")
def test_giving_an_event_to_another_person_is_detected(draft: Decision, people: People) -> None:
    draft.events.filter(sequence=3).update(actor=people.ux)
    assert first_broken(draft) == 3


@pytest.mark.usefixtures("unguarded")
def test_moving_an_event_to_another_record_is_detected(draft: Decision, people: People) -> None:
    other = factories.open_record(people)
    last = draft.events.order_by("sequence").last()
    other.events.filter(sequence=last.sequence).delete()
    Event.objects.filter(pk=last.pk).update(decision=other)
    assert first_broken(other) == last.sequence


def test_every_field_of_an_event_is_covered_by_the_tampering_tests() -> None:
    fields = {field.name for field in Event._meta.concrete_fields}
    assert fields == {*TAMPERED, "id", "decision", "actor"}


@pytest.mark.usefixtures("unguarded")
def test_a_tampered_event_with_a_fitting_hash_breaks_the_next_link(draft: Decision) -> None:
    event = draft.events.get(sequence=3)
    event.actor_name = "Someone Else"
    event.hash = event_hash(event)
    event.save()
    assert first_broken(draft) == 4


@pytest.mark.usefixtures("unguarded")
def test_taking_an_event_out_is_detected(draft: Decision) -> None:
    draft.events.filter(sequence=3).delete()
    assert first_broken(draft) == 3


@pytest.mark.usefixtures("unguarded")
def test_closing_the_gap_afterwards_is_detected_too(draft: Decision) -> None:
    draft.events.filter(sequence=3).delete()
    for event in draft.events.filter(sequence__gt=3).order_by("sequence"):
        Event.objects.filter(pk=event.pk).update(sequence=F("sequence") - 1)
    assert first_broken(draft) == 3


@pytest.mark.usefixtures("unguarded")
def test_swapping_two_events_is_detected(draft: Decision) -> None:
    second, third = (draft.events.get(sequence=number) for number in (2, 3))
    for event, number in ((second, 99), (third, 2), (second, 3)):
        Event.objects.filter(pk=event.pk).update(sequence=number)
    assert first_broken(draft) == 2


def test_there_is_a_version_for_each_new_content_and_only_then(
    draft: Decision, people: People
) -> None:
    assert draft.version == 1
    open_thread(draft, by=people.ux, remark=Remark("Why?"))
    assert Version.objects.filter(decision=draft).count() == 1
    retitle(draft, people.owner)
    versions = list(Version.objects.filter(decision=draft))
    assert [one.number for one in versions] == [1, 2]
    assert (draft.version, draft.digest) == (2, versions[-1].digest)
    assert versions[-1].content["decision"]["title"] == "Another title"
    assert versions[-1].by == people.owner
