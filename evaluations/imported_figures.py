"""The figures of an imported run: computed anew from its answers, beside those its tool states.

All answers that the tool meant to get are the denominator: errors, and answers that a log which
was broken off lacks, count as wrong. Where the tool measured more than the file holds, its own
figures stand. A score is a share only where every answer has one from 0 to 1.
"""

import hashlib
import re
from collections import Counter
from collections.abc import Container, Sequence
from dataclasses import dataclass
from itertools import chain, compress, count, islice
from statistics import fmean
from typing import Any

from django.utils.text import slugify
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from decisions.actions.evidence import Measurement
from decisions.metrics import METRICS
from decisions.numbers import format_count, format_number, format_value
from decisions.policies import BadInput
from evaluations.bootstrap import case_means, mean_interval, score_interval
from evaluations.importers.surveying import SystemSurvey
from evaluations.models import Run
from evaluations.statistics import Interval, normal_quantile, quantiles

SHARES_RIGHT = {"accuracy", "acc", "pass_rate", "exact_match", "em"}
ENDINGS = ("/accuracy", "/mean", "_mean", ",none")
MOST_SCORERS = 20
MOST_ATTACHED = 12
LONGEST_SLUG = 50
# Tools whose verdict says that an answer met whatever was asserted of it.
PASSING = {"deepeval", "promptfoo", "pydantic_evals"}
VERDICTS = ("accuracy", "pass_rate")
STATISTIC = re.compile(r"(?:\A|[^a-z])(std|stdev|stddev|stderr|sd|se|var|variance)(?![a-z])", re.I)
LONGEST_NAME = 120
CONFIDENCE = 0.95
CLOSE = 0.051  # percentage points: what tools round off
CHUNK = 2_000


def main_score(one: SystemSurvey) -> str:
    """Return the scorer that a system's answers are told by, "" where verdicts are.

    Verdicts are, where there are any and the scorer has no share for some of the answers.
    """
    stated = [figure.metric for figure in one.figures]
    known = one.scorers if one.answers else stated
    main = one.system.scorer if one.system.scorer in known or not known else known[0]
    is_whole = one.scored[main] >= one.answers - one.errors
    return main if is_whole or not one.verdicts else ""


@dataclass
class Columns:
    """The answers of a run as columns: what the figures need of them, and no texts."""

    cases: list[int]
    right: list[float]
    scores: dict[str, list[float | None]]
    latencies: list[float]
    costs: list[float]
    priced: list[int]  # the cases of the costs
    failed: list[float]
    judged: list[bool]
    with_verdict: int = 0

    @property
    def answered(self) -> int:
        """Return how many answers are no errors."""
        return len(self.failed) - int(sum(self.failed))


def metrics_of(run: Run, survey: SystemSurvey) -> dict[str, Any]:
    """Return the figures of an imported run: counts, shares in percent, times in milliseconds.

    `scores` maps each scorer to the mean of its score over all answers attempted, in percent;
    `no_shares` names the scorers without one. The same of what was answered and judged alone stands
    under `of_answered`, where that is not all. Of an excerpt there is no share at all.
    """
    columns = _columns(run, survey)
    counts = {
        "attempted": survey.attempted,
        "answered": columns.answered,
        "failed": int(sum(columns.failed)),
        "missing": survey.missing,
        "with_verdict": columns.with_verdict,
        "unjudged": columns.answered - sum(columns.judged),
        "correct": int(sum(columns.right)),
    }
    if not columns.cases:
        return counts
    shares = {} if survey.is_excerpt else _shares(columns, survey, verdict_metric(run))
    return {**counts, **shares, **_latencies(columns.latencies), **_cost(columns, survey.repeats)}


def verdict_metric(run: Run) -> str:
    """Return what the share of a run's right answers is: in tools that test, of those that pass."""
    return "pass_rate" if run.told["format"] in PASSING else "accuracy"


def _columns(run: Run, survey: SystemSurvey) -> Columns:
    """Return the answers of a run as columns; about 100 bytes for each answer and score."""
    scorers = survey.scorers[:MOST_SCORERS]
    found = Columns([], [], {name: [] for name in scorers}, [], [], [], [], [])
    main = survey.system.scorer
    fields = ("case_id", "correct", "error", "latency_ms", "cost", "scores")
    rows = run.results.order_by("case__position", "repeat").values_list(*fields)
    for case, correct, error, latency, cost, scores in rows.iterator(chunk_size=CHUNK):
        found.cases.append(case)
        found.right.append(float(bool(correct)))
        found.failed.append(float(bool(error)))
        has_verdict = correct is not None and not error
        found.with_verdict += has_verdict
        # A verdict of what the main scorer failed on says only that it did.
        found.judged.append(has_verdict and (main not in scorers or scores.get(main) is not None))
        for name in scorers:
            found.scores[name].append(None if error else scores.get(name))
        if latency is not None and not error:
            found.latencies.append(latency)
        if cost is not None and not error:
            found.costs.append(float(cost))
            found.priced.append(case)
    return found


def _shares(columns: Columns, survey: SystemSurvey, verdict: str) -> dict[str, Any]:
    """Return error rate, the verdicts' share where there are any, and the mean of every score."""
    found = {"error_rate": _share(columns.failed, columns.cases, survey, absent=1.0)}
    if survey.verdicts:
        found[verdict] = _share(columns.right, columns.cases, survey)
    shares = [name for name in columns.scores if _is_share(name, columns, survey)]
    scores = {
        name: _share([one or 0.0 for one in columns.scores[name]], columns.cases, survey)
        for name in shares
    }
    told = {
        "scores": scores,
        "no_shares": [name for name in columns.scores if name not in shares],
        "of_answered": _of_answered(columns, survey, verdict, shares),
    }
    return found | {name: one for name, one in told.items() if one}


def _of_answered(
    columns: Columns, survey: SystemSurvey, verdict: str, shares: list[str]
) -> dict[str, Any]:
    """Return the shares over what was answered and judged alone, where that is not all of it."""
    found: dict[str, Any] = {}
    if survey.verdicts and 0 < sum(columns.judged) < survey.attempted:
        found[verdict] = _mean_of(columns.right, columns.judged, columns.cases, survey)
    scores = {}
    for name in shares:
        values = columns.scores[name]
        known = [one is not None for one in values]
        if 0 < sum(known) < survey.attempted:
            scores[name] = _mean_of(values, known, columns.cases, survey)
    return found | ({"scores": scores} if scores else {})


def _mean_of(
    values: Sequence[float | None], chosen: list[bool], cases: list[int], survey: SystemSurvey
) -> dict[str, Any]:
    """Return the mean of some answers' cases' means as a figure in percent."""
    of_cases = list(compress(cases, chosen)) if survey.repeats > 1 else None
    some = list(compress(values, chosen))
    means = case_means(some, of_cases)
    return _in_percent(float(means.mean()), len(means), score_interval(some, of_cases))


def _is_share(name: str, columns: Columns, survey: SystemSurvey) -> bool:
    """Return whether the mean of a score can be told over all answers attempted.

    Every answer has one from 0 to 1: others are on another scale, or were left out. What failed
    counts as 0, so that 0 has to be the worst where anything did.
    """
    values = columns.scores[name]
    if sum(one is not None for one in values) < columns.answered:
        return False
    failed = any(columns.failed) or survey.missing
    return not failed or base_name(name) in SHARES_RIGHT or _rises(values, columns.right)


def _rises(values: Sequence[float | None], right: Sequence[float]) -> bool:
    """Return whether answers that are right have higher scores than those that are wrong."""
    pairs = [pair for pair in zip(values, right, strict=True) if pair[0] is not None]
    high, low = ([one or 0.0 for one, ok in pairs if ok == told] for told in (1.0, 0.0))
    return bool(high and low) and fmean(high) > fmean(low)


def _share(
    values: list[float], cases: list[int], survey: SystemSurvey, absent: float = 0.0
) -> dict[str, Any]:
    """Return the mean of the cases' means as a figure in percent; what is missing is `absent`."""
    missing = _missing(cases, survey)
    padded = [*values, *([absent] * len(missing))]
    clusters = [*cases, *missing] if survey.repeats > 1 else None
    means = case_means(padded, clusters)
    return _in_percent(float(means.mean()), len(means), score_interval(padded, clusters))


def _missing(cases: list[int], survey: SystemSurvey) -> list[int]:
    """Return the case of each answer that the file lacks.

    They fill up the cases that were answered less often than others; the rest are cases that the
    file lacks altogether.
    """
    repeats = survey.repeats
    short = (case for case, n in Counter(cases).items() for _more in range(repeats - n))
    others = (-1 - at // repeats for at in count())
    return list(islice(chain(short, others), survey.missing))


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


def _cost(columns: Columns, repeats: int) -> dict[str, Any]:
    """Return the cost of 1,000 requests in US dollars; nothing where one answer's is not known."""
    if not columns.costs or len(columns.costs) < columns.answered:
        return {}
    means = case_means(columns.costs, columns.priced if repeats > 1 else None)
    figure = {"value": 1000 * float(means.mean()), "n": len(means), "unit": "USD"}
    interval = mean_interval(means)
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
    found = _found(run)[:MOST_ATTACHED]
    if not found:
        raise BadInput(_why_nothing(run))
    return found


def left_out(run: Run) -> str:
    """Return in sentences what the record does not take in of an imported run's figures."""
    told = []
    if names := run.metrics.get("no_shares"):
        sentence = _("No figure of %(names)s: %(why)s.")
        told.append(sentence % {"names": ", ".join(names), "why": _no_share()})
    if (total := len(_found(run))) > MOST_ATTACHED:
        counts = {"n": format_count(MOST_ATTACHED), "all": format_count(total)}
        told.append(_("Only the first %(n)s of %(all)s figures are attached.") % counts)
    return " ".join(told)


def _no_share() -> str:
    return _(
        "not every answer has a score from 0 to 1, or there are errors and nothing says that 0 is "
        "the worst"
    )


def _why_nothing(run: Run) -> str:
    """Return why there is no figure that the record could take in."""
    if is_excerpt(run):
        held = {"held": format_count(run.told["answers"])}
        sentence = _("the file holds %(held)s answers of more, and no figure over all of them.")
        return sentence % held
    if run.metrics.get("no_shares"):
        return _no_share() + "."
    return _("the file says no figure together with the number of cases it is over.")


def is_excerpt(run: Run) -> bool:
    """Return whether the file held only a part of the answers, so that nothing was computed."""
    return run.case_set_id is not None and "error_rate" not in run.metrics


def why_incomparable(run: Run) -> str:
    """Return why an imported run's answers may not be held against others' case by case, or ""."""
    if not run.is_imported or run.case_set_id is None:
        return ""
    answered = run.told.get("cases", run.case_count)
    if is_excerpt(run) or run.metrics["missing"] or answered < run.case_count:
        return _("%(run)s does not hold all answers") % {"run": run}
    main = run.told.get("main", run.told["scorer"])
    is_judged = run.metrics["with_verdict"] == run.metrics["answered"]
    if main in run.metrics.get("scores", {}) or (is_judged and not main):
        return ""
    if not main:
        return _("%(run)s has answers without a verdict") % {"run": run}
    return _("%(run)s has no score from 0 to 1 on every answer") % {"run": run}


def _found(run: Run) -> list[Measurement]:
    return [*_recomputed(run), *_stated(run)]


def _recomputed(run: Run) -> list[Measurement]:
    """Return the figures that were computed here."""
    metrics = run.metrics
    alone = metrics.get("of_answered", {})
    unjudged = metrics.get("unjudged", 0)  # runs from before it was counted have none
    found = {
        one: _measurement(
            run, one, str(METRICS[one].name), metrics[one], _method(run, unjudged, alone.get(one))
        )
        for one in VERDICTS
        if one in metrics
    }
    verdict = next(iter(found.values()), None)
    for name, figure in metrics.get("scores", {}).items():
        is_same = verdict is not None and abs(verdict.value - figure["value"]) < CLOSE
        if is_same and name in {"accuracy", run.told["scorer"]}:
            continue
        key = _slug(name, {*found, "cost_per_1000"})
        how = _method(run, alone=alone.get("scores", {}).get(name))
        found[key] = _measurement(run, key, name, figure, how)
    if found and "cost_per_1000" in metrics:
        how = _("The mean of what %(tool)s noted as the answers' cost, times 1,000.")
        figure, title = metrics["cost_per_1000"], str(METRICS["cost_per_1000"].name)
        cost = _measurement(run, "cost_per_1000", title, figure, how % _tool(run))
        return [*found.values(), cost]
    return list(found.values())


def _stated(run: Run) -> list[Measurement]:
    """Return what the tool states itself, where nothing could be computed here."""
    if "error_rate" in run.metrics:
        return []
    found: dict[str, Measurement] = {}
    for one in run.told["figures"]:
        if "value" not in one or not one.get("n") or STATISTIC.search(one["metric"]):
            continue
        metric, figure = _as_figure(one)
        name = str(METRICS[metric].name) if metric in METRICS else one["metric"]
        if metric not in found:
            found[metric] = _measurement(run, metric, name, figure, _stated_method(run, figure))
    return list(found.values())


def _as_figure(one: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    """Return (metric, figure) of what a tool states; shares right are told in percent."""
    base = base_name(one["metric"])
    is_share = base in SHARES_RIGHT and 0 <= in_percent(one) <= 100
    value = in_percent(one) if is_share else one["value"]
    scale = value / one["value"] if is_share and one["value"] else 1.0
    unit = "%" if is_share else one.get("unit", "")
    figure: dict[str, Any] = {"value": value, "n": one["n"], "unit": unit}
    if one.get("stderr") and "low" not in one:
        reach = normal_quantile(CONFIDENCE) * one["stderr"] * scale
        told = {"low": value - reach, "high": value + reach}
        figure |= told | {"interval_method": _("from its standard error, 95%")}
    share = "pass_rate" if base == "pass_rate" else "accuracy"
    return share if is_share else _slug(one["metric"]), figure


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


def _method(run: Run, unjudged: int = 0, alone: dict[str, Any] | None = None) -> str:
    """Return in plain words how a figure came about that was computed here."""
    metrics = run.metrics
    told = _tool(run) | {name: format_count(metrics[name]) for name in _COUNTS}
    sentence = _(
        "%(tool)s measured it, and %(file)s was brought in: of %(attempted)s answers attempted, "
        "%(failed)s are errors and %(missing)s are not in the file; these count as wrong."
    )
    found = [sentence % told]
    if unjudged:
        sentence = ngettext(
            "%(n)s answer could not be judged and counts as wrong.",
            "%(n)s answers could not be judged and count as wrong.",
            unjudged,
        )
        found.append(sentence % {"n": format_count(unjudged)})
    if alone:
        of_answered = {"n": format_count(alone["n"]), "value": _in_words(alone)}
        found.append(_("Of the %(n)s answered and judged alone it is %(value)s.") % of_answered)
    return " ".join([*found, _("The figure and its interval were computed here.")])


_COUNTS = ("attempted", "failed", "missing")


def _in_words(figure: dict[str, Any]) -> str:
    return format_value(figure["value"], figure.get("low"), figure.get("high"), figure["unit"])


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


def _slug(name: str, taken: Container[str] = ()) -> str:
    """Return the key of a score: its name, with a hash where it does not come out the same."""
    found = slugify(name)[:LONGEST_SLUG].replace("-", "_")
    if found == name and found not in taken:
        return found
    return f"{found}_{hashlib.sha256(name.encode()).hexdigest()[:8]}".lstrip("_")


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
    told = _in_words(here)
    note = _why(run, one, here) if differs else ""
    return Stated(one["metric"], value, n, told, note, differs)


def _here(run: Run, metric: str) -> dict[str, Any] | None:
    """Return the figure computed here that a tool's metric names."""
    scores = run.metrics.get("scores", {})
    base = base_name(metric)
    found: dict[str, Any] | None = scores.get(metric) or scores.get(base)
    if found is None and base in SHARES_RIGHT:
        found = run.metrics.get(verdict_metric(run))
    return found


def _why(run: Run, one: dict[str, Any], here: dict[str, Any]) -> str:
    """Return why a tool's figure and ours differ, as far as the counts say."""
    if one.get("n") and one["n"] < run.metrics["attempted"]:
        told = {"n": format_count(one["n"]), "all": format_count(run.metrics["attempted"])}
        return _("The tool counts %(n)s answers; here all %(all)s count, errors as wrong.") % told
    return _("The two differ; the file does not say why.")
