"""Model servers: where they are, how they may be used, and what their use has come to."""

from __future__ import annotations

from decimal import Decimal

from django.db import models
from django.db.models import Q
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from decisions import clock
from decisions.crypto import EncryptedTextField
from decisions.models import User
from evaluations.models.run import MOST_AT_ONCE

LONGEST_WAIT = 3600  # seconds
MOST_RETRIES = 20


class Flavour(models.TextChoices):
    """How a server wants to be addressed."""

    OPENAI = "openai", _("OpenAI's protocol")
    AZURE = "azure", _("Azure OpenAI")


class EndpointQuerySet(models.QuerySet["Endpoint"]):
    """Finds endpoints."""

    def usable(self) -> EndpointQuerySet:
        """Return those that are not archived."""
        return self.filter(archived_at__isnull=True)


class EndpointManager(models.Manager["Endpoint"]):
    """Leaves the keys where they are until one is asked for."""

    def get_queryset(self) -> EndpointQuerySet:
        """Return all, so that one whose key can no longer be read can still be shown."""
        return EndpointQuerySet(self.model, using=self._db).defer("key")

    def usable(self) -> EndpointQuerySet:
        """Return those that are not archived."""
        return self.get_queryset().usable()


class Endpoint(models.Model):
    """A server that speaks the OpenAI protocol, with its limits and what was spent there."""

    name = models.CharField(_("name"), max_length=100)
    # What specs and runs call it; never given to another one.
    slug = models.SlugField(_("short name"), max_length=60, unique=True)
    base_url = models.URLField(_("address"), max_length=500)
    flavour = models.CharField(
        _("protocol"), max_length=10, choices=Flavour.choices, default=Flavour.OPENAI
    )
    api_version = models.CharField(_("API version"), max_length=40, blank=True)
    # Shown to nobody; empty for a server that asks for none.
    key = EncryptedTextField(_("key"), blank=True)
    # Seconds that one attempt may take, and how often a failed one is repeated.
    timeout = models.PositiveIntegerField(_("longest wait"), default=60)
    retries = models.PositiveSmallIntegerField(_("retries"), default=5)
    concurrency = models.PositiveSmallIntegerField(_("at once"), default=8)
    # What may be spent there in all; empty means without limit. Money is in US dollars.
    budget_requests = models.PositiveBigIntegerField(_("requests"), null=True, blank=True)
    budget_tokens = models.PositiveBigIntegerField(_("tokens"), null=True, blank=True)
    budget_money = models.DecimalField(
        _("US dollars"), max_digits=16, decimal_places=2, null=True, blank=True
    )
    spent_requests = models.PositiveBigIntegerField(default=0)
    spent_input_tokens = models.PositiveBigIntegerField(default=0)
    spent_output_tokens = models.PositiveBigIntegerField(default=0)
    spent_cost = models.DecimalField(max_digits=18, decimal_places=9, default=Decimal(0))
    # Answered requests whose cost nobody knows: what was spent is at least `spent_cost`.
    spent_unpriced = models.PositiveBigIntegerField(default=0)
    # US dollars a million tokens, where the published price is not what is paid.
    price_input = models.DecimalField(
        _("price of input"), max_digits=14, decimal_places=6, null=True, blank=True
    )
    price_output = models.DecimalField(
        _("price of output"), max_digits=14, decimal_places=6, null=True, blank=True
    )
    created_at = models.DateTimeField(default=clock.now)
    created_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    archived_at = models.DateTimeField(null=True, blank=True)
    archived_by = models.ForeignKey(
        User, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )

    objects = EndpointManager()

    class Meta:
        ordering = ["name", "pk"]
        constraints = [
            models.CheckConstraint(
                condition=Q(flavour__in=Flavour.values), name="endpoint_protocol_known"
            ),
            models.CheckConstraint(
                condition=~Q(flavour=Flavour.AZURE) | ~Q(api_version=""),
                name="endpoint_azure_has_version",
            ),
            models.CheckConstraint(
                condition=Q(timeout__range=(1, LONGEST_WAIT)), name="endpoint_wait_in_range"
            ),
            models.CheckConstraint(
                condition=Q(retries__range=(0, MOST_RETRIES)), name="endpoint_retries_in_range"
            ),
            models.CheckConstraint(
                condition=Q(concurrency__range=(1, MOST_AT_ONCE)), name="endpoint_at_once_in_range"
            ),
            models.CheckConstraint(
                condition=Q(budget_money__isnull=True) | Q(budget_money__gte=0),
                name="endpoint_money_not_negative",
            ),
            models.CheckConstraint(
                condition=Q(spent_cost__gte=0), name="endpoint_cost_not_negative"
            ),
            models.CheckConstraint(
                condition=Q(price_input__isnull=True, price_output__isnull=True)
                | Q(
                    price_input__isnull=False,
                    price_output__isnull=False,
                    price_input__gte=0,
                    price_output__gte=0,
                ),
                name="endpoint_prices_both_or_none",
            ),
            models.CheckConstraint(
                condition=Q(archived_at__isnull=True, archived_by__isnull=True)
                | Q(archived_at__isnull=False, archived_by__isnull=False),
                name="endpoint_archived_at_with_by",
            ),
        ]

    def __str__(self) -> str:
        return self.name

    def get_absolute_url(self) -> str:
        """Return the address of the page with its settings and what was spent."""
        return reverse("endpoints:endpoint", args=[self.pk])

    @property
    def is_archived(self) -> bool:
        """Return whether it is kept for what was measured there, and used no more."""
        return self.archived_at is not None

    @property
    def spent_tokens(self) -> int:
        """Return the tokens that went in and came out."""
        return self.spent_input_tokens + self.spent_output_tokens
