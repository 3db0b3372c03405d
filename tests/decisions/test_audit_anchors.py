"""Anchors: the heads of all chains in a file a day, each naming the one before."""

import json
import logging
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from threading import Barrier, Thread
from typing import Any

import pytest
import rfc8785
from django.db import connection

from config.celery import app
from decisions import clock
from decisions.actions.records import edit_details
from decisions.anchors import has_anchor_of_today, known_from, read_anchors, write_anchor
from decisions.audit_check import GENESIS
from decisions.models import Decision
from decisions.tasks import anchor_audit_log
from tests import factories
from tests.append_only import triggers_away
from tests.factories import People

NOON = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)


def on_day(number: int, **asked: Any) -> Path | None:
    with clock.held_at(NOON + timedelta(days=number)):
        return write_anchor(**asked)


def told(path: Path | None) -> dict[str, Any]:
    assert path is not None
    return dict(json.loads(path.read_bytes()))


def files(folder: Any) -> list[tuple[str, bytes]]:
    return [(one.name, one.read_bytes()) for one in sorted(Path(folder).iterdir())]


@pytest.fixture
def three(settings: Any, draft: Decision, people: People) -> list[tuple[str, bytes]]:
    """Three days' anchors, as (name, content)."""
    for day in range(3):
        on_day(day)
        edit_details(draft, by=people.owner, title=f"Title {day}")
    return files(settings.AUDIT_ANCHOR_DIR)


def test_an_anchor_holds_the_head_of_every_chain(people: People, settings: Any) -> None:
    records = [factories.open_record(people), factories.open_record(people)]
    path = on_day(0)
    anchor = told(path)
    assert path.parent == settings.AUDIT_ANCHOR_DIR
    assert path.name == "000001-2026-11-20.json"
    assert (anchor["number"], anchor["previous"]) == (1, GENESIS)
    assert anchor["at"] == "2026-11-20T12:00:00+00:00"
    heads = {one["reference"]: (one["sequence"], one["hash"]) for one in anchor["heads"]}
    for record in records:
        last = record.events.last()
        assert heads[record.reference] == (last.sequence, last.hash)
    assert [one["decision"] for one in anchor["heads"]] == sorted(str(r.uid) for r in records)


def test_an_anchor_is_canonical_and_read_only(draft: Decision) -> None:
    path = on_day(0)
    assert rfc8785.dumps(told(path)) == path.read_bytes()
    assert path.stat().st_mode & 0o777 == 0o444
    assert [one.name for one in path.parent.iterdir()] == [path.name]


def test_each_anchor_names_the_digest_of_the_file_before(draft: Decision) -> None:
    first, second = on_day(0), on_day(1)
    assert told(second)["previous"] == sha256(first.read_bytes()).hexdigest()
    assert second.name == "000002-2026-11-21.json"
    assert read_anchors().faults == []


def test_a_day_has_one_anchor_unless_another_is_asked_for(draft: Decision) -> None:
    first = on_day(0)
    before = first.read_bytes()
    assert on_day(0) is None
    assert on_day(-1) is None, "a clock that went back writes nothing either"
    again = on_day(0, again=True)
    assert again.name == "000002-2026-11-20.json"
    assert first.read_bytes() == before


@pytest.mark.django_db(transaction=True)
def test_of_two_that_write_at_once_one_does() -> None:
    factories.open_record(factories.people())
    together, written = Barrier(4), []

    def write() -> None:
        together.wait()
        written.append(write_anchor())
        connection.close()

    threads = [Thread(target=write) for _ in range(4)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    assert len([path for path in written if path]) == 1
    known = read_anchors()
    assert (known.files, known.faults) == (1, [])


def key_of(record: Decision) -> tuple[str, str]:
    return str(record.uid), record.reference


def test_a_head_that_did_not_move_is_kept_once(draft: Decision) -> None:
    for day in range(5):
        on_day(day)
    known = read_anchors()
    assert known.files == 5
    assert [one.source for one in known.heads[key_of(draft)]] == ["anchor 000001-2026-11-20"]


def test_sound_anchors_give_all_heads(three: list[tuple[str, bytes]], draft: Decision) -> None:
    known = known_from(three)
    assert known.faults == []
    assert list(known.heads) == [key_of(draft)]
    assert [one.sequence for one in known.heads[key_of(draft)]] == [5, 6, 7]


def faults(changed: list[tuple[str, bytes]]) -> list[str]:
    return [one.sentence for one in known_from(changed).faults]


def test_an_anchor_taken_out_from_between_or_from_the_front_is_noticed(three: Any) -> None:
    assert faults([three[0], three[2]]) == [
        "anchor 2 is missing: the files go on with 000003-2026-11-22.json"
    ]
    assert faults(three[1:]) == ["anchor 1 is missing: the files go on with 000002-2026-11-21.json"]


def test_a_changed_anchor_is_noticed_by_the_next(three: Any) -> None:
    name, content = three[1]
    anchor = json.loads(content)
    anchor["heads"][0]["hash"] = "0" * 64
    assert faults([three[0], (name, rfc8785.dumps(anchor)), three[2]]) == [
        "000003-2026-11-22.json does not follow the file before it: one of the two was changed"
    ]


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{}",
        b"[]",
        b"null",
        b"\xff",
        b"[" * 100_000,
        b'{"format":"countersign/anchor"}',
        b'{"format":"countersign/anchor","format_version":1,"number":"x","heads":[],"previous":""}',
        b'{"format":"countersign/anchor","format_version":1,"number":2,"heads":[5],"previous":""}',
        b'{"format":"other","format_version":1,"number":2,"heads":[],"previous":"0","at":""}',
    ],
)
def test_what_is_no_anchor_is_named_and_breaks_nothing(content: bytes, three: Any) -> None:
    found = faults([three[0], (three[1][0], content), three[2]])
    assert found[0].startswith("000002-2026-11-21.json ")
    assert len(found) == 2
    assert known_from([three[0], (three[1][0], content), three[2]]).files == 3


def test_an_anchor_with_other_spaces_is_not_as_it_was_written(three: Any) -> None:
    name, content = three[2]
    assert faults([*three[:2], (name, content + b"\n")]) == [
        f"{name} is not written as the program writes it: it was changed"
    ]


def test_an_anchor_under_another_number_is_noticed(three: Any) -> None:
    assert faults([*three, ("000004-2026-11-23.json", three[2][1])]) == [
        "000004-2026-11-23.json says that it is anchor 3"
    ]


def test_files_that_are_not_anchors_are_left_alone(settings: Any, draft: Decision) -> None:
    on_day(0)
    Path(settings.AUDIT_ANCHOR_DIR, "README.txt").write_text("Keep these.")
    Path(settings.AUDIT_ANCHOR_DIR, ".anchor-abc").write_text("half a file")
    assert read_anchors().files == 1
    assert on_day(1) is not None


def test_no_folder_is_no_anchor(settings: Any, db: None) -> None:
    known = read_anchors()
    assert (known.files, known.faults, known.newest) == (0, [], "")
    assert not has_anchor_of_today()


def test_the_daily_job_writes_once_a_day(draft: Decision) -> None:
    anchor_audit_log()
    assert has_anchor_of_today()
    assert read_anchors().files == 1
    anchor_audit_log()
    assert read_anchors().files == 1


def test_the_daily_job_says_what_does_not_hold_and_anchors_all_the_same(
    draft: Decision, caplog: pytest.LogCaptureFixture
) -> None:
    on_day(-2)
    with triggers_away():
        draft.events.filter(sequence=5).delete()
    with caplog.at_level(logging.INFO):
        anchor_audit_log()
    assert "DR-1: the log ends at event 4, but anchor 000001-2026-11-18 saw event 5" in caplog.text
    assert "Anchor 000002-" in caplog.text
    assert read_anchors().files == 2


def test_the_beat_runs_the_daily_job() -> None:
    app.loader.import_default_modules()
    scheduled = {one["task"] for one in app.conf.beat_schedule.values()}
    assert anchor_audit_log.name in scheduled
    assert scheduled <= app.tasks.keys()
