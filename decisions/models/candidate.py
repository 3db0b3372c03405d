"""What must be reached, what is under consideration, and what each role says of it."""

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from decisions.models.decision import Decision
from decisions.models.people import Role, User


class Direction(models.TextChoices):
    """Which way is better."""

    AT_LEAST = "at_least", _("at least")
    AT_MOST = "at_most", _("at most")


class Goal(models.Model):
    """A metric with its target and the worst value that could still be accepted.

    Only accepted goals count; what a role proposed waits for the owner.
    """

    decision = models.ForeignKey(Decision, on_delete=models.CASCADE, related_name="goals")
    metric = models.SlugField(_("metric"), max_length=60)
    name = models.CharField(_("name"), max_length=120)
    direction = models.CharField(_("direction"), max_length=10, choices=Direction.choices)
    target = models.FloatField(_("target"))
    worst_acceptable = models.FloatField(_("worst acceptable value"), null=True, blank=True)
    unit = models.CharField(_("unit"), max_length=20, blank=True)
    weight = models.FloatField(
        _("weight"), default=1, validators=[MinValueValidator(0), MaxValueValidator(100)]
    )
    is_must = models.BooleanField(_("a must"), default=False)
    proposed_by_role = models.CharField(
        _("proposed by"), max_length=20, choices=Role.choices, blank=True
    )
    is_accepted = models.BooleanField(_("accepted"), default=True, editable=False)
    position = models.PositiveSmallIntegerField(default=0)
    token = models.PositiveIntegerField(default=0, editable=False)

    class Meta:
        ordering = ["position", "pk"]
        constraints = [
            models.UniqueConstraint(fields=["decision", "metric"], name="goal_once_per_metric"),
            models.CheckConstraint(
                condition=Q(direction__in=Direction.values), name="goal_direction_known"
            ),
            models.CheckConstraint(condition=Q(weight__gte=0), name="goal_weight_not_negative"),
        ]

    def __str__(self) -> str:
        return self.name

    def get_absolute_url(self) -> str:
        """Return where the record lists its goals."""
        return f"{self.decision.get_absolute_url()}#section-goals"

    def meets(self, value: float) -> bool:
        """Return whether `value` (in the goal's unit) reaches the target."""
        at_least = self.direction == Direction.AT_LEAST
        return value >= self.target if at_least else value <= self.target


class Approach(models.TextChoices):
    """The ways of adapting a model."""

    PROMPTING = "prompting", _("Prompt engineering")
    RAG = "rag", _("Retrieval-augmented generation")
    FINE_TUNING = "fine_tuning", _("Fine-tuning")
    HYBRID = "hybrid", _("Hybrid")
    OTHER = "other", _("Other")


class Candidate(models.Model):
    """One approach under consideration, with a spec that says how to run it."""

    decision = models.ForeignKey(Decision, on_delete=models.CASCADE, related_name="candidates")
    letter = models.CharField(_("letter"), max_length=3, editable=False)
    name = models.CharField(_("name"), max_length=120)
    approach = models.CharField(_("approach"), max_length=20, choices=Approach.choices)
    summary = models.TextField(_("how it works"), blank=True)
    data_needed = models.TextField(_("data needed"), blank=True)
    risks = models.TextField(_("risks"), blank=True)
    # A technique's name and parameters; `evaluations` gives it meaning, the record only keeps it.
    spec = models.JSONField(_("spec"), default=dict, blank=True)
    is_dropped = models.BooleanField(_("no longer considered"), default=False)
    position = models.PositiveSmallIntegerField(default=0)
    token = models.PositiveIntegerField(default=0, editable=False)

    class Meta:
        ordering = ["position", "pk"]
        constraints = [
            models.UniqueConstraint(fields=["decision", "letter"], name="candidate_letter_once"),
            models.UniqueConstraint(fields=["decision", "name"], name="candidate_name_once"),
            models.CheckConstraint(
                condition=Q(approach__in=Approach.values), name="candidate_approach_known"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.letter}. {self.name}"

    @property
    def approach_words(self) -> str:
        """Return the approach as it is shown; "other" says nothing."""
        return "" if self.approach == Approach.OTHER else str(self.get_approach_display())


class Assessment(models.Model):
    """What one role says of one candidate on one of its own criteria."""

    candidate = models.ForeignKey(Candidate, on_delete=models.CASCADE, related_name="assessments")
    role = models.CharField(_("role"), max_length=20, choices=Role.choices)
    criterion = models.SlugField(_("criterion"))
    rating = models.PositiveSmallIntegerField(
        _("rating"), validators=[MinValueValidator(1), MaxValueValidator(5)]
    )
    reason = models.TextField(_("reason"))
    by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    at = models.DateTimeField()

    class Meta:
        ordering = ["candidate", "role", "criterion"]
        constraints = [
            models.UniqueConstraint(
                fields=["candidate", "role", "criterion"], name="assessment_once_per_criterion"
            ),
            models.CheckConstraint(
                condition=Q(rating__gte=1, rating__lte=5), name="assessment_rating_1_to_5"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.candidate.letter} {self.criterion}: {self.rating}"
