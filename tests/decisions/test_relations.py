"""How records stand to each other: superseding, amending, relating, and starting a successor."""

import threading
from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from decisions.actions.lifecycle import supersede
from decisions.actions.relations import amend, relate, start_successor, unrelate
from decisions.exports.document import record_document, relations_in_words
from decisions.exports.source import document_source
from decisions.models import Decision, DecisionLink, Status, User
from decisions.policies import Refused
from decisions.record_templates import GENERAL
from decisions.relations import Relations
from tests import factories
from tests.factories import People, fresh, kinds_of_events

SignIn = Callable[[User], Client]


def approved(people: People, title: str, **fields: Any) -> Decision:
    """Return an approved record without walking it there."""
    record = factories.open_record(people, title=title, **fields)
    Decision.objects.filter(pk=record.pk).update(status=Status.APPROVED)
    return fresh(record)


@pytest.fixture
def old(people: People) -> Decision:
    """An approved record."""
    return approved(people, "The old way")


@pytest.fixture
def new(people: People) -> Decision:
    """Another approved record."""
    return approved(people, "The new way")


def of_another(people: People, title: str = "Theirs", **fields: Any) -> Decision:
    """Return an approved record that the outsider drives, and no one else reads."""
    record = factories.open_decision(by=people.outsider, title=title, **fields)
    Decision.objects.filter(pk=record.pk).update(status=Status.APPROVED)
    return fresh(record)


def last(record: Decision) -> tuple[str, dict[str, Any]]:
    """Return the kind and the data of a record's newest event."""
    event = record.events.order_by("sequence").last()
    assert event is not None
    return event.kind, event.data


def move(record: Decision, action: str) -> str:
    return reverse("decisions:move", args=[record.reference, action])


def read(client: Client, record: Decision) -> str:
    return client.get(record.get_absolute_url()).content.decode()


def test_amending_is_said_on_both_and_both_hold(
    old: Decision, new: Decision, people: People, sign_in: SignIn
) -> None:
    link = amend(old, by=people.owner, amendment=new)
    assert (link.source, link.target) == (new, old)
    assert {fresh(old).status, fresh(new).status} == {"approved"}
    assert last(old) == ("amend", {"other": "DR-2"})
    assert last(new) == ("amends", {"other": "DR-1"})
    client = sign_in(people.ux)
    assert "This record is amended; both hold." in read(client, old)
    assert "Amends" in read(client, new)
    history = reverse("decisions:history", args=["DR-2"])
    assert "noted that the record amends DR-1" in client.get(history).content.decode()


def test_superseding_is_said_on_both(
    old: Decision, new: Decision, people: People, sign_in: SignIn
) -> None:
    supersede(old, by=people.owner, successor=new)
    assert last(old) == ("supersede", {"successor": "DR-2"})
    assert last(new) == ("supersedes", {"other": "DR-1"})
    client = sign_in(people.ux)
    assert "This record no longer holds." in read(client, old)
    assert "The new way" in read(client, old)
    assert "The old way" in read(client, new)


def test_neither_changes_what_was_signed(old: Decision, new: Decision, people: People) -> None:
    before = [(one.digest, one.version) for one in (fresh(old), fresh(new))]
    amend(old, by=people.owner, amendment=new)
    relate(old, by=people.owner, other=new)
    supersede(old, by=people.owner, successor=new)
    assert [(one.digest, one.version) for one in (fresh(old), fresh(new))] == before


def test_only_another_approved_record_amends(old: Decision, people: People) -> None:
    draft = factories.open_record(people, title="Not yet")
    with pytest.raises(Refused, match="Only another approved record can amend"):
        amend(old, by=people.owner, amendment=draft)
    with pytest.raises(Refused, match="Only another record can be chosen"):
        amend(old, by=people.owner, amendment=old)


def test_records_do_not_amend_each_other_in_a_circle(
    old: Decision, new: Decision, people: People
) -> None:
    newest = approved(people, "The newest way")
    amend(old, by=people.owner, amendment=new)
    amend(new, by=people.owner, amendment=newest)
    for first, second in ((new, old), (newest, old)):
        with pytest.raises(Refused, match="DR-1 is itself amended by this record"):
            amend(first, by=people.owner, amendment=second)


def test_a_link_is_made_once_whoever_says_it_and_from_whichever_side(
    old: Decision, new: Decision, people: People
) -> None:
    link = relate(old, by=people.owner, other=new)
    before = factories.all_rows()
    assert relate(old, by=people.owner, other=new) == link
    assert relate(new, by=people.owner, other=old) == link
    assert factories.all_rows() == before
    assert last(old) == ("relate", {"other": "DR-2"})
    assert last(new) == ("relate", {"other": "DR-1"})


def test_a_line_is_written_into_the_others_log_only_where_the_person_may(
    old: Decision, people: People
) -> None:
    theirs = of_another(people, visibility="everyone")
    before = kinds_of_events(theirs)
    link = relate(old, by=people.owner, other=theirs)
    assert kinds_of_events(theirs) == before
    unrelate(theirs, by=people.outsider, link=link)
    assert last(theirs) == ("unrelate", {"other": "DR-1"})
    assert last(old) == ("relate", {"other": "DR-2"})
    assert not DecisionLink.objects.exists()


def test_a_link_is_taken_off_both_and_taking_it_off_twice_writes_nothing(
    old: Decision, new: Decision, people: People
) -> None:
    link = relate(old, by=people.owner, other=new)
    again = DecisionLink.objects.get(pk=link.pk)
    unrelate(new, by=people.owner, link=link)
    assert (last(old)[0], last(new)[0]) == ("unrelate", "unrelate")
    before = factories.all_rows()
    unrelate(new, by=people.owner, link=again)
    assert factories.all_rows() == before


def test_that_a_record_is_amended_is_taken_back_on_that_record(
    old: Decision, new: Decision, people: People
) -> None:
    link = amend(old, by=people.owner, amendment=new)
    with pytest.raises(Refused, match="It is said on DR-1"):
        unrelate(new, by=people.owner, link=link)
    assert not Relations(fresh(new), people.owner).amends[0].may_remove
    unrelate(old, by=people.owner, link=link)
    assert Relations(fresh(old), people.owner).amended_by == []


@pytest.mark.parametrize("action", [supersede, amend, relate])
def test_a_record_that_the_person_may_not_read_is_as_if_it_were_not_there(
    action: Callable[..., Any], old: Decision, people: People
) -> None:
    name = {"supersede": "successor", "amend": "amendment", "relate": "other"}[action.__name__]
    hidden = of_another(people)
    before = factories.all_rows()
    with pytest.raises(Refused, match="no record of this name that you may read") as raised:
        action(old, by=people.owner, **{name: hidden})
    assert raised.value.refusal.status == 404
    assert factories.all_rows() == before


@pytest.mark.parametrize("action", [supersede, amend, relate])
def test_only_the_owner_says_how_a_record_stands_to_others(
    action: Callable[..., Any], old: Decision, new: Decision, people: People
) -> None:
    name = {"supersede": "successor", "amend": "amendment", "relate": "other"}[action.__name__]
    with pytest.raises(Refused, match="Only the owner"):
        action(old, by=people.ux, **{name: new})


def test_the_title_of_a_record_stays_unknown_to_who_may_not_read_it(
    old: Decision, new: Decision, people: People, sign_in: SignIn
) -> None:
    secret = of_another(people, "A secret plan")
    Decision.objects.filter(pk=secret.pk).update(owner=people.owner)
    amend(old, by=people.owner, amendment=secret)
    relate(old, by=people.owner, other=secret)
    assert "A secret plan" in read(sign_in(people.owner), old)
    html = read(sign_in(people.ux), old)
    assert "A secret plan" not in html
    assert "you may not read it" in html
    supersede(old, by=people.owner, successor=secret)
    client = sign_in(people.ux)
    for page in ("record", "history", "candidates", "documents"):
        url = reverse(f"decisions:{page}", args=["DR-1"])
        assert "A secret plan" not in client.get(url).content.decode()
    assert relations_in_words(fresh(old)) == {
        "Superseded by": "DR-3",
        "Amended by": "DR-3",
        "Related": "DR-3",
    }


def test_a_document_names_other_records_and_is_made_anew_when_they_change(
    old: Decision, new: Decision, people: People
) -> None:
    digests = [document_source(fresh(old)).digest]
    amend(old, by=people.owner, amendment=new)
    digests.append(document_source(fresh(old)).digest)
    relate(old, by=people.owner, other=of_another(people, visibility="everyone"))
    digests.append(document_source(fresh(old)).digest)
    assert len(set(digests)) == 3
    document = record_document(old)
    assert (document.amended_by, document.relations["Related"]) == ("DR-2", "DR-3")


def test_a_record_is_picked_by_its_name_on_the_page(
    old: Decision, new: Decision, people: People, sign_in: SignIn
) -> None:
    client = sign_in(people.owner)
    html = client.get(move(old, "supersede")).content.decode()
    assert '<option value="DR-2">The new way</option>' in html
    assert 'value="DR-1"' not in html
    assert client.post(move(old, "amend"), {"amendment": "dr-2"}).status_code == 302
    assert client.post(move(old, "relate"), {"other": " DR-2 "}).status_code == 302
    assert client.post(move(old, "supersede"), {"successor": "DR-2"}).status_code == 302
    assert fresh(old).superseded_by == new


@pytest.mark.parametrize(
    ("typed", "sentence"),
    [
        ("", "Fill this in."),
        ("DR-1", "There is no other record of this name that you may read."),
        ("DR-3", "There is no other record of this name that you may read."),
        ("DR-99", "There is no other record of this name that you may read."),
        ("the new one", "There is no other record of this name that you may read."),
        ("DR-4", "DR-4 is draft. Only a record that was approved here can be chosen."),
    ],
)
@pytest.mark.parametrize(("action", "name"), [("supersede", "successor"), ("amend", "amendment")])
def test_a_name_that_cannot_be_picked_is_refused_and_stays(
    action: str,
    name: str,
    typed: str,
    sentence: str,
    old: Decision,
    new: Decision,
    people: People,
    sign_in: SignIn,
) -> None:
    of_another(people)
    factories.open_record(people, title="Not yet")
    response = sign_in(people.owner).post(move(old, action), {name: typed})
    assert response.status_code == 422
    assert sentence in response.content.decode()
    assert fresh(old).status == "approved"


def test_only_the_owner_gets_to_these_pages_and_only_in_the_right_state(
    old: Decision, people: People, sign_in: SignIn
) -> None:
    owner, other, outsider = map(sign_in, (people.owner, people.ux, people.outsider))
    for action in ("supersede", "amend", "relate"):
        assert owner.get(move(old, action)).status_code == 200
        assert other.get(move(old, action)).status_code == 403
        assert outsider.get(move(old, action)).status_code == 404
    draft = factories.open_record(people, title="Not yet")
    assert [
        owner.get(move(draft, one)).status_code for one in ("supersede", "amend", "relate")
    ] == [
        409,
        409,
        200,
    ]
    assert owner.get(move(draft, "no-such")).status_code == 404


def test_links_are_removed_on_the_page_by_an_owner_only(
    old: Decision, new: Decision, people: People, sign_in: SignIn
) -> None:
    link = relate(old, by=people.owner, other=new)
    url = reverse("decisions:remove_link", args=["DR-1", link.pk])
    assert url in read(sign_in(people.owner), old)
    assert url not in read(sign_in(people.ux), old)
    assert sign_in(people.ux).post(url).status_code == 403
    assert sign_in(people.outsider).post(url).status_code == 404
    assert sign_in(people.owner).get(url).status_code == 405
    elsewhere = approved(people, "Elsewhere")
    wrong = reverse("decisions:remove_link", args=[elsewhere.reference, link.pk])
    assert sign_in(people.owner).post(wrong).status_code == 404
    assert sign_in(people.owner).post(url).status_code == 302
    assert sign_in(people.owner).post(url).status_code == 404
    assert not DecisionLink.objects.exists()


def test_a_successor_starts_with_title_template_people_and_a_link(
    people: People, sign_in: SignIn
) -> None:
    old = approved(people, "Which queue?", template=GENERAL, tags=["queue"])
    client = sign_in(people.ux)
    url = f"{reverse('decisions:new')}?after=DR-1"
    assert url in read(client, old)
    html = client.get(url).content.decode()
    assert 'value="Which queue?"' in html
    assert f'value="{GENERAL}" ' in html
    assert 'value="queue"' in html
    sent = {"title": "Which queue now?", "template": GENERAL, "visibility": "participants"}
    client.post(url, sent | {"with_people": "on"})
    fresh_one = Decision.objects.get(title="Which queue now?")
    assert (fresh_one.owner, fresh_one.status) == (people.ux, "draft")
    named = set(fresh_one.participants.values_list("user", "role", "is_signatory"))
    assert named == set(old.participants.values_list("user", "role", "is_signatory"))
    assert kinds_of_events(fresh_one) == ["open", *["invite"] * 4, "relate"]
    assert "relate" not in kinds_of_events(old)  # it is not theirs to write there
    assert "Which queue now?" in read(client, old)


def test_a_successor_can_start_alone_and_is_started_once(old: Decision, people: People) -> None:
    first, second = (start_successor(old, by=people.owner, title="Next") for _ in range(2))
    assert first == second
    assert not first.participants.exists()
    assert last(old) == ("relate", {"other": first.reference})


def test_the_successor_of_a_record_that_one_may_not_read_is_not_found(
    old: Decision, people: People, sign_in: SignIn
) -> None:
    client = sign_in(people.outsider)
    for name in ("DR-1", "DR-99", "nonsense"):
        url = f"{reverse('decisions:new')}?after={name}"
        assert client.get(url).status_code == 404
        assert client.post(url, {"title": "Mine"}).status_code == 404
    with pytest.raises(Refused, match="no record of this name"):
        start_successor(old, by=people.outsider, title="Mine")


def test_the_queries_of_a_record_do_not_grow_with_its_links(
    old: Decision, people: People, sign_in: SignIn
) -> None:
    client = sign_in(people.owner)
    read(client, old)  # the first look at a record is written down
    counts = []
    for many in (1, 8):
        for number in range(many):
            other = approved(people, f"Other {many}.{number}")
            relate(old, by=people.owner, other=other)
            amend(old, by=people.owner, amendment=other)
            supersede(approved(people, f"Older {many}.{number}"), by=people.owner, successor=old)
        with CaptureQueriesContext(connection) as queries:
            read(client, old)
        counts.append(len(queries))
    assert counts[0] == counts[1]


def _together(calls: list[Callable[[], Any]]) -> list[Exception]:
    """Make calls at once, each in a thread of its own; return what they raised."""
    raised: list[Exception] = []
    start = threading.Barrier(len(calls))

    def run(call: Callable[[], Any]) -> None:
        try:
            start.wait()
            call()
        except Exception as error:
            raised.append(error)
        finally:
            connection.close()

    threads = [threading.Thread(target=run, args=(call,)) for call in calls]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert not any(thread.is_alive() for thread in threads)
    return raised


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("_round", range(5))
def test_of_two_records_put_in_each_others_place_at_once_one_stays(_round: int) -> None:
    people = factories.people()
    one, two = (approved(people, title) for title in ("One", "Two"))
    raised = _together(
        [
            lambda: supersede(one, by=people.owner, successor=two),
            lambda: supersede(two, by=people.owner, successor=one),
        ]
    )
    assert [type(error) for error in raised] == [Refused]
    assert sorted([fresh(one).status, fresh(two).status]) == ["approved", "superseded"]


@pytest.mark.django_db(transaction=True)
def test_records_linked_across_at_once_are_linked_once_and_nobody_waits_for_ever() -> None:
    people = factories.people()
    one, two = (approved(people, title) for title in ("One", "Two"))
    crossing = [(one, two), (two, one)] * 4
    raised = _together(
        [lambda a=a, b=b: relate(a, by=people.owner, other=b) for a, b in crossing]  # type: ignore[misc]
    )
    assert raised == []
    assert DecisionLink.objects.count() == 1
    for record in (one, two):
        sequences = list(record.events.order_by("sequence").values_list("sequence", flat=True))
        assert sequences == list(range(1, len(sequences) + 1))
        assert kinds_of_events(record).count("relate") == 1
