"""The project's settings with leases short enough for a test to see them lapse."""

from config.settings import *  # noqa: F403

EVALUATION_LEASE_SECONDS = 3
CELERY_BEAT_SCHEDULE["reclaim lost cases"]["schedule"] = 3.0  # noqa: F405
