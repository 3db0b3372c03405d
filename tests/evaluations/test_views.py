"""The pages of measuring, as a person and their browser meet them."""

import json
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.http import HttpResponse
from django.test import Client
from django.test.utils import CaptureQueriesContext

from decisions import clock
from decisions.actions.lifecycle import withdraw
from decisions.actions.rows import edit_candidate
from decisions.models import Candidate, Decision
from evaluations import uploads
from evaluations.actions import request_run
from evaluations.models import CaseSet, Endpoint, Run, RunState
from evaluations.scoring import scoring_of
from evaluations.summary import figures, outcomes
from tests.evaluations.helpers import (
    bring_everything_in,
    make_candidate,
    make_case_set,
    rows,
    work_through,
)
from tests.factories import People

SignIn = Callable[..., Client]
HTMX = {"HX-Request": "true"}


@pytest.fixture
def owner(sign_in: SignIn, people: People) -> Client:
    """The owner's browser."""
    return sign_in(people.owner)


@pytest.fixture
def finished(run: Run) -> Run:
    """A run whose figures are attached."""
    work_through(run)
    return run


def text(response: HttpResponse) -> str:
    return response.content.decode()


# Who may see what


@pytest.mark.parametrize(
    "path", ["/decisions/DR-1/runs/", "/runs/{run}/", "/decisions/DR-1/candidates/A/spec/"]
)
def test_what_belongs_to_a_record_does_not_exist_for_an_outsider(
    run: Run, people: People, sign_in: SignIn, path: str
) -> None:
    address = path.format(run=run.pk)

    assert sign_in(people.outsider).get(address).status_code == 404
    assert sign_in(people.owner).get(address).status_code == 200
    assert Client().get(address).status_code == 302


@pytest.mark.parametrize("path", ["/case-sets/", "/case-sets/new/", "/case-sets/messages/"])
def test_case_sets_are_open_to_everyone_signed_in(
    case_set: CaseSet, people: People, sign_in: SignIn, path: str
) -> None:
    assert sign_in(people.outsider).get(path).status_code == 200
    assert Client().get(path).status_code == 302


@pytest.mark.parametrize("path", ["/runs/4711/", "/case-sets/none/", "/case-sets/new/nope/"])
def test_what_is_not_there_is_404(owner: Client, path: str) -> None:
    assert owner.get(path).status_code == 404


def test_a_participant_sees_a_run_but_no_button_to_stop_it(
    run: Run, people: People, sign_in: SignIn
) -> None:
    page = text(sign_in(people.ux).get(f"/runs/{run.pk}/"))

    assert f"/runs/{run.pk}/cancel/" not in page
    assert sign_in(people.ux).post(f"/runs/{run.pk}/cancel/").status_code == 403
    run.refresh_from_db()
    assert run.is_open


def test_an_outsider_cannot_stop_a_run(run: Run, people: People, sign_in: SignIn) -> None:
    assert sign_in(people.outsider).post(f"/runs/{run.pk}/cancel/").status_code == 404


# Runs of a record


def test_pressing_run_evaluation_asks_for_a_run_of_each_candidate(
    owner: Client, candidate: Candidate, case_set: CaseSet, people: People
) -> None:
    make_candidate(candidate.decision, people, name="Second", settings={"neighbours": 3})

    answer = owner.post(
        "/decisions/DR-1/runs/", {"case_set": case_set.pk, "candidates": ["A", "B"]}, follow=True
    )

    assert answer.redirect_chain == [("/decisions/DR-1/runs/", 302)]
    assert "2 runs are asked for." in text(answer)
    assert Run.objects.count() == 2


def test_pressing_it_twice_asks_once(
    owner: Client, candidate: Candidate, case_set: CaseSet
) -> None:
    for _ in range(2):
        owner.post("/decisions/DR-1/runs/", {"case_set": case_set.pk, "candidates": ["A"]})

    assert Run.objects.count() == 1


def test_without_a_candidate_the_form_comes_back(
    owner: Client, candidate: Candidate, case_set: CaseSet
) -> None:
    answer = owner.post("/decisions/DR-1/runs/", {"case_set": case_set.pk})

    assert answer.status_code == 422
    assert "Choose at least one candidate." in text(answer)
    assert "<title>Error:" in text(answer)


def test_a_role_that_may_not_measure_is_told_so(
    candidate: Candidate, case_set: CaseSet, people: People, sign_in: SignIn
) -> None:
    uma = sign_in(people.ux)

    assert "Run evaluation" not in text(uma.get("/decisions/DR-1/runs/"))
    sent = {"case_set": case_set.pk, "candidates": ["A"]}
    assert uma.post("/decisions/DR-1/runs/", sent).status_code == 403
    assert not Run.objects.exists()


def test_a_closed_record_is_409(
    owner: Client, candidate: Candidate, case_set: CaseSet, people: People
) -> None:
    withdraw(candidate.decision, by=people.owner, reason="Enough.")

    sent = {"case_set": case_set.pk, "candidates": ["A"]}
    assert owner.post("/decisions/DR-1/runs/", sent).status_code == 409


def test_candidates_without_a_technique_are_named_with_the_way_to_one(
    owner: Client, candidate: Candidate, case_set: CaseSet, people: People
) -> None:
    bare = make_candidate(candidate.decision, people, name="Bare")
    edit_candidate(bare, by=people.owner, token=bare.token, spec={})

    page = text(owner.get("/decisions/DR-1/runs/"))

    assert "Not ready to run:" in page
    assert "/decisions/DR-1/candidates/B/spec/" in page


def test_the_list_polls_only_while_a_run_works(owner: Client, run: Run) -> None:
    assert 'hx-trigger="every 2s"' in text(owner.get("/decisions/DR-1/runs/"))
    assert "Look again" in text(owner.get("/decisions/DR-1/runs/"))

    work_through(run)

    fragment = text(owner.get("/decisions/DR-1/runs/", headers=HTMX))
    assert "every 2s" not in fragment
    assert "<html" not in fragment
    assert "Finished" in fragment


# One run


def test_a_run_is_paused_goes_on_and_is_cancelled_by_its_buttons(owner: Client, run: Run) -> None:
    page = text(owner.get(f"/runs/{run.pk}/"))
    assert 'id="move-pause"' in page
    assert 'id="move-cancel"' in page
    assert 'id="move-resume"' not in page

    assert owner.post(f"/runs/{run.pk}/pause/").status_code == 302
    page = text(owner.get(f"/runs/{run.pk}/"))
    assert "Paused by Olivia Brandt." in page
    assert 'id="move-resume"' in page
    assert "every 2s" not in page

    owner.post(f"/runs/{run.pk}/resume/")
    run.refresh_from_db()
    assert run.state == RunState.REQUESTED
    owner.post(f"/runs/{run.pk}/cancel/")
    assert 'id="move-resume"' in text(owner.get(f"/runs/{run.pk}/"))


def test_a_run_with_failed_cases_names_the_errors_and_offers_to_try_them_again(
    owner: Client, run: Run
) -> None:
    work_through(run)
    failed = run.results.order_by("pk")[:2].values_list("pk", flat=True)
    run.results.filter(pk__in=list(failed)).update(state="failed", error="The server was busy.")

    assert 'id="move-retry"' in text(owner.get(f"/runs/{run.pk}/"))
    answer = owner.post(f"/runs/{run.pk}/retry/", follow=True)

    assert "tries 2 failed cases again" in text(answer)


def test_a_run_has_no_other_moves(owner: Client, run: Run) -> None:
    assert owner.post(f"/runs/{run.pk}/explode/").status_code == 404
    assert owner.get(f"/runs/{run.pk}/cancel/").status_code == 405


def test_more_than_one_answer_a_case_can_be_asked_for(
    owner: Client, candidate: Candidate, case_set: CaseSet
) -> None:
    asked = {"case_set": case_set.pk, "candidates": "A", "repeats": 3, "concurrency": 2}
    owner.post(f"/decisions/{candidate.decision.reference}/runs/", asked)

    run = Run.objects.get()
    assert (run.repeats, run.concurrency, run.results.count()) == (3, 2, 36)


def test_a_run_that_works_shows_how_far_it_is_and_polls(owner: Client, run: Run) -> None:
    Run.objects.filter(pk=run.pk).update(state=RunState.RUNNING)
    done = list(run.results.values_list("pk", flat=True)[:5])
    run.results.filter(pk__in=done).update(
        state="done", correct=True, output="billing", answered_at="2030-01-01T00:00Z"
    )

    page = text(owner.get(f"/runs/{run.pk}/"))

    assert '<progress max="12" value="5"' in page
    assert "5 of 12 answers, 0 failed" in page
    assert 'hx-trigger="every 2s"' in page
    poll = text(owner.get(f"/runs/{run.pk}/?part=progress", headers=HTMX))
    assert 'id="run-progress"' in poll
    assert 'hx-trigger="every 2s"' in poll
    assert "<html" not in poll


def test_run_again_says_when_it_would_measure_other_settings(
    owner: Client, finished: Run, people: People
) -> None:
    assert "settings of today" not in text(owner.get(f"/runs/{finished.pk}/"))
    one = finished.candidate
    spec = {**one.spec, "neighbours": 3}
    edit_candidate(one, by=people.data_science, token=one.token, spec=spec)
    assert "settings of today" in text(owner.get(f"/runs/{finished.pk}/"))


def test_the_list_shows_the_figure_of_the_main_scorer(owner: Client, finished: Run) -> None:
    figure = {"value": 12.5, "n": 12, "unit": "%"}
    metrics = {**finished.metrics, "token_f1": figure}
    Run.objects.filter(pk=finished.pk).update(metrics=metrics, scorer="token_f1/1")
    assert "<strong>Token F1</strong> 12" in text(owner.get("/decisions/DR-1/runs/"))


def test_the_poll_after_the_end_brings_the_figures_and_is_the_last(
    owner: Client, finished: Run
) -> None:
    answer = owner.get(f"/runs/{finished.pk}/?part=progress", headers=HTMX)

    assert answer["HX-Retarget"] == "#run"
    assert json.loads(answer["HX-Trigger"]) == {"announce": f"Run {finished.pk}: finished."}
    assert "Accuracy" in text(answer)
    assert "every 2s" not in text(answer)


def test_a_finished_run_shows_figures_configuration_and_environment(
    owner: Client, finished: Run
) -> None:
    page = text(owner.get(f"/runs/{finished.pk}/"))

    for words in (
        "A retrieval classifier, not generation",
        "Accuracy",
        "Latency, 95th percentile",
        "n = 12",
        "of 12 attempted",
        "Matches that vote",
        "bm25s",
        "18 cases",
        "Attached to DR-1 as E1, E2, E3, E4.",
        "Latency of 12 answers",
        "n = 12, one at a time",
        "Measured one at a time.",
    ):
        assert words in page


def test_cases_come_wrong_ones_first_beside_the_other_candidates(
    owner: Client, finished: Run, people: People
) -> None:
    other = make_candidate(finished.candidate.decision, people, name="Nearest only")
    second = request_run(other, finished.case_set, by=people.owner)
    work_through(second)
    finished.results.exclude(case__key="test-account-3").update(correct=True, score=1)
    finished.results.filter(case__key="test-account-3").update(
        correct=False, score=0, output="delivery"
    )

    answer = owner.get(f"/runs/{finished.pk}/")

    first = answer.context["lines"][0]
    assert first.result.case.key == "test-account-3"
    assert [one.run_id for one in first.others] == [second.pk]
    assert "Nearest only" in text(answer)


def test_cases_are_searched_and_filtered(owner: Client, finished: Run) -> None:
    finished.results.update(correct=True)
    wrong = finished.results.filter(case__key="test-billing-0")
    wrong.update(correct=False, output="account")

    def keys(query: str) -> list[str]:
        answer = owner.get(f"/runs/{finished.pk}/?{query}")
        return [line.result.case.key for line in answer.context["lines"]]

    assert keys("show=wrong") == ["test-billing-0"]
    assert keys("q=parcel&show=all") == ["test-delivery-0"]
    assert keys("q=test-account-2") == ["test-account-2"]
    assert keys("q=zebra") == []
    assert keys("show=nonsense&page=99")
    assert "No case fits this search." in text(owner.get(f"/runs/{finished.pk}/?q=zebra"))


def test_a_failed_run_says_why_and_shows_no_traceback(owner: Client, run: Run) -> None:
    Run.objects.filter(pk=run.pk).update(
        state=RunState.FAILED, error="No labels.", finished_at="2030-01-01T00:00Z"
    )

    page = text(owner.get(f"/runs/{run.pk}/"))

    assert "The run failed." in page
    assert "No labels." in page
    assert "Traceback" not in page


def test_a_run_nobody_could_be_told_of_says_so(owner: Client, run: Run) -> None:
    Run.objects.filter(pk=run.pk).update(woken_at=None, requested_at="2020-01-01T00:00Z")

    assert "The queue cannot be reached right now" in text(owner.get(f"/runs/{run.pk}/"))


def test_a_run_is_cancelled_from_its_page(owner: Client, run: Run) -> None:
    answer = owner.post(f"/runs/{run.pk}/cancel/", follow=True)

    assert f"Run {run.pk} is cancelled." in text(answer)
    assert "Cancelled by Olivia Brandt." in text(answer)
    assert owner.post(f"/runs/{run.pk}/cancel/").status_code == 409
    assert owner.get(f"/runs/{run.pk}/cancel/").status_code == 405


def test_figures_that_were_held_back_are_attached_from_the_page(
    owner: Client, candidate: Candidate, case_set: CaseSet, people: People
) -> None:
    run = request_run(candidate, case_set, by=people.owner, attach=False)
    work_through(run)
    assert "Attach to the record" in text(owner.get(f"/runs/{run.pk}/"))

    answer = owner.post(f"/runs/{run.pk}/attach/", follow=True)

    assert "Attached to DR-1 as E1" in text(answer)
    assert candidate.evidence.count() == 4


def test_what_cases_say_is_shown_as_text(
    owner: Client, candidate: Candidate, people: People, tmp_path: Path
) -> None:
    case_set = make_case_set(tmp_path)
    case_set.cases.filter(split="test").update(input="<script>alert(1)</script>")
    run = request_run(candidate, case_set, by=people.owner)
    work_through(run)

    for path in (f"/runs/{run.pk}/", "/case-sets/messages/"):
        page = text(owner.get(path))
        assert "<script>alert" not in page
        assert "&lt;script&gt;alert" in page


# How a candidate is run


def test_a_candidate_without_a_technique_is_offered_those_of_its_approach_first(
    owner: Client, draft: Decision, people: People
) -> None:
    bare = make_candidate(draft, people, "fine_tuning/encoder_head")
    edit_candidate(bare, by=people.owner, token=bare.token, spec={})

    page = text(owner.get("/decisions/DR-1/candidates/A/spec/"))

    assert page.index("Head tuned on an encoder") < page.index("BM25 retrieval")
    assert "Choose a technique" in page


def sent(owner: Client, **values: Any) -> dict[str, Any]:
    """Return what the browser would send: the form's initial values with some changed."""
    form = owner.get("/decisions/DR-1/candidates/A/spec/").context["form"]
    initial = {name: form.get_initial_for_field(one, name) for name, one in form.fields.items()}
    return {name: value for name, value in (initial | values).items() if value is not None}


def test_settings_are_saved_with_their_defaults_filled_in(
    owner: Client, candidate: Candidate
) -> None:
    address = "/decisions/DR-1/candidates/A/spec/?technique=rag/bm25_knn"

    answer = owner.post(address, sent(owner, neighbours="7"))

    assert answer.status_code == 302
    candidate.refresh_from_db()
    assert candidate.spec["technique"] == "rag/bm25_knn"
    assert candidate.spec["neighbours"] == 7
    assert candidate.spec["stemming"] == "english"


def test_a_hybrid_takes_a_model_that_was_tuned_here_by_its_run(
    owner: Client, candidate: Candidate, run: Run, people: People
) -> None:
    url = "http://models.example/v1"
    Endpoint.objects.create(name="Lab", slug="lab", base_url=url, created_by=people.owner)
    tuned = {"technique": "fine_tuning/provider", "endpoint": "lab", "model": "base"}
    Run.objects.filter(pk=run.pk).update(spec=tuned, artefact={"tuned_model": "ft:base:ours"})
    key = "hybrid/examples_and_mined_prompt"
    address = f"/decisions/DR-1/candidates/A/spec/?technique={key}"
    form = owner.get(address).context["form"]
    initial = {name: form.get_initial_for_field(one, name) for name, one in form.fields.items()}
    typed = {name: value for name, value in initial.items() if value is not None}
    typed["alternatives"] = "Be brief.\n---\nBe kind."

    assert f"ft:base:ours, tuned for {candidate} of DR-1 ({run})" in text(owner.get(address))
    assert owner.post(address, typed).status_code == 422  # nothing names a model
    assert owner.post(address, typed | {"tuned_model": str(run.pk)}).status_code == 302

    candidate.refresh_from_db()
    assert (candidate.spec["endpoint"], candidate.spec["model"]) == ("lab", "ft:base:ours")
    assert "tuned_model" not in candidate.spec


def test_settings_out_of_range_come_back_with_what_was_typed(
    owner: Client, candidate: Candidate
) -> None:
    answer = owner.post(
        "/decisions/DR-1/candidates/A/spec/?technique=rag/bm25_knn", sent(owner, neighbours="0")
    )

    assert answer.status_code == 422
    assert 'value="0"' in text(answer)
    assert 'aria-invalid="true"' in text(answer)


def test_a_template_without_its_placeholder_is_refused_at_its_field(
    owner: Client, draft: Decision, people: People
) -> None:
    make_candidate(draft, people, "prompting/zero_shot")

    answer = owner.post(
        "/decisions/DR-1/candidates/A/spec/?technique=prompting/zero_shot",
        sent(owner, message_template="Hello"),
    )

    assert answer.status_code == 422
    assert "Must contain {text}." in str(answer.context["form"].errors["message_template"])


def test_of_two_who_change_the_settings_the_later_is_shown_both(
    owner: Client, candidate: Candidate, people: People
) -> None:
    form = sent(owner, neighbours="7")
    theirs = {**candidate.spec, "neighbours": 3}
    edit_candidate(candidate, by=people.data_science, token=candidate.token, spec=theirs)
    address = "/decisions/DR-1/candidates/A/spec/?technique=rag/bm25_knn"

    answer = owner.post(address, form)

    assert answer.status_code == 409
    assert "Matches that vote: 3" in text(answer)
    assert 'value="7"' in text(answer)
    again = form | {"seen": answer.context["form"]["seen"].value()}
    assert owner.post(address, again).status_code == 302
    candidate.refresh_from_db()
    assert candidate.spec["neighbours"] == 7


def test_a_change_of_the_candidates_text_is_no_conflict_for_its_settings(
    owner: Client, candidate: Candidate, people: People
) -> None:
    form = sent(owner, neighbours="7")
    edit_candidate(candidate, by=people.data_science, token=candidate.token, summary="Other words")

    answer = owner.post("/decisions/DR-1/candidates/A/spec/?technique=rag/bm25_knn", form)

    assert answer.status_code == 302


def test_a_role_that_may_not_change_candidates_is_refused(
    candidate: Candidate, people: People, sign_in: SignIn
) -> None:
    assert sign_in(people.ux).get("/decisions/DR-1/candidates/A/spec/").status_code == 403


# Case sets


def uploaded(name: str, content: str) -> SimpleUploadedFile:
    return SimpleUploadedFile(name, content.encode(), content_type="text/csv")


def as_csv(found: list[dict[str, str]]) -> str:
    return "\n".join([",".join(found[0]), *('"' + '","'.join(row.values()) + '"' for row in found)])


def upload(client: Client, **files: SimpleUploadedFile) -> str:
    """Send the first step's form; return where it leads."""
    answer = client.post("/case-sets/new/", {"name": "Messages", **files})
    assert answer.status_code == 302
    return str(answer["Location"])


def test_a_case_set_is_brought_in_in_two_steps(owner: Client, people: People) -> None:
    address = upload(owner, cases=uploaded("messages.csv", as_csv(rows())))
    preview = text(owner.get(address))
    assert "My invoice and the refund" in preview
    assert "3 labels." in preview
    assert not CaseSet.objects.exists()

    columns = {"input": "text", "label": "team", "key": "id", "split": "split"}
    asked = owner.post(address, columns | {"import": "1"})
    assert not CaseSet.objects.exists()
    bring_everything_in()

    assert "Messages, version 1 is imported." in text(owner.get(asked["Location"]))
    found = CaseSet.objects.get()
    assert (found.counts, found.created_by) == ({"train": 18, "test": 12}, people.owner)
    assert owner.get(address).status_code == 404


def test_the_preview_follows_the_columns(owner: Client) -> None:
    address = upload(owner, cases=uploaded("messages.csv", as_csv(rows())))

    answer = owner.post(address, {"input": "id", "label": "split", "preview": "1"})

    assert answer.status_code == 200
    preview = answer.context["preview"]
    assert [row.expected for row in preview.rows] == ["train"] * 8
    assert preview.survey.counts == {"test": 30}
    assert not CaseSet.objects.exists()


def test_training_cases_may_be_in_a_file_of_their_own(owner: Client) -> None:
    train = uploaded("train.csv", "text,label\na,x\nb,y\n")
    test = uploaded("test.csv", "text,label\nc,x\n")
    address = upload(owner, cases=test, train=train)

    owner.post(address, {"input": "text", "label": "label", "import": "1"})
    bring_everything_in()

    assert CaseSet.objects.get().counts == {"train": 2, "test": 1}


def test_a_file_that_cannot_come_in_is_explained_on_the_page(owner: Client) -> None:
    address = upload(owner, cases=uploaded("broken.csv", "text,label\na,x\n,y\n"))

    answer = owner.get(address)

    assert answer.status_code == 422
    assert "broken.csv, row 2: the input is empty." in text(answer)
    columns = {"input": "text", "label": "label", "import": "1"}
    assert owner.post(address, columns).status_code == 422
    assert not CaseSet.objects.exists()


def test_an_upload_without_a_file_comes_back(owner: Client) -> None:
    answer = owner.post("/case-sets/new/", {"name": "Messages"})

    assert answer.status_code == 422
    assert 'value="Messages"' in text(answer)


def test_an_upload_is_its_uploaders_alone(owner: Client, people: People, sign_in: SignIn) -> None:
    address = upload(owner, cases=uploaded("messages.csv", as_csv(rows())))

    assert sign_in(people.data_science).get(address).status_code == 404


def test_uploads_that_nobody_came_back_to_are_deleted(
    owner: Client, people: People, monkeypatch: pytest.MonkeyPatch
) -> None:
    address = upload(owner, cases=uploaded("messages.csv", as_csv(rows())))
    monkeypatch.setattr(uploads, "KEPT_SECONDS", -1)

    upload(owner, cases=uploaded("other.csv", as_csv(rows())))

    assert owner.get(address).status_code == 404


def test_a_case_set_shows_splits_labels_versions_and_its_cases(
    owner: Client, case_set: CaseSet, tmp_path: Path
) -> None:
    make_case_set(tmp_path, tests=20)

    first = text(owner.get("/case-sets/messages/?version=1"))
    newest = owner.get("/case-sets/messages/?page=2")

    assert "30 cases" in first
    assert newest.context["page_obj"].paginator.count == 78
    assert len(newest.context["page_obj"]) == 28
    assert 'href="/case-sets/messages/?version=1"' in text(newest)


def test_cases_of_a_case_set_are_searched(owner: Client, case_set: CaseSet) -> None:
    def found(query: str) -> int:
        return int(owner.get(f"/case-sets/messages/?{query}").context["page_obj"].paginator.count)

    assert found("q=courier") == 4
    assert found("split=test&label=billing") == 4
    assert found("q=zebra") == 0
    assert found("split=nonsense") == 30
    assert owner.get("/case-sets/messages/?version=9").status_code == 404


def test_pages_take_no_more_queries_with_more_runs(
    owner: Client,
    run: Run,
    people: People,
    django_assert_max_num_queries: Any,
) -> None:
    for _ in range(6):
        work_through(run)
        run = request_run(run.candidate, run.case_set, by=people.owner)
    with django_assert_max_num_queries(30):
        owner.get("/decisions/DR-1/runs/")
    with django_assert_max_num_queries(32):
        owner.get(f"/runs/{run.pk}/")


def test_a_poll_counts_for_all_open_runs_at_once(
    owner: Client, run: Run, case_set: CaseSet, people: People
) -> None:
    """However many runs are open: how far each is, and how fast it goes, is one query."""

    def looked() -> list[str]:
        with CaptureQueriesContext(connection) as found:
            fragment = text(owner.get("/decisions/DR-1/runs/", headers=HTMX))
        assert fragment.count("2 of 12 answers, 0 failed") == Run.objects.open().count()
        assert fragment.count("a second") == Run.objects.open().count()
        return [one["sql"] for one in found if '"evaluations_result"' in one["sql"]]

    under_way(run)
    alone = looked()
    for number in range(4):
        another = make_candidate(run.candidate.decision, people, name=f"Candidate {number}")
        under_way(request_run(another, case_set, by=people.owner))
    assert len(looked()) == len(alone) == 1


def under_way(run: Run) -> None:
    """Let a run have two of its answers, given in the last two seconds."""
    since = clock.now() - timedelta(seconds=2)
    Run.objects.filter(pk=run.pk).update(state=RunState.RUNNING, woken_at=since, prepared_at=since)
    done = list(run.results.values_list("pk", flat=True)[:2])
    run.results.filter(pk__in=done).update(state="done", answered_at=clock.now())


def test_a_run_that_stopped_says_what_it_has_and_how_it_goes_on(
    owner: Client, run: Run, people: People, sign_in: SignIn
) -> None:
    under_way(run)
    owner.post(f"/runs/{run.pk}/cancel/")

    page = text(owner.get(f"/runs/{run.pk}/"))
    kept = "2 of 12 answers, 0 failed. They are kept: “Go on” answers the rest."
    assert kept in page
    assert "2 of 12 answers, 0 failed" in text(owner.get("/decisions/DR-1/runs/"))
    reader = text(sign_in(people.ux).get(f"/runs/{run.pk}/"))
    assert "2 of 12 answers, 0 failed.</p>" in reader

    Run.objects.filter(pk=run.pk).update(state=RunState.FAILED, error="The server is gone.")
    page = text(owner.get(f"/runs/{run.pk}/"))
    assert "They are kept: “Try the failed again” answers the rest, and what failed." in page


def test_a_run_that_stopped_at_once_says_so(owner: Client, run: Run) -> None:
    owner.post(f"/runs/{run.pk}/cancel/")

    page = text(owner.get(f"/runs/{run.pk}/"))
    assert "0 of 12 answers, 0 failed. “Go on” begins with the first case." in page


# Choosing scorers


def test_scorers_and_their_settings_are_chosen_with_the_run(
    owner: Client, candidate: Candidate, case_set: CaseSet
) -> None:
    shown = text(owner.get("/decisions/DR-1/runs/"))
    assert "How answers are scored" in shown
    assert "Settings of Pattern" in shown

    sent = {"case_set": case_set.pk, "candidates": ["A"], "further_scorers": ["regex"]}
    owner.post("/decisions/DR-1/runs/", sent | {"regex__pattern": "^b", "regex__covers": "part"})

    run = Run.objects.get()
    assert [one["key"] for one in run.scorers] == ["exact_match", "regex"]
    settings = {"pattern": "^b", "covers": "part", "case": "matters"}
    assert run.scorers[1]["settings"] == settings


def test_settings_that_cannot_be_used_come_back_at_their_field(
    owner: Client, candidate: Candidate, case_set: CaseSet
) -> None:
    sent = {"case_set": case_set.pk, "candidates": ["A"], "main_scorer": "regex"}

    answer = owner.post("/decisions/DR-1/runs/", sent | {"regex__pattern": "(half"})

    assert answer.status_code == 422
    assert "Patterns are RE2" in text(answer)
    assert "(half" in text(answer)
    assert not Run.objects.exists()


def test_a_scorer_that_nothing_can_be_scored_by_is_refused(
    owner: Client, candidate: Candidate, case_set: CaseSet
) -> None:
    sent = {"case_set": case_set.pk, "candidates": ["A"], "further_scorers": ["mrr"]}

    answer = owner.post("/decisions/DR-1/runs/", sent)

    assert answer.status_code == 422
    assert "no candidate retrieves anything to be scored" in text(answer)


def test_running_again_asks_for_the_same_scorers(
    owner: Client, candidate: Candidate, case_set: CaseSet, people: People
) -> None:
    scorers = [{"key": "contains", "settings": {"which": "all"}}, {"key": "exact_match"}]
    work_through(request_run(candidate, case_set, by=people.owner, scorers=scorers))

    shown = owner.get(f"/runs/{Run.objects.get().pk}/").content.decode()

    assert '<input type="hidden" name="main_scorer" value="contains">' in shown
    assert '<input type="hidden" name="contains__which" value="all">' in shown


# What a run says of its labels, and its cases beside other runs'


@pytest.fixture
def muddled(finished: Run) -> Run:
    """A finished run that takes two of billing for delivery, says nonsense once and fails once."""
    finished.results.update(correct=True, score=1.0)
    for result in finished.results.select_related("case"):
        finished.results.filter(pk=result.pk).update(output=result.case.expected)
    for key, output, state in (
        ("test-billing-0", "delivery", "done"),
        ("test-billing-1", "delivery", "done"),
        ("test-billing-2", "nonsense", "done"),
        ("test-account-0", "", "failed"),
    ):
        wrong = finished.results.filter(case__key=key)
        wrong.update(output=output, state=state, correct=False, score=0.0)
    return finished


def test_a_run_shows_its_labels_the_worst_first(owner: Client, muddled: Run) -> None:
    shown = owner.get(f"/runs/{muddled.pk}/")

    labels = shown.context["shown"].labels
    assert [(one.name, one.precision, one.recall) for one in labels.rows] == [
        ("billing", "1.00", "0.25"),
        ("delivery", "0.67", "1.00"),
        ("account", "1.00", "0.75"),
    ]
    figures = shown.context["shown"].figures
    first, *others = figures.mistakes.figure.table
    assert first == ("2. billing", "3. delivery", "2", "4", "50.0\u00a0%")
    assert {line[1] for line in others} == {"another answer", "no answer"}
    assert "Which label is taken for which" in text(shown)
    assert str(figures.confusion.figure.svg) in text(shown)


# The figures of a run


@pytest.mark.parametrize("name", ["latency", "confusion", "mistakes"])
def test_a_figure_is_a_file_for_who_may_read_the_run(
    owner: Client, muddled: Run, sign_in: SignIn, people: People, name: str
) -> None:
    address = f"/runs/{muddled.pk}/figures/{name}.svg"
    shown = text(owner.get(f"/runs/{muddled.pk}/"))

    answer = owner.get(address)

    assert answer["Content-Type"] == "image/svg+xml; charset=utf-8"
    assert f'filename="run-{muddled.pk}-{name}.svg"' in answer["Content-Disposition"]
    root = ElementTree.fromstring(answer.content)  # noqa: S314  (our own)
    assert root.find("{http://www.w3.org/2000/svg}desc") is not None
    assert text(answer) in shown
    assert f'href="{address}"' in shown
    assert sign_in(people.outsider).get(address).status_code == 404
    assert Client().get(address).status_code == 302


def test_a_run_without_a_figure_has_no_file_of_it(owner: Client, run: Run) -> None:
    for name in ("latency", "confusion", "mistakes", "learning-curve", "nothing"):
        assert owner.get(f"/runs/{run.pk}/figures/{name}.svg").status_code == 404


def test_any_run_on_the_same_cases_can_stand_beside(
    owner: Client, muddled: Run, people: People
) -> None:
    earlier = request_run(muddled.candidate, muddled.case_set, by=people.owner)
    work_through(earlier)
    page = f"/runs/{muddled.pk}/"
    assert owner.get(page).context["others"] == []

    beside = owner.get(f"{page}?with={earlier.pk}")

    assert beside.context["others"] == [earlier]
    assert f"Run {earlier.pk}" in text(beside)


def test_the_cases_where_the_marks_differ_can_be_shown_alone(
    owner: Client, muddled: Run, people: People
) -> None:
    other = request_run(muddled.candidate, muddled.case_set, by=people.owner)
    work_through(other)
    other.results.update(score=1.0, correct=True)
    other.results.filter(case__key="test-billing-0").update(score=0.0, correct=False)

    shown = owner.get(f"/runs/{muddled.pk}/?show=differing&with={other.pk}")

    keys = {line.result.case.key for line in shown.context["lines"]}
    assert keys == {"test-billing-1", "test-billing-2", "test-account-0"}


def test_what_is_not_answered_yet_differs_from_nothing(
    owner: Client, muddled: Run, people: People
) -> None:
    other = request_run(muddled.candidate, muddled.case_set, by=people.owner)

    shown = owner.get(f"/runs/{muddled.pk}/?show=differing&with={other.pk}")

    assert list(shown.context["lines"]) == []


def test_both_denominators_are_shown_where_something_failed(owner: Client, muddled: Run) -> None:
    metrics = figures(list(outcomes(muddled)), scoring_of(muddled))
    Run.objects.filter(pk=muddled.pk).update(metrics=metrics | {"failed": 1, "at_once": 32})

    shown = text(owner.get(f"/runs/{muddled.pk}/"))

    assert "of the 12 answered" in shown
    assert "Up to 32 answers were under way at once." in shown


def test_an_answer_by_degrees_shows_its_score(owner: Client, finished: Run) -> None:
    finished.results.update(correct=None, score=0.25, scores={"exact_match": 1.0, "token_f1": None})

    shown = text(owner.get(f"/runs/{finished.pk}/"))

    assert "0.25" in shown
    assert "Token F1" in shown
    assert "does not apply" in shown


def test_of_answers_by_degrees_those_worth_nothing_are_shown_as_wrong(
    owner: Client, finished: Run
) -> None:
    finished.results.update(correct=None, score=0.25)
    worst = finished.results.order_by("pk").last()
    finished.results.filter(pk=worst.pk).update(score=0.0)

    page = text(owner.get(f"/runs/{finished.pk}/?show=wrong", headers=HTMX))

    assert page.count("<tbody") == 1
    assert worst.case.input in page
