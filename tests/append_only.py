"""Taking the triggers away for a moment: to clear the tables after a test, and to tamper."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.db import connection
from django.test import TransactionTestCase

from decisions.append_only import protect, unprotect

_emptied = TransactionTestCase._fixture_teardown  # type: ignore[attr-defined]


@contextmanager
def triggers_away() -> Iterator[None]:
    """Let rows of the append-only tables be changed inside the block, as whoever owns them can."""
    unprotect(connection)
    try:
        yield
    finally:
        protect(connection)


def emptied_without_triggers(case: Any) -> None:
    """Empty the tables after a test with real transactions; the triggers would refuse that."""
    with triggers_away():
        _emptied(case)
