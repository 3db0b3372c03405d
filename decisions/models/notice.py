"""What people and other systems are told: notices in the app, mail, and webhooks."""

from __future__ import annotations

import uuid

from django.db import models
from django.db.models import Q
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from decisions import clock
from decisions.crypto import EncryptedTextField
from decisions.models.audit import Event
from decisions.models.decision import Decision
from decisions.models.people import User


class NoticeKind(models.TextChoices):
    """Why a person is told; each can be kept out of the mail, see `User.unmailed`."""

    WRITE = "write", _("A part is yours to write")
    SIGN = "sign", _("A record is ready for your signature")
    LAPSED = "lapsed", _("A record changed after you signed it")
    OWNER = "owner", _("A record you drive waits for your next step")
    MENTION = "mention", _("Someone mentions you")
    DISCUSSION = "discussion", _("Someone comments on your part, or answers you")
    DELEGATION = "delegation", _("Someone asks you to sign for them, or answers that")
    OUTCOME = "outcome", _("A record you take part in is approved, rejected, reopened or given up")
    RATE = "rate", _("Someone asks you which answers are better")
    REMINDER = "reminder", _("A due date comes near or has passed")


class Dispatch(models.TextChoices):
    """How far something has come that is sent out."""

    WAITING = "waiting", _("Waiting")
    SENDING = "sending", _("Being sent")
    SENT = "sent", _("Sent")
    FAILED = "failed", _("Given up")


class Outgoing(models.Model):
    """What mail and deliveries share: the row owns the work, a worker claims it for a while."""

    state = models.CharField(max_length=10, choices=Dispatch.choices, default=Dispatch.WAITING)
    attempts = models.PositiveSmallIntegerField(default=0)
    next_attempt_at = models.DateTimeField(default=clock.now)
    claimed_at = models.DateTimeField(null=True, blank=True)
    sent_at = models.DateTimeField(null=True, blank=True)
    error = models.TextField(blank=True)
    created_at = models.DateTimeField(default=clock.now)

    class Meta:
        abstract = True


class Mail(Outgoing):
    """One message to one person, kept so that the app's mail page can show it."""

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="mail")
    to = models.EmailField()
    subject = models.CharField(max_length=250)
    body = models.TextField()
    html = models.TextField(blank=True)

    class Meta:
        ordering = ["-created_at", "-pk"]
        verbose_name_plural = _("mail")
        indexes = [models.Index(fields=["state", "next_attempt_at"], name="mail_to_send")]
        constraints = [
            models.CheckConstraint(condition=Q(state__in=Dispatch.values), name="mail_state_known")
        ]

    def __str__(self) -> str:
        return self.subject


class Notice(models.Model):
    """One thing that one person is told about one record."""

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="notices")
    decision = models.ForeignKey(
        Decision, null=True, blank=True, on_delete=models.CASCADE, related_name="notices"
    )
    event = models.ForeignKey(
        Event, null=True, blank=True, on_delete=models.PROTECT, related_name="notices"
    )
    kind = models.CharField(max_length=20, choices=NoticeKind.choices)
    # What it is told once for: the same key is never told twice to the same person.
    key = models.CharField(max_length=100)
    # The sentence's words; the sentence itself is made when it is shown, in the reader's language.
    data = models.JSONField(default=dict, blank=True)
    url = models.CharField(max_length=300, blank=True)
    is_urgent = models.BooleanField(default=False)
    # When it happened, and when the person was told: later, if no worker was up.
    created_at = models.DateTimeField(default=clock.now)
    told_at = models.DateTimeField(default=clock.now)
    read_at = models.DateTimeField(null=True, blank=True)
    # Since when it asks nothing any more: they have signed, the thread is resolved.
    settled_at = models.DateTimeField(null=True, blank=True)
    mail = models.ForeignKey(
        Mail, null=True, blank=True, on_delete=models.SET_NULL, related_name="notices"
    )
    # Mailed, or found not to need a mail.
    is_dealt_with = models.BooleanField(default=False)

    class Meta:
        ordering = ["-created_at", "-pk"]
        indexes = [
            models.Index(fields=["user", "read_at"], name="notice_unread"),
            models.Index(
                fields=["user", "created_at"],
                condition=Q(is_dealt_with=False),
                name="notice_to_mail",
            ),
        ]
        constraints = [
            models.UniqueConstraint(fields=["user", "key"], name="notice_once_per_key"),
            models.CheckConstraint(
                condition=Q(kind__in=NoticeKind.values), name="notice_kind_known"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.user}: {self.get_kind_display()}"


class WebhookManager(models.Manager["Webhook"]):
    """Leaves the secrets where they are until one is asked for."""

    def get_queryset(self) -> models.QuerySet[Webhook]:
        """Return all, so that one whose secret can no longer be read can still be shown."""
        return super().get_queryset().defer("secret", "former_secret")


class Webhook(models.Model):
    """An address of another system that is told of what happens to records."""

    name = models.CharField(_("name"), max_length=100)
    url = models.URLField(_("address"), max_length=500)
    secret = EncryptedTextField(_("signing secret"))
    # The kinds of event it is told of; none means all.
    kinds = models.JSONField(_("events"), default=list, blank=True)
    # Whether it is told of records that only participants may read as of any other.
    carries_restricted = models.BooleanField(_("restricted records in full"), default=False)
    is_active = models.BooleanField(_("is on"), default=True)
    # Why it is off, if no person switched it off.
    off_because = models.CharField(max_length=300, blank=True)
    # After a change the earlier secret signs too for a while, so that receivers can follow.
    former_secret = EncryptedTextField(blank=True)
    former_until = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(default=clock.now)
    created_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")

    objects = WebhookManager()

    class Meta:
        ordering = ["name", "pk"]

    def __str__(self) -> str:
        return self.name

    def get_absolute_url(self) -> str:
        """Return the address of the page with its settings and its log."""
        return reverse("webhooks:webhook", args=[self.pk])

    def asks_for(self, kind: str) -> bool:
        """Return whether it is told of this kind of event."""
        return not self.kinds or kind in self.kinds


class Delivery(Outgoing):
    """One event on its way to one webhook, with the exact bytes that are signed and sent."""

    webhook = models.ForeignKey(Webhook, on_delete=models.CASCADE, related_name="deliveries")
    # None for a test.
    event = models.ForeignKey(
        Event, null=True, blank=True, on_delete=models.PROTECT, related_name="deliveries"
    )
    uid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    body = models.TextField()

    class Meta:
        ordering = ["-created_at", "-pk"]
        verbose_name_plural = _("deliveries")
        indexes = [models.Index(fields=["state", "next_attempt_at"], name="delivery_to_send")]
        constraints = [
            models.UniqueConstraint(fields=["webhook", "event"], name="delivery_once_per_event"),
            models.CheckConstraint(
                condition=Q(state__in=Dispatch.values), name="delivery_state_known"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.webhook}: {self.uid}"

    def get_absolute_url(self) -> str:
        """Return the address of the page with its body and its attempts."""
        return reverse("webhooks:delivery", args=[self.pk])

    @property
    def is_test(self) -> bool:
        """Return whether somebody asked for it to see what comes back."""
        return self.event_id is None

    @property
    def is_under_way(self) -> bool:
        """Return whether a worker still has to do something about it."""
        return self.state in {Dispatch.WAITING, Dispatch.SENDING}


class Attempt(models.Model):
    """One try at a delivery: the log's line."""

    delivery = models.ForeignKey(Delivery, on_delete=models.CASCADE, related_name="tries")
    at = models.DateTimeField(default=clock.now)
    seconds = models.FloatField()
    status = models.PositiveSmallIntegerField(null=True, blank=True)
    response = models.TextField(blank=True)
    error = models.TextField(blank=True)

    class Meta:
        ordering = ["at", "pk"]

    def __str__(self) -> str:
        return f"{self.at:%H:%M:%S} {self.status or self.error}"
