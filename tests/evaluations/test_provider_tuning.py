"""Models tuned by a provider: one job whatever happens, its model measured, nothing forgotten."""

import json
from collections.abc import Callable, Iterator, Mapping
from decimal import Decimal
from typing import Any

import pytest

from decisions import clock
from decisions.models import Candidate, Decision
from decisions.policies import Refused
from evaluations import actions, measuring
from evaluations.abandoned import REFUSED_LONGEST, cancel_abandoned
from evaluations.actions import request_run
from evaluations.curating import attach_probe
from evaluations.endpoints.budget import Purse
from evaluations.endpoints.prices import Price, Rate
from evaluations.learning import LearnersMemory
from evaluations.measuring import measure
from evaluations.models import CaseSet, Endpoint, Preparation, Run, RunState
from evaluations.techniques import Interrupted, tuned_models
from tests import openai_faults as faults
from tests.evaluations.helpers import make_candidate, make_case_set
from tests.factories import People
from tests.openai_server import Messages, ModelServer, serving

SPEC = {"technique": "fine_tuning/provider", "endpoint": "ours", "model": "small"}
TEAMS = {"billing": "invoice", "delivery": "parcel", "account": "password"}
LOOKS = 4  # at least as often as the test's server wants until it has a job done
pytestmark = pytest.mark.django_db


class Killed(BaseException):
    """What kill -9 looks like from inside: nothing more is done."""


def knows_nothing(messages: Messages) -> str:
    return "billing"


def knows_all(messages: Messages) -> str:
    """Answer as a model tuned on these messages would: each names its team by a first word."""
    from tests.evaluations.helpers import WORDS

    text = messages[-1]["content"]
    return next(
        team
        for team, words in WORDS.items()
        if f"My {words[0]}" in text or any(f"My {word} " in text for word in words)
    )


class Learnt(dict[str, Any]):
    """Answers for every tuned model."""

    def get(self, name: Any, otherwise: Any = None) -> Any:
        return knows_all if str(name).startswith("ft:") else otherwise


@pytest.fixture
def server() -> Iterator[ModelServer]:
    with serving(answer=knows_nothing, answers=Learnt()) as found:
        yield found


@pytest.fixture
def endpoint(server: ModelServer, people: People) -> Endpoint:
    return Endpoint.objects.create(
        name="Ours",
        slug="ours",
        base_url=server.url,
        key=server.key,
        timeout=5,
        retries=1,
        concurrency=8,
        created_by=people.owner,
    )


@pytest.fixture
def tuned(draft: Decision, people: People, endpoint: Endpoint) -> Candidate:
    return candidate_with(draft, people, SPEC)


def candidate_with(record: Decision, people: People, spec: Mapping[str, Any]) -> Candidate:
    candidate = make_candidate(record, people, name="Tuned", approach="fine_tuning")
    Candidate.objects.filter(pk=candidate.pk).update(spec=spec)
    candidate.refresh_from_db()
    return candidate


def worked_on(run: Run, times: int = LOOKS + 1) -> Run:
    for _ in range(times):
        measure(run, lambda: False)
        run.refresh_from_db()
    return run


def test_a_provider_tunes_on_the_training_cases_and_the_model_is_measured(
    tuned: Candidate, case_set: CaseSet, people: People, server: ModelServer
) -> None:
    run = worked_on(request_run(tuned, case_set, by=people.owner))

    assert run.state == RunState.FINISHED, run.error
    (job,) = server.tuning.jobs.values()
    assert run.metrics["accuracy"]["value"] == 100
    assert run.environment["models"] == [job.tuned]
    assert run.artefact["tuned_model"] == run.artefact["model"] == job.tuned
    assert run.artefact["base_model"] == "small"
    assert run.artefact["training_examples"] == job.examples == case_set.count("train")
    assert run.artefact["trained_tokens"] == job.trained_tokens
    assert run.artefact["training_seconds"] >= 0
    assert run.artefact["training_cost"] is None
    assert run.spent_input_tokens >= job.trained_tokens
    assert {request.model for request in server.chats} == {job.tuned}


def test_while_the_provider_is_at_it_no_worker_waits(
    tuned: Candidate, case_set: CaseSet, people: People, server: ModelServer
) -> None:
    run = worked_on(request_run(tuned, case_set, by=people.owner), 2)

    assert run.state == RunState.RUNNING
    assert not run.results.exclude(state="pending").exists()
    assert run in Run.objects.lacking_workers(run.requested_at)  # so the reaper asks again
    assert Preparation.objects.get().lease_until is None
    assert len(server.tuning.jobs) == 1


def test_while_the_provider_is_at_it_the_page_says_how_its_job_stands(
    tuned: Candidate, case_set: CaseSet, people: People, server: ModelServer, sign_in: Any
) -> None:
    run = worked_on(request_run(tuned, case_set, by=people.owner), 2)
    (job,) = server.tuning.jobs.values()
    assert job.status == "running"

    def shown() -> str:
        return str(sign_in(people.owner).get(run.get_absolute_url()).content.decode())

    page = shown()
    assert f"<dt>Tuning</dt><dd>Job {job.id}: it is running. Begun <time" in page
    assert "last looked at <time" in page
    worked_on(run)
    assert "last looked at" not in shown()


def test_each_example_is_handed_in_as_it_will_be_asked(
    tuned: Candidate, case_set: CaseSet, people: People, server: ModelServer
) -> None:
    worked_on(request_run(tuned, case_set, by=people.owner), 1)

    (file,) = server.tuning.files.values()
    lines = [json.loads(line)["messages"] for line in file.content.decode().splitlines()]
    trained = case_set.cases.filter(split="train")
    assert [line[0]["content"] for line in lines] == [one.input for one in trained]
    assert [line[-1] for line in lines] == [
        {"role": "assistant", "content": one.expected} for one in trained
    ]


def test_what_a_person_says_of_the_price_is_what_training_costs(
    draft: Decision, case_set: CaseSet, people: People, endpoint: Endpoint, server: ModelServer
) -> None:
    Endpoint.objects.update(price_input=1, price_output=1)
    candidate = candidate_with(draft, people, {**SPEC, "training_price": 25, "epochs": 2})
    run = worked_on(request_run(candidate, case_set, by=people.owner, budget={"money": 5}))

    assert run.state == RunState.FINISHED, run.error
    (job,) = server.tuning.jobs.values()
    assert job.asked["hyperparameters"] == {"n_epochs": 2}
    assert float(run.artefact["training_cost"]) == pytest.approx(25 * job.trained_tokens / 1e6)
    assert float(run.spent_cost) > 25 * job.trained_tokens / 1e6


@pytest.mark.parametrize(
    ("price", "money", "why"),
    [(None, 5, "Nobody knows what tuning costs"), (900_000, 1, "more than the budget")],
)
def test_a_job_that_the_budget_does_not_allow_is_never_begun(
    draft: Decision,
    case_set: CaseSet,
    people: People,
    endpoint: Endpoint,
    server: ModelServer,
    price: float | None,
    money: int,
    why: str,
) -> None:
    Endpoint.objects.update(price_input=1, price_output=1)
    candidate = candidate_with(draft, people, {**SPEC, "training_price": price})
    run = worked_on(request_run(candidate, case_set, by=people.owner, budget={"money": money}))

    assert run.state == RunState.PAUSED
    assert why in run.paused_because
    assert not server.tuning.files


def test_a_model_whose_price_nobody_will_know_is_not_tuned_for_a_budget_in_money(
    draft: Decision, case_set: CaseSet, people: People, endpoint: Endpoint, server: ModelServer
) -> None:
    """The base model's price is published; the tuned one's is not."""
    candidate = candidate_with(draft, people, {**SPEC, "training_price": 1})
    run = request_run(candidate, case_set, by=people.owner, budget={"money": 5})
    published = Price("small", (Rate(Decimal(1), Decimal(2)),))
    Run.objects.filter(pk=run.pk).update(prices={"ours small": published.snapshot})
    run.refresh_from_db()
    run = worked_on(run)

    assert run.state == RunState.PAUSED
    assert "The price of the tuned model is not known" in run.paused_because
    assert "set the price at the endpoint" in run.paused_because
    assert not server.tuning.files

    Endpoint.objects.update(price_input=1, price_output=2)
    actions.resume_run(run, by=people.owner)
    assert worked_on(run).state == RunState.FINISHED


def test_looking_at_a_job_uses_up_no_budget_and_prepares_nothing(
    tuned: Candidate,
    case_set: CaseSet,
    people: People,
    server: ModelServer,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    server.tuning.patience = 99
    run = worked_on(request_run(tuned, case_set, by=people.owner, budget={"requests": 40}), 1)
    assert run.spent_requests == 2  # a file and a job
    monkeypatch.setattr(tuned_models, "training_file", lambda *_: pytest.fail("built again"))
    run = worked_on(run, 3)

    assert run.state == RunState.RUNNING
    assert run.spent_requests == 2
    (job,) = server.tuning.jobs.values()
    assert job.looks == 4


# Whatever happens, one job


@pytest.mark.parametrize("step", range(1, 8))
@pytest.mark.parametrize("is_written", [True, False])
def test_a_worker_killed_at_any_step_leaves_one_file_and_one_job(
    tuned: Candidate,
    case_set: CaseSet,
    people: People,
    server: ModelServer,
    monkeypatch: pytest.MonkeyPatch,
    step: int,
    is_written: bool,
) -> None:
    """The worker dies as it keeps its state for the nth time: just before, or just after."""
    run = request_run(tuned, case_set, by=people.owner)
    with monkeypatch.context() as killing:
        killing.setattr(LearnersMemory, "keep", dying_at(step, is_written))
        try:
            worked_on(run)
        except Killed:
            Preparation.objects.update(held_by="", lease_until=None)  # as it lapses
    run = worked_on(run, LOOKS + 2)

    assert run.state == RunState.FINISHED, run.error
    assert len(server.tuning.files) == len(server.tuning.jobs) == 1


def dying_at(step: int, is_written: bool) -> Callable[..., Any]:
    """Return a `keep` that ends the worker when it is called for the nth time."""
    keep, calls = LearnersMemory.keep, iter(range(1, 1000))

    async def keep_or_die(self: LearnersMemory, **state: Any) -> None:
        is_last = next(calls) == step
        if not is_last or is_written:
            await keep(self, **state)
        if is_last:
            raise Killed

    return keep_or_die


@pytest.mark.parametrize("route", ["/files", "/fine_tuning/jobs"])
@pytest.mark.parametrize(
    "fault",
    [
        faults.truncated(),
        faults.hanging_up(),
        faults.failing(500),
        faults.failing(503),
        faults.failing(529),
    ],
)
def test_a_lost_reply_is_looked_up_and_not_asked_for_twice(
    tuned: Candidate,
    case_set: CaseSet,
    people: People,
    server: ModelServer,
    route: str,
    fault: faults.Fault,
) -> None:
    """The server did what it was asked; only nobody heard of it."""
    lost = iter([fault])

    def losing(request: Any) -> faults.Fault | None:
        is_meant = request.method == "POST" and request.route == route
        return next(lost, None) if is_meant else None

    server.fault_for = losing
    run = worked_on(request_run(tuned, case_set, by=people.owner), LOOKS + 2)

    assert run.state == RunState.FINISHED, run.error
    assert len(server.tuning.files) == len(server.tuning.jobs) == 1


@pytest.mark.parametrize("is_written", [False, True])
def test_what_training_costs_is_counted_once_though_a_worker_is_killed_over_it(
    draft: Decision,
    case_set: CaseSet,
    people: People,
    endpoint: Endpoint,
    server: ModelServer,
    monkeypatch: pytest.MonkeyPatch,
    is_written: bool,
) -> None:
    candidate = candidate_with(draft, people, {**SPEC, "training_price": 1000})
    run = request_run(candidate, case_set, by=people.owner)
    with monkeypatch.context() as killing:
        killing.setattr(LearnersMemory, "keep", at_the_end(Killed, is_written))
        killing.setattr(Purse, "close", unwritten)
        with pytest.raises(Killed):
            worked_on(run, LOOKS + 2)
    Preparation.objects.update(held_by="", lease_until=None)
    run = worked_on(run)

    assert run.state == RunState.FINISHED, run.error
    training = float(run.artefact["training_cost"])
    assert training > 0
    assert float(run.spent_cost) == pytest.approx(training)
    endpoint.refresh_from_db()
    assert float(endpoint.spent_cost) == pytest.approx(training)


def test_a_worker_that_has_lost_its_lease_leaves_the_cost_to_the_one_that_has_it(
    draft: Decision,
    case_set: CaseSet,
    people: People,
    endpoint: Endpoint,
    server: ModelServer,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    candidate = candidate_with(draft, people, {**SPEC, "training_price": 1000})
    run = request_run(candidate, case_set, by=people.owner)
    with monkeypatch.context() as losing:
        losing.setattr(LearnersMemory, "keep", at_the_end(Interrupted, is_written=False))
        run = worked_on(run, LOOKS)

    assert run.spent_cost == 0
    run = worked_on(run)
    assert float(run.spent_cost) == pytest.approx(float(run.artefact["training_cost"]))


def at_the_end(error: type[BaseException], is_written: bool) -> Callable[..., Any]:
    """Return a `keep` that fails when it is to keep what a job came to."""
    keep = LearnersMemory.keep

    async def keep_or_fail(self: LearnersMemory, **state: Any) -> None:
        is_end = "done" in state.get("jobs", {}).get("all", {})
        if not is_end or is_written:
            await keep(self, **state)
        if is_end:
            raise error

    return keep_or_fail


async def unwritten(self: Purse) -> None:
    """Write nothing, as one that is killed."""


def test_a_later_run_of_the_same_spec_uses_the_model_that_is_there(
    tuned: Candidate, case_set: CaseSet, people: People, server: ModelServer
) -> None:
    worked_on(request_run(tuned, case_set, by=people.owner))
    measuring._kept.clear()
    again = worked_on(request_run(tuned, case_set, by=people.owner), 1)

    assert again.state == RunState.FINISHED
    assert len(server.tuning.jobs) == 1


# What goes wrong


@pytest.fixture
def gone(tuned: Candidate, case_set: CaseSet, people: People, server: ModelServer) -> Run:
    """A run whose tuned model was deleted at the provider."""
    worked_on(request_run(tuned, case_set, by=people.owner))
    measuring._kept.clear()
    server.fault_for = lambda request: (
        faults.failing(404, "No such model") if request.route == "/chat/completions" else None
    )
    run = worked_on(request_run(tuned, case_set, by=people.owner, budget={"requests": 99}), 1)
    server.fault_for = lambda request: None
    return run


def test_a_model_that_is_gone_is_told_and_can_be_tuned_again(
    gone: Run, server: ModelServer, people: People, sign_in: Any, caplog: Any
) -> None:
    (job,) = server.tuning.jobs.values()
    assert gone.state == RunState.PAUSED
    assert f"The tuned model {job.tuned} is not at the provider any more" in gone.paused_because
    assert "No such model" in gone.paused_because
    client = sign_in(people.owner)
    assert 'id="move-tune"' in client.get(gone.get_absolute_url()).content.decode()

    with caplog.at_level("INFO", "evaluations.actions"):
        client.post(f"{gone.get_absolute_url()}tune/")

    gone.refresh_from_db()
    again = Run.objects.open().get()
    assert (gone.state, again.budget) == (RunState.CANCELLED, {"requests": 99})
    assert f"had {job.tuned} tuned again for {gone}, as {again}" in caplog.text
    again = worked_on(again, LOOKS + 2)
    assert again.state == RunState.FINISHED, again.error
    assert len(server.tuning.jobs) == 2
    assert again.artefact["tuned_model"] != job.tuned

    measuring._kept.clear()  # another worker
    actions.resume_run(gone, by=people.owner)
    gone = worked_on(gone, 1)
    assert (gone.state, gone.error) == (
        RunState.FAILED,
        "The model that answered before is not the one that is there now.",
    )


def test_a_model_is_not_tuned_again_while_others_are_answered_by_it(
    gone: Run, draft: Decision, people: People, server: ModelServer
) -> None:
    other = make_candidate(draft, people, name="The same", approach="fine_tuning")
    Candidate.objects.filter(pk=other.pk).update(spec=gone.candidate.spec)
    other.refresh_from_db()
    request_run(other, gone.case_set, by=people.owner)

    with pytest.raises(Refused, match="is answered by this model just now"):
        actions.tune_again(gone, by=people.owner)
    with pytest.raises(Refused, match="Only the owner"):
        actions.tune_again(gone, by=people.ux)


def test_only_a_model_that_a_provider_tuned_is_tuned_again(run: Run, people: People) -> None:
    actions.pause_run(run, by=people.owner)
    with pytest.raises(Refused, match="tuned by a provider"):
        actions.tune_again(run, by=people.owner)


def test_a_job_that_fails_says_why_and_may_be_tried_again(
    tuned: Candidate, case_set: CaseSet, people: People, server: ModelServer
) -> None:
    run = worked_on(request_run(tuned, case_set, by=people.owner), 1)
    (job,) = server.tuning.jobs.values()
    job.complaint = "The examples are too strange."
    job.move("failed")
    run = worked_on(run)

    assert run.state == RunState.FAILED
    assert run.error == f"The provider's job {job.id} failed: The examples are too strange."
    assert len(server.tuning.jobs) == 1

    actions.retry_run(run, by=people.owner)
    run = worked_on(run)
    assert run.state == RunState.FINISHED, run.error
    assert len(server.tuning.jobs) == 2


def test_a_worker_killed_before_it_says_so_does_not_begin_another_job(
    tuned: Candidate,
    case_set: CaseSet,
    people: People,
    server: ModelServer,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    run = worked_on(request_run(tuned, case_set, by=people.owner), 1)
    next(iter(server.tuning.jobs.values())).move("cancelled")
    with monkeypatch.context() as killing:
        killing.setattr(LearnersMemory, "keep", dying_at(1, is_written=True))
        with pytest.raises(Killed):
            worked_on(run)
    Preparation.objects.update(held_by="", lease_until=None)
    run = worked_on(run)

    assert run.state == RunState.FAILED
    assert "was cancelled" in run.error
    assert len(server.tuning.jobs) == 1


def test_a_server_without_tuning_is_told_in_a_sentence(
    tuned: Candidate, case_set: CaseSet, people: People, server: ModelServer
) -> None:
    server.fault_for = lambda request: (
        faults.failing(404, "Not Found") if request.route == "/files" else None
    )
    run = worked_on(request_run(tuned, case_set, by=people.owner))

    assert run.state == RunState.FAILED
    assert "does not know this model or address (404)" in run.error


def test_a_cancelled_run_has_its_job_cancelled(
    tuned: Candidate, case_set: CaseSet, people: People, server: ModelServer
) -> None:
    run = worked_on(request_run(tuned, case_set, by=people.owner), 1)
    assert cancel_abandoned() == 0  # it is still wanted
    actions.pause_run(run, by=people.owner)
    assert cancel_abandoned() == 0
    actions.cancel_run(run, by=people.owner)

    assert cancel_abandoned() == 1
    assert [job.status for job in server.tuning.jobs.values()] == ["cancelled"]
    assert cancel_abandoned() == 0

    actions.resume_run(run, by=people.owner)
    run = worked_on(run)
    assert run.state == RunState.FINISHED, run.error
    assert [job.status for job in server.tuning.jobs.values()] == ["cancelled", "succeeded"]


@pytest.mark.parametrize("status", [403, 404])
def test_a_job_that_the_server_does_not_let_be_cancelled_is_not_forgotten(
    tuned: Candidate, case_set: CaseSet, people: People, server: ModelServer, status: int
) -> None:
    """Also where it is the address for cancelling that the server does not know."""
    server.tuning.patience = 99
    run = worked_on(request_run(tuned, case_set, by=people.owner), 1)
    actions.cancel_run(run, by=people.owner)
    server.tuning.no_cancelling = status
    cancel_abandoned()
    assert [job.status for job in server.tuning.jobs.values()] == ["validating_files"]

    server.tuning.no_cancelling = 0
    assert cancel_abandoned() == 1
    assert [job.status for job in server.tuning.jobs.values()] == ["cancelled"]


def test_a_run_that_goes_on_takes_up_the_job_that_could_not_be_cancelled(
    tuned: Candidate, case_set: CaseSet, people: People, server: ModelServer
) -> None:
    run = worked_on(request_run(tuned, case_set, by=people.owner), 1)
    actions.cancel_run(run, by=people.owner)
    server.tuning.no_cancelling = 403
    cancel_abandoned()
    actions.resume_run(run, by=people.owner)

    assert worked_on(run).state == RunState.FINISHED
    assert len(server.tuning.jobs) == 1


def test_a_refused_cancelling_is_not_asked_for_for_ever(
    tuned: Candidate,
    case_set: CaseSet,
    people: People,
    server: ModelServer,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    server.tuning.patience = 99
    run = worked_on(request_run(tuned, case_set, by=people.owner), 1)
    actions.cancel_run(run, by=people.owner)
    server.tuning.no_cancelling = 403
    assert cancel_abandoned() == 1
    later = clock.now() + REFUSED_LONGEST
    monkeypatch.setattr(clock, "now", lambda: later)

    assert cancel_abandoned() == 0
    assert "job" in Preparation.objects.get().state["jobs"]["all"]


def test_a_job_that_the_server_no_longer_knows_is_forgotten(
    tuned: Candidate, case_set: CaseSet, people: People, server: ModelServer
) -> None:
    run = worked_on(request_run(tuned, case_set, by=people.owner), 1)
    actions.cancel_run(run, by=people.owner)
    server.tuning.jobs.clear()

    assert cancel_abandoned() == 1
    assert Preparation.objects.get().state["jobs"]["all"] == {}


def test_a_model_that_was_ready_before_its_run_was_cancelled_is_not_tuned_again(
    tuned: Candidate, case_set: CaseSet, people: People, server: ModelServer
) -> None:
    run = worked_on(request_run(tuned, case_set, by=people.owner), 1)
    actions.cancel_run(run, by=people.owner)
    next(iter(server.tuning.jobs.values())).move("succeeded")
    assert cancel_abandoned() == 1
    assert cancel_abandoned() == 0

    actions.resume_run(run, by=people.owner)
    assert worked_on(run, 1).state == RunState.FINISHED
    assert len(server.tuning.jobs) == 1


def test_a_job_whose_beginning_nobody_heard_of_is_cancelled_as_well(
    tuned: Candidate, case_set: CaseSet, people: People, server: ModelServer
) -> None:
    lost = iter([faults.hanging_up()])
    server.fault_for = lambda request: (
        next(lost, None)
        if (request.method, request.route) == ("POST", "/fine_tuning/jobs")
        else None
    )
    run = worked_on(request_run(tuned, case_set, by=people.owner), 1)
    actions.cancel_run(run, by=people.owner)

    assert cancel_abandoned() == 1
    assert [job.status for job in server.tuning.jobs.values()] == ["cancelled"]


def test_a_server_out_of_reach_is_asked_again_later(
    tuned: Candidate, case_set: CaseSet, people: People, server: ModelServer
) -> None:
    run = worked_on(request_run(tuned, case_set, by=people.owner), 1)
    server.faults += [faults.failing(503)] * 2
    run = worked_on(run, 1)
    assert run.state == RunState.RUNNING

    assert worked_on(run).state == RunState.FINISHED


# The learning curve and the forgetting check


def test_a_learning_curve_is_a_job_a_size_measured_on_development_cases(
    draft: Decision, people: People, endpoint: Endpoint, server: ModelServer, tmp_path: Any
) -> None:
    case_set = with_dev(tmp_path)
    candidate = candidate_with(draft, people, {**SPEC, "curve_sizes": "10, 12, 999"})
    run = worked_on(request_run(candidate, case_set, by=people.owner), 3 * LOOKS + 1)

    assert run.state == RunState.FINISHED, run.error
    assert sorted(job.examples for job in server.tuning.jobs.values()) == [10, 12, 18]
    curve = run.artefact["learning_curve"]
    assert [point["examples"] for point in curve] == [10, 12, 18]
    assert [point["share"] for point in curve] == [1, 1, 1]
    assert curve[0]["tries"] == [{"seed": 0, "right": 3, "asked": 3, "share": 1}]


def with_dev(folder: Any) -> CaseSet:
    """Return a case set with three development cases."""
    from evaluations.freezing import import_case_set
    from evaluations.importers.cases import CaseFile
    from tests.evaluations.helpers import COLUMNS, WORDS, rows, write_csv

    dev = [
        {"id": f"dev-{team}", "split": "dev", "text": f"My {words[0]} is for dev", "team": team}
        for team, words in WORDS.items()
    ]
    path = write_csv(folder / "dev.csv", [*rows(), *dev])
    return import_case_set(name="With dev", files=[CaseFile(path)], columns=COLUMNS).case_set


def test_what_was_forgotten_is_asked_of_both_models_and_told_with_its_interval(
    tuned: Candidate,
    case_set: CaseSet,
    people: People,
    server: ModelServer,
    tmp_path: Any,
) -> None:
    probe = make_case_set(tmp_path, name="Probe", tests=5)
    attach_probe(case_set, probe, by=people.owner)
    run = worked_on(request_run(tuned, case_set, by=people.owner))

    assert run.state == RunState.FINISHED, run.error
    found = run.artefact["forgetting"]
    assert (found["n"], found["before"], found["after"]) == (15, pytest.approx(1 / 3), 1)
    assert found["difference"] == pytest.approx(2 / 3)
    assert found["low"] < found["difference"] < found["high"]
    assert found["p"] == pytest.approx(2 / 2**10)
    assert found["probe"] == str(probe)
    asked = [request.model for request in server.chats]
    assert asked.count("small") == 15


def test_an_interrupted_check_goes_on_where_it_stopped(
    tuned: Candidate,
    case_set: CaseSet,
    people: People,
    server: ModelServer,
    tmp_path: Any,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from evaluations.techniques import forgetting

    monkeypatch.setattr(forgetting, "STEP", 5)
    attach_probe(case_set, make_case_set(tmp_path, name="Probe", tests=5), by=people.owner)
    run = worked_on(request_run(tuned, case_set, by=people.owner), LOOKS - 2)
    assert not server.chats
    with monkeypatch.context() as killing:
        killing.setattr(LearnersMemory, "keep", dying_at(3, is_written=True))
        with pytest.raises(Killed):
            worked_on(run, 2)
    Preparation.objects.update(held_by="", lease_until=None)
    run = worked_on(run)

    assert run.artefact["forgetting"]["n"] == 15
    assert [request.model for request in server.chats].count("small") == 15


def test_a_served_model_says_what_a_person_told_of_it(
    draft: Decision,
    case_set: CaseSet,
    people: People,
    endpoint: Endpoint,
    server: ModelServer,
    tmp_path: Any,
) -> None:
    attach_probe(case_set, make_case_set(tmp_path, name="Probe", tests=5), by=people.owner)
    spec = {
        "technique": "fine_tuning/served",
        "endpoint": "ours",
        "model": "ft:ours",
        "base_model": "small",
        "tuned_by": "Dana",
        "examples": 500,
        "training_cost": 12.5,
    }
    run = worked_on(request_run(candidate_with(draft, people, spec), case_set, by=people.owner), 1)

    assert run.state == RunState.FINISHED, run.error
    told = {name: run.artefact[name] for name in ("tuned_by", "training_examples", "as_told")}
    assert told == {"tuned_by": "Dana", "training_examples": 500, "as_told": True}
    assert run.artefact["training_cost"] == "12.5"
    assert run.artefact["forgetting"]["n"] == 15
    assert run.metrics["accuracy"]["value"] == 100


def test_a_served_model_without_a_known_base_has_no_forgetting_check(
    draft: Decision, case_set: CaseSet, people: People, endpoint: Endpoint, tmp_path: Any
) -> None:
    attach_probe(case_set, make_case_set(tmp_path, name="Probe", tests=5), by=people.owner)
    spec = {"technique": "fine_tuning/served", "endpoint": "ours", "model": "ft:ours"}
    run = worked_on(request_run(candidate_with(draft, people, spec), case_set, by=people.owner), 1)

    assert run.state == RunState.FINISHED, run.error
    assert "forgetting" not in run.artefact
    assert run.artefact["training_cost"] is None
