"""What takes long to work out is kept in the cache; without the cache it is worked out again."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import TypeVar

from django.core.cache import cache
from redis.exceptions import RedisError

DAY = 24 * 60 * 60
# Redis has errors of its own; other caches raise those of the system.
UNREACHABLE = (OSError, RedisError)

logger = logging.getLogger(__name__)

Kept = TypeVar("Kept")


def kept(key: str, work: Callable[[], Kept]) -> Kept:
    """Return what is kept under a key, else what `work` returns, which is kept for a day.

    The key has to change with whatever the work rests on.
    """
    try:
        found: Kept | None = cache.get(key)
    except UNREACHABLE as error:
        logger.warning("What was worked out cannot be kept: %s", error)
        return work()
    return _keep(key, work()) if found is None else found


def _keep(key: str, worked: Kept) -> Kept:
    try:
        cache.set(key, worked, DAY)
    except UNREACHABLE as error:
        logger.warning("What was worked out is not kept: %s", error)
    return worked
