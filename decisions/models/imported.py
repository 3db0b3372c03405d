"""That a record came in from a file, and what the file said."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.db import models
from django.utils.translation import gettext_lazy as _

from decisions import clock
from decisions.exports.verify_report import Verdict
from decisions.models.decision import Decision, Status
from decisions.models.people import User


class Import(models.Model):
    """A record's coming in: what the file says of people's acts is vouched for by it alone."""

    decision = models.OneToOneField(Decision, on_delete=models.PROTECT, related_name="imported")
    # What the record was called where the file was made, and how it came in here.
    reference = models.CharField(_("reference"), max_length=20)
    status = models.CharField(max_length=20, choices=Status.choices)
    digest = models.CharField(max_length=64)
    # The record that was here before and of which the file tells more, if there was one.
    follows = models.ForeignKey(
        Decision, on_delete=models.PROTECT, null=True, related_name="followed_by"
    )
    # Of the whole file that came in.
    sha256 = models.CharField(_("SHA-256 of the file"), max_length=64)
    # The archive, canonical, without attached files and single cases: their own log among it.
    archive = models.TextField()
    # Whom the file names, in its order: the keys of the people as imported.
    people: Any = models.JSONField(default=list)
    # The verifier's verdict on the file, and by whom and when that was sealed, if it was.
    verified: Any = models.JSONField(default=dict, blank=True)
    # What the file tells and this installation could not take in, in sentences.
    left_out: Any = models.JSONField(default=list, blank=True)
    at = models.DateTimeField(default=clock.now)
    by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")

    class Meta:
        ordering = ["pk"]

    def __str__(self) -> str:
        return f"{self.decision.reference}, elsewhere {self.reference}"

    @property
    def seal_in_words(self) -> str:
        """Return what vouches for the file, in a sentence."""
        return seal_in_words(self.verified)


def seal_in_words(verified: Mapping[str, str]) -> str:
    """Return what vouches for a file of which the verifier said this, in a sentence."""
    match verified.get("verdict"):
        case Verdict.INTACT:
            told = _("The file was sealed by %(sealed_by)s, %(sealed_at)s, and not changed.")
        case Verdict.UNKNOWN_AUTHORITY:
            told = _(
                "The file was sealed by “%(sealed_by)s”, and not changed; but that seal is not "
                "known here: anyone can give themselves that name."
            )
        case _unsealed:
            told = _("The file bears no seal: nothing vouches for who made it.")
    return str(told) % verified
