"""Loads the sample: six decisions of an invented company, measured by the workers."""

from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from evaluations.sample.load import load


class Command(BaseCommand):
    """Bring the sample in; what is there already stays as it is."""

    help = "Load the sample people, case sets and decisions. Needs Redis and a running worker."

    def handle(self, *args: Any, **options: Any) -> None:
        """Load, with a line for each thing that happened."""
        if not settings.DEMO:
            raise CommandError(
                "The sample's people all have the same known password. It loads in demo mode "
                "only: set COUNTERSIGN_DEMO=1 and COUNTERSIGN_DEBUG=1, or use `manage.py demo`."
            )
        try:
            load(self.stdout.write)
        except RuntimeError as error:
            raise CommandError(str(error)) from error
