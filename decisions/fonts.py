"""Fonts, from their packages: Source for pages and documents, Noto for other scripts in documents.

A browser brings fonts for other scripts along; a document embeds what it shows (PDF/A), and shows
the same on every machine, so it takes none that the machine happens to have.
"""

import importlib.util
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

from django.contrib.staticfiles.finders import BaseFinder
from django.core.files.storage import FileSystemStorage
from fontTools.ttLib import TTFont  # type: ignore[import-untyped]

PACKAGES = ("font_source_serif_pro", "font_source_sans_pro")
STYLES = ("Regular", "It", "Semibold", "SemiboldIt", "Bold")
# Right to left, India, Southeast Asia, East Asia; and a monospaced one.
DOCUMENT_PACKAGES = (
    "justmytype_intl_rtl",
    "justmytype_intl_south_asia",
    "justmytype_intl_sea",
    "noto_cjk_sans_jp_regular",
    "fontpkg_source_code_pro",
)


def font_files() -> dict[str, Path]:
    """Return the font files the pages and documents use, by file name.

    The packages are located without being imported: they need pkg_resources, which is gone.
    """
    files = {}
    for package in PACKAGES:
        for style in STYLES:
            for path in _folder(package).glob(f"files/*Pro-{style}.otf"):
                files[path.name] = path
    return files


@cache
def document_files() -> dict[str, Path]:
    """Return the font files that documents use besides, by a plain name: "NotoSansArabic.ttf"."""
    found = (
        path for package in DOCUMENT_PACKAGES for path in sorted(_folder(package).rglob("*.[ot]tf"))
    )
    return {f"{path.stem.partition('[')[0]}{path.suffix}": path for path in found}


@cache
def drawable() -> frozenset[int]:
    """Return the code points that a font of ours has a glyph for."""
    return drawn_by_source() | _drawn_by(document_files())


@cache
def drawn_by_source() -> frozenset[int]:
    """Return the code points that Source has a glyph for, in its upright form."""
    return _drawn_by({one: path for one, path in font_files().items() if "Regular" in one})


def _drawn_by(files: Mapping[str, Path]) -> frozenset[int]:
    known: set[int] = set()
    for path in files.values():
        with TTFont(path, lazy=True) as font:
            known.update(font.getBestCmap())
    return frozenset(known)


def _folder(package: str) -> Path:
    """Return where a package lies; raises `ModuleNotFoundError` where it is not installed."""
    spec = importlib.util.find_spec(package)
    if spec is None or not spec.submodule_search_locations:
        raise ModuleNotFoundError(package)
    return Path(spec.submodule_search_locations[0])


class FontFinder(BaseFinder):
    """Finds `fonts/NAME.otf` among the packages' files."""

    def find(self, path: str, find_all: bool = False, **kwargs: Any) -> Any:
        """Return the file's place; an empty list, as finders do, where there is none."""
        folder, _, name = path.partition("/")
        found = font_files().get(name) if folder == "fonts" else None
        if found is None:
            return []
        return [str(found)] if find_all else str(found)

    def list(self, ignore_patterns: Any) -> Iterator[Any]:
        """Yield each font with the storage it lies in."""
        for name, path in font_files().items():
            storage = FileSystemStorage(location=path.parent)
            storage.prefix = "fonts"  # type: ignore[attr-defined]
            yield name, storage
