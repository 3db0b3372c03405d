"""What people are told: each matter's sentence, its kind, and how long it still asks something."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from django.utils.translation import gettext_lazy as _

from decisions.models import Notice, NoticeKind, Status
from decisions.notify.standing import Standing, delegation
from decisions.sealing import Matter as SealMatter
from decisions.section_kinds import Text

Holds = Callable[[Notice, Standing], bool]


@dataclass(frozen=True)
class Matter:
    """One thing to tell; `holds` says whether it is still so.

    News is told for its own sake: late, it is not told at all.
    """

    key: str
    kind: NoticeKind
    sentence: Text
    holds: Holds
    is_news: bool = False
    is_urgent: bool = False
    # The sentence for more than one, where there can be several.
    several: Text = ""


def _has_parts(notice: Notice, now: Standing) -> bool:
    role = notice.data["role"]
    held = now.record.roles_of(notice.user)
    return now.record.is_open and role in held and bool(now.parts_to_write(role))


def _is_awaited(notice: Notice, now: Standing) -> bool:
    awaited = {one.key for one in now.chairs_awaited_of(notice.user)}
    return notice.data["chair"] in awaited and not now.is_about_to_change


def _has_lapsed(notice: Notice, now: Standing) -> bool:
    signature = now.signature(notice.data["signature"])
    if signature is None or not now.is_in_review:
        return False
    return now.has_lapsed(signature) and now.may_sign_again(signature)


def _is_asked(notice: Notice, now: Standing) -> bool:
    review = now.review(notice.data["review"])
    return _drives(notice, now) and review is not None and now.requests_stand(review)


def _is_signed_so(notice: Notice, now: Standing) -> bool:
    return now.is_in_review and now.signature_counts(notice.data["signature"])


def _is_owners_and_signed_so(notice: Notice, now: Standing) -> bool:
    return _drives(notice, now) and _is_signed_so(notice, now)


def _drives(notice: Notice, now: Standing) -> bool:
    return now.record.owner_id == notice.user_id


def _may_step(action: str) -> Holds:
    return lambda notice, now: _drives(notice, now) and now.is_ready_to(action)


def _must_fix(notice: Notice, now: Standing) -> bool:
    thread = now.thread(notice.data["thread"])
    open_so = thread is not None and thread.must_fix and not thread.is_resolved
    return _drives(notice, now) and now.record.is_open and open_so


def _is_proposed(notice: Notice, now: Standing) -> bool:
    waiting = {one.metric for one in now.record.proposed_goals}
    return _drives(notice, now) and now.record.is_open and notice.data["metric"] in waiting


def _is_discussed(notice: Notice, now: Standing) -> bool:
    """Return whether one of the discussions goes on, and the person has not answered in it."""
    if not now.record.is_open:
        return False
    named = [(now.thread(pk), comment) for pk, comment in notice.data["places"]]
    # Without a place it was said in a review as a whole.
    return not named or any(
        thread is not None
        and not thread.is_resolved
        and not any(
            one.author_id == notice.user_id and one.pk > comment for one in now.comments(thread)
        )
        for thread, comment in named
    )


def _stands_at(*statuses: Status) -> Holds:
    return lambda notice, now: now.record.status in statuses


def _is_open(notice: Notice, now: Standing) -> bool:
    return now.record.is_open


def offer_stands(notice: Notice) -> bool:
    """Return whether the person still has to answer."""
    found = delegation(notice.data["delegation"])
    is_closed = found is not None and found.decision is not None and not found.decision.is_open
    return found is not None and found.is_offered and not is_closed


def leave_stands(notice: Notice) -> bool:
    """Return whether the other signs in the person's place."""
    found = delegation(notice.data["delegation"])
    return found is not None and found.is_in_force


MATTERS: dict[str, Matter] = {
    matter.key: matter
    for matter in (
        Matter(
            "write",
            NoticeKind.WRITE,
            _("%(actor)s gave you the role %(role)s: “%(part)s” is yours to write."),
            _has_parts,
            several=_(
                "%(actor)s gave you the role %(role)s: %(count)s parts are yours to write, "
                "first “%(part)s”."
            ),
        ),
        Matter(
            "sign",
            NoticeKind.SIGN,
            _("It is ready for your signature for %(role)s."),
            _is_awaited,
        ),
        Matter(
            "sign_for",
            NoticeKind.SIGN,
            _("It is ready for your signature for %(role)s, in place of %(giver)s."),
            _is_awaited,
        ),
        Matter(
            "lapsed",
            NoticeKind.LAPSED,
            _("%(actor)s changed it after you signed for %(role)s: read what changed."),
            _has_lapsed,
        ),
        Matter(
            "request",
            NoticeKind.OWNER,
            _("%(actor)s asks for changes."),
            _is_asked,
        ),
        Matter(
            "rejected",
            NoticeKind.OWNER,
            _("%(actor)s rejected it for %(role)s."),
            _is_owners_and_signed_so,
        ),
        Matter(
            "rejected_after_you",
            NoticeKind.OUTCOME,
            _("%(actor)s rejected for %(role)s what you have signed."),
            _is_signed_so,
        ),
        Matter(
            "reserved",
            NoticeKind.OWNER,
            _("%(actor)s signed for %(role)s, with a reservation."),
            _is_owners_and_signed_so,
        ),
        Matter(
            "must_fix",
            NoticeKind.OWNER,
            _("%(actor)s asks for something that must be fixed before approval."),
            _must_fix,
        ),
        Matter(
            "proposed",
            NoticeKind.OWNER,
            _("%(actor)s proposes the goal “%(goal)s”: accept or decline it."),
            _is_proposed,
        ),
        Matter(
            "goal_declined",
            NoticeKind.DISCUSSION,
            _("%(actor)s declined the goal “%(goal)s”: %(reason)s"),
            lambda notice, now: True,
            is_news=True,
        ),
        Matter(
            "submit",
            NoticeKind.OWNER,
            _("Every part is complete: submit it for review."),
            _may_step("submit"),
        ),
        Matter(
            "approve",
            NoticeKind.OWNER,
            _("Every role has signed: approve it."),
            _may_step("approve"),
        ),
        Matter(
            "mention",
            NoticeKind.MENTION,
            _("%(actor)s mentions you."),
            _is_discussed,
            is_urgent=True,
        ),
        Matter(
            "comment",
            NoticeKind.DISCUSSION,
            _("%(actor)s commented on “%(part)s”, which you write."),
            _is_discussed,
            several=_("%(actor)s made %(count)s comments on parts that you write."),
        ),
        Matter(
            "comment_whole",
            NoticeKind.DISCUSSION,
            _("%(actor)s commented on the record that you drive."),
            _is_discussed,
            several=_("%(actor)s made %(count)s comments on the record that you drive."),
        ),
        Matter(
            "reply",
            NoticeKind.DISCUSSION,
            _("%(actor)s answered in a discussion that you take part in."),
            _is_discussed,
            several=_("%(actor)s answered in %(count)s discussions that you take part in."),
        ),
        Matter(
            "offered",
            NoticeKind.DELEGATION,
            _("%(giver)s asks you to sign in their place."),
            lambda notice, now: offer_stands(notice),
        ),
        Matter(
            "accepted",
            NoticeKind.DELEGATION,
            _("%(taker)s agreed to sign in your place."),
            lambda notice, now: leave_stands(notice),
            is_news=True,
        ),
        Matter(
            "declined",
            NoticeKind.DELEGATION,
            _("%(taker)s declined to sign in your place."),
            lambda notice, now: True,
            is_news=True,
        ),
        Matter(
            "called_off",
            NoticeKind.DELEGATION,
            _("%(giver)s no longer asks you to sign in their place."),
            lambda notice, now: True,
            is_news=True,
        ),
        Matter(
            "revoked",
            NoticeKind.DELEGATION,
            _("%(giver)s no longer lets you sign in their place."),
            lambda notice, now: True,
            is_news=True,
        ),
        Matter(
            "given_back",
            NoticeKind.DELEGATION,
            _("%(taker)s no longer signs in your place."),
            lambda notice, now: True,
            is_news=True,
        ),
        Matter(
            "rate",
            NoticeKind.RATE,
            _("%(actor)s asks you to rate answers: %(question)s"),
            _is_open,
        ),
        Matter(
            "approved",
            NoticeKind.OUTCOME,
            _("%(actor)s approved it."),
            _stands_at(Status.APPROVED, Status.SUPERSEDED),
            is_news=True,
        ),
        Matter(
            "withdrawn",
            NoticeKind.OUTCOME,
            _("%(actor)s withdrew it: %(reason)s"),
            _stands_at(Status.WITHDRAWN),
            is_news=True,
        ),
        Matter(
            "reopened",
            NoticeKind.OUTCOME,
            _("%(actor)s reopened it; every signature has lapsed: %(reason)s"),
            _stands_at(Status.DRAFT, Status.IN_REVIEW),
            is_news=True,
        ),
        Matter(
            "superseded",
            NoticeKind.OUTCOME,
            _("%(actor)s put %(successor)s in its place."),
            _stands_at(Status.SUPERSEDED),
            is_news=True,
        ),
        # About no record: see `notify.sealing`, which settles them too.
        Matter(
            SealMatter.ENDS,
            NoticeKind.REMINDER,
            _(
                "The certificate of the seal ends on %(day)s. Renew it with “manage.py "
                "make_seal_key” before that day, as docs/sealing.md says."
            ),
            lambda notice, now: True,
        ),
        Matter(
            SealMatter.ENDED,
            NoticeKind.REMINDER,
            _(
                "The certificate of the seal ended on %(day)s: approved records wait for their "
                "seal. Renew it with “manage.py make_seal_key”, as docs/sealing.md says; then "
                "they are sealed by themselves."
            ),
            lambda notice, now: True,
        ),
        Matter(
            SealMatter.UNREADABLE,
            NoticeKind.REMINDER,
            _(
                "Approved records wait for their seal. %(why)s Put that right as docs/sealing.md "
                "says; then they are sealed by themselves."
            ),
            lambda notice, now: True,
        ),
        Matter(
            SealMatter.AWAITED,
            NoticeKind.REMINDER,
            _(
                "Approved records wait for their seal for more than 15 minutes. %(why)s Put that "
                "right as docs/sealing.md says; then they are sealed by themselves, or, if a "
                "document failed, once it is exported again."
            ),
            lambda notice, now: True,
        ),
    )
}

# Made by no event; whether it still holds, `reminders` knows.
REMINDER = "reminder"
DELEGATIONS: dict[str, Callable[[Notice], bool]] = {
    "offered": offer_stands,
    "accepted": leave_stands,
}


def about(notice: Notice) -> str:
    """Return the key of what a notice is about."""
    return str(notice.data.get("about", ""))


def still_holds(notice: Notice, now: Standing) -> bool:
    """Return whether a notice about a record still asks or says what it did when it was told.

    What an earlier release told in another way holds as it is.
    """
    matter = MATTERS.get(about(notice))
    if matter is None:
        return True
    if not now.may_read(notice.user):
        return False
    try:
        return matter.holds(notice, now)
    except KeyError:
        return True


def holds_without_record(notice: Notice) -> bool:
    """Return whether a notice about no record the person reads still says what it did."""
    ask = DELEGATIONS.get(about(notice))
    return ask(notice) if ask else True
