"""Asking a model server: what comes back, what is sent again, and what is said when it fails."""

import asyncio
import json
import logging
import time
import traceback
from collections.abc import Awaitable, Callable, Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any, TypeVar

import numpy as np
import pytest

from decisions import clock
from evaluations.endpoints import retries, wire
from evaluations.endpoints.client import Client
from evaluations.endpoints.errors import EndpointError, Kind
from evaluations.endpoints.prices import Price, Rate
from evaluations.endpoints.retries import asked_wait, next_wait
from evaluations.endpoints.wire import Server
from evaluations.models import Flavour
from evaluations.techniques.chat import Message
from tests import openai_faults as faults
from tests.openai_server import KEY, ModelServer, serving, tokens_in

T = TypeVar("T")
HELLO: list[Message] = [{"role": "user", "content": "Where is my card?"}]
PRICE = Price("small", (Rate(Decimal("0.15"), Decimal("0.60"), Decimal("0.075")),))


@pytest.fixture
def server() -> Iterator[ModelServer]:
    with serving(answer=lambda messages: "billing") as found:
        yield found


@pytest.fixture(autouse=True)
def _no_long_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retries, "FIRST_WAIT", 0.01)


def ask(server: ModelServer, what: Callable[[Client], Awaitable[T]], **settings: Any) -> T:
    """Ask as a worker does: a client of its own, closed when it is done."""
    known = {"base_url": server.url, "key": server.key, "timeout": 5.0, "retries": 3}
    price = settings.pop("price", None)

    async def asked() -> T:
        client = Client(Server(**(known | settings)), price)
        try:
            return await what(client)
        finally:
            await client.close()

    return asyncio.run(asked())


def say(server: ModelServer, **settings: Any) -> Any:
    return ask(server, lambda client: client.chat(HELLO, model="small"), **settings)


def failure(server: ModelServer, **settings: Any) -> EndpointError:
    with pytest.raises(EndpointError) as caught:
        say(server, **settings)
    return caught.value


def test_a_reply_says_who_answered_and_what_it_took(server: ModelServer) -> None:
    reply = say(server, price=PRICE)

    assert (reply.text, reply.model, reply.finish_reason) == ("billing", "small", "stop")
    assert reply.output_tokens == tokens_in("billing")
    assert reply.cost == PRICE.cost(reply.input_tokens, reply.output_tokens)
    assert reply.cost > 0
    assert reply.attempts == 1
    assert 0 < reply.latency_ms < 5000


def test_a_price_that_nobody_knows_is_none_and_not_nothing(server: ModelServer) -> None:
    assert say(server).cost is None


def test_what_is_asked_is_sent_and_what_is_not_is_left_to_the_server(server: ModelServer) -> None:
    schema = {"type": "object", "additionalProperties": False}

    def everything(client: Client) -> Awaitable[Any]:
        return client.chat(
            HELLO, model="small", temperature=0.0, max_tokens=9, seed=7, schema=schema
        )

    ask(server, everything)
    say(server)

    full, bare = (request.json for request in server.chats)
    form = full.pop("response_format")
    assert full == {
        "messages": HELLO,
        "model": "small",
        "temperature": 0.0,
        "max_tokens": 9,
        "seed": 7,
    }
    assert form["json_schema"]["schema"] == schema
    assert form["json_schema"]["strict"] is True
    assert bare == {"messages": HELLO, "model": "small"}


def test_only_the_key_of_the_endpoint_is_sent_and_nothing_else_of_ours(
    server: ModelServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-of-the-machine")
    monkeypatch.setenv("OPENAI_ORG_ID", "org-of-the-machine")
    monkeypatch.setenv("OPENAI_CUSTOM_HEADERS", "X-Machine: yes")
    say(server)

    headers = {name.lower(): value for name, value in server.chats[0].headers.items()}
    assert headers["authorization"] == f"Bearer {KEY}"
    assert headers["user-agent"] == "Countersign"
    assert headers["accept-encoding"] == "identity"
    assert "machine" not in json.dumps(headers)
    assert not [name for name in headers if name.startswith(("x-", "openai"))]


def test_without_a_key_no_key_is_sent(server: ModelServer) -> None:
    error = failure(server, key="")

    assert error.kind == Kind.KEY
    assert "authorization" not in {name.lower() for name in server.chats[0].headers}


def test_azure_is_asked_in_its_own_form(server: ModelServer) -> None:
    azure = {
        "base_url": server.azure_url,
        "flavour": Flavour.AZURE,
        "api_version": "2024-10-21",
    }
    reply = say(server, **azure)
    request = server.chats[0]

    assert reply.text == "billing"
    assert request.path == "/openai/deployments/small/chat/completions"
    assert request.query == {"api-version": "2024-10-21"}
    assert request.headers["api-key"] == KEY


def test_texts_become_vectors_in_their_order(server: ModelServer) -> None:
    texts = ["a lost card", "the weather", "a lost card"]
    found = ask(server, lambda client: client.embed(texts, model="vectors"), price=PRICE)

    assert found.vectors.dtype == np.float32
    assert found.vectors.shape[0] == 3
    assert (found.vectors[0] == found.vectors[2]).all()
    assert found.cost == PRICE.cost(found.input_tokens, 0)


def test_the_models_of_a_server_are_listed() -> None:
    with serving(models=["small", "large"]) as server:
        assert ask(server, lambda client: client.models()) == ["small", "large"]


def test_several_replies_to_one_question_all_come_back(server: ModelServer) -> None:
    reply = ask(server, lambda client: client.chat(HELLO, model="small", n=3))

    assert reply.text == "billing"
    assert set(reply.texts) == {"billing"}


@pytest.mark.parametrize(
    "fault",
    [
        faults.rate_limited(),
        faults.failing(500),
        faults.failing(503),
        faults.hanging_up(),
        faults.truncated(),
        faults.malformed(),
        faults.malformed(b"[]"),
        faults.malformed(b'{"choices": "none"}'),
        faults.malformed(b"[" * 100_000),
    ],
)
def test_what_may_go_well_the_next_time_is_sent_again(
    server: ModelServer, fault: faults.Fault
) -> None:
    server.faults += [fault, fault]
    reply = say(server)

    assert (reply.text, reply.attempts) == ("billing", 3)
    assert len(server.chats) == 3


def test_the_latency_is_that_of_the_attempt_that_succeeded(server: ModelServer) -> None:
    server.faults += [faults.rate_limited(after=1)]
    began = time.monotonic()
    reply = say(server)

    assert time.monotonic() - began >= 1
    assert reply.latency_ms < 900


@pytest.mark.parametrize("status", [400, 401, 403, 404, 422])
def test_what_the_server_will_never_take_is_not_sent_again(
    server: ModelServer, status: int
) -> None:
    server.faults += [faults.failing(status, "It cannot be done.")]
    error = failure(server)

    assert not error.is_retryable
    assert error.attempts == len(server.chats) == 1
    assert str(status) in error.sentence


def test_an_account_without_money_is_not_asked_again(server: ModelServer) -> None:
    said = {"message": "You exceeded your quota.", "code": "insufficient_quota"}
    body = json.dumps({"error": said}).encode()
    server.faults += [lambda sent: faults.Sent(status=429, body=body)]
    error = failure(server)

    assert error.kind == Kind.QUOTA
    assert "You exceeded your quota." in error.sentence
    assert len(server.chats) == 1


def test_a_server_that_never_recovers_is_given_up_after_its_retries(server: ModelServer) -> None:
    server.fault_for = lambda request: faults.failing(500, "Out of order.")
    error = failure(server, retries=2)

    assert error.sentence == "The server failed (500): Out of order. Tried 3 times."
    assert len(server.chats) == 3


def test_a_server_that_hangs_is_not_waited_for(server: ModelServer) -> None:
    server.faults += [faults.hanging()]
    began = time.monotonic()
    error = failure(server, timeout=0.3, retries=0)

    assert time.monotonic() - began < 3
    assert error.kind == Kind.TIMEOUT
    assert error.sentence == "The server did not answer within 0.3 seconds."


def test_a_body_that_drips_in_counts_as_hanging(server: ModelServer) -> None:
    server.faults += [faults.dripping(piece=1, every=0.1)]
    assert failure(server, timeout=0.5, retries=0).kind == Kind.TIMEOUT


def test_a_server_that_is_not_there_is_named_so(server: ModelServer) -> None:
    error = failure(server, base_url=server.unheard, retries=1)

    assert error.kind == Kind.UNREACHABLE
    assert error.sentence == "Nobody answers at the server's address. Tried 2 times."


@pytest.mark.parametrize(
    ("fault", "kind", "words"),
    [
        (faults.web_page(), Kind.MALFORMED, "A web page came back"),
        (faults.malformed(), Kind.MALFORMED, "not the JSON"),
        (faults.without("choices"), Kind.MALFORMED, "lacks “choices”"),
        (faults.having(choices=[]), Kind.EMPTY, "without a reply"),
        (faults.empty(), Kind.MALFORMED, "not the JSON"),
        (faults.refusing("I'd rather not."), Kind.REFUSED, "The model refused: I'd rather not."),
        (faults.filtered(), Kind.FILTERED, "content filter"),
        (faults.with_message(content=None), Kind.EMPTY, "no text in it"),
        (faults.with_message("length", content=""), Kind.EMPTY, "longest reply"),
        (faults.redirecting("http://127.0.0.1:1/"), Kind.REDIRECT, "leads elsewhere (307)"),
        (faults.truncated(), Kind.BROKEN, "The connection broke"),
        (faults.hanging_up(), Kind.BROKEN, "The connection broke"),
        (faults.having(error={"message": "No memory."}), Kind.SERVER, "No memory."),
        (faults.failing(418, "x" * 5000), Kind.REQUEST, "xxx…"),
    ],
)
def test_each_failure_has_a_sentence(
    server: ModelServer, fault: faults.Fault, kind: Kind, words: str
) -> None:
    server.faults += [fault]
    error = failure(server, retries=0)

    assert error.kind == kind
    assert words in error.sentence
    assert len(error.sentence) < 500


def test_a_refusal_says_what_was_spent_on_it(server: ModelServer) -> None:
    server.faults += [faults.refusing()]
    error = failure(server, price=PRICE)

    assert error.reply is not None
    assert error.reply.input_tokens
    assert error.reply.cost


def test_an_enormous_answer_is_not_read_to_its_end(
    server: ModelServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(wire, "LARGEST_BODY", 2**20)
    server.faults += [faults.huge(8 * 2**20)]
    error = failure(server)

    assert error.kind == Kind.TOO_LARGE
    assert error.sentence == "The server's answer is larger than 1 MB."


def test_a_compressed_answer_is_not_unpacked(server: ModelServer) -> None:
    server.faults += [
        lambda sent: faults.Sent(body=sent.body, headers={"Content-Encoding": "gzip"})
    ]
    assert "compressed" in failure(server).sentence


def test_without_usage_tokens_and_cost_are_not_known(server: ModelServer) -> None:
    server.faults += [faults.without("usage")]
    reply = say(server, price=PRICE)

    assert (reply.text, reply.input_tokens, reply.output_tokens, reply.cost) == (
        "billing",
        None,
        None,
        None,
    )


@pytest.mark.parametrize("odd", [-1, 1.5, "3", True, None, 10**12])
def test_odd_numbers_of_tokens_are_not_known(server: ModelServer, odd: object) -> None:
    usage = {"prompt_tokens": odd, "completion_tokens": 2}
    server.faults += [faults.having(usage=usage)]

    assert say(server).input_tokens is None


def test_half_a_character_does_not_end_up_in_the_tables(server: ModelServer) -> None:
    server.faults += [faults.with_message(content="card \ud83d lost")]
    say(server).text.encode()


def test_text_in_parts_is_put_together(server: ModelServer) -> None:
    parts = [{"type": "text", "text": "bil"}, {"type": "text", "text": "ling"}]
    server.faults += [faults.with_message(content=parts)]

    assert say(server).text == "billing"


def test_a_model_that_thinks_is_told_the_length_by_its_newer_name(server: ModelServer) -> None:
    told = "Unsupported parameter: 'max_tokens'. Use 'max_completion_tokens' instead."
    server.faults += [faults.failing(400, told)]

    async def twice(client: Client) -> None:
        for _ in range(2):
            await client.chat(HELLO, model="o9", max_tokens=50)

    ask(server, twice)
    names = [set(request.json) - {"messages", "model"} for request in server.chats]
    assert names == [{"max_tokens"}, {"max_completion_tokens"}, {"max_completion_tokens"}]


def test_wrong_vectors_are_refused(server: ModelServer) -> None:
    rows = [{"index": 0, "embedding": [1.0, 2.0]}]
    for data in ([], rows * 3, [{"index": 0}], [{"index": 0, "embedding": [float("inf")]}]):
        server.faults += [faults.having(data=data)]
        with pytest.raises(EndpointError) as caught:
            ask(server, lambda client: client.embed(["one"], model="vectors"), retries=0)
        assert caught.value.kind == Kind.MALFORMED


def test_the_key_is_in_no_error_no_log_and_no_name(
    server: ModelServer, caplog: pytest.LogCaptureFixture
) -> None:
    for name in ("", "openai", "httpx2", "httpcore2"):
        caplog.set_level(logging.DEBUG, logger=name)
    echoing = f"Incorrect API key provided: {KEY}."
    told = []
    for fault in (
        faults.failing(401, echoing),
        faults.failing(400, echoing),
        faults.failing(500, echoing),
        faults.having(error={"message": echoing}),
        faults.refusing(echoing),
        faults.hanging_up(),
        faults.malformed(),
    ):
        server.faults += [fault]
        error = failure(server, retries=0)
        told += [repr(error), *traceback.format_exception(error, chain=True)]
        told += [repr(error.__context__), repr(error.__cause__)]
    told += [repr(Server(server.url, KEY)), repr(Client(Server(server.url, KEY)))]
    told += [record.getMessage() for record in caplog.records]

    assert caplog.records
    assert not [line for line in told if KEY in line]


def test_a_client_can_be_used_in_the_next_event_loop_once_it_is_closed(
    server: ModelServer,
) -> None:
    client = Client(Server(server.url, server.key))

    async def once() -> str:
        try:
            return (await client.chat(HELLO, model="small")).text
        finally:
            await client.close()

    assert [asyncio.run(once()) for _ in range(2)] == ["billing", "billing"]


def test_a_wait_that_the_server_asks_for_can_be_broken_off(server: ModelServer) -> None:
    server.faults += [faults.rate_limited(after=50)]

    async def broken_off(client: Client) -> float:
        task = asyncio.create_task(client.chat(HELLO, model="small"))
        while not server.chats:
            await asyncio.sleep(0.01)
        await asyncio.sleep(0.1)
        began = time.monotonic()
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        return time.monotonic() - began

    assert ask(server, broken_off) < 1


def test_a_wait_past_the_end_of_patience_is_not_begun(
    server: ModelServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("evaluations.endpoints.client.LONGEST", 5.0)
    server.faults += [faults.rate_limited(after=50)]
    began = time.monotonic()

    assert failure(server).kind == Kind.RATE
    assert time.monotonic() - began < 4


def test_the_server_is_waited_for_as_it_asks_in_seconds_and_by_date(server: ModelServer) -> None:
    for after in (lambda: 1, lambda: datetime.now(UTC) + timedelta(seconds=2)):
        server.faults += [faults.rate_limited(after=after())]
        began = time.monotonic()
        say(server)
        assert 0.9 <= time.monotonic() - began < 4


def test_waits_grow_and_are_jittered_up_to_a_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retries, "FIRST_WAIT", 0.5)

    def longest(attempts: int) -> float:
        return next_wait(attempts, chance=lambda: 1.0)

    assert [longest(attempts) for attempts in (1, 2, 3, 4)] == [0.5, 1.0, 2.0, 4.0]
    assert longest(1000) == retries.LONGEST_BACKOFF
    assert next_wait(4, chance=lambda: 0.0) == 0.0
    assert next_wait(1, 20.0, chance=lambda: 0.0) == 20.0
    assert next_wait(1, 3600.0, chance=lambda: 1.0) == pytest.approx(66.0)


def test_what_a_server_asks_to_wait_is_read_in_every_form() -> None:
    later = clock.now() + timedelta(seconds=30)
    as_date = later.strftime("%a, %d %b %Y %H:%M:%S GMT")

    assert asked_wait({}) is None
    assert asked_wait({"retry-after": "7"}) == 7
    assert asked_wait({"retry-after": "soon"}) is None
    assert asked_wait({"retry-after": "-3"}) is None
    assert asked_wait({"retry-after-ms": "250", "retry-after": "9"}) == 0.25
    assert asked_wait({"retry-after": as_date}) == pytest.approx(30, abs=1.5)
    assert asked_wait({"retry-after": "Sun, 06 Nov 1994 08:49:37 GMT"}) == 0
