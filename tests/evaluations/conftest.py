"""A record with a candidate that runs, and a case set to run it on."""

from pathlib import Path
from typing import Any

import pytest

from decisions.models import Candidate, Decision
from evaluations import measuring
from evaluations.models import CaseSet, Run
from tests.evaluations.helpers import make_candidate, make_case_set
from tests.factories import People


@pytest.fixture(autouse=True)
def _own_folder(settings: Any, tmp_path: Path) -> None:
    """Keep uploads and caches to the test, and no technique prepared by an earlier one."""
    settings.VAR_DIR = tmp_path / "var"
    measuring._kept.clear()


@pytest.fixture
def case_set(db: None, tmp_path: Path) -> CaseSet:
    """18 messages to train on and 12 to test, about three teams."""
    return make_case_set(tmp_path)


@pytest.fixture
def candidate(draft: Decision, people: People) -> Candidate:
    """A retrieval candidate that runs without the encoder."""
    return make_candidate(draft, people)


@pytest.fixture
def run(candidate: Candidate, case_set: CaseSet, people: People) -> Run:
    """A run that was asked for and that nobody has worked on."""
    from evaluations.actions import request_run

    return request_run(candidate, case_set, by=people.owner)
