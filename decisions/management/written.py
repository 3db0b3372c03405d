"""Documents with parts that a command writes from data, so that the two cannot drift apart."""

from argparse import ArgumentParser
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.utils import translation

START = "<!-- {name}: written by manage.py {command} --write -->"
END = "<!-- end of {name} -->"


@dataclass(frozen=True)
class Document:
    """A file under docs/, and what a command writes between which markers."""

    path: Path
    command: str
    make: Callable[[], dict[str, str]]

    def parts(self) -> dict[str, str]:
        """Return the written parts by the name in their markers, in English."""
        with translation.override("en"):
            return self.make()

    def read(self) -> str:
        """Return the document as it is."""
        return self.path.read_text(encoding="utf-8")

    def updated(self, text: str) -> str:
        """Return `text` with its written parts made anew; raises CommandError without markers."""
        for name, part in self.parts().items():
            text = self._replaced(text, name, part)
        return text

    def write(self) -> None:
        """Bring the written parts of the file up to date."""
        self.path.write_text(self.updated(self.read()), encoding="utf-8")

    def _replaced(self, text: str, name: str, part: str) -> str:
        start, end = START.format(name=name, command=self.command), END.format(name=name)
        before, _start, rest = text.partition(start)
        _old, found, after = rest.partition(end)
        if not found:
            raise CommandError(f"{self.path.name} lacks the markers {start} … {end}.")
        return f"{before}{start}\n{part}\n{end}{after}"


class WritingCommand(BaseCommand):
    """Print what is written into a document, or write it there."""

    document: Document

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--write", action="store_true", help="write it into the document")

    def handle(self, *, write: bool, **options: Any) -> None:
        """Print the parts, or put them between their markers."""
        if write:
            self.document.write()
            self.stdout.write(f"Written into {self.document.path.relative_to(settings.BASE_DIR)}.")
        else:
            self.stdout.write("\n\n".join(self.document.parts().values()))
