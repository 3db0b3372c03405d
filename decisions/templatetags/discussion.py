"""Filters for threads, comments and requests as one person sees them."""

from dataclasses import dataclass

from django import template
from django.utils.safestring import SafeString

from decisions.discussion import Request
from decisions.markdown import plain, render
from decisions.models import Comment, PendingComment, Review, Thread
from decisions.record_page import RecordPage

register = template.Library()

# A thread beside the record shows its first comment and so many of the last.
LAST = 3


@register.filter
def spoken(text: str, page: RecordPage) -> SafeString:
    """Return a comment as HTML, with figures and the names of those it calls."""
    return render(text, page.named, people=page.discussion.names)


@register.filter
def in_a_line(text: str, page: RecordPage) -> str:
    """Return a comment without Markdown, on one line."""
    said = plain(text, page.named, page.discussion.names)
    return " ".join(said.split())


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
