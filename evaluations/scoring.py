"""What a run's answers are scored by: one main scorer and further ones, chosen when it is asked."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext as _

from evaluations.models import Case, CaseKind, CaseSet, Run
from evaluations.scorers import SCORERS, CaseView, Configured, Outcome, Score
from evaluations.spec import SpecError
from evaluations.techniques import Technique

Stored = Mapping[str, Any]
Scores = dict[str, Score | None]

# What is usual for a kind of case set, the main scorer first; then what is added where the
# technique provides what it uses, of retrieval only where the cases name the right documents.
USUAL: dict[str, tuple[str, ...]] = {
    CaseKind.CLASSIFICATION: ("exact_match",),
    CaseKind.QUESTION_ANSWERING: ("token_f1", "normalised_match"),
    CaseKind.FREE_TEXT: ("token_f1", "rouge_l"),
}
OF_RETRIEVAL = ("recall_at_k", "mrr", "ndcg")
OF_SUPPORT = ("groundedness", "citation_correctness")


class ScorerProblem(ValueError):
    """A choice of scorers that can't be used; the message is a sentence, `key` the scorer's."""

    def __init__(
        self, sentence: str, key: str = "", problems: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(sentence)
        self.key, self.problems = key, dict(problems or {})


@dataclass(frozen=True)
class Scoring:
    """The scorers of a run with their settings, the main one first."""

    scorers: tuple[Configured, ...]

    @property
    def main(self) -> Configured:
        """Return the scorer that says which answers are right."""
        return self.scorers[0]

    @property
    def asking(self) -> tuple[Configured, ...]:
        """Return those that ask a model for their verdict."""
        return tuple(one for one in self.scorers if one.scorer.judges == "model")

    @property
    def stored(self) -> list[dict[str, Any]]:
        """Return what a run keeps of it: key and every setting of each."""
        return [{"key": one.scorer.key, "settings": one.settings} for one in self.scorers]

    @property
    def is_plain(self) -> bool:
        """Return whether answers are only held against the expected one, as they always were."""
        return [one.identity for one in self.scorers] == [SCORERS["exact_match"].identity]

    def scores(self, output: Outcome, case: CaseView) -> Scores:
        """Return what every scorer that computes gives an answer, by key."""
        computed = [one for one in self.scorers if one.scorer.judge is not None]
        return {one.scorer.key: one.score(output, case) for one in computed}

    def of_failure(self, case: CaseView) -> dict[str, float | None]:
        """Return the values of a case that got no answer: 0 wherever a scorer applies to it."""
        applied = {one.scorer.key: one.scorer.applies(case) for one in self.scorers}
        return {key: 0.0 if applies else None for key, applies in applied.items()}


def scoring_of(run: Run) -> Scoring:
    """Return what a run's answers are scored by; raise `ScorerProblem` if it is not known here."""
    return configured(run.scorers or [{"key": run.scorer.partition("/")[0]}])


def view_of(case: Case) -> CaseView:
    """Return a case as scorers see it."""
    return CaseView(case.expected, case.input, tuple(case.references), tuple(case.relevant))


def configured(chosen: Sequence[Stored]) -> Scoring:
    """Return scorers with their settings; raise `ScorerProblem` for the first that can't be used.

    Each may be chosen once; one at least has to be.
    """
    if not chosen:
        raise ScorerProblem(_("Choose at least one scorer."))
    found = tuple(_configured(one) for one in chosen)
    keys = [one.scorer.key for one in found]
    for key in keys:
        if keys.count(key) > 1:
            told = {"scorer": SCORERS[key].title}
            raise ScorerProblem(_("%(scorer)s can be chosen only once.") % told, key)
    return Scoring(found)


def _configured(one: Stored) -> Configured:
    key = str(one.get("key", ""))
    if key not in SCORERS:
        told = {"key": key, "keys": ", ".join(SCORERS)}
        raise ScorerProblem(_("There is no scorer “%(key)s”; known are: %(keys)s.") % told)
    try:
        return SCORERS[key].configured(one.get("settings") or {})
    except SpecError as error:
        told = {"scorer": str(SCORERS[key].title), "why": _faults(key, error)}
        raise ScorerProblem(_("%(scorer)s: %(why)s") % told, key, error.problems) from error


def _faults(key: str, error: SpecError) -> str:
    """Return what is wrong with a scorer's settings, by the names that people see."""
    labels = {field.name: str(field.label) for field in SCORERS[key].fields}
    told = (f"{labels.get(name, name)}: {what}" for name, what in error.problems.items())
    return " ".join(told)


def usual_scorers(case_set: CaseSet, technique: Technique, top_k: int | None = None) -> list[str]:
    """Return the keys of the scorers that are usual for a case set, the main one first.

    Of what ranks documents, those that count no more than the `top_k` that are kept.
    """
    found = OF_RETRIEVAL if case_set.corpus_id else ()
    ranks = [key for key in found if counts_within(SCORERS[key].configured(), top_k)]
    if found and technique.provides == ("retrieved",):  # nothing but what was found is answered
        return ranks
    support = () if case_set.kind == CaseKind.CLASSIFICATION else OF_SUPPORT
    added = (key for key in (*ranks, *support) if can_use(key, technique))
    return [*USUAL[case_set.kind], *added]


def counts_within(one: Configured, top_k: int | None) -> bool:
    """Return whether a scorer counts no more documents than are kept (None: nobody says)."""
    return top_k is None or "retrieved" not in one.scorer.uses or one.settings["k"] <= top_k


def can_use(key: str, technique: Technique) -> bool:
    """Return whether a technique provides what a scorer uses."""
    return set(SCORERS[key].uses) <= set(technique.provides)


def completed(
    asked: Sequence[Stored], case_set: CaseSet, technique: Technique, spec: Mapping[str, Any]
) -> Scoring:
    """Return the scorers of a run of this technique with this spec; raise `ScorerProblem`.

    An entry without a key stands for what is usual for the case set. Further scorers that use
    what the technique doesn't provide are left out; the main one can't be. One that counts more
    documents than the spec lets the technique keep would blame the ranking for it.
    """
    top_k = spec.get("top_k")
    expanded = _expanded(asked or [{}], usual_scorers(case_set, technique, top_k))
    if not expanded:
        told = {"technique": technique.title, "top_k": top_k}
        sentence = _(
            "%(technique)s keeps %(top_k)s documents (top k): choose a scorer that counts no more."
        )
        raise ScorerProblem(sentence % told)
    scoring = configured([_kept_within(one, top_k) for one in expanded])
    main = scoring.main.scorer
    if not can_use(main.key, technique):
        told = {"scorer": main.title, "technique": technique.title}
        sentence = _("%(technique)s retrieves nothing that %(scorer)s could score.")
        raise ScorerProblem(sentence % told, main.key)
    found = tuple(one for one in scoring.scorers if can_use(one.scorer.key, technique))
    for one in found:
        _refuse_beyond(one, technique, top_k)
    return Scoring(found)


def _kept_within(one: Stored, top_k: int | None) -> Stored:
    """Return a scorer that counts no more documents than are kept, unless it is told how many."""
    settings = dict(one.get("settings") or {})
    scorer = SCORERS.get(str(one.get("key", "")))
    if top_k is None or scorer is None or "retrieved" not in scorer.uses or "k" in settings:
        return one
    usual = scorer.configured().settings["k"]
    return {**one, "settings": {**settings, "k": min(usual, top_k)}}


def _refuse_beyond(one: Configured, technique: Technique, top_k: int | None) -> None:
    """Raise `ScorerProblem` for a scorer that counts more documents than are kept."""
    if not counts_within(one, top_k):
        told = {"scorer": one.scorer.title, "k": one.settings["k"], "top_k": top_k}
        told |= {"technique": technique.title}
        sentence = _(
            "%(scorer)s counts the first %(k)s documents; %(technique)s keeps %(top_k)s (top k)."
        )
        raise ScorerProblem(sentence % told, one.scorer.key)


def _expanded(asked: Sequence[Stored], usual: Iterable[str]) -> list[Stored]:
    """Return the entries with the usual ones in the place of the empty one, settings kept."""
    named = {str(one["key"]): one for one in asked if one.get("key")}
    if all(one.get("key") for one in asked):
        return list(asked)
    first = [named.get(key, {"key": key}) for key in usual]
    return [*first, *(one for key, one in named.items() if one not in first)]


def in_words(one: Configured) -> str:
    """Return what is set on a scorer, by the names that people see; "" where nothing can be."""
    told = []
    for field in one.scorer.fields:
        value = one.settings[field.name]
        told.append(f"{field.label}: {dict(field.choices).get(value, value)}")
    return "; ".join(told)
