"""What is brought in once and never changes: versions, digest, readiness, and who may read it."""

from __future__ import annotations

import re
from typing import Any, TypeVar

from django.db import models
from django.db.models import OuterRef, Q, Subquery
from django.utils.text import slugify
from django.utils.translation import gettext_lazy as _

from decisions import clock
from decisions.models import Decision, User

NAMED_VERSION = re.compile(r"^(?P<name>.+)@(?P<version>[1-9][0-9]{0,5})$")


class Readers(models.TextChoices):
    """Who may read what was brought in."""

    EVERYONE = "everyone", _("Everyone signed in")
    INVOLVED = (
        "involved",
        _("Only who brought it in, and who takes part in a record that measured on it"),
    )


FrozenModel = TypeVar("FrozenModel", bound="Frozen")


class FrozenQuerySet(models.QuerySet[FrozenModel]):
    """Finds what was brought in."""

    def ready(self) -> Any:
        """Return those that are whole; the others are still being written."""
        return self.filter(is_ready=True)

    def newest(self) -> Any:
        """Return the newest version of each among these."""
        versions = self.order_by("-version").filter(slug=OuterRef("slug"))
        return self.filter(pk=Subquery(versions.values("pk")[:1]))

    def named(self, name: str) -> FrozenModel | None:
        """Return one by name or slug: its newest version, or the one that `name@2` names."""
        match = NAMED_VERSION.match(name)
        wanted, version = (match["name"], match["version"]) if match else (name, None)
        found = self.filter(Q(slug=slugify(wanted)) | Q(slug=wanted) | Q(name=wanted))
        found = found.filter(version=int(version)) if version else found
        return found.order_by("-version").first()

    def visible_to(self, user: User) -> Any:
        """Return what `user` may read: what is open to all, their own, what they measured on."""
        if user.is_superuser:
            return self.all()
        records = Decision.objects.involving(user)
        measured = self.model._base_manager.filter(
            **{f"{self.model.measured_by}__candidate__decision__in": records}
        )
        open_to_all = Q(visibility=Readers.EVERYONE)
        return self.filter(open_to_all | Q(created_by=user) | Q(pk__in=measured.values("pk")))


class Frozen(models.Model):
    """A version of something that people brought in under a name."""

    # The way from here to the runs that used it.
    measured_by = "runs"

    name = models.CharField(_("name"), max_length=120)
    slug = models.SlugField(max_length=130, editable=False)
    # 0 until it is ready: only then it takes its place among the versions.
    version = models.PositiveIntegerField(_("version"), editable=False)
    digest = models.CharField(_("digest"), max_length=64, editable=False)
    origin = models.TextField(_("where it comes from"), blank=True)
    licence = models.CharField(_("licence"), max_length=200, blank=True)
    visibility = models.CharField(
        _("who may read it"), max_length=10, choices=Readers.choices, default=Readers.EVERYONE
    )
    # Its rows are written in many short transactions; until the last one nobody sees any.
    is_ready = models.BooleanField(default=True, editable=False)
    created_by = models.ForeignKey(
        User, null=True, blank=True, on_delete=models.PROTECT, related_name="+", editable=False
    )
    created_at = models.DateTimeField(default=clock.now, editable=False)

    class Meta:
        abstract = True

    def __str__(self) -> str:
        return _("%(name)s, version %(version)s") % {"name": self.name, "version": self.version}

    @property
    def is_open_to_all(self) -> bool:
        """Return whether everyone who is signed in may read it."""
        return self.visibility == Readers.EVERYONE

    def is_visible_to(self, user: User) -> bool:
        """Return whether `user` may read it."""
        if self.is_open_to_all or user.is_superuser or self.created_by_id == user.pk:
            return True
        return bool(type(self).objects.visible_to(user).filter(pk=self.pk).exists())  # type: ignore[attr-defined]
