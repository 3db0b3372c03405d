"""Imports that workers do: nobody sees half of one, and a dead worker's is taken up again."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection, transaction

from decisions import clock
from decisions.policies import BadInput, Refused
from evaluations import freezing, intake, jobs, uploads
from evaluations.forms import RunForm
from evaluations.importers.cases import CaseFile, Columns
from evaluations.models import Case, CaseSet, Corpus, Document, Import, ImportState, ImportStep
from evaluations.tasks import bring_in, take_up_lost_imports
from tests.evaluations.helpers import COLUMNS, make_case_set, rows, write_csv
from tests.factories import People

Asked = Callable[..., Import]


@pytest.fixture
def asked(people: People, tmp_path: Path) -> Asked:
    """Return what uploads a file and asks for its import, as the pages do."""

    def ask(name: str = "Messages", text: str = "", **values: Any) -> Import:
        path = write_csv(tmp_path / "upload.csv", rows(per_label=400))
        content = text.encode() or path.read_bytes()
        said = {"name": name, "origin": "", "licence": "", **values}
        said["cases"] = SimpleUploadedFile("messages.csv", content)
        upload = uploads.keep(people.owner, said)
        return intake.request_import(upload, by=people.owner, columns=COLUMNS)

    return ask


def now_state(row: Import) -> str:
    row.refresh_from_db()
    return row.state


def silenced(row: Import) -> None:
    """Let an import's worker not have been heard of for an hour."""
    hour_ago = clock.now() - timedelta(hours=1)
    Import.objects.filter(pk=row.pk).update(heard_at=hour_ago, woken_at=hour_ago)


def stopping_at(rows: int, then: Callable[[], object], monkeypatch: pytest.MonkeyPatch) -> None:
    """Do something once in the middle of a write, before the batch that reaches so many rows."""
    hold, seen = jobs.Job.hold, []

    def hold_or_stop(self: jobs.Job, **values: Any) -> None:
        if values.keys() == {"done"} and values["done"] >= rows:
            seen.append(values)
            if len(seen) == 1:
                then()
        hold(self, **values)

    monkeypatch.setattr(jobs.Job, "hold", hold_or_stop)


def stop() -> None:
    raise SystemExit("as a killed worker ends")


def test_a_worker_brings_in_what_was_asked_for_and_forgets_the_files(
    asked: Asked, people: People
) -> None:
    row = asked(origin="The help desk", visibility="involved")

    bring_in(row.pk)

    assert now_state(row) == ImportState.FINISHED
    found = CaseSet.objects.get()
    assert (row.made, found.version, found.is_ready) == (found, 1, True)
    assert (found.created_by, found.origin, found.visibility) == (
        people.owner,
        "The help desk",
        "involved",
    )
    assert (row.done, row.total, found.cases.count()) == (0, None, 1212)
    assert not (Path(settings.VAR_DIR) / "uploads" / row.upload).exists()


def test_a_second_call_finds_it_taken(asked: Asked) -> None:
    row = asked()
    bring_in(row.pk)
    bring_in(row.pk)

    assert CaseSet.everything.count() == 1
    assert Import.objects.get().attempts == 1


def test_asking_twice_for_an_upload_is_one_import(asked: Asked, people: People) -> None:
    row = asked()
    upload = uploads.found(row.upload)
    assert upload is not None

    assert intake.request_import(upload, by=people.owner, columns=COLUMNS) == row


def test_a_file_that_makes_no_sense_ends_with_its_sentence_and_nothing_else(asked: Asked) -> None:
    row = asked(text="id,split,text,team\n1,test,hello,a\n1,test,bye,b\n")

    bring_in(row.pk)

    assert now_state(row) == ImportState.FAILED
    assert "The id “1” occurs twice" in row.error
    assert not CaseSet.everything.exists()
    assert not Case.objects.exists()


def test_while_it_is_written_nobody_sees_it(
    asked: Asked, people: People, monkeypatch: pytest.MonkeyPatch
) -> None:
    def look() -> None:
        assert CaseSet.everything.get().cases.count() == 1000
        assert not CaseSet.objects.exists()
        assert CaseSet.objects.named("messages") is None
        choices: Any = RunForm([], user=people.owner).fields["case_set"]
        assert not choices.queryset.exists()

    row = asked()
    stopping_at(1001, look, monkeypatch)

    bring_in(row.pk)

    assert CaseSet.objects.get().cases.count() == 1212


def test_a_draft_cannot_be_run(asked: Asked, people: People, run: Any) -> None:
    from evaluations.actions import request_run

    draft = CaseSet.everything.create(
        name="Half", slug="half", version=0, digest="x", is_ready=False, counts={"test": 3}
    )
    with pytest.raises(BadInput, match="is not open to"):
        request_run(run.candidate, draft, by=people.owner)


def test_a_killed_worker_s_import_is_taken_up_and_comes_in_once(
    asked: Asked, monkeypatch: pytest.MonkeyPatch
) -> None:
    row = asked()
    with monkeypatch.context() as patch:
        stopping_at(1001, stop, patch)
        with pytest.raises(SystemExit):
            bring_in(row.pk)
    assert now_state(row) == ImportState.RUNNING
    assert CaseSet.everything.filter(is_ready=False).exists()
    bring_in(row.pk)  # too early: its worker may be alive
    assert now_state(row) == ImportState.RUNNING

    silenced(row)
    assert intake.lost_imports() == [row.pk]
    bring_in(row.pk)

    assert now_state(row) == ImportState.FINISHED
    assert CaseSet.everything.count() == 1
    assert Case.objects.count() == 1212


def test_an_import_that_ends_worker_after_worker_is_given_up(asked: Asked) -> None:
    row = asked()
    for _attempt in range(3):
        assert jobs.claim(row.pk) is not None
        silenced(row)

    take_up_lost_imports()

    assert now_state(row) == ImportState.FAILED
    assert "each of the workers that tried it has ended" in row.error


def test_a_lost_call_is_made_again(asked: Asked) -> None:
    row = asked()
    assert intake.lost_imports() == [row.pk]

    Import.objects.update(woken_at=clock.now())
    assert intake.lost_imports() == []


def test_a_cancelled_import_stops_at_its_next_batch_and_leaves_nothing(
    asked: Asked, people: People, monkeypatch: pytest.MonkeyPatch
) -> None:
    row = asked()
    step = jobs.Job.step

    def step_then_cancel(self: jobs.Job, name: Any, total: int | None = None) -> None:
        step(self, name, total)
        if name == ImportStep.WRITING:
            intake.cancel_import(row, by=people.owner)

    monkeypatch.setattr(jobs.Job, "step", step_then_cancel)
    bring_in(row.pk)

    assert now_state(row) == ImportState.CANCELLED
    assert not CaseSet.everything.exists()
    assert not Case.objects.exists()
    with pytest.raises(Refused, match="has ended already"):
        intake.cancel_import(row, by=people.owner)


def test_a_worker_that_was_taken_for_dead_writes_nothing_more(asked: Asked) -> None:
    row = asked()
    late = jobs.claim(row.pk)
    silenced(row)
    assert late is not None
    assert jobs.claim(row.pk) is not None

    with pytest.raises(jobs.Lost):
        late.write([Case(case_set_id=1, key="late", split="test", input="x", position=0)])
    jobs.fail(late, "too late")

    assert not Case.objects.exists()
    assert now_state(row) == ImportState.RUNNING


def test_files_that_are_gone_are_said_to_be(asked: Asked) -> None:
    row = asked()
    upload = uploads.found(row.upload)
    assert upload is not None
    uploads.forget(upload)

    bring_in(row.pk)

    assert now_state(row) == ImportState.FAILED
    assert "no longer there" in row.error


def test_files_of_an_open_import_are_kept_however_old(
    asked: Asked, monkeypatch: pytest.MonkeyPatch
) -> None:
    row = asked()
    monkeypatch.setattr(uploads, "KEPT_SECONDS", -1)

    asked("Others")

    assert uploads.found(row.upload) is not None


@pytest.mark.parametrize("token", ["x" * 40 + "\n", "../" * 9, "x" * 30 + "/..", "ｘ" * 30, ""])
def test_a_path_is_made_only_of_a_token(token: str, tmp_path: Path) -> None:
    assert uploads.found(token) is None


def test_the_row_says_how_far_it_is(asked: Asked, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[tuple[str, int, int | None]] = []
    row = asked()

    def look() -> None:
        row.refresh_from_db()
        seen.append((row.step, row.done, row.percent))

    with monkeypatch.context() as patch:
        hold = jobs.Job.hold

        def hold_then_look(self: jobs.Job, **values: Any) -> None:
            hold(self, **values)
            if "done" in values:
                look()

        patch.setattr(jobs.Job, "hold", hold_then_look)
        bring_in(row.pk)

    assert seen == [
        ("checking", 0, None),
        ("writing", 0, 0),
        ("writing", 1000, 82),
        ("writing", 1212, 100),
        ("comparing", 0, None),
    ]


def test_an_interrupted_command_clears_up_and_its_row_says_so(
    db: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stopping_at(1001, stop, monkeypatch)
    path = write_csv(tmp_path / "messages.csv", rows(per_label=400))
    with pytest.raises(SystemExit):
        freezing.import_case_set(name="Messages", files=[CaseFile(path)], columns=COLUMNS)

    assert not CaseSet.everything.exists()
    assert Import.objects.get().error == "It was interrupted."


@pytest.mark.skipif(connection.vendor != "sqlite", reason="PostgreSQL begins without a statement")
def test_every_batch_is_a_transaction_of_its_own(tmp_path: Path, transactional_db: None) -> None:
    """What others wait for is one batch, never the whole file."""
    sizes: list[int] = []

    def count(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        if sql.startswith("BEGIN"):
            sizes.append(0)
        elif sizes and 'INSERT INTO "evaluations_case"' in sql:
            sizes[-1] += len(params) // 9
        return execute(sql, params, many, context)

    with connection.execute_wrapper(count):
        make_case_set(tmp_path, per_label=1200)

    assert sum(sizes) > 0
    assert max(sizes) <= jobs.BATCH


@pytest.mark.slow
@pytest.mark.skipif(connection.vendor != "sqlite", reason="a file that two processes share")
@pytest.mark.django_db(transaction=True)
def test_a_command_killed_in_the_middle_leaves_nothing_that_anybody_sees(tmp_path: Path) -> None:
    path = write_csv(tmp_path / "messages.csv", rows(per_label=20_000))
    database = connection.settings_dict["NAME"]
    environment = os.environ | {"DATABASE_URL": f"sqlite:///{database}"}
    command = [sys.executable, "manage.py", "import_cases", str(path), "--name", "Killed"]
    process = subprocess.Popen(command, env=environment, cwd=settings.BASE_DIR)
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline and not Case.objects.exists():
        time.sleep(0.05)
    process.send_signal(signal.SIGKILL)
    process.wait()

    assert Case.objects.exists()
    assert not CaseSet.objects.exists()
    silenced(Import.objects.get())
    take_up_lost_imports()

    assert Import.objects.get().state == ImportState.FAILED
    assert not CaseSet.everything.exists()
    assert not Case.objects.exists()


def test_discarding_leaves_what_is_ready_and_what_is_being_written(
    asked: Asked, case_set: CaseSet
) -> None:
    row = asked()
    job = jobs.claim(row.pk)
    assert job is not None
    with transaction.atomic():
        draft = CaseSet.everything.create(
            name="Half", slug="half", version=0, digest="x", is_ready=False
        )
        job.hold(case_set=draft)
    orphan = Corpus.everything.create(name="Old", slug="old", version=0, digest="y", is_ready=False)
    Document.objects.create(corpus=orphan, key="a", text="a", position=0)

    jobs.discard_drafts()

    assert set(CaseSet.everything.all()) == {case_set, draft}
    assert not Corpus.everything.exists()


def test_two_columns_meanings_are_kept_with_the_import(asked: Asked) -> None:
    row = asked()

    assert Columns(**row.options["columns"]) == COLUMNS
    assert row.files == ["messages.csv"]
