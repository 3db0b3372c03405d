"""From rows to the cases of a case set: which column is what, what is refused, and the digest."""

import hashlib
import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TextIO

from django.utils.translation import gettext as _

from evaluations.importers.clinc150 import is_clinc150, read_clinc150
from evaluations.importers.rows import (
    Row,
    Unreadable,
    columns_of,
    in_sentences,
    is_text,
    opened,
    read_rows,
)
from evaluations.importers.squad import is_squad, questions_of, read_paragraphs
from evaluations.models import CaseKind, Split

MOST_LABELS = 5000
LONGEST_KEY = 100
LONGEST_LABEL = 200
LONGEST_ANSWER = 100_000
MOST_REFERENCES = 100
LONGEST_RELEVANT = 200

SPLIT_NAMES = {
    "train": Split.TRAIN,
    "training": Split.TRAIN,
    "dev": Split.DEV,
    "val": Split.DEV,
    "valid": Split.DEV,
    "validation": Split.DEV,
    "test": Split.TEST,
    "testing": Split.TEST,
}
INPUT_NAMES = ("input", "text", "message", "utterance", "question", "query", "sentence")
LABEL_NAMES = ("label", "expected", "category", "intent", "class", "target", "team")
ANSWER_NAMES = ("answer", "answers", "reference", "response", "completion", "output")
KEY_NAMES = ("id", "key", "case", "case_id", "uid")
REFERENCES_NAMES = ("references", "aliases", "other_answers", "alternatives")
RELEVANT_NAMES = ("relevant", "relevant_documents", "documents", "document", "passage_id", "doc_id")
# Names that say what kind of cases they are, where nobody says it.
QUESTION_NAMES = ("question", "query")


@dataclass(frozen=True)
class CaseFile:
    """A file of cases; `split` says which its rows are, empty where a column does."""

    path: Path
    split: str = ""
    name: str = ""

    @property
    def title(self) -> str:
        """Return what sentences call it."""
        return self.name or self.path.name


@dataclass(frozen=True)
class Columns:
    """Which column holds what; without `key` the cases are numbered.

    `references` are other right answers and `relevant` the keys of documents that hold the answer:
    a list, or texts with "|" between them.
    """

    input: str
    label: str
    key: str = ""
    split: str = ""
    references: str = ""
    relevant: str = ""

    @property
    def named(self) -> list[str]:
        """Return the columns that every file must have."""
        every = (self.input, self.label, self.key, self.split, self.references, self.relevant)
        return [name for name in every if name]


@dataclass(frozen=True)
class CaseRow:
    """A case as it was read; `expected` is empty where the right answer is that there is none."""

    key: str
    split: str
    input: str
    expected: str
    references: tuple[str, ...] = ()
    relevant: tuple[str, ...] = ()

    @property
    def content(self) -> list[Any]:
        """Return what is hashed of it; two cases that differ in anything differ here."""
        usual = [self.key, self.split, self.input, self.expected]
        more = [list(self.references), list(self.relevant)] if self._has_more else []
        return [*usual, *more]

    @property
    def _has_more(self) -> bool:
        return bool(self.references or self.relevant)


@dataclass
class Survey:
    """What went by: the digest of the content, the number of cases a split, the labels.

    `allowed` are the labels that were given; without them those that occur are collected.
    `corpus` is the digest of the documents that the cases name, "" without any. With `remembers`
    an id that occurs twice is refused here: only where the number of cases is limited.
    """

    allowed: list[dict[str, str]] = field(default_factory=list)
    kind: str = CaseKind.CLASSIFICATION
    corpus: str = ""
    remembers: bool = False
    counts: Counter[str] = field(default_factory=Counter)
    left_out: Counter[str] = field(default_factory=Counter)
    unanswerable: int = 0
    seen: dict[str, None] = field(default_factory=dict)
    running: Any = field(default_factory=hashlib.sha256)

    def __post_init__(self) -> None:
        self._allowed = {label["slug"] for label in self.allowed}
        self._keys: set[str] = set()

    def note(self, case: CaseRow) -> None:
        """Take a case into account; raise ValueError for what the others do not allow."""
        if self.kind == CaseKind.CLASSIFICATION:
            for label in (case.expected, *case.references):
                self._note_label(label)
        if case.relevant and not self.corpus:
            raise ValueError(_("it names documents, but no corpus was chosen."))
        if self.remembers:
            self._note_key(case.key)
        self.unanswerable += not case.expected
        self.counts[case.split] += 1
        self.running.update(_canonical(case.content))

    def _note_label(self, label: str) -> None:
        if self._allowed and label not in self._allowed:
            told = {"label": label[:60]}
            raise ValueError(_("the label “%(label)s” is not in the list.") % told)
        self.seen[label] = None
        if len(self.seen) > MOST_LABELS:
            raise ValueError(_("there are too many labels: is that the right column?"))

    def _note_key(self, key: str) -> None:
        if key in self._keys:
            raise ValueError(_("the id “%(key)s” occurs twice.") % {"key": key})
        self._keys.add(key)

    @property
    def total(self) -> int:
        """Return the number of cases."""
        return self.counts.total()

    @property
    def splits(self) -> list[tuple[str, int]]:
        """Return (split, number of cases)."""
        return list(self.counts.items())

    @property
    def labels(self) -> list[dict[str, str]]:
        """Return the labels as given, or those that occurred, in alphabetical order."""
        found = ({"slug": slug, "name": "", "description": ""} for slug in sorted(self.seen))
        return self.allowed or list(found)

    @property
    def digest(self) -> str:
        """Return the SHA-256 (hex) of the cases in their order, the kind, labels and corpus."""
        whole = self.running.copy()
        corpus = [self.corpus] if self.corpus else []
        whole.update(_canonical([str(self.kind), self.labels, *corpus]))
        return str(whole.hexdigest())


@dataclass(frozen=True)
class Shape:
    """A file whose shape says what everything in it is: no columns have to be named.

    `matches` may raise ValueError for no; `read` yields cases and notes what it leaves out.
    """

    key: str
    title: str
    kind: str
    matches: Callable[[TextIO], bool]
    read: Callable[[CaseFile, Survey], Iterator[CaseRow]]
    has_passages: bool = False


def squad_cases(file: CaseFile, survey: Survey) -> Iterator[CaseRow]:
    """Yield the questions of a SQuAD file, each with the paragraph that answers it."""
    split = file.split or Split.TEST
    with opened(file.path) as text:
        for paragraph in read_paragraphs(text):
            relevant = passage_key(file.split, paragraph.key)
            for one in questions_of(paragraph):
                if not one.answers and not one.is_impossible:
                    survey.left_out[_("questions that name no answer")] += 1
                    continue
                expected, *others = one.answers or [""]
                # Where no answer exists, nothing holds it.
                found = (relevant,) if one.answers else ()
                yield CaseRow(one.key, split, one.text, expected, tuple(others), found)


def clinc150_cases(file: CaseFile, survey: Survey) -> Iterator[CaseRow]:
    """Yield the messages of a CLINC150 file, numbered within their splits."""
    with opened(file.path) as text:
        for split, message, label in read_clinc150(text):
            yield CaseRow(f"{split}-{survey.counts[split] + 1}", split, message, label.strip())


def passage_key(split: str, key: str) -> str:
    """Return the key of a SQuAD paragraph, which several files may number alike."""
    return f"{split}-{key}" if split else key


# In the order in which content is tried. A new shape is one entry and one module.
SHAPES = (
    Shape(
        "squad",
        "SQuAD",
        CaseKind.QUESTION_ANSWERING,
        is_squad,
        squad_cases,
        has_passages=True,
    ),
    Shape("clinc150", "CLINC150", CaseKind.CLASSIFICATION, is_clinc150, clinc150_cases),
)


def shape_of(path: Path) -> Shape | None:
    """Return the shape of a file, None for one of rows with columns or one that is unreadable."""
    return next((one for one in SHAPES if _matches(one, path)), None)


def _matches(shape: Shape, path: Path) -> bool:
    try:
        with opened(path) as file:
            return shape.matches(file)
    except (ValueError, OSError, RecursionError):
        return False


def shape_of_all(files: Sequence[CaseFile]) -> Shape | None:
    """Return the one shape that all files have, None for rows; raise `Unreadable` for a mixture."""
    shapes = {shape.key if shape else "": shape for shape in (shape_of(f.path) for f in files)}
    if len(shapes) > 1:
        raise Unreadable(_("The files do not have the same shape."))
    return next(iter(shapes.values()), None)


def read_cases(files: Sequence[CaseFile], columns: Columns, survey: Survey) -> Iterator[CaseRow]:
    """Yield the cases of all files in order, noted in the survey; raise `Unreadable`.

    The columns mean nothing where a file's shape says what everything in it is.
    """
    shape = shape_of_all(files)
    for file in files:
        if shape is None:
            _refuse_missing(file, columns)
        read = shape.read(file, survey) if shape else _row_cases(file, columns, survey)
        with in_sentences(file.title):
            yield from _noted(file, read, survey)


def _noted(file: CaseFile, read: Iterator[CaseRow], survey: Survey) -> Iterator[CaseRow]:
    """Yield the cases once they are checked; raise `Unreadable` that names the row."""
    number = 0
    while True:
        number += 1
        try:
            case = next(read, None)
            if case is None:
                return
            _refuse_odd(case, survey.kind)
            survey.note(case)
        except (Unreadable, UnicodeDecodeError):
            raise
        except ValueError as error:
            at = {"file": file.title, "row": number, "why": error}
            raise Unreadable(_("%(file)s, row %(row)s: %(why)s") % at) from error
        yield case


def _row_cases(file: CaseFile, columns: Columns, survey: Survey) -> Iterator[CaseRow]:
    for row in read_rows(file.path, file.title):
        yield _case(row, columns, file.split, survey)


def guessed(names: Iterable[str]) -> Columns:
    """Return what the columns probably hold, by their names; "" where none fits."""
    known = {name.lower(): name for name in reversed(list(names))}

    def first(wanted: Iterable[str]) -> str:
        return next((known[name] for name in wanted if name in known), "")

    return Columns(
        input=first(INPUT_NAMES),
        label=first((*LABEL_NAMES, *ANSWER_NAMES)),
        key=first(KEY_NAMES),
        split=first(["split"]),
        references=first(REFERENCES_NAMES),
        relevant=first(RELEVANT_NAMES) if known.keys() & {*ANSWER_NAMES, "expected"} else "",
    )


def guessed_kind(columns: Columns) -> str:
    """Return what kind of cases they probably are, by the names of their columns."""
    if columns.relevant:
        return CaseKind.QUESTION_ANSWERING
    if columns.label.lower() not in ANSWER_NAMES:
        return CaseKind.CLASSIFICATION
    asks = columns.input.lower() in QUESTION_NAMES
    return CaseKind.QUESTION_ANSWERING if asks else CaseKind.FREE_TEXT


def read_labels(path: Path, name: str = "") -> list[dict[str, str]]:
    """Return labels from a JSON file: {slug: {name, description}}, or a list of them or slugs."""
    name = name or path.name
    try:
        told = json.loads(path.read_text(encoding="utf-8-sig"))
        return labels_from(told)
    except OSError as error:
        sentence = _("%(file)s cannot be read: %(why)s.")
        raise Unreadable(sentence % {"file": name, "why": error.strerror}) from error
    except (ValueError, RecursionError, TypeError, AttributeError, LookupError) as error:
        sentence = _(
            "%(file)s is not a list of labels: it takes an object of label → name and description."
        )
        raise Unreadable(sentence % {"file": name}) from error


def labels_from(told: Any) -> list[dict[str, str]]:
    """Return labels in the stored form; raise ValueError, TypeError, LookupError …"""
    if isinstance(told, list):
        told = [{"slug": one} if isinstance(one, str) else one for one in told]
    pairs = told.items() if isinstance(told, Mapping) else [(one["slug"], one) for one in told]
    labels = [_label(slug, about) for slug, about in pairs]
    if len({label["slug"] for label in labels}) < max(len(labels), 1):
        raise ValueError("no labels, or one of them twice")
    return labels


def _label(slug: Any, about: Any) -> dict[str, str]:
    about = {"name": about} if isinstance(about, str) else about
    given = {"slug": slug, **{name: about.get(name, "") for name in ("name", "description")}}
    if not slug or not all(isinstance(one, str) and is_text(one) for one in given.values()):
        raise ValueError("a label's slug, name and description are texts")
    return given


def _refuse_missing(file: CaseFile, columns: Columns) -> None:
    """Raise `Unreadable` if a file lacks a column, or if nothing says which split it is."""
    present = columns_of(file.path, file.title)
    for name in columns.named:
        if name not in present:
            told = {"file": file.title, "column": name, "columns": ", ".join(present)}
            raise Unreadable(_("%(file)s has no column “%(column)s”; it has: %(columns)s.") % told)
    if not columns.input or not columns.label:
        raise Unreadable(_("Say which column holds the input and which the expected answer."))


def _case(row: Row, columns: Columns, split: str, survey: Survey) -> CaseRow:
    """Return a row as a case; raise ValueError with what is wrong."""
    split = split or (_split(_text(row, columns.split)) if columns.split else Split.TEST)
    key = _text(row, columns.key).strip() if columns.key else ""
    expected, others = _answers(row, columns, survey.kind)
    # A shape can say that no answer exists; an empty cell is an omission.
    if not expected and survey.kind != CaseKind.CLASSIFICATION:
        raise ValueError(_("the expected answer is empty."))
    return CaseRow(
        key=key or f"{split}-{survey.counts[split] + 1}",
        split=split,
        input=_text(row, columns.input),
        expected=expected,
        references=others,
        relevant=_texts(row, columns.relevant) if columns.relevant else (),
    )


def _answers(row: Row, columns: Columns, kind: str) -> tuple[str, tuple[str, ...]]:
    """Return the expected answer and the other right ones; a list of answers holds both."""
    others = _texts(row, columns.references) if columns.references else ()
    if kind != CaseKind.CLASSIFICATION and isinstance(row.get(columns.label), list):
        first, *rest = _texts(row, columns.label) or ("",)
    else:
        first, rest = _text(row, columns.label).strip(), []
    return first, tuple(one for one in dict.fromkeys([*rest, *others]) if one != first)


def _refuse_odd(case: CaseRow, kind: str) -> None:
    """Raise ValueError for a case that is empty or longer than it can be."""
    is_label = kind == CaseKind.CLASSIFICATION
    _refuse_no_text(case)
    if not case.input.strip():
        raise ValueError(_("the input is empty."))
    if not case.expected and is_label:
        raise ValueError(_("the label is empty."))
    longest = LONGEST_LABEL if is_label else LONGEST_ANSWER
    if len(case.key) > LONGEST_KEY or any(
        len(answer) > longest for answer in (case.expected, *case.references)
    ):
        raise ValueError(
            _("the id or the label is too long: is that the right column?")
            if is_label
            else _("the id or an answer is too long: is that the right column?")
        )
    if len(case.references) > MOST_REFERENCES or len(case.relevant) > MOST_REFERENCES:
        raise ValueError(_("it has more than %(n)s answers or documents.") % {"n": MOST_REFERENCES})
    if any(len(key) > LONGEST_RELEVANT for key in case.relevant):
        raise ValueError(_("the id of a document is too long: is that the right column?"))


def _refuse_no_text(case: CaseRow) -> None:
    """Raise ValueError for what no database can keep."""
    every = (case.key, case.input, case.expected, *case.references, *case.relevant)
    if not all(map(is_text, every)):
        raise ValueError(_("it holds characters that are not text."))


def _texts(row: Row, column: str) -> tuple[str, ...]:
    """Return a list of texts: a JSON list, or texts with "|" between them; raise ValueError."""
    value = row.get(column)
    if isinstance(value, str) and value.lstrip().startswith("["):
        value = _list(value, column)
    elif not isinstance(value, list):
        value = _text(row, column).split("|")
    if not all(isinstance(one, str | int | float) for one in value):
        raise ValueError(_("“%(column)s” is not a list of texts.") % {"column": column})
    texts = (str(one).strip() for one in value)
    return tuple(dict.fromkeys(one for one in texts if one))


def _list(text: str, column: str) -> list[Any]:
    try:
        told = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ValueError(_("“%(column)s” is not a list of texts.") % {"column": column}) from error
    return told if isinstance(told, list) else [told]


def _text(row: Row, column: str) -> str:
    """Return a value as text that every database can keep; raise ValueError."""
    value = row.get(column)
    if isinstance(value, dict | list):
        raise ValueError(_("“%(column)s” holds a list or an object.") % {"column": column})
    text = "" if value is None else str(value)
    if not is_text(text):
        raise ValueError(_("“%(column)s” holds characters that are not text.") % {"column": column})
    return text


def _split(name: str) -> str:
    """Return the split that a name stands for; raise ValueError."""
    if split := SPLIT_NAMES.get(name.strip().lower()):
        return split
    told = {"split": name[:40], "known": ", ".join(Split.values)}
    raise ValueError(_("the split is “%(split)s”; it has to be one of: %(known)s.") % told)


def _canonical(value: Any) -> bytes:
    """Return JSON that is the same wherever it is written, with a line end."""
    return (json.dumps(value, ensure_ascii=True, separators=(",", ":")) + "\n").encode()
