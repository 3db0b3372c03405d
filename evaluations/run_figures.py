"""The figures of a run, the same for its page and their files."""

from collections.abc import Callable, Mapping
from functools import cached_property

from django.http import Http404
from django.utils.translation import gettext as _

from decisions.forest_plot import Drawn, Figure
from evaluations.confusion_matrix import confusion_legend, confusion_matrix
from evaluations.curve_figure import curve_legend, learning_curve
from evaluations.histogram import latency_histogram, latency_legend
from evaluations.label_page import LabelPage
from evaluations.mistakes_figure import commonest_mistakes
from evaluations.models import ResultState, Run, RunState
from evaluations.summary import MOST_FOR_LATENCY, latency_at_once

LATENCY, CURVE, CONFUSION, MISTAKES = "latency", "learning-curve", "confusion", "mistakes"


class RunFigures:
    """What can be drawn of one run; each is None where there is nothing to draw."""

    def __init__(self, run: Run) -> None:
        self.run = run

    def named(self, name: str) -> Drawn:
        """Return a figure by the name in its address; raise 404 where there is none."""
        drawn = FIGURES[name](self) if name in FIGURES else None
        if drawn is None:
            raise Http404
        return drawn

    @cached_property
    def latency(self) -> Drawn | None:
        """Return the distribution of the latencies that count, if there are enough."""
        if self.run.is_open:
            return None
        answered = self.run.results.filter(state=ResultState.DONE, at_once__lte=MOST_FOR_LATENCY)
        latencies = answered.order_by().values_list("latency_ms", flat=True)
        known = [one for one in latencies if one is not None]
        return _drawn(LATENCY, latency_histogram(known), f"{latency_legend()} {self._load}".strip())

    @cached_property
    def learning_curve(self) -> Drawn | None:
        """Return how it got better with more examples or cases, where that was measured."""
        artefact = self.run.artefact
        return _drawn(CURVE, learning_curve(artefact), curve_legend(artefact))

    @cached_property
    def labels(self) -> LabelPage | None:
        """Return the figures by label of a finished run on labelled cases."""
        cases = self.run.case_set
        is_over = self.run.state == RunState.FINISHED
        return LabelPage(self.run) if is_over and cases and cases.is_classification else None

    @cached_property
    def confusion(self) -> Drawn | None:
        """Return which label is taken for which."""
        if not self.labels:
            return None
        found = self.labels.confusion
        figure = confusion_matrix(found, self.labels.names)
        return _drawn(CONFUSION, figure, confusion_legend(found), words=2)

    @cached_property
    def mistakes(self) -> Drawn | None:
        """Return the commonest mistakes, if there are any."""
        if not self.labels:
            return None
        figure = commonest_mistakes(self.labels.confusion, self.labels.names)
        return _drawn(MISTAKES, figure, words=2)

    @property
    def _load(self) -> str:
        """Return how many answers were under way while latency was measured, as a sentence."""
        load = "" if self.run.is_imported else latency_at_once(self.run.metrics)
        return _("Measured %(at_once)s.") % {"at_once": load} if load else ""


FIGURES: Mapping[str, Callable[[RunFigures], Drawn | None]] = {
    LATENCY: lambda figures: figures.latency,
    CURVE: lambda figures: figures.learning_curve,
    CONFUSION: lambda figures: figures.confusion,
    MISTAKES: lambda figures: figures.mistakes,
}


def _drawn(name: str, figure: Figure | None, legend: str = "", *, words: int = 1) -> Drawn | None:
    return Drawn(name, figure, legend, words) if figure else None
