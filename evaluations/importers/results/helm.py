"""HELM's runs: a folder or a zip archive with one run or many, each a folder of its own.

`run_spec.json` says what was run, `stats.json` has the figures, `scenario_state.json` the answers
and `per_instance_stats.json` their scores. HELM averages over an instance's trials first, so that
the count of a statistic is that of trials: over how many instances it is, `num_instances` says.

HELM's headline is over the instances of one split as they are, without perturbations: those come
in. It is `test` where a run has it. Of the others only HELM's own statistics do.
"""

from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, closing, contextmanager
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path, PurePosixPath
from typing import Any, Protocol, TextIO

from django.utils.translation import gettext as _

from evaluations.importers.measured import (
    FigureFound,
    Format,
    Found,
    NotUnderstood,
    Source,
    System,
)
from evaluations.importers.results.archive import Entry, entries, is_archive, opened_entry
from evaluations.importers.results.helm_cases import (
    Asked,
    Headline,
    Statistics,
    cases,
    is_bookkeeping,
    metric_name,
    perturbation_name,
    place_of,
)
from evaluations.importers.results.json_stream import Pattern, parts
from evaluations.importers.results.values import (
    Once,
    Remarks,
    items,
    legible,
    mapping,
    name,
    number,
    opened,
    plain,
    sentences,
    text,
    whole,
)

TOOL = "helm"
SPEC, STATS = "run_spec.json", "stats.json"
STATES, SCORES = "scenario_state.json", "per_instance_stats.json"
READ = (SPEC, STATS, STATES, SCORES)
MOST_FILES = 1_000_000
MOST_RUNS = 10_000
MOST_STATS = 100_000
COUNT, TRIALS = "num_instances", "num_train_trials"
RUNTIME = "inference_runtime"
# What HELM's own tables show for a scenario: the first of these among its metrics.
MAIN = ("exact_match", "quasi_exact_match")
MAIN_GENERATED = (
    *("f1_score", "math_equiv_chain_of_thought", "math_equiv", "final_number_exact_match"),
    *("chain_of_thought_correctness", "ifeval_strict_accuracy", "rouge_2", "rouge_l"),
    *("quasi_exact_match", "exact_match"),
)
SETTINGS = (
    *("method", "instructions", "max_train_instances", "max_eval_instances", "num_outputs"),
    *("num_train_trials", "model_deployment", "temperature", "max_tokens", "stop_sequences"),
)

Row = Mapping[str, Any]
Context = tuple[str, str, str]  # split, sub-split and perturbation


class Folder(Protocol):
    """Where runs are: a folder, or an archive of one."""

    def names(self) -> Iterator[str]:
        """Yield the paths of its files, with slashes."""

    def open(self, path: str) -> AbstractContextManager[TextIO]:
        """Open one of them."""


@dataclass(frozen=True)
class OnDisk:
    """A folder; links in it lead nowhere."""

    root: Path
    title: str

    def names(self) -> Iterator[str]:
        """Yield the paths of its files, with slashes."""
        for path in self.root.rglob("*.json"):
            if path.is_file() and not path.is_symlink():
                yield path.relative_to(self.root).as_posix()

    def open(self, path: str) -> AbstractContextManager[TextIO]:
        """Open one of them."""
        return opened(Source(self.root / path, f"{self.title}/{path}"))


@dataclass
class InArchive:
    """An archive; what this is about is remembered, the rest is passed over."""

    path: Path
    title: str
    known: dict[str, Entry] = field(default_factory=dict)

    def names(self) -> Iterator[str]:
        """Yield the paths of its files, with slashes."""
        for entry in entries(self.path):
            if PurePosixPath(entry.name).name in READ:
                self.known[entry.name] = entry
                yield entry.name

    @contextmanager
    def open(self, path: str) -> Iterator[TextIO]:
        """Open one of them."""
        named = Source(self.path, f"{self.title}/{self.known[path].title}")
        with sentences(named), opened_entry(self.path, self.known[path]) as file:
            yield file


@dataclass(frozen=True)
class Run:
    """One run: what was asked for, its statistics, and where the rest of it is."""

    place: str
    key: str
    spec: Row
    stats: list[Row]
    files: dict[str, str]
    headline: Headline

    @property
    def adapter(self) -> Row:
        """Return how instances became prompts."""
        return mapping(self.spec.get("adapter_spec"))

    @property
    def task(self) -> str:
        """Return the run's name without the model."""
        scenario, _colon, arguments = text(self.spec.get("name")).partition(":")
        told = [one for one in arguments.split(",") if not one.startswith(("model=", "model_"))]
        return name(":".join(filter(None, (scenario, ",".join(told)))))

    @property
    def main(self) -> str:
        """Return the metric that stands for the whole: one that single answers have."""
        metrics = {metric_name(one.get("name")) for one in self.stats}
        order = MAIN if self._is_choice else MAIN_GENERATED
        return next((one for one in order if one in metrics), "")

    @property
    def asked(self) -> Asked:
        """Return what answers are read by."""
        method = name(self.adapter.get("method"))
        return Asked(self.key, self.main, method, self._is_choice, self.headline)

    @property
    def instances(self) -> dict[Context, int]:
        """Return (split, sub-split, perturbation) → number of instances."""
        told = {
            _context(one): whole(one.get("mean", one.get("sum")))
            for one in self.stats
            if metric_name(one.get("name")) == COUNT
        }
        return {context: count for context, count in told.items() if count is not None}

    def is_headline(self, context: Context) -> bool:
        """Return whether HELM's headline is over these instances."""
        split, _sub_split, perturbation = context
        return self.headline.has(split, perturbation)

    @property
    def trials(self) -> int:
        """Return how often each instance was asked about, with other examples in the prompt."""
        return whole(self.adapter.get("num_train_trials")) or 1

    @property
    def _is_choice(self) -> bool:
        return name(self.adapter.get("method")).startswith("multiple_choice")


def detect(source: Source) -> bool:
    """Return whether a folder or an archive has one of HELM's runs in it."""
    try:
        folder = _folder(source)
        names = islice(folder.names(), MOST_FILES) if folder else iter(())
        return any(PurePosixPath(one).name == SPEC for one in names)
    except (ValueError, OSError):
        return False


def read(source: Source) -> Iterator[Found]:
    """Yield each run's system, answers and figures; raise `Unreadable`."""
    with sentences(source):
        folder = _folder(source)
        if folder is None:
            raise ValueError(_("it is neither a folder nor a zip archive of HELM's runs."))
        known: set[str] = set()
        for place, files in _places(folder):
            run = _run(folder, place, files, known)
            known.add(run.key)
            yield from _read_run(folder, run)


def _folder(source: Source) -> Folder | None:
    if source.path.is_dir():
        return OnDisk(source.path, source.title)
    return InArchive(source.path, source.title) if is_archive(source.path) else None


def _places(folder: Folder) -> list[tuple[str, dict[str, str]]]:
    """Return the folders with a run in them, by name, each with the paths of its files."""
    found: dict[str, dict[str, str]] = {}
    for number_, path in enumerate(folder.names()):
        if number_ >= MOST_FILES:
            raise ValueError(_("it has more than %(most)s files.") % {"most": MOST_FILES})
        parent, _slash, file = path.rpartition("/")
        if file in READ:
            found.setdefault(parent, {})[file] = path
    runs = sorted((place, files) for place, files in found.items() if SPEC in files)
    if not runs:
        raise ValueError(_("it has no run: no folder in it has a run_spec.json."))
    if len(runs) > MOST_RUNS:
        raise ValueError(_("it has more than %(most)s runs.") % {"most": MOST_RUNS})
    return runs


def _run(folder: Folder, place: str, files: dict[str, str], known: set[str]) -> Run:
    """Return a run without its answers; raise ValueError where it does not say what it is.

    Suites repeat each other's runs: their folders tell them apart.
    """
    spec = mapping(legible(next(iter(_values(folder, files, SPEC, ())), None)))
    stats = [mapping(one) for one in islice(_values(folder, files, STATS, ("[]",)), MOST_STATS)]
    if len(stats) == MOST_STATS:
        raise ValueError(_("%(file)s has too many statistics.") % {"file": files[STATS]})
    key = name(spec.get("name"))
    key_here = f"{key} in {place}" if key in known else key
    run = Run(place, key_here, spec, legible(stats), files, _headline(folder, files, stats))
    if not key or not name(run.adapter.get("model")):
        told = {"file": files[SPEC]}
        raise ValueError(_("%(file)s does not say which model was measured on what.") % told)
    return run


def _headline(folder: Folder, files: dict[str, str], stats: list[Row]) -> Headline:
    """Return which instances the headline is over, as the statistics or else the answers say."""
    counted = [_context(one) for one in stats if metric_name(one.get("name")) == COUNT]
    if counted:
        return Headline.among((split, perturbation) for split, _sub, perturbation in counted)
    place = ("request_states", "[]", "instance")
    return Headline.among(place_of(mapping(one)) for one in _values(folder, files, STATES, place))


def _values(folder: Folder, files: dict[str, str], file: str, pattern: Pattern) -> Iterator[Any]:
    """Yield what a pattern leads to in one of a run's files, nothing where there is none."""
    if file not in files:
        return
    with folder.open(files[file]) as opened_file:
        for _path, value in parts(opened_file, [pattern]):
            yield value


def _read_run(folder: Folder, run: Run) -> Iterator[Found]:
    yield _system(run)
    yield from _cases(folder, run)
    yield from _figures(run)
    for file in READ:
        if file not in run.files:
            where = "/".join(filter(None, (run.place, file)))
            yield NotUnderstood(where, _("the run is without this file"))


def _system(run: Run) -> System:
    counted = sum(n for context, n in run.instances.items() if run.is_headline(context))
    settings = {one: run.adapter.get(one) for one in SETTINGS if run.adapter.get(one)}
    settings["scenario"] = run.spec.get("scenario_spec")
    settings["groups"] = run.spec.get("groups")
    perturbations = _perturbations(run)
    if perturbations:
        settings["perturbations"] = perturbations
    return System(
        key=run.key,
        model=name(run.adapter.get("model")),
        task=run.task,
        tool=TOOL,
        scorer=run.main,
        attempted=counted * run.trials or None,
        repeats=run.trials,
        settings=plain(settings),
    )


def _perturbations(run: Run) -> list[Any]:
    return items(mapping(run.spec.get("data_augmenter_spec")).get("perturbation_specs"))


def _cases(folder: Folder, run: Run) -> Iterator[Found]:
    """Yield the answers with their scores."""
    remarks, once = Remarks(), Once()
    with closing(Statistics()) as statistics:
        statistics.take(_values(folder, run.files, SCORES, ("[]",)), remarks)
        states = _values(folder, run.files, STATES, ("request_states", "[]"))
        for found in cases(states, statistics, run.asked, remarks):
            once.take(found.key, found.repeat)
            yield found
    if SCORES in run.files and STATES not in run.files:
        remarks.note(run.files[SCORES], _("scores without their answers stay in the file"))
    yield from remarks.found()


def _figures(run: Run) -> Iterator[Found]:
    """Yield the statistics that judge answers, and how long they took."""
    instances, told = run.instances, set()
    for stat in run.stats:
        metric, context = metric_name(stat.get("name")), _context(stat)
        split, sub_split, perturbation = context
        if _is_left_out(run, metric, perturbation):
            continue
        about = (split if split != run.headline.split else "", sub_split, perturbation)
        named = ", ".join(filter(None, about))
        figure = f"{metric} ({named})" if named else metric
        if figure in told:
            yield NotUnderstood(f"stats.{figure}", _("it is told twice: the first one counts"))
            continue
        told.add(figure)
        yield _figure(run, figure, stat, instances.get(context) or instances.get((split, "", "")))


def _is_left_out(run: Run, metric: str, perturbation: str) -> bool:
    """Return whether a statistic says nothing; without perturbations HELM repeats it for each."""
    repeated = bool(perturbation) and not _perturbations(run)
    costs = metric.startswith((RUNTIME, "training_"))
    return not metric or repeated or (is_bookkeeping(metric) and not costs)


def _figure(run: Run, metric: str, stat: Row, n: int | None) -> FigureFound:
    value, trials = number(stat.get("mean")), whole(stat.get("count")) or 0
    settings = {"split": _context(stat)[0], "trials": trials}
    if trials > 1:
        settings["stddev_over_trials"] = number(stat.get("stddev")) or 0.0
    why = _("nothing was counted") if not trials else _("HELM has no number here")
    return FigureFound(
        system=run.key,
        metric=metric,
        value=value,
        n=n if trials else 0,
        unit="s" if metric.startswith(RUNTIME) else "",
        why="" if value is not None else why,
        settings=plain(settings),
        is_apart=not run.is_headline(_context(stat)),
    )


def _context(stat: Row) -> Context:
    """Return what a statistic is over: split, sub-split and perturbation."""
    told = mapping(stat.get("name"))
    perturbation = perturbation_name(told.get("perturbation"))
    return name(told.get("split")), name(told.get("sub_split")), perturbation


FORMAT = Format("helm", "HELM", detect, read)
