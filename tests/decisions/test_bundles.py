"""A zip of many records: asked for once, made one by one, taken up again, kept for a while."""

from __future__ import annotations

import csv
import hashlib
import io
import os
import tracemalloc
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import pytest
from django.conf import settings as project_settings
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from decisions import clock, tasks
from decisions.actions import bundling
from decisions.actions.bundles import cancel_bundle, delete_old, request_bundle
from decisions.actions.claiming import CLAIM_HOLDS, claim
from decisions.actions.documents import request_document
from decisions.actions.records import edit_details, open_decision, remove_participant
from decisions.desk import Desk
from decisions.exports.bundle import COLUMNS, Entry, safe_name, write_bundle
from decisions.models import Bundle, Decision, Document, DocumentState, User
from decisions.policies import BadInput
from tests import factories
from tests.factories import People, kinds_of_events

TITLES = ("Which model?", "../../etc/passwd", "=cmd()")


@pytest.fixture
def records(people: People) -> list[Decision]:
    """Three drafts that Olivia owns, two of which the outsider may read."""
    visibilities = ("everyone", "everyone", "participants")
    return [
        factories.open_record(people, title, visibility=visibility)
        for title, visibility in zip(TITLES, visibilities, strict=True)
    ]


def asked(records: list[Decision], by: User, format: str = "madr") -> Bundle:
    return request_bundle([one.number for one in records], by=by, query="q=x", format=format)


def made(bundle: Bundle) -> Bundle:
    """Return a bundle after a worker has had its turn."""
    tasks.make_bundle(bundle.pk)
    bundle.refresh_from_db()
    return bundle


def opened(bundle: Bundle) -> tuple[ZipFile, list[dict[str, str]]]:
    """Return a bundle's zip, and the rows of its table."""
    with bundle.file.open("rb") as file:
        content = ZipFile(io.BytesIO(file.read()))
    assert content.testzip() is None
    rows = list(csv.DictReader(io.StringIO(content.read("index.csv").decode("utf-8-sig"))))
    return content, rows


def test_a_bundle_holds_every_record_and_a_table_of_them(
    records: list[Decision], people: People
) -> None:
    bundle = made(asked(records, people.owner))
    assert (bundle.state, bundle.done, bundle.problems) == (DocumentState.READY, 3, [])
    assert bundle.size == Path(bundle.file.path).stat().st_size
    content, rows = opened(bundle)
    names = [
        f"DR-{one.number}-v{one.version}-draft {told}.md"
        for one, told in zip(records, NAMED, strict=True)
    ]
    assert content.namelist() == [*names, "index.csv"]
    for record, name, row in zip(records, names, rows, strict=True):
        told = content.read(name)
        assert record.title in told.decode()
        assert (row["reference"], row["file"], row["problem"]) == (record.reference, name, "")
        assert row["sha256"] == hashlib.sha256(told).hexdigest()
        assert (row["digest"], row["status"]) == (record.digest, "draft")
    assert rows[2]["title"] == "'=cmd()", "no spreadsheet takes it for a formula"
    for record in records:
        assert kinds_of_events(record).count("export") == 1
        assert record.events.last().actor == people.owner


NAMED = ("Which model", "etc passwd", "=cmd()")


def test_the_same_records_give_the_same_bytes_and_no_second_document(
    records: list[Decision], people: People
) -> None:
    first = made(asked(records, people.owner))
    with clock.held_at(clock.now() + timedelta(hours=1)):
        second = made(asked(records, people.owner))
    assert second != first
    assert first.file.read() == second.file.read()
    assert Document.objects.count() == 3
    assert all(kinds_of_events(one).count("export") == 1 for one in records)


def test_a_double_click_makes_one(records: list[Decision], people: People) -> None:
    with clock.held_at(clock.now()):
        first = asked(records, people.owner)
        assert asked(records[::-1], people.owner) == first
        made(first)
        assert asked(records, people.owner) == first, "made before the second click came"
        assert asked(records, people.owner, "csv") != first
        assert asked(records, people.business) != first
    with clock.held_at(clock.now() + timedelta(minutes=1)):
        second = asked(records[:2], people.owner)
        assert second != first
        assert asked(records, people.owner) not in {first, second}, "it is of one more"


def test_nothing_too_much_and_an_unknown_format_are_refused(
    records: list[Decision], people: People, settings: Any
) -> None:
    settings.BUNDLE_RECORDS = 2
    with pytest.raises(BadInput, match=r"At most 2 decisions .* finds 3"):
        asked(records, people.owner)
    with pytest.raises(BadInput, match="No decision"):
        asked([], people.owner)
    with pytest.raises(BadInput, match="format"):
        asked(records[:1], people.owner, "docx")


def test_who_lost_sight_of_a_record_meanwhile_does_not_get_it(
    records: list[Decision], people: People
) -> None:
    bundle = asked(records, people.ux)
    remove_participant(
        records[2], by=people.owner, participant=records[2].participants.get(user=people.ux)
    )
    edit_details(records[1], by=people.owner, visibility="participants")
    remove_participant(
        records[1], by=people.owner, participant=records[1].participants.get(user=people.ux)
    )
    content, rows = opened(made(bundle))
    assert len(content.namelist()) == 2
    assert [one["problem"] for one in rows] == ["", *["You can no longer read this record."] * 2]
    assert [one["title"] for one in rows] == [records[0].title, "", ""]
    assert not Document.objects.filter(decision__in=records[1:]).exists()


def test_who_lost_sight_of_it_after_it_was_exported_does_not_get_it_either(
    records: list[Decision], people: People, monkeypatch: pytest.MonkeyPatch
) -> None:
    bundle = asked(records, people.ux)
    monkeypatch.setattr(bundling, "TURN", -1.0)
    held = claim(Bundle, bundle.pk)
    assert held
    bundling._outcome(held.row, tasks.render_document)
    documents = [request_document(one, by=people.ux, format="madr") for one in records]
    for one in documents:
        tasks.render_document(one.pk)
    held.go_on(outcomes=[{"document": one.pk} for one in documents])
    remove_participant(
        records[2], by=people.owner, participant=records[2].participants.get(user=people.ux)
    )
    assert not bundling.go_through(held, tasks.render_document)
    bundle.refresh_from_db()
    content, _rows = opened(bundle)
    assert len(content.namelist()) == 3
    assert bundle.problems == [(records[2].reference, "You can no longer read this record.")]


def test_who_may_no_longer_sign_in_gets_nothing(records: list[Decision], people: People) -> None:
    bundle = asked(records, people.owner)
    User.objects.filter(pk=people.owner.pk).update(is_active=False)
    assert len(made(bundle).problems) == 3


def test_a_record_that_fails_is_named_and_the_others_leave(
    records: list[Decision], people: People, monkeypatch: pytest.MonkeyPatch
) -> None:
    lost, broken, fine = records
    kept = tasks.keep_document

    def failing(held: Any, *told: Any) -> bool:
        if held.row.decision_id == broken.pk:
            raise OSError("disk full")
        is_kept = kept(held, *told)
        if held.row.decision_id == lost.pk:
            os.unlink(Document.objects.get(pk=held.row.pk).file.path)
        return is_kept

    monkeypatch.setattr(tasks, "keep_document", failing)
    bundle = made(asked(records, people.owner))
    assert bundle.state == DocumentState.READY
    assert bundle.problems == [
        (lost.reference, "Its file has been lost."),
        (broken.reference, "The document could not be made. The error is in the log."),
    ]
    content, rows = opened(bundle)
    assert content.namelist() == [
        f"{fine.reference}-v{fine.version}-draft {NAMED[2]}.md",
        "index.csv",
    ]
    assert [bool(one["problem"]) for one in rows] == [True, True, False]


def test_a_file_that_was_changed_on_disk_is_named(records: list[Decision], people: People) -> None:
    made(asked(records[:1], people.owner))
    document = Document.objects.get()
    Path(document.file.path).write_text("Something else")
    with clock.held_at(clock.now() + timedelta(hours=1)):
        bundle = made(asked(records[:1], people.owner))
    assert bundle.problems == [(records[0].reference, "Its file was changed after it was made.")]


def test_another_worker_goes_on_where_one_was_killed(
    records: list[Decision], people: People
) -> None:
    bundle = asked(records, people.owner)
    killed = claim(Bundle, bundle.pk)
    assert killed
    outcome = bundling._outcome(killed.row, tasks.render_document)
    assert killed.go_on(outcomes=[outcome])
    assert made(bundle).state == DocumentState.RENDERING, "its claim holds"
    with clock.held_at(clock.now() + CLAIM_HOLDS + timedelta(seconds=1)):
        made(bundle)
        assert not killed.go_on(outcomes=[])
        assert not killed.release()
    bundle.refresh_from_db()
    assert bundle.state == DocumentState.READY
    assert bundle.outcomes[0] == outcome
    assert Document.objects.count() == 3


def test_a_record_that_ends_worker_after_worker_is_left_out(
    records: list[Decision], people: People
) -> None:
    bundle = asked(records, people.owner)
    Bundle.objects.filter(pk=bundle.pk).update(attempts=bundling.MOST_ATTEMPTS)
    assert made(bundle).problems == [
        (records[0].reference, "It was given up: each worker that tried to make it has ended.")
    ]


@pytest.mark.usefixtures("eager")
def test_a_long_bundle_is_made_in_turns(
    records: list[Decision], people: People, monkeypatch: pytest.MonkeyPatch
) -> None:
    bundle = asked(records, people.owner)
    seen = []
    monkeypatch.setattr(bundling.time, "monotonic", iter(range(0, 1000, 10)).__next__)
    go_through = tasks.go_through

    def watched(*told: Any) -> bool:
        is_left = go_through(*told)
        seen.append(Bundle.objects.get(pk=bundle.pk).done)
        return is_left

    monkeypatch.setattr(tasks, "go_through", watched)
    assert made(bundle).state == DocumentState.READY
    assert seen == [1, 2, 3]


@pytest.mark.usefixtures("eager")
def test_a_lost_wake_up_call_is_found(records: list[Decision], people: People) -> None:
    bundle = asked(records[:1], people.owner)
    with clock.held_at(clock.now() + timedelta(seconds=21)):
        tasks.render_lost_documents()
    bundle.refresh_from_db()
    assert bundle.state == DocumentState.READY


def test_messages_for_one_zip_do_not_multiply(
    records: list[Decision], people: People, monkeypatch: pytest.MonkeyPatch, jobs: list[Any]
) -> None:
    bundle = asked(records, people.owner)
    document = request_document(records[0], by=people.owner, format="csv")
    monkeypatch.setattr(bundling.time, "monotonic", iter(range(0, 1000, 10)).__next__)
    with clock.held_at(clock.now() + timedelta(seconds=21)):
        for _sweep in range(3):
            tasks.render_lost_documents()
    late = ("decisions.tasks.make_bundle", [bundle.pk, 0])
    assert jobs == [("decisions.tasks.render_document", [document.pk]), late]
    for _delivery in range(2):
        tasks.make_bundle(bundle.pk, 0)
    assert jobs[2:] == [("decisions.tasks.make_bundle", [bundle.pk, 1])]
    with clock.held_at(clock.now() + timedelta(seconds=60)):
        tasks.render_lost_documents()
    assert len(jobs) == 3, "the worker's own message is on its way"
    with clock.held_at(clock.now() + CLAIM_HOLDS + timedelta(seconds=60)):
        tasks.render_lost_documents()
    assert len(jobs) == 5, "it must have been lost"


def test_one_person_has_few_zips_under_way_and_so_much_kept(
    records: list[Decision],
    people: People,
    settings: Any,
    django_capture_on_commit_callbacks: Any,
) -> None:
    settings.BUNDLE_MB = 1
    for format in ("madr", "csv", "json"):
        asked(records, people.owner, format)
    with pytest.raises(BadInput, match="3 of your exports are under way"):
        asked(records, people.owner, "html")
    asked(records, people.business, "html")
    first, second, third = (made(one) for one in Bundle.objects.order_by("pk")[:3])
    Bundle.objects.update(size=400_000)
    with django_capture_on_commit_callbacks(execute=True):
        asked(records, people.owner, "html")
    kept = people.owner.bundles.filter(state=DocumentState.READY)
    assert list(kept) == [third, second]
    assert [Path(one.file.path).exists() for one in (first, second)] == [False, True]


def test_who_waits_for_one_file_or_mail_waits_for_no_zip() -> None:
    routes = project_settings.CELERY_TASK_ROUTES
    queues = {
        routes[f"decisions.tasks.{name}"]["queue"] for name in ("make_bundle", "render_document")
    }
    assert len(queues) == 2
    assert {one.name for one in project_settings.CELERY_TASK_QUEUES} == {"celery", *queues}


def test_what_is_cancelled_is_not_made(records: list[Decision], people: People) -> None:
    bundle = asked(records, people.owner)
    held = claim(Bundle, bundle.pk)
    assert held
    assert cancel_bundle(bundle)
    assert not bundling.go_through(held, tasks.render_document)
    assert made(bundle).state == DocumentState.CANCELLED
    assert not Document.objects.exists()
    assert not cancel_bundle(bundle)


def test_what_was_kept_for_long_enough_is_deleted(
    records: list[Decision], people: People, settings: Any
) -> None:
    old, new = (made(asked(records[:1], one)) for one in (people.owner, people.ux))
    folder = Path(project_settings.MEDIA_ROOT) / "bundles"
    (folder / "left-behind.zip").write_bytes(b"")
    a_week_ago = clock.now() - timedelta(days=7, minutes=1)
    Bundle.objects.filter(pk=old.pk).update(finished_at=a_week_ago)
    for name in (old.file.name, "bundles/left-behind.zip"):
        os.utime(folder.parent / name, (a_week_ago.timestamp(),) * 2)
    delete_old()
    assert list(Bundle.objects.all()) == [new]
    assert [one.name for one in folder.iterdir()] == [Path(new.file.name).name]


@hypothesis_settings(max_examples=40, deadline=None)
@given(st.text(max_size=400), st.integers(1, 10**9))
def test_any_title_makes_a_name_that_every_system_takes(title: str, number: int) -> None:
    name = safe_name(f"DR-{number}", title, "pdf")
    assert len(name.encode()) < 255
    assert name.startswith(f"DR-{number}")
    assert name.endswith(".pdf")
    assert name.count(".pdf") >= 1
    assert not set(name) & set('<>:"/\\|?*\x00\n\r\t\u202e\u2028')
    assert not name.removesuffix(".pdf").endswith((" ", "."))
    assert ".." not in name or ".." in title


def test_names_keep_what_people_wrote() -> None:
    assert safe_name("DR-12", "Which model?", "pdf") == "DR-12 Which model.pdf"
    assert safe_name("DR-1", "Où? 日本語 «ça»", "md") == "DR-1 Où 日本語 «ça».md"
    assert safe_name("DR-1", "CON", "md") == "DR-1 CON.md"
    assert safe_name("DR-1", "a\u202egnp.exe", "md") == "DR-1 agnp.exe.md"
    assert safe_name("DR-1", "??", "md") == "DR-1.md"
    assert safe_name("DR-1", "é" * 300, "md") == "DR-1 " + "é" * 90 + "….md"


def test_a_zip_says_nothing_of_this_machine_or_moment() -> None:
    target = io.BytesIO()
    told = hashlib.sha256(b"pages").hexdigest()
    file = Entry("DR-1", "A", extension="pdf", file=io.BytesIO(b"pages"), size=5, sha256=told)
    assert write_bundle(target, [file, Entry("DR-2", problem="It is gone.")]) == ["", "It is gone."]
    bundle = ZipFile(target)
    assert [one.date_time for one in bundle.infolist()] == [(1980, 1, 1, 0, 0, 0)] * 2
    assert [one.create_system for one in bundle.infolist()] == [3, 3]
    assert bundle.read("index.csv").decode("utf-8-sig").startswith(",".join(COLUMNS))


def test_what_is_taken_away_comes_up_in_nobodys_list_or_news(
    records: list[Decision], people: People
) -> None:
    before = list(Decision.objects.in_order("changed").values_list("number", flat=True))
    news = len(Desk(people.business, None).news)
    made(asked(records[:1], people.owner))
    assert kinds_of_events(records[0])[-1] == "export"
    assert list(Decision.objects.in_order("changed").values_list("number", flat=True)) == before
    assert len(Desk(people.business, None).news) == news


def test_of_the_files_only_a_piece_is_in_memory(tmp_path: Path) -> None:
    content = os.urandom(1 << 20)
    (tmp_path / "file").write_bytes(content)
    told = {"size": len(content), "sha256": hashlib.sha256(content).hexdigest()}

    def entries() -> Iterator[Entry]:
        for number in range(1, 41):
            with (tmp_path / "file").open("rb") as file:
                yield Entry(f"DR-{number}", extension="pdf", file=file, **told)

    tracemalloc.start()
    with (tmp_path / "zip").open("wb") as target:
        assert not any(write_bundle(target, entries()))
    _now, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert (tmp_path / "zip").stat().st_size > 40 << 20
    assert peak < 2 << 20


@pytest.mark.slow
def test_forty_records_take_no_more_memory_than_ten(people: People) -> None:
    records = [open_decision(by=people.owner, title=f"Record {one}") for one in range(40)]
    bundle = asked(records, people.owner, "csv")
    used: list[int] = []

    def make(document_id: int) -> None:
        tasks.render_document(document_id)
        pages = int(Path("/proc/self/statm").read_text().split()[1])
        used.append(pages * os.sysconf("SC_PAGE_SIZE"))

    while held := claim(Bundle, bundle.pk):
        bundling.go_through(held, make)
    bundle.refresh_from_db()
    assert (bundle.state, bundle.done, bundle.problems) == (DocumentState.READY, 40, [])
    assert len(opened(bundle)[0].namelist()) == 41
    assert max(used) - max(used[:10]) < 8 << 20
