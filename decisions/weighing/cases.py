"""How many cases a measurement takes until it tells two values apart. Pure."""

from __future__ import annotations

from math import ceil, floor, isfinite, log10, sqrt
from statistics import NormalDist

import numpy as np

from decisions.weighing.draws import Z_95
from decisions.weighing.scores import Simulated, Weighed
from decisions.weighing.table import Source, Table

MANY_CASES = 10_000_000
POWER = 0.8  # the chance that as many cases do tell, if the value stays as it is
Z_POWER = NormalDist().inv_cdf(POWER)


def cases_to_tell(
    table: Table, weighed: Weighed, simulated: Simulated, source: Source, chance: float
) -> int | None:
    """Return about how many cases of a source would tell, None where nothing says or none would.

    What they must tell is whether its open musts are met, else whether its candidate or the best
    other one is ahead, so that one of the two is with a `chance`. Deviations shrink with the
    square root of the number of cases. With 80 % power: if values stay as they are, four of five
    such measurements tell.
    """
    sizes = [int(table.n[row, source.column]) for row in source.rows]
    n = min((size for size in sizes if size), default=0)
    if not n or any(table.is_estimate[row, source.column] for row in source.rows):
        return None
    musts = [row for row in source.rows if table.is_open_must[row, source.column]]
    if musts:
        shrinks = [_shrink_to_target(table, row, source.column) for row in musts]
    else:
        shrinks = [_shrink_to_rank(table, weighed, simulated, source, chance)]
    shrink = min(shrinks)
    return _round_up(n / shrink**2) if sqrt(n / MANY_CASES) <= shrink < 1 else None


def _shrink_to_target(table: Table, row: int, column: int) -> float:
    """Return to which part of it the interval of an open must has to shrink, 0 where none is."""
    value, target = float(table.value[row, column]), table.rows[row].one
    end = float((table.low if target < value else table.high)[row, column])
    now = abs(end - value) / Z_95
    return abs(target - value) / (Z_95 + Z_POWER) / now if isfinite(now) and now else 0.0


def _shrink_to_rank(
    table: Table, weighed: Weighed, simulated: Simulated, source: Source, chance: float
) -> float:
    """Return to which part of it a source's deviation has to shrink until one candidate leads.

    What is left open of the rest of its candidate and of the other stays as it is; 0 where that
    alone leaves open who leads.
    """
    column, place = source.column, table.sources.index(source)
    rival = weighed.runner_up if column == weighed.leader else weighed.leader
    now = float(simulated.deviation[place])
    if rival is None or not now:
        return 0.0
    near = np.array([one.column in (column, rival) for one in table.sources])
    rest = float((simulated.deviation[near] ** 2).sum()) - now**2
    lead = abs(float(weighed.scores[column] - weighed.scores[rival]))
    return _deviation(lead, max(rest, 0.0), NormalDist().inv_cdf(chance)) / now


def _deviation(lead: float, rest: float, sure: float) -> float:
    """Return with what standard deviation x a lead is told from none, 0 where with none.

    Four of five measured leads are above lead - z x; such a one has to be `sure` deviations of
    the whole, √(x² + rest), above 0. The greater root of lead - z x = sure √(x² + rest).
    """
    if lead**2 <= sure**2 * rest:
        return 0.0
    a, b = Z_POWER * lead, sure**2 - Z_POWER**2
    return (sqrt(a**2 + b * (lead**2 - sure**2 * rest)) - a) / b


def _round_up(cases: float) -> int:
    """Return a number of cases rounded up to two digits."""
    step = 10 ** max(0, floor(log10(cases)) - 1)
    return int(ceil(cases / step) * step)
