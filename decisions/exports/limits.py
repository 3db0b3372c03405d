"""Limits to a process that reads what strangers made; nothing here knows Django."""

from __future__ import annotations

import signal
import sys
from contextlib import suppress

MEMORY = 1_500_000_000  # bytes
SECONDS = 60
# An archive (JSON) of 94 MB, full of threads, took seven.
JSON_SECONDS = 20


class TooLongError(BaseException):
    """The time is over; no handler of what goes wrong within may take it for its own."""


def limit_process(seconds: int = SECONDS) -> None:
    """Bound what this process may take: memory, and time by clock and by processor."""
    if sys.platform == "win32":  # where nothing of the kind is known
        return
    import resource

    for what, most in {resource.RLIMIT_AS: MEMORY, resource.RLIMIT_CPU: seconds + 10}.items():
        # A lower limit that is there already stays; not everybody may raise it.
        there = [one for one in resource.getrlimit(what) if one != resource.RLIM_INFINITY]
        limit = min([most, *there])
        with suppress(ValueError, OSError):  # macOS bounds no memory
            resource.setrlimit(what, (limit, limit))
    signal.signal(signal.SIGALRM, _stop)
    signal.alarm(seconds)


def _stop(*_: object) -> None:
    raise TooLongError
