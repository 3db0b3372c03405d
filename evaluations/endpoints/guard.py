"""Which addresses a model server may have, checked against what is really connected to."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Iterable
from ipaddress import ip_address, ip_network
from typing import Any

import httpcore2
import httpx2
from django.conf import settings
from django.utils.translation import gettext as _

from decisions.webhooks.guard import ODD, is_public, unwrapped
from evaluations.endpoints.errors import EndpointError, Kind

# Where clouds tell any machine its own keys, and what leads nowhere else.
NEVER = [
    ip_network(one)
    for one in (
        "169.254.0.0/16",  # link-local; metadata of most clouds
        "fe80::/10",
        "fd00:ec2::/32",  # metadata of AWS by IPv6
        "100.100.100.200/32",  # of Alibaba Cloud
        "168.63.129.16/32",  # of Azure
        "192.0.0.192/32",  # of Oracle Cloud
        "224.0.0.0/4",  # multicast
        "ff00::/8",
    )
]


def address_problem(url: str) -> str | None:
    """Return in a sentence why a model server cannot have this address, or None.

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
    if parsed.userinfo or parsed.query or parsed.fragment:
        return _("No name, password, ? or # in the address: the key has a field of its own.")
    return _host_problem(parsed.host)


def is_allowed(address: str) -> bool:
    """Return whether a model server may be at an address, also when it is wrapped in another."""
    found = ip_address(address.partition("%")[0])  # a zone is no part of it
    if any(one in network for one in (found, *unwrapped(found)) for network in NEVER):
        return False
    return bool(settings.ENDPOINT_ALLOW_PRIVATE) or is_public(str(found))


async def allowed_addresses(host: str, port: int) -> list[str]:
    """Return the addresses that a host name leads to, only those that may be called.

    Raises `httpcore2.ConnectError` for a name that leads nowhere, and `EndpointError` for one that
    only leads where nobody may go.
    """
    try:
        loop = asyncio.get_running_loop()
        found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise httpcore2.ConnectError(str(error)) from error
    return _only_allowed(host, found)


def allowed_addresses_now(host: str, port: int) -> list[str]:
    """Return the same as `allowed_addresses` to who has no event loop."""
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise httpcore2.ConnectError(str(error)) from error
    return _only_allowed(host, found)


def _only_allowed(host: str, found: Iterable[Any]) -> list[str]:
    addresses = list(dict.fromkeys(str(one[4][0]) for one in found))
    allowed = [one for one in addresses if is_allowed(one)]
    if not allowed:
        raise EndpointError(_forbidden(host), Kind.ADDRESS)
    return allowed


class GuardedBackend(httpcore2.AsyncNetworkBackend):
    """Connects to allowed addresses only, by number: no second look-up can change where to."""

    def __init__(self) -> None:
        self._backend = httpcore2.AnyIOBackend()

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore2.AsyncNetworkStream:
        """Connect to the first of the host's allowed addresses that answers."""
        failure: Exception = httpcore2.ConnectError(f"no address for {host}")
        for address in await allowed_addresses(host, port):
            try:
                return await self._backend.connect_tcp(
                    address, port, timeout, local_address, socket_options
                )
            except (httpcore2.ConnectError, httpcore2.ConnectTimeout) as error:
                failure = error
        raise failure

    async def sleep(self, seconds: float) -> None:
        """Wait, as the connections' own retries do."""
        await asyncio.sleep(seconds)


def _host_problem(host: str) -> str | None:
    """Return a sentence for an address by number, or a name, that is known to be forbidden."""
    if host.lower().rstrip(".").endswith("localhost"):
        return None if settings.ENDPOINT_ALLOW_PRIVATE else _forbidden(host)
    try:
        return None if is_allowed(host) else _forbidden(host)
    except ValueError:
        return None


def _forbidden(host: str) -> str:
    told = {"host": host}
    if settings.ENDPOINT_ALLOW_PRIVATE:
        return _("%(host)s is an address that only machines ask about themselves.") % told
    return _("%(host)s is in a private network, where model servers may not be here.") % told
