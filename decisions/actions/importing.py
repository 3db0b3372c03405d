"""Bringing in a record that was kept elsewhere: from an archive, or from a PDF with one in it."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterator
from contextlib import contextmanager, suppress
from http import HTTPStatus
from secrets import randbelow
from typing import NamedTuple

import rfc8785
from django.core.exceptions import ValidationError
from django.db import DatabaseError, transaction
from django.template.loader import render_to_string
from django.utils.translation import gettext as _

from decisions import clock
from decisions.actions.records import FIRST_OF_A_MOMENT, MOMENTARY, next_number
from decisions.actions.relations import tell_other
from decisions.audit import append_event, signature_digest
from decisions.audit_check import canonical
from decisions.content import current_digest
from decisions.exports.document import TEMPLATE, record_document
from decisions.imports.archive import Coming
from decisions.imports.copies import copies_here
from decisions.imports.reading import BadFile, Brought, read_file
from decisions.models import Decision, Import, User
from decisions.notify.waking import wake_teller
from decisions.policies import Refusal, Refused


class AlreadyHere(Refused):
    """Raised for a record that is here with all that the file tells of it.

    `decision` is that one, which the person may read.
    """

    def __init__(self, decision: Decision) -> None:
        told = {"reference": decision.reference}
        sentence = _("This record is here already: it is %(reference)s.") % told
        super().__init__(Refusal(sentence, HTTPStatus.CONFLICT))
        self.decision = decision


def import_file(data: bytes, *, by: User, invited: Collection[int] = ()) -> Decision:
    """Bring in the record of an archive or of a PDF; raises `BadFile` or `AlreadyHere`."""
    return import_archive(read_file(data), by=by, invited=invited)


def import_archive(brought: Brought, *, by: User, invited: Collection[int] = ()) -> Decision:
    """Write the record that a file tells of, owned by `by`; all of it or nothing.

    It has the digest that the file names, computed from the rows. Closed records stay closed; what
    was in review comes in as a draft. What the file says that people did is kept as the file's
    word, see `imports.archive`; here the log begins with the import, which names the file and the
    head of the file's own log. Of the accounts that are called as somebody in the file, those with
    the keys in `invited` take part with their roles. If the record is here and the file tells more
    of it, it comes in beside that one, and both name each other.
    """
    _known_less(brought, by)
    coming = Coming(brought, by, invited)
    with _files_gone_if_undone(coming), transaction.atomic(durable=True):
        record = _write(coming, brought)
        kept = _keep(coming, brought, _number(coming, brought))
        _tell(coming, kept, brought)
    record.refresh_from_db()
    return record


class _UndoneError(Exception):
    """Raised to undo what was written to look at it."""


class Foreseen(NamedTuple):
    """What would come of bringing a file in.

    `left_out` says in sentences what of it could not come in, `follows` is the record here of which
    it tells more.
    """

    left_out: list[str]
    follows: Decision | None


def foreseen(brought: Brought, *, by: User) -> Foreseen:
    """Return what would come of bringing a file in; raises what that would.

    Everything is written and undone again: so nothing is found out only afterwards.
    """
    follows = _known_less(brought, by)
    coming = Coming(brought, by)
    with suppress(_UndoneError), _files_gone_if_undone(coming), transaction.atomic(durable=True):
        _write(coming, brought)
        raise _UndoneError
    return Foreseen(coming.left_out, follows)


def _write(coming: Coming, brought: Brought) -> Decision:
    """Write the record, and hold what the rows say against what the file does.

    Under a number that nobody else asks for: who opens a record need not wait for all of this.
    """
    record = coming.write(FIRST_OF_A_MOMENT + randbelow(MOMENTARY))
    # From the rows, not from what was just written.
    if _digest_of(record) != brought.archive["digest"]:
        raise BadFile(_("Written here, the record does not say what the file does."))
    _refuse_unshowable(record)
    return record


def _number(coming: Coming, brought: Brought) -> Decision | None:
    """Give the record its number, unless another one brought the same in the meantime.

    Returns the one here of which the file tells more.
    """
    number = next_number()
    follows = _known_less(brought, coming.by, but=coming.record)
    coming.record.number = number
    coming.record.save(update_fields=["number"])
    return follows


def _refuse_unshowable(record: Decision) -> None:
    """Raise `BadFile` for what could be kept but not shown; it is drawn once to see."""
    try:
        render_to_string(TEMPLATE, {"document": record_document(record)})
    # Whatever the templates trip over, the file is to blame: records that are written here show.
    except Exception as error:
        raise BadFile(_("The record in the file cannot be shown.")) from error


def _digest_of(record: Decision) -> str:
    try:
        return current_digest(Decision.objects.get(pk=record.pk))
    except rfc8785.CanonicalizationError as error:
        raise BadFile(_("A number in the record cannot be kept here.")) from error


def _known_less(brought: Brought, by: User, but: Decision | None = None) -> Decision | None:
    """Return the newest record here of which the file tells more, if there is one.

    Raises `AlreadyHere` with the first of those that know all of it.
    """
    copies = [one for one in copies_here(brought.archive, by) if one.decision != but]
    for one in copies:
        if one.knows_all:
            raise AlreadyHere(one.decision)
    return copies[-1].decision if copies else None


def _keep(coming: Coming, brought: Brought, follows: Decision | None) -> Import:
    """Keep what the file says, word by word, but for attached files and single cases."""
    archive = {name: value for name, value in brought.archive.items() if name != "results"}
    archive["attachments"] = [
        {name: value for name, value in one.items() if name != "bytes"}
        for one in archive["attachments"]
    ]
    return Import.objects.create(
        decision=coming.record,
        reference=archive["reference"],
        status=coming.status,
        digest=archive["digest"],
        sha256=brought.sha256,
        archive=canonical(archive).decode(),
        verified=brought.verified,
        people=[one.pk for one in coming.people],
        left_out=coming.left_out,
        follows=follows,
        at=clock.now(),
        by=coming.by,
    )


def _tell(coming: Coming, kept: Import, brought: Brought) -> None:
    """Begin the log with the import; of what happened before it nobody is told."""
    record = coming.record
    told = {(one["number"], one["step"], one["digest"]) for one in brought.archive["versions"]}
    kept_here = set(record.versions.values_list("number", "step", "digest"))
    data = {
        "reference": kept.reference,
        "status": kept.status,
        "file": kept.sha256,
        "head": brought.archive["events"][-1]["hash"],
        "events": len(brought.archive["events"]),
        "archive": hashlib.sha256(kept.archive.encode()).hexdigest(),
        "invited": [str(one) for one in coming.invited],
        "signatures": [signature_digest(one) for one in record.sign_offs.all()],
        "versions": [[*one] for one in sorted(kept_here)],
        "told_versions": [[*one] for one in sorted(told - kept_here)],
    }
    append_event(record, "import", by=kept.by, data=data, before="", after=record.digest)
    for other, kind in coming.linked:
        tell_other(other, record, kept.by, kind)
    transaction.on_commit(lambda: wake_teller(record.pk), robust=True)


@contextmanager
def _files_gone_if_undone(coming: Coming) -> Iterator[None]:
    """Do the block; where it fails, delete the files it wrote, and say so in a sentence."""
    try:
        yield
    except BaseException as error:
        for one in coming.written:
            one.file.delete(save=False)
        if isinstance(error, (DatabaseError, ValidationError, OverflowError, KeyError)):
            raise BadFile(_("What the file says does not fit together.")) from error
        raise
