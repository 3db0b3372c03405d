"""Walks taken once: a record is walked for real, and later tests get the rows that this left.

Walking a record takes some sixty actions and a second or so; putting its rows back takes
milliseconds. Rows are put back only where the walk would have left the very same: from the same
start, at the same held moment, inside a test's transaction, with nothing else written or replaced
before. Everywhere else the walk is taken again. What a walk does besides writing rows and asking
for something on commit (a file, a job sent at once) does not come back: no walk here does that.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, fields
from functools import wraps
from typing import Any, ParamSpec, TypeVar

import pytest
from django.db import connection, transaction
from django.db.models import Model
from django.utils import translation

from decisions import audit, clock

P = ParamSpec("P")
R = TypeVar("R")
Rows = dict[str, set[tuple[Any, ...]]]

# What a test may write without changing where a walk starts from: that someone signs in.
HARMLESS = (
    "BEGIN",
    "SELECT",
    "PRAGMA",
    "SAVEPOINT",
    "RELEASE SAVEPOINT",
    'INSERT INTO "django_session"',
    'UPDATE "django_session"',
    'UPDATE "decisions_user" SET "last_login"',
)


@dataclass(frozen=True)
class Walk:
    """The rows that a walk has added, what it asked for on commit, and what it gave back."""

    added: dict[str, list[tuple[Any, ...]]]
    on_commit: list[tuple[Callable[[], object], bool]]
    result: Any


class Path:
    """Which walks the running test has taken since its start, in their order."""

    def __init__(self) -> None:
        self.steps: tuple[str, ...] = ()
        self.is_known = False
        self.is_walking = False

    def begin(self, patch: pytest.MonkeyPatch) -> None:
        """Start anew, at the start of a test whose parts are replaced with `patch`."""
        self.steps, self.is_known, self.is_walking = (), True, False
        self.patch, self.replaced = patch, _replaced(patch)

    @property
    def is_repeatable(self) -> bool:
        """Return whether nothing that a walk depends on differs from a fresh start.

        Outside a test, as in a shell, nothing is known of the start.
        """
        if not self.is_known:
            return False
        held = clock._held.get()
        # A moment with microseconds was reckoned from the present, and never comes again.
        is_fixed = held is None or held.microsecond == 0
        is_whole = self.replaced == _replaced(self.patch)
        return is_fixed and is_whole and connection.in_atomic_block

    def watch(self, execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        """Leave the known path as soon as anything but a walk writes."""
        if self.is_known and not self.is_walking and not sql.startswith(HARMLESS):
            self.is_known = False
        return execute(sql, params, many, context)

    @contextmanager
    def step(self, key: str) -> Iterator[None]:
        """Let the block write, and end one step further."""
        steps, outer = (*self.steps, key), self.is_walking
        self.is_walking = True
        try:
            yield
        except BaseException:
            self.is_known = False
            raise
        finally:
            self.is_walking = outer
        self.steps = steps


path = Path()
_taken: dict[tuple[str, ...], Walk | None] = {}


def taken_once(walk: Callable[P, R]) -> Callable[P, R]:
    """Take a walk once from each start; afterwards put back what it left."""

    @wraps(walk)
    def again(*args: P.args, **kwargs: P.kwargs) -> R:
        if not path.is_repeatable:
            return walk(*args, **kwargs)
        around = [translation.get_language(), clock._held.get(), audit.acting_address()]
        key = f"{walk.__name__} {_told(args)} {_told(kwargs)} {_told(around)}"
        place = (*path.steps, key)
        with path.step(key):
            if place not in _taken:
                return _keep(place, lambda: walk(*args, **kwargs))
            known = _taken[place]
            return walk(*args, **kwargs) if known is None else _put_back(known)

    return again


def _replaced(patch: pytest.MonkeyPatch) -> int:
    """Return how many parts are replaced now (pytest-django replaces one before every test)."""
    return len(patch._setattr) + len(patch._setitem)


def _told(given: Any) -> str:
    """Return arguments as text that is the same only for the same arguments."""
    if isinstance(given, Model):
        return f"{given._meta.label} {given.pk}"
    if isinstance(given, dict):
        return _told([[name, given[name]] for name in sorted(given)])
    if isinstance(given, list | tuple):
        return f"[{', '.join(map(_told, given))}]"
    if hasattr(given, "__dataclass_fields__"):
        return _told([getattr(given, one.name) for one in fields(given)])
    return repr(given)


def _keep(place: tuple[str, ...], walk: Callable[[], R]) -> R:
    """Take a walk and keep what it leaves, unless it changed what was there before."""
    before, asked = all_rows(), len(connection.run_on_commit)
    result = walk()
    after = all_rows()
    is_growth = all(before[table] <= after[table] for table in after)
    _taken[place] = None
    if is_growth:
        added = {table: sorted(after[table] - before[table], key=_first) for table in after}
        later = [(one[1], one[2]) for one in connection.run_on_commit[asked:]]
        _taken[place] = Walk({t: rows for t, rows in added.items() if rows}, later, result)
    return result


def _first(row: tuple[Any, ...]) -> Any:
    return row[0]


def all_rows() -> Rows:
    """Return every row of the database by its table."""
    tables = connection.introspection.django_table_names(only_existing=True)
    return {table: set(rows_of(table)) for table in tables}


def rows_of(table: str) -> list[tuple[Any, ...]]:
    """Return a table's rows by their key, as the database itself writes them."""
    # Of an expression SQLite does not know the type, and gives it back unconverted.
    names = ", ".join(f"COALESCE({name}, NULL)" for name in columns_of(table))
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {names} FROM {table} ORDER BY 1")  # noqa: S608
        return list(cursor.fetchall())


def named_rows_of(table: str) -> list[dict[str, Any]]:
    """Return a table's rows as column → value."""
    names = [name.strip('"') for name in columns_of(table)]
    return [dict(zip(names, row, strict=True)) for row in rows_of(table)]


_names: dict[str, list[str]] = {}


def columns_of(table: str) -> list[str]:
    """Return a table's quoted columns, the key first."""
    if table not in _names:
        with connection.cursor() as cursor:
            found = connection.introspection.get_table_description(cursor, table)
        _names[table] = [connection.ops.quote_name(one.name) for one in found]
    return _names[table]


def _put_back(walk: Walk) -> Any:
    """Write the rows of a walk again, and return what it gave back as read from them."""
    with connection.cursor() as cursor:
        for table, rows in walk.added.items():
            names = columns_of(table)
            places = ", ".join(["%s"] * len(names))
            into = f"INSERT INTO {table} ({', '.join(names)}) VALUES ({places})"  # noqa: S608
            cursor.executemany(into, rows)
    for function, is_robust in walk.on_commit:
        transaction.on_commit(function, robust=is_robust)
    return _reread(walk.result)


def _reread(result: Any) -> Any:
    """Return a record, or people, as they stand in the database."""
    if isinstance(result, Model):
        return type(result)._base_manager.get(pk=result.pk)
    named = {one.name: getattr(result, one.name) for one in fields(result)}
    users = type(named["owner"])._base_manager.in_bulk([user.pk for user in named.values()])
    return type(result)(**{name: users[user.pk] for name, user in named.items()})
