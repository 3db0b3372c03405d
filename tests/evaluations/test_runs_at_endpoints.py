"""Runs that ask a model server: from the request to the figures, with workers' own code."""

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest
from django.test import Client

from decisions.models import Candidate, Decision
from decisions.policies import BadInput
from evaluations import actions
from evaluations.actions import request_run
from evaluations.freezing import import_case_set
from evaluations.importers.cases import CaseFile
from evaluations.measuring import measure
from evaluations.models import CaseSet, Endpoint, Result, Run, RunState
from tests import openai_faults as faults
from tests.evaluations.helpers import COLUMNS, WORDS, make_candidate, rows, write_csv
from tests.factories import People
from tests.openai_server import ModelServer, serving

SPEC = {"technique": "prompting/chat", "endpoint": "ours", "model": "small"}
pytestmark = pytest.mark.django_db


def sorted_by_words(messages: Any) -> str:
    """Answer with the team whose word is in the message, as a good model would."""
    text = messages[-1]["content"].lower()
    return next((team for team, words in WORDS.items() if any(w in text for w in words)), "?")


@pytest.fixture
def server() -> Iterator[ModelServer]:
    with serving(answer=sorted_by_words) as found:
        yield found


@pytest.fixture
def endpoint(server: ModelServer, people: People) -> Endpoint:
    return Endpoint.objects.create(
        name="Ours",
        slug="ours",
        base_url=server.url,
        key=server.key,
        timeout=5,
        retries=2,
        concurrency=4,
        created_by=people.owner,
    )


@pytest.fixture
def asking(draft: Decision, people: People, endpoint: Endpoint) -> Candidate:
    candidate = make_candidate(draft, people, name="A small model")
    Candidate.objects.filter(pk=candidate.pk).update(spec=SPEC, approach="prompting")
    candidate.refresh_from_db()
    return candidate


def worked_on(run: Run) -> Run:
    measure(run, lambda: False)
    run.refresh_from_db()
    return run


def test_a_run_asks_the_server_and_its_figures_reach_the_record(
    asking: Candidate, case_set: CaseSet, people: People, server: ModelServer
) -> None:
    run = worked_on(request_run(asking, case_set, by=people.owner))

    assert run.state == RunState.FINISHED
    assert run.attached_at
    assert run.metrics["attempted"] == case_set.count("test") == len(server.chats)
    assert run.spent_requests == len(server.chats)
    assert run.environment["models"] == ["small"]
    assert asking.evidence.standing().exists()


def test_an_unknown_price_is_not_nothing(
    asking: Candidate, case_set: CaseSet, people: People
) -> None:
    run = worked_on(request_run(asking, case_set, by=people.owner))

    assert "cost_per_1000" not in run.metrics
    assert run.prices == {"ours small": None}
    assert run.spent_unpriced == run.spent_requests
    assert set(run.results.values_list("cost", flat=True)) == {None}


def test_a_known_price_is_kept_as_it_was(
    asking: Candidate, case_set: CaseSet, people: People, endpoint: Endpoint
) -> None:
    Endpoint.objects.update(price_input=Decimal(2), price_output=Decimal(8))
    run = worked_on(request_run(asking, case_set, by=people.owner))
    Endpoint.objects.update(price_input=Decimal(200), price_output=Decimal(800))

    run.refresh_from_db()
    assert run.prices["ours small"]["input"] == "2"
    assert run.metrics["cost_per_1000"]["value"] > 0
    assert run.spent_cost == sum(run.results.values_list("cost", flat=True))


def test_a_run_rests_at_its_budget_and_goes_on_with_a_larger_one(
    asking: Candidate, case_set: CaseSet, people: People, server: ModelServer
) -> None:
    run = worked_on(request_run(asking, case_set, by=people.owner, budget={"requests": 5}))
    assert run.state == RunState.PAUSED
    assert "5" in run.paused_because
    assert len(server.chats) == run.spent_requests == 5
    answered = set(run.results.filter(state="done").values_list("pk", flat=True))
    assert len(answered) == 5

    actions.change_budget(run, by=people.owner, budget={"requests": 100})
    actions.resume_run(run, by=people.owner)
    run = worked_on(run)
    assert run.state == RunState.FINISHED
    assert len(server.chats) == run.answers_wanted


def test_a_server_that_refuses_the_key_pauses_the_run_and_fails_no_case(
    asking: Candidate, case_set: CaseSet, people: People
) -> None:
    Endpoint.objects.get().delete()
    with serving() as other:
        Endpoint.objects.create(
            name="Ours", slug="ours", base_url=other.url, key="wrong", created_by=people.owner
        )
        run = worked_on(request_run(asking, case_set, by=people.owner))

    assert run.state == RunState.PAUSED
    assert "key" in run.paused_because
    assert not run.results.filter(state="failed").exists()
    assert not run.results.filter(state="claimed").exists()


def test_a_case_that_fails_counts_as_failed_and_can_be_tried_again(
    asking: Candidate, case_set: CaseSet, people: People, server: ModelServer
) -> None:
    server.faults += [faults.truncated()] * 3  # as often as one case is tried
    Endpoint.objects.update(concurrency=1)
    run = worked_on(request_run(asking, case_set, by=people.owner))
    failed = run.results.filter(state="failed")
    assert failed.count() == 1
    assert run.metrics["failed"] == 1

    assert actions.retry_run(run, by=people.owner) == 1
    run = worked_on(run)
    assert run.metrics["failed"] == 0
    assert not Result.objects.filter(run=run, state="failed").exists()


def test_a_spec_whose_endpoint_is_archived_is_refused_in_words(
    asking: Candidate, case_set: CaseSet, people: People, endpoint: Endpoint
) -> None:
    from decisions import clock

    Endpoint.objects.update(archived_at=clock.now(), archived_by=people.owner)
    with pytest.raises(BadInput, match="There is no endpoint “ours”, or it is archived"):
        request_run(asking, case_set, by=people.owner)


def test_a_negative_budget_is_refused(asking: Candidate, case_set: CaseSet, people: People) -> None:
    with pytest.raises(BadInput, match="below 0"):
        request_run(asking, case_set, by=people.owner, budget={"tokens": -1})


@pytest.mark.page
def test_the_page_of_a_run_says_what_was_spent_and_lets_it_be_raised(
    asking: Candidate, case_set: CaseSet, people: People, client: Client
) -> None:
    run = worked_on(request_run(asking, case_set, by=people.owner, budget={"requests": 5}))
    client.force_login(people.owner)
    html = client.get(run.get_absolute_url()).content.decode()
    assert "of at most 5" in html
    assert "cost unknown" in html

    address = f"/runs/{run.pk}/budget/"
    assert client.post(address, {"budget_requests": "-3"}).status_code == 422
    assert client.post(address, {"budget_requests": "50"}).status_code == 302
    run.refresh_from_db()
    assert run.budget == {"requests": 50}


@pytest.mark.page
def test_the_form_of_a_spec_offers_the_endpoints_that_there_are(
    asking: Candidate, people: People, client: Client
) -> None:
    client.force_login(people.owner)
    address = f"/decisions/{asking.decision.reference}/candidates/{asking.letter}/spec/"
    html = client.get(address).content.decode()
    assert '<option value="ours" selected>Ours</option>' in html
    assert client.post(address, {**SPEC, "seen": "x"}).status_code == 422


def test_a_prompt_is_mined_on_development_cases_and_then_used(
    asking: Candidate, people: People, server: ModelServer, tmp_path: Any
) -> None:
    told = rows(tests=2)
    for row in told[:9]:
        row["split"] = "dev"
    cases = import_case_set(
        name="With dev", files=[CaseFile(write_csv(tmp_path / "dev.csv", told))], columns=COLUMNS
    ).case_set
    server.answer = lambda messages: (
        sorted_by_words(messages) if "Be right." in messages[0]["content"] else "?"
    )
    spec = SPEC | {
        "technique": "prompting/mined",
        "context": "Be quick.",
        "alternatives": "Be right.\n---\nBe brief.",
    }
    Candidate.objects.filter(pk=asking.pk).update(spec=spec)
    asking.refresh_from_db()
    server.faults = [faults.filtered()]  # one refused case does not end the search

    run = worked_on(request_run(asking, cases, by=people.owner))

    assert run.state == RunState.FINISHED, run.error
    assert run.artefact["mined_prompt"]["context"] == "Be right."
    curve = run.artefact["learning_curve"]
    assert sum(one["failed"] for one in curve[0]["prompts"]) == 1
    assert run.metrics["accuracy"]["value"] == 100
    tested = set(cases.cases.filter(split="test").values_list("input", flat=True))
    mined = len(server.chats) - run.case_count
    assert not any(one in str(chat.json) for chat in server.chats[:mined] for one in tested)
    assert run.spent_requests == len(server.chats)
