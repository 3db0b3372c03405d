"""Pydantic Evals' report as JSON: cases, and apart from them failures, which have no answer.

Assertions are right or wrong, scores are numbers on any scale, labels are words. An evaluator that
failed is listed with its case: there is no score of it there, and the case has an answer all the
same. Repeats of a case have names of their own and name it.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from django.utils.translation import gettext as _

from evaluations.importers.measured import CaseFound, Format, Found, Source, System
from evaluations.importers.results.asked import asked, case_key, said
from evaluations.importers.results.json_stream import Pattern, outline, parts
from evaluations.importers.results.values import (
    Graders,
    Remarks,
    Repeats,
    excerpt,
    items,
    mapping,
    milliseconds,
    money,
    name,
    number,
    opened,
    plain,
    share,
    text,
    whole,
)

TOOL = "pydantic-evals"
CASES: Pattern = ("cases", "[]")
FAILURES: Pattern = ("failures", "[]")
ASSERTIONS = "assertions"
UNNAMED = re.compile(r"Case \d+\Z")
MOST_SCORERS = 1_000
TOLD = ("name", "dataset_name", "experiment_metadata")
UNREAD = ("analyses", "report_evaluator_failures")
READ_METRICS = {"input_tokens", "output_tokens", "cost"}
CASE_PARTS = {"inputs", "task_duration", "evaluator_failures", "assertions", "scores"}

Row = Mapping[str, Any]


@dataclass
class Survey:
    """What the report says as a whole: its scores, its models, how many cases were attempted."""

    told: dict[str, Any] = field(default_factory=dict)
    attempted: int = 0
    assertions: dict[str, None] = field(default_factory=dict)
    scores: dict[str, None] = field(default_factory=dict)
    models: dict[str, None] = field(default_factory=dict)
    repeats: Repeats = field(default_factory=Repeats)
    graders: Graders = field(default_factory=Graders)

    def note(self, row: Row) -> None:
        """Take a case or a failure into account."""
        self.attempted += 1
        self.assertions.update(dict.fromkeys(map(name, mapping(row.get("assertions")))))
        self.scores.update(dict.fromkeys(map(name, mapping(row.get("scores")))))
        if model := name(mapping(row.get("attributes")).get("model")):
            self.models[model] = None
        self.repeats.number("", key_of(row))
        for kind in ("assertions", "scores"):
            for one, told in mapping(row.get(kind)).items():
                source = mapping(told).get("source")
                self.graders.note([kind, one, source] if source else [])
        if len(self.assertions) + len(self.scores) + len(self.models) > MOST_SCORERS:
            raise ValueError(_("it has too many scores."))

    @property
    def scorers(self) -> dict[str, None]:
        """Return the names of all scores of a case."""
        several = {ASSERTIONS: None} if len(self.assertions) > 1 else {}
        return {**several, **self.assertions, **self.scores}

    @property
    def system(self) -> System:
        """Return the system: the task that was evaluated, with the model it says it used."""
        setup = mapping(self.told.get("experiment_metadata"))
        task = name(self.told.get("name"))
        return System(
            key=task or "report",
            model=name(setup.get("model")) or ", ".join(self.models) or task,
            task=name(self.told.get("dataset_name")),
            tool=TOOL,
            scorer=next(iter(self.scorers), ""),
            attempted=self.attempted,
            repeats=self.repeats.most[""] or 1,
            settings=plain({"name": task, "metadata": dict(setup)}) | self.graders.settings,
        )


def detect(source: Source) -> bool:
    """Return whether a file begins like a report of Pydantic Evals."""
    paths = outline(source.path)
    parts_ = {path[2] for path in paths if path[:2] == CASES and len(path) > 2}
    failed = {path[2] for path in paths if path[:2] == FAILURES and len(path) > 2}
    return len(parts_ & CASE_PARTS) > 2 or {"inputs", "error_message"} <= failed


def read(source: Source) -> Iterator[Found]:
    """Yield the system, its cases and its failures; raise `Unreadable`."""
    with opened(source):
        remarks, survey = Remarks(), _survey(source)
        system, again = survey.system, Repeats()
        yield system
        for path, row in _rows(source):
            repeat = again.number("", key_of(row))
            where = ".".join(map(str, path))
            failed = path[0] == "failures"
            scores = _scores(row, survey, failed, where, remarks)
            yield _case(row, system.key, repeat, failed, scores)
        yield from _unread(survey)
        yield from remarks.found()


def key_of(row: Row) -> str:
    """Return the name of a case, of a repeated one the name of what it repeats."""
    own = text(row.get("source_case_name") or row.get("name"))
    return case_key("" if UNNAMED.match(own) else own, asked(row.get("inputs")))


def _survey(source: Source) -> Survey:
    """Return what the report says as a whole; raise ValueError if it says nothing."""
    survey = Survey()
    told = [(one,) for one in (*TOLD, *UNREAD)]
    with opened(source) as file:
        for path, value in parts(file, (*told, CASES, FAILURES)):
            if len(path) == 1:
                survey.told[str(path[0])] = value
            else:
                survey.note(_row(path, value))
    if not survey.attempted:
        raise ValueError(_("it has no results."))
    return survey


def _rows(source: Source) -> Iterator[tuple[tuple[Any, ...], Row]]:
    with opened(source) as file:
        for path, value in parts(file, (CASES, FAILURES)):
            yield path, _row(path, value)


def _row(path: tuple[Any, ...], value: Any) -> Row:
    if not isinstance(value, dict):
        raise ValueError(_("%(where)s is not a case.") % {"where": ".".join(map(str, path))})
    return value


def _case(
    row: Row, system: str, repeat: int, failed: bool, scores: dict[str, float | None]
) -> CaseFound:
    """Return a case; a failure has an error and nothing else."""
    verdicts = [one for one in _values(row, "assertions").values() if isinstance(one, bool)]
    metrics, seconds = mapping(row.get("metrics")), number(row.get("task_duration"))
    why = text(row.get("error_message")) or _("the report calls it a failure and does not say why.")
    return CaseFound(
        system=system,
        key=key_of(row),
        input=asked(row.get("inputs")),
        expected=asked(row.get("expected_output")),
        output=None if failed else said(row.get("output")),
        error=why if failed else "",
        repeat=repeat,
        scores=scores,
        correct=all(verdicts) if verdicts and not failed else None,
        latency_ms=milliseconds(seconds * 1000) if seconds and not failed else None,
        cost=money(metrics.get("cost")),
        input_tokens=whole(metrics.get("input_tokens")),
        output_tokens=whole(metrics.get("output_tokens")),
        details=_details(row),
    )


def _scores(
    row: Row, survey: Survey, failed: bool, where: str, remarks: Remarks
) -> dict[str, float | None]:
    """Return all scores; None where the case or an evaluator failed, or it is not from 0 to 1."""
    if failed:
        return dict.fromkeys(survey.scorers)
    verdicts = {name(one): share(value) for one, value in _values(row, "assertions").items()}
    numbers = {name(one): share(value) for one, value in _values(row, "scores").items()}
    for one in numbers:
        if numbers[one] is None:
            told = {"scorer": one}
            remarks.note(where, _("“%(scorer)s” is not on a scale from 0 to 1") % told)
    for failure in map(mapping, items(row.get("evaluator_failures"))):
        told = {"name": name(failure.get("name"))}
        remarks.note(where, _("the evaluator “%(name)s” failed") % told)
    found = {one: verdicts.get(one, numbers.get(one)) for one in survey.scorers}
    known = [value for value in verdicts.values() if value is not None]
    if ASSERTIONS in found and len(survey.assertions) > 1:
        found[ASSERTIONS] = sum(known) / len(known) if known else None
    return found


def _values(row: Row, kind: str) -> dict[str, Any]:
    """Return name → value of a case's assertions, scores or labels."""
    found = mapping(row.get(kind))
    return {one: mapping(told).get("value", told) for one, told in found.items()}


def _details(row: Row) -> dict[str, Any]:
    """Return what else a case says: labels, reasons, scores on other scales, what failed."""
    metrics = {k: v for k, v in mapping(row.get("metrics")).items() if k not in READ_METRICS}
    other = {one: v for one, v in _values(row, "scores").items() if share(v) is None}
    failures = map(mapping, items(row.get("evaluator_failures")))
    found = {
        "labels": _values(row, "labels"),
        "reasons": dict(_reasons(row)),
        "scores": other,
        "metrics": metrics,
        "metadata": row.get("metadata"),
        "evaluator_failures": {name(one.get("name")): one.get("error_message") for one in failures},
    }
    return {one: _small(value) for one, value in found.items() if value}


def _reasons(row: Row) -> Iterator[tuple[str, str]]:
    for kind in ("assertions", "scores", "labels"):
        for one, told in mapping(row.get(kind)).items():
            if reason := mapping(told).get("reason"):
                yield name(one), excerpt(reason)


def _small(value: Any) -> Any:
    """Return details as JSON that a database takes, broken off where they are long."""
    return plain(value) if len(text(value)) <= 4_000 else excerpt(value)


def _unread(survey: Survey) -> Iterator[Found]:
    remarks = Remarks()
    for one in UNREAD:
        if survey.told.get(one):
            remarks.note(one, _("what was found out over all cases is not read"))
    yield from remarks.found()


FORMAT = Format("pydantic_evals", "Pydantic Evals", detect, read)
