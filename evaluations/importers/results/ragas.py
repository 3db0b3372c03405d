"""Ragas: it has no file of its own, so these are its tables as people write them down.

A row for each sample (CSV, a list, a row a line), such rows within a report, by pipeline or not, or
means alone. A pipeline that failed is often given 0 by every metric: such a 0 is no score here.
"""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from django.utils.translation import gettext as _

from evaluations.importers.measured import CaseFound, FigureFound, Format, Found, Source, System
from evaluations.importers.results.json_stream import Pattern, outline, parts
from evaluations.importers.results.sheet import (
    MOST_SYSTEMS,
    ROLES,
    Style,
    plain_name,
    read_sheet,
)
from evaluations.importers.results.table import (
    JSON,
    first_names,
    header,
    rows,
    shape,
)
from evaluations.importers.results.values import (
    Remarks,
    items,
    mapping,
    moment,
    name,
    number,
    opened,
    plain,
    sentences,
    whole,
)

TOOL = "ragas"
METRICS = (
    *("answer_correctness", "factual_correctness", "answer_accuracy", "faithfulness"),
    *("answer_relevancy", "answer_relevance", "response_relevancy", "context_precision"),
    *("context_recall", "context_relevancy", "context_relevance", "context_entity_recall"),
    *("response_groundedness", "answer_similarity", "semantic_similarity", "noise_sensitivity"),
    *("llm_context_precision_with_reference", "llm_context_precision_without_reference"),
    *("non_llm_context_precision_with_reference", "non_llm_context_recall", "harmfulness"),
)
OWN_COLUMNS = {"user_input", "retrieved_contexts", "ground_truth", "ground_truths", "contexts"}
STYLE_ROLES = {
    **ROLES,
    "output": ("response", "answer", "output"),
    "expected": ("reference", "ground_truth", "ground_truths", "expected"),
    "correct": (),
    "ran": ("success",),
}
ROWS: tuple[Pattern, ...] = (
    ("[]",),
    ("detailed_results", "[]"),
    ("detailed_results", "*", "[]"),
)
MEANS = ("pipeline_metrics", "pipeline_scores")
TOLD: tuple[Pattern, ...] = (("timestamp",), ("metadata",), ("total_test_cases",))
PIPELINES: Pattern = ("pipelines_evaluated", "[]")
STATED = ("std", "min", "max", "median")


@dataclass
class Report:
    """What a report says beside its rows, and how many rows of each pipeline failed."""

    told: dict[str, Any] = field(default_factory=dict)
    pipelines: list[str] = field(default_factory=list)
    means: dict[str, Mapping[str, Any]] = field(default_factory=dict)
    rows: int = 0
    failed: Counter[str] = field(default_factory=Counter)

    @property
    def metadata(self) -> Mapping[str, Any]:
        """Return the report's own description."""
        return mapping(self.told.get("metadata"))

    @property
    def names(self) -> list[str]:
        """Return the pipelines that were meant to be measured."""
        setup = mapping(self.metadata.get("configuration"))
        told = [*self.pipelines, *self.means, *items(setup.get("pipelines"))]
        return list(dict.fromkeys(map(name, told)))[: MOST_SYSTEMS + 1]

    def settled(self, system: System) -> System:
        """Return a system with what the report says of all of them."""
        meant = whole(self.metadata.get("num_queries")) or whole(self.told.get("total_test_cases"))
        attempted = max(meant or 0, system.attempted or 0) or None
        started = self.told.get("timestamp") or self.metadata.get("timestamp")
        return replace(
            system,
            task=system.task or name(self.metadata.get("dataset")),
            attempted=attempted,
            started_at=moment(_stamp(started)),
            settings=plain(dict(mapping(self.metadata.get("configuration")))),
        )


def detect(source: Source) -> bool:
    """Return whether a file has Ragas' metrics or a report around them."""
    renamed = {column: one for one, column in source.columns.items()}
    columns = {renamed.get(one, one) for one in [*header(source), *first_names(source)]}
    paths = outline(source.path) if not columns else set()
    columns.update(path[-1] for path in paths if _is_row(path) or path[:-1] == ())
    known = {plain_name(one) for one in columns}
    return _is_ragas(known) or _is_report(paths)


def read(source: Source) -> Iterator[Found]:
    """Yield the systems, their cases, and the means; raise `Unreadable`."""
    with sentences(source):
        remarks = Remarks()
        style = Style(TOOL, STYLE_ROLES, METRICS, METRICS, source.columns, title=source.title)
        if shape(source) != JSON:
            yield from read_sheet(lambda: rows(source), style, remarks)
        else:
            yield from _read_json(source, style, remarks)
        yield from remarks.found()


def _read_json(source: Source, style: Style, remarks: Remarks) -> Iterator[Found]:
    report = _report(source)
    if report.rows:
        for one in read_sheet(lambda: rows(source, ROWS), style, remarks):
            if isinstance(one, CaseFound) and one.error:
                report.failed[one.system] += 1
            yield report.settled(one) if isinstance(one, System) else one
    else:
        yield from _unmeasured(source, report, remarks)
    yield from _means(report, remarks)


def _report(source: Source) -> Report:
    """Return what stands around the rows, and that there are any."""
    report = Report()
    means = tuple((one, "*") for one in MEANS)
    with opened(source) as file:
        places = (*TOLD, PIPELINES, *means)
        for path, value in parts(file, places):
            if path[0] == "pipelines_evaluated":
                report.pipelines.append(name(value))
            elif path[0] in MEANS:
                report.means[name(path[1])] = mapping(value)
            else:
                report.told[str(path[0])] = value
            _refuse_many(report)
    report.pipelines += map(name, items(report.metadata.get("pipelines_evaluated")))
    for _found in rows(source, ROWS):
        report.rows += 1
    return report


def _unmeasured(source: Source, report: Report, remarks: Remarks) -> Iterator[Found]:
    """Yield the pipelines of a report without rows: with means, or of a run that never began."""
    if not report.names:
        yield from _means_alone(source)
        return
    for one in report.names:
        told = report.settled(System(one, one, tool=TOOL, scorer=""))
        yield replace(told, status="" if one in report.means else "incomplete")
    what = _("the report has no answers of any pipeline")
    remarks.note("detailed_results", what)


def _means_alone(source: Source) -> Iterator[Found]:
    """Yield the means that Ragas prints: a number for each metric, and nothing else."""
    with opened(source) as file:
        found = {name(path[0]): value for path, value in parts(file, (("*",),))}
    if len(found) > MOST_SYSTEMS or not any(plain_name(one) in METRICS for one in found):
        raise ValueError(_("it has no results."))
    yield System("system", "", tool=TOOL)
    for metric, value in found.items():
        why = "" if number(value) is not None else _("there is no number here")
        yield FigureFound("system", metric, number(value), why=why)


def _means(report: Report, remarks: Remarks) -> Iterator[Found]:
    """Yield the means of each pipeline; of answers that all failed there is none."""
    for pipeline, metrics in report.means.items():
        if report.rows and pipeline not in report.names:
            remarks.note(pipeline, _("means of a pipeline without answers"))
        for metric, stated in metrics.items():
            yield _mean(report, pipeline, metric, stated)


def _mean(report: Report, pipeline: str, metric: str, stated: Any) -> FigureFound:
    told = mapping(stated)
    value = number(told.get("mean") if told else stated)
    low, high = _interval(told)
    attempted = report.settled(System(pipeline, pipeline)).attempted
    settings = plain({one: told[one] for one in (*STATED, "mean") if one in told})
    if attempted and report.failed[pipeline] >= attempted:
        why = _("every answer failed: the mean that the report states is not one of scores")
        return FigureFound(pipeline, name(metric), None, attempted, why=why, settings=settings)
    settings.pop("mean", None)
    why = "" if value is not None else _("the report has no number here")
    return FigureFound(
        pipeline, name(metric), value, attempted, low=low, high=high, why=why, settings=settings
    )


def _interval(told: Mapping[str, Any]) -> tuple[float | None, float | None]:
    found = [number(one) for one in items(told.get("confidence_95"))]
    return (found[0], found[1]) if len(found) == 2 else (None, None)


def _stamp(told: Any) -> Any:
    """Return “20250928_223817” as a time stamp that others understand too."""
    return told.replace("_", "T") if isinstance(told, str) and "T" not in told else told


def _refuse_many(report: Report) -> None:
    if max(len(report.pipelines), len(report.means)) > MOST_SYSTEMS:
        raise ValueError(_("it has more than %(most)s systems.") % {"most": MOST_SYSTEMS})


def _is_row(path: Pattern) -> bool:
    """Return whether it is the path of a cell of a row."""
    return any(
        len(path) == len(place) + 1
        and all(step in ("*", given) for step, given in zip(place, path, strict=False))
        for place in ROWS
    )


def _is_ragas(names: set[str]) -> bool:
    known = len(names & set(METRICS))
    return known > 1 or (known == 1 and bool(names & OWN_COLUMNS))


def _is_report(paths: set[Pattern]) -> bool:
    """Return whether it is a report of pipelines, as written around Ragas."""
    tops = {path[0] for path in paths}
    told = {("pipelines_evaluated",), ("metadata", "pipelines_evaluated")} & paths
    return bool(told) and "detailed_results" in tops


FORMAT = Format("ragas", "Ragas", detect, read)
