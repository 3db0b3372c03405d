"""The model server of the tests, as the openai client finds it."""

import asyncio
import json
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import urlsplit

import openai
import pytest
from openai import AsyncOpenAI, AzureOpenAI, OpenAI

from tests import openai_faults as faults
from tests.openai_server import Apart, ModelServer, apart, every, serving

HELLO = [{"role": "user", "content": "Hello there"}]
AT_ONCE = 32


@pytest.fixture
def server() -> Iterator[ModelServer]:
    with serving() as one:
        yield one


def client(server: ModelServer, **settings: Any) -> OpenAI:
    given = {"base_url": server.url, "api_key": server.key, "max_retries": 0, "timeout": 5}
    return OpenAI(**given | settings)


def chat(server: ModelServer, **settings: Any) -> Any:
    """Say hello as the openai client does."""
    return client(server).chat.completions.create(model="small", messages=HELLO, **settings)


# What is answered


def test_it_says_what_it_was_told_to_say(server: ModelServer) -> None:
    server.answer = lambda messages: messages[0]["content"].upper()

    found = chat(server, temperature=0, seed=3)

    assert found.choices[0].message.content == "HELLO THERE"
    assert found.choices[0].finish_reason == "stop"
    assert (found.model, found.usage.prompt_tokens, found.usage.completion_tokens) == (
        "small",
        6,
        3,
    )
    assert server.chats[0].json == {
        "model": "small",
        "messages": HELLO,
        "temperature": 0,
        "seed": 3,
    }
    assert server.chats[0].status == 200


def test_a_reply_is_cut_at_the_tokens_asked_for(server: ModelServer) -> None:
    found = chat(server, max_tokens=1, n=2)

    assert [one.message.content for one in found.choices] == ["Hell", "Hell"]
    assert found.choices[0].finish_reason == "length"
    assert found.usage.completion_tokens == 2


def test_a_model_can_have_answers_of_its_own(server: ModelServer) -> None:
    server.answers["small"] = lambda messages: "mine"

    assert chat(server).choices[0].message.content == "mine"


def test_embeddings_of_texts_that_share_words_are_close(server: ModelServer) -> None:
    texts = ["refund my invoice", "my invoice", "a broken door"]
    asked = client(server).embeddings.create(model="small", input=texts)
    one, near, far = (item.embedding for item in asked.data)

    def closeness(other: list[float]) -> float:
        return sum(a * b for a, b in zip(one, other, strict=True))

    assert closeness(near) > closeness(far)
    assert closeness(one) == pytest.approx(1)
    as_numbers = client(server).embeddings.create(
        model="small", input=texts, encoding_format="float"
    )
    assert as_numbers.data[0].embedding == pytest.approx(one)
    assert asked.usage.prompt_tokens == 12


def test_it_lists_its_models_and_knows_no_others(server: ModelServer) -> None:
    server.models = ["small", "large"]

    assert [one.id for one in client(server).models.list()] == ["small", "large"]
    with pytest.raises(openai.NotFoundError, match="does not exist"):
        client(server).chat.completions.create(model="huge", messages=HELLO)


def test_azure_asks_by_deployment(server: ModelServer) -> None:
    azure = AzureOpenAI(
        azure_endpoint=server.azure_url, api_key=server.key, api_version="2024-10-21"
    )

    found = azure.chat.completions.create(model="our-small", messages=HELLO)

    assert found.choices[0].message.content == "Hello there"
    assert server.chats[0].model == "our-small"
    assert server.chats[0].query == {"api-version": "2024-10-21"}


def test_a_wrong_key_is_refused(server: ModelServer) -> None:
    with pytest.raises(openai.AuthenticationError, match="Incorrect API key"):
        client(server, api_key="sk-wrong").models.list()


def test_what_makes_no_sense_is_a_bad_request(server: ModelServer) -> None:
    with pytest.raises(openai.BadRequestError, match="cannot be read"):
        client(server).post("/chat/completions", body={"model": "small"}, cast_to=object)
    with pytest.raises(openai.NotFoundError, match="Invalid URL"):
        client(server).get("/nonsense", cast_to=object)


# What goes wrong


def test_faults_come_in_turn_and_then_it_is_well_again(server: ModelServer) -> None:
    server.faults += [faults.failing(500), faults.failing(503)]

    for status in (500, 503):
        with pytest.raises(openai.InternalServerError) as caught:
            chat(server)
        assert caught.value.status_code == status
    assert chat(server).choices
    assert [one.status for one in server.requests] == [500, 503, 200]


def test_every_third_request_can_go_wrong(server: ModelServer) -> None:
    server.fault_for = every(3, faults.failing(500))

    outcomes = [client(server).with_options(max_retries=1).models.list() for _ in range(4)]

    assert len(outcomes) == 4
    assert [one.status for one in server.requests] == [200, 200, 500, 200, 200]


@pytest.mark.parametrize("after", [2, datetime(2030, 1, 2, 3, 4, 5, tzinfo=UTC), None])
def test_a_rate_limit_may_say_how_long_to_wait(server: ModelServer, after: Any) -> None:
    server.faults += [faults.rate_limited(after)]

    with pytest.raises(openai.RateLimitError) as caught:
        chat(server)

    told = caught.value.response.headers.get("retry-after")
    assert (parsedate_to_datetime(told) if isinstance(after, datetime) else told) == (
        after if not isinstance(after, int) else str(after)
    )


def test_it_can_keep_a_client_waiting(server: ModelServer) -> None:
    server.faults += [faults.hanging(), faults.late(0.2)]

    with pytest.raises(openai.APITimeoutError):
        client(server, timeout=0.1).models.list()
    began = time.monotonic()
    assert chat(server).choices
    assert time.monotonic() - began >= 0.2


@pytest.mark.parametrize("fault", [faults.hanging_up(), faults.truncated(0.5)])
def test_a_connection_can_break(server: ModelServer, fault: faults.Fault) -> None:
    server.faults += [fault]

    with pytest.raises(openai.APIConnectionError):
        chat(server)


def test_nobody_listens_at_the_unheard_address(server: ModelServer) -> None:
    with pytest.raises(openai.APIConnectionError):
        client(server, base_url=server.unheard).models.list()


def test_an_answer_can_come_in_drips(server: ModelServer) -> None:
    server.faults += [faults.dripping(piece=40, every=0.01)]
    began = time.monotonic()

    assert chat(server).choices[0].message.content == "Hello there"
    assert time.monotonic() - began > 0.05


@pytest.mark.parametrize("fault", [faults.malformed(), faults.empty()])
def test_an_answer_can_be_no_json(server: ModelServer, fault: faults.Fault) -> None:
    server.faults += [fault]

    with pytest.raises(json.JSONDecodeError):
        chat(server)


def test_a_web_page_can_come_instead(server: ModelServer) -> None:
    server.faults += [faults.web_page()]

    assert "sign in" in chat(server)


def test_the_answer_can_lack_something(server: ModelServer) -> None:
    server.faults += [
        faults.without("usage"),
        faults.having(choices=[]),
        faults.refusing("I'd rather not."),
        faults.filtered(),
        faults.huge(100_000),
    ]

    assert chat(server).usage is None
    assert chat(server).choices == []
    assert chat(server).choices[0].message.refusal == "I'd rather not."
    assert chat(server).choices[0].finish_reason == "content_filter"
    assert len(chat(server).model_extra["padding"]) == 100_000


def test_it_can_send_the_client_elsewhere(server: ModelServer) -> None:
    with serving(key="") as other:
        server.faults += [faults.redirecting(f"{other.url}/models")]
        assert client(server).models.list().data == []
        assert len(other.requests) == 1


def test_beyond_its_capacity_it_limits_the_rate() -> None:
    with serving(delay=0.6, capacity=2) as server, ThreadPoolExecutor(4) as pool:
        ready = [client(server).chat.completions for _ in range(4)]  # made one after the other
        said = [pool.submit(one.create, model="small", messages=HELLO) for one in ready]
        refused = [one.exception() for one in said if one.exception()]

    assert len(refused) == 2
    assert all(isinstance(one, openai.RateLimitError) for one in refused)
    assert server.most_at_once > 2


# Fine-tuning


def examples(count: int) -> bytes:
    line = json.dumps({"messages": [*HELLO, {"role": "assistant", "content": "billing"}]})
    return "\n".join([line] * count).encode()


def test_a_job_makes_a_model_that_is_served(server: ModelServer) -> None:
    server.models = ["small"]
    api = client(server)
    file = api.files.create(file=("train.jsonl", examples(12)), purpose="fine-tune")
    job = api.fine_tuning.jobs.create(model="small", training_file=file.id, suffix="mail")
    states = [api.fine_tuning.jobs.retrieve(job.id).status for _ in range(3)]
    done = api.fine_tuning.jobs.retrieve(job.id)

    assert job.status == "validating_files"
    assert states == ["queued", "running", "succeeded"]
    assert done.fine_tuned_model.startswith("ft:small:test:mail:")
    assert done.trained_tokens == len(examples(12)) // 4
    assert [one.id for one in api.models.list()] == ["small", done.fine_tuned_model]
    events = [one.message for one in api.fine_tuning.jobs.list_events(job.id)]
    assert events[0] == "The job is succeeded."
    assert events[-1] == f"Created fine-tuning job: {job.id}"
    assert api.files.content(file.id).read() == examples(12)
    assert [one.filename for one in api.files.list()] == ["train.jsonl"]
    api.files.delete(file.id)
    assert api.files.list().data == []


@pytest.mark.parametrize(
    ("content", "complaint"),
    [(examples(3), "at least 10"), (examples(10) + b'\n{"text": 1}', "Line 11")],
)
def test_a_job_with_a_poor_file_fails(server: ModelServer, content: bytes, complaint: str) -> None:
    api = client(server)
    file = api.files.create(file=("train.jsonl", content), purpose="fine-tune")
    job = api.fine_tuning.jobs.create(model="small", training_file=file.id)

    failed = api.fine_tuning.jobs.retrieve(job.id)

    assert failed.status == "failed"
    assert complaint in failed.error.message


def test_a_job_is_cancelled_once(server: ModelServer) -> None:
    api = client(server)
    file = api.files.create(file=("train.jsonl", examples(12)), purpose="fine-tune")
    job = api.fine_tuning.jobs.create(model="small", training_file=file.id)

    assert api.fine_tuning.jobs.cancel(job.id).status == "cancelled"
    with pytest.raises(openai.BadRequestError):
        api.fine_tuning.jobs.cancel(job.id)
    with pytest.raises(openai.BadRequestError, match="invalid training_file"):
        api.fine_tuning.jobs.create(model="small", training_file="file-none")


# In a process of its own


def test_a_server_apart_takes_faults_and_tells_what_it_was_asked() -> None:
    with apart(answer="tests.openai_server:echo") as server:
        server.fail_with(("rate_limited", 1))
        api = OpenAI(base_url=server.url, api_key=server.key, max_retries=0)
        with pytest.raises(openai.RateLimitError):
            api.models.list()
        assert api.models.list().data == []
        assert [one["status"] for one in server.requests()] == [429, 200]
        assert server.figures().items() >= {"requests": 2, "most_at_once": 1}.items()


def test_the_async_client_talks_to_it_too(server: ModelServer) -> None:
    async def talk() -> str | None:
        async with AsyncOpenAI(base_url=server.url, api_key=server.key) as api:
            asked = api.chat.completions.create(model="small", messages=HELLO)  # type: ignore[arg-type]
            return (await asked).choices[0].message.content

    assert asyncio.run(talk()) == "Hello there"


async def load(port: int, seconds: float) -> int:
    """Ask as fast as 32 plain connections can; return the number of answers."""
    body = json.dumps({"model": "small", "messages": HELLO}).encode()
    head = (
        "POST /v1/chat/completions HTTP/1.1\r\nHost: here\r\n"
        f"Authorization: Bearer sk-test-0123456789\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    ends = time.monotonic() + seconds

    async def ask() -> int:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        count = 0
        while time.monotonic() < ends:
            writer.write(head.encode() + body)
            answer = (await reader.readuntil(b"\r\n\r\n")).decode()
            assert answer.startswith("HTTP/1.1 200")
            await reader.readexactly(int(answer.split("Content-Length: ")[1].split("\r\n")[0]))
            count += 1
        writer.close()
        return count

    return sum(await asyncio.gather(*(ask() for _ in range(AT_ONCE))))


def rate(server: Apart, seconds: float) -> float:
    """Return the answers a second that 32 clients get."""
    return asyncio.run(load(int(urlsplit(server.url).port or 0), seconds)) / seconds


@pytest.mark.slow
def test_500_answers_a_second_to_32_clients_take_less_than_half_a_core() -> None:
    # Counted in time at work, as other work on the machine is no fault of the server's.
    with apart(delay=0.05) as server:
        rate(server, 0.2)
        before = server.figures()
        rate(server, 2)
        after = server.figures()
    answers = after["requests"] - before["requests"]
    worked = after["seconds_at_work"] - before["seconds_at_work"]

    assert after["most_at_once"] == AT_ONCE
    assert 500 * worked / answers < 0.5


@pytest.mark.slow
def test_without_a_delay_it_is_not_what_a_client_waits_for() -> None:
    with apart() as server:
        assert max(rate(server, 1) for _attempt in range(3)) >= 1000
