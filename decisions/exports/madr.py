"""A record as MADR 4 Markdown: what an architecture decision log elsewhere can hold of it.

The headings are the template's own, in English whatever the reader's language, because other
programs look for them. What people typed is Markdown already; its headings are moved under ours.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator
from functools import cached_property

from django.conf import settings
from django.utils import translation

from decisions.comparability import left_out_of
from decisions.exports.document import RecordDocument
from decisions.madr_template import (
    DATA_NEEDED,
    IN_TEMPLATE,
    LOOK_AGAIN,
    NOT_CHOSEN,
    RATINGS,
    RISKS,
    chosen_words,
    heading_of,
    roles_by_name,
)
from decisions.markdown import REFERENCE, figure_in_words, goal_in_words, name_of, references
from decisions.markdown_source import blocks, closed, escaped, shifted, starts_with_prose
from decisions.models import Candidate, Evidence, Goal, Role, Status, User
from decisions.outcomes import Outcome
from decisions.section_kinds import RECOMMENDATION, RESULTS

# Those of MADR; a record that is withdrawn was decided against.
STATUSES = {
    Status.DRAFT: "proposed",
    Status.IN_REVIEW: "proposed",
    Status.APPROVED: "accepted",
    Status.WITHDRAWN: "rejected",
}
_WORDS = {Outcome.MET: "Good", Outcome.MISSED: "Bad", Outcome.OPEN: "Neutral"}
# Code, which refers to nothing, or a reference.
_CODE_OR_REFERENCE = re.compile(
    rf"(?<!`)(?P<fence>`+)(?!`).+?(?<!`)(?P=fence)(?!`)|{REFERENCE.pattern}",
    re.ASCII | re.IGNORECASE | re.DOTALL,
)


def madr(document: RecordDocument) -> str:
    """Return the record as MADR 4."""
    with translation.override("en"):
        return _Madr(document).text()


class _Madr:
    """One record while it is written."""

    def __init__(self, document: RecordDocument) -> None:
        self.document = document
        self.record = document.record

    def text(self) -> str:
        """Return the file."""
        parts = [
            self._front(),
            f"# {escaped(self.record.title)}",
            *self._context(),
            *self._listed("Decision Drivers", (driver(one) for one in self._goals)),
            *self._listed("Considered Options", (escaped(one.name) for one in self._candidates)),
            *self._outcome(),
            *self._arguments(),
            *self._more(),
        ]
        return "\n\n".join(parts) + "\n"

    @property
    def _goals(self) -> list[Goal]:
        return self.record.accepted_goals

    @property
    def _candidates(self) -> list[Candidate]:
        return self.document.considered

    def _front(self) -> str:
        """Return the front matter; every value is written as JSON, which is YAML too."""
        deciders, consulted, informed = self._people()
        version = self.document.version
        dated = version.at if version else self.record.created_at
        told: dict[str, str | list[str]] = {
            "status": self._status(),
            "date": dated.date().isoformat(),
            "decision-makers": deciders,
            "consulted": consulted,
            "informed": informed,
        }
        lines = [
            f"{key}: {json.dumps(said, ensure_ascii=False)}" for key, said in told.items() if said
        ]
        return "\n".join(["---", *lines, "---"])

    def _status(self) -> str:
        later = self.record.superseded_by
        if later:
            return f"superseded by {later.reference}"
        told = STATUSES[Status(self.record.status)]
        return f"{told} elsewhere" if self.record.is_approved_elsewhere else told

    def _people(self) -> tuple[list[str], list[str], list[str]]:
        """Return who decides (owner and signatories), who reviewed, and who else takes part."""
        members = list(self.record.participants.all())
        deciders = _names([self.record.owner, *(one.user for one in members if one.has_seat)])
        reviewers = _names(one.reviewer for one in self.document.reviews)
        consulted = [one for one in reviewers if one not in deciders]
        others = _names(one.user for one in members)
        return deciders, consulted, [one for one in others if one not in [*deciders, *consulted]]

    def _context(self) -> Iterator[str]:
        yield "## Context and Problem Statement"
        yield from self._typed(self._said("problem", "problem"), 3)
        yield from self._headed(lambda chapter: chapter not in (RESULTS, RECOMMENDATION))

    def _listed(self, heading: str, items: Iterable[str]) -> list[str]:
        written = "\n".join(f"* {one}" for one in items)
        return [f"## {heading}", written] if written else []

    def _outcome(self) -> Iterator[str]:
        yield "## Decision Outcome"
        yield self._choice()
        if consequences := self._said("recommendation", "consequences"):
            yield "### Consequences"
            yield from self._typed(consequences, 4)
        yield from self._confirmation()
        yield from self._headed(lambda chapter: chapter == RECOMMENDATION)

    def _choice(self) -> str:
        """Return what was chosen and why, in one sentence where the reason goes on with it."""
        names = [one.name for one in self.document.chosen]
        why = "\n\n".join(self._typed(self._said("recommendation", "rationale"), 3))
        opening = chosen_words(names) if names else NOT_CHOSEN
        if not why:
            return opening
        if names and _goes_on(why):
            return f"{opening} {why}"
        return f"{opening}{':' if names else ''}\n\n{why}"

    def _confirmation(self) -> Iterator[str]:
        criteria = self._said("recommendation", "exit_criteria")
        day = self._said("recommendation", "review_on")
        if criteria or day:
            yield "### Confirmation"
            yield from self._typed(criteria, 4)
        if day:
            yield f"{LOOK_AGAIN} {day}."

    def _arguments(self) -> Iterator[str]:
        if self._candidates:
            yield "## Pros and Cons of the Options"
        for one in self._candidates:
            yield f"### {escaped(one.name)}"
            yield from self._described(one)

    def _described(self, candidate: Candidate) -> Iterator[str]:
        yield from self._typed(candidate.summary, 5)
        for heading, text in ((DATA_NEEDED, candidate.data_needed), (RISKS, candidate.risks)):
            if text.strip():
                yield f"#### {heading}"
                yield from self._typed(text, 5)
        ratings = [*self._ratings(candidate), *self._measured(candidate)]
        if ratings:
            yield f"#### {RATINGS}"
            yield "\n".join(f"* {one}" for one in ratings)

    def _ratings(self, candidate: Candidate) -> Iterator[str]:
        """Yield what roles say of a candidate: 4 and 5 speak for it, 1 and 2 against it."""
        for one in candidate.assessments.all():
            names = {each.key: str(each.name) for each in self.record.criteria_of(one.role)}
            side = "Good" if one.rating > 3 else "Bad" if one.rating < 3 else "Neutral"
            about = f"{names.get(one.criterion, one.criterion)} ({Role(one.role).label})"
            reason = "\n\n".join(self._typed(one.reason, 6)).replace("\n", "\n  ")
            yield f"{side}, because {about} is rated {one.rating} of 5: {reason}".rstrip(": ")

    def _measured(self, candidate: Candidate) -> Iterator[str]:
        """Yield what was measured of a candidate, and what the record says it says of its goal.

        What is out of date or left out speaks neither for a candidate nor against it.
        """
        for one in self.document.standing:
            if one.candidate_id != candidate.pk or one.is_comparison:
                continue
            goal, said = self._said_of_goals.get(one.pk, (None, None))
            asides = [*_aside("Left out", self._left_out.get(one.pk, ""))]
            asides += _aside("Out of date", one.stale_because)
            side = "Neutral" if asides or not said else _WORDS[said]
            figure = f"{escaped(one.metric_name)} is {figure_in_words(one)} [{one.reference}]"
            says = f"; the goal, {goal_in_words(goal)}: {said.label}" if goal and said else ""
            yield ". ".join([f"{side}, because {figure}{says}", *asides])

    @cached_property
    def _left_out(self) -> dict[int, str]:
        """Return why evidence stands for nothing, by its key."""
        return {one.evidence.pk: one.why for one in left_out_of(self.record)}

    @cached_property
    def _said_of_goals(self) -> dict[int, tuple[Goal | None, Outcome | None]]:
        """Return what the evidence that stands says of which goal, by its key."""
        stands = (one for one in self.document.figures if one.is_first)
        return {row.evidence.pk: (one.goal, row.outcome) for one in stands for row in one.rows}

    def _more(self) -> Iterator[str]:
        yield "## More Information"
        yield from self._headed(lambda chapter: chapter == RESULTS)
        yield "### Where this comes from"
        yield "\n".join(f"* {one}" for one in self._origin())

    def _origin(self) -> Iterator[str]:
        """Yield what leads back to the record."""
        address = f"{settings.PUBLIC_URL}{self.record.get_absolute_url()}"
        yield f"Record: [{self.record.reference}]({address}), version {self.record.version}"
        yield f"Digest (SHA-256): `{self.document.digest}`"
        for words, others in self.document.relations.items():
            yield f"{words}: {others}"
        dropped = [escaped(one.name) for one in self.document.candidates if one.is_dropped]
        if dropped:
            yield f"No longer considered: {', '.join(dropped)}"

    def _headed(self, wanted: Callable[[object], bool]) -> Iterator[str]:
        """Yield the answers of some chapters that the template has no heading for."""
        for section in self.record.sections.all():
            if not wanted(section.definition.chapter):
                continue
            for field, value in section.values():
                if (section.kind, field.name) in IN_TEMPLATE or field.is_empty(value):
                    continue
                yield f"### {heading_of(section.kind, field)}"
                said = str(field.label_of(value)) if field.choices else str(value)
                yield from self._typed(said, 4)

    def _said(self, kind: str, name: str) -> str:
        sections = self.record.sections.all()
        return next((one.data.get(name) or "" for one in sections if one.kind == kind), "")

    def _typed(self, text: str, top: int) -> Iterator[str]:
        """Yield a text that people typed, if it says anything: it fits under our headings."""
        if text.strip():
            yield shifted(closed(self._in_words(text)), top)

    def _in_words(self, text: str) -> str:
        """Return a text with what its references stand for; code is left alone."""
        if not references(text):
            return text
        lines = text.split("\n")
        at, parts = 0, []
        for start, end in _code_lines(text):
            parts += [self._cited("\n".join(lines[at:start])), "\n".join(lines[start:end])]
            at = end
        return "\n".join([*parts, self._cited("\n".join(lines[at:]))])

    def _cited(self, text: str) -> str:
        return _CODE_OR_REFERENCE.sub(self._cite, text)

    def _cite(self, found: re.Match[str]) -> str:
        name = name_of(found[2]) if found[2] else ""
        named = self.document.named.get(name)
        if isinstance(named, Evidence):
            return f"{figure_in_words(named)} [{name}]"
        if isinstance(named, Goal):
            return f"{goal_in_words(named)} [{named.name}]"
        return found[0]


def _goes_on(why: str) -> bool:
    """Return whether a text can follow "because": prose that begins with no capital letter."""
    first = next((one for one in why if one.isalpha()), "")
    return starts_with_prose(why) and not first.isupper()


def _code_lines(text: str) -> Iterator[tuple[int, int]]:
    """Yield which lines of a text are blocks of code."""
    for one in blocks(text):
        if one.type in {"fence", "code_block"} and one.map:
            yield one.map[0], one.map[1]


def driver(goal: Goal) -> str:
    """Return a goal with its numbers, exactly: it can be read back."""
    direction = goal.direction.replace("_", " ")
    target = _with_unit(goal.target, goal)
    worst = goal.worst_acceptable
    details = [
        "a must" if goal.is_must else "",
        f"worst acceptable {_with_unit(worst, goal)}" if worst is not None else "",
        f"weight {_exact(goal.weight)}",
        f"metric {escaped(goal.metric)}",
        f"asked for by {_role(goal.proposed_by_role)}" if goal.proposed_by_role else "",
    ]
    told = "; ".join(filter(None, details))
    return f"{escaped(goal.name)}: {direction} {target} ({told})"


def _role(key: str) -> str:
    names = {value: name for name, value in roles_by_name().items()}
    return escaped(names.get(key, key))


def _with_unit(number: float, goal: Goal) -> str:
    return " ".join(filter(None, [_exact(number), escaped(goal.unit)]))


def _exact(number: float) -> str:
    """Return a number that reads back as the same one."""
    return str(int(number)) if number.is_integer() and abs(number) < 1e15 else repr(number)


def _aside(label: str, why: str) -> Iterator[str]:
    """Yield what keeps a figure from counting, if anything does."""
    if why:
        yield f"{label}: {escaped(' '.join(why.split()))}"


def _names(people: Iterable[User]) -> list[str]:
    return list(dict.fromkeys(str(one) for one in people))
