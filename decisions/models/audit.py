"""The audit log and the versions of a record's content."""

from django.db import models
from django.utils.translation import gettext_lazy as _

from decisions.models.decision import Decision
from decisions.models.people import User


class Event(models.Model):
    """One line of a decision's audit log, chained by hash to the one before."""

    decision = models.ForeignKey(Decision, on_delete=models.PROTECT, related_name="events")
    sequence = models.PositiveIntegerField()
    kind = models.SlugField(_("kind"))
    at = models.DateTimeField()
    actor = models.ForeignKey(User, null=True, on_delete=models.PROTECT, related_name="+")
    actor_name = models.CharField(max_length=150)
    data = models.JSONField(default=dict)
    digest_before = models.CharField(max_length=64, blank=True)
    digest_after = models.CharField(max_length=64, blank=True)
    address = models.GenericIPAddressField(null=True)
    # With it the hashed form holds a digest of the address, not the address itself.
    address_salt = models.CharField(max_length=32, blank=True, default="")
    previous_hash = models.CharField(max_length=64)
    hash = models.CharField(max_length=64)

    class Meta:
        ordering = ["sequence"]
        indexes = [models.Index(fields=["at"], name="event_at")]
        constraints = [
            models.UniqueConstraint(fields=["decision", "sequence"], name="event_sequence_once")
        ]

    def __str__(self) -> str:
        return f"{self.decision.reference} #{self.sequence} {self.kind}"


class Version(models.Model):
    """The whole signed content as it stood after a material change.

    One person's saves of one part in one sitting share a number and differ in their step, so that
    the history shows one version, while every content that anyone was shown is kept.
    """

    decision = models.ForeignKey(Decision, on_delete=models.PROTECT, related_name="versions")
    number = models.PositiveIntegerField()
    step = models.PositiveIntegerField(default=1)
    digest = models.CharField(max_length=64)
    content = models.JSONField()
    at = models.DateTimeField()
    by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")

    class Meta:
        ordering = ["number", "step"]
        constraints = [
            models.UniqueConstraint(fields=["decision", "number", "step"], name="version_step_once")
        ]

    def __str__(self) -> str:
        return f"{self.decision.reference} version {self.number}"
