"""How often a password may be guessed: ten times in a quarter of an hour, then nobody may for one.

And how many files one visitor may have checked in that time, and how many are checked at once: each
costs a second or more, and one that costs many counts as many files. One turn is for people who are
signed in alone, so that strangers do not keep them waiting.

Counted for the account, not for where the guesses come from: behind a proxy all share one address,
and whoever guesses for long has many. Signing in and signing are counted apart, so that a stranger
at the door does not keep the person inside from signing.
"""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from hashlib import sha256
from math import ceil
from secrets import token_hex
from time import monotonic, time

from django.core.cache import cache
from django.utils.translation import gettext_lazy as _

from decisions.caching import UNREACHABLE

GUESSES = 10
# The time that each file stands for that is counted.
SECONDS_A_FILE = 5
SECONDS = 15 * 60
# Files that are checked at once, whoever sent them: each may take a processor and 1.5 GB. Of the
# turns, the first is for anybody, the others for who is signed in.
AT_ONCE = 2
# A turn ends by itself where its process was killed; no check takes as long.
TURN_SECONDS = 120
TOO_MANY = _("Too many wrong passwords. Wait a quarter of an hour, then try again.")

logger = logging.getLogger(__name__)


class Door(StrEnum):
    """Where a password is asked for."""

    SIGN_IN = "sign-in"
    SIGNATURE = "signature"


class Purpose(StrEnum):
    """What a file is checked for; each is counted apart."""

    VERIFY = "verify"
    BRING_IN = "bring-in"


# An archive that is brought in is read when it is looked at, and again when it is written.
FILES = {Purpose.VERIFY: 30, Purpose.BRING_IN: 120}


@dataclass(frozen=True)
class Visitor:
    """Who sends files: an account, or whoever comes from one network."""

    name: str
    is_signed_in: bool = False

    @property
    def digest(self) -> str:
        """Return their name as a key can have it."""
        return sha256(self.name.encode()).hexdigest()


def may_guess(door: Door, name: str) -> bool:
    """Count one guess at the password of an account; return whether it may be looked at.

    Counted before it is, so that many at once are not all let through. Where the cache cannot be
    reached every guess may be: else nobody could sign in.
    """
    return _counted(_key(door, name), GUESSES)


def may_check(purpose: Purpose, visitor: Visitor) -> bool:
    """Count one file to check for a visitor; return whether to do so."""
    key = _checked(purpose, visitor)
    try:
        cache.add(_ends(key), time() + SECONDS, SECONDS)
    except UNREACHABLE as error:
        return _unreachable(error)
    return _counted(key, FILES[purpose])


def minutes_to_wait(purpose: Purpose, visitor: Visitor) -> int:
    """Return in how many minutes, rounded up, a visitor who was refused may send files again."""
    try:
        ends = float(cache.get(_ends(_checked(purpose, visitor)), 0))
    except UNREACHABLE as error:
        _unreachable(error)
        ends = 0
    return max(1, ceil((ends - time()) / 60))


@contextmanager
def turn_to_check(purpose: Purpose, visitor: Visitor) -> Iterator[bool]:
    """Hold one of the turns that all visitors share, for the block; yield whether one was free.

    A visitor holds one at most, for whatever purpose, and the time it takes is counted in files.
    What was sent is to be read before: a slow line would hold up everybody. Where the cache cannot
    be reached there always is one.
    """
    held: dict[str, str] = {}
    try:
        is_free = _holds(held, visitor)
    except UNREACHABLE as error:
        is_free = _unreachable(error)
    began = monotonic()
    try:
        yield is_free
    finally:
        if held:
            _give_back(held)
            if more := int((monotonic() - began) / SECONDS_A_FILE):
                _counted(_checked(purpose, visitor), 0, more)


def _holds(held: dict[str, str], visitor: Visitor) -> bool:
    """Take a visitor's own turn and then a shared one; return whether both were free.

    What is taken is in `held`, with what stands under its key: by that it is known again.
    """
    shared = [f"checking:{number}" for number in range(AT_ONCE if visitor.is_signed_in else 1)]
    for keys in ([f"checking:{visitor.digest}"], reversed(shared)):
        token = token_hex()
        key = next((one for one in keys if cache.add(one, token, TURN_SECONDS)), None)
        if key is None:
            return False
        held[key] = token
    return True


def _give_back(held: dict[str, str]) -> None:
    """Give back what a visitor held, unless it has ended by itself and is another's by now."""
    try:
        now = cache.get_many(held)
        cache.delete_many([key for key, token in held.items() if now.get(key) == token])
    except UNREACHABLE as error:
        _unreachable(error)


def _checked(purpose: Purpose, visitor: Visitor) -> str:
    return f"checked:{purpose}:{visitor.digest}"


def _ends(key: str) -> str:
    """Return under which key stands when the counting under another begins anew."""
    return f"{key}:ends"


def _counted(key: str, most: int, count: int = 1) -> bool:
    """Count so many more under a key; return whether that is within what is allowed."""
    try:
        cache.add(key, 0, SECONDS)
        return cache.incr(key, count) <= most
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
    logger.warning("Guesses at passwords and files to check are not counted: %s", error)
    return True


def _key(door: Door, name: str) -> str:
    """Return the key of a counter: no name as it was typed, which may hold anything."""
    return f"guesses:{door}:{sha256(name.strip().casefold().encode()).hexdigest()}"
