"""The record and its workflow."""

from django.apps import AppConfig
from django.db.models.signals import post_migrate
from django.utils.translation import gettext_lazy as _


class DecisionsConfig(AppConfig):
    """Decisions: the record, its workflow and its documents."""

    name = "decisions"
    verbose_name = _("Decisions")

    def ready(self) -> None:
        """Register the system checks; after every migration, see that what must be is there."""
        from decisions import checks  # noqa: F401
        from decisions.append_only import protect_again
        from decisions.record_templates import ensure_shipped

        post_migrate.connect(ensure_shipped, sender=self)
        post_migrate.connect(protect_again, sender=self)
