"""The record's way: draft, in review, approved, and the ways out and back."""

from datetime import timedelta

import pytest

from decisions import clock
from decisions.actions.lifecycle import (
    approve,
    move_once,
    reopen,
    submit,
    supersede,
    was_just_made,
    withdraw,
)
from decisions.models import Decision, Status
from decisions.policies import BadInput, Refused
from tests import factories
from tests.factories import People, fresh, kinds_of_events
from tests.threads import in_threads


@pytest.mark.parametrize("status", Status.values)
def test_a_record_can_be_walked_to_every_status(status: str, people: People) -> None:
    record = factories.record_in(status, people)
    assert record.status == status
    assert record.is_open == (status in {"draft", "in_review"})


def test_an_unfinished_draft_cannot_be_submitted(draft: Decision, people: People) -> None:
    before = factories.all_rows()
    with pytest.raises(Refused, match="“Problem and scope” is not complete"):
        submit(draft, by=people.owner)
    assert factories.all_rows() == before


def test_submitting_copies_the_signing_policy_into_the_record(
    complete_draft: Decision, people: People
) -> None:
    assert complete_draft.policy == {}
    submit(complete_draft, by=people.owner)
    assert fresh(complete_draft).policy["signing_roles"] == [
        "business",
        "data_science",
        "devops",
        "ux",
    ]


def test_moves_do_not_change_the_content_except_reopening(people: People) -> None:
    record = factories.complete_draft(people)
    digests = [record.digest]
    submit(record, by=people.owner)
    factories.sign_all(record, people)
    approve(record, by=people.owner)
    digests.append(fresh(record).digest)
    reopen(record, by=people.owner, reason="New facts.")
    digests.append(fresh(record).digest)
    assert digests[0] == digests[1] != digests[2]


def test_an_approved_record_stays_approved_though_its_people_change(
    approved: Decision, people: People
) -> None:
    people.ux.name = "Uma Berg"
    people.ux.save()
    assert approved.sign_offs.get(role="ux").printed_name == "Uma Lindqvist"


def test_reopening_starts_a_round_without_a_policy_and_keeps_the_reason(
    approved: Decision, people: People
) -> None:
    reopen(approved, by=people.owner, reason="The load has doubled.")
    record = fresh(approved)
    assert (record.status, record.round, record.policy) == ("draft", 2, {})
    last = record.events.order_by("sequence").last()
    assert (last.kind, last.data) == ("reopen", {"reason": "The load has doubled."})


@pytest.mark.parametrize("move", [withdraw, reopen])
def test_giving_up_and_reopening_need_a_reason(
    move: object, in_review: Decision, people: People
) -> None:
    before = factories.all_rows()
    with pytest.raises(BadInput, match="Say why"):
        move(in_review, by=people.owner, reason=" ")  # type: ignore[operator]
    assert factories.all_rows() == before


def test_a_withdrawn_record_can_come_back_as_a_draft(people: People) -> None:
    record = factories.withdrawn(people)
    reopen(record, by=people.owner, reason="The product is back.")
    assert fresh(record).status == Status.DRAFT


def test_only_another_approved_record_takes_the_place(approved: Decision, people: People) -> None:
    with pytest.raises(Refused, match="Only another record can be chosen"):
        supersede(approved, by=people.owner, successor=approved)
    draft = factories.complete_draft(people, title="Not yet")
    with pytest.raises(Refused, match="Only another approved record"):
        supersede(approved, by=people.owner, successor=draft)
    assert fresh(approved).status == Status.APPROVED


def test_a_superseded_record_names_its_successor_and_is_named_by_it(
    approved: Decision, people: People
) -> None:
    successor = factories.approved(people, title="The next one")
    supersede(approved, by=people.owner, successor=successor)
    assert fresh(approved).superseded_by == successor
    assert list(successor.supersedes.all()) == [approved]
    assert approved.events.order_by("sequence").last().data == {"successor": "DR-2"}


def test_two_records_cannot_take_each_others_place(approved: Decision, people: People) -> None:
    successor = factories.approved(people, title="The next one")
    supersede(approved, by=people.owner, successor=successor)
    with pytest.raises(Refused, match="Only another approved record"):
        supersede(successor, by=people.owner, successor=fresh(approved))


def test_a_move_made_twice_is_refused_the_second_time(
    complete_draft: Decision, people: People
) -> None:
    submit(complete_draft, by=people.owner)
    with pytest.raises(Refused, match="The record is in review"):
        submit(complete_draft, by=people.owner)
    assert kinds_of_events(complete_draft).count("submit") == 1


def test_asked_for_twice_at_once_a_move_is_made_once(signed: Decision, people: People) -> None:
    for _click in range(2):
        move_once(signed, "approve", by=people.owner)
    assert signed.status == "approved"
    assert kinds_of_events(signed).count("approve") == 1
    for _click in range(2):
        move_once(signed, "reopen", by=people.owner, reason="New facts.")
    assert (signed.status, signed.round) == ("draft", 2)


def test_with_another_reason_it_is_another_move(draft: Decision, people: People) -> None:
    for _click in range(2):
        move_once(draft, "withdraw", by=people.owner, reason="Given up.")
    with pytest.raises(Refused, match="The record is withdrawn"):
        move_once(draft, "withdraw", by=people.owner, reason="Too dear.")


def test_later_or_by_someone_else_it_is_refused_as_ever(
    signed: Decision, people: People, monkeypatch: pytest.MonkeyPatch
) -> None:
    approve(signed, by=people.owner)
    assert was_just_made(signed, "approve", by=people.owner)
    assert not was_just_made(signed, "approve", by=people.ux)
    with pytest.raises(Refused, match="Only the owner"):
        move_once(signed, "approve", by=people.ux)
    later = clock.now() + timedelta(minutes=1)
    monkeypatch.setattr(clock, "now", lambda: later)
    with pytest.raises(Refused, match="The record is approved"):
        move_once(signed, "approve", by=people.owner)


@pytest.mark.django_db(transaction=True)
def test_two_clicks_in_the_same_moment_approve_once_and_none_is_refused() -> None:
    team = factories.people()
    record = factories.signed(team)
    click = lambda: move_once(fresh(record), "approve", by=team.owner)  # noqa: E731
    assert in_threads(*[click] * 4) == [None] * 4
    assert kinds_of_events(record).count("approve") == 1
