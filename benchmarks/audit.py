"""How fast the audit log is verified: 100,000 events, against bare SHA-256 of the same bytes.

COUNTERSIGN_VAR=$(mktemp -d) python -m benchmarks.audit [EVENTS [RECORDS]]

Writes into an empty database of its own, so it refuses one that has records; DATABASE_URL chooses
PostgreSQL instead of SQLite.
"""

import hashlib
import os
import resource
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
django.setup()

from django.core.management import call_command  # noqa: E402
from django.db import connection  # noqa: E402

from decisions.actions.records import open_decision  # noqa: E402
from decisions.anchors import write_anchor  # noqa: E402
from decisions.audit import event_hash  # noqa: E402
from decisions.audit_check import canonical, check_chain, fits  # noqa: E402
from decisions.auditing import links, verify_log  # noqa: E402
from decisions.models import Decision, Event, User  # noqa: E402

START = datetime(2026, 1, 5, 9, 0, tzinfo=UTC)
DATA = {"section": "data_profile", "role": "data_science", "note": "Größe – “quoted”\n", "n": 200}


def fill(events: int, records: int) -> None:
    """Open records and give each a chain of comments with real hashes."""
    author = User.objects.create(username="author", name="Ana Duarte")
    for number in range(records):
        record = open_decision(by=author, title=f"Record {number}")
        Event.objects.bulk_create(chain(record, author, events // records - 1), batch_size=500)


def chain(record: Decision, author: User, length: int) -> Iterator[Event]:
    """Yield further events of a record's chain."""
    last = record.events.get()
    for step in range(length):
        event = Event(
            decision=record,
            sequence=last.sequence + 1,
            kind="comment",
            at=START + timedelta(seconds=37 * step),
            actor=author,
            actor_name=str(author),
            data=DATA | {"step": step},
            digest_before=record.digest,
            digest_after=record.digest,
            address="192.0.2.7",
            previous_hash=last.hash,
        )
        event.hash = event_hash(event)
        last = event
        yield event


def timed(what: str, events: int, started: float) -> float:
    """Print a figure; return the seconds."""
    seconds = time.perf_counter() - started
    print(f"{what:<52}{seconds:8.3f} s {events / seconds:12,.0f} events/s")
    return seconds


def main() -> None:
    """Fill, verify, and compare with what cannot be avoided."""
    events, records = ([int(one) for one in sys.argv[1:]] + [100_000, 100])[:2]
    call_command("migrate", verbosity=0)
    if Decision.objects.exists():
        sys.exit("This database has records: take an empty one.")
    fill(events, records)
    write_anchor()
    total = Event.objects.count()
    print(f"{connection.vendor}: {total:,} events in {records:,} records")
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    started = time.perf_counter()
    report = verify_log()
    whole = timed("verify_audit: chains, anchors, versions, records", total, started)
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    assert report.holds, report.findings[:3]  # noqa: S101
    assert report.events == total  # noqa: S101
    started = time.perf_counter()
    for record in Decision.objects.iterator():
        assert check_chain(links(record)).broken is None  # noqa: S101
    timed("of which: chains read from the database and walked", total, started)
    held = [link for one in Decision.objects.iterator() for link in links(one)]
    started = time.perf_counter()
    assert all(fits(link) for link in held)  # noqa: S101
    timed("of which: hashes recomputed", total, started)
    lines = [canonical(link.line) for link in held]
    started = time.perf_counter()
    for line in lines:
        hashlib.sha256(line).hexdigest()
    bare = timed(f"bare SHA-256 of the same {sum(map(len, lines)):,} bytes", total, started)
    print(f"verify_audit takes {whole / bare:.0f} times the bare SHA-256; peak grew by {grown} kB")


if __name__ == "__main__":
    main()
