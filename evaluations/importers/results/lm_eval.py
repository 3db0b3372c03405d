"""lm-evaluation-harness: results files from 0.2 to 0.4, samples files, and folders of both.

A system is a task as one filter reads its answers (0.4 writes `metric,filter`; where a task has
one filter only, the task alone). Groups sum up other tasks of the file: they come in once, with
the status “group”.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import Any

from django.utils.translation import gettext as _

from evaluations.importers.measured import FigureFound, Format, Found, NotUnderstood, Source
from evaluations.importers.results import lm_eval_samples
from evaluations.importers.results.json_stream import Pattern, outline, parts
from evaluations.importers.results.lm_eval_head import (
    TABLES,
    Head,
    head_of,
    is_missing,
)
from evaluations.importers.results.values import (
    mapping,
    name,
    number,
    opened,
    plain,
    sentences,
    whole,
)

METRIC = re.compile(r"(?P<metric>[^,]+?)(?P<stderr>_stderr)?(?:,(?P<filter>.+))?\Z", re.DOTALL)
ABOUT = {
    *("alias", "name", "sample_len", "sample_count", "samples", "task_name", "prompt_name", " "),
    *(
        "dataset_path",
        "dataset_name",
        "subset",
        "prompt_id",
        "prompt_jinja",
        "prompt_original_task",
    ),
}
PERCENT = {"bleu", "chrf", "chrf++", "ter"}
SHARES = re.compile(r"(acc|exact|em\b|f1|rouge|pct_|mc\d|precision|recall|pass@|best_)")
MOST_FILES = 1_000
HIGHEST_PERCENT = 100

Figures = dict[str, dict[str, tuple[Any, Any]]]  # filter → metric → value, standard error


def detect(source: Source) -> bool:
    """Return whether a file begins like the harness's results or samples, or a folder has some."""
    if source.path.is_dir():
        return any(_is_results(outline(one)) for one in _files(source.path, "*.json"))
    paths = outline(source.path)
    return _is_results(paths) or lm_eval_samples.is_samples(paths)


def read(source: Source) -> Iterator[Found]:
    """Yield the systems with their figures, and cases where there are any; raise `Unreadable`."""
    if source.path.is_dir():
        yield from _read_folder(source)
    elif _is_results(outline(source.path)):
        with sentences(source):
            yield from _read_results(source, head_of(source), set())
    else:
        yield from lm_eval_samples.read(source, _companion(source), set())


def _is_results(paths: set[Pattern]) -> bool:
    """Return whether the members at a file's beginning are tasks with metrics."""
    metrics = {path[1:] for path in paths if len(path) == 3 and path[:1] in {t[:1] for t in TABLES}}
    return any("," in one or (task, f"{one}_stderr") in metrics for task, one in metrics) or (
        bool(metrics) and {("versions",), ("config", "model_args")} <= paths
    )


def _read_folder(source: Source) -> Iterator[Found]:
    """Yield each results file of a folder with the samples of the same time."""
    with sentences(source):
        results = [one for one in _files(source.path, "*.json") if _is_results(outline(one))]
        samples = _files(source.path, "*.jsonl")
    known: set[str] = set()
    for path in results:
        told = Source(path, f"{source.title}/{path.name}")
        head = head_of(told)
        if any(one in known for one in head.tasks):
            head = replace(head, prefix=f"{path.stem}:")
        yield from _read_results(told, head, known)
        stamp = lm_eval_samples.stamp_of(path.name)
        for one in [
            one for one in samples if stamp and lm_eval_samples.stamp_of(one.name) == stamp
        ]:
            samples.remove(one)
            yield from lm_eval_samples.read(Source(one, f"{source.title}/{one.name}"), head, known)
    for one in samples:
        yield NotUnderstood(one.name, _("no results file of the folder has its time: it stays out"))


def _files(folder: Path, pattern: str) -> list[Path]:
    """Return a folder's files, in the order of their names, without what links lead out to."""
    files = (one for one in folder.rglob(pattern) if one.is_file() and not one.is_symlink())
    found = list(islice(files, MOST_FILES + 1))
    if len(found) > MOST_FILES:
        raise ValueError(_("it has more than %(most)s files.") % {"most": MOST_FILES})
    return sorted(found)


def _companion(source: Source) -> Head:
    """Return what the results file beside a samples file says; nothing where there is none."""
    stamp = lm_eval_samples.stamp_of(source.path.name)
    for path in sorted(source.path.parent.glob(f"*{stamp}.json")) if stamp else []:
        if path.is_file() and _is_results(outline(path)):
            return head_of(Source(path))
    return Head()


def _read_results(source: Source, head: Head, known: set[str]) -> Iterator[Found]:
    """Yield the systems of a results file with their figures, then cases that are in it."""
    with opened(source):
        if not head.tasks:
            raise ValueError(_("it has no results."))
        with opened(source) as file:
            for path, value in parts(file, TABLES):
                task = str(path[1])
                if not isinstance(value, dict):
                    yield NotUnderstood(".".join(map(str, path)), _("it is not a task's metrics"))
                    continue
                yield from _task(head, task, value, known)
        yield from lm_eval_samples.read_inside(source, head, known)


def _task(head: Head, task: str, told: Mapping[str, Any], known: set[str]) -> Iterator[Found]:
    """Yield a task's systems, one a filter, each with its figures."""
    by_filter, lost = _figures(told)
    named = name(told.get("task_name")) or task
    for filter_, metrics in by_filter.items():
        key = head.key(task, filter_, by_filter)
        known.add(key)
        system = head.system(key, named, filter_, list(metrics))
        yield system
        for metric, (value, stderr) in metrics.items():
            n = _n(told, metric, filter_, system.attempted)
            yield _figure(key, metric, value, stderr, n, _unit(metric, metrics), head, task)
    for one in lost:
        yield NotUnderstood(f"results.{task}.{name(one)}", _("its value is not a number"))
    if not by_filter:
        yield NotUnderstood(f"results.{task}", _("it has no metric"))


def _figures(told: Mapping[str, Any]) -> tuple[Figures, list[str]]:
    """Return a task's metrics by filter, and what is not a figure."""
    found: Figures = {}
    lost = []
    for key, value in told.items():
        match = METRIC.match(key)
        if key in ABOUT or not match or match["stderr"]:
            continue
        bare = match["filter"] is None
        if number(value) is None and not (is_missing(value) and (not bare or _is_none(value))):
            lost.extend([key] if not (bare and isinstance(value, str)) else [])
            continue
        suffix = "" if bare else f",{match['filter']}"
        stderr = told.get(f"{match['metric']}_stderr{suffix}")
        metrics = found.setdefault(match["filter"] or "none", {})
        metrics[name(match["metric"])] = value, stderr
    return found, lost


def _is_none(value: Any) -> bool:
    return not isinstance(value, str) or value.strip().lower() in ("", "n/a", "nan", "none")


def _figure(
    key: str, metric: str, value: Any, stderr: Any, n: int | None, unit: str, head: Head, task: str
) -> FigureFound:
    """Return a metric as a figure; “N/A” and NaN are no value."""
    settings = {"higher_is_better": mapping(head.of("higher_is_better", task)).get(metric)}
    if isinstance(stderr, str):
        settings["stderr"] = name(stderr)
    why = _("the harness wrote %(value)s") % {"value": name(str(value)) or "“”"}
    return FigureFound(
        system=key,
        metric=metric,
        value=number(value),
        n=n,
        stderr=number(stderr),
        unit=unit,
        why=why if number(value) is None else "",
        settings=plain({what: one for what, one in settings.items() if one is not None}),
    )


def _n(told: Mapping[str, Any], metric: str, filter_: str, attempted: int | None) -> int | None:
    """Return over how many documents a metric is: in groups each metric has its own number."""
    counts = mapping(told.get("sample_count"))
    counted = whole(counts.get(f"{metric},{filter_}"))
    told_len = whole(told.get("sample_len"))
    return next((one for one in (counted, attempted, told_len) if one is not None), None)


def _unit(metric: str, metrics: Mapping[str, tuple[Any, Any]]) -> str:
    """Return "%" for metrics from 0 to 100: by name, or because one of the task's is above 1."""
    if metric in PERCENT:
        return "%"
    shares = [number(value) for one, (value, _err) in metrics.items() if SHARES.match(one)]
    high = any(one is not None and 1 < one <= HIGHEST_PERCENT for one in shares)
    return "%" if high and SHARES.match(metric) else ""


FORMAT = Format("lm_eval", "lm-evaluation-harness", detect, read)
