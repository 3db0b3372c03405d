"""People, their roles, and who takes part in which decision."""

from __future__ import annotations

from django.contrib.auth.models import AbstractUser
from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Lower
from django.utils.translation import gettext, pgettext_lazy
from django.utils.translation import gettext_lazy as _

from decisions import clock


class Role(models.TextChoices):
    """The four sides that know a part of the answer."""

    BUSINESS = "business", _("Business")
    DATA_SCIENCE = "data_science", _("Data science")
    DEVOPS = "devops", _("DevOps")
    UX = "ux", _("UX")


class User(AbstractUser):
    """A person who signs in; `name` is printed under their signatures."""

    first_name = None  # type: ignore[assignment]
    last_name = None  # type: ignore[assignment]
    name = models.CharField(_("name"), max_length=150)
    email = models.EmailField(_("e-mail address"), unique=True)
    time_zone = models.CharField(_("time zone"), max_length=64, default="UTC")
    desk_seen_at = models.DateTimeField(null=True, blank=True, editable=False)
    # The kinds of notice that are kept in the app only, see decisions.models.notice.
    unmailed = models.JSONField(default=list, blank=True, editable=False)
    # Set for who is only named in imported records: the number that the file has for them, which
    # tells namesakes apart. Nobody signs in as them, and nothing said of them was done here.
    known_by = models.CharField(max_length=20, blank=True, editable=False)

    REQUIRED_FIELDS = ["name", "email"]

    class Meta:
        verbose_name = pgettext_lazy("a human being", "person")
        verbose_name_plural = _("people")
        constraints = [
            # Signing in looks the address up whatever its case.
            models.UniqueConstraint(Lower("email"), name="person_email_once"),
            models.CheckConstraint(
                condition=Q(known_by="") | Q(is_active=False),
                name="person_as_imported_never_signs_in",
            ),
            models.UniqueConstraint(
                fields=["known_by", "name"],
                condition=~Q(known_by=""),
                name="person_as_imported_once",
            ),
        ]

    def __str__(self) -> str:
        if self.known_by:
            return gettext("%(name)s (as imported)") % {"name": self.name}
        return self.name or self.username

    def get_full_name(self) -> str:
        """Return the name as it is printed."""
        return str(self)

    def get_short_name(self) -> str:
        """Return the name's first word."""
        return str(self).split(" ", 1)[0]

    def saw_desk(self) -> None:
        """Note that the person has looked at their desk."""
        User.objects.filter(pk=self.pk).update(desk_seen_at=clock.now())


class Participant(models.Model):
    """One person in one role on one decision."""

    decision = models.ForeignKey(
        "decisions.Decision", on_delete=models.CASCADE, related_name="participants"
    )
    user = models.ForeignKey(User, on_delete=models.PROTECT, related_name="participations")
    role = models.CharField(_("role"), max_length=20, choices=Role.choices)
    is_signatory = models.BooleanField(_("signs for the role"), default=False)

    class Meta:
        ordering = ["role", "pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["decision", "user", "role"], name="participant_once_per_role"
            ),
            models.CheckConstraint(
                condition=models.Q(role__in=Role.values), name="participant_role_known"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.user} ({self.get_role_display()})"

    @property
    def has_seat(self) -> bool:
        """Return whether their signature is asked for here.

        Who is only named in a file signs nothing: they have a seat only where the file alone says
        that the record was approved.
        """
        is_here = not self.user.known_by or self.decision.is_approved_elsewhere
        return self.is_signatory and is_here


class DelegationQuerySet(models.QuerySet["Delegation"]):
    """Finds delegations."""

    def open(self) -> DelegationQuerySet:
        """Return those that were not ended and have not run out, accepted or only offered."""
        lasting = Q(until__isnull=True) | Q(until__gt=clock.now())
        return self.filter(lasting, ended_at__isnull=True)

    def in_force(self) -> DelegationQuerySet:
        """Return those that were accepted, not ended, and have not run out."""
        return self.open().filter(accepted_at__isnull=False, giver__is_active=True)

    def of_concern_to(self, user: User) -> DelegationQuerySet:
        """Return those that `user` gave or was offered, newest first."""
        mine = Q(giver=user) | Q(taker=user)
        return (
            self.filter(mine).select_related("giver", "taker", "decision").order_by("-offered_at")
        )


class Delegation(models.Model):
    """One person's leave for another to sign in their place: "A for B".

    It covers one decision, or all of them until a day; it passes on only what the giver holds
    themself, so there are no chains.
    """

    giver = models.ForeignKey(User, on_delete=models.PROTECT, related_name="delegations_given")
    taker = models.ForeignKey(User, on_delete=models.PROTECT, related_name="delegations_taken")
    decision = models.ForeignKey(
        "decisions.Decision",
        null=True,
        blank=True,
        on_delete=models.CASCADE,
        related_name="delegations",
    )
    reason = models.CharField(_("reason"), max_length=300, blank=True)
    until = models.DateTimeField(_("until"), null=True, blank=True)
    offered_at = models.DateTimeField(default=clock.now)
    accepted_at = models.DateTimeField(null=True, blank=True)
    # Declined by the taker, or revoked by the giver, or given back.
    ended_at = models.DateTimeField(null=True, blank=True)
    ended_by = models.ForeignKey(
        User, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )

    objects = DelegationQuerySet.as_manager()

    class Meta:
        ordering = ["offered_at", "pk"]
        constraints = [
            models.CheckConstraint(condition=~Q(giver=F("taker")), name="delegation_to_another"),
            models.CheckConstraint(
                condition=Q(decision__isnull=False) | Q(until__isnull=False),
                name="delegation_has_bounds",
            ),
            models.CheckConstraint(
                condition=Q(ended_at__isnull=True, ended_by__isnull=True)
                | Q(ended_at__isnull=False, ended_by__isnull=False),
                name="delegation_ended_at_with_by",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.taker} for {self.giver}"

    @property
    def has_run_out(self) -> bool:
        """Return whether its last moment has passed."""
        return self.until is not None and self.until <= clock.now()

    @property
    def is_in_force(self) -> bool:
        """Return whether the taker may sign for the giver now."""
        stands = self.accepted_at is not None and self.ended_at is None and not self.has_run_out
        return stands and self.giver.is_active

    @property
    def is_offered(self) -> bool:
        """Return whether the taker still has to answer."""
        return self.accepted_at is None and self.ended_at is None and not self.has_run_out

    def covers(self, decision_id: int) -> bool:
        """Return whether it is about this decision."""
        return self.decision_id in (None, decision_id)
