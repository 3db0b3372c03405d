"""Whatever a record leaves as is asked for, made, kept and sent on one way."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Callable
from html.parser import HTMLParser
from itertools import product

import pytest
from django.conf import settings
from django.test import Client
from django.urls import reverse
from hypothesis import given
from hypothesis import strategies as st

from decisions import tasks
from decisions.actions.documents import request_document
from decisions.actions.evidence import attach_evidence, withdraw_evidence
from decisions.actions.review import Remark, open_thread
from decisions.content import current_digest
from decisions.exports import embedded_fonts as fonts
from decisions.exports.document import record_document
from decisions.exports.embedded_fonts import embedded_fonts
from decisions.exports.evidence_csv import COLUMNS, FORMULA, evidence_csv, safe_cell
from decisions.exports.formats import FORMATS
from decisions.models import Decision, Document, DocumentFormat, DocumentState, User
from decisions.policies import BadInput
from tests.factories import People, edit, fresh, measurement

SignIn = Callable[[User], Client]


def made(record: Decision, by: User, format: str) -> Document:
    """Return a document that was asked for, after a worker has had its turn."""
    document = request_document(record, by=by, format=format)
    tasks.render_document(document.pk)
    document.refresh_from_db()
    return document


def content_of(document: Document) -> bytes:
    with document.file.open("rb") as file:
        return bytes(file.read())


def test_every_format_has_its_entry() -> None:
    assert set(FORMATS) == set(DocumentFormat)
    assert len({one.extension for one in FORMATS.values()}) == len(FORMATS)


@pytest.mark.parametrize("format", ["html", "madr", "csv", "json"])
def test_a_format_is_made_by_a_worker_and_kept_while_nothing_changes(
    format: str, approved: Decision, people: People
) -> None:
    document = made(approved, people.ux, format)
    assert (document.state, document.pages) == (DocumentState.READY, None)
    assert str(document.file.name).endswith(f".{FORMATS[format].extension}")
    assert (document.head_sequence is not None) == FORMATS[format].tells_head
    assert request_document(approved, by=people.business, format=format) == document


def test_an_unknown_format_is_bad_input(draft: Decision, people: People) -> None:
    with pytest.raises(BadInput):
        request_document(draft, by=people.owner, format="docx")


def test_an_archive_is_made_anew_after_a_comment_and_a_table_is_not(
    in_review: Decision, people: People
) -> None:
    kept = {one: made(in_review, people.ux, one) for one in ("json", "csv")}
    section = in_review.sections.get(kind="problem")
    open_thread(in_review, by=people.ux, remark=Remark("Is it?", section))
    assert request_document(in_review, by=people.ux, format="csv") == kept["csv"]
    again = made(in_review, people.ux, "json")
    assert again != kept["json"]
    told = json.loads(content_of(again))
    assert told["digest"] == current_digest(fresh(in_review))
    assert told["threads"][0]["comments"][0]["body"] == "Is it?"


def test_what_is_asked_for_again_while_it_waits_is_made_once(
    draft: Decision, people: People
) -> None:
    first = request_document(draft, by=people.ux, format="html")
    edit(draft, "problem", people, scope="New scope")
    again = request_document(fresh(draft), by=people.ux, format="html")
    assert again != first
    for one in (first, again):
        tasks.render_document(one.pk)
    kept = draft.documents.get()
    assert (kept, kept.state) == (again, DocumentState.READY)


def test_people_choose_a_format_and_download_it(
    approved: Decision, people: People, sign_in: SignIn, eager: None
) -> None:
    client = sign_in(people.ux)
    address = reverse("decisions:documents", args=[approved.reference])
    page = client.get(address).content.decode()
    offered = [one for one in DocumentFormat if f'name="format" value="{one}"' in page]
    assert offered == [one for one in DocumentFormat if one != "pdf-a4"], "that is PDF here"
    assert client.post(address, {"format": "docx"}).status_code == 422
    document = made(approved, people.ux, "madr")
    polled = client.get(address, headers={"HX-Request": "true"})
    said = "Architecture decision record (MADR 4): ready."
    assert json.loads(polled["HX-Trigger"]) == {"announce": said}
    links = re.findall(r"<a\b[^>]*>", polled.content.decode())
    assert len(links) == 2
    assert all(" id=" in one for one in links), "focus finds them again"
    file = reverse("decisions:document_file", args=[approved.reference, document.pk])
    sent = client.get(file)
    assert sent["Content-Type"] == "text/markdown; charset=utf-8"
    assert sent["Content-Disposition"].startswith("attachment; filename=")
    assert b"".join(sent.streaming_content) == content_of(document)  # type: ignore[attr-defined]


class Fetched(HTMLParser):
    """Collects what a browser would fetch or run when it opens a page."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []
        self.styles: list[str] = []
        self.tags: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        for name, value in attrs:
            fetches = name in {"src", "srcset", "data", "poster", "action", "background"}
            links = name in {"href", "xlink:href"} and tag not in {"a"}
            if (fetches or links) and not str(value).startswith(("data:", "#")):
                self.found.append(f"{tag} {name}={value}")
            if name.startswith("on") or (name == "style" and "url(" in str(value)):
                self.found.append(f"{tag} {name}={value}")

    def handle_data(self, data: str) -> None:
        if self.tags and self.tags[-1] == "style":
            self.styles.append(data)


def test_the_page_in_one_file_fetches_and_runs_nothing(approved: Decision) -> None:
    html = FORMATS["html"].make(record_document(approved)).content.decode()
    page = Fetched()
    page.feed(html)
    assert page.found == []
    assert not {"script", "iframe", "object", "embed", "link", "base"} & set(page.tags)
    styles = "".join(page.styles)
    assert not re.search(r"@import|url\((?!['\"]?data:)", styles)
    assert "light-dark(" in styles
    assert styles.rindex("color-scheme: light dark") > styles.rindex("@page")
    assert page.tags.count("svg") >= 1
    assert current_digest(approved) in html
    assert '<p class="stamp">' not in html


def test_fonts_in_the_page_are_those_of_its_letters_up_to_a_bound(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    plain = embedded_fonts("<p>Which model?</p>")
    assert len(plain) < 200_000
    assert embedded_fonts("<p>Quel modèle ? – ≥ 85 %</p>") == plain
    assert '"Noto Sans' not in plain
    hebrew = embedded_fonts("<p>איזה מודל?</p>")
    assert hebrew.count('font-family: "Noto Sans Hebrew"') == 1
    assert '"Source Serif Pro", "Source Sans Pro", "Noto Sans Hebrew", Georgia' in hebrew
    assert len(hebrew) - len(plain) < 10_000
    monkeypatch.setattr(fonts, "MOST_LETTERS", 3)
    assert embedded_fonts("<p>איזה מודל?</p>") == plain


def rows_of(record: Decision) -> list[dict[str, str]]:
    text = evidence_csv(record_document(record).record).decode("utf-8-sig")
    return list(csv.DictReader(io.StringIO(text, newline="")))


def test_the_table_holds_all_evidence_with_its_goal(in_review: Decision, people: People) -> None:
    first = in_review.evidence.first()
    assert first is not None
    Decision.objects.filter(pk=in_review.pk).update(status="draft")
    withdraw_evidence(first, by=people.data_science, reason="=cmd|' /C calc'!A0")
    rows = rows_of(fresh(in_review))
    assert len(rows) == in_review.evidence.count()
    assert (rows[0]["evidence"], rows[0]["goal"]) == ("E1", "Accuracy")
    assert (rows[0]["goal_target"], rows[0]["goal_is_must"]) == ("85.0", "yes")
    assert rows[0]["withdrawn_reason"] == "'=cmd|' /C calc'!A0"
    assert rows[1]["withdrawn_at"] == ""


def test_the_table_is_rfc_4180_in_utf_8_with_its_mark(in_review: Decision) -> None:
    content = evidence_csv(record_document(in_review).record)
    assert content.startswith(b"\xef\xbb\xbfrecord,version,")
    assert content.endswith(b"\r\n")
    assert content.count(b"\r\n") == in_review.evidence.count() + 1


def test_a_negative_number_stays_a_number(in_review: Decision, people: People) -> None:
    Decision.objects.filter(pk=in_review.pk).update(status="draft")
    candidate = in_review.candidates.first()
    assert candidate is not None
    values = [measurement("drift", 1.2 - 4.7, unit="=ms", conditions={})]
    attach_evidence(candidate, by=people.data_science, measurements=values)
    in_review.evidence.filter(metric="drift").update(origin_url="/runs/8/")
    row = rows_of(fresh(in_review))[-1]
    assert row["origin_url"] == f"{settings.PUBLIC_URL}/runs/8/"
    assert (row["value"], row["low"], row["high"]) == ("-3.5", "-8.5", "1.5")
    assert row["unit"] == "'=ms"


PIECES = st.tuples(
    st.sampled_from(["", ",", ";", "\t", "\n", "\r"]),
    st.sampled_from(["", '"', '""', " ", ' "']),
    st.sampled_from(["=1", "a", "-", "'"]),
)


@given(st.one_of(st.text(), st.lists(PIECES.map("".join), max_size=4).map("".join)))
def test_no_cell_is_a_formula_however_a_program_parts_them(text: str) -> None:
    cell = safe_cell(text)
    assert cell.replace("'", "") == text.replace("'", "")
    out = io.StringIO(newline="")
    csv.writer(out, lineterminator="\r\n").writerow(["DR-1", cell, "end"])
    for delimiter, quoting in product(",;\t", (csv.QUOTE_MINIMAL, csv.QUOTE_NONE)):
        table = io.StringIO(out.getvalue(), newline="")
        for row in csv.reader(table, delimiter=delimiter, quoting=quoting):
            assert not [one for one in row if one.lstrip().startswith(FORMULA)]


def test_no_part_of_a_cell_is_a_formula_where_semicolons_part_cells() -> None:
    assert safe_cell("x;=1+1;y") == "x;'=1+1;y"
    assert safe_cell('x;"=1+1;y') == "x;'\"=1+1;y"
    assert safe_cell("a,=1") == "a,'=1"
    for blank in ("\u00a0", "\v", "\ufeff", "\u200b ", "\0"):
        assert safe_cell(f"{blank}=1+1") == f"'{blank}=1+1"
    assert safe_cell("\n\t=1") == "'\n\t'=1"


def test_numbers_are_left_alone() -> None:
    assert [safe_cell(one) for one in (-1.5, 0, None, "1 - 2", "a=b")] == [
        *(-1.5, 0, None, "1 - 2", "a=b")
    ]
    assert len(set(COLUMNS)) == len(COLUMNS)
