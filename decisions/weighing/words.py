"""What a table's cells, scores and leads say, as people read them."""

from __future__ import annotations

from dataclasses import dataclass
from math import floor

import numpy as np
from django.utils.translation import gettext as _

from decisions.numbers import (
    NO_BREAK_SPACE,
    format_exact,
    format_measured,
    format_number,
    with_unit,
)
from decisions.outcomes import Outcome
from decisions.weighing.scores import Simulated
from decisions.weighing.table import Row, Table


@dataclass(frozen=True, slots=True)
class CellWords:
    """One cell as people read it; `nothing` says so where nothing is known.

    `is_exact` marks what was measured without an interval and counts as exactly known.
    """

    value: str
    interval: str
    outcome: Outcome | None
    is_estimate: bool
    nothing: str = ""
    is_exact: bool = False

    @property
    def second(self) -> str:
        """Return what stands under the value: its interval, and whether it is an estimate."""
        if self.is_exact:
            return _("no interval")
        if not self.is_estimate:
            return self.nothing or self.interval
        if not self.interval:
            return _("estimate")
        return _("est. %(interval)s") % {"interval": self.interval}

    def __str__(self) -> str:
        if self.nothing:
            return self.nothing
        beside = self.second if self.is_exact else self.interval
        value = f"{self.value} ({beside})" if beside else self.value
        estimate = _("estimate") if self.is_estimate else ""
        outcome = str(self.outcome.label) if self.outcome else ""
        return ", ".join(filter(None, (value, estimate, outcome)))


def cells_in_words(table: Table) -> list[list[CellWords]]:
    """Return every cell of a table as people read it, a list a row."""
    columns = range(len(table.columns))
    return [[_cell(table, row, at) for at in columns] for row in range(len(table.rows))]


def _cell(table: Table, row: int, column: int) -> CellWords:
    if table.is_unknown[row, column]:
        nothing = _("not rated") if table.rows[row].is_role else _("no evidence")
        return CellWords("", "", None, False, nothing)
    interval = interval_words(table, row, column)
    is_estimate = bool(table.is_estimate[row, column])
    return CellWords(
        value_words(table, row, column),
        interval,
        table.outcomes[row][column],
        is_estimate,
        is_exact=not (interval or is_estimate or table.rows[row].is_role),
    )


def value_words(table: Table, row: int, column: int) -> str:
    """Return the value of a cell with its unit, "" where nothing is known.

    What is measured is shown to the precision that its interval supports, an estimate as a person
    gave it, a mean of ratings to a tenth.
    """
    if table.is_unknown[row, column]:
        return ""
    if table.rows[row].is_role:
        return format_number(round(float(table.value[row, column]), 1))
    return _measured(table, row, column)[0]


def interval_words(table: Table, row: int, column: int, unit: str = "") -> str:
    """Return the interval of a cell, "" where it has none."""
    interval = _measured(table, row, column)[1]
    return with_unit(interval, unit) if interval else ""


def _measured(table: Table, row: int, column: int) -> tuple[str, str]:
    """Return value and interval of a cell as text; an estimate is one on no case."""
    size = 0 if table.is_estimate[row, column] else 1
    value, unit = float(table.value[row, column]), table.rows[row].unit
    return format_measured(value, *_ends(table, row, column), unit, size)


def goal_words(row: Row) -> str:
    """Return what a row asks for in short: "≥ 85 %, a must, weight 2"."""
    told = [] if row.is_role else [target_sign(row)]
    if row.is_must:
        told.append(_("a must"))
    told.append(_("weight %(weight)s") % {"weight": format_number(row.weight)})
    return ", ".join(told)


def worth_words(row: Row) -> str:
    """Return between which values a row counts, and where nobody said so."""
    told = {"zero": format_exact(row.zero, row.unit), "one": format_exact(row.one, row.unit)}
    if row.zero == row.one:
        words = _("worth all at %(one)s, nothing short of it") % told
    else:
        words = _("worth nothing at %(zero)s, all at %(one)s") % told
    if row.has_worst:
        return words
    return _("%(words)s, as no worst acceptable value is set") % {"words": words}


def target_sign(row: Row) -> str:
    """Return a row's target in short: "≥ 85 %"."""
    return f"{'≥' if row.at_least else '≤'}{NO_BREAK_SPACE}{format_exact(row.one, row.unit)}"


def chance_words(table: Table, simulated: Simulated, column: int) -> str:
    """Return how often a candidate is the best, "–" for one that nobody can call the best.

    That is one that is out, or of which nothing shows that it meets a must; nobody is where
    nothing is weighed.
    """
    if table.is_out[column] or table.is_unproven[column] or not table.is_weighed:
        return "–"
    return percent(float(simulated.best[column]))


def chances_in_words(table: Table, simulated: Simulated) -> list[str]:
    """Return where the rest of the draws is that no candidate's chance to be best counts."""
    if not (table.is_weighed and table.columns):
        return []
    unproven = float(simulated.best[table.is_unproven].sum())
    sentences = (
        (
            unproven,
            _(
                "In %(share)s of draws the best is a candidate of which nothing shows that it "
                "meets a must: until that is known it cannot be called the best."
            ),
        ),
        (simulated.nobody, _("In %(share)s of draws every candidate fails a must.")),
    )
    return [words % {"share": percent(share)} for share, words in sentences if share > 0]


def percent(share: float) -> str:
    """Return a share (0 to 1) in percent, rounded down to a tenth so that it never seems enough."""
    least = floor(1000 * share + 1e-6) / 10
    if share > 0 and least == 0:
        return _("less than %(least)s") % {"least": format_exact(0.1, "%")}
    return format_exact(least, "%")


def points(score: float) -> str:
    """Return a score or a lead (-1 to 1) in points of 100, to a tenth."""
    return format_number(round(100 * score, 1), 1)


def _ends(table: Table, row: int, column: int) -> tuple[float | None, float | None]:
    """Return the ends of a cell's interval, None for both where it has none."""
    low, high = float(table.low[row, column]), float(table.high[row, column])
    return (None, None) if np.isnan(low) or np.isnan(high) else (low, high)
