"""A person's own settings, and stopping mail by a signed link."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from django.test import Client

from decisions import clock
from decisions.models import NoticeKind, User
from decisions.notify.reading import stop_mail
from decisions.notify.unsubscribing import read_token, token_of
from tests.factories import People

SignIn = Callable[[User], Client]
ALL = list(NoticeKind.values)


def asked(**changes: object) -> dict[str, object]:
    return {"name": "Uma L.", "time_zone": "Asia/Tokyo", "mailed": ALL, **changes}


def test_everything_comes_by_mail_until_somebody_says_otherwise(
    people: People, sign_in: SignIn
) -> None:
    assert people.ux.unmailed == []
    page = sign_in(people.ux).get("/settings/").content.decode()
    assert page.count(" checked") == len(ALL)


def test_name_zone_and_choice_of_mail_are_kept(people: People, sign_in: SignIn) -> None:
    sent = asked(mailed=["sign", "mention"])
    answer = sign_in(people.ux).post("/settings/", sent, follow=True)
    assert "Your settings are saved." in answer.content.decode()
    people.ux.refresh_from_db()
    assert (people.ux.name, people.ux.time_zone) == ("Uma L.", "Asia/Tokyo")
    assert set(ALL) - set(people.ux.unmailed) == {"sign", "mention"}


def test_no_mail_at_all_can_be_chosen(people: People, sign_in: SignIn) -> None:
    sign_in(people.ux).post("/settings/", asked(mailed=[]))
    people.ux.refresh_from_db()
    assert people.ux.unmailed == ALL


@pytest.mark.parametrize(
    "wrong",
    [
        {"name": ""},
        {"name": "   "},
        {"name": "\u200b"},
        {"name": "x" * 151},
        {"time_zone": "Mars/Olympus"},
        {"time_zone": "../../etc/passwd"},
        {"mailed": ["sign", "spam"]},
    ],
)
def test_what_makes_no_sense_is_refused_and_nothing_kept(
    wrong: dict[str, object], people: People, sign_in: SignIn
) -> None:
    answer = sign_in(people.ux).post("/settings/", asked(**wrong))
    assert answer.status_code == 422
    assert "There is a problem" in answer.content.decode()
    people.ux.refresh_from_db()
    assert (people.ux.name, people.ux.unmailed) == ("Uma Lindqvist", [])


def test_a_name_is_one_line(people: People, sign_in: SignIn) -> None:
    sign_in(people.ux).post("/settings/", asked(name=" Uma\r\nBcc: x \t L. "))
    people.ux.refresh_from_db()
    assert people.ux.name == "Uma Bcc: x L."


def test_an_unusual_zone_that_is_set_stays_on_offer(people: People, sign_in: SignIn) -> None:
    User.objects.filter(pk=people.ux.pk).update(time_zone="Etc/GMT+5")
    page = sign_in(people.ux).get("/settings/").content.decode()
    assert '<option value="Etc/GMT+5" selected>' in page


def test_settings_need_someone_signed_in() -> None:
    assert Client().get("/settings/").status_code == 302


# Unsubscribing


def unsubscribe(token: str, **fields: str) -> int:
    """Press the button as a mail program does: without cookies, a form token, or a session."""
    return Client(enforce_csrf_checks=True).post(f"/unsubscribe/{token}/", fields).status_code


@pytest.mark.parametrize("kind", ["", "sign"])
def test_looking_at_the_link_changes_nothing(kind: str, people: People) -> None:
    answer = Client().get(f"/unsubscribe/{token_of(people.ux, kind)}/")
    assert answer.status_code == 200
    assert "Stop this mail" in answer.content.decode()
    people.ux.refresh_from_db()
    assert people.ux.unmailed == []


@pytest.mark.parametrize(("kind", "stopped"), [("", ALL), ("sign", ["sign"])])
def test_the_button_stops_one_kind_or_all(kind: str, stopped: list[str], people: People) -> None:
    assert unsubscribe(token_of(people.ux, kind)) == 200
    people.ux.refresh_from_db()
    assert people.ux.unmailed == stopped
    assert unsubscribe(token_of(people.ux, kind)) == 200


def test_one_click_by_a_mail_program_works(people: People) -> None:
    token = token_of(people.ux)
    assert unsubscribe(token, **{"List-Unsubscribe": "One-Click"}) == 200
    people.ux.refresh_from_db()
    assert people.ux.unmailed == ALL


def test_it_can_be_taken_back_on_the_spot(people: People) -> None:
    stop_mail(people.ux, ["reminder"])
    token = token_of(people.ux, "sign")
    unsubscribe(token)
    assert unsubscribe(token, again="1") == 200
    people.ux.refresh_from_db()
    assert people.ux.unmailed == ["reminder"]


def test_a_link_works_years_later(people: People) -> None:
    with clock.held_at(clock.now() - timedelta(days=3650)):
        token = token_of(people.ux)
    assert read_token(token) is not None


@pytest.mark.parametrize("method", ["get", "post"])
def test_a_tampered_link_is_not_there(method: str, people: People) -> None:
    token = token_of(people.ux, "sign")
    theirs = token_of(people.devops)
    forged = [token[:-1], token + "x", "x", f"{theirs.partition(':')[0]}:{token.partition(':')[2]}"]
    for one in forged:
        assert getattr(Client(), method)(f"/unsubscribe/{one}/").status_code == 404
    for user in User.objects.all():
        assert user.unmailed == []


def test_the_link_of_someone_who_is_gone_is_not_there(people: People) -> None:
    token = token_of(people.ux)
    User.objects.filter(pk=people.ux.pk).update(is_active=False)
    assert unsubscribe(token) == 404
