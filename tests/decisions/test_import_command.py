"""`manage.py export_decision --format json` and `import_decision`: a record on its way."""

import json
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError

from decisions.models import Decision
from tests import factories
from tests.elsewhere import made_elsewhere
from tests.factories import People
from tests.rich_records import rich_record

pytestmark = pytest.mark.django_db


def run(command: str, *args: Any, **options: Any) -> str:
    out = StringIO()
    call_command(command, *args, stdout=out, **options)
    return out.getvalue()


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "record.JSON"
    path.write_bytes(made_elsewhere(lambda: rich_record(0)))
    return path


def test_a_record_goes_out_as_json_with_files_and_results_if_asked(
    draft: Decision, tmp_path: Path
) -> None:
    path = tmp_path / "record.json"
    run("export_decision", draft.reference, format="json", output=path)
    assert json.loads(path.read_bytes())["digest"] == draft.digest
    assert "results" not in json.loads(path.read_bytes())
    run("export_decision", draft.reference, format="json", output=path, with_results=True)
    assert json.loads(path.read_bytes())["results"] == []
    with pytest.raises(CommandError, match="json only"):
        run("export_decision", draft.reference, format="html", output=path, with_files=True)


def test_it_comes_in_for_its_owner_and_says_what_was_left_out(file: Path) -> None:
    factories.person("nora")
    factories.person("sam")
    with pytest.raises(CommandError, match="Say who drives it"):
        run("import_decision", file)
    with pytest.raises(CommandError, match="Nobody here is called eve"):
        run("import_decision", file, owner="eve")
    told = run("import_decision", file, owner="nora")
    record = Decision.objects.get()
    assert record.owner.username == "nora"
    assert "DR-1 came in as DR-1 (draft)" in told
    assert record.digest in told
    assert "Left out: The attached file" in told
    with pytest.raises(CommandError, match="here already: it is DR-1"):
        run("import_decision", file, owner="nora")


def test_as_json_it_prints_one_object(file: Path) -> None:
    factories.person("nora")
    told = json.loads(run("import_decision", file, json=True))
    assert told["digest"] == Decision.objects.get().digest


def test_what_cannot_come_in_is_refused_in_a_sentence(tmp_path: Path, people: People) -> None:
    for name, content, sentence in (
        ("a.json", b"{}", "not an archive"),
        ("a.txt", b"{}", "not an archive"),
        ("gone.json", None, "cannot be read"),
    ):
        path = tmp_path / name
        if content is not None:
            path.write_bytes(content)
        with pytest.raises(CommandError, match=sentence):
            run("import_decision", path, owner="olivia")
