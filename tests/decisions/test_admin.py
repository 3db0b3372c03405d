"""Keeping people in the admin."""

from django.contrib.admin.models import LogEntry
from django.test import Client
from django.urls import reverse

from decisions.models import SealCertificate, User
from decisions.sealing import seals_trusted
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


def test_whose_seals_are_trusted_can_be_taken_back_and_not_put_in(client: Client, db: None) -> None:
    client.force_login(factories.person("root", is_superuser=True, is_staff=True))
    stolen = SealCertificate.objects.create(sha256="ab" * 32, pem="-")
    listed = client.get(reverse("admin:decisions_sealcertificate_changelist"))
    assert stolen.sha256 in listed.content.decode()
    assert client.get(reverse("admin:decisions_sealcertificate_add")).status_code == 403
    delete = reverse("admin:decisions_sealcertificate_delete", args=[stolen.pk])
    assert client.post(delete, {"post": "yes"}).status_code == 403, "it would come back"
    assert seals_trusted() == b"-"
    listing = reverse("admin:decisions_sealcertificate_changelist")
    client.post(listing, {"action": "revoke", "_selected_action": [stolen.pk]})
    assert seals_trusted() == b""
    assert SealCertificate.objects.get().revoked_at
    entry = LogEntry.objects.get()
    assert (entry.user.username, entry.object_id) == ("root", str(stolen.pk))
    assert "revoked" in entry.get_change_message()
