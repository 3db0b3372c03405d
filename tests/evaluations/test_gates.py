"""Seats at a server: shared fairly among workers, and never more than there are."""

import asyncio
import random
import threading
import time
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from asgiref.sync import async_to_sync
from django.db import OperationalError

from decisions import clock
from evaluations.endpoints import gates
from evaluations.endpoints.gates import Gate, take_share
from evaluations.models import Share
from tests.threads import in_threads

GATE = "endpoint:1"


def gate(worker: str, cap: int = 32, **others: int) -> Gate:
    named = {name.replace("_", ":"): most for name, most in others.items()}
    return Gate({GATE: cap, **named}, worker)


def joined(worker: str, cap: int = 32, **others: int) -> Gate:
    one = gate(worker, cap, **others)
    one.renew()
    return one


def held() -> int:
    return sum(Share.objects.filter(gate=GATE).values_list("granted", flat=True))


pytestmark = pytest.mark.django_db


def test_there_are_no_seats_before_the_first_renewal() -> None:
    assert gate("a").seats() == 0


def test_one_worker_takes_every_seat() -> None:
    assert joined("a").seats() == 32


def test_a_newcomer_waits_until_the_others_have_shrunk() -> None:
    first = joined("a")
    second = joined("b")
    assert (first.seats(), second.seats()) == (32, 0)

    first.renew()
    second.renew()

    assert (first.seats(), second.seats()) == (16, 16)


def test_what_is_under_way_keeps_its_seat_until_it_is_done() -> None:
    first, second = joined("a"), joined("b")

    first.renew(under_way=20)
    second.renew()
    assert (first.seats(), second.seats()) == (16, 12)
    first.renew(under_way=16)
    second.renew()

    assert (first.seats(), second.seats()) == (16, 16)


def test_who_leaves_leaves_the_seats_to_the_others() -> None:
    first, second = joined("a"), joined("b")
    first.leave()
    second.renew()

    assert (first.seats(), second.seats()) == (0, 32)
    assert Share.objects.count() == 1


def test_a_dead_workers_seats_lapse() -> None:
    joined("dead")
    second = joined("b")

    with clock.held_at(clock.now() + gates.LONGEST_LEASE + timedelta(seconds=1)):
        second.renew()
        assert second.seats() == 32
    assert list(Share.objects.values_list("worker", flat=True)) == ["b"]


def test_a_worker_that_was_silent_too_long_has_no_seats_until_it_renews() -> None:
    first = joined("a")
    later = clock.now() + gates.LONGEST_LEASE + timedelta(seconds=1)

    with clock.held_at(later):
        assert first.seats() == 0
        second = joined("b")
        first.renew()
        assert (first.seats(), second.seats()) == (0, 32)


def test_the_narrowest_of_several_gates_counts() -> None:
    assert joined("a", 32, run_7=8).seats() == 8


def test_a_small_run_leaves_an_endpoints_seats_to_a_large_one() -> None:
    small, large = joined("a", 32, run_7=2), joined("b", 32, run_8=30)

    assert (small.seats(), large.seats()) == (2, 30)


def test_gates_with_other_names_are_other_gates() -> None:
    assert Gate({"endpoint:1": 4}, "a").caps != Gate({"endpoint:2": 4}, "a").caps
    joined("a")
    other = Gate({"endpoint:2": 4}, "b")
    other.renew()
    assert other.seats() == 4


def test_with_more_workers_than_seats_the_first_work() -> None:
    workers = [joined(str(number), 2) for number in range(4)]
    for one in workers * 2:
        one.renew()

    assert [one.seats() for one in workers] == [1, 1, 0, 0]


def test_a_smaller_cap_counts_from_the_next_renewal() -> None:
    first = joined("a", 32)
    first.caps[GATE] = 4
    first.renew()

    assert first.seats() == 4


def test_a_server_that_has_too_much_to_do_gets_half_and_recovers() -> None:
    one = joined("a", 8)
    for _refused in range(8):
        one.slower()
    assert one.seats() == 4

    for _answered in range(4):
        one.faster()
    assert one.seats() == 5


def test_who_is_slowed_down_leaves_seats_to_the_others() -> None:
    slow, other = joined("a", 32), joined("b", 32)
    for _burst in range(3):
        for _refused in range(slow.seats()):
            slow.slower()
    assert slow.seats() == 4
    slow.renew()
    other.renew()

    assert (slow.seats(), other.seats()) == (4, 24)


def test_a_worker_taken_for_dead_while_it_renews_gets_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(Share.objects, "get_or_create", lambda **_row: None)
    until = clock.now() + gates.LONGEST_LEASE

    assert take_share(GATE, "a", cap=4, wanted=4, until=until) == 0
    assert not Share.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_a_gate_is_kept_by_the_event_loop() -> None:
    one = gate("a")

    async def work() -> int:
        keeping = asyncio.create_task(one.keep(lambda: 3))
        while not one.seats():
            await asyncio.sleep(0.01)
        keeping.cancel()
        return one.seats()

    assert async_to_sync(work)() == 32


@pytest.mark.django_db(transaction=True)
def test_nothing_more_begins_while_a_share_is_renewed(monkeypatch: pytest.MonkeyPatch) -> None:
    one, seen, take = joined("a"), [], gates.take_share

    def watched(*args: Any, **kwargs: Any) -> int:
        seen.append(one.seats())
        return take(*args, **kwargs)

    monkeypatch.setattr(gates, "take_share", watched)
    one.renew(under_way=5)

    assert (seen, one.seats()) == ([5], 32)


@pytest.mark.django_db(transaction=True)
def test_a_busy_database_is_asked_again(monkeypatch: pytest.MonkeyPatch) -> None:
    one, failures, renew = gate("a"), iter([OperationalError("database is locked")]), Gate.renew

    def renewed(self: Gate, under_way: int) -> None:
        for failure in failures:
            raise failure
        renew(self, under_way)

    monkeypatch.setattr(gates, "RENEW_EVERY", 0.01)
    monkeypatch.setattr(Gate, "renew", renewed)

    async def work() -> None:
        keeping = asyncio.create_task(one.keep(lambda: 0))
        while not one.seats():
            await asyncio.sleep(0.01)
        keeping.cancel()

    async_to_sync(work)()
    assert one.seats() == 32


class Seats:
    """What is really under way, counted while workers come, work, shrink, die and go."""

    def __init__(self, cap: int) -> None:
        self.cap = cap
        self.lock = threading.Lock()
        self.under_way = 0
        self.most = 0

    def use(self, change: int) -> None:
        with self.lock:
            self.under_way += change
            self.most = max(self.most, self.under_way)


def working(seats: Seats, name: str, seconds: float) -> Callable[[], int]:
    """Return a worker that fills all its seats, in steps, and counts how often it could."""

    def work() -> int:
        draw, one = random.Random(name), gate(name, seats.cap)
        mine = worked = 0
        ends = time.monotonic() + seconds
        while time.monotonic() < ends:
            one.renew(under_way=mine)
            begun = max(one.seats() - mine, 0)
            seats.use(begun)
            mine += begun
            worked += begun
            time.sleep(draw.uniform(0, 0.01))
            done = draw.randint(0, mine)
            seats.use(-done)
            mine -= done
        seats.use(-mine)
        one.leave()
        return worked

    return work


@pytest.mark.postgres
@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
def test_workers_at_once_never_have_more_under_way_than_there_are_seats() -> None:
    seats = Seats(cap=12)
    workers = [working(seats, f"worker {number}", 1.5 + number / 4) for number in range(6)]

    worked = in_threads(*workers)

    assert all(isinstance(count, int) and count > 0 for count in worked), worked
    assert 8 <= seats.most <= 12
    assert not Share.objects.exists()


@pytest.mark.postgres
@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
def test_workers_that_come_in_the_same_moment_never_get_more_than_there_are() -> None:
    for turn in range(30):
        names = [f"{turn}:{number}" for number in range(6)]
        comers = [gate(name, 8) for name in names]
        in_threads(*(one.renew for one in comers))
        assert sum(one.seats() for one in comers) <= 8
        assert held() == 8
        for one in comers * 2:
            one.renew()
        assert sorted(one.seats() for one in comers) == [1, 1, 1, 1, 2, 2]
        in_threads(*(one.leave for one in comers))
