"""`manage.py import_decision` takes a file by what is in it, or a folder file by file."""

from __future__ import annotations

import json
import shutil
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError

from decisions.exports.archive import canonical_archive
from decisions.models import Decision
from tests.factories import People

FOLDER = Path(__file__).parents[1] / "data" / "adrs"


def imported(path: Path, **options: Any) -> dict[str, Any]:
    out = StringIO()
    call_command("import_decision", path, owner="olivia", json=True, stdout=out, **options)
    told: dict[str, Any] = json.loads(out.getvalue())
    return told


def test_a_text_comes_in_with_a_report(people: People) -> None:
    told = imported(FOLDER / "0007-queue-in-the-database.md")
    record = Decision.objects.get()
    assert (told["decision"], told["digest"], record.owner) == ("DR-1", record.digest, people.owner)
    assert {"what": "Context", "where": "Problem"} in told["placed"]
    assert [one["what"] for one in told["left"]] == ["Details of the file", "Status", "Afterword"]
    assert len(told["relations"]) == 2


def test_the_report_reads_as_sentences(people: People) -> None:
    out = StringIO()
    path = FOLDER / "0012-umlaute.md"
    call_command("import_decision", path, owner="olivia", stdout=out)
    assert "0012-umlaute.md came in as DR-1 “12. Wir schreiben" in out.getvalue()
    assert "Without a place: Folgen. The record has no such part." in out.getvalue()


def test_a_folder_comes_in_file_by_file(people: People, tmp_path: Path) -> None:
    shutil.copytree(FOLDER, tmp_path / "adrs")
    (tmp_path / "adrs" / "zz-broken.md").write_bytes(b"\xff\x00\xd8")
    (tmp_path / "adrs" / "zz-again.md").write_bytes((FOLDER / "0012-umlaute.md").read_bytes())
    (tmp_path / "adrs" / "zz-folder.md").mkdir()
    day = b"# A day\n\n## Confirmation\n\nLook at it again on 2026-13-45.\n"
    (tmp_path / "adrs" / "zz-day.md").write_bytes(day)
    told = imported(tmp_path / "adrs")["files"]
    errors = {one["file"]: one["error"] for one in told if "error" in one}
    assert errors["zz-broken.md"].startswith("The file is of no kind that can come in:")
    assert "here already: it is DR-" in errors["zz-again.md"]
    assert Decision.objects.count() == len(list(FOLDER.glob("*.md"))) + 1


def test_a_folder_takes_markdown_under_any_name_and_counts_what_it_leaves_aside(
    people: People, tmp_path: Path
) -> None:
    names = ("a.md", "b.markdown", "c.MD", "notes.txt", "d.png", "E.PNG", "LICENSE")
    for name in names:
        (tmp_path / name).write_text(f"{{: .no_toc }}\n# {name}\n")
    out = StringIO()
    call_command("import_decision", tmp_path, owner="olivia", stdout=out)
    assert [one.title for one in Decision.objects.order_by("number")] == list(names[:3])
    *_others, came, aside = out.getvalue().splitlines()
    assert came == "3 of 3 files came in."
    assert aside == "Left aside, as no Markdown: 2 .png, 1 without an ending, 1 .txt."


def test_what_a_file_is_called_does_not_matter(draft: Decision, tmp_path: Path) -> None:
    path = tmp_path / "decision.md"
    path.write_bytes(canonical_archive(draft))
    with pytest.raises(CommandError, match="here already"):
        imported(path)


@pytest.mark.django_db
def test_who_drives_it_has_to_be_known(tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="Nobody here is called olivia"):
        imported(FOLDER / "0012-umlaute.md")


def test_a_folder_without_texts_and_a_missing_file_are_named(
    people: People, tmp_path: Path
) -> None:
    with pytest.raises(CommandError, match=r"no \.md or \.markdown file"):
        imported(tmp_path)
    with pytest.raises(CommandError, match="cannot be read"):
        imported(tmp_path / "none.md")
