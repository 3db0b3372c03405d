"""When a request that failed is sent again."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping

from decisions import clock
from decisions.webhooks.retries import retry_after

FIRST_WAIT = 0.5  # seconds; doubles with every attempt
LONGEST_BACKOFF = 30.0
LONGEST_ASKED = 60.0
SPREAD = 0.1  # of a wait that was asked for, so that those who wait do not come back together

Chance = Callable[[], float]


def next_wait(attempts: int, asked: float | None = None, chance: Chance = random.random) -> float:
    """Return the seconds to wait after so many attempts (at least 1).

    Exponential backoff with full jitter (Brooker, Exponential Backoff And Jitter, AWS 2015); what
    the server asked for counts if it is longer, up to a minute.
    """
    ours = chance() * min(LONGEST_BACKOFF, FIRST_WAIT * 2.0 ** min(attempts - 1, 16))
    if asked is None:
        return ours
    return max(ours, min(asked, LONGEST_ASKED) * (1 + SPREAD * chance()))


def asked_wait(headers: Mapping[str, str]) -> float | None:
    """Return the seconds that an answer asks to wait, None if it does not, or makes no sense.

    Retry-After holds seconds or a date (RFC 9110, 10.2.3); OpenAI and Azure also say milliseconds.
    """
    milliseconds = headers.get("retry-after-ms", "")
    if milliseconds.isascii() and milliseconds.isdigit():
        return int(milliseconds[:9]) / 1000
    header = headers.get("retry-after", "").strip()
    found = retry_after(header, clock.now()) if header else None
    return None if found is None else found.total_seconds()
