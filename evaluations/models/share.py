"""How the seats of a gate are shared among workers."""

from __future__ import annotations

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _


class Share(models.Model):
    """The seats that one worker holds at one gate for a while: an endpoint's, or a run's."""

    gate = models.CharField(max_length=80)  # "endpoint:3", "run:17"
    worker = models.CharField(max_length=120)
    granted = models.PositiveIntegerField(default=0)
    # How many its worker could use: what it doesn't want is left to the others.
    wanted = models.PositiveIntegerField(default=0)
    # When the seats are free again unless their worker renews.
    until = models.DateTimeField()

    class Meta:
        ordering = ["pk"]  # the order of arrival
        verbose_name = _("share")
        constraints = [
            models.UniqueConstraint(fields=["gate", "worker"], name="share_once_per_worker"),
            models.CheckConstraint(condition=Q(granted__gte=0), name="share_not_negative"),
        ]

    def __str__(self) -> str:
        return f"{self.gate} {self.worker}: {self.granted}"
