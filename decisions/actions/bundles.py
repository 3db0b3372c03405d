"""Asking for many records in one zip; a worker makes it, see `bundling`."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Sequence
from datetime import timedelta
from functools import partial
from http import HTTPStatus

from django.conf import settings
from django.core.files.storage import default_storage
from django.db import transaction
from django.db.models import Q
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from decisions import clock
from decisions.audit import acting_address
from decisions.exports.formats import FORMATS
from decisions.models import WORKING, Bundle, Decision, DocumentState, User
from decisions.models.decision import DecisionQuerySet
from decisions.policies import BadInput, Refusal, Refused

# A second click comes within this time: a small zip may be made before it.
SECOND_CLICK = timedelta(seconds=5)
# So many one person may wait for at a time: others wait for the same workers.
MOST_AT_ONCE = 3


class TooManyUnderWay(BadInput):
    """Raised for more files at a time than one person may wait for."""


@transaction.atomic
def request_bundle(records: Sequence[int], *, by: User, query: str, format: str) -> Bundle:
    """Return the zip of these records (their numbers): one that is being made, or a new one.

    `query` is what the list was filtered by. Raises `BadInput` for no record, for more than
    `BUNDLE_RECORDS` and for an unknown format, `TooManyUnderWay` for a fourth at a time. Beyond
    `BUNDLE_MB` the person's oldest are deleted.
    """
    _ensure_possible(len(records), format)
    same = {"query": query, "format": format, "records_digest": _digest(records)}
    # Two clicks at once wait here for each other.
    User.objects.select_for_update(no_key=True).get(pk=by.pk)
    if before := _asked_before(by, same):
        return before
    _ensure_few(by)
    _make_room(by)
    bundle = Bundle.objects.create(
        requested_by=by,
        address=acting_address(),
        records=sorted(records),
        requested_at=clock.now(),
        **same,
    )
    transaction.on_commit(lambda: _wake_worker(bundle.pk), robust=True)
    return bundle


def cancel_bundle(bundle: Bundle) -> bool:
    """Stop making a zip; return whether it was not finished. Its worker notices at once."""
    working = Bundle.objects.filter(pk=bundle.pk, state__in=WORKING)
    return bool(working.update(state=DocumentState.CANCELLED, finished_at=clock.now()))


def ensure_readable(bundle: Bundle) -> None:
    """Raise `Refused` where a zip holds a record that its person may no longer read."""
    if why := withheld([bundle], bundle.requested_by).get(bundle.pk):
        raise Refused(Refusal(why, HTTPStatus.NOT_FOUND))


def withheld(bundles: Iterable[Bundle], by: User) -> dict[int, str]:
    """Return which finished zips (their keys) are not handed out any more, each with why."""
    told = {one.pk: one.tells_of for one in bundles if one.state == DocumentState.READY}
    asked = readable(by).filter(number__in=set().union(*told.values()))
    seen = set(asked.values_list("number", flat=True))
    why = _("A record in it is no longer yours to read. Export what you may read anew.")
    return {key: why for key, numbers in told.items() if numbers - seen}


def readable(user: User) -> DecisionQuerySet:
    """Return what the person may read by now; who may no longer sign in reads nothing."""
    return Decision.objects.visible_to(user) if user.is_active else Decision.objects.none()


def delete_old() -> None:
    """Delete what was kept for `BUNDLE_DAYS`, also files that no row names any more."""
    before = clock.now() - timedelta(days=settings.BUNDLE_DAYS)
    for bundle in Bundle.objects.exclude(state__in=WORKING).filter(finished_at__lt=before):
        bundle.delete()
    folder = str(Bundle._meta.get_field("file").upload_to)
    if not default_storage.exists(folder):
        return
    named = set(Bundle.objects.exclude(file="").values_list("file", flat=True))
    for name in default_storage.listdir(folder)[1]:
        path = f"{folder}/{name}"
        if path not in named and default_storage.get_modified_time(path) < before:
            default_storage.delete(path)


def _ensure_possible(count: int, format: str) -> None:
    if format not in FORMATS:
        raise BadInput(_("A record does not leave in this format."))
    if not count:
        raise BadInput(_("No decision fits this search."))
    if too_many := too_many_words(count):
        raise BadInput(too_many)


def too_many_words(count: int) -> str:
    """Return why so many records do not leave at once, or "" if they do."""
    most = settings.BUNDLE_RECORDS
    if count <= most:
        return ""
    sentence = ngettext(
        "At most %(most)s decision leaves in one file, and this search finds %(count)s. Narrow it.",
        "At most %(most)s decisions leave in one file, and this search finds %(count)s. Narrow it.",
        most,
    )
    return sentence % {"most": most, "count": count}


def _ensure_few(by: User) -> None:
    if Bundle.objects.filter(requested_by=by, state__in=WORKING).count() < MOST_AT_ONCE:
        return
    sentence = _("%(n)s of your exports are under way. Wait for one of them, or cancel it.")
    raise TooManyUnderWay(sentence % {"n": MOST_AT_ONCE})


def _make_room(by: User) -> None:
    """Delete the oldest of a person's files, as far as more is kept than may be."""
    room = settings.BUNDLE_MB * 1_000_000
    for bundle in Bundle.objects.filter(requested_by=by, state=DocumentState.READY):
        room -= bundle.size or 0
        if room < 0:
            transaction.on_commit(partial(bundle.file.delete, save=False), robust=True)
            bundle.delete()


def _digest(records: Sequence[int]) -> str:
    """Return the SHA-256 of which records these are, in hex."""
    return hashlib.sha256(json.dumps(sorted(records)).encode()).hexdigest()


def _asked_before(by: User, same: dict[str, str]) -> Bundle | None:
    """Return what the person is waiting for already, or has got a moment ago."""
    just_now = Q(state=DocumentState.READY, requested_at__gt=clock.now() - SECOND_CLICK)
    return (
        Bundle.objects.filter(requested_by=by, **same)
        .filter(just_now | Q(state__in=WORKING))
        .first()
    )


def _wake_worker(bundle_id: int) -> None:
    """Tell a worker that there is a zip to make."""
    from decisions.tasks import make_bundle

    make_bundle.delay(bundle_id, 0)
