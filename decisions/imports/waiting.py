"""A file that somebody looks at before it comes in: kept until they say so, one for each person."""

import hashlib
import re
from datetime import timedelta

from django.core.files.base import ContentFile
from django.core.files.storage import default_storage

from decisions import clock
from decisions.models import User

FOLDER = "waiting"
KEPT_FOR = timedelta(hours=6)
_SHA256 = re.compile(r"[0-9a-f]{64}")


def keep(content: bytes, by: User) -> str:
    """Keep a file for a person, in place of the one before; return its SHA-256 in hex."""
    sha256 = hashlib.sha256(content).hexdigest()
    forget(by)
    default_storage.save(_place(by, sha256), ContentFile(content))
    return sha256


def kept(sha256: str, by: User) -> bytes | None:
    """Return the file that a person looked at; None if it is another one, or gone."""
    if not _SHA256.fullmatch(sha256):
        return None
    try:
        with default_storage.open(_place(by, sha256)) as file:
            content: bytes = file.read()
    except FileNotFoundError:  # or another page of theirs let it go just now
        return None
    return content if hashlib.sha256(content).hexdigest() == sha256 else None


def forget(by: User) -> None:
    """Delete what waits for a person."""
    for name in _names(f"{FOLDER}/{by.pk}"):
        default_storage.delete(f"{FOLDER}/{by.pk}/{name}")


def forget_old() -> None:
    """Delete what nobody has come back to."""
    before = clock.now() - KEPT_FOR
    people, _files = default_storage.listdir(FOLDER) if _is_there(FOLDER) else ([], [])
    for person in people:
        for name in _names(f"{FOLDER}/{person}"):
            place = f"{FOLDER}/{person}/{name}"
            if default_storage.get_modified_time(place) < before:
                default_storage.delete(place)


def _place(by: User, sha256: str) -> str:
    return f"{FOLDER}/{by.pk}/{sha256}"


def _names(folder: str) -> list[str]:
    return default_storage.listdir(folder)[1] if _is_there(folder) else []


def _is_there(folder: str) -> bool:
    return default_storage.exists(folder)
