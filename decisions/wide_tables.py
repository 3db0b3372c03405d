"""Tables too wide for a page: shown in parts, the first column before each, so nothing is cut."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from math import ceil

from django.utils.html import format_html
from django.utils.translation import gettext as _
from markdown_it.rules_core import StateCore
from markdown_it.token import Token

# As many letters as stand side by side on a page: with longer words, all columns get equal room.
LETTERS = 80
# Tables that are wider are no tables that anyone reads; in each part the first column is repeated.
MOST_SPLIT = 100
_BETWEEN_WORDS = re.compile(r"\s+")

# The cells of a line of a table, or a single token that is in no cell.
Line = list[list[Token]]


def even_parts(count: int, most: int) -> list[range]:
    """Return so many rows or columns in as few parts as hold at most `most`, nearly alike."""
    size = ceil(count / ceil(count / most)) if count else 1
    return [range(at, min(at + size, count)) for at in range(0, max(count, 1), size)]


def split_wide_tables(state: StateCore) -> None:
    """Put parts of `columns` columns in the place of every table that has more; 0 splits none."""
    most = state.env.get("columns", 0)
    if most:
        state.tokens = list(_split(state.tokens, most))


def _split(tokens: list[Token], most: int) -> Iterator[Token]:
    """Yield the tokens of a text, those of wide tables as parts; tables do not nest."""
    table: list[Token] = []
    for token in tokens:
        if table or token.type == "table_open":
            table.append(token)
        else:
            yield token
        if token.type == "table_close":
            yield from _parts(table, most)
            table = []


def _parts(table: list[Token], most: int) -> Iterator[Token]:
    count = sum(token.type == "th_open" for token in table)
    lines = list(_lines(table))
    if count <= most or count > MOST_SPLIT:
        yield from _part(lines, range(count))
        return
    step = most - 1
    for start in range(1, count, step):
        end = min(start + step, count)
        told = {"first": start + 1, "last": end, "count": count}
        words = _("Columns %(first)s to %(last)s of %(count)s, after the first") % told
        yield Token("html_block", "", 0, content=format_html('<p class="table-part">{}</p>', words))
        yield from _part(lines, [0, *range(start, end)])


def _part(lines: list[Line], columns: Sequence[int]) -> Iterator[Token]:
    """Yield a table of some of the columns, marked where these need equal room."""
    kept = list(_kept(lines, columns))
    opening = kept[0].copy()
    if _needs_equal_room(kept, len(columns)):
        opening.attrs = {**opening.attrs, "class": "even"}
    yield opening
    yield from kept[1:]


def _lines(table: list[Token]) -> Iterator[Line]:
    """Yield a table's tokens, and the cells of each of its lines: every token is looked at once."""
    cells: Line = []
    for token in table:
        if token.type in {"th_open", "td_open"}:
            cells.append([])
        if token.type == "tr_close":
            yield cells
            cells = []
        if cells:
            cells[-1].append(token)
        else:
            yield [[token]]


def _kept(lines: list[Line], columns: Sequence[int]) -> Iterator[Token]:
    """Yield a table's tokens without the cells of other columns."""
    for line in lines:
        is_cells = bool(line) and line[0][0].type in {"th_open", "td_open"}
        for cell in [line[at] for at in columns if at < len(line)] if is_cells else line:
            yield from cell


def _needs_equal_room(table: list[Token], count: int) -> bool:
    """Return whether the longest words of all columns together are wider than a page."""
    longest, column = [0] * count, 0
    for token in table:
        if token.type == "tr_open":
            column = 0
        if token.type == "inline":
            words = _BETWEEN_WORDS.split(token.content)
            longest[column] = max(longest[column], *map(len, words))
            column += 1
    return sum(longest) > LETTERS
