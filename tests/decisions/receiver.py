"""A receiver of webhooks: a real HTTP server in a thread, which answers as it is told."""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from decisions.models import User, Webhook
from decisions.webhooks.actions import add_webhook

EARLIER = datetime(2020, 1, 1, tzinfo=UTC)


@dataclass
class Received:
    """One request as it arrived."""

    path: str
    headers: dict[str, str]
    body: bytes


Answer = Callable[["Handler"], None]


@dataclass
class Receiver:
    """What arrived, and what is answered: the given answers in turn, then 200."""

    port: int = 0
    received: list[Received] = field(default_factory=list)
    answers: list[Answer] = field(default_factory=list)
    stopping: threading.Event = field(default_factory=threading.Event)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/hook"


class Handler(BaseHTTPRequestHandler):
    """Notes what arrives and answers as the receiver says."""

    receiver: Receiver

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        known = {name.lower(): value for name, value in self.headers.items()}
        self.receiver.received.append(Received(self.path, known, body))
        answer = self.receiver.answers.pop(0) if self.receiver.answers else says(200, b"ok")
        answer(self)

    do_GET = do_POST

    def log_message(self, *args: Any) -> None:
        pass


def says(status: int, body: bytes = b"", **headers: str) -> Answer:
    """Answer with a status, a body and headers."""

    def answer(handler: Handler) -> None:
        handler.send_response(status)
        for name, value in headers.items():
            handler.send_header(name.replace("_", "-"), value)
        handler.send_header("Content-Length", str(len(body)))
        handler.end_headers()
        handler.wfile.write(body)

    return answer


def drips(first: bytes, then: bytes = b"x", every: float = 0.05) -> Answer:
    """Answer one piece at a time, and never end."""

    def answer(handler: Handler) -> None:
        try:
            handler.wfile.write(first)
            while not handler.receiver.stopping.wait(every):
                handler.wfile.write(then)
                handler.wfile.flush()
        except OSError:
            pass

    return answer


def hangs(handler: Handler) -> None:
    """Take the request and answer nothing until the receiver stops."""
    handler.receiver.stopping.wait(30)


def hangs_up(handler: Handler) -> None:
    """Take the request and close the connection without a word."""
    handler.connection.shutdown(socket.SHUT_RDWR)


@contextmanager
def listening(context: ssl.SSLContext | None = None) -> Iterator[Receiver]:
    """Run a receiver on a free port of this machine."""
    receiver = Receiver()
    handler = type("OneHandler", (Handler,), {"receiver": receiver})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    server.handle_error = lambda *_: None  # type: ignore[method-assign]
    if context:
        server.socket = context.wrap_socket(server.socket, server_side=True)
    receiver.port = server.server_address[1]
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield receiver
    finally:
        receiver.stopping.set()
        server.shutdown()
        server.server_close()
        thread.join()


def webhook(by: User, url: str, **values: Any) -> Webhook:
    """Set up a webhook as it would be, so long ago that it is told of every event."""
    made = add_webhook(by=by, url=url, **{"name": "Chat", **values})
    Webhook.objects.filter(pk=made.pk).update(created_at=EARLIER)
    return Webhook.objects.get(pk=made.pk)
