"""Guessing passwords: ten times in a quarter of an hour, at the door and at the signature."""

from collections.abc import Callable
from typing import Any

import pytest
from django.core.cache import cache
from django.test import Client
from django.urls import reverse
from redis.exceptions import ConnectionError as Unreachable

from decisions import throttle
from decisions.models import Decision, User
from decisions.throttle import GUESSES, Door
from tests.factories import PASSWORD, People
from tests.threads import in_threads

SignIn = Callable[[User], Client]


def try_to_sign_in(client: Client, name: str, password: str) -> Any:
    return client.post(reverse("login"), {"username": name, "password": password})


def try_to_sign(client: Client, record: Decision, password: str, **said: str) -> Any:
    data = {"role": "ux", "meaning": "approve", "digest": record.digest, "password": password}
    return client.post(reverse("decisions:sign", args=[record.reference]), data | said)


def test_after_ten_wrong_passwords_not_even_the_right_one_signs_in(
    people: People, client: Client
) -> None:
    for _guess in range(GUESSES):
        assert try_to_sign_in(client, people.ux.email, "guess").status_code == 200
    response = try_to_sign_in(client, people.ux.email.upper(), PASSWORD)
    html = response.content.decode()
    assert response.status_code == 429
    assert "Too many wrong passwords. Wait a quarter of an hour" in html
    assert f'value="{people.ux.email.upper()}"' in html
    assert try_to_sign_in(client, people.ux.username, PASSWORD).status_code == 429
    assert "_auth_user_id" not in client.session


def test_one_persons_guesses_keep_nobody_else_out(people: People, client: Client) -> None:
    for _guess in range(GUESSES + 1):
        try_to_sign_in(client, people.ux.email, "guess")
    assert try_to_sign_in(client, people.devops.email, PASSWORD).status_code == 302


def test_an_unknown_address_is_counted_alike(client: Client, db: None) -> None:
    answers = [try_to_sign_in(client, "no@one.example", "x").status_code for _ in range(GUESSES)]
    assert answers == [200] * GUESSES
    assert try_to_sign_in(client, "no@one.example", "x").status_code == 429


def test_the_right_password_begins_the_count_anew(people: People, client: Client) -> None:
    for _turn in range(2):
        for _guess in range(GUESSES - 1):
            try_to_sign_in(client, people.ux.email, "guess")
        assert try_to_sign_in(client, people.ux.email, PASSWORD).status_code == 302
        client.logout()


def test_a_quarter_of_an_hour_later_the_door_is_open_again(
    people: People, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(throttle, "SECONDS", 0.2)
    for _guess in range(GUESSES + 1):
        throttle.may_guess(Door.SIGN_IN, people.ux.username)
    monkeypatch.setattr("time.time", _later())
    assert try_to_sign_in(client, people.ux.email, PASSWORD).status_code == 302


def _later() -> Callable[[], float]:
    import time

    real = time.time
    return lambda: real() + 1


def test_the_admins_own_door_counts_too(people: People, client: Client) -> None:
    people.ux.is_staff = people.ux.is_superuser = True
    people.ux.save()
    for _guess in range(GUESSES):
        client.post(reverse("admin:login"), {"username": people.ux.username, "password": "guess"})
    client.post(reverse("admin:login"), {"username": people.ux.username, "password": PASSWORD})
    assert "_auth_user_id" not in client.session


def test_after_ten_wrong_passwords_nothing_is_signed_and_the_words_stay(
    people: People, in_review: Decision, sign_in: SignIn
) -> None:
    client = sign_in(people.ux)
    said = {"meaning": "reject", "text": "It misleads people."}
    for _guess in range(GUESSES):
        assert try_to_sign(client, in_review, "guess", **said).status_code == 422
    response = try_to_sign(client, in_review, PASSWORD, **said)
    html = response.content.decode()
    assert response.status_code == 429
    assert "Too many wrong passwords." in html
    assert "It misleads people." in html
    assert PASSWORD not in html
    assert not in_review.sign_offs.exists()


def test_a_stranger_at_the_door_keeps_nobody_from_signing(
    people: People, in_review: Decision, sign_in: SignIn, client: Client
) -> None:
    for _guess in range(GUESSES + 1):
        try_to_sign_in(client, people.ux.email, "guess")
    assert try_to_sign(sign_in(people.ux), in_review, PASSWORD).status_code == 302


@pytest.mark.django_db
def test_guesses_at_the_same_moment_are_all_counted() -> None:
    guess = lambda: throttle.may_guess(Door.SIGN_IN, "uma")  # noqa: E731
    answers = in_threads(*[guess] * 16)
    assert answers.count(True) == GUESSES


def test_where_the_cache_is_down_people_still_sign_in(
    people: People, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    def down(*_args: Any, **_kwargs: Any) -> None:
        raise Unreachable("no route")

    for name in ("add", "incr", "get", "delete", "get_many"):
        monkeypatch.setattr(type(cache._connections[cache._alias]), name, down)  # type: ignore[attr-defined]
    assert try_to_sign_in(client, people.ux.email, "guess").status_code == 200
    assert try_to_sign_in(client, people.ux.email, PASSWORD).status_code == 302
