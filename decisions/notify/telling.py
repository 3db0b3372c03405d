"""Working through a record's log: each event is told to whom it concerns, once.

The cursor `Decision.told_up_to` moves in the same transaction that writes the notices, under the
record's lock; so a killed worker, a second delivery or two workers at once lose and double nothing.
"""

from __future__ import annotations

import logging
from collections.abc import Collection, Iterable
from datetime import timedelta

from django.db import transaction
from django.db.models import Exists, OuterRef, QuerySet

from decisions import clock
from decisions.models import Decision, Delegation, Event, Notice, User
from decisions.notify.changing import update_in_order
from decisions.notify.matters import MATTERS, still_holds
from decisions.notify.rules import Happening, Telling, tellings, tellings_of_delegation
from decisions.notify.standing import Standing
from decisions.notify.waking import wake_writer
from decisions.webhooks import enqueue

logger = logging.getLogger(__name__)

BATCH = 200  # events told in one transaction
# News that is older when it comes to be told is told no more; what waits on someone always is.
NEWS_LASTS = timedelta(days=7)


def tell(decision_id: int) -> int:
    """Tell of every event that has not been told of yet; return of how many.

    Called twice, also at once, it tells once. A failure is logged and raised; what was not told
    stays so until the next call.
    """
    told = 0
    try:
        while untold(decision_id).exists() and (done := _tell_some(decision_id)):
            told += done
    except Exception:
        logger.exception("What happened on record %s could not be told", decision_id)
        raise
    return told


def untold(decision_id: int) -> QuerySet[Event]:
    """Return a record's events that nobody was told of, in order."""
    after = Decision.objects.filter(pk=decision_id).values("told_up_to")
    return Event.objects.filter(decision_id=decision_id, sequence__gt=after).order_by("sequence")


def behind() -> QuerySet[Decision]:
    """Return the records with events that nobody was told of: a wake-up call was lost."""
    newer = Event.objects.filter(decision=OuterRef("pk"), sequence__gt=OuterRef("told_up_to"))
    return Decision.objects.filter(Exists(newer)).order_by("pk")


@transaction.atomic
def _tell_some(decision_id: int) -> int:
    """Tell of the next events under the record's lock; return of how many."""
    Decision.objects.select_for_update().get(pk=decision_id)
    events = list(untold(decision_id).select_related("decision", "actor")[:BATCH])
    if not events:
        return 0
    now = Standing(decision_id)
    for place, event in enumerate(events, 1):
        for telling in tellings(Happening(event, now, events[place:])):
            _write(telling, now, event)
        enqueue(event)
    settle(now)
    Decision.objects.filter(pk=decision_id).update(told_up_to=events[-1].sequence)
    return len(events)


def _write(telling: Telling, now: Standing, event: Event) -> None:
    """Write a notice, unless it tells someone what they did, may not read, or know already."""
    matter = MATTERS[telling.matter]
    if telling.user.pk == event.actor_id or not telling.user.is_active:
        return
    if matter.is_news and event.at < clock.now() - NEWS_LASTS:
        return
    record = now.record if now.may_read(telling.user) else None
    if record is None and telling.matter not in TOLD_WITHOUT_RECORD:
        return
    notice = _notice(telling, f"{now.record.pk}:", record, event)
    if record is None or matter.holds(notice, now):
        keep(notice, again=telling.again_after_settling)


# That one may no longer sign for someone is told also to who thereby lost sight of the record.
TOLD_WITHOUT_RECORD = {"declined", "called_off", "revoked", "given_back"}


def _notice(telling: Telling, scope: str, record: Decision | None, event: Event | None) -> Notice:
    matter = MATTERS[telling.matter]
    return Notice(
        user=telling.user,
        decision=record,
        event=event if record else None,
        kind=matter.kind,
        key=f"{scope}{telling.once_for}",
        data={"about": matter.key, **telling.data},
        url=telling.url,
        is_urgent=matter.is_urgent,
        created_at=event.at if event else clock.now(),
        told_at=clock.now(),
    )


def keep(notice: Notice, *, again: bool = False) -> None:
    """Write a notice if its key is new; with `again`, also if the earlier ones are settled."""
    if again:
        earlier = Notice.objects.filter(user=notice.user, key__startswith=f"{notice.key}:")
        if earlier.filter(settled_at__isnull=True).exists():
            return
        notice.key = f"{notice.key}:{earlier.count() + 1}"
    Notice.objects.bulk_create([notice], ignore_conflicts=True)
    if notice.is_urgent:
        # If the queue cannot be reached, the next round writes it.
        transaction.on_commit(lambda: wake_writer(notice.user_id), robust=True)


def tell_of_delegation(delegation: Delegation, *, by: User) -> None:
    """Tell the other person of a delegation that is about no single record.

    Such a one has no log to be told from: the notice is written in the transaction that does it.
    """
    for telling in tellings_of_delegation(delegation, by.pk):
        if telling.user.is_active:
            keep(_notice(telling, "", None, None))
    over = Notice.objects.filter(data__delegation=delegation.pk, settled_at__isnull=True)
    outdated = over.exclude(data__about=_said_now(delegation))
    mark_settled(outdated.filter(data__about__in=["offered", "accepted"]))


def tell_asked(telling: Telling, record: Decision, *, by: User) -> None:
    """Tell a person what they are asked on a record by something that the log has no line for.

    The notice is written in the transaction that asks; see `answered` for its end.
    """
    readable = Decision.objects.visible_to(telling.user).filter(pk=record.pk)
    if telling.user.pk != by.pk and telling.user.is_active and readable.exists():
        keep(_notice(telling, f"{record.pk}:", record, None))


def answered(matter: str, once_for: str, record: Decision, user: User | None = None) -> None:
    """Note that a person, or everybody, is asked no longer what `tell_asked` told them."""
    told = Notice.objects.filter(decision=record, key=f"{record.pk}:{once_for}")
    told = told.filter(data__about=matter)
    mark_settled(told.filter(user=user) if user else told)


def _said_now(delegation: Delegation) -> str:
    """Return which matter says how a delegation stands."""
    if delegation.is_in_force:
        return "accepted"
    return "offered" if delegation.is_offered else ""


def settle(now: Standing, known: Collection[int] | None = None) -> None:
    """Note of which of a record's notices what they ask for is done or past.

    Who does not hold the record's lock says with `known` which notices were there before `now` was
    read: a later one may ask what that does not know of yet.
    """
    unsettled = Notice.objects.filter(decision=now.record, settled_at__isnull=True)
    if known is not None:
        unsettled = unsettled.filter(pk__in=known)
    over = [one.pk for one in unsettled.select_related("user") if not still_holds(one, now)]
    mark_settled(Notice.objects.filter(pk__in=over))


def settle_records(user: User, decision_ids: Iterable[int]) -> None:
    """Settle what time alone has settled for a person: a delegation that ran out, for one."""
    for decision_id in sorted(set(decision_ids)):
        mine = Notice.objects.filter(user=user, decision=decision_id, settled_at__isnull=True)
        known = list(mine.values_list("pk", flat=True))
        settle(Standing(decision_id), known)


def mark_settled(notices: QuerySet[Notice]) -> None:
    """Note that notices ask nothing any more; they are not mailed, nor counted as unread."""
    unsettled = notices.filter(settled_at__isnull=True)
    update_in_order(unsettled, settled_at=clock.now(), is_dealt_with=True)
