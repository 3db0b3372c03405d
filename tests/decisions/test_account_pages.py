"""Signing in, the demo's sample people, and how the pages look."""

from typing import Any

import pytest
from django.core.checks import run_checks
from django.test import Client
from django.urls import reverse

from decisions.demo import PASSWORD as demo_password
from decisions.demo import PEOPLE
from tests import factories
from tests.factories import PASSWORD, People


@pytest.fixture
def demo(settings: Any) -> None:
    settings.DEMO, settings.DEBUG = True, True


@pytest.mark.parametrize("name", ["ux@example.org", "UX@EXAMPLE.ORG"])
def test_people_sign_in_with_their_address(name: str, people: People, client: Client) -> None:
    people.ux.email = "ux@example.org"
    people.ux.save()
    response = client.post(reverse("login"), {"username": name, "password": PASSWORD})
    assert response["Location"] == reverse("desk")


def test_a_wrong_password_says_so_and_keeps_the_address(people: People, client: Client) -> None:
    said = {"username": people.ux.email, "password": "guess"}
    response = client.post(reverse("login"), said)
    assert people.ux.email in response.content.decode()
    assert "There is a problem" in response.content.decode()


def test_the_published_password_opens_nothing_outside_the_demo(client: Client, db: None) -> None:
    left_over = factories.person("maren")
    left_over.set_password(demo_password)
    left_over.save()
    said = {"username": left_over.email, "password": demo_password}
    assert "There is a problem" in client.post(reverse("login"), said).content.decode()


@pytest.mark.usefixtures("demo")
def test_the_demo_offers_its_people_with_one_click(client: Client, db: None) -> None:
    first = PEOPLE[0]
    user = factories.person(first.username, first.name)
    assert first.name in client.get(reverse("login")).content.decode()
    client.post(reverse("demo_sign_in"), {"person": user.pk})
    assert client.session["_auth_user_id"] == str(user.pk)


@pytest.mark.usefixtures("demo")
def test_the_demo_signs_in_no_one_else(people: People, client: Client) -> None:
    for person in (people.owner.pk, "", "maren", "9" * 40):
        response = client.post(reverse("demo_sign_in"), {"person": person})
        assert response.status_code == 404
    assert "_auth_user_id" not in client.session


@pytest.mark.parametrize(("is_demo", "is_debug"), [(False, True), (True, False), (False, False)])
def test_outside_the_demo_there_is_no_such_page(
    is_demo: bool, is_debug: bool, settings: Any, db: None, client: Client
) -> None:
    settings.DEMO, settings.DEBUG = is_demo, is_debug
    user = factories.person(PEOPLE[0].username)
    assert client.post(reverse("demo_sign_in"), {"person": user.pk}).status_code == 404
    assert PEOPLE[0].name not in client.get(reverse("login")).content.decode()


def test_demo_mode_with_debug_off_is_an_error(settings: Any) -> None:
    settings.DEMO, settings.DEBUG = True, False
    assert "decisions.E001" in {message.id for message in run_checks()}


def test_the_theme_is_remembered(people: People, client: Client) -> None:
    client.force_login(people.ux)
    client.post(reverse("theme"), {"theme": "dark", "next": "/decisions/"})
    assert 'data-theme="dark"' in client.get("/").content.decode()


def test_after_choosing_a_theme_nobody_is_sent_to_another_site(client: Client, db: None) -> None:
    response = client.post(reverse("theme"), {"theme": "dark", "next": "https://evil.example/"})
    assert response["Location"] == "/"


def test_a_person_with_an_unknown_time_zone_still_gets_pages(
    people: People, client: Client
) -> None:
    for zone in ("", "Mars/Olympus"):
        people.ux.time_zone = zone
        people.ux.save()
        client.force_login(people.ux)
        assert client.get("/").status_code == 200
