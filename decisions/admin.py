"""The admin keeps people and trust; records are only ever written by actions, so are not here."""

from typing import Any

from django.contrib import admin
from django.contrib.auth.admin import UserAdmin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from decisions import clock
from decisions.models import SealCertificate, User


@admin.register(User)
class PersonAdmin(UserAdmin):
    """Who may sign in, and the name that is printed under their signatures."""

    def get_queryset(self, request: HttpRequest) -> QuerySet[User]:
        """Leave out who is only named in imported records: what a file says is nobody's to edit."""
        people: QuerySet[User] = super().get_queryset(request).filter(known_by="")
        return people

    list_display = ("username", "name", "email", "is_active", "is_staff")
    list_filter = ("is_active", "is_staff")
    search_fields = ("username", "name", "email")
    fieldsets = (
        (None, {"fields": ("username", "password")}),
        (_("Person"), {"fields": ("name", "email", "time_zone")}),
        (_("Rights"), {"fields": ("is_active", "is_staff", "is_superuser")}),
    )
    add_fieldsets = (
        (
            None,
            {"fields": ("username", "name", "email", "time_zone", "password1", "password2")},
        ),
    )


@admin.register(SealCertificate)
class SealCertificateAdmin(admin.ModelAdmin):
    """Whose seals are trusted here: revoke the one whose key was stolen, see docs/sealing.md."""

    list_display = ("sha256", "first_used_at", "revoked_at")
    readonly_fields = ("sha256", "pem", "first_used_at", "revoked_at")
    actions = ("revoke",)

    @admin.action(
        description=_("Revoke: the key was stolen; nothing is sealed with it again"),
        permissions=["change"],
    )
    def revoke(self, request: HttpRequest, chosen: QuerySet[SealCertificate]) -> None:
        """Trust the chosen ones no longer, for good; the admin's log says who did it."""
        for one in chosen.filter(revoked_at=None):
            one.revoked_at = clock.now()
            one.save(update_fields=["revoked_at"])
            self.log_change(request, one, [{"changed": {"fields": ["revoked_at"]}}])

    def has_delete_permission(self, *args: Any) -> bool:
        """Return that none is deleted: its next document would bring it back as trusted."""
        return False

    def has_add_permission(self, *args: Any) -> bool:
        """Return that none is put in by hand: only what has sealed a document here is trusted."""
        return False
