"""Whether a record that somebody brings has the form of an archive: every value its type and place.

What does not raises `UnreadableError`. Nothing here knows Django or a database: it runs in the
process with limits that reads what strangers bring.
"""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Iterable, Iterator
from datetime import date, datetime
from typing import Any

from jsonschema import Draft202012Validator
from jsonschema.exceptions import ValidationError

from decisions.exports.archive_file import UnreadableError, read_strictly
from decisions.exports.archive_form import FORMAT, FORMAT_VERSION
from decisions.exports.verify_record import check_told
from decisions.exports.verify_report import Report, noop

_ = noop

DEEPEST = 64  # lists and objects in one another
# Characters of a text, ten times what a form takes, and of all that a record says, which is what
# three hundred pages hold.
LONGEST_TEXT, MOST_TEXT = 200_000, 800_000
# How many of all these may mean something to Markdown. They are what takes time: drawing a thousand
# takes 60 milliseconds at worst (`- a`), a thousand of others less than one. A hundred pages
# full of headings and tables have ten thousand.
MARKS, MOST_MARKS = re.compile(r"[\n\[\]!*_`~<>#|&\\@+=-]|[0-9][.)]"), 60_000
# A candidate has a cell for each goal, and drawing a thousand takes a third of a second.
MOST_CANDIDATES, MOST_GOALS, MOST_CELLS = 52, 200, 5_000
# Of all that is a row of its own in the database: writing and drawing a thousand takes a second.
MOST_ROWS = 5_000
# A record goes on here: no column is full, and what it says next fits the schema too.
MOST_ROUNDS, HIGHEST_NUMBER = 10_000, 900_000_000
# What is drawn, besides the content; and of what no rows are made.
DRAWN = ("evidence", "sign_offs", "reviews", "outcome_notes")
AS_IT_IS = {"content", "events", "earlier", "results"}
# The check that a report calls so.
FORM = "form"
MORE = _("The file says more than a record can.")

Schema = dict[str, Any]


# --- JSON -----------------------------------------------------------------------------------------


def parsed(data: bytes) -> dict[str, Any]:
    """Return the JSON object in the bytes, with nothing in it that canonical JSON cannot say."""
    value = read_strictly(data)
    if not isinstance(value, dict) or value.get("format") != FORMAT:
        raise UnreadableError(_("The file is not an archive of a decision record."))
    if value.get("format_version") != FORMAT_VERSION:
        raise UnreadableError(
            _("The archive is of version %(version)s; this installation reads version %(known)s."),
            version=str(value.get("format_version"))[:20],
            known=FORMAT_VERSION,
        )
    for text in _texts(value):
        _refuse_unwritable(text)
    return value


def _texts(value: Any) -> Iterator[str]:
    """Yield all texts and names in a JSON value; raises `UnreadableError` where it is too deep."""
    level = [value]
    for _depth in range(DEEPEST):
        for one in level:
            if isinstance(one, str):
                yield one
            elif isinstance(one, dict):
                yield from one
        level = [part for one in level for part in _parts_of(one)]
        if not level:
            return
    raise UnreadableError(_("The file is nested too deeply."))


def _parts_of(value: Any) -> Iterable[Any]:
    if isinstance(value, dict):
        return value.values()
    return value if isinstance(value, list) else ()


def _refuse_unwritable(text: str) -> None:
    """Raise `UnreadableError` for half a character, and for NUL, which no database keeps."""
    if "\0" in text or any("\ud800" <= one <= "\udfff" for one in text if one > "\ud7ff"):
        raise UnreadableError(_("A text in the file has a character that cannot be written."))


# --- Whether every value has its form and place ---------------------------------------------------


def check_form(archive: dict[str, Any], schema: Schema) -> None:
    """Raise `UnreadableError` for the first value of another form or place than in an archive.

    `schema` is that of an archive, see `exports.archive_schema`.
    """
    # Before its form, which takes twenty microseconds a value.
    if sum(1 for name in archive.keys() - AS_IT_IS for _one in _objects(archive[name])) > MOST_ROWS:
        raise UnreadableError(MORE)
    error = next(Draft202012Validator(schema).iter_errors(archive), None)
    if error is not None:
        raise UnreadableError(_("The file does not fit the format: %(fault)s"), fault=_fault(error))
    _check_cells(archive)
    _check_lengths(archive, {name for name, _one in _properties(schema)})
    _check_moments(archive)
    _check_people(archive, {name for name, one in _properties(schema) if _is_person(one)})
    _check_versions(archive)
    _check_numbers(archive)


def _fault(error: ValidationError) -> dict[str, Any]:
    """Return where something is wrong and with what, without repeating a whole file.

    As `TellingError.told` has it.
    """
    while error.context:
        error = min(error.context, key=lambda one: one.validator == "type")
    path = ".".join(str(one) for one in error.absolute_path)[:200]
    values: dict[str, Any] = {"where": path or {"message": _("the file"), "values": {}}}
    match error.validator:
        case "required":
            values["name"] = next(one for one in error.validator_value if one not in error.instance)
            message = _("%(where)s lacks “%(name)s”.")
        case "additionalProperties" if isinstance(error.validator_value, bool):
            values["name"] = min(set(error.instance) - set(error.schema["properties"]))[:60]
            message = _("%(where)s has “%(name)s”, which is not known.")
        case _other:
            values["value"] = json.dumps(error.instance, ensure_ascii=False)[:60]
            message = _("%(where)s cannot be %(value)s.")
    return {"message": message, "values": values}


def _properties(schema: Any) -> Iterator[tuple[str, Any]]:
    """Yield all names in a schema with what each may hold."""
    if isinstance(schema, dict):
        yield from schema.get("properties", {}).items()
    for part in _parts_of(schema):
        yield from _properties(part)


def _is_person(schema: Schema) -> bool:
    """Return whether what a name may hold is a place in the list of people."""
    person = {"$ref": "#/$defs/person_number"}
    return person in (schema, *schema.get("anyOf", ()))


def _check_cells(archive: dict[str, Any]) -> None:
    """Raise `UnreadableError` for more to compare than it takes seconds to draw."""
    candidates, goals = (len(archive["content"][name]) for name in ("candidates", "goals"))
    every = goals + len(archive["proposed_goals"])
    if candidates > MOST_CANDIDATES or every > MOST_GOALS or candidates * goals > MOST_CELLS:
        told = _(
            "The file compares %(candidates)s candidates by %(goals)s goals, which is too many."
        )
        raise UnreadableError(told, candidates=candidates, goals=every)


def _check_lengths(archive: dict[str, Any], known: set[str]) -> None:
    """Raise `UnreadableError` for texts that it would take minutes to draw.

    The names that the schema knows do not count.
    """
    said = [archive["content"], *(archive[name] for name in DRAWN)]
    drawn = [one for one in _texts(said) if one not in known]
    kept = [*_texts([archive["threads"], archive["versions"]])]
    for measure, longest, most in (
        (len, LONGEST_TEXT, MOST_TEXT),
        (_marks_in, MOST_MARKS, MOST_MARKS),
    ):
        lengths = [measure(one) for one in drawn]
        if sum(lengths) > most or max([*lengths, *map(measure, kept)]) > longest:
            raise UnreadableError(MORE)


def _marks_in(text: str) -> int:
    """Return how many characters of a text may mean something to Markdown."""
    return len(MARKS.findall(text))


MOMENTS = {"at", "sent_at", "lifted_at", "opened_at", "resolved_at", "written_at", "edited_at"} | {
    f"{one}_at"
    for one in ("created", "changed", "attached", "withdrawn", "added", "signed", "made")
}
DAYS = {"due_on", "review_on"}


def _check_moments(archive: dict[str, Any]) -> None:
    """Raise `UnreadableError` for a day that no calendar has; the schema knows their form alone."""
    for name in archive.keys() - {"content", "results"}:
        for one in _objects(archive[name]):
            for key in one.keys() & (MOMENTS | DAYS):
                _refuse_no_day(key, one[key])


def _refuse_no_day(name: str, said: Any) -> None:
    try:
        if isinstance(said, str):
            (date if name in DAYS else datetime).fromisoformat(said)
    except ValueError as error:
        told = _("The file names a moment that there is not: %(said)s.")
        raise UnreadableError(told, said=said[:40]) from error


def _objects(value: Any) -> Iterator[dict[str, Any]]:
    """Yield an object and those in it, but not what free columns hold."""
    if isinstance(value, dict):
        yield value
        for name in value.keys() - {"data", "policy", "content", "said"}:
            yield from _objects(value[name])
    elif isinstance(value, list):
        for one in value:
            yield from _objects(one)


def _check_people(archive: dict[str, Any], named: set[str]) -> None:
    """Raise `UnreadableError` where one of these names refers to who is not in the list."""
    known = len(archive["people"])
    for one in archive["people"]:
        _refuse_unreadable(one["name"])
    for name in archive.keys() - AS_IT_IS:
        for one in _objects(archive[name]):
            if any(one[key] is not None and one[key] >= known for key in one.keys() & named):
                raise UnreadableError(_("The file refers to a person that it does not name."))


# What turns around the words that follow a name, as `unicodedata.bidirectional` calls it.
TURNING = {"LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI"}


def _refuse_unreadable(name: str) -> None:
    """Raise `UnreadableError` for a name of which nothing is seen, or not as one line of text."""
    if all(unicodedata.category(one)[0] in "CZ" for one in name):
        raise UnreadableError(_("The file names a person without a name."))
    if any(
        unicodedata.category(one) in {"Cc", "Zl", "Zp"} or unicodedata.bidirectional(one) in TURNING
        for one in name
    ):
        raise UnreadableError(_("The name of a person in the file cannot be shown."))


def _check_versions(archive: dict[str, Any]) -> None:
    """Raise `UnreadableError` for a version of another record, twice, or beyond the present one."""
    uid = archive["content"]["decision"]["uid"]
    for one in archive["versions"]:
        if "content" in one and one["content"]["decision"]["uid"] != uid:
            told = {"number": one["number"]}
            raise UnreadableError(_("Version %(number)s in the file is of another record."), **told)
    kept = {(one["number"], one["step"]): one["digest"] for one in archive["versions"]}
    present = (archive["record"]["version"], archive["digest"])
    if present not in {(number, digest) for (number, _step), digest in kept.items()}:
        raise UnreadableError(_("The file lacks the version that the record stands at."))
    last = max(kept)
    if len(kept) < len(archive["versions"]) or (last[0], kept[last]) != present:
        raise UnreadableError(_("The versions in the file do not lead to the one it stands at."))


def _check_numbers(archive: dict[str, Any]) -> None:
    """Raise `UnreadableError` for counts that a record can hardly go on from."""
    numbers = [archive["record"]["version"], *(one["number"] for one in archive["evidence"])]
    if archive["content"]["decision"]["round"] > MOST_ROUNDS or max(numbers) > HIGHEST_NUMBER:
        raise UnreadableError(MORE)


def tell_form(report: Report, record: bytes, schema: Schema, *, is_verified: bool) -> None:
    """Add to a report what keeps a record from coming in, and what the verifier says of an archive.

    `is_verified` is for the record in a PDF, which was checked with that.
    """
    try:
        archive = parsed(record)
        check_form(archive, schema)
    except UnreadableError as error:
        report.add(FORM, False, error.message, **error.values)
    else:
        if not is_verified:
            check_told(report, archive, record)
