"""What a record can leave as: how each format is made, called and sent. One entry a format."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import rfc8785
from django.conf import settings

from decisions.exports.archive import canonical_archive
from decisions.exports.archive_form import FORMAT_VERSION
from decisions.exports.document import RecordDocument, relations_in_words
from decisions.exports.evidence_csv import evidence_csv
from decisions.exports.madr import madr
from decisions.exports.source import TEMPLATE_VERSION, document_source
from decisions.models import Decision, DocumentFormat, User


@dataclass(frozen=True)
class Made:
    """A finished file, and how many pages it has if it has any."""

    content: bytes
    pages: int | None = None


@dataclass(frozen=True)
class Format:
    """A format: `source` gives a digest that changes whenever the file would say something else.

    Of a PDF that is what its pages show: the data in it is as of when they were made.
    `make` raises `Moved` where somebody wrote while it read. `tells_head` says that the file names
    the head of the audit log, so that it anchors the log. Only what `is_shown` by browsers safely
    is not sent as a download.
    """

    make: Callable[[RecordDocument], Made]
    source: Callable[[Decision], str]
    content_type: str
    extension: str
    tells_head: bool = True
    is_shown: bool = False


def _pdf(document: RecordDocument, paper: str = "") -> Made:
    # Loading the renderer costs half a second: only who makes pages pays for it.
    from decisions.exports.pdf import make_pdf

    made = make_pdf(document, paper or settings.PAPER)
    return Made(made.content, made.pages)


def _html(document: RecordDocument) -> Made:
    from decisions.exports.pdf import one_html_file

    return _gathered(document, one_html_file(document).encode())


def _madr(document: RecordDocument) -> Made:
    return _gathered(document, madr(document).encode())


def _csv(document: RecordDocument) -> Made:
    return _gathered(document, evidence_csv(document.record))


def _json(document: RecordDocument) -> Made:
    return _gathered(document, canonical_archive(document.record))


def _gathered(document: RecordDocument, content: bytes) -> Made:
    """Return a file that is finished as soon as its rows are read, if that was in one moment."""
    document.ensure_one_moment()
    return Made(content)


def _as_shown(decision: Decision) -> str:
    return document_source(decision).digest


def _as_printed(decision: Decision, paper: str = "") -> str:
    """Digest what is shown, and the paper that it is printed on."""
    told = f"{_as_shown(decision)} {paper or settings.PAPER}"
    return hashlib.sha256(told.encode()).hexdigest()


def _on(paper: str, extension: str) -> Format:
    """Return the PDF on one kind of paper, whatever the installation's own is."""
    return Format(
        partial(_pdf, paper=paper),
        partial(_as_printed, paper=paper),
        "application/pdf",
        extension,
        is_shown=True,
    )


def _as_told(decision: Decision) -> str:
    """Digest what moves whenever anything of the record does, without reading all of it.

    Whatever is done to a record is an event; being exported changes nothing of it. What is said of
    other records and of people can change without one. The caller holds the record's lock.
    """
    last = decision.events.exclude(kind="export").last()
    told: dict[str, Any] = {
        "versions": [TEMPLATE_VERSION, FORMAT_VERSION],
        "address": settings.PUBLIC_URL,
        "record": [str(decision.uid), decision.reference, decision.digest],
        "status": decision.shown_status,
        "last": last.hash if last else "",
        "relations": relations_in_words(decision),
        "people": sorted(_names_in(decision)),
    }
    return hashlib.sha256(rfc8785.dumps(told)).hexdigest()


def _names_in(decision: Decision) -> set[str]:
    """Return the names of who acted on a record or takes part in it."""
    acted = User.objects.filter(pk__in=decision.events.values("actor"))
    takes_part = User.objects.filter(pk__in=decision.participants.values("user"))
    names = acted.union(takes_part).values_list("name", flat=True)
    return {decision.owner.name, *names}


FORMATS: dict[str, Format] = {
    DocumentFormat.PDF: Format(_pdf, _as_printed, "application/pdf", "pdf", is_shown=True),
    DocumentFormat.PDF_A4: _on("A4", "a4.pdf"),
    DocumentFormat.PDF_LETTER: _on("Letter", "letter.pdf"),
    DocumentFormat.HTML: Format(_html, _as_shown, "text/html; charset=utf-8", "html"),
    DocumentFormat.MADR: Format(
        _madr, _as_told, "text/markdown; charset=utf-8", "md", tells_head=False
    ),
    DocumentFormat.CSV: Format(_csv, _as_shown, "text/csv; charset=utf-8", "csv", tells_head=False),
    DocumentFormat.JSON: Format(_json, _as_told, "application/json", "json"),
}
