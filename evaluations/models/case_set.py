"""The shared examples that every candidate is measured on."""

from __future__ import annotations

import re
from typing import Any

from django.db import models
from django.db.models import OuterRef, Q, Subquery
from django.urls import reverse
from django.utils.text import slugify
from django.utils.translation import gettext_lazy as _

from decisions import clock
from decisions.models import User

NAMED_VERSION = re.compile(r"^(?P<name>.+)@(?P<version>[1-9][0-9]{0,5})$")


class CaseKind(models.TextChoices):
    """What a case asks for."""

    CLASSIFICATION = "classification", _("Classification")


class Split(models.TextChoices):
    """What a case is for. Techniques learn from train, tune on dev and are measured on test."""

    TRAIN = "train", _("Train")
    DEV = "dev", _("Development")
    TEST = "test", _("Test")


class CaseSetQuerySet(models.QuerySet["CaseSet"]):
    """Finds case sets."""

    def newest(self) -> CaseSetQuerySet:
        """Return the newest version of each."""
        versions = CaseSet.objects.filter(slug=OuterRef("slug")).order_by("-version")
        return self.filter(pk=Subquery(versions.values("pk")[:1]))

    def named(self, name: str) -> CaseSet | None:
        """Return a set by name or slug: its newest version, or the one that `name@2` names."""
        match = NAMED_VERSION.match(name)
        wanted, version = (match["name"], match["version"]) if match else (name, None)
        found = self.filter(Q(slug=slugify(wanted)) | Q(slug=wanted) | Q(name=wanted))
        found = found.filter(version=int(version)) if version else found
        return found.order_by("-version").first()


class CaseSet(models.Model):
    """A frozen, content-hashed set of cases; other content under its name is a new version."""

    name = models.CharField(_("name"), max_length=120)
    slug = models.SlugField(max_length=130, editable=False)
    version = models.PositiveIntegerField(_("version"), editable=False)
    kind = models.CharField(
        _("kind"), max_length=20, choices=CaseKind.choices, default=CaseKind.CLASSIFICATION
    )
    digest = models.CharField(_("digest"), max_length=64, editable=False)
    origin = models.TextField(_("where it comes from"), blank=True)
    licence = models.CharField(_("licence"), max_length=200, blank=True)
    # In the order techniques see them: {"slug", "name", "description"} each.
    labels = models.JSONField(_("labels"), default=list, blank=True)
    # Split → number of cases, and what the import found: duplicates, overlaps, contradictions.
    counts = models.JSONField(default=dict, editable=False)
    findings = models.JSONField(default=dict, editable=False)
    created_by = models.ForeignKey(
        User, null=True, blank=True, on_delete=models.PROTECT, related_name="+", editable=False
    )
    created_at = models.DateTimeField(default=clock.now, editable=False)

    objects = CaseSetQuerySet.as_manager()

    class Meta:
        ordering = ["name", "-version"]
        constraints = [
            models.UniqueConstraint(fields=["slug", "version"], name="case_set_version_once"),
            models.UniqueConstraint(fields=["slug", "digest"], name="case_set_content_once"),
            models.CheckConstraint(
                condition=Q(kind__in=CaseKind.values), name="case_set_kind_known"
            ),
        ]

    def __str__(self) -> str:
        return _("%(name)s, version %(version)s") % {"name": self.name, "version": self.version}

    def get_absolute_url(self) -> str:
        """Return the address of this version's page."""
        return f"{reverse('evaluations:case_set', args=[self.slug])}?version={self.version}"

    @property
    def total(self) -> int:
        """Return the number of cases."""
        return sum(self.counts.values())

    def count(self, split: str) -> int:
        """Return the number of cases in a split."""
        return int(self.counts.get(split, 0))

    def splits(self) -> list[tuple[Any, int]]:
        """Return (split's label, number of cases) for the splits that hold any."""
        return [(split.label, self.count(split)) for split in Split if self.count(split)]

    def label_names(self) -> dict[str, str]:
        """Return the names of the labels by slug; a label without a name goes by its slug."""
        return {label["slug"]: label.get("name") or label["slug"] for label in self.labels}


class CaseQuerySet(models.QuerySet["Case"]):
    """Finds cases."""

    def matching(self, text: str) -> CaseQuerySet:
        """Return those with this text in their input, expected answer or key."""
        return self.filter(
            Q(input__icontains=text) | Q(expected__icontains=text) | Q(key__iexact=text)
        )


class Case(models.Model):
    """One example: an input and the answer that is expected."""

    case_set = models.ForeignKey(CaseSet, on_delete=models.CASCADE, related_name="cases")
    key = models.CharField(_("key"), max_length=100)
    split = models.CharField(_("split"), max_length=10, choices=Split.choices)
    input = models.TextField(_("input"))
    expected = models.TextField(_("expected answer"))
    position = models.PositiveIntegerField()
    # Of the input without differences of case and spacing: finds duplicates and overlaps.
    input_digest = models.CharField(max_length=64, editable=False)

    objects = CaseQuerySet.as_manager()

    class Meta:
        ordering = ["position"]
        indexes = [
            models.Index(fields=["case_set", "split", "position"], name="case_in_order"),
            models.Index(fields=["case_set", "input_digest"], name="case_by_input"),
        ]
        constraints = [
            models.UniqueConstraint(fields=["case_set", "key"], name="case_key_once"),
            models.CheckConstraint(condition=Q(split__in=Split.values), name="case_split_known"),
        ]

    def __str__(self) -> str:
        return self.key
