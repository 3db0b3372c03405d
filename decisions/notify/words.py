"""Notices in words, in the reader's language: their data is stored, their sentences never."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from typing import Any

from django.urls import reverse
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from decisions import clock
from decisions.models import Decision, Notice, NoticeKind, Role, User
from decisions.notify.matters import MATTERS, REMINDER, about
from decisions.section_kinds import SECTION_KINDS

ICONS: dict[str, str] = {
    NoticeKind.WRITE: "edit",
    NoticeKind.SIGN: "seal-waiting",
    NoticeKind.LAPSED: "seal-broken",
    NoticeKind.OWNER: "flag",
    NoticeKind.MENTION: "comment",
    NoticeKind.DISCUSSION: "comment",
    NoticeKind.DELEGATION: "people",
    NoticeKind.OUTCOME: "arrow",
    NoticeKind.REMINDER: "clock",
}


@dataclass(frozen=True)
class Line:
    """A notice as its reader sees it; `record` is what it is about, if they may read that."""

    notice: Notice
    record: Decision | None

    @property
    def sentence(self) -> str:
        """Return what it says."""
        return sentence(self.notice)

    @property
    def is_unread(self) -> bool:
        """Return whether it waits to be read: it was not opened, and still asks something."""
        return self.notice.read_at is None and self.notice.settled_at is None

    @property
    def is_settled(self) -> bool:
        """Return whether what it asked for is done or no longer asked."""
        return self.notice.settled_at is not None

    @property
    def day(self) -> date:
        """Return the day on which it happened, where the reader is."""
        return timezone.localdate(self.notice.created_at)

    @property
    def icon(self) -> str:
        """Return the symbol of its kind."""
        return ICONS.get(self.notice.kind, "arrow")

    @property
    def url(self) -> str:
        """Return the address that notes it as read and goes on to what it is about."""
        return reverse("notice", args=[self.notice.pk])

    @property
    def due_records(self) -> list[str]:
        """Return what a reminder lists, a line a record."""
        listed = self.notice.data.get("records", [])
        return [due_line(one) for one in listed] if len(listed) > 1 else []


def lines(notices: Iterable[Notice], user: User) -> list[Line]:
    """Return a person's notices in words; records that they may no longer read stay unnamed."""
    notices = list(notices)
    named = {one.decision_id for one in notices if one.decision_id}
    readable = Decision.objects.visible_to(user).in_bulk(list(named)) if named else {}
    return [Line(one, readable.get(one.decision_id or 0)) for one in notices]


def sentence(notice: Notice) -> str:
    """Return what a notice says; one that another release told is named by its kind."""
    try:
        return _sentence(notice)
    except KeyError:
        return str(notice.get_kind_display())


def _sentence(notice: Notice) -> str:
    if about(notice) == REMINDER:
        return _reminder(notice.data["records"])
    matter = MATTERS[about(notice)]
    is_one = notice.data.get("count", 1) == 1
    words = matter.sentence if is_one or not matter.several else matter.several
    return str(words) % {name: _worded(name, value) for name, value in notice.data.items()}


def _worded(name: str, value: Any) -> Any:
    """Return one of a notice's values in words."""
    match name:
        case "role" if value in Role.values:
            return Role(value).label
        case "part" if value in SECTION_KINDS:
            return SECTION_KINDS[value].title
    return value


def _reminder(records: list[dict[str, str]]) -> str:
    """Return what a reminder says: of one record when it is due, of several how many."""
    if len(records) == 1:
        return due_line(records[0])
    told = ngettext(
        "%(count)s record waits on you and its day is near or past.",
        "%(count)s records wait on you and their day is near or past.",
        len(records),
    )
    return told % {"count": len(records)}


def due_line(record: dict[str, str]) -> str:
    """Return what a reminder says of one record: when it is due."""
    day = date.fromisoformat(record["due_on"])
    told = {"record": record["reference"], "title": record["title"]}
    return _("%(record)s %(title)s: %(due)s.") % {**told, "due": due_words(day)}


def due_words(day: date) -> str:
    """Return when a day is, seen from today where the reader is."""
    left = (day - clock.today()).days
    told = {"count": abs(left), "day": date_format(day, "DATE_FORMAT")}
    if left == 0:
        return _("due today")
    if left > 0:
        return ngettext("due tomorrow", "due in %(count)s days, on %(day)s", left) % told
    return ngettext("due since yesterday", "due since %(day)s", -left) % told
