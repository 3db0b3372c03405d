"""What a request for changes speaks of, and whether that has changed since."""

from collections.abc import Iterable

from decisions.models import Comment, Decision, Review, Section
from decisions.versions import ROUND, Change


def scope_of(comments: Iterable[Comment]) -> set[str]:
    """Return the kinds of the sections that a review's comments are about; none: all of them."""
    return {section.kind for section in sections_of(comments)}


def sections_of(comments: Iterable[Comment]) -> list[Section]:
    """Return the sections that a review's comments are about, in order, each once."""
    spoken_of = {one.thread.section for one in comments}
    return sorted((one for one in spoken_of if one), key=lambda one: one.position)


def touches(scope: set[str], changes: Iterable[Change]) -> bool:
    """Return whether one of the differences is in what a request speaks of.

    A new round alone changes nothing that anybody asked for.
    """
    said = (one for one in changes if one.where != str(ROUND))
    return any(not scope or one.section in scope for one in said)


def comments_on(decision: Decision, review: Review) -> list[Comment]:
    """Return a review's comments from the discussion that was read with its record."""
    said = (one for thread in decision.threads.all() for one in thread.comments.all())
    return [one for one in said if one.review_id == review.pk]


def comments_of(review: Review) -> list[Comment]:
    """Return a review's comments with their threads, read from the database."""
    return list(review.comments.select_related("thread__section"))
