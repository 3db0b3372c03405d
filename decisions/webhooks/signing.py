"""Signatures as Standard Webhooks defines them: https://www.standardwebhooks.com"""

import base64
import hashlib
import hmac
import secrets
from datetime import datetime
from uuid import UUID

PREFIX = "whsec_"
BYTES = 32


def new_secret() -> str:
    """Return a fresh signing secret as receivers paste it: `whsec_` and 32 bytes in base64."""
    return PREFIX + base64.b64encode(secrets.token_bytes(BYTES)).decode()


def signature(secret: str, message_id: str, timestamp: int, body: bytes) -> str:
    """Return `v1,` and the HMAC-SHA256 of id, timestamp and body, in base64.

    Raises ValueError for a secret that is none: nothing is ever signed with an empty key.
    """
    key = base64.b64decode(secret.removeprefix(PREFIX), validate=True)
    if not secret.startswith(PREFIX) or len(key) < BYTES:
        raise ValueError("not a signing secret")
    signed = f"{message_id}.{timestamp}.".encode() + body
    return "v1," + base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()


def headers(secrets: list[str], uid: UUID, at: datetime, body: bytes) -> dict[str, str]:
    """Return the headers that prove a delivery, with a signature for each secret that counts.

    The id stays the same on every attempt, so that a receiver knows what it has seen; the
    timestamp is the attempt's own, so that an old message cannot be played back.
    """
    timestamp = int(at.timestamp())
    return {
        "webhook-id": str(uid),
        "webhook-timestamp": str(timestamp),
        "webhook-signature": " ".join(
            signature(secret, str(uid), timestamp, body) for secret in secrets
        ),
    }
