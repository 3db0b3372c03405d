"""DeepEval: a test run (camelCase) or the result of `evaluate` (snake_case).

A case passes when all its metrics do. A metric that could not be computed has an error: the case is
then failed by DeepEval although there is an answer; it has no score of that metric here. A trace
may say that a step went wrong; that is told with the case, which was measured all the same.
"""

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from django.utils.translation import gettext as _

from evaluations.importers.measured import CaseFound, FigureFound, Format, Found, Source, System
from evaluations.importers.results.asked import asked, case_key, conversation, said
from evaluations.importers.results.json_stream import Pattern, outline, parts
from evaluations.importers.results.values import (
    Graders,
    Remarks,
    Repeats,
    canonical,
    digest,
    excerpt,
    items,
    mapping,
    milliseconds,
    moment,
    money,
    name,
    number,
    opened,
    plain,
    share,
    text,
    whole,
)

TOOL = "deepeval"
SUCCESS = "success"
ROOTS: tuple[Pattern, ...] = ((), ("testRunData",), ("test_run_data",))
LISTS = ("testCases", "conversationalTestCases", "test_results", "test_cases")
ROWS = tuple((*root, one, "[]") for root in ROOTS for one in LISTS)
FIGURES = ("metricsScores", "metrics_scores")
COUNTS = ("testPassed", "testFailed", "runDuration", "hyperparameters", "identifier")
METRIC_PARTS = ("metric", "passes", "fails", "errors")
MARKS = {"metricsData", "metrics_data", "actualOutput", "actual_output"}
UNNAMED = re.compile(r"(conversational_)?test_case_\d+\Z")
SPANS = ("agentSpans", "llmSpans", "retrieverSpans", "toolSpans", "baseSpans")
GRADED_BY = (
    *(("name", "name"), ("threshold", "threshold")),
    *(("strictMode", "strict_mode"), ("evaluationModel", "evaluation_model")),
)
MOST_METRICS = 1_000
MOST_CONTEXTS = 20

Row = Mapping[str, Any]


@dataclass
class Summed:
    """What a run says of one metric over all its cases."""

    told: dict[str, Any] = field(default_factory=dict)
    total: float = 0.0
    scored: int = 0


@dataclass
class Survey:
    """What a file says as a whole, and whether the cases can be told apart by their names."""

    told: dict[str, Any] = field(default_factory=dict)
    metrics: dict[str, None] = field(default_factory=dict)
    models: dict[str, None] = field(default_factory=dict)
    summed: dict[Any, Summed] = field(default_factory=dict)
    attempted: int = 0
    names: dict[int, int] = field(default_factory=dict)
    by_name: bool = True
    repeats: Repeats = field(default_factory=Repeats)
    graders: Graders = field(default_factory=Graders)

    def note(self, row: Row) -> None:
        """Take a case into account."""
        self.attempted += 1
        question = hash(input_of(row))
        known = self.names.setdefault(hash(canonical(row.get("name"))), question)
        self.by_name = self.by_name and known == question
        self.metrics.update(dict.fromkeys(name(one.get("name")) for one in metrics_of(row)))
        for one in metrics_of(row):
            self.graders.note([_either(one, *names) for names in GRADED_BY])
        spans = items(mapping(row.get("trace")).get("llmSpans"))
        told = (name(mapping(one).get("model")) for one in spans)
        self.models.update(dict.fromkeys(filter(None, told)))
        if len(self.metrics) + len(self.models) > MOST_METRICS:
            raise ValueError(_("it has too many metrics."))

    def note_figure(self, path: tuple[Any, ...], value: Any) -> None:
        """Take a part of what the run says of a metric into account."""
        place = path.index("scores") if "scores" in path else len(path) - 1
        summed = self.summed.setdefault(path[:place], Summed())
        if len(self.summed) > MOST_METRICS:
            raise ValueError(_("it has too many metrics."))
        if "scores" not in path:
            summed.told[str(path[-1])] = value
        elif number(value) is not None:
            summed.total += number(value) or 0.0
            summed.scored += 1

    def key(self, row: Row) -> str:
        """Return a case's name, or where names do not tell cases apart, its input's digest."""
        own = text(row.get("name"))
        named = self.by_name and not UNNAMED.match(own)
        return case_key(own if named else "", input_of(row))


def detect(source: Source) -> bool:
    """Return whether a file begins like one of DeepEval's."""
    paths = outline(source.path)
    found = {path[-1] for path in paths if path[:-1] in ROWS}
    counted = {(*root, "metricsScores") for root in ROOTS} | {("testPassed",)}
    return bool(found & MARKS) or ("testCases" in {path[-1] for path in paths if counted & paths})


def read(source: Source) -> Iterator[Found]:
    """Yield the system, its cases, and what the run says of its metrics; raise `Unreadable`."""
    with opened(source):
        survey, remarks, again = _survey(source), Remarks(), Repeats()
        system = _system(source, survey)
        yield system
        for path, row in _rows(source):
            key, where = survey.key(row), ".".join(map(str, path))
            yield _case(row, system.key, key, again.number("", key), where, remarks)
        yield from _figures(survey, system.key)
        yield from remarks.found()


def metrics_of(row: Row) -> list[Row]:
    """Return the metrics of a case."""
    return [mapping(one) for one in items(_either(row, "metricsData", "metrics_data"))]


def input_of(row: Row) -> str:
    """Return what was asked; of a conversation its scenario, or what the user said in it."""
    told = row.get("input")
    if told is not None:
        return asked(told)
    if scenario := row.get("scenario"):
        return text(scenario)
    turns = [mapping(one) for one in items(row.get("turns"))]
    return conversation([one for one in turns if one.get("role") == "user"])


def _survey(source: Source) -> Survey:
    """Return what the file says as a whole; raise ValueError if it has no cases."""
    survey = Survey()
    counts = [(*root, one) for root in ROOTS for one in COUNTS]
    figures = [
        (*root, one, "[]", part) for root in ROOTS for one in FIGURES for part in METRIC_PARTS
    ]
    scores = [(*root, one, "[]", "scores", "[]") for root in ROOTS for one in FIGURES]
    with opened(source) as file:
        for path, value in parts(file, (*counts, *figures, *scores, *ROWS)):
            if set(path) & set(FIGURES):
                survey.note_figure(path, value)
            elif path[-1] in COUNTS:
                survey.told[str(path[-1])] = value
            else:
                survey.note(_row(path, value))
    if not survey.attempted and not survey.summed:
        raise ValueError(_("it has no results."))
    for _path, row in _rows(source):
        survey.repeats.number("", survey.key(row))
    return survey


def _rows(source: Source) -> Iterator[tuple[tuple[Any, ...], Row]]:
    with opened(source) as file:
        for path, value in parts(file, ROWS):
            yield path, _row(path, value)


def _row(path: tuple[Any, ...], value: Any) -> Row:
    if not isinstance(value, dict):
        raise ValueError(_("%(where)s is not a case.") % {"where": ".".join(map(str, path))})
    return value


def _system(source: Source, survey: Survey) -> System:
    """Return the measured system; DeepEval seldom says which model it is."""
    setup = mapping(survey.told.get("hyperparameters"))
    return System(
        key="system",
        model=name(setup.get("model")) or ", ".join(survey.models),
        task=name(survey.told.get("identifier")),
        tool=TOOL,
        scorer=SUCCESS,
        attempted=survey.attempted or None,
        repeats=survey.repeats.most[""] or 1,
        settings=plain({"hyperparameters": dict(setup)} if setup else {}) | survey.graders.settings,
    )


def _case(row: Row, system: str, key: str, repeat: int, where: str, remarks: Remarks) -> CaseFound:
    output = _output(row)
    trace = mapping(row.get("trace"))
    _note(row, trace, where, remarks)
    error = text(row.get("error")) if output is None else ""
    scores = {SUCCESS: _passed(row), **dict(_scores(row))}
    return CaseFound(
        system=system,
        key=key,
        input=input_of(row),
        expected=asked(_either(row, "expectedOutput", "expected_output")),
        output=output,
        error=error,
        repeat=repeat,
        scores=dict.fromkeys(scores) if error else scores,
        correct=row[SUCCESS] if isinstance(row.get(SUCCESS), bool) else None,
        latency_ms=_latency(row, trace),
        cost=money(_either(row, "tokenCost", "token_cost")),
        input_tokens=whole(row.get("inputTokens")),
        output_tokens=whole(row.get("outputTokens")),
        details=_details(row, trace),
    )


def _output(row: Row) -> str | None:
    """Return the answer; of a conversation the last turn of the assistant."""
    found = _either(row, "actualOutput", "actual_output")
    turns = [mapping(one) for one in items(row.get("turns"))]
    last = [one.get("content") for one in turns if one.get("role") == "assistant"]
    return said(found if found is not None else next(reversed(last), None))


def _scores(row: Row) -> Iterator[tuple[str, float | None]]:
    """Yield each metric with its score; None where it could not be computed."""
    for one in metrics_of(row):
        yield name(one.get("name")), None if one.get("error") else share(one.get("score"))


def _passed(row: Row) -> float | None:
    """Return whether a case passed; None if only metrics that could not be computed failed it."""
    verdict = row.get(SUCCESS)
    errors = [one for one in metrics_of(row) if one.get("error")]
    failed = [one for one in metrics_of(row) if not one.get("error") and one.get(SUCCESS) is False]
    return None if errors and not failed and verdict is False else share(verdict)


def _latency(row: Row, trace: Row) -> float | None:
    """Return the time of the answer, or of its trace; 0 means that nobody measured."""
    seconds = number(_either(row, "completionTime", "completion_time"))
    if seconds:
        return milliseconds(seconds * 1000)
    start, end = moment(trace.get("startTime")), moment(trace.get("endTime"))
    return milliseconds((end - start).total_seconds() * 1000) if start and end else None


def _note(row: Row, trace: Row, where: str, remarks: Remarks) -> None:
    """Note what a case leaves behind in the file."""
    for one in metrics_of(row):
        told = {"metric": name(one.get("name"))}
        if one.get("error"):
            remarks.note(where, _("the metric “%(metric)s” could not be computed") % told)
        elif share(one.get("score")) is None:
            remarks.note(where, _("“%(metric)s” has no score from 0 to 1") % told)
    if trace.get("status") == "ERRORED":
        remarks.note(where, _("its trace says that a step went wrong"))
    if any(mapping(one).get("metricsData") for kind in SPANS for one in items(trace.get(kind))):
        remarks.note(where, _("the scores of single steps are not read"))


def _details(row: Row, trace: Row) -> dict[str, Any]:
    spans = [mapping(one) for kind in SPANS for one in items(trace.get(kind))]
    reasons = {name(one.get("name")): one.get("reason") for one in metrics_of(row)}
    errors = {name(one.get("name")): one.get("error") for one in metrics_of(row)}
    contexts = items(_either(row, "retrievalContext", "retrieval_context"))
    metadata = _either(row, "additionalMetadata", "metadata")
    found = {
        "reasons": {one: excerpt(told) for one, told in reasons.items() if told},
        "metric_errors": {one: excerpt(told) for one, told in errors.items() if told},
        "retrieval_context": [excerpt(one) for one in contexts[:MOST_CONTEXTS]],
        "metadata": plain(metadata) if len(text(metadata)) < 4_000 else excerpt(metadata),
        "step_errors": [_step(one) for one in spans if one.get("error")][:MOST_CONTEXTS],
    }
    return {one: value for one, value in found.items() if value}


def _step(span: Row) -> str:
    return f"{name(span.get('name'))}: {excerpt(span.get('error'), 200)}"


def _figures(survey: Survey, system: str) -> Iterator[Found]:
    """Yield the share of cases that passed, and the mean of each metric's scores."""
    passed, failed = (whole(survey.told.get(one)) for one in COUNTS[:2])
    if passed is not None and failed is not None and passed + failed:
        total = passed + failed
        yield FigureFound(system, "pass_rate", passed / total, n=total)
    seen = Counter[str]()
    for summed in survey.summed.values():
        metric = name(summed.told.get("metric")) or digest(summed.told)
        seen[metric] += 1
        if seen[metric] == 1:
            yield _figure(system, metric, summed)


def _figure(system: str, metric: str, summed: Summed) -> FigureFound:
    counts = {one: whole(summed.told.get(one)) for one in METRIC_PARTS[1:]}
    settings = {one: value for one, value in counts.items() if value is not None}
    mean = number(summed.total / summed.scored) if summed.scored else None
    why = "" if mean is not None else _("no case has a score of it")
    return FigureFound(system, metric, mean, summed.scored, why=why, settings=settings)


def _either(row: Row, first: str, second: str) -> Any:
    return row[first] if row.get(first) is not None else row.get(second)


FORMAT = Format("deepeval", "DeepEval", detect, read)
