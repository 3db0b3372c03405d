"""A tracking server of MLflow that the tests start: HTTP with what `fetch` asks for."""

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

from tests.evaluations.importers.reading import shared_file

RUN = "eb672bef1d2949cb98d96d7281381daa"
TABLE = shared_file("mlflow", "generated/eval_results_table.json").read_bytes()
TOLD = json.loads(shared_file("mlflow", "generated/rest_runs_get.json").read_bytes())


class Tracking(ThreadingHTTPServer):
    """A tracking server with one run; what it does wrong is set by the tests."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.seen: list[tuple[str, dict[str, Any], str]] = []
        self.status = 200
        self.body: bytes | None = None
        self.slow = 0.0
        self.location = ""

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class Handler(BaseHTTPRequestHandler):
    """Answers what `fetch` asks for."""

    server: Tracking

    def do_GET(self) -> None:
        address = urlsplit(self.path)
        authorization = self.headers.get("Authorization", "")
        self.server.seen.append((address.path, parse_qs(address.query), authorization))
        body = self.answer(address.path) if self.server.body is None else self.server.body
        self.send_response(self.server.status)
        if self.server.location:
            self.send_header("Location", self.server.location)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        time.sleep(self.server.slow)
        self.wfile.write(body)

    def answer(self, path: str) -> bytes:
        if path.endswith("runs/get"):
            return json.dumps(TOLD).encode()
        if path.endswith("artifacts/list"):
            listed = [{"path": "eval_results_table.json", "is_dir": False}]
            return json.dumps({"files": listed}).encode()
        return TABLE

    def log_message(self, *_told: Any) -> None:
        """Keep the tests quiet."""


@contextmanager
def tracking() -> Iterator[Tracking]:
    """Serve until the block ends."""
    found = Tracking()
    thread = threading.Thread(target=found.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    yield found
    found.shutdown()
    found.server_close()
