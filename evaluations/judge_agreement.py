"""How far a model that judged two runs agrees with the people who rated the same answers blind."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.db.models import Q
from django.utils.translation import gettext as _

from decisions.numbers import format_count, format_value
from evaluations.models import Result, Run
from evaluations.models.rating import RatingRound, RoundState
from evaluations.preference import FIRST, SECOND, cohen_kappa, winner

JUDGE = "judge"


@dataclass(frozen=True)
class JudgeAgreement:
    """On `n` rated cases the judge said what most people said in `agreed`; kappa beyond chance."""

    n: int
    agreed: int
    kappa: float | None

    @property
    def sentence(self) -> str:
        """Return it in words."""
        told = {
            "n": format_count(self.n),
            "agreed": format_count(self.agreed),
            "kappa": "–" if self.kappa is None else format_value(self.kappa),
        }
        return (
            _(
                "Of %(n)s cases that people rated blind, the model that judged prefers what most "
                "of them prefer on %(agreed)s (Cohen's kappa %(kappa)s)."
            )
            % told
        )


def agreement_with_people(run: Run) -> JudgeAgreement | None:
    """Return how far a run's judge agrees with closed ratings; None where there are none."""
    if _judge_of(run) is None:
        return None
    closed = RatingRound.objects.filter(Q(first=run) | Q(second=run), state=RoundState.CLOSED)
    pairs = [pair for one in closed.select_related("first", "second") for pair in _pairs(one)]
    return _agreement(pairs)


def on_pairs(first: Run, second: Run, choices: Mapping[str, str]) -> JudgeAgreement | None:
    """Return how far choices between two runs' answers, by the case's key, agree with people."""
    closed = RatingRound.objects.filter(first=first, second=second, state=RoundState.CLOSED)
    said = {key: winner([choice]) for key, choice in choices.items()}
    return _agreement([pair for one in closed for pair in _both(one, said)])


def _agreement(pairs: list[tuple[str, str]]) -> JudgeAgreement | None:
    if not pairs:
        return None
    agreed = sum(people == judge for people, judge in pairs)
    return JudgeAgreement(len(pairs), agreed, cohen_kappa(pairs))


def _both(found: RatingRound, judged: Mapping[str, str]) -> list[tuple[str, str]]:
    """Return (what most people prefer, what the judge does) of each case that both judged."""
    pairs = []
    for rated in found.cases.select_related("case").prefetch_related("ratings"):
        choices = [one.verdict for one in rated.ratings.all()]
        if choices and rated.case.key in judged:
            pairs.append((winner(choices), judged[rated.case.key]))
    return pairs


def _judge_of(run: Run) -> dict[str, Any] | None:
    """Return the judge that a run was scored by, with its settings."""
    return next((one for one in run.scorers if one["key"] == JUDGE), None)


def _pairs(found: RatingRound) -> list[tuple[str, str]]:
    """Return the pairs of a round on two runs that the same judge has marked."""
    if _judge_of(found.first) != _judge_of(found.second):
        return []
    first, second = _marks(found.first), _marks(found.second)
    marked = [key for key in first if None not in (first[key], second.get(key))]
    return _both(found, {key: _preferred(first[key], second[key]) for key in marked})


def _marks(run: Run) -> dict[str, Any]:
    """Return what the judge gave the first answer to each case, by the case's key."""
    rows = Result.objects.filter(run=run, repeat=0).values_list("case__key", "scores")
    return {key: scores.get(JUDGE) for key, scores in rows}


def _preferred(first: Any, second: Any) -> str:
    """Return whose answer has the better mark."""
    return "neither" if first == second else FIRST if first > second else SECOND
