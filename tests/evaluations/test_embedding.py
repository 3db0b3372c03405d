"""Vectors of an endpoint's model: paid once for what is searched, then with each answer."""

from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from decisions.models import Candidate, Decision
from evaluations.actions import request_run
from evaluations.candidate_specs import connects
from evaluations.freezing import import_case_set
from evaluations.importers.cases import CaseFile
from evaluations.measuring import measure
from evaluations.models import CaseSet, Endpoint, Run, RunState
from evaluations.run_page import RunPage
from evaluations.spec import SpecError
from evaluations.techniques import TECHNIQUES, embedding
from tests import openai_faults as faults
from tests.evaluations import test_rag
from tests.evaluations.helpers import COLUMNS, make_candidate, rows, write_csv
from tests.factories import People
from tests.openai_server import ModelServer, serving

VECTORS = {"embedding_endpoint": "ours", "embedding_model": "vectors"}
CHAT = {"endpoint": "ours", "model": "small"}
pytestmark = pytest.mark.django_db
questions = test_rag.questions


@pytest.fixture
def server() -> Iterator[ModelServer]:
    with serving() as found:
        yield found


@pytest.fixture(autouse=True)
def endpoint(server: ModelServer, people: People) -> Endpoint:
    return Endpoint.objects.create(
        name="Ours",
        slug="ours",
        base_url=server.url,
        key=server.key,
        timeout=5,
        retries=0,
        concurrency=4,
        price_input=Decimal(1),
        price_output=Decimal(2),
        created_by=people.owner,
    )


def measured(
    record: Decision, case_set: CaseSet, team: People, key: str, **settings: Any
) -> tuple[Run, Candidate]:
    candidate = make_candidate(record, team, key, name=key, settings=VECTORS | settings)
    run = request_run(candidate, case_set, by=team.owner)
    return worked_on(run), candidate


def worked_on(run: Run) -> Run:
    measure(run, lambda: False)
    run.refresh_from_db()
    return run


@pytest.mark.parametrize(
    ("key", "chosen"),
    [
        ("rag/dense_knn", {}),
        ("rag/fused_knn", {}),
        ("hybrid/fused", {}),
        ("prompting/few_shot", CHAT | {"choice": "nearest"}),
    ],
)
def test_what_is_searched_is_paid_once_and_each_question_with_its_answer(
    draft: Decision,
    case_set: CaseSet,
    people: People,
    server: ModelServer,
    key: str,
    chosen: dict[str, Any],
) -> None:
    run, _candidate = measured(draft, case_set, people, key, **chosen)

    assert run.state == RunState.FINISHED, run.error or run.paused_because
    texts = [len(one.json["input"]) for one in server.embeddings]
    assert sorted(texts, reverse=True) == [18, *[1] * 12]  # the training cases, then the questions
    assert run.artefact["embedding"]["texts"] == 18
    assert run.artefact["embedding"]["requests"] == 1
    answers = run.results.all()
    paid = sum(one.cost for one in answers if one.cost is not None)
    assert run.spent_cost == paid + Decimal(run.artefact["embedding"]["cost"])
    assert run.spent_requests == 1 + sum(one.details["requests"] for one in answers)
    assert {one.details["embedding_model"] for one in answers} == {"vectors"}


def test_vectors_of_an_endpoint_find_what_shares_words(
    draft: Decision, case_set: CaseSet, people: People
) -> None:
    run, candidate = measured(draft, case_set, people, "rag/dense_knn")

    assert run.metrics["accuracy"]["value"] > 80
    assert connects(candidate)
    shown = RunPage(run)
    assert ("Encoder", "vectors at ours") in shown.artefact
    assert any("18 texts" in value for _name, value in shown.artefact)
    assert "vectors at ours" in shown.kind_note
    assert shown.spending


def test_another_run_on_the_same_texts_pays_for_its_questions_alone(
    draft: Decision, case_set: CaseSet, people: People, server: ModelServer
) -> None:
    first, _candidate = measured(draft, case_set, people, "rag/dense_knn")
    server.requests.clear()
    second, _candidate = measured(draft, case_set, people, "rag/fused_knn")

    assert {len(one.json["input"]) for one in server.embeddings} == {1}
    assert second.artefact["embedding"] == first.artefact["embedding"]
    assert second.artefact["embedded_for"] == [first.pk]
    assert dict(RunPage(second).artefact)["Vectors made"].endswith(
        f"done by {first} and used again"
    )
    assert "used again" not in dict(RunPage(first).artefact)["Vectors made"]


def test_vectors_that_were_made_before_a_budget_ended_are_not_paid_again(
    draft: Decision,
    case_set: CaseSet,
    people: People,
    server: ModelServer,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(embedding, "BATCH", 4)
    candidate = make_candidate(draft, people, "rag/dense_knn", settings=VECTORS)
    run = worked_on(request_run(candidate, case_set, by=people.owner, budget={"requests": 2}))
    assert run.state == RunState.PAUSED
    Run.objects.filter(pk=run.pk).update(state=RunState.REQUESTED, budget={})

    run.refresh_from_db()
    run = worked_on(run)

    assert run.state == RunState.FINISHED
    assert run.artefact["embedding"]["requests"] == 5  # 18 texts by fours
    assert len(server.embeddings) == 5 + 12


def test_a_server_that_refuses_lets_the_run_rest_with_its_words(
    draft: Decision, case_set: CaseSet, people: People, server: ModelServer
) -> None:
    server.fault_for = lambda request: faults.failing(400, "too long")
    run, _candidate = measured(draft, case_set, people, "rag/dense_knn")

    assert run.state == RunState.PAUSED
    assert "too long" in run.paused_because


@pytest.mark.parametrize(
    ("key", "chosen"),
    [
        ("rag/retrieval", {"method": "dense"}),
        ("rag/retrieval", {"method": "bm25", "rerank": "sentences"}),
        ("rag/retrieval", {"method": "fused_all", "rerank": "diverse"}),
        ("rag/extraction", {}),
        ("rag/generation", CHAT),
    ],
)
def test_a_corpus_is_searched_by_vectors_of_an_endpoint(
    draft: Decision,
    questions: CaseSet,
    people: People,
    server: ModelServer,
    key: str,
    chosen: dict[str, Any],
) -> None:
    run, _candidate = measured(draft, questions, people, key, **chosen)

    assert run.state == RunState.FINISHED, run.error or run.paused_because
    assert not run.results.filter(state="failed").exists()
    assert run.artefact["embedding"]["requests"] >= 1


def test_a_prompt_is_mined_with_examples_that_those_vectors_find(
    draft: Decision, people: People, server: ModelServer, tmp_path: Path
) -> None:
    told = rows()
    for one in told[::3]:
        one["split"] = one["split"].replace("train", "dev")
    path = write_csv(tmp_path / "split.csv", told)
    case_set = import_case_set(name="Split", files=[CaseFile(path)], columns=COLUMNS).case_set
    chosen = CHAT | {"alternatives": "You route messages.\n---\nYou answer in one word."}

    run, _candidate = measured(
        draft, case_set, people, "hybrid/examples_and_mined_prompt", **chosen
    )

    assert run.state == RunState.FINISHED, run.error or run.paused_because
    texts = sorted(len(one.json["input"]) for one in server.embeddings)
    assert texts == [*[1] * 12, case_set.count("dev"), case_set.count("train")]


def test_server_and_model_go_together() -> None:
    technique = TECHNIQUES["rag/dense_knn"]
    with pytest.raises(SpecError, match="Name the model"):
        technique.validate({"embedding_endpoint": "ours"})
    with pytest.raises(SpecError, match="Choose the server"):
        technique.validate({"embedding_model": "vectors"})


def test_without_a_server_nothing_is_asked(
    draft: Decision, case_set: CaseSet, people: People, server: ModelServer
) -> None:
    candidate = make_candidate(draft, people, "rag/dense_knn")
    run = worked_on(request_run(candidate, case_set, by=people.owner))

    assert not connects(candidate)
    assert run.state == RunState.FINISHED
    assert not server.requests
    assert "embedding" not in run.artefact
