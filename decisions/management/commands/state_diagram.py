"""Draw the workflow from its table: print it, or write it into docs/architecture.md."""

from typing import Any

from django.conf import settings

from decisions.management.written import Document, WritingCommand
from decisions.workflow import ANY, MOVES, PARTY_NAMES, Move, state_diagram


def parts() -> dict[str, str]:
    """Return the diagram and the table of moves."""
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


DOCUMENT = Document(settings.BASE_DIR / "docs" / "architecture.md", "state_diagram", parts)


class Command(WritingCommand):
    """Print the workflow's diagram and table of moves, or write both into the architecture page."""

    help = __doc__
    document = DOCUMENT
