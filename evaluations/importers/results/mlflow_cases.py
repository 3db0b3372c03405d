"""From a row of MLflow's GenAI results, a trace with its assessments, to a case.

Feedback is a score; an expectation is what was expected, whatever it is called. A scorer that
failed leaves an error message and no score: the answer is there all the same.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from django.utils.translation import gettext as _

from evaluations.importers.measured import CaseFound
from evaluations.importers.results.asked import asked, case_key, parsed, said
from evaluations.importers.results.sheet import verdict
from evaluations.importers.results.values import (
    Remarks,
    excerpt,
    items,
    mapping,
    milliseconds,
    money,
    name,
    plain,
    share,
    text,
    whole,
)

VALUE, FAILED, WHY = "/value", "/error_message", "/rationale"
WORDS = ("yes", "no", "true", "false", "pass", "fail")
FINE = {"", "OK", "STATE_UNSPECIFIED", "IN_PROGRESS"}
EXPECTED = ("expected_response", "expected_output", "expected", "ground_truth", "label", "answer")

Row = Mapping[str, Any]


def case(row: Row, system: str, main: str, repeat: int, remarks: Remarks) -> CaseFound:
    """Return a row as a case."""
    scores, error = dict(scores_of(row)), error_of(row)
    expected = expected_of(row)
    usage = mapping(parsed(mapping(row.get("trace_metadata")).get("mlflow.trace.tokenUsage")))
    cost = mapping(parsed(mapping(row.get("trace_metadata")).get("mlflow.trace.cost")))
    _note(row, error, remarks)
    return CaseFound(
        system=system,
        key=key_of(row),
        input=question_of(row),
        expected=asked(next(iter(expected.values()), None)),
        output=None if error else said(parsed(row.get("response"))),
        error=error,
        repeat=repeat,
        scores=dict.fromkeys(scores) if error else scores,
        correct=None if error else _verdict(row.get(main + VALUE)),
        latency_ms=None if error else milliseconds(row.get("execution_duration")) or None,
        cost=money(cost.get("total_cost")),
        input_tokens=whole(usage.get("input_tokens")),
        output_tokens=whole(usage.get("output_tokens")),
        details=_details(row, expected),
    )


def question_of(row: Row) -> str:
    """Return what was asked."""
    return asked(parsed(row.get("request")))


def key_of(row: Row) -> str:
    """Return the digest of what was asked: the ids of traces are others in every run."""
    return case_key("", question_of(row) or text(row.get("trace_id")))


def model_of(row: Row) -> str:
    """Return the model that a row's request or response names."""
    found = (mapping(parsed(row.get(one))).get("model") for one in ("request", "response"))
    return next((name(one) for one in found if name(one)), "")


def scores_of(row: Row) -> Iterator[tuple[str, float | None]]:
    """Yield (scorer, share) for each feedback; None where there is none from 0 to 1."""
    known = expected_of(row)
    for column, value in row.items():
        scorer = name(column.removesuffix(VALUE))
        failed = row.get(scorer + FAILED)
        if column.endswith(VALUE) and scorer not in known and (_is_score(value) or failed):
            yield scorer, None if failed else _share(value)


def is_verdict(value: Any) -> bool:
    """Return whether a feedback is one of right or wrong."""
    return _verdict(value) is not None


def expected_of(row: Row) -> dict[str, Any]:
    """Return the expectations by name, what is surely an answer first."""
    found = {
        name(one.get("assessment_name")): mapping(one.get("expectation")).get("value")
        for one in map(mapping, items(parsed(row.get("assessments"))))
        if one.get("expectation")
    }
    known = {one: found[one] for one in EXPECTED if one in found}
    return {**known, **found}


def error_of(row: Row) -> str:
    """Return why there is no answer, "" where there is one."""
    state = name(row.get("state")).upper()
    if state in FINE:
        return ""
    for span in map(mapping, items(parsed(row.get("spans")))):
        told = mapping(span.get("status"))
        if "ERROR" in name(told.get("code")).upper() and told.get("message"):
            return text(told["message"])
    return _("MLflow calls its state %(state)s and does not say why.") % {"state": state}


def _is_score(value: Any) -> bool:
    return value is None or _share(value) is not None or isinstance(value, int | float)


def _share(value: Any) -> float | None:
    told = _verdict(value)
    return share(value) if told is None else float(told)


def _verdict(value: Any) -> bool | None:
    """Return a feedback that is one of right or wrong; numbers are not."""
    if isinstance(value, str) and value.strip().casefold() in WORDS:
        return verdict(value)
    return value if isinstance(value, bool) else None


def _note(row: Row, error: str, remarks: Remarks) -> None:
    where = name(row.get("trace_id"))
    for column, value in row.items():
        if column.endswith(FAILED) and value:
            told = {"scorer": name(column.removesuffix(FAILED))}
            remarks.note(where, _("the scorer “%(scorer)s” failed") % told)
    for scorer, score in () if error else scores_of(row):
        if score is None and not row.get(scorer + FAILED):
            told = {"scorer": scorer}
            remarks.note(where, _("“%(scorer)s” has no score from 0 to 1") % told)


def _details(row: Row, expected: Mapping[str, Any]) -> dict[str, Any]:
    scored = dict(scores_of(row))
    found: dict[str, Any] = {"trace_id": name(row.get("trace_id"))}
    for column, value in row.items():
        scorer = column.removesuffix(VALUE)
        other = column.endswith(VALUE) and scorer not in expected and scored.get(scorer) is None
        if value is not None and (other or column.endswith((FAILED, WHY))):
            found[name(column)] = excerpt(value)
    if len(expected) > 1:
        found["expectations"] = {one: excerpt(value) for one, value in expected.items()}
    return dict(plain(found))
