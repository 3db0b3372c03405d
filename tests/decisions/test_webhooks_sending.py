"""Deliveries over a real connection: what arrives, what follows, and that nothing is lost."""

import io
import json
import logging
import os
import signal
import socket
import ssl
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from django.conf import settings as project_settings
from django.db import connection, connections
from standardwebhooks import Webhook as Verifier
from standardwebhooks import WebhookVerificationError

from decisions import clock, guarded
from decisions.actions.records import edit_details, open_decision
from decisions.models import Attempt, Decision, Delivery, User, Webhook
from decisions.policies import Refused
from decisions.tasks import deliver, send_due_deliveries
from decisions.webhooks import enqueue, sending
from decisions.webhooks.actions import delete_webhook, renew_secret, send_again, send_test, switch
from decisions.webhooks.queue import claim_next, conclude, send_next, webhooks_with_work
from decisions.webhooks.retries import MOST_ATTEMPTS
from decisions.webhooks.sending import Answer, post
from tests import factories
from tests.decisions.receiver import (
    Received,
    Receiver,
    drips,
    hangs,
    hangs_up,
    listening,
    says,
    webhook,
)
from tests.factories import People


@pytest.fixture
def receiver(settings: Any) -> Iterator[Receiver]:
    """A server on this machine, which webhooks may call."""
    settings.WEBHOOK_ALLOW_PRIVATE = True
    with listening() as one:
        yield one


@pytest.fixture
def admin(people: People) -> User:
    return factories.person("ada", "Ada Min", is_staff=True)


@pytest.fixture
def hook(admin: User, receiver: Receiver) -> Webhook:
    return webhook(admin, receiver.url)


@pytest.fixture
def record(people: People) -> Decision:
    return open_decision(by=people.owner, title="Which?", visibility="everyone")


@pytest.fixture
def delivery(hook: Webhook, record: Decision) -> Delivery:
    """One delivery that waits."""
    return tell(record)


def tell(record: Decision) -> Delivery:
    """Make the deliveries of a record's newest event; return the newest."""
    event = record.events.select_related("decision").order_by("sequence").last()
    assert event
    enqueue(event)
    return Delivery.objects.latest("pk")


def fresh(delivery: Delivery) -> Delivery:
    return Delivery.objects.get(pk=delivery.pk)


def state(delivery: Delivery) -> tuple[str, int, list[int | None]]:
    """Return how far a delivery has come, its attempts, and what each was answered."""
    row = fresh(delivery)
    return row.state, row.attempts, list(row.tries.values_list("status", flat=True))


def wait_of(delivery: Delivery) -> float:
    """Return in how many seconds a delivery is tried again."""
    return (fresh(delivery).next_attempt_at - clock.now()).total_seconds()


def verified(hook: Webhook, arrived: Received) -> Any:
    return Verifier(hook.secret).verify(arrived.body, arrived.headers)


# What arrives


def test_what_arrives_is_what_was_signed(
    hook: Webhook, delivery: Delivery, receiver: Receiver
) -> None:
    assert send_next(hook.pk)
    (arrived,) = receiver.received
    assert arrived.path == "/hook"
    assert arrived.body.decode() == delivery.body
    assert verified(hook, arrived) == json.loads(delivery.body)
    assert arrived.headers["webhook-id"] == str(delivery.uid)
    assert arrived.headers["content-type"] == "application/json; charset=utf-8"
    assert state(delivery) == ("sent", 1, [200])
    tried = Attempt.objects.get()
    assert (tried.response, tried.error) == ("ok", "")
    assert 0 < tried.seconds < 5
    assert fresh(delivery).sent_at


def test_a_body_changed_on_its_way_is_not_verified(
    hook: Webhook, delivery: Delivery, receiver: Receiver
) -> None:
    send_next(hook.pk)
    arrived = receiver.received[0]
    arrived.body = arrived.body.replace(b"Which?", b"Wrong?")
    with pytest.raises(WebhookVerificationError, match="No matching"):
        verified(hook, arrived)


def test_every_attempt_has_the_same_id_and_body_and_its_own_time(
    hook: Webhook, delivery: Delivery, receiver: Receiver
) -> None:
    receiver.answers = [says(500)]
    send_next(hook.pk)
    later = clock.now() + timedelta(minutes=2)
    with clock.held_at(later):
        send_next(hook.pk)
    first, second = receiver.received
    assert first.headers["webhook-id"] == second.headers["webhook-id"]
    assert first.body == second.body
    assert int(second.headers["webhook-timestamp"]) == int(later.timestamp())
    assert first.headers["webhook-signature"] != second.headers["webhook-signature"]
    assert verified(hook, second)


def test_an_old_message_is_not_verified_again(
    hook: Webhook, delivery: Delivery, receiver: Receiver
) -> None:
    with clock.held_at(datetime(2024, 1, 1, tzinfo=UTC)):
        Delivery.objects.update(next_attempt_at=clock.now())
        send_next(hook.pk)
    with pytest.raises(WebhookVerificationError, match="too old"):
        verified(hook, receiver.received[0])


def test_after_a_new_secret_both_verify_for_a_day(
    hook: Webhook, delivery: Delivery, receiver: Receiver, admin: User
) -> None:
    before = hook.secret
    after = renew_secret(hook, by=admin)
    send_next(hook.pk)
    arrived = receiver.received[0]
    for secret in (before, after):
        Verifier(secret).verify(arrived.body, arrived.headers)
    Webhook.objects.update(former_until=clock.now() - timedelta(seconds=1))
    send_again(delivery, by=admin)
    send_next(hook.pk)
    arrived = receiver.received[1]
    Verifier(after).verify(arrived.body, arrived.headers)
    with pytest.raises(WebhookVerificationError):
        Verifier(before).verify(arrived.body, arrived.headers)


# What follows


@pytest.mark.parametrize("status", [400, 401, 404, 418, 429, 500, 503])
def test_a_failure_is_tried_again_after_a_while(
    status: int, hook: Webhook, delivery: Delivery, receiver: Receiver
) -> None:
    receiver.answers = [says(status, b"sorry")]
    assert not send_next(hook.pk)
    assert state(delivery) == ("waiting", 1, [status])
    assert str(status) in fresh(delivery).error
    assert 7 < wait_of(delivery) <= 12
    assert not send_next(hook.pk), "it is not due yet"
    with clock.held_at(clock.now() + timedelta(seconds=13)):
        assert send_next(hook.pk)
    assert state(delivery) == ("sent", 2, [status, 200])
    assert fresh(delivery).error == ""


def test_it_is_tried_seven_times_over_half_a_day_and_then_given_up(
    hook: Webhook, delivery: Delivery, receiver: Receiver
) -> None:
    receiver.answers = [says(500) for _ in range(20)]
    waits = []
    moment = clock.now()
    for _ in range(20):
        with clock.held_at(moment):
            send_next(hook.pk)
            moment = fresh(delivery).next_attempt_at
            waits.append(wait_of(delivery))
        if fresh(delivery).state == "failed":
            break
    expected = [10, 60, 300, 1800, 7200, 21600]
    assert len(receiver.received) == MOST_ATTEMPTS == 7
    assert all(0.8 * one <= wait <= 1.2 * one for one, wait in zip(expected, waits, strict=False))
    assert state(delivery) == ("failed", 7, [500] * 7)
    assert "500" in fresh(delivery).error


@pytest.mark.parametrize(
    ("header", "low", "high"),
    [("120", 119, 121), ("1", 7, 13), ("9999999", 21599, 21601), ("nonsense", 7, 13)],
)
def test_retry_after_is_honoured_within_bounds(
    header: str, low: float, high: float, hook: Webhook, delivery: Delivery, receiver: Receiver
) -> None:
    receiver.answers = [says(429, Retry_After=header)]
    send_next(hook.pk)
    assert low <= wait_of(delivery) <= high


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_not_followed(
    status: int, hook: Webhook, delivery: Delivery, receiver: Receiver
) -> None:
    receiver.answers = [says(status, Location=receiver.url + "/elsewhere")]
    send_next(hook.pk)
    assert [one.path for one in receiver.received] == ["/hook"]
    assert state(delivery) == ("waiting", 1, [status])
    assert "Redirects are not followed" in fresh(delivery).error


def test_gone_switches_the_webhook_off_and_says_so(
    hook: Webhook, delivery: Delivery, record: Decision, receiver: Receiver, people: People
) -> None:
    edit_details(record, by=people.owner, title="Which one?")
    second = tell(record)
    receiver.answers = [says(410)]
    send_next(hook.pk)
    row = Webhook.objects.get()
    assert not row.is_active
    assert "410 Gone" in row.off_because
    assert state(delivery) == ("failed", 1, [410])
    assert state(second) == ("failed", 0, [])
    assert "switched off" in fresh(second).error
    assert not send_next(hook.pk)
    assert len(receiver.received) == 1


def test_switching_it_on_again_forgets_why_it_was_off(
    hook: Webhook, delivery: Delivery, receiver: Receiver, admin: User
) -> None:
    receiver.answers = [says(410)]
    send_next(hook.pk)
    switch(hook, by=admin, is_active=True)
    assert Webhook.objects.get().off_because == ""
    send_again(delivery, by=admin)
    assert send_next(hook.pk)


def test_what_waits_for_a_webhook_that_goes_off_is_given_up(
    hook: Webhook, delivery: Delivery, receiver: Receiver, admin: User
) -> None:
    switch(hook, by=admin, is_active=False)
    assert state(delivery) == ("failed", 0, [])
    switch(hook, by=admin, is_active=True)
    assert not send_next(hook.pk)
    assert receiver.received == []


def test_a_delivery_can_be_sent_again_under_its_id(
    hook: Webhook, delivery: Delivery, receiver: Receiver, admin: User
) -> None:
    send_next(hook.pk)
    send_again(delivery, by=admin)
    assert send_next(hook.pk)
    first, second = receiver.received
    assert first.headers["webhook-id"] == second.headers["webhook-id"]
    assert state(delivery) == ("sent", 1, [200, 200])


def test_sending_again_is_refused_while_it_is_sent_or_the_webhook_is_off(
    hook: Webhook, delivery: Delivery, admin: User
) -> None:
    claim_next(hook.pk)
    with pytest.raises(Refused, match="right now"):
        send_again(delivery, by=admin)
    switch(hook, by=admin, is_active=False)
    with pytest.raises(Refused, match="Switch it on"):
        send_again(delivery, by=admin)


def test_a_test_is_sent_once_even_to_a_webhook_that_is_off(
    hook: Webhook, receiver: Receiver, admin: User
) -> None:
    switch(hook, by=admin, is_active=False)
    receiver.answers = [says(500, b"no")]
    one = send_test(hook, by=admin)
    send_next(hook.pk)
    assert state(one) == ("failed", 1, [500])
    told = verified(hook, receiver.received[0])
    assert told["metadata"]["event_type"] == "countersign_test"
    assert "This is a test" in told["text"]


@pytest.mark.parametrize("outsider", ["owner", "outsider"])
def test_only_administrators_send_anything(
    outsider: str, hook: Webhook, delivery: Delivery, people: People
) -> None:
    by = people.everyone[outsider]
    for attempt in (
        lambda: send_test(hook, by=by),
        lambda: send_again(delivery, by=by),
        lambda: switch(hook, by=by, is_active=False),
        lambda: delete_webhook(hook, by=by),
        lambda: renew_secret(hook, by=by),
    ):
        with pytest.raises(Refused, match="Only administrators"):
            attempt()


def test_a_job_sends_all_that_is_due_and_stops_at_the_first_failure(
    hook: Webhook, record: Decision, receiver: Receiver, people: People
) -> None:
    rows = [tell(record)]
    for title in "abcd":
        edit_details(record, by=people.owner, title=title)
        rows.append(tell(record))
    receiver.answers = [says(200), says(200), says(503)]
    deliver(hook.pk)
    assert [fresh(one).state for one in rows] == ["sent", "sent", "waiting", "waiting", "waiting"]
    with clock.held_at(clock.now() + timedelta(seconds=13)):
        assert webhooks_with_work() == [hook.pk]
        deliver(hook.pk)
    assert {fresh(one).state for one in rows} == {"sent"}
    sequences = [
        json.loads(one.body)["metadata"]["event_payload"]["sequence"] for one in receiver.received
    ]
    assert sorted(set(sequences)) == [1, 2, 3, 4, 5]
    assert sequences[:3] == [1, 2, 3]


def test_the_sweep_wakes_each_webhook_with_work_once(
    hook: Webhook, record: Decision, receiver: Receiver, admin: User, people: People, jobs: Any
) -> None:
    webhook(admin, receiver.url, kinds=["sign"])
    for title in "abc":
        edit_details(record, by=people.owner, title=title)
        tell(record)
    send_due_deliveries()
    assert jobs == [("decisions.tasks.deliver", [hook.pk])]
    deliver(hook.pk)
    jobs.clear()
    send_due_deliveries()
    assert jobs == []


# Nothing is lost, nothing is sent by two


@pytest.mark.django_db(transaction=True)
def test_without_a_queue_the_rows_wait_for_the_sweep(
    hook: Webhook, record: Decision, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*args: Any) -> None:
        raise ConnectionError("no broker")

    with monkeypatch.context() as patch:
        patch.setattr(deliver, "delay", fails)
        delivery = tell(record)
    assert state(delivery) == ("waiting", 0, [])
    assert webhooks_with_work() == [hook.pk]
    deliver(hook.pk)
    assert state(delivery) == ("sent", 1, [200])


def test_a_delivery_whose_worker_died_is_sent_again_when_its_claim_runs_out(
    hook: Webhook, delivery: Delivery, receiver: Receiver
) -> None:
    assert claim_next(hook.pk)
    assert state(delivery) == ("sending", 1, [])
    assert webhooks_with_work() == []
    assert not send_next(hook.pk)
    with clock.held_at(clock.now() + timedelta(minutes=3)):
        assert webhooks_with_work() == [hook.pk]
        assert send_next(hook.pk)
    assert state(delivery) == ("sent", 2, [None, 200])
    assert "stopped while sending" in Attempt.objects.earliest("pk").error


def test_a_worker_that_was_thought_dead_changes_nothing_any_more(
    hook: Webhook, delivery: Delivery, receiver: Receiver
) -> None:
    late = claim_next(hook.pk)
    assert late
    with clock.held_at(clock.now() + timedelta(minutes=3)):
        send_next(hook.pk)
    conclude(late, Answer(0.1, status=500, error="late"))
    assert fresh(delivery).state == "sent"


def test_workers_that_keep_dying_are_not_sent_for_ever(hook: Webhook, delivery: Delivery) -> None:
    moment = clock.now()
    for _ in range(20):
        with clock.held_at(moment):
            claim_next(hook.pk)
        moment += timedelta(minutes=3)
    assert state(delivery) == ("failed", MOST_ATTEMPTS, [None] * MOST_ATTEMPTS)


def test_a_webhook_deleted_while_it_is_sent_to_leaves_nothing(
    hook: Webhook, delivery: Delivery, receiver: Receiver, admin: User
) -> None:
    claim = claim_next(hook.pk)
    assert claim
    delete_webhook(hook, by=admin)
    conclude(claim, Answer(0.1, status=200))
    assert not send_next(claim.webhook.pk)
    assert not Delivery.objects.exists()
    assert not Attempt.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_many_workers_at_once_send_each_delivery_once(
    hook: Webhook, record: Decision, receiver: Receiver, people: People
) -> None:
    tell(record)
    for title in "abcdefg":
        edit_details(record, by=people.owner, title=title)
        tell(record)
    start = threading.Barrier(6)

    def work() -> None:
        start.wait()
        try:
            for _ in range(12):
                send_next(hook.pk)
        finally:
            connections.close_all()

    workers = [threading.Thread(target=work) for _ in range(6)]
    for one in workers:
        one.start()
    for one in workers:
        one.join()
    ids = [one.headers["webhook-id"] for one in receiver.received]
    assert len(ids) == len(set(ids)) == 8
    assert set(Delivery.objects.values_list("state", "attempts")) == {("sent", 1)}
    assert Attempt.objects.count() == 8


@pytest.mark.django_db(transaction=True)
def test_a_sender_killed_in_the_middle_loses_nothing(
    hook: Webhook, delivery: Delivery, receiver: Receiver, tmp_path: Path
) -> None:
    receiver.answers = [hangs]
    code = (
        "import django; django.setup(); from decisions.webhooks.queue import send_next;"
        f"send_next({hook.pk})"
    )
    sender = subprocess.Popen([sys.executable, "-c", code], env=_same_installation(tmp_path))
    try:
        _wait_until(lambda: receiver.received)
        assert state(delivery)[0] == "sending"
    finally:
        sender.send_signal(signal.SIGKILL)
        sender.wait()
    with clock.held_at(clock.now() + timedelta(minutes=3)):
        send_due = webhooks_with_work()
        assert send_due == [hook.pk]
        deliver(hook.pk)
    first, second = receiver.received
    assert first.headers["webhook-id"] == second.headers["webhook-id"]
    assert state(delivery) == ("sent", 2, [None, 200])


def _same_installation(folder: Path) -> dict[str, str]:
    """Return the environment of a program that works on this test's database."""
    known = connection.settings_dict
    if connection.vendor == "sqlite":
        url = f"sqlite:///{known['NAME']}"
    else:
        who = f"{known['USER']}:{known['PASSWORD']}@" if known["USER"] else ""
        where = f"{known['HOST'].replace('/', '%2F')}:{known['PORT'] or 5432}"
        url = f"postgres://{who}{where}/{known['NAME']}"
    return os.environ | {
        "COUNTERSIGN_VAR": str(folder),
        "DJANGO_SETTINGS_MODULE": "config.settings",
        "DATABASE_URL": url,
        "SECRET_KEY": project_settings.SECRET_KEY,
        "WEBHOOK_ALLOW_PRIVATE": "1",
        "PYTHONPATH": str(project_settings.BASE_DIR),
    }


def _wait_until(ready: Any, seconds: float = 30) -> None:
    ends = time.monotonic() + seconds
    while not ready():
        assert time.monotonic() < ends
        time.sleep(0.05)


# Bad company


def test_an_answer_is_kept_to_2000_characters(
    hook: Webhook, delivery: Delivery, receiver: Receiver
) -> None:
    receiver.answers = [says(200, "é\0".encode() * 500_000)]
    send_next(hook.pk)
    kept = Attempt.objects.get().response
    assert len(kept) == 2000
    assert set(kept) == {"é", "\ufffd"}


def test_an_answer_that_is_no_text_is_kept_as_far_as_it_goes(
    hook: Webhook, delivery: Delivery, receiver: Receiver
) -> None:
    receiver.answers = [says(200, bytes(range(256)))]
    send_next(hook.pk)
    assert state(delivery) == ("sent", 1, [200])
    assert "\0" not in Attempt.objects.get().response


def test_a_compressed_answer_is_not_unpacked(
    hook: Webhook, delivery: Delivery, receiver: Receiver
) -> None:
    receiver.answers = [says(200, b"not really gzip", Content_Encoding="gzip")]
    send_next(hook.pk)
    assert receiver.received[0].headers["accept-encoding"] == "identity"
    assert Attempt.objects.get().response == "not really gzip"


@pytest.mark.parametrize(
    "first", [b"", b"HTTP/1.1 200 OK\r\n", b"HTTP/1.1 200 OK\r\nX-Slow: "], ids=str
)
def test_a_receiver_that_drips_its_head_is_cut_off(
    first: bytes, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sending, "TOTAL_SECONDS", 0.6)
    receiver.answers = [drips(first)]
    answer = post(receiver.url, b"{}", {})
    assert answer.status is None
    assert answer.error
    assert answer.seconds < 3


def test_a_body_that_never_ends_does_not_undo_that_it_arrived(
    receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sending, "TOTAL_SECONDS", 0.6)
    receiver.answers = [drips(b"HTTP/1.1 200 OK\r\nContent-Length: 99999\r\n\r\n")]
    answer = post(receiver.url, b"{}", {})
    assert answer.is_sent
    assert answer.response.startswith("xx")
    assert answer.seconds < 3


def test_a_receiver_that_says_nothing_is_not_waited_for(
    receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sending, "READ_SECONDS", 0.3)
    receiver.answers = [hangs]
    answer = post(receiver.url, b"{}", {})
    assert (answer.status, answer.is_final) == (None, False)
    assert "No answer in time" in answer.error


@pytest.mark.parametrize("answer", [hangs_up, drips(b"SSH-2.0-OpenSSH\r\n\r\n")])
def test_what_is_no_web_server_is_a_failure_in_words(answer: Any, receiver: Receiver) -> None:
    receiver.answers = [answer]
    assert "The connection broke" in post(receiver.url, b"{}", {}).error


def test_nobody_listening_is_a_failure_in_words(settings: Any) -> None:
    settings.WEBHOOK_ALLOW_PRIVATE = True
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
    assert "No connection" in post(f"http://127.0.0.1:{port}/", b"{}", {}).error
    assert "No connection" in post("http://no-such-name.invalid/", b"{}", {}).error


def test_a_private_address_is_refused_at_once_and_hears_nothing(
    admin: User, receiver: Receiver, record: Decision, settings: Any
) -> None:
    hook = webhook(admin, f"http://127.1:{receiver.port}/hook")
    delivery = tell(record)
    settings.WEBHOOK_ALLOW_PRIVATE = False
    send_next(hook.pk)
    assert receiver.received == []
    assert state(delivery) == ("failed", 1, [None])
    assert "private network" in fresh(delivery).error


def test_the_name_is_looked_up_once_and_that_address_is_called(
    receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The resolver here changes its mind after the first answer, as in DNS rebinding."""
    real, asked = socket.getaddrinfo, []

    def resolver(host: Any, *args: Any, **kwargs: Any) -> Any:
        if host not in {"hook.example", b"hook.example"}:
            return real(host, *args, **kwargs)
        asked.append(host)
        return real("127.0.0.1" if len(asked) == 1 else "192.0.2.1", *args, **kwargs)

    monkeypatch.setattr(socket, "getaddrinfo", resolver)
    assert post(f"http://hook.example:{receiver.port}/hook", b"{}", {}).is_sent
    assert len(asked) == 1
    assert receiver.received[0].headers["host"] == f"hook.example:{receiver.port}"


def test_proxies_and_passwords_of_the_environment_are_not_used(
    receiver: Receiver, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "netrc").write_text("machine 127.0.0.1 login me password sesame\n")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9/")
    assert post(receiver.url, b"{}", {}).is_sent
    assert "authorization" not in receiver.received[0].headers


def _certificate(folder: Path, name: str) -> Path:
    """Write a key and a certificate for a name that vouches for itself; return their file."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .sign(key, hashes.SHA256())
    )
    plain = serialization.NoEncryption()
    kind = serialization.PrivateFormat.PKCS8
    path = folder / f"{name}.pem"
    path.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, kind, plain)
        + made.public_bytes(serialization.Encoding.PEM)
    )
    return path


@pytest.mark.parametrize(("name", "is_fine"), [("localhost", True), ("other.example", False)])
def test_certificates_are_checked_against_the_name_and_not_the_number(
    name: str, is_fine: bool, settings: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.WEBHOOK_ALLOW_PRIVATE = True
    path = _certificate(tmp_path, name)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(path)
    monkeypatch.setenv("SSL_CERT_FILE", str(path))
    guarded._trusted.cache_clear()
    try:
        with listening(context) as receiver:
            answer = post(f"https://localhost:{receiver.port}/", b"{}", {})
    finally:
        guarded._trusted.cache_clear()
    assert answer.is_sent == is_fine
    assert is_fine or "certificate" in answer.error.lower()


def test_a_secret_that_cannot_be_read_fails_in_words_and_sends_nothing(
    hook: Webhook, delivery: Delivery, receiver: Receiver, settings: Any
) -> None:
    settings.SECRET_KEY, settings.SECRET_KEY_FALLBACKS = "another-key", []
    deliver(hook.pk)
    assert receiver.received == []
    assert "can no longer be read" in fresh(delivery).error


# Secrets stay secret


def test_neither_secret_nor_address_reaches_the_log_or_the_tables_in_clear(
    admin: User, record: Decision, receiver: Receiver
) -> None:
    lines = io.StringIO()
    handler = logging.StreamHandler(lines)
    root = logging.getLogger()
    root.addHandler(handler)
    level = root.level
    root.setLevel(logging.DEBUG)
    try:
        hook = webhook(admin, receiver.url + "/T1/sesame")
        secrets = [hook.secret, renew_secret(hook, by=admin)]
        delivery = tell(record)
        receiver.answers = [says(500, b"no")]
        deliver(hook.pk)
        send_again(delivery, by=admin)
        deliver(hook.pk)
        switch(hook, by=admin, is_active=False)
    finally:
        root.setLevel(level)
        root.removeHandler(handler)
    assert "Webhook" in lines.getvalue()
    for word in (*secrets, *(one.removeprefix("whsec_") for one in secrets), "sesame"):
        assert word not in lines.getvalue()
    held = _everything_in_the_database()
    for secret in secrets:
        assert secret.removeprefix("whsec_") not in held


def _everything_in_the_database() -> str:
    """Return every value of every table as the database holds it."""
    found = []
    with connection.cursor() as cursor:
        for table in connection.introspection.table_names(cursor):
            cursor.execute(f'SELECT * FROM "{table}"')  # noqa: S608
            found += [str(row) for row in cursor.fetchall()]
    return "\n".join(found)
