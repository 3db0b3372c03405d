"""A model judges two runs pair by pair: in both orders, within budgets, and as evidence."""

import json
from collections.abc import Callable, Iterator
from decimal import Decimal
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.http import HttpResponse
from django.test import Client

from decisions import clock
from decisions.models import EvidenceKind
from evaluations import judged_pairs
from evaluations.models import Endpoint, Judging, Preparation, RatingRound, Run
from evaluations.rating import close_round
from evaluations.round_judging import lost_judgings
from evaluations.tasks import judge_round
from tests import openai_faults as faults
from tests.evaluations import test_rating
from tests.evaluations.test_rating import QUESTION, choose_all, opened
from tests.factories import People
from tests.openai_server import Messages, ModelServer, serving

pytestmark = pytest.mark.django_db
runs = test_rating.runs


def prefers_beta(messages: Messages) -> str:
    """Find BETA better wherever it stands."""
    first, second = messages[-1]["content"].split("The second answer:")
    verdict = 1 if "BETA" in first.split("The first answer:")[1] else 2 if "BETA" in second else 0
    return json.dumps({"reason": "because", "verdict": verdict})


@pytest.fixture
def server() -> Iterator[ModelServer]:
    with serving(answer=prefers_beta) as found:
        yield found


@pytest.fixture
def endpoint(server: ModelServer, people: People) -> Endpoint:
    values = {"base_url": server.url, "key": server.key, "concurrency": 4, "timeout": 5}
    prices = {"price_input": Decimal(1), "price_output": Decimal(2)}
    return Endpoint.objects.create(
        name="Ours", slug="ours", retries=0, created_by=people.owner, **values, **prices
    )


def judge(pair: tuple[Run, Run], *options: str) -> str:
    out = StringIO()
    numbers = [str(one.pk) for one in pair]
    asked = ("--endpoint", "ours", "--model", "small", *options)
    call_command("judge_pairs", *numbers, *asked, stdout=out)
    return out.getvalue()


def test_what_a_model_prefers_is_evidence_with_share_and_consistency(
    runs: Any,
    endpoint: Endpoint,
    server: ModelServer,
    people: People,
) -> None:
    rated = opened(runs, people, [people.ux], size=6)
    choose_all(rated, people.ux, "BETA", most=4)
    choose_all(rated, people.ux, "ALPHA")
    close_round(rated, by=people.owner)

    said = judge(runs, "--cases", "12")

    standing = rated.decision.evidence.standing()
    (one,) = standing.filter(metric="preferred_by_model")
    assert (one.kind, one.compared_with) == (EvidenceKind.COMPARISON, runs[1].candidate)
    assert (one.value, one.n, one.low) == (0, 12, 0)
    assert one.high == pytest.approx(24.25, abs=0.01)  # Wilson, 0 of 12
    assert "The model prefers Secret sauce to rag/bm25_knn" in one.method
    assert "about 12 pairs in both orders and said the same on 12" in one.method
    assert "Of 6 cases that people rated blind" in one.method
    assert "on 4 (Cohen's kappa" in one.method
    assert one.reference in said
    assert len(server.chats) == 24
    assert standing.filter(metric="preference").exists()  # beside what people said


def test_where_the_order_decides_neither_wins(
    runs: Any,
    endpoint: Endpoint,
    server: ModelServer,
) -> None:
    server.answer = lambda messages: json.dumps({"reason": "first", "verdict": 1})

    with pytest.raises(CommandError, match="neither side won a single case"):
        judge(runs)


def test_a_judge_stops_at_the_budget_and_goes_on_from_there(
    runs: Any,
    endpoint: Endpoint,
    server: ModelServer,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(judged_pairs, "STEP", 3)
    endpoint.budget_requests = 14
    endpoint.save()
    with pytest.raises(CommandError):
        judge(runs)
    assert len(server.chats) <= 14
    kept = len(Preparation.objects.get().state["verdicts"])
    asked = len(server.chats)
    assert kept >= 3

    endpoint.budget_requests = None
    endpoint.save()
    assert "said the same on 12" in judge(runs)
    assert len(server.chats) == asked + 2 * (12 - kept)


def test_a_pair_that_was_not_judged_is_left_out_and_told(
    runs: Any,
    endpoint: Endpoint,
    server: ModelServer,
) -> None:
    tested = runs[0].case_set.cases.filter(split="test").first()

    def answer(messages: Messages) -> str:
        return "no idea" if tested.input in messages[-1]["content"] else prefers_beta(messages)

    server.answer = answer
    said = judge(runs)

    assert "1 more could not be judged" in said
    assert "of the 11 cases" in said


def test_an_outage_is_no_verdict(runs: Any, endpoint: Endpoint, server: ModelServer) -> None:
    server.fault_for = lambda request: faults.rate_limited()

    with pytest.raises(CommandError, match="none was judged"):
        judge(runs)
    assert not runs[0].candidate.decision.evidence.filter(metric="preferred_by_model").exists()


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (("--cases", "0"), "1 to 200 cases"),
        (("--model", " "), "model"),
        (("--rubric", ""), "rubric: Must not be empty"),
    ],
)
def test_what_makes_no_sense_is_refused_in_a_sentence(
    runs: Any,
    endpoint: Endpoint,
    options: tuple[str, ...],
    says: str,
) -> None:
    with pytest.raises(CommandError, match=says):
        judge(runs, *options)


# On the page of a round


@pytest.fixture
def closed(runs: Any, people: People) -> RatingRound:
    """A closed round of six pairs, of which four were rated like the judge does."""
    found = opened(runs, people, [people.ux], size=6)
    choose_all(found, people.ux, "BETA", most=4)
    choose_all(found, people.ux, "ALPHA")
    close_round(found, by=people.owner)
    return found


def ask(owner: Client, found: RatingRound, **more: str) -> HttpResponse:
    asked = {"endpoint": "ours", "model": "small", "rubric": "Good is what helps."}
    return owner.post(f"/ratings/{found.pk}/judge/", asked | more)


def test_a_model_is_asked_about_the_pairs_of_a_round_and_shown_beside_people(
    closed: RatingRound,
    endpoint: Endpoint,
    server: ModelServer,
    people: People,
    sign_in: Callable[..., Client],
) -> None:
    owner = sign_in(people.owner)
    page = owner.get(closed.get_absolute_url()).content.decode()
    assert "No model was asked" in page
    assert QUESTION in page.partition("<textarea")[2]  # the rubric, at first

    assert ask(owner, closed).status_code == 302
    page = owner.get(closed.get_absolute_url()).content.decode()
    assert "0 of 6 pairs" in page
    assert 'hx-trigger="every 2s"' in page
    judge_round(closed.judgings.get().pk)

    part = f"{closed.get_absolute_url()}?part=judges"
    fragment = owner.get(part, headers={"HX-Request": "true"})
    text = fragment.content.decode()
    assert "announce" in fragment["HX-Trigger"]
    assert "hx-trigger" not in text
    assert '<span class="value">6 of 6</span>' in text  # the same in both orders
    assert '<span class="value">4 of 6</span>' in text  # as most people
    assert "The model prefers Secret sauce to rag/bm25_knn" in text
    assert len(server.chats) == 12
    (one,) = closed.decision.evidence.standing().filter(metric="preferred_by_model")
    assert f"Attached to DR-1 as {one.reference}." in text
    assert one.conditions["rubric"] == "Good is what helps."

    judge_round(closed.judgings.get().pk)  # delivered twice
    assert len(server.chats) == 12


def test_a_judge_that_stopped_says_why_and_goes_on_when_asked_again(
    closed: RatingRound,
    endpoint: Endpoint,
    server: ModelServer,
    people: People,
    sign_in: Callable[..., Client],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(judged_pairs, "STEP", 2)
    endpoint.budget_requests = 8
    endpoint.save()
    owner = sign_in(people.owner)
    ask(owner, closed)
    judge_round(closed.judgings.get().pk)
    row = closed.judgings.get()
    assert "8" in row.error
    page = owner.get(closed.get_absolute_url())
    assert row.error in page.content.decode()
    assert page.context["form"].initial["model"] == "small"  # to be asked again

    Endpoint.objects.update(budget_requests=None)
    ask(owner, closed)
    assert lost_judgings() == [row.pk]  # until a worker is told
    Judging.objects.update(woken_at=clock.now())
    assert lost_judgings() == []
    judge_round(row.pk)

    row.refresh_from_db()
    assert row.outcome.startswith("Attached to DR-1")
    assert len(server.chats) == 12


def test_a_model_is_asked_by_who_may_measure_and_once_the_round_is_closed(
    runs: Any, endpoint: Endpoint, people: People, sign_in: Callable[..., Client]
) -> None:
    found = opened(runs, people, [people.ux], size=6)
    assert ask(sign_in(people.owner), found).status_code == 409
    choose_all(found, people.ux, "BETA")
    close_round(found, by=people.owner)

    assert ask(sign_in(people.ux), found).status_code == 403
    assert "Ask a model" not in sign_in(people.ux).get(found.get_absolute_url()).content.decode()
    assert ask(sign_in(people.outsider), found).status_code == 404
    assert ask(sign_in(people.owner), found, model="").status_code == 422
    assert not found.judgings.exists()


def test_a_run_that_is_not_there_is_told(runs: Any, endpoint: Endpoint) -> None:
    with pytest.raises(CommandError, match="no run 99999"):
        call_command("judge_pairs", "99999", "99999", "--endpoint=ours", "--model=small")
