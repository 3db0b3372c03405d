"""Imports of cases, documents and results: what was asked for, how far, what became of it."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from decisions import clock
from decisions.models import User
from evaluations.models.case_set import CaseSet
from evaluations.models.corpus import Corpus
from evaluations.models.frozen import Frozen


class ImportState(models.TextChoices):
    """How far an import has come."""

    REQUESTED = "requested", _("Waiting for a worker")
    RUNNING = "running", _("Running")
    FINISHED = "finished", _("Finished")
    FAILED = "failed", _("Failed")
    CANCELLED = "cancelled", _("Cancelled")


class ImportStep(models.TextChoices):
    """What an import is doing."""

    CHECKING = "checking", _("Checking every row")
    WRITING = "writing", _("Writing")
    COMPARING = "comparing", _("Looking for duplicates")
    COUNTING = "counting", _("Working out the figures")


class Imports(models.TextChoices):
    """What is being brought in."""

    CASES = "cases", _("Case set")
    DOCUMENTS = "documents", _("Corpus")
    RESULTS = "results", _("Results of another tool")


OPEN_IMPORTS = [ImportState.REQUESTED, ImportState.RUNNING]
# Workers that an import may outlive before it counts as what ends them.
MOST_ATTEMPTS = 3


def silence_allowed() -> timedelta:
    """Return for how long an import may not be heard of before its worker counts as dead.

    Looking for duplicates is one query, during which it cannot speak.
    """
    return timedelta(seconds=2 * float(settings.EVALUATION_LEASE_SECONDS))


class ImportQuerySet(models.QuerySet["Import"]):
    """Finds imports."""

    def visible_to(self, user: User) -> ImportQuerySet:
        """Return the person's own; administrators see all."""
        return self.all() if user.is_superuser else self.filter(requested_by=user)

    def open(self) -> ImportQuerySet:
        """Return those that have not ended."""
        return self.filter(state__in=OPEN_IMPORTS)

    def abandoned(self, now: datetime) -> ImportQuerySet:
        """Return those whose worker has not been heard of for too long."""
        silent_since = now - silence_allowed()
        return self.filter(state=ImportState.RUNNING, heard_at__lt=silent_since)

    def claimable(self, now: datetime) -> ImportQuerySet:
        """Return those that wait, and those whose worker died; a command's own are never taken."""
        waiting = Q(state=ImportState.REQUESTED) | Q(pk__in=self.abandoned(now).values("pk"))
        return self.filter(waiting).exclude(upload="")


class Import(models.Model):
    """One bringing-in of cases, documents or results; while it works, its row carries a token."""

    what = models.CharField(max_length=10, choices=Imports.choices)
    name = models.CharField(_("name"), max_length=120)
    # Where the files lie until they are in; empty for a process that reads them where they are.
    upload = models.CharField(max_length=60, blank=True)
    files = models.JSONField(_("files"), default=list)
    # The mapping and what else was said: columns, kind, corpus, origin, licence, visibility; of
    # results, which system in the file is which candidate.
    options = models.JSONField(default=dict)
    state = models.CharField(
        _("state"), max_length=10, choices=ImportState.choices, default=ImportState.REQUESTED
    )
    step = models.CharField(max_length=10, choices=ImportStep.choices, default=ImportStep.CHECKING)
    # Rows so far in this step, and their number where it is known.
    done = models.PositiveIntegerField(default=0)
    total = models.PositiveIntegerField(null=True, blank=True)
    error = models.TextField(_("why it failed"), blank=True)
    outcome = models.TextField(_("what became of it"), blank=True)
    # What is being written, and afterwards what came of it.
    case_set = models.ForeignKey(
        CaseSet, null=True, blank=True, on_delete=models.SET_NULL, related_name="imports"
    )
    corpus = models.ForeignKey(
        Corpus, null=True, blank=True, on_delete=models.SET_NULL, related_name="imports"
    )
    token = models.CharField(max_length=32, blank=True)
    attempts = models.PositiveSmallIntegerField(default=0)
    requested_by = models.ForeignKey(
        User, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    requested_at = models.DateTimeField(default=clock.now)
    woken_at = models.DateTimeField(null=True, blank=True)
    started_at = models.DateTimeField(null=True, blank=True)
    heard_at = models.DateTimeField(null=True, blank=True)
    finished_at = models.DateTimeField(null=True, blank=True)

    objects = ImportQuerySet.as_manager()

    class Meta:
        ordering = ["-pk"]
        indexes = [models.Index(fields=["state", "heard_at"], name="import_open")]
        constraints = [
            models.CheckConstraint(
                condition=Q(state__in=ImportState.values), name="import_state_known"
            ),
            models.CheckConstraint(condition=Q(what__in=Imports.values), name="import_what_known"),
            models.CheckConstraint(
                condition=Q(state__in=OPEN_IMPORTS, finished_at__isnull=True)
                | (~Q(state__in=OPEN_IMPORTS) & Q(finished_at__isnull=False)),
                name="import_ended_has_finished_at",
            ),
        ]

    def __str__(self) -> str:
        return _("Import of %(name)s") % {"name": self.name}

    def get_absolute_url(self) -> str:
        """Return the address of the import's page."""
        return reverse("evaluations:import", args=[self.pk])

    @property
    def is_open(self) -> bool:
        """Return whether it has not ended."""
        return self.state in OPEN_IMPORTS

    @property
    def is_failed(self) -> bool:
        """Return whether nothing came of it."""
        return self.state == ImportState.FAILED

    @property
    def is_unheard(self) -> bool:
        """Return whether no worker could be told of it yet, for longer than a moment."""
        waited = clock.now() - self.requested_at > timedelta(seconds=3)
        return self.state == ImportState.REQUESTED and self.woken_at is None and waited

    @property
    def percent(self) -> int | None:
        """Return the share of this step that is done, None where the whole is not known."""
        return min(100, 100 * self.done // self.total) if self.total else None

    @property
    def is_look(self) -> bool:
        """Return whether it only finds out what results a file holds."""
        return self.what == Imports.RESULTS and "candidates" not in self.options

    @property
    def made(self) -> Frozen | None:
        """Return the case set or corpus that came of it, once it is ready."""
        if self.what == Imports.RESULTS:
            return None
        found: Any = self.case_set if self.what == Imports.CASES else self.corpus
        return found if found is not None and found.is_ready else None
