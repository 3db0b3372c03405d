"""The figures of a weighing, the same for its page, its files and the document."""

from __future__ import annotations

from collections.abc import Iterator

from decisions.comparability import LeftOut
from decisions.forest_plot import Drawn
from decisions.heat_table import Apart, heat_legend, heat_table
from decisions.matrix import Weighing
from decisions.numbers import format_measured
from decisions.pareto_scatter import pareto_legend, pareto_scatter
from decisions.tornado import tornado

MATRIX, TORNADO, FRONT = "matrix", "tornado", "front-"


def drawn_of(weighing: Weighing) -> dict[str, Drawn]:
    """Return by name the heat table, the tornado and the fronts, as far as there is something."""
    return {one.name: one for one in (*weighed_figures(weighing), *front_figures(weighing))}


def weighed_figures(weighing: Weighing) -> Iterator[Drawn]:
    """Give the figures that weights change: the heat table, and the tornado if something turns."""
    if weighing.is_empty:
        return
    table, weighed = weighing.table, weighing.weighed
    apart = {place: _apart(one) for place, one in weighing.matrix.apart.items()}
    heat = heat_table(table, weighed, weighing.simulated, apart=apart, key=MATRIX)
    yield Drawn(MATRIX, heat, heat_legend(), len(heat.headings))
    if swings := tornado(table, weighed, weighing.swings, key=TORNADO):
        yield Drawn(TORNADO, swings, words=len(swings.headings))


def front_figures(weighing: Weighing) -> Iterator[Drawn]:
    """Give quality against cost and against latency, which no weight changes."""
    for known, front in weighing.fronts:
        name = f"{FRONT}{front.against.key}"
        if scatter := pareto_scatter(known, front, key=name):
            yield Drawn(name, scatter, pareto_legend(), len(scatter.headings))


def _apart(left_out: LeftOut) -> Apart:
    """Return evidence that fills no cell as it is read in the place of one: "791 ms (E20)"."""
    one = left_out.evidence
    value, _interval = format_measured(one.value, one.low, one.high, one.unit, one.n)
    return Apart(f"{value} ({one.reference})", left_out.why)
