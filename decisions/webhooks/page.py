"""What the pages of webhooks show."""

from urllib.parse import urlsplit

from django.core.paginator import Page, Paginator
from django.db.models import Count, OuterRef, Prefetch, Q, QuerySet, Subquery

from decisions import clock
from decisions.crypto import Undecipherable
from decisions.models import Attempt, Delivery, Dispatch, Webhook
from decisions.webhooks.kinds import in_words

PER_PAGE = 25


def with_state() -> QuerySet[Webhook]:
    """Return all webhooks with `last_state` and `last_at` of their newest delivery."""
    newest = Delivery.objects.filter(webhook=OuterRef("pk")).order_by("-created_at", "-pk")
    return Webhook.objects.annotate(
        last_state=Subquery(newest.values("state")[:1]),
        last_at=Subquery(newest.values("created_at")[:1]),
    )


def log_of(webhook: Webhook, page: str | None, *, only_failed: bool) -> Page[Delivery]:
    """Return one page of a webhook's deliveries with their attempts, newest first."""
    tries = Attempt.objects.defer("response")
    found = (
        webhook.deliveries.defer("body")
        .select_related("event__decision")
        .prefetch_related(Prefetch("tries", tries))
        .order_by("-created_at", "-pk")
    )
    if only_failed:
        found = found.filter(state=Dispatch.FAILED)
    return Paginator(found, PER_PAGE).get_page(page)


def counts_of(webhook: Webhook) -> dict[str, int]:
    """Return how many deliveries there are: all, and those given up."""
    failed = Count("pk", filter=Q(state=Dispatch.FAILED))
    return webhook.deliveries.aggregate(all=Count("pk"), failed=failed)


def kinds_in_words(webhook: Webhook) -> list[str]:
    """Return what a webhook asks for, in words; nothing if it asks for everything."""
    return [in_words(kind) for kind in webhook.kinds]


def place_of(webhook: Webhook) -> str:
    """Return the webhook's scheme and host: the rest of the address may be a key."""
    parts = urlsplit(webhook.url)
    return f"{parts.scheme}://{parts.hostname or ''}{f':{parts.port}' if parts.port else ''}"


def is_secret_readable(webhook: Webhook) -> bool:
    """Return whether the webhook's secret can be decrypted with the keys of the settings."""
    try:
        return bool(webhook.secret)
    except Undecipherable:
        return False


def signs_twice(webhook: Webhook) -> bool:
    """Return whether the earlier secret still signs beside the new one."""
    return webhook.former_until is not None and webhook.former_until > clock.now()
