"""From the results of a run to its figures, and from those to measurements for the record."""

import hashlib
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from decisions.actions.evidence import Measurement
from decisions.metrics import METRICS
from evaluations.bootstrap import case_means, macro_f1_interval, mean_interval, score_interval
from evaluations.models import Run
from evaluations.scorers import macro_f1
from evaluations.statistics import Interval, Quantile, quantiles, wilson
from evaluations.techniques import SpecError, technique_for

ATTACHED = ("accuracy", "macro_f1", "latency_p50", "latency_p95", "cost_per_1000")
# Beyond so many answers under way at once, what a case takes is also waiting for the others.
MOST_FOR_LATENCY = 8


@dataclass(frozen=True)
class Outcome:
    """One answer of a run, as the figures need it; `output` is None where it failed.

    `at_once` is how many answers its worker had under way; `cost` is in US dollars, None where it
    is not known.
    """

    key: str
    expected: str
    output: str | None
    correct: bool
    latency_ms: float | None
    at: datetime | None
    worker: str
    repeat: int = 0
    at_once: int = 1
    cost: Decimal | None = None


@dataclass(frozen=True)
class Summary:
    """A run's figures as plain JSON values, and the SHA-256 (hex) of what they come from."""

    metrics: dict[str, Any]
    results_digest: str


def summarise(run: Run) -> Summary:
    """Return the figures of a run whose every case is answered."""
    found = list(outcomes(run))
    return Summary(figures(found), results_digest(found))


def outcomes(run: Run) -> Iterable[Outcome]:
    """Yield a run's outcomes in the order of the cases."""
    rows = run.results.order_by("case__position", "repeat").values_list(
        "case__key",
        "case__expected",
        "output",
        "correct",
        "latency_ms",
        "answered_at",
        "claimed_by",
        "error",
        "repeat",
        "at_once",
        "cost",
    )
    for row in rows.iterator(chunk_size=2000):
        key, expected, output, correct, latency, at, token, error, repeat, at_once, cost = row
        worker = token.rpartition(":")[0]
        said = None if error else output
        took = None if error else latency
        yield Outcome(key, expected, said, bool(correct), took, at, worker, repeat, at_once, cost)


def results_digest(found: Iterable[Outcome]) -> str:
    """Return the SHA-256 of case key, output and correctness, one JSON line an answer, in order.

    A second answer to a case says which one it is.
    """
    running = hashlib.sha256()
    for one in found:
        told = [one.key, one.output, one.correct, *([one.repeat] if one.repeat else [])]
        line = json.dumps(told, separators=(",", ":"))
        running.update(f"{line}\n".encode())
    return running.hexdigest()


def figures(found: Sequence[Outcome]) -> dict[str, Any]:
    """Return all figures: metric → value, interval, n and unit, and the counts behind them.

    Shares are in percent, of all answers attempted: one that failed counts as wrong. Where cases
    were answered several times, n is the number of cases and intervals are those of their means.
    Times are in milliseconds, of what was answered while few others were under way.
    """
    answered = [one for one in found if one.latency_ms is not None]
    cases = [one.key for one in found]
    n, clusters = len(set(cases)), cases if any(one.repeat for one in found) else None
    right = [float(one.correct) for one in found]
    return {
        "attempted": len(found),
        "answered": len(answered),
        "failed": len(found) - len(answered),
        "correct": sum(one.correct for one in found),
        "workers": len({one.worker for one in answered}),
        "at_once": max((one.at_once for one in answered), default=1),
        "accuracy": _share(sum(right) / len(right), n, score_interval(right, clusters)),
        "macro_f1": _macro_f1(found, n, clusters),
        "error_rate": _error_rate(len(found) - len(answered), len(found)),
        **_latencies(undisturbed(answered)),
        **_cost(answered, clusters is not None),
        **_throughput([one.at for one in answered if one.at]),
    }


def undisturbed(answered: Iterable[Outcome]) -> list[float]:
    """Return the times of what was answered while few enough others were under way."""
    return [
        one.latency_ms
        for one in answered
        if one.latency_ms is not None and one.at_once <= MOST_FOR_LATENCY
    ]


def _macro_f1(found: Sequence[Outcome], n: int, clusters: Sequence[str] | None) -> dict[str, Any]:
    """Return macro-F1 over all answers; without interval where cases were answered repeatedly."""
    said, expected = [one.output for one in found], [one.expected for one in found]
    interval = None if clusters else macro_f1_interval(said, expected)
    return _share(macro_f1(said, expected), n, interval)


def _error_rate(failed: int, attempted: int) -> dict[str, Any]:
    return _share(failed / attempted, attempted, wilson(failed, attempted))


def _cost(answered: Sequence[Outcome], is_repeated: bool) -> dict[str, Any]:
    """Return the cost of 1,000 requests in US dollars; nothing where one answer's is not known."""
    costs = [float(one.cost) for one in answered if one.cost is not None]
    if not costs or len(costs) < len(answered):
        return {}
    clusters = [one.key for one in answered] if is_repeated else None
    means = case_means(costs, clusters)
    figure: dict[str, Any] = {"value": 1000 * means.mean(), "n": len(means), "unit": "USD"}
    interval = mean_interval(means)
    if interval.low is not None and interval.high is not None and interval.low < interval.high:
        figure |= {"low": 1000 * interval.low, "high": 1000 * interval.high}
        figure["interval_method"] = _named(interval)
    return {"cost_per_1000": figure}


def _share(value: float, n: int, interval: Interval | None = None) -> dict[str, Any]:
    """Return a share as a figure in percent; an interval without width bounds nothing.

    Where every answer is right (or none is), all resamples of a bootstrap agree. That comes from
    the sample, not from certainty.
    """
    figure = {"value": 100 * value, "n": n, "unit": "%"}
    if interval is None or interval.low is None or interval.high is None:
        return figure
    if interval.low == interval.high:
        return figure
    figure |= {"low": 100 * interval.low, "high": 100 * interval.high}
    return figure | {"interval_method": _named(interval)}


def _latencies(latencies: Sequence[float]) -> dict[str, Any]:
    """Return median, 95th and 99th percentile; nothing where no case was answered."""
    if not latencies:
        return {}
    names = ("latency_p50", "latency_p95", "latency_p99")
    return dict(zip(names, map(_time, quantiles(latencies)), strict=True))


def _time(found: Quantile) -> dict[str, Any]:
    """Return a quantile as a figure in milliseconds; without interval if the sample is small."""
    figure: dict[str, Any] = {"value": found.value, "n": found.n, "unit": "ms"}
    low, high = found.interval.low, found.interval.high
    if low is not None and high is not None:
        figure |= {"low": low, "high": high, "interval_method": _named(found.interval)}
    return figure


def _throughput(moments: Sequence[datetime]) -> dict[str, Any]:
    """Return the cases answered a second by all workers, from the first answer to the last."""
    if len(moments) < 2 or max(moments) == min(moments):
        return {}
    seconds = (max(moments) - min(moments)).total_seconds()
    return {"throughput": {"value": (len(moments) - 1) / seconds, "n": len(moments), "unit": "/s"}}


def _named(interval: Interval) -> str:
    return f"{interval.method}, {interval.confidence:.0%}"


def measurements(run: Run, summary: Summary) -> list[Measurement]:
    """Return the figures that the record takes in, each with how and from what it was made."""
    return [
        Measurement(
            metric=metric,
            metric_name=str(METRICS[metric].name),
            method=method(run, summary.metrics, metric),
            origin=str(run),
            origin_url=run.get_absolute_url(),
            source_digest=summary.results_digest,
            conditions=conditions(run),
            **summary.metrics[metric],
        )
        for metric in ATTACHED
        if metric in summary.metrics
    ]


def conditions(run: Run) -> dict[str, str]:
    """Return what must agree before another run's figures may be compared with this one's."""
    return {
        "case_set": str(run.case_set),
        "case_set_digest": run.case_set.digest,
        "split": run.split,
        "scorer": run.scorer,
    }


def kind_note(run: Run) -> str:
    """Return in a sentence what kind of thing was measured."""
    try:
        return str(technique_for(run.spec).kind_note)
    except SpecError:
        return _("The technique of this run is not part of this installation any more.")


def method(run: Run, metrics: dict[str, Any], metric: str) -> str:
    """Return in plain words how a figure was obtained."""
    if metric.startswith("latency"):
        how = _latency_method(run, metrics)
    elif metric.startswith("cost"):
        how = _("The mean of what the answers cost by the prices noted with the run, times 1,000.")
    else:
        how = _score_method(run, metrics)
    return f"{how} {kind_note(run)}"


def _score_method(run: Run, metrics: dict[str, Any]) -> str:
    told = {"attempted": metrics["attempted"], "failed": metrics["failed"], "n": run.repeats}
    if run.repeats > 1:
        return (
            _(
                "Each test case was answered %(n)s times; of %(attempted)s answers, each compared "
                "with the expected one, %(failed)s failed and count as wrong. The interval is that "
                "of the cases' means."
            )
            % told
        )
    return (
        _(
            "The answer to each of %(attempted)s test cases was compared with the expected label; "
            "%(failed)s got no answer and count as wrong."
        )
        % told
    )


def _latency_method(run: Run, metrics: dict[str, Any]) -> str:
    at_once = metrics.get("at_once", 1)
    if at_once > 1:
        told = {"n": metrics["latency_p50"]["n"], "at_once": min(at_once, MOST_FOR_LATENCY)}
        return (
            _(
                "Time to answer a case, with at most %(at_once)s under way at once in a worker, "
                "over %(n)s answers; waiting for a free place, retries and scoring are not "
                "included."
            )
            % told
        )
    return ngettext(
        "Time to answer one case alone, one after the other in %(workers)s process, "
        "over %(n)s answered cases; queueing and scoring are not included.",
        "Time to answer one case alone, one after the other in each of %(workers)s processes at "
        "once, over %(n)s answered cases; queueing and scoring are not included.",
        metrics["workers"],
    ) % {"workers": metrics["workers"], "n": metrics["answered"]}
