"""What would come in from an upload, seen from its beginning; the import itself checks it all."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

from django.utils.translation import gettext as _

from decisions.policies import BadInput
from decisions.section_kinds import Text
from evaluations.case_set_page import TITLES
from evaluations.freezing import CaseMaterial, digest_of_text
from evaluations.importers.cases import CaseRow, Survey, read_cases, shape_of_all
from evaluations.importers.documents import (
    DocumentFile,
    DocumentRow,
    DocumentSurvey,
    read_documents,
)
from evaluations.importers.rows import columns_of
from evaluations.models import CaseKind, Split

# Rows that are looked at before the import: enough to see what is meant, quick enough to wait for.
LOOKED_AT = 20_000
SHOWN = 8


@dataclass(frozen=True)
class Finding:
    """What a reader should know of the cases: how many show it, and what it means."""

    title: Text
    count: int
    meaning: Text


@dataclass
class Repeated:
    """The inputs that went by, and what the import will find of them: see `freezing.findings`."""

    _splits: dict[str, Counter[str]] = field(default_factory=dict)
    _answers: dict[str, set[str]] = field(default_factory=dict)

    def watched(self, cases: Iterable[CaseRow]) -> Iterator[CaseRow]:
        """Yield cases, remembering their inputs."""
        for case in cases:
            digest = digest_of_text(case.input)
            self._splits.setdefault(digest, Counter())[case.split] += 1
            self._answers.setdefault(digest, set()).add(case.expected)
            yield case

    @property
    def findings(self) -> list[Finding]:
        """Return what there is to know, nothing where there is nothing."""
        counts = {
            "duplicates": sum(n - 1 for splits in self._splits.values() for n in splits.values()),
            "overlaps": sum(
                splits[Split.TEST]
                for splits in self._splits.values()
                if splits.keys() & {Split.TRAIN, Split.DEV}
            ),
            "contradictions": sum(len(answers) > 1 for answers in self._answers.values()),
        }
        return [
            Finding(title, counts[key], meaning)
            for key, (title, meaning) in TITLES.items()
            if counts[key]
        ]


@dataclass(frozen=True)
class CasesPreview:
    """The first cases and what they come to, or the sentence that stops them."""

    rows: list[CaseRow] = field(default_factory=list)
    survey: Survey | None = None
    shape: str = ""
    unused: list[str] = field(default_factory=list)
    passages: int = 0
    is_partial: bool = False
    problem: str = ""
    findings: list[Finding] = field(default_factory=list)

    @classmethod
    def of(cls, material: Callable[[], CaseMaterial]) -> "CasesPreview":
        """Look at the beginning of some files; what is wrong with them is said, not raised."""
        try:
            return cls._looked_at(material())
        except BadInput as sentence:
            return cls(problem=str(sentence))

    @property
    def waits(self) -> bool:
        """Return whether nobody has said yet what the columns hold."""
        return self.survey is None and not self.problem

    @classmethod
    def _looked_at(cls, material: CaseMaterial) -> "CasesPreview":
        shape = shape_of_all(material.files)
        has_documents = bool(material.corpus or material.passages)
        survey = material.survey("-" if has_documents else "", remembers=True)
        repeated = Repeated()
        cases = repeated.watched(read_cases(material.files, material.columns, survey))
        rows, is_partial = _first(cases)
        if not survey.counts:
            raise BadInput(_("There are no cases in this file."))
        documents = read_documents(material.passages, DocumentSurvey())
        return cls(
            rows=rows[:SHOWN],
            survey=survey,
            shape=shape.title if shape else "",
            unused=[] if shape else _unused(material),
            passages=len(list(islice((None for _document in documents), LOOKED_AT))),
            is_partial=is_partial,
            findings=repeated.findings,
        )

    @property
    def kind(self) -> str:
        """Return the name of the kind of cases."""
        return str(CaseKind(self.survey.kind).label) if self.survey else ""

    @property
    def left_out(self) -> list[tuple[str, int]]:
        """Return (what, how many) for what would not come in."""
        return list(self.survey.left_out.items()) if self.survey else []


@dataclass(frozen=True)
class DocumentsPreview:
    """The first documents and what they come to, or the sentence that stops them."""

    rows: list[DocumentRow] = field(default_factory=list)
    survey: DocumentSurvey | None = None
    is_partial: bool = False
    problem: str = ""

    @classmethod
    def of(cls, files: Sequence[DocumentFile]) -> "DocumentsPreview":
        """Look at the beginning of some files; what is wrong with them is said, not raised."""
        survey = DocumentSurvey(remembers=True)
        try:
            rows, is_partial = _first(read_documents(files, survey))
            if not rows:
                raise BadInput(_("There are no documents in these files."))
        except BadInput as sentence:
            return cls(problem=str(sentence))
        return cls(rows[:SHOWN], survey, is_partial)

    @property
    def left_out(self) -> list[tuple[str, int]]:
        """Return (what, how many) for what would not come in."""
        return list(self.survey.left_out.items()) if self.survey else []


def _first(rows: Any) -> tuple[list[Any], bool]:
    """Return (the first rows, whether there are more than were looked at)."""
    first = list(islice(rows, SHOWN))
    looked_at = len(first) + sum(1 for _row in islice(rows, LOOKED_AT - len(first)))
    return first, looked_at >= LOOKED_AT and next(rows, None) is not None


def _unused(material: CaseMaterial) -> list[str]:
    """Return the columns of the first file that nothing is read from."""
    names = columns_of(material.files[0].path, material.files[0].title)
    return [name for name in names if name not in material.columns.named]
