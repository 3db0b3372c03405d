"""Documents made from a record."""

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from decisions import clock
from decisions.models.decision import Decision
from decisions.models.people import User


class DocumentFormat(models.TextChoices):
    """What a record can leave as."""

    PDF = "pdf", _("PDF")


class DocumentState(models.TextChoices):
    """How far an export has come."""

    REQUESTED = "requested", _("Waiting for a worker")
    RENDERING = "rendering", _("Being made")
    READY = "ready", _("Ready")
    FAILED = "failed", _("Failed")


class Document(models.Model):
    """One export: asked for by a person, made by a worker, kept as a file."""

    decision = models.ForeignKey(Decision, on_delete=models.CASCADE, related_name="documents")
    format = models.CharField(max_length=10, choices=DocumentFormat.choices)
    state = models.CharField(
        max_length=20, choices=DocumentState.choices, default=DocumentState.REQUESTED
    )
    # Everything the pages show, digested: an unchanged record is served from its file.
    source_digest = models.CharField(max_length=64)
    digest = models.CharField(max_length=64)
    version = models.PositiveIntegerField()
    # The audit log's head that is printed in it: an anchor outside the log.
    head_sequence = models.PositiveIntegerField(null=True)
    head_hash = models.CharField(max_length=64, blank=True)
    is_draft = models.BooleanField()
    file = models.FileField(upload_to="documents/%Y/%m", blank=True)
    sha256 = models.CharField(max_length=64, blank=True)
    pages = models.PositiveIntegerField(null=True)
    error = models.TextField(blank=True)
    requested_at = models.DateTimeField(default=clock.now)
    requested_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    claimed_at = models.DateTimeField(null=True)
    finished_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["-requested_at", "-pk"]
        constraints = [
            models.CheckConstraint(
                condition=~Q(state=DocumentState.READY) | ~Q(file=""),
                name="document_ready_has_file",
            )
        ]

    def __str__(self) -> str:
        return f"{self.decision.reference} {self.get_format_display()}"

    @property
    def is_working(self) -> bool:
        """Return whether a worker still has to finish it."""
        return self.state in {DocumentState.REQUESTED, DocumentState.RENDERING}
