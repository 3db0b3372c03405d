"""What time it is, in one place, so that the sample and the tests can tell a story with a past."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import date, datetime

from django.utils import timezone

_held: ContextVar[datetime | None] = ContextVar("held", default=None)


def now() -> datetime:
    """Return the current time, aware, in UTC unless held."""
    return _held.get() or timezone.now()


def today() -> date:
    """Return the current date in the active time zone."""
    return timezone.localdate(now())


@contextmanager
def held_at(moment: datetime) -> Iterator[None]:
    """Make `now()` answer `moment` inside the block."""
    token = _held.set(moment)
    try:
        yield
    finally:
        _held.reset(token)
