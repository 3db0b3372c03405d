"""Noting up to which content a person has looked at each part.

A person's looks are their own: they are no part of the record and leave no event.
"""

from collections.abc import Iterable
from typing import Any

from django.db import transaction
from django.db.models import QuerySet
from django.utils.translation import gettext as _

from decisions import clock
from decisions.models import Decision, Look, Section, User
from decisions.policies import BadInput, ensure
from decisions.versions import changed_sections

# What one action shows whoever does it: the whole part, not only the row that it changed.
WHOLE_PART = {"edit_section", "mark_section"}
# Measured by the workers: who asked for it has still to look.
UNSEEN = {"attach_evidence"}


def first_look(decision: Decision, *, by: User) -> None:
    """Note that the person has opened the record, once; where a look is noted, it stays."""
    known = set(_looks(decision, by).values_list("section_id", flat=True))
    fresh = [one for one in decision.sections.all() if one.pk not in known]
    _write(fresh, by, decision.digest, ignore_conflicts=True)


@transaction.atomic
def look_at(
    decision: Decision, *, by: User, digest: str, kinds: Iterable[str] | None = None
) -> None:
    """Note that the person has looked at these parts (or all) as they stood at `digest`.

    Raises `BadInput` for a content that the record never had. A later look is never taken back.
    """
    ensure("read", decision, by)
    places = dict(decision.versions.values_list("digest", "pk"))
    if digest not in places:
        raise BadInput(_("The record never said that. Load the page again."))
    seen = {one.section_id: places.get(one.digest, 0) for one in _looks(decision, by)}
    named = None if kinds is None else set(kinds)
    moved = [
        one
        for one in decision.sections.all()
        if (named is None or one.kind in named) and seen.get(one.pk, 0) < places[digest]
    ]
    _write(moved, by, digest)


def follow(record: Decision, *, by: User, kind: str, before: str, told: dict[str, Any]) -> None:
    """Move the looks of whoever just acted: what they signed or wrote themself they have seen.

    `before` is the digest before the action, `told` the content after it. Where others changed
    a part too since the person looked, the look stays, unless the action showed them all of it.
    """
    looks = {one.section_id: one for one in _looks(record, by)}
    if not looks or kind in UNSEEN:
        return
    if kind == "sign":
        look_at(record, by=by, digest=record.digest)
    elif record.digest != before:
        _write(_own_changes(record, looks, kind, before, told), by, record.digest)


def _own_changes(
    record: Decision, looks: dict[int, Look], kind: str, before: str, told: dict[str, Any]
) -> list[Section]:
    """Return the parts that an action changed and that held nothing unseen before it."""
    digests = {before, *(one.digest for one in looks.values())}
    kept = record.versions.filter(digest__in=digests)
    contents: dict[str, dict[str, Any]] = dict(kept.values_list("digest", "content"))
    was = contents.get(before, {})
    changed = changed_sections(was, told)
    unseen = {one: changed_sections(contents.get(one, {}), was) for one in digests}
    return [
        one
        for one in record.sections.all()
        if one.kind in changed
        and one.pk in looks
        and (kind in WHOLE_PART or one.kind not in unseen[looks[one.pk].digest])
    ]


def _looks(decision: Decision, user: User) -> QuerySet[Look]:
    return Look.objects.filter(user=user, section__decision=decision)


def _write(
    sections: Iterable[Section], user: User, digest: str, *, ignore_conflicts: bool = False
) -> None:
    """Write one row a section; where there is one it moves, or stays (`ignore_conflicts`)."""
    rows = [Look(user=user, section=one, digest=digest, looked_at=clock.now()) for one in sections]
    if ignore_conflicts:
        Look.objects.bulk_create(rows, ignore_conflicts=True)
        return
    Look.objects.bulk_create(
        rows,
        update_conflicts=True,
        unique_fields=["user", "section"],
        update_fields=["digest", "looked_at"],
    )
