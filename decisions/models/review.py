"""Discussion, reviews and signatures."""

from datetime import datetime

from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from decisions import clock
from decisions.models.decision import Decision, Section
from decisions.models.people import Delegation, Role, User


class Verdict(models.TextChoices):
    """What a review says as a whole."""

    COMMENT = "comment", _("Comment")
    REQUEST_CHANGES = "request_changes", _("Request changes")


class Review(models.Model):
    """Comments sent at once, with a verdict on the content the reviewer saw."""

    decision = models.ForeignKey(Decision, on_delete=models.CASCADE, related_name="reviews")
    reviewer = models.ForeignKey(User, on_delete=models.PROTECT, related_name="reviews")
    verdict = models.CharField(_("verdict"), max_length=20, choices=Verdict.choices)
    body = models.TextField(_("comment"), blank=True)
    # That of the content which the reviewer was shown.
    digest = models.CharField(max_length=64)
    round = models.PositiveSmallIntegerField()
    sent_at = models.DateTimeField(default=clock.now)
    lifted_at = models.DateTimeField(null=True, blank=True)
    lifted_by = models.ForeignKey(
        User, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )

    class Meta:
        ordering = ["pk"]
        constraints = [
            models.CheckConstraint(
                condition=Q(verdict__in=Verdict.values), name="review_verdict_known"
            ),
            models.CheckConstraint(
                condition=Q(lifted_at__isnull=True, lifted_by__isnull=True)
                | Q(lifted_at__isnull=False, lifted_by__isnull=False),
                name="review_lifted_at_with_by",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.get_verdict_display()} ({self.reviewer})"

    @property
    def asks_for_changes(self) -> bool:
        """Return whether it still holds the record back."""
        return self.verdict == Verdict.REQUEST_CHANGES and self.lifted_at is None


class Thread(models.Model):
    """A discussion anchored to a section and, where one was quoted, a passage."""

    decision = models.ForeignKey(Decision, on_delete=models.CASCADE, related_name="threads")
    section = models.ForeignKey(
        Section, null=True, blank=True, on_delete=models.CASCADE, related_name="threads"
    )
    quote = models.TextField(_("quoted passage"), blank=True)
    must_fix = models.BooleanField(_("must be fixed before approval"), default=False)
    opened_at = models.DateTimeField(default=clock.now)
    resolved_at = models.DateTimeField(null=True, blank=True)
    resolved_by = models.ForeignKey(
        User, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )

    class Meta:
        ordering = ["opened_at", "pk"]
        constraints = [
            models.CheckConstraint(
                condition=Q(resolved_at__isnull=True, resolved_by__isnull=True)
                | Q(resolved_at__isnull=False, resolved_by__isnull=False),
                name="thread_resolved_at_with_by",
            ),
        ]

    def __str__(self) -> str:
        return f"Thread {self.pk}"

    def get_absolute_url(self) -> str:
        """Return the deep link to the thread."""
        return f"{self.decision.get_absolute_url()}#{self.anchor}"

    @property
    def is_resolved(self) -> bool:
        """Return whether the discussion is over."""
        return self.resolved_at is not None

    @property
    def author_id(self) -> int | None:
        """Return who started the discussion (reads the prefetched comments)."""
        return next((comment.author_id for comment in self.comments.all()), None)

    @property
    def anchor(self) -> str:
        """Return the id of the thread on the record's page."""
        return f"thread-{self.pk}"


class Comment(models.Model):
    """One person's words in a thread."""

    thread = models.ForeignKey(Thread, on_delete=models.CASCADE, related_name="comments")
    author = models.ForeignKey(User, on_delete=models.PROTECT, related_name="comments")
    body = models.TextField(_("comment"))
    review = models.ForeignKey(
        Review, null=True, blank=True, on_delete=models.SET_NULL, related_name="comments"
    )
    written_at = models.DateTimeField(default=clock.now)
    edited_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["written_at", "pk"]

    def __str__(self) -> str:
        return self.body[:60]

    @property
    def said_at(self) -> datetime:
        """Return since when it reads as it does."""
        return self.edited_at or self.written_at

    @property
    def anchor(self) -> str:
        """Return the id of the comment on the record's page."""
        return f"comment-{self.pk}"


class CommentEdit(models.Model):
    """What a comment said before its author changed it."""

    comment = models.ForeignKey(Comment, on_delete=models.CASCADE, related_name="edits")
    body = models.TextField()
    written_at = models.DateTimeField()

    class Meta:
        ordering = ["written_at", "pk"]

    def __str__(self) -> str:
        return self.body[:60]


class PendingComment(models.Model):
    """A comment that its author still holds back, to send it with a review.

    With a `thread` it will be a reply there; otherwise it will open a thread of its own.
    """

    decision = models.ForeignKey(Decision, on_delete=models.CASCADE, related_name="pending")
    author = models.ForeignKey(User, on_delete=models.CASCADE, related_name="pending_comments")
    thread = models.ForeignKey(
        Thread, null=True, blank=True, on_delete=models.CASCADE, related_name="pending"
    )
    section = models.ForeignKey(
        Section, null=True, blank=True, on_delete=models.CASCADE, related_name="pending"
    )
    quote = models.TextField(_("quoted passage"), blank=True)
    must_fix = models.BooleanField(_("must be fixed before approval"), default=False)
    body = models.TextField(_("comment"))
    written_at = models.DateTimeField(default=clock.now)

    class Meta:
        ordering = ["written_at", "pk"]

    def __str__(self) -> str:
        return self.body[:60]


class Look(models.Model):
    """Up to which version a person has looked at a section."""

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="looks")
    section = models.ForeignKey(Section, on_delete=models.CASCADE, related_name="looks")
    # Of the record's content as it stood then.
    digest = models.CharField(max_length=64)
    looked_at = models.DateTimeField(default=clock.now)

    class Meta:
        ordering = ["pk"]
        constraints = [
            models.UniqueConstraint(fields=["user", "section"], name="look_once_per_section")
        ]

    def __str__(self) -> str:
        return f"{self.user}: {self.section}"


class Meaning(models.TextChoices):
    """What a signature says."""

    APPROVE = "approve", _("I approve this recommendation")
    APPROVE_WITH_RESERVATION = (
        "approve_with_reservation",
        _("I approve it, with a reservation"),
    )
    REJECT = "reject", _("I reject this recommendation")


APPROVING = [Meaning.APPROVE, Meaning.APPROVE_WITH_RESERVATION]


class SignOff(models.Model):
    """A person's signature for a role on a content digest. Whether it holds is never stored."""

    decision = models.ForeignKey(Decision, on_delete=models.PROTECT, related_name="sign_offs")
    # Who signed; the printed name is theirs at that time.
    user = models.ForeignKey(User, on_delete=models.PROTECT, related_name="sign_offs")
    # The signatory in whose place they signed, if it was not their own.
    signed_for = models.ForeignKey(
        User, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    delegation = models.ForeignKey(
        Delegation, null=True, blank=True, on_delete=models.PROTECT, related_name="sign_offs"
    )
    role = models.CharField(_("role"), max_length=20, choices=Role.choices)
    printed_name = models.CharField(_("printed name"), max_length=150)
    printed_for = models.CharField(_("for"), max_length=150, blank=True)
    meaning = models.CharField(_("meaning"), max_length=30, choices=Meaning.choices)
    text = models.TextField(_("reservation or reason"), blank=True)
    digest = models.CharField(_("digest of what was signed"), max_length=64)
    version = models.PositiveIntegerField(_("version"))
    round = models.PositiveSmallIntegerField()
    policy = models.JSONField(default=dict)
    method = models.CharField(_("re-authentication"), max_length=20, default="password")
    time_zone = models.CharField(_("signer's time zone"), max_length=64)
    signed_at = models.DateTimeField(default=clock.now)
    # Nobody gave it here: an imported file says that it was given.
    is_imported = models.BooleanField(default=False, editable=False)

    class Meta:
        ordering = ["pk"]  # under the record's lock keys rise, clocks may not
        constraints = [
            models.CheckConstraint(
                condition=Q(meaning__in=Meaning.values), name="signature_meaning_known"
            ),
            models.CheckConstraint(
                condition=Q(meaning=Meaning.APPROVE) | ~Q(text=""),
                name="signature_dissent_has_text",
            ),
            models.CheckConstraint(condition=Q(role__in=Role.values), name="signature_role_known"),
            models.CheckConstraint(
                condition=Q(signed_for__isnull=True, delegation__isnull=True, printed_for="")
                | (
                    Q(signed_for__isnull=False, delegation__isnull=False)
                    & ~Q(printed_for="")
                    & ~Q(signed_for=F("user"))
                ),
                name="signature_for_another_by_delegation",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.printed_name} ({self.get_role_display()})"

    @property
    def approves(self) -> bool:
        """Return whether it speaks for the recommendation."""
        return self.meaning in APPROVING

    @property
    def seat(self) -> tuple[int, str]:
        """Return whose place it fills: the signatory's id, and the role."""
        return (self.signed_for_id or self.user_id, self.role)

    @property
    def in_words(self) -> str:
        """Return who signed: "Ana Duarte", or "Ana Duarte for Bo Lind"; if a file says so, that."""
        names = {"name": self.printed_name, "giver": self.printed_for}
        told = gettext("%(name)s for %(giver)s") % names if self.printed_for else self.printed_name
        return gettext("%(name)s (as imported)") % {"name": told} if self.is_imported else told
