"""From a load test of another tool to measurements for a record, with what is known of each."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from math import floor, log10

from django.utils.formats import date_format
from django.utils.translation import gettext as _

from decisions.actions.evidence import Measurement
from decisions.numbers import format_count, format_number
from evaluations.importers.load.found import P50, P95, P99, LoadTest
from evaluations.outside_figures import OutsideFigure
from evaluations.statistics import Quantile, quantiles, wilson

SHARES = ((P50, 0.5), (P95, 0.95), (P99, 0.99))


@dataclass(frozen=True)
class Circumstances:
    """Under what a load test ran, as a person says it: what must agree before two are compared.

    `users` are virtual users or connections, `duration` is in seconds; None where nobody knows.
    """

    scenario: str
    users: int | None
    duration: float | None
    tested_on: date | None = None

    def conditions(self, tool: str) -> dict[str, str]:
        """Return what must agree; a duration is rounded, for no test ends to the second."""
        told = {
            "tool": tool,
            "scenario": self.scenario,
            "virtual_users": "" if self.users is None else str(self.users),
            "duration": rounded_duration(self.duration),
        }
        return {name: value for name, value in told.items() if value}


def rounded_duration(seconds: float | None) -> str:
    """Return a duration to two digits that count, in seconds: "30 s"; "" where it is not known."""
    if not seconds:
        return ""
    places = 1 - floor(log10(seconds))
    return f"{round(seconds, places):.{max(0, places)}f} s"


def told_duration(seconds: float) -> float:
    """Return the duration that a file says, to the digits in which people are told of it."""
    return float(f"{seconds:.4g}")


def measurements(
    test: LoadTest, about: Circumstances, *, origin: str, source_digest: str
) -> list[Measurement]:
    """Return the figures of a load test: latency, error rate, throughput, as far as it has them."""
    conditions = about.conditions(test.tool)
    when = ""
    if about.tested_on is not None:
        day = date_format(about.tested_on, "j F Y")
        when = _("Tested on %(day)s.") % {"day": day}
    return [
        figure.measurement(
            method=" ".join(filter(None, (figure.how, *test.remarks, when))),
            origin=origin,
            source_digest=source_digest,
            conditions=conditions,
        )
        for figure in figures(test)
    ]


def figures(test: LoadTest) -> list[OutsideFigure]:
    """Return a load test's figures, those of latency first."""
    return [*_latencies(test), *_error_rate(test), *_throughput(test)]


def _latencies(test: LoadTest) -> list[OutsideFigure]:
    if test.latencies:
        found = quantiles(test.latencies, [share for _metric, share in SHARES])
        return [
            _quantile(metric, one, _counted(test, one.n))
            for (metric, _share), one in zip(SHARES, found, strict=True)
        ]
    how = _(
        "As %(tool)s gives it. It tells the percentile alone, without the times it was taken from, "
        "so there is no interval."
    ) % {"tool": test.tool}
    how = f"{how} {_counted(test, test.measured)}"
    known: Sequence[str] = [metric for metric, _share in SHARES if metric in test.percentiles]
    if not test.measured:
        return []
    return [OutsideFigure(one, test.percentiles[one], test.measured, how) for one in known]


def _counted(test: LoadTest, n: int) -> str:
    """Return in a sentence which requests a figure over `n` of them counts."""
    told = {"n": format_count(n), "all": format_count(test.requests)}
    if n < test.requests:
        return _("%(n)s of %(all)s requests count.") % told
    if test.failed:
        return _("All %(n)s requests count, also those that failed.") % told
    return _("All %(n)s requests count.") % told


def _quantile(metric: str, found: Quantile, counted: str) -> OutsideFigure:
    """Return a percentile of single times, with the interval between two of them."""
    low, high = found.interval.low, found.interval.high
    is_bounded = low is not None and high is not None
    how = _("Worked out from the time of each request.") + f" {counted}"
    if not is_bounded:
        how += " " + _("That is too few to bound it, so there is no interval.")
    method = _("order statistics, %(level)s") % {"level": f"{found.interval.confidence:.0%}"}
    return OutsideFigure(
        metric,
        found.value,
        found.n,
        how,
        low if is_bounded else None,
        high if is_bounded else None,
        method if is_bounded else "",
    )


def _error_rate(test: LoadTest) -> list[OutsideFigure]:
    """Return the share of requests that failed, in percent, with Wilson's interval."""
    if test.failed is None:
        return []
    interval = wilson(test.failed, test.requests)
    told = {"failed": format_count(test.failed), "n": format_count(test.requests)}
    how = _(
        "%(failed)s of %(n)s requests failed. The interval takes requests for independent; under "
        "load failures come together, and it is rather too narrow."
    )
    low, high = interval.low or 0.0, 1.0 if interval.high is None else interval.high
    return [
        OutsideFigure(
            "error_rate",
            100 * test.failed / test.requests,
            test.requests,
            how % told,
            100 * low,
            100 * high,
            f"Wilson, {interval.confidence:.0%}",
        )
    ]


def _throughput(test: LoadTest) -> list[OutsideFigure]:
    if test.throughput is None or not test.measured:
        return []
    took = test.duration and _(" over %(seconds)s s") % {
        "seconds": format_number(told_duration(test.duration))
    }
    how = _(
        "Requests a second%(took)s. One test says nothing of how much the next may differ, so "
        "there is no interval."
    )
    n = test.measured if test.paced is None else test.paced
    said = f"{how % {'took': took or ''}} {_counted(test, n)}"
    return [OutsideFigure("throughput", test.throughput, n, said)]
