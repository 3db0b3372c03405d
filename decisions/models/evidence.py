"""Measurements frozen into the record. The record never knows how a number was made."""

from __future__ import annotations

import json

from django.db import models
from django.db.models import F, Q
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from decisions import clock
from decisions.models.candidate import Candidate
from decisions.models.decision import Decision
from decisions.models.people import User


class EvidenceKind(models.TextChoices):
    """Where a measurement comes from."""

    RUN = "run", _("Run")
    IMPORTED = "imported", _("Imported run")
    COMPARISON = "comparison", _("Paired comparison")
    STUDY = "study", _("Study with people")
    LOAD_TEST = "load_test", _("Load test")
    ESTIMATE = "estimate", _("Estimate")


# What runs have measured, wherever they ran: it is compared, and rests on cases and a scorer.
OF_RUNS = (EvidenceKind.RUN, EvidenceKind.IMPORTED)
# What a person brings in from outside.
BROUGHT_IN = (EvidenceKind.STUDY, EvidenceKind.LOAD_TEST, EvidenceKind.ESTIMATE)


class Attachment(models.Model):
    """A file that came with evidence, kept as it came; evidence goes, the file stays.

    The same content under another name is the same file on disk.
    """

    decision = models.ForeignKey(Decision, on_delete=models.CASCADE, related_name="attachments")
    name = models.CharField(_("file"), max_length=200)
    content_type = models.CharField(max_length=100)
    size = models.PositiveIntegerField(_("bytes"))
    sha256 = models.CharField(_("digest"), max_length=64)
    file = models.FileField(upload_to="attachments/%Y/%m")
    added_at = models.DateTimeField(default=clock.now)
    added_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")

    class Meta:
        ordering = ["pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["decision", "sha256", "name"], name="attachment_kept_once"
            )
        ]

    def __str__(self) -> str:
        return self.name

    def get_absolute_url(self) -> str:
        """Return where the file is downloaded."""
        return reverse("decisions:attachment", args=[self.decision.reference, self.pk])


class EvidenceQuerySet(models.QuerySet["Evidence"]):
    """Finds evidence."""

    def standing(self) -> EvidenceQuerySet:
        """Return what has not been withdrawn."""
        return self.filter(withdrawn_at__isnull=True)


class Evidence(models.Model):
    """A frozen measurement of one candidate, or a frozen paired comparison of two."""

    decision = models.ForeignKey(Decision, on_delete=models.CASCADE, related_name="evidence")
    candidate = models.ForeignKey(Candidate, on_delete=models.CASCADE, related_name="evidence")
    compared_with = models.ForeignKey(
        Candidate, null=True, blank=True, on_delete=models.CASCADE, related_name="+"
    )
    number = models.PositiveIntegerField()
    kind = models.CharField(_("kind"), max_length=20, choices=EvidenceKind.choices)
    metric = models.SlugField(_("metric"), max_length=60)
    metric_name = models.CharField(_("metric"), max_length=120)
    value = models.FloatField(_("value"))
    low = models.FloatField(_("interval from"), null=True, blank=True)
    high = models.FloatField(_("interval to"), null=True, blank=True)
    interval_method = models.CharField(_("interval"), max_length=120, blank=True)
    n = models.PositiveIntegerField(_("sample size"))
    unit = models.CharField(_("unit"), max_length=20, blank=True)
    method = models.TextField(_("how it was obtained"))
    origin = models.CharField(_("origin"), max_length=200)
    origin_url = models.CharField(max_length=300, blank=True)
    # Where the source is a file that came with it: its SHA-256.
    source_digest = models.CharField(_("digest of the source"), max_length=64)
    attachment = models.ForeignKey(
        Attachment, null=True, blank=True, on_delete=models.PROTECT, related_name="evidence"
    )
    # What came beside the source: nothing was computed from it.
    notes = models.ForeignKey(
        Attachment, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    # SHA-256 (hex) of how the candidate was run when it was attached.
    spec_digest = models.CharField(max_length=64, blank=True)
    # What must agree before two values may be compared: case set digest, split, scorer …; names
    # beside a digest are there to be read.
    conditions = models.JSONField(default=dict, blank=True)
    attached_at = models.DateTimeField(default=clock.now)
    attached_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    withdrawn_at = models.DateTimeField(null=True, blank=True)
    withdrawn_by = models.ForeignKey(
        User, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    withdrawn_reason = models.TextField(blank=True)
    # What it rests on has moved since: a sentence that says what; empty while it is fresh.
    stale_because = models.TextField(_("why it is out of date"), blank=True)

    objects = EvidenceQuerySet.as_manager()

    class Meta:
        ordering = ["number"]
        verbose_name_plural = _("evidence")
        constraints = [
            models.UniqueConstraint(fields=["decision", "number"], name="evidence_number_once"),
            models.CheckConstraint(
                condition=Q(kind__in=EvidenceKind.values), name="evidence_kind_known"
            ),
            models.CheckConstraint(
                condition=Q(withdrawn_at__isnull=True, withdrawn_by__isnull=True)
                | Q(withdrawn_at__isnull=False, withdrawn_by__isnull=False),
                name="evidence_withdrawn_at_with_by",
            ),
            models.CheckConstraint(
                condition=Q(low__isnull=True, high__isnull=True)
                | Q(low__isnull=False, high__isnull=False, low__lte=F("high")),
                name="evidence_interval_ordered",
            ),
            models.CheckConstraint(
                condition=Q(kind=EvidenceKind.ESTIMATE, n=0)
                | (~Q(kind=EvidenceKind.ESTIMATE) & Q(n__gt=0)),
                name="evidence_n_0_is_an_estimate",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.reference} {self.metric_name}"

    def get_absolute_url(self) -> str:
        """Return the deep link to this piece of evidence."""
        address = reverse("decisions:evidence", args=[self.decision.reference])
        return f"{address}#{self.reference}"

    @property
    def reference(self) -> str:
        """Return the name used in texts: `E3`."""
        return f"E{self.number}"

    @property
    def question(self) -> str:
        """Return what must agree with another's before the two answer one question, as JSON.

        What conditions know by a digest is the same under whatever name.
        """
        told = self.conditions
        agree = {name: told[name] for name in told if f"{name}_digest" not in told}
        return json.dumps(agree, sort_keys=True)

    @property
    def is_comparison(self) -> bool:
        """Return whether it compares two candidates; how it was obtained then says who is ahead."""
        return self.kind == EvidenceKind.COMPARISON

    @property
    def is_of_run(self) -> bool:
        """Return whether a run has measured it, here or elsewhere."""
        return self.kind in OF_RUNS

    @property
    def is_measured(self) -> bool:
        """Return whether it was computed from runs: their figures, and how two compare."""
        return self.is_of_run or self.is_comparison

    @property
    def is_estimate(self) -> bool:
        """Return whether a person has estimated it: nothing was measured."""
        return self.kind == EvidenceKind.ESTIMATE

    @property
    def is_stale(self) -> bool:
        """Return whether what it rests on has moved since."""
        return bool(self.stale_because)

    @property
    def caveat(self) -> str:
        """Return what has to be said wherever it is shown: an estimate, out of date; or ""."""
        words = ((self.is_estimate, _("estimate")), (self.is_stale, _("out of date")))
        return ", ".join(str(word) for applies, word in words if applies)

    @property
    def files(self) -> list[Attachment]:
        """Return what came with it: the source, then notes."""
        return [one for one in (self.attachment, self.notes) if one is not None]

    @property
    def is_withdrawn(self) -> bool:
        """Return whether it no longer counts."""
        return self.withdrawn_at is not None
