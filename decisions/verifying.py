"""Checking a file that somebody brings, and what this installation knows of it besides.

The file is read by a process of its own with limits to its time and memory: whoever made it may
have meant to take all of both. Nothing of it is kept.
"""

from __future__ import annotations

import json
import logging
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from uuid import UUID

from django.conf import settings
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, gettext_noop

from decisions.exports.archive_file import is_pdf
from decisions.exports.seal_keys import SealError
from decisions.exports.verify_record import HOLDS, doubt_signatures
from decisions.exports.verify_report import DRAFTS, Report, State, report_of
from decisions.models import (
    Decision,
    Document,
    DocumentState,
    Event,
    Import,
    Relation,
    Status,
    User,
)
from decisions.sealing import keys_in_settings, seals_trusted
from decisions.section_kinds import Text

# The process ends itself after a minute; this is for one that cannot.
SECONDS = 90
# An archive takes a second or two, a PDF of 200 pages no more; what means to take longer is not to
# hold up all others who are not signed in either.
VISITORS_SECONDS, VISITORS_PDF_SECONDS = 5, 15

logger = logging.getLogger(__name__)


def verified(path: Path, *, by: User | None = None, sees_all: bool = False) -> Report:
    """Return the report on a file, with what this installation knows, as far as `by` may know it.

    `by` is None for a visitor; `sees_all` is for whoever has the database in their hands.
    """
    try:
        most = () if by or sees_all else ("--seconds", str(_visitors_seconds(path)))
        report = _read_apart(path, "decisions.exports.verify", "--json", *most)
    except SealError as error:
        return _not_trusting(error)
    tell_what_is_known(report, by=by, sees_all=sees_all)
    return report


def _visitors_seconds(path: Path) -> int:
    with path.open("rb") as file:
        return VISITORS_PDF_SECONDS if is_pdf(file.read(5)) else VISITORS_SECONDS


def tell_what_is_known(report: Report, *, by: User | None = None, sees_all: bool = False) -> None:
    """Add to what a file tells what this installation knows besides."""
    if report.sha256:
        _tell_document(report)
    if report.head_sequence is not None:
        _tell_head(report, report.head_sequence, by, sees_all)
    doubt_signatures(report)


def _read_apart(path: Path, program: str, *more: str) -> Report:
    """Return what the file alone tells, read by a program of its own that is asked for `more`.

    Where that fails nothing speaks against the file: it is said that it could not be checked.
    """
    with _trusted() as named:
        command = [sys.executable, "-m", program, str(path)]
        try:
            done = subprocess.run(
                [*command, *named, *more],
                cwd=settings.BASE_DIR,
                env={"PATH": os.environ.get("PATH", "")},
                capture_output=True,
                timeout=SECONDS,
                check=False,
            )
        except (subprocess.TimeoutExpired, OSError):
            logger.exception("A file could not be checked")
            return Report(trouble=_failed())
    try:
        return report_of(json.loads(done.stdout))
    except (ValueError, LookupError, TypeError):
        told = done.stderr.decode(errors="replace")
        logger.exception("A file could not be checked, status %s: %s", done.returncode, told)
        return Report(trouble=_failed())


def _failed() -> str:
    return _("The program that checks it failed, or took too long. The error is in the log.")


def report_apart(data: bytes, schema: bytes) -> tuple[Report, bytes | None]:
    """Return what a file alone tells to whoever brings it in, and the record in a PDF.

    Both are of one reading, by a process of its own: see `imports.apart`. `schema` is that of an
    archive, as JSON.
    """
    with tempfile.TemporaryDirectory() as folder:
        file, form, record = (Path(folder, one) for one in ("file", "schema", "record.json"))
        file.write_bytes(data)
        form.write_bytes(schema)
        more = ("--schema", str(form), "--record", str(record))
        try:
            report = _read_apart(file, "decisions.imports.apart", *more)
        except SealError as error:
            return _not_trusting(error), None
        return report, record.read_bytes() if record.exists() else None


def report_here(data: bytes) -> tuple[Report, bytes | None]:
    """Return the same, read by this process, but for what is said of its form."""
    # Loading the verifier of seals takes a moment: only who brings one waits for it.
    from decisions.exports.verify import certificates_in, verify_and_take_out

    try:
        trusted, stampers = seals_trusted(), keys_in_settings().stamp_certificates()
        known = [certificates_in(one) if one else [] for one in (trusted, stampers)]
    except SealError as error:
        return _not_trusting(error), None
    except ValueError:
        told = gettext_noop("It cannot be read whose seals and time stamps are trusted.")
        return _not_trusting(SealError(told)), None
    return verify_and_take_out(data, *known)


def _not_trusting(error: SealError) -> Report:
    """Say why nothing is checked; to be called where the error was caught."""
    logger.exception("It cannot be read whose seals and time stamps are trusted")
    return Report(trouble=str(error))


@contextmanager
def _trusted() -> Iterator[list[str]]:
    """Name to the process whose seals are trusted here, and whose time stamps are believed.

    Raises `SealError` where it cannot be read who that is: then nothing is checked.
    """
    told = {"--ca": seals_trusted(), "--tsa": keys_in_settings().stamp_certificates()}
    with ExitStack() as open_files:
        named = []
        for option, certificates in told.items():
            if certificates:
                file = open_files.enter_context(tempfile.NamedTemporaryFile(suffix=".pem"))
                file.write(certificates)
                file.flush()
                named += [option, file.name]
        yield named


def _tell_document(report: Report) -> None:
    """Say whether the file is known byte by byte, or is one that was made here, changed."""
    made = Document.objects.filter(state=DocumentState.READY)
    if made.filter(sha256=report.sha256).exists():
        report.is_known = True
        # Its own word is enough for this installation, whatever became of the seal's key.
        report.is_trusted = report.is_sealed
        report.add("made here", True, _("This very file, byte by byte, was made here."))
        report.findings.insert(0, report.findings.pop())
    elif report.is_trusted and _sealed_here(report):
        told = _("A document with this content was sealed here, and this is not that file.")
        report.add("made here", False, told)
    else:
        told = _("This file is not, byte by byte, one that was made here and is still kept.")
        report.add("made here", State.NOT_KNOWN, told)


def _sealed_here(report: Report) -> bool:
    """Return whether the one sealed file of this very log and content is kept here."""
    return Document.objects.filter(
        state=DocumentState.READY,
        is_sealed=True,
        digest=report.digest,
        head_sequence=report.head_sequence,
        head_hash=report.head_hash,
    ).exists()


def _tell_head(report: Report, sequence: int, by: User | None, sees_all: bool) -> None:
    """Say whether the head of the file's log is on the chain here, and what happened since.

    Who has the file knows that there is such a record. Who may not see one is otherwise told the
    same whether it is here or not.
    """
    uid = _uid(report.uid)
    events = Event.objects.filter(sequence=sequence, hash=report.head_hash)
    events = events.select_related("decision__superseded_by")
    if head := events.filter(decision__uid=uid).first() if uid else None:
        report.add("log here", True, _("The head of its audit log is on the chain that is here."))
        _tell_since(report, head)
        return
    seen = Decision.objects.all() if sees_all else Decision.objects.none()
    if by is not None and not sees_all:
        seen = Decision.objects.visible_to(by)
    records = list(seen.filter(uid=uid)) if uid else []
    imports = list(Import.objects.filter(decision__in=records).select_related("decision"))
    if not records:
        told = _(
            "The head of its audit log is not known here. Whether the decision still holds cannot "
            "be told."
        )
        report.add("log here", State.NOT_KNOWN, told)
    elif len(imports) == len(records):
        _tell_imports(report, imports)
    else:
        # The record is this installation's own, whatever came in beside it.
        told = _("The head of its audit log is not on the chain of this record here.")
        report.add("log here", False, told)


def _tell_imports(report: Report, imports: list[Import]) -> None:
    """Say how a file stands to a record that came in: its log went on elsewhere, or may have."""
    heads: set[tuple[int, str]] = set()
    for imported in imports:
        brought = json.loads(imported.archive)
        logs = [brought["events"], *(one["events"] for one in brought["earlier"])]
        heads |= {(one["sequence"], one["hash"]) for log in logs for one in log}
    if report.sha256 in {one.sha256 for one in imports}:
        told = _("This is the file that the record came in from.")
        report.add("log here", True, told)
    elif (report.head_sequence, report.head_hash) in heads:
        told = _("The head of its audit log is on the log that the record came in with.")
        report.add("log here", True, told)
    else:
        told = _("The record came in from a file, in which the head of this audit log is not.")
        report.add("log here", State.NOT_KNOWN, told)


def _tell_since(report: Report, head: Event) -> None:
    """Say what the record has come to since the file was made, if that matters to its reader."""
    later = head.decision.events.filter(sequence__gt=head.sequence)
    record, kinds = head.decision, set(later.values_list("kind", flat=True))
    turn = next((one for one in _SINCE.get(record.status, ()) if one in kinds), "")
    successor = record.superseded_by
    told = {"version": record.version, "successor": successor.reference if successor else ""}
    amending = record.links_in.filter(relation=Relation.AMENDS, made_at__gt=head.at)
    if turn:
        report.since = _SINCE[record.status][turn] % told
    elif record.digest != report.digest:
        report.since = _("changed since: it is at version %(version)s") % told
    elif others := [one.source.reference for one in amending.select_related("source")]:
        report.since = _("amended since by %(others)s") % {"others": ", ".join(others)}
    if record.digest != report.digest:
        held = gettext_noop("Signed, and held when the file was made: %(given)s")
        report.tell_lapsed(HOLDS, held)
    if report.since:
        since = _("The record was %(since)s.")
        if turn in _ENDS and report.record_status not in DRAFTS:
            since = _("The record was %(since)s. What the file says no longer holds.")
        report.add("since then", State.NOT_KNOWN, since, since=report.since)


# What the events of each kind have brought a record to that is at each status by now; of several
# the first says most.
_SINCE: dict[str, dict[str, Text]] = {
    Status.SUPERSEDED: {"supersede": gettext_lazy("superseded since by %(successor)s")},
    Status.WITHDRAWN: {"withdraw": gettext_lazy("withdrawn since")},
    Status.DRAFT: {"reopen": gettext_lazy("reopened since: version %(version)s is being written")},
    Status.IN_REVIEW: {"reopen": gettext_lazy("reopened since: version %(version)s is in review")},
    Status.APPROVED: {
        "reopen": gettext_lazy("reopened since, and approved anew as version %(version)s"),
        "approve": gettext_lazy("approved since, as version %(version)s"),
    },
}
# Those after which what was approved before no longer holds.
_ENDS = {"supersede", "withdraw", "reopen"}


def _uid(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None
