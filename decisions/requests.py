"""What a request for changes speaks of, and whether that has changed since."""

from collections.abc import Iterable

from decisions.models import Comment, Review
from decisions.versions import ROUND, Change


def scope_of(comments: Iterable[Comment]) -> set[str]:
    """Return the kinds of the sections that a review's comments are about; none: all of them."""
    sections = (one.thread.section for one in comments)
    return {section.kind for section in sections if section}


def touches(scope: set[str], changes: Iterable[Change]) -> bool:
    """Return whether one of the differences is in what a request speaks of.

    A new round alone changes nothing that anybody asked for.
    """
    said = (one for one in changes if one.where != str(ROUND))
    return any(not scope or one.section in scope for one in said)


def comments_of(review: Review) -> list[Comment]:
    """Return a review's comments with their threads, read from the database."""
    return list(review.comments.select_related("thread__section"))
