"""Examples that are test cases as well: kept from every technique, and told."""

from pathlib import Path
from typing import Any

import pytest
from django.test import Client

from decisions.models import Decision
from evaluations.actions import request_run
from evaluations.freezing import import_case_set
from evaluations.importers.cases import CaseFile
from evaluations.measuring import material_of
from evaluations.models import CaseSet, RunState
from tests.evaluations.helpers import COLUMNS, make_candidate, rows, work_through, write_csv
from tests.factories import People

pytestmark = pytest.mark.django_db


@pytest.fixture
def leaking(tmp_path: Path) -> CaseSet:
    """Return a case set of which two test cases are trained or developed on, in other case."""
    made = rows()
    tested = [one for one in made if one["split"] == "test"][:2]
    again = [
        {**one, "id": f"again-{split}", "split": split, "text": one["text"].upper()}
        for one, split in zip(tested, ("train", "dev"), strict=True)
    ]
    path = write_csv(tmp_path / "leaking.csv", [*made, *again])
    return import_case_set(name="Leaking", files=[CaseFile(path)], columns=COLUMNS).case_set


@pytest.mark.parametrize("technique", ["rag/bm25_knn", "fine_tuning/encoder_head"])
def test_no_technique_learns_from_a_test_case(
    draft: Decision, people: People, leaking: CaseSet, technique: str
) -> None:
    run = request_run(make_candidate(draft, people, technique), leaking, by=people.owner)
    material = material_of(run)

    assert (len(material.train), len(material.dev), material.left_out) == (18, 0, 2)
    assert not any(one.input.isupper() for one in (*material.train, *material.dev))


def test_what_was_left_out_is_told_with_the_evidence_and_on_the_page(
    draft: Decision, people: People, leaking: CaseSet, sign_in: Any
) -> None:
    run = request_run(make_candidate(draft, people), leaking, by=people.owner)
    work_through(run)

    assert run.state == RunState.FINISHED, run.error
    assert run.artefact["left_out_overlap"] == 2
    found = run.candidate.decision.evidence.get(metric="accuracy")
    assert "2 examples to learn from were left out" in found.method
    client: Client = sign_in(people.owner)
    assert b"being test cases as well" in client.get(run.get_absolute_url()).content
