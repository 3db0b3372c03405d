"""From a sample of an Inspect log to a case.

Scores are C, I, P (partly right: half a point, and no verdict) or N (no answer), truth values,
numbers, or several of them under names. An epoch is a repeat. What went wrong has no score here,
also where Inspect was told to score errors.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from django.utils.translation import gettext as _

from evaluations.importers.measured import CaseFound
from evaluations.importers.results.values import (
    Remarks,
    canonical,
    chat,
    digest,
    excerpt,
    items,
    legible,
    mapping,
    milliseconds,
    money,
    name,
    number,
    plain,
    share,
    text,
    whole,
)

GRADES: dict[str, tuple[float, bool | None]] = {
    "C": (1.0, True),
    "I": (0.0, False),
    "P": (0.5, None),
    "N": (0.0, False),
    "yes": (1.0, True),
    "true": (1.0, True),
    "no": (0.0, False),
    "false": (0.0, False),
}
UNSAID = {"P", "N"}  # grades of which their number does not say all
ONLY_SCORE = "score"  # what the first versions of logs have instead of names
LONGEST_KEY = 100
LONGEST_METADATA = 4_000
MOST_REFERENCES = 20
MOST_SCORES = 1_000
LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"

Row = Mapping[str, Any]


@dataclass(frozen=True)
class Measured:
    """What a log says of the measured system that its samples are read by."""

    system: str
    model: str
    scorers: list[str] = field(default_factory=list)
    main: str = ""
    right_or_wrong: set[str] = field(default_factory=set)


def case(row: Row, measured: Measured, remarks: Remarks) -> CaseFound:
    """Return a sample as a case, and note what of it is lost."""
    row, unread = legible(row), row
    if row != unread:
        what = _("it holds characters that are not text: ␀ and � stand for them")
        remarks.note(case_key(row), what)
    output, error = mapping(row.get("output")), error_of(row)
    key, answered = case_key(row), None if error else output_of(output)
    usage = mapping(mapping(row.get("model_usage")).get(measured.model)) or output.get("usage")
    found = dict(scores_of(row))
    if len(found) > MOST_SCORES:
        raise ValueError(_("a sample in it has too many scores."))
    _note(row, found, key, error, remarks)
    return CaseFound(
        system=measured.system,
        key=key,
        input=case_input(row),
        expected=text(next(iter(_targets(row)), "")),
        output=answered,
        error=error,
        repeat=repeat_of(row),
        scores=_scores(found, bool(error), measured.scorers),
        correct=_verdict(found.get(measured.main), measured.main in measured.right_or_wrong),
        latency_ms=None if error else _latency(row, output),
        cost=money(mapping(usage).get("total_cost")),
        input_tokens=whole(mapping(usage).get("input_tokens")),
        output_tokens=whole(mapping(usage).get("output_tokens")),
        details=plain({one: value for one, value in _details(row, found, error) if value}),
    )


def case_key(row: Row) -> str:
    """Return a sample's id, or where it has none that fits, the digest of its input."""
    key = text(row.get("id"))
    return key if 0 < len(key) <= LONGEST_KEY else digest(key or case_input(row))


def repeat_of(row: Row) -> int:
    """Return the number of a sample's epoch, from 0."""
    return max(0, (whole(row.get("epoch")) or 1) - 1)


def case_input(row: Row) -> str:
    """Return what was asked: a text or messages, with the choices to choose from."""
    asked = row.get("input")
    if isinstance(asked, list):
        asked = chat([{**mapping(one), "content": _said(one)} for one in asked])
    choices = [
        f"{LETTERS[index] if index < len(LETTERS) else index + 1}) {text(one)}"
        for index, one in enumerate(items(row.get("choices")))
    ]
    return text("\n".join([text(asked), *choices]))


def error_of(row: Row) -> str:
    """Return why a sample has no answer, "" where it has one."""
    error = row.get("error")
    told = mapping(error).get("message") if isinstance(error, dict) else error
    return text(told) or (_("Inspect calls it an error and does not say why.") if error else "")


def output_of(output: Row) -> str | None:
    """Return the model's last answer, None where it gave none."""
    if output.get("completion"):
        return text(output["completion"])
    messages = [mapping(one).get("message") for one in items(output.get("choices"))]
    return _said(messages[0]) if messages else None


def scores_of(row: Row) -> Iterator[tuple[str, Any]]:
    """Yield (scorer, the log's value); one of several values of a scorer as “scorer/name”."""
    found = mapping(row.get("scores")) or ({ONLY_SCORE: row["score"]} if row.get("score") else {})
    for scorer, score in found.items():
        value = mapping(score).get("value")
        if isinstance(value, dict):
            yield from ((score_key(scorer, one), inner) for one, inner in value.items())
        else:
            yield name(scorer), value


def score_key(scorer: Any, inner: Any) -> str:
    """Return what one of the values of a scorer is called."""
    return name(f"{scorer}/{inner}")


def _scores(found: Row, errored: bool, scorers: list[str]) -> dict[str, float | None]:
    """Return a score from 0 to 1 for each scorer, None where there is none."""
    scores: dict[str, float | None] = dict.fromkeys(scorers)
    return {**scores, **{one: None if errored else _grade(found[one])[0] for one in found}}


def _grade(value: Any) -> tuple[float | None, bool | None]:
    """Return (score from 0 to 1, verdict) of a value; None for what is neither."""
    if isinstance(value, bool):
        return float(value), value
    if isinstance(value, str):
        known = GRADES.get(value) or GRADES.get(value.lower())
        return known or (share(_parsed(value)), None)
    return share(value), None


def _parsed(value: str) -> float | None:
    try:
        return float(value)
    except ValueError:
        return None


def _verdict(value: Any, right_or_wrong: bool) -> bool | None:
    """Return whether the main score says right or wrong; numbers say so where accuracy is told."""
    score, verdict = _grade(value)
    if verdict is None and right_or_wrong and score in (0.0, 1.0):
        return bool(score)
    return verdict


def _latency(row: Row, output: Row) -> float | None:
    """Return the time of the model's answer; of several turns, the time that was worked on them."""
    times = [output.get("time"), row.get("working_time")]
    if (row.get("turns") or 0) > 1:
        times.reverse()
    known = (one for one in map(number, times) if one is not None)
    return milliseconds(next(known, -0.001) * 1000)


def _details(row: Row, found: Row, error: str) -> Iterator[tuple[str, Any]]:
    output, scores = mapping(row.get("output")), mapping(row.get("scores"))
    answer = output_of(output) or ""
    if error:
        yield "output", excerpt(answer)
    yield "scores", {one: excerpt(value, 200) for one, value in found.items() if _is_odd(value)}
    for told in ("answer", "explanation"):
        texts = {name(one): excerpt(mapping(score).get(told)) for one, score in scores.items()}
        yield told, {one: value for one, value in texts.items() if value not in ("", answer)}
    yield "references", [text(one) for one in _targets(row)[1:MOST_REFERENCES]]
    yield "limit", mapping(row.get("limit"))
    yield "earlier_errors", len(items(row.get("error_retries")))
    yield "stopped_by", _stopped_by(output)
    yield "model_error", excerpt(output.get("error"))
    yield "metadata", row.get("metadata") if not _is_long(row) else None


def _stopped_by(output: Row) -> str:
    """Return why the model stopped, where it did not come to an end."""
    reasons = [name(mapping(one).get("stop_reason")) for one in items(output.get("choices"))]
    return reasons[0] if reasons and reasons[0] not in ("stop", "unknown") else ""


def _note(row: Row, found: Row, key: str, error: str, remarks: Remarks) -> None:
    """Note what a case leaves behind in the file, and what it has no score for."""
    if not found and not error:
        remarks.note(key, _("a sample without a score"))
    for scorer, value in () if error else found.items():
        if _grade(value)[0] is None:
            what = _("“%(scorer)s” has no score from 0 to 1")
            remarks.note(key, what % {"scorer": scorer})
    if (row.get("turns") or 0) > 1:
        remarks.note(key, _("of a conversation of several turns only the last answer comes in"))
    if row.get("invalidation"):
        remarks.note(key, _("the sample was declared invalid: it comes in all the same"))
    if _is_long(row):
        remarks.note(key, _("the metadata of a sample is too long and stays in the file"))
    if any(_is_data(mapping(one).get("content")) for one in items(row.get("input"))):
        remarks.note(key, _("the question holds images or files: their digests stand for them"))


def _is_odd(value: Any) -> bool:
    """Return whether the number that a value becomes does not say all of it."""
    return _grade(value)[0] is None or (isinstance(value, str) and value in UNSAID)


def _is_long(row: Row) -> bool:
    return len(canonical(row.get("metadata"))) > LONGEST_METADATA


def _is_data(content: Any) -> bool:
    kinds = {mapping(one).get("type") for one in items(content)}
    return bool(kinds - {"text", "reasoning"})


def _targets(row: Row) -> list[Any]:
    """Return the right answers; the first one is the one that is expected."""
    target = row.get("target")
    return target if isinstance(target, list) else [target]


def _said(message: Any) -> str:
    """Return a message's text: its parts without the reasoning, tools that it calls, digests."""
    content = mapping(message).get("content")
    parts = [_part(mapping(one)) for one in content] if isinstance(content, list) else [content]
    calls = [mapping(one) for one in items(mapping(message).get("tool_calls"))]
    called = [f"[{name(one.get('function'))}({text(one.get('arguments'))})]" for one in calls]
    return "\n".join(text(one) for one in (*parts, *called) if one)


def _part(part: Row) -> str:
    if part.get("type") == "reasoning":
        return ""
    if isinstance(part.get("text"), str):
        return text(part["text"])
    return f"[{name(part.get('type'))} {digest(dict(part))}]"
