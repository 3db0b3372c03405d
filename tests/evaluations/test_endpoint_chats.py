"""Models as techniques talk to them: within seats, budgets and prices, whatever the event loop."""

import asyncio
from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from asgiref.sync import async_to_sync

from evaluations.endpoints import chats, gates
from evaluations.endpoints.budget import BudgetExhausted
from evaluations.endpoints.chats import EndpointChat, connect, on_behalf_of
from evaluations.endpoints.errors import EndpointError
from evaluations.models import Endpoint, Run, Share
from evaluations.techniques.chat import Chat, Message
from evaluations.techniques.interface import Halt, PrepareError
from tests import openai_faults as faults
from tests.factories import People
from tests.openai_server import ModelServer, serving

HELLO: list[Message] = [{"role": "user", "content": "Where is my card?"}]
pytestmark = pytest.mark.django_db


@pytest.fixture
def server() -> Iterator[ModelServer]:
    with serving(answer=lambda messages: "billing") as found:
        yield found


@pytest.fixture
def endpoint(server: ModelServer, people: People) -> Endpoint:
    return Endpoint.objects.create(
        name="Ours",
        slug="ours",
        base_url=server.url,
        key=server.key,
        timeout=5,
        retries=2,
        concurrency=4,
        created_by=people.owner,
    )


def say(chat: EndpointChat, times: int = 1) -> list[Any]:
    """Say hello so many times at once, in an event loop of its own."""

    async def said() -> list[Any]:
        try:
            asked = (chat.say(HELLO, max_tokens=20) for _ in range(times))
            return await asyncio.gather(*asked, return_exceptions=True)
        finally:
            await chat.close()

    return async_to_sync(said)()


def spent(row: Endpoint | Run) -> tuple[int, int, int]:
    row.refresh_from_db()
    return row.spent_requests, row.spent_input_tokens, row.spent_output_tokens


def test_a_chat_is_what_techniques_expect(endpoint: Endpoint) -> None:
    chat: Chat = connect("ours", "small")
    assert chat


def test_what_is_said_is_answered_and_written_down(endpoint: Endpoint) -> None:
    (reply,) = say(connect("ours", "small"))

    assert reply.text == "billing"
    assert spent(endpoint) == (1, reply.input_tokens, reply.output_tokens)
    assert endpoint.spent_unpriced == 1


def test_what_a_run_asks_is_written_to_the_run_as_well(endpoint: Endpoint, run: Run) -> None:
    endpoint.price_input = endpoint.price_output = Decimal("2.5")
    endpoint.save()
    with on_behalf_of(run):
        replies = say(connect("ours", "small"), 3)

    assert spent(run) == spent(endpoint)
    assert run.spent_requests == 3
    assert run.spent_cost == endpoint.spent_cost == sum(reply.cost for reply in replies)
    assert run.spent_cost > 0


def test_a_chat_may_be_used_in_one_event_loop_after_the_other(endpoint: Endpoint) -> None:
    chat = connect("ours", "small")

    assert [say(chat)[0].text for _ in range(3)] == ["billing"] * 3


def test_a_chat_whose_event_loop_is_gone_opens_anew(
    endpoint: Endpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The seats of the loop that is gone are free again once their lease is over."""
    monkeypatch.setattr(gates, "LONGEST_LEASE", timedelta(seconds=1))
    chat = connect("ours", "small")

    async def left_open() -> str:
        return (await chat.say(HELLO)).text

    assert async_to_sync(left_open)() == "billing"
    assert say(chat)[0].text == "billing"


def test_seats_come_with_the_line_and_go_with_it(endpoint: Endpoint) -> None:
    chat = connect("ours", "small")

    async def seats() -> list[int]:
        found = [chat.seats()]
        while not chat.seats():
            await asyncio.sleep(0.01)
        found.append(chat.seats())
        await chat.close()
        return found

    assert async_to_sync(seats)() == [0, 4]
    assert not Share.objects.exists()


def test_no_more_is_under_way_than_endpoint_and_run_allow(
    server: ModelServer, endpoint: Endpoint, run: Run
) -> None:
    server.delay = 0.05
    say(connect("ours", "small"), 12)
    assert server.most_at_once == 4

    server.requests.clear()
    Run.objects.filter(pk=run.pk).update(concurrency=2)
    run.refresh_from_db()
    with on_behalf_of(run):
        replies = say(connect("ours", "small"), 8)
    assert server.most_at_once == 2
    assert max(reply.latency_ms for reply in replies) < 200


def test_two_chats_share_the_seats_of_their_endpoint(
    server: ModelServer, endpoint: Endpoint
) -> None:
    server.delay = 0.02

    async def both() -> None:
        found = [connect_now() for _ in range(2)]
        asked = [chat.say(HELLO) for chat in found for _ in range(10)]
        await asyncio.gather(*asked)
        await asyncio.gather(*(chat.close() for chat in found))

    def connect_now() -> EndpointChat:
        return EndpointChat("ours", "small")

    async_to_sync(both)()
    assert len(server.chats) == 20
    assert server.most_at_once <= 4


def test_a_server_that_has_too_much_to_do_gets_less(
    server: ModelServer, endpoint: Endpoint
) -> None:
    server.faults += [faults.rate_limited(after=0)]
    chat = connect("ours", "small")

    async def seats() -> tuple[int, int]:
        await chat.say(HELLO)
        found = chat.seats()
        for _ in range(6):
            await chat.say(HELLO)
        later = chat.seats()
        await chat.close()
        return found, later

    before, after = async_to_sync(seats)()
    assert before < 4
    assert after > before


def test_a_budget_lets_through_exactly_what_it_allows(
    server: ModelServer, endpoint: Endpoint
) -> None:
    endpoint.budget_requests = 5
    endpoint.save()
    found = say(connect("ours", "small"), 9)

    stopped = [one for one in found if isinstance(one, BudgetExhausted)]
    assert len(stopped) == 4
    assert len(server.chats) == 5
    assert spent(endpoint)[0] == 5
    assert "5 requests" in str(stopped[0])


def test_every_attempt_counts_as_a_request(server: ModelServer, endpoint: Endpoint) -> None:
    server.faults += [faults.failing(500)]
    say(connect("ours", "small"))

    assert spent(endpoint)[0] == len(server.chats) == 2


def test_a_budget_in_money_is_refused_where_the_price_is_not_known(
    server: ModelServer, endpoint: Endpoint
) -> None:
    endpoint.budget_money = Decimal(10)
    endpoint.save()
    (found,) = say(connect("ours", "small"))

    assert isinstance(found, BudgetExhausted)
    assert found.which == "price"
    assert not server.requests


def test_a_run_keeps_the_price_it_began_with(endpoint: Endpoint, run: Run) -> None:
    endpoint.price_input = endpoint.price_output = Decimal(2)
    endpoint.save()
    with on_behalf_of(run):
        (first,) = say(connect("ours", "small"))
        Endpoint.objects.update(price_input=9, price_output=9)
        (second,) = say(connect("ours", "small"))

    assert first.cost == second.cost
    run.refresh_from_db()
    assert run.prices["ours small"]["input"] == "2"


def test_a_run_remembers_that_nobody_knew_the_price(endpoint: Endpoint, run: Run) -> None:
    with on_behalf_of(run):
        say(connect("ours", "small"))
    run.refresh_from_db()

    assert run.prices == {"ours small": None}


def test_what_a_refusal_took_is_charged(server: ModelServer, endpoint: Endpoint) -> None:
    server.faults += [faults.refusing()]
    (error,) = say(connect("ours", "small"))

    assert isinstance(error, EndpointError)
    assert spent(endpoint)[2] > 0


@pytest.mark.parametrize(
    "fault",
    [faults.failing(401), faults.failing(404), faults.redirecting("http://127.0.0.1:1/")],
)
def test_what_every_case_would_meet_lets_the_run_rest(
    server: ModelServer, endpoint: Endpoint, fault: faults.Fault
) -> None:
    server.faults += [fault]
    (found,) = say(connect("ours", "small"))

    assert isinstance(found, Halt)


def test_what_one_case_meets_is_its_own_error(server: ModelServer, endpoint: Endpoint) -> None:
    server.faults += [faults.failing(422, "Too long.")]
    (found,) = say(connect("ours", "small"))

    assert isinstance(found, EndpointError)


def test_a_line_that_cannot_be_opened_says_why_to_whoever_asks(endpoint: Endpoint) -> None:
    chat = connect("ours", "small")
    Endpoint.objects.update(base_url="http://169.254.169.254/v1")

    async def asked() -> tuple[int, Any]:
        (found,) = await asyncio.gather(chat.say(HELLO), return_exceptions=True)
        seats = chat.seats()
        await chat.close()
        return seats, found

    seats, found = async_to_sync(asked)()
    assert seats >= 1
    assert isinstance(found, Halt)


def test_a_key_that_can_no_longer_be_read_lets_the_run_rest(
    endpoint: Endpoint, settings: Any
) -> None:
    settings.SECRET_KEY = "another-key-of-this-installation-0123456789"
    (found,) = say(connect("ours", "small"))

    assert isinstance(found, Halt)
    assert str(found) == "The key can no longer be read here. Enter it again."


def test_texts_become_vectors_within_the_same_limits(endpoint: Endpoint) -> None:
    chat = connect("ours", "vectors")

    async def embedded() -> Any:
        try:
            return await chat.embed(["a card", "a bill"])
        finally:
            await chat.close()

    found = async_to_sync(embedded)()
    assert found.vectors.shape[0] == 2
    assert spent(endpoint) == (1, found.input_tokens, 0)


@pytest.mark.parametrize(("slug", "model"), [("nowhere", "small"), ("ours", " ")])
def test_connecting_to_what_is_not_there_is_refused(
    endpoint: Endpoint, slug: str, model: str
) -> None:
    with pytest.raises(PrepareError):
        connect(slug, model)


def test_an_archived_endpoint_is_connected_to_no_more(endpoint: Endpoint, people: People) -> None:
    chat = connect("ours", "small")
    endpoint.archived_at, endpoint.archived_by = endpoint.created_at, people.owner
    endpoint.save()

    with pytest.raises(PrepareError):
        connect("ours", "small")
    assert isinstance(say(chat)[0], Halt)


def test_outside_a_run_nothing_is_counted_for_one(endpoint: Endpoint, run: Run) -> None:
    with on_behalf_of(run):
        pass
    assert chats._run.get() is None
    say(connect("ours", "small"))
    assert spent(run) == (0, 0, 0)
