"""Filters and tags for what is also printed: texts, numbers, digests, moments, marks.

The `printed_` tags draw their symbols in place, so that a document needs no other file.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from django import template
from django.contrib.staticfiles import finders
from django.utils.formats import date_format
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import gettext as _

from decisions import markdown as texts
from decisions import scripts
from decisions.exports.document import DAY
from decisions.marks import COLOURS
from decisions.models import OWNER, Evidence, Role
from decisions.numbers import (
    format_count,
    format_exact,
    format_measured,
    format_number,
)
from decisions.outcomes import Outcome
from decisions.references import Named, evidence_by

register = template.Library()

# The light theme's role colours, for paper; the same values as static/css/tokens.css.
ROLE_COLOURS = {
    Role.BUSINESS: "#7a4e00",
    Role.DATA_SCIENCE: "#1f4f8f",
    Role.DEVOPS: "#1f6148",
    Role.UX: "#6f3a86",
}
DIGEST_GROUP = 8
# A table of a text with more of them is printed in parts.
MOST_COLUMNS = 8
_SYMBOL = re.compile(r'<symbol id="([\w-]+)" viewBox="([^"]+)">(.*?)</symbol>', re.DOTALL)


@register.filter
def markdown(text: str, named: texts.Named | None = None) -> SafeString:
    """Return a record's text as HTML; `[[E3]]` becomes the figure, linked to its page."""
    return texts.render(text, named)


@register.simple_tag
def document_markdown(
    text: str, named: texts.Named | None = None, heading: int = texts.FIRST_HEADING
) -> SafeString:
    """Return a text as HTML whose figures link to their place in the same document."""
    return texts.render(
        text, named, link=texts.document_link, heading=heading, columns=MOST_COLUMNS
    )


@register.simple_tag
def said(text: str, moment: datetime, named: Named) -> SafeString:
    """Return what somebody said at a moment as HTML; it reads for ever as it did then."""
    return texts.said(text, evidence_by(named, moment))


@register.simple_tag
def document_said(
    text: str, moment: datetime, named: Named, heading: int = texts.FIRST_HEADING
) -> SafeString:
    """Return what somebody said as HTML whose figures link to their place in the document."""
    evidence = evidence_by(named, moment)
    return texts.said(
        text, evidence, link=texts.document_link, heading=heading, columns=MOST_COLUMNS
    )


@register.filter
def plain_text(text: str, named: texts.Named | None = None) -> str:
    """Return a text without Markdown, on one line: for lists and summaries."""
    return " ".join(texts.plain(text, named).split())


@register.filter
def as_written(text: object) -> SafeString:
    """Return a name or a short text as HTML, apart from its surroundings, in its own direction."""
    return scripts.as_written(str(text))


@register.filter
def script_of(text: object) -> SafeString:
    """Return ` dir="rtl" lang="…"` for the element that holds a text, as far as it needs them."""
    return scripts.attributes_of(str(text))


@register.filter
def measured(evidence: Evidence) -> str:
    """Return a measured value with its unit, to the precision its interval supports."""
    return _measured(evidence)[0]


@register.filter
def interval(evidence: Evidence) -> str:
    """Return a measurement's interval ("86.8–94.6"), or "" if it has none."""
    return _measured(evidence)[1]


@register.filter
def in_words(evidence: Evidence) -> str:
    """Return value, interval and n: "91.5 % (95% CI 86.8–94.6, n = 200)"."""
    return texts.figure_in_words(evidence)


@register.filter
def number(value: float | None, unit: str = "") -> str:
    """Return a number that a person set, as it was typed, with its unit."""
    return "" if value is None else format_exact(value, unit)


@register.filter
def plain_number(value: float) -> str:
    """Return a number as fields and addresses take it: 2, 0.5."""
    return f"{value:.12g}"


@register.filter
def rounded(value: float | None, places: int = 0) -> str:
    """Return a number rounded to so many places."""
    return "" if value is None else format_number(value, places)


@register.filter
def count(value: int | None) -> str:
    """Return a whole number with grouped thousands."""
    return "" if value is None else format_count(value)


@register.filter
def spec_words(spec: Mapping[str, Any]) -> str:
    """Return a candidate's spec as words: "technique: rag; retriever: bm25; k: 5"."""
    return "; ".join(_spelled(spec))


@register.filter
def source_words(evidence: Evidence) -> str:
    """Return the kind of evidence and where it is from; "Run 8" says itself that it is one."""
    kind, origin = str(evidence.get_kind_display()), evidence.origin
    return origin if origin.startswith(f"{kind} ") else f"{kind} · {origin}"


@register.filter
def digest(value: str) -> SafeString:
    """Return a digest in groups that an eye can compare, for a `.digest` element."""
    groups = [value[at : at + DIGEST_GROUP] for at in range(0, len(value), DIGEST_GROUP)]
    return format_html_join("", "<span>{}</span>", ((one,) for one in groups))


@register.filter
def short_digest(value: str) -> str:
    """Return a digest's first twelve characters, for passing mention."""
    return value[:12]


@register.filter
def exact(moment: datetime | None) -> SafeString | str:
    """Return a moment in full, in UTC."""
    if moment is None:
        return ""
    utc = moment.astimezone(UTC)
    return format_html('<time datetime="{}">{} UTC</time>', utc.isoformat(), _clock(utc))


@register.filter
def exact_in(moment: datetime, zone: str) -> str:
    """Return a moment in full on a person's own clock: "…, 15:03:22 Europe/Warsaw (UTC+01:00)"."""
    try:
        local = moment.astimezone(ZoneInfo(zone))
    except (KeyError, ValueError, OSError):
        return zone
    offset = local.strftime("%z")
    return f"{_clock(local)} {zone} (UTC{offset[:3]}:{offset[3:]})"


@register.simple_tag
def mark(name: str, title: str, css_class: str = "icon", colour: str = "") -> SafeString:
    """Return a symbol drawn in place, for what is also printed: it needs no other file.

    The document's tags take the title as the alternative text.
    """
    box, inside = _symbols()[name]
    return format_html(
        '<svg class="{}" viewBox="{}" aria-hidden="true"{}><title>{}</title>{}</svg>',
        css_class,
        box,
        format_html(' color="{}"', colour) if colour else "",
        title,
        mark_safe(inside),  # noqa: S308  (our own sprite)
    )


@register.simple_tag
def printed_role(role: str, owner: str = "") -> SafeString:
    """Return a role's mark and name in its colour; for the owner's part, who that is."""
    if role == OWNER:
        return format_html('<span class="role">{}</span>', owner or _("Owner"))
    known = Role(role)
    kind = f"role-{known.value}"
    drawn = mark(kind, str(known.label), f"role-mark {kind}", ROLE_COLOURS[known])
    return format_html('<span class="role {}">{} {}</span>', kind, drawn, known.label)


@register.simple_tag
def printed_outcome(found: Outcome | None) -> SafeString:
    """Return what a measurement says of a goal: a sign and a word."""
    if found is None:
        return SafeString("")
    kind = f"verdict-{found.value}"
    drawn = mark(found.icon, str(found.label), f"icon {kind}", COLOURS[found])
    return format_html('<span class="verdict {}">{} {}</span>', kind, drawn, found.label)


@register.simple_tag
def printed_rating(value: int) -> SafeString:
    """Return a rating as five discs and a number."""
    words = _("%(rating)s of 5") % {"rating": value}
    drawn = mark(f"rating-{value}", words, "rating-discs", "#1d1c1a")
    return format_html(
        '<span class="rating">{}<span aria-hidden="true">{}</span>'
        '<span class="visually-hidden">{}</span></span>',
        drawn,
        value,
        words,
    )


def _measured(evidence: Evidence) -> tuple[str, str]:
    """Return value and interval as text."""
    one = evidence
    return format_measured(one.value, one.low, one.high, one.unit, one.n)


def _spelled(value: Any, name: str = "") -> Iterator[str]:
    """Yield what a nested value says, a piece a name."""
    if isinstance(value, Mapping):
        for key, inner in value.items():
            yield from _spelled(inner, str(key).replace("_", " "))
    else:
        said = ", ".join(map(str, value)) if isinstance(value, list) else str(value)
        if name == "technique":  # its key: "prompting/zero_shot"
            said = said.replace("/", ", ").replace("_", " ")
        yield f"{name}: {said}" if name else said


def _clock(moment: datetime) -> str:
    """Return date and time to the second, in the reader's notation."""
    day = date_format(moment.date(), DAY)
    return f"{day}, {moment:%H:%M:%S}"


@cache
def _symbols() -> dict[str, tuple[str, str]]:
    """Return the sprite's symbols: name → (view box, drawing)."""
    path = finders.find("icons/sprite.svg")
    found = _SYMBOL.findall(Path(str(path)).read_text())
    return {name: (box, drawing) for name, box, drawing in found}
