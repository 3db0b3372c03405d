"""promptfoo's CSV: a line for each test, a group of columns for each prompt with a provider.

New files have columns “Status”, “Score” … after each answer; older ones write “[PASS] (1.00)”
before the answer and the grader's reason after it.
"""

import csv
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

from django.utils.translation import gettext as _

from evaluations.importers.delimited import LONGEST_FIELD
from evaluations.importers.measured import CaseFound, Found, Source, System
from evaluations.importers.results.json_stream import beginning
from evaluations.importers.results.promptfoo_cases import (
    SCORE,
    TOOL,
    note_unasserted,
    variables_text,
)
from evaluations.importers.results.values import (
    Remarks,
    Repeats,
    digest,
    excerpt,
    mapping,
    name,
    opened,
    share,
    text,
)

MARKED = re.compile(r"\[(PASS|FAIL|ERROR)\]\s*(?:\((-?[\d.]+)(?:,\s*([^()]*))?\))?\s*")
REASON = re.compile(r"\s*(?:Pass|Fail) Reason: (?P<reason>.*)\Z", re.DOTALL)
VERDICTS = {"PASS": True, "FAIL": False, "ERROR": False}
DESCRIPTION = "Description"
STATUS = "Status"

Cells = list[str]


@dataclass(frozen=True)
class Answer:
    """What a line says of one system."""

    status: str
    output: str
    score: str = ""
    named: str = ""
    reason: str = ""
    comment: str = ""


@dataclass(frozen=True)
class Group:
    """The columns of one system: where its answer is, and where what follows it is."""

    key: str
    title: str
    at: int
    rest: dict[str, int]

    @property
    def provider(self) -> str:
        """Return the provider in “[provider] prompt”."""
        return self.title[1:].partition("] ")[0] if self.title.startswith("[") else ""

    @property
    def prompt(self) -> str:
        """Return the prompt in “[provider] prompt”."""
        return self.title.partition("] ")[2] if self.provider else self.title

    def answer(self, cells: Cells) -> Answer:
        """Return what a line says of this system."""
        if not self.rest:
            return _marked(cells[self.at])
        told = {title: cells[at] for title, at in self.rest.items()}
        named = told.get("Named Scores", "")
        reason, comment = told.get("Grader Reason", ""), told.get("Comment", "")
        return Answer(told[STATUS], cells[self.at], told.get("Score", ""), named, reason, comment)


@dataclass(frozen=True)
class Table:
    """What the header says: the systems, and the columns of variables."""

    groups: list[Group]
    variables: dict[str, int]
    width: int


def detect(source: Source) -> bool:
    """Return whether a file begins like promptfoo's CSV."""
    start = beginning(source.path)
    if "\0" in start:
        return False
    try:
        rows = csv.reader(start.splitlines(keepends=True))
        header, first = next(rows, []), next(rows, [])
    except csv.Error:
        return False
    return bool(_titles(header)) or any(MARKED.match(cell) for cell in first)


def read(source: Source) -> Iterator[Found]:
    """Yield the systems, then every answer; raise `Unreadable`."""
    with opened(source):
        table, repeats, remarks = _table(source), Repeats(), Remarks()
        for _line, cells in _rows(source, table):
            repeats.number("", _key(table, cells))
        for group in table.groups:
            yield replace(_system(group), repeats=repeats.most[""] or 1)
        again = Repeats()
        for line, cells in _rows(source, table):
            repeat = again.number("", _key(table, cells))
            for group in table.groups:
                yield _case(table, group, cells, repeat, line, remarks)
        remarks.note(SCORE, _("scores in CSV are rounded to two decimals"))
        yield from remarks.found()


def _table(source: Source) -> Table:
    """Return what the header says; raise ValueError if there is no system in it."""
    with opened(source) as file:
        rows = _records(file)
        header, first = next(rows, (0, []))[1], next(rows, (0, []))[1]
    starts = _titles(header) or [at for at, cell in enumerate(first) if MARKED.match(cell)]
    if not starts or max(starts) >= len(header):
        raise ValueError(_("it has no results."))
    split = bool(_titles(header))
    groups = [_group(header, at, number, split) for number, at in enumerate(starts)]
    inside = {at for group in groups for at in (group.at, *group.rest.values())}
    metrics = range(min(starts), len(header)) if split else inside
    titles = enumerate(header)
    variables = {title: at for at, title in titles if at not in inside and at not in metrics}
    if next(iter(header)) == DESCRIPTION:
        variables.pop(DESCRIPTION, None)
    return Table(groups, variables, len(header))


def _titles(header: Cells) -> list[int]:
    """Return the places of the answers' columns: those before a “Status” and a “Score”."""
    places = range(len(header) - 2)
    return [at for at in places if header[at + 1 : at + 3] == [STATUS, "Score"]]


def _group(header: Cells, at: int, number: int, split: bool) -> Group:
    rest = dict[str, int]()
    ends = [place for place in _titles(header) if place > at] or [len(header)]
    for place in range(at + 1, ends[0]) if split else ():
        rest.setdefault(header[place], place)
    return Group(f"prompt-{number}", header[at], at, rest)


def _rows(source: Source, table: Table) -> Iterator[tuple[int, Cells]]:
    """Yield (line number, cells) for each test; raise ValueError."""
    with opened(source) as file:
        rows = _records(file)
        next(rows)
        for line, cells in rows:
            if len(cells) != table.width:
                told = {"line": line, "found": len(cells), "expected": table.width}
                sentence = _("line %(line)s has %(found)s columns, the header %(expected)s.")
                raise ValueError(sentence % told)
            yield line, cells


def _records(file: Any) -> Iterator[tuple[int, Cells]]:
    csv.field_size_limit(LONGEST_FIELD)
    reader = csv.reader(file, strict=True)
    try:
        yield from ((reader.line_num, cells) for cells in reader if cells)
    except csv.Error as error:
        told = {"line": reader.line_num, "why": error}
        raise ValueError(_("line %(line)s is not valid CSV: %(why)s.") % told) from error


def _system(group: Group) -> System:
    settings = {"prompt": excerpt(group.prompt), "provider": name(group.provider)}
    return System(group.key, name(group.provider), tool=TOOL, scorer=SCORE, settings=settings)


def _case(
    table: Table, group: Group, cells: Cells, repeat: int, line: int, remarks: Remarks
) -> CaseFound:
    """Return one system's answer to one test."""
    answer = group.answer(cells)
    where = _("line %(line)s") % {"line": line}
    errored = answer.status == "ERROR"
    if answer.status not in VERDICTS:
        told = {"status": excerpt(answer.status, 40)}
        remarks.note(where, _("the status “%(status)s” is none of promptfoo's") % told)
    note_unasserted(answer.reason, where, remarks)
    return CaseFound(
        system=group.key,
        key=_key(table, cells),
        input=_input(table, cells),
        output=None if errored else text(answer.output),
        error=_error(answer) if errored else "",
        repeat=repeat,
        scores=_scores(answer, errored),
        correct=VERDICTS.get(answer.status),
        details=_details(answer, errored),
    )


def _error(answer: Answer) -> str:
    told = text(answer.reason) or text(answer.output)
    return told or _("promptfoo calls it an error and does not say why.")


def _scores(answer: Answer, errored: bool) -> dict[str, float | None]:
    found = {SCORE: _share(answer.score)}
    found.update({name(key): share(value) for key, value in _named(answer.named).items()})
    return dict.fromkeys(found) if errored else found


def _named(written: str) -> dict[str, Any]:
    """Return named scores, written as JSON or as “name: value, name: value”."""
    try:
        return dict(mapping(json.loads(written)))
    except (ValueError, RecursionError):
        pairs = (one.rpartition(":") for one in written.split(",") if ":" in one)
        return {key.strip(): _share(value) for key, _colon, value in pairs}


def _share(written: str) -> float | None:
    try:
        return share(float(written))
    except ValueError:
        return None


def _details(answer: Answer, errored: bool) -> dict[str, Any]:
    found = {
        "reason": "" if errored else excerpt(answer.reason),
        "comment": excerpt(answer.comment),
    }
    return {key: value for key, value in found.items() if value}


def _marked(cell: str) -> Answer:
    """Return an answer as older files write it: “[FAIL] (0.50) answer … Fail Reason: why”."""
    mark = MARKED.match(cell)
    if not mark:
        return Answer("", cell)
    said = cell[mark.end() :]
    reason = REASON.search(said)
    output = said[: reason.start()] if reason else said
    told = reason["reason"].strip() if reason else ""
    return Answer(mark[1], output.strip(), mark[2] or "", mark[3] or "", told)


def _input(table: Table, cells: Cells) -> str:
    return variables_text({title: cells[at] for title, at in table.variables.items()})


def _key(table: Table, cells: Cells) -> str:
    return digest(_input(table, cells))
