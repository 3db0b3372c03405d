"""What may stand in one comparison, and the reason in words where it may not."""

import pytest

from decisions.actions.evidence import add_evidence, attach_evidence
from decisions.comparability import left_out_of, standing_of, why_apart
from decisions.figures import evidence_figures
from decisions.models import Candidate, Decision, Evidence
from tests import factories
from tests.factories import People, fresh, measurement

CASES = {
    "case_set": "Messages, version 1",
    "case_set_digest": "9f2c",
    "split": "test",
    "scorer": "exact_match/1",
}


def evidence(kind: str = "run", unit: str = "%", **conditions: str) -> Evidence:
    return Evidence(kind=kind, unit=unit, conditions=CASES | conditions)


@pytest.mark.parametrize(
    ("other", "why"),
    [
        (evidence(), ""),
        (evidence("imported"), ""),
        (evidence(case_set="The same by another name"), ""),
        (evidence(split="holdout"), "Split: holdout, not test"),
        (evidence(scorer="exact_match/2"), "Scorer: exact_match/2, not exact_match/1"),
        (
            evidence(case_set="Messages, version 2", case_set_digest="77aa"),
            "Case set: Messages, version 2, not Messages, version 1",
        ),
        (evidence(case_set_digest="77aa"), "Case set: another content under the same name"),
        (evidence(unit="points"), "in another unit"),
        (evidence("study"), "measured in another way: Study with people, not Run"),
    ],
)
def test_why_two_values_are_not_compared_is_said(other: Evidence, why: str) -> None:
    assert why_apart(other, evidence()) == why


def test_what_one_does_not_know_keeps_two_apart() -> None:
    known = Evidence(kind="load_test", conditions={"tool": "k6", "virtual_users": "50"})
    other = Evidence(kind="load_test", conditions={"tool": "k6"})
    assert why_apart(other, known) == "Virtual users: not known, not 50"


@pytest.fixture
def candidates(draft: Decision, people: People) -> list[Candidate]:
    return factories.add_candidates(draft, people)


def test_what_is_left_out_of_a_figure_is_listed_with_the_reason(
    candidates: list[Candidate], people: People
) -> None:
    for split, candidate in zip(("test", "holdout"), candidates, strict=True):
        measured = measurement(conditions=CASES | {"split": split})
        attach_evidence(candidate, by=people.owner, measurements=[measured])
    record = fresh(candidates[0].decision)
    (one,) = left_out_of(record)
    assert (one.evidence.candidate, one.why) == (
        candidates[0],
        "Not to be compared with E2: Split: test, not holdout.",
    )
    first, apart = evidence_figures(record)
    assert (first.is_first, apart.is_first) == (True, False)
    assert "not to be compared" in apart.note.lower()
    said = first.of(candidates[0])
    assert said.row is None
    assert said.apart == one


def test_what_stands_of_a_metric_covers_most_candidates(
    candidates: list[Candidate], people: People
) -> None:
    first, second = candidates
    k6, wrk = {"tool": "k6"}, {"tool": "wrk"}
    asked = [(first, k6, 791.0), (second, k6, 780.0), (first, wrk, 411.0)]
    for candidate, told, value in asked:
        measured = measurement("latency_p95", value, low=None, high=None, conditions=told)
        add_evidence(candidate, by=people.devops, kind="load_test", measurements=[measured])
    standing = standing_of(fresh(first.decision), "latency_p95")
    assert [one.reference for one in standing.chosen.values()] == ["E1", "E2"]
    assert [(one.evidence.reference, one.why) for one in standing.left_out] == [
        ("E3", "Not to be compared with E1: Tool: wrk, not k6."),
    ]
    assert standing.apart(first.pk) is None


def test_an_estimate_stands_marked_beside_what_was_measured(
    candidates: list[Candidate], people: People
) -> None:
    attach_evidence(candidates[0], by=people.owner, measurements=[measurement("latency_p95")])
    guess = measurement("latency_p95", 300.0, n=0, low=200.0, high=500.0, conditions={})
    add_evidence(candidates[1], by=people.devops, kind="estimate", measurements=[guess])
    (figure,) = evidence_figures(fresh(candidates[0].decision))
    assert [row.n for row in figure.rows] == ["200", "estimate"]
    assert figure.rows[1].value == "300\xa0ms"
    assert 'stroke-dasharray="5 4"' in figure.figure.svg
    assert "Dashed: an estimate" in figure.legend
    assert left_out_of(candidates[0].decision) == []
