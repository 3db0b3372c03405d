"""What a person sets for themself; it is no part of any record and leaves no event."""

from collections.abc import Iterable

from decisions.models import User
from decisions.notify.reading import mail_only


def save_settings(user: User, *, name: str, time_zone: str, mailed: Iterable[str]) -> None:
    """Keep a person's name, time zone, and which kinds of notice come by mail."""
    user.name, user.time_zone = name, time_zone
    user.save(update_fields=["name", "time_zone"])
    mail_only(user, mailed)
