"""Opening a record, its details, and who takes part."""

from datetime import date, timedelta
from threading import Thread

import pytest
from django.db import connection

from decisions import clock
from decisions.actions.records import edit_details, invite, open_decision, remove_participant
from decisions.models import Decision, Participant
from decisions.policies import Refused
from tests import factories
from tests.factories import People, fresh, kinds_of_events


def test_a_new_record_is_an_empty_draft_of_its_owner(people: People) -> None:
    record = open_decision(by=people.owner, title="Where to?", due_on=date(2030, 1, 31))
    assert (record.reference, record.status, record.owner) == ("DR-1", "draft", people.owner)
    assert (record.round, record.version, len(record.digest)) == (1, 1, 64)
    parts = [(one.kind, one.role) for one in record.sections.all()]
    assert parts == [(one["kind"], one["role"]) for one in record.template.sections]
    assert {one.state for one in record.sections.all()} == {"not_started"}
    assert kinds_of_events(record) == ["open"]


def test_records_are_numbered_without_gaps(people: People) -> None:
    numbers = [open_decision(by=people.owner, title=f"Another {n}").number for n in range(3)]
    assert numbers == [1, 2, 3]


def test_a_record_asked_for_twice_at_once_is_opened_once(people: People) -> None:
    first, second = (open_decision(by=people.owner, title="Which way?") for _ in range(2))
    assert first == second
    assert kinds_of_events(first) == ["open"]


def test_a_record_of_the_same_title_is_another_once_the_first_is_begun_or_older(
    people: People,
) -> None:
    begun = open_decision(by=people.owner, title="Which way?")
    invite(begun, by=people.owner, user=people.ux, role="ux")
    with clock.held_at(clock.now() - timedelta(minutes=1)):
        older = open_decision(by=people.owner, title="Which way?")
    newest = open_decision(by=people.owner, title="Which way?")
    theirs = open_decision(by=people.ux, title="Which way?")
    assert len({begun, older, newest, theirs}) == 4


@pytest.mark.django_db(transaction=True)
def test_many_people_opening_records_at_once_get_different_numbers() -> None:
    users = [factories.person(f"person_{number}") for number in range(8)]
    failures: list[Exception] = []

    def open_three(user: object) -> None:
        try:
            for number in range(3):
                open_decision(by=user, title=f"No. {number}")  # type: ignore[arg-type]
        except Exception as error:
            failures.append(error)
        finally:
            connection.close()

    threads = [Thread(target=open_three, args=(user,)) for user in users]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    numbers = sorted(Decision.objects.values_list("number", flat=True))
    assert numbers == list(range(1, 25))


def test_only_what_changed_of_the_details_is_written_and_told(
    draft: Decision, people: People
) -> None:
    edit_details(draft, by=people.owner, title=draft.title, due_on=date(2030, 1, 31), tags=["a"])
    assert (draft.due_on, draft.tags) == (date(2030, 1, 31), ["a"])
    last = draft.events.order_by("sequence").last()
    assert (last.kind, last.data) == ("edit_details", {"changed": ["due_on", "tags"]})


def test_details_that_stay_the_same_write_nothing(draft: Decision, people: People) -> None:
    before = factories.all_rows()
    edit_details(draft, by=people.owner, title=draft.title, tags=[], due_on=None)
    assert factories.all_rows() == before


def test_a_new_title_is_new_content_and_a_new_tag_is_not(draft: Decision, people: People) -> None:
    digests = [draft.digest]
    for details in ({"tags": ["routing"]}, {"title": "Another title"}):
        edit_details(draft, by=people.owner, **details)
        digests.append(fresh(draft).digest)
    assert digests[0] == digests[1] != digests[2]


@pytest.mark.parametrize("name", ["status", "owner", "digest", "number", "nonsense"])
def test_nothing_but_the_details_can_be_changed_as_a_detail(
    name: str, draft: Decision, people: People
) -> None:
    with pytest.raises(TypeError, match=name):
        edit_details(draft, by=people.owner, **{name: "approved"})


def test_the_owner_gives_roles_and_names_signatories(draft: Decision, people: People) -> None:
    invite(draft, by=people.owner, user=people.outsider, role="ux")
    given = Participant.objects.get(user=people.outsider)
    assert (given.role, given.is_signatory) == ("ux", False)
    invite(draft, by=people.owner, user=people.outsider, role="ux", is_signatory=True)
    given.refresh_from_db()
    assert given.is_signatory


def test_inviting_someone_again_to_the_same_writes_nothing(draft: Decision, people: People) -> None:
    before = factories.all_rows()
    invite(draft, by=people.owner, user=people.ux, role="ux", is_signatory=True)
    assert factories.all_rows() == before


def test_nobody_invites_themselves(draft: Decision, people: People) -> None:
    for person in (people.outsider, people.ux):
        with pytest.raises(Refused, match="Only the owner can change who takes part"):
            invite(draft, by=person, user=person, role="business", is_signatory=True)


def test_taking_a_role_away_keeps_what_the_person_signed(signed: Decision, people: People) -> None:
    participant = signed.participants.get(user=people.ux)
    again = Participant.objects.get(pk=participant.pk)
    remove_participant(signed, by=people.owner, participant=participant)
    remove_participant(signed, by=people.owner, participant=again)
    assert signed.sign_offs.get(role="ux").printed_name == "Uma Lindqvist"
    assert kinds_of_events(signed).count("remove") == 1


def test_only_a_records_own_participants_are_taken_off(draft: Decision, people: People) -> None:
    other = factories.open_record(people, title="Another one")
    participant = other.participants.get(role="ux")
    remove_participant(draft, by=people.owner, participant=participant)
    assert other.participants.filter(role="ux").exists()
