"""The project's settings with leases short enough for a test to see them lapse."""

from config.settings import *  # noqa: F403

EVALUATION_LEASE_SECONDS = 3
REAPER_PERIOD_SECONDS = 3.0
CELERY_BEAT_SCHEDULE["reclaim lost cases"]["schedule"] = REAPER_PERIOD_SECONDS  # noqa: F405
