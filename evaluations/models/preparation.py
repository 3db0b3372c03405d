"""What a technique learns once, for all workers and all later runs of the same spec."""

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from decisions import clock


class Preparation(models.Model):
    """What one spec has learned from one case set: a mined prompt, the name of a tuned model.

    One worker learns at a time, under a lease; `state` survives it, so that the next one goes on
    where it stopped.
    """

    # SHA-256 (hex) of the spec with the technique's version, and of the case set.
    key = models.CharField(max_length=64, unique=True)
    state = models.JSONField(default=dict)
    learned = models.JSONField(_("what was learned"), null=True, blank=True)
    held_by = models.CharField(max_length=120, blank=True)
    lease_until = models.DateTimeField(null=True, blank=True)
    started_at = models.DateTimeField(default=clock.now)
    finished_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(learned__isnull=True, finished_at__isnull=True)
                | Q(learned__isnull=False, finished_at__isnull=False),
                name="preparation_learned_when_finished",
            )
        ]

    def __str__(self) -> str:
        return self.key[:8]
