"""What the page of a run shows, computed when first asked for."""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

from django.utils.translation import gettext as _

from decisions.metrics import METRICS
from decisions.numbers import format_count, format_interval, format_value
from evaluations.candidate_specs import settings_in_words, technique_of
from evaluations.histogram import Histogram, latency_histogram
from evaluations.models import Progress, ResultState, Run
from evaluations.run_moves import RunMove, moves_of
from evaluations.spending import Spending, spending_of
from evaluations.summary import kind_note
from evaluations.techniques import Technique
from evaluations.tuning_page import (
    Forgetting,
    LearningCurve,
    forgetting_of,
    learning_curve_of,
    tuning_facts,
)


@dataclass(frozen=True)
class Measure:
    """A figure as it is set large: name, value with unit, and interval with n under it."""

    name: str
    value: str
    note: str


class RunPage:
    """One run as it is shown."""

    def __init__(self, run: Run) -> None:
        self.run = run

    @cached_property
    def progress(self) -> Progress:
        """Return how far it is."""
        return self.run.progress()

    @property
    def moves(self) -> list[RunMove]:
        """Return what a person who may measure can do with it now."""
        return moves_of(self.run)

    @cached_property
    def errors(self) -> list[tuple[str, int]]:
        """Return its commonest errors, with the number of cases each."""
        return self.run.first_errors()

    @property
    def technique(self) -> Technique | None:
        """Return what was run, if this installation still knows it."""
        return technique_of(self.run.spec)

    @property
    def kind_note(self) -> str:
        """Return in a sentence what kind of thing it is."""
        return kind_note(self.run)

    @property
    def settings(self) -> list[tuple[str, str]]:
        """Return (label, value) of what was set."""
        return settings_in_words(self.run.spec)

    @cached_property
    def measures(self) -> list[Measure]:
        """Return the figures in the order of the catalogue, then how many cases got no answer."""
        figures = self.run.metrics
        shown = [
            _measure(str(metric.name), figures[key])
            for key, metric in METRICS.items()
            if key in figures and key != "error_rate"  # told in numbers, at the end
        ]
        return [*shown, _without_answer(figures)] if figures else []

    @cached_property
    def histogram(self) -> Histogram | None:
        """Return the distribution of latencies, if there are enough cases."""
        answered = self.run.results.filter(state=ResultState.DONE)
        latencies = answered.values_list("latency_ms", flat=True)
        return latency_histogram([one for one in latencies if one is not None], "latency")

    @cached_property
    def spending(self) -> Spending | None:
        """Return what was spent at model servers, None for what computes here."""
        return spending_of(self.run)

    @property
    def artefact(self) -> list[tuple[str, str]]:
        """Return (name, value) of what preparing came to."""
        told = self.run.artefact
        seconds, size = told.get("prepare_seconds"), told.get("index_bytes")
        facts = [
            (_("Prepared in"), f"{format_value(seconds)} s" if seconds is not None else ""),
            (_("Learnt from"), _examples(told.get("training_examples"))),
            (_("Size"), _size(size)),
            (_("Encoder"), str(told.get("encoder", ""))),
        ]
        return [*((name, value) for name, value in facts if value), *tuning_facts(told)]

    @cached_property
    def learning_curve(self) -> LearningCurve | None:
        """Return how it got better with more examples or cases, where that was measured."""
        return learning_curve_of(self.run.artefact)

    @cached_property
    def forgetting(self) -> Forgetting | None:
        """Return what became of what the model could do before it was tuned."""
        return forgetting_of(self.run.artefact)

    @property
    def packages(self) -> str:
        """Return the versions of what answered."""
        known = self.run.environment.get("packages", {})
        return ", ".join(f"{name} {version}" for name, version in known.items())


def _measure(name: str, figure: dict[str, Any]) -> Measure:
    low, high = figure.get("low"), figure.get("high")
    value = format_value(figure["value"], low, high, figure["unit"])
    n = _("n = %(n)s") % {"n": format_count(figure["n"])}
    return Measure(name, value, ", ".join(part for part in (format_interval(low, high), n) if part))


def _without_answer(figures: dict[str, Any]) -> Measure:
    note = _("of %(n)s attempted") % {"n": format_count(figures["attempted"])}
    return Measure(_("No answer"), format_count(figures["failed"]), note)


def _examples(count: int | None) -> str:
    if count is None:
        return ""
    return _("%(n)s cases") % {"n": format_count(count)} if count else _("no cases")


def _size(size: int | None) -> str:
    if not size:
        return ""
    return f"{format_value(size / 1e6)} MB" if size >= 1e6 else f"{format_value(size / 1e3)} kB"
