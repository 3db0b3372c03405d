"""What the pages of a record are made of, and how all of it is loaded at once."""

from collections.abc import Iterable
from dataclasses import dataclass

from django.db.models import Prefetch, QuerySet
from django.utils.translation import gettext_lazy as _

from decisions.figures import CandidateFigure
from decisions.models import (
    Assessment,
    Candidate,
    Comment,
    Delegation,
    Evidence,
    Meaning,
    Participant,
    Review,
    Role,
    Section,
    SectionState,
    SignOff,
    Thread,
    User,
)
from decisions.models.decision import DecisionQuerySet
from decisions.policies import Refusal
from decisions.references import reference_problems
from decisions.section_kinds import Criterion, Text
from decisions.signatures import Signatures

STATE_ICONS = {
    SectionState.NOT_STARTED: "state-none",
    SectionState.IN_PROGRESS: "state-half",
    SectionState.COMPLETE: "state-done",
}


def with_parts(decisions: DecisionQuerySet) -> DecisionQuerySet:
    """Load records with all that their pages show, in a fixed number of queries."""
    whole = decisions.select_related("owner", "superseded_by", "template", "imported__by")
    # What the file said is long, and no page shows it.
    return whole.defer("imported__archive").prefetch_related(
        Prefetch("participants", _participants()),
        Prefetch("sections", Section.objects.select_related("changed_by")),
        "goals",
        "candidates__assessments__by",
        Prefetch(
            "evidence",
            Evidence.objects.select_related(
                "candidate", "compared_with", "attached_by", "withdrawn_by", "attachment", "notes"
            ),
        ),
        Prefetch(
            "threads",
            Thread.objects.select_related("section", "resolved_by").prefetch_related(
                Prefetch("comments", Comment.objects.select_related("author", "review")),
                "comments__edits",
            ),
        ),
        Prefetch("reviews", Review.objects.select_related("reviewer", "lifted_by")),
        Prefetch("sign_offs", SignOff.objects.select_related("user", "signed_for")),
        "supersedes",
    )


def with_what_is_weighed(decisions: DecisionQuerySet) -> DecisionQuerySet:
    """Load records with goals, candidates, ratings and evidence, and who may do what with them."""
    evidence = Evidence.objects.select_related("candidate", "compared_with")
    told = decisions.select_related("owner", "imported__by").defer("imported__archive")
    return told.prefetch_related(
        Prefetch("participants", _participants()),
        "sections",
        "goals",
        "candidates__assessments",
        Prefetch("evidence", evidence),
    )


def _participants() -> QuerySet[Participant]:
    """Return participants with the delegations by which others may sign in their place."""
    given = Delegation.objects.open().select_related("giver", "taker")
    return Participant.objects.select_related("user").prefetch_related(
        Prefetch("user__delegations_given", given)
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
    def to_mend(self) -> list[str]:
        """Return what is wrong with what it says; what is missing too, once it is complete."""
        return self.problems if self.section.is_complete else reference_problems(self.section)

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
    """A role on the record: who holds it, and whether it has signed as the policy asks."""

    role: Role
    people: list[Participant]
    must_sign: bool
    holds: bool


@dataclass(frozen=True)
class PlaceLine:
    """A place for a signature: whose it is, the latest signature in it, and whether that counts.

    A role that nobody signs for has one line without a person. The signature of someone who no
    longer signs for the role has a line too, and does not count.
    """

    role: Role
    person: User | None
    signature: SignOff | None
    holds: bool
    is_departed: bool = False


@dataclass(frozen=True)
class Dissent:
    """A rejection or a reservation, and whether it holds: nothing of it is ever taken away.

    `replaced_by` is the signature that came next in the same place.
    """

    signature: SignOff
    holds: bool
    replaced_by: SignOff | None = None
    is_departed: bool = False


def dissent_on(board: Signatures) -> list[Dissent]:
    """Return every rejection and reservation, also those given up later, oldest first."""
    standing = {one.signature.pk for one in board.seats if one.signature}
    seats = {(one.participant.user_id, one.role) for one in board.seats}
    given = list(board.decision.sign_offs.all())
    return [
        Dissent(one, one.pk in standing, _next(one, given[at + 1 :]), one.seat not in seats)
        for at, one in enumerate(given)
        if one.meaning != Meaning.APPROVE
    ]


def _next(signature: SignOff, later: Iterable[SignOff]) -> SignOff | None:
    return next((one for one in later if one.seat == signature.seat), None)


@dataclass(frozen=True)
class CriterionRow:
    """One criterion of a role with the assessment of each candidate, None where there is none."""

    role: Role
    criterion: Criterion
    cells: list[tuple[Candidate, Assessment | None]]


@dataclass(frozen=True)
class MeasuredRow:
    """One measured metric with what it has to say of each candidate."""

    name: Text
    cells: list[CandidateFigure]
