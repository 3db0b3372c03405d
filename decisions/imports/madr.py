"""An architecture decision record in Markdown → what a record can hold of it; pure.

Reads MADR 2, 3 and 4, log4brains' flavour, Nygard's four headings, and whatever else has headings.
No text is lost: what has no place stands at the end of the problem under its own heading, and the
outline says so. Only words that became structure go: known headings and the marks of lists.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, field, replace
from datetime import date
from functools import cached_property
from typing import Any

from django.utils.translation import gettext as _

from decisions.imports.madr_details import (
    FRONT_KEY,
    details_apart,
    title_of_name,
    unquoted,
    why_kept,
    without_front,
)
from decisions.imports.madr_goals import goal_of, says_all
from decisions.imports.madr_outcome import called, chosen_in, named_first
from decisions.imports.madr_text import (
    LONGEST_NAME,
    LONGEST_TITLE,
    MARK,
    OPTIONAL,
    Part,
    cut,
    items_of,
    joined,
    key_of,
    next_level,
    split,
    under,
)
from decisions.imports.reading import BadFile, of_no_kind
from decisions.madr_template import (
    CONSEQUENCES,
    DATA_NEEDED,
    EXIT_CRITERIA,
    LOOK_AGAIN,
    NOT_CHOSEN,
    PROBLEM,
    RATINGS,
    RATIONALE,
    REVIEW_ON,
    RISKS,
    OwnPlace,
    Place,
    own_places,
)
from decisions.markdown_source import (
    Heading,
    escaped,
    fenced,
    headings,
)
from decisions.section_kinds import Text

LONGEST = 100_000  # characters of a file
MOST_OPTIONS = 52

# What files call their parts, in small letters.
NAMES: dict[str, str] = {
    "context and problem statement": "context",
    "context": "context",
    "problem statement": "context",
    "decision drivers": "drivers",
    "considered options": "options",
    "considered alternatives": "options",
    "options": "options",
    "alternatives": "options",
    "decision outcome": "outcome",
    "decision": "outcome",
    "consequences": "consequences",
    "confirmation": "confirmation",
    "validation": "confirmation",
    "pros and cons of the options": "arguments",
}
# Parts of an outcome that keep their heading: it says which consequences they are.
SIDES = {"positive consequences", "negative consequences"}
_RELATES = re.compile(r"(?i)\b(supersed|replace[sd]\b|amend|deprecated by|relate[sd] to|related:)")
_WEB_PAGE = re.compile(r"(?i)\s*(?:<\?xml[^>]*>\s*)?<(?:!doctype\s+)?html\b")
# Control characters but for tabs, ends of lines and ends of pages: no editor of texts writes them.
_NO_TEXT = re.compile(r"[\x00-\x08\x0e-\x1f\x7f]")
_REVIEW_ON = re.compile(rf"(?m)^{LOOK_AGAIN} (\d{{4}}-\d\d-\d\d)\.$")


@dataclass(frozen=True)
class Option:
    """A candidate as a file describes it."""

    name: str
    summary: str = ""
    data_needed: str = ""
    risks: str = ""


@dataclass(frozen=True)
class Placed:
    """What was found under a heading of the file, and where in the record it stands."""

    what: str
    where: Text


@dataclass(frozen=True)
class Left:
    """What has no place of its own: its heading, its text, and why it stands at the end."""

    what: str
    text: str
    why: Text


@dataclass
class Outline:
    """What a file says, as parts of a record; `chosen` counts options from 0."""

    title: str
    answers: dict[Place, str] = field(default_factory=dict)
    options: list[Option] = field(default_factory=list)
    goals: list[dict[str, Any]] = field(default_factory=list)
    chosen: list[int] = field(default_factory=list)
    tags: list[str] = field(default_factory=list)
    placed: list[Placed] = field(default_factory=list)
    left: list[Left] = field(default_factory=list)
    relations: list[str] = field(default_factory=list)
    # Answers to the record's own questions, as the file has them: heading and text.
    own: dict[Place, tuple[str, str]] = field(default_factory=dict)

    @property
    def texts(self) -> list[str]:
        """Return every text that the record will hold."""
        described = [
            text for one in self.options for text in (one.summary, one.data_needed, one.risks)
        ]
        names = [one.name for one in self.options]
        return [self.title, *self.whole_answers.values(), *names, *described]

    @cached_property
    def whole_answers(self) -> dict[Place, str]:
        """Return the answers, with what has no place at the end of the problem."""
        parts = [self.answers.get(PROBLEM, ""), *(under(one.what, one.text) for one in self.left)]
        problem = "\n\n".join(one for one in parts if one)
        return self.answers | ({PROBLEM: problem} if problem else {})

    def fitted(self, kinds: Collection[str]) -> Outline:
        """Return it for a record with these parts: answers of others are left, as they stood."""
        others = {place: said for place, said in self.own.items() if place[0] not in kinds}
        gone = {title for title, _text in others.values()}
        why = _("The template has no such part.")
        return replace(
            self,
            answers={place: said for place, said in self.answers.items() if place not in others},
            placed=[one for one in self.placed if one.what not in gone],
            left=[*self.left, *(Left(title, text, why) for title, text in others.values())],
            own={place: said for place, said in self.own.items() if place not in others},
        )


def read_text(content: bytes) -> str:
    """Return a file's text with Unix line ends; raises `BadFile` for what is none."""
    is_wide = content.startswith((b"\xff\xfe", b"\xfe\xff"))
    try:
        text = content.decode("utf-16" if is_wide else "utf-8-sig")
    except UnicodeDecodeError as error:
        raise of_no_kind() from error
    if _NO_TEXT.search(text) or _WEB_PAGE.match(text):
        raise of_no_kind()
    if len(text) > LONGEST:
        raise BadFile(_("The file is too long: of Markdown, at most 100,000 characters are taken."))
    if not text.strip():
        raise BadFile(_("The file is empty."))
    return text.replace("\r\n", "\n").replace("\r", "\n")


def read_madr(text: str, file_name: str = "") -> Outline:
    """Return the outline of a file's text; `file_name` stands in for a title that it lacks."""
    return _Reader(text, file_name).read()


class _Reader:
    """One file while it is read."""

    def __init__(self, text: str, file_name: str) -> None:
        self.front, self.body = without_front(text)
        self.out = Outline(title_of_name(file_name))
        self.arguments: list[Part] = []
        self.own = own_places()

    def read(self) -> Outline:
        """Place all that the file says."""
        self._take_front()
        intro, *parts = self._parts()
        self._take_intro(intro.text)
        for part in parts:
            self._take(part)
        self._take_arguments()
        self._choose()
        self.out.relations = list(dict.fromkeys(self._relations()))
        return self.out

    def _parts(self) -> list[Part]:
        """Return the file's parts; its title is taken out."""
        lines = self.body.split("\n")
        found = headings(self.body)
        if found and found[0].level == 1 and not _is_known(found[0]):
            title = found.pop(0)
            self._take_title(title)
            lines[title.start : title.end] = [""] * (title.end - title.start)
        levels = {one.level for one in found}
        top = 2 if 2 in levels else min(levels, default=1)
        return split("\n".join(lines), top)

    def _take_title(self, heading: Heading) -> None:
        words = heading.words or self.out.title
        self.out.title = cut(words, LONGEST_TITLE)
        if heading.source not in {self.out.title, escaped(self.out.title)}:
            self._leave(_("Title"), heading.source, _("The title as it was written."))

    def _take_front(self) -> None:
        """Keep the front matter word for word; a title and tags are taken from it too."""
        if not self.front:
            return
        lines = map(FRONT_KEY.match, self.front.split("\n"))
        told: dict[str, str] = {found[1]: found[2] for found in lines if found}
        if title := unquoted(told.get("title", "")):
            self.out.title = cut(title, LONGEST_TITLE)
        self._tag(told.get("tags", ""))
        self._leave(
            _("Front matter"),
            fenced(self.front, "yaml"),
            why_kept(key for key in told if key != "title"),
        )

    def _take_intro(self, text: str) -> None:
        """Place what stands before the first heading: details of the file, then an introduction."""
        details, rest = details_apart(text)
        if details:
            told = [MARK.sub("", line).partition(":") for line in details.split("\n")]
            for key, _colon, said in told:
                if key.strip().lower() == "tags":
                    self._tag(said)
            keys = [key.strip() for key, colon, _said in told if colon]
            self._leave(_("Details of the file"), details, why_kept(keys))
        if rest:
            self._answer(PROBLEM, rest)
            self.out.placed.append(Placed(_("Text before the first heading"), _("Problem")))

    def _tag(self, said: str) -> None:
        tags = (unquoted(one) for one in said.strip(" []").split(","))
        self.out.tags += [one.lower() for one in tags if one]

    def _take(self, part: Part) -> None:
        """Place a part by its name; what has none is left."""
        takers = {
            "context": self._take_context,
            "drivers": self._take_drivers,
            "options": self._take_options,
            "outcome": self._take_outcome,
            "consequences": lambda one: self._take_text(one, CONSEQUENCES, _("Consequences")),
            "confirmation": self._take_confirmation,
            "arguments": self.arguments.append,
        }
        known = NAMES.get(part.name, "")
        if known in takers:
            takers[known](part)
        elif own := self.own.get(part.title):
            self._place_own(part, own)
        else:
            self._leave(part.title, self._without_own(part), why_kept([part.name]))

    def _take_context(self, part: Part) -> None:
        self._take_named(part, PROBLEM, _("Problem"))

    def _take_outcome(self, part: Part) -> None:
        self._take_named(part, RATIONALE, _("Why"))

    def _take_named(self, part: Part, place: Place, where: Text) -> None:
        """Place a part's text, but for what under it has a place of its own."""
        text = self._without_own(part, self._take_consequences)
        if text.strip():
            self._answer(place, text)
            self.out.placed.append(Placed(part.title, where))

    def _without_own(self, part: Part, take: Callable[[Part], bool] = lambda _part: False) -> str:
        """Return a part's text without what is called as a field is, and what `take` places."""
        first, *others = part.split(3)
        rest = list(first.lines)
        for one in others:
            if found := self.own.get(one.title):
                self._place_own(one, found)
            elif not take(one):
                rest += [one.heading_line, *one.lines]
        return "\n".join(rest).strip("\n")

    def _take_consequences(self, part: Part) -> bool:
        """Place what an outcome says of its consequences and confirmation; say if it was that."""
        if part.name in SIDES:
            self._answer(CONSEQUENCES, under(part.title, part.text))
            self.out.placed.append(Placed(part.title, _("Consequences")))
        elif NAMES.get(part.name) in {"consequences", "confirmation"}:
            self._take(part)
        else:
            return False
        return True

    def _place_own(self, part: Part, own: OwnPlace) -> None:
        """Place the answer to one of the record's questions."""
        value = own.value_of(part.text)
        if value is None or own.place in self.out.answers:
            self._leave(part.title, part.text, _("It is not an answer to the record’s question."))
        elif value.strip():
            self.out.answers[own.place] = value
            self.out.own[own.place] = (part.title, part.text)
            self.out.placed.append(Placed(part.title, own.label))

    def _take_text(self, part: Part, place: Place, where: Text) -> None:
        if part.text.strip():
            self._answer(place, part.text)
            self.out.placed.append(Placed(part.title, where))

    def _take_drivers(self, part: Part) -> None:
        """Place drivers that name a metric and a target as goals; a record asks for numbers."""
        others = []
        for item in items_of(part.text):
            goal = goal_of(item.words) if item.is_item else None
            if goal and goal["metric"] in {one["metric"] for one in self.out.goals}:
                goal = None
            if goal:
                self.out.goals.append(goal)
            if not goal or not says_all(goal, item.said):
                others.append(item.source)
        if self.out.goals:
            self.out.placed.append(Placed(part.title, _("Goals")))
        why = _("Goals of a record are numbers; these are words.")
        self._leave(part.title, joined(others), why)

    def _take_options(self, part: Part) -> None:
        """Place the items of a list, or what stands under headings, as candidates."""
        first, *others = part.split(next_level(part))
        rest = []
        for item in items_of(first.text):
            if not (item.is_item and self._add_option(item.words, item.said)):
                rest.append(item.source)
        for one in others:
            if not self._add_option(one.heading.words if one.heading else "", one.title, one.text):
                rest.append(under(one.title, one.text))
        if self.out.options:
            self.out.placed.append(Placed(part.title, _("Candidates")))
        self._leave(part.title, joined(rest), _("It is not an item of the list of options."))

    def _add_option(self, words: str, said: str, text: str = "") -> bool:
        """Add a candidate of this name, once; what the name does not say goes into its summary."""
        name = cut(words, LONGEST_NAME)
        known = {one.name for one in self.out.options}
        if not name or name in known or len(known) >= MOST_OPTIONS:
            return False
        said = "" if said in {name, escaped(name)} else said
        self.out.options.append(Option(name, joined([said, text])))
        return True

    def _take_confirmation(self, part: Part) -> None:
        text = part.text
        found = _REVIEW_ON.search(text)
        if found and _is_day(found[1]) and REVIEW_ON not in self.out.answers:
            self.out.answers[REVIEW_ON] = found[1]
            text = text.replace(found[0], "", 1)
        if text.strip():
            self._answer(EXIT_CRITERIA, text.strip("\n"))
        self.out.placed.append(Placed(part.title, _("Exit criteria")))

    def _take_arguments(self) -> None:
        """Give each option what is said of it; without a list these are the options."""
        for part in self.arguments:
            first, *others = part.split(next_level(part))
            is_list = bool(self.out.options)
            self._leave(part.title, first.text, _("It speaks of no single option."))
            for one in others:
                words = one.heading.words if one.heading else ""
                if is_list:
                    self._argue(words, one)
                elif not self._add_option(words, one.title, one.text):
                    self._leave(one.title, one.text, _("There are too many options."))
            if others:
                self.out.placed.append(Placed(part.title, _("Candidates")))

    def _argue(self, words: str, part: Part) -> None:
        """Add what is said of an option to it; what fits none is left."""
        at = called([one.name for one in self.out.options], words)
        if at is None:
            self._leave(part.title, part.text, _("No option is called so."))
            return
        option = self.out.options[at]
        # A heading in other words than the name says something of its own.
        said = "" if part.title in {option.name, escaped(option.name)} else part.title
        self.out.options[at] = self._described(option, said, part)

    def _described(self, option: Option, said: str, part: Part) -> Option:
        """Return an option with its text; ratings belong to roles, who give them anew."""
        own = {DATA_NEEDED: "data_needed", RISKS: "risks"}
        first, *others = part.split(4)
        summary = list(first.lines)
        for one in others:
            name = own.get(one.title)
            if name and not said and not getattr(option, name):
                option = replace(option, **{name: one.text})
            elif one.title == RATINGS:
                what = f"{RATINGS}: {escaped(option.name)}"
                self._leave(what, one.text, _("Roles rate and measure in the record itself."))
            else:
                summary += [one.heading_line, *one.lines]
        text = joined([option.summary, said, "\n".join(summary).strip("\n")])
        return replace(option, summary=text)

    def _choose(self) -> None:
        """Find which options the outcome names first."""
        text = self.out.answers.get(RATIONALE, "")
        if text == NOT_CHOSEN or text.startswith(f"{NOT_CHOSEN}\n"):
            self._set_rationale(text.removeprefix(NOT_CHOSEN))
            return
        names = [one.name for one in self.out.options]
        chosen, rest = chosen_in(text, names)
        if chosen:
            self.out.chosen = chosen
            self._set_rationale(rest)
        elif said := re.match(r"(?i)chosen options?\s*:\s*(.*)", text):
            self.out.chosen = named_first(said[1], names)
        if self.out.chosen:
            self.out.placed.append(Placed(_("Chosen option"), _("Chosen candidates")))

    def _set_rationale(self, text: str) -> None:
        self.out.answers.pop(RATIONALE, None)
        if text.strip():
            self.out.answers[RATIONALE] = text.strip("\n")

    def _answer(self, place: Place, text: str) -> None:
        """Add to an answer."""
        self.out.answers[place] = joined([self.out.answers.get(place, ""), text])

    def _leave(self, what: str, text: str, why: Text) -> None:
        """Keep what has no place under its heading; a heading alone says something too."""
        known = NAMES.get(key_of(what))
        if text.strip() or (what and not known):
            self.out.left.append(Left(what, text.strip("\n"), why))

    def _relations(self) -> Iterator[str]:
        """Yield the lines, of what was left, that speak of other records."""
        for one in self.out.left:
            for line in one.text.split("\n"):
                if _RELATES.search(line):
                    yield MARK.sub("", line).strip()


def _is_known(heading: Heading) -> bool:
    return key_of(OPTIONAL.sub("", heading.source)) in NAMES


def _is_day(said: str) -> bool:
    try:
        date.fromisoformat(said)
    except ValueError:
        return False
    return True
