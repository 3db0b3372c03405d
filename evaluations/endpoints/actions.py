"""The only writers of endpoints; administrators alone may set them up."""

from __future__ import annotations

import logging
from http import HTTPStatus
from typing import Any

from django.db import IntegrityError, transaction
from django.utils.text import slugify
from django.utils.translation import gettext as _

from decisions import clock
from decisions.models import User
from decisions.policies import BadInput, Refusal, Refused
from evaluations.endpoints.checking import Checked, checked
from evaluations.endpoints.guard import address_problem
from evaluations.endpoints.page import leads_elsewhere
from evaluations.models import Endpoint

LONGEST_SLUG = 50
MOST_NAMESAKES = 1000

logger = logging.getLogger(__name__)


def refusal(user: User) -> Refusal | None:
    """Return why a person may not see or set up endpoints, or None if they may."""
    if user.is_staff:
        return None
    return Refusal(_("Only administrators can set up endpoints."), HTTPStatus.FORBIDDEN)


def ensure(user: User) -> None:
    """Raise `Refused` if a person may not see or set up endpoints."""
    if refused := refusal(user):
        raise Refused(refused)


def add_endpoint(*, by: User, name: str, base_url: str, **values: Any) -> Endpoint:
    """Return a new endpoint with a short name of its own; `BadInput` for a wrong address.

    `values`: the other fields of an endpoint.
    """
    ensure(by)
    url = _usable(base_url)
    for slug in _slugs(name):
        try:
            with transaction.atomic():
                endpoint = Endpoint.objects.create(
                    name=name, slug=slug, base_url=url, created_by=by, **values
                )
        except IntegrityError:
            if not Endpoint.objects.filter(slug=slug).exists():
                raise
            continue
        _log("added", endpoint, by)
        return endpoint
    raise BadInput(_("Too many endpoints have this name."))


def edit_endpoint(
    endpoint: Endpoint, *, by: User, base_url: str, key: str | None = None, **values: Any
) -> None:
    """Change an endpoint; `key` None keeps the key, unless the address leads to another server.

    A key that nobody enters again never goes to a server that it was not entered for.
    """
    ensure(by)
    url = _usable(base_url)
    has_key = Endpoint.objects.filter(pk=endpoint.pk).exclude(key="").exists()
    if key is None and has_key and leads_elsewhere(endpoint, url):
        raise BadInput(_("The address leads to another server: enter the key for that one."))
    changed = values if key is None else values | {"key": key}
    Endpoint.objects.filter(pk=endpoint.pk).update(base_url=url, **changed)
    _log("changed", endpoint, by)


def archive_endpoint(endpoint: Endpoint, *, by: User) -> None:
    """Use an endpoint no more; what was measured there keeps its name."""
    ensure(by)
    rows = Endpoint.objects.usable().filter(pk=endpoint.pk)
    if rows.update(archived_at=clock.now(), archived_by=by):
        _log("archived", endpoint, by)


def restore_endpoint(endpoint: Endpoint, *, by: User) -> None:
    """Use an archived endpoint again."""
    ensure(by)
    if Endpoint.objects.filter(pk=endpoint.pk).update(archived_at=None, archived_by=None):
        _log("restored", endpoint, by)


def check_endpoint(endpoint: Endpoint, *, by: User, model: str = "") -> Checked:
    """Ask the server for its models, and a model for one word; return what came of it.

    The word is charged to the endpoint like any other request. Takes 20 seconds at most.
    """
    ensure(by)
    return checked(endpoint, model.strip())


def _usable(url: str) -> str:
    if problem := address_problem(url):
        raise BadInput(problem)
    return url.strip().rstrip("/")


def _slugs(name: str) -> list[str]:
    """Return the short names that an endpoint may get, best first."""
    first = slugify(name)[:LONGEST_SLUG] or "endpoint"
    return [first, *(f"{first}-{number}" for number in range(2, MOST_NAMESAKES))]


def _log(what: str, endpoint: Endpoint, by: User) -> None:
    """Note who did what; neither the address nor the key."""
    logger.info("Endpoint %s was %s by %s", endpoint.slug, what, by.username)
