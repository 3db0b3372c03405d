"""Tables that only grow: the database itself refuses to change or delete what they hold.

Triggers say no to UPDATE and DELETE (on PostgreSQL to TRUNCATE too, on SQLite to INSERT OR REPLACE)
whoever asks, this program included. Who may change the schema can take them away, so they keep
accidents and ordinary database users out; what is proof of the log is `manage.py verify_audit`.
"""

from collections.abc import Iterable
from typing import Any

from django.db import connections
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.migrations.recorder import MigrationRecorder

# Each table, and the columns that only one of its rows may share.
TABLES: dict[str, tuple[str, ...]] = {
    "decisions_event": ("decision_id", "sequence"),
    "decisions_signoff": (),
    "decisions_version": ("decision_id", "number", "step"),
}
SINCE = ("decisions", "0005_append_only")
SENTENCE = "{table} only grows: its rows are never changed, replaced or deleted."
FUNCTION = "decisions_refuse"


def protect(connection: BaseDatabaseWrapper, tables: Iterable[str] = TABLES) -> None:
    """Put the triggers up; those that stand already stay."""
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute(POSTGRES_FUNCTION)
        for table in tables:
            for statement in _triggers(connection, table).values():
                cursor.execute(statement)


def unprotect(connection: BaseDatabaseWrapper, tables: Iterable[str] = TABLES) -> None:
    """Take the triggers away."""
    if connection.vendor == "postgresql":
        connection.check_constraints()  # it alters no table on whose rows checks still wait
    on = " ON {table}" if connection.vendor == "postgresql" else ""
    with connection.cursor() as cursor:
        for table in tables:
            for name in _triggers(connection, table):
                cursor.execute(f"DROP TRIGGER IF EXISTS {name}{on.format(table=table)}")


def unprotected(connection: BaseDatabaseWrapper) -> list[str]:
    """Return the tables whose triggers are missing, switched off or not ours."""
    found = _standing(connection)
    return [
        table
        for table in TABLES
        if any(found.get(name) != text for name, text in _expected(connection, table).items())
    ]


def protect_again(sender: Any, using: str, **_told: Any) -> None:
    """After migrations: SQLite drops a table's triggers whenever a migration remakes the table."""
    connection = connections[using]
    if SINCE in MigrationRecorder(connection).applied_migrations():
        protect(connection)


POSTGRES_FUNCTION = f"""
CREATE OR REPLACE FUNCTION {FUNCTION}() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '{SENTENCE.format(table="%")}', TG_TABLE_NAME
        USING ERRCODE = 'restrict_violation';
END
$$"""


def _triggers(connection: BaseDatabaseWrapper, table: str) -> dict[str, str]:
    """Return name → the statement that makes the trigger, for one table."""
    make = _on_postgres if connection.vendor == "postgresql" else _on_sqlite
    return {f"{table}_refuse_{what}": make(table, what) for what in _refused(connection)}


def _refused(connection: BaseDatabaseWrapper) -> tuple[str, ...]:
    """Return what must be refused besides ordinary changes: each database has a way around."""
    way_around = "truncate" if connection.vendor == "postgresql" else "replace"
    return ("update", "delete", way_around)


def _on_postgres(table: str, what: str) -> str:
    each = "STATEMENT" if what == "truncate" else "ROW"
    return (
        f"CREATE OR REPLACE TRIGGER {table}_refuse_{what} BEFORE {what.upper()} ON {table} "
        f"FOR EACH {each} EXECUTE FUNCTION {FUNCTION}()"
    )


def _on_sqlite(table: str, what: str) -> str:
    # INSERT OR REPLACE deletes the old row without firing a delete trigger.
    before, when = (
        ("INSERT", f" WHEN {_is_taken(table)}") if what == "replace" else (what.upper(), "")
    )
    return (
        f"CREATE TRIGGER IF NOT EXISTS {table}_refuse_{what} BEFORE {before} ON {table}{when} "
        f"BEGIN SELECT RAISE(ABORT, '{SENTENCE.format(table=table)}'); END"
    )


def _is_taken(table: str) -> str:
    """Return SQL that is true if a new row would take the place of one that is there."""
    keys = [("id",), TABLES[table]] if TABLES[table] else [("id",)]
    same = (" AND ".join(f"{one} = NEW.{one}" for one in key) for key in keys)
    # Table and column names of our own.
    return " OR ".join(f"EXISTS (SELECT 1 FROM {table} WHERE {where})" for where in same)  # noqa: S608


def _expected(connection: BaseDatabaseWrapper, table: str) -> dict[str, str]:
    """Return name → what the database's own catalogue says of each trigger that must stand."""
    if connection.vendor == "postgresql":
        return dict.fromkeys(_triggers(connection, table), f"{table} {FUNCTION} O")
    return {
        name: statement.replace("IF NOT EXISTS ", "")
        for name, statement in _triggers(connection, table).items()
    }


def _standing(connection: BaseDatabaseWrapper) -> dict[str, str]:
    """Return name → what the catalogue says, for every trigger there is."""
    query = POSTGRES_CATALOGUE if connection.vendor == "postgresql" else SQLITE_CATALOGUE
    with connection.cursor() as cursor:
        cursor.execute(query)
        return dict(cursor.fetchall())


SQLITE_CATALOGUE = "SELECT name, sql FROM sqlite_master WHERE type = 'trigger'"
# Enabled is O (as usual); D is switched off.
POSTGRES_CATALOGUE = """
SELECT tgname, relname || ' ' || proname || ' ' || tgenabled::text
FROM pg_trigger
JOIN pg_class ON pg_class.oid = tgrelid
JOIN pg_proc ON pg_proc.oid = tgfoid
WHERE NOT tgisinternal AND pg_table_is_visible(pg_class.oid)"""
