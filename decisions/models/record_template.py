"""What a new record starts with, and who signs it. Two ship; an installation may add its own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.db import models
from django.urls import reverse
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

if TYPE_CHECKING:
    from decisions.section_kinds import SectionKind
    from decisions.signing_policy import SigningPolicy


class RecordTemplate(models.Model):
    """What a record of this kind holds; the policy is copied into the record at submission.

    `sections` is a list of {"kind", "role"} in the record's order; `goals` a list of goals that
    start filled in, each as `actions.rows.add_goal` takes it; `policy` is read by
    `decisions.signing_policy`.
    """

    key = models.SlugField(_("key"), unique=True, max_length=50)
    title = models.CharField(_("title"), max_length=100)
    description = models.CharField(_("description"), max_length=300, blank=True)
    sections: Any = models.JSONField(_("parts"), default=list)
    goals: Any = models.JSONField(_("goals to start with"), default=list, blank=True)
    policy: Any = models.JSONField(_("who signs"), default=dict)
    is_retired = models.BooleanField(_("no longer offered"), default=False)
    token = models.PositiveIntegerField(default=0, editable=False)

    class Meta:
        ordering = ["pk"]

    def __str__(self) -> str:
        # The shipped ones are in the catalogue of messages; others stand as they were written.
        return gettext(self.title)

    def get_absolute_url(self) -> str:
        """Return the address where it is shown and changed."""
        return reverse("decisions:template", args=[self.key])

    @property
    def about(self) -> str:
        """Return what it is for, in the reader's language if it ships."""
        return gettext(self.description) if self.description else ""

    @property
    def signing_policy(self) -> SigningPolicy:
        """Return who has to sign a record of this kind."""
        from decisions.signing_policy import SigningPolicy

        return SigningPolicy.from_json(self.policy)

    @property
    def parts(self) -> list[tuple[SectionKind, str]]:
        """Return the parts of such a record with the role that writes each, in order."""
        from decisions.section_kinds import SECTION_KINDS

        return [(SECTION_KINDS[one["kind"]], one["role"]) for one in self.sections]
