"""Scorers: is an answer right, or how good is it? One answer at a time, and figures over many.

`SCORERS` holds what scores one answer: `SCORERS[key].configured(settings).score(output, case)`
returns a `Score` from 0 to 1, or None where the scorer doesn't apply. `macro_f1` and
`confusion` need all answers at once. A case that failed or was never answered has the output None
and counts as wrong: the denominator is what was attempted.
"""

from evaluations.scorers.interface import (
    CaseView,
    Configured,
    Judge,
    NoSettings,
    Outcome,
    Score,
    Scorer,
    graded,
    right,
)
from evaluations.scorers.labels import (
    Confusion,
    LabelFigures,
    confusion,
    macro_f1,
)
from evaluations.scorers.matching import MATCHING, exact_match
from evaluations.scorers.overlap import OVERLAP
from evaluations.scorers.retrieval import RETRIEVAL
from evaluations.scorers.rubric import RUBRIC
from evaluations.scorers.structure import STRUCTURE
from evaluations.scorers.support import SUPPORT
from evaluations.scorers.words import normalised

SCORERS: dict[str, Scorer] = {
    scorer.key: scorer
    for scorer in (*MATCHING, *STRUCTURE, *OVERLAP, *RUBRIC, *RETRIEVAL, *SUPPORT)
}

__all__ = [
    "SCORERS",
    "CaseView",
    "Configured",
    "Confusion",
    "Judge",
    "LabelFigures",
    "NoSettings",
    "Outcome",
    "Score",
    "Scorer",
    "confusion",
    "exact_match",
    "graded",
    "macro_f1",
    "normalised",
    "right",
]
