"""Who is told of an event: one table, read for every line of the log.

A rule looks at the event and at how the record stands now. It names people; that the actor and
those who cannot read the record are left out, and that nobody is told twice, is `telling`'s care.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from django.urls import reverse

from decisions.audit import signature_digest
from decisions.blockers import blockers
from decisions.mentions import mentioned
from decisions.models import (
    Comment,
    Delegation,
    Event,
    Meaning,
    Participant,
    Review,
    Section,
    SignOff,
    Thread,
    User,
    Verdict,
)
from decisions.notify.standing import Standing
from decisions.signatures import Chair
from decisions.standing_in import State, state_of

Remark = tuple[Thread, Comment]


@dataclass(frozen=True)
class Happening:
    """One event, how its record stands now, and what has happened there since, as far as read."""

    event: Event
    now: Standing
    since: Sequence[Event] = ()

    @property
    def actor(self) -> str:
        """Return the actor's name as the log has it."""
        return self.event.actor_name

    @property
    def url(self) -> str:
        """Return the address of the record's page."""
        return self.now.record.get_absolute_url()

    @property
    def changed_content(self) -> bool:
        """Return whether the record says something else than before."""
        return self.event.digest_before != self.event.digest_after

    def page(self, name: str) -> str:
        """Return the address of one of the record's other pages."""
        return reverse(f"decisions:{name}", args=[self.now.record.reference])

    @cached_property
    def review(self) -> Review | None:
        """Return the review that was sent, if one was."""
        return self.now.review(self.event.data.get("review"))

    @cached_property
    def remarks(self) -> list[Remark]:
        """Return what was said: one comment, or all that was sent with a review."""
        if self.event.kind == "review" and self.review:
            return self.now.comments_of_review(self.review.pk)
        found = self.now.comment(self.event.data.get("comment"))
        return [found] if found else []

    @cached_property
    def signature(self) -> SignOff | None:
        """Return the signature that was given, if it is still the last in its seat.

        The event names it by the digest of all that it says: the same person may say the same in
        their own place and in one that was lent to them.
        """
        named = self.event.data.get("signature")
        return next(
            (one for one in self.now.latest.values() if signature_digest(one) == named), None
        )


@dataclass(frozen=True)
class Telling:
    """That one person is told of a matter.

    `once_for` is what it is told once for. With `again_after_settling` it is told anew when an
    earlier notice for the same has been settled; else never again.
    """

    user: User
    matter: str
    once_for: str
    url: str
    data: dict[str, Any] = field(default_factory=dict)
    again_after_settling: bool = False


Find = Callable[[Happening], Iterable[Telling]]


@dataclass(frozen=True)
class Rule:
    """Who is told of these kinds of event ("*": of all)."""

    kinds: frozenset[str]
    find: Find

    def tells_of(self, kind: str) -> bool:
        """Return whether the rule is about this kind of event."""
        return kind in self.kinds or "*" in self.kinds


def tellings(happening: Happening) -> Iterator[Telling]:
    """Yield who is told of an event, by every rule that is about it."""
    for rule in RULES:
        if rule.tells_of(happening.event.kind):
            yield from rule.find(happening)


# Writing


def _parts_to_write(it: Happening) -> Iterator[Telling]:
    """Tell who was given a role that its parts are theirs to write."""
    role = it.event.data.get("role", "")
    parts = it.now.parts_to_write(role) if it.now.record.is_open else []
    for one in it.now.record.participants.all():
        if parts and one.role == role and _is_named(it, one):
            data = {"actor": it.actor, "role": role, "part": parts[0].kind, "count": len(parts)}
            yield Telling(one.user, "write", f"write:{one.pk}:{role}", _address(it, parts[0]), data)


def _is_named(it: Happening, one: Participant) -> bool:
    """Return whether an event is about this person; an earlier release's says only their name."""
    said = it.event.data
    named = one.user_id if "user_id" in said else str(one.user)
    return bool(named == said.get("user_id", said.get("person")))


def _address(it: Happening, section: Section) -> str:
    return f"{it.url}#{section.anchor}"


# Signing


def _signatures(it: Happening) -> Iterator[Telling]:
    """Tell whose turn it is to sign, and who has not signed in this round."""
    if not it.now.is_in_review or it.now.is_held_back:
        return
    if it.event.sequence < it.now.submitted_by:
        return  # what was done to the draft brought no one's turn
    for user in it.now.people:
        for chair in it.now.chairs_awaited_of(user):
            if not _signed_this_round(it, chair) and _came_to(it, chair):
                yield _your_turn(it, user, chair)


def _your_turn(it: Happening, user: User, chair: Chair) -> Telling:
    matter = "sign_for" if chair.giver else "sign"
    data = {"role": chair.seat.role, "chair": chair.key, "giver": str(chair.giver or "")}
    once_for = f"sign:{it.now.record.round}:{chair.key}"
    return Telling(user, matter, once_for, it.page("sign"), data, again_after_settling=True)


def _signed_this_round(it: Happening, chair: Chair) -> bool:
    """Return whether the place has had a signature: if it lapses, its signer is told of that."""
    last = it.now.latest.get((chair.seat.participant.user_id, chair.seat.role))
    return last is not None and last.round == it.now.record.round


def _came_to(it: Happening, chair: Chair) -> bool:
    """Return whether this event may have made it the turn of who signs in a place.

    Whoever was told already is not told again; but who brought it about themself, and was not told
    for that, does not hear of it by whatever happens next.
    """
    if it.event.kind == "sign":
        return it.event.data.get("role") in it.now.board.policy.before(chair.seat.role)
    may_have = it.event.kind in {"submit", "mark_section", *NEW_SEATS}
    return may_have or it.changed_content or _cleared_the_way(it)


NEW_SEATS = {"invite", "change_role", "name_signatory", "release_signatory", "remove"}


def _cleared_the_way(it: Happening) -> bool:
    """Return whether the event took away what held the record back: a request, a thread to fix."""
    match it.event.kind:
        case "resolve":
            thread = it.now.thread(it.event.data.get("thread"))
            return thread is not None and thread.must_fix
        case "review" if it.review:
            since, actor = it.review.sent_at, it.event.actor_id
            return any(
                one.lifted_at is not None and one.lifted_at >= since and one.lifted_by_id == actor
                for one in it.now.record.reviews.all()
            )
    return it.event.kind == "lift"


def _lapses(it: Happening) -> Iterator[Telling]:
    """Tell each signer whose signature lapsed by this event and is still lapsed."""
    if not it.changed_content or not it.now.is_in_review or it.event.kind == "reopen":
        return  # that it was reopened is told by itself, to everyone
    for one in it.now.latest.values():
        lapsed_now = one.digest == it.event.digest_before and it.now.has_lapsed(one)
        if lapsed_now and it.now.may_sign_again(one):
            data = {"actor": it.actor, "role": one.role, "signature": one.pk}
            once_for = f"lapsed:{one.pk}:{it.event.sequence}"
            yield Telling(one.user, "lapsed", once_for, _what_changed(it, one), data)


def _what_changed(it: Happening, lapsed: SignOff) -> str:
    """Return where the difference is shown: before signing again, or else in the history."""
    if it.now.chairs_awaited_of(lapsed.user) and not blockers(it.now.record, "sign"):
        return it.page("sign")
    return f"{it.page('history')}?from={lapsed.version}&to={it.now.record.version}"


def _dissent(it: Happening) -> Iterator[Telling]:
    """Tell the owner of a rejection or a reservation; of a rejection, earlier signers too."""
    signature = it.signature
    if signature is None or signature.meaning == Meaning.APPROVE:
        return
    data = {"actor": signature.in_words, "role": signature.role, "signature": signature.pk}
    url = f"{it.url}#signatures"
    is_rejection = signature.meaning == Meaning.REJECT
    matter = "rejected" if is_rejection else "reserved"
    owner = it.now.record.owner
    yield Telling(owner, matter, f"{matter}:{signature.pk}", url, data)
    if is_rejection:
        for user in _signers_before(it, signature):
            if user != owner:
                once_for = f"rejected_after_you:{signature.pk}"
                yield Telling(user, "rejected_after_you", once_for, url, data)


def _signers_before(it: Happening, signature: SignOff) -> list[User]:
    """Return who has signed this round before, each once."""
    signed = {one.user: None for one in it.now.latest.values() if one.round == signature.round}
    return [user for user in signed if user.pk != signature.user_id]


# The owner's next step


def _owner_steps(it: Happening) -> Iterator[Telling]:
    """Tell the owner when nothing is in the way of submitting or approving it any more.

    Not if they have done the last thing to it themself.
    """
    steps = [one for one in (it.event, *it.since) if _may_make_ready(Happening(one, it.now))]
    if it.event not in steps or steps[-1].actor_id == it.now.record.owner_id:
        return
    for action in ("submit", "approve"):
        if it.now.is_ready_to(action):
            once_for = f"{action}:{it.now.record.round}"
            yield Telling(it.now.record.owner, action, once_for, it.url, again_after_settling=True)


def _may_make_ready(it: Happening) -> bool:
    """Return whether an event can have taken the last thing out of the owner's way."""
    may_have = it.event.kind in {"sign", "mark_section", "remove", "release_signatory"}
    return may_have or it.changed_content or _cleared_the_way(it)


PROPOSING = frozenset({"propose_goal", "edit_goal"})


def _proposed_goal(it: Happening) -> Iterator[Telling]:
    """Tell the owner that a goal waits for them, also one that was theirs before it was changed."""
    named = it.event.data.get("goal")
    for goal in it.now.record.proposed_goals:
        if goal.name == named:
            data = {"actor": it.actor, "goal": goal.name, "metric": goal.metric}
            url = f"{it.url}#section-goals"
            once_for = f"proposed:{goal.pk}"
            owner = it.now.record.owner
            yield Telling(owner, "proposed", once_for, url, data, again_after_settling=True)


def _declined_goal(it: Happening) -> Iterator[Telling]:
    """Tell who wrote a proposal last that the owner declined it, and why."""
    goal = it.event.data.get("goal")
    earlier = it.event.decision.events.filter(
        kind__in=PROPOSING, data__goal=goal, sequence__lt=it.event.sequence
    )
    last = earlier.select_related("actor").order_by("sequence").last()
    if last and last.actor:
        data = {"actor": it.actor, "goal": goal, "reason": it.event.data.get("reason", "")}
        once_for = f"goal_declined:{it.event.sequence}"
        yield Telling(last.actor, "goal_declined", once_for, f"{it.url}#section-goals", data)


def _request_for_changes(it: Happening) -> Iterator[Telling]:
    """Tell the owner that someone asks for changes."""
    if it.review and it.review.verdict == Verdict.REQUEST_CHANGES:
        data = {"actor": it.actor, "review": it.review.pk}
        url = f"{it.url}#review-{it.review.pk}"
        yield Telling(it.now.record.owner, "request", f"request:{it.review.pk}", url, data)


def _must_fix_again(it: Happening) -> Iterator[Telling]:
    """Tell the owner that a thread which must be fixed was taken up again."""
    thread = it.now.thread(it.event.data.get("thread"))
    if thread and thread.must_fix:
        yield _must_fix(it, thread, f"must_fix:{thread.pk}:{it.event.sequence}")


def _must_fix(it: Happening, thread: Thread, once_for: str) -> Telling:
    data = {"actor": it.actor, "thread": thread.pk}
    return Telling(it.now.record.owner, "must_fix", once_for, _place(it, thread), data)


# Discussion


def _discussion(it: Happening) -> Iterator[Telling]:
    """Tell each person once of what was said: by what concerns them most."""
    told: set[int] = set()
    for find in (_mentions, _things_to_fix, _comments, _answers):
        found = [one for one in find(it) if one.user.pk not in told]
        told |= {one.user.pk for one in found}
        yield from found


def _mentions(it: Happening) -> Iterator[Telling]:
    """Tell who is called by `@name`, in a comment or in a review as a whole."""
    said = [(one.body, one.pk, thread) for thread, one in it.remarks]
    called: dict[int, Telling] = {}
    for body, pk, thread in said:
        for user in mentioned(body, it.now.people):
            data = {"actor": it.actor, "places": [[thread.pk, pk]]}
            telling = Telling(user, "mention", f"mention:{pk}", _place(it, thread), data)
            called.setdefault(user.pk, telling)
    if it.event.kind == "review" and it.review:
        for user in mentioned(it.review.body, it.now.people):
            data = {"actor": it.actor, "places": []}
            url = f"{it.url}#review-{it.review.pk}"
            telling = Telling(user, "mention", f"mention:review:{it.review.pk}", url, data)
            called.setdefault(user.pk, telling)
    yield from called.values()


def _things_to_fix(it: Happening) -> Iterator[Telling]:
    """Tell the owner of a new thread that must be fixed; a request for changes says so itself."""
    asks = it.review is not None and it.review.verdict == Verdict.REQUEST_CHANGES
    for thread, one in it.remarks:
        if thread.must_fix and not asks and it.event.kind != "reply" and _opens(it, thread, one):
            yield _must_fix(it, thread, f"must_fix:{thread.pk}")
            return


def _comments(it: Happening) -> Iterator[Telling]:
    """Tell who writes a part of what was said about it; the owner, about the whole record."""
    for whole in (False, True):
        mine: dict[User, list[Remark]] = {}
        for thread, one in it.remarks:
            if _opens(it, thread, one) and (thread.section is None) is whole:
                for user in it.now.writers_of(thread.section):
                    mine.setdefault(user, []).append((thread, one))
        for user, remarks in mine.items():
            section = remarks[0][0].section
            extra = {"part": section.kind} if section else {}
            yield _about(it, user, "comment_whole" if whole else "comment", remarks, extra)


def _answers(it: Happening) -> Iterator[Telling]:
    """Tell who has spoken in a discussion before that someone answered there."""
    mine: dict[User, list[Remark]] = {}
    for thread, one in it.remarks:
        for earlier in it.now.comments(thread):
            if earlier.pk < one.pk and (thread, one) not in mine.get(earlier.author, []):
                mine.setdefault(earlier.author, []).append((thread, one))
    for user, remarks in mine.items():
        yield _about(it, user, "reply", remarks, {})


def _about(
    it: Happening, user: User, matter: str, remarks: list[Remark], extra: dict[str, Any]
) -> Telling:
    """Return one telling about several remarks of one event, leading to the first."""
    thread, first = remarks[0]
    data = {
        "actor": it.actor,
        "count": len(remarks),
        "places": [[one.pk, said.pk] for one, said in remarks],
        **extra,
    }
    return Telling(user, matter, f"{matter}:{first.pk}", _place(it, thread), data)


def _opens(it: Happening, thread: Thread, comment: Comment) -> bool:
    """Return whether a comment started its discussion."""
    said = it.now.comments(thread)
    return bool(said) and said[0].pk == comment.pk


def _place(it: Happening, thread: Thread) -> str:
    return f"{it.url}#{thread.anchor}"


# Delegations


def _delegations(it: Happening) -> Iterator[Telling]:
    """Tell the other of the two people concerned, whichever acted."""
    given = Delegation.objects.filter(decision=it.now.record)
    for one in given.select_related("giver", "taker"):
        yield from tellings_of_delegation(one, it.event.actor_id)


def tellings_of_delegation(one: Delegation, actor_id: int | None) -> Iterator[Telling]:
    """Yield what a delegation's state has to tell whom, if `actor_id` brought it there."""
    state = state_of(one)
    matter = {State.OFFERED: "offered", State.IN_FORCE: "accepted"}.get(state, str(state))
    brought_by = one.ended_by_id or {"offered": one.giver_id, "accepted": one.taker_id}.get(matter)
    if matter not in DELEGATION_MATTERS or brought_by is None or brought_by != actor_id:
        return
    user = one.taker if brought_by == one.giver_id else one.giver
    data = {"giver": str(one.giver), "taker": str(one.taker), "delegation": one.pk}
    url = f"{reverse('delegations')}#delegation-{one.pk}"
    yield Telling(user, matter, f"{matter}:{one.pk}", url, data)


DELEGATION_MATTERS = {"offered", "accepted", "declined", "called_off", "revoked", "given_back"}


# How it ended


def _outcome(it: Happening) -> Iterator[Telling]:
    """Tell everyone who takes part that the record was closed, or is open again."""
    matter = OUTCOMES[it.event.kind]
    words = {name: it.event.data.get(name, "") for name in ("reason", "successor")}
    for user in it.now.people:
        data = {"actor": it.actor, **words}
        yield Telling(user, matter, f"{matter}:{it.event.sequence}", it.url, data)


OUTCOMES = {
    "approve": "approved",
    "withdraw": "withdrawn",
    "reopen": "reopened",
    "supersede": "superseded",
}
RULES = (
    Rule(frozenset({"invite", "change_role"}), _parts_to_write),
    Rule(frozenset({"*"}), _signatures),
    Rule(frozenset({"*"}), _lapses),
    Rule(frozenset({"sign"}), _dissent),
    Rule(frozenset({"*"}), _owner_steps),
    Rule(PROPOSING, _proposed_goal),
    Rule(frozenset({"decline_goal"}), _declined_goal),
    Rule(frozenset({"review"}), _request_for_changes),
    Rule(frozenset({"unresolve"}), _must_fix_again),
    Rule(frozenset({"comment", "reply", "review"}), _discussion),
    Rule(frozenset({"edit_comment"}), _mentions),
    Rule(frozenset({"delegate", "accept_delegation", "end_delegation"}), _delegations),
    Rule(frozenset(OUTCOMES), _outcome),
)
