"""Reminders: at most one a person and day, of what waits on them and is due."""

from __future__ import annotations

import logging
from datetime import date, timedelta

from django.db import transaction
from django.db.models import QuerySet
from django.urls import reverse
from django.utils import timezone

from decisions import clock
from decisions.desk import cases_of, tasks_in
from decisions.models import Decision, Delegation, Notice, NoticeKind, Participant, User
from decisions.notify.matters import REMINDER, about
from decisions.notify.telling import keep, mark_settled
from decisions.record_parts import with_parts
from decisions.zones import zone_of

logger = logging.getLogger(__name__)

DAYS_BEFORE = (3, 1, 0)
# The reminder comes with the person's morning: from this hour on their clock, and before that one.
MORNING = range(8, 12)
# No calendar is further ahead of UTC, nor further behind.
WIDEST_ZONE = timedelta(hours=14)


def remind() -> int:
    """Remind everyone in whose zone it is morning of what is due; return how many."""
    return sum(_reminded_or_logged(user) for user in _concerned())


def _reminded_or_logged(user: User) -> bool:
    """Remind one person in their morning; a failure is logged and keeps no one else's back."""
    try:
        return _is_morning(user) and remind_one(user)
    except Exception:
        logger.exception("Person %s could not be reminded", user.pk)
        return False


def remind_one(user: User) -> bool:
    """Remind a person, unless nothing due waits on them or they were reminded today."""
    with timezone.override(zone_of(user.time_zone)):
        key = f"reminder:{clock.today().isoformat()}"
        if Notice.objects.filter(user=user, key=key).exists():
            return False
        due = [one for one in _waiting(user) if is_day_to_remind(one.due_on, clock.today())]
        if not due:
            return False
        with transaction.atomic():
            mark_settled(Notice.objects.filter(user=user, data__about=REMINDER))
            keep(_reminder(user, key, due))
        return True


def is_day_to_remind(due_on: date | None, today: date) -> bool:
    """Return whether one is reminded today of what is due that day: shortly before, and after."""
    if due_on is None:
        return False
    left = (due_on - today).days
    return left < 0 or left in DAYS_BEFORE


def reminder_holds(notice: Notice) -> bool:
    """Return whether any of the records that a reminder lists still waits on the person."""
    listed = {one["reference"] for one in notice.data.get("records", [])}
    waiting = {one.reference for one in _waiting(notice.user)}
    return about(notice) == REMINDER and not listed.isdisjoint(waiting)


def _reminder(user: User, key: str, due: list[Decision]) -> Notice:
    """Return one notice that lists the records, the one that is due first on top.

    It names them by reference only: titles are read when it is shown, if its reader still may.
    """
    due = sorted(due, key=lambda one: (one.due_on or date.max, one.number))
    listed = [{"reference": one.reference, "due_on": str(one.due_on)} for one in due]
    return Notice(
        user=user,
        kind=NoticeKind.REMINDER,
        key=key,
        data={"about": REMINDER, "records": listed},
        url=due[0].get_absolute_url() if len(due) == 1 else reverse("desk"),
        created_at=clock.now(),
        told_at=clock.now(),
    )


def _waiting(user: User) -> list[Decision]:
    """Return the open records with a near or past day on which something waits on the person."""
    near = clock.today() + timedelta(days=max(DAYS_BEFORE))
    due = Decision.objects.involving(user).open().filter(due_on__lte=near)
    return [one.record for one in cases_of(with_parts(due), user) if any(tasks_in(one))]


def _concerned() -> QuerySet[User]:
    """Return everyone who has to do with an open record whose day is near or past, anywhere."""
    latest = (clock.now() + WIDEST_ZONE).date() + timedelta(days=max(DAYS_BEFORE))
    due = Decision.objects.open().filter(due_on__lte=latest)
    on_it = Participant.objects.filter(decision__in=due)
    stand_ins = Delegation.objects.in_force().filter(giver__in=on_it.values("user"))
    owners = User.objects.filter(pk__in=due.values("owner"))
    others = User.objects.filter(pk__in=on_it.values("user"))
    takers = User.objects.filter(pk__in=stand_ins.values("taker"))
    return (owners | others | takers).filter(is_active=True).order_by("pk")


def _is_morning(user: User) -> bool:
    return timezone.localtime(clock.now(), zone_of(user.time_zone)).hour in MORNING
