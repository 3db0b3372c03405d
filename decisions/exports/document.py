"""What a record's document shows, gathered for the template: the same for PDF, HTML and signing."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from functools import cache, cached_property
from itertools import groupby
from typing import Any, Generic, TypeVar

from django.conf import settings
from django.urls import reverse
from django.utils.formats import date_format
from django.utils.translation import gettext as _

from decisions.comparability import LeftOut, left_out_of
from decisions.content import current_digest
from decisions.exports.change_log import ChangeLog, change_log
from decisions.figures import (
    CandidateFigure,
    GoalFigure,
    chosen_letters,
    evidence_figures,
    goal_target,
)
from decisions.forest_plot import Drawn
from decisions.matrix import Weighing, matrix_of
from decisions.matrix_figures import drawn_of
from decisions.models import (
    Assessment,
    Candidate,
    Decision,
    Event,
    Evidence,
    EvidenceKind,
    Goal,
    Import,
    OutcomeNote,
    Participant,
    Relation,
    Review,
    Role,
    Section,
    SignOff,
    Status,
    Version,
)
from decisions.numbers import NOTHING, format_exact, format_number
from decisions.record_parts import Dissent, dissent_on, with_parts
from decisions.references import named_in
from decisions.section_kinds import (
    RECOMMENDATION,
    RESULTS,
    Criterion,
    Field,
    FieldType,
    Rows,
    Text,
)
from decisions.signatures import Seat, Signatures, latest_sign_offs
from decisions.wide_tables import even_parts

# What documents are printed on: width and height in points.
PAPERS = {"A4": (595, 842), "Letter": (612, 792)}
TEMPLATE = "decisions/document/document.html"
# In full, so that no reader takes the day for the month.
DAY = "j F Y"
# Of figures that no goal asks for, and of the lines of a table of evidence; the CSV has all.
MOST_FIGURES, MOST_EVIDENCE = 30, 100
# Candidates in a table side by side; with more their values lie over each other.
MOST_ACROSS = 5

T = TypeVar("T")


@dataclass(frozen=True)
class Capped(Generic[T]):
    """The first lines of a table, and those that it leaves out."""

    shown: Sequence[T]
    cut: Sequence[T]

    @property
    def total(self) -> int:
        """Return how many lines there are in all."""
        return len(self.shown) + len(self.cut)


@dataclass(frozen=True)
class Block:
    """A piece of a section: either short answers as (label, value), or one longer text."""

    facts: tuple[tuple[Text, str], ...] = ()
    label: Text = ""
    text: str = ""


@dataclass(frozen=True)
class RatingLine:
    """What a role says of one candidate: an assessment a criterion, None where there is none."""

    candidate: Candidate
    assessments: tuple[Assessment | None, ...]


@dataclass(frozen=True)
class Part:
    """A section as it is printed: "2.3 Operations", its answers, and which rows follow."""

    number: str
    section: Section
    blocks: tuple[Block, ...]
    ratings: tuple[RatingLine, ...] = ()

    @property
    def rows(self) -> str:
        """Return which rows belong to the section ("goals", "candidates", …), or ""."""
        return str(self.section.definition.rows or "")

    @property
    def criteria(self) -> tuple[Criterion, ...]:
        """Return what the section's role rates candidates on."""
        return self.section.definition.criteria


@dataclass(frozen=True)
class Chapter:
    """A chapter of the document; those about evidence and the matrix have no parts."""

    number: int
    key: str
    title: Text
    parts: tuple[Part, ...] = ()

    @property
    def anchor(self) -> str:
        """Return the id of the chapter."""
        return f"chapter-{self.key}"


@dataclass(frozen=True)
class GoalLine:
    """A goal with its numbers as text, and what its measurements have to say of each candidate."""

    goal: Goal
    target: str
    worst: str
    weight: str
    cells: tuple[CandidateFigure, ...]


@dataclass(frozen=True)
class OverviewPart:
    """Candidates that stand side by side on a page, with what each goal has to say of them."""

    title: str
    candidates: Sequence[Candidate]
    lines: tuple[GoalLine, ...]


@dataclass(frozen=True)
class SignatureLine:
    """A role's signature: whether it covers what the record says now. None: not signed yet.

    `awaited` is who is to give it. `is_departed`: who gave it no longer signs for the role.
    """

    role: Role
    sign_off: SignOff | None
    holds: bool
    awaited: Participant | None = None
    is_departed: bool = False

    @property
    def is_elsewhere(self) -> bool:
        """Return whether an imported file alone says that it was given."""
        return self.sign_off is not None and self.sign_off.is_imported


class Moved(Exception):
    """Raised where a record was written to while its document was gathered."""


def record_document(decision: Decision, *, is_copy: bool = False) -> RecordDocument:
    """Return the document of a record as it stands in the database."""
    # First of all: what is written from here on is noticed by `ensure_one_moment`.
    head = decision.events.last()
    record = with_parts(Decision.objects.all()).get(pk=decision.pk)
    document = RecordDocument(record, is_capped=True, is_copy=is_copy)
    document.last_event = head
    return document


class RecordDocument:
    """One record as a document; everything is computed when first asked for.

    One that leaves `is_capped`: what is beyond its tables of evidence is in the CSV that goes with
    it. Who signs sees all. `is_copy` says that a sealed document is kept beside it, which this one
    is not.
    """

    def __init__(self, record: Decision, *, is_capped: bool = False, is_copy: bool = False) -> None:
        self.record = record
        self.is_capped = is_capped
        self.is_copy = is_copy

    @cached_property
    def digest(self) -> str:
        """Return the digest of what the record says, computed from its rows."""
        return current_digest(self.record)

    @cached_property
    def version(self) -> Version | None:
        """Return the version of the content that is shown."""
        return self.record.versions.filter(digest=self.digest).select_related("by").last()

    @cached_property
    def last_event(self) -> Event | None:
        """Return the newest line of the audit log."""
        return self.record.events.last()

    def ensure_one_moment(self) -> None:
        """Raise `Moved` if something was written since the head of the log was read.

        Everything of a file is to be gathered before; what takes long, the layout, comes after.
        """
        if self.record.events.last() != self.last_event:
            raise Moved

    @property
    def template_title(self) -> Text:
        """Return what kind of record this is."""
        return str(self.record.template)

    @property
    def verify_address(self) -> str:
        """Return where anybody can have the document checked."""
        return f"{settings.PUBLIC_URL}{reverse('verify')}"

    @property
    def software_version(self) -> str:
        """Return the version of the program that makes the document."""
        return software_version()

    @property
    def is_final(self) -> bool:
        """Return whether the record was approved, whatever came after."""
        return self.record.status in {Status.APPROVED, Status.SUPERSEDED}

    @property
    def stamp(self) -> str:
        """Return what every page says of a record that does not stand as approved here, or ""."""
        if self.record.is_approved_elsewhere:
            return _("Imported, not approved here")
        if self.is_copy:
            return _("As it stands now, not the sealed document")
        if self.record.status == Status.APPROVED:
            return ""
        if self.record.status == Status.SUPERSEDED:
            return _("Superseded by %(successor)s") % {
                "successor": self.record.superseded_by.reference  # type: ignore[union-attr]
            }
        if self.record.status == Status.WITHDRAWN:
            return _("Withdrawn")
        return _("Draft, not signed")

    @cached_property
    def chapters(self) -> list[Chapter]:
        """Return the record's chapters with their parts, the evidence before what is made of it."""
        by_title = groupby(self.record.sections.all(), key=lambda one: one.definition.chapter)
        chapters: list[Chapter] = []
        has_evidence = False
        for title, members in by_title:
            if title in (RESULTS, RECOMMENDATION) and not has_evidence:
                chapters.append(self._evidence_chapter(len(chapters) + 1))
                if not self.weighing.is_empty:
                    chapters.append(Chapter(len(chapters) + 1, "matrix", _("Matrix")))
                has_evidence = True
            chapters.append(self._chapter(len(chapters) + 1, title, list(members)))
        return chapters

    @cached_property
    def closing(self) -> dict[str, Chapter]:
        """Return the chapters after the record: review, signatures, its changes, this document."""
        titles = {
            "review": _("Review and dissent"),
            "signatures": _("Signatures"),
            "changes": _("Change log"),
            "colophon": _("About this document"),
        }
        if self.outcome_notes:
            titles = {"outcome": _("What became of it")} | titles
        start = len(self.chapters) + 1
        return {
            key: Chapter(start + at, key, title) for at, (key, title) in enumerate(titles.items())
        }

    @cached_property
    def change_log(self) -> ChangeLog:
        """Return the newest of what changed the record."""
        return change_log(self.record)

    @cached_property
    def outcome_notes(self) -> list[OutcomeNote]:
        """Return what became of the decision, in the order it was written."""
        return list(self.record.outcome_notes.select_related("written_by"))

    @cached_property
    def relations(self) -> dict[str, str]:
        """Return how the record stands to others, as "Amended by" → "DR-9, DR-12"."""
        return relations_in_words(self.record)

    @property
    def amended_by(self) -> str:
        """Return the names of the records that amend this one, or ""."""
        return self.relations.get(_("Amended by"), "")

    @cached_property
    def candidates(self) -> list[Candidate]:
        """Return the candidates, those no longer considered last."""
        return sorted(self.record.candidates.all(), key=lambda one: one.is_dropped)

    @cached_property
    def considered(self) -> list[Candidate]:
        """Return the candidates that are still considered."""
        return [one for one in self.candidates if not one.is_dropped]

    @cached_property
    def chosen(self) -> list[Candidate]:
        """Return the recommended candidates."""
        letters = chosen_letters(self.record)
        return [one for one in self.candidates if one.letter in letters]

    @property
    def question(self) -> str:
        """Return the question that the record answers."""
        return self._answer("problem", "question")

    @cached_property
    def figures(self) -> list[GoalFigure]:
        """Return a figure for each goal that was measured, then for other metrics."""
        return evidence_figures(self.record)

    @property
    def drawn_figures(self) -> list[GoalFigure]:
        """Return the figures of what stands: for each goal, and where candidates share another.

        What is beyond the first of the others is listed among the further figures.
        """
        stands = [one for one in self.figures if one.is_first]
        shared = [one for one in stands if one.is_shared and not one.goal]
        return [one for one in stands if one.goal] + shared[
            : MOST_FIGURES if self.is_capped else None
        ]

    @cached_property
    def further(self) -> Capped[LeftOut]:
        """Return the evidence that no figure draws, each with why it stands apart, if it does."""
        why = {one.evidence.pk: one.why for one in left_out_of(self.record)}
        drawn = {row.evidence.pk for figure in self.drawn_figures for row in figure.rows}
        others = [
            LeftOut(one, why.get(one.pk, ""))
            for one in self.standing
            if not one.is_comparison and one.pk not in drawn
        ]
        return self._capped(others)

    @cached_property
    def weighing(self) -> Weighing:
        """Return what comes of the matrix: the verdict, what would change it, the figures."""
        return Weighing(matrix_of(self.record))

    @cached_property
    def weighing_figures(self) -> dict[str, Drawn]:
        """Return the figures of the matrix by name."""
        return drawn_of(self.weighing)

    @cached_property
    def comparisons(self) -> Capped[Evidence]:
        """Return the paired comparisons."""
        found = [one for one in self.standing if one.kind == EvidenceKind.COMPARISON]
        return self._capped(found)

    @cached_property
    def named(self) -> dict[str, Evidence | Goal]:
        """Return what texts refer to by name: evidence as `E3`, goals by their metric."""
        return named_in(self.record)

    @cached_property
    def standing(self) -> list[Evidence]:
        """Return the evidence that counts."""
        return [one for one in self.record.evidence.all() if not one.is_withdrawn]

    @cached_property
    def withdrawn(self) -> list[Evidence]:
        """Return the evidence that no longer counts."""
        return [one for one in self.record.evidence.all() if one.is_withdrawn]

    @cached_property
    def goals(self) -> list[GoalLine]:
        """Return the goals, each with what was measured of every considered candidate."""
        return [self._goal_line(goal) for goal in self.record.accepted_goals]

    @property
    def overview(self) -> list[OverviewPart]:
        """Return the goals with what was measured, so many candidates after so many."""
        title = _("Every goal at a glance")
        parts = even_parts(len(self.considered), MOST_ACROSS)
        return [
            OverviewPart(
                title if len(parts) == 1 else f"{title}, {self._letters(places)}",
                [self.considered[at] for at in places],
                tuple(
                    replace(line, cells=tuple(line.cells[at] for at in places))
                    for line in self.goals
                ),
            )
            for places in parts
        ]

    def _letters(self, places: range) -> str:
        """Return which candidates stand at some places: "A to E"."""
        first, last = self.considered[places[0]].letter, self.considered[places[-1]].letter
        told = {"first": first, "last": last}
        return first if first == last else _("%(first)s to %(last)s") % told

    @cached_property
    def signatures(self) -> list[SignatureLine]:
        """Return the latest signatures of every role, and a line for each that has not signed."""
        latest = self._latest
        board = Signatures(self.record, self.digest)
        counting = {one.signature for one in board.seats}
        seats = {(one.participant.user_id, one.role) for one in board.seats}
        lines = []
        for role in Role:
            found = [one for one in latest.values() if one.role == role]
            lines += [
                SignatureLine(role, one, one in counting, is_departed=one.seat not in seats)
                for one in found
            ]
            if role in board.policy.roles:
                missing = [one for one in board.empty_seats(role) if _is_new(one, latest)]
                lines += [SignatureLine(role, None, False, one.participant) for one in missing]
        return lines

    @cached_property
    def _latest(self) -> dict[tuple[int, str], SignOff]:
        """Return the signature of each seat; what a file says, only while all rests on the file."""
        latest = latest_sign_offs(self.record, self.digest)
        by_file = self.record.is_approved_elsewhere
        return {seat: one for seat, one in latest.items() if by_file or not one.is_imported}

    @cached_property
    def earlier_signatures(self) -> list[SignOff]:
        """Return the signatures in whose place a later one of the same person stands."""
        latest = {one.pk for one in self._latest.values()}
        given = self.record.sign_offs.all()
        return [one for one in given if one.pk not in latest and not one.is_imported]

    @cached_property
    def foreign_signatures(self) -> list[SignOff]:
        """Return those that an imported file tells of and that stand nowhere else."""
        latest = {one.pk for one in self._latest.values()}
        return [
            one for one in self.record.sign_offs.all() if one.is_imported and one.pk not in latest
        ]

    @property
    def came_from(self) -> str:
        """Return what the record was called where the file was made that it came in from, or ""."""
        imported = Import.objects.filter(decision=self.record).only("reference").first()
        return imported.reference if imported else ""

    @cached_property
    def dissent(self) -> list[Dissent]:
        """Return every rejection and reservation, also those given up later."""
        return dissent_on(Signatures(self.record, self.digest))

    @cached_property
    def reviews(self) -> list[Review]:
        """Return the reviews, in the order they were sent."""
        return list(self.record.reviews.all())

    @property
    def keywords(self) -> list[str]:
        """Return what the file can be found by."""
        approaches = {one.approach_words for one in self.considered} - {""}
        return [self.record.reference, str(self.template_title), *sorted(approaches)]

    def _capped(self, rows: Sequence[T]) -> Capped[T]:
        most = MOST_EVIDENCE if self.is_capped else len(rows)
        return Capped(rows[:most], rows[most:])

    def _chapter(self, number: int, title: Text, members: list[Section]) -> Chapter:
        parts = tuple(
            self._part(f"{number}.{at}" if len(members) > 1 else "", section)
            for at, section in enumerate(members, start=1)
        )
        return Chapter(number, members[0].kind, title, parts)

    def _part(self, number: str, section: Section) -> Part:
        section.decision = self.record
        rated = section.definition.rows == Rows.ASSESSMENTS
        ratings = [self._rating_line(section, one) for one in self.considered if rated]
        return Part(number, section, tuple(self._blocks(section)), tuple(ratings))

    def _evidence_chapter(self, number: int) -> Chapter:
        return Chapter(number, "evidence", _("Evidence"))

    def _blocks(self, section: Section) -> Iterator[Block]:
        """Yield a section's answers: runs of short ones together, each text on its own."""
        answered = [
            (field, value) for field, value in section.values() if not _is_left_out(field, value)
        ]
        by_length = groupby(answered, key=lambda pair: pair[0].type == FieldType.MARKDOWN)
        for is_text, pairs in by_length:
            if is_text:
                for field, value in pairs:
                    label = "" if len(section.definition.fields) == 1 else _heading(field)
                    yield Block(label=label, text=value or "")
            else:
                yield Block(
                    facts=tuple((one.label, self._short(one, value)) for one, value in pairs)
                )

    def _short(self, field: Field, value: Any) -> str:
        """Return a short answer as text."""
        if field.is_empty(value):
            return NOTHING
        if field.type == FieldType.CHOICE:
            return str(field.label_of(value))
        if field.type == FieldType.DATE:
            return date_format(date.fromisoformat(value), DAY)
        if field.type == FieldType.CANDIDATES:
            names = {one.letter: str(one) for one in self.candidates}
            return "; ".join(names.get(letter, letter) for letter in value)
        return str(value)

    def _answer(self, kind: str, name: str) -> str:
        """Return one answer of one section, or ""."""
        for section in self.record.sections.all():
            if section.kind == kind:
                return section.data.get(name) or ""
        return ""

    def _goal_line(self, goal: Goal) -> GoalLine:
        worst = goal.worst_acceptable
        stands = (one for one in self.figures if one.goal == goal and one.is_first)
        measured = next(stands, None)
        return GoalLine(
            goal,
            goal_target(goal).sign(goal.unit),
            NOTHING if worst is None else format_exact(worst, goal.unit),
            format_number(goal.weight),
            tuple(
                measured.of(one) if measured else CandidateFigure(one, None, None)
                for one in self.considered
            ),
        )

    def _rating_line(self, section: Section, candidate: Candidate) -> RatingLine:
        mine = [one for one in candidate.assessments.all() if one.role == section.role]
        said = {one.criterion: one for one in mine}
        return RatingLine(
            candidate, tuple(said.get(one.key) for one in section.definition.criteria)
        )


def relations_in_words(decision: Decision) -> dict[str, str]:
    """Return how a record stands to others: by name only, for whoever may come to read this."""
    out, into = decision.links_out, decision.links_in
    amends, relates = {"relation": Relation.AMENDS}, {"relation": Relation.RELATES}
    found = {
        _("Superseded by"): [decision.superseded_by] if decision.superseded_by else [],
        _("Supersedes"): list(decision.supersedes.all()),
        _("Amended by"): [one.source for one in into.filter(**amends).select_related("source")],
        _("Amends"): [one.target for one in out.filter(**amends).select_related("target")],
        _("Related"): [
            *(one.source for one in into.filter(**relates).select_related("source")),
            *(one.target for one in out.filter(**relates).select_related("target")),
        ],
    }
    return {
        words: ", ".join(one.reference for one in others)
        for words, others in found.items()
        if others
    }


def _is_new(seat: Seat, latest: Mapping[tuple[int, str], SignOff]) -> bool:
    """Return whether nobody has ever signed in a seat."""
    return (seat.participant.user_id, seat.role) not in latest


def _heading(field: Field) -> Text:
    """Return what stands over an answer; what asks its author to write on is no heading."""
    return _("Remarks") if str(field.label) == _("In your words") else field.label


def _is_left_out(field: Field, value: Any) -> bool:
    """Return whether an unanswered question is left out: only if it need not be answered."""
    return field.is_empty(value) and not field.required


@cache
def software_version() -> str:
    """Return the project's version."""
    project = tomllib.loads((settings.BASE_DIR / "pyproject.toml").read_text())
    return str(project["project"]["version"])
