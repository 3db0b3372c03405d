"""Filters for threads, comments and requests as one person sees them."""

from dataclasses import dataclass
from datetime import datetime

from django import template
from django.utils.safestring import SafeString
from django.utils.text import Truncator

from decisions.discussion import Request
from decisions.markdown import said, without_marks
from decisions.models import Comment, PendingComment, Review, Thread
from decisions.record_page import RecordPage
from decisions.references import evidence_by

register = template.Library()

# A thread beside the record shows its first comment and so many of the last.
LAST = 3
# Of a thread that is a line, so much of its first comment is read, and so much of that is shown.
READ, BRIEF = 200, 70  # characters


@register.simple_tag
def spoken(text: str, moment: datetime | None, page: RecordPage) -> SafeString:
    """Return what was said at a moment as HTML, with figures and the names of those it calls.

    Without a moment it is still being said.
    """
    return said(text, evidence_by(page.named, moment), people=page.discussion.names)


@register.simple_tag
def in_a_line(text: str, moment: datetime, page: RecordPage) -> str:
    """Return the beginning of what was said at a moment without Markdown, on one line."""
    begun = Truncator(text).chars(READ)
    return Truncator(" ".join(without_marks(spoken(begun, moment, page)).split())).chars(BRIEF)


@register.filter
def is_outdated(remark: Thread | PendingComment, page: RecordPage) -> bool:
    """Return whether the quoted passage is no longer in the record."""
    return page.discussion.is_outdated(remark)


@register.filter
def held_in(thread: Thread, page: RecordPage) -> list[PendingComment]:
    """Return the reader's own replies that are held back."""
    return page.discussion.pending_in(thread)


@register.filter
def may_edit(comment: Comment, page: RecordPage) -> bool:
    """Return whether the reader may change a comment now."""
    return page.refusal("edit_comment", comment) is None


@register.filter
def may_lift(review: Review, page: RecordPage) -> bool:
    """Return whether the reader may lift a request for changes now."""
    return page.refusal("lift", review) is None


@register.filter
def is_mine(request: Request, page: RecordPage) -> bool:
    """Return whether the reader made a request for changes."""
    return request.review.reviewer_id == page.user.pk


@dataclass(frozen=True)
class Shown:
    """The comments of a thread that are shown, around those that are left out."""

    first: list[Comment]
    left_out: int
    last: list[Comment]


@register.filter
def shown_comments(thread: Thread, whole: bool) -> Shown:
    """Return a thread's comments: all of them, or the first and the last few."""
    said = list(thread.comments.all())
    if whole or len(said) <= LAST + 2:
        return Shown(said, 0, [])
    return Shown(said[:1], len(said) - LAST - 1, said[-LAST:])
