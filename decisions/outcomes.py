"""Whether a measurement reaches a goal: met, not met, or not decisive."""

from __future__ import annotations

from django.db.models import TextChoices
from django.utils.translation import gettext_lazy as _


class Outcome(TextChoices):
    """What a measurement says of a goal. Always shown as a sign and a word."""

    MET = "met", _("met")
    MISSED = "missed", _("not met")
    OPEN = "open", _("not decisive")

    @property
    def icon(self) -> str:
        """Return the name of its sign in the sprite."""
        return {Outcome.MET: "check", Outcome.MISSED: "cross", Outcome.OPEN: "undecided"}[self]


def outcome(
    value: float, low: float | None, high: float | None, *, target: float, at_least: bool
) -> Outcome:
    """Return whether a value with its interval reaches a target (all in one unit).

    An interval that holds the target on both sides decides nothing. Without an interval the value
    alone speaks.
    """
    worst, best = (value, value) if low is None or high is None else (low, high)
    if not at_least:
        worst, best, target = -best, -worst, -target
    if worst >= target:
        return Outcome.MET
    return Outcome.OPEN if best >= target else Outcome.MISSED
