"""Check the audit log: `verify_audit`, `verify_audit DR-1 --head 57:1a2b…`."""

import json
import re
import time
from argparse import ArgumentParser, ArgumentTypeError, RawDescriptionHelpFormatter
from dataclasses import asdict
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from decisions.anchors import write_anchor
from decisions.audit_check import Finding, Head
from decisions.auditing import Report, verify_log
from decisions.models import Decision

HEAD = re.compile(r"([1-9][0-9]*):([0-9a-f]{64})", re.IGNORECASE)

EXPLAINED = """
What is checked
  - every event's hash, and that it names the one before: of each record, the first event is named
    that was edited, taken out, put in, moved or copied from another record;
  - every head that an anchor file or a document once saw: events missing at the end, logs written
    anew with fitting hashes, whole records that are gone;
  - that signatures, versions, the status and what the record says now are what its events tell;
  - that the anchor files follow each other, and that the database still refuses changes.

What this does not prove
  - Who can rewrite the database and the anchors and every document can make up any history. Keep
    copies of the anchors where the database's administrator cannot write.
  - Events newer than the newest anchor and document can be dropped together with what they did.
  - A new event at the end, written with all that belongs to it, is what the program itself writes.
  - Only signed content, signatures, versions and events are covered. Of discussion, people and
    dates the log says that and when they changed, not what they say now.
  - The times are those of the server's clock.
"""


class Command(BaseCommand):
    """Recomputes every chain and names the first broken link of each."""

    help = "Check the audit log of all records, or of some, against itself and its anchors."

    def create_parser(self, *args: Any, **kwargs: Any) -> Any:
        """Keep the explanation's lines as they are."""
        kwargs |= {"epilog": EXPLAINED, "formatter_class": RawDescriptionHelpFormatter}
        return super().create_parser(*args, **kwargs)

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("references", nargs="*", metavar="DR-1", help="default: all records")
        parser.add_argument(
            "--head",
            type=head,
            metavar="NUMBER:HASH",
            help="also check the head that is printed in a document of the one record named",
        )
        parser.add_argument(
            "--anchor", action="store_true", help="if all holds, write a further anchor file"
        )
        parser.add_argument("--json", action="store_true", help="print one JSON object")

    def handle(self, *args: Any, **options: Any) -> None:
        references = [one.upper() for one in options["references"]]
        if options["head"] and len(references) != 1:
            raise CommandError("--head needs the one record in whose document it is printed.")
        started = time.perf_counter()
        report = checked(references, options["head"])
        told = described(report, seconds=time.perf_counter() - started)
        if options["anchor"] and report.holds:
            path = write_anchor(again=True)
            told["written"] = path.name if path else ""
        self.stdout.write(json.dumps(told) if options["json"] else sentences(report, told))
        if not report.holds:
            raise CommandError("The audit log does not hold.")


def head(text: str) -> Head:
    """Return the head given as "57:1a2b…" on the command line."""
    match = HEAD.fullmatch(text)
    if match is None:
        raise ArgumentTypeError("must be the number and the hash of an event, as 57:1a2b…")
    return Head(int(match[1]), match[2].lower(), "the page in your hands")


def checked(references: list[str], printed: Head | None) -> Report:
    """Return the report on some records or, if none is named, on all; `CommandError` for none."""
    if not references:
        return verify_log()
    found = Decision.objects.none()
    for reference in references:
        found |= Decision.objects.by_reference(reference)
    report = verify_log(found, references=references, heads=[printed] if printed else [])
    known = {one.reference for one in found} | {one.record for one in report.findings}
    if unknown := [one for one in references if one not in known]:
        raise CommandError(f"There is no decision {unknown[0]}.")
    return report


def described(report: Report, *, seconds: float) -> dict[str, Any]:
    """Return the report as plain values."""
    return {
        "holds": report.holds,
        "records": report.records,
        "events": report.events,
        "documents": report.documents,
        "anchors": report.anchors,
        "newest_anchor": report.newest_anchor,
        "seconds": round(seconds, 3),
        "findings": [asdict(one) for one in report.findings],
    }


def sentences(report: Report, told: dict[str, Any]) -> str:
    """Return the report in words: what is wrong, a line each, then how much was checked."""
    lines = [sentence(one) for one in report.findings]
    counted = (
        f"{_count(report.records, 'record')} with {_count(report.events, 'event')}, checked "
        f"against {_count(report.anchors, 'anchor')} and {_count(report.documents, 'document')}: "
    )
    lines.append(counted + ("everything holds." if report.holds else _wrong(report)))
    if not report.anchors and not told.get("written"):
        lines.append("No anchor was written yet: the loss of the newest events might not show.")
    elif report.anchors:
        lines.append(f"Newest anchor: {report.newest_anchor}")
    if told.get("written"):
        lines.append(f"Written: {told['written']}")
    return "\n".join(lines)


def sentence(one: Finding) -> str:
    """Return a finding as a line: "DR-1: event 5 was changed: …"."""
    return f"{one.record}: {one.sentence}." if one.record else f"{one.sentence}."


def _count(number: int, thing: str) -> str:
    """Return so many things: "1 record", "1,200 records"."""
    return f"{number:,} {thing}" if number == 1 else f"{number:,} {thing}s"


def _wrong(report: Report) -> str:
    things = len(report.findings)
    return "1 thing does not hold." if things == 1 else f"{things} things do not hold."
