"""Markdown as people typed it, by lines: to put it into a larger text, or take it out of one.

What is read here is CommonMark by its parser's tokens and their lines; nothing is rendered.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

from markdown_it import MarkdownIt
from markdown_it.token import Token

DEEPEST = 6
# Where a text leaves something open, this heading after it would be taken for a part of it.
_AFTER = "# after"
# Within a word an underscore says itself.
_SPECIAL = re.compile(r"([\\`*\[\]<>#|~!&]|(?<![^\W_])_|_(?![^\W_]))")
_TAG = re.compile(r"^( {0,3})<")
_MARKER = re.compile(r"^(\d+)([.)])|^([-+=])")


@cache
def _parser() -> MarkdownIt:
    """Return the parser of files: CommonMark with tables."""
    return MarkdownIt("commonmark").enable("table")


@cache
def _block_parser() -> MarkdownIt:
    """Return the same parser, which leaves alone what is within a line: most of the work."""
    return MarkdownIt("commonmark").enable("table").disable("inline")


def blocks(text: str) -> list[Token]:
    """Return the tokens of a text's blocks with their lines; lines are as they were typed."""
    return _block_parser().parse(text)


@dataclass(frozen=True)
class Heading:
    """A heading that is in no list and no quotation: lines `start` to `end`, counted from 0."""

    level: int
    start: int
    end: int
    source: str
    words: str


def headings(text: str) -> list[Heading]:
    """Return the headings of a text's outline, in order."""
    tokens = blocks(text)
    return [_heading(tokens, at) for at, one in enumerate(tokens) if _opens_heading(one)]


def _opens_heading(token: Token) -> bool:
    return token.type == "heading_open" and token.level == 0


def _heading(tokens: list[Token], at: int) -> Heading:
    opening, inline = tokens[at], tokens[at + 1]
    start, end = opening.map or (0, 0)
    source = " ".join(inline.content.split())
    return Heading(int(opening.tag[1:]), start, end, source, words_of(source))


def words_of(line: str) -> str:
    """Return what a line of Markdown says, without marks."""
    said = "".join(_own_words(_parser().parseInline(line)))
    return " ".join(said.split())


def _own_words(tokens: list[Token]) -> Iterator[str]:
    for one in tokens:
        if one.type in {"softbreak", "hardbreak"}:
            yield " "
        elif one.type in {"text", "text_special", "code_inline", "html_inline"}:
            yield one.content
        elif one.children:
            yield from _own_words(one.children)


def escaped(words: str) -> str:
    """Return words as Markdown that says just them, also at the start of a line."""
    safe = _SPECIAL.sub(r"\\\1", " ".join(words.split()))
    return _MARKER.sub(lambda at: f"{at[1]}\\{at[2]}" if at[1] else f"\\{at[3]}", safe)


def shifted(text: str, top: int) -> str:
    """Return a text whose highest heading is of level `top`; the others keep their distance.

    None is deeper than 6, and underlined headings come out with number signs.
    """
    found = headings(text)
    if not found:
        return text
    lines = text.split("\n")
    by = top - min(one.level for one in found)
    for one in reversed(found):
        level = min(one.level + by, DEEPEST)
        lines[one.start : one.end] = [f"{'#' * level} {one.source}".rstrip()]
    return "\n".join(lines)


def closed(text: str) -> str:
    """Return a text that leaves nothing open which would take in what comes after it."""
    text = text.replace("\r\n", "\n").replace("\r", "\n").strip("\n")
    last = _left_open(text)
    if last is None:
        return text
    ended = _with_end(text, last)
    # What is nested too deep for a parser to find its end is kept as it was typed.
    return fenced(text) if _left_open(ended) else ended


def _left_open(text: str) -> Token | None:
    """Return the block that does not end with the text, if there is one."""
    outermost = [one for one in blocks(f"{text}\n\n{_AFTER}") if one.level == 0 and one.map]
    last = outermost[-1] if outermost else None
    return None if last is None or last.type == "heading_open" else last


def _with_end(text: str, last: Token) -> str:
    """Return the text with a fence closed, or with raw HTML that never ends made plain text."""
    if last.type == "fence":
        return f"{text}\n{last.markup}"
    lines = text.split("\n")
    start = (last.map or [0])[0]
    # Every line of it: each could begin such a block anew.
    return "\n".join([*lines[:start], *(_TAG.sub(r"\1\\<", one) for one in lines[start:])])


def fenced(text: str, language: str = "") -> str:
    """Return a text as a block of code, whatever is in it."""
    longest = max((len(one) for one in re.findall(r"`+", text)), default=0)
    fence = "`" * max(3, longest + 1)
    return f"{fence}{language}\n{text}\n{fence}"


def starts_with_prose(text: str) -> bool:
    """Return whether a text begins with a paragraph."""
    tokens = blocks(text)
    return bool(tokens) and tokens[0].type == "paragraph_open"
