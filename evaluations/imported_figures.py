"""The figures of an imported run: computed anew from its answers, beside those its tool states.

All answers that the tool meant to get are the denominator: errors, and answers that the file
lacks, count as wrong. Where the tool measured more than the file holds, its own figures stand.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.utils.text import slugify
from django.utils.translation import gettext as _

from decisions.actions.evidence import Measurement
from decisions.metrics import METRICS
from decisions.numbers import format_count, format_number
from decisions.policies import BadInput
from evaluations.bootstrap import mean_interval, score_interval
from evaluations.importers.surveying import SystemSurvey
from evaluations.models import Run
from evaluations.statistics import Interval, normal_quantile, quantiles, wilson

SHARES_RIGHT = {"accuracy", "acc", "pass_rate", "exact_match", "em"}
ENDINGS = ("/accuracy", "/mean", "_mean", ",none")
MOST_SCORERS = 20
MOST_ATTACHED = 12
LONGEST_METRIC = 60
LONGEST_NAME = 120
CONFIDENCE = 0.95
CLOSE = 0.051  # percentage points: what tools round off
CHUNK = 2_000


def main_score(one: SystemSurvey) -> str:
    """Return the scorer that a system's answers are told by, "" where there are verdicts only."""
    stated = [figure.metric for figure in one.figures]
    known = one.scorers if one.answers else stated
    return one.system.scorer if one.system.scorer in known or not known else known[0]


@dataclass
class Columns:
    """The answers of a run as columns: what the figures need of them, and no texts."""

    cases: list[int]
    right: list[float]
    scores: dict[str, list[float | None]]
    latencies: list[float]
    costs: list[float]
    failed: int = 0
    judged: int = 0


def metrics_of(run: Run, survey: SystemSurvey) -> dict[str, Any]:
    """Return the figures of an imported run: counts, shares in percent, times in milliseconds.

    `scores` maps each scorer to the mean of its score over all answers attempted, in percent, with
    how many answers have one.
    """
    columns = _columns(run, survey)
    counts = {
        "attempted": survey.attempted,
        "answered": len(columns.right) - columns.failed,
        "failed": columns.failed,
        "missing": survey.missing,
        "with_verdict": columns.judged,
        "correct": int(sum(columns.right)),
    }
    if not columns.cases:
        return counts
    shares = {} if survey.is_excerpt else _shares(columns, survey)
    return {**counts, **shares, **_latencies(columns.latencies), **_cost(columns)}


def _columns(run: Run, survey: SystemSurvey) -> Columns:
    """Return the answers of a run as columns; about 100 bytes for each answer and score."""
    scorers = survey.scorers[:MOST_SCORERS]
    found = Columns([], [], {name: [] for name in scorers}, [], [])
    fields = ("case_id", "correct", "error", "latency_ms", "cost", "scores")
    rows = run.results.order_by("case__position", "repeat").values_list(*fields)
    for case, correct, error, latency, cost, scores in rows.iterator(chunk_size=CHUNK):
        found.cases.append(case)
        found.right.append(float(bool(correct)))
        found.failed += bool(error)
        found.judged += correct is not None and not error
        for name in scorers:
            found.scores[name].append(scores.get(name))
        if latency is not None and not error:
            found.latencies.append(latency)
        if cost is not None and not error:
            found.costs.append(float(cost))
    return found


def _shares(columns: Columns, survey: SystemSurvey) -> dict[str, Any]:
    """Return error rate, accuracy where the tool judged, and the mean of every score."""
    wrong = survey.errors + survey.missing
    rate = wilson(wrong, survey.attempted)
    found = {"error_rate": _in_percent(wrong / survey.attempted, survey.attempted, rate)}
    if survey.verdicts:
        found["accuracy"] = _share(columns.right, columns.cases, survey)
    scores = {}
    for name, values in columns.scores.items():
        scores[name] = _share([one or 0.0 for one in values], columns.cases, survey)
        scores[name]["scored"] = sum(one is not None for one in values)
    return found | ({"scores": scores} if scores else {})


def _share(values: list[float], cases: list[int], survey: SystemSurvey) -> dict[str, Any]:
    """Return a mean over all answers attempted as a figure in percent.

    Answers that the file lacks are 0. They have no case of their own here, so that with repeats
    they are taken for whole cases.
    """
    repeats = survey.repeats
    absent = survey.missing // repeats
    padded = [*values, *([0.0] * (absent * repeats))]
    clusters = [*cases, *(-1 - at // repeats for at in range(absent * repeats))]
    interval = score_interval(padded, clusters if repeats > 1 else None)
    mean = sum(padded) / len(padded)
    return _in_percent(mean, len(set(clusters)), interval)


def _in_percent(value: float, n: int, interval: Interval) -> dict[str, Any]:
    figure = {"value": 100 * value, "n": n, "unit": "%"}
    low, high = interval.low, interval.high
    if low is None or high is None or low >= high:
        return figure
    bounds = {"low": 100 * low, "high": 100 * high}
    return {**figure, **bounds, "interval_method": _named(interval)}


def _named(interval: Interval) -> str:
    return f"{interval.method}, {interval.confidence:.0%}"


def _latencies(latencies: Sequence[float]) -> dict[str, Any]:
    """Return the quantiles of the times that the tool noted; nothing where it noted none."""
    if not latencies:
        return {}
    names = ("latency_p50", "latency_p95", "latency_p99")
    return {
        name: {"value": one.value, "n": one.n, "unit": "ms"}
        for name, one in zip(names, quantiles(latencies), strict=True)
    }


def _cost(columns: Columns) -> dict[str, Any]:
    """Return the cost of 1,000 requests in US dollars; nothing where one answer's is not known."""
    answered = len(columns.right) - columns.failed
    if not columns.costs or len(columns.costs) < answered:
        return {}
    figure = {"value": 1000 * sum(columns.costs) / answered, "n": answered, "unit": "USD"}
    interval = mean_interval(columns.costs)
    low, high = interval.low, interval.high
    if low is None or high is None or low >= high:
        return {"cost_per_1000": figure}
    bounds = {"low": 1000 * low, "high": 1000 * high, "interval_method": _named(interval)}
    return {"cost_per_1000": {**figure, **bounds}}


# For the record


def imported_measurements(run: Run) -> list[Measurement]:
    """Return what the record takes in of an imported run; raise `BadInput` if that is nothing.

    Times are not among it: nobody knows how many answers the tool had under way at once.
    """
    found = [*_recomputed(run), *_stated(run)][:MOST_ATTACHED]
    if not found:
        raise BadInput(_("the file says no figure together with the number of cases it is over."))
    return found


def _recomputed(run: Run) -> list[Measurement]:
    """Return the figures that were computed here."""
    metrics = run.metrics
    found = []
    if accuracy := metrics.get("accuracy"):
        found.append(_measurement(run, "accuracy", _("Accuracy"), accuracy, _method(run)))
    for name, figure in metrics.get("scores", {}).items():
        told = {name: value for name, value in figure.items() if name != "scored"}
        is_same = accuracy is not None and abs(accuracy["value"] - figure["value"]) < CLOSE
        if not (is_same and slugify(name) in {"accuracy", slugify(run.told["scorer"])}):
            how = _method(run, figure["scored"])
            found.append(_measurement(run, _slug(name), name, told, how))
    if found and "cost_per_1000" in metrics:
        how = _("The mean of what %(tool)s noted as the answers' cost, times 1,000.")
        figure, title = metrics["cost_per_1000"], str(METRICS["cost_per_1000"].name)
        found.append(_measurement(run, "cost_per_1000", title, figure, how % _tool(run)))
    return found


def _stated(run: Run) -> list[Measurement]:
    """Return what the tool states itself, where nothing could be computed here."""
    if "accuracy" in run.metrics or "scores" in run.metrics:
        return []
    found = {}
    for one in run.told["figures"]:
        if "value" not in one or not one.get("n"):
            continue
        metric, figure = _as_figure(one)
        name = str(METRICS[metric].name) if metric in METRICS else one["metric"]
        if metric not in found:
            found[metric] = _measurement(run, metric, name, figure, _stated_method(run, figure))
    return list(found.values())


def _as_figure(one: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    """Return (metric, figure) of what a tool states; shares right are told in percent."""
    is_share = base_name(one["metric"]) in SHARES_RIGHT and 0 <= in_percent(one) <= 100
    value = in_percent(one) if is_share else one["value"]
    scale = value / one["value"] if is_share and one["value"] else 1.0
    unit = "%" if is_share else one.get("unit", "")
    figure: dict[str, Any] = {"value": value, "n": one["n"], "unit": unit}
    if one.get("stderr") and "low" not in one:
        reach = normal_quantile(CONFIDENCE) * one["stderr"] * scale
        told = {"low": value - reach, "high": value + reach}
        figure |= told | {"interval_method": _("from its standard error, 95%")}
    return "accuracy" if is_share else _slug(one["metric"]), figure


def in_percent(one: dict[str, Any]) -> float:
    """Return the value of a share, as a tool states it, in percent."""
    value: float = one["value"]
    return value if one.get("unit") == "%" else 100 * value


def base_name(metric: str) -> str:
    """Return a metric's name without the scorer and the aggregation that tools write around it."""
    name = metric
    for ending in ENDINGS:
        name = name.removesuffix(ending) if name != ending.lstrip("/,_") else name
    return "accuracy" if metric.endswith("/accuracy") else name


def _measurement(
    run: Run, metric: str, name: str, figure: dict[str, Any], method: str
) -> Measurement:
    return Measurement(
        metric=metric,
        metric_name=name[:LONGEST_NAME],
        method=method,
        origin=str(run),
        origin_url=run.get_absolute_url(),
        source_digest=run.results_digest,
        conditions=_conditions(run),
        **figure,
    )


def _conditions(run: Run) -> dict[str, str]:
    """Return what must agree before another run's figures may be compared with this one's."""
    if run.case_set_id is None:
        return {"task": run.told["task"] or run.told["file"], "scorer": run.scorer}
    return {
        "case_set": str(run.case_set),
        "case_set_digest": run.case_set.digest,
        "split": run.split,
        "scorer": run.scorer,
    }


def _method(run: Run, scored: int | None = None) -> str:
    """Return in plain words how a figure came about that was computed here."""
    metrics = run.metrics
    told = _tool(run) | {name: format_count(metrics[name]) for name in _COUNTS}
    sentence = _(
        "%(tool)s measured it, and %(file)s was brought in: of %(attempted)s answers attempted, "
        "%(failed)s are errors and %(missing)s are not in the file; these count as wrong."
    )
    found = [sentence % told]
    counted = metrics["with_verdict"] if scored is None else scored
    if counted < metrics["answered"]:
        told["n"] = format_count(metrics["answered"] - counted)
        found.append(_("%(n)s answers have no score and count as 0.") % told)
    return " ".join([*found, _("The figure and its interval were computed here.")])


_COUNTS = ("attempted", "failed", "missing")


def _stated_method(run: Run, figure: dict[str, Any]) -> str:
    held = run.told["answers"]
    told = _tool(run) | {"held": format_count(held), "n": format_count(figure["n"])}
    if held:
        why = _("The file holds %(held)s of the %(n)s answers, so it cannot be computed anew.")
    else:
        why = _("The file holds no answers, so it cannot be computed anew or compared by case.")
    return " ".join([_("Stated by %(tool)s in %(file)s.") % told, why % told])


def _tool(run: Run) -> dict[str, str]:
    return {"tool": tool_of(run), "file": run.told["file"]}


def tool_of(run: Run) -> str:
    """Return the tool that measured, with its version where the file says it."""
    return f"{run.told['tool']} {run.told['tool_version']}".strip()


def _slug(name: str) -> str:
    found = slugify(name.replace("/", "-").replace(".", "-"))[:LONGEST_METRIC]
    return found.replace("-", "_") or "score"


# Beside each other


@dataclass(frozen=True)
class Stated:
    """A figure as its tool states it, with what was computed here and whether the two differ."""

    name: str
    value: str
    n: str
    here: str = ""
    note: str = ""
    differs: bool = False


def stated_figures(run: Run) -> list[Stated]:
    """Return what the tool states, each beside the same figure computed here where there is one."""
    return [_beside(run, one) for one in run.told.get("figures", [])]


def _beside(run: Run, one: dict[str, Any]) -> Stated:
    n = format_count(one["n"]) if "n" in one else ""
    if "value" not in one:
        return Stated(one["metric"], "–", n, note=one.get("why", ""))
    unit = one.get("unit", "")
    value = f"{format_number(round(one['value'], 4))}{' ' + unit if unit else ''}"
    here = _here(run, one["metric"])
    if here is None:
        return Stated(one["metric"], value, n)
    differs = abs(in_percent(one) - here["value"]) > CLOSE
    told = f"{format_number(round(here['value'], 2))} %"
    note = _why(run, one, here) if differs else ""
    return Stated(one["metric"], value, n, told, note, differs)


def _here(run: Run, metric: str) -> dict[str, Any] | None:
    """Return the figure computed here that a tool's metric names."""
    scores = run.metrics.get("scores", {})
    base = base_name(metric)
    found: dict[str, Any] | None = scores.get(metric) or scores.get(base)
    if found is None and base in SHARES_RIGHT:
        found = run.metrics.get("accuracy")
    return found


def _why(run: Run, one: dict[str, Any], here: dict[str, Any]) -> str:
    """Return why a tool's figure and ours differ, as far as the counts say."""
    if one.get("n") and one["n"] < run.metrics["attempted"]:
        told = {"n": format_count(one["n"]), "all": format_count(run.metrics["attempted"])}
        return _("The tool counts %(n)s answers; here all %(all)s count, errors as wrong.") % told
    return _("The two differ; the file does not say why.")
