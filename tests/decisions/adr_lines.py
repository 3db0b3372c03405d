"""What a line of an imported file says once its marks are taken off: the test of "no text lost"."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from typing import Any

from decisions.exports.madr import driver
from decisions.imports.madr import NAMES, Option, Outline
from decisions.madr_template import (
    DATA_NEEDED,
    LOOK_AGAIN,
    NOT_CHOSEN,
    RATINGS,
    REVIEW_ON,
    RISKS,
    Place,
    chosen_words,
    own_places,
)
from decisions.markdown_source import escaped, headings, shifted
from decisions.models import Decision, Goal

_UNDERLINE = re.compile(r"(=+|-+)\s*")
_MARKS = re.compile(
    r"^[\s>]*(?:#{1,6}(?=\s|$)|(?:[-*+]|\d{1,9}[.)])(?=\s|$))?\s*(.*?)(?:\s+#+)?\s*$"
)
_OPTIONAL = re.compile(r"\s*<!--\s*optional\s*-->$")
_HEADING = re.compile(r" {0,3}#{1,6}(?:\s|$)")


def said_in(line: str) -> str:
    """Return a line without the marks before it, single-spaced. All that stands behind counts."""
    found = _MARKS.match(line)
    said = " ".join((found[1] if found else line).split())
    return said if said == line else said_in(said)


def lost_lines(text: str, outline: Outline) -> list[str]:
    """Return the lines of a file that no line of the outline's texts says, or says too seldom.

    Structure may go, and nothing else: underlines, headings that name a part of a record, headings
    that repeat an option's name, the template's mark of optional parts in headings, and the words
    by which MADR chooses where their option is chosen, or says that none is.
    """
    held = Counter(said_in(line) for one in outline.texts for line in one.split("\n"))
    held.update(said_in(driver(Goal(**one))) for one in outline.goals)
    held.update(_labels(outline))
    if day := outline.answers.get(REVIEW_ON):
        held[f"{LOOK_AGAIN} {day}."] += 1
    lost = []
    for line in _lines(text):
        said = _OPTIONAL.sub("", said_in(line)) if _HEADING.match(line) else said_in(line)
        if not said or _UNDERLINE.fullmatch(line.strip()) or _is_structure(line, outline):
            continue
        if held[said] < 1:
            said = _without_choice(said, outline)
        held[said] -= 1
        if said and held[said] < 0:
            lost.append(line)
    return lost


def _labels(outline: Outline) -> Iterator[str]:
    """Yield what the choices among the answers are called."""
    choices = {one.place: dict(one.choices) for one in own_places().values() if one.choices}
    for place, said in outline.answers.items():
        if place in choices:
            yield choices[place][said]


def outline_of_rows(record: Decision) -> Outline:
    """Return what the rows of a record say, to hold against the file that it came from."""
    candidates = list(record.candidates.all())
    letters = [one.letter for one in candidates]
    answers: dict[Place, Any] = {}
    chosen: list[str] = []
    for section in record.sections.all():
        answers |= {(section.kind, name): text for name, text in section.data.items()}
        chosen += answers.pop((section.kind, "chosen"), [])
    fields = ("metric", "name", "direction", "target", "worst_acceptable", "unit", "weight")
    return Outline(
        record.title,
        answers=answers,
        options=[Option(one.name, one.summary, one.data_needed, one.risks) for one in candidates],
        goals=list(record.goals.values(*fields, "is_must", "proposed_by_role")),
        chosen=[letters.index(one) for one in chosen],
    )


def _lines(text: str) -> Iterator[str]:
    """Yield the lines of a file, underlined headings with number signs and in one line."""
    lines = text.split("\n")
    body = re.match(r"---\s*\n.*?\n(?:---|\.\.\.)\s*(?:\n|$)", text, re.DOTALL)
    before = body[0].count("\n") if body else 0
    yield from lines[:before]
    yield from closed_headings("\n".join(lines[before:])).split("\n")


def closed_headings(text: str) -> str:
    """Return a text whose headings all have number signs; their levels stay."""
    return shifted(text, min((one.level for one in headings(text)), default=1))


def _is_structure(line: str, outline: Outline) -> bool:
    if not _HEADING.match(line):
        return False
    said = _OPTIONAL.sub("", said_in(line))
    names = {name for one in outline.options for name in (one.name, escaped(one.name))}
    is_part = said.casefold() in NAMES
    is_of_option = line.startswith("#### ") and said in {DATA_NEEDED, RISKS, RATINGS}
    return is_part or is_of_option or said in names or said in own_places()


def _without_choice(said: str, outline: Outline) -> str:
    names = [outline.options[at].name for at in outline.chosen]
    plain = f'Chosen option: "{names[0]}", because' if len(names) == 1 else ""
    if said == NOT_CHOSEN and not names:
        return ""
    for words in (chosen_words(names), plain):
        if words and names and said.startswith(words):
            return said.removeprefix(words).removeprefix(":").strip()
    return said
