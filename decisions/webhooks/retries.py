"""When a delivery that failed is tried again."""

import secrets
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

# After the first attempt, the second, and so on; after the last the delivery is given up.
DELAYS = (
    timedelta(seconds=10),
    timedelta(minutes=1),
    timedelta(minutes=5),
    timedelta(minutes=30),
    timedelta(hours=2),
    timedelta(hours=6),
)
MOST_ATTEMPTS = len(DELAYS) + 1
# So that what failed together does not come back together.
JITTER = 0.2
# A receiver may ask for more time than ours, within reason.
LONGEST_WAIT = timedelta(hours=6)


def next_wait(attempts: int, asked: timedelta | None = None) -> timedelta:
    """Return how long to wait after so many attempts (at least 1): ours ± 20%, or what was asked.

    The receiver's Retry-After counts if it is longer than ours, up to six hours.
    """
    spread = 1 + JITTER * (2 * secrets.SystemRandom().random() - 1)
    ours = DELAYS[min(attempts, len(DELAYS)) - 1] * spread
    return max(ours, min(asked, LONGEST_WAIT)) if asked else ours


def retry_after(header: str, now: datetime) -> timedelta | None:
    """Return how long a Retry-After header asks to wait (RFC 9110), None if it makes no sense."""
    if header.isascii() and header.isdigit():
        return timedelta(seconds=min(int(header[:9]), 10**8))
    try:
        at = parsedate_to_datetime(header)
    except ValueError:
        return None
    return max(at.replace(tzinfo=at.tzinfo or UTC) - now, timedelta())
