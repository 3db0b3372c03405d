"""Bringing documents in: text, Markdown, rows, zips, and zips that mean harm."""

import json
import stat
import zipfile
from pathlib import Path
from typing import Any

import pytest

from decisions.policies import BadInput
from evaluations.freezing import import_corpus
from evaluations.importers import zips
from evaluations.importers.documents import DocumentFile, DocumentSurvey, read_documents
from evaluations.models import Corpus


def written(folder: Path, content: str | bytes, name: str) -> DocumentFile:
    path = folder / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return DocumentFile(path)


def zipped(folder: Path, files: dict[str, str | bytes], name: str = "all.zip") -> DocumentFile:
    with zipfile.ZipFile(folder / name, "w", zipfile.ZIP_DEFLATED) as archive:
        for member, content in files.items():
            archive.writestr(member, content)
    return DocumentFile(folder / name)


def bring_in(*files: DocumentFile, **fields: Any) -> Corpus:
    return import_corpus(name="Handbook", files=files, **fields).corpus


def documents(*files: DocumentFile) -> list[tuple[str, str, str]]:
    found = read_documents(files, DocumentSurvey())
    return [(one.key, one.title, one.text) for one in found]


def test_text_files_are_one_document_each(db: None, tmp_path: Path) -> None:
    files = [written(tmp_path, f"Text {n}\n", f"page {n}.txt") for n in (1, 2)]

    found = bring_in(*files, licence="CC0")

    assert (found.documents_count, found.characters, found.version) == (2, 14, 1)
    first = found.documents.first()
    assert first is not None
    assert (first.key, first.title, first.text) == ("page 1.txt", "page 1", "Text 1\n")


def test_markdown_says_its_title_and_more_at_its_top(tmp_path: Path) -> None:
    text = "---\ntitle: 'Opening hours'\nTeam: desk\n---\n\n# Hours\n\nFrom 9.\n"
    survey = DocumentSurvey()
    (found,) = read_documents([written(tmp_path, text, "hours.md")], survey)

    assert (found.title, found.metadata) == ("Opening hours", {"team": "desk"})
    assert found.text == "# Hours\n\nFrom 9.\n"


def test_the_title_of_markdown_is_else_its_first_heading(tmp_path: Path) -> None:
    assert documents(written(tmp_path, "Words\n\n## Refunds ##\n", "a.md"))[0][1] == "Refunds"
    assert documents(written(tmp_path, "Words only\n", "plain.md"))[0][1] == "plain"


def test_rows_are_documents_with_what_else_they_say(db: None, tmp_path: Path) -> None:
    lines = [
        {"_id": "d1", "title": "One", "text": "First", "source": "web", "tags": ["a"]},
        {"text": "Second"},
    ]
    found = bring_in(written(tmp_path, "\n".join(map(json.dumps, lines)), "corpus.jsonl"))

    first, second = found.documents.all()
    assert (first.key, first.metadata) == ("d1", {"source": "web", "tags": ["a"]})
    assert (second.key, second.title) == ("corpus-2", "")


def test_a_zip_holds_files_of_every_kind_and_leaves_the_others_out(tmp_path: Path) -> None:
    file = zipped(
        tmp_path,
        {
            "b/notes.md": "# Notes\n",
            "a.txt": "Alpha",
            "rows.jsonl": '{"id": "r", "text": "Row"}\n',
            "logo.png": b"\x89PNG",
            "__MACOSX/a.txt": "no",
            ".hidden.txt": "no",
        },
    )
    survey = DocumentSurvey()

    found = list(read_documents([file], survey))

    assert [one.key for one in found] == ["a.txt", "b/notes.md", "r"]
    assert survey.left_out == {"files of the zip that are not text": 1}


def test_a_document_said_twice_is_counted(db: None, tmp_path: Path) -> None:
    files = [written(tmp_path, text, f"{n}.txt") for n, text in enumerate(["a b", "A  b", "c"])]

    assert bring_in(*files).duplicates == 1


def test_the_same_documents_again_are_the_same_corpus_others_its_next_version(
    db: None, tmp_path: Path
) -> None:
    first = bring_in(written(tmp_path, "a", "a.txt"))
    again = bring_in(written(tmp_path, "a", "a.txt"))
    second = bring_in(written(tmp_path, "b", "a.txt"))

    assert (again, second.version) == (first, 2)
    assert Corpus.everything.count() == 2


def test_a_bomb_is_refused_before_it_unfolds(db: None, tmp_path: Path) -> None:
    line = b'{"text": "' + b"0" * 1_000_000 + b'"}\n'
    file = zipped(tmp_path, {"bomb.jsonl": line * 50})

    with pytest.raises(BadInput, match=r"all.zip: “bomb.jsonl” in it unpacks to far more"):
        bring_in(file)
    assert not Corpus.everything.exists()


def test_many_files_that_unfold_together_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(zips.Budget, "__init__", lambda self: setattr(self, "left", 1000))
    file = zipped(tmp_path, {f"{n}.txt": "x" * 400 for n in range(4)})

    with pytest.raises(BadInput, match="unpacked it is larger than"):
        documents(file)


def test_a_zip_of_too_many_files_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = zipped(tmp_path, {f"{n}.txt": "x" for n in range(20)})
    monkeypatch.setattr(zips, "MOST_FILES", 19)
    with pytest.raises(BadInput, match="more than 19 files"):
        documents(file)

    monkeypatch.setattr(zips, "LARGEST_DIRECTORY", 100)
    with pytest.raises(BadInput, match="more than 19 files"):
        documents(file)


@pytest.mark.parametrize("name", ["../up.txt", "/etc/passwd.txt", "a/../../b.txt", "c:x.txt"])
def test_a_name_that_leads_out_of_the_zip_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(BadInput, match="is not a plain name"):
        documents(zipped(tmp_path, {name: "x"}))


def test_links_in_a_zip_are_passed_over(tmp_path: Path) -> None:
    info = zipfile.ZipInfo("link.txt")
    info.external_attr = (stat.S_IFLNK | 0o777) << 16
    with zipfile.ZipFile(tmp_path / "all.zip", "w") as archive:
        archive.writestr(info, "/etc/passwd")
        archive.writestr("a.txt", "Alpha")

    assert [key for key, _title, _text in documents(DocumentFile(tmp_path / "all.zip"))] == [
        "a.txt"
    ]


def test_a_zip_that_lies_about_its_sizes_is_found_out(tmp_path: Path) -> None:
    file = zipped(tmp_path, {"a.txt": "x" * 5000})
    content = bytearray(file.path.read_bytes())
    at = content.rfind(b"PK\x01\x02")
    content[at + 24 : at + 28] = (10).to_bytes(4, "little")
    file.path.write_bytes(content)

    with pytest.raises(BadInput, match=r"^all.zip: .*\.$"):
        documents(file)


@pytest.mark.parametrize(
    ("content", "name", "says"),
    [
        (b"PK\x03\x04nonsense", "a.zip", "not a zip file, or it is damaged"),
        (b"\xff\xfe", "a.txt", "is not UTF-8 text"),
        (b" \n", "a.txt", "document 1: the text is empty"),
        (b"a\0b", "a.md", "characters that are not text"),
        (b'{"words": "x"}\n', "a.jsonl", "there is no column “text”; there are: words"),
        (b'{"text": ["x"]}\n', "a.jsonl", "“text” is not a text"),
        (b'{"text": "x", "n": NaN}\n', "a.jsonl", "is not JSON"),
        (b'{"text": "x", "n": "\\u0000"}\n', "a.jsonl", "characters that are not text"),
        (b'{"text": "a", "id": 1}\n{"text": "b", "id": 1}\n', "a.jsonl", "occurs twice"),
        (b"", "a.jsonl", "no header line"),
    ],
)
def test_bad_documents_get_one_sentence_and_leave_nothing(
    db: None, tmp_path: Path, content: bytes, name: str, says: str
) -> None:
    with pytest.raises(BadInput) as refused:
        bring_in(written(tmp_path, content, name))

    assert says in str(refused.value)
    assert "\n" not in str(refused.value)
    assert not Corpus.everything.exists()


def test_a_document_that_is_too_long_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from evaluations.importers import documents as module

    monkeypatch.setattr(module, "LONGEST_DOCUMENT", 10)
    with pytest.raises(BadInput, match="more than 10 characters"):
        documents(written(tmp_path, "x" * 11, "a.txt"))
    with pytest.raises(BadInput, match="more than 10 characters"):
        documents(zipped(tmp_path, {"a.txt": "x" * 11}))
