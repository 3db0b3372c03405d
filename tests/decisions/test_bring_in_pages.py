"""The page that brings in a record: look first, write then, and the same file only once."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from datetime import timedelta
from io import BytesIO
from pathlib import Path

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.http import HttpResponse
from django.test import Client, RequestFactory
from django.urls import reverse
from pypdf import PdfWriter

from decisions import clock, tasks
from decisions.actions.importing import AlreadyHere
from decisions.case_results import CaseResult
from decisions.exports.archive import canonical_archive
from decisions.exports.document import record_document
from decisions.exports.madr import madr
from decisions.forms.bringing_in import BringInForm
from decisions.forms.typed import sent
from decisions.imports import waiting
from decisions.imports.reading import BadFile, read_file
from decisions.madr_template import own_places
from decisions.middleware import refusals
from decisions.models import Decision, RecordTemplate, User
from decisions.record_templates import GENERAL
from decisions.throttle import FILES, Purpose, Visitor, may_check, turn_to_check
from tests import factories
from tests.decisions.adr_lines import lost_lines, outline_of_rows
from tests.decisions.hostile_pdf import bomb
from tests.elsewhere import made_elsewhere
from tests.factories import People, all_rows
from tests.small_pages import on_small_pages

SignIn = Callable[[User], Client]
FILE = Path(__file__).parents[1] / "data" / "adrs" / "madr-2-bullets.md"


def uploaded(client: Client, content: bytes, name: str = "madr-2-bullets.md") -> HttpResponse:
    file = SimpleUploadedFile(name, content)
    return client.post(reverse("decisions:bring_in"), {"file": file})  # type: ignore[return-value]


def confirmed(
    client: Client, content: bytes, name: str = "madr-2-bullets.md", **more: str
) -> HttpResponse:
    """Send what the preview's form sends once a file was looked at."""
    uploaded(client, content, name)
    said = {"seen": hashlib.sha256(content).hexdigest(), "name": name, "write": "1"} | more
    return client.post(reverse("decisions:bring_in"), said)  # type: ignore[return-value]


def test_a_new_decision_can_be_brought_in(people: People, sign_in: SignIn) -> None:
    page = sign_in(people.ux).get(reverse("decisions:new")).content.decode()
    assert reverse("decisions:bring_in") in page
    assert sign_in(people.ux).get(reverse("decisions:bring_in")).status_code == 200


def test_the_preview_writes_nothing_and_says_where_each_part_goes(
    people: People, sign_in: SignIn
) -> None:
    page = uploaded(sign_in(people.ux), FILE.read_bytes())
    text = page.content.decode()
    assert page.status_code == 200
    assert not Decision.objects.exists()
    assert "Links that expire; Links for one address; Accounts for everyone" in text
    assert "Carrier pigeons" in text
    assert "Replaces [ADR-4](0004-links-for-ever.md)" in text
    assert hashlib.sha256(FILE.read_bytes()).hexdigest() in text


def test_once_it_was_seen_it_is_written(people: People, sign_in: SignIn) -> None:
    answer = confirmed(sign_in(people.ux), FILE.read_bytes())
    record = Decision.objects.get()
    assert answer["Location"] == record.get_absolute_url()
    assert record.owner == people.ux
    page = sign_in(people.ux).get(record.get_absolute_url()).content.decode()
    assert "Carrier pigeons" in page


def test_a_record_s_own_madr_comes_in_again_by_the_page_with_every_part(
    approved: Decision, people: People, sign_in: SignIn
) -> None:
    text = madr(record_document(approved))
    client = sign_in(people.ux)
    page = uploaded(client, text.encode(), "DR-1.md").content.decode()
    assert "Adapting an LLM" in page
    assert "profile_business" not in page
    assert confirmed(client, text.encode(), "DR-1.md").status_code == 302
    record = Decision.objects.latest("pk")
    assert (record.status, record.template) == ("draft", approved.template)
    assert lost_lines(text, outline_of_rows(record)) == []
    told = ("metric", "target", "worst_acceptable", "unit", "proposed_by_role")
    assert [*record.goals.values(*told)] == [*approved.goals.values(*told)]
    before = {one.kind: one.data for one in approved.sections.all()}
    for one in record.sections.filter(kind__startswith="profile_"):
        assert one.data == before[one.kind]


def test_what_no_offered_template_asks_is_kept_as_text(people: People, sign_in: SignIn) -> None:
    RecordTemplate.objects.exclude(key=GENERAL).update(is_retired=True)
    heading = next(one for one, own in own_places().items() if own.place[0] == "profile_business")
    text = f"# A\n\n## {heading}\n\nMuch.\n"
    assert confirmed(sign_in(people.ux), text.encode(), "a.md").status_code == 302
    (problem,) = Decision.objects.get().sections.filter(kind="problem")
    assert f"## {heading}\n\nMuch." in problem.data["problem"]


def test_the_same_file_again_links_to_the_first(people: People, sign_in: SignIn) -> None:
    client = sign_in(people.ux)
    confirmed(client, FILE.read_bytes())
    first = Decision.objects.get()
    for again in (uploaded, confirmed):
        page = again(client, FILE.read_bytes())
        assert page.status_code == 409
        assert f'href="{first.get_absolute_url()}"' in page.content.decode()
    assert Decision.objects.count() == 1


@pytest.mark.parametrize(
    "content", [b"\xff\xfe\x00", b"a\x00", b"", b"%PDF-1.7", b"{}", b'{"a": 1}']
)
def test_what_cannot_come_in_is_said_on_the_page(
    content: bytes, people: People, sign_in: SignIn
) -> None:
    page = uploaded(sign_in(people.ux), content)
    assert page.status_code == 422
    assert not Decision.objects.exists()


@pytest.mark.parametrize("said", [{}, {"seen": "../1"}, {"seen": "0" * 64, "write": "1"}])
def test_nothing_sent_or_nonsense_is_bad_input(
    said: dict[str, str], people: People, sign_in: SignIn
) -> None:
    assert sign_in(people.ux).post(reverse("decisions:bring_in"), said).status_code == 422


def test_a_file_that_is_too_large_or_comes_too_soon_is_not_read(
    people: People, sign_in: SignIn
) -> None:
    client, address = sign_in(people.ux), reverse("decisions:bring_in")
    page = client.post(address, b"x", "multipart/form-data", CONTENT_LENGTH="200000000")
    assert page.status_code == 413
    assert "larger than 32 MB" in page.content.decode()
    turns = [turn_to_check(Purpose.VERIFY, Visitor(one, is_signed_in=True)) for one in "ab"]
    with turns[0], turns[1]:
        assert uploaded(client, FILE.read_bytes()).status_code == 503
    ux = Visitor(f"account {people.ux.pk}", is_signed_in=True)
    with turn_to_check(Purpose.VERIFY, ux):
        assert uploaded(client, FILE.read_bytes()).status_code == 503
        assert uploaded(sign_in(people.business), FILE.read_bytes()).status_code == 200
    for _time in range(FILES[Purpose.BRING_IN]):
        may_check(Purpose.BRING_IN, ux)
    refused = uploaded(client, FILE.read_bytes())
    assert refused.status_code == 429
    assert "Try again in 15 minutes." in refused.content.decode()
    strict = Client(enforce_csrf_checks=True)
    strict.force_login(people.business)
    assert strict.post(address, {}).status_code == 403


def test_an_archive_of_a_record_that_is_here_is_refused(
    approved: Decision, people: People, sign_in: SignIn
) -> None:
    for send in (uploaded, confirmed):
        page = send(sign_in(people.ux), canonical_archive(approved), "DR-1.json")
        html = page.content.decode()
        assert page.status_code == 409
        assert f'href="{approved.get_absolute_url()}"' in html
        assert 'name="invited"' not in html
        assert 'Uma Lindqvist <span class="soft">this is your name' in html


def test_a_refusal_of_what_is_here_links_to_it_and_gives_no_file_back(
    approved: Decision, people: People, rf: RequestFactory
) -> None:
    request = rf.post("/", {"file": SimpleUploadedFile("arch.json", b"{}")})
    request.user = people.ux
    sent(request, BringInForm(request.POST, request.FILES, by=people.ux))
    page = refusals(lambda _request: HttpResponse()).process_exception(
        request, AlreadyHere(approved)
    )
    assert page is not None
    assert page.status_code == 409
    assert f'href="{approved.get_absolute_url()}"' in page.content.decode()
    assert "What you had written" not in page.content.decode()


def test_of_an_archive_the_preview_says_what_would_come_in_and_writes_nothing(
    sign_in: SignIn, db: None
) -> None:
    case = CaseResult("0" * 64, "m1", 0, "done", "Billing", True, 1.0, {"exact": 1.0}, 3.5, "")
    file = made_elsewhere(lambda: factories.signed(factories.people()), results=[case])
    uma = factories.person("uma", "Uma Lindqvist")
    factories.person("devi", "Devi Menon")
    client = sign_in(uma)
    before = all_rows()
    page = uploaded(client, file, "DR-1.json")
    text = page.content.decode()
    assert page.status_code == 200
    for said in (
        "Where should messages go?",
        'Bruno Costa <span class="soft">named as imported; not linked to anybody here',
        'Uma Lindqvist <span class="soft">named as imported; this is your name',
        "Take part in these roles yourself",
        "Invite Devi Menon to take part",
        "Nobody signs as imported. Who is invited signs where the file has their name sign",
        "Dana Scholz for Data science, version",
        "<dt>Who may read it</dt><dd>Its participants</dd>",
        "Here it becomes a draft",
        "The 1 single results are not taken in",
    ):
        assert said in text, said
    assert all_rows() == before
    assert confirmed(client, file, "DR-1.json", invited="Uma").status_code == 422
    answer = confirmed(client, file, "DR-1.json", invited=str(uma.pk))
    record = Decision.objects.get()
    assert answer["Location"] == record.get_absolute_url()
    assert record.participants.filter(user=uma, role="ux", is_signatory=True).exists()
    assert record.imported.left_out == [
        "The 1 single results are not taken in, only the evidence from them."
    ]
    assert waiting.kept(hashlib.sha256(file).hexdigest(), uma) is None


def a_blank_page() -> bytes:
    writer, target = PdfWriter(), BytesIO()
    writer.add_blank_page(100, 100)
    writer.write(target)
    return target.getvalue()


def test_the_record_in_a_document_is_checked_and_taken_out_by_one_process_with_limits(
    approved: Decision, people: People, sign_in: SignIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    pdf = on_small_pages(approved)
    page = uploaded(sign_in(people.ux), pdf, "DR-1.pdf")
    assert page.status_code == 409
    assert f'href="{approved.get_absolute_url()}"' in page.content.decode()
    with pytest.raises(BadFile, match="cannot be read as a PDF"):
        read_file(bomb(), is_apart=True)
    with pytest.raises(BadFile, match=r"^The file does not fit the format: the file lacks “ref"):
        read_file(b'{"format":"countersign/archive","format_version":1}', is_apart=True)
    with pytest.raises(BadFile, match="there is no record in it, and no seal"):
        read_file(a_blank_page())
    monkeypatch.setattr("decisions.imports.reading.largest_file", lambda: len(pdf))
    assert len(canonical_archive(approved)) > len(pdf)
    with pytest.raises(BadFile, match="The file is larger than"):
        read_file(pdf)


def test_what_waits_is_its_owners_alone_and_is_forgotten(people: People) -> None:
    first = waiting.keep(b"one", people.ux)
    assert waiting.kept(first, people.ux) == b"one"
    assert waiting.kept(first, people.owner) is None
    second = waiting.keep(b"two", people.ux)
    assert waiting.kept(first, people.ux) is None
    tasks.forget_waiting_files()
    assert waiting.kept(second, people.ux) == b"two"
    with clock.held_at(clock.now() + waiting.KEPT_FOR + timedelta(minutes=1)):
        tasks.forget_waiting_files()
    assert waiting.kept(second, people.ux) is None


def test_markup_in_a_file_is_shown_as_it_was_typed(people: People, sign_in: SignIn) -> None:
    evil = b"# <script>alert(1)</script>\n\n## <img src=x onerror=alert(1)>\n\n<b>bold</b>\n"
    page = uploaded(sign_in(people.ux), evil).content.decode()
    assert "<script>alert" not in page
    assert "<img src=x" not in page
