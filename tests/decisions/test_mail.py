"""Mail: when a message is written, what it says, and that it is sent once."""

import re
import smtplib
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from time import sleep
from typing import Any

import pytest
from django.core import mail as outbox
from django.core.mail.backends.locmem import EmailBackend
from django.db import connection, transaction
from django.test import Client
from django.test.utils import CaptureQueriesContext

from config.email import email_settings
from decisions import clock
from decisions.actions.delegation import accept_delegation, delegate_for_a_time
from decisions.actions.records import edit_details, open_decision
from decisions.actions.review import Remark, open_thread, resolve
from decisions.models import Decision, Delegation, Mail, Notice, NoticeKind, User
from decisions.notify import reminders, sending
from decisions.notify.mailing import is_due, write_mail, write_mail_to
from decisions.notify.reading import stop_mail
from decisions.notify.reminders import is_day_to_remind, remind, remind_one
from decisions.notify.sending import CLAIM_HOLDS, MOST_ATTEMPTS, WAITS, claim_mail, due_mail, send
from decisions.notify.telling import mark_settled, tell
from decisions.notify.words import lines
from tests import factories
from tests.decisions.telling import minutes_later, open_notices
from tests.factories import People, fresh, sign
from tests.threads import in_threads

SignIn = Callable[[User], Client]
NOON = datetime(2030, 5, 6, 12, 0, tzinfo=UTC)


def told_at(minute: float, *, is_urgent: bool = False) -> Notice:
    return Notice(told_at=minutes_later(minute, NOON), is_urgent=is_urgent)


@pytest.fixture
def submitted(people: People) -> Decision:
    """Return a record that was submitted at noon, of which everyone was told."""
    with clock.held_at(NOON - timedelta(hours=1)):
        record = factories.complete_draft(people)
        tell(record.pk)
        Notice.objects.update(is_dealt_with=True)
    with clock.held_at(NOON):
        factories.submit(record, by=people.owner)
        tell(record.pk)
    return fresh(record)


def mailed(minute: float) -> list[str]:
    """Write what is due so many minutes after noon; return to whom, by username."""
    with clock.held_at(minutes_later(minute, NOON)):
        written = write_mail()
    return sorted(Mail.objects.filter(pk__in=written).values_list("user__username", flat=True))


@pytest.fixture
def message(people: People, submitted: Decision) -> Mail:
    """Return Uma's message, written five minutes after noon."""
    mailed(5)
    return Mail.objects.get(user=people.ux)


# When


@pytest.mark.parametrize(
    ("told", "minute", "due"),
    [
        ([], 100, False),
        ([0], 4.9, False),
        ([0], 5, True),
        ([0, 4], 5, False),
        ([0, 4], 9, True),
        ([0, 4, 8, 12, 16, 20, 24, 28], 29.9, False),
        ([0, 4, 8, 12, 16, 20, 24, 28], 30, True),
    ],
)
def test_a_message_waits_for_quiet_but_not_for_ever(
    told: list[float], minute: float, due: bool
) -> None:
    with clock.held_at(minutes_later(minute, NOON)):
        assert is_due([told_at(one) for one in told]) is due


def test_a_mention_waits_for_nothing() -> None:
    with clock.held_at(NOON):
        assert is_due([told_at(0), told_at(0, is_urgent=True)])


@pytest.mark.django_db(transaction=True)
def test_who_is_mentioned_is_written_to_without_waiting_for_the_next_round(eager: None) -> None:
    people = factories.people()
    record = factories.open_record(people)
    part = record.sections.filter(role="ux").first()
    open_thread(record, by=people.devops, remark=Remark("@bruno, do you know?", section=part))
    assert [one.to for one in Mail.objects.all()] == [people.business.email]
    assert [one.to for one in outbox.outbox] == [[people.business.email]]


def test_several_notices_are_one_message(people: People, submitted: Decision) -> None:
    with clock.held_at(minutes_later(2, NOON)):
        for number in range(3):
            part = submitted.sections.filter(role="ux").first()
            remark = Remark(f"Point {number}.", section=part)
            open_thread(submitted, by=people.devops, remark=remark)
        tell(submitted.pk)
    assert mailed(4.9) == []
    assert "uma" not in mailed(6.5)
    assert mailed(7.1) == ["uma"]
    message = Mail.objects.get(user=people.ux)
    assert message.subject == f"{submitted.reference}: 4 notices"
    assert message.body.count("/notices/") == 4
    assert mailed(100) == []


def test_a_message_to_each_who_must_act(people: People, submitted: Decision) -> None:
    assert mailed(5) == ["bruno", "dana", "devi", "uma"]
    assert Mail.objects.get(user=people.ux).to == people.ux.email


def test_what_was_read_meanwhile_is_not_mailed(people: People, submitted: Decision) -> None:
    Notice.objects.filter(user=people.ux).update(read_at=clock.now())
    assert "uma" not in mailed(5)
    assert not Notice.objects.filter(user=people.ux, is_dealt_with=False).exists()


def test_who_has_signed_meanwhile_is_not_mailed(people: People, submitted: Decision) -> None:
    with clock.held_at(minutes_later(1, NOON)):
        sign(submitted, people.ux, "ux")
    # Even before the teller has come by: the record itself is asked.
    assert "uma" not in mailed(5)
    assert open_notices(people.ux) == []


def test_a_thread_that_was_resolved_meanwhile_is_not_mailed(
    people: People, submitted: Decision
) -> None:
    mailed(5)
    with clock.held_at(minutes_later(10, NOON)):
        remark = Remark("Fix this.", must_fix=True)
        thread = open_thread(submitted, by=people.devops, remark=remark)
        tell(submitted.pk)
        resolve(thread, by=people.devops)
    assert mailed(20) == []


def test_a_delegation_that_ran_out_meanwhile_is_not_mailed(
    people: People, submitted: Decision
) -> None:
    mailed(5)
    with clock.held_at(minutes_later(10, NOON)):
        until = minutes_later(12, NOON)
        delegate_for_a_time(by=people.ux, taker=people.outsider, until=until)
    assert open_notices(people.outsider) == ["offered"]
    assert mailed(20) == []
    assert open_notices(people.outsider) == []


def test_kinds_that_a_person_does_not_want_are_not_mailed(
    people: People, submitted: Decision
) -> None:
    stop_mail(people.ux, [NoticeKind.SIGN])
    assert "uma" not in mailed(5)
    assert open_notices(people.ux) == ["sign"]


def test_no_one_who_can_no_longer_sign_in_is_mailed(people: People, submitted: Decision) -> None:
    User.objects.filter(pk=people.ux.pk).update(is_active=False)
    assert "uma" not in mailed(5)


@pytest.mark.django_db(transaction=True)
def test_two_workers_at_once_write_one_message() -> None:
    people = factories.people()
    record = factories.in_review(people)
    tell(record.pk)
    Notice.objects.update(told_at=clock.now() - timedelta(hours=1))
    in_threads(*[write_mail] * 4)
    assert Mail.objects.count() == Mail.objects.values("user").distinct().count() == 4


def test_notices_are_held_by_rising_key_before_a_message_changes_them(
    people: People, submitted: Decision
) -> None:
    with clock.held_at(minutes_later(5, NOON)), CaptureQueriesContext(connection) as caught:
        write_mail_to(people.ux.pk)
    said = [one["sql"] for one in caught.captured_queries if "decisions_notice" in one["sql"]]
    changes = [place for place, sql in enumerate(said) if sql.startswith("UPDATE")]
    assert changes
    for place in (1, *changes):
        before = said[place - 1]
        assert re.search(r'ORDER BY (1|"decisions_notice"."id") ASC', before), before
        assert connection.vendor != "postgresql" or "FOR NO KEY UPDATE" in before


@pytest.mark.postgres
@pytest.mark.django_db(transaction=True)
def test_who_writes_a_message_and_who_settles_do_not_block_each_other_for_ever() -> None:
    people = factories.people()
    record = factories.in_review(people)
    open_thread(record, by=people.devops, remark=Remark("@uma?"))
    tell(record.pk)
    first, second = Notice.objects.filter(user=people.ux).order_by("pk")
    # Of the two, the message is needless for the later one, and settles the earlier one after that.
    Notice.objects.filter(pk=second.pk).update(read_at=clock.now())
    Notice.objects.filter(pk=first.pk).update(told_at=clock.now() - timedelta(hours=1))
    sign(record, people.ux, "ux")

    def settle_slowly() -> None:
        with transaction.atomic():
            mark_settled(Notice.objects.filter(pk=first.pk))
            sleep(0.5)
            mark_settled(Notice.objects.filter(pk=second.pk))

    def write() -> int | None:
        sleep(0.2)
        return write_mail_to(people.ux.pk)

    assert in_threads(settle_slowly, write) == [None, None]


# What


def test_a_message_says_it_in_plain_words_with_whole_addresses(
    message: Mail, people: People, submitted: Decision, settings: Any
) -> None:
    notice = Notice.objects.get(user=people.ux, kind="sign")
    assert message.subject == f"{submitted.reference}: It is ready for your signature for UX"
    assert message.body.startswith("Hello Uma,\n")
    for part in (message.body, message.html):
        assert f"{settings.PUBLIC_URL}/notices/{notice.pk}/" in part
        assert f"{settings.PUBLIC_URL}/settings/" in part
        assert f"{settings.PUBLIC_URL}/unsubscribe/" in part
        assert str(submitted) in part


def test_what_people_write_adds_neither_markup_nor_headers(
    people: People, submitted: Decision
) -> None:
    mailed(5)
    people.devops.name = "Devi <b>\r\nBcc: all@example.org"
    people.devops.save()
    with clock.held_at(minutes_later(10, NOON)):
        edit_details(submitted, by=people.owner, title="A <script> & more")
        open_thread(submitted, by=people.devops, remark=Remark("@uma?"))
        tell(submitted.pk)
    assert mailed(10) == ["uma"]
    written = Mail.objects.filter(user=people.ux).first()
    assert written.subject == (f"{submitted.reference}: Devi <b> Bcc: all@example.org mentions you")
    assert "<script>" not in written.html
    assert "<b>" not in written.html
    assert "A <script> & more" in written.body
    with clock.held_at(minutes_later(11, NOON)):
        assert send(written.pk)
    assert outbox.outbox[0].message()["Bcc"] is None


def test_a_message_can_be_unsubscribed_from_with_one_click(message: Mail) -> None:
    with clock.held_at(minutes_later(6, NOON)):
        assert send(message.pk)
    sent = outbox.outbox[0]
    assert sent.to == [message.to]
    headers = sent.message()
    assert headers["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    address = headers["List-Unsubscribe"].strip("<>").replace("\n", "").replace(" ", "")
    assert address.startswith("http")
    browser = Client(enforce_csrf_checks=True)
    path = address.partition("://")[2].partition("/")[2]
    answer = browser.post(f"/{path}", {"List-Unsubscribe": "One-Click"})
    assert answer.status_code == 200
    message.user.refresh_from_db()
    assert set(message.user.unmailed) == set(NoticeKind.values)


# Sending


def test_a_message_is_sent_once(message: Mail) -> None:
    with clock.held_at(minutes_later(6, NOON)):
        assert message.pk in due_mail()
        assert send(message.pk)
        assert not send(message.pk)
        assert message.pk not in due_mail()
    message.refresh_from_db()
    assert (message.state, message.attempts, len(outbox.outbox)) == ("sent", 1, 1)


@pytest.mark.django_db(transaction=True)
def test_many_workers_at_once_send_once() -> None:
    user = factories.person("uma")
    row = Mail.objects.create(user=user, to=user.email, subject="S", body="B")
    outcomes = in_threads(*[lambda: claim_mail(row.pk)] * 6)
    assert len([one for one in outcomes if one]) == 1


def test_a_killed_senders_claim_runs_out_and_another_sends_it(message: Mail) -> None:
    begun = minutes_later(6, NOON)
    with clock.held_at(begun):
        assert claim_mail(message.pk)  # and here the worker dies
    with clock.held_at(begun + CLAIM_HOLDS - timedelta(seconds=1)):
        assert not send(message.pk)
        assert due_mail().count(message.pk) == 0
    with clock.held_at(begun + CLAIM_HOLDS + timedelta(seconds=1)):
        assert message.pk in due_mail()
        assert send(message.pk)
    message.refresh_from_db()
    assert (message.state, message.attempts) == ("sent", 2)


def test_a_worker_that_was_thought_dead_writes_nothing_over(message: Mail) -> None:
    begun = minutes_later(6, NOON)
    with clock.held_at(begun):
        slow = claim_mail(message.pk)
    assert slow is not None
    with clock.held_at(begun + CLAIM_HOLDS * 2):
        assert send(message.pk)
        sending._failed(slow, OSError("too late"))
    message.refresh_from_db()
    assert (message.state, message.error) == ("sent", "")


def test_what_ends_its_worker_time_and_again_is_given_up(message: Mail) -> None:
    for number in range(MOST_ATTEMPTS + 1):
        with clock.held_at(NOON + timedelta(days=1) + CLAIM_HOLDS * 2 * number):
            claim = claim_mail(message.pk)
            assert (claim is not None) is (number < MOST_ATTEMPTS)
    message.refresh_from_db()
    assert message.state == "failed"
    assert "The worker stopped" in message.error


class Unreachable(EmailBackend):
    """A mail server that does not answer."""

    def send_messages(self, messages: Any) -> int:
        raise ConnectionRefusedError("no one there")


class Refusing(EmailBackend):
    """A mail server that knows no such person."""

    def send_messages(self, messages: Any) -> int:
        raise smtplib.SMTPRecipientsRefused({"uma@example.org": (550, b"no such mailbox")})


def test_a_failure_is_tried_again_later_and_later_and_then_given_up(
    message: Mail, settings: Any
) -> None:
    settings.EMAIL_BACKEND = f"{__name__}.Unreachable"
    at = minutes_later(6, NOON)
    for wait in WAITS:
        with clock.held_at(at):
            assert not send(message.pk)
        message.refresh_from_db()
        assert (message.state, message.next_attempt_at) == ("waiting", at + wait)
        assert message.error == "ConnectionRefusedError: no one there"
        with clock.held_at(at + wait - timedelta(seconds=1)):
            assert message.pk not in due_mail()
        at += wait
    with clock.held_at(at):
        assert not send(message.pk)
    message.refresh_from_db()
    assert (message.state, message.attempts) == ("failed", MOST_ATTEMPTS)


def test_what_the_server_refuses_for_good_is_not_tried_again(message: Mail, settings: Any) -> None:
    settings.EMAIL_BACKEND = f"{__name__}.Refusing"
    with clock.held_at(minutes_later(6, NOON)):
        assert not send(message.pk)
    message.refresh_from_db()
    assert (message.state, message.attempts) == ("failed", 1)


def test_a_message_sent_twice_by_a_dying_worker_can_be_told_for_one(message: Mail) -> None:
    first = sending.as_message(message).message()["Message-ID"]
    assert first == sending.as_message(Mail.objects.get(pk=message.pk)).message()["Message-ID"]


# The page


def test_a_person_sees_their_own_messages_as_they_were_sent(
    message: Mail, people: People, sign_in: SignIn
) -> None:
    browser = sign_in(people.ux)
    assert message.subject in browser.get("/mail/").content.decode()
    page = browser.get(f"/mail/{message.pk}/").content.decode()
    assert "Hello Uma," in page
    assert "Waiting" in page
    assert sign_in(people.devops).get(f"/mail/{message.pk}/").status_code == 404
    assert Client().get("/mail/").status_code == 302


def test_a_message_that_failed_says_why(
    message: Mail, people: People, sign_in: SignIn, settings: Any
) -> None:
    settings.EMAIL_BACKEND = f"{__name__}.Unreachable"
    with clock.held_at(minutes_later(6, NOON)):
        send(message.pk)
    page = sign_in(people.ux).get(f"/mail/{message.pk}/").content.decode()
    assert "ConnectionRefusedError: no one there" in page
    assert "Tried once" in page


# Reminders


@pytest.mark.parametrize(
    ("days", "expected"),
    [(5, False), (4, False), (3, True), (2, False), (1, True), (0, True), (-1, True), (-9, True)],
)
def test_the_days_on_which_one_is_reminded(days: int, expected: bool) -> None:
    today = NOON.date()
    assert is_day_to_remind(today + timedelta(days=days), today) is expected


def test_nothing_is_due_without_a_day() -> None:
    assert not is_day_to_remind(None, NOON.date())


def due_record(people: People, title: str, days: int) -> Decision:
    """Return a draft with empty parts that is due so many days after noon's day."""
    record = factories.open_record(people, title, due_on=NOON.date() + timedelta(days=days))
    return fresh(record)


def test_one_reminder_a_day_lists_what_waits_on_the_person(people: People) -> None:
    first, second = due_record(people, "Late", -2), due_record(people, "Soon", 1)
    due_record(people, "Far", 2)
    with clock.held_at(NOON):
        assert remind_one(people.ux)
        assert not remind_one(people.ux)
    notice = Notice.objects.get(user=people.ux)
    assert [one["reference"] for one in notice.data["records"]] == [
        first.reference,
        second.reference,
    ]
    with clock.held_at(NOON + timedelta(days=1)):
        assert remind_one(people.ux)
    assert open_notices(people.ux) == ["reminder"]


def test_a_reminder_keeps_no_title_and_leaves_out_what_may_no_longer_be_read(
    people: People,
) -> None:
    late, soon = due_record(people, "Late", -2), due_record(people, "Soon", 1)
    third = due_record(people, "Third", 0)
    with clock.held_at(NOON):
        remind_one(people.ux)
        notice = Notice.objects.get(user=people.ux)
        assert "title" not in notice.data["records"][0]
        edit_details(late, by=people.owner, title="Renamed since")
        third.participants.filter(user=people.ux).delete()
        (line,) = lines([notice], people.ux)
        assert line.sentence.startswith("2 records wait on you")
        assert [one.split(":")[0] for one in line.due_records] == [
            f"{late.reference} Renamed since",
            f"{soon.reference} Soon",
        ]
        late.participants.filter(user=people.ux).delete()
        (line,) = lines([notice], people.ux)
        assert (line.sentence, line.due_records) == (f"{soon}: due tomorrow.", [])
        soon.participants.filter(user=people.ux).delete()
        (line,) = lines([notice], people.ux)
        assert (line.sentence, line.due_records) == ("A due date comes near or has passed", [])


def test_the_title_that_an_earlier_release_kept_in_a_reminder_is_not_shown(
    people: People,
) -> None:
    record = due_record(people, "What it is called now", 0)
    listed = {"reference": record.reference, "title": "Kept", "due_on": str(NOON.date())}
    data = {"about": "reminder", "records": [listed]}
    notice = Notice(user=people.ux, kind=NoticeKind.REMINDER, data=data)
    with clock.held_at(NOON):
        assert [one.sentence for one in lines([notice], people.ux)] == [f"{record}: due today."]
        (line,) = lines([notice], people.outsider)
    assert line.sentence == "A due date comes near or has passed"


def test_only_who_still_has_something_to_do_is_reminded(people: People) -> None:
    open_decision(by=people.owner, title="Mine alone", due_on=NOON.date())
    record = factories.in_review(people, due_on=NOON.date())
    sign(record, people.ux, "ux")
    with clock.held_at(NOON):
        assert not remind_one(people.ux)
        assert remind_one(people.devops)
        assert not remind_one(people.outsider)


def test_who_stands_in_is_reminded_too(people: People) -> None:
    record = factories.in_review(people, due_on=NOON.date())
    with clock.held_at(NOON - timedelta(days=1)):
        until = NOON + timedelta(days=5)
        one = delegate_for_a_time(by=people.ux, taker=people.outsider, until=until)
        accept_delegation(one, by=people.outsider)
        assert Delegation.objects.in_force().exists()
    with clock.held_at(NOON):
        assert remind_one(people.outsider)
    notice = Notice.objects.get(user=people.outsider, kind="reminder")
    assert notice.data["records"][0]["reference"] == record.reference


@pytest.mark.parametrize(
    ("hour", "reminded"),
    [
        (3, {"devi"}),  # 08:30 in Kolkata
        (7, {"dana", "uma"}),  # 09:00 in Berlin and Stockholm
        (9, {"dana", "olivia", "uma"}),
        (12, {"bruno"}),  # 09:00 in São Paulo
        (20, set()),
    ],
)
def test_reminders_come_in_ones_own_morning(hour: int, reminded: set[str], people: People) -> None:
    due_record(people, "Due", 0)
    with clock.held_at(NOON.replace(hour=hour)):
        remind()
    named = Notice.objects.filter(kind="reminder").values_list("user__username", flat=True)
    assert set(named) == reminded


def test_one_persons_failure_keeps_no_one_elses_reminder_back(
    people: People, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    due_record(people, "Due", 0)

    def fail_for_dana(user: User) -> bool:
        if user == people.data_science:
            raise RuntimeError("broken")
        return remind_one(user)

    monkeypatch.setattr(reminders, "remind_one", fail_for_dana)
    with clock.held_at(NOON.replace(hour=9)):
        assert remind() == 2
    named = Notice.objects.filter(kind="reminder").values_list("user__username", flat=True)
    assert set(named) == {"olivia", "uma"}
    (logged,) = caplog.records
    assert (logged.name, logged.getMessage()) == (
        "decisions.notify.reminders",
        f"Person {people.data_science.pk} could not be reminded",
    )


def test_a_reminder_is_mailed_with_its_list_and_not_once_it_is_done(people: People) -> None:
    due_record(people, "Late", -2)
    due_record(people, "Soon", 1)
    with clock.held_at(NOON):
        remind_one(people.ux)
        remind_one(people.devops)
    Decision.objects.update(due_on=None)
    assert mailed(6) == []
    Decision.objects.update(due_on=NOON.date())
    with clock.held_at(NOON + timedelta(days=1)):
        remind_one(people.ux)
        with clock.held_at(NOON + timedelta(days=1, minutes=6)):
            write_mail()
    message = Mail.objects.get()
    assert message.subject == "2 records wait on you and their day is near or past"
    assert "due since yesterday" in message.body


# How mail leaves


@pytest.mark.parametrize(
    ("environment", "expected"),
    [
        ({}, {"EMAIL_BACKEND": "django.core.mail.backends.console.EmailBackend"}),
        (
            {"EMAIL_URL": "console:"},
            {"EMAIL_BACKEND": "django.core.mail.backends.console.EmailBackend"},
        ),
        (
            {"EMAIL_URL": "smtp+tls://us%40er:p%3Aw@mail.example.org"},
            {
                "EMAIL_HOST": "mail.example.org",
                "EMAIL_PORT": 587,
                "EMAIL_HOST_USER": "us@er",
                "EMAIL_HOST_PASSWORD": "p:w",
                "EMAIL_USE_TLS": True,
                "EMAIL_USE_SSL": False,
            },
        ),
        ({"EMAIL_URL": "smtps://mail.example.org"}, {"EMAIL_PORT": 465, "EMAIL_USE_SSL": True}),
        ({"EMAIL_URL": "smtp://localhost:1025"}, {"EMAIL_PORT": 1025, "EMAIL_USE_TLS": False}),
        ({"EMAIL_URL": "smtp://mx:587?tls=1"}, {"EMAIL_PORT": 587, "EMAIL_USE_TLS": True}),
        ({"EMAIL_URL": "file:///srv/mail"}, {"EMAIL_FILE_PATH": "/srv/mail"}),
        (
            {"EMAIL_HOST": "mx", "EMAIL_USE_TLS": "1", "DEFAULT_FROM_EMAIL": "a@b.c"},
            {"EMAIL_HOST": "mx", "EMAIL_PORT": 587, "DEFAULT_FROM_EMAIL": "a@b.c"},
        ),
    ],
)
def test_how_mail_leaves_is_read_from_the_environment(
    environment: dict[str, str], expected: dict[str, Any]
) -> None:
    made = email_settings(environment)
    assert {name: made[name] for name in expected} == expected


@pytest.mark.parametrize("url", ["mail.example.org", "http://mail.example.org", "smtp://"])
def test_an_address_of_another_kind_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match="EMAIL_URL"):
        email_settings({"EMAIL_URL": url})
