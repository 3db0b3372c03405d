"""What waits on a person, across all their decisions, and what of theirs waits on others."""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from functools import cached_property
from typing import Any

from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from decisions import clock
from decisions.blockers import (
    Blocker,
    blockers,
    changes_requested,
    must_fix,
    open_must_fix,
    section_problems,
    standing_requests,
)
from decisions.forms.signing import place_words
from decisions.history import Line, lines
from decisions.models import (
    Decision,
    Delegation,
    Event,
    Review,
    Role,
    SignOff,
    Status,
    User,
    Version,
)
from decisions.policies import refusal
from decisions.record_parts import with_parts
from decisions.requests import scope_of, touches
from decisions.signatures import Chair, Signatures, latest_sign_offs
from decisions.standing_in import StandingIn, open_delegations
from decisions.versions import compare

# The move that the owner makes next, by status.
NEXT = {Status.DRAFT: "submit", Status.IN_REVIEW: "approve"}


@dataclass(frozen=True)
class Task:
    """One thing that waits: what, why, and where to do it; most are on a record.

    Without a `verb` the person can do nothing about it: it waits on others.
    """

    decision: Decision | None
    verb: str
    sentence: str
    url: str
    due_on: date | None


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
        found = [one for one in self._all if one.verb]
        return sorted([*found, *_offers_for_a_time(self.user)], key=_by_day)

    @cached_property
    def waiting(self) -> list[Task]:
        """Return what the person has begun and others have to go on with, oldest due first."""
        return sorted((one for one in self._all if not one.verb), key=_by_day)

    @cached_property
    def _all(self) -> list[Task]:
        cases = cases_of(self.decisions, self.user)
        return [task for case in cases for task in _all_tasks(case)]

    @cached_property
    def news(self) -> list[Line]:
        """Return what others did on the person's decisions since their last visit.

        Not what they took away: one may take a thousand records at once.
        """
        mine = Decision.objects.involving(self.user)
        events = Event.objects.filter(decision__in=mine).exclude(actor=self.user)
        events = events.exclude(kind="export")
        if self.since:
            events = events.filter(at__gte=self.since)
        return lines(events.select_related("decision", "actor").order_by("-at", "-pk")[:12])


def _by_day(task: Task) -> tuple[bool, date]:
    """Return what puts tasks in the order of their days, those without one last."""
    return (task.due_on is None, task.due_on or date.max)


@dataclass(frozen=True)
class Case:
    """One record before one person, with its earlier contents (by digest) that matter to them."""

    record: Decision
    user: User
    contents: Mapping[str, dict[str, Any]]

    @property
    def is_in_review(self) -> bool:
        """Return whether signatures and reviews are asked for."""
        return self.record.status == Status.IN_REVIEW

    @cached_property
    def board(self) -> Signatures:
        """Return the record's signatures."""
        return Signatures(self.record)

    @cached_property
    def latest(self) -> dict[tuple[int, str], SignOff]:
        """Return the signature that speaks for each seat."""
        return latest_sign_offs(self.record)

    @cached_property
    def requests(self) -> dict[User, list[Review]]:
        """Return the standing requests for changes by who made them."""
        found: dict[User, list[Review]] = {}
        for one in standing_requests(self.record):
            found.setdefault(one.reviewer, []).append(one)
        return found

    def is_answered(self, review: Review) -> bool:
        """Return whether what a request speaks of has changed since."""
        threads = self.record.threads.all()
        said = (said for one in threads for said in one.comments.all())
        scope = scope_of(one for one in said if one.review_id == review.pk)
        return self.says_otherwise_than(review.digest, scope)

    def says_otherwise_than(self, digest: str, scope: Collection[str] = ()) -> bool:
        """Return whether the record (or those parts of it) says something else than then.

        A new round alone says nothing else; a content that was never the record's cannot tell.
        """
        if digest == self.record.digest or digest not in self.contents:
            return False
        now = self.contents.get(self.record.digest, {})
        return touches(set(scope), compare(self.contents[digest], now))

    def lapsed(self, chair: Chair) -> SignOff | None:
        """Return the person's own last signature in a place, if it covers the record no more."""
        last = self.latest.get((chair.seat.participant.user_id, chair.seat.role))
        is_mine = last is not None and last.user_id == self.user.pk
        return last if is_mine and chair.seat.signature is None else None

    @cached_property
    def holding_back(self) -> list[Blocker]:
        """Return what has to be settled before anyone is asked to sign.

        Signing while a change is asked for is no mistake, but would only lapse.
        """
        held = blockers(self.record, "sign")
        return [*held, *changes_requested(self.record), *must_fix(self.record)]


def cases_of(decisions: Iterable[Decision], user: User) -> list[Case]:
    """Return each record before a person; the earlier contents are read at once for all."""
    decisions = list(decisions)
    asked = {one.pk: _digests_of_concern(one, user) for one in decisions}
    contents: dict[int, dict[str, dict[str, Any]]] = {pk: {} for pk in asked}
    if digests := set().union(*asked.values()):
        concerned = [pk for pk, some in asked.items() if some]
        kept = Version.objects.filter(decision__in=concerned, digest__in=digests)
        for pk, digest, content in kept.values_list("decision", "digest", "content"):
            contents[pk][digest] = content
    return [Case(one, user, contents[one.pk]) for one in decisions]


def _digests_of_concern(decision: Decision, user: User) -> set[str]:
    """Return of which contents a person spoke, or has to answer for, with that of now; or none."""
    if decision.status != Status.IN_REVIEW:
        return set()
    owns = decision.owner_id == user.pk
    asked = {
        one.digest for one in standing_requests(decision) if owns or one.reviewer_id == user.pk
    }
    signed = {one.digest for one in latest_sign_offs(decision).values() if one.user_id == user.pk}
    earlier = (asked | signed) - {decision.digest}
    return earlier | {decision.digest} if earlier else set()


def tasks_of(decision: Decision, user: User) -> Iterator[Task]:
    """Yield what one record asks of one person."""
    for case in cases_of([decision], user):
        yield from tasks_in(case)


def tasks_in(case: Case) -> Iterator[Task]:
    """Yield what a record asks of the person it is before."""
    yield from (one for one in _all_tasks(case) if one.verb)


def waits_of(decision: Decision, user: User) -> Iterator[Task]:
    """Yield what on one record is one person's and waits on others."""
    for case in cases_of([decision], user):
        yield from (one for one in _all_tasks(case) if not one.verb)


def _all_tasks(case: Case) -> Iterator[Task]:
    for asks in _ASKS:
        yield from asks(case)


def _task(decision: Decision, verb: str, sentence: str, url: str = "") -> Task:
    return Task(decision, verb, sentence, url or decision.get_absolute_url(), decision.due_on)


def _page(decision: Decision, name: str) -> str:
    """Return the address of one of a record's pages."""
    return reverse(f"decisions:{name}", args=[decision.reference])


def _unfinished_parts(case: Case) -> Iterator[Task]:
    """Yield one task for all the parts that the person's roles still have to finish."""
    decision, user = case.record, case.user
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


# Signing


def _signature(case: Case) -> Iterator[Task]:
    """Yield a task for each place whose signature is the person's to give."""
    if not case.is_in_review or case.holding_back:
        return
    for chair in case.board.awaited_chairs_of(case.user):
        yield _task(
            case.record, _("Read and sign"), _to_sign(case, chair), _page(case.record, "sign")
        )


def _to_sign(case: Case, chair: Chair) -> str:
    """Return what a signature is asked for, or by what the earlier one has lapsed."""
    last = case.lapsed(chair)
    sentence = _signed_before(case, last) if last else _("Ready for your signature for %(role)s.")
    return sentence % {"role": place_words(chair)}


def _signed_before(case: Case, last: SignOff) -> str:
    """Return what became of the record since a signature that has lapsed."""
    is_reopened = last.round != case.record.round
    if not is_reopened:
        return _("It changed after you signed for %(role)s: read what changed and sign again.")
    if case.says_otherwise_than(last.digest):
        return _(
            "It was reopened and changed after you signed for %(role)s: "
            "read what changed and sign again."
        )
    return _(
        "It was reopened after you signed for %(role)s, so your signature lapsed; "
        "nothing else changed."
    )


def _lapsed_signature(case: Case) -> Iterator[Task]:
    """Yield a line for each signature of the person that lapsed and cannot be given again yet."""
    if not case.is_in_review:
        return
    for chair in case.board.chairs_of(case.user):
        role = chair.seat.role
        is_asked = role in case.board.policy.roles and chair.seat in case.board.empty_seats(role)
        held = case.holding_back or blockers(case.record, "sign", role)
        if is_asked and held and case.lapsed(chair):
            told = {"role": place_words(chair), "why": held[0].sentence}
            sentence = _("Your signature for %(role)s has lapsed. Before you sign again: %(why)s")
            yield _task(case.record, "", sentence % told, held[0].url)


# Reviews


def _second_look(case: Case) -> Iterator[Task]:
    """Yield a task for who asked for changes, once what they spoke of has changed."""
    asked = case.requests.get(case.user, []) if case.is_in_review else []
    if not any(map(case.is_answered, asked)) or refusal("review", case.record, case.user):
        return
    sentence = _("What you asked for has changed.")
    yield _task(case.record, _("Look again"), sentence, _page(case.record, "review"))


def _requests(case: Case) -> Iterator[Task]:
    """Yield one thing for each who asked for changes: to answer them, or to wait for them."""
    for reviewer, asked in case.requests.items():
        unanswered = [one for one in asked if not case.is_answered(one)]
        if unanswered or not case.record.takes_part(reviewer):
            yield _to_answer(case, reviewer, (unanswered or asked)[0], bool(unanswered))
        elif reviewer != case.user:
            sentence = _("%(name)s has to look again: what they asked for has changed.")
            told = sentence % {"name": reviewer}
            yield _task(case.record, "", told, _place(case, asked[0]))


def _to_answer(case: Case, reviewer: User, review: Review, is_open: bool) -> Task:
    """Return the owner's task about a request; who has left the record will not look again."""
    has_left = not case.record.takes_part(reviewer)
    if is_open and has_left:
        verb = _("Answer the request")
        sentence = _("%(name)s asked for changes and has left the record: answer it, or lift it.")
    elif is_open:
        verb, sentence = _("Answer the request"), _("%(name)s has asked for changes.")
    else:
        verb = _("Lift the request")
        sentence = _(
            "What %(name)s asked for has changed; they have left the record and cannot look again."
        )
    return _task(case.record, verb, sentence % {"name": reviewer}, _place(case, review))


def _place(case: Case, review: Review) -> str:
    """Return where a request stands on the record's page."""
    return f"{case.record.get_absolute_url()}#review-{review.pk}"


# The owner's next step


def _owner_steps(case: Case) -> Iterator[Task]:
    """Yield the owner's next step: submit, answer what was said, approve, look again."""
    decision = case.record
    if decision.owner_id != case.user.pk:
        return
    yield from _people_to_name(case)
    if decision.status == Status.DRAFT and not blockers(decision, "submit"):
        yield _task(decision, _("Submit it for review"), _("Every part is complete."))
    if case.is_in_review:
        yield from _owner_in_review(case)
    if decision.status == Status.APPROVED:
        yield from _look_again(decision)


def _people_to_name(case: Case) -> Iterator[Task]:
    """Yield a task where a role has nobody to write or sign for it: only the owner can give it."""
    following = NEXT.get(Status(case.record.status))
    held = blockers(case.record, following) if following else []
    url = _page(case.record, "people")
    if lacking := [one.sentence for one in held if one.url == url]:
        yield _task(case.record, _("Name people"), lacking[0], url)


def _look_again(decision: Decision) -> Iterator[Task]:
    """Yield a task once the day has come on which the record is to be looked at again."""
    if decision.review_on and decision.review_on <= clock.today():
        sentence = _("It was to be looked at again: does it still hold?")
        url = reverse("decisions:move", args=[decision.reference, "note_outcome"])
        yield Task(decision, _("Say what became of it"), sentence, url, decision.review_on)


def _owner_in_review(case: Case) -> Iterator[Task]:
    yield from _rejections(case)
    yield from _requests(case)
    if threads := open_must_fix(case.record):
        sentence = _("A comment must be dealt with before approval.")
        yield _task(case.record, _("Resolve it"), sentence, threads[0].get_absolute_url())
    if not blockers(case.record, "approve"):
        yield _task(case.record, _("Approve it"), _("Every role has signed."))


def _rejections(case: Case) -> Iterator[Task]:
    """Yield a task for each rejection: it stands until the record changes or its signer does."""
    url = f"{case.record.get_absolute_url()}#signatures"
    for role in case.board.policy.roles:
        for one in case.board.against(role):
            sentence = _(
                "%(name)s rejected it for %(role)s: answer, change the record, reopen or "
                "withdraw it."
            ) % {"name": one.in_words, "role": Role(role).label}
            yield _task(case.record, _("Answer the rejection"), sentence, url)


# Standing in


def _offers(case: Case) -> Iterator[Task]:
    """Yield a task for each signatory who asks the person to sign this record for them."""
    for one in open_delegations(case.record):
        offer = StandingIn(one, case.user, case.record)
        if one.decision_id and offer.can_accept:
            yield _task(case.record, _("Answer"), offer.sentence, _address(one))


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


_ASKS: tuple[Callable[[Case], Iterator[Task]], ...] = (
    _offers,
    _signature,
    _lapsed_signature,
    _second_look,
    _owner_steps,
    _unfinished_parts,
)
