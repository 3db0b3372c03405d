"""Telling administrators of the seal: before its certificate ends, and when nothing is sealed."""

from __future__ import annotations

from django.db import transaction
from django.db.models import Q, QuerySet

from decisions import clock
from decisions.models import Notice, NoticeKind, User
from decisions.notify.telling import keep, mark_settled
from decisions.sealing import AWAITED_FOR, Matter, SealTrouble, seal_awaited, seal_trouble


@transaction.atomic
def tell_of_seal() -> None:
    """Tell every administrator once of what is wrong with the seal; settle what no longer is."""
    awaited = None if _was_just_repaired() else seal_awaited()
    troubles = [one for one in (seal_trouble(), awaited) if one]
    told = Notice.objects.filter(data__about__in=list(Matter), settled_at__isnull=True)
    for trouble in troubles:
        told = told.exclude(key__startswith=f"{_key(trouble)}:")
    mark_settled(told)
    for trouble in troubles:
        for user in _administrators():
            keep(_notice(user, trouble, _key(trouble)), again=True)


def _was_just_repaired() -> bool:
    """Return whether the seal itself was in trouble up to now or shortly before.

    What waited because of that is given as long to be sealed as what begins to wait.
    """
    about = [Matter.UNREADABLE, Matter.ENDED]
    recently = Q(settled_at=None) | Q(settled_at__gt=clock.now() - AWAITED_FOR)
    return Notice.objects.filter(recently, data__about__in=about).exists()


def _key(trouble: SealTrouble) -> str:
    return f"{trouble.matter}:{trouble.day or ''}"


def _notice(user: User, trouble: SealTrouble, key: str) -> Notice:
    day = trouble.day.isoformat() if trouble.day else ""
    return Notice(
        user=user,
        kind=NoticeKind.REMINDER,
        key=key,
        data={"about": trouble.matter, "day": day, "why": trouble.why},
        created_at=clock.now(),
        told_at=clock.now(),
    )


def _administrators() -> QuerySet[User]:
    """Return who looks after the installation: the pages about it are shown to them alone."""
    return User.objects.filter(Q(is_staff=True) | Q(is_superuser=True), is_active=True)
