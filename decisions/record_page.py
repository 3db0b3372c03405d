"""What the pages of a record show one person: parts by chapter, next steps, people, blockers."""

from dataclasses import dataclass
from functools import cached_property
from itertools import groupby

from django.db.models import Prefetch
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from decisions.blockers import (
    Blocker,
    blockers,
    latest_sign_offs,
    role_label,
    section_problems,
    standing_requests,
)
from decisions.content import current_digest
from decisions.figures import EvidenceRow, GoalFigure, evidence_figures
from decisions.models import (
    Assessment,
    Candidate,
    Comment,
    Decision,
    Evidence,
    Participant,
    Review,
    Role,
    Section,
    SectionState,
    SignOff,
    Status,
    Thread,
    User,
)
from decisions.models.decision import DecisionQuerySet
from decisions.policies import Refusal, may, refusal
from decisions.section_kinds import CRITERIA, Criterion, Text
from decisions.workflow import MOVES


def with_parts(decisions: DecisionQuerySet) -> DecisionQuerySet:
    """Load records with all that their pages show, in a fixed number of queries."""
    return decisions.select_related("owner", "superseded_by").prefetch_related(
        Prefetch("participants", Participant.objects.select_related("user")),
        Prefetch("sections", Section.objects.select_related("changed_by")),
        "goals",
        "candidates__assessments__by",
        Prefetch(
            "evidence",
            Evidence.objects.select_related(
                "candidate", "compared_with", "attached_by", "withdrawn_by"
            ),
        ),
        Prefetch(
            "threads",
            Thread.objects.select_related("section", "resolved_by").prefetch_related(
                Prefetch("comments", Comment.objects.select_related("author", "review"))
            ),
        ),
        Prefetch("reviews", Review.objects.select_related("reviewer", "lifted_by")),
        Prefetch("sign_offs", SignOff.objects.select_related("user")),
        "supersedes",
    )


@dataclass(frozen=True)
class Step:
    """A button: what it does, where it posts or leads to, and why it is disabled, if it is."""

    action: str
    label: Text
    url: str
    refusal: Refusal | None
    is_link: bool
    is_primary: bool = False


@dataclass(frozen=True)
class Part:
    """A section as one person sees it."""

    section: Section
    role_label: str
    refusal: Refusal | None
    is_mine: bool
    problems: list[str]
    threads: list[Thread]

    @property
    def is_finished(self) -> bool:
        """Return whether it is marked complete and nothing is missing."""
        return self.section.is_complete and not self.problems

    @property
    def shown_state(self) -> str:
        """Return the state as shown: a complete part that needs work again is in progress."""
        if self.section.is_complete and self.problems:
            return SectionState.IN_PROGRESS
        return self.section.state

    @property
    def state_words(self) -> Text:
        """Return the shown state in words."""
        if self.section.is_complete and self.problems:
            return _("Needs work")
        return self.section.get_state_display()

    @property
    def state_icon(self) -> str:
        """Return the symbol of the shown state."""
        return STATE_ICONS[SectionState(self.shown_state)]

    @property
    def is_empty(self) -> bool:
        """Return whether nothing is written here yet."""
        return self.section.state == SectionState.NOT_STARTED and not self.section.data

    @property
    def open_threads(self) -> list[Thread]:
        """Return the discussions about this part that go on."""
        return [one for one in self.threads if not one.is_resolved]


@dataclass(frozen=True)
class RoleLine:
    """A role on the record: who holds it, and how its signature stands."""

    role: Role
    people: list[Participant]
    signature: SignOff | None
    holds: bool


@dataclass(frozen=True)
class CriterionRow:
    """One criterion of a role with the assessment of each candidate, None where there is none."""

    role: Role
    criterion: Criterion
    cells: list[tuple[Candidate, Assessment | None]]


@dataclass(frozen=True)
class MeasuredRow:
    """One measured metric with each candidate's evidence, None where there is none."""

    name: Text
    cells: list[EvidenceRow | None]


STATE_ICONS = {
    SectionState.NOT_STARTED: "state-none",
    SectionState.IN_PROGRESS: "state-half",
    SectionState.COMPLETE: "state-done",
}
STEP_LABELS: dict[str, Text] = {
    "submit": _("Submit for review"),
    "review": _("Review"),
    "sign": _("Sign"),
    "approve": _("Approve"),
    "reopen": _("Reopen as draft"),
    "withdraw": _("Withdraw"),
}
LINKED = {"review": "decisions:review", "sign": "decisions:sign"}
NEEDS_REASON = {"reopen", "withdraw"}


class RecordPage:
    """One record as one person sees it; everything is computed when first asked for."""

    def __init__(self, record: Decision, user: User) -> None:
        self.record = record
        self.user = user

    @cached_property
    def digest(self) -> str:
        """Return the digest of what the record says now."""
        return current_digest(self.record)

    @cached_property
    def parts(self) -> list[Part]:
        """Return all sections, in order."""
        return [self._part(section) for section in self.record.sections.all()]

    def part(self, kind: str) -> Part:
        """Return one section by its kind."""
        return next(part for part in self.parts if part.section.kind == kind)

    @cached_property
    def chapters(self) -> list[tuple[Text, list[Part]]]:
        """Return the sections grouped by chapter."""
        by_chapter = groupby(self.parts, key=lambda part: part.section.definition.chapter)
        return [(chapter, list(parts)) for chapter, parts in by_chapter]

    @property
    def finished_count(self) -> int:
        """Return how many sections are finished."""
        return sum(part.is_finished for part in self.parts)

    @cached_property
    def evidence_by_reference(self) -> dict[str, Evidence]:
        """Return the record's evidence by its name, `E3`."""
        return {one.reference: one for one in self.evidence}

    @cached_property
    def evidence(self) -> list[Evidence]:
        """Return all evidence, each knowing its record."""
        rows = list(self.record.evidence.all())
        for one in rows:
            one.decision = self.record
        return rows

    @property
    def standing_evidence(self) -> list[Evidence]:
        """Return the evidence that counts."""
        return [one for one in self.evidence if not one.is_withdrawn]

    @property
    def withdrawn_evidence(self) -> list[Evidence]:
        """Return the evidence that was taken out."""
        return [one for one in self.evidence if one.is_withdrawn]

    @cached_property
    def figures(self) -> list[GoalFigure]:
        """Return a figure for each goal that has evidence."""
        return evidence_figures(self.record)

    @cached_property
    def candidates(self) -> list[Candidate]:
        """Return the candidates under consideration, then those dropped."""
        rows = list(self.record.candidates.all())
        return sorted(rows, key=lambda one: one.is_dropped)

    @cached_property
    def measured_rows(self) -> list[MeasuredRow]:
        """Return the comparable measurements, one row a metric, one cell a candidate."""
        return [
            MeasuredRow(
                figure.name,
                [
                    next((row for row in figure.rows if row.candidate.pk == candidate.pk), None)
                    for candidate in self.candidates
                ],
            )
            for figure in self.figures
        ]

    def criteria(self, role: str) -> list[CriterionRow]:
        """Return a role's criteria with its assessment of each candidate."""
        return [self._criterion_row(Role(role), criterion) for criterion in CRITERIA[role]]

    @cached_property
    def all_criteria(self) -> list[tuple[Role, list[CriterionRow]]]:
        """Return every role's criteria with the assessments."""
        return [(Role(role), self.criteria(role)) for role in CRITERIA]

    @cached_property
    def roles(self) -> list[RoleLine]:
        """Return the four roles with their people and how their signatures stand."""
        return [self._role_line(Role(role)) for role in Role]

    @property
    def my_roles(self) -> set[str]:
        """Return the roles the person holds here."""
        return self.record.roles_of(self.user)

    @cached_property
    def my_signing_roles(self) -> list[RoleLine]:
        """Return the roles the person signs for."""
        mine = self.record.signing_roles_of(self.user)
        return [line for line in self.roles if line.role in mine]

    @property
    def takes_part(self) -> bool:
        """Return whether the person owns the record or has a role on it."""
        return self.record.involves(self.user)

    @property
    def is_owner(self) -> bool:
        """Return whether the person drives the record."""
        return self.record.owner_id == self.user.pk

    @cached_property
    def steps(self) -> list[Step]:
        """Return the next steps that are the person's, each with why it is disabled, if it is."""
        return [
            self._step(action)
            for action in STEP_LABELS
            if self.record.status in MOVES[action].sources and may(action, self.record, self.user)
        ]

    @cached_property
    def blockers(self) -> list[Blocker]:
        """Return what stands before the record's next status, whoever it waits on."""
        following = {Status.DRAFT: "submit", Status.IN_REVIEW: "approve"}.get(
            Status(self.record.status)
        )
        return blockers(self.record, following) if following else []

    @cached_property
    def open_threads(self) -> list[Thread]:
        """Return the discussions that go on."""
        return [one for one in self.record.threads.all() if not one.is_resolved]

    @property
    def resolved_threads(self) -> list[Thread]:
        """Return the discussions that are over."""
        return [one for one in self.record.threads.all() if one.is_resolved]

    @cached_property
    def requests(self) -> list[Review]:
        """Return the requests for changes that stand."""
        return standing_requests(self.record)

    def refusal(self, action: str, subject: object = None) -> Refusal | None:
        """Return why the person may not do this now, or None."""
        return refusal(action, self.record, self.user, subject)

    @property
    def can_comment(self) -> bool:
        """Return whether the person may comment now."""
        return self.refusal("comment") is None

    @property
    def can_edit_candidates(self) -> bool:
        """Return whether the person may change the candidates now."""
        return self.refusal("edit_candidate") is None

    @property
    def can_propose_goal(self) -> bool:
        """Return whether the person may propose a goal now."""
        return self.refusal("propose_goal") is None

    @property
    def can_measure(self) -> bool:
        """Return whether the person may run evaluations now."""
        return self.refusal("measure") is None

    @property
    def can_withdraw_evidence(self) -> bool:
        """Return whether the person may withdraw evidence now."""
        return self.refusal("withdraw_evidence") is None

    @property
    def can_edit_details(self) -> bool:
        """Return whether the person may change title, due date and readers now."""
        return self.refusal("edit_details") is None

    @property
    def can_invite(self) -> bool:
        """Return whether the person may change who takes part now."""
        return self.refusal("invite") is None

    def _part(self, section: Section) -> Part:
        section.decision = self.record
        return Part(
            section=section,
            role_label=role_label(self.record, section.role),
            refusal=self.refusal("edit_section", section),
            is_mine=may("edit_section", self.record, self.user, section),
            problems=section_problems(section),
            threads=[one for one in self.record.threads.all() if one.section_id == section.pk],
        )

    def _criterion_row(self, role: Role, criterion: Criterion) -> CriterionRow:
        cells = []
        for candidate in self.candidates:
            said = [
                one
                for one in candidate.assessments.all()
                if one.role == role and one.criterion == criterion.key
            ]
            cells.append((candidate, said[0] if said else None))
        return CriterionRow(role, criterion, cells)

    def _role_line(self, role: Role) -> RoleLine:
        people = [one for one in self.record.participants.all() if one.role == role]
        signed = [one for one in latest_sign_offs(self.record).values() if one.role == role]
        current = [one for one in signed if one.digest == self.digest]
        latest = (current or signed)[-1:]
        return RoleLine(role, people, latest[0] if latest else None, bool(current))

    def _step(self, action: str) -> Step:
        reference = self.record.reference
        linked = LINKED.get(action)
        url = (
            reverse(linked, args=[reference])
            if linked
            else reverse("decisions:move", args=[reference, action])
        )
        refused = self.refusal(action)
        return Step(
            action,
            STEP_LABELS[action],
            url,
            refused,
            is_link=bool(linked) or action in NEEDS_REASON,
            is_primary=action in {"submit", "sign", "approve"} and refused is None,
        )
