"""What a decision's file tells of itself: front matter, lines of details, its name; pure."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import PurePath

from django.utils.translation import gettext as _

from decisions.imports.madr_text import LONGEST_TITLE, MARK, blocks_of, cut, joined

# What files tell of themselves, by the reason why it stays a text.
_STATUS = "status"
_DATES = "date|proposed|accepted|updated|created"
_PEOPLE = "deciders|decision[- ]makers?|consulted|informed|authors?|owner"
_TAGS = "tags"
_OTHERS = "supersedes|superseded[- ]by"
KEYS = f"{_STATUS}|{_DATES}|{_PEOPLE}|{_TAGS}|{_OTHERS}"
_KEY = re.compile(rf"(?i)({KEYS})\s*:")
FRONT_KEY = re.compile(r"^([\w-]+)\s*:\s*(.*)$")
_FILE_NUMBER = re.compile(r"^[\d_-]+(?=[^\d_-])")


def details_apart(text: str) -> tuple[str, str]:
    """Return the lines that tell of the file (status, date …), and the rest."""
    told: list[str] = []
    rest: list[str] = []
    for block in blocks_of(text):
        lines = [MARK.sub("", one) for one in block.split("\n") if one.strip()]
        (told if all(_KEY.match(one) for one in lines) else rest).append(block)
    return joined(told), joined(rest)


def without_front(text: str) -> tuple[str, str]:
    """Return the front matter without its fences, and the rest."""
    lines = text.split("\n")
    if lines[0].rstrip() != "---":
        return "", text
    end = next((at for at, one in enumerate(lines) if at and one.rstrip() in {"---", "..."}), 0)
    return "\n".join(lines[1:end]), "\n".join(lines[end + 1 :]) if end else text


def unquoted(said: str) -> str:
    """Return a value of the front matter without its quotes."""
    return said.strip().strip("\"'").strip()


def title_of_name(file_name: str) -> str:
    """Return what a file without a title is called by its name: without number, as words."""
    stem = PurePath(file_name.replace("\\", "/")).stem
    words = _FILE_NUMBER.sub("", stem).replace("-", " ").replace("_", " ").strip()
    return cut(words[:1].upper() + words[1:], LONGEST_TITLE) or _("Imported decision")


def why_kept(keys: Iterable[str]) -> str:
    """Return why what a file tells of itself under these keys stays a text: each reason once."""
    reasons = {
        _STATUS: _("A record begins as a draft, whatever its status was elsewhere."),
        _DATES: _("A date from elsewhere is kept as text: the record’s own log begins here."),
        _PEOPLE: _("People are invited, and sign, in the record itself."),
        _TAGS: _("The record’s tags stand in its details."),
        _OTHERS: _("Links to other records are made in the record itself."),
    }
    told = [
        next((why for form, why in reasons.items() if re.fullmatch(f"(?i){form}", key)), "")
        for key in keys
    ]
    without = _("The record has no such part.")
    return " ".join(dict.fromkeys(one or without for one in told)) or _("As it was written.")
