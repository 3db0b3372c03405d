"""What would come in from an upload, seen from its beginning; the import itself checks it all."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

from django.utils.translation import gettext as _

from decisions.policies import BadInput
from evaluations.freezing import CaseMaterial
from evaluations.importers.cases import CaseRow, Survey, read_cases, shape_of_all
from evaluations.importers.documents import (
    DocumentFile,
    DocumentRow,
    DocumentSurvey,
    read_documents,
)
from evaluations.importers.rows import columns_of
from evaluations.models import CaseKind

# Rows that are looked at before the import: enough to see what is meant, quick enough to wait for.
LOOKED_AT = 20_000
SHOWN = 8


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

    @classmethod
    def of(cls, material: Callable[[], CaseMaterial]) -> "CasesPreview":
        """Look at the beginning of some files; what is wrong with them is said, not raised."""
        try:
            return cls._looked_at(material())
        except BadInput as sentence:
            return cls(problem=str(sentence))

    @classmethod
    def _looked_at(cls, material: CaseMaterial) -> "CasesPreview":
        shape = shape_of_all(material.files)
        has_documents = bool(material.corpus or material.passages)
        survey = material.survey("-" if has_documents else "", remembers=True)
        rows, is_partial = _first(read_cases(material.files, material.columns, survey))
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
