"""The single cases behind the evidence go along with an archive, if asked."""

import json

from jsonschema import Draft202012Validator

from decisions.case_results import case_results
from decisions.exports.archive import canonical_archive
from decisions.exports.archive_schema import archive_schema
from evaluations.models import Run
from tests.evaluations.helpers import work_through
from tests.factories import fresh


def test_each_case_says_which_evidence_rests_on_it(run: Run) -> None:
    record = run.candidate.decision
    assert case_results(record) == []
    work_through(run)
    told = json.loads(canonical_archive(fresh(record), results=case_results(record)))
    assert list(Draft202012Validator(archive_schema()).iter_errors(told)) == []
    assert len(told["results"]) == run.case_count == 12
    sources = {one["source_digest"] for one in told["content"]["evidence"]}
    assert {one["source"] for one in told["results"]} <= sources
    assert {type(one["correct"]) for one in told["results"]} == {bool}
