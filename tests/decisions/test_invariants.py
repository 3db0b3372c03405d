"""Whatever people do, in whatever order: nobody's signature counts for what they were not shown.

Hypothesis drives one record through edits, saves of nothing, reverts, signatures (own and in
another's place), delegations that are accepted, ended and run out, reviews and moves. A plain model
beside it predicts each answer; after every step the database is compared with the model.
"""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import transaction
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from decisions import clock
from decisions.actions.delegation import accept_delegation, delegate, end_delegation
from decisions.actions.lifecycle import approve, reopen, submit, withdraw
from decisions.actions.people import change_participant
from decisions.actions.review import lift_review, send_review
from decisions.actions.rows import assess, edit_goal
from decisions.actions.signing import ContentMoved, sign_off
from decisions.audit_check import check_chain
from decisions.auditing import links
from decisions.content import content, digest
from decisions.models import Decision, Delegation, Meaning, Participant, Review, SignOff, User
from decisions.policies import Refused
from decisions.signatures import Signatures
from tests import factories
from tests.factories import People, fresh

pytestmark = [pytest.mark.slow, pytest.mark.django_db]

EXAMPLES = int(os.environ.get("COUNTERSIGN_EXAMPLES") or 25)
STEPS = int(os.environ.get("COUNTERSIGN_STEPS") or 25)
START = datetime(2030, 5, 1, 9, tzinfo=UTC)

ROLES = ("business", "data_science", "devops", "ux")
role_names = st.sampled_from(ROLES)
words = st.sampled_from(["as it was", "otherwise", "a third way"])
meanings = st.sampled_from([Meaning.APPROVE, Meaning.APPROVE_WITH_RESERVATION, Meaning.REJECT])


@dataclass
class Said:
    """What the model knows of the last signature in a seat."""

    digest: str
    content: dict[str, Any]
    approves: bool
    by: int


@dataclass
class Model:
    """What the record should be like, in plain values."""

    status: str = "in_review"
    shown: dict[int, dict[str, Any]] = field(default_factory=dict)
    said: dict[tuple[int, str], dict[str, Said]] = field(default_factory=dict)  # by digest
    signatories: set[tuple[int, str]] = field(default_factory=set)
    asks_for_changes: set[int] = field(default_factory=set)
    approved: dict[str, Any] | None = None


class RecordMachine(RuleBasedStateMachine):
    """One record, its owner, four signatories, and an outsider who may stand in."""

    record: Decision
    people: People
    steps = 0
    signed = 0

    def __init__(self) -> None:
        super().__init__()
        self.savepoint = transaction.savepoint()
        self.now = START
        self.model = Model()
        self.by_role = dict(self.people.signatories)
        self.model.signatories = {(user.pk, role) for role, user in self.by_role.items()}
        self.everyone = list(self.people.everyone.values())

    def teardown(self) -> None:
        """Leave the record as every example finds it; its log has to hold first."""
        assert check_chain(links(self.decision)).broken is None
        transaction.savepoint_rollback(self.savepoint)

    @property
    def decision(self) -> Decision:
        """Return the record as it stands in the database."""
        return fresh(self.record)

    @contextmanager
    def moment(self, minutes: int = 1) -> Iterator[None]:
        """Let something happen a little later than what came before."""
        type(self).steps += 1
        self.now += timedelta(minutes=minutes)
        with clock.held_at(self.now):
            yield

    def expect(self, allowed: bool, action: Callable[[], object]) -> bool:
        """Do something that the model allows, or that has to be refused and write nothing."""
        if allowed:
            action()
            return True
        before = factories.all_rows()
        with pytest.raises((Refused, ContentMoved)):
            action()
        assert factories.all_rows() == before
        return False

    @property
    def is_open(self) -> bool:
        return self.model.status in {"draft", "in_review"}

    # What the record says

    def write(self, role: str, reading: str) -> None:
        factories.edit(self.decision, f"results_{role}", self.people, reading=reading)

    @rule(role=role_names, reading=words)
    def edit_or_revert(self, role: str, reading: str) -> None:
        with self.moment():
            self.expect(self.is_open, lambda: self.write(role, reading))

    @rule(at_least=st.sampled_from([80.0, 85.0, 90.0]))
    def move_a_target(self, at_least: float) -> None:
        goal = self.decision.goals.get(metric="accuracy")
        values = {"by": self.people.owner, "token": goal.token, "target": at_least}
        with self.moment():
            self.expect(self.is_open, lambda: edit_goal(goal, **values))

    @rule(rating=st.integers(1, 5))
    def rate(self, rating: int) -> None:
        candidate = self.decision.candidates.get(letter="A")
        ratings = {"fit": (rating, "Fit looks fine.")}
        with self.moment():
            self.expect(
                self.is_open,
                lambda: assess(candidate, by=self.people.ux, role="ux", ratings=ratings),
            )

    @rule(role=role_names)
    def save_nothing(self, role: str) -> None:
        if not self.is_open:
            return
        before = factories.all_rows()
        with self.moment():
            factories.edit(self.decision, f"results_{role}", self.people)
        assert factories.all_rows() == before

    # Who was shown what, and who signs

    @rule(number=st.integers(0, 5))
    def look(self, number: int) -> None:
        self.model.shown[self.everyone[number].pk] = content(self.decision)

    @rule(role=role_names, meaning=meanings, stands_in=st.booleans())
    def look_and_sign(self, role: str, meaning: Meaning, stands_in: bool) -> None:
        signer = self.people.outsider if stands_in else self.by_role[role]
        self.model.shown[signer.pk] = content(self.decision)
        self.sign(role=role, meaning=meaning, stands_in=stands_in)

    @rule()
    def everybody_looks_and_approves(self) -> None:
        for role in ROLES:
            self.look_and_sign(role=role, meaning=Meaning.APPROVE, stands_in=False)

    @rule(role=role_names, meaning=meanings, stands_in=st.booleans())
    def sign(self, role: str, meaning: Meaning, stands_in: bool) -> None:
        giver = self.by_role[role]
        signer = self.people.outsider if stands_in else giver
        seen = self.model.shown.get(signer.pk)
        if seen is None:
            return
        seat, now_says = (giver.pk, role), digest(content(self.decision))
        with self.moment():
            allowed = (
                self.model.status == "in_review"
                and seat in self.model.signatories
                and digest(seen) == now_says
                and (not stands_in or self._may_stand_in(giver, seat, now_says))
            )
            text = "" if meaning == Meaning.APPROVE else "Mind the night shift."
            said = {"digest": digest(seen), "meaning": meaning, "text": text}
            if stands_in:
                said["signed_for"] = giver
            if self.expect(allowed, lambda: sign_off(self.decision, by=signer, role=role, **said)):
                approves = meaning != Meaning.REJECT
                said_there = self.model.said.setdefault(seat, {})
                said_there[digest(seen)] = Said(digest(seen), seen, approves, signer.pk)
                type(self).signed += 1

    def _may_stand_in(self, giver: User, seat: tuple[int, str], now_says: str) -> bool:
        last = self.model.said.get(seat, {}).get(now_says)
        if last and last.by == giver.pk:
            return False
        given = Delegation.objects.filter(giver=giver, taker=self.people.outsider)
        return any(
            one.accepted_at and not one.ended_at and (one.until is None or one.until > self.now)
            for one in given
        )

    @rule(role=role_names, hours=st.sampled_from([None, 1, 48]))
    def ask_to_stand_in(self, role: str, hours: int | None) -> None:
        giver = self.by_role[role]
        until = self.now + timedelta(hours=hours) if hours else None
        asked = {"by": giver, "taker": self.people.outsider, "until": until}
        signs_somewhere = any(person == giver.pk for person, _role in self.model.signatories)
        with self.moment():
            self.expect(self.is_open and signs_somewhere, lambda: delegate(self.decision, **asked))

    @rule(accept=st.booleans())
    def answer(self, accept: bool) -> None:
        offer = Delegation.objects.filter(accepted_at=None, ended_at=None).first()
        if offer is None:
            return
        offer.decision = self.decision
        with self.moment():
            if not accept:
                end_delegation(offer, by=self.people.outsider)
                return
            runs = offer.until is None or offer.until > self.now
            self.expect(
                self.is_open and runs, lambda: accept_delegation(offer, by=self.people.outsider)
            )

    @rule()
    def revoke(self) -> None:
        given = Delegation.objects.filter(ended_at=None).first()
        if given:
            given.decision = self.decision
            with self.moment():
                end_delegation(given, by=given.giver)

    @rule()
    def time_passes(self) -> None:
        self.now += timedelta(hours=2)

    @rule(role=role_names)
    def name_or_release_a_signatory(self, role: str) -> None:
        user = self.by_role[role]
        seat = (user.pk, role)
        participant = Participant.objects.get(decision=self.record, user=user, role=role)
        signs = seat not in self.model.signatories
        values = {"by": self.people.owner, "participant": participant, "role": role}
        with self.moment():
            if self.expect(
                self.is_open,
                lambda: change_participant(self.decision, is_signatory=signs, **values),
            ):
                self.model.signatories ^= {seat}

    # Review and moves

    @rule(role=role_names)
    def request_changes(self, role: str) -> None:
        asked = {"by": self.by_role[role], "verdict": "request_changes"}
        body = f"Not yet, at {self.now}."
        with self.moment():
            if self.expect(
                self.model.status == "in_review",
                lambda: send_review(self.decision, body=body, **asked),
            ):
                self.model.asks_for_changes.add(self.by_role[role].pk)

    @rule()
    def lift(self) -> None:
        if not self.is_open:
            return
        for review in Review.objects.filter(lifted_at=None, verdict="request_changes"):
            review.decision = self.decision
            with self.moment():
                lift_review(review, by=review.reviewer)
        self.model.asks_for_changes.clear()

    @rule()
    def approve(self) -> None:
        now_says = digest(content(self.decision))
        with self.moment():
            if self.expect(
                self._is_ready(now_says), lambda: approve(self.decision, by=self.people.owner)
            ):
                self.model.status = "approved"
                self.model.approved = content(self.decision)

    def _is_ready(self, now_says: str) -> bool:
        """Return whether every role's only signatory approves what the record says."""
        counting = [self.model.said.get(seat, {}).get(now_says) for seat in self.model.signatories]
        return (
            self.model.status == "in_review"
            and not self.model.asks_for_changes
            and len(self.model.signatories) == len(ROLES)
            and all(one and one.approves for one in counting)
        )

    @rule(really=st.integers(0, 3))
    def reopen(self, really: int) -> None:
        if really and self.model.status == "in_review":
            return
        with self.moment():
            if self.expect(
                self.model.status in {"in_review", "approved", "withdrawn"},
                lambda: reopen(self.decision, by=self.people.owner, reason="New facts."),
            ):
                self.model.status, self.model.approved = "draft", None

    @rule()
    def submit(self) -> None:
        with self.moment():
            if self.expect(
                self.model.status == "draft" and len(self.model.signatories) == len(ROLES),
                lambda: submit(self.decision, by=self.people.owner),
            ):
                self.model.status = "in_review"

    @rule(really=st.integers(0, 5))
    def withdraw(self, really: int) -> None:
        if really:
            return
        with self.moment():
            if self.expect(
                self.is_open, lambda: withdraw(self.decision, by=self.people.owner, reason="Over.")
            ):
                self.model.status = "withdrawn"

    # What always holds

    @invariant()
    def signatures_count_as_the_model_says(self) -> None:
        decision = self.decision
        now_says = content(decision)
        counting = {
            (seat.participant.user_id, seat.role): seat.signature
            for seat in Signatures(decision).seats
            if seat.signature
        }
        expected = {
            seat: one.by
            for seat, said in self.model.said.items()
            for one in said.values()
            if seat in self.model.signatories and one.content == now_says
        }
        assert {seat: one.user_id for seat, one in counting.items()} == expected

    @invariant()
    def the_record_is_what_its_versions_say(self) -> None:
        decision = self.decision
        said = content(decision)
        last = decision.versions.last()
        assert last is not None
        assert decision.digest == digest(said) == last.digest == digest(last.content)
        assert decision.version == last.number
        assert decision.status == self.model.status

    @invariant()
    def an_approved_record_never_changes(self) -> None:
        if self.model.approved is not None:
            assert content(self.decision) == self.model.approved

    @invariant()
    def nobody_signed_by_a_leave_that_was_over(self) -> None:
        for one in SignOff.objects.exclude(delegation=None).select_related("delegation"):
            leave = one.delegation
            assert leave is not None
            assert leave.accepted_at is not None
            assert leave.accepted_at <= one.signed_at
            assert leave.until is None or one.signed_at < leave.until
            assert leave.ended_at is None or one.signed_at <= leave.ended_at
            assert (leave.giver_id, leave.taker_id) == (one.signed_for_id, one.user_id)


def test_nobodys_signature_ever_counts_for_what_they_were_not_shown(people: People) -> None:
    with clock.held_at(START - timedelta(days=1)):
        RecordMachine.people = people
        RecordMachine.record = factories.in_review(people)
        for role in ROLES:
            factories.edit(RecordMachine.record, f"results_{role}", people, reading="as it was")
    RecordMachine.steps = RecordMachine.signed = 0
    run_state_machine_as_test(
        RecordMachine,
        settings=settings(
            max_examples=EXAMPLES,
            stateful_step_count=STEPS,
            deadline=None,
            derandomize="COUNTERSIGN_EXAMPLES" not in os.environ,
            database=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
    print(f"{RecordMachine.steps} steps, {RecordMachine.signed} signatures")
    assert RecordMachine.signed > EXAMPLES / 5, "hardly anybody signed, so it showed little"
