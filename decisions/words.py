"""Which words differ between two texts."""

import re
from collections.abc import Iterator
from difflib import SequenceMatcher
from enum import StrEnum

WORD = re.compile(r"\s+|\w+|[^\w\s]")


class Kind(StrEnum):
    """What became of a run of words."""

    SAME = "same"
    REMOVED = "removed"
    ADDED = "added"


def compare_words(before: str, after: str) -> list[tuple[Kind, str]]:
    """Return runs of words that stayed, went and came, in reading order.

    Joining what is not ADDED gives `before`; joining what is not REMOVED gives `after`.
    """
    return list(_runs(WORD.findall(before), WORD.findall(after)))


def _runs(before: list[str], after: list[str]) -> Iterator[tuple[Kind, str]]:
    matcher = SequenceMatcher(None, before, after, autojunk=False)
    for tag, start, end, other_start, other_end in matcher.get_opcodes():
        if tag == "equal":
            yield Kind.SAME, "".join(before[start:end])
            continue
        if end > start:
            yield Kind.REMOVED, "".join(before[start:end])
        if other_end > other_start:
            yield Kind.ADDED, "".join(after[other_start:other_end])
