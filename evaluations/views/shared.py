"""What the views of evaluations share."""

from typing import Any

from django.core.paginator import Page, Paginator
from django.http import Http404, HttpRequest


def page_of(request: HttpRequest, rows: Any, per_page: int) -> Page:
    """Return the page of a list that the address asks for, the nearest one if there is none."""
    return Paginator(rows, per_page).get_page(request.GET.get("page"))


def wants_fragment(request: HttpRequest) -> bool:
    """Return whether htmx asks for a part of the page."""
    htmx = request.htmx  # type: ignore[attr-defined]
    return bool(htmx) and not htmx.boosted


def version_of(versions: list[Any], wanted: str) -> Any:
    """Return the wanted version, or the newest, which comes first; raise 404."""
    for one in versions:
        if not wanted or str(one.version) == wanted:
            return one
    raise Http404
