"""Time zones by their names."""

import zoneinfo
from functools import cache


def zone_of(name: str) -> zoneinfo.ZoneInfo:
    """Return a person's time zone; an unknown name counts as UTC."""
    try:
        return zoneinfo.ZoneInfo(name)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):
        return zoneinfo.ZoneInfo("UTC")


@cache
def zone_names() -> tuple[str, ...]:
    """Return the names to choose from: those of places, and UTC."""
    places = {
        name
        for name in zoneinfo.available_timezones()
        if "/" in name and not name.startswith(("Etc/", "SystemV/", "US/", "posix/", "right/"))
    }
    return ("UTC", *sorted(places))
