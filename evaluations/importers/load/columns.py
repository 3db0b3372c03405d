"""Which column of a table of requests holds what, by their names or as a person says.

A unit is taken from a whole word of a column's name ("latency_msec", "responseTimeMs"), or from
what is known of a tool's own table; where neither says it, it is asked for.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from decisions.section_kinds import Text

# "No column": what none can be called, as their names have no space around them.
NONE = " "
LATENCY = ("elapsed", "latency", "responsetime", "duration", "time")
OUTCOME = ("success", "ok", "error", "failed", "failure", "status", "statuscode", "responsecode")
AT = ("timestamp", "at", "started", "start", "offset")
TO_SECONDS = {"ns": 1e-9, "us": 1e-6, "ms": 1e-3, "s": 1.0}
UNIT_NAMES: dict[str, Text] = {
    "ns": gettext_lazy("nanoseconds"),
    "us": gettext_lazy("microseconds"),
    "ms": gettext_lazy("milliseconds"),
    "s": gettext_lazy("seconds"),
}
WORDS_OF_UNITS = {
    "ns": ("ns", "nsec", "nsecs", "nano", "nanos", "nanosecond", "nanoseconds"),
    "us": ("us", "µs", "μs", "usec", "usecs", "micro", "micros", "microsecond", "microseconds"),
    "ms": ("ms", "msec", "msecs", "milli", "millis", "millisecond", "milliseconds"),
    "s": ("s", "sec", "secs", "second", "seconds"),
}
UNITS = {word: unit for unit, words in WORDS_OF_UNITS.items() for word in words}
_WORD = re.compile(r"[A-Z]+(?![a-zµμ])|[A-Z]?[a-zµμ]+|\d+")


@dataclass(frozen=True)
class Columns:
    """Which column holds what; "" where none does, or where nothing says a unit."""

    latency: str
    unit: str
    outcome: str = ""
    at: str = ""
    at_unit: str = ""
    remarks: tuple[str, ...] = ()


@dataclass(frozen=True)
class KnownTable:
    """A table that a tool writes: some of its columns, the units of others, what it leaves out."""

    sign: frozenset[str]
    units: Mapping[str, str]
    remark: Text = ""


# JMeter's "Listeners" documentation (CSV log format), and `-o csv` in requester/print.go of hey.
KNOWN_TABLES = (
    KnownTable(
        frozenset({"timeStamp", "elapsed", "label"}),
        {"timeStamp": "ms", "elapsed": "ms", "Latency": "ms", "Connect": "ms", "IdleTime": "ms"},
    ),
    KnownTable(
        frozenset({"response-time", "DNS+dialup"}),
        {"response-time": "s", "offset": "s", "Response-delay": "s"},
        gettext_lazy("hey leaves requests without a response out of its table."),
    ),
)
UNKNOWN_TABLE = KnownTable(frozenset(), {})


def columns_of(names: Sequence[str], said: Mapping[str, str]) -> Columns:
    """Return what the columns hold, as it was said, or else by their names.

    `said` may name a column as `latency`, `outcome` or `at` (NONE: no column), and the units of
    `latency` and `at` as `unit` and `at_unit`. Raise ValueError for what is neither said nor clear.
    """
    table = next((one for one in KNOWN_TABLES if one.sign <= set(names)), UNKNOWN_TABLE)
    latency = _column("latency", LATENCY, names, said)
    if not latency:
        raise ValueError(_("say which column holds how long a request took."))
    unit = said.get("unit") or _unit(latency, table)
    if unit not in TO_SECONDS:
        told = {"column": latency}
        raise ValueError(_("say in which unit the times in “%(column)s” are.") % told)
    at = _column("at", AT, names, said)
    return Columns(
        latency,
        unit,
        _column("outcome", OUTCOME, names, said),
        at,
        said.get("at_unit") or _unit(at, table),
        tuple(filter(None, [str(table.remark)])),
    )


def _column(
    what: str, known: tuple[str, ...], names: Sequence[str], said: Mapping[str, str]
) -> str:
    """Return the column that was said to hold something, or the first that is called so, or ""."""
    name = said.get(what) or _named(names, known)
    if name == NONE:
        return ""
    if name and name not in names:
        raise ValueError(_("it has no column “%(name)s”.") % {"name": name})
    return name


def _named(names: Iterable[str], known: tuple[str, ...]) -> str:
    """Return the first column with a known name, whatever its case, signs and unit; or ""."""
    by_name: dict[str, str] = {}
    for name in names:
        by_name.setdefault("".join(one for one in _words(name) if one not in UNITS), name)
    return next((by_name[one] for one in known if one in by_name), "")


def _words(name: str) -> list[str]:
    return [one.lower() for one in _WORD.findall(name)]


def _unit(name: str, table: KnownTable) -> str:
    """Return the unit that a column's table or name gives it; "" where that is none, or several."""
    found = {UNITS[one] for one in _words(name) if one in UNITS}
    if name in table.units:
        return table.units[name]
    return found.pop() if len(found) == 1 else ""
