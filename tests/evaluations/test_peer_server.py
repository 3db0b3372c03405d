"""Runs against a server that we did not write: `transformers serve`, on a tiny random model.

It needs Python with transformers and torch, which is no small thing: `make peer` makes one beside
the project's own, or COUNTERSIGN_PEER names the folder of another.
"""

import os
import socket
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from django.conf import settings as project_settings

from decisions.models import Candidate, Decision
from evaluations.actions import request_run
from evaluations.endpoints.checking import checked
from evaluations.measuring import measure
from evaluations.models import CaseSet, Endpoint, Run, RunState
from tests.evaluations.helpers import make_candidate
from tests.factories import People

PEER = Path(os.environ.get("COUNTERSIGN_PEER") or project_settings.BASE_DIR / ".venv-peer")
SERVE = PEER / "bin" / "transformers"
pytestmark = [
    pytest.mark.slow,
    pytest.mark.django_db,
    pytest.mark.skipif(not SERVE.exists(), reason="no peer is installed: make peer"),
]


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Return the folder of a tiny model, which is its name as well."""
    folder = tmp_path_factory.mktemp("tiny")
    script = Path(__file__).parent.parent / "tiny_model.py"
    subprocess.run([PEER / "bin" / "python", script, folder], check=True, capture_output=True)
    return str(folder)


@pytest.fixture(scope="module")
def address(model: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Serve the model and return the address."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port = found.getsockname()[1]
    command = [SERVE, "serve", model, "--host", "127.0.0.1", "--port", str(port), "--device", "cpu"]
    log = (tmp_path_factory.mktemp("log") / "log").open("wb")
    environment = os.environ | {"HF_HUB_OFFLINE": "1", "OMP_NUM_THREADS": "1"}
    with subprocess.Popen(command, stdout=log, stderr=log, env=environment) as process:
        try:
            _wait_for(f"http://127.0.0.1:{port}/health", process)
            yield f"http://127.0.0.1:{port}/v1"
        finally:
            process.terminate()


def _wait_for(url: str, process: "subprocess.Popen[bytes]") -> None:
    for _attempt in range(240):
        assert process.poll() is None, "The peer has ended"
        with suppress(OSError):
            urllib.request.urlopen(url, timeout=2)  # noqa: S310
            return
        time.sleep(0.5)
    raise AssertionError("The peer does not answer")


@pytest.fixture
def endpoint(address: str, people: People) -> Endpoint:
    return Endpoint.objects.create(
        name="Peer", slug="peer", base_url=address, timeout=60, concurrency=2,
        created_by=people.owner,
    )  # fmt: skip


def run_of(
    technique: str, model: str, draft: Decision, people: People, case_set: CaseSet, **more: object
) -> Run:
    candidate = make_candidate(draft, people, name=technique)
    spec = {"technique": technique, "endpoint": "peer", "model": model, "max_tokens": 8, **more}
    Candidate.objects.filter(pk=candidate.pk).update(spec=spec)
    candidate.refresh_from_db()
    run = request_run(candidate, case_set, by=people.owner)
    measure(run, lambda: False)
    run.refresh_from_db()
    return run


@pytest.mark.parametrize(
    ("technique", "more", "requests"),
    [
        ("prompting/chat", {}, 1),
        ("prompting/few_shot", {"shots": 2}, 1),
        ("prompting/chain_of_thought", {}, None),
        ("prompting/self_consistency", {"samples": 2, "temperature": 0.7}, None),
    ],
)
def test_a_run_is_answered_by_a_server_that_is_not_ours(
    technique: str,
    more: dict[str, object],
    requests: int | None,
    model: str,
    endpoint: Endpoint,
    draft: Decision,
    people: People,
    case_set: CaseSet,
) -> None:
    run = run_of(technique, model, draft, people, case_set, **more)

    assert run.state == RunState.FINISHED, run.error or run.paused_because
    results = list(run.results.all())
    assert [one.state for one in results] == ["done"] * run.case_count
    assert all(one.input_tokens and one.output_tokens for one in results)
    assert run.spent_requests >= run.case_count * (requests or 1)
    assert run.spent_unpriced > 0  # nobody lists a price for it: unknown, not nothing
    assert run.environment["models"][0].startswith(model)


def test_the_check_of_an_endpoint_gets_a_word_out_of_it(endpoint: Endpoint, model: str) -> None:
    found = checked(endpoint, model)
    assert found.is_ok, found.sentence
    assert "answers, after" in found.sentence
    assert "The server lists no models." in found.notes
