"""Locust: the tables that `--csv` writes: NAME_stats.csv and NAME_stats_history.csv.

Sources: Locust's documentation "Retrieve test statistics in CSV format" and `locust/stats.py`.
Times are in milliseconds, rounded by Locust. In the history each row's percentiles are those of
the last ten seconds alone; only its "Total" columns are of the whole test.
"""

import io
from typing import Any

from django.utils.translation import gettext as _

from evaluations.importers.delimited import read_delimited
from evaluations.importers.load.found import (
    P50,
    P95,
    P99,
    LoadFile,
    LoadFormat,
    LoadTest,
    number,
    whole,
)

TOTALS = ("Aggregated", "Total", "None Total")
PERCENTILES = {P50: "50%", P95: "95%", P99: "99%"}
Row = dict[str, Any]


def detect(file: LoadFile) -> bool:
    """Return whether it is the table of all requests."""
    return "Request Count" in file.header and "Requests/s" in file.header and not _is_history(file)


def _is_history(file: LoadFile) -> bool:
    return "User Count" in file.header and "Total Request Count" in file.header


def _is_failures(file: LoadFile) -> bool:
    return file.header.replace('"', "").startswith("Method,Name,Error,Occurrences")


def read(file: LoadFile, columns: dict[str, str]) -> LoadTest:
    """Return what the row of all requests together says."""
    rows = list(read_delimited(io.StringIO(file.text)))
    total = _total(rows)
    requests = whole(total["Request Count"], "Request Count")
    rate = number(total["Requests/s"], "Requests/s")
    return LoadTest(
        tool="Locust",
        requests=requests,
        failed=whole(total.get("Failure Count"), "Failure Count"),
        percentiles=_percentiles(total),
        measured=requests,
        throughput=rate,
        duration=requests / rate if rate else None,
        remarks=(_all_requests(),),
    )


def read_history(file: LoadFile, columns: dict[str, str]) -> LoadTest:
    """Return what the totals of the last row say."""
    rows = [
        one for one in read_delimited(io.StringIO(file.text)) if one.get("Name") in {*TOTALS, ""}
    ]
    if not rows:
        raise ValueError(_("it has no row of all requests together."))
    last = rows[-1]
    requests = whole(last["Total Request Count"], "Total Request Count")
    times = [number(one["Timestamp"], "Timestamp") for one in rows]
    duration = max(times) - min(times)
    median = last.get("Total Median Response Time")
    return LoadTest(
        tool="Locust",
        requests=requests,
        failed=whole(last.get("Total Failure Count"), "Total Failure Count"),
        percentiles={P50: number(median, "Total Median Response Time")} if median else {},
        measured=requests,
        throughput=requests / duration if duration else None,
        duration=duration or None,
        users=max(whole(one["User Count"], "User Count") for one in rows) or None,
        remarks=(
            _all_requests(),
            _(
                "The percentiles in a history are those of its last ten seconds, so only the "
                "median of the whole test is taken."
            ),
        ),
    )


def refuse_failures(file: LoadFile, columns: dict[str, str]) -> LoadTest:
    """Raise ValueError: failures without the requests they are failures of say nothing."""
    raise ValueError(_("it lists failures alone; bring in the table that ends in _stats.csv."))


def _total(rows: list[Row]) -> Row:
    """Return the row of all requests together, which Locust writes last."""
    found = [one for one in rows if one.get("Name") in TOTALS]
    if not found:
        raise ValueError(_("it has no row “Aggregated”, as if it was cut off."))
    return found[-1]


def _percentiles(total: Row) -> dict[str, float]:
    told = {metric: total.get(name) for metric, name in PERCENTILES.items()}
    return {
        metric: number(value, PERCENTILES[metric])
        for metric, value in told.items()
        if value not in (None, "", "N/A")
    }


def _all_requests() -> str:
    return _("All requests of the test together, also those that failed; Locust rounds its times.")


FORMAT = LoadFormat("locust", "Locust", detect, read)
HISTORY = LoadFormat("locust_history", "Locust", _is_history, read_history)
FAILURES = LoadFormat("locust_failures", "Locust", _is_failures, refuse_failures)
