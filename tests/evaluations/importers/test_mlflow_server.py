"""Runs are fetched from an MLflow tracking server: a real one of HTTP that speaks its REST."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from evaluations.importers.measured import CaseFound, FigureFound, Source, System
from evaluations.importers.results import mlflow_server, registry
from evaluations.importers.results.mlflow_server import fetch
from evaluations.importers.rows import Unreadable
from tests.evaluations.importers.tracking import RUN, Tracking, tracking


@pytest.fixture
def server() -> Iterator[Tracking]:
    with tracking() as found:
        yield found


def test_a_run_comes_with_the_table_it_logged(server: Tracking, tmp_path: Path) -> None:
    path = fetch(server.address, RUN, "secret", tmp_path)
    assert path.name == f"mlflow-{RUN}.json"
    source = Source(path)
    found = list(registry.detected(source).read(source))
    (system,) = [one for one in found if isinstance(one, System)]
    assert (system.model, system.task, system.key) == ("qwen2.5:7b", "banking77", RUN)
    cases = [one for one in found if isinstance(one, CaseFound)]
    assert [(one.key, one.output, one.scores) for one in cases] == [
        ("r-1", "a", {"score": 1.0}),
        ("r-2", "b", {"score": 0.0}),
        ("r-3", None, {"score": None}),
    ]
    figures = {one.metric: one.value for one in found if isinstance(one, FigureFound)}
    assert (figures["accuracy"], figures["f1"]) == (0.76, None)


def test_it_asks_three_times_with_the_token(server: Tracking, tmp_path: Path) -> None:
    fetch(server.address, RUN, "secret", tmp_path)
    paths = [path for path, _query, _authorization in server.seen]
    assert paths == [
        "/api/2.0/mlflow/runs/get",
        "/api/2.0/mlflow/artifacts/list",
        "/get-artifact",
    ]
    assert {authorization for _path, _query, authorization in server.seen} == {"Bearer secret"}
    assert server.seen[0][1] == {"run_id": [RUN]}


def test_name_and_password_are_sent_as_such(server: Tracking, tmp_path: Path) -> None:
    fetch(server.address, RUN, "anna:pass", tmp_path)
    assert {one[2] for one in server.seen} == {"Basic YW5uYTpwYXNz"}


def test_a_private_address_is_refused_where_none_are_allowed(
    server: Tracking, tmp_path: Path, settings: Any
) -> None:
    settings.ENDPOINT_ALLOW_PRIVATE = False
    with pytest.raises(Unreadable, match=r"127\.0\.0\.1 is in a private network"):
        fetch(server.address, RUN, "", tmp_path)
    assert not server.seen


def test_a_name_that_leads_to_a_private_address_is_refused_when_connecting(
    server: Tracking, tmp_path: Path, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.ENDPOINT_ALLOW_PRIVATE = False
    looked_up = [(2, 1, 6, "", ("127.0.0.1", server.server_port))]
    monkeypatch.setattr("socket.getaddrinfo", lambda *_asked, **_more: looked_up)
    with pytest.raises(Unreadable, match=r"mlflow\.example is in a private network"):
        fetch(f"http://mlflow.example:{server.server_port}", RUN, "", tmp_path)
    assert not server.seen


def test_a_machine_is_never_asked_about_itself(tmp_path: Path) -> None:
    with pytest.raises(Unreadable, match="only machines ask about themselves"):
        fetch("http://169.254.169.254/", RUN, "", tmp_path)


@pytest.mark.parametrize(
    ("status", "sentence"),
    [
        (401, "the token is missing or not allowed to"),
        (404, "has no such run"),
        (302, "answered with status 302"),
        (500, "answered with status 500"),
    ],
)
def test_a_refusal_is_one_sentence(
    status: int, sentence: str, server: Tracking, tmp_path: Path
) -> None:
    server.status, server.location = status, "http://169.254.169.254/"
    with pytest.raises(Unreadable, match=sentence):
        fetch(server.address, RUN, "", tmp_path)
    assert len(server.seen) == 1


@pytest.mark.parametrize("body", [b"<html>", b"[1]", b"[" * 100_000, b"\xff\xfe"])
def test_what_is_no_answer_of_mlflow_is_one_sentence(
    body: bytes, server: Tracking, tmp_path: Path
) -> None:
    server.body = body
    with pytest.raises(Unreadable, match="is it an MLflow server"):
        fetch(server.address, RUN, "", tmp_path)


def test_an_endless_answer_is_cut_off(
    server: Tracking, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mlflow_server, "LARGEST_ANSWER", 100)
    with pytest.raises(Unreadable, match="sends more than 100 bytes"):
        fetch(server.address, RUN, "", tmp_path)


def test_a_silent_server_is_given_up(
    server: Tracking, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mlflow_server, "LONGEST_FETCH", 0.2)
    server.slow = 0.6
    with pytest.raises(Unreadable, match="did not answer in time"):
        fetch(server.address, RUN, "", tmp_path)


def test_nobody_there_is_told(server: Tracking, tmp_path: Path) -> None:
    with pytest.raises(Unreadable, match=r"127\.0\.0\.1 cannot be reached"):
        fetch("http://127.0.0.1:9/", RUN, "", tmp_path)


@pytest.mark.parametrize("run", ["", "../../etc/passwd", "a" * 65])
def test_an_odd_run_is_never_asked_for(run: str, server: Tracking, tmp_path: Path) -> None:
    with pytest.raises(Unreadable, match="is no id of a run"):
        fetch(server.address, run, "", tmp_path)
    assert not server.seen
