"""A record that is talked about a hundred times more asks the database no more often."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from decisions import clock
from decisions.content import content
from decisions.models import (
    Comment,
    Decision,
    Event,
    Notice,
    NoticeKind,
    PendingComment,
    Review,
    SignOff,
    Thread,
    User,
    Version,
)
from tests.factories import People, fresh

FEW, MANY = 3, 300


def talk(record: Decision, people: People, so_many: int) -> None:
    """Add so many threads, comments, reviews, events, versions, signatures and notices."""
    section = record.sections.get(kind="problem")
    threads = Thread.objects.bulk_create(
        Thread(decision=record, section=section, quote="known", must_fix=number % 7 == 0)
        for number in range(so_many)
    )
    reviews = Review.objects.bulk_create(
        Review(
            decision=record,
            reviewer=people.ux,
            verdict="comment",
            body="So.",
            round=1,
            digest=record.digest,
        )
        for _number in range(so_many)
    )
    Comment.objects.bulk_create(
        Comment(thread=thread, author=people.ux, body="Why, @dana?", review=review)
        for thread, review in zip(threads, reviews, strict=True)
    )
    PendingComment.objects.bulk_create(
        PendingComment(decision=record, author=people.business, thread=thread, body="Hm.")
        for thread in threads
    )
    last = record.events.last()
    assert last is not None
    events = Event.objects.bulk_create(
        Event(
            decision=record,
            sequence=last.sequence + number,
            kind="comment",
            at=clock.now(),
            actor=people.ux,
            actor_name="Uma Lindqvist",
            previous_hash="0" * 64,
            hash="0" * 64,
        )
        for number in range(1, so_many + 1)
    )
    told = content(fresh(record))
    newest = record.versions.last()
    assert newest is not None
    Version.objects.bulk_create(
        Version(
            decision=record,
            number=newest.number + number,
            digest=f"{newest.number + number:064}",
            content=told,
            at=clock.now(),
            by=people.ux,
        )
        for number in range(1, so_many + 1)
    )
    SignOff.objects.bulk_create(
        SignOff(
            decision=record,
            user=people.ux,
            role="ux",
            printed_name="Uma",
            meaning="approve",
            digest=f"{number:064}",
            version=1,
            round=1,
            time_zone="UTC",
            signed_at=clock.now() - timedelta(days=1),
        )
        for number in range(so_many)
    )
    Notice.objects.bulk_create(
        Notice(
            user=people.business,
            decision=record,
            event=event,
            kind=NoticeKind.DISCUSSION,
            key=f"n{event.pk}",
            data={},
            url="/",
        )
        for event in events
    )


PAGES = ("", "review/", "history/", "people/", "sign/", "threads/new/")


@pytest.mark.parametrize("page", ["/", *PAGES])
def test_pages_ask_no_more_often_of_three_hundred_than_of_three(
    page: str,
    in_review: Decision,
    people: People,
    sign_in: Callable[[User], Client],
) -> None:
    browser = sign_in(people.business)
    url = page if page == "/" else f"{in_review.get_absolute_url()}{page}"
    browser.get(url)  # looks are made, and the session knows since when there is news
    talk(in_review, people, FEW)
    few = queries(browser, url)
    talk(fresh(in_review), people, MANY - FEW)
    many = queries(browser, url)
    assert len(many) == len(few), "\n".join(many)


def queries(browser: Client, url: str) -> list[str]:
    with CaptureQueriesContext(connection) as caught:
        assert browser.get(url).status_code == 200
    return [one["sql"][:200] for one in caught.captured_queries]
