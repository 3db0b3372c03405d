"""Changing several notices at once: by rising key, so that no two who do wait for each other."""

from __future__ import annotations

from typing import Any

from django.db import transaction
from django.db.models import QuerySet

from decisions.models import Notice


def hold_in_order(notices: QuerySet[Notice]) -> list[int]:
    """Lock notices by rising key until the transaction ends; return their keys."""
    held = notices.order_by("pk").select_for_update(no_key=True)
    return list(held.values_list("pk", flat=True))


@transaction.atomic
def update_in_order(notices: QuerySet[Notice], **values: Any) -> int:
    """Write values into notices, locking them by rising key; return how many there were.

    Who does this twice in one transaction holds all of them first, with `hold_in_order`.
    """
    held = hold_in_order(notices)
    return Notice.objects.filter(pk__in=held).update(**values) if held else 0
