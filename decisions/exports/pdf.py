"""A record as a PDF: one HTML template, the page's fonts and tokens, nothing from elsewhere."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from io import BytesIO
from pathlib import Path
from typing import Any
from urllib.parse import quote

from django.contrib.staticfiles import finders
from django.template.loader import render_to_string
from django.utils.safestring import mark_safe
from django.utils.translation import gettext as _
from fontTools.pens.svgPathPen import SVGPathPen  # type: ignore[import-untyped]
from fontTools.pens.transformPen import TransformPen  # type: ignore[import-untyped]
from fontTools.ttLib import TTFont  # type: ignore[import-untyped]
from weasyprint import CSS, HTML
from weasyprint.text.fonts import FontConfiguration
from weasyprint.urls import URLFetcher, URLFetcherResponse

from decisions.exports.document import RecordDocument, record_document
from decisions.fonts import font_files
from decisions.models import Decision

# No host has this name (RFC 2606): the fetcher below answers for it from the package.
ASSETS = "https://countersign.invalid/static/"
STYLESHEETS = ("css/fonts.css", "css/tokens.css", "css/document.css", "css/pdf.css")
_ASSET = re.compile(r"(?:css|fonts|icons)/[A-Za-z0-9_-]+\.(?:css|otf|svg)")
VARIANT = "pdf/ua-1"


class PackagedOnly(URLFetcher):
    """Fetches `data:` addresses and the packaged fonts, styles and icons; refuses all else."""

    def __init__(self) -> None:
        super().__init__(allowed_protocols={"data"}, allow_redirects=False)

    def fetch(self, url: str, headers: Any = None) -> URLFetcherResponse:
        """Return what is at an address; raises `ValueError` for one that is not packaged."""
        if url.lower().startswith("data:"):
            return super().fetch(url, headers)
        name = url.removeprefix(ASSETS)
        if name == url or not _ASSET.fullmatch(name):
            raise ValueError(f"Not packaged: {url}")
        path = finders.find(name)
        if not isinstance(path, str):
            raise ValueError(f"Not packaged: {url}")
        return URLFetcherResponse(url, Path(path).read_bytes())


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


def render_pdf(decision: Decision) -> bytes:
    """Return the record as it stands now as a PDF file."""
    return make_pdf(record_document(decision)).content


def make_pdf(document: RecordDocument) -> RenderedPdf:
    """Return a document as a PDF; the same document gives the same bytes."""
    house = _house()
    page = CSS(string=_page_rules(document), url_fetcher=PackagedOnly(), font_config=house.fonts)
    laid_out = HTML(
        string=render_html(document), base_url=ASSETS, url_fetcher=PackagedOnly()
    ).render(
        stylesheets=[*house.styles, page],
        font_config=house.fonts,
        pdf_variant=VARIANT,
        pdf_identifier=bytes.fromhex(document.digest)[:16],
    )
    target = BytesIO()
    laid_out.write_pdf(
        target, pdf_variant=VARIANT, pdf_identifier=bytes.fromhex(document.digest)[:16]
    )
    return RenderedPdf(target.getvalue(), len(laid_out.pages))


def render_html(document: RecordDocument, styles: str = "") -> str:
    """Return the document's HTML, with `styles` (CSS) inside it."""
    # Our own stylesheets.
    context = {"document": document, "styles": mark_safe(styles)}  # noqa: S308
    return render_to_string("decisions/document/document.html", context)


def self_contained_html(decision: Decision) -> str:
    """Return the record as one HTML file that needs no other; fonts fall back to the reader's."""
    sheets = [_asset(name) for name in STYLESHEETS if name != "css/fonts.css"]
    return render_html(record_document(decision), "\n".join(sheets))


@cache
def _house() -> _House:
    """Read fonts and styles: about half a second, so once a process."""
    fonts = FontConfiguration()
    styles = tuple(
        CSS(url=f"{ASSETS}{name}", url_fetcher=PackagedOnly(), font_config=fonts)
        for name in STYLESHEETS
    )
    return _House(fonts, styles)


def _asset(name: str) -> str:
    return Path(str(finders.find(name))).read_text()


def _page_rules(document: RecordDocument) -> str:
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
    return f"""
    @page {{
      @top-left {{ content: {_quoted(f"{record.reference} · {record.title}")} }}
      @top-right {{ content: {_quoted(status)} }}
      @bottom-left {{ content: {_quoted(signed)} }}
      @bottom-right {{ content: "{page_of}" }}
      {_stamp(document.stamp)}
    }}"""


@cache
def _stamp(words: str) -> str:
    """Return the page background that says across the page that it does not stand as approved.

    Drawn as outlines: as letters it would turn up between the lines of text copied from the page.
    """
    if not words:
        return ""
    outline, length = _outline(words)
    scale = min(0.084, 760 / length)
    drawing = (
        '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 595 842" width="595" height="842">'
        f'<path d="{outline}" fill="#f6ece8" transform="translate(297 421) rotate(-52) '
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
    return '"' + "".join(_css_letter(letter) for letter in text) + '"'


def _css_letter(letter: str) -> str:
    plain = letter.isalnum() or letter in " .,-–·:;()?!/'’"
    return letter if plain else f"\\{ord(letter):x} "
