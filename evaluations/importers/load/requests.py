"""Any table with a row a request: JMeter's, hey's with `-o csv`, or one's own.

What its columns hold is taken from their names, or said: `latency` (a column), `unit` of its times
(us, ms or s), `outcome` (a column: true or false, an HTTP status, or an error's text) and `at` (a
column: when the request was sent, in the unit of seconds or milliseconds since any moment).
"""

import io
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from evaluations.importers.delimited import read_delimited
from evaluations.importers.load.found import LoadFile, LoadFormat, LoadTest, number

MOST_ROWS = 1_000_000
LATENCY = ("elapsed", "latency", "latency_ms", "response-time", "response_time", "duration", "time")
OUTCOME = ("success", "ok", "error", "failed", "failure", "status", "status_code", "responsecode")
AT = ("timestamp", "at", "started", "start", "offset")
IN_SECONDS = ("response-time", "_s", "seconds", "secs", "sec")
TO_MS = {"us": 1e-3, "ms": 1.0, "s": 1000.0}
TRUE, FALSE = {"true", "1", "yes", "ok", "success", "passed"}, {"false", "0", "no", "failed", ""}
LARGE_TIME = 1e11  # moments from here on are counted in milliseconds
FAILING = 400


@dataclass(frozen=True)
class Columns:
    """Which column holds what; "" where none does."""

    latency: str
    unit: str
    outcome: str = ""
    at: str = ""


def detect(file: LoadFile) -> bool:
    """Return whether it is a table at all; which of its columns says what is asked."""
    return any(sign in file.header for sign in ",;\t|") and not file.header.startswith(("{", "["))


def header_of(file: LoadFile) -> list[str]:
    """Return the names of the columns; raise ValueError where it is no table."""
    row = next(read_delimited(io.StringIO(file.text[:1_000_000])), {})
    return list(row)


def columns_of(names: Iterable[str], said: Mapping[str, str]) -> Columns:
    """Return what the columns hold, as it was said, or else by their names."""
    known = list(names)
    latency = said.get("latency") or _named(known, LATENCY)
    for name in (latency, said.get("outcome", ""), said.get("at", "")):
        if name and name not in known:
            raise ValueError(_("it has no column “%(name)s”.") % {"name": name})
    if not latency:
        raise ValueError(_("say which column holds how long a request took."))
    unit = said.get("unit") or ("s" if latency.lower().endswith(IN_SECONDS) else "ms")
    if unit not in TO_MS:
        raise ValueError(_("say in which unit its times are."))
    return Columns(
        latency,
        unit,
        said.get("outcome") or _named(known, OUTCOME),
        said.get("at") or _named(known, AT),
    )


def read(file: LoadFile, columns: dict[str, str]) -> LoadTest:
    """Return what the requests come to; times are those of requests that succeeded."""
    rows = read_delimited(io.StringIO(file.text))
    found = columns_of(header_of(file), columns)
    latencies: list[float] = []
    moments: list[float] = []
    requests = 0
    for row in _bounded(rows):
        requests += 1
        if not _has_failed(str(row.get(found.outcome, "")), found.outcome):
            latencies.append(TO_MS[found.unit] * number(row[found.latency], found.latency))
        if found.at:
            moments.append(number(row[found.at], found.at))
    duration = _duration(moments)
    return LoadTest(
        tool="CSV",  # never in the reader's language: it is among what must agree
        requests=requests,
        failed=requests - len(latencies) if found.outcome else None,
        measured=len(latencies),
        latencies=tuple(latencies),
        throughput=requests / duration if duration else None,
        duration=duration,
        remarks=(_remark(found),),
    )


def _remark(found: Columns) -> str:
    if not found.outcome:
        return _("The table does not say which requests failed; all count.")
    told = {"column": found.outcome}
    return _("Times are those of requests that succeeded by “%(column)s”.") % told


def _bounded(rows: Iterator[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    for n, row in enumerate(rows):
        if n >= MOST_ROWS:
            raise ValueError(_("it has more than a million requests."))
        yield row


def _named(known: Iterable[str], wanted: tuple[str, ...]) -> str:
    """Return the first column with one of these names, or ""."""
    by_name = {name.strip().lower(): name for name in known}
    return next((by_name[one] for one in wanted if one in by_name), "")


def _has_failed(value: str, column: str) -> bool:
    """Return whether a request failed by what its row says; raise ValueError if that is unclear."""
    if not column:
        return False
    text, tells_of_errors = value.strip().lower(), _tells_of_errors(column)
    if text in TRUE or text in FALSE:
        return (text in TRUE) == tells_of_errors
    if tells_of_errors:
        return True
    if text.isdigit() and 100 <= int(text[:4]) < 600:
        return int(text) >= FAILING
    told = {"value": value[:40], "column": column}
    raise ValueError(_("“%(value)s” in “%(column)s” does not say whether it failed.") % told)


def _tells_of_errors(column: str) -> bool:
    return any(word in column.lower() for word in ("error", "fail"))


def _duration(moments: list[float]) -> float | None:
    """Return the seconds from the first request to the last."""
    if len(moments) < 2 or max(moments) == min(moments):
        return None
    counted = max(moments) - min(moments)
    return counted / 1000 if max(moments) >= LARGE_TIME else counted


FORMAT = LoadFormat("requests", gettext_lazy("Table with a row a request"), detect, read)
