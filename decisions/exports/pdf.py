"""A record as a PDF: one HTML template, the page's fonts and tokens, nothing from elsewhere."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache, partial
from io import BytesIO
from pathlib import Path
from typing import Any
from urllib.parse import quote
from urllib.request import DataHandler, Request

from django.contrib.staticfiles import finders
from django.template.loader import render_to_string
from django.utils.safestring import mark_safe
from django.utils.translation import gettext as _
from fontTools.pens.svgPathPen import SVGPathPen  # type: ignore[import-untyped]
from fontTools.pens.transformPen import TransformPen  # type: ignore[import-untyped]
from fontTools.ttLib import TTFont  # type: ignore[import-untyped]
from weasyprint import CSS, HTML, Attachment
from weasyprint.text.fonts import FontConfiguration
from weasyprint.urls import URLFetcher, URLFetcherResponse

from decisions.exports.archive import canonical_archive
from decisions.exports.archive_form import EVIDENCE, RECORD
from decisions.exports.conformance import VARIANT, finish
from decisions.exports.document import PAPERS, TEMPLATE, RecordDocument, record_document
from decisions.exports.embedded_fonts import embedded_fonts
from decisions.exports.evidence_csv import evidence_csv
from decisions.fonts import document_files, drawable, drawn_by_source, font_files
from decisions.models import Decision
from decisions.scripts import name_of, spelled_out, undrawable
from decisions.svg import wrap

# No host has this name (RFC 2606): the fetcher below answers for it from the package.
ASSETS = "https://countersign.invalid/static/"
FONTS = ("css/fonts.css", "css/printed_fonts.css")
SCRIPTS = "css/scripts.css"
STYLES = ("css/tokens.css", "css/document.css", "css/pdf.css")
SCREEN_STYLES = (*STYLES, "css/figures.css", "css/one_file.css")
_ASSET = re.compile(r"(?:css|fonts|icons)/[A-Za-z0-9_-]+\.(?:css|otf|svg|ttf)")
# Of the running head, in points, as in pdf.css.
HEAD_WIDTH, HEAD_SIZE = 128 / 25.4 * 72, 7.6
# Letters of a `data:` address: the stamp across a draft's pages takes some ten thousand.
LONGEST_DATA = 1_000_000
# What a browser finds fonts for.
EVERY_LETTER = range(sys.maxunicode + 1)


class PackagedOnly(URLFetcher):
    """Fetches `data:` addresses and the packaged fonts, styles and icons; refuses all else."""

    def __init__(self) -> None:
        super().__init__(allowed_protocols={"data"}, allow_redirects=False)

    def fetch(self, url: str, headers: Any = None) -> URLFetcherResponse:
        """Return what is at an address; raises `ValueError` for one that is not packaged."""
        if url[:5].lower() == "data:":
            return _in_itself(url)
        name = url.removeprefix(ASSETS)
        if name == url or not _ASSET.fullmatch(name):
            raise ValueError(f"Not packaged: {url}")
        path = document_files().get(name.removeprefix("fonts/")) or finders.find(name)
        if not isinstance(path, str | Path):
            raise ValueError(f"Not packaged: {url}")
        return URLFetcherResponse(url, Path(path).read_bytes())


def _in_itself(url: str) -> URLFetcherResponse:
    """Return what a `data:` address holds: no proxy of the machine's is asked, as urllib would."""
    if len(url) > LONGEST_DATA:
        raise ValueError(f"Not packaged: {len(url)} letters of data")
    found = DataHandler().data_open(Request(url))  # noqa: S310  (its scheme is known)
    return URLFetcherResponse(url, found.read(), dict(found.headers.items()))


@dataclass(frozen=True)
class RenderedPdf:
    """A PDF file and how many pages it has."""

    content: bytes
    pages: int


@dataclass(frozen=True)
class _House:
    """The fonts and styles of all documents, read once a process."""

    fonts: FontConfiguration
    styles: tuple[CSS, ...]


def render_pdf(decision: Decision, paper: str = "A4") -> bytes:
    """Return the record as it stands now as a PDF file."""
    return make_pdf(record_document(decision), paper).content


def make_pdf(document: RecordDocument, paper: str = "A4") -> RenderedPdf:
    """Return a document as a PDF on A4 or Letter paper; the same document gives the same bytes."""
    html, attachments = _drawable_html(document), _attachments(document)
    document.ensure_one_moment()
    house = _house(with_scripts=bool(undrawable(html, drawn_by_source())))
    page = CSS(
        string=_page_rules(document, paper), url_fetcher=PackagedOnly(), font_config=house.fonts
    )
    laid_out = HTML(string=html, base_url=ASSETS, url_fetcher=PackagedOnly()).render(
        stylesheets=[*house.styles, page],
        font_config=house.fonts,
        pdf_variant=VARIANT,
    )
    target = BytesIO()
    laid_out.write_pdf(
        target,
        pdf_variant=VARIANT,
        pdf_identifier=bytes.fromhex(document.digest)[:16],
        attachments=attachments,
        finisher=finish,
    )
    return RenderedPdf(target.getvalue(), len(laid_out.pages))


def _attachments(document: RecordDocument) -> list[Attachment]:
    """Return the record as data, of which the pages are a view, and its evidence as a table.

    Both are dated by the record's last event, so that they are the same for the same record.
    """
    last = document.last_event
    when = last.at if last else document.record.created_at
    dated = partial(Attachment, created=when, modified=when)
    record, table = canonical_archive(document.record), evidence_csv(document.record)
    told = _("The record as data"), _("All evidence as a table, for spreadsheets")
    return [
        dated(string=record, name=RECORD, description=told[0], relationship="Source"),
        dated(string=table, name=EVIDENCE, description=told[1], relationship="Data"),
    ]


def render_html(document: RecordDocument, styles: str = "", spelled: Sequence[str] = ()) -> str:
    """Return the document's HTML, with `styles` (CSS) inside it.

    It tells which letters are `spelled` out, where there are any.
    """
    context = {
        "document": document,
        "styles": mark_safe(styles),  # noqa: S308  Our own stylesheets.
        "spelled": ", ".join(_spelling(one) for one in spelled),
    }
    return render_to_string(TEMPLATE, context)


def _spelling(letter: str) -> str:
    """Return what stands in a letter's place, with its number: "[girl] U+1F467"."""
    name, number = name_of(letter), f"U+{ord(letter):04X}"
    return name if number in name else f"{name} {number}"


def _drawable_html(document: RecordDocument) -> str:
    """Return the document's HTML without letters that no font draws: they are written out."""
    html = render_html(document)
    letters = undrawable(html, drawable())
    if not letters:
        return html
    head, body, rest = render_html(document, spelled=letters).partition("<body")
    return head + body + spelled_out(rest, letters)


def one_html_file(document: RecordDocument) -> str:
    """Return the record as one HTML file that needs no other: its fonts are in it.

    What turns the order of letters round is written out, as in the PDF.
    """
    styles = "\n".join(_asset(name) for name in SCREEN_STYLES)
    html = render_html(document, styles)
    if letters := undrawable(html, EVERY_LETTER):
        html = spelled_out(render_html(document, styles, letters), letters)
    before, tag, after = html.partition("</style>")
    return f"{before}\n{embedded_fonts(html)}{tag}{after}"


@cache
def _house(*, with_scripts: bool) -> _House:
    """Read fonts and styles: about half a second, so once a process.

    The fonts for other scripts are 20 MB, and are read for documents that need any of them.
    """
    # A weight that is cut out of a variable font is dated with this, else with the moment.
    os.environ.setdefault("SOURCE_DATE_EPOCH", "0")
    fonts = FontConfiguration()
    styles = tuple(
        CSS(url=f"{ASSETS}{name}", url_fetcher=PackagedOnly(), font_config=fonts)
        for name in (*STYLES, *FONTS, *([SCRIPTS] if with_scripts else []))
    )
    return _House(fonts, styles)


def _asset(name: str) -> str:
    return Path(str(finders.find(name))).read_text()


def _page_rules(document: RecordDocument, paper: str) -> str:
    """Return what each page says at its edges, and the stamp behind its text."""
    record = document.record
    status = document.stamp or str(record.get_status_display())
    page_of = _("Page %(page)s of %(pages)s") % {
        "page": '" counter(page) "',
        "pages": '" counter(pages) "',
    }
    signed = _("version %(version)s · %(digest)s") % {
        "version": record.version,
        "digest": document.digest[:12],
    }
    # Cut here: the ellipsis that the renderer sets would mean, when copied, all that it stands for.
    (head,) = wrap(f"{record.reference} · {record.title}", HEAD_WIDTH, HEAD_SIZE, lines=1)
    return f"""
    @page {{
      size: {paper};
      @top-left {{ content: {_quoted(head)} }}
      @top-right {{ content: {_quoted(status)} }}
      @bottom-left {{ content: {_quoted(signed)} }}
      @bottom-right {{ content: "{page_of}" }}
      {_stamp(document.stamp, *PAPERS[paper])}
    }}"""


@cache
def _stamp(words: str, width: int, height: int) -> str:
    """Return the page background that says across the page that it does not stand as approved.

    Drawn as outlines: as letters it would turn up between the lines of text copied from the page.
    """
    if not words:
        return ""
    outline, length = _outline(words)
    scale = min(0.084, 760 / length)
    drawing = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}"'
        f' height="{height}"><path d="{outline}" fill="#f6ece8"'
        f' transform="translate({width // 2} {height // 2}) rotate(-52) '
        f'scale({scale:.5f} {-scale:.5f}) translate({-length / 2:.0f} -330)"/></svg>'
    )
    address = f"data:image/svg+xml,{quote(drawing)}"
    return f'background: url("{address}") center / 100% auto no-repeat;'


def _outline(words: str) -> tuple[str, float]:
    """Return a line of text as an SVG path, and its length, in thousandths of an em."""
    font = TTFont(font_files()["SourceSansPro-Semibold.otf"])
    glyphs, names = font.getGlyphSet(), font.getBestCmap()
    pen = SVGPathPen(glyphs, lambda number: f"{number:.0f}")
    at = 0.0
    for letter in words:
        glyph = glyphs[names.get(ord(letter), ".notdef")]
        glyph.draw(TransformPen(pen, (1, 0, 0, 1, at, 0)))
        at += glyph.width
    return pen.getCommands(), at


def _quoted(text: str) -> str:
    """Return a text as a CSS string, whatever is in it."""
    told = spelled_out(text, undrawable(text, drawable()))
    return '"' + "".join(_css_letter(letter) for letter in told) + '"'


def _css_letter(letter: str) -> str:
    plain = letter.isalnum() or letter in " .,-–·:;()?!/'’"
    return letter if plain else f"\\{ord(letter):x} "
