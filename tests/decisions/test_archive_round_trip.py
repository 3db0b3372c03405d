"""Records made of dice go to a second installation, a database of its own, and back."""

import json
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from django.conf import settings
from django.db import transaction

from decisions.exports.archive import canonical_archive
from decisions.exports.pdf import render_pdf
from decisions.exports.seal import put_seal_on
from decisions.exports.seal_keys import KeyFiles, Keys, make_keys
from decisions.imports.form import parsed
from decisions.models import Decision, Status
from tests.elsewhere import what_stays
from tests.migrated import copy_migrated
from tests.rich_records import rich_record
from tests.small_pages import on_small_pages

pytestmark = [pytest.mark.slow, pytest.mark.django_db]

# `COUNTERSIGN_ROUND_TRIPS=100` is what the figure in the notes comes from.
RECORDS = int(os.environ.get("COUNTERSIGN_ROUND_TRIPS") or 36)
WHOLE = int(os.environ.get("COUNTERSIGN_ROUND_TRIPS_WHOLE") or 2)  # printed with all their pages


class Files(NamedTuple):
    """The records as they left: as data with their attached files, as data alone, as documents."""

    archives: dict[str, bytes]
    bare: dict[str, bytes]
    documents: Path


@contextmanager
def made(seed: int) -> Iterator[list[Decision]]:
    """Make a record, with the one that superseded it before it, if one did; undo them."""
    before = transaction.savepoint()
    record = rich_record(seed)
    yield [*Decision.objects.filter(pk=record.superseded_by_id), record]
    transaction.savepoint_rollback(before)


@pytest.fixture
def files(tmp_path: Path, db: None) -> Files:
    """Make the records, and let them leave in both forms."""
    left = Files({}, {}, tmp_path / "documents")
    left.documents.mkdir()
    keys = KeyFiles(tmp_path / "keys")
    make_keys(keys, "Acme Ltd", years=3, bits=2048)
    seal = Keys(key=keys.key, certificates=keys.certificates).opened()
    for number, record in enumerate(several(RECORDS)):
        name = f"{number:03}"
        left.archives[name] = canonical_archive(record, with_files=True)
        left.bare[name] = canonical_archive(record)
        pages = render_pdf(record) if number < WHOLE else on_small_pages(record)
        reason = f"{record.reference}, version {record.version}, SHA-256 {record.digest}"
        (left.documents / f"{name}.pdf").write_bytes(put_seal_on(pages, seal, reason))
    return left


def several(count: int) -> Iterator[Decision]:
    """Yield so many records, a successor before the record it superseded; each is undone."""
    seed = 0
    while count > 0:
        with made(seed) as records:
            yield from records[:count]
            count -= len(records)
        seed += 1


def brought(files: Path, home: Path) -> dict[str, Any]:
    """Bring files to an installation whose files lie under `home`; return what it says."""
    out, var = home / "out", home / "var"
    out.mkdir(parents=True)
    var.mkdir()
    copy_migrated(var / "db.sqlite3")
    of_its_own = {"COUNTERSIGN_VAR": str(var), "DATABASE_URL": f"sqlite:///{var / 'db.sqlite3'}"}
    done = subprocess.run(
        [sys.executable, "-m", "tests.second_installation", str(files), str(out)],
        env=os.environ | of_its_own | {"DJANGO_SETTINGS_MODULE": "config.settings"},
        cwd=settings.BASE_DIR,
        capture_output=True,
        timeout=900,
        check=True,
    )
    told: dict[str, Any] = json.loads(done.stdout)
    return told | {"out": out}


def assert_same(files: dict[str, bytes], told: dict[str, Any], suffix: str) -> None:
    """Hold what came out of the second installation against what went in."""
    assert told["findings"] == []
    assert len(told["digests"]) == len(files)
    for name, file in files.items():
        assert told["digests"][f"{name}{suffix}"] == parsed(file)["digest"]
        again = (told["out"] / f"{name}.json").read_bytes()
        # What was in review came in as a draft, with no policy yet.
        open_again = {"status": "draft", "policy": {}}
        was_in_review = parsed(file)["record"]["status"] == "in_review"
        assert what_stays(again) == what_stays(file, **open_again if was_in_review else {})


def test_records_of_all_kinds_come_through_json_and_through_sealed_documents(
    files: Files, tmp_path: Path
) -> None:
    (tmp_path / "in").mkdir()
    for name, content in files.archives.items():
        (tmp_path / "in" / f"{name}.json").write_bytes(content)
    statuses = Counter(parsed(one)["record"]["status"] for one in files.archives.values())
    assert statuses.keys() == set(Status.values)
    assert statuses.total() == RECORDS
    assert_same(files.archives, brought(tmp_path / "in", tmp_path / "second"), ".json")
    assert_same(files.bare, brought(files.documents, tmp_path / "third"), ".pdf")
