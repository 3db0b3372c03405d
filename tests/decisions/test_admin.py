"""Keeping people in the admin."""

from django.test import Client
from django.urls import reverse

from decisions.models import User
from tests import factories


def test_an_administrator_adds_a_person_who_can_sign_in(client: Client, db: None) -> None:
    client.force_login(factories.person("root", is_superuser=True, is_staff=True))
    said = {
        "username": "noor",
        "name": "Noor Haddad",
        "email": "noor@example.org",
        "time_zone": "Asia/Amman",
        "password1": "quiet-harbour-lantern",
        "password2": "quiet-harbour-lantern",
        "usable_password": "true",
    }
    response = client.post(reverse("admin:decisions_user_add"), said)
    assert response.status_code == 302
    assert User.objects.get(username="noor").name == "Noor Haddad"
    assert client.get(reverse("admin:decisions_user_changelist")).status_code == 200


def test_records_are_not_in_the_admin(client: Client, db: None) -> None:
    client.force_login(factories.person("root", is_superuser=True, is_staff=True))
    html = client.get(reverse("admin:index")).content.decode()
    assert "Participants" not in html
    assert "/admin/decisions/decision/" not in html
