"""Source Serif and Source Sans, served from their packages."""

import importlib.util
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from django.contrib.staticfiles.finders import BaseFinder
from django.core.files.storage import FileSystemStorage

PACKAGES = ("font_source_serif_pro", "font_source_sans_pro")
STYLES = ("Regular", "It", "Semibold", "SemiboldIt", "Bold")


def font_files() -> dict[str, Path]:
    """Return the font files the pages and documents use, by file name.

    The packages are located without being imported: they need pkg_resources, which is gone.
    """
    files = {}
    for package in PACKAGES:
        spec = importlib.util.find_spec(package)
        if spec and spec.submodule_search_locations:
            folder = Path(spec.submodule_search_locations[0]) / "files"
            for style in STYLES:
                for path in folder.glob(f"*Pro-{style}.otf"):
                    files[path.name] = path
    return files


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
