"""What the page of a run shows, computed when first asked for."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from functools import cached_property
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from decisions.metrics import METRICS
from decisions.models import OF_RUNS, Candidate
from decisions.numbers import format_count, format_interval, format_value
from evaluations.actions import has_other_spec, hopeless
from evaluations.candidate_specs import settings_in_words, technique_of
from evaluations.comparing import Family, Reason, compare_url, family_of
from evaluations.endpoints.page import dollars
from evaluations.imported_page import ImportedPage
from evaluations.judge_agreement import JudgeAgreement, agreement_with_people
from evaluations.label_page import LabelPage
from evaluations.models import Progress, Run, RunState
from evaluations.preparing_page import PreparingStep, steps_of
from evaluations.prompt_search import PromptSearch, search_of
from evaluations.run_figures import RunFigures
from evaluations.run_moves import MOVES, RunMove, moves_of
from evaluations.scorer_forms import as_inputs
from evaluations.scoring import ScorerProblem, Scoring, in_words, scoring_of
from evaluations.sent_prompt import SentPrompts
from evaluations.spending import Spending, spending_of
from evaluations.spread import SeedSpread, spread_over_seeds
from evaluations.summary import MOST_FOR_LATENCY, kind_note, latency_at_once, without_interval
from evaluations.techniques import Technique
from evaluations.tuning_page import Forgetting, forgetting_of, tuning_facts


@dataclass(frozen=True)
class Measure:
    """A figure as it is set large: name, value with unit, and interval with n under it."""

    name: str
    value: str
    note: str


@dataclass(frozen=True)
class Withdrawn:
    """Figures of a run that the record no longer has: their names, when they went and why."""

    names: str
    at: datetime
    why: str


class RunPage:
    """One run as it is shown."""

    def __init__(self, run: Run) -> None:
        self.run = run

    @cached_property
    def progress(self) -> Progress:
        """Return how far it is."""
        return self.run.progress()

    @cached_property
    def preparing(self) -> list[PreparingStep]:
        """Return how far what it learns first has come, while it does."""
        return steps_of(self.run)

    @property
    def way_on(self) -> str:
        """Return how a run that ended before its figures comes to them, "" where it never can."""
        if hopeless(self.run):
            return ""
        told = {"move": MOVES["resume" if self.run.state == RunState.CANCELLED else "retry"].label}
        if not self.progress.answered:
            return _("“%(move)s” begins with the first case.") % told
        if self.run.state == RunState.CANCELLED:
            return _("They are kept: “%(move)s” answers the rest.") % told
        return _("They are kept: “%(move)s” answers the rest, and what failed.") % told

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
    def imported(self) -> ImportedPage | None:
        """Return what another tool's file says of it, None for what was measured here."""
        return ImportedPage(self.run) if self.run.is_imported else None

    @property
    def kind_note(self) -> str:
        """Return in a sentence what kind of thing it is."""
        return self.imported.note if self.imported else kind_note(self.run)

    @cached_property
    def scoring(self) -> Scoring | None:
        """Return what it is scored by, None if this installation doesn't know that any more."""
        try:
            return scoring_of(self.run)
        except ScorerProblem:
            return None

    @property
    def scorers(self) -> list[tuple[str, str]]:
        """Return (title, settings) of what it is scored by, the main scorer first."""
        if self.scoring is None:
            return [(self.run.scorer, "")]
        return [(str(one.scorer.title), in_words(one)) for one in self.scoring.scorers]

    @cached_property
    def judge_agreement(self) -> JudgeAgreement | None:
        """Return how far the model that judged it agrees with people, where some have rated."""
        return agreement_with_people(self.run)

    @property
    def again_differs(self) -> bool:
        """Return whether running it again measures other settings than it was measured with."""
        return not self.run.is_open and not self.run.is_imported and has_other_spec(self.run)

    @property
    def scorer_inputs(self) -> list[tuple[str, Any]]:
        """Return what a form holds that asks for the same scorers again."""
        return as_inputs(self.scoring) if self.scoring else []

    @property
    def settings(self) -> list[tuple[str, str]]:
        """Return (label, value) of what was set."""
        return settings_in_words(self.run.spec)

    @cached_property
    def measures(self) -> list[Measure]:
        """Return the figures in the order of the catalogue, then how many cases got no answer."""
        figures = self.run.metrics
        shown = [
            _measure(str(metric.name), figures[key], self._note_on(key))
            for key, metric in METRICS.items()
            if key in figures and key != "error_rate"  # told in numbers, at the end
        ]
        scores = figures.get("scores", {}) if self.imported else {}
        alone = figures.get("of_answered", {}).get("scores", {})
        shown += [
            _measure(name, figure, _of_answered(figures, alone.get(name)))
            for name, figure in scores.items()
        ]
        return [*shown, _without_answer(figures)] if figures else []

    def _note_on(self, key: str) -> str:
        """Return what is told of a figure beside its interval and n."""
        figures = self.run.metrics
        lacking = "" if self.run.is_imported else without_interval(figures[key], key).rstrip(".")
        more = self._under_load(key) or _alone(figures, key)
        return ", ".join(part for part in (lacking[:1].lower() + lacking[1:], more) if part)

    def _under_load(self, key: str) -> str:
        """Return how many answers were under way while a latency was measured; else ""."""
        is_told = key.startswith("latency") and not self.run.is_imported
        return latency_at_once(self.run.metrics) if is_told else ""

    @cached_property
    def figures(self) -> RunFigures:
        """Return what can be drawn of it."""
        return RunFigures(self.run)

    @property
    def labels(self) -> LabelPage | None:
        """Return the figures by label of a finished run on labelled cases."""
        return self.figures.labels

    @property
    def latency_note(self) -> str:
        """Return what more answers at once than latency is measured with mean for it, or ""."""
        at_once = self.run.metrics.get("at_once", 1)
        if at_once <= MOST_FOR_LATENCY:
            return ""
        told = {"at_once": at_once, "most": MOST_FOR_LATENCY}
        return (
            _(
                "Up to %(at_once)s answers were under way at once. Latency counts only those that "
                "never had more than %(most)s under way; what queues here is not the server's time."
            )
            % told
        )

    @cached_property
    def rerank_note(self) -> str:
        """Return how often a model that orders passages gave no order that could be read, or ""."""
        if self.run.spec.get("rerank") != "model" or self.run.is_open:
            return ""
        kept = self.run.results.filter(details__reranked=False).count()
        sentence = ngettext(
            "To %(n)s question the model gave no order of passages: the order found was kept.",
            "To %(n)s questions the model gave no order of passages: the order found was kept.",
            kept,
        )
        return sentence % {"n": format_count(kept)} if kept else ""

    @cached_property
    def spreads(self) -> list[SeedSpread]:
        """Return how far its figures lie from those of the same run with other seeds."""
        return [] if self.run.is_open else spread_over_seeds(self.run)

    @cached_property
    def _family(self) -> Family | None:
        is_over = self.run.state == RunState.FINISHED
        return family_of(self.run) if is_over else None

    @property
    def opponents(self) -> list[tuple[Candidate, str]]:
        """Return the other candidates it is compared with, each with where that is shown."""
        runs = self._family.runs if self._family else ()
        return [(one.candidate, compare_url(self.run, one)) for one in runs if one != self.run]

    @property
    def not_compared(self) -> list[Reason]:
        """Return why it is not compared with other candidates' runs, commonest reason first."""
        return self._family.reasons if self._family else []

    @cached_property
    def withdrawn(self) -> list[Withdrawn]:
        """Return what was attached of it and withdrawn since, by when and why."""
        attached = self.run.candidate.evidence.filter(
            kind__in=OF_RUNS, origin_url=self.run.get_absolute_url()
        )
        last = {one.metric: one for one in attached.order_by("number")}
        gone = dict[tuple[datetime, str], list[str]]()
        for one in last.values():
            if one.withdrawn_at:
                at = gone.setdefault((one.withdrawn_at, one.withdrawn_reason), [])
                at.append(one.reference)
        return [Withdrawn(", ".join(names), at, why) for (at, why), names in gone.items()]

    @cached_property
    def spending(self) -> Spending | None:
        """Return what was spent at model servers, None for what computes here."""
        return spending_of(self.run)

    @property
    def artefact(self) -> list[tuple[str, str]]:
        """Return (name, value) of what preparing came to."""
        told = self.run.artefact
        size = told.get("index_bytes")
        facts = [
            (_("Learning took"), self._learning(told.get("learning", []))),
            (_("Building took"), self._building(told)),
            (_("Learnt from"), _examples(told.get("training_examples"))),
            (_("Left out, being test cases as well"), _examples(told.get("left_out_overlap"))),
            (_("Searches"), _searched(told)),
            (_("Size"), _size(size)),
            (_("Encoder"), str(told.get("encoder", ""))),
            (_("Vectors made"), self._vectors(told)),
        ]
        return [*((name, value) for name, value in facts if value), *tuning_facts(told)]

    def _learning(self, told: Sequence[Mapping[str, Any]]) -> str:
        """Return how long what is learned once took, and which run did it, where another did."""
        if not told:
            return ""
        seconds = f"{format_value(sum(one['seconds'] for one in told))} s"
        return ", ".join(filter(None, (seconds, self._reused([one["run"] for one in told]))))

    def _building(self, told: Mapping[str, Any]) -> str:
        """Return how long building took, and for which run that was, where it was for another."""
        if told.get("prepare_seconds") is None:
            return ""
        seconds = f"{format_value(told['prepare_seconds'])} s"
        built_for = [told["built_for"]] if "built_for" in told else []
        return ", ".join(filter(None, (seconds, self._reused(built_for))))

    def _vectors(self, told: Mapping[str, Any]) -> str:
        """Return what vectors came to, and which run had them made, where another did."""
        made = _vectors_made(told.get("embedding"))
        return ", ".join(filter(None, (made, self._reused(told.get("embedded_for", [])))))

    def _reused(self, runs: Iterable[int]) -> str:
        """Return which other runs did what this one uses, "" where there are none."""
        others = sorted({*runs} - {self.run.pk})
        names = ", ".join(str(Run(pk=one)) for one in others)
        return _("done by %(runs)s and used again") % {"runs": names} if names else ""

    @cached_property
    def sent(self) -> SentPrompts:
        """Return what its model was sent, case by case."""
        return SentPrompts(self.run)

    @cached_property
    def search(self) -> PromptSearch | None:
        """Return what a search for its prompt came to, where there was one."""
        return search_of(self.run.spec, self.run.artefact)

    @cached_property
    def forgetting(self) -> Forgetting | None:
        """Return what became of what the model could do before it was tuned."""
        return forgetting_of(self.run.artefact)

    @property
    def packages(self) -> str:
        """Return the versions of what answered."""
        known = self.run.environment.get("packages", {})
        return ", ".join(f"{name} {version}" for name, version in known.items())


def _alone(figures: dict[str, Any], key: str) -> str:
    """Return the figure over what was answered alone, where some was not; else ""."""
    return _of_answered(figures, figures.get("of_answered", {}).get(key))


def _of_answered(figures: dict[str, Any], alone: dict[str, Any] | None) -> str:
    lacking = sum(figures.get(one, 0) for one in ("failed", "missing", "unjudged"))
    if alone is None or not lacking:
        return ""
    value = format_value(alone["value"], alone.get("low"), alone.get("high"), alone["unit"])
    told = {"value": value, "n": format_count(alone["n"])}
    if figures.get("unjudged"):
        return _("%(value)s of the %(n)s answered and judged") % told
    return _("%(value)s of the %(n)s answered") % told


def _searched(told: Mapping[str, Any]) -> str:
    """Return what is searched and how long indexing it took; nothing where nothing is."""
    if "chunks" not in told:
        return ""
    counts = {
        "documents": format_count(told["documents"]),
        "passages": format_count(told["chunks"]),
        "seconds": format_value(told["index_build_seconds"]),
    }
    sentence = _("%(documents)s documents in %(passages)s passages, indexed in %(seconds)s s")
    return sentence % counts


def _vectors_made(told: Mapping[str, Any] | None) -> str:
    """Return what the vectors of what is searched came to, where a model server made them."""
    if told is None:
        return ""
    tokens, cost = told["input_tokens"], told["cost"]
    counts = {
        "texts": format_count(told["texts"]),
        "requests": format_count(told["requests"]),
        "seconds": format_value(told["seconds"]),
        "tokens": _("tokens unknown")
        if tokens is None
        else _("%(n)s tokens") % {"n": format_count(tokens)},
        "cost": _("cost unknown") if cost is None else dollars(Decimal(cost)),
    }
    return (
        _("%(texts)s texts in %(requests)s requests and %(seconds)s s: %(tokens)s, %(cost)s")
        % counts
    )


def _measure(name: str, figure: dict[str, Any], alone: str = "") -> Measure:
    low, high = figure.get("low"), figure.get("high")
    value = format_value(figure["value"], low, high, figure["unit"])
    n = _("n = %(n)s") % {"n": format_count(figure["n"])}
    parts = (format_interval(low, high, figure["unit"], figure["value"]), n, alone)
    return Measure(name, value, ", ".join(part for part in parts if part))


def _without_answer(figures: dict[str, Any]) -> Measure:
    note = _("of %(n)s attempted") % {"n": format_count(figures["attempted"])}
    lacking = figures["failed"] + figures.get("missing", 0)
    return Measure(_("No answer"), format_count(lacking), note)


def _examples(count: int | None) -> str:
    if count is None:
        return ""
    return _("%(n)s cases") % {"n": format_count(count)} if count else _("no cases")


def _size(size: int | None) -> str:
    if not size:
        return ""
    return f"{format_value(size / 1e6)} MB" if size >= 1e6 else f"{format_value(size / 1e3)} kB"
