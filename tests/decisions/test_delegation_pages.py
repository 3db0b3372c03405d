"""Letting someone sign in one's place, and answering, in the browser."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from decisions import clock
from decisions.actions.delegation import accept_delegation, delegate, delegate_for_a_time
from decisions.actions.lifecycle import withdraw
from decisions.actions.records import open_decision
from decisions.models import Decision, Delegation, User
from decisions.standing_in import State, state_of
from tests import factories
from tests.decisions.test_delegation import tomorrow
from tests.decisions.test_people_pages import read, url
from tests.factories import People

SignIn = Callable[[User], Client]
PAGE = "/delegations/"
NOON = datetime(2030, 5, 2, 12, tzinfo=UTC)


def answer(delegation: Delegation, how: str) -> str:
    return reverse(f"{how}_delegation", args=[delegation.pk])


def asked(**fields: Any) -> dict[str, Any]:
    day = (clock.today() + timedelta(days=3)).isoformat()
    return {"email": "xaver@example.org", "until": day, "reason": "A journey.", **fields}


def test_a_record_is_delegated_offered_accepted_and_revoked(
    people: People, in_review: Decision, sign_in: SignIn
) -> None:
    giver, taker = sign_in(people.ux), sign_in(people.outsider)
    assert "Let someone sign in your place" in read(giver, url(in_review))
    assert taker.get(in_review.get_absolute_url()).status_code == 404
    response = giver.post(url(in_review, "delegate"), asked(until=""))
    assert response["Location"] == url(in_review)
    delegation = Delegation.objects.get()
    assert (delegation.until, delegation.reason) == (None, "A journey.")
    assert "Uma Lindqvist asks you to sign in their place." in read(taker, "/")
    assert taker.get(in_review.get_absolute_url()).status_code == 200, "to know what is asked"
    html = read(taker, PAGE)
    assert "Waits on your answer" in html
    assert in_review.title in html
    assert taker.post(answer(delegation, "accept"))["Location"] == in_review.get_absolute_url()
    assert "Xaver Outis signs in your place." in read(giver, PAGE)
    assert "You sign in place of Uma Lindqvist." in read(taker, PAGE)
    assert giver.post(answer(delegation, "end"))["Location"] == PAGE
    assert taker.get(in_review.get_absolute_url()).status_code == 404
    for client in (giver, taker):
        html = read(client, PAGE)
        assert "Revoked " in html
        assert "One that is over" in html
    assert in_review.title not in read(taker, PAGE), "who may not read it is told its name only"


def test_every_record_is_delegated_for_a_time(
    people: People, in_review: Decision, sign_in: SignIn
) -> None:
    giver, taker = sign_in(people.ux), sign_in(people.outsider)
    assert giver.post(PAGE, asked()).status_code == 302
    delegation = Delegation.objects.get()
    assert "asks you to sign in their place" in read(taker, "/")
    assert "every record" in read(taker, "/")
    assert taker.get(in_review.get_absolute_url()).status_code == 404
    assert taker.post(answer(delegation, "accept"))["Location"] == PAGE
    assert taker.get(in_review.get_absolute_url()).status_code == 200
    assert "Ready for your signature for UX, in place of Uma Lindqvist." in read(taker, "/")
    taker.post(answer(delegation, "end"))
    delegation.refresh_from_db()
    assert state_of(delegation) == State.GIVEN_BACK
    assert "Ready for your signature" not in read(taker, "/")


def test_an_offer_is_declined(people: People, in_review: Decision, sign_in: SignIn) -> None:
    delegation = delegate(in_review, by=people.ux, taker=people.outsider)
    client = sign_in(people.outsider)
    html = " ".join(client.post(answer(delegation, "end"), follow=True).content.decode().split())
    assert "You have declined. Nothing will be signed by it." in html
    assert "Declined " in html


@pytest.mark.parametrize(
    ("zone", "end"),
    [
        ("Europe/Stockholm", datetime(2030, 5, 3, 21, 59, 59, 999999, tzinfo=UTC)),
        ("America/Sao_Paulo", datetime(2030, 5, 4, 2, 59, 59, 999999, tzinfo=UTC)),
        ("Nowhere/AtAll", datetime(2030, 5, 3, 23, 59, 59, 999999, tzinfo=UTC)),
    ],
)
def test_the_last_day_ends_on_the_givers_clock(
    zone: str, end: datetime, people: People, sign_in: SignIn
) -> None:
    people.ux.time_zone = zone
    people.ux.save()
    with clock.held_at(NOON):
        factories.open_record(people)
        assert sign_in(people.ux).post(PAGE, asked(until="2030-05-03")).status_code == 302
    assert Delegation.objects.get().until == end


def test_today_is_late_enough_and_yesterday_is_not(people: People, sign_in: SignIn) -> None:
    """At noon UTC it is evening in India: the last day is read on the giver's calendar."""
    people.ux.time_zone = "Pacific/Kiritimati"  # where it is 3 May already
    people.ux.save()
    with clock.held_at(NOON):
        factories.open_record(people)
        client = sign_in(people.ux)
        assert client.post(PAGE, asked(until="2030-05-02")).status_code == 422
        assert client.post(PAGE, asked(until="2030-05-03")).status_code == 302


WRONG = [
    ({"email": ""}, "Fill this in."),
    ({"email": "nobody@example.org"}, "No one with this address has an account here."),
    ({"email": "uma@example.org"}, "This is your own address."),
    ({"until": "2001-01-01"}, "This day has passed already."),
    ({"until": "9999-12-31"}, "At most a year from now"),
    ({"until": "soon"}, "Enter a valid date."),
    ({"reason": "x" * 301}, "at most 300 characters"),
]


@pytest.mark.parametrize(("wrong", "told"), [*WRONG, ({"until": ""}, "Fill this in.")])
def test_a_wrong_delegation_for_a_time_comes_back_with_what_was_typed(
    wrong: dict[str, str], told: str, people: People, draft: Decision, sign_in: SignIn
) -> None:
    response = sign_in(people.ux).post(PAGE, asked(**wrong))
    assert response.status_code == 422
    html = response.content.decode()
    assert told in html
    assert ("A journey." in html) or "reason" in wrong
    assert not Delegation.objects.exists()


@pytest.mark.parametrize(("wrong", "told"), WRONG)
def test_a_wrong_delegation_of_a_record_comes_back_with_what_was_typed(
    wrong: dict[str, str], told: str, people: People, draft: Decision, sign_in: SignIn
) -> None:
    response = sign_in(people.ux).post(url(draft, "delegate"), asked(**wrong))
    assert response.status_code == 422
    assert told in response.content.decode()
    assert not Delegation.objects.exists()


def test_only_signatories_of_an_open_record_delegate_it(
    people: People, in_review: Decision, sign_in: SignIn
) -> None:
    address = url(in_review, "delegate")
    for user, status in ((people.owner, 403), (people.outsider, 404), (people.ux, 200)):
        assert sign_in(user).get(address).status_code == status
    assert sign_in(people.owner).post(address, asked()).status_code == 403
    withdraw(in_review, by=people.owner, reason="Given up.")
    assert sign_in(people.ux).get(address).status_code == 409


def test_who_signs_nowhere_is_told_so(people: People, sign_in: SignIn) -> None:
    open_decision(by=people.owner, title="Without signatories")
    client = sign_in(people.owner)
    assert "so there is nothing to delegate" in read(client, PAGE)
    assert client.post(PAGE, asked()).status_code == 422


def test_strangers_find_nothing_and_a_look_changes_nothing(
    people: People, in_review: Decision, sign_in: SignIn
) -> None:
    both = [
        delegate(in_review, by=people.ux, taker=people.outsider),
        delegate_for_a_time(by=people.ux, taker=people.outsider, until=tomorrow()),
    ]
    for one in both:
        for how in ("accept", "end"):
            assert sign_in(people.owner).post(answer(one, how)).status_code == 404
            assert sign_in(people.outsider).get(answer(one, how)).status_code == 405
        assert sign_in(people.ux).post(answer(one, "accept")).status_code == 403
    assert "sign in their place" not in read(sign_in(people.devops), PAGE)
    assert not Delegation.objects.exclude(accepted_at=None, ended_at=None).exists()


def test_an_offer_that_no_longer_stands_is_a_conflict_that_says_so(
    people: People, in_review: Decision, sign_in: SignIn
) -> None:
    one = delegate_for_a_time(by=people.ux, taker=people.outsider, until=tomorrow())
    sign_in(people.ux).post(answer(one, "end"))
    response = sign_in(people.outsider).post(answer(one, "accept"))
    assert response.status_code == 409
    assert "The offer no longer stands." in response.content.decode()


def test_what_was_signed_by_it_is_listed_and_stays(
    people: People, in_review: Decision, sign_in: SignIn
) -> None:
    one = delegate(in_review, by=people.ux, taker=people.outsider)
    accept_delegation(one, by=people.outsider)
    factories.sign(in_review, people.outsider, "ux", signed_for=people.ux)
    sign_in(people.ux).post(answer(one, "end"))
    html = read(sign_in(people.ux), PAGE)
    assert "Signed by it:" in html
    assert "Xaver Outis for Uma Lindqvist" in read(
        sign_in(people.business), in_review.get_absolute_url()
    )
    history = read(sign_in(people.business), url(in_review, "history"))
    assert "no longer lets Xaver Outis sign in their place" in history
    assert "signed for UX in place of Uma Lindqvist" in history


def test_the_page_asks_who_is_signed_out_to_sign_in(client: Client, people: People) -> None:
    assert client.get(PAGE).status_code == 302


def test_the_queries_of_the_page_do_not_grow_with_delegations(
    people: People, in_review: Decision, sign_in: SignIn, django_assert_max_num_queries: Any
) -> None:
    client = sign_in(people.ux)
    delegate(in_review, by=people.ux, taker=people.outsider)
    client.get(PAGE)
    with django_assert_max_num_queries(30) as few:
        client.get(PAGE)
    for number in range(20):
        delegate(in_review, by=people.ux, taker=factories.person(f"taker_{number}"))
    with django_assert_max_num_queries(len(few.captured_queries)):
        client.get(PAGE)
