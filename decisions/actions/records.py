"""Opening a decision, its details, and who takes part."""

from datetime import date, timedelta
from typing import Any

from django.db import transaction
from django.db.models import Count, Max
from django.utils.translation import gettext as _

from decisions import clock
from decisions.actions.base import Entry, change, conclude
from decisions.models import (
    Decision,
    Goal,
    Participant,
    RecordTemplate,
    Section,
    User,
    Visibility,
)
from decisions.policies import wrong_state
from decisions.record_templates import LLM

DETAILS = {"title", "tags", "due_on", "visibility"}
A_MOMENT = timedelta(seconds=10)


@transaction.atomic
def open_decision(
    *,
    by: User,
    title: str,
    template: str = LLM,
    due_on: date | None = None,
    visibility: str = Visibility.PARTICIPANTS,
    tags: list[str] | None = None,
) -> Decision:
    """Open a new record in draft, owned by `by`, with the template's empty sections.

    Asked for twice at once, as by a double click, it is opened once.
    """
    number = next_number()
    if twin := _just_opened(by, title=title, template=template, due_on=due_on):
        return twin
    decision = begin_record(
        number,
        by=by,
        title=title,
        template=template,
        due_on=due_on,
        visibility=visibility,
        tags=tags or [],
    )
    conclude(Entry(decision, "open", {"title": title, "template": template}), by)
    decision.refresh_from_db()
    return decision


def begin_record(number: int, *, by: User, template: str, **details: Any) -> Decision:
    """Write a new record with what its template starts with; the caller concludes.

    `number` is that of `next_number`, in the same transaction.
    """
    decision = Decision.objects.create(
        number=number,
        template=_on_offer(template),
        owner=by,
        created_at=clock.now(),
        changed_at=clock.now(),
        **details,
    )
    Section.objects.bulk_create(
        Section(decision=decision, position=position, **part)
        for position, part in enumerate(decision.template.sections)
    )
    Goal.objects.bulk_create(
        Goal(decision=decision, position=position, **goal)
        for position, goal in enumerate(decision.template.goals)
    )
    return decision


# The first of the numbers of which a record that comes in has one while it is written, and how many
# there are; nobody ever sees them. A reference has nine digits at most.
FIRST_OF_A_MOMENT, MOMENTARY = 900_000_000, 99_999_999


def next_number() -> int:
    """Return the number of the next record; nobody else gets it until the transaction ends.

    Everyone who opens a record locks the same row, the first person's, before asking for the
    highest number; SQLite's transaction is exclusive as it is.
    """
    User.objects.select_for_update(no_key=True).order_by("pk").first()
    numbered = Decision.objects.filter(number__lt=FIRST_OF_A_MOMENT)
    highest: int = numbered.aggregate(highest=Max("number"))["highest"] or 0
    return highest + 1


def _on_offer(key: str) -> RecordTemplate:
    """Return the template; raise `Refused` if records are no longer opened from it."""
    template = RecordTemplate.objects.get(key=key)
    if template.is_retired:
        told = {"template": template}
        raise wrong_state(_("“%(template)s” is no longer offered for new records.") % told)
    return template


def _just_opened(by: User, **asked: Any) -> Decision | None:
    """Return the person's record of a moment ago that was asked for like this and left alone."""
    mine = Decision.objects.filter(owner=by, created_at__gt=clock.now() - A_MOMENT, **asked)
    return mine.annotate(events_so_far=Count("events")).filter(events_so_far=1).first()


def edit_details(decision: Decision, *, by: User, **details: Any) -> None:
    """Change the title, tags, due date or visibility (only those named)."""
    if unknown := details.keys() - DETAILS:
        raise TypeError(f"not details of a record: {sorted(unknown)}")
    with change(decision, "edit_details", by=by) as entry:
        record = entry.decision
        changed = {name: value for name, value in details.items() if getattr(record, name) != value}
        if not changed:
            entry.void()
            return
        for name, value in changed.items():
            setattr(record, name, value)
        record.save(update_fields=list(changed))
        entry.data = {"changed": sorted(changed)}


def invite(
    decision: Decision, *, by: User, user: User, role: str, is_signatory: bool = False
) -> Participant:
    """Give `user` a role on the record, or change whether they sign for it."""
    with change(decision, "invite", by=by) as entry:
        participant, created = Participant.objects.get_or_create(
            decision=entry.decision, user=user, role=role, defaults={"is_signatory": is_signatory}
        )
        if not created and participant.is_signatory == is_signatory:
            entry.void()
        else:
            participant.is_signatory = is_signatory
            participant.save(update_fields=["is_signatory"])
        entry.data = {"person": str(user), "user_id": user.pk, "role": role, "signs": is_signatory}
    return participant


def remove_participant(decision: Decision, *, by: User, participant: Participant) -> None:
    """Take a role on the record away from a person; what they wrote and signed stays."""
    with change(decision, "invite", by=by, kind="remove") as entry:
        entry.data = {"person": str(participant.user), "role": participant.role}
        deleted, _rows = Participant.objects.filter(
            decision=entry.decision, pk=participant.pk
        ).delete()
        if not deleted:
            entry.void()
