"""A record leaves as a PDF that stands alone."""

import re
import shutil
import subprocess
from datetime import timedelta
from io import BytesIO
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from pypdf import PdfReader
from weasyprint.urls import URLFetcher

from decisions import clock, tasks
from decisions.actions.claiming import CLAIM_HOLDS, claim
from decisions.actions.documents import request_document
from decisions.actions.evidence import withdraw_evidence
from decisions.actions.lifecycle import approve, note_outcome
from decisions.actions.records import edit_details, remove_participant
from decisions.actions.rendering import keep_document
from decisions.actions.review import lift_review, send_review
from decisions.exports.document import record_document
from decisions.exports.evidence_csv import evidence_csv
from decisions.exports.pdf import (
    ASSETS,
    LONGEST_DATA,
    PackagedOnly,
    make_pdf,
    one_html_file,
    render_html,
    render_pdf,
)
from decisions.models import Decision, Document, DocumentState, Meaning, Role, Verdict
from tests import factories, hard_records
from tests.factories import People

pytestmark = pytest.mark.slow


def text_of(content: bytes) -> str:
    """Return a PDF's text, every run of white space as one blank."""
    pages = PdfReader(BytesIO(content)).pages
    return re.sub(r"\s+", " ", " ".join(page.extract_text() for page in pages))


def html_of(record: Decision) -> str:
    return render_html(record_document(record))


def test_an_approved_record_prints_recommendation_names_and_digest(approved: Decision) -> None:
    content = render_pdf(approved)
    text = text_of(content)
    for name in ("Bruno Costa", "Dana Scholz", "Devi Menon", "Uma Lindqvist", "Olivia Brandt"):
        assert name in text
    assert approved.digest in text
    assert "Give this file to http://localhost:8000/verify/" in text
    assert "B A tuned head" in text
    assert "Draft, not signed" not in text
    assert "Approved: every role that had to sign has signed what this document says." in text
    assert re.search(r"Page 1 of \d+", text)


def test_the_file_names_its_record(approved: Decision) -> None:
    reader = PdfReader(BytesIO(render_pdf(approved)))
    assert reader.metadata is not None
    assert reader.metadata.title == f"{approved.reference} – {approved.title}"
    assert reader.metadata.author == "Olivia Brandt"
    assert approved.digest in (reader.metadata.subject or "")
    assert reader.root_object["/Lang"] == "en"
    assert reader.root_object["/MarkInfo"]["/Marked"]
    assert [one.title for one in reader.outline if not isinstance(one, list)]
    files = [one.get_object() for one in reader.root_object["/AF"]]
    assert {str(one["/UF"]): str(one["/AFRelationship"]) for one in files} == {
        "record.json": "/Source",
        "evidence.csv": "/Data",
    }
    assert reader.attachments["evidence.csv"] == [evidence_csv(approved)]


def test_the_packaged_fonts_are_embedded(draft: Decision) -> None:
    pages = PdfReader(BytesIO(render_pdf(draft))).pages
    fonts = {
        str(font.get_object()["/BaseFont"])
        for page in pages
        for font in page["/Resources"]["/Font"].values()
    }
    assert any("Source-Serif" in one for one in fonts)
    assert any("Source-Sans" in one for one in fonts)


def test_the_same_record_gives_the_same_bytes(draft: Decision) -> None:
    assert render_pdf(draft) == render_pdf(draft)


@pytest.mark.skipif(not shutil.which("qpdf"), reason="qpdf is not installed")
def test_the_file_is_sound(draft: Decision, tmp_path: Path) -> None:
    path = tmp_path / "record.pdf"
    path.write_bytes(render_pdf(draft))
    checked = subprocess.run(["qpdf", "--check", path], capture_output=True, check=False)
    assert checked.returncode == 0, checked.stdout


def test_every_page_of_a_draft_says_so(signed: Decision) -> None:
    reader = PdfReader(BytesIO(render_pdf(signed, "Letter")))
    assert {tuple(page.mediabox) for page in reader.pages} == {(0, 0, 612, 792)}
    texts = [page.extract_text() for page in reader.pages]
    # Once at each page's head (first: under the title); the stamp across it is a drawing.
    assert all(text.count("Draft, not signed") == 1 for text in texts)


def test_a_superseded_record_names_its_successor(people: People) -> None:
    record = factories.superseded(people)
    assert record.superseded_by is not None
    assert f"Superseded by {record.superseded_by.reference}" in html_of(record)
    assert record.superseded_by.title not in html_of(record)
    assert record_document(record).stamp == f"Superseded by {record.superseded_by.reference}"


def test_a_signature_is_shown_with_both_clocks_and_whether_it_holds(
    signed: Decision, people: People
) -> None:
    whole = html_of(signed)
    assert whole.count("the digest is that of this document") == 4
    assert "Asia/Kolkata (UTC+05:30)" in whole
    factories.edit(signed, "results_ux", people, reading="Something else.")
    changed = html_of(signed)
    assert changed.count("this signature does not cover it") == 4
    assert "the digest is that of this document" not in changed


def test_dissent_and_lifted_requests_stay_visible(in_review: Decision, people: People) -> None:
    review = send_review(
        in_review, by=people.ux, verdict=Verdict.REQUEST_CHANGES, body="Say who watches it."
    )
    lift_review(review, by=people.ux)
    reservation = {"meaning": Meaning.APPROVE_WITH_RESERVATION, "text": "Only with an alert."}
    factories.sign(in_review, people.devops, Role.DEVOPS, **reservation)
    factories.sign(in_review, people.devops, Role.DEVOPS)
    text = html_of(in_review)
    assert "Say who watches it." in text
    assert "lifted by Uma Lindqvist" in text
    assert "Only with an alert." in text
    assert "Earlier signatures" in text


def test_who_has_not_signed_is_named(in_review: Decision) -> None:
    html = html_of(in_review)
    assert "Not signed by Bruno Costa yet." in html
    assert "Bruno Costa (Business): not signed" in html


def test_a_signature_of_who_no_longer_signs_for_the_role_is_not_said_to_have_lapsed(
    signed: Decision, people: People
) -> None:
    seat = signed.participants.get(user=people.ux, role="ux")
    remove_participant(signed, by=people.owner, participant=seat)
    html = html_of(signed)
    assert "Uma Lindqvist (UX, no longer signs for the role)" in html
    assert "it covers this document's content, and who gave it no longer signs" in html
    assert "Lapsed:" not in html
    factories.edit(signed, "problem", people, scope="Something else.")
    changed = html_of(signed)
    assert "who gave it no longer signs for the role, and the content has changed since" in changed
    assert changed.count("Lapsed:") == 3


def test_what_turns_letters_round_is_written_out_in_the_html_file_too(
    people: People, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("decisions.exports.pdf.embedded_fonts", lambda html: "")
    record = factories.open_record(people, title="turned \u202egnorw\u202c 👩\u200d👧")
    html = one_html_file(record_document(record))
    assert not set("\u202e\u202c") & set(html)
    assert "turned [U+202E]gnorw[U+202C] 👩\u200d👧</h1>" in html
    assert "What would turn the order of letters round is written out" in html


def test_figures_in_the_text_link_to_their_evidence(signed: Decision, people: People) -> None:
    first = signed.evidence.all()[0]
    factories.edit(signed, "results_ux", people, reading=f"It reaches [[{first.reference}]].")
    assert f'href="#{first.reference}"' in html_of(signed)
    withdraw_evidence(first, by=people.data_science, reason="Wrong split.")
    withdrawn = html_of(signed)
    assert f'href="#{first.reference}" title="Wrong split."' in withdrawn
    assert "(withdrawn)</mark>" in withdrawn
    assert f'<li id="{first.reference}">' in withdrawn, "the reason stands there on paper"


@pytest.mark.usefixtures("db")
def test_headings_never_skip_a_level_and_ids_are_unique() -> None:
    team = hard_records.many_scripts()
    record = hard_records.in_many_scripts(team)
    approve(record, by=team.owner)
    note_outcome(record, by=team.owner, success="yes", text=hard_records.BLOCKS, review_on=None)
    html = html_of(record)
    assert html.count("One far below") == 13, "every text of a record has it"
    levels = [int(level) for level in re.findall(r"<h([1-6])\b", html)]
    assert levels[0] == 1
    assert all(after <= before + 1 for before, after in pairwise(levels))
    ids = re.findall(r'\sid="([^"]+)"', html)
    assert len(ids) == len(set(ids))
    for target in re.findall(r'href="#([^"]+)"', html):
        assert target in ids


def test_an_empty_draft_and_an_overlong_one_are_printed(people: People) -> None:
    empty = factories.open_record(people, title="<b>&\"'\\ " + "長い名前 " * 30)
    assert "There is no goal yet." in html_of(empty)
    assert make_pdf(record_document(empty)).pages > 3
    full = factories.complete_draft(people, title="x" * 200)
    long = "word " * 5000 + "y" * 3000
    factories.edit(full, "problem", people, problem=long)
    assert make_pdf(record_document(full)).pages > 6


@pytest.mark.parametrize(
    "url",
    [
        "file:///etc/passwd",
        "http://127.0.0.1/x.css",
        "https://elsewhere.example/x.css",
        f"{ASSETS}css/../../config/settings.py",
        f"{ASSETS}../manage.py",
        f"{ASSETS}css/%2e%2e/x.css",
        f"{ASSETS}css/none.css",
        "ftp://127.0.0.1/",
        "css/pdf.css",
        f"{ASSETS}fonts/..%2f..%2fmanage.py",
        f"{ASSETS}icons/x.svg?to=file:///etc/passwd",
        f"{ASSETS}css/pdf.css/../../../etc/passwd.css",
        f"{ASSETS}css/pdf.css\n",
        "https://countersign.invalid@127.0.0.1/static/css/pdf.css",
        "https://countersign.invalid/static/",
    ],
)
def test_nothing_is_fetched_but_what_is_packaged(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*args: Any, **kwargs: Any) -> None:
        raise AssertionError("went to the network or the disk")

    monkeypatch.setattr(URLFetcher, "fetch", refuse)
    with pytest.raises(ValueError, match="Not packaged"):
        PackagedOnly().fetch(url)


def test_packaged_styles_and_data_addresses_are_fetched() -> None:
    fetcher = PackagedOnly()
    assert b"@page" in fetcher.fetch(f"{ASSETS}css/pdf.css").read()
    assert fetcher.fetch(f"{ASSETS}fonts/SourceSerifPro-Regular.otf").read()
    assert fetcher.fetch("data:text/plain,here").read() == b"here"
    assert fetcher.fetch("DATA:image/svg+xml;base64,aGVyZQ==").content_type == "image/svg+xml"


def test_what_an_address_holds_itself_is_bounded_and_asks_no_proxy(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("data_proxy", "http://127.0.0.1:9")
    assert PackagedOnly().fetch("data:,here").read() == b"here"
    with pytest.raises(ValueError, match="Not packaged"):
        PackagedOnly().fetch("data:," + "x" * LONGEST_DATA)


def asked_for(record: Decision, people: People) -> Document:
    """Return a document that waits for a worker."""
    return request_document(record, by=people.owner)


def test_a_worker_makes_and_keeps_the_document(approved: Decision, people: People) -> None:
    document = asked_for(approved, people)
    tasks.render_document(document.pk)
    document.refresh_from_db()
    assert document.state == DocumentState.READY
    assert document.file.name.endswith(f"{approved.reference}-v{approved.version}.pdf")
    assert document.pages == len(PdfReader(document.file).pages)
    assert len(document.sha256) == 64


def test_a_drafts_file_says_so_in_its_name(draft: Decision, people: People) -> None:
    document = asked_for(draft, people)
    tasks.render_document(document.pk)
    document.refresh_from_db()
    assert document.file.name.endswith("-draft.pdf")


def test_a_second_delivery_does_nothing(draft: Decision, people: People) -> None:
    document = asked_for(draft, people)
    tasks.render_document(document.pk)
    document.refresh_from_db()
    first = (document.sha256, document.file.name, document.finished_at)
    tasks.render_document(document.pk)
    document.refresh_from_db()
    assert (document.sha256, document.file.name, document.finished_at) == first


def test_only_one_worker_gets_a_document_until_its_claim_expires(
    draft: Decision, people: People
) -> None:
    document = asked_for(draft, people)
    slow = claim(Document, document.pk)
    assert slow is not None
    assert claim(Document, document.pk) is None
    with clock.held_at(clock.now() + CLAIM_HOLDS + timedelta(seconds=1)):
        second = claim(Document, document.pk)
    assert second is not None
    assert not keep_document(slow, b"%PDF- late", 1)
    assert keep_document(second, b"%PDF- in time", 1)
    document.refresh_from_db()
    assert document.file.read() == b"%PDF- in time"


def test_a_record_that_moved_meanwhile_is_not_kept(signed: Decision, people: People) -> None:
    document = asked_for(signed, people)
    approve(signed, by=people.owner)
    tasks.render_document(document.pk)
    document.refresh_from_db()
    assert document.state == DocumentState.FAILED
    assert document.error == (
        "The record changed while the document was being made; export it again."
    )
    assert not document.file


def test_a_draft_that_was_saved_meanwhile_is_made_as_it_stands_by_then(
    draft: Decision, people: People
) -> None:
    document = request_document(draft, by=people.owner, format="csv")
    edit_details(draft, by=people.owner, title="Another title")
    tasks.render_document(document.pk)
    document.refresh_from_db()
    draft.refresh_from_db()
    assert (document.state, document.error) == (DocumentState.READY, "")
    assert (document.version, document.digest) == (draft.version, draft.digest)
    assert request_document(draft, by=people.ux, format="csv") == document
    told = [one.data["digest"] for one in draft.events.filter(kind="export")]
    assert told[-1:] == [draft.digest], "the log has what the file shows"


def test_a_failure_says_so_in_a_sentence(
    draft: Decision, people: People, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*args: Any) -> None:
        raise OSError("disk full at /secret/place")

    document = asked_for(draft, people)
    monkeypatch.setattr("decisions.tasks.keep_document", broken)
    tasks.render_document(document.pk)
    document.refresh_from_db()
    assert document.state == DocumentState.FAILED
    assert document.error == "The document could not be made. The error is in the log."


@pytest.mark.usefixtures("eager")
def test_a_lost_request_is_woken_up_again(draft: Decision, people: People) -> None:
    document = asked_for(draft, people)
    tasks.render_lost_documents()
    document.refresh_from_db()
    assert document.state == DocumentState.REQUESTED
    with clock.held_at(clock.now() + timedelta(seconds=21)):
        tasks.render_lost_documents()
    document.refresh_from_db()
    assert document.state == DocumentState.READY
