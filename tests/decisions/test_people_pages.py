"""The people page: who is on the record, who signs, and changing it in the browser."""

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from decisions.actions.delegation import accept_delegation, delegate, delegate_for_a_time
from decisions.actions.lifecycle import reopen, submit
from decisions.actions.people import change_participant
from decisions.actions.records import invite, open_decision, remove_participant
from decisions.actions.review import send_review
from decisions.blockers import unsignable
from decisions.history import sentence
from decisions.known_people import known_to
from decisions.models import Decision, Participant, User
from decisions.policies import BadInput, Refused
from decisions.signatures import Signatures
from decisions.signing_policy import SigningPolicy
from tests import factories
from tests.decisions.test_delegation import tomorrow
from tests.factories import People, fresh, kinds_of_events

SignIn = Callable[[User], Client]


def url(record: Decision, name: str = "people", *args: Any) -> str:
    return reverse(f"decisions:{name}", args=[record.reference, *args])


def seat(record: Decision, user: User, role: str) -> Participant:
    return Participant.objects.get(decision=record, user=user, role=role)


def read(client: Client, address: str) -> str:
    """Return a page's text with its whitespace made plain."""
    response = client.get(address)
    assert response.status_code == 200
    return " ".join(response.content.decode().split())


def under(record: Decision, **rules: Any) -> Decision:
    """Give a draft's template another policy."""
    record.template.policy = SigningPolicy.from_json(rules).to_json()
    record.template.save()
    return fresh(record)


def test_the_policy_is_said_in_words(people: People, draft: Decision, sign_in: SignIn) -> None:
    under(draft, signing_roles=["devops", "ux"], order="listed", quorum={"devops": "all"})
    html = read(sign_in(people.ux), url(draft))
    for told in (
        "All of DevOps sign.",
        "Any one of UX signs.",
        "In this order: DevOps, UX.",
        "Whoever wrote the recommendation cannot be its only signatory.",
    ):
        assert told in html


def test_the_policy_is_the_templates_until_submission_and_fixed_from_then_on(
    people: People, complete_draft: Decision, sign_in: SignIn
) -> None:
    client = sign_in(people.ux)
    assert "It is fixed for this record when it is submitted." in read(client, url(complete_draft))
    submit(complete_draft, by=people.owner)
    under(complete_draft, signing_roles=["business"])
    html = read(client, url(complete_draft))
    assert "This was fixed when the record was submitted" in html
    assert "Any one of UX signs." in html
    reopen(fresh(complete_draft), by=people.owner, reason="New facts.")
    assert "Any one of UX signs." not in read(client, url(complete_draft))


def test_a_role_without_a_signatory_is_named_as_the_blocker_names_it(
    people: People, draft: Decision, sign_in: SignIn
) -> None:
    remove_participant(draft, by=people.owner, participant=seat(draft, people.ux, "ux"))
    told = [one.sentence for one in unsignable(fresh(draft))]
    assert told == ["No one signs for UX."]
    assert told[0] in read(sign_in(people.owner), url(draft))


def test_who_holds_two_roles_is_shown_as_such(
    people: People, draft: Decision, sign_in: SignIn
) -> None:
    invite(draft, by=people.owner, user=people.ux, role="devops")
    invite(draft, by=people.owner, user=people.owner, role="business")
    html = read(sign_in(people.ux), url(draft))
    assert "Signs for the role · also DevOps" in html
    assert "Takes part · also UX" in html
    assert "Takes part · also Owner" in html


def test_only_the_owner_sees_the_forms_and_only_the_owner_is_heard(
    people: People, draft: Decision, sign_in: SignIn
) -> None:
    uma = seat(draft, people.ux, "ux")
    asked = {"email": people.outsider.email, "role": "ux"}
    moved = {f"person-{uma.pk}-role": "devops"}
    for user, status in ((people.business, 403), (people.outsider, 404)):
        client = sign_in(user)
        assert client.post(url(draft), asked).status_code == status
        assert client.post(url(draft, "change_person", uma.pk), moved).status_code == status
        assert client.post(url(draft, "remove_person", uma.pk)).status_code == status
        assert client.get(url(draft, "remove_person", uma.pk)).status_code == status
    assert "Give someone a role" not in read(sign_in(people.business), url(draft))
    assert draft.participants.count() == 4


def test_an_invitation_by_address_whatever_its_case(
    people: People, draft: Decision, sign_in: SignIn
) -> None:
    asked = {"email": "XAVER@example.org", "role": "ux", "is_signatory": "on"}
    assert sign_in(people.owner).post(url(draft), asked).status_code == 302
    assert seat(draft, people.outsider, "ux").is_signatory
    event = draft.events.order_by("sequence").last()
    assert event
    assert sentence(event) == "gave Xaver Outis the role UX, to sign for it"


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        ({"email": "nobody@example.org", "role": "ux"}, "No one with this address"),
        ({"email": "no address", "role": "ux"}, "valid email address"),
        ({"email": "xaver@example.org", "role": "pope"}, "Select a valid choice"),
        ({}, "Fill this in."),
    ],
)
def test_a_wrong_invitation_comes_back_with_what_was_typed(
    asked: dict[str, str], told: str, people: People, draft: Decision, sign_in: SignIn
) -> None:
    response = sign_in(people.owner).post(url(draft), asked)
    assert response.status_code == 422
    html = response.content.decode()
    assert told in html
    assert asked.get("email", "") in html


def test_completion_offers_only_people_of_ones_own_records(
    people: People, draft: Decision, sign_in: SignIn
) -> None:
    elsewhere = open_decision(by=people.outsider, title="Not Olivia's", visibility="everyone")
    invite(elsewhere, by=people.outsider, user=factories.person("zoe"), role="ux")
    factories.person("gone", is_active=False)
    names = [str(one) for one in known_to(people.owner)]
    assert names == ["Bruno Costa", "Dana Scholz", "Devi Menon", "Uma Lindqvist"]
    html = read(sign_in(people.owner), url(draft))
    assert '<option value="uma@example.org">Uma Lindqvist</option>' in html
    assert "zoe@example.org" not in html
    assert people.outsider.email not in html
    assert "uma@example.org" not in read(sign_in(people.business), url(draft))


def test_a_role_and_its_signature_are_changed_in_place(
    people: People, draft: Decision, sign_in: SignIn
) -> None:
    uma = seat(draft, people.ux, "ux")
    client, address = sign_in(people.owner), url(draft, "change_person", uma.pk)
    assert client.get(address).status_code == 302
    moved = {f"person-{uma.pk}-role": "devops", f"person-{uma.pk}-is_signatory": "on"}
    assert client.post(address, moved).status_code == 302
    assert seat(draft, people.ux, "devops").is_signatory
    assert client.post(address, {f"person-{uma.pk}-role": "devops"}).status_code == 302
    assert not seat(draft, people.ux, "devops").is_signatory
    assert kinds_of_events(draft)[-2:] == ["change_role", "release_signatory"]
    told = [sentence(one) for one in draft.events.order_by("sequence")][-2:]
    assert told == [
        "gave Uma Lindqvist the role DevOps instead of UX",
        "no longer had Uma Lindqvist sign for DevOps",
    ]


def test_a_role_held_already_is_refused_in_the_form_and_by_the_action(
    people: People, draft: Decision, sign_in: SignIn
) -> None:
    invite(draft, by=people.owner, user=people.ux, role="devops")
    uma = seat(draft, people.ux, "ux")
    moved = {f"person-{uma.pk}-role": "devops"}
    response = sign_in(people.owner).post(url(draft, "change_person", uma.pk), moved)
    assert response.status_code == 422
    assert "Uma Lindqvist holds the role DevOps already." in response.content.decode()
    before = factories.all_rows()
    for role, told in (("devops", "holds the role DevOps already"), ("pope", "no such role")):
        with pytest.raises(BadInput, match=told):
            change_participant(
                draft, by=people.owner, participant=uma, role=role, is_signatory=True
            )
    assert factories.all_rows() == before


def test_a_change_that_changes_nothing_writes_nothing(people: People, draft: Decision) -> None:
    uma = seat(draft, people.ux, "ux")
    before = factories.all_rows()
    change_participant(draft, by=people.owner, participant=uma, role="ux", is_signatory=True)
    assert factories.all_rows() == before


def test_who_was_taken_off_meanwhile_is_not_changed(people: People, draft: Decision) -> None:
    uma = seat(draft, people.ux, "ux")
    remove_participant(draft, by=people.owner, participant=seat(draft, people.ux, "ux"))
    with pytest.raises(Refused, match="no longer hold this role"):
        change_participant(draft, by=people.owner, participant=uma, role="ux", is_signatory=False)


def test_removal_asks_first_and_says_what_it_means(
    people: People, signed: Decision, sign_in: SignIn
) -> None:
    accept_delegation(delegate(signed, by=people.ux, taker=people.outsider), by=people.outsider)
    send_review(signed, by=people.ux, verdict="request_changes", body="Not yet.")
    uma = seat(signed, people.ux, "ux")
    client, address = sign_in(people.owner), url(signed, "remove_person", uma.pk)
    html = read(client, address)
    for told in (
        "Take the role UX from Uma Lindqvist?",
        "The signature of Uma Lindqvist for UX no longer counts.",
        "No one signs for UX.",
        "Xaver Outis cannot sign in place of Uma Lindqvist here any more.",
        "The changes that Uma Lindqvist asked for still hold it back; you can lift that.",
        "Uma Lindqvist can no longer read the record.",
    ):
        assert told in html
    assert signed.participants.count() == 4, "asking takes nothing away"
    assert client.post(address).status_code == 302
    assert not Signatures(fresh(signed)).is_settled("ux")
    assert "No one signs for UX." in read(client, url(signed))


def test_removal_tells_a_rejection_apart_and_what_stays(
    people: People, signed: Decision, sign_in: SignIn
) -> None:
    invite(signed, by=people.owner, user=people.ux, role="devops")
    factories.second_person(signed, "ux", is_signatory=True)
    factories.sign(signed, people.ux, "ux", meaning="reject", text="It misleads.")
    html = read(
        sign_in(people.owner), url(signed, "remove_person", seat(signed, people.ux, "ux").pk)
    )
    assert "The rejection by Uma Lindqvist for UX no longer holds the record back." in html
    assert "No one signs for UX." not in html
    assert "can no longer read" not in html


def test_removing_who_takes_part_only_loses_no_signature(
    people: People, signed: Decision, sign_in: SignIn
) -> None:
    second = factories.second_person(signed, "ux")
    html = read(sign_in(people.owner), url(signed, "remove_person", seat(signed, second, "ux").pk))
    assert "no longer counts" not in html
    assert "can no longer read the record" in html


def test_a_closed_record_changes_no_people(
    people: People, approved: Decision, sign_in: SignIn
) -> None:
    uma = seat(approved, people.ux, "ux")
    client = sign_in(people.owner)
    assert client.get(url(approved, "remove_person", uma.pk)).status_code == 409
    assert client.post(url(approved, "remove_person", uma.pk)).status_code == 409
    moved = {f"person-{uma.pk}-role": "devops"}
    assert client.post(url(approved, "change_person", uma.pk), moved).status_code == 409
    assert "Give someone a role" not in read(client, url(approved))


def test_delegations_in_force_are_for_all_to_see_and_offers_for_the_two(
    people: People, draft: Decision, sign_in: SignIn
) -> None:
    one = delegate(draft, by=people.ux, taker=people.outsider, reason="A long journey.")
    told = "Uma Lindqvist asks Xaver Outis to sign in their place."
    assert told not in read(sign_in(people.business), url(draft))
    for user in (people.ux, people.outsider):
        html = read(sign_in(user), url(draft))
        assert "A long journey." in html
        assert "Offered" in html
    accept_delegation(one, by=people.outsider)
    html = read(sign_in(people.business), url(draft))
    assert "Xaver Outis signs in place of Uma Lindqvist." in html
    assert "In force as long as the record is open" in html
    assert "A long journey." not in html, "the reason is between the two"


def test_a_delegation_for_a_time_shows_on_the_record_once_it_is_in_force(
    people: People, draft: Decision, sign_in: SignIn
) -> None:
    one = delegate_for_a_time(by=people.ux, taker=people.outsider, until=tomorrow())
    assert "signs in place of" not in read(sign_in(people.business), url(draft))
    accept_delegation(one, by=people.outsider)
    html = read(sign_in(people.business), url(draft))
    assert "Xaver Outis signs in place of Uma Lindqvist." in html
    assert "In force until " in html


def test_the_page_says_whose_places_are_filled(
    people: People, signed: Decision, sign_in: SignIn
) -> None:
    factories.sign(signed, people.ux, "ux", meaning="reject", text="It misleads people.")
    html = read(sign_in(people.business), url(signed))
    assert "Rejected" in html
    assert "It misleads people." in html


@pytest.mark.parametrize(
    ("was", "becomes", "told"),
    [
        (None, True, "Xaver Outis is on the record."),
        (True, True, "Xaver Outis already is on the record for UX: nothing has changed."),
        (False, True, "Xaver Outis already is on the record, and signs for UX now."),
        (True, False, "Xaver Outis already is on the record, and no longer signs for UX."),
    ],
)
def test_who_is_on_the_record_already_is_not_said_to_be_new(
    was: bool | None, becomes: bool, told: str, people: People, draft: Decision, sign_in: SignIn
) -> None:
    if was is not None:
        invite(draft, by=people.owner, user=people.outsider, role="ux", is_signatory=was)
    said = {"email": people.outsider.email, "role": "ux"} | (
        {"is_signatory": "on"} if becomes else {}
    )
    html = sign_in(people.owner).post(url(draft), said, follow=True).content.decode()
    assert told in html
    assert seat(draft, people.outsider, "ux").is_signatory == becomes
