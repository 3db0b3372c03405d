"""Fetches a run with the tables that it logged from an MLflow tracking server, as one file.

The server is asked over REST (`runs/get`, `artifacts/list`, `get-artifact`), never redirected by,
and trusted with nothing: it has to be at an address where a server may be, what it sends is bounded
in size and time, and read like any other file.
"""

import json
import re
import ssl
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from urllib.parse import urlsplit

import httpcore2
import httpx2
from django.utils.translation import gettext as _

from evaluations.endpoints.errors import EndpointError
from evaluations.endpoints.guard import address_problem, allowed_addresses_now
from evaluations.importers.results.asked import parsed
from evaluations.importers.results.json_stream import outline
from evaluations.importers.results.mlflow import is_table
from evaluations.importers.results.values import items, mapping, name
from evaluations.importers.rows import Unreadable

LARGEST_ANSWER = 10_000_000  # bytes of what says which metrics and files there are
LARGEST_TABLE = 500_000_000  # bytes
LONGEST_WAIT = 20.0  # seconds without a byte
LONGEST_FETCH = 300.0  # seconds in all
MOST_TABLES = 3
RUN_ID = re.compile(r"[A-Za-z0-9_-]{1,64}\Z")
KNOWN_TABLES = ("eval_results_table.json", "genai_eval_results_table.json")
CHUNK = 65_536


def fetch(
    tracking_uri: str,
    run_id: str,
    token: str,
    folder: Path,
    beat: Callable[[], None] = lambda: None,
) -> Path:
    """Write a run with its tables into a new file in the folder; raise `Unreadable`.

    `token` is sent as a bearer token, or where it is “name:password” as those; "" is none. `beat`
    is called with every piece that comes.
    """
    if problem := address_problem(tracking_uri):
        raise Unreadable(problem)
    if not RUN_ID.match(run_id):
        raise Unreadable(_("“%(run)s” is no id of a run.") % {"run": run_id[:80]})
    with _Server(tracking_uri, token, beat) as server, server.sentences():
        run = server.answer("api/2.0/mlflow/runs/get", {"run_id": run_id})
        path = folder / f"mlflow-{run_id}.json"
        with path.open("wb") as file, TemporaryDirectory(dir=folder) as spare:
            told = json.dumps(run.get("run"), ensure_ascii=True)
            file.write(b'{"run": ' + told.encode() + b', "tables": {')
            for index, (title, table) in enumerate(_tables(server, run, run_id, Path(spare))):
                file.write((", " if index else "").encode() + json.dumps(title).encode() + b": ")
                _append(file, table)
            file.write(b"}}")
    return path


def _tables(
    server: "_Server", run: dict[str, Any], run_id: str, spare: Path
) -> Iterator[tuple[str, Path]]:
    """Yield (name, file) for each table that the run logged and the server hands out."""
    for index, artifact in enumerate(_wanted(server, run, run_id)[:MOST_TABLES]):
        path = spare / f"{index}.json"
        with path.open("wb") as file:
            query = {"path": artifact, "run_uuid": run_id}
            for piece in server.pieces("get-artifact", query, LARGEST_TABLE):
                file.write(piece)
        if is_table(outline(path)):
            yield artifact, path


def _wanted(server: "_Server", run: dict[str, Any], run_id: str) -> list[str]:
    """Return the paths of the tables among what the run logged."""
    tags = mapping(mapping(run.get("run")).get("data")).get("tags")
    pairs = {name(mapping(one).get("key")): mapping(one).get("value") for one in items(tags)}
    logged = map(mapping, items(parsed(pairs.get("mlflow.loggedArtifacts"))))
    tables = [name(one.get("path")) for one in logged if one.get("type") == "table"]
    listed = server.answer("api/2.0/mlflow/artifacts/list", {"run_id": run_id})
    files = [mapping(one) for one in items(listed.get("files"))]
    present = [name(one.get("path")) for one in files if not one.get("is_dir")]
    known = [one for one in present if one in KNOWN_TABLES]
    nested = [one for one in tables if "/" in one]  # listed folder by folder: asked for as they are
    top = [one for one in tables if one in present]
    return list(dict.fromkeys([*known, *top, *nested]))


def _append(file: Any, table: Path) -> None:
    with table.open("rb") as source:
        while piece := source.read(CHUNK):
            file.write(piece)


class _Server:
    """A tracking server that is asked until its time is over."""

    def __init__(self, address: str, token: str, beat: Callable[[], None]) -> None:
        self.host = urlsplit(address).hostname or address
        self.beat = beat
        self.ends = time.monotonic() + LONGEST_FETCH
        user, colon, password = token.partition(":")
        headers = {"Accept-Encoding": "identity"}
        if token and not colon:
            headers["Authorization"] = f"Bearer {token}"
        self.client = httpx2.Client(
            base_url=address.rstrip("/") + "/",
            headers=headers,
            auth=(user, password) if colon else None,
            transport=_Transport(self.ends),
            timeout=LONGEST_WAIT,
            follow_redirects=False,
            trust_env=False,  # no proxy: the guard has to see the address
        )

    def __enter__(self) -> "_Server":
        return self

    def __exit__(self, *_details: object) -> None:
        self.client.close()

    @contextmanager
    def sentences(self) -> Iterator[None]:
        """Turn what goes wrong on the way into `Unreadable` with one sentence."""
        told = {"server": self.host}
        try:
            yield
        except EndpointError as error:
            raise Unreadable(str(error)) from error
        except (httpx2.TimeoutException, httpcore2.TimeoutException) as error:
            raise Unreadable(_("%(server)s did not answer in time.") % told) from error
        except (
            *(httpx2.HTTPError, httpx2.InvalidURL, httpcore2.NetworkError),
            *(httpcore2.ProtocolError, ssl.SSLError),
        ) as error:
            why = {**told, "why": error}
            raise Unreadable(_("%(server)s cannot be reached: %(why)s.") % why) from error
        except (ValueError, RecursionError) as error:
            sentence = _("%(server)s answered with what is no JSON object: is it an MLflow server?")
            raise Unreadable(sentence % told) from error

    def answer(self, path: str, query: dict[str, str]) -> dict[str, Any]:
        """Return the server's answer as an object; raise ValueError for anything else."""
        found = json.loads(b"".join(self.pieces(path, query, LARGEST_ANSWER)))
        if not isinstance(found, dict):
            raise ValueError(path)
        return found

    def pieces(self, path: str, query: dict[str, str], most: int) -> Iterator[bytes]:
        """Yield what the server sends, at most so many bytes; raise `Unreadable`."""
        with self.client.stream("GET", path, params=query) as answer:
            self._refuse(answer.status_code)
            taken = 0
            for piece in answer.iter_bytes(CHUNK):
                self.beat()
                taken += len(piece)
                if taken > most:
                    told = {"server": self.host, "most": most}
                    raise Unreadable(_("%(server)s sends more than %(most)s bytes.") % told)
                if time.monotonic() > self.ends:
                    raise httpcore2.ReadTimeout(path)
                yield piece

    def _refuse(self, status: int) -> None:
        told = {"server": self.host, "status": status}
        if status in (401, 403):
            raise Unreadable(
                _("%(server)s refuses: the token is missing or not allowed to.") % told
            )
        if status == 404:
            raise Unreadable(_("%(server)s has no such run, or not this file of it.") % told)
        if status != 200:
            raise Unreadable(_("%(server)s answered with status %(status)s.") % told)


class _Transport(httpx2.BaseTransport):
    """Carries requests over guarded connections that end with the server's time."""

    def __init__(self, ends: float) -> None:
        self._pool = httpcore2.ConnectionPool(
            ssl_context=httpcore2.default_ssl_context(),
            network_backend=_GuardedBackend(ends),
            max_connections=1,
        )

    def handle_request(self, request: httpx2.Request) -> httpx2.Response:
        """Send a request; raises httpcore2's errors and `EndpointError`."""
        url = request.url
        asked = httpcore2.Request(
            request.method,
            httpcore2.URL(
                scheme=url.raw_scheme, host=url.raw_host, port=url.port, target=url.raw_path
            ),
            headers=request.headers.raw,
            content=request.stream,
            extensions=request.extensions,
        )
        answered = self._pool.handle_request(asked)
        return httpx2.Response(
            answered.status,
            headers=answered.headers,
            stream=_Body(answered),
            extensions=answered.extensions,
        )

    def close(self) -> None:
        """Close the connections."""
        self._pool.close()


class _Body(httpx2.SyncByteStream):
    """An answer's body, as it comes."""

    def __init__(self, response: httpcore2.Response) -> None:
        self._response = response

    def __iter__(self) -> Iterator[bytes]:
        yield from self._response.iter_stream()

    def close(self) -> None:
        """Leave the rest where it is."""
        self._response.close()


class _GuardedBackend(httpcore2.NetworkBackend):
    """Connects to allowed addresses only, by number, for as long as there is time."""

    def __init__(self, ends: float) -> None:
        self._backend = httpcore2.SyncBackend()
        self._ends = ends

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore2.NetworkStream:
        """Connect to the first of the host's allowed addresses that answers."""
        failure: Exception = httpcore2.ConnectError(f"no address for {host}")
        for address in allowed_addresses_now(host, port):
            try:
                stream = self._backend.connect_tcp(
                    address, port, _left(self._ends, timeout), local_address, socket_options
                )
                return _BoundedStream(stream, self._ends)
            except (httpcore2.ConnectError, httpcore2.ConnectTimeout) as error:
                failure = error
        raise failure

    def sleep(self, seconds: float) -> None:
        """Wait, as the connections' own retries do."""
        self._backend.sleep(seconds)


class _BoundedStream(httpcore2.NetworkStream):
    """A connection that waits for nothing longer than until its end."""

    def __init__(self, stream: httpcore2.NetworkStream, ends: float) -> None:
        self._stream = stream
        self._ends = ends

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        """Return what comes next."""
        return self._stream.read(max_bytes, _left(self._ends, timeout))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        """Send bytes."""
        self._stream.write(buffer, _left(self._ends, timeout))

    def close(self) -> None:
        """Hang up."""
        self._stream.close()

    def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,
    ) -> httpcore2.NetworkStream:
        """Return the same connection, encrypted."""
        stream = self._stream.start_tls(ssl_context, server_hostname, _left(self._ends, timeout))
        return _BoundedStream(stream, self._ends)

    def get_extra_info(self, info: str) -> Any:
        """Return what is known of the connection."""
        return self._stream.get_extra_info(info)


def _left(ends: float, timeout: float | None) -> float:
    """Return the seconds that a wait may take; raise httpcore2's timeout when there are none."""
    left = ends - time.monotonic()
    if left <= 0:
        raise httpcore2.ReadTimeout("no time is left")
    return left if timeout is None else min(left, timeout)
