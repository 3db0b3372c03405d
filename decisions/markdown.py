"""Markdown as people write it in a record → safe HTML, with figures in place of `[[E3]]`.

In a discussion `@ana` becomes the name of the person who is called so.
"""

from __future__ import annotations

import html
import re
from collections.abc import Callable, Mapping
from typing import Any, Protocol

import nh3
from django.utils.html import format_html
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import gettext as _
from markdown_it import MarkdownIt
from markdown_it.rules_core import StateCore
from markdown_it.rules_inline import StateInline
from markdown_it.token import Token

from decisions.numbers import format_figure

REFERENCE = re.compile(r"\[\[\s*(E[1-9][0-9]{0,8})\s*\]\]", re.IGNORECASE)
# A username is at most 150 characters; a full stop after it ends the sentence, not the name.
HANDLE = re.compile(r"@(\w[\w.@+-]{0,149})")
BEFORE_NO_HANDLE = re.compile(r"[\w/@]")
SCHEMES = {"http", "https", "mailto"}
# A record's page uses h1 to h3 itself.
FIRST_HEADING, LAST_HEADING = 4, 6

TAGS = {
    *("p", "br", "hr", "strong", "em", "s", "code", "pre", "blockquote", "ul", "ol", "li", "a"),
    *("h4", "h5", "h6", "table", "thead", "tbody", "tr", "th", "td", "mark", "span"),
}
ATTRIBUTES = {"a": {"href", "title"}, "ol": {"start"}}
CLASSES = {
    "a": {"evidence-link"},
    "mark": {"missing-evidence"},
    "span": {"mention"},
    "th": {"num"},
    "td": {"num"},
}


class EvidenceLike(Protocol):
    """What a text needs to know of a piece of evidence."""

    value: Any
    low: Any
    high: Any
    unit: Any
    n: Any
    interval_method: Any

    @property
    def reference(self) -> str:
        """Return its name in texts: `E3`."""

    @property
    def is_withdrawn(self) -> bool:
        """Return whether it no longer counts."""

    def get_absolute_url(self) -> str:
        """Return the address where it is shown."""


Link = Callable[[Any], str]


def page_link(evidence: EvidenceLike) -> str:
    """Return the address of a piece of evidence on its page."""
    return evidence.get_absolute_url()


def document_link(evidence: EvidenceLike) -> str:
    """Return where a piece of evidence is in the same document."""
    return f"#{evidence.reference}"


def figure_in_words(evidence: EvidenceLike) -> str:
    """Return value, interval and n, as they stand in a sentence."""
    return format_figure(
        evidence.value,
        evidence.low,
        evidence.high,
        evidence.unit,
        evidence.n,
        evidence.interval_method,
    )


def render(
    text: str,
    evidence: Mapping[str, EvidenceLike] | None = None,
    *,
    link: Link = page_link,
    heading: int = FIRST_HEADING,
    people: Mapping[str, str] | None = None,
) -> SafeString:
    """Return a text as safe HTML; `evidence` maps `E3` to the measurement it names.

    `people` maps handles in small letters ("ana") to the names that stand for them.
    Headings start at level `heading` (4 to 6) whatever the writer used, and never skip a level.
    Links lead to http, https or mail addresses only; raw HTML is shown as it was typed.
    """
    env = {"evidence": evidence or {}, "link": link, "heading": heading, "people": people or {}}
    cleaned = nh3.clean(
        _PARSER.render(text or "", env),
        tags=TAGS,
        attributes=ATTRIBUTES,
        allowed_classes=CLASSES,
        url_schemes=SCHEMES,
        link_rel="noopener noreferrer",
    )
    # Cleaned to the allowlist above.
    return mark_safe(cleaned)  # noqa: S308


def plain(
    text: str,
    evidence: Mapping[str, EvidenceLike] | None = None,
    people: Mapping[str, str] | None = None,
) -> str:
    """Return a text without its marks, figures and names in place, one line a block."""
    bare = html.unescape(nh3.clean(render(text, evidence, people=people), tags=set()))
    return "\n".join(line.strip() for line in bare.splitlines() if line.strip())


def references(text: str) -> list[str]:
    """Return the evidence that a text refers to ("E3"), each once, in order."""
    return list(dict.fromkeys(name.upper() for name in REFERENCE.findall(text or "")))


def handles_in(text: str, people: Mapping[str, str]) -> list[str]:
    """Return who is called by an `@handle` in a text, each once, in order; code calls no one."""
    inline = (token.children or [] for token in _PARSER.parse(text or "", {"people": people}))
    found = (token.content for children in inline for token in children if token.type == "mention")
    return list(dict.fromkeys(found))


def _cite(name: str, evidence: Mapping[str, EvidenceLike], link: Link) -> str:
    """Return the figure that a reference stands for, or a mark that says why there is none."""
    found = evidence.get(name)
    if found is None:
        return _missing(_("%(name)s: there is no such evidence") % {"name": name})
    if found.is_withdrawn:
        return _missing(_("%(name)s: this evidence was withdrawn") % {"name": name})
    told = {"name": name, "figure": figure_in_words(found)}
    words = _("%(figure)s [%(name)s]") % told
    return format_html('<a class="evidence-link" href="{}">{}</a>', link(found), words)


def _missing(sentence: str) -> str:
    return format_html('<mark class="missing-evidence">[{}]</mark>', sentence)


def _evidence_rule(state: StateInline, silent: bool) -> bool:
    """Take `[[E3]]` out of the text as a token of its own."""
    found = REFERENCE.match(state.src, state.pos)
    if not found or found.end() > state.posMax:
        return False
    if not silent:
        state.push("evidence", "", 0).content = found[1].upper()
    state.pos = found.end()
    return True


def _render_evidence(
    renderer: Any, tokens: list[Token], index: int, options: Any, env: dict[str, Any]
) -> str:
    return _cite(tokens[index].content, env["evidence"], env["link"])


def _mention_rule(state: StateInline, silent: bool) -> bool:
    """Take `@ana` out of the text as a token of its own, if someone is called so."""
    before = state.src[state.pos - 1 : state.pos]
    found = HANDLE.match(state.src, state.pos, state.posMax)
    if not found or BEFORE_NO_HANDLE.match(before):
        return False
    handle = _known_handle(found[1], state.env.get("people") or {})
    if not handle:
        return False
    if not silent:
        state.push("mention", "", 0).content = handle.lower()
    state.pos += 1 + len(handle)
    return True


def _known_handle(word: str, people: Mapping[str, str]) -> str:
    """Return the handle that a word is, without the signs that end a sentence; "" if unknown."""
    least = len(word.rstrip(".@+-"))
    ends = range(len(word), least - 1, -1)
    return next((word[:end] for end in ends if word[:end].lower() in people), "")


def _render_mention(
    renderer: Any, tokens: list[Token], index: int, options: Any, env: dict[str, Any]
) -> str:
    return format_html('<span class="mention">{}</span>', env["people"][tokens[index].content])


def _shift_headings(state: StateCore) -> None:
    """Give the headings levels that start where the page's own end, without gaps."""
    open_levels: list[int] = []
    for token in state.tokens:
        if token.type == "heading_open":
            level = int(token.tag[1:])
            open_levels = [one for one in open_levels if one < level] + [level]
        if token.type in {"heading_open", "heading_close"}:
            rank = state.env.get("heading", FIRST_HEADING) + len(open_levels) - 1
            token.tag = f"h{min(rank, LAST_HEADING)}"


def _align_numbers(state: StateCore) -> None:
    """Turn a column's alignment into a class: inline styles are never let through."""
    for token in state.tokens:
        if token.type in {"th_open", "td_open"}:
            style = str(token.attrs.pop("style", ""))
            token.attrs |= {"class": "num"} if style.endswith("right") else {}


def _may_link(url: str) -> bool:
    """Return whether an address has one of the allowed schemes."""
    return url.partition(":")[0].strip().lower() in SCHEMES and ":" in url


def _parser() -> MarkdownIt:
    """Return the parser: CommonMark with tables and strikethrough, no HTML, no images."""
    parser = MarkdownIt("commonmark", {"html": False}).enable(["table", "strikethrough"])
    parser.disable("image")
    parser.validateLink = _may_link  # type: ignore[method-assign]
    parser.inline.ruler.before("link", "evidence", _evidence_rule)
    parser.inline.ruler.before("link", "mention", _mention_rule)
    parser.core.ruler.push("headings", _shift_headings)
    parser.core.ruler.push("alignment", _align_numbers)
    parser.add_render_rule("evidence", _render_evidence)
    parser.add_render_rule("mention", _render_mention)
    return parser


_PARSER = _parser()
