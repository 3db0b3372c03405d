"""Where the lines of one event loop meet: they share its seats, whatever models they lead to.

A worker has one share of each gate, however many models it talks to: an answerer and its judge, a
base model and the tuned one. With a share each, one that is idle could keep the only seat from the
other.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import secrets
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from weakref import WeakKeyDictionary

from asgiref.sync import sync_to_async

from evaluations.endpoints.gates import Gate

LOOK_AGAIN = 0.05  # seconds, while no seat is free


@dataclass
class Way:
    """This event loop's share of one gate, and what it has under way there."""

    gate: Gate
    joining: asyncio.Task[None]
    keeper: asyncio.Task[None] | None = None
    lines: int = 0
    under_way: int = 0

    def count(self) -> int:
        """Return how many requests are under way."""
        return self.under_way

    @property
    def free(self) -> int:
        """Return how many more requests may be sent."""
        return self.gate.seats() - self.under_way


_ways: WeakKeyDictionary[asyncio.AbstractEventLoop, dict[str, Way]] = WeakKeyDictionary()


@dataclass(frozen=True)
class Seats:
    """The seats of one line: every request takes one at each gate on its way."""

    names: Sequence[str]
    ways: Sequence[Way]

    @classmethod
    async def at(cls, caps: Mapping[str, int]) -> Seats:
        """Return a line's seats at some gates, given by name with the most that each lets through.

        The first is the server's own, whose pace is kept to. What is asked for at each is no more
        than the narrowest of them could use.
        """
        most = min(caps.values())
        ways = [_joined(name, cap, most) for name, cap in caps.items()]
        seats = cls(tuple(caps), ways)
        try:
            await asyncio.gather(*(asyncio.shield(way.joining) for way in ways))
        except BaseException:
            await seats.leave()
            raise
        for way in ways:
            way.keeper = way.keeper or asyncio.create_task(way.gate.keep(way.count))
        return seats

    def count(self) -> int:
        """Return how many requests may be under way now."""
        return min(way.gate.seats() for way in self.ways)

    def slower(self) -> None:
        """Note that the server had too much to do."""
        self.ways[0].gate.slower()

    def faster(self) -> None:
        """Note that the server has answered."""
        self.ways[0].gate.faster()

    @contextlib.asynccontextmanager
    async def one(self) -> AsyncIterator[None]:
        """Wait for a seat at every gate and hold it."""
        while any(way.free < 1 for way in self.ways):
            await asyncio.sleep(LOOK_AGAIN)
        for way in self.ways:
            way.under_way += 1
        try:
            yield
        finally:
            for way in self.ways:
                way.under_way -= 1

    async def leave(self) -> None:
        """Give the seats back, unless other lines use them."""
        here = _ways[asyncio.get_running_loop()]
        for name, way in zip(self.names, self.ways, strict=True):
            way.lines -= 1
            if way.lines == 0:
                del here[name]
                await _left(way)


def _joined(name: str, cap: int, most: int) -> Way:
    """Return the way through a gate, opened now if no line of this event loop uses it."""
    loop = asyncio.get_running_loop()
    here = _ways.setdefault(loop, {})
    if name not in here:
        gate = Gate({name: cap}, f"{os.getpid()}-{secrets.token_hex(8)}", most)
        here[name] = Way(gate, loop.create_task(sync_to_async(gate.renew)()))
    here[name].lines += 1
    return here[name]


async def _left(way: Way) -> None:
    if way.keeper:
        way.keeper.cancel()
        await asyncio.gather(way.keeper, return_exceptions=True)
    await asyncio.gather(way.joining, return_exceptions=True)
    await sync_to_async(way.gate.leave)()
