"""What a load test says, as plain values, and what its readers share."""

import io
import math
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from itertools import islice

from django.utils.translation import gettext as _

from decisions.section_kinds import Text

MOST = 2**31 - 1  # requests
MOST_LINES = 100_000  # of what a tool prints
LONGEST_LATENCY = 86_400_000.0  # ms: a day
SHORTEST_TEST, LONGEST_TEST = 0.001, 30 * 86_400.0  # seconds
P50, P95, P99 = "latency_p50", "latency_p95", "latency_p99"
SECONDS = {"us": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0}
_TIME = re.compile(r"(\d+(?:\.\d+)?)\s*(us|ms|s|m|h)\Z")


@dataclass(frozen=True)
class LoadFile:
    """A file as it was uploaded, as text."""

    name: str
    text: str

    @cached_property
    def header(self) -> str:
        """Return its first line."""
        return self.text[:10_000].lstrip().partition("\n")[0].strip()

    @cached_property
    def lines(self) -> list[str]:
        """Return its lines, without the space around them, and without empty ones.

        Raise ValueError for more of them than any tool prints.
        """
        lines = (line.strip() for line in io.StringIO(self.text))
        found = list(islice(filter(None, lines), MOST_LINES + 1))
        if len(found) > MOST_LINES:
            raise ValueError(_("it is longer than what such a tool prints."))
        return found

    def found(self, pattern: re.Pattern[str]) -> Iterator[re.Match[str]]:
        """Yield what a pattern makes of each whole line.

        Searched for in the whole text, a pattern that begins with space would take time in the
        square of a run of empty lines.
        """
        return filter(None, map(pattern.fullmatch, self.lines))

    def first(self, pattern: re.Pattern[str]) -> re.Match[str] | None:
        """Return the first line that a pattern takes whole."""
        return next(self.found(pattern), None)

    def after(self, heading: str) -> "LoadFile":
        """Return what follows a heading; nothing where it is not there."""
        return LoadFile(self.name, self.text.partition(heading)[2])


@dataclass(frozen=True)
class LoadTest:
    """What a tool says of one load test.

    `requests` were attempted, `failed` of them failed (None: the tool does not say). `percentiles`
    maps a metric to milliseconds over `measured` requests; with `latencies` (ms, one a request)
    they are worked out from these. `throughput` is in requests a second, of `measured` ones or of
    as many as `paced` says; `duration` is in seconds,
    `users` is the load: virtual users or connections. `remarks` say what the tool counts.
    """

    tool: str
    requests: int
    failed: int | None = None
    percentiles: Mapping[str, float] = field(default_factory=dict)
    measured: int = 0
    latencies: tuple[float, ...] = ()
    throughput: float | None = None
    paced: int | None = None
    duration: float | None = None
    users: int | None = None
    remarks: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Raise ValueError with a sentence for what no test can have come to."""
        if not 0 < self.requests <= MOST:
            raise ValueError(_("it holds no request."))
        if self.failed is not None and not 0 <= self.failed <= self.requests:
            raise ValueError(_("more requests failed than were made."))
        times = list(self.percentiles.values())
        if not all(0 <= one <= LONGEST_LATENCY for one in times):
            raise ValueError(_("a time is negative, or longer than a day."))
        ordered = [self.percentiles[one] for one in (P50, P95, P99) if one in self.percentiles]
        if ordered != sorted(ordered):
            raise ValueError(_("its percentiles contradict each other."))
        if self.duration is not None and not SHORTEST_TEST <= self.duration <= LONGEST_TEST:
            raise ValueError(_("it took less than a millisecond, or more than a month."))
        if self.throughput is not None and not 0 <= self.throughput <= MOST:
            raise ValueError(_("no test makes so many requests a second."))


Reader = Callable[[LoadFile, dict[str, str]], LoadTest]


@dataclass(frozen=True)
class LoadFormat:
    """A format: how its content is known, and how it is read.

    `read` raises ValueError with the rest of a sentence for what is cut off or makes no sense.
    """

    key: str
    title: Text
    detect: Callable[[LoadFile], bool]
    read: Reader


def number(value: object, what: str) -> float:
    """Return a number that is not negative; raise ValueError, naming what it should have been."""
    try:
        found = float(value)  # type: ignore[arg-type]
    except (TypeError, ValueError, OverflowError):
        found = math.nan
    if isinstance(value, bool) or not math.isfinite(found) or found < 0:
        raise ValueError(_("“%(what)s” is no number.") % {"what": what})
    return found


def whole(value: object, what: str) -> int:
    """Return a count; raise ValueError, naming what it should have been."""
    found = number(value, what)
    if found != int(found) or found > MOST:
        raise ValueError(_("“%(what)s” is no count.") % {"what": what})
    return int(found)


def seconds(text: str, what: str) -> float:
    """Return a time as tools print it ("12.34ms", "1.02s", "2.00m") in seconds; or ValueError."""
    match = _TIME.match(text.strip())
    if match is None:
        raise ValueError(_("“%(what)s” is no time.") % {"what": what})
    return float(match[1]) * SECONDS[match[2]]
