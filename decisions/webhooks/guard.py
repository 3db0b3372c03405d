"""Which addresses a webhook may call, checked against the address that is really connected to."""

import re
import socket
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address

import httpcore2
import httpx2
from django.conf import settings
from django.utils.translation import gettext as _

# What no host name holds, and what is percent-encoded because it was not one.
ODD = re.compile(r"[\s%<>\\^`{|}\"]")
NAT64 = IPv6Network("64:ff9b::/96")


class Forbidden(Exception):
    """Raised instead of connecting to an address that webhooks may not call; says why."""


def address_problem(url: str) -> str | None:
    """Return in a sentence why a webhook cannot have this address, or None.

    Names are not looked up here: where they lead is found out when a connection is made.
    """
    try:
        parsed = httpx2.URL(url.strip())
    except httpx2.InvalidURL:
        return _("This is not an address. It starts with https:// and names a host.")
    if parsed.scheme not in {"http", "https"} or not parsed.host:
        return _("The address has to start with https:// (or http://) and name a host.")
    if ODD.search(parsed.host) or (parsed.port is not None and not 0 < parsed.port < 65536):
        return _("This is not an address. It starts with https:// and names a host.")
    if parsed.userinfo:
        return _("No name or password in the address: the signature proves who is calling.")
    return _private_problem(parsed.host)


def allowed_addresses(host: str, port: int) -> list[str]:
    """Return the addresses that a host name leads to, those only that webhooks may call.

    Raises `httpcore2.ConnectError` for a name that leads nowhere and `Forbidden` for one that only
    leads into the installation's own network.
    """
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise httpcore2.ConnectError(str(error)) from error
    addresses = list(dict.fromkeys(str(one[4][0]) for one in found))
    if settings.WEBHOOK_ALLOW_PRIVATE:
        return addresses
    public = [one for one in addresses if is_public(one)]
    if not public:
        raise Forbidden(_private_sentence(host))
    return public


def is_public(address: str) -> bool:
    """Return whether an address is on the public Internet, also when it is wrapped in another."""
    return all(_is_global(one) for one in unwrapped(ip_address(address)))


def _private_problem(host: str) -> str | None:
    """Return a sentence for an address by number, or a name, that is known to be private."""
    if settings.WEBHOOK_ALLOW_PRIVATE:
        return None
    if host.lower().rstrip(".").endswith("localhost"):
        return _private_sentence(host)
    try:
        return None if is_public(host) else _private_sentence(host)
    except ValueError:
        return None


def _private_sentence(host: str) -> str:
    told = {"host": host}
    return _("%(host)s is in a private network, which webhooks may not call here.") % told


def _is_global(address: IPv4Address | IPv6Address) -> bool:
    if address.is_multicast or address.is_reserved or getattr(address, "is_site_local", False):
        return False
    return address.is_global


def unwrapped(address: IPv4Address | IPv6Address) -> list[IPv4Address | IPv6Address]:
    """Return an address, or the IPv4 addresses that it stands for."""
    if isinstance(address, IPv4Address):
        return [address]
    if address.ipv4_mapped:
        return [address.ipv4_mapped]
    if address.sixtofour:
        return [address.sixtofour]
    if address.teredo:
        return list(address.teredo)
    if address in NAT64:
        return [IPv4Address(int(address) & 0xFFFFFFFF)]
    return [address]
