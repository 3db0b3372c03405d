"""Case sets and runs, to look at; they are written through actions only."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest

from evaluations.models import CaseSet, Run


class LookOnly(admin.ModelAdmin):
    """Shows rows; nothing can be added or changed."""

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Nothing is added here."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Nothing is changed here."""
        return False


@admin.register(CaseSet)
class CaseSetAdmin(LookOnly):
    """Case sets; one that was never run can be deleted."""

    list_display = ["name", "version", "kind", "created_by", "created_at"]
    search_fields = ["name", "slug"]


@admin.register(Run)
class RunAdmin(LookOnly):
    """Runs; deleting one keeps the evidence it gave."""

    list_display = ["__str__", "candidate", "case_set", "state", "requested_by", "requested_at"]
    list_filter = ["state"]
    list_select_related = ["candidate", "case_set", "requested_by"]
