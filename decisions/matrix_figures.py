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
from decisions.weighing.pareto import Front
from decisions.weighing.table import Table

MATRIX, TORNADO, FRONT = "matrix", "tornado", "front-"


def drawn_of(weighing: Weighing) -> dict[str, Drawn]:
    """Return by name the heat table, the tornado and the fronts, as far as there is something.

    They are for a document: each is drawn in parts that fit a page.
    """
    printed = (*weighed_figures(weighing, in_parts=True), *front_figures(weighing))
    return {one.name: one for one in printed}


def drawing_named(weighing: Weighing, name: str) -> Drawn | None:
    """Return one of these figures, and draw no other; None where there is none of this name."""
    fronts = {_front_name(front): (known, front) for known, front in weighing.fronts}
    if name in fronts:
        return _front(*fronts[name])
    draws = {MATRIX: _heat, TORNADO: _swings}
    return draws[name](weighing) if name in draws and not weighing.is_empty else None


def weighed_figures(weighing: Weighing, *, in_parts: bool = False) -> Iterator[Drawn]:
    """Give the figures that weights change: the heat table, and the tornado if something turns."""
    if weighing.is_empty:
        return
    yield _heat(weighing, in_parts=in_parts)
    if swings := _swings(weighing):
        yield swings


def front_figures(weighing: Weighing) -> Iterator[Drawn]:
    """Give quality against cost and against latency, which no weight changes."""
    yield from filter(None, (_front(known, front) for known, front in weighing.fronts))


def _heat(weighing: Weighing, *, in_parts: bool = False) -> Drawn:
    apart = {place: _apart(one) for place, one in weighing.matrix.apart.items()}
    heat = heat_table(
        weighing.table,
        weighing.weighed,
        weighing.simulated,
        winner=weighing.verdict.winner,
        apart=apart,
        in_parts=in_parts,
        key=MATRIX,
    )
    return Drawn(MATRIX, heat, heat_legend(), len(heat.headings))


def _swings(weighing: Weighing) -> Drawn | None:
    if not weighing.weighed.has_order:
        return None
    drawn = tornado(weighing.table, weighing.weighed, weighing.swings, key=TORNADO)
    return Drawn(TORNADO, drawn, words=len(drawn.headings)) if drawn else None


def _front(known: Table, front: Front) -> Drawn | None:
    name = _front_name(front)
    scatter = pareto_scatter(known, front, key=name)
    return Drawn(name, scatter, pareto_legend(), len(scatter.headings)) if scatter else None


def _front_name(front: Front) -> str:
    return f"{FRONT}{front.against.key}"


def _apart(left_out: LeftOut) -> Apart:
    """Return evidence that fills no cell as it is read in the place of one: "791 ms (E20)"."""
    one = left_out.evidence
    value, _interval = format_measured(one.value, one.low, one.high, one.unit, one.n)
    return Apart(f"{value} ({one.reference})", left_out.why)
