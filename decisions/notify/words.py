"""Notices in words, in the reader's language: their data is stored, their sentences never."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, NamedTuple

from django.db.models import Q
from django.urls import reverse
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from decisions import clock
from decisions.exports.verify_report import in_language
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
    NoticeKind.RATE: "quote",
    NoticeKind.REMINDER: "clock",
}


class Due(NamedTuple):
    """A record that a reminder lists, and the day that it was due on then."""

    record: Decision
    day: date


@dataclass(frozen=True)
class Line:
    """A notice as its reader sees it; `record` is what it is about, if they may read that.

    `due` is what a reminder lists, without what they may no longer read.
    """

    notice: Notice
    record: Decision | None
    due: Sequence[Due] = ()

    @property
    def sentence(self) -> str:
        """Return what it says."""
        return sentence(self.notice, self.due)

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
        return [due_line(one) for one in self.due] if len(self.due) > 1 else []


def lines(notices: Iterable[Notice], user: User) -> list[Line]:
    """Return a person's notices in words; records that they may no longer read stay unnamed."""
    notices = list(notices)
    named = {one.decision_id for one in notices if one.decision_id}
    listed = {number_of(one) for notice in notices for one in notice.data.get("records", [])}
    found = Q(pk__in=named) | Q(number__in=listed)
    readable = Decision.objects.visible_to(user).filter(found) if named or listed else ()
    by_key = {one.pk: one for one in readable}
    by_number = {one.number: one for one in by_key.values()}
    return [Line(one, by_key.get(one.decision_id or 0), _due(one, by_number)) for one in notices]


def _due(notice: Notice, readable: Mapping[int, Decision]) -> list[Due]:
    """Return what a reminder lists, as far as its reader may read it by now."""
    return [
        Due(readable[number_of(one)], date.fromisoformat(one["due_on"]))
        for one in notice.data.get("records", [])
        if number_of(one) in readable
    ]


def number_of(listed: Mapping[str, str]) -> int:
    """Return the number of a record that a reminder lists, by its reference `DR-12`."""
    return int(listed["reference"].removeprefix("DR-"))


def sentence(notice: Notice, due: Sequence[Due] = ()) -> str:
    """Return what a notice says, `due` being what a reminder lists.

    One that another release told is named by its kind, and so is a reminder of nothing that its
    reader may still read.
    """
    try:
        return _sentence(notice, due)
    except KeyError:
        return str(notice.get_kind_display())


def _sentence(notice: Notice, due: Sequence[Due]) -> str:
    if about(notice) == REMINDER:
        return _reminder(due) if due else str(notice.get_kind_display())
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
        case "day" if value:
            return date_format(date.fromisoformat(value), "DATE_FORMAT")
        case "why" if value:
            return in_language(**value)
    return value


def _reminder(due: Sequence[Due]) -> str:
    """Return what a reminder says: of one record when it is due, of several how many."""
    if len(due) == 1:
        return due_line(due[0])
    told = ngettext(
        "%(count)s record waits on you and its day is near or past.",
        "%(count)s records wait on you and their day is near or past.",
        len(due),
    )
    return told % {"count": len(due)}


def due_line(due: Due) -> str:
    """Return what a reminder says of one record: when it is due."""
    told = {"record": due.record.reference, "title": due.record.title, "due": due_words(due.day)}
    return _("%(record)s %(title)s: %(due)s.") % told


def due_words(day: date) -> str:
    """Return when a day is, seen from today where the reader is."""
    left = (day - clock.today()).days
    told = {"count": abs(left), "day": date_format(day, "DATE_FORMAT")}
    if left == 0:
        return _("due today")
    if left > 0:
        return ngettext("due tomorrow", "due in %(count)s days, on %(day)s", left) % told
    return ngettext("due since yesterday", "due since %(day)s", -left) % told
