"""The admin keeps people; records are only ever written by actions, so they are not here."""

from django.contrib import admin
from django.contrib.auth.admin import UserAdmin
from django.utils.translation import gettext_lazy as _

from decisions.models import User


@admin.register(User)
class PersonAdmin(UserAdmin):
    """Who may sign in, and the name that is printed under their signatures."""

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
