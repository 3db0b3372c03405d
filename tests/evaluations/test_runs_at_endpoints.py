"""Runs that ask a model server: from the request to the figures, with workers' own code."""

import contextlib
import threading
from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import Any

import pytest
from django.db import DatabaseError
from django.test import Client
from django.urls import reverse

from decisions.models import Candidate, Decision
from decisions.policies import BadInput, Refused
from evaluations import actions, learning, measuring, shift, work
from evaluations.actions import request_run
from evaluations.freezing import import_case_set
from evaluations.importers.cases import CaseFile
from evaluations.measuring import measure
from evaluations.models import CaseSet, Endpoint, Result, Run, RunState
from evaluations.run_moves import moves_of
from evaluations.techniques import TECHNIQUES
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


@pytest.mark.page
def test_a_run_that_rests_at_its_budget_is_named_by_the_form(
    asking: Candidate, case_set: CaseSet, people: People, sign_in: Callable[[Any], Client]
) -> None:
    run = worked_on(request_run(asking, case_set, by=people.owner, budget={"requests": 5}))
    sent = {"case_set": case_set.pk, "candidates": [asking.letter], "budget_requests": 77}
    answer = sign_in(people.owner).post("/decisions/DR-1/runs/", sent)
    page = answer.content.decode()
    assert answer.status_code == 422
    assert f"measured by {run}, which is paused" in page
    assert f'<a href="{run.get_absolute_url()}">Look at {run}' in page
    assert reverse("evaluations:run_budget", args=[run.pk]) in page
    assert 'value="77"' in page


@pytest.mark.page
def test_a_poll_brings_what_was_spent_as_well(
    asking: Candidate, case_set: CaseSet, people: People, sign_in: Callable[[Any], Client]
) -> None:
    run = request_run(asking, case_set, by=people.owner)
    Run.objects.filter(pk=run.pk).update(state=RunState.RUNNING, spent_requests=4711)
    headers = {"HX-Request": "true"}
    poll = sign_in(people.owner).get(f"/runs/{run.pk}/?part=progress", headers=headers)
    _progress, _mark, spent = poll.content.decode().partition(
        'id="run-spending" hx-swap-oob="true"'
    )
    assert "4,711" in spent


@pytest.mark.page
def test_a_search_without_development_cases_is_refused_by_the_form(
    asking: Candidate, case_set: CaseSet, people: People, sign_in: Callable[[Any], Client]
) -> None:
    mined = {"technique": "prompting/mined", "alternatives": "Be kind.", "part": "style"}
    spec = TECHNIQUES["prompting/mined"].complete({**SPEC, **mined})
    run = worked_on(request_run(asking, case_set, by=people.owner))
    Candidate.objects.filter(pk=asking.pk).update(spec=spec)
    sent = {"case_set": case_set.pk, "candidates": [asking.letter]}
    answer = sign_in(people.owner).post("/decisions/DR-1/runs/", sent)
    assert answer.status_code == 422
    assert "compares prompts on development cases, and there are none" in answer.content.decode()
    # One that was asked for before, and has failed, is not offered to be tried again.
    Run.objects.filter(pk=run.pk).update(spec=spec, state=RunState.FAILED)
    run.refresh_from_db()
    assert "retry" not in [move.key for move in moves_of(run)]
    with pytest.raises(Refused, match="there are none"):
        actions.retry_run(run, by=people.owner)


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
    asking: Candidate, people: People, server: ModelServer, tmp_path: Any, sign_in: Any
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
    page = sign_in(people.owner).get(run.get_absolute_url()).content.decode()
    assert "The prompt that won" in page
    assert "of 3 prompts that differ in one part (Context) this one was right on" in page
    method = run.candidate.decision.evidence.get(metric="accuracy").method
    assert "Its prompt, with “Be right.”: Searched for on development cases alone" in method


def judged_by(slug: str) -> list[dict[str, Any]]:
    rubric = {"endpoint": slug, "model": "strict", "rubric": "Is it right?"}
    return [{"key": "exact_match", "settings": {}}, {"key": "judge", "settings": rubric}]


@pytest.mark.parametrize("place", ["ours", "theirs"])
def test_an_answerer_and_its_judge_get_along_with_one_seat(
    place: str,
    asking: Candidate,
    case_set: CaseSet,
    people: People,
    server: ModelServer,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(shift, "LONGEST", 20)  # what waits for ever is given back then
    Endpoint.objects.update(concurrency=1)
    Endpoint.objects.create(
        name="Theirs", slug="theirs", base_url=server.url, key=server.key, created_by=people.owner
    )
    server.answers["strict"] = lambda messages: '{"reason": "It is.", "verdict": 1}'
    asked = {"concurrency": 1, "scorers": judged_by(place)}
    run = worked_on(request_run(asking, case_set, by=people.owner, **asked))

    assert run.state == RunState.FINISHED
    assert len(server.chats) == 2 * run.case_count


def test_answers_that_were_paid_for_survive_a_busy_database(
    asking: Candidate,
    case_set: CaseSet,
    people: People,
    server: ModelServer,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    run = request_run(asking, case_set, by=people.owner)
    finish, failures = work.finish, [DatabaseError("database is locked")]

    def busy(answers: Any) -> int:
        if answers and failures:
            raise failures.pop()
        return finish(answers)

    monkeypatch.setattr(work, "finish", busy)
    with contextlib.suppress(DatabaseError):
        measure(run, lambda: False)
    assert not failures
    written = run.results.filter(state="done").count()
    assert 0 < written == len(server.chats)
    assert not run.results.filter(state="claimed").exists()

    run = worked_on(run)
    assert run.state == RunState.FINISHED
    assert len(server.chats) == run.spent_requests == run.case_count


def test_what_was_tried_again_meanwhile_is_not_concluded_from_old_figures(
    asking: Candidate,
    case_set: CaseSet,
    people: People,
    server: ModelServer,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    server.faults += [faults.truncated()] * 3
    Endpoint.objects.update(concurrency=1)
    run = request_run(asking, case_set, by=people.owner)
    summarise = actions.summarise

    def slowly(run: Run) -> Any:
        monkeypatch.setattr(actions, "summarise", summarise)
        found = summarise(run)
        assert actions.conclude_run(Run.objects.get(pk=run.pk))  # by another worker
        actions.retry_run(Run.objects.get(pk=run.pk), by=people.owner)
        actions.start_run(run, {})
        return found

    monkeypatch.setattr(actions, "summarise", slowly)
    run = worked_on(run)
    assert run.state == RunState.RUNNING
    assert run.results.filter(state="pending").count() == 1

    run = worked_on(run)
    assert run.state == RunState.FINISHED
    assert run.metrics["failed"] == 0


def test_figures_that_could_not_be_computed_can_be_tried_again(
    asking: Candidate, case_set: CaseSet, people: People, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = request_run(asking, case_set, by=people.owner)
    with monkeypatch.context() as patch:
        patch.setattr(actions, "summarise", lambda run: 1 / 0)
        run = worked_on(run)
    assert run.state == RunState.FAILED

    assert actions.retry_run(run, by=people.owner) == 0
    assert worked_on(run).state == RunState.FINISHED


def test_learning_stops_when_the_run_is_cancelled(
    asking: Candidate,
    people: People,
    server: ModelServer,
    tmp_path: Any,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(learning, "LOOK_EVERY", 0.1)
    told = rows(tests=8)
    for row in told[:18]:
        row["split"] = "dev"
    cases = import_case_set(
        name="With dev", files=[CaseFile(write_csv(tmp_path / "dev.csv", told))], columns=COLUMNS
    ).case_set
    server.delay = 0.1
    Endpoint.objects.update(concurrency=1)
    spec = SPEC | {"technique": "prompting/mined", "alternatives": "Be right.\n---\nBe brief."}
    Candidate.objects.filter(pk=asking.pk).update(spec=spec)
    asking.refresh_from_db()
    run = request_run(asking, cases, by=people.owner)

    def cancelling(messages: Any) -> str:
        if len(server.chats) == 3:
            cancelled.set()
        return "billing"

    server.answer = cancelling
    cancelled = threading.Event()
    monkeypatch.setattr(measuring, "_rests", lambda run: cancelled.is_set())
    measure(run, lambda: False)
    assert len(server.chats) < 12


def test_another_number_of_answers_is_not_mistaken_for_the_open_run(
    asking: Candidate, case_set: CaseSet, people: People
) -> None:
    run = request_run(asking, case_set, by=people.owner)
    assert request_run(asking, case_set, by=people.owner) == run
    with pytest.raises(Refused, match="cancel"):
        request_run(asking, case_set, by=people.owner, repeats=3)
    with pytest.raises(Refused, match="cancel"):
        request_run(asking, case_set, by=people.owner, budget={"requests": 1})


def test_a_key_that_a_server_repeats_is_in_no_error(
    asking: Candidate, case_set: CaseSet, people: People, server: ModelServer
) -> None:
    said = "x" * 260 + f" your key {server.key} is not allowed here"
    server.fault_for = lambda request: faults.failing(400, said)
    run = worked_on(request_run(asking, case_set, by=people.owner))
    errors = " ".join(run.results.values_list("error", flat=True))
    assert errors
    assert server.key[:10] not in errors


@pytest.mark.page
def test_errors_that_may_quote_a_case_are_kept_from_those_who_may_not_read_it(
    asking: Candidate, case_set: CaseSet, people: People, server: ModelServer, client: Client
) -> None:
    server.fault_for = lambda request: faults.failing(400, "bad prompt: My parcel")
    run = request_run(asking, case_set, by=people.owner, budget={"requests": 5})
    measure(run, lambda: False)
    CaseSet.objects.update(visibility="involved")
    type(asking.decision).objects.update(visibility="everyone")
    client.force_login(people.outsider)

    html = client.get(run.get_absolute_url()).content.decode()
    assert "bad prompt" not in html
    assert "may quote the case" in html
