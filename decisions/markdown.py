"""Markdown as people write it in a record → safe HTML, with figures in place of `[[E3]]`.

`[[accuracy]]` becomes what the goal on that metric asks for. In a discussion `@ana` becomes the
name of the person who is called so. What somebody said under their name (`said`) reads for ever as
it did then: evidence is never edited and has a number, but a goal is a name there.
"""

from __future__ import annotations

import html
import re
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, Protocol

import nh3
from django.utils.html import escape, format_html
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import gettext as _
from markdown_it import MarkdownIt
from markdown_it.rules_core import StateCore
from markdown_it.rules_inline import StateInline
from markdown_it.token import Token

from decisions.forest_plot import Target
from decisions.numbers import format_figure
from decisions.scripts import language_of, runs_right_to_left
from decisions.wide_tables import split_wide_tables

OPENING = "[["
# A piece of evidence, or a goal's metric (at most 60 characters).
REFERENCE = re.compile(r"\[\[\s*([a-z][\w-]{0,59})\s*\]\]", re.ASCII | re.IGNORECASE)
EVIDENCE_NAME = re.compile(r"E[1-9][0-9]{0,8}", re.IGNORECASE)
NOT_PROSE = "\N{OBJECT REPLACEMENT CHARACTER}"
# A username is at most 150 characters; a full stop after it ends the sentence, not the name.
HANDLE = re.compile(r"@(\w[\w.@+-]{0,149})")
BEFORE_NO_HANDLE = re.compile(r"[\w/@]")
SCHEMES = {"http", "https", "mailto"}
# A record's page uses h1 to h3 itself; a document says which levels stand above a text.
FIRST_HEADING, LAST_HEADING = 4, 6

TAGS = {
    *("p", "br", "hr", "strong", "em", "s", "code", "pre", "blockquote", "ul", "ol", "li", "a"),
    *("h3", "h4", "h5", "h6", "table", "thead", "tbody", "tr", "th", "td", "mark", "span"),
}
ATTRIBUTES = {"*": {"dir", "lang"}, "a": {"href", "title"}, "ol": {"start"}}
CLASSES = {
    "p": {"table-part"},
    "table": {"even"},
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
    withdrawn_reason: Any
    stale_because: Any

    @property
    def reference(self) -> str:
        """Return its name in texts: `E3`."""

    @property
    def is_withdrawn(self) -> bool:
        """Return whether it no longer counts."""

    @property
    def is_stale(self) -> bool:
        """Return whether what it rests on has moved since."""

    def get_absolute_url(self) -> str:
        """Return the address where it is shown."""


class GoalLike(Protocol):
    """What a text needs to know of a goal."""

    name: Any
    target: Any
    direction: Any
    unit: Any

    def get_absolute_url(self) -> str:
        """Return the address where it is shown."""


# What a text may refer to: evidence as "E3", goals by their metric in small letters.
Named = Mapping[str, EvidenceLike | GoalLike]
Link = Callable[[Any], str]
# What stands in the place of a reference, by what was typed between the brackets.
Cite = Callable[[str], str]


def page_link(found: EvidenceLike | GoalLike) -> str:
    """Return the address of a piece of evidence, or of a goal, on its page."""
    return found.get_absolute_url()


def document_link(found: EvidenceLike | GoalLike) -> str:
    """Return where it is in the same document: anchors have the same names there."""
    return "#" + found.get_absolute_url().partition("#")[2]


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


def goal_in_words(goal: GoalLike) -> str:
    """Return what a goal asks for, as it stands in a sentence: "at least 85 %"."""
    return Target(goal.target, goal.direction == "at_least").words(goal.unit)


def name_of(typed: str) -> str:
    """Return the name that is meant by what stands between the brackets: "E3", "accuracy"."""
    return typed.upper() if EVIDENCE_NAME.fullmatch(typed) else typed.lower()


def render(
    text: str,
    named: Named | None = None,
    *,
    link: Link = page_link,
    heading: int = FIRST_HEADING,
    people: Mapping[str, str] | None = None,
    columns: int = 0,
) -> SafeString:
    """Return a text as safe HTML; `named` maps `E3` to evidence and `accuracy` to a goal.

    `people` maps handles in small letters ("ana") to the names that stand for them.
    Tables of more than so many `columns` are shown in parts; 0: none is.
    Headings start at level `heading` (3 to 6) whatever the writer used, and never skip a level.
    Links lead to http, https or mail addresses only; raw HTML is shown as it was typed.
    """
    cite = partial(_cite, named=named or {}, link=link)
    return _html(text, cite, people or {}, heading, columns)


def said(
    text: str,
    evidence: Mapping[str, EvidenceLike],
    *,
    link: Link = page_link,
    heading: int = FIRST_HEADING,
    people: Mapping[str, str] | None = None,
    columns: int = 0,
) -> SafeString:
    """Return what somebody said as safe HTML, which reads the same whatever changes later.

    `evidence` is what there was to refer to when it was said: its figures never change, and where
    it no longer counts its own page says so. Everything else between brackets stays a name.
    """
    cite = partial(_cite_said, evidence=evidence, link=link)
    return _html(text, cite, people or {}, heading, columns)


def _html(
    text: str, cite: Cite, people: Mapping[str, str], heading: int, columns: int
) -> SafeString:
    """Return a text as safe HTML with what `cite` says in the place of its references."""
    env = {"cite": cite, "heading": heading, "people": people, "columns": columns}
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


def plain(text: str, named: Named | None = None) -> str:
    """Return a text without its marks, figures in place, one line a block."""
    return without_marks(render(text, named))


def without_marks(shown: str) -> str:
    """Return what HTML says, one line a block."""
    bare = html.unescape(nh3.clean(shown, tags=set()))
    return "\n".join(line.strip() for line in bare.splitlines() if line.strip())


def references(text: str) -> list[str]:
    """Return what a text refers to ("E3", "accuracy"), each once, in order; not within code."""
    if OPENING not in (text or ""):
        return []
    return _contents_of("reference", text, {})


def prose(text: str) -> list[str]:
    """Return what a text says in its own words, a string a block, without marks.

    In the place of code and references, which are not its own words, stands `NOT_PROSE`.
    """
    blocks = (token.children for token in _PARSER.parse(text or "", {}) if token.children)
    return ["".join(_own_words(one) for one in children) for children in blocks]


def _own_words(token: Token) -> str:
    """Return what a piece of a block says; breaks are spaces, and marks say nothing."""
    if token.type in {"softbreak", "hardbreak"}:
        return " "
    if token.type in {"text", "text_special"}:
        return token.content
    return NOT_PROSE if token.type in {"code_inline", "reference"} else ""


def handles_in(text: str, people: Mapping[str, str]) -> list[str]:
    """Return who is called by an `@handle` in a text, each once, in order; code calls no one."""
    return _contents_of("mention", text, {"people": people})


def _contents_of(kind: str, text: str, env: dict[str, Any]) -> list[str]:
    """Return what the tokens of a kind hold, each once, in order."""
    inline = (token.children or [] for token in _PARSER.parse(text or "", env))
    found = (token.content for children in inline for token in children if token.type == kind)
    return list(dict.fromkeys(found))


def _cite(typed: str, named: Named, link: Link) -> str:
    """Return what a reference stands for, or what was typed with the reason why there is nothing.

    Evidence that no longer holds is struck, with a word beside it and the reason in the title.
    """
    name = name_of(typed)
    found: Any = named.get(name)
    if found is None:
        return _missing(typed, name)
    if not EVIDENCE_NAME.fullmatch(name):
        told = {"name": found.name, "target": goal_in_words(found)}
        return _linked(link(found), _("%(target)s [%(name)s]") % told)
    told = {"name": name, "figure": figure_in_words(found)}
    words = _("%(figure)s [%(name)s]") % told
    if found.is_withdrawn:
        return _struck(link(found), words, _("withdrawn"), found.withdrawn_reason)
    if found.is_stale:
        return _struck(link(found), words, _("out of date"), found.stale_because)
    return _linked(link(found), words)


def _cite_said(typed: str, evidence: Mapping[str, EvidenceLike], link: Link) -> str:
    """Return the figure of evidence that there was, and of all else the name that was typed."""
    name = name_of(typed)
    if name not in evidence:
        return escape(typed)
    told = {"name": name, "figure": figure_in_words(evidence[name])}
    return _linked(link(evidence[name]), _("%(figure)s [%(name)s]") % told)


def _linked(url: str, words: str) -> str:
    return format_html('<a class="evidence-link" href="{}">{}</a>', url, words)


def _struck(url: str, words: str, state: str, reason: str) -> str:
    return format_html(
        '<a class="evidence-link" href="{}" title="{}"><s>{}</s></a>'
        ' <mark class="missing-evidence">({})</mark>',
        url,
        reason,
        words,
        state,
    )


def _missing(typed: str, name: str) -> str:
    """Return an unknown name as it was typed, with a hint."""
    is_evidence = EVIDENCE_NAME.fullmatch(name)
    hint = _("there is no such evidence") if is_evidence else _("there is no such goal")
    return format_html('<mark class="missing-evidence">[[{}]] ({})</mark>', typed, hint)


def _reference_rule(state: StateInline, silent: bool) -> bool:
    """Take `[[E3]]` out of the text as a token of its own; `[[words]](address)` is a link."""
    found = REFERENCE.match(state.src, state.pos)
    if not found or found.end() > state.posMax:
        return False
    if not EVIDENCE_NAME.fullmatch(found[1]) and state.src.startswith("(", found.end()):
        return False
    if not silent:
        token = state.push("reference", "", 0)
        token.content, token.info = name_of(found[1]), found[1]
    state.pos = found.end()
    return True


def _render_reference(
    renderer: Any, tokens: list[Token], index: int, options: Any, env: dict[str, Any]
) -> str:
    cite: Cite = env["cite"]
    return cite(tokens[index].info)


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
    state.pos += _rest_of_name(handle, state.env["people"][handle.lower()], state)
    return True


def _rest_of_name(handle: str, name: str, state: StateInline) -> int:
    """Return how much of the person's name follows the handle: "@ana Lima" calls Ana Lima once."""
    rest = name[len(handle) :]
    said = state.src[state.pos : state.pos + len(rest)]
    is_name = bool(rest) and (handle + said).casefold() == name.casefold()
    after = state.src[state.pos + len(rest) : state.pos + len(rest) + 1]
    return len(rest) if is_name and not after.isalnum() else 0


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


def _mark_scripts(state: StateCore) -> None:
    """Say of each block that runs from right to left, or is drawn for a language, that it does."""
    for at, token in enumerate(state.tokens):
        if token.type == "inline" and not token.content.isascii():
            holder = state.tokens[at - 1]
            # The paragraphs of a dense list are not written.
            block = state.tokens[at - 2] if holder.hidden else holder
            if runs_right_to_left(token.content):
                block.attrs["dir"] = "rtl"
            if language := language_of(token.content):
                block.attrs["lang"] = language


def _may_link(url: str) -> bool:
    """Return whether an address has one of the allowed schemes."""
    return url.partition(":")[0].strip().lower() in SCHEMES and ":" in url


def _parser() -> MarkdownIt:
    """Return the parser: CommonMark with tables and strikethrough, no HTML, no images."""
    parser = MarkdownIt("commonmark", {"html": False}).enable(["table", "strikethrough"])
    parser.disable("image")
    parser.validateLink = _may_link  # type: ignore[method-assign]
    parser.inline.ruler.before("link", "reference", _reference_rule)
    parser.inline.ruler.before("link", "mention", _mention_rule)
    parser.core.ruler.push("headings", _shift_headings)
    parser.core.ruler.push("alignment", _align_numbers)
    parser.core.ruler.push("scripts", _mark_scripts)
    parser.core.ruler.push("wide tables", split_wide_tables)
    parser.add_render_rule("reference", _render_reference)
    parser.add_render_rule("mention", _render_mention)
    return parser


_PARSER = _parser()
