"""What every page needs to know."""

from functools import partial
from typing import Any

from django.conf import settings
from django.http import HttpRequest

from decisions.notify.reading import unread_of
from decisions.views.shared import person

THEMES = ("auto", "light", "dark")


def appearance(request: HttpRequest) -> dict[str, Any]:
    """Return the chosen theme, and whether this is the demo."""
    theme = request.COOKIES.get("theme", "auto")
    return {"theme": theme if theme in THEMES else "auto", "is_demo": settings.DEMO}


def unread(request: HttpRequest) -> dict[str, Any]:
    """Return how many notices wait to be read; counted only where a page shows it."""
    is_known = getattr(request, "user", None) is not None and request.user.is_authenticated
    return {"unread_notices": partial(_count, request) if is_known else 0}


def _count(request: HttpRequest) -> int:
    return unread_of(person(request)).count()
