"""What the pages of a record show one person: parts by chapter, next steps, people, blockers."""

from functools import cached_property
from http import HTTPStatus
from itertools import groupby

from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from decisions.advice_page import AdvisedCandidate, advised_candidates
from decisions.blockers import (
    Blocker,
    blockers,
    role_label,
    section_problems,
    standing_requests,
)
from decisions.cautions import cautions
from decisions.comparability import LeftOut, left_out_of
from decisions.content import current_digest
from decisions.discussion import Discussion
from decisions.evidence_groups import CandidateEvidence, by_candidate
from decisions.figures import GoalFigure, drawn, evidence_figures
from decisions.looks import News, looks_of, news_since
from decisions.matrix import Weighing, matrix_of
from decisions.models import (
    Candidate,
    Decision,
    Evidence,
    Goal,
    Import,
    Look,
    OutcomeNote,
    Review,
    Role,
    Section,
    SignOff,
    Status,
    User,
)
from decisions.policies import Refusal, may, refusal
from decisions.proposals import proposers
from decisions.record_parts import (
    CriterionRow,
    Dissent,
    MeasuredRow,
    Part,
    PlaceLine,
    RoleLine,
    Step,
    dissent_on,
)
from decisions.references import ByHand, Offer, named_in, offers, written_by_hand
from decisions.relations import Relations
from decisions.section_kinds import Criterion, Text
from decisions.signatures import Chair, Seat, Signatures, latest_sign_offs
from decisions.versions import Past
from decisions.workflow import MOVES

STEP_LABELS: dict[str, Text] = {
    "submit": _("Submit for review"),
    "review": _("Review"),
    "sign": _("Sign"),
    "approve": _("Approve"),
    "note_outcome": _("Note what became of it"),
    "amend": _("Name an amendment"),
    "supersede": _("Supersede"),
    "reopen": _("Reopen as draft"),
    "withdraw": _("Withdraw"),
}
LINKED = {"review": "decisions:review", "sign": "decisions:sign"}
ASKS_FIRST = {"reopen", "withdraw", "supersede", "amend", "note_outcome"}


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
    def named(self) -> dict[str, Evidence | Goal]:
        """Return what texts refer to by name: evidence as `E3`, goals by their metric."""
        return named_in(self.record)

    @cached_property
    def proposers(self) -> dict[str, tuple[str, str]]:
        """Return who wrote each goal down, by its name."""
        return proposers(self.record)

    @cached_property
    def by_hand(self) -> list[ByHand]:
        """Return the numbers that look measured and are written by hand."""
        return written_by_hand(self.record)

    @property
    def sees_by_hand(self) -> bool:
        """Return whether the person is to ask where such numbers come from."""
        return self.is_owner or self.can_review

    @cached_property
    def cautions(self) -> list[str]:
        """Return what should be known before the record is submitted or signed."""
        return cautions(self.weighing.matrix) if self.record.is_open else []

    @cached_property
    def offers(self) -> list[Offer]:
        """Return what texts can refer to now."""
        return offers(self.named)

    @property
    def spoken_offers(self) -> list[Offer]:
        """Return what people can refer to where they speak under their name: evidence alone."""
        return [one for one in self.offers if one.is_evidence]

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
    def comparisons(self) -> list[Evidence]:
        """Return the paired comparisons that count."""
        return [one for one in self.standing_evidence if one.is_comparison]

    @property
    def withdrawn_evidence(self) -> list[Evidence]:
        """Return the evidence that was taken out."""
        return [one for one in self.evidence if one.is_withdrawn]

    @cached_property
    def figures(self) -> list[GoalFigure]:
        """Return a figure for each goal that has evidence."""
        return evidence_figures(self.record)

    @property
    def drawn_figures(self) -> list[GoalFigure]:
        """Return the figures that stand open."""
        return drawn(self.figures)

    @property
    def folded_figures(self) -> list[GoalFigure]:
        """Return the others in which candidates stand against each other."""
        open_ones = self.drawn_figures
        return [one for one in self.figures if one.is_shared and one not in open_ones]

    @property
    def lone_figures(self) -> list[GoalFigure]:
        """Return what was measured of one candidate alone and is not drawn: for a table."""
        open_ones = self.drawn_figures
        return [one for one in self.figures if not one.is_shared and one not in open_ones]

    @property
    def evidence_by_candidate(self) -> list[CandidateEvidence]:
        """Return the evidence that counts by candidate and by where it comes from."""
        return by_candidate(self.standing_evidence)

    @property
    def left_out(self) -> list[LeftOut]:
        """Return what stands for no metric, with the reason."""
        return left_out_of(self.record)

    @cached_property
    def weighing(self) -> Weighing:
        """Return what comes of the record's matrix under its saved weights."""
        return Weighing(matrix_of(self.record))

    @cached_property
    def candidates(self) -> list[Candidate]:
        """Return the candidates under consideration, then those dropped."""
        rows = list(self.record.candidates.all())
        return sorted(rows, key=lambda one: one.is_dropped)

    @cached_property
    def advised(self) -> list[AdvisedCandidate]:
        """Return each candidate with how the rules say it fits the product's profile."""
        return list(advised_candidates(self.record, self.candidates))

    @cached_property
    def measured_rows(self) -> list[MeasuredRow]:
        """Return what stands of each metric, one row a metric, one cell a candidate."""
        return [
            MeasuredRow(figure.name, [figure.of(one) for one in self.candidates])
            for figure in self.figures
            if figure.is_first
        ]

    def criteria(self, role: str) -> list[CriterionRow]:
        """Return a role's criteria with its assessment of each candidate."""
        return [
            self._criterion_row(Role(role), criterion)
            for criterion in self.record.criteria_of(role)
        ]

    @cached_property
    def all_criteria(self) -> list[tuple[Role, list[CriterionRow]]]:
        """Return the criteria with the assessments of every role that rates here."""
        found = [(role, self.criteria(role)) for role in Role]
        return [(role, rows) for role, rows in found if rows]

    @cached_property
    def imported(self) -> Import | None:
        """Return how the record came in from a file, without the file, which may be large."""
        imports = Import.objects.filter(decision=self.record).defer("archive")
        return imports.select_related("by").first()

    @cached_property
    def follows(self) -> Decision | None:
        """Return the record here of which this one's file tells more, if the person may read it."""
        earlier = self.imported and self.imported.follows_id
        readable = Decision.objects.visible_to(self.user)
        return readable.filter(pk=earlier).first() if earlier else None

    @cached_property
    def followed_by(self) -> list[Decision]:
        """Return the records that came in later and tell more of this one."""
        later = Decision.objects.visible_to(self.user).filter(imported__follows=self.record)
        return list(later.order_by("number"))

    @cached_property
    def roles(self) -> list[RoleLine]:
        """Return the four roles with their people and how their signatures stand."""
        return [self._role_line(Role(role)) for role in Role]

    @cached_property
    def has_signed(self) -> bool:
        """Return whether no signature is awaited of the person, because they have given theirs."""
        signed = any(one.user_id == self.user.pk for one in self._latest.values())
        return signed and not self.board.awaited_chairs_of(self.user)

    @property
    def my_roles(self) -> set[str]:
        """Return the roles the person holds here."""
        return self.record.roles_of(self.user)

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
    def requests(self) -> list[Review]:
        """Return the requests for changes that stand."""
        return standing_requests(self.record)

    @cached_property
    def discussion(self) -> Discussion:
        """Return the threads, the requests and the person's own held comments."""
        return Discussion(self.record, self.user, self.requests, self.past)

    @cached_property
    def looks(self) -> dict[int, Look]:
        """Return up to where the person has looked at each section."""
        return looks_of(self.user, self.record)

    @cached_property
    def past(self) -> Past:
        """Return the earlier contents that the page compares with, all read at once."""
        looked_at = {one.digest for one in self.looks.values()}
        spoken_of = {one.digest for one in self.requests}
        return Past(self.record, looked_at | spoken_of, self.digest)

    @cached_property
    def news(self) -> list[News]:
        """Return what changed since the person last looked, part by part."""
        return news_since(self.looks, self.past, list(self.record.sections.all()))

    @cached_property
    def changed_kinds(self) -> set[str]:
        """Return the parts that changed since the person last looked at them."""
        return {one.kind for one in self.news}

    @property
    def news_url(self) -> str:
        """Return the page that shows those differences: the review, for who may send one."""
        name = "decisions:review" if self.can_review else "decisions:changes"
        return reverse(name, args=[self.record.reference])

    @cached_property
    def can_review(self) -> bool:
        """Return whether the person may send a review now."""
        return self.refusal("review") is None

    @cached_property
    def relations(self) -> Relations:
        """Return how the record stands to others, as far as the person may know."""
        return Relations(self.record, self.user)

    @property
    def amendment(self) -> Text:
        """Return what is true of the record now that others amend it; "" if nothing is."""
        amended_by = self.relations.amended_by
        if not amended_by or self.record.status in {Status.WITHDRAWN, Status.SUPERSEDED}:
            return ""
        if self.record.is_open:
            return _("This record was amended before it was reopened.")
        # Who may not read an amendment is not told how it stands either.
        if all(one.is_visible and one.holds for one in amended_by):
            return _("This record is amended; both hold.")
        return _("This record was amended.")

    @cached_property
    def outcome_notes(self) -> list[OutcomeNote]:
        """Return what became of the decision, newest first."""
        return list(self.record.outcome_notes.select_related("written_by").order_by("-written_at"))

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
    def can_accept_goals(self) -> bool:
        """Return whether the person may decide now which goals count."""
        return self.refusal("accept_goal") is None

    @property
    def can_measure(self) -> bool:
        """Return whether the person may run evaluations now."""
        return self.refusal("measure") is None

    @property
    def can_add_evidence(self) -> bool:
        """Return whether the person may bring evidence in from outside now."""
        return self.refusal("add_evidence") is None

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

    @cached_property
    def board(self) -> Signatures:
        """Return how the signatures stand for what the record says now."""
        return Signatures(self.record, self.digest)

    @cached_property
    def chairs(self) -> list[Chair]:
        """Return the seats in which the person may sign: their own, and those lent to them."""
        return self.board.chairs_of(self.user)

    @cached_property
    def places(self) -> list[PlaceLine]:
        """Return every place for a signature, filled or not, by role."""
        return [line for role in Role for line in self._places(role)]

    @cached_property
    def dissent(self) -> list[Dissent]:
        """Return every rejection and reservation, also those given up later, oldest first."""
        return dissent_on(self.board)

    def _places(self, role: Role) -> list[PlaceLine]:
        seats = self.board.of_role(role)
        latest = {key: one for key, one in self._latest.items() if key[1] == role}
        lines = [
            PlaceLine(
                role, seat.participant.user, latest.pop(_key(seat), None), bool(seat.signature)
            )
            for seat in seats
        ]
        if not seats and role in self.board.policy.roles:
            lines.append(PlaceLine(role, None, None, holds=False))
        gone = [PlaceLine(role, one.user, one, False, is_departed=True) for one in latest.values()]
        return lines + gone

    @cached_property
    def _latest(self) -> dict[tuple[int, str], SignOff]:
        return latest_sign_offs(self.record, self.digest)

    def _role_line(self, role: Role) -> RoleLine:
        people = [one for one in self.record.participants.all() if one.role == role]
        must_sign = role in self.board.policy.roles
        return RoleLine(role, people, must_sign, self.board.is_settled(role))

    @property
    def _role_to_sign(self) -> str | None:
        """Return the role that the person's signature is for: one whose turn it is, if any is."""
        roles = [one.seat.role for one in self.chairs]
        ready = (one for one in roles if not self.board.awaited_before(one))
        return next(ready, next(iter(roles), None))

    @property
    def _sign_refusal(self) -> Refusal | None:
        """Return why the person cannot sign in any of their places now."""
        refused = self.refusal("sign", self._role_to_sign)
        spoken = [one.giver_has_spoken for one in self.chairs]
        if refused or not spoken or not all(spoken):
            return refused
        return Refusal(spoken[0], HTTPStatus.CONFLICT)

    def _step(self, action: str) -> Step:
        reference = self.record.reference
        linked = LINKED.get(action)
        url = (
            reverse(linked, args=[reference])
            if linked
            else reverse("decisions:move", args=[reference, action])
        )
        refused = self._sign_refusal if action == "sign" else self.refusal(action)
        return Step(
            action,
            STEP_LABELS[action],
            url,
            refused,
            is_link=bool(linked) or action in ASKS_FIRST,
            is_primary=action in {"submit", "sign", "approve"} and refused is None,
        )


def _key(seat: Seat) -> tuple[int, str]:
    """Return whose seat it is, as signatures name it."""
    return (seat.participant.user_id, seat.role)
