"""The fonts that one HTML file brings along: as `data:` addresses, of each what its text needs.

Latin-1 and the usual signs are always in, so that a process makes the subsets once and not for
every record; whatever else the text has comes on top of that.
"""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Iterable, Iterator
from functools import cache, lru_cache
from io import BytesIO
from pathlib import Path

from django.contrib.staticfiles import finders
from fontTools import subset  # type: ignore[import-untyped]
from fontTools.ttLib import TTFont  # type: ignore[import-untyped]

from decisions.fonts import document_files, drawn_by_source, font_files
from decisions.scripts import undrawable

HOUSE, MONOSPACED, SCRIPTS = "css/fonts.css", "css/printed_fonts.css", "css/scripts.css"
USUAL = frozenset(
    [
        *range(0x20, 0x7F),
        *range(0xA0, 0x100),
        *map(ord, "–—‘’“”„…•·→←≤≥≈×−€✓✗†‡‰\u2009\u2011\u202f"),
    ]
)
# Letters of another script that a file brings a font for: a thousand of Chinese take some 200 kB.
# With more of them it is left to the reader's fonts.
MOST_LETTERS = 2_000
# Who made the font and under which licence: to be kept with it (SIL Open Font License).
KEPT_NAMES = [0, 1, 2, 13, 14]

_FACE = re.compile(r"@font-face \{[^}]*\}")
_FAMILY = re.compile(r'font-family: "([^"]+)"')
_SOURCE = re.compile(r'url\("[^"]*/fonts/([^"/]+)"\) format\("\w+"\)')


def embedded_fonts(html: str) -> str:
    """Return a style sheet that holds the fonts for a document's text, and names them first."""
    plain = USUAL | drawn_by_source() & set(map(ord, html))
    scripts = dict(_scripts(set(map(ord, undrawable(html, drawn_by_source())))))
    house = [_embedded(face, plain) for sheet in (HOUSE, MONOSPACED) for face in _faces(sheet)]
    return "\n".join([*house, *scripts.values(), _families(scripts)])


def _scripts(letters: set[int]) -> Iterator[tuple[str, str]]:
    """Yield the fonts that draw letters beyond Source's, by family: the first that has a letter."""
    left = set(letters)
    for face in _faces(SCRIPTS) if letters else ():
        mine = left & _drawn_by(_file_of(face))
        if mine and len(mine) <= MOST_LETTERS:
            left -= mine
            yield _FAMILY.findall(face)[0], _embedded(face, frozenset(mine))


def _families(scripts: Iterable[str]) -> str:
    """Return in what texts are set: in these fonts, then in the reader's."""
    others = "".join(f'"{family}", ' for family in scripts)
    return (
        ":root {\n"
        f'  --serif: "Source Serif Pro", "Source Sans Pro", {others}Georgia, serif;\n'
        f'  --sans: "Source Sans Pro", "Source Serif Pro", {others}"Segoe UI", sans-serif;\n'
        f'  --mono: "Source Code Pro", "Source Sans Pro", {others}ui-monospace, monospace;\n'
        "}"
    )


@cache
def _faces(sheet: str) -> tuple[str, ...]:
    """Return the fonts that a packaged style sheet declares."""
    return tuple(_FACE.findall(Path(str(finders.find(sheet))).read_text()))


def _file_of(face: str) -> Path:
    (name,) = _SOURCE.findall(face)
    return (font_files() | document_files())[name]


@cache
def _drawn_by(file: Path) -> frozenset[int]:
    """Return the code points that a font has a glyph for."""
    with TTFont(file, lazy=True) as font:
        return frozenset(font.getBestCmap())


def _embedded(face: str, letters: frozenset[int]) -> str:
    """Return a font's declaration with these letters of it inside."""
    address = f'url("data:font/woff2;base64,{_subset(_file_of(face), letters)}") format("woff2")'
    return _SOURCE.sub(lambda _found: address, face)


@lru_cache(maxsize=64)
def _subset(file: Path, letters: frozenset[int]) -> str:
    """Return a font with these letters alone, in base64: a third of a second; the same bytes."""
    options = subset.Options(flavor="woff2", hinting=False, name_IDs=KEPT_NAMES)
    with subset.load_font(str(file), options) as font:
        cut = subset.Subsetter(options)
        cut.populate(unicodes=letters)
        cut.subset(font)
        target = BytesIO()
        subset.save_font(font, target, options)
    return b64encode(target.getvalue()).decode()
