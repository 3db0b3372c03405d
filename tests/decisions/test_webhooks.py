"""What webhooks are told, how it is signed, when it is tried again, and where it may go."""

import base64
import json
import re
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.conf import settings as project_settings
from django.db import transaction
from standardwebhooks import Webhook as Verifier
from standardwebhooks import WebhookVerificationError

from decisions import clock
from decisions.actions.records import edit_details, open_decision
from decisions.history import SENTENCES
from decisions.models import Decision, Delivery, Event, User, Webhook
from decisions.policies import BadInput
from decisions.webhooks import enqueue
from decisions.webhooks.actions import add_webhook, edit_webhook, renew_secret, switch
from decisions.webhooks.guard import Forbidden, address_problem, allowed_addresses, is_public
from decisions.webhooks.kinds import GROUPS, KINDS
from decisions.webhooks.message import body_of
from decisions.webhooks.retries import DELAYS, LONGEST_WAIT, next_wait, retry_after
from decisions.webhooks.signing import headers, new_secret, signature
from tests import factories
from tests.decisions.receiver import webhook
from tests.factories import People

URL = "https://hooks.example.org/services/T1/B2/sesame"
# Under other names only a sentence of history, never an event.
TOLD_AS = {
    "decline_goal_because",
    "open_from_file",
    "sign_for",
    "invite_signatory",
    "declined",
    "called_off",
    "revoked",
    "given_back",
}


@pytest.fixture
def admin(people: People) -> User:
    """An administrator, who takes part in nothing."""
    return factories.person("ada", "Ada Min", is_staff=True)


def last(record: Decision) -> Event:
    """Return a record's newest event."""
    event = record.events.select_related("decision").order_by("sequence").last()
    assert event
    return event


def told(record: Decision, hook: Webhook) -> dict[str, Any]:
    """Return the body that tells of a record's newest event."""
    return dict(json.loads(body_of(last(factories.fresh(record)), hook)))


def payload(record: Decision, hook: Webhook) -> dict[str, Any]:
    return dict(told(record, hook)["metadata"]["event_payload"])


# What is told


def test_every_kind_of_event_can_be_chosen_and_has_words() -> None:
    assert set(KINDS) == set(SENTENCES) - TOLD_AS
    assert sum(len(group.kinds) for group in GROUPS) == len(KINDS)


def test_an_open_record_is_told_of_in_full(people: People, admin: User, settings: Any) -> None:
    settings.PUBLIC_URL = "https://decide.example.org"
    record = open_decision(by=people.owner, title="A & B?", visibility="everyone")
    event = last(record)
    assert told(record, webhook(admin, URL)) == {
        "text": (
            f"<https://decide.example.org/decisions/{record.reference}/|{record.reference} "
            "A &amp; B?>: Olivia Brandt opened the decision"
        ),
        "metadata": {
            "event_type": "countersign_open",
            "event_payload": {
                "kind": "open",
                "reference": record.reference,
                "uid": str(record.uid),
                "url": f"https://decide.example.org/decisions/{record.reference}/",
                "at": event.at.isoformat(),
                "sequence": 1,
                "digest": record.digest,
                "hash": event.hash,
                "title": "A & B?",
                "actor": "Olivia Brandt",
            },
        },
    }


def test_of_a_restricted_record_neither_title_nor_names_nor_particulars_leave(
    people: People, admin: User
) -> None:
    hook = webhook(admin, URL)
    record = factories.complete_draft(people, title="Close the Lisbon office?")
    for event in record.events.select_related("decision"):
        body = body_of(event, hook)
        secret = ("Lisbon", "Accuracy", "prompt", "86.5", *map(str, people.everyone.values()))
        assert not [word for word in secret if word in body], event.kind
        assert str(KINDS[event.kind]) in body
        assert record.reference in body
        assert event.hash in body


def test_a_webhook_that_carries_restricted_records_tells_of_them_in_full(
    people: People, admin: User
) -> None:
    hook = webhook(admin, URL, carries_restricted=True)
    record = factories.open_record(people, title="Close the Lisbon office?")
    assert payload(record, hook)["title"] == "Close the Lisbon office?"
    assert "Olivia Brandt gave Uma Lindqvist the role UX" in told(record, hook)["text"]


def test_what_machines_read_is_flat_as_slack_asks(people: People, admin: User) -> None:
    for record in (factories.signed(people), factories.open_record(people, visibility="everyone")):
        for event in record.events.select_related("decision"):
            body = json.loads(body_of(event, webhook(admin, URL)))
            values = body["metadata"]["event_payload"].values()
            assert all(isinstance(value, str | int) for value in values)
            assert re.fullmatch(r"[a-z_]+", body["metadata"]["event_type"])


def test_no_title_can_call_a_channel_or_fake_a_link(people: People, admin: User) -> None:
    title = "<!channel> <https://evil.example|a> | & <@U1>"
    record = open_decision(by=people.owner, title=title, visibility="everyone")
    text = told(record, webhook(admin, URL))["text"]
    assert text.count("<") == text.count(">") == text.count("|") == 1
    assert "&lt;!channel&gt;" in text


def test_no_address_of_a_person_leaves(people: People, admin: User) -> None:
    record = factories.open_record(people, visibility="everyone")
    for event in record.events.select_related("decision"):
        event.address = "203.0.113.9"
        assert "203.0.113.9" not in body_of(event, webhook(admin, URL))


def test_bodies_are_plain_utf_8_on_one_line(people: People, admin: User) -> None:
    record = open_decision(by=people.owner, title="Où, 何処?", visibility="everyone")
    body = body_of(last(record), webhook(admin, URL))
    assert "Où, 何処?" in body
    assert "\n" not in body


# Who is told


def test_every_active_webhook_that_asks_is_told_once(
    people: People, admin: User, jobs: Any, django_capture_on_commit_callbacks: Any
) -> None:
    everything, some = webhook(admin, URL), webhook(admin, URL, kinds=["open", "sign"])
    others, off = webhook(admin, URL, kinds=["sign"]), webhook(admin, URL)
    switch(off, by=admin, is_active=False)
    record = open_decision(by=people.owner, title="Which?")
    with django_capture_on_commit_callbacks(execute=True):
        enqueue(last(record))
        assert jobs == []
    assert set(Delivery.objects.values_list("webhook", flat=True)) == {everything.pk, some.pk}
    assert jobs == [("decisions.tasks.deliver", [one.pk]) for one in (everything, some)]
    assert not others.deliveries.exists()


def test_telling_of_an_event_twice_changes_nothing(people: People, admin: User) -> None:
    webhook(admin, URL)
    record = open_decision(by=people.owner, title="Which?")
    enqueue(last(record))
    first = list(Delivery.objects.values())
    edit_webhook(Webhook.objects.get(), by=admin, url=URL, name="Other", kinds=[])
    enqueue(last(record))
    assert list(Delivery.objects.values()) == first


def test_nothing_is_told_if_the_telling_is_undone(
    people: People, admin: User, jobs: Any, django_capture_on_commit_callbacks: Any
) -> None:
    webhook(admin, URL)
    record = open_decision(by=people.owner, title="Which?")
    with django_capture_on_commit_callbacks(execute=True), transaction.atomic():
        enqueue(last(record))
        transaction.set_rollback(True)
    assert not Delivery.objects.exists()
    assert jobs == []


def test_what_happened_before_it_was_set_up_is_not_told(people: People, admin: User) -> None:
    record = open_decision(by=people.owner, title="Which?")
    add_webhook(by=admin, url=URL, name="Late")
    enqueue(last(record))
    assert not Delivery.objects.exists()
    edit_details(record, by=people.owner, title="Which one?")
    enqueue(last(record))
    assert Delivery.objects.get().event == last(record)


def test_telling_takes_the_same_queries_for_many_webhooks(
    people: People, admin: User, django_assert_num_queries: Any
) -> None:
    record = open_decision(by=people.owner, title="Which?")
    webhook(admin, URL)
    event = last(record)
    with django_assert_num_queries(2):
        enqueue(event)
    Delivery.objects.all().delete()
    for _ in range(20):
        webhook(admin, URL)
    with django_assert_num_queries(2):
        enqueue(event)
    assert Delivery.objects.count() == 21


# Signatures


def test_the_independent_verifier_accepts_the_signature() -> None:
    secret, body = new_secret(), '{"text":"é"}'.encode()
    signed = headers([secret], uuid4(), clock.now(), body)
    assert Verifier(secret).verify(body, signed) == {"text": "é"}


@pytest.mark.parametrize("changed", ["body", "id", "timestamp", "signature", "secret"])
def test_the_independent_verifier_refuses_what_was_changed(changed: str) -> None:
    secret, body = new_secret(), b'{"text":"yes"}'
    signed = headers([secret], uuid4(), clock.now(), body)
    match changed:
        case "body":
            body = b'{"text":"no"}'
        case "id":
            signed["webhook-id"] = str(uuid4())
        case "timestamp":
            signed["webhook-timestamp"] = str(int(signed["webhook-timestamp"]) + 1)
        case "signature":
            signed["webhook-signature"] = "v1," + base64.b64encode(bytes(32)).decode()
        case "secret":
            secret = new_secret()
    with pytest.raises(WebhookVerificationError):
        Verifier(secret).verify(body, signed)


@pytest.mark.parametrize("minutes", [-6, 6])
def test_the_independent_verifier_refuses_an_old_message(minutes: int) -> None:
    secret, at = new_secret(), clock.now() + timedelta(minutes=minutes)
    with pytest.raises(WebhookVerificationError, match="too"):
        Verifier(secret).verify(b"{}", headers([secret], uuid4(), at, b"{}"))


def test_our_signature_is_the_verifier_s_own() -> None:
    secret, at = new_secret(), datetime(2031, 3, 1, 12, tzinfo=UTC)
    ours = signature(secret, "msg_1", int(at.timestamp()), b"{}")
    assert ours == Verifier(secret).sign("msg_1", at, "{}")


def test_two_secrets_sign_while_the_receiver_changes_over() -> None:
    secrets = [new_secret(), new_secret()]
    signed = headers(secrets, uuid4(), clock.now(), b"{}")
    for secret in secrets:
        Verifier(secret).verify(b"{}", signed)


def test_the_example_in_the_documentation_tells_ours_from_others() -> None:
    text = (project_settings.BASE_DIR / "docs" / "webhooks.md").read_text()
    code = next(one for one in re.findall(r"```python\n(.*?)```", text, re.S) if "is_ours" in one)
    known: dict[str, Any] = {}
    exec(code, known)  # noqa: S102
    secret, at = new_secret(), clock.now()
    for moment, body, is_ours in (
        (at, b"{}", True),
        (at, b"[]", False),
        (at - timedelta(minutes=6), b"{}", False),
    ):
        signed = headers([new_secret(), secret], uuid4(), moment, b"{}")
        assert known["is_ours"](secret, signed, body) is is_ours


def test_secrets_are_32_random_bytes() -> None:
    made = {new_secret() for _ in range(50)}
    assert len(made) == 50
    assert {len(base64.b64decode(one.removeprefix("whsec_"))) for one in made} == {32}


@pytest.mark.parametrize("wrong", ["", "whsec_", "whsec_Zm9v", "whsec_%%", "Zm9v" * 11])
def test_nothing_is_signed_with_what_is_no_secret(wrong: str) -> None:
    with pytest.raises(ValueError, match=r".*"):
        signature(wrong, "msg_1", 1, b"{}")


def test_a_new_secret_leaves_the_one_before_for_a_day(admin: User) -> None:
    hook = webhook(admin, URL)
    before = hook.secret
    after = renew_secret(hook, by=admin)
    fresh = Webhook.objects.get(pk=hook.pk)
    assert (fresh.secret, fresh.former_secret) == (after, before)
    assert fresh.former_until
    assert timedelta(hours=23) < fresh.former_until - clock.now() <= timedelta(hours=24)


# When it is tried again


@pytest.mark.parametrize(
    ("attempts", "seconds"), list(enumerate([10, 60, 300, 1800, 7200, 21600], 1))
)
def test_each_wait_is_longer_than_the_one_before_and_never_quite_the_same(
    attempts: int, seconds: int
) -> None:
    waits = [next_wait(attempts).total_seconds() for _ in range(200)]
    assert 0.8 * seconds <= min(waits) < 0.9 * seconds
    assert 1.1 * seconds < max(waits) <= 1.2 * seconds
    assert len(set(waits)) > 100


def test_a_receiver_may_ask_for_more_time_within_bounds() -> None:
    assert next_wait(1, timedelta(minutes=3)) == timedelta(minutes=3)
    assert next_wait(1, timedelta(days=30)) == LONGEST_WAIT
    assert next_wait(2, timedelta(seconds=1)) >= timedelta(seconds=48)
    assert next_wait(99) >= DELAYS[-1] * 0.8


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("120", 120),
        ("0", 0),
        ("9" * 40, 10**8),
        ("Sat, 01 Mar 2031 12:01:30 GMT", 90),
        ("Sat, 01 Mar 2031 11:00:00 GMT", 0),
        ("", None),
        ("-5", None),
        ("1.5", None),
        ("soon", None),
        ("１２", None),
    ],
)
def test_retry_after_is_seconds_or_a_date(header: str, seconds: int | None) -> None:
    asked = retry_after(header, datetime(2031, 3, 1, 12, tzinfo=UTC))
    assert asked == (None if seconds is None else timedelta(seconds=seconds))


# Where it may go

PRIVATE = """
    127.0.0.1 127.8.9.1 0.0.0.0 10.1.2.3 172.16.0.1 172.31.255.255 192.168.1.1 169.254.169.254
    100.64.0.1 192.0.2.1 198.18.0.1 224.0.0.1 240.0.0.1 255.255.255.255 ::1 :: fe80::1 fc00::1
    fd12::1 ff02::1 fec0::1 ::ffff:127.0.0.1 ::ffff:10.0.0.1 64:ff9b::7f00:1 64:ff9b::a9fe:a9fe
    2002:7f00:1:: 2002:a00:1:: 2001:db8::1
"""


@pytest.mark.parametrize("address", PRIVATE.split())
def test_private_addresses_are_known_in_every_disguise(address: str) -> None:
    assert not is_public(address)


@pytest.mark.parametrize(
    "address", ["8.8.8.8", "172.32.0.1", "2606:4700::1111", "::ffff:8.8.8.8", "64:ff9b::808:808"]
)
def test_public_addresses_may_be_called(address: str) -> None:
    assert is_public(address)


@pytest.mark.parametrize("name", ["localhost", "127.1", "2130706433", "0x7f000001", "127.0.0.1"])
def test_a_name_that_leads_into_the_own_network_is_refused_when_connecting(
    name: str, settings: Any
) -> None:
    settings.WEBHOOK_ALLOW_PRIVATE = False
    with pytest.raises(Forbidden, match="private network"):
        allowed_addresses(name, 80)
    settings.WEBHOOK_ALLOW_PRIVATE = True
    assert set(allowed_addresses(name, 80)) <= {"127.0.0.1", "::1"}


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("ftp://example.org/", "https://"),
        ("javascript:alert(1)", "https://"),
        ("file:///etc/passwd", "https://"),
        ("https://", "host"),
        ("hooks.example.org", "https://"),
        ("https://user:pass@example.org/", "No name or password"),
        ("https://example.org:99999/", "not an address"),
        ("https://example.org:0/", "not an address"),
        ("https://exa mple.org/", "not an address"),
        ("https://<b>/", "not an address"),
        ("https://[::1/", "not an address"),
        ("http://127.0.0.1/", "private network"),
        ("http://[::1]:8000/", "private network"),
        ("http://localhost:6379/", "private network"),
        ("http://redis.localhost./", "private network"),
        ("http://169.254.169.254/latest/meta-data/", "private network"),
    ],
)
def test_an_address_that_no_webhook_may_have_is_refused_in_words(
    url: str, says: str, settings: Any, admin: User
) -> None:
    settings.WEBHOOK_ALLOW_PRIVATE = False
    assert says in (address_problem(url) or "")
    with pytest.raises(BadInput):
        add_webhook(by=admin, url=url, name="Chat")
    assert not Webhook.objects.exists()


@pytest.mark.parametrize("url", [URL, "http://example.org:8080/a?b=c", "https://bücher.example/x"])
def test_other_addresses_are_fine(url: str, settings: Any) -> None:
    settings.WEBHOOK_ALLOW_PRIVATE = False
    assert address_problem(url) is None
