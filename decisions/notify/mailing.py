"""Bringing a person's notices together into one message.

Waits until nothing new has come for a while, so that a busy quarter of an hour is one message; not
longer than half an hour after the first, and not at all where somebody was called by name.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator
from datetime import timedelta

from django.conf import settings
from django.db import transaction
from django.db.models import Q, QuerySet
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import timezone, translation
from django.utils.text import Truncator
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from decisions import clock
from decisions.models import Mail, Notice, NoticeKind, User
from decisions.notify.changing import hold_in_order, update_in_order
from decisions.notify.matters import REMINDER, about, holds_without_record
from decisions.notify.reminders import reminder_holds
from decisions.notify.telling import mark_settled, settle_records
from decisions.notify.unsubscribing import unsubscribe_url
from decisions.notify.waking import wake_sender
from decisions.notify.words import Line, lines
from decisions.zones import zone_of

logger = logging.getLogger(__name__)

LONGEST_SUBJECT = 150  # characters


def quiet() -> timedelta:
    """Return how long nothing new must have come before a message is written."""
    return timedelta(seconds=settings.MAIL_QUIET_SECONDS)


def patience() -> timedelta:
    """Return how long a notice waits at most for others to come."""
    return timedelta(seconds=settings.MAIL_LONGEST_WAIT_SECONDS)


def unmailed(user: User | None = None) -> QuerySet[Notice]:
    """Return the notices of which it is still to be seen whether they need a mail."""
    waiting = Notice.objects.filter(is_dealt_with=False)
    return waiting.filter(user=user) if user else waiting


def is_due(notices: Iterable[Notice]) -> bool:
    """Return whether a person's waiting notices go out now."""
    notices, now = list(notices), clock.now()
    if not notices:
        return False
    if any(one.is_urgent for one in notices):
        return True
    told = [one.told_at for one in notices]
    return now - max(told) >= quiet() or now - min(told) >= patience()


def write_mail() -> list[int]:
    """Write the messages that are due, one a person; return their keys."""
    waiting = User.objects.filter(pk__in=unmailed().values("user")).order_by("pk")
    written = [_written_or_logged(user_id) for user_id in waiting.values_list("pk", flat=True)]
    return [pk for pk in written if pk]


def _written_or_logged(user_id: int) -> int | None:
    """Write one person's message; a failure is logged and keeps no one else's back."""
    try:
        return write_mail_to(user_id)
    except Exception:
        logger.exception("The message to person %s could not be written", user_id)
        return None


@transaction.atomic
def write_mail_to(user_id: int) -> int | None:
    """Write a person's message, if one is due and there is something in it; return its key.

    Holds the person's row, so that two workers do not write it twice, and at once all notices
    that it may change: what follows takes them in no order.
    """
    user = User.objects.select_for_update(no_key=True).get(pk=user_id)
    hold_in_order(_changeable(user))
    update_in_order(_needless(user), is_dealt_with=True)
    if not is_due(unmailed(user)):
        return None
    _settle_what_time_settled(user)
    waiting = unmailed(user).select_related("decision", "event").order_by("created_at", "pk")
    if not (notices := list(waiting)):
        return None
    mail = compose(user, notices)
    mailed = Notice.objects.filter(pk__in=[one.pk for one in notices])
    update_in_order(mailed, mail=mail, is_dealt_with=True)
    transaction.on_commit(lambda: wake_sender(mail.pk), robust=True)
    return mail.pk


def _changeable(user: User) -> QuerySet[Notice]:
    """Return the notices that writing a message may change."""
    return Notice.objects.filter(Q(is_dealt_with=False) | Q(settled_at__isnull=True), user=user)


def _needless(user: User) -> QuerySet[Notice]:
    """Return the notices that need no mail: read or settled, or of a kind kept in the app."""
    mine = unmailed(user)
    if not user.is_active or not user.email:
        return mine
    read = mine.filter(read_at__isnull=False) | mine.filter(settled_at__isnull=False)
    return read | mine.filter(kind__in=user.unmailed)


def _settle_what_time_settled(user: User) -> None:
    """Look once more at what is about to be mailed: a right may have ended without an event."""
    notices = list(unmailed(user).select_related("user"))
    settle_records(user, (one.decision_id for one in notices if one.decision_id))
    over = [one.pk for one in notices if one.decision_id is None and not _holds(one)]
    mark_settled(Notice.objects.filter(pk__in=over))


def _holds(notice: Notice) -> bool:
    """Return whether a notice without a record is still so."""
    return reminder_holds(notice) if about(notice) == REMINDER else holds_without_record(notice)


def compose(user: User, notices: list[Notice]) -> Mail:
    """Write a message of a person's notices, in their language and on their clock."""
    zone = zone_of(user.time_zone)
    with translation.override(settings.LANGUAGE_CODE), timezone.override(zone):
        told = lines(notices, user)
        context = {
            "person": user,
            "parts": list(_by_record(told)),
            "site": settings.PUBLIC_URL,
            "kinds": list(_ways_out(user, notices)),
            "all_off": unsubscribe_url(user),
            "settings_url": absolute(reverse("settings")),
        }
        return Mail.objects.create(
            user=user,
            to=user.email,
            subject=subject(told),
            body=render_to_string("mail/notices.txt", context).strip() + "\n",
            html=render_to_string("mail/notices.html", context).strip() + "\n",
            created_at=clock.now(),
            next_attempt_at=clock.now(),
        )


def subject(told: list[Line]) -> str:
    """Return a plain subject: the sentence of one notice; of several, how many and about what."""
    if len(told) == 1:
        sentence = told[0].sentence.removesuffix(".")
        record = told[0].record
        return _one_line(f"{record.reference}: {sentence}" if record else sentence)
    about = list(dict.fromkeys(one.record.reference for one in told if one.record))
    values = {"count": len(told), "records": ", ".join(about)}
    if not about:
        return _("%(count)s notices from Countersign") % values
    return _one_line(
        ngettext("%(records)s: %(count)s notice", "%(records)s: %(count)s notices", len(told))
        % values
    )


def _one_line(text: str) -> str:
    """Return text as one short line: what people wrote never adds a header."""
    return Truncator(" ".join(text.split())).chars(LONGEST_SUBJECT)


def _by_record(told: list[Line]) -> Iterator[tuple[str, list[tuple[Line, str]]]]:
    """Yield each record's name ("" for none) with its notices and their addresses."""
    groups: dict[str, list[tuple[Line, str]]] = {}
    for one in told:
        name = str(one.record) if one.record else ""
        groups.setdefault(name, []).append((one, absolute(one.url)))
    yield from groups.items()


def _ways_out(user: User, notices: list[Notice]) -> Iterator[tuple[str, str]]:
    """Yield each kind that is in a message, with the link that stops its mail."""
    for kind in dict.fromkeys(one.kind for one in notices):
        yield str(NoticeKind(kind).label), unsubscribe_url(user, kind)


def absolute(path: str) -> str:
    """Return an address on this site as it is written in a mail."""
    return f"{settings.PUBLIC_URL}{path}"
