"""Secrets at rest: written to the database encrypted, with keys derived from the settings."""

from __future__ import annotations

import base64
from functools import cache
from typing import Any

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from django.conf import settings
from django.db import models


class Undecipherable(Exception):
    """A secret was encrypted under a key that the settings no longer name."""


def encrypt(text: str) -> str:
    """Return `text` encrypted under the installation's secret key (Fernet: AES-128, HMAC)."""
    return _fernet(*_keys()).encrypt(text.encode()).decode()


def decrypt(token: str) -> str:
    """Return what was encrypted, under the secret key or one of its fallbacks."""
    try:
        return _fernet(*_keys()).decrypt(token.encode()).decode()
    except InvalidToken as error:
        raise Undecipherable("the secret was encrypted under another SECRET_KEY") from error


class EncryptedTextField(models.TextField):
    """Text that the database only ever sees encrypted."""

    def get_prep_value(self, value: Any) -> Any:
        """Encrypt on the way in."""
        return value if value in (None, "") else encrypt(str(value))

    def from_db_value(self, value: Any, *_: Any) -> Any:
        """Decrypt on the way out."""
        return value if value in (None, "") else decrypt(value)


def _keys() -> tuple[str, ...]:
    return (settings.SECRET_KEY, *map(str, settings.SECRET_KEY_FALLBACKS))


@cache
def _fernet(*secrets: str) -> MultiFernet:
    """Return the cipher for these secrets, the first of which encrypts."""
    return MultiFernet([Fernet(_derived(one)) for one in secrets])


def _derived(secret: str) -> bytes:
    """Return a Fernet key derived from a secret (HKDF, RFC 5869)."""
    derive = HKDF(algorithm=SHA256(), length=32, salt=None, info=b"countersign/secrets")
    return base64.urlsafe_b64encode(derive.derive(secret.encode()))
