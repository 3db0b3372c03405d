"""Fetches a run with the tables that it logged from an MLflow tracking server, as one file.

The server is asked over REST (`runs/get`, `artifacts/list`, `get-artifact`), never redirected by,
and trusted with nothing: it has to be at an address where a server may be, what it sends is bounded
in size and time, and read like any other file.
"""

import json
import re
import ssl
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from urllib.parse import urlsplit

import httpcore2
import httpx2
from django.utils.translation import gettext as _

from decisions.guarded import GuardedTransport
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
            transport=GuardedTransport(allowed_addresses_now, self.ends),
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
