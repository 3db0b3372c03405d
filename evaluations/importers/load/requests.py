"""Any table with a row a request: JMeter's, hey's with `-o csv`, or one's own.

What its columns hold is taken from their names, or said; see `columns.py`. An outcome is true or
false, a word for either, an HTTP status, or in a column of errors an error's text. A moment is a
date with its time (ISO 8601), or a number: of a unit since any moment, or since 1970, where its
size tells the unit.
"""

import io
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from evaluations.importers.delimited import read_delimited
from evaluations.importers.load.columns import TO_SECONDS, UNIT_NAMES, Columns, columns_of
from evaluations.importers.load.found import LoadFile, LoadFormat, LoadTest, number

MOST_ROWS = 1_000_000
MOST_COLUMNS = 200
YES, NO = {"true", "1", "yes"}, {"false", "0", "no"}
WELL = {"ok", "success", "successful", "succeeded", "passed", "pass"}
BADLY = {"failed", "fail", "failure", "error", "ko"}
NOTHING = {"", "null", "none", "nil", "nan", "n/a", "na", "-", "–", "—"}
STATUS = re.compile(r"[1-5][0-9]{2}")
FAILING = 400
# Seconds since 1970, from 2001 to 2103: in any unit these are numbers of another size.
EARLIEST, LATEST = 1e9, 4.2e9


def detect(file: LoadFile) -> bool:
    """Return whether it is a table at all; which of its columns says what is asked."""
    return any(sign in file.header for sign in ",;\t|") and not file.header.startswith(("{", "["))


def header_of(file: LoadFile) -> list[str]:
    """Return the names of the columns; raise ValueError where it is no table."""
    names = list(next(read_delimited(io.StringIO(file.text[:1_000_000])), {}))
    if len(names) > MOST_COLUMNS:
        raise ValueError(_("it has more than %(n)s columns.") % {"n": MOST_COLUMNS})
    return names


def read(file: LoadFile, columns: dict[str, str]) -> LoadTest:
    """Return what the requests come to; times are those of requests that succeeded."""
    found = columns_of(header_of(file), columns)
    scale = 1000 * TO_SECONDS[found.unit]
    latencies: list[float] = []
    moments: list[str] = []
    requests = 0
    for row in _rows(file):
        requests += 1
        if not _has_failed(str(row.get(found.outcome, "")), found.outcome):
            latencies.append(scale * number(row[found.latency], found.latency))
        if found.at:
            moments.append(row[found.at])
    duration, how_timed = _duration(moments, found)
    return LoadTest(
        tool="CSV",  # never in the reader's language: it is among what must agree
        requests=requests,
        failed=requests - len(latencies) if found.outcome else None,
        measured=len(latencies),
        latencies=tuple(latencies),
        throughput=requests / duration if duration else None,
        paced=requests,
        duration=duration,
        remarks=(_unit_remark(found), *how_timed, _outcome_remark(found), *found.remarks),
    )


def _unit_remark(found: Columns) -> str:
    told = {"column": found.latency, "unit": UNIT_NAMES[found.unit]}
    return _("“%(column)s” is read as times in %(unit)s.") % told


def _outcome_remark(found: Columns) -> str:
    if not found.outcome:
        return _("The table does not say which requests failed; all count.")
    told = {"column": found.outcome}
    return _("Times are those of requests that succeeded by “%(column)s”.") % told


def _rows(file: LoadFile) -> Iterator[dict[str, Any]]:
    for n, row in enumerate(read_delimited(io.StringIO(file.text))):
        if n >= MOST_ROWS:
            raise ValueError(_("it has more than a million requests."))
        yield row


# Whether a request failed


def _has_failed(value: str, column: str) -> bool:
    """Return whether a request failed by what its row says; raise ValueError if that is unclear."""
    if not column:
        return False
    text, tells_of_errors = value.strip().lower(), _tells_of_errors(column)
    if text in WELL or text in BADLY:
        return text in BADLY
    if text in YES:
        return tells_of_errors
    if text in NO or text in NOTHING:
        return not tells_of_errors
    return _has_failed_by(text, column, tells_of_errors)


def _has_failed_by(text: str, column: str, tells_of_errors: bool) -> bool:
    """Return whether a status or an error's text tells of a failure; or raise ValueError.

    Of a column of errors, only a status from 400 on is clear among numbers.
    """
    is_bad_status = bool(STATUS.fullmatch(text)) and int(text) >= FAILING
    is_clear = not _is_number(text) if tells_of_errors else STATUS.fullmatch(text)
    if is_bad_status or is_clear:
        return is_bad_status or tells_of_errors
    told = {"value": text[:40], "column": column}
    raise ValueError(_("“%(value)s” in “%(column)s” does not say whether it failed.") % told)


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _tells_of_errors(column: str) -> bool:
    return any(word in column.lower() for word in ("error", "fail"))


# How long it took


def _duration(moments: list[str], found: Columns) -> tuple[float | None, list[str]]:
    """Return the seconds from the first request to the last, and in words how they were read."""
    if not moments:
        return None, []
    if _is_number(moments[0]):
        return _counted([number(one, found.at) for one in moments], found)
    dated = [_moment(one, found.at) for one in moments]
    remark = _("“%(column)s” is read as dates and times.") % {"column": found.at}
    return (max(dated) - min(dated)) or None, [remark]


def _counted(moments: list[float], found: Columns) -> tuple[float | None, list[str]]:
    unit = found.at_unit or _since_1970(min(moments), max(moments))
    told = {"column": found.at, "unit": UNIT_NAMES.get(unit, "")}
    if unit not in TO_SECONDS:
        raise ValueError(
            _("say in which unit “%(column)s” counts, or that no column says when it was sent.")
            % told
        )
    duration = TO_SECONDS[unit] * (max(moments) - min(moments))
    return duration or None, [_("“%(column)s” is read as moments in %(unit)s.") % told]


def _since_1970(first: float, last: float) -> str:
    """Return the unit of moments that are counted from 1970, by their size; "" if they are not."""
    return next(
        (unit for unit, s in TO_SECONDS.items() if EARLIEST <= s * first <= s * last <= LATEST), ""
    )


def _moment(text: str, column: str) -> float:
    """Return the seconds from 1970 to a date with its time; without a zone any one will do."""
    try:
        found = datetime.fromisoformat(text.strip().replace("/", "-"))
        return (found if found.tzinfo else found.replace(tzinfo=UTC)).timestamp()
    except (ValueError, OverflowError) as error:
        told = {"value": text[:40], "column": column}
        raise ValueError(_("“%(value)s” in “%(column)s” is no moment.") % told) from error


FORMAT = LoadFormat("requests", gettext_lazy("Table with a row a request"), detect, read)
