"""Is there a clear winner, and if not, why, and what measurement would help most? Pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from math import ceil, floor, isfinite, log10

import numpy as np
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from decisions.numbers import format_count, format_exact
from decisions.outcomes import Outcome
from decisions.weighing.scores import Simulated, Weighed, shares_of
from decisions.weighing.table import Table
from decisions.weighing.words import interval_words, percent

CLEAR_MARGIN = 0.10  # share of the leader's score
CLEAR_CHANCE = 0.90
MANY_CASES = 10_000_000
SAME = 1e-9  # shares closer than this are the same but for rounding


@dataclass(frozen=True, slots=True)
class Measurement:
    """One cell that would be worth measuring; `gain` is the expected gain in score, 0 to 1.

    `cases` is about how many it would take to tell, None where nothing says.
    """

    row: int
    column: int
    gain: float
    cases: int | None
    words: str


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether one candidate clearly wins: `sentence` says so, `reasons` why not.

    `leader` is the column with the best score even where it is no clear winner, None without any.
    `helps` is the measurement that would help most, None where none would or none is needed.
    """

    is_clear: bool
    leader: int | None
    sentence: str
    reasons: tuple[str, ...] = ()
    helps: Measurement | None = None


def verdict(table: Table, weighed: Weighed, simulated: Simulated) -> Verdict:
    """Return a clear winner only if it leads by 10 %, is best in 90 % and meets every must."""
    reasons = tuple(_reasons(table, weighed, simulated))
    leader = weighed.leader
    if reasons or leader is None:
        helps = most_helpful(table, weighed, simulated)
        return Verdict(False, leader, _("No clear winner."), reasons, helps)
    return Verdict(True, leader, _clear_words(table, weighed, simulated))


def most_helpful(table: Table, weighed: Weighed, simulated: Simulated) -> Measurement | None:
    """Return the cell of which better knowledge would improve the choice most.

    Where no single cell could change it, the one that adds most to the uncertainty of the two
    that lead.
    """
    worth = simulated.worth_knowing
    if worth.size and worth.max() > 0:
        row, column = (int(at) for at in np.unravel_index(worth.argmax(), worth.shape))
        return _measurement(table, weighed, row, column, float(worth.max()))
    near = [at for at in (weighed.leader, weighed.runner_up) if at is not None]
    spread = simulated.spread[:, near]
    if not spread.size or spread.max() <= 0:
        return None
    row, place = (int(at) for at in np.unravel_index(spread.argmax(), spread.shape))
    return _measurement(table, weighed, row, near[place], 0.0)


def _reasons(table: Table, weighed: Weighed, simulated: Simulated) -> Iterator[str]:
    """Give each reason why there is no clear winner."""
    leader = weighed.leader
    if leader is None:
        yield _nobody_words(table, weighed)
        return
    if weighed.runner_up is not None and weighed.margin < CLEAR_MARGIN - SAME:
        yield _margin_words(table, weighed, leader, weighed.runner_up)
    elif weighed.scores[leader] <= 0:
        yield _("Nothing shows that %(leader)s is worth anything.") % _letters(table, leader)
    yield from _chance_words(table, simulated, leader)
    for row in np.flatnonzero(table.is_open_must[:, leader]).tolist():
        yield _must_words(table, row, leader)


def _nobody_words(table: Table, weighed: Weighed) -> str:
    if not table.columns:
        return _("There is no candidate to weigh.")
    if weighed.is_out.all():
        return _("Every candidate fails a must.")
    return _("Nothing has a weight, so nothing is weighed.")


def _margin_words(table: Table, weighed: Weighed, leader: int, runner_up: int) -> str:
    told = _letters(table, leader) | {"runner_up": table.columns[runner_up].letter}
    if weighed.margin <= 0:
        return _("%(leader)s and %(runner_up)s have the same score.") % told
    told |= {"margin": percent(weighed.margin), "asked": percent(CLEAR_MARGIN)}
    return (
        _(
            "%(leader)s is ahead of %(runner_up)s by %(margin)s of its score, where %(asked)s is "
            "asked for."
        )
        % told
    )


def _chance_words(table: Table, simulated: Simulated, leader: int) -> Iterator[str]:
    """Give a sentence where the leader is too seldom the best, or another is so more often."""
    chance = float(simulated.best[leader])
    if chance >= CLEAR_CHANCE - SAME:
        return
    told = _letters(table, leader) | {
        "chance": percent(chance),
        "asked": percent(CLEAR_CHANCE),
        "draws": format_count(simulated.draws),
    }
    yield (
        _(
            "Within what the evidence leaves open, %(leader)s is the best in %(chance)s of "
            "%(draws)s draws, where %(asked)s is asked for."
        )
        % told
    )
    other = int(simulated.best.argmax())
    if simulated.best[other] > chance:
        told |= {"other": table.columns[other].letter, "chance": percent(simulated.best[other])}
        yield _("%(other)s is the best more often, in %(chance)s.") % told


def _must_words(table: Table, row: int, leader: int) -> str:
    told = _letters(table, leader) | {"goal": table.rows[row].name}
    if table.is_unknown[row, leader]:
        return _("Nothing shows that %(leader)s meets %(goal)s, which is a must.") % told
    return _("Whether %(leader)s meets %(goal)s, which is a must, is not decisive.") % told


def _clear_words(table: Table, weighed: Weighed, simulated: Simulated) -> str:
    leader = weighed.leader or 0
    told = {
        "leader": str(table.columns[leader]),
        "margin": percent(weighed.margin),
        "chance": percent(float(simulated.best[leader])),
        "draws": format_count(simulated.draws),
    }
    if weighed.runner_up is None:
        return (
            _(
                "%(leader)s is the clear winner: the only candidate left, in %(chance)s of "
                "%(draws)s draws."
            )
            % told
        )
    told["runner_up"] = table.columns[weighed.runner_up].letter
    return (
        _(
            "%(leader)s is the clear winner: ahead of %(runner_up)s by %(margin)s of its score, "
            "and the best in %(chance)s of %(draws)s draws."
        )
        % told
    )


def _measurement(table: Table, weighed: Weighed, row: int, column: int, gain: float) -> Measurement:
    cases = _cases(table, weighed, row, column)
    return Measurement(row, column, gain, cases, _help_words(table, row, column, cases))


def _help_words(table: Table, row: int, column: int, cases: int | None) -> str:
    """Return what is known of a cell and what would help."""
    place = table.rows[row]
    told = {"candidate": table.columns[column].letter, "row": place.name}
    if table.is_unknown[row, column]:
        if place.is_role:
            return _("What %(row)s says of %(candidate)s would help most.") % told
        return _("Measuring %(row)s of %(candidate)s would help most: nothing is known.") % told
    told["interval"] = interval_words(table, row, column, place.unit)
    told["target"] = format_exact(place.one, place.unit)
    if table.is_estimate[row, column]:
        return (
            _(
                "Measuring %(row)s of %(candidate)s would help most: it is only an estimate, "
                "%(interval)s."
            )
            % told
        )
    return " ".join(filter(None, [_more_words(table, row, column) % told, _cases_words(cases)]))


def _more_words(table: Table, row: int, column: int) -> str:
    """Return the sentence on a measured cell, with its gaps."""
    if table.outcomes[row][column] == Outcome.OPEN:
        return _(
            "Measuring %(row)s of %(candidate)s more closely would help most: %(interval)s crosses "
            "the target of %(target)s."
        )
    return _(
        "Measuring %(row)s of %(candidate)s more closely would help most: so far it is "
        "%(interval)s."
    )


def _cases_words(cases: int | None) -> str:
    if cases is None:
        return ""
    counted = ngettext("About %(n)s case would tell.", "About %(n)s cases would tell.", cases)
    return counted % {"n": format_count(cases)}


def _cases(table: Table, weighed: Weighed, row: int, column: int) -> int | None:
    """Return about how many cases it takes until the interval ends before what must be told apart.

    Half-widths shrink with the square root of the number of cases. What must be told apart from
    the value is the target of an open must, else the value at which the ranking turns.
    """
    value, n = float(table.value[row, column]), int(table.n[row, column])
    turn = _turn(table, weighed, row, column)
    if n == 0 or turn is None or table.is_estimate[row, column] or turn == value:
        return None
    ends = (table.low, table.high)
    arm = abs(float(ends[turn > value][row, column]) - value)
    cases = n * (arm / abs(turn - value)) ** 2
    return _round_up(cases) if n < cases <= MANY_CASES else None


def _turn(table: Table, weighed: Weighed, row: int, column: int) -> float | None:
    """Return the value of a cell, in its unit, on which the choice hangs, None without any."""
    place = table.rows[row]
    if table.is_open_must[row, column]:
        return place.one
    rival = weighed.runner_up if column == weighed.leader else weighed.leader
    share = float(shares_of(table)[row])
    if rival is None or not share:
        return None
    lead = float(weighed.scores[column] - weighed.scores[rival])
    worth = float(weighed.utilities[row, column]) - lead / share
    turn = place.zero + worth * (place.one - place.zero)
    return turn if 0 < worth < 1 and isfinite(turn) else None


def _round_up(cases: float) -> int:
    """Return a number of cases rounded up to two digits."""
    step = 10 ** max(0, floor(log10(cases)) - 1)
    return int(ceil(cases / step) * step)


def _letters(table: Table, leader: int) -> dict[str, str]:
    return {"leader": table.columns[leader].letter}
