"""promptfoo's results: JSON of all its versions and JSON lines here, CSV in `promptfoo_csv`.

A system is a column of promptfoo's table: a prompt with a provider. Every shape is a place for the
rows: bare summaries (V2), share envelopes (v3, v4), and an evaluation around the summary (V3).
"""

from collections import Counter
from collections.abc import Container, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from django.utils.translation import gettext as _

from evaluations.importers.measured import FigureFound, Format, Found, Source, System
from evaluations.importers.results import promptfoo_csv
from evaluations.importers.results.json_stream import Pattern, lines, outline, parts
from evaluations.importers.results.promptfoo_cases import (
    SCORE,
    TOOL,
    Row,
    case,
    case_key,
    graded_by,
)
from evaluations.importers.results.values import (
    Graders,
    Remarks,
    Repeats,
    excerpt,
    items,
    mapping,
    moment,
    money,
    name,
    number,
    opened,
    plain,
    whole,
)

ROOTS: tuple[Pattern, ...] = ((), ("results",), ("data",), ("data", "results"))
ROWS = tuple((*root, "results", "[]") for root in ROOTS)
PROMPTS = tuple(
    (*root, *place, "prompts", "[]") for root in ROOTS for place in ((), ("table", "head"))
)
TOLD = {
    "started": ("timestamp",),
    "created": ("createdAt",),
    "description": ("config", "description"),
    "providers": ("config", "providers"),
    "version": ("metadata", "promptfooVersion"),
    "evaluation": ("evalId",),
    "stats": ("stats",),
}
MARKS = {"success", "namedScores", "latencyMs", "gradingResult", "promptIdx", "vars", "testCase"}
MOST_SYSTEMS = 10_000
# Of a provider's settings what changes its answers; the others may hold addresses and keys.
ASKED_WITH = (
    *("model", "temperature", "top_p", "top_k", "seed", "max_tokens", "max_completion_tokens"),
    *("reasoning_effort", "frequency_penalty", "presence_penalty", "stop"),
)


@dataclass
class Head:
    """What a file says about the whole evaluation, next to its rows."""

    prompts: list[Row] = field(default_factory=list)
    told: dict[str, Any] = field(default_factory=dict)

    @property
    def shared(self) -> dict[str, Any]:
        """Return what all systems of the file have in common."""
        return {
            "tool": TOOL,
            "tool_version": name(self.told.get("version")),
            "task": name(self.told.get("description")),
            "started_at": moment(self.told.get("started") or self.told.get("created")),
            "scorer": SCORE,
        }


@dataclass
class Columns:
    """The systems by their columns, found in the head and in the rows."""

    head: Head
    repeats: Repeats = field(default_factory=Repeats)
    systems: dict[str, System] = field(default_factory=dict)
    by_name: dict[tuple[str, str], str] = field(default_factory=dict)
    graders: dict[str, Graders] = field(default_factory=dict)
    asked_with: dict[int, Row] = field(default_factory=dict)

    def __post_init__(self) -> None:
        again = Counter[tuple[str, str]]()
        providers = list(_providers(self.head.told.get("providers")))
        for index, prompt in enumerate(self.head.prompts):
            names = name(prompt.get("provider")), _label(prompt)
            self.by_name.setdefault(names, f"prompt-{index}")
            alike = [config for known, config in providers if names[0] in known]
            if again[names] < len(alike):
                self.asked_with[index] = alike[again[names]]
            again[names] += 1

    def key(self, row: Row) -> str:
        """Return the key of the system that gave a row's answer; version 2 knows it by name."""
        index = whole(row.get("promptIdx"))
        if index is not None:
            return f"prompt-{index}"
        label = _label(mapping(row.get("prompt")))
        for provider in (*_provider(row), ""):
            if found := self.by_name.get((provider, label)):
                return found
        return self.by_name.setdefault((_provider(row)[0], label), f"prompt-{len(self.by_name)}")

    def note(self, row: Row) -> None:
        """Take a row into account: which system it is of, and how often its case came."""
        key = self.key(row)
        if key not in self.systems:
            self.systems[key] = self._system(key, row)
        _refuse_many(len(self.systems))
        self.repeats.number(key, case_key(row))
        self.graders.setdefault(key, Graders()).note(graded_by(row))

    def settled(self) -> list[System]:
        """Return the systems in the order of their columns, also those without an answer."""
        for index in range(len(self.head.prompts)):
            key = f"prompt-{index}"
            self.systems.setdefault(key, self._system(key, {}))
        keys = sorted(self.systems, key=lambda key: int(key.removeprefix("prompt-")))
        return [self._settled(one) for one in keys]

    def _settled(self, key: str) -> System:
        system, graders = self.systems[key], self.graders.get(key, Graders())
        settings = {**system.settings, **graders.settings}
        return replace(system, repeats=self.repeats.most[key] or 1, settings=settings)

    def _system(self, key: str, row: Row) -> System:
        index = int(key.removeprefix("prompt-"))
        known = self.head.prompts[index] if index < len(self.head.prompts) else {}
        prompt = known or mapping(row.get("prompt"))
        identity, label = _provider(row)
        counts = [value for value in _counts(known) if value is not None]
        settings = {
            "prompt": _label(prompt),
            "provider": label or name(known.get("provider")),
            "provider_config": plain(self.asked_with.get(index)),
        }
        return System(
            key=key,
            model=identity or label or name(known.get("provider")) or _bracketed(prompt),
            attempted=sum(counts) if counts else None,
            settings={what: value for what, value in settings.items() if value},
            **self.head.shared,
        )


def detect(source: Source) -> bool:
    """Return whether a file begins like promptfoo's results."""
    paths = outline(source.path)
    if not paths:
        return promptfoo_csv.detect(source)
    if {("promptIdx",), ("testIdx",)} <= paths or {("evalId",), ("results", "version")} <= paths:
        return True
    rows = {path[-1] for path in paths if path[:-1] in ROWS}
    return len(rows & MARKS) > 1 or any(
        (*place, "metrics", "testPassCount") in paths for place in PROMPTS
    )


def read(source: Source) -> Iterator[Found]:
    """Yield the systems, every answer, and the figures; raise `Unreadable`."""
    if outline(source.path):
        yield from _read(source)
    else:
        yield from promptfoo_csv.read(source)


def _read(source: Source) -> Iterator[Found]:
    with opened(source):
        head = _head(source)
        columns, remarks, again = Columns(head), Remarks(), Repeats()
        replaced = _replaced(source)
        for _where, row in _rows(source, replaced):
            columns.note(row)
        systems = columns.settled()
        if not systems:
            raise ValueError(_("it has no results."))
        yield from systems
        for where, row in _rows(source, replaced):
            key = columns.key(row)
            yield case(row, key, again.number(key, case_key(row)), where, remarks)
        yield from _figures(head)
        for line in sorted(replaced):
            what = _("an answer that a later line gives again: the later one counts")
            remarks.note(_place(line), what)
        if head.told.get("providers"):
            what = _(
                "the providers' other settings stay in the file: they may hold addresses and keys"
            )
            remarks.note("config.providers", what)
        yield from remarks.found()


def _head(source: Source) -> Head:
    """Return what the file says about the whole; JSON lines say nothing."""
    if _is_lines(source):
        return Head()
    head, prompts = Head(), dict[Any, list[Row]]()
    names = {(*root, *path): told for root in ROOTS for told, path in TOLD.items()}
    with opened(source) as file:
        for path, value in parts(file, [*names, *PROMPTS]):
            if path in names:
                head.told.setdefault(names[path], value)  # type: ignore[index]
            else:
                prompts.setdefault(path[:-1], []).append(mapping(value))
                _refuse_many(len(prompts[path[:-1]]))
    head.prompts = next(iter(prompts.values()), [])
    return head


def _replaced(source: Source) -> set[int]:
    """Return the lines whose answer a later line gives again, as after a run was resumed."""
    latest, replaced = dict[int, int](), set[int]()
    if not _is_lines(source):
        return replaced
    with opened(source) as file:
        for line, row in lines(file):
            places = [whole(mapping(row).get(one)) for one in ("promptIdx", "testIdx")]
            if None not in places:
                before = latest.get(hash(tuple(places)))
                replaced.update([before] if before else [])
                latest[hash(tuple(places))] = line
    return replaced


def _rows(source: Source, replaced: Container[int]) -> Iterator[tuple[str, Row]]:
    """Yield (where, row) for every answer in the file that counts."""
    with opened(source) as file:
        found = lines(file) if _is_lines(source) else parts(file, ROWS)
        for where, row in found:
            if where in replaced:
                continue
            if not isinstance(row, dict):
                raise ValueError(_("%(where)s is not an answer.") % {"where": _place(where)})
            yield _place(where), row


def _refuse_many(systems: int) -> None:
    """Raise ValueError for more systems than anybody compares."""
    if systems > MOST_SYSTEMS:
        raise ValueError(_("it has more than %(most)s systems.") % {"most": MOST_SYSTEMS})


def _place(where: Any) -> str:
    if isinstance(where, int):
        return _("line %(line)s") % {"line": where}
    return ".".join(map(str, where))


def _is_lines(source: Source) -> bool:
    return ("promptIdx",) in outline(source.path)


def _figures(head: Head) -> Iterator[Found]:
    """Yield what promptfoo counted for each of its columns."""
    for index, prompt in enumerate(head.prompts):
        key, metrics = f"prompt-{index}", mapping(prompt.get("metrics"))
        passed, failed, errors = _counts(prompt)
        if passed is not None and failed is not None:
            total = passed + failed + (errors or 0)
            yield FigureFound(key, "pass_rate", passed / total if total else None, n=total)
        if errors is not None:
            yield FigureFound(key, "errors", errors)
        cost = money(metrics.get("cost"))
        if cost is not None:
            yield FigureFound(key, "cost", float(cost), unit="USD")
        yield from _named(key, metrics)


def _named(key: str, metrics: Row) -> Iterator[Found]:
    """Yield the means of named scores: promptfoo keeps their (weighted) sums and counts."""
    counts = mapping(metrics.get("namedScoresCount"))
    weights = mapping(metrics.get("namedScoreWeights"))
    for metric, total in mapping(metrics.get("namedScores")).items():
        n, value = whole(counts.get(metric)), number(total)
        weight = number(weights.get(metric)) or n
        mean = value / weight if value is not None and weight else None
        why = "" if mean is not None else _("the file does not say over how many answers it is")
        settings = {"weighted": True} if metric in weights else {}
        yield FigureFound(key, name(metric), mean, n=n, why=why, settings=settings)


def _counts(prompt: Row) -> tuple[int | None, int | None, int | None]:
    """Return how many tests passed, failed and could not be run."""
    metrics = mapping(prompt.get("metrics"))
    passed, failed = whole(metrics.get("testPassCount")), whole(metrics.get("testFailCount"))
    return passed, failed, whole(metrics.get("testErrorCount"))


def _label(prompt: Row) -> str:
    """Return what promptfoo calls a prompt: in old files `display`, in older ones its text."""
    known = (prompt.get(one) for one in ("label", "display", "raw"))
    return excerpt(next((one for one in known if isinstance(one, str) and one), ""))


def _providers(found: Any) -> Iterator[tuple[set[str], Row]]:
    """Yield the names of each provider that the configuration has, and what it was asked with."""
    for one in map(mapping, items(found)):
        if "id" not in one and len(one) == 1:
            (own, options) = next(iter(one.items()))
            one = {"id": own, **mapping(options)}
        config = mapping(one.get("config"))
        asked_with = {key: config[key] for key in ASKED_WITH if key in config}
        yield {name(one.get("id")), name(one.get("label"))} - {""}, asked_with


def _provider(row: Row) -> tuple[str, str]:
    """Return the identity and the label of the provider that gave a row's answer."""
    provider = row.get("provider")
    if isinstance(provider, Mapping):
        return name(provider.get("id")), name(provider.get("label"))
    return name(provider), ""


def _bracketed(prompt: Row) -> str:
    """Return the provider that old files write before the prompt, as in “[openai:gpt-4] …”."""
    label = _label(prompt)
    return name(label[1:].partition("] ")[0]) if label.startswith("[") else ""


FORMAT = Format("promptfoo", "promptfoo", detect, read)
