"""Opening a record from a file that another tool has written."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from typing import Any

from django.db import transaction
from django.db.models import Q
from django.utils.translation import gettext as _

from decisions import clock
from decisions.actions.base import Entry, conclude
from decisions.actions.importing import AlreadyHere
from decisions.actions.records import begin_record, next_number
from decisions.actions.relations import relate
from decisions.actions.rows import LETTERS
from decisions.imports.madr import Option, Outline, read_madr, read_text
from decisions.imports.reading import BadFile
from decisions.madr_template import PROBLEM
from decisions.models import (
    Approach,
    Candidate,
    Decision,
    Event,
    Goal,
    RecordTemplate,
    Section,
    SectionState,
    User,
)
from decisions.record_templates import GENERAL
from decisions.section_kinds import SECTION_KINDS, Rows

LONGEST_TAGS = 200  # characters of all tags of a record, see `forms.records`
_REFERENCE = re.compile(r"\bDR-[1-9][0-9]{0,8}\b")


@dataclass(frozen=True)
class AdrFile:
    """An architecture decision record in Markdown, as it was brought in."""

    name: str
    sha256: str
    outline: Outline
    # What the record is opened from.
    template: RecordTemplate


def read_adr(content: bytes, name: str) -> AdrFile:
    """Return what a file says, as far as a template has parts for it; raises `BadFile`."""
    outline = read_madr(read_text(content), name)
    template = _template_for(outline)
    fitted = outline.fitted(_kinds(template))
    return AdrFile(name, hashlib.sha256(content).hexdigest(), fitted, template)


def _template_for(outline: Outline) -> RecordTemplate:
    """Return the template with the most parts that a file answers; of several the general one."""
    asked = {kind for kind, _name in outline.answers}
    needed = {PROBLEM[0], *(["goals"] if outline.goals else [])}
    offered = RecordTemplate.objects.filter(is_retired=False)
    fit = [one for one in offered if needed <= _kinds(one)]
    if not fit:
        parts = ", ".join(str(SECTION_KINDS[kind].title) for kind in sorted(needed))
        told = _("No template that is offered has the parts that the file needs: %(parts)s.")
        raise BadFile(told % {"parts": parts})
    return min(fit, key=lambda one: (len(asked - _kinds(one)), one.key != GENERAL, one.pk))


def _kinds(template: RecordTemplate) -> set[str]:
    return {one["kind"] for one in template.sections}


def brought_in_before(sha256: str, by: User) -> Decision | None:
    """Return the first record that was opened from this very file, of those the person may read."""
    opened = Event.objects.filter(kind="open", data__file_sha256=sha256)
    visible = Decision.objects.visible_to(by).filter(pk__in=opened.values("decision"))
    return visible.order_by("number").first()


@transaction.atomic
def import_adr(file: AdrFile, *, by: User) -> Decision:
    """Open a draft, owned by `by`, that says what the file says; raises `AlreadyHere`.

    The parts that got a text are begun, not complete: who writes them reads them first.
    """
    number = next_number()
    if first := brought_in_before(file.sha256, by):
        raise AlreadyHere(first)
    outline = file.outline
    decision = begin_record(
        number, by=by, title=outline.title, template=file.template.key, tags=_tags(outline)
    )
    _Writer(decision, outline, by).write()
    told = {"title": outline.title, "template": file.template.key}
    from_file = {"file": file.name, "file_sha256": file.sha256}
    conclude(Entry(decision, "open", told | from_file), by)
    decision.refresh_from_db()
    for other in related_here(outline, by):
        relate(decision, by=by, other=other)
    return decision


def related_here(outline: Outline, by: User) -> list[Decision]:
    """Return the records here that the file names where it speaks of others."""
    names = {name for line in outline.relations for name in _REFERENCE.findall(line)}
    numbers = [int(one.partition("-")[2]) for one in names]
    return list(Decision.objects.visible_to(by).filter(Q(number__in=numbers)).order_by("number"))


class _Writer:
    """Writes an outline into the empty parts of a new record."""

    def __init__(self, decision: Decision, outline: Outline, by: User) -> None:
        self.decision = decision
        self.outline = outline
        self.changed: dict[str, Any] = {"changed_at": clock.now(), "changed_by": by}

    def write(self) -> None:
        """Write candidates, goals and answers; the template has the parts for them."""
        sections = list(self.decision.sections.all())
        letters = self._candidates()
        self._goals()
        for section in sections:
            self._answer(section, letters)

    def _answer(self, section: Section, letters: list[str]) -> None:
        data: dict[str, Any] = {
            name: text
            for (kind, name), text in self.outline.whole_answers.items()
            if kind == section.kind
        }
        if section.kind == "recommendation" and letters:
            data["chosen"] = letters
        rows = {Rows.GOALS: self.outline.goals, Rows.CANDIDATES: self.outline.options}
        if data or rows.get(section.definition.rows):  # type: ignore[arg-type]
            state = SectionState.IN_PROGRESS
            row = Section.objects.filter(pk=section.pk)
            row.update(data=data, state=state, token=1, **self.changed)
        if day := data.get("review_on"):
            Decision.objects.filter(pk=self.decision.pk).update(review_on=day)

    def _candidates(self) -> list[str]:
        """Write the candidates; return the letters of those that are chosen."""
        rows = [self._candidate(at, one) for at, one in enumerate(self.outline.options)]
        Candidate.objects.bulk_create(rows)
        return [rows[at].letter for at in self.outline.chosen]

    def _candidate(self, at: int, option: Option) -> Candidate:
        return Candidate(
            decision=self.decision,
            letter=LETTERS[at],
            position=at,
            name=option.name,
            approach=Approach.OTHER,
            summary=option.summary,
            data_needed=option.data_needed,
            risks=option.risks,
        )

    def _goals(self) -> None:
        """Write the goals, in place of those on the same metric that the template starts with."""
        metrics = [one["metric"] for one in self.outline.goals]
        self.decision.goals.filter(metric__in=metrics).delete()
        Goal.objects.bulk_create(
            Goal(decision=self.decision, position=100 + at, **one)
            for at, one in enumerate(self.outline.goals)
        )


def _tags(outline: Outline) -> list[str]:
    """Return the file's tags, each once, up to how many a record can have; all stay in its text."""
    tags: list[str] = []
    for one in dict.fromkeys(outline.tags):
        if len(", ".join([*tags, one])) <= LONGEST_TAGS:
            tags.append(one)
    return tags
