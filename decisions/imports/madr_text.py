"""A Markdown text in pieces: its parts under their headings, the items of its lists; pure."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from markdown_it.token import Token

from decisions.markdown_source import Heading, blocks, headings, shifted, words_of

LONGEST_TITLE, LONGEST_NAME = 200, 120  # characters

OPTIONAL = re.compile(r"\s*<!--\s*optional\s*-->\s*$")
MARK = re.compile(r"^\s*(?:[-*+]|\d{1,9}[.)])\s+")


@dataclass(frozen=True)
class Part:
    """A heading with all that is under it, or (without one) what comes before the first."""

    heading: Heading | None
    lines: tuple[str, ...]

    @property
    def text(self) -> str:
        return "\n".join(self.lines).strip("\n")

    @property
    def name(self) -> str:
        """Return what the heading says, for comparing."""
        return key_of(self.title)

    @property
    def title(self) -> str:
        """Return the heading as it was written, without the template's mark of optional parts."""
        return OPTIONAL.sub("", self.heading.source) if self.heading else ""

    @property
    def heading_line(self) -> str:
        """Return the heading as a line of Markdown."""
        return f"{'#' * self.heading.level} {self.title}" if self.heading else ""

    def split(self, level: int) -> list[Part]:
        """Return what comes first, and a part for each heading of at most this level."""
        return split("\n".join(self.lines), level)


def split(text: str, level: int) -> list[Part]:
    """Return what comes before the first heading of at most this level, and a part for each."""
    lines = text.split("\n")
    found = [one for one in headings(text) if one.level <= level]
    ends = [*(one.start for one in found), len(lines)][1:]
    first = Part(None, tuple(lines[: found[0].start] if found else lines))
    return [first] + [
        Part(one, tuple(lines[one.end : end])) for one, end in zip(found, ends, strict=True)
    ]


def next_level(part: Part) -> int:
    """Return the level of the highest headings under a part's own."""
    return min((one.level for one in headings("\n".join(part.lines))), default=6)


@dataclass(frozen=True)
class _Item:
    """A block of a text: an item of a list (`said` is its text without the mark), or another."""

    source: str
    words: str = ""
    said: str = ""
    is_item: bool = False


def items_of(text: str) -> list[_Item]:
    """Return a text in pieces: each item of its lists, and each run of lines that is none."""
    lines = text.split("\n")
    pieces, at = [], 0
    for start, end, words in _list_items(text):
        pieces += _plain_piece(lines[at:start])
        while end > start and not lines[end - 1].strip():
            end -= 1
        source = lines[start:end]
        pieces.append(_Item("\n".join(source), words, _said(source), is_item=True))
        at = end
    return pieces + _plain_piece(lines[at:])


def _plain_piece(lines: list[str]) -> list[_Item]:
    text = "\n".join(lines).strip("\n")
    return [_Item(text)] if text.strip() else []


def _list_items(text: str) -> Iterator[tuple[int, int, str]]:
    """Yield where each outermost item of a list is, and what its first line says."""
    tokens = blocks(text)
    for at, one in enumerate(tokens):
        if one.type == "list_item_open" and one.level == 1 and one.map:
            yield one.map[0], one.map[1], _first_words(tokens[at + 1 : at + 3])


def _first_words(tokens: list[Token]) -> str:
    is_text = len(tokens) > 1 and tokens[0].type == "paragraph_open"
    return words_of(tokens[1].content) if is_text else ""


def _said(source: list[str]) -> str:
    """Return an item without its mark, its further lines moved to the left."""
    first = MARK.sub("", source[0])
    rest = textwrap.dedent("\n".join(source[1:]))
    return f"{first}\n{rest}" if rest else first


def blocks_of(text: str) -> Iterator[str]:
    """Yield the outermost blocks of a text as they were written, with what is between them."""
    lines = text.split("\n")
    starts = [one.map[0] for one in blocks(text) if one.level == 0 and one.map]
    starts = [0, *dict.fromkeys(one for one in starts if one)]
    for start, end in zip(starts, [*starts[1:], len(lines)], strict=True):
        block = "\n".join(lines[start:end]).strip("\n")
        if block.strip():
            yield block


def under(title: str, text: str) -> str:
    """Return a text under a heading of its own."""
    return f"## {title}\n\n{shifted(text, 3)}".rstrip("\n") if title else text


def joined(texts: Iterable[str]) -> str:
    """Return texts one under another, without those that say nothing."""
    return "\n\n".join(one.strip("\n") for one in texts if one.strip())


def key_of(words: str) -> str:
    """Return words for comparing: small letters, no quotes, single spaces."""
    bare = re.sub(r"[\"'`“”‘’„]", "", words)
    return " ".join(bare.split()).rstrip(":").casefold()


def cut(words: str, longest: int) -> str:
    """Return words that fit; what is cut off is told elsewhere."""
    words = " ".join(words.split())
    return words if len(words) <= longest else words[: longest - 1].rstrip() + "…"
