"""Discussing a record and reviewing it."""

from dataclasses import dataclass

from django.db.models import QuerySet
from django.utils.translation import gettext as _

from decisions import clock
from decisions.actions.base import change
from decisions.models import Comment, Decision, Review, Section, Thread, User, Verdict
from decisions.policies import BadInput


@dataclass(frozen=True)
class Remark:
    """A comment to be sent with a review, anchored to a section and a quoted passage."""

    body: str
    section: Section | None = None
    quote: str = ""
    must_fix: bool = False


def open_thread(decision: Decision, *, by: User, remark: Remark) -> Thread:
    """Start a discussion on a section (or on the record as a whole).

    Sent twice, as by a double click, it is the same discussion while that is open.
    """
    with change(decision, "comment", by=by) as entry:
        if said := _said_already(entry.decision, by, remark):
            entry.void()
            return said
        thread = _open(entry.decision, by, remark, None)
        entry.data = {
            "thread": thread.pk,
            "section": remark.section.kind if remark.section else "",
            "must_fix": remark.must_fix,
        }
    return thread


def reply(thread: Thread, *, by: User, body: str) -> Comment:
    """Add a comment to a discussion; the same words twice in a row are one comment."""
    with change(thread.decision, "comment", by=by, kind="reply") as entry:
        last = Comment.objects.filter(thread=thread).last()
        if last and (last.author_id, last.body) == (by.pk, body):
            entry.void()
            return last
        comment = Comment.objects.create(
            thread=thread, author=by, body=body, written_at=clock.now()
        )
        entry.data = {"thread": thread.pk}
    return comment


def resolve(thread: Thread, *, by: User, resolved: bool = True) -> None:
    """End a discussion, or take it up again."""
    kind = "resolve" if resolved else "unresolve"
    with change(thread.decision, "resolve", by=by, subject=thread, kind=kind) as entry:
        hit = Thread.objects.filter(pk=thread.pk, resolved_at__isnull=resolved).update(
            resolved_at=clock.now() if resolved else None, resolved_by=by if resolved else None
        )
        if not hit:
            entry.void()
            return
        entry.data = {"thread": thread.pk}


def send_review(
    decision: Decision,
    *,
    by: User,
    verdict: str,
    body: str = "",
    remarks: list[Remark] | None = None,
) -> Review:
    """Send comments at once with a verdict on what the record says now.

    Raises `BadInput` for a review that says nothing. A new review by the same person takes the
    place of their earlier request for changes; the same review sent twice stays one.
    """
    remarks = remarks or []
    with change(decision, "review", by=by) as entry:
        if not body.strip() and not remarks:
            raise BadInput(_("Say what you think: write a comment before you send the review."))
        last = entry.decision.reviews.filter(reviewer=by).last()
        if last and _says(last, verdict, body, remarks, entry.decision):
            entry.void()
            return last
        _lift(entry.decision.reviews.filter(reviewer=by), by)
        review = Review.objects.create(
            decision=entry.decision,
            reviewer=by,
            verdict=verdict,
            body=body,
            digest=entry.decision.digest,
            round=entry.decision.round,
            sent_at=clock.now(),
        )
        for remark in remarks:
            _open(entry.decision, by, remark, review)
        entry.data = {"verdict": verdict, "remarks": len(remarks)}
    return review


def lift_review(review: Review, *, by: User) -> None:
    """Take back one's own request for changes."""
    with change(review.decision, "lift", by=by, subject=review) as entry:
        if not _lift(Review.objects.filter(pk=review.pk), by):
            entry.void()
            return


def _lift(reviews: QuerySet[Review], by: User) -> int:
    """Lift the requests for changes that still stand; return how many."""
    standing = reviews.filter(verdict=Verdict.REQUEST_CHANGES, lifted_at__isnull=True)
    return standing.update(lifted_at=clock.now(), lifted_by=by)


def _said_already(decision: Decision, by: User, remark: Remark) -> Thread | None:
    """Return the open discussion that the person started with this very remark, if there is one."""
    return decision.threads.filter(
        resolved_at__isnull=True,
        section=remark.section,
        quote=remark.quote,
        must_fix=remark.must_fix,
        comments__author=by,
        comments__body=remark.body,
        comments__review__isnull=True,
    ).first()


def _says(
    review: Review, verdict: str, body: str, remarks: list[Remark], decision: Decision
) -> bool:
    """Return whether a review stands that says all this of what the record says now."""
    said = (review.verdict, review.body, review.digest, review.round, review.lifted_at)
    if said != (verdict, body, decision.digest, decision.round, None):
        return False
    comments = review.comments.select_related("thread__section")
    return remarks == [
        Remark(one.body, one.thread.section, one.thread.quote, one.thread.must_fix)
        for one in comments
    ]


def _open(decision: Decision, by: User, remark: Remark, review: Review | None) -> Thread:
    """Write a thread with its first comment."""
    thread = Thread.objects.create(
        decision=decision,
        section=remark.section,
        quote=remark.quote,
        must_fix=remark.must_fix,
        opened_at=clock.now(),
    )
    Comment.objects.create(
        thread=thread, author=by, body=remark.body, review=review, written_at=clock.now()
    )
    return thread
