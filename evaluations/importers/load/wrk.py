"""wrk and wrk2: what they print at the end of a test; percentiles only with `--latency`.

Source: `src/wrk.c` and `src/units.c` of wrk. Requests are those that were completed, of any status;
"Non-2xx or 3xx responses" are those with a status from 400 on; socket errors come on top.
"""

import re

from django.utils.translation import gettext as _

from evaluations.importers.load.found import (
    P50,
    P95,
    P99,
    LoadFile,
    LoadFormat,
    LoadTest,
    number,
    seconds,
    whole,
)

PERCENTILES = {50.0: P50, 95.0: P95, 99.0: P99}
CONNECTIONS = re.compile(r"\d+ threads? and (\d+) connections?")
DONE = re.compile(r"(\d+) requests in ([\d.]+(?:us|ms|s|m|h)), \S+ read")
LATENCY = re.compile(r"(\d+(?:\.\d+)?)%\s+([\d.]+(?:us|ms|s|m|h))")
SOCKETS = re.compile(r"Socket errors: connect (\d+), read (\d+), write (\d+), timeout (\d+)")
STATUSES = re.compile(r"Non-2xx or 3xx responses: (\d+)")
RATE = re.compile(r"Requests/sec:\s+([\d.]+)")


def detect(file: LoadFile) -> bool:
    """Return whether wrk printed it."""
    return file.header.startswith("Running ") and " test @ " in file.header


def read(file: LoadFile, columns: dict[str, str]) -> LoadTest:
    """Return what the summary says; raise ValueError where its end is missing."""
    done, rate = file.first(DONE), file.first(RATE)
    if done is None or rate is None:
        raise ValueError(_("the line “Requests/sec” is missing, as if it was cut off."))
    completed = whole(done[1], "requests")
    sockets, statuses = file.first(SOCKETS), file.first(STATUSES)
    connect, read_, write, timeout = (
        [whole(one, "Socket errors") for one in sockets.groups()] if sockets else [0] * 4
    )
    lost = connect + read_ + write
    answered_badly = timeout + (whole(statuses[1], "Non-2xx") if statuses else 0)
    connections = file.first(CONNECTIONS)
    return LoadTest(
        # A constant rate, and times from when a request was due: not to be compared with wrk's.
        tool="wrk2" if "HdrHistogram" in file.text or "Thread calibration:" in file.text else "wrk",
        requests=completed + lost,
        failed=lost + min(completed, answered_badly),
        percentiles=_percentiles(file),
        measured=completed,
        throughput=number(rate[1], "Requests/sec"),
        duration=seconds(done[2], "requests in"),
        users=whole(connections[1], "connections") if connections else None,
        remarks=(
            _(
                "Times and requests a second are those of completed requests; status codes from "
                "400 on, timeouts and socket errors count as failed."
            ),
        ),
    )


def _percentiles(file: LoadFile) -> dict[str, float]:
    """Return the percentiles in milliseconds, without `--latency` none."""
    told = [one.groups() for one in file.after("Latency Distribution").found(LATENCY)]
    found = ((PERCENTILES.get(float(share)), time) for share, time in told)
    times = [(metric, 1000 * seconds(time, metric)) for metric, time in found if metric]
    # wrk2 prints the corrected distribution first.
    return dict(reversed(times))


FORMAT = LoadFormat("wrk", "wrk", detect, read)
