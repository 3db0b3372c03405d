"""Telling people in tests, and reading what they were told."""

from datetime import datetime, timedelta

from decisions import clock
from decisions.models import Decision, Notice, User
from decisions.notify.matters import about
from decisions.notify.telling import tell


def told(record: Decision) -> dict[str, list[str]]:
    """Tell of everything that happened; return username → what they are now told anew."""
    before = set(Notice.objects.values_list("pk", flat=True))
    tell(record.pk)
    fresh: dict[str, list[str]] = {}
    for one in Notice.objects.exclude(pk__in=before).select_related("user").order_by("pk"):
        fresh.setdefault(one.user.username, []).append(about(one))
    return fresh


def open_notices(user: User) -> list[str]:
    """Return what still asks something of a person."""
    mine = Notice.objects.filter(user=user, settled_at__isnull=True).order_by("pk")
    return [about(one) for one in mine]


def minutes_later(minutes: float, since: datetime | None = None) -> datetime:
    """Return a moment so long after another, or after now."""
    return (since or clock.now()) + timedelta(minutes=minutes)
