"""From rows to the cases of a case set: which column is what, what is refused, and the digest."""

import hashlib
import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from django.utils.translation import gettext as _

from evaluations.importers.rows import Row, Unreadable, columns_of, is_text, read_rows
from evaluations.models import CaseKind, Split

MOST_LABELS = 5000
LONGEST_KEY = 100
LONGEST_LABEL = 200

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
LABEL_NAMES = ("label", "expected", "category", "intent", "class", "target", "team", "answer")
KEY_NAMES = ("id", "key", "case", "case_id", "uid")


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
    """Which column holds what; without `key` the cases are numbered."""

    input: str
    label: str
    key: str = ""
    split: str = ""

    @property
    def named(self) -> list[str]:
        """Return the columns that every file must have."""
        return [name for name in (self.input, self.label, self.key, self.split) if name]


@dataclass(frozen=True)
class CaseRow:
    """A case as it was read."""

    key: str
    split: str
    input: str
    expected: str


@dataclass
class Survey:
    """What went by: the digest of the content, the number of cases a split, the labels.

    `allowed` are the labels that were given; without them those that occur are collected.
    """

    allowed: list[dict[str, str]] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)
    seen: dict[str, None] = field(default_factory=dict)
    running: Any = field(default_factory=hashlib.sha256)

    def __post_init__(self) -> None:
        self._allowed = {label["slug"] for label in self.allowed}

    def note(self, case: CaseRow) -> None:
        """Take a case into account; raise ValueError for a label that is not allowed."""
        if self._allowed and case.expected not in self._allowed:
            told = {"label": case.expected[:60]}
            raise ValueError(_("the label “%(label)s” is not in the list.") % told)
        self.seen[case.expected] = None
        if len(self.seen) > MOST_LABELS:
            raise ValueError(_("there are too many labels: is that the right column?"))
        self.counts[case.split] += 1
        self.running.update(_canonical([case.key, case.split, case.input, case.expected]))

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
        """Return the SHA-256 (hex) of the kind, the cases in their order, and the labels."""
        whole = self.running.copy()
        whole.update(_canonical([CaseKind.CLASSIFICATION.value, self.labels]))
        return str(whole.hexdigest())


def read_cases(files: Sequence[CaseFile], columns: Columns, survey: Survey) -> Iterator[CaseRow]:
    """Yield the cases of all files in order, noted in the survey; raise `Unreadable`."""
    for file in files:
        _refuse_missing(file, columns)
        for number, row in enumerate(read_rows(file.path, file.title), 1):
            try:
                case = _case(row, columns, file.split, survey)
                survey.note(case)
            except ValueError as error:
                at = {"file": file.title, "row": number, "why": error}
                raise Unreadable(_("%(file)s, row %(row)s: %(why)s") % at) from error
            yield case


def guessed(names: Iterable[str]) -> Columns:
    """Return what the columns probably hold, by their names; "" where none fits."""
    known = {name.lower(): name for name in reversed(list(names))}

    def first(wanted: Iterable[str]) -> str:
        return next((known[name] for name in wanted if name in known), "")

    return Columns(first(INPUT_NAMES), first(LABEL_NAMES), first(KEY_NAMES), first(["split"]))


def read_labels(path: Path, name: str = "") -> list[dict[str, str]]:
    """Return labels from a JSON file: {slug: {name, description}} or a list with slugs."""
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
        raise Unreadable(_("Say which column holds the input and which the label."))


def _case(row: Row, columns: Columns, split: str, survey: Survey) -> CaseRow:
    """Return a row as a case; raise ValueError with what is wrong."""
    split = split or (_split(_text(row, columns.split)) if columns.split else Split.TEST)
    key = _text(row, columns.key).strip() if columns.key else ""
    key = key or f"{split}-{survey.counts[split] + 1}"
    case = CaseRow(key, split, _text(row, columns.input), _text(row, columns.label).strip())
    if not case.input.strip():
        raise ValueError(_("the input is empty."))
    if not case.expected:
        raise ValueError(_("the label is empty."))
    if len(key) > LONGEST_KEY or len(case.expected) > LONGEST_LABEL:
        raise ValueError(_("the id or the label is too long: is that the right column?"))
    return case


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
