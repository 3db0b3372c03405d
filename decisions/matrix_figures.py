"""The figures of a weighing, the same for its page, its files and the document."""

from __future__ import annotations

from collections.abc import Iterator

from decisions.forest_plot import Drawn
from decisions.heat_table import heat_legend, heat_table
from decisions.matrix import Weighing
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
    heat = heat_table(table, weighed, weighing.simulated, key=MATRIX)
    yield Drawn(MATRIX, heat, heat_legend(), len(heat.headings))
    if swings := tornado(table, weighed, weighing.swings, key=TORNADO):
        yield Drawn(TORNADO, swings, words=len(swings.headings))


def front_figures(weighing: Weighing) -> Iterator[Drawn]:
    """Give quality against cost and against latency, which no weight changes."""
    for known, front in weighing.fronts:
        name = f"{FRONT}{front.against.key}"
        if scatter := pareto_scatter(known, front, key=name):
            yield Drawn(name, scatter, pareto_legend(), len(scatter.headings))
