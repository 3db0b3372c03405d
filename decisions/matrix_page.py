"""What the page of the matrix shows one person, under the weights they try."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any
from urllib.parse import urlencode

from django.http import Http404
from django.urls import reverse
from django.utils.translation import gettext as _

from decisions.comparability import LeftOut
from decisions.figures import evidence_figures
from decisions.forest_plot import Drawn, Figure
from decisions.forms.weights import WeightsForm, tried
from decisions.matrix import Weighing, matrix_of
from decisions.matrix_figures import drawing_named, front_figures, weighed_figures
from decisions.models import Decision, Evidence, User
from decisions.policies import Refusal, may, refusal
from decisions.weighing.table import HEAVIEST, Row, Table
from decisions.weighing.verdict import Measurement
from decisions.weighing.words import chance_words, chances_in_words, points, target_sign
from decisions.weights import WeightSheet, as_fields, field_of

SLIDER = 10.0  # as far as a slider goes, unless a weight is greater


@dataclass(frozen=True)
class WeightLine:
    """The weight of one row: the saved one and the one that is tried."""

    key: str
    name: str
    asked: str
    saved: float
    tried: float
    text: str
    problem: str = ""

    @property
    def field(self) -> str:
        """Return the name of its field."""
        return field_of(self.key)

    @property
    def furthest(self) -> float:
        """Return as far as its slider goes."""
        ends = (SLIDER, 2 * SLIDER, 5 * SLIDER)
        return next((end for end in ends if self.saved <= end), HEAVIEST)


@dataclass(frozen=True)
class Ranked:
    """One candidate in the ranking; `out` says why it is out, "" while it is in.

    `unproven` names the musts of which nothing shows that it meets them.
    """

    rank: int
    letter: str
    name: str
    score: str
    chance: str
    out: str
    unproven: str


class MatrixPage:
    """One record's matrix as one person sees it; everything is computed when first asked for.

    `asked` holds the weights to try, as an address names them.
    """

    def __init__(self, record: Decision, user: User, asked: Mapping[str, Any]) -> None:
        self.record = record
        self.user = user
        self.sheet = WeightSheet(record)
        self.form: WeightsForm = tried(self.sheet, asked)

    @cached_property
    def weights(self) -> dict[str, float]:
        """Return the weights that are tried and not saved, by row."""
        return self.sheet.changes(self.form.weights)

    @cached_property
    def weighing(self) -> Weighing:
        """Return what comes of the matrix under the tried weights."""
        return Weighing(matrix_of(self.record), self.weights)

    @property
    def lines(self) -> list[WeightLine]:
        """Return a line for the weight of each row."""
        return [self._line(key, name) for key, name in self.sheet.names.items()]

    @property
    def problems(self) -> list[str]:
        """Return what was typed that is no weight: there the saved one counts."""
        told = _("“%(text)s” is not a weight from 0 to 100 for %(name)s; the saved one counts.")
        return [
            told % {"text": line.text, "name": line.name} for line in self.lines if line.problem
        ]

    @property
    def is_what_if(self) -> bool:
        """Return whether other weights are tried than those that are saved."""
        return bool(self.weights)

    @property
    def what_if(self) -> dict[str, Any]:
        """Return the tried weights under the names of their fields."""
        return as_fields(self.weights)

    @property
    def is_owner(self) -> bool:
        """Return whether the person may ever save weights here."""
        return may("apply_weights", self.record, self.user)

    @property
    def refusal(self) -> Refusal | None:
        """Return why the person may not save weights now, or None."""
        return refusal("apply_weights", self.record, self.user)

    @cached_property
    def ranking(self) -> list[Ranked]:
        """Return the candidates from first to last, those that are out at the end.

        There is none where nothing has a weight.
        """
        weighing, table = self.weighing, self.weighing.table
        if not table.is_weighed:
            return []
        return [
            Ranked(
                rank,
                table.columns[at].letter,
                table.columns[at].name,
                points(float(weighing.weighed.scores[at])),
                chance_words(table, weighing.simulated, at),
                _musts(_("out: misses %(goals)s"), table, table.failed_musts(at)),
                _musts(_("nothing known of %(goals)s"), table, table.unknown_musts(at)),
            )
            for rank, at in enumerate(weighing.weighed.order, start=1)
        ]

    @property
    def chances(self) -> list[str]:
        """Return where the draws are that no candidate's chance to be best counts."""
        return chances_in_words(self.weighing.table, self.weighing.simulated)

    @cached_property
    def drawings(self) -> dict[str, Drawn]:
        """Return the figures that weights change, by name."""
        return {one.name: one for one in weighed_figures(self.weighing)}

    @cached_property
    def fronts(self) -> list[Drawn]:
        """Return the drawings of quality against cost and latency."""
        return list(front_figures(self.weighing))

    @property
    def query(self) -> str:
        """Return the tried weights as the end of an address: "?w_ux=2", or ""."""
        return f"?{urlencode(self.what_if)}" if self.what_if else ""

    @property
    def comparisons(self) -> list[Evidence]:
        """Return the standing paired comparisons on the goals, in words of their own."""
        goals = {one.metric for one in self.record.accepted_goals}
        return [
            one
            for one in self.record.evidence.all()
            if one.is_comparison and not one.is_withdrawn and one.metric in goals
        ]

    @property
    def apart(self) -> list[LeftOut]:
        """Return what was measured for cells that hold nothing, as it may not be compared."""
        return list(self.weighing.matrix.apart.values())

    @property
    def left_out(self) -> tuple[LeftOut, ...]:
        """Return the evidence on goals that fills no cell, each with why."""
        return self.weighing.matrix.left_out

    @property
    def sources(self) -> list[tuple[str, list[tuple[str, Evidence]]]]:
        """Return for each goal the evidence in its cells, by candidate."""
        table, found = self.weighing.table, self.weighing.matrix.sources
        return [
            (row.name, [(table.columns[at[1]].letter, found[at]) for at in found if at[0] == place])
            for place, row in enumerate(table.rows)
            if any(at[0] == place for at in found)
        ]

    @property
    def helps(self) -> Measurement | None:
        """Return the measurement that would help most."""
        return self.weighing.verdict.helps

    @property
    def can_add_evidence(self) -> bool:
        """Return whether it is a measurement that helps, and the person may bring one in."""
        if self.helps is None or self._helped.is_role:
            return False
        return refusal("add_evidence", self.record, self.user) is None

    @property
    def rating_url(self) -> str:
        """Return where the person rates what would help most, "" if it is not theirs to rate."""
        if self.helps is None or not self._helped.is_role:
            return ""
        if refusal("assess", self.record, self.user, self._helped.key):
            return ""
        letter = self.weighing.table.columns[self.helps.column].letter
        return reverse("decisions:assess", args=[self.record.reference, letter, self._helped.key])

    @property
    def _helped(self) -> Row:
        """Return the row of the measurement that would help most."""
        return self.weighing.table.rows[self.helps.rows[0] if self.helps else 0]

    def _line(self, key: str, name: str) -> WeightLine:
        field = self.form[field_of(key)]
        saved, wanted = self.sheet.weights[key], self.form.weights.get(key)
        problem = next(iter(field.errors), "") if self.form.is_bound else ""
        text = "" if field.data is None else str(field.data)
        counts = saved if wanted is None else wanted
        return WeightLine(key, name, self._asked(key), saved, counts, text, str(problem))

    def _asked(self, key: str) -> str:
        """Return what a row asks for, in short."""
        row = self.weighing.table.rows[self.weighing.table.place(key)]
        if row.is_role:
            return _("the mean of its ratings")
        return f"{target_sign(row)}, {_('a must')}" if row.is_must else target_sign(row)


def _musts(words: str, table: Table, rows: list[int]) -> str:
    """Return a sentence on some musts, "" without any."""
    return words % {"goals": ", ".join(table.rows[row].name for row in rows)} if rows else ""


def figure_named(page: MatrixPage, name: str) -> Figure:
    """Return a figure of the record by the name in its address; raises 404 where there is none."""
    if found := drawing_named(page.weighing, name):
        return found.figure
    plots = {one.anchor: one.figure for one in evidence_figures(page.record)}
    if name not in plots:
        raise Http404
    return plots[name]
