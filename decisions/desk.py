"""What waits on a person, across all their decisions."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date, datetime
from functools import cached_property

from django.urls import reverse
from django.utils import timezone
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
from decisions.models import Decision, Delegation, Event, Role, Status, User
from decisions.record_parts import with_parts
from decisions.signatures import Chair, Signatures
from decisions.standing_in import StandingIn, open_delegations


@dataclass(frozen=True)
class Task:
    """One thing that waits on a person: what, why, and where to do it; most are on a record."""

    decision: Decision | None
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
        found += _offers_for_a_time(self.user)
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
    for chair in Signatures(decision).awaited_chairs_of(user):
        url = reverse("decisions:sign", args=[decision.reference])
        yield _task(decision, _("Read and sign"), _to_sign(decision, user, chair), url)


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
        url = reverse("decisions:move", args=[decision.reference, "note_outcome"])
        yield Task(decision, _("Say what became of it"), sentence, url, decision.review_on)


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


def _offers(decision: Decision, user: User) -> Iterator[Task]:
    """Yield a task for each signatory who asks the person to sign this record for them."""
    for one in open_delegations(decision):
        if one.is_offered and one.taker_id == user.pk and one.decision_id:
            sentence = StandingIn(one, user).sentence
            yield _task(decision, _("Answer"), sentence, _address(one))


def _offers_for_a_time(user: User) -> list[Task]:
    """Return a task for each who asks the person to sign every record for them."""
    offers = Delegation.objects.open().of_concern_to(user)
    asked = offers.filter(taker=user, accepted_at__isnull=True, decision__isnull=True)
    return [
        Task(None, _("Answer"), StandingIn(one, user).sentence, _address(one), _last_day(one))
        for one in asked
    ]


def _address(delegation: Delegation) -> str:
    """Return where an offer is answered."""
    return f"{reverse('delegations')}#delegation-{delegation.pk}"


def _last_day(delegation: Delegation) -> date | None:
    """Return the day on which a delegation runs out, where its reader is."""
    return timezone.localdate(delegation.until) if delegation.until else None


_ASKS: tuple[Callable[[Decision, User], Iterator[Task]], ...] = (
    _offers,
    _signature,
    _owner_steps,
    _unfinished_parts,
)
