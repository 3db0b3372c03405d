"""Draw the workflow from its table: print it, or write it into docs/architecture.md."""

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.utils import translation

from decisions.workflow import ANY, MOVES, PARTY_NAMES, Move, state_diagram

DOCUMENT = settings.BASE_DIR / "docs" / "architecture.md"
START = "<!-- {name}: written by manage.py state_diagram --write -->"
END = "<!-- end of {name} -->"


class Command(BaseCommand):
    """Print the workflow's diagram and table of moves, or write both into the architecture page."""

    help = __doc__

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--write", action="store_true", help="write them into the document")

    def handle(self, *, write: bool, **options: Any) -> None:
        """Print both parts, or put them between their markers in docs/architecture.md."""
        if write:
            write_into(DOCUMENT)
            self.stdout.write(f"Written into {DOCUMENT.relative_to(settings.BASE_DIR)}.")
        else:
            self.stdout.write("\n\n".join(parts().values()))


def parts() -> dict[str, str]:
    """Return the generated parts of the document, by the name in their markers, in English."""
    with translation.override("en"):
        diagram = f"```mermaid\n{state_diagram()}\n```"
        return {"state diagram": diagram, "table of moves": moves_table()}


def moves_table() -> str:
    """Return the moves as a Markdown table: action, from, to, by, held back by."""
    head = ["| action | from | to | by | held back by |", "|---|---|---|---|---|"]
    return "\n".join([*head, *(_line(move) for move in MOVES.values())])


def _line(move: Move) -> str:
    sources = "any" if move.sources == ANY else _words(move.sources)
    by = " or ".join(str(PARTY_NAMES[party]) for party in move.parties)
    held_back = _words(move.holds)
    return f"| {move.action} | {sources} | {_words([move.target or ''])} | {by} | {held_back} |"


def _words(names: Any) -> str:
    """Return identifiers as words: `in_review` is "in review"."""
    return ", ".join(name.replace("_", " ") for name in names)


def updated(text: str) -> str:
    """Return the document with its generated parts written anew."""
    for name, part in parts().items():
        text = _replaced(text, START.format(name=name), END.format(name=name), part)
    return text


def _replaced(text: str, start: str, end: str, part: str) -> str:
    """Return `text` with `part` between two markers; raises `CommandError` if one is missing."""
    before, _start, rest = text.partition(start)
    _old, found, after = rest.partition(end)
    if not found:
        raise CommandError(f"{DOCUMENT.name} lacks the markers {start} … {end}.")
    return f"{before}{start}\n{part}\n{end}{after}"


def write_into(document: Path) -> None:
    """Bring the generated parts of the document up to date."""
    document.write_text(updated(document.read_text(encoding="utf-8")), encoding="utf-8")
