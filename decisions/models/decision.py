"""The decision record and its sections."""

from __future__ import annotations

import json
import re
import uuid
from typing import TYPE_CHECKING, Any

from django.db import models
from django.db.models import Exists, F, OuterRef, Q
from django.db.models.functions import Cast, Lower
from django.urls import reverse
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from decisions import clock
from decisions.models.people import Delegation, Participant, Role, User
from decisions.models.record_template import RecordTemplate

if TYPE_CHECKING:
    from decisions.models.candidate import Goal
    from decisions.section_kinds import Criterion, SectionKind

REFERENCE = re.compile(r"^DR-([1-9][0-9]{0,8})$", re.IGNORECASE)


class Status(models.TextChoices):
    """Where a decision stands."""

    DRAFT = "draft", _("Draft")
    IN_REVIEW = "in_review", _("In review")
    APPROVED = "approved", _("Approved")
    WITHDRAWN = "withdrawn", _("Withdrawn")
    SUPERSEDED = "superseded", _("Superseded")


OPEN = [Status.DRAFT, Status.IN_REVIEW]
# What was approved, whatever came after.
ONCE_APPROVED = [Status.APPROVED, Status.SUPERSEDED]
APPROVED_ELSEWHERE = "approved_elsewhere"


class Visibility(models.TextChoices):
    """Who may read a record."""

    PARTICIPANTS = "participants", _("Its participants")
    EVERYONE = "everyone", _("Everyone signed in")


ORDERS: dict[str, list[Any]] = {
    "changed": ["-changed_at", "-number"],
    "due": [models.F("due_on").asc(nulls_last=True), "-number"],
    "number": ["-number"],
    "title": [Lower("title"), "number"],
}


def _mentions(text: str, *, whole: bool = False) -> Q:
    """Match a tag, or a part of one, in its JSON: SQLite keeps it escaped, PostgreSQL does not."""
    written = [json.dumps(text), json.dumps(text, ensure_ascii=False)]
    first, second = written if whole else [one[1:-1] for one in written]
    return Q(tag_text__icontains=first) | Q(tag_text__icontains=second)


def _concerns(user: User) -> Q:
    """Match what a person owns or takes part in, or where they stand in for a signatory.

    Who was only asked to stand in may read that one record while it is open, to decide whether to
    accept. Who has accepted reads what the delegation covers for as long as it stands, also when
    the record is closed: what they signed they answer for. Once it is ended, by either of the
    two, or has run out, they read the record no more.
    """
    takes_part = Participant.objects.filter(decision=OuterRef("pk"), user=user)
    signs_for_role = Participant.objects.filter(
        decision=OuterRef(OuterRef("pk")), user=OuterRef("giver"), is_signatory=True
    )
    taken = Delegation.objects.open().filter(Exists(signs_for_role), taker=user)
    covers = Q(decision=OuterRef("pk")) | Q(decision__isnull=True)
    accepted = taken.in_force().filter(covers)
    asked = taken.filter(decision=OuterRef("pk"), accepted_at__isnull=True)
    return (
        Q(owner_id=user.pk)
        | Q(Exists(takes_part))
        | Q(Exists(accepted))
        | Q(Exists(asked), status__in=OPEN)
    )


class DecisionQuerySet(models.QuerySet["Decision"]):
    """Finds decisions."""

    def visible_to(self, user: User) -> DecisionQuerySet:
        """Return what `user` may read: their own, those they take part in, those open to all."""
        if user.is_superuser:
            return self
        return self.filter(Q(visibility=Visibility.EVERYONE) | _concerns(user))

    def involving(self, user: User) -> DecisionQuerySet:
        """Return those that `user` owns, takes part in, or may sign in another's place."""
        return self.filter(_concerns(user))

    def open(self) -> DecisionQuerySet:
        """Return those still in draft or in review."""
        return self.filter(status__in=OPEN)

    def shown_as(self, status: str) -> DecisionQuerySet:
        """Return those whose status is shown as this one, see `Decision.shown_status`."""
        if status == APPROVED_ELSEWHERE:
            return self.filter(status=Status.APPROVED, is_approved_elsewhere=True)
        found = self.filter(status=status)
        return found.filter(is_approved_elsewhere=False) if status == Status.APPROVED else found

    def due_to_be_looked_at_again(self) -> DecisionQuerySet:
        """Return approved ones whose review date has come."""
        return self.filter(status=Status.APPROVED, review_on__lte=clock.today())

    def held_as(self, user: User, role: str) -> DecisionQuerySet:
        """Return those on which `user` holds `role`."""
        held = Participant.objects.filter(decision=OuterRef("pk"), user=user, role=role)
        return self.filter(Exists(held))

    def matching(self, text: str) -> DecisionQuerySet:
        """Return those called so, or with these words in the title or a tag."""
        found = Q(title__icontains=text) | _mentions(text)
        if match := REFERENCE.match(text.strip()):
            found |= Q(number=int(match[1]))
        return self.annotate(tag_text=Cast("tags", models.TextField())).filter(found)

    def tagged(self, tag: str) -> DecisionQuerySet:
        """Return those with this tag."""
        tags = Cast("tags", models.TextField())
        return self.annotate(tag_text=tags).filter(_mentions(tag.lower(), whole=True))

    def in_order(self, order: str) -> DecisionQuerySet:
        """Return them last changed first, or by due date, number or title."""
        return self.order_by(*ORDERS[order])

    def by_reference(self, reference: str) -> DecisionQuerySet:
        """Return the one called `reference` (`DR-12`), or none."""
        match = REFERENCE.match(reference)
        return self.filter(number=int(match[1])) if match else self.none()


class Decision(models.Model):
    """One decision record, `DR-12`, driven by its owner."""

    number = models.PositiveIntegerField(_("number"), unique=True, editable=False)
    # The same wherever the record is brought. Not unique: else whoever makes up a file could keep
    # the real record of this uid out, see `actions.importing`.
    uid = models.UUIDField(default=uuid.uuid4, db_index=True, editable=False)
    title = models.CharField(_("title"), max_length=200)
    template = models.ForeignKey(
        RecordTemplate,
        to_field="key",
        db_column="template",
        on_delete=models.PROTECT,
        related_name="decisions",
        verbose_name=_("record template"),
        editable=False,
    )
    owner = models.ForeignKey(
        User, on_delete=models.PROTECT, related_name="owned_decisions", verbose_name=_("owner")
    )
    status = models.CharField(
        _("status"), max_length=20, choices=Status.choices, default=Status.DRAFT
    )
    visibility = models.CharField(
        _("who may read it"),
        max_length=20,
        choices=Visibility.choices,
        default=Visibility.PARTICIPANTS,
    )
    tags = models.JSONField(_("tags"), default=list, blank=True)
    due_on = models.DateField(_("due"), null=True, blank=True)
    review_on = models.DateField(_("look at it again on"), null=True, blank=True)
    # Reopening starts a new round; the round is signed content, so earlier signatures lapse.
    round = models.PositiveSmallIntegerField(default=1, editable=False)
    # What the ratings of a role count beside the goals, role → weight; a role that is not in here
    # counts 1.
    role_weights = models.JSONField(_("weights of the roles"), default=dict, editable=False)
    # The version of the content: rises with each material change, see decisions.content.
    version = models.PositiveIntegerField(default=0, editable=False)
    digest = models.CharField(max_length=64, blank=True, editable=False)
    policy = models.JSONField(default=dict, editable=False)
    # Set for what came in as approved, until it is reopened: a file says so, nobody here did it.
    is_approved_elsewhere = models.BooleanField(default=False, editable=False)
    superseded_by = models.ForeignKey(
        "self", null=True, blank=True, on_delete=models.PROTECT, related_name="supersedes"
    )
    # The last event of which the people concerned were told, see decisions.notify.
    told_up_to = models.PositiveIntegerField(default=0, editable=False)
    created_at = models.DateTimeField(default=clock.now, editable=False)
    changed_at = models.DateTimeField(default=clock.now, editable=False)

    objects = DecisionQuerySet.as_manager()

    class Meta:
        ordering = ["-changed_at", "-number"]
        indexes = [models.Index(fields=["status", "due_on"], name="decision_status_due")]
        constraints = [
            models.CheckConstraint(
                condition=Q(status__in=Status.values), name="decision_status_known"
            ),
            models.CheckConstraint(
                condition=Q(visibility__in=Visibility.values), name="decision_visibility_known"
            ),
            models.CheckConstraint(
                condition=Q(status=Status.SUPERSEDED, superseded_by__isnull=False)
                | (~Q(status=Status.SUPERSEDED) & Q(superseded_by__isnull=True)),
                name="decision_superseded_names_its_successor",
            ),
            models.CheckConstraint(
                condition=Q(is_approved_elsewhere=False) | Q(status__in=ONCE_APPROVED),
                name="decision_approved_elsewhere_is_approved",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.reference} {self.title}"

    def get_absolute_url(self) -> str:
        """Return the address of the record's page."""
        return reverse("decisions:record", args=[self.reference])

    @property
    def reference(self) -> str:
        """Return the name people use: `DR-12`."""
        return f"DR-{self.number}"

    @property
    def is_open(self) -> bool:
        """Return whether the record can still change."""
        return self.status in OPEN

    @property
    def shown_status(self) -> str:
        """Return the status as lists tell it apart: `approved_elsewhere` is not `approved`."""
        if self.is_approved_elsewhere and self.status == Status.APPROVED:
            return APPROVED_ELSEWHERE
        return self.status

    @property
    def status_words(self) -> str:
        """Return the status as people read it."""
        if self.shown_status == APPROVED_ELSEWHERE:
            return gettext("Approved elsewhere")
        return self.get_status_display()

    def roles_of(self, user: User) -> set[str]:
        """Return the roles that `user` holds here (reads the prefetched participants)."""
        return {one.role for one in self.participants.all() if one.user_id == user.pk}

    def signing_roles_of(self, user: User) -> set[str]:
        """Return the roles for which `user` signs here."""
        return {
            one.role
            for one in self.participants.all()
            if one.user_id == user.pk and one.is_signatory
        }

    def involves(self, user: User) -> bool:
        """Return whether `user` owns the record or takes part in it."""
        return user.pk == self.owner_id or bool(self.roles_of(user))

    def takes_part(self, user: User) -> bool:
        """Return whether `user` has a say here: as owner, participant, or in another's place.

        Who is only named in an imported record says nothing more.
        """
        return not user.known_by and (self.involves(user) or bool(self.seats_lent_to(user)))

    def role_of_section(self, kind: str) -> str:
        """Return the role that writes this kind of section here, "" if the record has none."""
        return next((one.role for one in self.sections.all() if one.kind == kind), "")

    def section_with(self, rows: str, role: str = "") -> Section | None:
        """Return the part in which such rows are written (by that role), if the record has one."""
        return next(
            (
                one
                for one in self.sections.all()
                if one.definition.rows == rows and role in ("", one.role)
            ),
            None,
        )

    def criteria_of(self, role: str) -> tuple[Criterion, ...]:
        """Return what a role rates candidates on here; nothing if it has no such part."""
        section = self.section_with("assessments", role)
        return section.definition.criteria if section else ()

    @property
    def accepted_goals(self) -> list[Goal]:
        """Return the goals that count (reads the prefetched ones)."""
        return [one for one in self.goals.all() if one.is_accepted]

    @property
    def proposed_goals(self) -> list[Goal]:
        """Return the goals that wait for the owner (reads the prefetched ones)."""
        return [one for one in self.goals.all() if not one.is_accepted]

    @property
    def adapts_a_model(self) -> bool:
        """Return whether its candidates are ways of adapting a language model."""
        section = self.section_with("candidates")
        return section is not None and section.definition.adapts_a_model

    def seats_lent_to(self, user: User) -> list[tuple[Participant, Delegation]]:
        """Return for which signatories `user` may sign here, by which delegation."""
        return [pair for pair in self._lent(user) if pair[1].is_in_force]

    def stands_in_or_is_asked_to(self, user: User) -> bool:
        """Return whether `user` may sign in another's place, or was asked to for this record.

        An offer counts while the record is open, see `_concerns`.
        """
        return any(
            one.is_in_force or (one.is_offered and one.decision_id == self.pk and self.is_open)
            for _participant, one in self._lent(user)
        )

    def _lent(self, user: User) -> list[tuple[Participant, Delegation]]:
        """Return each signatory's delegations to `user` (reads the prefetched ones)."""
        return [
            (one, delegation)
            for one in self.participants.all()
            if one.is_signatory
            for delegation in one.user.delegations_given.all()
            if delegation.taker_id == user.pk and delegation.covers(self.pk)
        ]


class SectionState(models.TextChoices):
    """How far a section has come."""

    NOT_STARTED = "not_started", _("Not started")
    IN_PROGRESS = "in_progress", _("In progress")
    COMPLETE = "complete", _("Complete")


OWNER = "owner"


class Section(models.Model):
    """One part of a record, of a kind, owned by a role (or by the record's owner)."""

    decision = models.ForeignKey(Decision, on_delete=models.CASCADE, related_name="sections")
    kind = models.SlugField(_("kind"))
    role = models.CharField(
        _("written by"), max_length=20, choices=[*Role.choices, (OWNER, _("Owner"))]
    )
    position = models.PositiveSmallIntegerField()
    state = models.CharField(
        _("state"),
        max_length=20,
        choices=SectionState.choices,
        default=SectionState.NOT_STARTED,
    )
    data = models.JSONField(default=dict, blank=True)
    # Rises with every save; a form carries the one it was made from, see actions.sections.
    token = models.PositiveIntegerField(default=0, editable=False)
    changed_at = models.DateTimeField(null=True, blank=True, editable=False)
    changed_by = models.ForeignKey(
        User, null=True, blank=True, on_delete=models.PROTECT, related_name="+", editable=False
    )

    class Meta:
        ordering = ["position"]
        constraints = [
            models.UniqueConstraint(fields=["decision", "kind"], name="section_once_per_kind"),
            models.CheckConstraint(
                condition=Q(state__in=SectionState.values), name="section_state_known"
            ),
            models.CheckConstraint(
                condition=Q(changed_at__isnull=True, changed_by__isnull=True)
                | Q(changed_at__isnull=False, changed_by__isnull=False),
                name="section_changed_at_with_by",
            ),
        ]

    def __str__(self) -> str:
        return str(self.definition.title)

    def get_absolute_url(self) -> str:
        """Return the deep link to the section on the record's page."""
        return f"{self.decision.get_absolute_url()}#{self.anchor}"

    @property
    def definition(self) -> SectionKind:
        """Return what this kind of section asks for."""
        from decisions.section_kinds import SECTION_KINDS

        return SECTION_KINDS[self.kind]

    @property
    def is_complete(self) -> bool:
        """Return whether its writers have marked it complete."""
        return self.state == SectionState.COMPLETE

    @property
    def anchor(self) -> str:
        """Return the id of the section on the record's page."""
        return f"section-{self.kind}"

    def values(self) -> list[tuple[Any, Any]]:
        """Return (field, value) pairs in the order of the kind's fields."""
        return [(field, self.data.get(field.name)) for field in self.definition.fields]


class Relation(models.TextChoices):
    """How one record stands to another (a superseded one names its successor itself)."""

    AMENDS = "amends", _("amends")
    RELATES = "relates", _("relates to")


class DecisionLink(models.Model):
    """That one record amends another, or relates to it; shown on both."""

    source = models.ForeignKey(Decision, on_delete=models.CASCADE, related_name="links_out")
    target = models.ForeignKey(Decision, on_delete=models.CASCADE, related_name="links_in")
    relation = models.CharField(_("relation"), max_length=10, choices=Relation.choices)
    made_at = models.DateTimeField(default=clock.now)
    made_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")

    class Meta:
        ordering = ["made_at", "pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["source", "target", "relation"], name="link_once_per_relation"
            ),
            models.CheckConstraint(condition=~Q(source=F("target")), name="link_to_another"),
            models.CheckConstraint(
                condition=Q(relation__in=Relation.values), name="link_relation_known"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.source.reference} {self.get_relation_display()} {self.target.reference}"


class Success(models.TextChoices):
    """Whether a decision did what it was taken for."""

    YES = "yes", _("It worked")
    PARTLY = "partly", _("It worked in part")
    NO = "no", _("It did not work")
    UNKNOWN = "unknown", _("Too early to say")


class OutcomeNote(models.Model):
    """What became of a decision, written when it came back to be looked at again."""

    decision = models.ForeignKey(Decision, on_delete=models.CASCADE, related_name="outcome_notes")
    success = models.CharField(_("did it work?"), max_length=10, choices=Success.choices)
    text = models.TextField(_("what became of it"))
    written_at = models.DateTimeField(default=clock.now)
    written_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")

    class Meta:
        ordering = ["written_at", "pk"]
        constraints = [
            models.CheckConstraint(
                condition=Q(success__in=Success.values), name="outcome_success_known"
            )
        ]

    def __str__(self) -> str:
        return f"{self.decision.reference}: {self.get_success_display()}"
