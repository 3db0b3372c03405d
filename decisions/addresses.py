"""Where a request comes from, also behind proxies."""

from ipaddress import IPv6Address, IPv6Network, ip_address

from django.conf import settings
from django.http import HttpRequest


def address_of(request: HttpRequest) -> str | None:
    """Return the network address that a request comes from; None if nobody tells one.

    `settings.TRUSTED_PROXIES` is how many proxies stand before the app: each adds to
    X-Forwarded-For whom it was asked by, so that the address is that many from the right. What
    stands further left is the visitor's own to write and is not looked at.
    """
    told = [one.strip() for one in request.headers.get("X-Forwarded-For", "").split(",")]
    if 0 < settings.TRUSTED_PROXIES <= len(told) and _is_address(told[-settings.TRUSTED_PROXIES]):
        return told[-settings.TRUSTED_PROXIES]
    return request.META.get("REMOTE_ADDR") or None


def network_of(request: HttpRequest) -> str:
    """Return what is counted as one place that requests come from, "" if nobody tells it.

    An address of IPv4; of IPv6 the 64 bits that a single line is given at least.
    """
    told = address_of(request) or ""
    if not _is_address(told):
        return told
    address = ip_address(told)
    if not isinstance(address, IPv6Address):
        return told
    return str(address.ipv4_mapped or IPv6Network((int(address) >> 64 << 64, 64)))


def _is_address(text: str) -> bool:
    try:
        ip_address(text)
    except ValueError:
        return False
    return "%" not in text  # a zone: of this machine alone
