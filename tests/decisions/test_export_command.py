"""`manage.py export_decision` writes a record to a file."""

import hashlib
import json
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError

from decisions.models import Decision

pytestmark = pytest.mark.slow


def test_a_record_is_written_as_pdf(approved: Decision, tmp_path: Path) -> None:
    path = tmp_path / "record.pdf"
    out = StringIO()
    call_command("export_decision", approved.reference.lower(), output=path, stdout=out)
    assert path.read_bytes().startswith(b"%PDF-1.7")
    assert approved.digest in out.getvalue()


def test_as_json_it_prints_one_object_and_nothing_else(draft: Decision, tmp_path: Path) -> None:
    path = tmp_path / "record.html"
    out = StringIO()
    call_command(
        "export_decision", draft.reference, format="html", output=path, json=True, stdout=out
    )
    told = json.loads(out.getvalue())
    assert told["decision"] == draft.reference
    assert told["digest"] == draft.digest
    assert told["sha256"] == hashlib.sha256(path.read_bytes()).hexdigest()


def test_the_html_file_needs_no_other(draft: Decision, tmp_path: Path) -> None:
    path = tmp_path / "record.html"
    call_command("export_decision", draft.reference, format="html", output=path, stdout=StringIO())
    html = path.read_text()
    assert draft.title in html
    assert "<script" not in html
    assert "@import" not in html
    assert "<link" not in html
    assert html.count("url(") == html.count('url("data:font/woff2;base64,') == 8
    assert '<p class="stamp">Draft, not signed</p>' in html
    assert "Nothing to this HTML file. The PDF of the record carries record.json" in html
    assert "This HTML file carries no seal" in html


@pytest.mark.django_db
def test_an_unknown_record_is_refused_in_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="There is no decision DR-99"):
        call_command("export_decision", "DR-99", output=tmp_path / "x.pdf")


def test_a_file_that_cannot_be_written_is_named(draft: Decision, tmp_path: Path) -> None:
    missing = tmp_path / "nowhere" / "x.html"
    with pytest.raises(CommandError, match="cannot be written"):
        call_command("export_decision", draft.reference, format="html", output=missing)
