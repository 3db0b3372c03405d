"""Discussing a record and reviewing it."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from django.utils.translation import gettext as _

from decisions import clock
from decisions.actions.base import change
from decisions.actions.looks import look_at
from decisions.models import (
    Comment,
    CommentEdit,
    Decision,
    PendingComment,
    Review,
    Section,
    Thread,
    User,
    Verdict,
)
from decisions.policies import BadInput
from decisions.requests import comments_of, scope_of, touches
from decisions.versions import changes_between


@dataclass(frozen=True)
class Remark:
    """A comment, anchored to a section and a quoted passage if it opens a thread."""

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
        comment = _open(entry.decision, by, remark, None)
        entry.data = {
            "thread": comment.thread_id,
            "comment": comment.pk,
            "section": remark.section.kind if remark.section else "",
            "must_fix": remark.must_fix,
        }
    return comment.thread


def reply(thread: Thread, *, by: User, body: str) -> Comment:
    """Add a comment to a discussion; the same words twice in a row are one comment."""
    with change(thread.decision, "comment", by=by, kind="reply") as entry:
        last = Comment.objects.filter(thread=thread).last()
        if last and (last.author_id, last.body) == (by.pk, body):
            entry.void()
            return last
        comment = _say(thread, by, body, None)
        entry.data = {"thread": thread.pk, "comment": comment.pk}
    return comment


def edit_comment(comment: Comment, *, by: User, body: str) -> None:
    """Change one's own comment; what it said before stays beside it, not in the log."""
    decision = comment.thread.decision
    with change(decision, "edit_comment", by=by, subject=comment) as entry:
        fresh = Comment.objects.get(pk=comment.pk)
        if fresh.body == body:
            entry.void()
            return
        CommentEdit.objects.create(comment=fresh, body=fresh.body, written_at=fresh.said_at)
        fresh.body, fresh.edited_at = body, clock.now()
        fresh.save(update_fields=["body", "edited_at"])
        entry.data = {"thread": fresh.thread_id, "comment": fresh.pk}


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
    remarks: Sequence[Remark] = (),
    digest: str = "",
    after: int | None = None,
    held: Collection[int] | None = None,
) -> Review:
    """Send at once what the reviewer held back and `remarks`, with a verdict.

    `held` are the keys of the held comments that their form showed: what they held back since
    stays with them. None stands for all.
    `digest` is that of the content the reviewer was shown; one that was never the record's counts
    as what it says now. `after` is the reviewer's last review when their form was made (0: none):
    the same review sent twice from one form stays one. Raises `BadInput` for a review that says
    nothing. An earlier request for changes of theirs is lifted if what it spoke of has changed.
    """
    with change(decision, "review", by=by) as entry:
        record = entry.decision
        pending = _going(record, by, held)
        last = record.reviews.filter(reviewer=by).last()
        if last and not pending and _is_repeated(last, verdict, body, remarks, record, after):
            entry.void()
            return last
        if not body.strip() and not remarks and not pending:
            raise BadInput(_("Say what you think: write a comment before you send the review."))
        review = Review.objects.create(
            decision=record,
            reviewer=by,
            verdict=verdict,
            body=body,
            digest=_digest_shown(record, digest),
            round=record.round,
            sent_at=clock.now(),
        )
        _lift_answered(record, review)
        _send(pending, review)
        for remark in remarks:
            _open(record, by, remark, review)
        look_at(record, by=by, digest=review.digest)
        entry.data = {
            "review": review.pk,
            "verdict": verdict,
            "remarks": len(remarks) + len(pending),
        }
    return review


def _going(record: Decision, by: User, held: Collection[int] | None) -> list[PendingComment]:
    """Return the person's held comments that their form showed; all, if it does not say."""
    mine = PendingComment.objects.filter(decision=record, author=by)
    return list(mine if held is None else mine.filter(pk__in=held))


def lift_review(review: Review, *, by: User) -> None:
    """Take back a request for changes: one's own, or as owner that of someone who has left."""
    with change(review.decision, "lift", by=by, subject=review) as entry:
        if not _lift(review, by):
            entry.void()
            return
        entry.data = {"review": review.pk}


def _lift(review: Review, by: User) -> bool:
    """Lift a request for changes if it still stands."""
    standing = Review.objects.filter(
        pk=review.pk, verdict=Verdict.REQUEST_CHANGES, lifted_at__isnull=True
    )
    return bool(standing.update(lifted_at=clock.now(), lifted_by=by))


def _lift_answered(record: Decision, review: Review) -> None:
    """Lift the reviewer's earlier requests whose subject has changed, as they saw, and still is."""
    earlier = record.reviews.filter(
        reviewer=review.reviewer, verdict=Verdict.REQUEST_CHANGES, lifted_at__isnull=True
    )
    for request in earlier.exclude(pk=review.pk):
        scope = scope_of(comments_of(request))
        if all(
            touches(scope, changes_between(record, request.digest, now))
            for now in {review.digest, record.digest}
        ):
            _lift(request, review.reviewer)


def _digest_shown(record: Decision, digest: str) -> str:
    """Return the digest that the reviewer was shown, if the record ever said that."""
    return digest if record.versions.filter(digest=digest).exists() else record.digest


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


def _is_repeated(
    last: Review,
    verdict: str,
    body: str,
    remarks: Sequence[Remark],
    record: Decision,
    after: int | None,
) -> bool:
    """Return whether the person's last review is this one, sent before.

    A form knows by `after` that it has been sent; without one, the same words of the same content
    are the same review while that stands.
    """
    if (last.verdict, last.body) != (verdict, body):
        return False
    if after is not None:
        return last.pk != after
    if (last.digest, last.round, last.lifted_at) != (record.digest, record.round, None):
        return False
    said = [
        Remark(one.body, one.thread.section, one.thread.quote, one.thread.must_fix)
        for one in comments_of(last)
    ]
    return list(remarks) == said


def _send(pending: Sequence[PendingComment], review: Review) -> None:
    """Turn what was held back into threads and replies of a review."""
    for one in pending:
        if one.thread:
            _say(one.thread, review.reviewer, one.body, review)
        else:
            remark = Remark(one.body, one.section, one.quote, one.must_fix)
            _open(review.decision, review.reviewer, remark, review)
        one.delete()


def _open(decision: Decision, by: User, remark: Remark, review: Review | None) -> Comment:
    """Write a thread with its first comment; return that."""
    thread = Thread.objects.create(
        decision=decision,
        section=remark.section,
        quote=remark.quote,
        must_fix=remark.must_fix,
        opened_at=clock.now(),
    )
    return _say(thread, by, remark.body, review)


def _say(thread: Thread, by: User, body: str, review: Review | None) -> Comment:
    """Write a comment in a thread."""
    return Comment.objects.create(
        thread=thread, author=by, body=body, review=review, written_at=clock.now()
    )
