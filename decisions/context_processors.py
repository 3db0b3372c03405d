"""What every page needs to know."""

from typing import Any

from django.conf import settings
from django.http import HttpRequest

THEMES = ("auto", "light", "dark")


def appearance(request: HttpRequest) -> dict[str, Any]:
    """Return the chosen theme, and whether this is the demo."""
    theme = request.COOKIES.get("theme", "auto")
    return {"theme": theme if theme in THEMES else "auto", "is_demo": settings.DEMO}
