"""An approved record leaves sealed: once, by a worker, and that file from then on."""

import re
import subprocess
import unicodedata
from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from typing import Any

import page
import pytest
from django.test import Client
from pyhanko.keys import load_cert_from_pemder
from pyhanko.pdf_utils.reader import PdfFileReader
from pyhanko.sign.validation import validate_pdf_signature
from pyhanko.sign.validation.status import SignatureCoverageLevel
from pyhanko_certvalidator import ValidationContext
from pypdf import PdfReader

from decisions import clock, tasks
from decisions.actions.documents import SEALED_AGAIN_AFTER, request_document
from decisions.actions.lifecycle import approve, note_outcome, reopen, submit
from decisions.actions.rendering import file_name
from decisions.exports import pdf
from decisions.exports.document import RecordDocument
from decisions.exports.seal_keys import KeyFiles
from decisions.exports.verify import verify
from decisions.models import Decision, Document, DocumentState, SealCertificate, User
from tests import factories, hard_records
from tests.factories import People, fresh
from tests.small_pages import PAGES

pytestmark = pytest.mark.slow

SignIn = Callable[[User], Client]


@pytest.fixture
def seal(files: KeyFiles, settings: Any) -> None:
    settings.SEAL_KEY, settings.SEAL_CERTIFICATES = files.key, files.certificates


def rendered(record: Decision) -> Document:
    """Return the newest document of a record after a worker has had its turn."""
    document = record.documents.first()
    assert document is not None
    tasks.render_document(document.pk)
    document.refresh_from_db()
    return document


def text_of(document: Document) -> str:
    """Return what is printed in a document."""
    with document.file.open() as file:
        return "".join(page.extract_text() for page in PdfReader(file).pages)


@pytest.mark.usefixtures("seal")
def test_approval_asks_for_the_sealed_document_which_is_served_from_then_on(
    signed: Decision, people: People, files: KeyFiles, tmp_path: Path
) -> None:
    approve(signed, by=people.owner)
    assert request_document(signed, by=people.ux).state == DocumentState.REQUESTED
    document = rendered(signed)
    assert (document.state, document.is_sealed) == (DocumentState.READY, True)
    with document.file.open() as file:
        content = file.read()
    assert b"/ETSI.CAdES.detached" in content
    path = tmp_path / "sealed.pdf"
    path.write_bytes(content)
    agree(path, files)
    assert not any("Noto-" in one for one in fonts_of(path)), "the others were not even read"
    note_outcome(signed, by=people.owner, success="yes", text="It holds.", review_on=None)
    assert request_document(signed, by=people.business) == document
    assert signed.documents.count() == 1
    copy = request_document(signed, by=people.business, as_it_stands=True)
    assert copy not in (document, request_document(signed, by=people.owner))
    copy = rendered(signed)
    assert (copy.state, copy.is_sealed, copy.is_copy) == (DocumentState.READY, False, True)
    assert Path(str(copy.file.name)).name.startswith("DR-1-v")
    assert "-as-it-stands-unsealed" in str(copy.file.name)
    text = text_of(copy)
    assert "It holds." in text
    assert "As it stands now, not the sealed document" in text
    assert "This is a copy without a seal" in text
    assert request_document(signed, by=people.ux, as_it_stands=True) == copy
    assert request_document(signed, by=people.business) == document
    assert not document.has_lapsed
    letter = request_document(signed, by=people.ux, format="pdf-letter")
    assert (letter.is_sealed, letter.is_copy) == (False, True)
    assert file_name(letter).endswith("-as-it-stands-unsealed.letter.pdf")


@pytest.mark.usefixtures("seal")
def test_what_is_not_approved_is_not_sealed_and_what_is_approved_anew_is_sealed_anew(
    signed: Decision, people: People
) -> None:
    assert not request_document(signed, by=people.owner).is_sealed
    approve(signed, by=people.owner)
    (first,) = signed.documents.filter(is_sealed=True)
    reopen(signed, by=people.owner, reason="A cheaper model came out.")
    tasks.render_document(first.pk)
    first.refresh_from_db()
    assert first.state == DocumentState.FAILED, "nobody asks for what was approved any more"
    assert first.has_lapsed
    assert not request_document(signed, by=people.owner).is_sealed


def test_without_the_key_the_document_says_what_it_waits_for_and_is_sealed_once_it_is_back(
    signed: Decision,
    people: People,
    files: KeyFiles,
    seal: None,
    settings: Any,
    tmp_path: Path,
    sign_in: SignIn,
) -> None:
    approve(signed, by=people.owner)
    settings.SEAL_KEY = tmp_path / "gone.pem"
    failed = rendered(signed)
    assert failed.state == DocumentState.UNSEALED
    assert failed.error == "The files of the seal's key cannot be read."
    html = sign_in(people.ux).get(f"/decisions/{signed.reference}/documents/").content.decode()
    assert "It is tried again by itself until it is sealed;" in html
    with clock.held_at(clock.now() + SEALED_AGAIN_AFTER * 2):
        tasks.look_at_seal()
        failed.refresh_from_db()
        assert failed.state == DocumentState.UNSEALED, "the key is still away"
        settings.SEAL_KEY = files.key
        tasks.look_at_seal()
    failed.refresh_from_db()
    assert failed.state == DocumentState.REQUESTED
    assert rendered(signed).state == DocumentState.READY
    assert request_document(fresh(signed), by=people.owner) == failed
    request_document(signed, by=people.ux, format="csv")
    page = f"/decisions/{signed.reference}/documents/"
    html = sign_in(people.ux).get(page).content.decode()
    assert 0 < html.index("<span>Sealed</span>") < html.index("Evidence as a table (CSV), version")
    reopen(fresh(signed), by=people.owner, reason="A cheaper model came out.")
    failed.refresh_from_db()
    failed.file.storage.delete(str(failed.file.name))  # a lost file is no reason to show nothing
    html = sign_in(people.ux).get(page).content.decode()
    assert "Sealed, lapsed: it no longer holds" in html


def test_without_a_seal_an_approved_record_leaves_as_it_is(people: People) -> None:
    record = factories.approved(people)
    assert not record.documents.exists()
    final = request_document(record, by=people.ux)
    assert not final.is_sealed
    assert request_document(record, by=people.ux, as_it_stands=True) == final
    assert not final.is_copy


@pytest.mark.usefixtures("seal")
def test_pages_and_data_of_a_file_tell_of_one_moment_and_what_would_not_verify_is_not_kept(
    signed: Decision, people: People, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While the pages are laid out somebody writes; the file is made anew."""
    laid_out: list[int | None] = []

    def interrupted(document: RecordDocument) -> str:
        laid_out.append(document.last_event.sequence if document.last_event else None)
        if len(laid_out) == 1:
            note_outcome(signed, by=people.owner, success="yes", text="It holds.", review_on=None)
        return PAGES

    monkeypatch.setattr("decisions.exports.pdf.render_html", interrupted)
    approve(signed, by=people.owner)
    document = rendered(signed)
    assert document.state == DocumentState.READY
    last = signed.events.last()
    assert last is not None
    assert laid_out == [last.sequence - 1, last.sequence]
    with document.file.open() as file:
        report = verify(file.read())
    assert (report.head_sequence, report.head_hash) == (last.sequence, last.hash)
    assert (document.head_sequence, document.head_hash) == (last.sequence, last.hash)
    assert SealCertificate.objects.count() == 1

    reopen(signed, by=people.owner, reason="A cheaper model came out.")
    submit(fresh(signed), by=people.owner)
    for role, user in people.signatories.items():
        factories.sign(fresh(signed), user, role)
    approve(fresh(signed), by=people.owner)
    Decision.objects.filter(pk=signed.pk).update(status="superseded", superseded_by=signed)
    refused = rendered(signed)
    assert refused.state == DocumentState.UNSEALED
    assert "The record is not what its audit log tells" in refused.error_in_words
    assert refused.error == "The sealed file would not be accepted: %(why)s", "for any language"


@pytest.mark.usefixtures("seal")
def test_who_writes_again_and_again_holds_the_seal_up_and_does_not_end_it(
    signed: Decision, people: People, monkeypatch: pytest.MonkeyPatch
) -> None:
    texts = iter(["It holds.", "It still does.", "And still."])

    def interrupted(document: RecordDocument) -> str:
        note_outcome(signed, by=people.owner, success="yes", text=next(texts), review_on=None)
        return PAGES

    monkeypatch.setattr("decisions.exports.pdf.render_html", interrupted)
    approve(signed, by=people.owner)
    document = rendered(signed)
    assert (document.state, document.error) == (DocumentState.UNSEALED, tasks.STILL_MOVES)


@pytest.mark.usefixtures("seal")
def test_what_was_laid_out_while_the_key_was_told_stolen_is_not_kept(
    signed: Decision, people: People, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened = tasks._ready_seal()

    def revoked(document: RecordDocument) -> str:
        now = clock.now()
        SealCertificate.objects.create(sha256=opened.sha256, pem=opened.pem, revoked_at=now)
        return PAGES

    monkeypatch.setattr("decisions.exports.pdf.render_html", revoked)
    approve(signed, by=people.owner)
    document = rendered(signed)
    assert (document.state, document.file.name) == (DocumentState.UNSEALED, "")
    assert "was revoked" in document.error


@pytest.mark.usefixtures("seal")
def test_who_exports_while_pages_are_laid_out_holds_up_no_seal(
    signed: Decision, people: People, monkeypatch: pytest.MonkeyPatch
) -> None:
    rules = pdf._page_rules

    def exported(document: RecordDocument, paper: str) -> str:
        request_document(signed, by=people.ux, format="csv")
        return rules(document, paper)

    monkeypatch.setattr("decisions.exports.pdf.render_html", lambda document: PAGES)
    monkeypatch.setattr("decisions.exports.pdf._page_rules", exported)
    approve(signed, by=people.owner)
    document, last = rendered(signed), signed.events.last()
    assert (document.state, last and last.kind) == (DocumentState.READY, "export")
    assert document.head_sequence == (last and last.sequence - 1)


def test_who_approves_opens_no_key(
    signed: Decision, people: People, settings: Any, tmp_path: Path
) -> None:
    """The key is the worker's alone: that one is named is enough to ask for the seal."""
    settings.SEAL_PKCS12 = str(tmp_path / "gone" / "seal.p12")
    approve(signed, by=people.owner)
    (document,) = signed.documents.all()
    assert document.is_sealed
    assert rendered(signed).state == DocumentState.UNSEALED


def sealed_file(record: Decision, people: People, folder: Path) -> Path:
    """Return the sealed file of a record that its owner approves now and tells the outcome of."""
    approve(record, by=people.owner)
    told = {"success": "yes", "text": hard_records.BLOCKS, "review_on": None}
    note_outcome(record, by=people.owner, **told)
    document = rendered(record)
    assert (document.state, document.is_sealed) == (DocumentState.READY, True), document.error
    path = folder / "sealed.pdf"
    with document.file.open() as file:
        path.write_bytes(file.read())
    return path


def agree(path: Path, files: KeyFiles) -> None:
    """Ask a validator of PDF/A and PDF/UA, qpdf, pyHanko and pdfsig what they think of a file."""
    content = path.read_bytes()
    for profile in ("3a", "ua1"):
        report = page.validate_pdf_bytes(content, profile=profile)
        assert report.is_compliant, [(one.rule_id, one.message) for one in report.failures]
    subprocess.run(["qpdf", "--check", path], capture_output=True, check=True)
    reader = PdfFileReader(BytesIO(content))
    authority = load_cert_from_pemder(str(files.authority))
    (seal,) = reader.embedded_signatures
    status = validate_pdf_signature(seal, ValidationContext(trust_roots=[authority]))
    assert status.bottom_line, status.summary()
    assert status.coverage == SignatureCoverageLevel.ENTIRE_FILE
    said = subprocess.run(["pdfsig", path], capture_output=True, text=True, check=True)
    assert "Signature is Valid." in said.stdout
    assert "Total document signed" in said.stdout
    assert "Syntax" not in said.stderr
    told = subprocess.run(["pdftotext", path, "-"], capture_output=True, text=True, check=True)
    assert not told.stderr
    fonts = {one.split("+")[-1] for one in fonts_of(path)}
    assert all(one.startswith(("Source-", "Noto-")) for one in fonts), fonts


def fonts_of(path: Path) -> list[str]:
    """Return the names of the fonts in a file, as poppler tells them."""
    told = subprocess.run(["pdffonts", path], capture_output=True, text=True, check=True)
    return [line.split()[0] for line in told.stdout.splitlines()[2:]]


def words_in(path: Path) -> str:
    told = subprocess.run(["pdftotext", "-raw", path, "-"], capture_output=True, check=True)
    return unicodedata.normalize("NFC", told.stdout.decode())


@pytest.mark.usefixtures("seal")
def test_four_tools_agree_on_other_scripts_and_what_no_font_draws_is_told(
    files: KeyFiles, tmp_path: Path, db: None
) -> None:
    team = hard_records.many_scripts()
    path = sealed_file(hard_records.in_many_scripts(team), team, tmp_path)
    agree(path, files)
    told = words_in(path)
    for name in ("山田 太郎", "김민준", "王小明", "メッセージはどこへ行くべきか", "हस्ताक्षर"):
        assert name in told
    assert "a party [party popper], a family [woman]" in told
    assert "turned [U+202E]gnorw" in told
    assert "[party popper] U+1F389" in told
    assert {"Noto-Sans-Arabic", "Noto-Sans-Hebrew", "Noto-Sans-Thai", "Noto-Sans-Khmer"} <= {
        one.split("+")[-1] for one in fonts_of(path)
    }


@pytest.mark.usefixtures("seal")
def test_four_tools_agree_on_100_pages_60_columns_and_endless_words_and_nothing_is_cut_off(
    people: People, files: KeyFiles, tmp_path: Path
) -> None:
    path = sealed_file(hard_records.long_and_wide(people), people, tmp_path)
    agree(path, files)
    told = words_in(path)
    assert re.search(r"Page 1 of 1[0-2]\d$", told, re.MULTILINE)
    assert all(f"r3c{column}" in told for column in range(1, 61))
    assert "Columns 58 to 60 of 60, after the first" in told
    assert re.sub(r"\s", "", told).count(hard_records.LONG_WORD) >= 6
    assert_within_the_edges(path)


def assert_within_the_edges(path: Path) -> None:
    """Find no word within 15 mm of the left and right edges of any page."""
    told = subprocess.run(["pdftotext", "-bbox", path, "-"], capture_output=True, check=True)
    edge = 15 / 25.4 * 72
    width = 0.0
    for line in told.stdout.decode().splitlines():
        if found := re.match(r'\s*<page width="([\d.]+)"', line):
            width = float(found[1])
        if found := re.match(r'\s*<word xMin="([-\d.]+)".* xMax="([-\d.]+)"', line):
            assert edge < float(found[1]), line
            assert float(found[2]) < width - edge, line
