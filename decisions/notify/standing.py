"""How one record stands now, as rules and matters ask for it; each thing is loaded once."""

from __future__ import annotations

from functools import cached_property

from decisions.blockers import blockers, open_must_fix, section_problems, standing_requests
from decisions.mentions import people_of
from decisions.models import (
    OWNER,
    Comment,
    Decision,
    Delegation,
    Event,
    Review,
    Section,
    SignOff,
    Status,
    Thread,
    User,
)
from decisions.policies import may
from decisions.record_parts import with_parts
from decisions.signatures import Chair, Signatures, latest_sign_offs


class Standing:
    """One record with all its parts."""

    def __init__(self, decision_id: int) -> None:
        self.record: Decision = with_parts(Decision.objects.all()).get(pk=decision_id)

    @cached_property
    def board(self) -> Signatures:
        """Return the record's signatures."""
        return Signatures(self.record)

    @cached_property
    def latest(self) -> dict[tuple[int, str], SignOff]:
        """Return the last signature of each seat."""
        return latest_sign_offs(self.record)

    @cached_property
    def people(self) -> list[User]:
        """Return the owner, the participants, and who stands in for a signatory."""
        return people_of(self.record)

    @property
    def is_in_review(self) -> bool:
        """Return whether signatures are asked for."""
        return self.record.status == Status.IN_REVIEW

    @cached_property
    def submitted_by(self) -> int:
        """Return the number of the event by which it last came into review, 0 if it never did."""
        submissions = self.record.events.filter(kind="submit")
        last: Event | None = submissions.order_by("-sequence").first()
        return last.sequence if last else 0

    @cached_property
    def is_about_to_change(self) -> bool:
        """Return whether someone has asked for a change, so that a signature would only lapse."""
        return bool(standing_requests(self.record) or open_must_fix(self.record))

    @cached_property
    def is_held_back(self) -> bool:
        """Return whether nobody is asked to sign now, whoever's turn it is."""
        return self.is_about_to_change or bool(blockers(self.record, "sign"))

    def is_ready_to(self, action: str) -> bool:
        """Return whether the owner may take a step now."""
        source = {"submit": Status.DRAFT, "approve": Status.IN_REVIEW}[action]
        return self.record.status == source and not blockers(self.record, action)

    def may_read(self, user: User) -> bool:
        """Return whether a person may read the record."""
        return user.is_active and may("read", self.record, user)

    def chairs_awaited_of(self, user: User) -> list[Chair]:
        """Return the places whose signature is the person's to give, their turn having come."""
        return Signatures(self.record).awaited_chairs_of(user) if self.is_in_review else []

    def writers_of(self, section: Section | None) -> list[User]:
        """Return who writes a part; the owner for the record as a whole."""
        role = section.role if section else OWNER
        if role == OWNER:
            return [self.record.owner]
        return [one.user for one in self.record.participants.all() if one.role == role]

    def parts_to_write(self, role: str) -> list[Section]:
        """Return the parts of a role that are not finished."""
        return [
            one
            for one in self.record.sections.all()
            if one.role == role and (not one.is_complete or section_problems(one))
        ]

    def thread(self, pk: int | None) -> Thread | None:
        """Return one of the record's discussions."""
        return next((one for one in self.record.threads.all() if one.pk == pk), None)

    def comments(self, thread: Thread) -> list[Comment]:
        """Return what was said in a discussion, in order."""
        return list(thread.comments.all())

    def comment(self, pk: int | None) -> tuple[Thread, Comment] | None:
        """Return a comment with its discussion."""
        return next((pair for pair in self._said if pair[1].pk == pk), None)

    def comments_of_review(self, pk: int) -> list[tuple[Thread, Comment]]:
        """Return what was sent with a review, each with its discussion."""
        return [pair for pair in self._said if pair[1].review_id == pk]

    @cached_property
    def _said(self) -> list[tuple[Thread, Comment]]:
        return [(one, said) for one in self.record.threads.all() for said in one.comments.all()]

    def review(self, pk: int | None) -> Review | None:
        """Return one of the record's reviews."""
        return next((one for one in self.record.reviews.all() if one.pk == pk), None)

    def requests_stand(self, review: Review) -> bool:
        """Return whether a review still asks for changes in this round."""
        return review in standing_requests(self.record)

    def signature(self, pk: int | None) -> SignOff | None:
        """Return one of the record's signatures."""
        return next((one for one in self.record.sign_offs.all() if one.pk == pk), None)

    def signature_counts(self, pk: int | None) -> bool:
        """Return whether a signature stands in its seat and covers what the record says."""
        seats = self.board.seats
        return any(one.signature is not None and one.signature.pk == pk for one in seats)

    def has_lapsed(self, signature: SignOff) -> bool:
        """Return whether a signature was the last of its seat and no longer covers the record."""
        seats = {(one.participant.user_id, one.role) for one in self.board.seats}
        is_last = self.latest.get(signature.seat) == signature and signature.seat in seats
        asked = signature.role in self.board.policy.roles
        return is_last and asked and signature.digest != self.record.digest

    def may_sign_again(self, signature: SignOff) -> bool:
        """Return whether who gave a signature still holds the place they gave it in."""
        chairs = self.board.chairs_of(signature.user)
        return any(
            (one.seat.participant.user_id, one.seat.role) == signature.seat for one in chairs
        )


def delegation(pk: int | None) -> Delegation | None:
    """Return a delegation, read from the database."""
    found = Delegation.objects.select_related("giver", "taker", "decision")
    return found.filter(pk=pk).first() if pk else None
