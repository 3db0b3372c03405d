"""The harness's samples: a line for each document and filter, with prompt, answer and scores.

They name neither the task nor the model: the task is in the file's name, the model in the results
file of the same time. A case's key is its document's and its prompt's hash, so that two models
meet on the same prompt. Metrics over the whole corpus (BLEU, F1 over spans) leave lists in the
samples: a case has no score of them.
"""

import json
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from django.utils.translation import gettext as _

from evaluations.importers.measured import CaseFound, Found, NotUnderstood, Source, System
from evaluations.importers.results.json_stream import Pattern, lines, parts
from evaluations.importers.results.lm_eval_head import Head, main_metric
from evaluations.importers.results.values import (
    Remarks,
    Repeats,
    chat,
    digest,
    excerpt,
    items,
    mapping,
    name,
    number,
    opened,
    share,
    text,
    whole,
)

NAMED = re.compile(r"samples_(?P<task>.+?)(?:_\d{4}-\d\d-\d\dT[\d.:-]+)?\.jsonl\Z")
STAMP = re.compile(r"\d{4}-\d\d-\d\dT\d\d[-:]\d\d[-:]\d\d(?:\.\d+)?")
INSIDE = (("samples", "*", "[]"),)
ABOUT = {
    *("doc_id", "doc", "target", "arguments", "resps", "filtered_resps", "filter", "metrics"),
    *("doc_hash", "prompt_hash", "target_hash", "schema_version", "prompt_0", "logit_0", "truth"),
}
SURE = re.compile(r"(acc|exact|em\Z|pass@1|.*_acc)")  # metrics that say right or wrong
MOST_FILTERS = 100
MOST_METRICS = 1_000

Row = Mapping[str, Any]


@dataclass
class Survey:
    """What the samples of a task say together: how many lines and which metrics a filter has."""

    metrics: dict[str, dict[str, None]] = field(default_factory=dict)
    lines: Counter[str] = field(default_factory=Counter)

    def note(self, row: Row) -> None:
        """Take a line into account."""
        self.lines[_filter(row)] += 1
        known = self.metrics.setdefault(_filter(row), {})
        known.update(dict.fromkeys(_metrics(row)))
        if len(self.metrics) > MOST_FILTERS or len(known) > MOST_METRICS:
            raise ValueError(_("it has too many filters or metrics."))


def is_samples(paths: set[Pattern]) -> bool:
    """Return whether a file's first line is a sample of the harness."""
    return ("doc_id",) in paths and bool({("resps",), ("filtered_resps",), ("arguments",)} & paths)


def stamp_of(title: str) -> str:
    """Return the time in a file's name, which a run's files have in common; "" for none."""
    match = STAMP.search(title)
    return match[0] if match else ""


def read(source: Source, head: Head, known: set[str]) -> Iterator[Found]:
    """Yield the systems of a samples file that are not known, and its cases; raise `Unreadable`."""
    match = NAMED.search(source.title) or NAMED.search(source.path.name)
    task = match["task"] if match else ""
    with opened(source):
        yield from _read(_Samples(source, task, False), head, known)
    if not head.model:
        what = _("samples name no model: bring the results file of the same time in with them")
        yield NotUnderstood(source.title, what)


def read_inside(source: Source, head: Head, known: set[str]) -> Iterator[Found]:
    """Yield the cases of samples that stand in a results file."""
    tasks: dict[str, None] = {}
    with opened(source) as file:
        for path, _row in parts(file, INSIDE):
            tasks[str(path[1])] = None
    for task in tasks:
        yield from _read(_Samples(source, task, True), head, known)


@dataclass(frozen=True)
class _Samples:
    """The lines of one task, wherever they are."""

    source: Source
    task: str
    inside: bool

    def rows(self) -> Iterator[tuple[str, Row]]:
        """Yield (where, sample); raise ValueError."""
        pattern = (("samples", self.task, "[]"),)
        with opened(self.source) as file:
            for place, row in parts(file, pattern) if self.inside else lines(file):
                at = _place(place)
                if not isinstance(row, dict):
                    raise ValueError(_("%(where)s is not a sample.") % {"where": at})
                yield at, row


def _read(samples: _Samples, head: Head, known: set[str]) -> Iterator[Found]:
    """Yield the systems of a task that are not known, and its cases."""
    survey, remarks, again = Survey(), Remarks(), Repeats()
    for _where, row in samples.rows():
        survey.note(row)
    if not survey.metrics:
        raise ValueError(_("it has no results."))
    systems = {one: _system(samples.task, one, survey, head) for one in survey.metrics}
    yield from (one for one in systems.values() if one.key not in known)
    for where, row in samples.rows():
        system = systems[_filter(row)]
        key = _key(row)
        times = again.number(system.key, key)
        yield _case(row, system, f"{key}-{times + 1}" if times else key, where, remarks)
    for filter_, system in systems.items():
        if system.attempted is not None and survey.lines[filter_] < system.attempted:
            told = {"here": survey.lines[filter_], "all": system.attempted}
            what = _("the samples hold %(here)s of the %(all)s documents that were measured")
            yield NotUnderstood(system.key, what % told)
    yield from remarks.found()


def _place(place: Any) -> str:
    if isinstance(place, int):
        return _("line %(line)s") % {"line": place}
    return ".".join(map(str, place))


def _system(task: str, filter_: str, survey: Survey, head: Head) -> System:
    key = head.key(task or "samples", filter_, survey.metrics)
    return head.system(key, task, filter_, list(survey.metrics[filter_]))


def _case(row: Row, system: System, key: str, where: str, remarks: Remarks) -> CaseFound:
    """Return a sample as a case, and note what of it is lost."""
    requests = _requests(row)
    output = _output(row, requests)
    metrics = _metrics(row)
    for metric, value in metrics.items():
        if share(value) is None:
            told = {"metric": name(metric)}
            what = _("“%(metric)s” is not a score from 0 to 1 of the case: its parts stay behind")
            remarks.note(where, what % told)
    return CaseFound(
        system=system.key,
        key=key,
        input=_input(row, requests),
        expected=_expected(row, requests),
        output=output,
        error="" if output is not None else _("the harness recorded no answer."),
        scores={name(one): _score(value, output) for one, value in metrics.items()},
        correct=_verdict(metrics, output),
        details=_details(row, metrics, output),
    )


def _filter(row: Row) -> str:
    return name(row.get("filter")) or "none"


def _metrics(row: Row) -> dict[str, Any]:
    """Return a sample's metrics; before 0.4.3 they are what is left of it."""
    named = [one for one in items(row.get("metrics")) if isinstance(one, str)]
    return {one: row.get(one) for one in named or row.keys() - ABOUT if one in row}


def _score(value: Any, output: str | None) -> float | None:
    """Return a case's score; where there is no answer, it has none."""
    return None if output is None else share(value)


def _verdict(metrics: Mapping[str, Any], output: str | None) -> bool | None:
    """Return whether the answer is right, by the main metric if that says right or wrong.

    Nothing is right about an answer that is not there.
    """
    main = main_metric([one for one, value in metrics.items() if share(value) is not None])
    value = share(metrics.get(main))
    if not SURE.match(main) or value not in (0, 1) or (value and output is None):
        return None
    return bool(value)


def _key(row: Row) -> str:
    """Return the key of a document under a prompt; before 0.4.3 by its content."""
    hashes = [row.get("doc_hash"), row.get("prompt_hash")]
    if all(isinstance(one, str) and one for one in hashes):
        return "-".join(name(one)[:16] for one in hashes)
    return digest([row.get("doc"), _input(row, _requests(row))])


def _requests(row: Row) -> list[tuple[Any, Any]]:
    """Return (prompt, continuation or settings) of each request that a document made."""
    told = row.get("arguments")
    if isinstance(told, dict):
        named = sorted(told.items(), key=lambda one: (len(one[0]), one[0]))
        return [(mapping(one).get("arg_0"), mapping(one).get("arg_1")) for _name, one in named]
    pairs = (one for one in items(told) if isinstance(one, list) and one)
    return [(one[0], one[1] if len(one) > 1 else None) for one in pairs]


def _input(row: Row, requests: list[tuple[Any, Any]]) -> str:
    """Return the prompt; where each choice has a prompt of its own, the document."""
    prompts = [_prompt(one) for one, _rest in requests]
    if prompts and all(one == prompts[0] for one in prompts):
        return prompts[0]
    document = mapping(row.get("doc"))
    return "\n".join(f"{key}: {text(document[key])}" for key in sorted(document))


def _prompt(told: Any) -> str:
    """Return a prompt's text; chat messages are JSON in a list."""
    first = told[0] if isinstance(told, list) and len(told) == 1 else told
    if isinstance(told, list) and isinstance(first, str):
        try:
            messages = json.loads(first)
        except (ValueError, RecursionError):
            return text(first)
        return chat(messages) if isinstance(messages, list) else text(first)
    return chat(told) if isinstance(told, list) else text(told)


def _choices(requests: list[tuple[Any, Any]]) -> list[str]:
    """Return the answers to choose from; none for a question that is answered freely."""
    if len(requests) < 2 or not all(isinstance(one, str) for _prompt, one in requests):
        return []
    continuations = [text(one).strip() for _prompt, one in requests]
    if len(set(continuations)) > 1:
        return continuations
    return [text(prompt).strip() for prompt, _one in requests]


def _expected(row: Row, requests: list[tuple[Any, Any]]) -> str:
    """Return the right answer: the first of several, the text of a choice's number."""
    target, choices = row.get("target"), _choices(requests)
    if isinstance(target, list):
        target = target[0] if target else None
    if isinstance(target, str) and target.isdecimal() and len(target) < 4 and target not in choices:
        target = int(target) if choices else target
    place = whole(target) if choices else None
    return choices[place] if place is not None and place < len(choices) else text(target)


def _output(row: Row, requests: list[tuple[Any, Any]]) -> str | None:
    """Return the answer as the filter reads it, for choices the likeliest; None for none."""
    answers, choices = items(row.get("filtered_resps")), _choices(requests)
    if not answers or all(one is None for one in answers):
        return None
    chances = [_chance(one) for one in answers]
    if choices and len(choices) == len(chances) and None not in chances:
        return choices[max(range(len(chances)), key=lambda at: chances[at] or -float("inf"))]
    first = answers[0]
    while isinstance(first, list) and len(first) == 1:
        first = first[0]
    return None if first is None else text(first)


def _chance(told: Any) -> float | None:
    """Return the log-likelihood of a choice, written as [number or text, greedy]."""
    found = items(told)[:1]
    try:
        return number(float(found[0]) if isinstance(found[0], str) else found[0])
    except (ValueError, IndexError):
        return None


def _details(row: Row, metrics: Mapping[str, Any], output: str | None) -> dict[str, Any]:
    """Return what else is worth keeping: the document's number, the answer before the filter."""
    raw = row.get("resps")
    while isinstance(raw, list) and len(raw) == 1:
        raw = raw[0]
    odd = {name(one): excerpt(value, 200) for one, value in metrics.items() if share(value) is None}
    found = {
        "doc_id": whole(row.get("doc_id")),
        "answer": excerpt(raw) if raw is not None and excerpt(raw) != output else "",
        "references": [excerpt(one) for one in items(row.get("target"))[1:20]],
        "metrics": odd,
    }
    return {key: value for key, value in found.items() if value not in ("", None, [], {})}
