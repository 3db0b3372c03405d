"""The database refuses to change what only grows, whoever asks."""

from collections.abc import Callable
from io import StringIO
from typing import Any

import pytest
from django.apps import apps
from django.core.management import CommandError, call_command
from django.db import IntegrityError, connection, transaction
from django.db.models import F, ProtectedError

from decisions.append_only import TABLES, protect_again, unprotect, unprotected
from decisions.models import Decision, Event, SignOff, Version
from tests import factories
from tests.append_only import triggers_away
from tests.factories import People

pytestmark = pytest.mark.postgres

MODELS = (Event, SignOff, Version)
CHANGES: dict[str, Callable[[Any], object]] = {
    "a queryset's update": lambda rows: rows.update(decision=F("decision")),
    "a row's save": lambda rows: rows.first().save(),
    "a queryset's delete": lambda rows: rows.delete(),
    "a row's delete": lambda rows: rows.first().delete(),
    "a delete past Django": lambda rows: rows._raw_delete("default"),
}


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.__name__)
@pytest.mark.parametrize("change", CHANGES)
def test_what_only_grows_cannot_be_changed_or_deleted(
    change: str, model: type[Any], approved: Decision
) -> None:
    rows = model.objects.filter(decision=approved)
    before = list(rows.values())
    with pytest.raises(IntegrityError, match="only grows"), transaction.atomic():
        CHANGES[change](rows)
    assert list(rows.values()) == before


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.__name__)
def test_every_single_field_is_guarded(model: type[Any], approved: Decision) -> None:
    for field in model._meta.concrete_fields:
        one = model.objects.filter(decision=approved).order_by("pk").last()
        value = getattr(one, field.attname)
        with pytest.raises(IntegrityError, match="only grows"), transaction.atomic():
            model.objects.filter(pk=one.pk).update(**{field.attname: value})


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.__name__)
def test_no_row_can_be_replaced_while_inserting(model: type[Any], approved: Decision) -> None:
    one = model.objects.filter(decision=approved).order_by("pk").first()
    columns = ", ".join(field.column for field in model._meta.concrete_fields)
    table, before = model._meta.db_table, list(model.objects.order_by("pk").values())
    chosen = f"SELECT {columns} FROM {table} WHERE id = %s"  # noqa: S608
    statement = {
        "sqlite": f"INSERT OR REPLACE INTO {table} ({columns}) {chosen}",
        "postgresql": f"INSERT INTO {table} ({columns}) {chosen} "
        f"ON CONFLICT (id) DO UPDATE SET decision_id = excluded.decision_id",
    }[connection.vendor]
    with (
        pytest.raises(IntegrityError, match="only grows"),
        transaction.atomic(),
        connection.cursor() as cursor,
    ):
        cursor.execute(statement, [one.pk])
    assert list(model.objects.order_by("pk").values()) == before


@pytest.mark.skipif("connection.vendor != 'postgresql'", reason="SQLite has no TRUNCATE")
@pytest.mark.parametrize("table", TABLES)
def test_no_table_can_be_truncated(table: str, approved: Decision) -> None:
    connection.check_constraints()
    with (
        pytest.raises(IntegrityError, match="only grows"),
        transaction.atomic(),
        connection.cursor() as cursor,
    ):
        cursor.execute(f"TRUNCATE {table} CASCADE")
    assert approved.events.exists()


def test_a_record_that_was_ever_written_to_cannot_be_deleted(draft: Decision) -> None:
    with pytest.raises(ProtectedError):
        draft.delete()
    for model in MODELS:
        assert model._meta.get_field("decision").remote_field.on_delete.__name__ == "PROTECT"


def test_the_tables_and_their_keys_are_those_of_the_models() -> None:
    found = {}
    for model in MODELS:
        keys = [one.fields for one in model._meta.total_unique_constraints]
        names = [model._meta.get_field(name).column for key in keys for name in key]
        found[model._meta.db_table] = tuple(names)
    assert found == TABLES


def test_every_way_through_a_record_s_life_gets_by_without_changing_them(people: People) -> None:
    for status in factories.WALKS:
        factories.record_in(status, people)
    assert Event.objects.exists()


def test_missing_triggers_are_noticed_and_put_up_again_by_the_next_migration(db: None) -> None:
    assert unprotected(connection) == []
    with transaction.atomic():
        unprotect(connection, ["decisions_version"])
        assert unprotected(connection) == ["decisions_version"]
        protect_again(apps.get_app_config("decisions"), using="default")
        assert unprotected(connection) == []


def test_a_trigger_that_was_put_up_in_its_place_or_switched_off_is_noticed(db: None) -> None:
    statements = {
        "sqlite": [
            "DROP TRIGGER decisions_event_refuse_update",
            "CREATE TRIGGER decisions_event_refuse_update BEFORE UPDATE ON decisions_event "
            "WHEN 0 BEGIN SELECT RAISE(ABORT, 'no'); END",
        ],
        "postgresql": ["ALTER TABLE decisions_event DISABLE TRIGGER decisions_event_refuse_update"],
    }[connection.vendor]
    with transaction.atomic():
        with connection.cursor() as cursor:
            for statement in statements:
                cursor.execute(statement)
        assert unprotected(connection) == ["decisions_event"]
        transaction.set_rollback(True)
    assert unprotected(connection) == []


def test_the_command_says_that_the_triggers_are_missing(draft: Decision) -> None:
    out = StringIO()
    with triggers_away(), pytest.raises(CommandError, match="does not hold"):
        call_command("verify_audit", stdout=out)
    assert "decisions_signoff can be changed: its triggers are missing" in out.getvalue()


@pytest.mark.django_db(transaction=True)
def test_flushing_the_database_is_refused() -> None:
    record = factories.open_record(factories.people())
    with pytest.raises((CommandError, IntegrityError)):
        call_command("flush", interactive=False, verbosity=0)
    assert Decision.objects.filter(pk=record.pk).exists()
