"""The tables of measuring, a module per concern."""

from evaluations.models.case_set import Case, CaseKind, CaseSet, Split
from evaluations.models.corpus import Corpus, Document
from evaluations.models.endpoint import Endpoint, Flavour
from evaluations.models.frozen import Readers
from evaluations.models.intake import Import, Imports, ImportState, ImportStep
from evaluations.models.preparation import Preparation
from evaluations.models.rating import (
    Choice,
    Judging,
    RatedCase,
    Rater,
    Rating,
    RatingRound,
    RoundState,
)
from evaluations.models.run import (
    OPEN_RESULTS,
    OPEN_RUNS,
    WORKING_RUNS,
    Progress,
    Result,
    ResultState,
    Run,
    RunSource,
    RunState,
    progress_of,
)
from evaluations.models.share import Share

__all__ = [
    "OPEN_RESULTS",
    "OPEN_RUNS",
    "WORKING_RUNS",
    "Case",
    "CaseKind",
    "CaseSet",
    "Choice",
    "Corpus",
    "Document",
    "Endpoint",
    "Flavour",
    "Import",
    "ImportState",
    "ImportStep",
    "Imports",
    "Judging",
    "Preparation",
    "Progress",
    "RatedCase",
    "Rater",
    "Rating",
    "RatingRound",
    "Readers",
    "Result",
    "ResultState",
    "RoundState",
    "Run",
    "RunSource",
    "RunState",
    "Share",
    "Split",
    "progress_of",
]
