"""The tables of measuring, a module per concern."""

from evaluations.models.case_set import Case, CaseKind, CaseSet, Split
from evaluations.models.endpoint import Endpoint, Flavour
from evaluations.models.run import (
    OPEN_RESULTS,
    OPEN_RUNS,
    WORKING_RUNS,
    Progress,
    Result,
    ResultState,
    Run,
    RunState,
)
from evaluations.models.share import Share

__all__ = [
    "OPEN_RESULTS",
    "OPEN_RUNS",
    "WORKING_RUNS",
    "Case",
    "CaseKind",
    "CaseSet",
    "Endpoint",
    "Flavour",
    "Progress",
    "Result",
    "ResultState",
    "Run",
    "RunState",
    "Share",
    "Split",
]
