"""What the record page says beside the record: what holds it back, dissent, amendments."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from decisions import clock
from decisions.actions.delegation import (
    accept_delegation,
    delegate,
    delegate_for_a_time,
    end_delegation,
)
from decisions.actions.lifecycle import reopen, submit, withdraw
from decisions.actions.records import open_decision, remove_participant
from decisions.actions.relations import amend
from decisions.actions.review import send_review
from decisions.desk import tasks_of
from decisions.models import Decision, User
from decisions.record_page import RecordPage
from decisions.standing_in import StandingIn, state_words
from decisions.templatetags.ui import HoldingBack, holding_back
from tests import factories
from tests.factories import People, fresh

SignIn = Callable[[User], Client]
REJECTION = {"meaning": "reject", "text": "It **misleads** people."}


def read(client: Client, record: Decision, name: str = "record") -> str:
    """Return a page of a record as one line of HTML."""
    address = reverse(f"decisions:{name}", args=[record.reference])
    return " ".join(client.get(address).content.decode().split())


def held(record: Decision, user: User) -> HoldingBack:
    return holding_back(RecordPage(fresh(record), user))


def under(record: Decision, **policy: Any) -> None:
    Decision.objects.filter(pk=record.pk).update(policy=policy)


# What holds it back


def test_a_role_that_nobody_signs_for_any_more_waits_on_the_owner_in_review(
    in_review: Decision, people: People
) -> None:
    for place in in_review.participants.filter(role="ux"):
        remove_participant(in_review, by=people.owner, participant=place)

    found = held(in_review, people.owner)

    assert [one.sentence for one in found.mine] == ["No one signs for UX."]
    assert "UX" not in found.unsigned
    assert "Name people" in [one.verb for one in tasks_of(fresh(in_review), people.owner)]


def test_the_sign_button_is_disabled_where_the_giver_has_signed_in_person(
    in_review: Decision, people: People
) -> None:
    offer = delegate(in_review, by=people.ux, taker=people.outsider)
    accept_delegation(offer, by=people.outsider)

    def refusal() -> str:
        page = RecordPage(fresh(in_review), people.outsider)
        (step,) = [one for one in page.steps if one.action == "sign"]
        return str(step.refusal or "")

    assert refusal() == ""
    factories.sign(in_review, people.ux, "ux")
    assert refusal() == "Uma Lindqvist has signed for UX in person."


def test_dissent_names_the_signature_that_replaced_it_and_not_a_later_one(
    in_review: Decision, people: People
) -> None:
    factories.sign(in_review, people.ux, "ux", **REJECTION)
    factories.sign(in_review, people.ux, "ux")
    next_one = fresh(in_review).sign_offs.last()
    factories.sign(in_review, people.ux, "ux", meaning="approve_with_reservation", text="But.")

    first, second = RecordPage(fresh(in_review), people.owner).dissent

    assert first.replaced_by == next_one
    assert second.replaced_by is None
    assert second.holds


def test_a_rejection_is_a_line_of_its_own_and_no_missing_signature(
    in_review: Decision, people: People
) -> None:
    factories.sign(in_review, people.ux, "ux", **REJECTION)
    found = held(in_review, people.business)
    assert [one.sentence for one in found.others] == ["Uma Lindqvist has rejected it for UX."]
    assert found.unsigned == ["Business", "Data science", "DevOps"]
    assert [one.sentence for one in held(in_review, people.owner).mine] == [
        "Uma Lindqvist has rejected it for UX."
    ]


def test_where_all_of_a_role_sign_those_who_have_not_are_named(
    in_review: Decision, people: People
) -> None:
    under(in_review, signing_roles=["ux", "devops"], quorum={"ux": "all"})
    second = factories.second_person(in_review, "ux", is_signatory=True)
    found = held(in_review, people.owner)
    assert found.unsigned == [f"UX (Uma Lindqvist, {second})", "DevOps"]
    assert found.unsigned_count == 3
    factories.sign(in_review, people.ux, "ux")
    assert held(in_review, people.owner).unsigned == [f"UX ({second})", "DevOps"]


@pytest.mark.page
def test_the_panel_counts_the_lines_it_shows(
    in_review: Decision, people: People, sign_in: SignIn
) -> None:
    html = read(sign_in(people.owner), in_review)
    assert "One thing stands in the way of approval." in html
    assert "4 signatures are missing" in html
    send_review(in_review, by=people.devops, verdict="request_changes", body="Load?")
    send_review(in_review, by=people.devops, verdict="request_changes", body="Cost?")
    html = read(sign_in(people.owner), in_review)
    assert "2 things stand in the way of approval." in html
    assert "Devi Menon has asked for changes; 2 requests stand." in html


def test_what_a_namesake_has_to_do_is_not_the_readers(in_review: Decision, people: People) -> None:
    send_review(in_review, by=people.devops, verdict="request_changes", body="Load?")
    namesake = factories.person("devi2", "Devi Menon")
    assert len(held(in_review, people.devops).mine) == 1
    assert held(in_review, namesake).mine == []


# Dissent


@pytest.mark.page
def test_a_rejection_stays_on_the_page_when_its_signer_approves_later(
    in_review: Decision, people: People, sign_in: SignIn
) -> None:
    factories.sign(in_review, people.ux, "ux", **REJECTION)
    client = sign_in(people.business)
    html = read(client, in_review)
    assert "It <strong>misleads</strong> people." in html
    assert "Holds for what the record says now." in html
    factories.sign(in_review, people.ux, "ux")
    html = read(client, in_review)
    assert "It <strong>misleads</strong> people." in html
    assert "Replaced by a later approval," in html
    assert "Holds for what the record says now." not in html


@pytest.mark.page
def test_the_sign_page_and_the_people_page_render_the_words_of_dissent_too(
    in_review: Decision, people: People, sign_in: SignIn
) -> None:
    factories.sign(in_review, people.ux, "ux", meaning="reject", text="**No** <script>x</script>")
    client = sign_in(people.business)
    for name in ("record", "sign", "people"):
        html = read(client, in_review, name)
        assert "<strong>No</strong>" in html, name
        assert "**No**" not in html, name
        assert "<script>x" not in html, name


@pytest.mark.page
def test_a_record_without_dissent_does_not_speak_of_it(
    signed: Decision, people: People, sign_in: SignIn
) -> None:
    assert 'id="dissent"' not in read(sign_in(people.owner), signed)


def test_dissent_tells_what_became_of_it(in_review: Decision, people: People) -> None:
    accept_delegation(delegate(in_review, by=people.ux, taker=people.outsider), by=people.outsider)
    factories.sign(in_review, people.outsider, "ux", signed_for=people.ux, **REJECTION)
    reserved = {"meaning": "approve_with_reservation", "text": "Watch the cost."}
    factories.sign(in_review, people.business, "business", **reserved)
    second = factories.second_person(in_review, "devops", is_signatory=True)
    factories.sign(in_review, second, "devops", meaning="reject", text="Too heavy.")
    gone = in_review.participants.get(user=second)
    remove_participant(in_review, by=people.owner, participant=gone)
    mine = factories.sign(in_review, people.ux, "ux")
    lent, kept, left = RecordPage(fresh(in_review), people.owner).dissent
    assert lent.signature.in_words == "Xaver Outis for Uma Lindqvist"
    assert (lent.holds, lent.replaced_by) == (False, mine)
    assert (kept.holds, kept.replaced_by, kept.is_departed) == (True, None, False)
    assert (left.holds, left.replaced_by, left.is_departed) == (False, None, True)
    factories.edit(in_review, "results_ux", people, reading="Otherwise.")
    assert not any(one.holds for one in RecordPage(fresh(in_review), people.owner).dissent)


# Amendments


@pytest.mark.page
def test_that_an_amended_record_holds_is_said_only_while_it_does(
    people: People, sign_in: SignIn
) -> None:
    old, new = (factories.approved(people, title=one) for one in ("The old way", "The new way"))
    amend(old, by=people.owner, amendment=new)
    client = sign_in(people.ux)
    assert "This record is amended; both hold." in read(client, old)
    reopen(new, by=people.owner, reason="New facts.")
    html = read(client, old)
    assert "both hold" not in html
    assert "This record was amended." in html
    reopen(old, by=people.owner, reason="New facts.")
    before = "This record was amended before it was reopened."
    assert before in read(client, old)
    submit(old, by=people.owner)
    assert before in read(client, old)
    withdraw(old, by=people.owner, reason="Given up.")
    html = read(client, old)
    assert "This record was amended" not in html
    assert "both hold" not in html
    assert "Amended by" in html, "the link itself is still told"


# Delegations and the clock


def test_a_time_never_ends_in_a_full_stop_of_its_own(people: People, in_review: Decision) -> None:
    one = delegate_for_a_time(
        by=people.ux, taker=people.outsider, until=clock.now() + timedelta(days=1)
    )
    end_delegation(one, by=people.ux)
    assert not state_words(one).endswith(".")
    assert state_words(one)[-3] == ":"


def test_a_delegation_that_is_over_is_told_in_the_past(in_review: Decision, people: People) -> None:
    offer = delegate(in_review, by=people.ux, taker=people.outsider)
    accept_delegation(offer, by=people.outsider)
    end_delegation(offer, by=people.ux)
    told = [StandingIn(offer, one).sentence for one in (people.outsider, people.ux, people.owner)]
    assert told == [
        "You could sign in place of Uma Lindqvist.",
        "Xaver Outis could sign in your place.",
        "Xaver Outis could sign in place of Uma Lindqvist.",
    ]
    declined = delegate(in_review, by=people.ux, taker=people.outsider)
    end_delegation(declined, by=people.outsider)
    assert StandingIn(declined, people.outsider).sentence == (
        "Uma Lindqvist asked you to sign in their place."
    )


def test_a_delegation_of_a_closed_record_is_told_in_the_past(
    in_review: Decision, people: People
) -> None:
    offer = delegate(in_review, by=people.ux, taker=people.outsider)
    accept_delegation(offer, by=people.outsider)
    withdraw(in_review, by=people.owner, reason="Given up.")
    line = StandingIn(offer, people.outsider, fresh(in_review))
    assert line.sentence == "You could sign in place of Uma Lindqvist."


@pytest.mark.page
def test_an_empty_record_asks_its_owner_to_give_out_the_roles(
    people: People, sign_in: SignIn
) -> None:
    record = open_decision(by=people.owner, title="Nobody yet")
    found = held(record, people.owner)
    assert found.others == []
    html = read(sign_in(people.owner), record)
    assert "for UX to write, and no one has that role." in html
