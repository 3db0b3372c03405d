"""Budgets in requests, tokens and money, kept by many workers at once."""

import asyncio
import random
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from asgiref.sync import async_to_sync
from django.db import OperationalError
from django.utils import translation

from decisions.models import Candidate
from evaluations.actions import request_run
from evaluations.endpoints import budget
from evaluations.endpoints.budget import BudgetExhausted, Limits, Purse, Spent, charge, reserve
from evaluations.models import Endpoint, Run
from evaluations.techniques import Halt
from tests.evaluations.helpers import make_candidate, make_case_set
from tests.factories import People, open_record
from tests.factories import people as make_people
from tests.threads import in_threads

CENT = Decimal("0.01")


def make_endpoint(team: People, **values: Any) -> Endpoint:
    given = {"name": "Ours", "slug": "ours", "base_url": "http://127.0.0.1:1/v1"} | values
    return Endpoint.objects.create(created_by=team.devops, **given)


@pytest.fixture
def endpoint(people: People) -> Endpoint:
    return make_endpoint(people)


def limit(row: Endpoint | Run, **limits: Any) -> None:
    """Set an endpoint's or a run's limits."""
    if isinstance(row, Run):
        Run.objects.filter(pk=row.pk).update(budget=limits)
    else:
        named = {f"budget_{which}": most for which, most in limits.items()}
        Endpoint.objects.filter(pk=row.pk).update(**named)


def spent(row: Endpoint | Run) -> Spent:
    row.refresh_from_db()
    return Spent.of(row)


def taken(purse: Purse, most: int = 1000) -> int:
    """Take requests until there are none; return how many there were."""
    for count in range(most):
        try:
            purse.refill()
        except BudgetExhausted:
            return count
        assert purse.take()
    return most


# What is counted


def test_without_limits_everything_is_counted_and_nothing_refused(
    endpoint: Endpoint, run: Run
) -> None:
    for _request in range(3):
        reserve(endpoint, run)
        charge(endpoint, run, 100, 20, CENT)
    charge(endpoint, run, None, None, None)

    expected = Spent(3, 300, 60, 3 * CENT, unpriced=1)
    assert (spent(endpoint), spent(run)) == (expected, expected)


def test_a_request_outside_runs_is_counted_at_the_endpoint(endpoint: Endpoint) -> None:
    reserve(endpoint)
    charge(endpoint, None, 1, 2, None)

    assert spent(endpoint) == Spent(1, 1, 2, unpriced=1)


def test_small_costs_add_up_exactly(endpoint: Endpoint) -> None:
    for _request in range(20):
        charge(endpoint, None, 1, 1, Decimal("0.000000103"))

    assert spent(endpoint).cost == Decimal("0.000002060")


# What is refused


@pytest.mark.parametrize("whose", ["endpoint", "run"])
def test_exactly_as_many_requests_as_allowed_go_out(
    endpoint: Endpoint, run: Run, whose: str
) -> None:
    row = {"endpoint": endpoint, "run": run}[whose]
    limit(row, requests=5)
    for _request in range(5):
        reserve(endpoint, run)

    with pytest.raises(BudgetExhausted, match="used up its budget of 5 requests") as caught:
        reserve(endpoint, run)
    assert caught.value.which == "requests"
    assert str(row) in str(caught.value)
    assert spent(endpoint).requests == spent(run).requests == 5


def test_tokens_that_are_used_up_end_it(endpoint: Endpoint, run: Run) -> None:
    limit(run, tokens=1000)
    reserve(endpoint, run)
    charge(endpoint, run, 900, 100, None)

    with pytest.raises(BudgetExhausted, match=r"budget of 1,?000 tokens"):
        reserve(endpoint, run)


def test_money_that_is_used_up_ends_it(endpoint: Endpoint, run: Run) -> None:
    limit(run, money="0.02")
    limit(endpoint, money=Decimal(5))
    for _request in range(2):
        reserve(endpoint, run)
        charge(endpoint, run, 10, 10, CENT)

    with pytest.raises(BudgetExhausted, match=r"budget of 0\.02 US dollars") as caught:
        reserve(endpoint, run)
    assert isinstance(caught.value, Halt)


def test_a_budget_of_nothing_allows_nothing(endpoint: Endpoint) -> None:
    limit(endpoint, tokens=0)

    with pytest.raises(BudgetExhausted):
        reserve(endpoint)


def test_a_larger_budget_lets_it_go_on(endpoint: Endpoint) -> None:
    limit(endpoint, requests=1)
    reserve(endpoint)
    limit(endpoint, requests=2)

    reserve(endpoint)


def test_the_sentence_is_in_the_readers_numbers(endpoint: Endpoint) -> None:
    limit(endpoint, requests=0)
    with translation.override("en"), pytest.raises(BudgetExhausted) as caught:
        reserve(endpoint)

    assert str(caught.value) == "Ours has used up its budget of 0 requests."


# What nobody knows the price of


def test_a_budget_in_money_needs_a_price(endpoint: Endpoint, run: Run) -> None:
    assert budget.refusal(endpoint, run, has_price=False) is None
    limit(run, money="1")

    assert "price of this model is not known" in str(budget.refusal(endpoint, run, has_price=False))
    assert budget.refusal(endpoint, run, has_price=True) is None


def test_a_reply_without_a_cost_ends_what_has_a_budget_in_money(endpoint: Endpoint) -> None:
    limit(endpoint, money=1)
    purse = Purse(endpoint)
    purse.refill()
    assert purse.take()
    purse.charge(10, None, None)

    with pytest.raises(BudgetExhausted, match="Nobody knows what a reply cost") as caught:
        purse.refill()
    assert caught.value.which == "price"


# How many fit


def test_without_limits_there_is_room_without_end() -> None:
    assert Limits().room(Spent(requests=10**9), Spent()) is None


def test_the_room_is_that_of_requests_like_those_so_far() -> None:
    so_far = Spent(10, 900, 100, 10 * CENT)

    def room(limits: Limits) -> int | None:
        return limits.room(so_far, so_far)

    assert room(Limits(requests=30)) == 20
    assert room(Limits(tokens=1500)) == 5
    assert room(Limits(money=Decimal("0.17"))) == 7
    assert room(Limits(30, 1500, Decimal("0.17"))) == 5
    assert room(Limits(tokens=1001)) == 1
    assert room(Limits(tokens=999)) == 0


def test_while_nobody_knows_what_requests_come_to_there_is_room_for_as_many_again() -> None:
    assert Limits(tokens=1000).room(Spent(requests=40), Spent()) == 1
    assert Limits(tokens=1000).room(Spent(requests=40), Spent(requests=4)) == 5


# One worker's purse


def test_a_purse_takes_blocks_and_gives_back_what_it_did_not_use(endpoint: Endpoint) -> None:
    limit(endpoint, requests=640)
    purse = Purse(endpoint)
    purse.refill()
    assert spent(endpoint).requests == 20
    assert all(purse.take() for _request in range(10))

    purse.leave()

    assert spent(endpoint).requests == 10


def test_a_purse_uses_a_budget_to_the_last_request(endpoint: Endpoint) -> None:
    limit(endpoint, requests=100)

    assert taken(Purse(endpoint)) == 100


def test_a_purse_without_limits_keeps_off_the_database(
    endpoint: Endpoint, django_assert_num_queries: Callable[[int], Any]
) -> None:
    purse = Purse(endpoint)
    assert not purse.take()
    purse.refill()
    with django_assert_num_queries(0):
        for _request in range(100):
            assert purse.take()
            purse.charge(10, 5, CENT)
    purse.leave()

    assert spent(endpoint) == Spent(100, 1000, 500, Decimal(1))


def test_a_limit_that_comes_later_is_seen_when_the_purse_settles(endpoint: Endpoint) -> None:
    purse = Purse(endpoint)
    purse.refill()
    for _request in range(40):
        assert purse.take()
    limit(endpoint, requests=41)
    purse.settle()

    assert taken(purse) == 1


def test_settling_gives_back_what_a_used_up_budget_no_longer_allows(endpoint: Endpoint) -> None:
    limit(endpoint, requests=640)
    purse = Purse(endpoint)
    purse.refill()
    assert purse.take()
    purse.charge(100, 0, None)
    limit(endpoint, requests=640, tokens=100)
    purse.settle()

    assert not purse.take()
    assert spent(endpoint).requests == 1


def test_what_could_not_be_written_is_written_later(
    endpoint: Endpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    purse = Purse(endpoint)
    purse.charge(7, 0, None)
    with monkeypatch.context() as patch:
        patch.setattr(budget, "_write", _is_locked)
        with pytest.raises(OperationalError):
            purse.settle()
    purse.settle()

    assert spent(endpoint).input_tokens == 7


def _is_locked(*_args: Any) -> None:
    raise OperationalError("database is locked")


@pytest.mark.django_db(transaction=True)
def test_many_coroutines_share_a_purse(endpoint: Endpoint, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(budget, "SETTLE_EVERY", 0.01)
    limit(endpoint, requests=50)
    purse = Purse(endpoint)

    async def ask() -> bool:
        try:
            await purse.reserve()
        except BudgetExhausted:
            return False
        await asyncio.sleep(0.002)
        purse.charge(3, 1, None)
        return True

    async def work() -> int:
        keeping = asyncio.create_task(purse.keep())
        answered = sum(await asyncio.gather(*(ask() for _request in range(60))))
        keeping.cancel()
        await purse.close()
        return answered

    assert async_to_sync(work)() == 50
    assert spent(endpoint) == Spent(50, 150, 50, unpriced=50)


# Many workers


@pytest.fixture
def both(transactional_db: None, tmp_path: Path) -> tuple[Endpoint, Run]:
    """An endpoint and a run that threads with connections of their own can see."""
    team = make_people()
    record = open_record(team)
    candidate: Candidate = make_candidate(record, team)
    run = request_run(candidate, make_case_set(tmp_path), by=team.data_science)
    return make_endpoint(team), run


def spending(endpoint: Endpoint, run: Run, number: int, tokens: int) -> Callable[[], int]:
    """Return a worker that asks until a budget is used up, eight requests at a time."""

    def work() -> int:
        draw, purse, made = random.Random(number), Purse(endpoint, run), 0
        try:
            while True:
                under_way = 0
                for _request in range(draw.randint(1, 8)):
                    purse.refill()
                    under_way += purse.take()
                    made += 1
                for _request in range(under_way):
                    purse.charge(tokens - 1, 1, CENT)
        except BudgetExhausted:
            for _request in range(under_way):
                purse.charge(tokens - 1, 1, CENT)
            return made
        finally:
            purse.leave()

    return work


@pytest.mark.postgres
@pytest.mark.slow
def test_workers_at_once_never_make_more_requests_than_allowed(both: tuple[Endpoint, Run]) -> None:
    endpoint, run = both
    limit(endpoint, requests=1000)
    limit(run, requests=600)

    made = in_threads(*(spending(endpoint, run, number, 10) for number in range(6)))

    assert all(isinstance(count, int) for count in made), made
    assert 590 <= sum(made) <= 600
    assert (
        spent(endpoint) == spent(run) == Spent(sum(made), 9 * sum(made), sum(made), run.spent_cost)
    )
    assert run.spent_cost == sum(made) * CENT


@pytest.mark.postgres
@pytest.mark.slow
def test_workers_at_once_exceed_tokens_by_no_more_than_is_in_their_hands(
    both: tuple[Endpoint, Run],
) -> None:
    endpoint, run = both
    limit(endpoint, tokens=20_000)

    made = in_threads(*(spending(endpoint, run, number, 50) for number in range(6)))

    assert all(isinstance(count, int) for count in made), made
    assert 20_000 <= spent(endpoint).tokens <= 20_000 + 6 * (8 + 20_000 // 50 // 32) * 50
    assert spent(endpoint).requests == sum(made)


@pytest.mark.postgres
@pytest.mark.slow
def test_single_requests_in_the_same_moment_are_counted_one_by_one(
    both: tuple[Endpoint, Run],
) -> None:
    endpoint, run = both
    limit(run, requests=40)

    def ask() -> int:
        count = 0
        try:
            while True:
                reserve(endpoint, run)
                count += 1
        except BudgetExhausted:
            return count

    assert sum(in_threads(*[ask] * 5)) == 40
    assert spent(endpoint).requests == 40
