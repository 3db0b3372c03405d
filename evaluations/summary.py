"""From the results of a run to its figures, and from those to measurements for the record."""

import hashlib
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from decisions.actions.evidence import Measurement
from decisions.metrics import METRICS
from evaluations.bootstrap import macro_f1_interval
from evaluations.models import Run
from evaluations.scorers import macro_f1
from evaluations.statistics import Interval, Quantile, quantile, wilson
from evaluations.techniques import SpecError, technique_for

ATTACHED = ("accuracy", "macro_f1", "latency_p50", "latency_p95")


@dataclass(frozen=True)
class Outcome:
    """One case of a run, as the figures need it; `output` is None where it failed."""

    key: str
    expected: str
    output: str | None
    correct: bool
    latency_ms: float | None
    at: datetime | None
    worker: str


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
    rows = run.results.order_by("case__position").values_list(
        "case__key",
        "case__expected",
        "output",
        "correct",
        "latency_ms",
        "answered_at",
        "claimed_by",
        "error",
    )
    for key, expected, output, correct, latency, at, token, error in rows.iterator(chunk_size=2000):
        worker = token.rpartition(":")[0]
        said = None if error else output
        took = None if error else latency
        yield Outcome(key, expected, said, bool(correct), took, at, worker)


def results_digest(found: Iterable[Outcome]) -> str:
    """Return the SHA-256 of case key, output and correctness, one JSON line a case, in order."""
    running = hashlib.sha256()
    for one in found:
        line = json.dumps([one.key, one.output, one.correct], separators=(",", ":"))
        running.update(f"{line}\n".encode())
    return running.hexdigest()


def figures(found: Sequence[Outcome]) -> dict[str, Any]:
    """Return all figures: metric → value, interval, n and unit, and the counts behind them.

    Shares are in percent, of all cases attempted: one that failed counts as wrong. Times are in
    milliseconds, of the cases that were answered.
    """
    attempted = len(found)
    correct = sum(one.correct for one in found)
    latencies = [one.latency_ms for one in found if one.latency_ms is not None]
    said, expected = [one.output for one in found], [one.expected for one in found]
    return {
        "attempted": attempted,
        "answered": len(latencies),
        "failed": attempted - len(latencies),
        "correct": correct,
        "workers": len({one.worker for one in found if one.latency_ms is not None}),
        "accuracy": _share(correct / attempted, attempted, wilson(correct, attempted)),
        "macro_f1": _share(macro_f1(said, expected), attempted, macro_f1_interval(said, expected)),
        **_latencies(latencies),
        **_throughput([one.at for one in found if one.at and one.latency_ms is not None]),
    }


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
    """Return median and 95th percentile; nothing where no case was answered."""
    if not latencies:
        return {}
    return {
        "latency_p50": _time(quantile(latencies, 0.5)),
        "latency_p95": _time(quantile(latencies, 0.95)),
    }


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
    how = _latency_method(metrics) if metric.startswith("latency") else _score_method(metrics)
    return f"{how} {kind_note(run)}"


def _score_method(metrics: dict[str, Any]) -> str:
    told = {"attempted": metrics["attempted"], "failed": metrics["failed"]}
    return (
        _(
            "The answer to each of %(attempted)s test cases was compared with the expected label; "
            "%(failed)s got no answer and count as wrong."
        )
        % told
    )


def _latency_method(metrics: dict[str, Any]) -> str:
    return ngettext(
        "Time to answer one case alone, one after the other in %(workers)s process, "
        "over %(n)s answered cases; queueing and scoring are not included.",
        "Time to answer one case alone, one after the other in each of %(workers)s processes at "
        "once, over %(n)s answered cases; queueing and scoring are not included.",
        metrics["workers"],
    ) % {"workers": metrics["workers"], "n": metrics["answered"]}
