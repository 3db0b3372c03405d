"""What waits on a person, across all their decisions."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date, datetime
from functools import cached_property

from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from decisions import clock
from decisions.blockers import (
    blockers,
    open_must_fix,
    section_problems,
    standing_requests,
)
from decisions.history import Line, lines
from decisions.models import Decision, Event, Role, Status, User
from decisions.record_parts import with_parts
from decisions.signatures import Chair, Signatures


@dataclass(frozen=True)
class Task:
    """One thing that waits on a person: what, why, on which record, and where to do it."""

    decision: Decision
    verb: str
    sentence: str
    url: str
    due_on: date | None

    @property
    def is_overdue(self) -> bool:
        """Return whether its day has passed."""
        return self.due_on is not None and self.due_on < clock.today()


class Desk:
    """One person's desk. `since` is the time of their last visit (ISO 8601), if there was one."""

    def __init__(self, user: User, since: str | None) -> None:
        self.user = user
        self.since = datetime.fromisoformat(since) if since else None

    @cached_property
    def decisions(self) -> list[Decision]:
        """Return the person's open decisions, and those due to be looked at again."""
        mine = Decision.objects.involving(self.user)
        return list(with_parts(mine.open() | mine.due_to_be_looked_at_again()).in_order("due"))

    @property
    def open_decisions(self) -> list[Decision]:
        """Return the person's decisions in draft or in review."""
        return [one for one in self.decisions if one.is_open]

    @cached_property
    def tasks(self) -> list[Task]:
        """Return what waits on the person, oldest due first."""
        found = [task for one in self.decisions for task in tasks_of(one, self.user)]
        return sorted(found, key=lambda task: (task.due_on is None, task.due_on or date.max))

    @cached_property
    def news(self) -> list[Line]:
        """Return what others did on the person's decisions since their last visit."""
        mine = Decision.objects.involving(self.user)
        events = Event.objects.filter(decision__in=mine).exclude(actor=self.user)
        if self.since:
            events = events.filter(at__gte=self.since)
        return lines(events.select_related("decision", "actor").order_by("-at", "-pk")[:12])


def tasks_of(decision: Decision, user: User) -> Iterator[Task]:
    """Yield what one record asks of one person."""
    for asks in _ASKS:
        yield from asks(decision, user)


def _task(decision: Decision, verb: str, sentence: str, url: str = "") -> Task:
    return Task(decision, verb, sentence, url or decision.get_absolute_url(), decision.due_on)


def _unfinished_parts(decision: Decision, user: User) -> Iterator[Task]:
    """Yield one task for all the parts that the person's roles still have to finish."""
    roles = decision.roles_of(user) | ({"owner"} if decision.owner_id == user.pk else set())
    parts = [
        one
        for one in decision.sections.all()
        if decision.is_open and one.role in roles and (not one.is_complete or section_problems(one))
    ]
    if parts:
        sentence = ngettext(
            "“%(first)s” is yours to finish.",
            "%(count)s parts are yours to finish, first “%(first)s”.",
            len(parts),
        ) % {"count": len(parts), "first": parts[0]}
        yield _task(decision, _("Write your parts"), sentence, parts[0].get_absolute_url())


def _signature(decision: Decision, user: User) -> Iterator[Task]:
    """Yield a task for each role whose signature is the person's to give."""
    if decision.status != Status.IN_REVIEW or blockers(decision, "sign"):
        return
    if standing_requests(decision) or open_must_fix(decision):
        return  # it is about to change: signing now would only lapse
    for chair in awaited_chairs(decision, user):
        url = reverse("decisions:sign", args=[decision.reference])
        yield _task(decision, _("Read and sign"), _to_sign(decision, user, chair), url)


def awaited_chairs(decision: Decision, user: User) -> list[Chair]:
    """Return the seats whose signature is awaited now and which the person may fill."""
    board = Signatures(decision)
    return [
        one
        for one in board.chairs_of(user)
        if one.seat in board.empty_seats(one.seat.role)
        and one.seat.role in board.policy.roles
        and not board.awaited_before(one.seat.role)
    ]


def _to_sign(decision: Decision, user: User, chair: Chair) -> str:
    """Return what a signature is asked for, or that the earlier one has lapsed."""
    values = {"role": Role(chair.seat.role).label, "giver": chair.giver}
    if chair.giver:
        return _("Ready for your signature for %(role)s, in place of %(giver)s.") % values
    if any(one.user_id == user.pk for one in decision.sign_offs.all()):
        return _("It changed after you signed: read what changed and sign again.")
    return _("Ready for your signature for %(role)s.") % values


def _owner_steps(decision: Decision, user: User) -> Iterator[Task]:
    """Yield the owner's next step: submit, answer a request, approve, look again."""
    if decision.owner_id != user.pk:
        return
    if decision.status == Status.DRAFT and not blockers(decision, "submit"):
        yield _task(decision, _("Submit it for review"), _("Every part is complete."))
    if decision.status == Status.IN_REVIEW:
        yield from _owner_in_review(decision)
    if decision.status == Status.APPROVED:
        yield from _look_again(decision)


def _look_again(decision: Decision) -> Iterator[Task]:
    """Yield a task once the day has come on which the record is to be looked at again."""
    if decision.review_on and decision.review_on <= clock.today():
        sentence = _("It was to be looked at again: does it still hold?")
        url = decision.get_absolute_url()
        yield Task(decision, _("Look at it again"), sentence, url, decision.review_on)


def _owner_in_review(decision: Decision) -> Iterator[Task]:
    for review in standing_requests(decision):
        sentence = _("%(name)s has asked for changes.") % {"name": review.reviewer}
        url = f"{decision.get_absolute_url()}#review-{review.pk}"
        yield _task(decision, _("Answer the request"), sentence, url)
    if threads := open_must_fix(decision):
        sentence = _("A comment must be dealt with before approval.")
        yield _task(decision, _("Resolve it"), sentence, threads[0].get_absolute_url())
    if not blockers(decision, "approve"):
        yield _task(decision, _("Approve it"), _("Every role has signed."))


_ASKS: tuple[Callable[[Decision, User], Iterator[Task]], ...] = (
    _signature,
    _owner_steps,
    _unfinished_parts,
)
