"""Measuring candidates."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class EvaluationsConfig(AppConfig):
    """Evaluations: case sets, techniques, runs and their results."""

    name = "evaluations"
    verbose_name = _("Evaluations")

    def ready(self) -> None:
        """Tell decisions who knows of newer cases and scorers, and of single cases."""
        from decisions import case_results, freshness
        from evaluations.single_cases import single_cases
        from evaluations.staleness import VERSIONS

        freshness.register(VERSIONS)
        case_results.register(single_cases)
