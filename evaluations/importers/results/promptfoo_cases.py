"""From a row of promptfoo's results to a case.

A case is a test's variables: the same test meets itself under other prompts, providers and
evaluations. `error` is filled for failed assertions too: `failureReason` (2 is an error), or in old
files the response, says which it is. promptfoo gives an error the score 0; it has none here.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from django.utils.translation import gettext as _

from evaluations.importers.measured import CaseFound
from evaluations.importers.results.values import (
    LONGEST_REMARK,
    Remarks,
    canonical,
    digest,
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

TOOL = "promptfoo"
SCORE = "score"
ERRORED = 2
NO_ASSERTIONS = "No assertions"
LONGEST_WORD = 1_000  # characters without a space: an image or a file, not something to read
REFERENCES = (
    *("equals", "similar", "factuality", "rouge-n", "bleu", "gleu", "meteor", "levenshtein"),
    *("icontains", "contains"),
)

Row = Mapping[str, Any]


def case(row: Row, system: str, repeat: int, where: str, remarks: Remarks) -> CaseFound:
    """Return a row as a case, and note what of it is lost."""
    error, response = error_of(row), response_of(row)
    output = response.get("output")
    cached = bool(response.get("cached") or row.get("cached"))
    usage = _usage(row)
    _note(row, where, error, remarks)
    return CaseFound(
        system=system,
        key=case_key(row),
        input=case_input(row),
        expected=expected_of(row),
        output=None if error or output is None else text(output),
        error=error,
        repeat=repeat,
        scores=_scores(row, bool(error), where, remarks),
        correct=row.get("success") if isinstance(row.get("success"), bool) else None,
        latency_ms=None if cached else milliseconds(row.get("latencyMs")),
        cost=money(row.get("cost")) or money(response.get("cost")),
        input_tokens=whole(usage.get("prompt")),
        output_tokens=whole(usage.get("completion")),
        details=_details(row, error, output, cached),
    )


def case_key(row: Row) -> str:
    """Return the key of a test: 16 hex characters of its variables as they are read."""
    return digest(case_input(row))


def case_input(row: Row) -> str:
    """Return a test's variables as text; without any, the prompt."""
    return variables_text(_variables(row)) or text(mapping(row.get("prompt")).get("raw"))


def variables_text(variables: Row) -> str:
    """Return one variable's value, or a line “name: value” for each of several, by name."""
    known = {key: value for key, value in variables.items() if not key.startswith("_")}
    if len(known) == 1:
        return shown(next(iter(known.values())))
    return "\n".join(f"{key}: {shown(known[key])}" for key in sorted(known))


def shown(value: Any) -> str:
    """Return a variable's value to read; data that nobody can read by its size and digest."""
    written = text(value)
    if not _is_data(written):
        return written
    return f"[{len(written)} characters of data, {digest(written)}]"


def error_of(row: Row) -> str:
    """Return why there is no answer, "" where there is one."""
    response = response_of(row)
    reason, told = whole(row.get("failureReason")), response.get("error") or row.get("error")
    without = not response.get("error") and (response or row.get("gradingResult"))
    if reason not in (None, ERRORED) or (reason is None and (without or not told)):
        return ""
    return text(told) or _("promptfoo calls it an error and does not say why.")


def response_of(row: Row) -> Row:
    """Return what the provider answered."""
    return mapping(row.get("response")) or mapping(row.get("providerResponse"))


def expected_of(row: Row) -> str:
    """Return the text that the first assertion with a reference compares with, "" for none."""
    texts = [
        (REFERENCES.index(one["type"]), one["value"])
        for one in _assertions(mapping(row.get("testCase")).get("assert"))
        if one.get("type") in REFERENCES and isinstance(one.get("value"), str)
    ]
    return text(min(texts, key=lambda found: found[0])[1]) if texts else ""


def graded_by(row: Row) -> list[Any]:
    """Return what is asserted of an answer and by whom it is graded; nothing without assertions."""
    test = mapping(row.get("testCase"))
    asserted = items(test.get("assert"))
    return [asserted, test.get("options"), test.get("threshold")] if asserted else []


def _assertions(found: Any) -> Iterator[Row]:
    """Yield assertions, also those in sets."""
    for one in map(mapping, items(found)):
        yield one
        yield from map(mapping, items(one.get("assert")))


def _variables(row: Row) -> Row:
    """Return a test's own variables, without what answers to other tests left among them."""
    return mapping(mapping(row.get("testCase")).get("vars")) or mapping(row.get("vars"))


def _scores(row: Row, errored: bool, where: str, remarks: Remarks) -> dict[str, float | None]:
    """Return the score and the named scores; None where there is none from 0 to 1."""
    found = {SCORE: row.get("score"), **mapping(row.get("namedScores"))}
    if errored:
        return {name(one): None for one in found}
    for one, value in found.items():
        if share(value) is None:
            told = {"scorer": name(one)}
            remarks.note(where, _("“%(scorer)s” has no score from 0 to 1") % told)
    return {name(one): share(value) for one, value in found.items()}


def _usage(row: Row) -> Row:
    """Return the tokens that were paid for; all 0 means that nobody counted."""
    usage = mapping(response_of(row).get("tokenUsage"))
    return usage if usage.get("prompt") or usage.get("completion") else {}


def _details(row: Row, error: str, output: Any, cached: bool) -> dict[str, Any]:
    grading, test = mapping(row.get("gradingResult")), mapping(row.get("testCase"))
    odd = {key: excerpt(value, 200) for key, value in _all_scores(row) if share(value) is None}
    found = {
        "description": excerpt(test.get("description"), 200),
        "metadata": _metadata(test),
        "reason": "" if error else excerpt(grading.get("reason")),
        "comment": excerpt(grading.get("comment")),
        "output": excerpt(output) if error else "",
        "scores": {} if error else odd,
        "cached": cached,
    }
    return {key: value for key, value in found.items() if value}


def _metadata(test: Row) -> Any:
    """Return what a team wrote to a test, such as the slice it belongs to."""
    told = mapping(test.get("metadata"))
    return plain(told) if len(canonical(told)) <= LONGEST_REMARK else {}


def _all_scores(row: Row) -> Iterator[tuple[str, Any]]:
    yield SCORE, row.get("score")
    yield from ((name(key), value) for key, value in mapping(row.get("namedScores")).items())


def _note(row: Row, where: str, error: str, remarks: Remarks) -> None:
    """Note what a case leaves behind in the file."""
    if not error:
        note_unasserted(mapping(row.get("gradingResult")).get("reason"), where, remarks)
    for key, value in _variables(row).items():
        if not key.startswith("_") and isinstance(value, str) and _is_data(value):
            told = {"variable": excerpt(key, 60)}
            what = _("the variable “%(variable)s” holds data: its digest stands for it")
            remarks.note(where, what % told)


def note_unasserted(reason: Any, where: str, remarks: Remarks) -> None:
    """Note a pass that no assertion stands behind."""
    if reason == NO_ASSERTIONS:
        what = _("it passed without any assertion: that says only that there was an answer")
        remarks.note(where, what)


def _is_data(written: str) -> bool:
    """Return whether a text is an encoded file rather than words."""
    return len(written) > LONGEST_WORD and not any(letter.isspace() for letter in written)
