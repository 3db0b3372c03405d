"""hey: what it prints at the end of a test.

Source: `requester/print.go` of hey. Times are in seconds, to a tenth of a millisecond, of what got
a response; "Requests/sec" counts these alone. What got none is listed under "Error distribution".
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
    whole,
)

PERCENTILES = {"50": P50, "95": P95, "99": P99}
TOTAL = re.compile(r"^\s*Total:\s+([\d.]+) secs\s*$", re.MULTILINE)
RATE = re.compile(r"^\s*Requests/sec:\s+([\d.]+)\s*$", re.MULTILINE)
LATENCY = re.compile(r"^\s*(50|95|99)% in ([\d.]+) secs\s*$", re.MULTILINE)
STATUS = re.compile(r"^\s*\[(\d{3})\]\s+(\d+) responses\s*$", re.MULTILINE)
ERROR = re.compile(r"^\s*\[(\d+)\]\s+(?!\d+ responses)\S", re.MULTILINE)
STATUSES, ERRORS = "Status code distribution:", "Error distribution:"
FAILING = 400  # status codes from here on


def detect(file: LoadFile) -> bool:
    """Return whether hey printed it."""
    return ("Summary:" in file.text and "Requests/sec:" in file.text and " secs" in file.text) or (
        file.header == ERRORS
    )


def read(file: LoadFile, columns: dict[str, str]) -> LoadTest:
    """Return what the summary says; raise ValueError where its end is missing."""
    if STATUSES not in file.text and ERRORS not in file.text:
        raise ValueError(_("the list of status codes is missing, as if it was cut off."))
    responses = {int(code): whole(n, code) for code, n in STATUS.findall(file.text)}
    unanswered = sum(whole(n, "Error") for n in ERROR.findall(file.text.partition(ERRORS)[2]))
    answered = sum(responses.values())
    failing = sum(n for code, n in responses.items() if code >= FAILING)
    total, rate = TOTAL.search(file.text), RATE.search(file.text)
    return LoadTest(
        tool="hey",
        requests=answered + unanswered,
        failed=failing + unanswered,
        percentiles={
            PERCENTILES[share]: 1000 * number(seconds, f"{share}%")
            for share, seconds in LATENCY.findall(file.text)
        },
        measured=answered,
        throughput=number(rate[1], "Requests/sec") if rate else None,
        duration=number(total[1], "Total") if total else None,
        remarks=(
            _(
                "Times and requests a second are those of what got a response; status codes from "
                "400 on and requests without a response count as failed."
            ),
        ),
    )


FORMAT = LoadFormat("hey", "hey", detect, read)
