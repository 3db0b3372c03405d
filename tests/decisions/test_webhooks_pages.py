"""The pages of webhooks: who may see them, what they show, and what they never show again."""

import json
import re
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.sessions.models import Session
from django.test import Client
from django.urls import reverse

from decisions import clock
from decisions.actions.records import open_decision
from decisions.crypto import decrypt
from decisions.models import Attempt, Decision, Delivery, Event, User, Webhook
from decisions.tasks import deliver
from decisions.webhooks import enqueue
from decisions.webhooks.actions import send_test
from tests import factories
from tests.decisions.receiver import Receiver, listening, says, webhook
from tests.factories import People

SignIn = Callable[[User], Client]
URL = "https://hooks.example.org/services/T1/B2/sesame"
SECRET = re.compile(r"whsec_[A-Za-z0-9+/=]+")
SAID = {"name": "Chat", "url": URL, "which": "all"}


@pytest.fixture
def admin(people: People) -> User:
    return factories.person("ada", "Ada Min", is_staff=True)


@pytest.fixture
def browser(admin: User, sign_in: SignIn) -> Client:
    """The administrator's browser."""
    return sign_in(admin)


@pytest.fixture
def hook(admin: User) -> Webhook:
    return webhook(admin, URL)


@pytest.fixture
def receiver(settings: Any) -> Iterator[Receiver]:
    settings.WEBHOOK_ALLOW_PRIVATE = True
    with listening() as one:
        yield one


def html_of(response: Any) -> str:
    return str(response.content.decode())


def url_of(name: str, *args: Any) -> str:
    return reverse(f"webhooks:{name}", args=args)


def tell(record: Decision) -> Event:
    event = record.events.select_related("decision").order_by("sequence").last()
    assert event
    enqueue(event)
    return event


def every_page(hook: Webhook, delivery: Delivery) -> list[tuple[str, str]]:
    """Return every address with the method that it takes."""
    both = ("edit", "renew", "delete")
    return [
        ("get", url_of("list")),
        ("get", url_of("new")),
        ("post", url_of("new")),
        ("get", url_of("webhook", hook.pk)),
        *((method, url_of(name, hook.pk)) for name in both for method in ("get", "post")),
        ("post", url_of("switch", hook.pk)),
        ("post", url_of("test", hook.pk)),
        ("get", url_of("delivery", delivery.pk)),
        ("post", url_of("again", delivery.pk)),
    ]


# Who may


@pytest.mark.parametrize("who", ["owner", "business", "data_science", "devops", "ux", "outsider"])
def test_only_administrators_see_anything(
    who: str, hook: Webhook, people: People, admin: User, sign_in: SignIn
) -> None:
    delivery = send_test(hook, by=admin)
    browser = sign_in(people.everyone[who])
    before = factories.all_rows()
    for method, address in every_page(hook, delivery):
        response = getattr(browser, method)(address)
        assert response.status_code == 403, address
        assert "Only administrators can set up webhooks." in html_of(response)
        assert "hooks.example.org" not in html_of(response)
    assert factories.all_rows() == before


def test_who_is_not_signed_in_is_asked_to(client: Client, hook: Webhook, admin: User) -> None:
    delivery = send_test(hook, by=admin)
    for method, address in every_page(hook, delivery):
        response = getattr(client, method)(address)
        assert response.status_code == 302
        assert response["Location"].startswith(reverse("login"))


def test_the_menu_leads_there_for_administrators_only(
    browser: Client, people: People, sign_in: SignIn
) -> None:
    link = f'href="{url_of("list")}"'
    assert link in html_of(browser.get(reverse("desk")))
    assert link not in html_of(sign_in(people.owner).get(reverse("desk")))


def test_an_administrator_of_the_sample_does_no_harm_in_the_admin(
    browser: Client, admin: User
) -> None:
    assert "permission to view or edit anything" in html_of(browser.get(reverse("admin:index")))
    user = reverse("admin:decisions_user_change", args=[admin.pk])
    assert browser.get(user).status_code == 403
    assert browser.post(user, {"is_superuser": "on"}).status_code == 403
    assert browser.get(reverse("admin:decisions_user_changelist")).status_code == 403
    assert browser.get(reverse("admin:decisions_user_add")).status_code == 403


def test_an_administrator_reads_no_more_records_than_before(
    browser: Client, people: People
) -> None:
    record = factories.open_record(people)
    assert browser.get(record.get_absolute_url()).status_code == 404


# Setting up


def test_a_webhook_is_set_up_and_its_secret_shown_once(browser: Client, admin: User) -> None:
    said = SAID | {"which": "some", "signatures": ["sign"], "way": ["approve"]}
    response = browser.post(url_of("new"), said)
    row = Webhook.objects.get()
    assert response["Location"] == row.get_absolute_url()
    assert (row.name, row.url, row.created_by, row.is_active) == ("Chat", URL, admin, True)
    assert sorted(row.kinds) == ["approve", "sign"]
    page = browser.get(row.get_absolute_url())
    assert SECRET.findall(html_of(page)) == [row.secret]
    assert "no-store" in page["Cache-Control"]
    for address in (row.get_absolute_url(), url_of("edit", row.pk), url_of("list")):
        assert not SECRET.search(html_of(browser.get(address)))


def test_the_secret_on_its_way_to_the_page_is_encrypted_in_the_session(browser: Client) -> None:
    browser.post(url_of("new"), SAID)
    row = Webhook.objects.get()
    held = Session.objects.get().get_decoded()["fresh_webhook_secret"]
    assert row.secret not in str(held)
    assert decrypt(held[1]) == row.secret
    browser.get(row.get_absolute_url())
    assert "fresh_webhook_secret" not in Session.objects.get().get_decoded()


def test_a_secret_is_not_shown_on_another_webhook_s_page(browser: Client, hook: Webhook) -> None:
    browser.post(url_of("new"), SAID)
    assert not SECRET.search(html_of(browser.get(hook.get_absolute_url())))


def test_a_new_secret_is_asked_for_made_and_shown_once(browser: Client, hook: Webhook) -> None:
    before = hook.secret
    assert not SECRET.search(html_of(browser.get(url_of("renew", hook.pk))))
    assert Webhook.objects.get().secret == before
    shown = SECRET.findall(html_of(browser.post(url_of("renew", hook.pk), follow=True)))
    assert shown == [Webhook.objects.get().secret] != [before]
    again = html_of(browser.get(hook.get_absolute_url()))
    assert not SECRET.search(again)
    assert "Two secrets sign until" in again


def test_an_edit_keeps_the_secret_and_shows_what_is_set(browser: Client, hook: Webhook) -> None:
    secret = hook.secret
    Webhook.objects.update(kinds=["sign", "review"], carries_restricted=True)
    html = html_of(browser.get(url_of("edit", hook.pk)))
    assert URL in html
    assert html.count("checked") == 4
    said = SAID | {"name": "Log", "url": "https://other.example.org/"}
    assert browser.post(url_of("edit", hook.pk), said).status_code == 302
    row = Webhook.objects.get()
    assert (row.name, row.url, row.kinds) == ("Log", "https://other.example.org/", [])
    assert row.carries_restricted is False
    assert row.secret == secret


@pytest.mark.parametrize(
    ("said", "sentence"),
    [
        ({"name": ""}, "Fill this in."),
        ({"url": ""}, "Fill this in."),
        ({"url": "ftp://example.org"}, "has to start with https://"),
        ({"url": "https://me:sesame@example.org/"}, "No name or password"),
        ({"url": "http://10.0.0.1/"}, "private network"),
        ({"which": "some"}, "Tick at least one kind"),
        ({"which": "some", "way": ["no-such"]}, "not one of the available choices"),
        ({"name": "x" * 101}, "at most 100"),
    ],
)
def test_what_makes_no_sense_is_said_beside_the_field(
    said: dict[str, Any], sentence: str, browser: Client, settings: Any
) -> None:
    settings.WEBHOOK_ALLOW_PRIVATE = False
    response = browser.post(url_of("new"), SAID | said)
    assert response.status_code == 422
    assert sentence in html_of(response)
    assert "There is a problem" in html_of(response)
    assert not Webhook.objects.exists()


def test_the_list_and_the_log_name_the_host_but_not_the_key_in_the_address(
    browser: Client, hook: Webhook, admin: User
) -> None:
    delivery = send_test(hook, by=admin)
    for address in (url_of("list"), hook.get_absolute_url(), delivery.get_absolute_url()):
        html = html_of(browser.get(address))
        assert "https://hooks.example.org" in html
        assert "sesame" not in html


def test_it_is_switched_off_and_on_again(browser: Client, hook: Webhook) -> None:
    browser.post(url_of("switch", hook.pk), {"on": "0"})
    assert Webhook.objects.get().is_active is False
    assert "Switch it on" in html_of(browser.get(hook.get_absolute_url()))
    browser.post(url_of("switch", hook.pk), {"on": "1"})
    assert Webhook.objects.get().is_active is True


def test_why_it_was_switched_off_stands_on_its_page_and_in_the_list(
    browser: Client, hook: Webhook
) -> None:
    Webhook.objects.update(is_active=False, off_because="The receiver answered 410 Gone.")
    for address in (url_of("list"), hook.get_absolute_url()):
        assert "410 Gone" in html_of(browser.get(address))


def test_deleting_asks_first_and_takes_the_log_along(
    browser: Client, hook: Webhook, admin: User
) -> None:
    send_test(hook, by=admin)
    assert "log of 1 delivery" in html_of(browser.get(url_of("delete", hook.pk)))
    assert Webhook.objects.exists()
    response = browser.post(url_of("delete", hook.pk))
    assert response["Location"] == url_of("list")
    assert not Webhook.objects.exists()
    assert not Delivery.objects.exists()


def test_where_there_is_none_the_list_says_so(browser: Client) -> None:
    assert "No other system is told anything yet." in html_of(browser.get(url_of("list")))


def test_what_is_not_there_is_not_found(browser: Client, hook: Webhook) -> None:
    for name in ("webhook", "edit", "renew", "delete", "delivery"):
        assert browser.get(url_of(name, 999)).status_code == 404
    for name in ("switch", "test", "again"):
        assert browser.post(url_of(name, 999)).status_code == 404
        assert browser.get(url_of(name, hook.pk)).status_code == 405


# Trying it, and the log


@pytest.mark.django_db(transaction=True)
def test_the_test_button_sends_for_real_and_shows_what_came_back(
    browser: Client, admin: User, receiver: Receiver, eager: None
) -> None:
    hook = webhook(admin, receiver.url)
    receiver.answers = [says(200, b"<b>fine</b>")]
    page = html_of(browser.post(url_of("test", hook.pk), follow=True))
    assert len(receiver.received) == 1
    assert "&lt;b&gt;fine&lt;/b&gt;" in page
    assert "Sent" in page
    assert "hx-trigger" not in page
    assert hook.secret not in page


def test_a_test_that_waits_is_looked_at_again_until_it_is_through(
    browser: Client, admin: User, receiver: Receiver
) -> None:
    hook = webhook(admin, receiver.url)
    address = browser.post(url_of("test", hook.pk))["Location"]
    assert 'hx-trigger="every 2s"' in html_of(browser.get(address))
    receiver.answers = [says(500, b"out of order")]
    deliver(hook.pk)
    fragment = html_of(browser.get(address, headers={"HX-Request": "true"}))
    assert "<html" not in fragment
    assert "hx-trigger" not in fragment
    assert "out of order" in fragment
    assert "Given up" in fragment


def test_a_delivery_shows_its_body_and_every_attempt(
    browser: Client, admin: User, receiver: Receiver, people: People
) -> None:
    hook = webhook(admin, receiver.url)
    tell(open_decision(by=people.owner, title="Where to?", visibility="everyone"))
    receiver.answers = [says(503, b"later"), says(200, b"thanks")]
    deliver(hook.pk)
    with clock.held_at(clock.now() + timedelta(minutes=1)):
        deliver(hook.pk)
    delivery = Delivery.objects.get()
    html = html_of(browser.get(delivery.get_absolute_url()))
    for shown in ("503", "later", "200", "thanks", "Where to?", str(delivery.uid)):
        assert shown in html
    assert html.index("thanks") < html.index("later"), "the newest comes first"


def test_send_again_sends_again(
    browser: Client, admin: User, receiver: Receiver, people: People
) -> None:
    hook = webhook(admin, receiver.url)
    tell(open_decision(by=people.owner, title="Where to?"))
    deliver(hook.pk)
    delivery = Delivery.objects.get()
    browser.post(url_of("again", delivery.pk))
    deliver(hook.pk)
    assert len(receiver.received) == 2
    assert delivery.tries.count() == 2


def test_send_again_is_refused_in_words_while_the_webhook_is_off(
    browser: Client, hook: Webhook, people: People
) -> None:
    tell(open_decision(by=people.owner, title="Where to?"))
    browser.post(url_of("switch", hook.pk), {"on": "0"})
    delivery = Delivery.objects.get()
    assert "Switch it on first" in html_of(browser.get(delivery.get_absolute_url()))
    response = browser.post(url_of("again", delivery.pk))
    assert response.status_code == 409
    assert "Switch it on first" in html_of(response)


def fill_log(hook: Webhook, record: Decision, count: int, state: str = "sent") -> None:
    """Write so many deliveries of a record's newest event, each with two attempts."""
    event = record.events.latest("sequence")
    for _ in range(count):
        one = Delivery.objects.create(webhook=hook, body="{}", state=state, attempts=2)
        Attempt.objects.create(delivery=one, seconds=0.1, error="No connection", status=None)
        Attempt.objects.create(delivery=one, seconds=0.1, status=200)
    Delivery.objects.create(webhook=hook, event=event, body=json.dumps({}), state=state)


def test_the_log_is_paged_newest_first_with_a_constant_number_of_queries(
    browser: Client, hook: Webhook, draft: Decision, django_assert_num_queries: Any
) -> None:
    fill_log(hook, draft, 3)
    counts = []
    for more in (0, 300):
        Delivery.objects.filter(event__isnull=False).delete()
        fill_log(hook, draft, more)
        with django_assert_num_queries(9, exact=False) as seen:
            html = html_of(browser.get(hook.get_absolute_url()))
        counts.append(len(seen))
    assert counts[0] == counts[1]
    assert html.count("delivery-title") == 25
    assert "1 – 25 of 304" in html
    assert html.index(draft.reference) < html.index("Test")
    last = html_of(browser.get(hook.get_absolute_url(), {"page": "13"}))
    assert last.count("delivery-title") == 4


def test_the_log_can_be_narrowed_to_what_was_given_up(
    browser: Client, hook: Webhook, draft: Decision
) -> None:
    fill_log(hook, draft, 30)
    Delivery.objects.create(webhook=hook, body="{}", state="failed", error="No connection")
    html = html_of(browser.get(hook.get_absolute_url(), {"show": "failed"}))
    assert html.count("delivery-title") == 1
    assert '<span class="count">32</span>' in html
    assert '<span class="count">1</span>' in html
    Delivery.objects.filter(state="failed").delete()
    empty = html_of(browser.get(hook.get_absolute_url(), {"show": "failed"}))
    assert "Nothing had to be given up." in empty


def test_the_list_asks_the_same_for_many_webhooks(
    browser: Client, admin: User, hook: Webhook, django_assert_num_queries: Any
) -> None:
    with django_assert_num_queries(4, exact=False) as few:
        browser.get(url_of("list"))
    for _ in range(20):
        send_test(webhook(admin, URL), by=admin)
    with django_assert_num_queries(len(few)):
        browser.get(url_of("list"))
