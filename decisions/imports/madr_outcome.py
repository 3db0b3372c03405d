"""Which options an outcome chooses, in MADR's own words or in others; pure."""

from __future__ import annotations

import re

from decisions.imports.madr_text import key_of
from decisions.markdown_source import escaped, starts_with_prose

_QUOTED = re.compile(r"[\"“'„](.+?)[\"”'“](?=\s*(?:[,.;:]|because\b|$))")


def chosen_in(text: str, names: list[str]) -> tuple[list[int], str]:
    """Return which options a text chooses in MADR's own words, and the reasons after them."""
    rest, chosen = re.sub(r"^Chosen options?: ", "", text), []
    if rest == text:
        return [], text
    left = sorted(range(len(names)), key=lambda at: -len(names[at]))  # the longest first
    while found := [at for at in left if _quoted_at_start(rest, names[at])]:
        left.remove(found[0])
        chosen.append(found[0])
        rest = rest[len(_quoted_at_start(rest, names[found[0]])) :]
        if rest.startswith(", because"):
            return chosen, _reasons(rest.removeprefix(", because"), text)
        if not rest.startswith(", "):
            break
        rest = rest[2:]
    return [], text


def _reasons(rest: str, text: str) -> str:
    """Return the reasons by themselves, or the whole text where they would read as a list then."""
    line, _break, below = rest.partition("\n")
    if line.strip() in {"", ":"}:
        return below.strip("\n")
    return rest.strip() if starts_with_prose(rest.strip()) else text


def _quoted_at_start(text: str, name: str) -> str:
    """Return the quoted name that a text begins with, or ""."""
    return next((one for one in (f'"{escaped(name)}"', f'"{name}"') if text.startswith(one)), "")


def named_first(said: str, names: list[str]) -> list[int]:
    """Return the option whose name begins a sentence, or that is meant by its quoted words."""
    line = key_of(said)
    fits = [at for at, one in enumerate(names) if _begins(line, key_of(one))]
    if fits:
        return [max(fits, key=lambda at: len(names[at]))]
    quoted = _QUOTED.match(said)
    at = called(names, quoted[1]) if quoted else None
    return [] if at is None else [at]


def called(names: list[str], words: str) -> int | None:
    """Return which option is called so; the first words of a name will do if they fit one alone."""
    said = key_of(words)
    same = [at for at, one in enumerate(names) if key_of(one) == said]
    alike = same or [at for at, one in enumerate(names) if _begins(key_of(one), said)]
    return alike[0] if len(alike) == 1 else None


def _begins(line: str, name: str) -> bool:
    return bool(name) and line.startswith(name) and not line[len(name) : len(name) + 1].isalnum()
