"""hey: what it prints at the end of a test.

Sources: `requester/report.go` of hey, `requester/print.go` of older ones. Times are in seconds, to
a tenth of a millisecond, of what got a response; what got none is listed under "Error
distribution". "Requests/sec" counts only what got a response in older builds, and everything in
newer ones, so the rate is worked out here. Newer builds print "50%% in" for "50% in", and list no
more than the first million responses.
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
TOTAL = re.compile(r"Total:\s+([\d.]+) secs")
RATE = re.compile(r"Requests/sec:\s+([\d.]+)")
LATENCY = re.compile(r"(\d+)%+ in ([\d.]+) secs")
STATUS = re.compile(r"\[(\d{3})\]\s+(\d+) responses")
ERROR = re.compile(r"\[(\d+)\]\s+(?!\d+ responses)\S.*")
STATUSES, ERRORS, LATENCIES = (
    "Status code distribution:",
    "Error distribution:",
    "Latency distribution:",
)
FAILING = 400  # status codes from here on
MOST_LISTED = 1_000_000  # responses


def detect(file: LoadFile) -> bool:
    """Return whether hey printed it; oha, which prints nearly the same, gives a success rate."""
    summary = ("Summary:", "Requests/sec:", " secs")
    if all(sign in file.text for sign in summary):
        return "Success rate:" not in file.text
    return file.header == ERRORS


def read(file: LoadFile, columns: dict[str, str]) -> LoadTest:
    """Return what the summary says; raise ValueError where its end is missing."""
    if STATUSES not in file.text and ERRORS not in file.text:
        raise ValueError(_("the list of status codes is missing, as if it was cut off."))
    responses = [one.groups() for one in file.found(STATUS)]
    unanswered = sum(whole(one[1], "Error") for one in file.after(ERRORS).found(ERROR))
    answered = sum(whole(n, code) for code, n in responses)
    failing = sum(whole(n, code) for code, n in responses if int(code) >= FAILING)
    duration = _told(file, TOTAL, "Total")
    is_whole = not _is_capped(file, answered + unanswered, duration)
    return LoadTest(
        tool="hey",
        requests=answered + unanswered,
        failed=failing + unanswered if is_whole else None,
        percentiles=_percentiles(file) if answered else {},
        measured=answered,
        throughput=answered / duration if duration and is_whole else None,
        duration=duration,
        remarks=(_answered_alone(), *([] if is_whole else [_first_million()])),
    )


def _told(file: LoadFile, pattern: re.Pattern[str], what: str) -> float | None:
    match = file.first(pattern)
    return None if match is None else number(match[1], what)


def _percentiles(file: LoadFile) -> dict[str, float]:
    """Return the percentiles in milliseconds; raise ValueError where a list of them has none."""
    listed = [one.groups() for one in file.found(LATENCY)]
    if LATENCIES in file.text and not listed:
        raise ValueError(_("no time can be read under “Latency distribution”."))
    return {
        PERCENTILES[share]: 1000 * number(time, f"{share}%")
        for share, time in listed
        if share in PERCENTILES
    }


def _is_capped(file: LoadFile, listed: int, duration: float | None) -> bool:
    """Return whether more was asked than is listed, by what hey itself gives as its rate."""
    rate = _told(file, RATE, "Requests/sec")
    if listed < MOST_LISTED or not rate or not duration:
        return False
    return rate * duration > 1.001 * listed


def _answered_alone() -> str:
    return _(
        "Times and requests a second are those of what got a response; status codes from "
        "400 on and requests without a response count as failed."
    )


def _first_million() -> str:
    return _(
        "hey lists the first million responses alone, so neither the share that failed nor the "
        "rate of responses is known."
    )


FORMAT = LoadFormat("hey", "hey", detect, read)
