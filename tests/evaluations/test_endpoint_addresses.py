"""Where model servers may be: in one's own network, never where machines ask about themselves."""

import asyncio
from typing import Any

import pytest

from evaluations.endpoints import guard
from evaluations.endpoints.client import Client
from evaluations.endpoints.errors import EndpointError, Kind
from evaluations.endpoints.guard import address_problem, is_allowed
from evaluations.endpoints.wire import Server

METADATA = [
    "169.254.169.254",
    "169.254.170.2",
    "fe80::1",
    "fe80::1%eth0",
    "fd00:ec2::254",
    "100.100.100.200",
    "168.63.129.16",
    "192.0.0.192",
    "224.0.0.1",
    "ff02::1",
    "::ffff:169.254.169.254",
    "64:ff9b::a9fe:a9fe",
    "2002:a9fe:a9fe::1",
]


@pytest.mark.parametrize("address", METADATA)
@pytest.mark.parametrize("private", [True, False])
def test_machines_own_addresses_are_never_allowed(
    settings: Any, address: str, private: bool
) -> None:
    settings.ENDPOINT_ALLOW_PRIVATE = private
    assert not is_allowed(address)


@pytest.mark.parametrize("address", ["127.0.0.1", "::1", "10.1.2.3", "192.168.0.9", "fd12::5"])
def test_private_addresses_are_allowed_unless_the_settings_say_otherwise(
    settings: Any, address: str
) -> None:
    settings.ENDPOINT_ALLOW_PRIVATE = True
    assert is_allowed(address)
    settings.ENDPOINT_ALLOW_PRIVATE = False
    assert not is_allowed(address)


@pytest.mark.parametrize("private", [True, False])
def test_public_addresses_are_allowed(settings: Any, private: bool) -> None:
    settings.ENDPOINT_ALLOW_PRIVATE = private
    assert is_allowed("93.184.215.14")
    assert address_problem("https://api.openai.com/v1") is None


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("ftp://models.example/v1", "has to start with https://"),
        ("file:///etc/passwd", "has to start with https://"),
        ("models.example/v1", "has to start with https://"),
        ("https://", "has to start with https://"),
        ("https://exa mple/v1", "not an address"),
        ("https://models.example:99999/v1", "not an address"),
        ("https://me:secret@models.example/v1", "No name, password"),
        ("https://models.example/v1?key=secret", "No name, password"),
        ("https://models.example/v1#top", "No name, password"),
        ("http://169.254.169.254/latest", "only machines ask about themselves"),
        ("http://[fe80::1]/v1", "only machines ask about themselves"),
        ("http://[::ffff:169.254.169.254]/v1", "only machines ask about themselves"),
    ],
)
def test_each_wrong_address_has_a_sentence(url: str, words: str) -> None:
    assert words in str(address_problem(url))


def test_local_names_are_refused_where_private_addresses_are(settings: Any) -> None:
    assert address_problem("http://localhost:11434/v1") is None
    settings.ENDPOINT_ALLOW_PRIVATE = False
    assert "in a private network" in str(address_problem("http://localhost:11434/v1"))
    assert "in a private network" in str(address_problem("http://10.0.0.4/v1"))


def test_a_name_that_leads_to_metadata_is_found_out_on_connecting(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked = []

    async def lead_there(self: Any, host: str, port: int, **_: Any) -> Any:
        asked.append(host)
        return [(2, 1, 6, "", ("169.254.169.254", port))]

    monkeypatch.setattr(asyncio.BaseEventLoop, "getaddrinfo", lead_there)

    async def say() -> None:
        client = Client(Server("http://models.example/v1", "sk-secret-key", retries=3))
        try:
            await client.chat([{"role": "user", "content": "?"}], model="small")
        finally:
            await client.close()

    with pytest.raises(EndpointError) as caught:
        asyncio.run(say())
    assert caught.value.kind == Kind.ADDRESS
    assert caught.value.attempts == len(asked) == 1
    assert "models.example" in caught.value.sentence


def test_only_the_allowed_ones_of_several_addresses_are_called(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def lead_to_both(self: Any, host: str, port: int, **_: Any) -> Any:
        return [(2, 1, 6, "", (one, port)) for one in ("169.254.169.254", "10.0.0.7")]

    monkeypatch.setattr(asyncio.BaseEventLoop, "getaddrinfo", lead_to_both)
    assert asyncio.run(guard.allowed_addresses("models.example", 80)) == ["10.0.0.7"]
