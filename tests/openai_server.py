"""A model server for tests that speaks OpenAI's protocol over real connections.

It answers chat completions, embeddings, models, files and fine-tuning jobs, in OpenAI's form
(`Authorization: Bearer`, addresses under /v1) and in Azure's (`api-key`, the deployment in the
address). Every answer follows from what is asked alone, every request is kept, and what goes wrong
goes wrong when the test says so.

    with serving(answer=lambda messages: "billing", delay=0.05) as server:
        client = AsyncOpenAI(base_url=server.url, api_key=server.key, max_retries=0)
        server.faults += [rate_limited(after=1), truncated()]  # for the next two requests
        ...
        assert [request.json["model"] for request in server.chats] == ["small", "small"]

What is answered: `answer(messages) -> str`, and `answers["ft:…"]` for a model of its own; without
them the last message comes back. A reply longer than `max_tokens` is cut (`finish_reason` length).
A token is four characters (`tokens_in`). Embeddings are unit vectors in which texts that share
words are close (`embedded`). `models` says what is served, empty: anything.

When: `delay` seconds after the request, chats and embeddings only.

What goes wrong (`tests.openai_faults`): the `faults` in turn, one a request, then what `fault_for`
says of the request (`every(7, rate_limited())`), if anything. A `capacity` makes the server answer
429 while more requests are under way. `unheard` is an address where nobody listens.

What was asked: `requests`, in the order in which they arrived, with the time, the number under way
and the status that was answered; `chats` and `embeddings` of them; `most_at_once` of all.

`apart(delay=0.05)` runs the same in a process of its own, where it doesn't compete with the client
for the interpreter: it gives 32 clients some 5,000 answers a second without a delay. Its
`figures()`, `requests()` and `fail_with(("rate_limited", 1), …)` go through its addresses under
/_/, which a server in a thread has too, and which aren't counted.
"""

from __future__ import annotations

import argparse
import asyncio
import base64
import contextlib
import json
import math
import re
import struct
import subprocess
import sys
import threading
import time
import zlib
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from http import HTTPStatus
from importlib import import_module
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit
from urllib.request import Request as Question
from urllib.request import urlopen

from tests.openai_faults import FAULTS, Fault, Sent, rate_limited, refused
from tests.openai_tuning import Tuning

KEY = "sk-test-0123456789"
DIMENSIONS = 64
ROOT = Path(__file__).resolve().parent.parent
AZURE = re.compile(r"/openai/deployments/(?P<model>[^/]+)(?P<path>/.+)")

Messages = Sequence[Mapping[str, Any]]
Answer = Callable[[Messages], str]


@dataclass
class Request:
    """One request as it arrived; `at` and `took` in seconds, `took` until all was answered."""

    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: bytes
    at: float
    at_once: int = 1
    status: int = 0
    took: float = 0.0

    @property
    def json(self) -> Any:
        """Return the body as plain values."""
        return json.loads(self.body)

    @property
    def model(self) -> str:
        """Return the model that is asked for: an Azure deployment stands in the address."""
        azure = AZURE.fullmatch(self.path)
        return azure["model"] if azure else str(self.json.get("model", ""))

    @property
    def route(self) -> str:
        """Return what is asked for, without what stands before it: `/chat/completions`."""
        azure = AZURE.fullmatch(self.path)
        return azure["path"] if azure else self.path.removeprefix("/v1")


def echo(messages: Messages) -> str:
    """Say what was said last."""
    content = messages[-1]["content"]
    return content if isinstance(content, str) else " ".join(part["text"] for part in content)


@dataclass
class ModelServer:
    """What is served, what goes wrong, and what was asked; see the module's docstring."""

    answer: Answer = echo
    delay: float = 0.0
    key: str = KEY
    models: list[str] = field(default_factory=list)
    answers: dict[str, Answer] = field(default_factory=dict)
    capacity: int | None = None
    faults: list[Fault] = field(default_factory=list)
    fault_for: Callable[[Request], Fault | None] = lambda request: None
    tuning: Tuning = field(default_factory=Tuning)
    requests: list[Request] = field(default_factory=list, repr=False)
    under_way: int = 0
    port: int = 0

    @property
    def url(self) -> str:
        """Return what clients of OpenAI's form take as the base address."""
        return f"http://127.0.0.1:{self.port}/v1"

    @property
    def azure_url(self) -> str:
        """Return what clients of Azure's form take as the endpoint."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def unheard(self) -> str:
        """Return an address at which nobody listens."""
        return "http://127.0.0.1:1/v1"

    @property
    def chats(self) -> list[Request]:
        """Return what was asked of models that talk."""
        return [one for one in self.requests if one.route == "/chat/completions"]

    @property
    def embeddings(self) -> list[Request]:
        """Return what was asked of models that embed."""
        return [one for one in self.requests if one.route == "/embeddings"]

    @property
    def most_at_once(self) -> int:
        """Return how many requests were under way at most."""
        return max((one.at_once for one in self.requests), default=0)

    def answer_to(self, request: Request) -> Sent:
        """Return what is sent for a request, faults included."""
        sent = self._right(request)
        if self.capacity is not None and request.at_once > self.capacity:
            sent = rate_limited()(sent)
        fault = self.faults.pop(0) if self.faults else self.fault_for(request)
        return fault(sent) if fault else sent

    def _right(self, request: Request) -> Sent:
        """Return the right answer; what makes no sense gets an error in OpenAI's form."""
        if not self._is_known(request.headers):
            return refused(401, "Incorrect API key provided.", "invalid_api_key")
        try:
            return self._routed(request)
        except (ValueError, KeyError, TypeError, AttributeError, IndexError) as error:
            return refused(400, f"The request cannot be read: {error!r}")

    def _is_known(self, headers: Mapping[str, str]) -> bool:
        given = headers.get("authorization", "").removeprefix("Bearer ") or headers.get("api-key")
        return not self.key or given == self.key

    def _routed(self, request: Request) -> Sent:
        match request.method, request.route.strip("/").split("/", 1):
            case "POST", ["chat", "completions"]:
                return self._asked_of_model(request, self._chat)
            case "POST", ["embeddings"]:
                return self._asked_of_model(request, self._embedding)
            case "GET", ["models"]:
                return Sent().saying({"object": "list", "data": list(map(_model, self._served))})
            case "GET", ["models", name]:
                return Sent().saying(_model(name)) if self._serves(name) else _unknown(name)
        route, body = request.route, request.body
        return self.tuning.answer(request.method, route, request.headers, body) or refused(
            404, f"Invalid URL ({request.method} {request.path})"
        )

    def _asked_of_model(self, request: Request, answer: Callable[[Request], Any]) -> Sent:
        if not self._serves(request.model):
            return _unknown(request.model)
        if request.json.get("stream"):
            return refused(400, "This server does not stream.")
        return Sent(wait=self.delay).saying(answer(request))

    @property
    def _served(self) -> list[str]:
        return [*self.models, *self.tuning.models()]

    def _serves(self, model: str) -> bool:
        return not self.models or model in self._served

    def _chat(self, request: Request) -> dict[str, Any]:
        asked = request.json
        said = self.answers.get(request.model, self.answer)(asked["messages"])
        most = asked.get("max_completion_tokens") or asked.get("max_tokens") or len(said)
        text, whole = said[: 4 * most], len(said) <= 4 * most
        count = asked.get("n") or 1
        return {
            "id": f"chatcmpl-{len(self.requests)}",
            "object": "chat.completion",
            "created": int(time.time()),
            "model": request.model,
            "system_fingerprint": "fp_test",
            "choices": [_choice(number, text, whole) for number in range(count)],
            "usage": _usage(sum(map(_length, asked["messages"])), count * tokens_in(text)),
        }

    def _embedding(self, request: Request) -> dict[str, Any]:
        asked = request.json
        texts = [asked["input"]] if isinstance(asked["input"], str) else asked["input"]
        as_bytes = asked.get("encoding_format") == "base64"
        vectors = [embedded(text, asked.get("dimensions") or DIMENSIONS) for text in texts]
        data = [
            {"object": "embedding", "index": at, "embedding": packed(one) if as_bytes else one}
            for at, one in enumerate(vectors)
        ]
        usage = {"prompt_tokens": (told := sum(map(tokens_in, texts))), "total_tokens": told}
        return {"object": "list", "data": data, "model": request.model, "usage": usage}


def every(number: int, fault: Fault) -> Callable[[Request], Fault | None]:
    """Return a `fault_for` that lets every so many-th request go wrong."""
    counted = iter(range(1, sys.maxsize))
    return lambda request: fault if next(counted) % number == 0 else None


def tokens_in(text: str) -> int:
    """Return the length of a text in this server's tokens, of four characters each."""
    return math.ceil(len(text) / 4)


def embedded(text: str, dimensions: int) -> list[float]:
    """Return a unit vector; every word adds to one dimension, so what shares words is close."""
    vector = [0.0] * dimensions
    for word in re.findall(r"\w+", text.lower()) or [""]:
        vector[zlib.crc32(word.encode()) % dimensions] += 1.0
    length = math.hypot(*vector)
    return [value / length for value in vector]


def packed(vector: Sequence[float]) -> str:
    """Return a vector as the base64 of its 32-bit floats, which the openai client asks for."""
    return base64.b64encode(struct.pack(f"<{len(vector)}f", *vector)).decode()


def _length(message: Mapping[str, Any]) -> int:
    return 3 + tokens_in(echo([message]))


def _usage(read: int, written: int) -> dict[str, int]:
    return {"prompt_tokens": read, "completion_tokens": written, "total_tokens": read + written}


def _choice(number: int, text: str, is_whole: bool) -> dict[str, Any]:
    message = {"role": "assistant", "content": text, "refusal": None}
    reason = "stop" if is_whole else "length"
    return {"index": number, "message": message, "finish_reason": reason, "logprobs": None}


def _model(name: str) -> dict[str, Any]:
    return {"id": name, "object": "model", "created": 0, "owned_by": "test"}


def _unknown(model: str) -> Sent:
    return refused(404, f"The model `{model}` does not exist.", "model_not_found")


@dataclass
class Connection:
    """One connection: reads requests and sends answers until either side closes it."""

    server: ModelServer
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    async def serve(self) -> None:
        try:
            while (request := await self._read()) and await self._answer(request):
                pass
        except (OSError, asyncio.IncompleteReadError, ValueError):
            pass  # the client went away, or isn't one
        finally:
            self.writer.close()

    async def _read(self) -> Request | None:
        try:
            head = (await self.reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        except asyncio.IncompleteReadError:
            return None
        first, *lines = head.rstrip().split("\r\n")
        method, target, _version = first.split(" ")
        named = (line.partition(":") for line in lines)
        headers = {name.lower(): value.strip() for name, _colon, value in named}
        body = await self._body(headers)
        url = urlsplit(target)
        query = dict(parse_qsl(url.query))
        return Request(method, url.path, query, headers, body, time.monotonic())

    async def _body(self, headers: Mapping[str, str]) -> bytes:
        if headers.get("transfer-encoding") != "chunked":
            return await self.reader.readexactly(int(headers.get("content-length", 0)))
        body = b""
        while size := int(await self.reader.readline(), 16):
            body += (await self.reader.readexactly(size + 2))[:-2]
        await self.reader.readline()
        return body

    async def _answer(self, request: Request) -> bool:
        """Answer, and return whether the connection stays open."""
        if request.path.startswith("/_/"):
            return await self._send(controlled(self.server, request))
        self.server.under_way += 1
        request.at_once = self.server.under_way
        self.server.requests.append(request)
        try:
            sent = self.server.answer_to(request)
            request.status = sent.status
            return await self._send(sent)
        finally:
            self.server.under_way -= 1
            request.took = time.monotonic() - request.at

    async def _send(self, sent: Sent) -> bool:
        if sent.wait:
            await asyncio.sleep(sent.wait)
        if sent.hangs:
            await self.reader.read()  # until the client gives up
        if sent.hangs or sent.hangs_up:
            return False
        if sent.piece:
            return await self._drip(sent)
        self.writer.write(
            head_of(sent, f"Content-Length: {len(sent.body)}") + sent.body[: sent.cut]
        )
        await self.writer.drain()
        return sent.cut is None

    async def _drip(self, sent: Sent) -> bool:
        self.writer.write(head_of(sent, "Transfer-Encoding: chunked"))
        for at in range(0, len(sent.body), sent.piece):
            piece = sent.body[at : at + sent.piece]
            self.writer.write(b"%x\r\n%b\r\n" % (len(piece), piece))
            await self.writer.drain()
            await asyncio.sleep(sent.every)
        self.writer.write(b"0\r\n\r\n")
        return True


def head_of(sent: Sent, length: str) -> bytes:
    """Return the status line and headers of an answer."""
    named = {"Content-Type": sent.content_type, **sent.headers}
    lines = [f"HTTP/1.1 {sent.status} {HTTPStatus(sent.status).phrase}", length]
    lines += [f"{name}: {value}" for name, value in named.items()]
    return "\r\n".join([*lines, "", ""]).encode("latin-1")


def controlled(server: ModelServer, request: Request) -> Sent:
    """Answer a test that runs in another process than the server."""
    if request.path == "/_/faults":
        server.faults += [FAULTS[name](*values) for name, values in request.json]
    if request.path == "/_/requests":
        return Sent().saying([_plain(one) for one in server.requests])
    figures = {"requests": len(server.requests), "most_at_once": server.most_at_once}
    now = {"under_way": server.under_way, "seconds_at_work": time.process_time()}
    return Sent().saying(figures | now)


def _plain(request: Request) -> dict[str, Any]:
    return {**vars(request), "body": request.body.decode(errors="replace")}


async def serve(server: ModelServer, until: Awaitable[Any], ready: Callable[[], None]) -> None:
    """Serve on this machine, call `ready` once it listens, and stop after `until`."""
    tasks: set[asyncio.Task[None]] = set()

    def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.ensure_future(Connection(server, reader, writer).serve())
        tasks.add(task)
        task.add_done_callback(tasks.discard)

    listener = await asyncio.start_server(connected, "127.0.0.1", server.port, backlog=1024)
    server.port = listener.sockets[0].getsockname()[1]
    ready()
    await until
    listener.close()
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


@contextlib.contextmanager
def serving(answer: Answer = echo, **settings: Any) -> Iterator[ModelServer]:
    """Run a server in a thread of this process. `settings` are the fields of ModelServer."""
    server = ModelServer(answer, **settings)
    ready = threading.Event()
    loop = asyncio.new_event_loop()
    stop = loop.create_future()
    work = serve(server, stop, ready.set)
    thread = threading.Thread(target=loop.run_until_complete, args=(work,), daemon=True)
    thread.start()
    assert ready.wait(10), "The model server does not start"
    try:
        yield server
    finally:
        loop.call_soon_threadsafe(stop.set_result, None)
        thread.join(10)
        loop.close()


@dataclass(frozen=True)
class Apart:
    """A server in a process of its own."""

    url: str
    key: str = KEY

    def figures(self) -> dict[str, float]:
        """Return `requests`, `under_way`, `most_at_once` and its processor's `seconds_at_work`."""
        return dict(self._ask("figures"))

    def requests(self) -> list[dict[str, Any]]:
        """Return what was asked, as plain values with the names of `Request`'s fields."""
        return list(self._ask("requests"))

    def fail_with(self, *faults: tuple[Any, ...]) -> None:
        """Let the next requests go wrong: each fault by its name, with what it takes after it."""
        named = [[name, values] for name, *values in faults]
        self._ask("faults", json.dumps(named).encode())

    def _ask(self, what: str, body: bytes | None = None) -> Any:
        address = f"{self.url.removesuffix('/v1')}/_/{what}"
        with urlopen(Question(address, body), timeout=10) as answer:  # noqa: S310
            return json.loads(answer.read())


@contextlib.contextmanager
def apart(
    delay: float = 0.0, answer: str = "tests.openai_server:echo", port: int = 0
) -> Iterator[Apart]:
    """Run a server in a process of its own; it ends with this one, whatever happens.

    `answer` is where its function is found, as `module:name`.
    """
    command = [sys.executable, "-m", "tests.openai_server", str(delay), answer, str(port)]
    with subprocess.Popen(
        command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdin
        assert process.stdout
        try:
            url = process.stdout.readline().strip()
            assert url, "The model server does not start"
            yield Apart(url)
        finally:
            process.stdin.close()


def main() -> None:
    """Serve until standard input ends."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("delay", type=float, help="seconds until an answer")
    parser.add_argument("answer", help="module:name of what answers")
    parser.add_argument("port", type=int, help="0: any")
    given = parser.parse_args()
    module, name = given.answer.split(":")
    server = ModelServer(getattr(import_module(module), name), given.delay, port=given.port)

    async def serve_until_input_ends() -> None:
        ends = asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)
        await serve(server, ends, lambda: print(server.url, flush=True))

    asyncio.run(serve_until_input_ends())


if __name__ == "__main__":
    main()
