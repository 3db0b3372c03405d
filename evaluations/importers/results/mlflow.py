"""MLflow: runs with their metrics (REST, `to_dictionary`, `search_runs`), and tables of cases.

A run alone is figures; MLflow writes NaN as "NaN" over REST and leaves it out of CSV. A metric's
history is separate, and so are the tables: that of `mlflow.genai.evaluate` (a trace a row), and
those that runs log. What `mlflow_server.fetch` brings has the run and its tables in one file.
"""

from collections.abc import Generator, Iterator
from dataclasses import dataclass, field, replace
from typing import Any

from django.utils.translation import gettext as _

from evaluations.importers.measured import (
    FigureFound,
    Format,
    Found,
    NotUnderstood,
    Source,
    System,
)
from evaluations.importers.results import mlflow_cases
from evaluations.importers.results.asked import parsed
from evaluations.importers.results.json_stream import Pattern, beginning, outline, parts
from evaluations.importers.results.sheet import ROLES, UNITS, Style, is_nothing, read_sheet
from evaluations.importers.results.table import Row, header, rows
from evaluations.importers.results.values import (
    Remarks,
    Repeats,
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

TOOL = "mlflow"
RUNS: tuple[Pattern, ...] = (("run",), ("runs", "[]"))
HISTORIES: tuple[Pattern, ...] = (("[]",), ("metrics", "[]"))
MODELS = ("model", "model_name", "llm", "llm_model", "model_id", "engine", "deployment")
DATASETS = ("dataset", "dataset_name", "task")
PREFIXES = ("metrics.", "params.", "tags.")
STDERRS = ("_stderr", "_std_err", "_standard_error")
FINISHED = {"", "FINISHED", "3"}
SPLIT = ({("columns",), ("data",)}, {("columns",), ("index",), ("data",)})
MOST_METRICS = 10_000
MOST_POINTS = 1_000
MOST_SCORERS = 1_000
TABLE_ROLES = {
    **ROLES,
    "model": (),
    "expected": (*ROLES["expected"], "expectations"),
    "latency_s": ("latency",),
}


@dataclass
class Surveyed:
    """What a table of traces says as a whole."""

    scorers: dict[str, bool] = field(default_factory=dict)
    models: dict[str, None] = field(default_factory=dict)
    run: str = ""
    attempted: int = 0
    repeats: Repeats = field(default_factory=Repeats)

    def note(self, row: Row) -> None:
        """Take a row into account: its scorers, and whether all they say is right or wrong."""
        self.attempted += 1
        for scorer, _score in mlflow_cases.scores_of(row):
            value = row.get(scorer + mlflow_cases.VALUE)
            right = value is None or mlflow_cases.is_verdict(value)
            self.scorers[scorer] = self.scorers.get(scorer, True) and right
        if model := mlflow_cases.model_of(row):
            self.models[model] = None
        if len(self.scorers) + len(self.models) > MOST_SCORERS:
            raise ValueError(_("it has too many scores."))
        told = mapping(row.get("trace_metadata"))
        self.run = self.run or name(told.get("mlflow.sourceRun"))
        self.repeats.number("", mlflow_cases.key_of(row))

    @property
    def main(self) -> str:
        """Return the first scorer that says right or wrong, else the first."""
        names = sorted(self.scorers)
        return next((one for one in names if self.scorers[one]), next(iter(names), ""))


def detect(source: Source) -> bool:
    """Return whether a file begins like one of MLflow's."""
    columns = set(header(source))
    if columns:
        return {"run_id", "experiment_id"} <= columns and any(
            one.startswith(PREFIXES) for one in columns
        )
    paths = outline(source.path)
    return _is_run(paths) or _is_traces(paths) or is_table(paths) or _is_history(source, paths)


def read(source: Source) -> Iterator[Found]:
    """Yield the runs with their figures, or a table's cases; raise `Unreadable`."""
    with sentences(source):
        paths, remarks = outline(source.path), Remarks()
        if not paths and header(source):
            yield from _search(source, remarks)
        elif _is_run(paths):
            yield from _runs(source, paths, remarks)
        elif _is_traces(paths):
            yield from _traces(source, remarks)
        elif is_table(paths):
            yield from _table(source, (), None, remarks)
        else:
            yield from _history(source)
        yield from remarks.found()


def _is_run(paths: set[Pattern]) -> bool:
    roots: tuple[Pattern, ...] = ((), ("run",), ("runs", "[]"))
    return any({(*root, "info", "run_id"), (*root, "info", "run_uuid")} & paths for root in roots)


def _is_traces(paths: set[Pattern]) -> bool:
    return {("[]", "trace_id"), ("[]", "assessments")} <= paths or (
        ("[]", "trace_id") in paths
        and any(one[-1].endswith(("/value", "\\/value")) for one in paths)
    )


def is_table(paths: set[Pattern]) -> bool:
    """Return whether an outline is that of a table: columns, then a list a row."""
    return {path for path in paths if len(path) == 1} in SPLIT


def _is_history(source: Source, paths: set[Pattern]) -> bool:
    """Return whether it is a metric's history: points of (name, value, step, time)."""
    if {("metrics", "[]", one) for one in ("key", "value", "timestamp")} <= paths:
        return True
    if paths:
        return False
    start = "".join(beginning(source.path)[:1_000].split())
    point = start.removeprefix('[["').partition("]")[0].split(",")
    return start.startswith('[["') and len(point) == 4 and point[0].endswith('"')


def _runs(source: Source, paths: set[Pattern], remarks: Remarks) -> Iterator[Found]:
    """Yield the runs of a file; with the tables of the only one its cases."""
    tables = {path[1] for path in paths if path[0] == "tables" and len(path) > 1}
    found = [_run(one) for one in _run_objects(source)]
    if not found:
        raise ValueError(_("it has no runs."))
    for system, metrics in found:
        if len(found) == 1 and tables:
            known = yield from _run_tables(source, sorted(tables), system, remarks)
        else:
            yield (known := system)
        yield from _figures(known.key, metrics)
        if known.model and known.model == known.settings.get("run_name"):
            what = _("no parameter names the model: the run's name stands for it")
            remarks.note(known.key, what)


def _run_objects(source: Source) -> Iterator[Row]:
    info, data, other = {}, {}, {}
    with opened(source) as file:
        for path, value in parts(file, (*RUNS, ("info",), ("data",), ("inputs",))):
            if path[0] in ("run", "runs"):
                yield mapping(value)
            elif path[0] == "info":
                info = dict(mapping(value))
            elif path[0] == "data":
                data = dict(mapping(value))
            else:
                other = dict(mapping(value))
    if info:
        yield {"info": info, "data": data, "inputs": other}


def _run_tables(
    source: Source, tables: list[str], system: System, remarks: Remarks
) -> Generator[Found, None, System]:
    """Yield the cases of a run's first table that has any; return the run's system."""
    for index, one in enumerate(tables):
        found = _table(source, ("tables", one), system, remarks)
        first = next(found, None)
        if not isinstance(first, System):
            continue
        yield first
        yield from found
        for left in tables[index + 1 :]:
            remarks.note(f"tables.{name(left)}", _("a further table of the run is not read"))
        return first
    yield system
    return system


def _run(row: Row) -> tuple[System, dict[str, Any]]:
    """Return a run as a system, and its metrics."""
    info, data = mapping(row.get("info")), mapping(row.get("data"))
    params, tags = _pairs(data.get("params")), _pairs(data.get("tags"))
    dataset = _dataset(mapping(row.get("inputs")))
    system = _system(info, params, tags)
    profile = mapping(parsed(dataset.get("profile")))
    if dataset:
        known = {"dataset": name(dataset.get("name")), "digest": name(dataset.get("digest"))}
        system = replace(system, settings={**system.settings, "dataset_input": known})
    return replace(system, attempted=whole(profile.get("num_rows"))), _pairs(data.get("metrics"))


def _system(info: Row, params: Row, tags: Row) -> System:
    run_name = name(info.get("run_name") or tags.get("mlflow.runName"))
    told = [*(params.get(one) for one in MODELS), *(tags.get(one) for one in MODELS)]
    tasks = [*(tags.get(one) for one in DATASETS), *(params.get(one) for one in DATASETS)]
    status = name(info.get("status"))
    settings = {
        "run_name": run_name,
        "experiment_id": name(info.get("experiment_id")),
        "params": dict(params),
        "tags": {one: value for one, value in tags.items() if not one.startswith("mlflow.")},
    }
    return System(
        key=name(info.get("run_id") or info.get("run_uuid")) or "run",
        model=next((name(one) for one in told if name(one)), run_name),
        task=next((name(one) for one in tasks if name(one)), ""),
        tool=TOOL,
        status="" if status in FINISHED else status.casefold(),
        started_at=moment(info.get("start_time")),
        settings=plain(settings),
    )


def _pairs(found: Any) -> dict[str, Any]:
    """Return name → value of an object, or of a list of keys and values as REST has it."""
    if isinstance(found, dict):
        return {name(one): value for one, value in found.items()}
    pairs = [mapping(one) for one in items(found)]
    return {name(one.get("key")): one.get("value") for one in pairs if name(one.get("key"))}


def _dataset(inputs: Row) -> Row:
    """Return the run's data set, if it has exactly one."""
    found = items(inputs.get("dataset_inputs"))
    return mapping(mapping(found[0]).get("dataset")) if len(found) == 1 else {}


def _figures(system: str, metrics: Row) -> Iterator[FigureFound]:
    """Yield a run's metrics, a standard error with what it belongs to."""
    stderrs = {one + end: one for one in metrics for end in STDERRS if one + end in metrics}
    errors = {base: number(metrics[one]) for one, base in stderrs.items()}
    for metric, value in metrics.items():
        if metric in stderrs:
            continue
        told = number(value)
        why = "" if told is not None else _("MLflow has NaN, an infinity or nothing here")
        yield FigureFound(
            system, metric, told, stderr=errors.get(metric), unit=_unit(metric), why=why
        )


def _unit(metric: str) -> str:
    return next((unit for end, unit in UNITS.items() if metric.casefold().endswith(end)), "")


def _search(source: Source, remarks: Remarks) -> Iterator[Found]:
    """Yield the runs of `search_runs`: a row each."""
    seen = set[str]()
    for where, row in rows(source):
        told: dict[str, dict[str, Any]] = {one: {} for one in PREFIXES}
        for column, value in row.items():
            prefix = next((one for one in PREFIXES if column.startswith(one)), "")
            if prefix and (prefix == "metrics." or not is_nothing(value)):
                told[prefix][name(column.removeprefix(prefix))] = value
        system = _system(row, told["params."], told["tags."])
        if system.key in seen:
            raise ValueError(_("%(where)s is of a run that is in it before.") % {"where": where})
        seen.add(system.key)
        yield system
        metrics = {one: _number(value) for one, value in told["metrics."].items()}
        yield from _figures(system.key, metrics)


def _number(cell: str) -> float | None:
    try:
        return number(float(cell))
    except ValueError:
        return None


def _traces(source: Source, remarks: Remarks) -> Iterator[Found]:
    """Yield the system and a case for each trace."""
    survey, again = Surveyed(), Repeats()
    for _where, row in rows(source):
        survey.note(row)
    system = System(
        key=survey.run or "traces",
        model=", ".join(survey.models),
        tool=TOOL,
        scorer=survey.main,
        attempted=survey.attempted,
        repeats=survey.repeats.most[""] or 1,
    )
    yield system
    for _where, row in rows(source):
        repeat = again.number("", mlflow_cases.key_of(row))
        yield mlflow_cases.case(row, system.key, survey.main, repeat, remarks)


def _table(
    source: Source, place: Pattern, system: System | None, remarks: Remarks
) -> Iterator[Found]:
    """Yield the cases of a table that a run logged: its columns, then a list a row."""
    columns = _columns(source, place)

    def table_rows() -> Iterator[tuple[str, Row]]:
        with opened(source) as file:
            for path, cells in parts(file, ((*place, "data", "[]"),)):
                where = ".".join(map(str, path))
                if len(items(cells)) != len(columns):
                    told = {"where": where, "columns": len(columns)}
                    raise ValueError(_("%(where)s does not have %(columns)s cells.") % told)
                yield where, dict(zip(columns, cells, strict=True))

    style = Style(TOOL, TABLE_ROLES, columns=source.columns, system=system)
    yield from read_sheet(table_rows, style, remarks)


def _columns(source: Source, place: Pattern) -> list[str]:
    """Return a table's columns, “/score” cut off as it says nothing."""
    with opened(source) as file:
        found = [value for _path, value in parts(file, ((*place, "columns", "[]"),))]
    names = [name(one).removesuffix("/score") for one in found]
    if not names or len(set(names)) < len(names) or len(names) > MOST_SCORERS:
        raise ValueError(_("its table has no columns, or two of one name."))
    return names


@dataclass
class Points:
    """A metric's history: its latest value, and those before."""

    latest: tuple[float, float] = (-1.0, -1.0)
    value: float | None = None
    told: list[list[float | None]] = field(default_factory=list)
    count: int = 0

    def take(self, value: Any, step: Any, time: Any) -> None:
        """Take a point into account."""
        at = (number(step) or 0.0, number(time) or 0.0)
        self.count += 1
        if len(self.told) < MOST_POINTS:
            self.told.append([at[0], number(value)])
        if at >= self.latest:
            self.latest, self.value = at, number(value)


def _history(source: Source) -> Iterator[Found]:
    """Yield the latest value of each metric, with its history."""
    found = dict[str, Points]()
    with opened(source) as file:
        for path, point in parts(file, HISTORIES):
            metric, value, step, time = _point(path, point)
            found.setdefault(metric, Points()).take(value, step, time)
            if len(found) > MOST_METRICS:
                raise ValueError(_("it has too many metrics."))
    if not found:
        raise ValueError(_("it has no results."))
    yield System("history", "", tool=TOOL)
    for metric, points in found.items():
        why = "" if points.value is not None else _("the latest value is NaN or an infinity")
        yield FigureFound(
            *("history", metric, points.value),
            unit=_unit(metric),
            why=why,
            settings={"history": points.told, "points": points.count},
        )
        if points.count > MOST_POINTS:
            yield NotUnderstood(metric, _("only the beginning of its history is kept"))


def _point(path: tuple[Any, ...], point: Any) -> tuple[str, Any, Any, Any]:
    if isinstance(point, dict):
        point = [point.get(one) for one in ("key", "value", "step", "timestamp")]
    if not isinstance(point, list) or len(point) != 4 or not name(point[0]):
        where = {"where": ".".join(map(str, path))}
        raise ValueError(_("%(where)s is not a point of a metric.") % where)
    return name(point[0]), point[1], point[2], point[3]


FORMAT = Format(TOOL, "MLflow", detect, read)
