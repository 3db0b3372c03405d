"""The pages of bringing cases and documents in, and of who may read them."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.http import HttpResponse
from django.test import Client

from decisions.models import Candidate, Decision, Visibility
from evaluations import jobs
from evaluations.actions import request_run
from evaluations.curating import attach_probe
from evaluations.models import CaseSet, Corpus, Import, ImportState, Readers
from tests.evaluations.helpers import bring_everything_in, make_case_set, work_through
from tests.evaluations.test_shapes import squad
from tests.factories import People

SignIn = Callable[[Any], Client]
HTMX = {"HX-Request": "true"}


@pytest.fixture
def owner(people: People, sign_in: SignIn) -> Client:
    return sign_in(people.owner)


def text(response: HttpResponse) -> str:
    return response.content.decode()


def uploaded(client: Client, content: str, name: str = "cases.json", **more: Any) -> str:
    """Send the first step's form; return where it leads."""
    cases = SimpleUploadedFile(name, content.encode())
    answer = client.post("/case-sets/new/", {"name": "Rivers", "cases": cases, **more})
    assert answer.status_code == 302
    return str(answer["Location"])


def test_squad_comes_in_without_a_question_about_columns(owner: Client) -> None:
    address = uploaded(owner, json.dumps(squad()))
    preview = text(owner.get(address))
    assert "in the shape of SQuAD" in preview
    assert "2 paragraphs become its corpus." in preview
    assert "1 questions that name no answer" in preview
    assert "Preview again" not in preview

    row = owner.post(address, {"import": "1"})["Location"]
    bring_everything_in()

    assert "Rivers, version 1 is imported." in text(owner.get(row))
    page = text(owner.get("/case-sets/rivers/"))
    assert "No answer exists" in page
    assert "/corpora/rivers/?version=1&amp;q=1.1" in page
    assert "The Minho rises in Galicia" in text(owner.get("/corpora/rivers/?q=1.1"))


def test_the_preview_names_the_columns_that_are_left_out(owner: Client) -> None:
    address = uploaded(owner, "text,label,mood,hour\na,x,glad,9\n", "cases.csv")

    assert "the columns mood, hour" in text(owner.get(address))


def test_the_kind_follows_the_columns_or_is_chosen(owner: Client) -> None:
    address = uploaded(owner, "question,answer\na,x\n", "cases.csv")
    assert "Question answering with passages" in text(owner.get(address))

    columns = {"input": "question", "label": "answer", "kind": "free_text", "import": "1"}
    owner.post(address, columns)
    bring_everything_in()

    assert CaseSet.objects.get().kind == "free_text"


def test_a_page_of_an_import_shows_how_far_it_is_and_asks_again_only_while_it_works(
    owner: Client,
) -> None:
    address = uploaded(owner, "text,label\na,x\n", "cases.csv")
    page = owner.post(address, {"input": "text", "label": "label", "import": "1"})["Location"]
    row = Import.objects.get()
    assert 'hx-trigger="every 2s"' in text(owner.get(page))
    assert jobs.claim(row.pk) is not None
    Import.objects.update(step="writing", done=40, total=100)

    poll = owner.get(page, headers=HTMX)
    assert "40 of 100" in text(poll)
    assert '<progress max="100" value="40"' in text(poll)
    assert "HX-Trigger" not in poll

    Import.objects.update(state=ImportState.REQUESTED)
    bring_everything_in()
    ended = owner.get(page, headers=HTMX)
    assert "every 2s" not in text(ended)
    assert "announce" in ended["HX-Trigger"]
    assert "Look at it" in text(ended)


def test_an_import_is_its_askers_alone_and_can_be_cancelled(
    owner: Client, people: People, sign_in: SignIn
) -> None:
    address = uploaded(owner, "text,label\na,x\n", "cases.csv")
    page = owner.post(address, {"input": "text", "label": "label", "import": "1"})["Location"]
    stranger = sign_in(people.outsider)
    assert stranger.get(page).status_code == 404
    assert stranger.post(f"{page}cancel/").status_code == 404
    owner = sign_in(people.owner)
    assert "Rivers" in text(owner.get("/case-sets/"))

    assert owner.post(f"{page}cancel/").status_code == 302
    bring_everything_in()

    assert "Nothing of it stays." in text(owner.get(page))
    assert not CaseSet.everything.exists()
    assert owner.post(f"{page}cancel/").status_code == 409


def test_a_failed_import_says_why_on_its_page_and_in_the_list(owner: Client) -> None:
    lines = "\n".join(f"text {n},x,{n % 20_500}" for n in range(20_600))
    address = uploaded(owner, f"text,label,id\n{lines}\n", "cases.csv")
    assert "This is what the first rows come to." in text(owner.get(address))
    columns = {"input": "text", "label": "label", "key": "id", "import": "1"}
    page = owner.post(address, columns)["Location"]

    bring_everything_in()

    assert "The id “0” occurs twice." in text(owner.get(page))
    assert "The id “0” occurs twice." in text(owner.get("/case-sets/"))


def test_a_corpus_is_brought_in_from_several_files_in_two_steps(owner: Client) -> None:
    files = [SimpleUploadedFile(f"page-{n}.md", f"# Page {n}\n\nWords.".encode()) for n in (1, 2)]
    answer = owner.post("/corpora/new/", {"name": "Handbook", "documents": files})
    preview = text(owner.get(answer["Location"]))
    assert "2 documents of" in preview
    assert not Corpus.objects.exists()

    row = owner.post(answer["Location"])["Location"]
    bring_everything_in()

    assert "Handbook, version 1 is imported." in text(owner.get(row))
    assert "Page 2" in text(owner.get("/corpora/handbook/"))
    assert "Handbook" in text(owner.get("/corpora/"))
    assert "Page 2" not in text(owner.get("/corpora/handbook/?q=Page 1", headers=HTMX))


def test_documents_that_cannot_come_in_are_explained(owner: Client) -> None:
    answer = owner.post(
        "/corpora/new/", {"name": "Handbook", "documents": [SimpleUploadedFile("a.txt", b" ")]}
    )
    page = owner.get(answer["Location"])

    assert page.status_code == 422
    assert "a.txt: document 1: the text is empty." in text(page)
    assert owner.post(answer["Location"]).status_code == 422
    assert owner.post("/corpora/new/", {"name": "Handbook"}).status_code == 422


def test_a_corpus_that_was_chosen_is_the_one_that_cases_name(owner: Client) -> None:
    page = SimpleUploadedFile("a.txt", b"Words")
    preview = owner.post("/corpora/new/", {"name": "Notes", "documents": [page]})["Location"]
    owner.post(preview)
    bring_everything_in()
    corpus = Corpus.objects.get()

    rows = "question,answer,relevant\nq,a,a.txt\n"
    address = uploaded(owner, rows, "cases.csv", corpus=corpus.pk)
    owner.post(
        address, {"input": "question", "label": "answer", "relevant": "relevant", "import": "1"}
    )
    bring_everything_in()

    assert CaseSet.objects.get().corpus == corpus
    assert "Rivers, version 1" in text(owner.get("/corpora/notes/"))


def test_findings_are_shown_with_examples(owner: Client) -> None:
    rows = "text,label,split\nWhere is my card?,card,train\nwhere is MY card?,topup,test\n"
    address = uploaded(owner, rows, "cases.csv")
    owner.post(address, {"input": "text", "label": "label", "split": "split", "import": "1"})
    bring_everything_in()

    page = text(owner.get("/case-sets/rivers/"))

    assert "Overlaps: 1, with examples" in page
    assert "Contradictions: 1, with examples" in page
    assert "Duplicates: " not in page
    assert page.count("where is MY card?") == 3


def test_a_probe_is_chosen_on_the_page(owner: Client, case_set: CaseSet, tmp_path: Path) -> None:
    general = make_case_set(tmp_path, name="General ability", tests=7)
    posted = {"version": case_set.version, "probe": general.pk}

    owner.post("/case-sets/messages/probe/", posted)
    assert "General ability, version 1" in text(owner.get("/case-sets/messages/"))

    owner.post("/case-sets/messages/probe/", {"version": case_set.version, "probe": ""})
    case_set.refresh_from_db()
    assert case_set.probe is None
    wrong = {"version": case_set.version, "probe": case_set.pk}
    assert owner.post("/case-sets/messages/probe/", wrong).status_code == 422


def test_what_is_not_open_to_a_person_is_not_there_for_them(
    case_set: CaseSet, people: People, sign_in: SignIn, tmp_path: Path
) -> None:
    other = make_case_set(tmp_path, name="Open one", tests=7)
    attach_probe(other, case_set, by=people.owner)
    CaseSet.objects.filter(pk=case_set.pk).update(visibility=Readers.INVOLVED)
    outsider = sign_in(people.outsider)

    assert outsider.get("/case-sets/messages/").status_code == 404
    assert outsider.post("/case-sets/messages/probe/", {"probe": ""}).status_code == 404
    assert outsider.post("/case-sets/messages/readers/", {}).status_code == 404
    assert "Messages" not in text(outsider.get("/case-sets/"))
    assert "Messages" not in text(outsider.get("/case-sets/open-one/"))


def test_who_brought_it_in_chooses_the_readers_on_the_page(
    case_set: CaseSet, people: People, sign_in: SignIn
) -> None:
    CaseSet.objects.filter(pk=case_set.pk).update(created_by=people.owner)
    other = sign_in(people.ux)
    assert "Save the readers" not in text(other.get("/case-sets/messages/"))
    narrow = {"version": 1, "visibility": Readers.INVOLVED}
    assert other.post("/case-sets/messages/readers/", narrow).status_code == 403

    owner = sign_in(people.owner)
    assert owner.post("/case-sets/messages/readers/", narrow).status_code == 302

    assert "not open to all" in text(owner.get("/case-sets/"))
    assert sign_in(people.outsider).get("/case-sets/messages/").status_code == 404


def test_a_reader_of_the_record_sees_the_run_but_not_the_texts_of_closed_cases(
    candidate: Candidate, case_set: CaseSet, people: People, sign_in: SignIn
) -> None:
    run = request_run(candidate, case_set, by=people.owner)
    work_through(run)
    CaseSet.objects.filter(pk=case_set.pk).update(visibility=Readers.INVOLVED)
    Decision.objects.update(visibility=Visibility.EVERYONE)
    reader = sign_in(people.outsider)
    address = run.get_absolute_url()

    for page in (address, f"{address}?q=invoice", f"{address}?show=all"):
        told = reader.get(page)
        assert told.status_code == 200
        assert "are open only to who brought them in" in text(told)
        assert "My invoice" not in text(told)
    assert "invoice" not in text(reader.get(f"{address}?q=courier", headers=HTMX))
    assert "My invoice" in text(sign_in(people.ux).get(address))


def test_columns_that_say_nothing_are_asked_about_without_an_error(owner: Client) -> None:
    address = uploaded(owner, "frage,antwort\nWer?,ich\n", "cases.csv")
    found = owner.get(address)
    page = text(found)
    assert found.status_code == 200
    assert "Error:" not in page
    assert "error-summary" not in page
    assert "Say which column holds the input" in page
    assert page.count('<option value="" selected>Choose a column</option>') == 2
    sent = owner.post(address, {"preview": "1"})
    assert sent.status_code == 422
    assert text(sent).count("Choose one.") >= 2
    chosen = owner.post(address, {"preview": "1", "input": "frage", "label": "antwort"})
    assert "Wer?" in text(chosen)


def test_the_preview_tells_what_occurs_twice_before_anything_comes_in(owner: Client) -> None:
    rows = ["text,label,split", "One,a,train", "ONE,a,test", "Two,b,test", "two ,c,test"]
    page = text(owner.get(uploaded(owner, "\n".join(rows), "cases.csv")))
    assert "Worth a look before it comes in" in page
    for told in ("1</b> duplicates", "1</b> overlaps", "1</b> contradictions"):
        assert told in page
    assert not CaseSet.objects.exists()
    clean = text(owner.get(uploaded(owner, "text,label\nOne,a\nTwo,b\n", "clean.csv")))
    assert "Worth a look" not in clean
