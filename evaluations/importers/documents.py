"""From files to the documents of a corpus: text, Markdown, rows, paragraphs, and zips of them."""

import hashlib
import io
import json
import re
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any, TextIO

from django.utils.translation import gettext as _

from evaluations.importers.cases import passage_key, shape_of
from evaluations.importers.rows import Row, detected, in_sentences, is_text, opened
from evaluations.importers.squad import read_paragraphs
from evaluations.importers.zips import Member, is_zip, members_of

LONGEST_KEY = 200
LONGEST_TITLE = 300
LONGEST_DOCUMENT = 5_000_000  # characters
LONGEST_METADATA = 20_000  # characters of JSON

KEY_NAMES = ("id", "_id", "key", "doc_id", "document_id", "path", "url")
TITLE_NAMES = ("title", "name", "heading")
TEXT_NAMES = ("text", "content", "contents", "body", "passage", "document", "context")

FRONT_MATTER = re.compile(r"\A---[ \t]*\r?\n(.*?)^(?:---|\.\.\.)[ \t]*(?:\r?\n|\Z)", re.S | re.M)
PAIR = re.compile(r"^([A-Za-z_][\w -]{0,60}):[ \t]*(.*?)[ \t]*\r?$")
HEADING = re.compile(r"^ {0,3}#{1,6}[ \t]+(.+?)(?:[ \t]+#+)?[ \t]*$", re.M)
MARKDOWN = {".md", ".markdown"}
ROWS = {".jsonl", ".ndjson", ".json", ".csv", ".tsv"}
TEXTS = {".txt", ".text", *MARKDOWN}


@dataclass(frozen=True)
class DocumentFile:
    """A file of one document or of many; `split` keeps the paragraphs of several files apart."""

    path: Path
    name: str = ""
    split: str = ""

    @property
    def title(self) -> str:
        """Return what sentences call it."""
        return self.name or self.path.name


@dataclass(frozen=True)
class DocumentRow:
    """A document as it was read."""

    key: str
    title: str
    text: str
    metadata: dict[str, Any] = field(default_factory=dict)


@dataclass
class DocumentSurvey:
    """What went by: the digest of the content, the number of documents and characters."""

    remembers: bool = False
    total: int = 0
    characters: int = 0
    left_out: Counter[str] = field(default_factory=Counter)
    running: Any = field(default_factory=hashlib.sha256)

    def __post_init__(self) -> None:
        self._keys: set[str] = set()

    def note(self, row: DocumentRow) -> None:
        """Take a document into account; raise ValueError for one that cannot be kept."""
        _refuse_odd(row)
        if self.remembers and row.key in self._keys:
            raise ValueError(_("the id “%(key)s” occurs twice.") % {"key": row.key})
        if self.remembers:
            self._keys.add(row.key)
        self.total += 1
        self.characters += len(row.text)
        told = [row.key, row.title, row.text, row.metadata]
        self.running.update((json.dumps(told, sort_keys=True) + "\n").encode())

    @property
    def digest(self) -> str:
        """Return the SHA-256 (hex) of the documents in their order."""
        return str(self.running.hexdigest())


def read_documents(files: Sequence[DocumentFile], survey: DocumentSurvey) -> Iterator[DocumentRow]:
    """Yield the documents of all files in order, noted in the survey; raise `Unreadable`."""
    for file in files:
        with in_sentences(file.title):
            for number, row in enumerate(_documents(file, survey), 1):
                try:
                    survey.note(row)
                except ValueError as error:
                    told = {"n": number, "why": error}
                    raise ValueError(_("document %(n)s: %(why)s") % told) from error
                yield row


def _documents(file: DocumentFile, survey: DocumentSurvey) -> Iterator[DocumentRow]:
    if is_zip(file.path):
        yield from _zipped(file, survey)
    elif _is_one_text(file):
        yield _one(file.title, _whole(file.path))
    else:
        yield from _many(file)


def _is_one_text(file: DocumentFile) -> bool:
    """Return whether the whole file is one document, by its name."""
    return Path(file.title).suffix.lower() not in ROWS


def _whole(path: Path) -> str:
    with opened(path) as text:
        return _within(text.read(LONGEST_DOCUMENT + 1))


def _within(text: str) -> str:
    if len(text) > LONGEST_DOCUMENT:
        raise ValueError(_("it has more than %(n)s characters.") % {"n": f"{LONGEST_DOCUMENT:,}"})
    return text


def _one(name: str, text: str) -> DocumentRow:
    """Return a text as a document; Markdown says its title and metadata itself."""
    path = PurePosixPath(name)
    if path.suffix.lower() not in MARKDOWN:
        return DocumentRow(name, path.stem[:LONGEST_TITLE], text)
    metadata, body = _front_matter(text)
    heading = HEADING.search(body)
    title = str(metadata.pop("title", "")) or (heading[1] if heading else path.stem)
    return DocumentRow(name, title[:LONGEST_TITLE], body, metadata)


def _front_matter(text: str) -> tuple[dict[str, Any], str]:
    """Return (the pairs between the two rules at the top, the text after them)."""
    found = FRONT_MATTER.match(text)
    if found is None:
        return {}, text
    pairs = (PAIR.match(line) for line in found[1].splitlines())
    told = {pair[1].strip().lower(): pair[2].strip("\"'") for pair in pairs if pair}
    return told, text[found.end() :].lstrip("\r\n")


def _many(file: DocumentFile) -> Iterator[DocumentRow]:
    """Yield the documents of a file that holds many: paragraphs of SQuAD, or rows."""
    shape = shape_of(file.path)
    with opened(file.path) as text:
        if shape and shape.has_passages:
            yield from _passages(text, file.split)
        else:
            yield from _rows(text, detected(file.path).read, file.title)


def _passages(text: TextIO, split: str) -> Iterator[DocumentRow]:
    for one in read_paragraphs(text):
        yield DocumentRow(passage_key(split, one.key), one.title[:LONGEST_TITLE], one.text)


def _rows(
    text: TextIO, read: Callable[[TextIO], Iterator[Row]], name: str
) -> Iterator[DocumentRow]:
    for number, row in enumerate(read(text), 1):
        yield _row(row, f"{PurePosixPath(name).stem}-{number}")


def _row(row: Row, otherwise: str) -> DocumentRow:
    """Return a row as a document; columns that are not its id, title or text are metadata."""
    known = {name.lower(): name for name in reversed(list(row))}
    key, title, text = (
        next((known[name] for name in names if name in known), "")
        for names in (KEY_NAMES, TITLE_NAMES, TEXT_NAMES)
    )
    if not text:
        told = {"columns": ", ".join(map(str, row))[:200]}
        raise ValueError(_("there is no column “text”; there are: %(columns)s.") % told)
    if not isinstance(row[text], str):
        raise ValueError(_("“%(column)s” is not a text.") % {"column": text})
    rest = {name: value for name, value in row.items() if name not in {key, title, text}}
    return DocumentRow(
        key=str(row.get(key) or otherwise),
        title=str(row.get(title) or "")[:LONGEST_TITLE],
        text=row[text],
        metadata={name: value for name, value in rest.items() if value not in (None, "")},
    )


def _zipped(file: DocumentFile, survey: DocumentSurvey) -> Iterator[DocumentRow]:
    """Yield the documents of a zip's files; what is not text is left out and counted."""
    for member in members_of(file.path):
        suffix = PurePosixPath(member.name).suffix.lower()
        if suffix in TEXTS:
            yield _one(member.name, _within(_decoded(member).read(LONGEST_DOCUMENT + 1)))
        elif suffix in ROWS - {".json"}:
            yield from _rows(_decoded(member), _read_of(suffix), member.name)
        else:
            survey.left_out[_("files of the zip that are not text")] += 1


def _read_of(suffix: str) -> Callable[[TextIO], Iterator[Row]]:
    from evaluations.importers.delimited import read_delimited
    from evaluations.importers.json_rows import read_lines

    return read_lines if suffix in {".jsonl", ".ndjson"} else read_delimited


def _decoded(member: Member) -> TextIO:
    return io.TextIOWrapper(member.open(), encoding="utf-8-sig", newline="")


def _refuse_odd(row: DocumentRow) -> None:
    """Raise ValueError for a document that is empty or that no database can keep."""
    metadata = json.dumps(row.metadata, ensure_ascii=False)
    if not row.text.strip():
        raise ValueError(_("the text is empty."))
    _within(row.text)
    if len(row.key) > LONGEST_KEY:
        raise ValueError(_("the id is too long."))
    if len(metadata) > LONGEST_METADATA or "NaN" in metadata or "Infinity" in metadata:
        _refuse_metadata(row.metadata, metadata)
    if not all(map(is_text, (row.key, row.title, row.text, metadata))) or "\\u0000" in metadata:
        raise ValueError(_("it holds characters that are not text."))


def _refuse_metadata(metadata: dict[str, Any], told: str) -> None:
    """Raise ValueError for metadata that is too long or holds what JSON has no word for."""
    if len(told) > LONGEST_METADATA:
        raise ValueError(_("what is said about it is too long."))
    try:
        json.dumps(metadata, allow_nan=False)
    except ValueError as error:
        raise ValueError(_("what is said about it is not JSON.")) from error
