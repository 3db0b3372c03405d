"""Secrets at rest: encrypted in the database, readable after the key has changed."""

from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.test import Client
from django.urls import reverse

from decisions.crypto import Undecipherable, decrypt, encrypt
from decisions.models import User, Webhook
from tests import factories

SECRET = "whsec_Zm9v"
KEY, LATER = "first-key-" + "a" * 50, "second-key-" + "b" * 50


@pytest.fixture
def admin(db: None) -> User:
    return factories.person("ada", "Ada Min", is_staff=True)


@pytest.fixture
def keys(settings: Any) -> Any:
    """Return the settings with a known key."""
    settings.SECRET_KEY, settings.SECRET_KEY_FALLBACKS = KEY, []
    return settings


def webhook(admin: User, secret: str = SECRET, **values: Any) -> Webhook:
    values |= {"url": "https://example.org/", "created_by": admin}
    return Webhook.objects.create(name="Chat", secret=secret, **values)


def stored(column: str = "secret") -> list[str]:
    """Return what the database itself holds."""
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {column} FROM decisions_webhook ORDER BY id")  # noqa: S608
        return [row[0] for row in cursor.fetchall()]


@pytest.mark.parametrize("text", ["whsec_Zm9v", "ß – 密 🔑", "a\nb", "x" * 10_000])
def test_what_is_encrypted_is_read_back(text: str, keys: Any) -> None:
    token = encrypt(text)
    assert text not in token
    assert token.isascii()
    assert decrypt(token) == text


def test_the_same_secret_never_looks_the_same_twice(keys: Any) -> None:
    assert encrypt("whsec_Zm9v") != encrypt("whsec_Zm9v")


def test_the_database_only_sees_it_encrypted(keys: Any, admin: User) -> None:
    row = webhook(admin)
    assert "whsec_Zm9v" not in stored()[0]
    assert decrypt(stored()[0]) == "whsec_Zm9v"
    assert Webhook.objects.get(pk=row.pk).secret == "whsec_Zm9v"
    assert Webhook.objects.values_list("secret", flat=True).get() == "whsec_Zm9v"


def test_no_secret_stays_no_secret(keys: Any, admin: User) -> None:
    webhook(admin, secret="")
    assert stored() == [""]
    assert Webhook.objects.get().secret == ""


def test_a_changed_token_is_not_read(keys: Any) -> None:
    token = encrypt("whsec_Zm9v")
    middle = len(token) // 2
    changed = token[:middle] + ("A" if token[middle] != "A" else "B") + token[middle + 1 :]
    for wrong in (changed, token[:-4], "", "no token", "é"):
        with pytest.raises(Undecipherable):
            decrypt(wrong)


def test_an_earlier_key_reads_and_the_key_of_today_writes(keys: Any) -> None:
    token = encrypt("whsec_Zm9v")
    keys.SECRET_KEY, keys.SECRET_KEY_FALLBACKS = LATER, [KEY]
    assert decrypt(token) == "whsec_Zm9v"
    newer = encrypt("whsec_Zm9v")
    keys.SECRET_KEY_FALLBACKS = []
    assert decrypt(newer) == "whsec_Zm9v"
    with pytest.raises(Undecipherable):
        decrypt(token)


def test_renewing_makes_the_earlier_key_unnecessary(
    keys: Any, admin: User, capsys: pytest.CaptureFixture[str]
) -> None:
    row = webhook(admin, former_secret="whsec_YmFy")
    keys.SECRET_KEY, keys.SECRET_KEY_FALLBACKS = LATER, [KEY]
    call_command("renew_secrets")
    assert capsys.readouterr().out == "2 secrets renewed.\n"
    keys.SECRET_KEY_FALLBACKS = []
    fresh = Webhook.objects.get(pk=row.pk)
    assert (fresh.secret, fresh.former_secret) == ("whsec_Zm9v", "whsec_YmFy")


def test_renewing_names_what_no_key_reads_and_keeps_it(keys: Any, admin: User) -> None:
    lost = webhook(admin)
    keys.SECRET_KEY = LATER
    webhook(admin, secret="whsec_YmFy")
    before = stored()
    with pytest.raises(CommandError, match=f"webhook {lost.pk}: secret"):
        call_command("renew_secrets")
    assert stored()[0] == before[0]
    assert decrypt(stored()[1]) == "whsec_YmFy"
    keys.SECRET_KEY_FALLBACKS = [KEY]
    call_command("renew_secrets")


def test_renewing_where_nothing_is_secret(db: None, capsys: pytest.CaptureFixture[str]) -> None:
    call_command("renew_secrets")
    assert capsys.readouterr().out == "0 secrets renewed.\n"


def test_a_secret_that_cannot_be_read_says_what_to_do(
    keys: Any, admin: User, client: Client
) -> None:
    row = webhook(admin)
    keys.SECRET_KEY = LATER
    with pytest.raises(Undecipherable):
        _ = Webhook.objects.get(pk=row.pk).secret
    client.force_login(admin)
    assert "Chat" in client.get(reverse("webhooks:list")).content.decode()
    for address in (row.get_absolute_url(), reverse("webhooks:edit", args=[row.pk])):
        assert client.get(address).status_code == 200
    html = client.get(row.get_absolute_url()).content.decode()
    assert "can no longer be read" in html
    assert "SECRET_KEY_FALLBACKS" in html


def test_a_lost_secret_can_be_made_anew(keys: Any, admin: User, client: Client) -> None:
    row = webhook(admin)
    keys.SECRET_KEY = LATER
    client.force_login(admin)
    page = client.post(reverse("webhooks:renew", args=[row.pk]), follow=True)
    assert "whsec_" in page.content.decode()
    assert "can no longer be read" not in page.content.decode()
    assert Webhook.objects.get(pk=row.pk).former_secret == ""


def test_any_other_page_that_needs_a_lost_secret_says_what_to_do(
    keys: Any, admin: User, rf: Any
) -> None:
    from decisions.middleware import refusals

    row = webhook(admin)
    keys.SECRET_KEY = LATER
    request = rf.get("/")
    request.user = admin
    try:
        _ = Webhook.objects.get(pk=row.pk).secret
    except Undecipherable as error:
        response = refusals(lambda _: None).process_exception(request, error)  # type: ignore[arg-type,return-value]
    assert response is not None
    assert response.status_code == 500
    assert "manage.py renew_secrets" in response.content.decode()
