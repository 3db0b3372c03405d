"""People judge two systems' answers side by side without knowing whose they are."""

from __future__ import annotations

import hashlib

from django.db import models
from django.db.models import F, Q
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from decisions import clock
from decisions.models import Decision, User
from evaluations.models.case_set import Case
from evaluations.models.run import Run


class RoundState(models.TextChoices):
    """How far a round has come. Nobody learns whose answers they were before it is closed."""

    OPEN = "open", _("Being rated")
    CLOSED = "closed", _("Closed")
    CANCELLED = "cancelled", _("Cancelled")


class Choice(models.TextChoices):
    """What a rater says of two answers, as they saw them."""

    LEFT = "left", _("Left is better")
    RIGHT = "right", _("Right is better")
    TIE = "tie", _("Both are as good")
    BOTH_BAD = "both_bad", _("Both are bad")


class RatingRoundQuerySet(models.QuerySet["RatingRound"]):
    """Finds rounds."""

    def visible_to(self, user: User) -> RatingRoundQuerySet:
        """Return the rounds of the records that `user` may read."""
        return self.filter(decision__in=Decision.objects.visible_to(user))


class RatingRound(models.Model):
    """A question put to some people about the answers of two runs to the same sampled cases."""

    decision = models.ForeignKey(Decision, on_delete=models.CASCADE, related_name="rating_rounds")
    first = models.ForeignKey(Run, on_delete=models.CASCADE, related_name="+")
    second = models.ForeignKey(Run, on_delete=models.CASCADE, related_name="+")
    question = models.TextField(_("question"))
    # Draws the cases, and for each rater their order and the sides; known to nobody before the end.
    seed = models.BigIntegerField(editable=False)
    state = models.CharField(
        _("state"), max_length=10, choices=RoundState.choices, default=RoundState.OPEN
    )
    opened_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    opened_at = models.DateTimeField(default=clock.now)
    # What could not be drawn: pairs of equal answers, and cases that ask what another asks.
    equal_pairs = models.PositiveIntegerField(default=0)
    asked_again = models.PositiveIntegerField(default=0)
    ended_by = models.ForeignKey(
        User, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    ended_at = models.DateTimeField(null=True, blank=True)
    # What became of the figures: attached to the record, or why they were not.
    outcome = models.TextField(_("what became of it"), blank=True)

    objects = RatingRoundQuerySet.as_manager()

    class Meta:
        ordering = ["-pk"]
        constraints = [
            models.CheckConstraint(
                condition=Q(state__in=RoundState.values), name="rating_round_state_known"
            ),
            models.CheckConstraint(condition=~Q(first=F("second")), name="rating_round_of_two"),
            models.CheckConstraint(
                condition=Q(state=RoundState.OPEN, ended_at__isnull=True, ended_by__isnull=True)
                | (~Q(state=RoundState.OPEN) & Q(ended_at__isnull=False, ended_by__isnull=False)),
                name="rating_round_ended_at_with_by",
            ),
        ]

    def __str__(self) -> str:
        return _("Rating %(number)s") % {"number": self.pk}

    def get_absolute_url(self) -> str:
        """Return the address of the round's page."""
        return reverse("evaluations:rating", args=[self.pk])

    @property
    def is_open(self) -> bool:
        """Return whether it may still be rated."""
        return self.state == RoundState.OPEN

    def is_about(self, run: Run) -> bool:
        """Return whether a run shows what one of the two sides answers to these cases."""
        sides = {self.first.candidate_id, self.second.candidate_id}
        cases = run.case_set.digest if run.case_set else None
        return run.candidate_id in sides and cases == self.first.case_set.digest

    @property
    def is_closed(self) -> bool:
        """Return whether its result is open to all who read the record."""
        return self.state == RoundState.CLOSED


class RatedCase(models.Model):
    """One case of a round's sample, with both answers as they were when it was opened."""

    round = models.ForeignKey(RatingRound, on_delete=models.CASCADE, related_name="cases")
    case = models.ForeignKey(Case, on_delete=models.PROTECT, related_name="+")
    # Empty where there was no answer.
    first_output = models.TextField(blank=True)
    second_output = models.TextField(blank=True)

    class Meta:
        ordering = ["pk"]
        constraints = [
            models.UniqueConstraint(fields=["round", "case"], name="rated_case_once"),
        ]

    def __str__(self) -> str:
        return str(self.case)


class Rater(models.Model):
    """A person who is asked to rate a round."""

    round = models.ForeignKey(RatingRound, on_delete=models.CASCADE, related_name="raters")
    user = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")

    class Meta:
        ordering = ["pk"]
        constraints = [
            models.UniqueConstraint(fields=["round", "user"], name="rater_once"),
        ]

    def __str__(self) -> str:
        return str(self.user)

    def in_order(self) -> list[RatedCase]:
        """Return the cases in this rater's own order, always the same."""
        cases = self.round.cases.select_related("case__case_set")
        return sorted(cases, key=lambda one: self._draw("order", one))

    def sees_first_left(self, rated: RatedCase) -> bool:
        """Return whether the first run's answer to a case stands on the left for this rater."""
        return self._draw("side", rated) < "8"

    def _draw(self, purpose: str, rated: RatedCase) -> str:
        """Return what chance drew for this rater and case: 64 hex digits that the seed decides."""
        told = f"{self.round.seed}:{purpose}:{self.user_id}:{rated.pk}"
        return hashlib.sha256(told.encode()).hexdigest()


class Rating(models.Model):
    """One rater's choice on one case; what was chosen once stays."""

    rater = models.ForeignKey(Rater, on_delete=models.CASCADE, related_name="ratings")
    rated = models.ForeignKey(RatedCase, on_delete=models.CASCADE, related_name="ratings")
    choice = models.CharField(_("choice"), max_length=10, choices=Choice.choices)
    first_was_left = models.BooleanField()
    comment = models.TextField(_("comment"), blank=True)
    at = models.DateTimeField(default=clock.now)

    class Meta:
        ordering = ["pk"]
        constraints = [
            models.UniqueConstraint(fields=["rater", "rated"], name="rating_once_per_case"),
            models.CheckConstraint(
                condition=Q(choice__in=Choice.values), name="rating_choice_known"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.rater} {self.rated}"

    @property
    def verdict(self) -> str:
        """Return the choice without sides: "first", "second", "tie" or "both_bad"."""
        if self.choice == Choice.LEFT:
            return "first" if self.first_was_left else "second"
        if self.choice == Choice.RIGHT:
            return "second" if self.first_was_left else "first"
        return str(self.choice)


class Judging(models.Model):
    """A model that is asked about the pairs that people rated in a closed round.

    What it says, pair by pair, is kept as a `Preparation` under the same key.
    """

    round = models.ForeignKey(RatingRound, on_delete=models.CASCADE, related_name="judgings")
    # Who judges and by what: see `evaluations.scorers.rubric.RubricSpec`.
    spec = models.JSONField(_("judge"))
    key = models.CharField(max_length=64)
    requested_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    requested_at = models.DateTimeField(default=clock.now)
    # When a worker was last told of it.
    woken_at = models.DateTimeField(null=True, blank=True)
    ended_at = models.DateTimeField(null=True, blank=True)
    error = models.TextField(_("why it stopped"), blank=True)
    # What became of the verdicts: attached to the record, or why they were not.
    outcome = models.TextField(_("what became of it"), blank=True)

    class Meta:
        ordering = ["pk"]
        constraints = [
            models.UniqueConstraint(fields=["round", "key"], name="judging_once_per_judge"),
            models.CheckConstraint(
                condition=Q(ended_at__isnull=False) | Q(error="", outcome=""),
                name="judging_tells_once_ended",
            ),
        ]

    def __str__(self) -> str:
        return str(_("%(model)s at %(endpoint)s") % self.spec)

    @property
    def is_open(self) -> bool:
        """Return whether it still has to be asked, or is being asked."""
        return self.ended_at is None
