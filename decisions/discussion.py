"""What one person sees of a record's discussion: threads, requests, what they hold back."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from functools import cached_property

from decisions.mentions import names_by_handle, people_of
from decisions.models import Comment, Decision, PendingComment, Review, Thread, User
from decisions.quotes import finds, section_said
from decisions.requests import comments_on, scope_of, sections_of, touches
from decisions.versions import Past

# How many discussions stand open beside the record; the others are a line each.
LEADING = 8


@dataclass(frozen=True)
class Request:
    """A standing request for changes: what it speaks of, and whether that has changed since."""

    review: Review
    comments: list[Comment]
    has_changed: bool
    reviewer_left: bool

    @property
    def parts(self) -> list[str]:
        """Return the titles of the parts that it speaks of; none for the whole record."""
        return [str(one) for one in sections_of(self.comments)]


class Discussion:
    """The discussion of one record for one person; computed when first asked for."""

    def __init__(self, record: Decision, user: User, requests: list[Review], past: Past) -> None:
        self.record = record
        self.user = user
        self.reviews = requests
        self.past = past

    @cached_property
    def people(self) -> list[User]:
        """Return who can be called into the discussion."""
        return people_of(self.record)

    @cached_property
    def names(self) -> dict[str, str]:
        """Return handle → name of everyone on the record and everyone who has spoken there."""
        spoken = (one.author for thread in self.threads for one in thread.comments.all())
        return names_by_handle([*spoken, *self.people])

    @cached_property
    def threads(self) -> list[Thread]:
        """Return all discussions: what must be fixed first, then what was said last."""
        return sorted(self.record.threads.all(), key=_urgency, reverse=True)

    @property
    def open(self) -> list[Thread]:
        """Return the discussions that go on."""
        return [one for one in self.threads if not one.is_resolved]

    @property
    def leading(self) -> list[Thread]:
        """Return the discussions to show in full."""
        return self.open[:LEADING]

    @property
    def others(self) -> list[Thread]:
        """Return the open discussions that stand as a line each."""
        return self.open[LEADING:]

    @property
    def resolved(self) -> list[Thread]:
        """Return the discussions that are over."""
        return [one for one in self.threads if one.is_resolved]

    @cached_property
    def pending(self) -> list[PendingComment]:
        """Return the comments that the person holds back: nobody else ever sees them."""
        held = PendingComment.objects.filter(decision=self.record, author=self.user)
        return list(held.select_related("section", "thread__section"))

    def pending_in(self, thread: Thread) -> list[PendingComment]:
        """Return the person's held replies in a discussion."""
        return [one for one in self.pending if one.thread_id == thread.pk]

    @property
    def pending_threads(self) -> list[PendingComment]:
        """Return the person's held comments that will open a discussion."""
        return [one for one in self.pending if one.thread_id is None]

    def is_outdated(self, remark: Thread | PendingComment) -> bool:
        """Return whether the quoted passage is no longer in its section."""
        if not remark.quote:
            return False
        kind = remark.section.kind if remark.section else ""
        return not finds(remark.quote, self._said(kind))

    def _said(self, kind: str) -> str:
        """Return what a section says, or the whole record; each is gathered once."""
        if kind not in self._known:
            sections = [one for one in self.record.sections.all() if kind in ("", one.kind)]
            self._known[kind] = "".join(section_said(one) for one in sections)
        return self._known[kind]

    @cached_property
    def _known(self) -> dict[str, str]:
        return {}

    @cached_property
    def requests(self) -> list[Request]:
        """Return the requests for changes that stand."""
        return [self._request(one) for one in self.reviews]

    def _request(self, review: Review) -> Request:
        comments = comments_on(self.record, review)
        return Request(
            review,
            comments,
            touches(scope_of(comments), self.past.changes_since(review.digest)),
            not self.record.takes_part(review.reviewer),
        )


def _urgency(thread: Thread) -> tuple[bool, bool, datetime]:
    """Return what orders discussions: unresolved, to be fixed, and the last word in them."""
    words = [one.written_at for one in thread.comments.all()]
    return (not thread.is_resolved, thread.must_fix, max(words, default=thread.opened_at))
