"""The pages of bringing in what another tool has measured."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.core.files.uploadedfile import SimpleUploadedFile
from django.http import HttpResponse
from django.test import Client

from decisions.actions.evidence import withdraw_evidence
from decisions.models import Candidate
from evaluations.forms import RunForm
from evaluations.models import CaseSet, Import, ImportState, Run
from tests.evaluations.helpers import bring_everything_in
from tests.evaluations.importers.reading import shared_file
from tests.evaluations.importers.tracking import RUN, tracking
from tests.factories import People

pytestmark = pytest.mark.page

SignIn = Callable[[Any], Client]
HTMX = {"HX-Request": "true"}
ERRORS = shared_file("promptfoo", "generated/pf_0.123.1_errors_repeat2.json")
FIGURES = shared_file("lm_eval", "generated/results_2026-11-21T00-57-09.615671.json")


@pytest.fixture
def owner(people: People, sign_in: SignIn) -> Client:
    return sign_in(people.owner)


def text(response: HttpResponse) -> str:
    return response.content.decode()


def looked(client: Client, candidate: Candidate, content: bytes, name: str) -> str:
    """Send a file and let a worker look through it; return the address that shows what is in it."""
    address = f"/decisions/{candidate.decision.reference}/results/"
    answer = client.post(address, {"results": SimpleUploadedFile(name, content)})
    assert answer.status_code == 302, text(answer)
    bring_everything_in()
    found = client.get(answer["Location"])
    assert found.status_code == 302, text(found)
    return str(found["Location"])


def test_a_file_is_looked_through_then_a_system_comes_in(
    owner: Client, candidate: Candidate
) -> None:
    address = looked(owner, candidate, ERRORS.read_bytes(), "results.json")
    page = text(owner.get(address))
    assert "results.json was read to its end" in page
    assert "openai:chat:flaky" in page
    assert "10 of 10 attempted" in page
    assert "4 right, 6 wrong" in page
    assert "settings stay in the file" in page
    assert not Run.objects.exists()

    row = owner.post(address, {"system-0": candidate.letter, "attach": "on"})["Location"]
    bring_everything_in()
    assert "1 run came in." in text(owner.get(row))
    run = Run.objects.get()
    assert run.candidate == candidate
    assert candidate.decision.evidence.filter(metric="pass_rate").exists()


def test_the_run_says_where_it_is_from(owner: Client, candidate: Candidate) -> None:
    address = looked(owner, candidate, ERRORS.read_bytes(), "results.json")
    owner.post(address, {"system-3": candidate.letter, "attach": "on"})
    bring_everything_in()
    page = text(owner.get(Run.objects.get().get_absolute_url()))
    assert "Measured by promptfoo 0.123.1 and brought in from results.json" in page
    assert "Brought in by" in page
    assert "openai:chat:flaky" in page
    assert "Try the failed again" not in page
    assert "Run again" not in page
    assert "What the tool states" in page
    listed = text(owner.get(f"/decisions/{candidate.decision.reference}/runs/"))
    assert "promptfoo" in listed


def test_figures_alone_have_a_page_without_cases(owner: Client, candidate: Candidate) -> None:
    address = looked(owner, candidate, FIGURES.read_bytes(), "harness.json")
    assert "None: figures alone" in text(owner.get(address))
    owner.post(address, {"system-0": candidate.letter, "attach": "on"})
    bring_everything_in()
    page = text(owner.get(Run.objects.get().get_absolute_url()))
    assert "which holds figures alone" in page
    assert "0.6594" in page
    assert "No case fits" not in page


def test_a_choice_of_nothing_is_told(owner: Client, candidate: Candidate) -> None:
    address = looked(owner, candidate, FIGURES.read_bytes(), "harness.json")
    answer = owner.post(address, {})
    assert answer.status_code == 422
    assert "Choose at least one system" in text(answer)


def test_two_systems_of_a_file_are_not_the_same_candidate(
    owner: Client, candidate: Candidate
) -> None:
    address = looked(owner, candidate, ERRORS.read_bytes(), "results.json")
    letter = candidate.letter
    answer = owner.post(address, {"system-0": letter, "system-3": letter, "attach": "on"})
    assert answer.status_code == 422
    assert "cannot be both “prompt-0” and “prompt-3”" in text(answer)


def test_a_run_says_that_its_figures_were_withdrawn_since(
    owner: Client, candidate: Candidate, people: People
) -> None:
    address = looked(owner, candidate, ERRORS.read_bytes(), "results.json")
    owner.post(address, {"system-0": candidate.letter, "attach": "on"})
    bring_everything_in()
    run = Run.objects.get()
    assert "withdrawn" not in text(owner.get(run.get_absolute_url()))
    evidence = candidate.evidence.get(metric="pass_rate")
    withdraw_evidence(evidence, by=people.owner, reason="Other prompts.")
    page = text(owner.get(run.get_absolute_url()))
    assert f"{evidence.reference}: withdrawn" in page
    assert "Other prompts." in page


def test_columns_are_mapped_and_the_file_looked_through_again(
    owner: Client, candidate: Candidate
) -> None:
    table = b"frage,antwort,gut\nWho?,me,yes\nWhere?,here,no\n"
    address = looked(owner, candidate, table, "table.csv")
    page = text(owner.get(address))
    assert "This cannot come in yet" in page
    mapping = {"column-input": "frage", "column-output": "antwort", "column-correct": "gut"}
    again = owner.post(address, {**mapping, "look": "1"})["Location"]
    bring_everything_in()
    address = owner.get(again)["Location"]
    assert "1 right, 1 wrong" in text(owner.get(address))
    owner.post(address, {"system-0": candidate.letter})
    bring_everything_in()
    assert Run.objects.get().metrics["accuracy"]["value"] == 50
    assert not candidate.decision.evidence.exists()


def test_answers_are_matched_with_a_chosen_case_set(
    owner: Client, candidate: Candidate, case_set: CaseSet
) -> None:
    cases = case_set.cases.filter(split="test")
    rows = [{"input": one.input, "output": one.expected, "correct": True} for one in cases]
    address = looked(owner, candidate, json.dumps(rows).encode(), "rows.json")
    owner.post(address, {"system-0": candidate.letter, "case_set": case_set.pk})
    bring_everything_in()
    assert Run.objects.get().case_set == case_set


def test_a_poll_leads_on_once_the_file_is_looked_through(
    owner: Client, candidate: Candidate
) -> None:
    address = f"/decisions/{candidate.decision.reference}/results/"
    sent = SimpleUploadedFile("results.json", ERRORS.read_bytes())
    row = owner.post(address, {"results": sent})["Location"]
    assert 'hx-trigger="every 2s"' in text(owner.get(row, headers=HTMX))
    bring_everything_in()
    assert "/results/" in owner.get(row, headers=HTMX)["HX-Redirect"]


@pytest.mark.parametrize("content", [b"", b"\0\1\2", b"{", b"[" * 100_000, b'{"a": {"b": 1}}'])
def test_a_file_that_makes_no_sense_is_one_sentence(
    content: bytes, owner: Client, candidate: Candidate
) -> None:
    address = f"/decisions/{candidate.decision.reference}/results/"
    sent = SimpleUploadedFile("odd.json", content or b" ")
    row = owner.post(address, {"results": sent})["Location"]
    bring_everything_in()
    page = text(owner.get(row))
    assert "The import failed; nothing of it stays." in page
    assert Import.objects.get().state == ImportState.FAILED
    assert "unexpectedly" not in page


def test_neither_file_nor_server_is_told(owner: Client, candidate: Candidate) -> None:
    address = f"/decisions/{candidate.decision.reference}/results/"
    assert owner.get(address).status_code == 200
    answer = owner.post(address, {})
    assert answer.status_code == 422
    assert "Choose a file, or name an MLflow server and a run." in text(answer)
    server = {"tracking_uri": "ftp://mlflow", "run_id": "../x"}
    told = text(owner.post(address, server))
    assert "has to start with https://" in told
    assert "letters and digits only" in told


def test_only_who_may_measure_brings_results_in(
    candidate: Candidate, people: People, sign_in: SignIn
) -> None:
    address = f"/decisions/{candidate.decision.reference}/results/"
    assert sign_in(people.business).get(address).status_code == 403


def test_what_one_person_looked_through_is_not_anothers(
    owner: Client, candidate: Candidate, people: People, sign_in: SignIn
) -> None:
    address = looked(owner, candidate, FIGURES.read_bytes(), "harness.json")
    assert sign_in(people.data_science).get(address).status_code == 404


def test_a_run_is_fetched_from_a_tracking_server(owner: Client, candidate: Candidate) -> None:
    address = f"/decisions/{candidate.decision.reference}/results/"
    with tracking() as server:
        asked = {"tracking_uri": server.address, "run_id": RUN, "token": "secret"}
        row = owner.post(address, asked)["Location"]
        kept = [path.read_text() for path in Path(settings.VAR_DIR).rglob("about.json")]
        bring_everything_in()
        assert {one[2] for one in server.seen} == {"Bearer secret"}
    assert not any("secret" in one for one in kept)
    address = owner.get(row)["Location"]
    page = text(owner.get(address))
    assert f"mlflow-{RUN}.json was read to its end" in page
    assert "qwen2.5:7b" in page
    owner.post(address, {"system-0": candidate.letter})
    bring_everything_in()
    assert Run.objects.get().told["model"] == "qwen2.5:7b"


def test_a_tracking_server_that_is_away_is_one_sentence(
    owner: Client, candidate: Candidate
) -> None:
    address = f"/decisions/{candidate.decision.reference}/results/"
    row = owner.post(address, {"tracking_uri": "http://127.0.0.1:9", "run_id": RUN})["Location"]
    bring_everything_in()
    assert "127.0.0.1 cannot be reached" in text(owner.get(row))


def test_many_systems_stand_in_one_table_to_search_and_choose_from(
    owner: Client, candidate: Candidate
) -> None:
    many = shared_file("lm_eval", "v04pre_pythia160m_0shot.json")
    address = looked(owner, candidate, many.read_bytes(), "many.json")
    page = text(owner.get(address))
    assert page.count('<select name="system-') == 87
    assert page.count("<table") == 1
    assert "Show those with these words" in page
    assert "lambada_openai is</label>" in page


def test_few_systems_need_no_search(owner: Client, candidate: Candidate) -> None:
    address = looked(owner, candidate, ERRORS.read_bytes(), "results.json")
    page = text(owner.get(address))
    assert "Show those with these words" not in page
    assert "prompt: zero-shot: p1.txt" in page


def test_cases_that_came_with_results_are_folded_away_and_chosen_last(
    owner: Client, candidate: Candidate, case_set: CaseSet
) -> None:
    for name, rows in (
        ("a.jsonl", [{"input": "Who?", "output": "me", "correct": True}]),
        ("b.jsonl", [{"input": "", "output": "me", "correct": True, "id": "1"}]),
    ):
        content = "\n".join(map(json.dumps, rows)).encode()
        address = looked(owner, candidate, content, name)
        owner.post(address, {"system-0": candidate.letter})
        bring_everything_in()
    assert CaseSet.objects.count() == 3
    page = text(owner.get("/case-sets/"))
    own, folded = page.split("2 case sets brought in with results")
    assert case_set.name in own
    assert "a.jsonl" not in own
    assert "a.jsonl" in folded
    form = RunForm([candidate], user=candidate.decision.owner)
    choices = [one.name for one in form.fields["case_set"].queryset]  # type: ignore[attr-defined]
    assert choices == [case_set.name, "a.jsonl"]


def test_the_menu_marks_decisions_on_all_pages_of_bringing_results_in(
    owner: Client, candidate: Candidate
) -> None:
    marked = '<a href="/decisions/" data-go="l" aria-current="true">'
    address = looked(owner, candidate, ERRORS.read_bytes(), "results.json")
    row = owner.post(address, {"system-0": candidate.letter})["Location"]
    bring_everything_in()
    run = Run.objects.get().get_absolute_url()
    for one in (address, row, run, f"/decisions/{candidate.decision.reference}/results/"):
        page = text(owner.get(one))
        assert marked in page, one
        assert page.count('aria-current="true"') == 1, one
    assert 'data-go="c" aria-current="page"' in text(owner.get("/case-sets/"))
