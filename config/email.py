"""How mail leaves this installation, read from its environment."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

BACKENDS = "django.core.mail.backends"
DEFAULT_FROM = "Countersign <countersign@localhost>"
SECURITY = {"smtp": "", "smtp+tls": "tls", "smtps": "ssl", "smtp+ssl": "ssl"}
PORTS = {"": 25, "tls": 587, "ssl": 465}
YES = {"1", "true", "yes", "on"}


def email_settings(environment: Mapping[str, str]) -> dict[str, Any]:
    """Return Django's EMAIL_ settings.

    EMAIL_URL names everything at once: `smtp+tls://user:password@host:587`, `smtps://…`, `smtp://…`
    without encryption, `console:`, or `file:///folder`. Otherwise EMAIL_HOST and its companions
    count; with neither, messages are written to the worker's log. Raises `ValueError` for an
    address of another kind.
    """
    given = {name: value for name, value in environment.items() if value}
    settings = _from_url(given["EMAIL_URL"]) if "EMAIL_URL" in given else _one_by_one(given)
    sender = given.get("DEFAULT_FROM_EMAIL", DEFAULT_FROM)
    return {"DEFAULT_FROM_EMAIL": sender, "SERVER_EMAIL": sender, "EMAIL_TIMEOUT": 20, **settings}


def _from_url(url: str) -> dict[str, Any]:
    """Return the settings that one address stands for."""
    parts = urlsplit(url)
    if parts.scheme == "console":
        return {"EMAIL_BACKEND": f"{BACKENDS}.console.EmailBackend"}
    if parts.scheme == "file":
        return {
            "EMAIL_BACKEND": f"{BACKENDS}.filebased.EmailBackend",
            "EMAIL_FILE_PATH": unquote(parts.path),
        }
    if parts.scheme not in SECURITY or not parts.hostname:
        raise ValueError("EMAIL_URL has to look like smtp+tls://user:password@host:587")
    security = SECURITY[parts.scheme]
    if parse_qs(parts.query).get("tls", [""])[0].lower() in YES:
        security = "tls"
    return _smtp(
        parts.hostname,
        parts.port or PORTS[security],
        unquote(parts.username or ""),
        unquote(parts.password or ""),
        security,
    )


def _one_by_one(given: Mapping[str, str]) -> dict[str, Any]:
    """Return the settings that are named as Django names them."""
    if "EMAIL_HOST" not in given:
        return {"EMAIL_BACKEND": f"{BACKENDS}.console.EmailBackend"}
    security = "tls" if given.get("EMAIL_USE_TLS", "").lower() in YES else ""
    if given.get("EMAIL_USE_SSL", "").lower() in YES:
        security = "ssl"
    return _smtp(
        given["EMAIL_HOST"],
        int(given.get("EMAIL_PORT", PORTS[security])),
        given.get("EMAIL_HOST_USER", ""),
        given.get("EMAIL_HOST_PASSWORD", ""),
        security,
    )


def _smtp(host: str, port: int, user: str, password: str, security: str) -> dict[str, Any]:
    return {
        "EMAIL_BACKEND": f"{BACKENDS}.smtp.EmailBackend",
        "EMAIL_HOST": host,
        "EMAIL_PORT": port,
        "EMAIL_HOST_USER": user,
        "EMAIL_HOST_PASSWORD": password,
        "EMAIL_USE_TLS": security == "tls",
        "EMAIL_USE_SSL": security == "ssl",
    }
