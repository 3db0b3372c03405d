"""Inspect's logs: `.json`, and `.eval`, a zip archive of a header and a file for each sample.

A log is one system. Accuracy in a log is over scored samples, after its epochs were brought
together: the number of attempted ones stands beside it. A log that was broken off has the header
it began with.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import groupby
from typing import Any, TextIO

from django.utils.translation import gettext as _

from evaluations.importers.measured import (
    FigureFound,
    Format,
    Found,
    NotUnderstood,
    Source,
    System,
)
from evaluations.importers.results.archive import (
    Entry,
    entries,
    first_name,
    is_archive,
    opened_entry,
)
from evaluations.importers.results.inspect_cases import (
    ONLY_SCORE,
    Measured,
    case,
    score_key,
)
from evaluations.importers.results.json_stream import Pattern, outline, parts
from evaluations.importers.results.values import (
    Once,
    Remarks,
    excerpt,
    items,
    legible,
    mapping,
    moment,
    name,
    number,
    opened,
    plain,
    sentences,
    whole,
)

TOOL = "inspect_ai"
ACCURACY, STDERR = "accuracy", "stderr"
MEANS = (ACCURACY, "mean")
HEADERS = ("header.json", "_journal/start.json")  # the second where the log was broken off
SAMPLES = "samples/"
MOST_SCORES = 1_000
MOST_STEPS = 100

ABOUT = (
    *("run_id", "eval_id", "created", "task", "task_version", "task_args", "solver", "revision"),
    *("model", "model_args", "model_generate_config", "model_base_url", "model_roles"),
    *("config", "packages", "scorers", "tags", "metadata"),
)
SCORES: Pattern = ("results", "scores", "[]")
STEPS: Pattern = ("plan", "steps", "[]")
IDS: Pattern = ("eval", "dataset", "sample_ids", "[]")
HEAD: tuple[Pattern, ...] = (
    *(("status",), ("error",), ("invalidated",)),
    *(("eval", one) for one in ABOUT),
    *(("eval", "dataset", one) for one in ("name", "samples")),
    *(("results", one) for one in ("total_samples", "completed_samples", "headline")),
    *(("results", one) for one in ("scorer", "metrics")),
    *(("stats", one) for one in ("started_at", "completed_at")),
    *(SCORES, STEPS, IDS),
)
TURNS: Pattern = ("messages", "[]", "role")
SAMPLE: tuple[Pattern, ...] = (
    *(("id",), ("epoch",), ("input",), ("choices",), ("target",), ("output",), ("scores",)),
    *(("score",), ("metadata",), ("model_usage",), ("working_time",), ("error",), ("limit",)),
    *(("error_retries",), ("invalidation",), TURNS),
)

Row = Mapping[str, Any]


@dataclass
class Head:
    """What a log says about the whole, next to its samples."""

    told: dict[Pattern, Any] = field(default_factory=dict)
    scores: list[Row] = field(default_factory=list)
    steps: list[Row] = field(default_factory=list)
    ids: int = 0

    def about(self, *path: str) -> Any:
        """Return what stands at a path, None where nothing does."""
        return self.told.get(path)

    @property
    def config(self) -> Row:
        """Return how the evaluation was to be run."""
        return mapping(self.about("eval", "config"))

    @property
    def epochs(self) -> int:
        """Return how often each sample was to be answered."""
        return whole(self.config.get("epochs")) or 1

    @property
    def attempted(self) -> int | None:
        """Return how many answers were meant to be measured, those that failed among them."""
        counted = whole(self.about("results", "total_samples")) or 0
        return max(counted, self._planned * self.epochs) or None

    @property
    def _planned(self) -> int:
        samples, limit = whole(self.about("eval", "dataset", "samples")), self.config.get("limit")
        if self.ids or samples is None:
            return self.ids
        return min(samples, whole(limit) or samples)

    @property
    def scorers(self) -> list[str]:
        """Return what samples are scored by: as in the results, else as it was meant."""
        told = [_score_name(one) for one in self.scores]
        return list(dict.fromkeys(told)) or [key for key, _metrics in self._meant()]

    @property
    def main(self) -> str:
        """Return the main one among the scorers."""
        headline = mapping(self.about("results", "headline"))
        told = _score_name({"name": headline.get("score"), "scorer": headline.get("scorer")})
        return told or next(iter(self.scorers), "")

    @property
    def right_or_wrong(self) -> set[str]:
        """Return the scorers for which the log tells an accuracy."""
        told = {_score_name(one) for one in self.scores if ACCURACY in _metrics(one)}
        return told | {key for key, metrics in self._meant() if ACCURACY in metrics}

    def _meant(self) -> Iterator[tuple[str, set[str]]]:
        """Yield the scorers that the evaluation was set up with, and their metrics."""
        for one in map(mapping, items(self.about("eval", "scorers"))):
            scorer, metrics = _bare(one.get("name")), one.get("metrics")
            if isinstance(metrics, dict):
                inner = {key: _names(value) for key, value in metrics.items() if key != "*"}
                yield from ((score_key(scorer, key), inner[key]) for key in inner)
            else:
                yield scorer, _names(metrics)


def detect(source: Source) -> bool:
    """Return whether a file begins like one of Inspect's logs, as JSON or as an archive."""
    if not is_archive(source.path):
        # The model stands behind the ids of all samples: too far for the first look.
        wanted = {("eval", "run_id"), ("eval", "created"), ("eval", "task")}
        return wanted <= outline(source.path)
    if first_name(source.path) in HEADERS:
        return True
    try:
        return any(entry.name in HEADERS for entry in entries(source.path))
    except ValueError:
        return False


def read(source: Source) -> Iterator[Found]:
    """Yield the system, every sample, and the figures; raise `Unreadable`."""
    with sentences(source):
        header = _header(source) if is_archive(source.path) else None
        head = _head(source, header)
        system = _system(head)
        if not system.model or not system.task:
            raise ValueError(_("it does not say which model was measured on which task."))
        yield system
        yield from _cases(source, head, system)
        yield from _figures(head, system.key)
        yield from _left_behind(head)


def _header(source: Source) -> Entry:
    """Return the part of an archive that tells about the whole: the last one that was written."""
    found = {one.name: one for one in entries(source.path) if one.name in HEADERS}
    for one in HEADERS:
        if one in found:
            return found[one]
    raise ValueError(_("the archive has no header: it is no log of Inspect."))


def _head(source: Source, header: Entry | None) -> Head:
    if header is None:
        with opened(source) as file:
            return _read_head(file)
    named = Source(source.path, f"{source.title}/{header.title}")
    with sentences(named), opened_entry(source.path, header) as file:
        return _read_head(file)


def _read_head(file: TextIO) -> Head:
    head = Head()
    for path, found in parts(file, HEAD):
        value = legible(found)
        place = tuple("[]" if isinstance(step, int) else step for step in path)
        if place == IDS:
            head.ids += 1
        elif place == SCORES and len(head.scores) < MOST_SCORES:
            head.scores.append(mapping(value))
        elif place == STEPS and len(head.steps) < MOST_STEPS:
            head.steps.append(mapping(value))
        else:
            head.told[place] = value
    metrics = mapping(head.about("results", "metrics"))
    if metrics:  # the first version of logs has one score only
        head.scores.append({"name": ONLY_SCORE, "metrics": metrics})
    return head


def _system(head: Head) -> System:
    status = name(head.about("status"))
    return System(
        key=name(head.about("eval", "eval_id") or head.about("eval", "run_id")) or "log",
        model=name(head.about("eval", "model")),
        task=name(head.about("eval", "task")),
        tool=TOOL,
        tool_version=name(mapping(head.about("eval", "packages")).get(TOOL)),
        scorer=head.main,
        attempted=head.attempted,
        repeats=head.epochs,
        status="" if status == "success" else status or "started",
        started_at=moment(head.about("stats", "started_at"))
        or moment(head.about("eval", "created")),
        settings=plain({key: value for key, value in _settings(head) if value}),
    )


def _settings(head: Head) -> Iterator[tuple[str, Any]]:
    """Yield how the system was set up and run, as far as the log says."""
    yield "dataset", head.about("eval", "dataset", "name")
    yield "grader", items(head.about("eval", "scorers"))
    for one in ("task_version", "task_args", "model_args", "model_generate_config", "model_roles"):
        yield one, head.about("eval", one)
    yield "solver", [{"solver": one.get("solver"), **_params(one)} for one in head.steps]
    for one in ("limit", "epochs_reducer", "fail_on_error", "score_on_error"):
        yield one, head.config.get(one)
    for one in ("revision", "tags", "metadata"):
        yield one, head.about("eval", one)
    yield "completed_at", head.about("stats", "completed_at")
    yield "completed", head.about("results", "completed_samples")
    yield "error", excerpt(mapping(head.about("error")).get("message"))


def _params(step: Row) -> dict[str, Any]:
    params = mapping(step.get("params"))
    return {"params": params} if params else {}


def _cases(source: Source, head: Head, system: System) -> Iterator[Found]:
    measured = Measured(system.key, system.model, head.scorers, head.main, head.right_or_wrong)
    remarks, once = Remarks(), Once()
    count = 0
    for row in _samples(source):
        found = case(row, measured, remarks)
        once.take(found.key, found.repeat)
        count += 1
        yield found
    yield from remarks.found()
    if system.attempted and count < system.attempted:
        told = {"missing": system.attempted - count, "attempted": system.attempted}
        what = _("%(missing)s of %(attempted)s answers are not in the log")
        yield NotUnderstood("samples", what % told)


def _samples(source: Source) -> Iterator[Row]:
    """Yield what is wanted of each sample."""
    if not is_archive(source.path):
        with opened(source) as file:
            yield from _samples_inside(file)
        return
    for entry in entries(source.path):
        if entry.name.startswith(SAMPLES) and entry.name.endswith(".json"):
            named = Source(source.path, f"{source.title}/{entry.title}")
            with sentences(named), opened_entry(source.path, entry) as file:
                row = _gathered(parts(file, SAMPLE))
                if not row:
                    raise ValueError(_("it is not a sample."))
            yield row


def _samples_inside(file: TextIO) -> Iterator[Row]:
    """Yield the samples of a log in JSON."""
    wanted = [("samples", "[]", *one) for one in SAMPLE]
    by_sample = groupby(parts(file, wanted), key=lambda part: part[0][1])
    for number_, (index, found) in enumerate(by_sample):
        if index != number_:
            raise ValueError(_("%(where)s is not a sample.") % {"where": f"samples.{number_}"})
        yield _gathered((path[2:], value) for path, value in found)


def _gathered(found: Iterable[tuple[tuple[str | int, ...], Any]]) -> Row:
    """Return a sample's parts as one; of its messages only how often the model took a turn."""
    row: dict[str, Any] = {}
    for path, value in found:
        if path[0] != TURNS[0]:
            row[str(path[0])] = value
        elif value == "assistant":
            row["turns"] = row.get("turns", 0) + 1
    return row


def _figures(head: Head, system: str) -> Iterator[Found]:
    """Yield the metrics of each score."""
    keys = {_score_name(one) for one in head.scores}
    several = Counter(_score_name(one) for one in head.scores)
    for one in head.scores:
        key, reducer = _score_name(one), name(one.get("reducer"))
        before = f"{key}/" if len(keys) > 1 else ""
        after = f" ({reducer})" if several[key] > 1 and reducer else ""
        for metric, figure in _score_figures(head, one, system):
            yield FigureFound(metric=f"{before}{metric}{after}", **figure)


def _score_figures(head: Head, score: Row, system: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield (metric, the rest of a figure) for the metrics of a score; errors with their means."""
    metrics = _metrics(score)
    n = whole(score.get("scored_samples"))
    settings = {"scorer": _score_name(score), "reducer": score.get("reducer")}
    settings["unscored"] = whole(score.get("unscored_samples"))
    has_mean = any(one in metrics for one in MEANS)
    for metric, value in metrics.items():
        if metric == STDERR and has_mean:
            continue
        yield (
            metric,
            {
                "system": system,
                "value": number(value),
                "n": whole(head.about("results", "completed_samples")) if n is None else n,
                "stderr": number(metrics.get(STDERR)) if metric in MEANS else None,
                "why": "" if number(value) is not None else _why(value),
                "settings": plain({key: one for key, one in settings.items() if one is not None}),
            },
        )


def _why(value: Any) -> str:
    return _("the log has %(value)s here") % {"value": excerpt(value, 40) or "null"}


def _left_behind(head: Head) -> Iterator[Found]:
    """Yield what of a log as a whole does not come in."""
    if head.about("invalidated"):
        yield NotUnderstood("invalidated", _("samples of the log were declared invalid"))
    if head.about("eval", "model_base_url"):
        what = _("the address of the model's server stays in the file")
        yield NotUnderstood("eval.model_base_url", what)


def _metrics(score: Row) -> dict[str, Any]:
    """Return a score's metrics and their values."""
    told = mapping(score.get("metrics"))
    return {name(key): mapping(value).get("value", value) for key, value in told.items()}


def _score_name(score: Row) -> str:
    """Return what cases call a score of the results."""
    own, scorer = name(score.get("name")), name(score.get("scorer"))
    return own if scorer in ("", own) else score_key(scorer, own)


def _bare(registered: Any) -> str:
    """Return a name without the package that it comes from."""
    return name(registered).rpartition("/")[2]


def _names(metrics: Any) -> set[str]:
    return {_bare(mapping(one).get("name")) for one in items(metrics)}


FORMAT = Format("inspect_ai", "Inspect", detect, read)
