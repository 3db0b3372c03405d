"""From the results of a run to its figures, and from those to measurements for the record."""

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from decisions.actions.evidence import Measurement
from decisions.metrics import METRICS
from decisions.numbers import format_count, format_value
from evaluations.bootstrap import case_means, macro_f1_interval, mean_interval, score_interval
from evaluations.models import Run
from evaluations.prompt_search import search_of
from evaluations.scorers import SCORERS, Configured, macro_f1
from evaluations.scoring import Scoring, in_words, scoring_of
from evaluations.statistics import Interval, Quantile, quantiles
from evaluations.techniques import SpecError, technique_for

# What goes to the record beside the scorers' figures; then what does if a goal asks for it.
ATTACHED = ("macro_f1", "latency_p50", "latency_p95", "cost_per_1000")
ON_DEMAND = ("latency_p99", "error_rate", "throughput")
FIGURE = ("value", "n", "unit", "low", "high", "interval_method")
# Beyond so many answers under way at once, what a case takes is also waiting for the others.
MOST_FOR_LATENCY = 8

Span = tuple[datetime, datetime]


@dataclass(frozen=True)
class Outcome:
    """One answer of a run, as the figures need it; `output` is None where it failed.

    `correct` is the main scorer's verdict; `scores` is what every scorer gave, None where it
    doesn't apply, or a model that judges was at fault. `at_once` is the most answers that its
    worker had under way meanwhile; `cost` is in US dollars, None where it is not known.
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
    scores: Mapping[str, float | None] = field(default_factory=dict)


@dataclass(frozen=True)
class Summary:
    """A run's figures as plain JSON values, and the SHA-256 (hex) of what they come from."""

    metrics: dict[str, Any]
    results_digest: str


def summarise(run: Run) -> Summary:
    """Return the figures of a run whose every case is answered."""
    found, scoring = list(outcomes(run)), scoring_of(run)
    told = figures(found, scoring, run.case_set.is_classification, run.rest_spans)
    return Summary(told, results_digest(found, with_scores=not scoring.is_plain))


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
        "scores",
        "score",
    )
    main = run.scorer.partition("/")[0]
    for row in rows.iterator(chunk_size=2000):
        (key, expected, output, correct, latency, at, token) = row[:7]
        (error, repeat, at_once, cost, scores, score) = row[7:]
        is_failed = error and not output  # beside an answer, the error is its judge's
        yield Outcome(
            key,
            expected,
            None if is_failed else output,
            bool(correct),
            None if is_failed else latency,
            at,
            token.rpartition(":")[0],
            repeat,
            at_once,
            cost,
            {main: score} | scores,
        )


def results_digest(found: Iterable[Outcome], with_scores: bool = False) -> str:
    """Return the SHA-256 of case key, output and correctness, one JSON line an answer, in order.

    A second answer to a case says which one it is. `with_scores` adds what every scorer gave, for
    runs that were scored by more than exact match.
    """
    running = hashlib.sha256()
    for one in found:
        told: list[Any] = [one.key, one.output, one.correct]
        told += [one.repeat] if one.repeat else []
        told += [dict(sorted(one.scores.items()))] if with_scores else []
        line = json.dumps(told, separators=(",", ":"))
        running.update(f"{line}\n".encode())
    return running.hexdigest()


def figures(
    found: Sequence[Outcome], scoring: Scoring, has_labels: bool = True, rests: Sequence[Span] = ()
) -> dict[str, Any]:
    """Return all figures: metric → value, interval, n and unit, and the counts behind them.

    Shares are in percent, of all answers attempted: one that failed counts as wrong. The same of
    those that were answered stands under `of_answered`. Where cases were answered several times, n
    is the number of cases and intervals are those of their means. Times are in milliseconds, of
    what was answered while few others were under way. `rests` are from when until when nobody
    worked on it.
    """
    answered = [one for one in found if one.latency_ms is not None]
    cases = [one.key for one in found]
    n, clusters = len(set(cases)), cases if any(one.repeat for one in found) else None
    is_repeated = clusters is not None
    return {
        "attempted": len(found),
        "answered": len(answered),
        "failed": len(found) - len(answered),
        "correct": sum(one.correct for one in found),
        "workers": len({one.worker for one in answered}),
        "at_once": max((one.at_once for one in answered), default=1),
        **_scored(found, scoring, is_repeated),
        **({"macro_f1": _macro_f1(found, n, clusters)} if has_labels else {}),
        "of_answered": _scored(answered, scoring, is_repeated),
        "error_rate": _error_rate(found, clusters),
        **_latencies(undisturbed(answered)),
        **_cost(answered, is_repeated),
        **_throughput([one.at for one in answered if one.at], rests),
    }


def _scored(
    found: Sequence[Outcome], scoring: Scoring, is_repeated: bool
) -> dict[str, dict[str, Any]]:
    """Return the mean of each scorer over the answers that it applies to; nothing without any."""
    told = {}
    for one in scoring.scorers:
        key, metric = one.scorer.key, one.scorer.metric
        applied = [a for a in found if a.scores.get(key) is not None]
        if applied:
            values = [a.scores[key] for a in applied]
            clusters = [a.key for a in applied] if is_repeated else None
            told[metric] = _mean(metric, values, clusters)
            if one in scoring.asking and len(applied) < len(found):
                told[metric]["unjudged"] = len(found) - len(applied)
    return told


def _mean(
    metric: str, values: Sequence[float | None], clusters: Sequence[str] | None
) -> dict[str, Any]:
    """Return a mean of scores as a figure: in percent, or from 0 to 1 where the metric is."""
    means = case_means(values, clusters)
    figure = _share(float(means.mean()), len(means), score_interval(values, clusters))
    if METRICS[metric].unit == "%":
        return figure
    ends = {name: figure[name] / 100 for name in ("value", "low", "high") if name in figure}
    return figure | ends | {"unit": METRICS[metric].unit}


def undisturbed(answered: Iterable[Outcome]) -> list[float]:
    """Return the times of what was answered while few enough others were under way."""
    return [
        one.latency_ms
        for one in answered
        if one.latency_ms is not None and one.at_once <= MOST_FOR_LATENCY
    ]


def _macro_f1(found: Sequence[Outcome], n: int, clusters: Sequence[str] | None) -> dict[str, Any]:
    """Return macro-F1 over all answers; cases are what its interval draws, however often asked."""
    said, expected = [one.output for one in found], [one.expected for one in found]
    interval = macro_f1_interval(said, expected, clusters=clusters)
    return _share(macro_f1(said, expected), n, interval)


def _error_rate(found: Sequence[Outcome], clusters: Sequence[str] | None) -> dict[str, Any]:
    """Return the share of answers that could not be given: cases fail, however often asked."""
    failed = [float(one.latency_ms is None) for one in found]
    means = case_means(failed, clusters)
    return _share(float(means.mean()), len(means), score_interval(failed, clusters))


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


def _throughput(moments: Sequence[datetime], rests: Sequence[Span]) -> dict[str, Any]:
    """Return the cases answered a second by all workers, from the first answer to the last.

    Rests are left out; what was under way as one began was still answered in it, and counts.
    """
    if len(moments) < 2 or max(moments) == min(moments):
        return {}
    seconds = (max(moments) - min(moments)).total_seconds()
    for since, until in rests:
        before = [one for one in moments if one <= until]
        if before and max(moments) > until:
            seconds -= (until - max(since, *before)).total_seconds()
    return {"throughput": {"value": (len(moments) - 1) / seconds, "n": len(moments), "unit": "/s"}}


def _named(interval: Interval) -> str:
    return f"{interval.method}, {interval.confidence:.0%}"


def measurements(run: Run, summary: Summary) -> list[Measurement]:
    """Return the figures that the record takes in, each with how and from what it was made."""
    scorers = {one.scorer.metric: one for one in scoring_of(run).scorers}
    return [
        Measurement(
            metric=metric,
            metric_name=str(METRICS[metric].name),
            method=method(run, summary.metrics, metric),
            origin=str(run),
            origin_url=run.get_absolute_url(),
            source_digest=summary.results_digest,
            conditions=conditions(run, _scored_by(metric, scorers)),
            **{name: told for name, told in summary.metrics[metric].items() if name in FIGURE},
        )
        for metric in (*scorers, *ATTACHED, *_asked_for(run))
        if metric in summary.metrics
    ]


def _asked_for(run: Run) -> list[str]:
    """Return which further figures the record has goals on."""
    goals = run.candidate.decision.goals.filter(metric__in=ON_DEMAND)
    wanted = set(goals.values_list("metric", flat=True))
    return [metric for metric in ON_DEMAND if metric in wanted]


def _scored_by(metric: str, scorers: Mapping[str, Configured]) -> str:
    """Return the identity of the scorer that a figure depends on; "" for the run's main one."""
    if metric == "macro_f1":  # labels are compared as exact match compares them
        return SCORERS["exact_match"].identity
    return scorers[metric].identity if metric in scorers else ""


def conditions(run: Run, scorer: str = "") -> dict[str, str]:
    """Return what must agree before another run's figures may be compared with this one's.

    `scorer` is the identity of the scorer behind the figure, the run's main one unless told.
    """
    return {
        "case_set": str(run.case_set),
        "case_set_digest": run.case_set.digest,
        "split": run.split,
        "scorer": scorer or run.scorer,
    }


def kind_note(run: Run) -> str:
    """Return in a sentence what kind of thing was measured."""
    try:
        note = str(technique_for(run.spec).kind_note)
    except SpecError:
        return _("The technique of this run is not part of this installation any more.")
    return " ".join(filter(None, (note, _vectors_note(run.spec))))


def _vectors_note(spec: Mapping[str, Any]) -> str:
    """Return whose vectors are compared, where they are not the embedded encoder's."""
    if not spec.get("embedding_endpoint"):
        return ""
    told = {"model": spec["embedding_model"], "endpoint": spec["embedding_endpoint"]}
    return (
        _("In place of that encoder's, the vectors are those of %(model)s at %(endpoint)s.") % told
    )


def method(run: Run, metrics: dict[str, Any], metric: str) -> str:
    """Return in plain words how a figure was obtained."""
    if metric.startswith("latency"):
        how = _latency_method(metrics)
    elif metric.startswith("cost"):
        how = _("The mean of what the answers cost by the prices noted with the run, times 1,000.")
    elif metric == "error_rate":
        how = _("The share of all answers attempted that could not be given.")
    elif metric == "throughput":
        how = _(
            "Answers a second of all workers together, from the first answer to the last; the time "
            "in which the run was paused or stopped is left out."
        )
    else:
        how = " ".join(filter(None, (_score_method(run, metrics), _scorer_method(run, metric))))
    parts = (
        how,
        without_interval(metrics[metric], metric),
        _unjudged(metrics[metric]),
        _of_answered(metrics, metric),
        _left_out(run),
        _searched(run),
        kind_note(run),
    )
    return " ".join(part for part in parts if part)


def without_interval(figure: Mapping[str, Any], metric: str) -> str:
    """Return why a figure has no interval, in a sentence; "" where it has one, or none is due."""
    if figure.get("low") is not None or metric == "throughput":
        return ""
    if metric.startswith("latency") or figure["n"] < 2:
        return _("Too few cases for an interval.")
    return _("No interval: nothing differs from case to case.")


def _left_out(run: Run) -> str:
    """Return how many examples were kept from the technique as they are test cases as well."""
    count = run.artefact.get("left_out_overlap", 0)
    sentence = ngettext(
        "%(n)s example to learn from was left out, as it is a test case as well.",
        "%(n)s examples to learn from were left out, as they are test cases as well.",
        count,
    )
    return sentence % {"n": format_count(count)} if count else ""


def _searched(run: Run) -> str:
    """Return how the prompt was searched for, where it was."""
    search = search_of(run.spec, run.artefact)
    if search is None:
        return ""
    return _("Its prompt, with “%(said)s”: %(how)s") % {
        "said": search.quoted,
        "how": search.sentence,
    }


def _unjudged(figure: Mapping[str, Any]) -> str:
    """Return how many answers the model that judges gave no verdict on, where there are any."""
    n = figure.get("unjudged", 0)
    if not n:
        return ""
    return ngettext(
        "%(n)s answer could not be judged and is left out.",
        "%(n)s answers could not be judged and are left out.",
        n,
    ) % {"n": format_count(n)}


def _of_answered(metrics: dict[str, Any], metric: str) -> str:
    """Return the same figure over what was answered alone, where something was not."""
    figure = metrics.get("of_answered", {}).get(metric)
    if figure is None or not metrics["failed"]:
        return ""
    low, high = figure.get("low"), figure.get("high")
    told = {
        "value": format_value(figure["value"], low, high, figure["unit"]),
        "n": format_count(figure["n"]),
    }
    return _("Of the %(n)s that were answered alone it is %(value)s.") % told


def _scorer_method(run: Run, metric: str) -> str:
    """Return what the scorer behind a figure compares; "" for exact match, which says so itself."""
    found = [one for one in scoring_of(run).scorers if one.scorer.metric == metric]
    if not found or found[0].identity == SCORERS["exact_match"].identity:
        return ""
    scorer = found[0].scorer
    told = {"title": scorer.title, "what": scorer.description, "set": in_words(found[0])}
    if not told["set"]:
        return _("%(title)s: %(what)s") % told
    return _("%(title)s: %(what)s Set: %(set)s.") % told


def _score_method(run: Run, metrics: dict[str, Any]) -> str:
    told = {"attempted": metrics["attempted"], "failed": metrics["failed"], "n": run.repeats}
    if run.repeats == 1 and not run.case_set.is_classification:
        return (
            _(
                "The answer to each of %(attempted)s test cases was scored from nothing to full "
                "marks; %(failed)s got no answer and count as nothing."
            )
            % told
        )
    if run.repeats > 1:
        return (
            _(
                "Each test case was answered %(n)s times; of %(attempted)s answers, each compared "
                "with the expected one, %(failed)s failed and count as wrong. The interval draws "
                "cases, each with all its answers."
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


def latency_at_once(metrics: Mapping[str, Any]) -> str:
    """Return how many answers were under way while latency was measured; "" if nobody says."""
    at_once = metrics.get("at_once", 0)
    told = {"at_once": min(at_once, MOST_FOR_LATENCY), "workers": metrics.get("workers", 1)}
    if told["workers"] > 1 and at_once:
        return (
            _("at most %(at_once)s at once in each of %(workers)s workers") % told
            if at_once > 1
            else _("one at a time in each of %(workers)s workers") % told
        )
    if at_once > 1:
        return _("at most %(at_once)s at once") % told
    return _("one at a time") if at_once else ""


def _latency_method(metrics: Mapping[str, Any]) -> str:
    """Return what the time of an answer is, and under which load it was taken."""
    told = {"n": format_count(metrics["latency_p50"]["n"]), "at_once": latency_at_once(metrics)}
    if metrics.get("at_once", 1) > 1:
        return (
            _(
                "Time to answer a case, %(at_once)s, over %(n)s answers; waiting for a free place, "
                "retries and scoring are not included."
            )
            % told
        )
    return (
        _(
            "Time to answer a case, %(at_once)s, over %(n)s answers; queueing and scoring are not "
            "included."
        )
        % told
    )
