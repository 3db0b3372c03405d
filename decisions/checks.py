"""System checks: what configuration can get wrong."""

from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, register


@register()
def demo_only_while_debugging(**kwargs: Any) -> list[CheckMessage]:
    """Refuse one-click sign-in on a real installation."""
    if settings.DEMO and not settings.DEBUG:
        return [
            Error(
                "Demo mode is on with DEBUG off.",
                hint="Unset COUNTERSIGN_DEMO: in demo mode anyone signs in with one click.",
                id="decisions.E001",
            )
        ]
    return []
