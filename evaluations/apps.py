"""Measuring candidates."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class EvaluationsConfig(AppConfig):
    """Evaluations: case sets, techniques, runs and their results."""

    name = "evaluations"
    verbose_name = _("Evaluations")

    def ready(self) -> None:
        """Tell decisions who knows of newer cases and scorers."""
        from decisions.freshness import register
        from evaluations.staleness import VERSIONS

        register(VERSIONS)
