"""People, their roles, and who takes part in which decision."""

from django.contrib.auth.models import AbstractUser
from django.db import models
from django.db.models.functions import Lower
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

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

    REQUIRED_FIELDS = ["name", "email"]

    class Meta:
        verbose_name = pgettext_lazy("a human being", "person")
        verbose_name_plural = _("people")
        constraints = [
            # Signing in looks the address up whatever its case.
            models.UniqueConstraint(Lower("email"), name="person_email_once"),
        ]

    def __str__(self) -> str:
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
