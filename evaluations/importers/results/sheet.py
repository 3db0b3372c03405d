"""Tables of measured cases, a row each, whose columns only their names explain.

A column has a role (the question, the answer, an error …), which the mapping or its name tells; one
of shares from 0 to 1 is a score; what is left is kept with the case, and told. A table without
questions but with systems is one of figures. Cells of CSV are text: "nan", "none" and "" are none.
"""

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from django.utils.translation import gettext as _

from evaluations.importers.measured import CaseFound, FigureFound, Found, System
from evaluations.importers.results.asked import asked, case_key, parsed, said
from evaluations.importers.results.table import Row
from evaluations.importers.results.values import (
    Once,
    Remarks,
    Repeats,
    digest,
    excerpt,
    items,
    milliseconds,
    money,
    name,
    number,
    plain,
    share,
    text,
    whole,
)

ROLES: dict[str, tuple[str, ...]] = {
    "model": (*("model", "model_name", "system", "provider", "pipeline_name", "pipeline"), "llm"),
    "task": ("task", "dataset", "benchmark"),
    "key": (*("case_id", "test_case_id", "sample_id", "question_id", "example_id", "id", "key"),),
    "input": (
        *("input", "inputs", "question", "user_input", "query", "prompt", "request", "text"),
    ),
    "expected": (
        *("expected", "expected_output", "expected_answer", "target", "targets", "label", "gold"),
        *("reference", "ground_truth", "ground_truths", "correct_answer", "reference_answer"),
    ),
    "output": (
        *("output", "outputs", "actual_output", "response", "prediction", "predicted"),
        *("completion", "model_output", "generated_text", "answer"),
    ),
    "error": ("error", "error_message", "exception"),
    "status": ("status", "state"),
    "ran": (),
    "correct": ("correct", "is_correct", "passed", "pass", "success", "verdict"),
    "score": ("score",),
    "latency": ("latency_ms", "execution_time_ms", "duration_ms", "response_time_ms", "time_ms"),
    "latency_s": (
        *("latency_s", "latency_seconds", "execution_time", "duration_s", "duration"),
        *("elapsed", "response_time", "latency"),
    ),
    "cost": ("cost_usd", "cost"),
    "input_tokens": ("input_tokens", "prompt_tokens", "tokens_in"),
    "output_tokens": ("output_tokens", "completion_tokens", "tokens_out"),
    "repeat": ("repeat", "epoch", "trial"),
}
CASE_ROLES = {"input", "key", "output"}
WORDED = {"input", "expected", "output"}  # where “none” and “NA” may be the very answer
UNITS = {"_ms": "ms", "_usd": "USD", "_percent": "%"}
VERDICTS = {
    **dict.fromkeys(("true", "1", "1.0", "yes", "pass", "passed", "correct", "c"), True),
    **dict.fromkeys(("false", "0", "0.0", "no", "fail", "failed", "incorrect", "i"), False),
}
AMOUNTS = {"ms", "s", "seconds", "time", "usd", "cost", "tokens", "count", "index", "id"}
NOTHING = {"", "nan", "none", "null", "n/a", "na"}
NO_ERROR = {*NOTHING, "false", "0", "no", "ok"}
UNTOLD_ERROR = {"true", "1", "yes"}
ERRORED = {"error", "errored", "exception", "timeout", "crashed"}
MOST_SYSTEMS = 1_000
LONGEST_REST = 2_000
MOST_REST = 20

Rows = Callable[[], Iterator[tuple[str, Row]]]


@dataclass(frozen=True)
class Style:
    """What is known of the tool that wrote a table: its name, its columns, its scores."""

    tool: str = ""
    roles: Mapping[str, tuple[str, ...]] = field(default_factory=lambda: ROLES)
    scorers: tuple[str, ...] = ()
    main: tuple[str, ...] = ()
    columns: Mapping[str, str] = field(default_factory=dict)
    system: System | None = None
    title: str = ""


@dataclass
class Column:
    """What a column holds: how many of its cells are filled, and how many of them are shares."""

    filled: int = 0
    shares: int = 0
    numbers: int = 0

    def note(self, value: Any) -> None:
        """Take a cell into account; what cannot be told counts as nothing."""
        if is_nothing(value):
            return
        self.filled += 1
        self.shares += share(numeric(value)) is not None
        self.numbers += number(numeric(value)) is not None or isinstance(value, bool)


@dataclass
class Sheet:
    """The columns of a table with their roles, and the systems in its rows."""

    style: Style
    columns: dict[str, Column] = field(default_factory=dict)
    roles: dict[str, str] = field(default_factory=dict)
    systems: dict[str, int] = field(default_factory=dict)
    models: dict[str, tuple[str, str]] = field(default_factory=dict)
    repeats: Repeats = field(default_factory=Repeats)
    lowest: int | None = None

    def note_columns(self, rows: Rows) -> None:
        """Find out what the columns hold; raise ValueError for a table without rows."""
        for _where, row in rows():
            for column, value in row.items():
                if column not in self.columns:
                    self.columns[text(column)] = Column()
                self.columns[column].note(value)
        if not self.columns:
            raise ValueError(_("it has no rows."))
        self.roles = roles_of(list(self.columns), self.style)

    def note_systems(self, rows: Rows) -> None:
        """Find out which systems there are, and how often a case comes."""
        for _where, row in rows():
            system = self.system_of(row)
            self.models.setdefault(system, (name(self.cell(row, "model")), self.task(row)))
            self.systems[system] = self.systems.get(system, 0) + 1
            if len(self.systems) > MOST_SYSTEMS:
                told = {"most": MOST_SYSTEMS}
                raise ValueError(_("it has more than %(most)s systems.") % told)
            self.repeats.number(system, self.key(row))
            given = whole(numeric(self.cell(row, "repeat")))
            if given is not None:
                self.lowest = given if self.lowest is None else min(given, self.lowest)

    @property
    def has_cases(self) -> bool:
        """Return whether its rows are cases rather than figures."""
        return bool(CASE_ROLES & self.roles.keys())

    @property
    def scorers(self) -> dict[str, str]:
        """Return scorer → column: those named, and those of shares alone."""
        mapped = {one: col for one, col in self.style.columns.items() if one not in ROLES and col}
        known = {one: one for one in self.columns if plain_name(one) in self.style.scorers}
        taken = {*self.roles.values(), *mapped.values()}
        found = {
            name(one): one
            for one, column in self.columns.items()
            if one not in taken and 0 < column.filled == column.shares and not is_amount(one)
        }
        own = {"score": self.roles["score"]} if "score" in self.roles else {}
        known = {one: col for one, col in known.items() if col not in taken}
        return {**own, **mapped, **known, **found}

    @property
    def rest(self) -> list[str]:
        """Return the columns without a place in a run that hold anything."""
        taken = {*self.roles.values(), *self.scorers.values()}
        return [one for one, col in self.columns.items() if one not in taken and col.filled]

    @property
    def main(self) -> str:
        """Return the main score."""
        found = self.scorers
        by_name = {plain_name(one): one for one in reversed(found)}
        wanted = [by_name[one] for one in self.style.main if one in by_name]
        scored = (one for one in (*wanted, *found) if self.columns[found[one]].shares)
        return next(scored, "") or next(iter(found), "")

    def cell(self, row: Row, role: str) -> Any:
        """Return what a row has in a role, None for nothing."""
        value = row.get(self.roles.get(role, ""))
        empty = is_empty(value) if role in WORDED else is_nothing(value)
        return None if empty else value

    def task(self, row: Row) -> str:
        """Return the task of a row."""
        return name(self.cell(row, "task"))

    def system_of(self, row: Row) -> str:
        """Return the key of the system that gave a row's answer."""
        if self.style.system:
            return self.style.system.key
        told = (name(self.cell(row, "model")), self.task(row))
        return " · ".join(one for one in told if one) or "system"

    def question(self, row: Row) -> str:
        """Return what was asked."""
        return asked(self.cell(row, "input"))

    def key(self, row: Row) -> str:
        """Return a row's own key, else the digest of what was asked."""
        question = self.question(row)
        return case_key(self.cell(row, "key"), question or self._other(row))

    def _other(self, row: Row) -> str:
        """Return what may tell a case from others where there is neither key nor question."""
        return digest(self.cell(row, "expected"))


def read_sheet(rows: Rows, style: Style, remarks: Remarks) -> Iterator[Found]:
    """Yield the systems of a table, then its cases or its figures; raise ValueError."""
    sheet = Sheet(style)
    sheet.note_columns(rows)
    if not sheet.has_cases:
        yield from _figures(sheet, rows, remarks)
        return
    sheet.note_systems(rows)
    if "input" not in sheet.roles:
        what = _("no column holds the questions: the cases have keys only")
        remarks.note(_("the columns"), what)
    yield from _systems(sheet)
    yield from _cases(sheet, rows, remarks)
    for column in sheet.rest:
        what = _("a column that has no place in a run: its beginning is kept with each case")
        remarks.note(name(column), what)


def roles_of(columns: list[str], style: Style) -> dict[str, str]:
    """Return role → column: what the mapping says, then what the names say; raise ValueError."""
    given = {role: column for role, column in style.columns.items() if column}
    for column in given.values():
        if column not in columns:
            told = {"column": excerpt(column, 60), "columns": excerpt(", ".join(columns), 500)}
            raise ValueError(_("it has no column “%(column)s”; it has: %(columns)s.") % told)
    found = {role: column for role, column in given.items() if role in ROLES}
    taken, by_name = set(given.values()), {plain_name(one): one for one in reversed(columns)}
    for role, guesses in style.roles.items():
        if role in style.columns:
            continue
        for guess in guesses:
            if guess in by_name and by_name[guess] not in taken:
                found[role] = by_name[guess]
                taken.add(by_name[guess])
                break
    return _settled(found, by_name, style)


def plain_name(column: str) -> str:
    """Return a column's name in small letters, with _ in the place of anything else."""
    told = "".join(one if one.isalnum() else "_" for one in column.strip().casefold())
    return "_".join(one for one in told.split("_") if one)


def is_nothing(value: Any) -> bool:
    """Return whether a cell is empty, in one of the ways in which tables say so."""
    if isinstance(value, str):
        return len(value) < 5 and value.strip().casefold() in NOTHING
    return is_empty(value)


def is_empty(value: Any) -> bool:
    """Return whether there is nothing at all in a cell."""
    if isinstance(value, str):
        return not value.strip()
    return value in (None, "", [], {}) or (isinstance(value, float) and math.isnan(value))


def is_amount(column: str) -> bool:
    """Return whether a column's name says that it holds times, counts or prices: no scores."""
    return plain_name(column).rpartition("_")[2] in AMOUNTS


def numeric(value: Any) -> Any:
    """Return the number or the truth value that a cell of text stands for, else the value."""
    if not isinstance(value, str) or len(value) > 40:
        return value
    told = value.strip().casefold()
    if told in ("true", "false"):
        return told == "true"
    try:
        return float(told)
    except ValueError:
        return value


def verdict(value: Any) -> bool | None:
    """Return what a cell says of right or wrong, None for neither."""
    if isinstance(value, bool):
        return value
    told = str(value).strip().casefold() if isinstance(value, str | int | float) else ""
    return VERDICTS.get(told)


def _settled(found: dict[str, str], by_name: Mapping[str, str], style: Style) -> dict[str, str]:
    """Let “answer” be the expected one where the output has a column of its own."""
    answer = by_name.get("answer", "")
    free = answer and answer not in {*found.values(), *style.columns.values()}
    if free and "expected" not in found and "expected" not in style.columns:
        return {**found, "expected": answer}
    return found


def _systems(sheet: Sheet) -> Iterator[System]:
    """Yield the systems in the order of their first rows."""
    for key, rows in sheet.systems.items():
        repeats, (model, task) = sheet.repeats.most[key] or 1, sheet.models[key]
        if found := sheet.style.system:
            attempted = max(rows, found.attempted or 0)
            main = sheet.main or found.scorer
            yield replace(found, repeats=repeats, attempted=attempted, scorer=main)
        else:
            tool, main = sheet.style.tool, sheet.main
            yield System(key, model, task, tool, scorer=main, attempted=rows, repeats=repeats)


def _cases(sheet: Sheet, rows: Rows, remarks: Remarks) -> Iterator[CaseFound]:
    again, once = Repeats(), Once()
    for where, row in rows():
        system, key = sheet.system_of(row), sheet.key(row)
        repeat = again.number(system, key)
        given = whole(numeric(sheet.cell(row, "repeat")))
        if given is not None:
            repeat = given - (sheet.lowest or 0)
            once.take(f"{key} · {system}", repeat)
        yield replace(_case(sheet, row, where, remarks), system=system, key=key, repeat=repeat)


def _case(sheet: Sheet, row: Row, where: str, remarks: Remarks) -> CaseFound:
    """Return a row as a case; what went wrong has neither output nor scores nor time."""
    error = error_of(sheet, row)
    expected, references = _expected(sheet.cell(row, "expected"))
    answer = sheet.cell(row, "output")
    if answer is None and not error and "output" in sheet.roles:
        remarks.note(where, _("no answer, and no error that says why"))
        error = "" if _is_credited(sheet, row) else _("The file has no answer here.")
    return CaseFound(
        system="",
        key="",
        input=sheet.question(row),
        expected=expected,
        output=None if error else said(answer),
        error=error,
        scores=_scores(sheet, row, error, where, remarks),
        correct=_correct(sheet, row, where, remarks),
        latency_ms=None if error else _latency(sheet, row),
        cost=money(numeric(sheet.cell(row, "cost"))),
        input_tokens=whole(numeric(sheet.cell(row, "input_tokens"))),
        output_tokens=whole(numeric(sheet.cell(row, "output_tokens"))),
        details=_details(sheet, row, error, references),
    )


def _is_credited(sheet: Sheet, row: Row) -> bool:
    """Return whether a row without an answer is right all the same: nothing was to be said."""
    scores = (share(numeric(row.get(column))) for column in sheet.scorers.values())
    return bool(verdict(sheet.cell(row, "correct"))) or any(scores)


def error_of(sheet: Sheet, row: Row) -> str:
    """Return why a row has no answer, "" where it has one."""
    told, untold = sheet.cell(row, "error"), _("the file calls it an error and does not say why.")
    written = text(told).strip() if told is not None else ""
    if written.casefold() in UNTOLD_ERROR:
        return untold
    if written.casefold() not in NO_ERROR:
        return written
    status = str(sheet.cell(row, "status") or "")[:40].casefold()
    failed = verdict(sheet.cell(row, "ran")) is False
    return untold if failed or status in ERRORED else ""


def _expected(value: Any) -> tuple[str, list[Any]]:
    """Return the expected answer, and of several the others."""
    several = items(parsed(value) if isinstance(value, str) and value.startswith("[") else value)
    return (asked(several[0]), several[1:MOST_REST]) if several else (asked(value), [])


def _scores(
    sheet: Sheet, row: Row, error: str, where: str, remarks: Remarks
) -> dict[str, float | None]:
    """Return the scores of a row; None where there is none from 0 to 1."""
    found = dict[str, float | None]()
    for scorer, column in sheet.scorers.items():
        value = numeric(row.get(column))
        found[name(scorer)] = None if error else share(value)
        if not error and found[name(scorer)] is None:
            told = {"scorer": name(scorer)}
            remarks.note(where, _("“%(scorer)s” has no score from 0 to 1") % told)
    return found


def _correct(sheet: Sheet, row: Row, where: str, remarks: Remarks) -> bool | None:
    told = sheet.cell(row, "correct")
    found = verdict(told)
    if told is not None and found is None:
        remarks.note(where, _("a verdict that is neither right nor wrong"))
    return found


def _latency(sheet: Sheet, row: Row) -> float | None:
    """Return the time in milliseconds; 0 means that nobody measured."""
    told = number(numeric(sheet.cell(row, "latency")))
    if told is None:
        seconds = number(numeric(sheet.cell(row, "latency_s")))
        told = seconds * 1000 if seconds is not None else None
    return milliseconds(told) or None


def _details(sheet: Sheet, row: Row, error: str, references: list[Any]) -> dict[str, Any]:
    """Return what else a row holds, broken off where it is long."""
    found = {name(one): _kept(row[one]) for one in sheet.rest if not is_nothing(row.get(one))}
    if references:
        found["references"] = _kept(references)
    answer = sheet.cell(row, "output")
    if error and answer is not None:
        found["output"] = excerpt(answer)
    for scorer, column in sheet.scorers.items():
        value = row.get(column)
        if not error and not is_nothing(value) and share(numeric(value)) is None:
            found[name(scorer)] = excerpt(value, 200)
    return found


def _kept(value: Any) -> Any:
    """Return the beginning of a value as JSON that a database takes."""
    if isinstance(value, list):
        return [plain(one) if isinstance(one, str) else excerpt(one) for one in value[:MOST_REST]]
    return plain(value) if not isinstance(value, dict) else excerpt(value, LONGEST_REST)


def _figures(sheet: Sheet, rows: Rows, remarks: Remarks) -> Iterator[Found]:
    """Yield a system and its figures for each row; raise ValueError if nothing says which."""
    model = sheet.roles.get("model")
    metrics = _metrics(sheet)
    if not model or not metrics:
        told = {"columns": excerpt(", ".join(sheet.columns), 500)}
        sentence = _("it does not say which columns hold what: map them; it has: %(columns)s.")
        raise ValueError(sentence % told)
    seen = Repeats()
    for index, (_where, row) in enumerate(rows()):
        if index >= MOST_SYSTEMS:
            raise ValueError(_("it has more than %(most)s systems.") % {"most": MOST_SYSTEMS})
        system = _row_system(sheet, row, seen)
        yield system
        yield from (_figure(system.key, *one, row) for one in metrics.items())
    left = {*sheet.columns} - {*sheet.roles.values(), *metrics.values()}
    for column in sorted(one for one in left if sheet.columns[one].filled):
        remarks.note(name(column), _("a column of a table of figures that holds no numbers"))


def _metrics(sheet: Sheet) -> dict[str, str]:
    """Return metric → column of numbers, of a table of figures."""
    mapped = {one: col for one, col in sheet.style.columns.items() if one not in ROLES and col}
    named = {*mapped.values(), sheet.roles.get("model"), sheet.roles.get("task")}
    found = {
        name(one): one
        for one, column in sheet.columns.items()
        if one not in named and 0 < column.filled == column.numbers
    }
    return {**mapped, **found}


def _row_system(sheet: Sheet, row: Row, seen: Repeats) -> System:
    key, style = sheet.system_of(row), sheet.style
    again = seen.number("", key)
    model = name(sheet.cell(row, "model"))
    return System(f"{key} ({again + 1})" if again else key, model, sheet.task(row), style.tool)


def _figure(system: str, metric: str, column: str, row: Row) -> FigureFound:
    cell = numeric(row.get(column))
    value = float(cell) if isinstance(cell, bool) else number(cell)
    why = "" if value is not None else _("the table has no number here")
    unit = next((unit for end, unit in UNITS.items() if metric.casefold().endswith(end)), "")
    return FigureFound(system, name(metric), value, unit=unit, why=why)
