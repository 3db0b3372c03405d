"""The record and its workflow."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class DecisionsConfig(AppConfig):
    """Decisions: the record, its workflow and its documents."""

    name = "decisions"
    verbose_name = _("Decisions")

    def ready(self) -> None:
        """Register the system checks."""
        from decisions import checks  # noqa: F401
