"""Finding a quoted passage again in what a section says, whatever became of the text around it.

`static/js/quotes.js` reads the page by the same rules, so that both find the same passages.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Mapping
from datetime import date

from django.utils.formats import date_format
from django.utils.translation import gettext as _

from decisions.figures import evidence_figures
from decisions.markdown import plain
from decisions.models import Candidate, Decision, Goal, Section
from decisions.models.candidate import Direction
from decisions.numbers import format_exact, format_number
from decisions.proposals import proposed_by, proposers
from decisions.references import named_in
from decisions.section_kinds import Field, FieldType, Rows

# How many letters of something else (a unit, a cell between) may stand between a quote's lines.
REACH = 60
_VARIANTS = str.maketrans({"‘": "'", "’": "'", "‚": "'", "“": '"', "”": '"', "„": '"'})
_DASHES = dict.fromkeys(map(ord, "‐‑‒–—−"), "-")


def essence(text: str) -> str:
    """Return a text's letters and signs alone: no white space, no case, one kind of quote mark."""
    bare = unicodedata.normalize("NFKD", text.translate(_VARIANTS).translate(_DASHES))
    return "".join(
        letter.lower()
        for letter in bare
        if not letter.isspace() and unicodedata.category(letter) not in {"Cf", "Cc"}
    )


def finds(quote: str, said: str) -> bool:
    """Return whether a passage stands in a text, of which `said` is the essence.

    The quote may hold Markdown, or none; a quote of several lines (cells of a table) is also found
    when its lines follow closely on each other.
    """
    for reading in (quote, plain(quote)):
        if essence(reading) in said:
            return True
    lines = [line for line in map(essence, re.split(r"[\n\t]+", quote)) if line]
    return len(lines) > 1 and _follow_closely(lines, said)


def _follow_closely(lines: list[str], said: str) -> bool:
    """Return whether the lines stand in a text in their order, at most `REACH` letters apart."""
    start = said.find(lines[0])
    while start >= 0:
        end: int = start + len(lines[0])
        for line in lines[1:]:
            place = said.find(line, end, end + REACH + len(line))
            if place < 0:
                break
            end = place + len(line)
        else:
            return True
        start = said.find(lines[0], start + 1)
    return False


def section_said(section: Section) -> str:
    """Return the essence of all that the record's page shows of a section, in its order.

    Reads the prefetched parts of `section.decision`.
    """
    return essence("\n".join(_words(section)))


def section_with(quote: str, sections: list[Section]) -> Section | None:
    """Return the first section in which a passage stands."""
    return next((one for one in sections if finds(quote, section_said(one))), None)


def _words(section: Section) -> Iterator[str]:
    """Yield what a section shows: its title, its answers, and its rows."""
    yield str(section)
    yield from _answers(section)
    match section.definition.rows:
        case Rows.GOALS:
            yield from _goals(section.decision)
        case Rows.CANDIDATES:
            yield from _candidates(section.decision)
        case Rows.ASSESSMENTS:
            yield from _assessments(section)


def _answers(section: Section) -> Iterator[str]:
    """Yield a section's answers as `_answers.html` sets them: choices, prose, facts."""
    answered = [(field, value) for field, value in section.values() if value]
    named = named_in(section.decision)
    for field, value in answered:
        if field.type == FieldType.CANDIDATES:
            for one in section.decision.candidates.all():
                yield f"{one.letter} {one.name}" if one.letter in value else ""
    for field, value in answered:
        if field.type == FieldType.MARKDOWN:
            yield f"{field.label}\n{plain(str(value), named)}"
    for field, value in answered:
        if field.type not in (FieldType.MARKDOWN, FieldType.CANDIDATES):
            yield f"{field.label}\n{_fact(field, value)}"


def _fact(field: Field, value: str) -> str:
    """Return a short answer as it is shown."""
    if field.type == FieldType.CHOICE:
        return str(field.label_of(value))
    if field.type == FieldType.DATE:
        return date_format(date.fromisoformat(value), "DATE_FORMAT")
    return str(value)


def _goals(record: Decision) -> Iterator[str]:
    yield " ".join([_("Goal"), _("Target"), _("Worst acceptable"), _("Weight"), _("Proposed by")])
    known = proposers(record)
    for goal in record.accepted_goals:
        yield from _goal(goal, known)
    if record.proposed_goals:
        yield _("Proposed, not accepted yet")
    for goal in record.proposed_goals:
        yield from _goal(goal, known)


def _goal(goal: Goal, known: Mapping[str, tuple[str, str]]) -> Iterator[str]:
    yield goal.name
    yield f"({_('a must')})" if goal.is_must else ""
    yield "≥" if goal.direction == Direction.AT_LEAST else "≤"
    yield format_exact(goal.target, goal.unit)
    worst = goal.worst_acceptable
    yield "–" if worst is None else format_exact(worst, goal.unit)
    yield format_number(goal.weight)
    yield " ".join(proposed_by(goal, known))


def _candidates(record: Decision) -> Iterator[str]:
    figures = [one for one in evidence_figures(record) if one.is_first]
    for one in sorted(record.candidates.all(), key=lambda candidate: candidate.is_dropped):
        yield from _candidate(one)
        for figure in figures:
            for row in figure.rows:
                if row.candidate.pk == one.pk and row.outcome:
                    yield f"{figure.name}\n{row.value} {row.outcome.label}"


def _candidate(one: Candidate) -> Iterator[str]:
    named = named_in(one.decision)
    yield f"{one.letter} {one.name}"
    yield plain(one.summary, named)
    needs = _("Data needed") if one.decision.adapts_a_model else _("What it needs")
    for label, text in ((needs, one.data_needed), (_("Risks"), one.risks)):
        yield f"{label}\n{plain(text, named)}" if text else ""


def _assessments(section: Section) -> Iterator[str]:
    """Yield the ratings as the table shows them, then the reasons that stand with them."""
    candidates = sorted(section.decision.candidates.all(), key=lambda one: one.is_dropped)
    said = {
        (one.criterion, candidate.pk): one
        for candidate in candidates
        for one in candidate.assessments.all()
        if one.role == section.role
    }
    yield " ".join([_("Criterion"), *(candidate.letter for candidate in candidates)])
    for criterion in section.definition.criteria:
        found = (said.get((criterion.key, one.pk)) for one in candidates)
        yield f"{criterion.name} " + " ".join(str(one.rating) if one else "–" for one in found)
    for one in said.values():
        yield one.reason
