"""Looking at a decision again: it comes back to its owner, who notes what became of it."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from decisions import clock
from decisions.actions.lifecycle import note_outcome, supersede
from decisions.desk import Desk, tasks_of
from decisions.exports.document import record_document
from decisions.exports.source import document_source
from decisions.models import Decision, OutcomeNote, Success, User
from decisions.policies import BadInput, Refused
from tests import factories
from tests.factories import People, fresh, kinds_of_events

SignIn = Callable[[User], Client]


def url_of(record: Decision) -> str:
    return reverse("decisions:move", args=[record.reference, "note_outcome"])


@pytest.fixture
def due(approved: Decision) -> Decision:
    """An approved record whose day to be looked at again has come."""
    Decision.objects.filter(pk=approved.pk).update(review_on=clock.today())
    return fresh(approved)


def note(record: Decision, people: People, **values: Any) -> OutcomeNote:
    said = {"success": Success.PARTLY, "text": "It carries **most** of the load."} | values
    return note_outcome(record, by=people.owner, **said)


def test_a_due_record_comes_back_to_its_owner_with_one_thing_to_do(
    due: Decision, people: People
) -> None:
    tasks = Desk(people.owner, None).tasks
    assert [(one.verb, one.url) for one in tasks] == [("Say what became of it", url_of(due))]
    assert tasks[0].sentence == "It was to be looked at again: does it still hold?"
    assert Desk(people.ux, None).tasks == []
    Decision.objects.filter(pk=due.pk).update(review_on=clock.today() + timedelta(days=1))
    assert list(tasks_of(fresh(due), people.owner)) == []


def test_a_note_takes_it_off_the_desk_and_the_next_day_brings_it_back(
    due: Decision, people: People
) -> None:
    again = clock.today() + timedelta(days=90)
    note(due, people, review_on=again)
    assert fresh(due).review_on == again
    assert Desk(people.owner, None).tasks == []
    with clock.held_at(clock.now() + timedelta(days=90)):
        assert len(Desk(people.owner, None).tasks) == 1
        note(due, people, success=Success.YES, text="It does.")
    assert fresh(due).review_on is None


def test_a_note_leaves_what_was_signed_as_it_is(due: Decision, people: People) -> None:
    before = (due.digest, due.version, due.status)
    note(due, people)
    assert (fresh(due).digest, fresh(due).version, fresh(due).status) == before
    signed = factories.section_of(due, "recommendation").data["review_on"]
    assert signed == factories.REVIEW_ON.isoformat()
    assert all(factories.holds(one) for one in due.sign_offs.all())
    event = due.events.order_by("sequence").last()
    assert event is not None
    assert (event.kind, event.data) == ("note_outcome", {"success": "partly"})


def test_a_note_can_be_made_before_its_day_and_of_a_superseded_record(people: People) -> None:
    record = factories.approved(people)
    note(record, people, success=Success.UNKNOWN, text="Too early.")
    supersede(record, by=people.owner, successor=factories.approved(people, title="Next"))
    tomorrow = clock.today() + timedelta(days=1)
    note(record, people, success=Success.NO, text="It did not.", review_on=tomorrow)
    assert [one.success for one in record.outcome_notes.all()] == ["unknown", "no"]
    assert fresh(record).review_on is None  # what no longer holds does not come back


def test_the_same_note_sent_twice_is_kept_once(due: Decision, people: People) -> None:
    assert note(due, people) == note(due, people)
    assert kinds_of_events(due).count("note_outcome") == 1


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        ({"success": "maybe"}, "Say whether it worked"),
        ({"text": "  "}, "Say what became of it"),
        ({"review_on": clock.today()}, "still to come"),
    ],
)
def test_a_note_that_says_nothing_is_refused(
    values: dict[str, Any], sentence: str, due: Decision, people: People
) -> None:
    before = factories.all_rows()
    with pytest.raises(BadInput, match=sentence):
        note(due, people, **values)
    assert factories.all_rows() == before


def test_only_the_owner_notes_it_and_only_once_it_is_decided(
    due: Decision, in_review: Decision, people: People
) -> None:
    with pytest.raises(Refused, match="Only the owner can note what became of it"):
        note_outcome(due, by=people.ux, success=Success.YES, text="It works.")
    with pytest.raises(Refused, match="has to be: approved / superseded"):
        note(in_review, people)


def test_the_note_is_written_on_a_page_and_stands_in_record_newest_first(
    due: Decision, people: People, sign_in: SignIn
) -> None:
    client = sign_in(people.owner)
    assert url_of(due) in client.get(reverse("desk")).content.decode()
    again = (clock.today() + timedelta(days=30)).isoformat()
    first = {"success": "partly", "text": "Most\r\nof it.", "review_on": again}
    assert client.post(url_of(due), first).status_code == 302
    assert client.post(url_of(due), {"success": "yes", "text": "All of it."}).status_code == 302
    assert due.outcome_notes.get(success="partly").text == "Most\nof it."
    html = sign_in(people.ux).get(due.get_absolute_url()).content.decode()
    assert "What became of it" in html
    assert html.index("All of it.") < html.index("It worked in part")
    history = reverse("decisions:history", args=[due.reference])
    assert "noted what became of it: It worked in part" in client.get(history).content.decode()


@pytest.mark.parametrize(
    ("sent", "sentence"),
    [
        ({"text": "Kept words"}, "Choose one."),
        ({"success": "maybe", "text": "Kept words"}, "Select a valid choice"),
        ({"success": "yes"}, "Fill this in."),
        ({"success": "yes", "text": "Kept words", "review_on": "2001-01-01"}, "still to come"),
        ({"success": "yes", "text": "Kept words", "review_on": "soon"}, "valid date"),
        ({"success": "yes", "text": "x" * 20_001}, "at most 20000 characters"),
    ],
)
def test_a_page_that_says_too_little_comes_back_with_what_was_typed(
    sent: dict[str, str], sentence: str, due: Decision, people: People, sign_in: SignIn
) -> None:
    response = sign_in(people.owner).post(url_of(due), sent)
    html = response.content.decode()
    assert response.status_code == 422
    assert sentence in html
    assert sent.get("text", "") in html
    assert not due.outcome_notes.exists()


def test_the_page_is_the_owners_and_a_draft_has_none(
    due: Decision, people: People, sign_in: SignIn
) -> None:
    draft = factories.open_record(people, title="Not yet")
    assert sign_in(people.ux).get(url_of(due)).status_code == 403
    assert sign_in(people.outsider).get(url_of(due)).status_code == 404
    assert sign_in(people.owner).get(url_of(draft)).status_code == 409


def test_a_superseded_record_is_not_asked_for_a_day(people: People, sign_in: SignIn) -> None:
    record = factories.superseded(people)
    html = sign_in(people.owner).get(url_of(record)).content.decode()
    assert "Did it work?" in html
    assert "review_on" not in html


def test_the_document_tells_what_became_of_it(due: Decision, people: People) -> None:
    before = document_source(fresh(due)).digest
    assert "outcome" not in record_document(due).closing
    note(due, people)
    document = record_document(due)
    assert [one.text for one in document.outcome_notes] == ["It carries **most** of the load."]
    assert list(document.closing) == ["outcome", "review", "signatures", "changes", "colophon"]
    assert document_source(fresh(due)).digest != before


def test_the_queries_of_a_record_do_not_grow_with_its_notes(
    due: Decision, people: People, sign_in: SignIn
) -> None:
    client = sign_in(people.owner)
    client.get(due.get_absolute_url())  # the first look at a record is written down
    counts = []
    for many in (1, 12):
        for number in range(many):
            note(due, people, text=f"Note {many}.{number}")
        with CaptureQueriesContext(connection) as queries:
            client.get(due.get_absolute_url())
        counts.append(len(queries))
    assert counts[0] == counts[1]
