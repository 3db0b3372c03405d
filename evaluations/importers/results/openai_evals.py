"""OpenAI evals' log: a line with the specification, then events, then a final report.

A sample's events come in any order among others': it is told when its last event has gone by. What
is sampled from a grader is an event like any other; the system's own start with the same message
as the sample's first. A broken-off log has no final report, and samples without a verdict.
"""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from django.utils.translation import gettext as _

from evaluations.importers.measured import CaseFound, FigureFound, Format, Found, Source, System
from evaluations.importers.results.json_stream import lines, outline
from evaluations.importers.results.values import (
    Remarks,
    chat,
    excerpt,
    items,
    mapping,
    moment,
    name,
    number,
    opened,
    plain,
    share,
    text,
    whole,
)

TOOL = "openai-evals"
ACCURACY = "accuracy"
VERDICTS = ("match", "metrics")
READ = {*VERDICTS, "sampling", "error"}
STDERRS = ("boostrap_std", "bootstrap_std")  # the tool's spelling, and what it means
MOST_OPEN = 10_000  # samples whose events are still to come
LONGEST_ID = 100
MOST_SCORERS = 1_000
TOLD = ("choice", "picked", "options")

Row = Mapping[str, Any]


@dataclass
class Survey:
    """What the log says as a whole: how it was called, and where each sample's events end."""

    spec: Row = field(default_factory=dict)
    report: Row | None = None
    last: dict[str, int] = field(default_factory=dict)
    verdicts: Counter[str] = field(default_factory=Counter)
    scorers: dict[str, None] = field(default_factory=dict)

    def note(self, number_: int, row: Row) -> None:
        """Take a line into account."""
        if "spec" in row:
            self.spec = self.spec or mapping(row["spec"])
        elif "final_report" in row:
            self.report = mapping(row["final_report"])
        else:
            self.last[_sample_id(row)] = number_
            kind = name(row.get("type"))
            self.verdicts[kind] += kind in VERDICTS
            self.scorers.update(dict.fromkeys(_scores(kind, mapping(row.get("data")))))
            if len(self.scorers) > MOST_SCORERS:
                raise ValueError(_("it has too many scores."))

    @property
    def measured(self) -> int | None:
        """Return over how many samples the report's figures are."""
        return self.verdicts["match"] or self.verdicts["metrics"] or None


@dataclass
class Sample:
    """What was told about one sample so far."""

    prompt: Any = None
    output: str | None = None
    graded: str = ""
    expected: Any = None
    error: str = ""
    scores: dict[str, float | None] = field(default_factory=dict)
    correct: bool | None = None
    details: dict[str, Any] = field(default_factory=dict)
    verdicts: int = 0

    def take(self, kind: str, data: Row) -> None:
        """Take an event into account."""
        if kind == "sampling":
            self._sampled(data)
        elif kind == "error":
            said = (name(data.get("type")), text(data.get("message")))
            self.error = ": ".join(one for one in said if one) or _("an error without a message.")
        elif kind in VERDICTS:
            self._judged(kind, data)

    def _sampled(self, data: Row) -> None:
        """Keep the system's last output, and what a grader said."""
        if self.prompt is None:
            self.prompt = data.get("prompt")
        if _first(data.get("prompt")) == _first(self.prompt):
            self.output = _sampled_text(data.get("sampled"))
        else:
            self.graded = _sampled_text(data.get("sampled"))

    def _judged(self, kind: str, data: Row) -> None:
        self.verdicts += 1
        self.scores.update(_scores(kind, data))
        self.expected = data.get("expected", self.expected)
        verdict = data.get("correct", data.get(ACCURACY))
        if share(verdict) in (0, 1):
            self.correct = bool(verdict)
        if "sampled" in data:
            self.output = _sampled_text(data["sampled"])
        elif self.output is None and "picked" in data:
            self.output = _sampled_text(data["picked"])
        told = {key: value for key, value in data.items() if share(value) is None}
        self.details.update({name(key): value for key, value in told.items() if key in TOLD})


def detect(source: Source) -> bool:
    """Return whether a file's first line is the specification of an evaluation."""
    paths = outline(source.path)
    return bool({("spec", "eval_name"), ("spec", "completion_fns"), ("spec", "run_id")} & paths)


def read(source: Source) -> Iterator[Found]:
    """Yield the system, every sample, and the report's figures; raise `Unreadable`."""
    with opened(source):
        survey, remarks = _survey(source), Remarks()
        system = _system(survey)
        yield system
        yield from _cases(source, survey, system.key, remarks)
        yield from _figures(survey, system.key, remarks)
        yield from remarks.found()


def _survey(source: Source) -> Survey:
    """Return what the log says as a whole; raise ValueError if it says nothing."""
    survey = Survey()
    for number_, row in _rows(source):
        survey.note(number_, row)
    if not survey.spec:
        raise ValueError(_("it has no specification."))
    if not survey.last and not survey.report:
        raise ValueError(_("it has no results."))
    return survey


def _rows(source: Source) -> Iterator[tuple[int, Row]]:
    with opened(source) as file:
        for number_, row in lines(file):
            if not isinstance(row, dict):
                raise ValueError(_("line %(line)s is not an event.") % {"line": number_})
            yield number_, row


def _system(survey: Survey) -> System:
    spec, config = survey.spec, mapping(survey.spec.get("run_config"))
    evaluation = mapping(config.get("eval_spec"))
    settings = {
        "split": spec.get("split"),
        "seed": config.get("seed"),
        "max_samples": config.get("max_samples"),
        "class": evaluation.get("cls"),
        "arguments": evaluation.get("args"),
        "run_id": spec.get("run_id"),
    }
    return System(
        key=name(spec.get("run_id")) or "run",
        model=_model(spec),
        task=name(spec.get("eval_name") or spec.get("base_eval")),
        tool=TOOL,
        scorer=ACCURACY if ACCURACY in survey.scorers else next(iter(survey.scorers), ""),
        attempted=whole(config.get("max_samples")),
        status="" if survey.report is not None else "incomplete",
        started_at=moment(spec.get("created_at")),
        settings=plain({key: value for key, value in settings.items() if value is not None}),
    )


def _model(spec: Row) -> str:
    """Return what was evaluated: the completion functions, in older logs the model's name."""
    told = spec.get("completion_fns") or spec.get("model_name")
    told = mapping(told).get("completions", told)
    return name(", ".join(map(name, told)) if isinstance(told, list) else told)


def _cases(source: Source, survey: Survey, system: str, remarks: Remarks) -> Iterator[Found]:
    """Yield each sample when its last event has gone by."""
    open_: dict[str, Sample] = {}
    for number_, row in _rows(source):
        if "spec" in row or "final_report" in row:
            continue
        key, kind = _sample_id(row), name(row.get("type"))
        sample = open_.setdefault(key, Sample())
        if len(open_) > MOST_OPEN:
            raise ValueError(_("the events of too many samples are mixed up."))
        sample.take(kind, mapping(row.get("data")))
        if kind not in READ:
            where = _("line %(line)s") % {"line": number_}
            remarks.note(where, _("events of the type “%(type)s”") % {"type": kind})
        if survey.last[key] == number_:
            yield _case(open_.pop(key), key, system, remarks)


def _case(sample: Sample, key: str, system: str, remarks: Remarks) -> CaseFound:
    expected = sample.expected
    references = items(expected)
    if references:
        expected = references[0]
    details = {**sample.details, "graded": excerpt(sample.graded), "references": references[1:20]}
    if not sample.scores and not sample.error:
        remarks.note(key, _("a sample without a verdict"))
    if sample.verdicts > 1:
        remarks.note(key, _("a sample with several verdicts: the last of each counts"))
    return CaseFound(
        system=system,
        key=key,
        input=_input(sample.prompt),
        expected=text(expected),
        output=None if sample.error else sample.output,
        error=sample.error,
        scores=dict.fromkeys(sample.scores) if sample.error else sample.scores,
        correct=sample.correct,
        details=plain({what: one for what, one in details.items() if one not in ("", None, [])}),
    )


def _figures(survey: Survey, system: str, remarks: Remarks) -> Iterator[Found]:
    """Yield the numbers of the final report."""
    if survey.report is None:
        remarks.note("final_report", _("the log has no final report: the run was broken off"))
        return
    report = survey.report
    stderr = next((number(report[one]) for one in STDERRS if one in report), None)
    for metric, value in report.items():
        if metric in STDERRS and ACCURACY in report:
            continue
        if isinstance(value, dict | list | str):
            remarks.note(f"final_report.{name(metric)}", _("its value is not a number"))
            continue
        why = "" if number(value) is not None else _("the report has no number here")
        yield FigureFound(
            system,
            name(metric),
            number(value),
            n=survey.measured if metric == ACCURACY else None,
            stderr=stderr if metric == ACCURACY else None,
            why=why,
        )


def _scores(kind: str, data: Row) -> dict[str, float | None]:
    """Return the scores of a verdict; None where the tool had none, or one outside 0 to 1."""
    if kind == "match":
        return {ACCURACY: share(data.get("correct"))}
    if kind != "metrics":
        return {}
    found = {name(key): value for key, value in data.items()}
    return {
        key: share(value)
        for key, value in found.items()
        if key not in TOLD and not isinstance(value, str | list | dict)
    }


def _sample_id(row: Row) -> str:
    """Return the sample of an event; raise ValueError for a name that no case can have."""
    found = row.get("sample_id")
    key = text(found) if found is not None else ""
    if not key or len(key) > LONGEST_ID:
        raise ValueError(_("an event has no sample, or one whose name is too long."))
    return key


def _first(prompt: Any) -> Any:
    """Return a prompt's first message, which all prompts to the same system begin with."""
    return prompt[0] if isinstance(prompt, list) and prompt else prompt


def _input(prompt: Any) -> str:
    """Return a sample's prompt as text, without what the system put behind it itself."""
    if not isinstance(prompt, list):
        return text(prompt)
    messages = list(prompt)
    while len(messages) > 1 and mapping(messages[-1]).get("role") == "assistant":
        messages.pop()
    return chat(messages)


def _sampled_text(sampled: Any) -> str:
    """Return what was sampled; of several the first."""
    return text(sampled[0] if isinstance(sampled, list) and sampled else sampled)


FORMAT = Format("openai_evals", "OpenAI evals", detect, read)
