"""What a person has read of their notices, and what they want by mail: their own, no event."""

from __future__ import annotations

from collections.abc import Iterable

from django.db.models import QuerySet

from decisions import clock
from decisions.models import Notice, NoticeKind, User
from decisions.notify.changing import update_in_order


def unread_of(user: User) -> QuerySet[Notice]:
    """Return what waits for a person to be read: not opened yet, and still asking something."""
    return Notice.objects.filter(user=user, read_at__isnull=True, settled_at__isnull=True)


def mark_read(notice: Notice) -> None:
    """Note that a person has opened a notice; the first time counts."""
    Notice.objects.filter(pk=notice.pk, read_at__isnull=True).update(read_at=clock.now())


def mark_all_read(user: User, *, up_to: int) -> int:
    """Mark everything read that a person was shown, up to the newest by key; return how many."""
    return update_in_order(unread_of(user).filter(pk__lte=up_to), read_at=clock.now())


def mail_only(user: User, kinds: Iterable[str]) -> None:
    """Let only these kinds of notice come by mail."""
    wanted = set(kinds)
    user.unmailed = [kind for kind in NoticeKind.values if kind not in wanted]
    user.save(update_fields=["unmailed"])


def stop_mail(user: User, kinds: Iterable[str]) -> None:
    """Keep these kinds of notice in the app from now on."""
    mail_only(user, set(NoticeKind.values) - set(user.unmailed) - set(kinds))


def resume_mail(user: User, kinds: Iterable[str]) -> None:
    """Let these kinds of notice come by mail again."""
    mail_only(user, set(NoticeKind.values) - set(user.unmailed) | set(kinds))
