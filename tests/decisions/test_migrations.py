"""Coming from an earlier version: what the records said then, they say after migrating."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from django.core.management import call_command
from django.db import connection
from django.db.migrations.executor import MigrationExecutor

from decisions.append_only import TABLES, unprotected
from decisions.models import Decision, RecordTemplate
from decisions.record_templates import GENERAL, LLM

pytestmark = pytest.mark.django_db(transaction=True)

BEFORE = ("decisions", "0003_review_and_sign_off")


@contextmanager
def empty_database(path: Path) -> Iterator[None]:
    """Work on a database of its own, in which nothing is yet: going back takes as long again."""
    usual = connection.settings_dict["NAME"]
    connection.close()
    connection.settings_dict["NAME"] = str(path)
    try:
        yield
    finally:
        connection.close()
        connection.settings_dict["NAME"] = usual


@pytest.mark.skipif(connection.vendor != "sqlite", reason="a file of its own is SQLite's")
def test_a_record_of_before_there_were_template_rows_names_the_one_it_was_opened_from(
    tmp_path: Path,
) -> None:
    with empty_database(tmp_path / "before.sqlite3"):
        call_command("migrate", *BEFORE, verbosity=0)
        assert unprotected(connection) == list(TABLES)
        old = MigrationExecutor(connection).loader.project_state([BEFORE]).apps
        old.get_model("decisions", "RecordTemplate").objects.all().delete()
        owner = old.get_model("decisions", "User").objects.create(username="olivia", email="o@x.y")
        policy = {"signing_roles": ["ux"]}
        record = old.get_model("decisions", "Decision").objects.create(
            number=1, title="Where to?", template=GENERAL, owner=owner, policy=policy
        )
        for number in (1, 2):
            old.get_model("decisions", "Event").objects.create(
                decision=record, sequence=number, kind="comment", at="2026-01-01T00:00:00Z"
            )
        call_command("migrate", verbosity=0)
        assert unprotected(connection) == []
        record = Decision.objects.get()
        assert record.template.key == GENERAL
        assert record.template.title == "General technical decision"
        assert [kind.key for kind, _role in record.template.parts][-1] == "recommendation"
        assert record.policy["quorum"] == {"ux": "any"}
        assert record.told_up_to == 2
        assert set(RecordTemplate.objects.values_list("key", flat=True)) == {LLM, GENERAL}


def test_what_the_models_say_is_in_the_migrations() -> None:
    call_command("makemigrations", "--check", "--dry-run", verbosity=0)
