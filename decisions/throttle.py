"""How often a password may be guessed: ten times in a quarter of an hour, then nobody may for one.

Counted for the account, not for where the guesses come from: behind a proxy all share one address,
and whoever guesses for long has many. Signing in and signing are counted apart, so that a stranger
at the door does not keep the person inside from signing.
"""

import logging
from enum import StrEnum
from hashlib import sha256

from django.core.cache import cache
from django.utils.translation import gettext_lazy as _

from decisions.caching import UNREACHABLE

GUESSES = 10
SECONDS = 15 * 60
TOO_MANY = _("Too many wrong passwords. Wait a quarter of an hour, then try again.")

logger = logging.getLogger(__name__)


class Door(StrEnum):
    """Where a password is asked for."""

    SIGN_IN = "sign-in"
    SIGNATURE = "signature"


def may_guess(door: Door, name: str) -> bool:
    """Count one guess at the password of an account; return whether it may be looked at.

    Counted before it is, so that many at once are not all let through. Where the cache cannot be
    reached every guess may be: else nobody could sign in.
    """
    key = _key(door, name)
    try:
        cache.add(key, 0, SECONDS)
        return cache.incr(key) <= GUESSES
    except ValueError:  # it ran out between the two
        return True
    except UNREACHABLE as error:
        return _unreachable(error)


def is_exhausted(door: Door, name: str) -> bool:
    """Return whether a guess was refused and the next would be."""
    try:
        return bool(cache.get(_key(door, name), 0) > GUESSES)
    except UNREACHABLE as error:
        return not _unreachable(error)


def forget(door: Door, name: str) -> None:
    """Begin anew, once the password was right."""
    try:
        cache.delete(_key(door, name))
    except UNREACHABLE as error:
        _unreachable(error)


def _unreachable(error: Exception) -> bool:
    logger.warning("Guesses at passwords are not counted: %s", error)
    return True


def _key(door: Door, name: str) -> str:
    """Return the key of a counter: no name as it was typed, which may hold anything."""
    return f"guesses:{door}:{sha256(name.strip().casefold().encode()).hexdigest()}"
