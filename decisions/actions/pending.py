"""Holding comments back until they are sent with a review.

They are their author's alone: no part of the record, no event, no notice.
"""

from django.db import transaction
from django.utils.translation import gettext_lazy as _

from decisions import clock
from decisions.actions.base import locked
from decisions.actions.review import Remark
from decisions.models import Decision, PendingComment, Thread, User
from decisions.policies import ensure, wrong_state

GONE = _("This comment has been sent or removed meanwhile.")


def hold_back(
    decision: Decision, *, by: User, remark: Remark, thread: Thread | None = None
) -> PendingComment:
    """Keep a comment (a reply, with a `thread`) for the person's next review.

    The same words twice, as by a double click, are one comment.
    """
    with transaction.atomic():
        record = locked(decision)
        ensure("review", record, by)
        said = _values(remark) | {"thread": thread}
        twin = PendingComment.objects.filter(decision=record, author=by, **said).first()
        return twin or PendingComment.objects.create(
            decision=record, author=by, written_at=clock.now(), **said
        )


def change_pending(pending: PendingComment, *, by: User, remark: Remark) -> None:
    """Change one's own comment before it is sent; a reply stays in its thread.

    Raises `Refused` if it was sent or removed meanwhile.
    """
    with transaction.atomic():
        ensure("review", locked(pending.decision), by)
        said = {"body": remark.body} if pending.thread_id else _values(remark)
        if not PendingComment.objects.filter(pk=pending.pk, author=by).update(**said):
            raise wrong_state(str(GONE))


def drop_pending(pending: PendingComment, *, by: User) -> None:
    """Throw one's own comment away, whatever became of the record; twice is once."""
    PendingComment.objects.filter(pk=pending.pk, author=by).delete()


def _values(remark: Remark) -> dict[str, object]:
    return {
        "body": remark.body,
        "section": remark.section,
        "quote": remark.quote,
        "must_fix": remark.must_fix,
    }
