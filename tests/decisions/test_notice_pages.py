"""The bell, the list of notices, and opening one."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client

from decisions import clock
from decisions.models import Decision, Notice, User
from decisions.notify.telling import tell
from tests.factories import People

SignIn = Callable[[User], Client]


def notices_for(user: User, record: Decision, count: int) -> list[Notice]:
    """Return so many notices of a person, each a minute after the one before."""
    start = clock.now() - timedelta(minutes=count)
    return Notice.objects.bulk_create(
        Notice(
            user=user,
            decision=record,
            kind="discussion",
            key=f"many:{number}",
            data={"about": "reply", "actor": f"Person {number}", "count": 1, "places": []},
            url=record.get_absolute_url(),
            created_at=start + timedelta(minutes=number),
        )
        for number in range(count)
    )


def test_the_bell_counts_what_is_unread(
    people: People, in_review: Decision, sign_in: SignIn
) -> None:
    tell(in_review.pk)
    assert "1 unread notice<" in sign_in(people.ux).get("/").content.decode()
    assert "bell-count" not in sign_in(people.outsider).get("/").content.decode()


def test_many_unread_ones_are_not_counted_out(
    people: People, in_review: Decision, sign_in: SignIn
) -> None:
    notices_for(people.ux, in_review, 120)
    assert "99+" in sign_in(people.ux).get("/").content.decode()


def test_the_list_says_what_happened_newest_first(
    people: People, in_review: Decision, sign_in: SignIn
) -> None:
    notices_for(people.ux, in_review, 3)
    body = sign_in(people.ux).get("/notices/").content.decode()
    places = [body.index(f"Person {number} answered") for number in (2, 1, 0)]
    assert places == sorted(places)
    assert body.count("is-unread") == 3
    assert in_review.title in body


def test_opening_a_notice_marks_it_read_and_goes_where_it_leads(
    people: People, in_review: Decision, sign_in: SignIn
) -> None:
    tell(in_review.pk)
    one = Notice.objects.get(user=people.ux)
    browser = sign_in(people.ux)
    answer = browser.get(f"/notices/{one.pk}/")
    assert (answer.status_code, answer["Location"]) == (302, one.url)
    one.refresh_from_db()
    first = one.read_at
    assert first is not None
    browser.get(f"/notices/{one.pk}/")
    one.refresh_from_db()
    assert one.read_at == first


@pytest.mark.parametrize("way", ["head", "prefetch"])
def test_looking_ahead_reads_nothing(
    way: str, people: People, in_review: Decision, sign_in: SignIn
) -> None:
    one = notices_for(people.ux, in_review, 1)[0]
    browser = sign_in(people.ux)
    if way == "head":
        browser.head(f"/notices/{one.pk}/")
    else:
        browser.get(f"/notices/{one.pk}/", headers={"Sec-Purpose": "prefetch"})
    one.refresh_from_db()
    assert one.read_at is None


def test_someone_elses_notice_is_not_there(
    people: People, in_review: Decision, sign_in: SignIn
) -> None:
    one = notices_for(people.ux, in_review, 1)[0]
    assert sign_in(people.devops).get(f"/notices/{one.pk}/").status_code == 404
    assert Client().get(f"/notices/{one.pk}/")["Location"].startswith("/sign-in/")
    one.refresh_from_db()
    assert one.read_at is None


def test_all_that_was_shown_is_marked_read_and_what_came_since_is_not(
    people: People, in_review: Decision, sign_in: SignIn
) -> None:
    shown = notices_for(people.ux, in_review, 3)
    others = notices_for(people.devops, in_review, 1)
    later = Notice.objects.create(
        user=people.ux, decision=in_review, kind="sign", key="later", data={"about": "sign"}
    )
    answer = sign_in(people.ux).post("/notices/read/", {"newest": shown[-1].pk}, follow=True)
    assert "3 notices are marked read." in answer.content.decode()
    unread = Notice.objects.filter(read_at=None)
    assert set(unread) == {later, *others}


@pytest.mark.parametrize("newest", ["", "-1", "x", "9" * 40, "²"])
def test_nonsense_marks_nothing(
    newest: str, people: People, in_review: Decision, sign_in: SignIn
) -> None:
    notices_for(people.ux, in_review, 1)
    answer = sign_in(people.ux).post("/notices/read/", {"newest": newest})
    assert answer.status_code == 302
    assert not Notice.objects.exclude(read_at=None).exists()


def test_what_is_settled_says_so_and_is_not_unread(
    people: People, in_review: Decision, sign_in: SignIn
) -> None:
    notices_for(people.ux, in_review, 1)
    Notice.objects.update(settled_at=clock.now())
    body = sign_in(people.ux).get("/notices/").content.decode()
    assert "Settled" in body
    assert "is-unread" not in body


def test_an_empty_list_says_what_belongs_there(people: People, sign_in: SignIn) -> None:
    assert "Nothing yet." in sign_in(people.outsider).get("/notices/").content.decode()


def test_300_notices_cost_no_more_queries_than_3(
    people: People,
    in_review: Decision,
    sign_in: SignIn,
    django_assert_max_num_queries: Any,
) -> None:
    notices_for(people.ux, in_review, 3)
    browser = sign_in(people.ux)
    browser.get("/notices/")
    with django_assert_max_num_queries(12) as few:
        browser.get("/notices/")
    Notice.objects.all().delete()
    notices_for(people.ux, in_review, 300)
    with django_assert_max_num_queries(len(few.captured_queries)):
        body = browser.get("/notices/").content.decode()
    assert body.count('class="told-one') == 30
    assert "1 – 30 of 300" in body
