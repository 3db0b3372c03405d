"""Evidence is frozen: attached, withdrawn with a reason, measured again, never edited."""

from dataclasses import asdict

import pytest

from decisions.actions.evidence import attach_evidence, withdraw_evidence
from decisions.models import Candidate, Decision, Evidence
from decisions.policies import BadInput
from tests import factories
from tests.factories import People, fresh, kinds_of_events, measurement


@pytest.fixture
def candidate(draft: Decision, people: People) -> Candidate:
    return factories.add_candidates(draft, people)[0]


def numbers() -> list[int]:
    return list(Evidence.objects.standing().values_list("number", flat=True))


def test_a_measurement_is_kept_as_it_was_given(candidate: Candidate, people: People) -> None:
    given = measurement()
    (kept,) = attach_evidence(candidate, by=people.data_science, measurements=[given])
    row = Evidence.objects.filter(pk=kept.pk).values(*asdict(given)).get()
    assert row == asdict(given)
    assert (kept.reference, kept.attached_by) == ("E1", people.data_science)


def test_several_measurements_are_one_event(candidate: Candidate, people: People) -> None:
    factories.measure(candidate, people)
    last = candidate.decision.events.order_by("sequence").last()
    assert last.kind == "attach_evidence"
    assert [one["name"] for one in last.data["evidence"]] == [
        "E1 Accuracy",
        "E2 Latency, 95th percentile",
    ]


def test_measuring_again_withdraws_the_earlier_answer_to_the_same_question(
    candidate: Candidate, people: People
) -> None:
    for value in (80.0, 82.0):
        attach_evidence(candidate, by=people.owner, measurements=[measurement(value=value)])
    assert numbers() == [2]
    earlier = Evidence.objects.get(number=1)
    assert (earlier.is_withdrawn, earlier.withdrawn_reason) == (True, "Measured again.")


def test_other_conditions_are_another_question(candidate: Candidate, people: People) -> None:
    for split in ("test", "holdout"):
        measured = measurement(conditions={"case_set": "9f2c", "split": split})
        attach_evidence(candidate, by=people.owner, measurements=[measured])
    assert numbers() == [1, 2]


def test_the_order_of_conditions_makes_no_other_question(
    candidate: Candidate, people: People
) -> None:
    nested = {"a": {"x": 1, "y": 2}, "b": 3}
    turned = {"b": 3, "a": {"y": 2, "x": 1}}
    for value, conditions in ((80.0, nested), (82.0, turned)):
        measured = measurement(value=value, conditions=conditions)
        attach_evidence(candidate, by=people.owner, measurements=[measured])
    assert numbers() == [2]


def test_another_candidates_measurement_stands_beside_it(draft: Decision, people: People) -> None:
    for candidate in factories.add_candidates(draft, people):
        attach_evidence(candidate, by=people.owner, measurements=[measurement()])
    assert numbers() == [1, 2]


def test_a_delivery_that_comes_twice_changes_nothing(candidate: Candidate, people: People) -> None:
    first = factories.measure(candidate, people)
    before = factories.all_rows()
    assert factories.measure(candidate, people) == first
    assert factories.all_rows() == before


def test_attaching_nothing_writes_nothing(candidate: Candidate, people: People) -> None:
    before = factories.all_rows()
    assert attach_evidence(candidate, by=people.owner, measurements=[]) == []
    assert factories.all_rows() == before


def test_attaching_and_withdrawing_each_change_the_content(
    candidate: Candidate, people: People
) -> None:
    digests = [fresh(candidate.decision).digest]
    (kept,) = attach_evidence(candidate, by=people.owner, measurements=[measurement()])
    digests.append(fresh(candidate.decision).digest)
    withdraw_evidence(kept, by=people.owner, reason="The cases were wrong.")
    digests.append(fresh(candidate.decision).digest)
    assert digests[0] == digests[2] != digests[1]


def test_withdrawing_keeps_the_reason_and_the_row(candidate: Candidate, people: People) -> None:
    (kept,) = attach_evidence(candidate, by=people.owner, measurements=[measurement()])
    withdraw_evidence(kept, by=people.data_science, reason="The cases were wrong.")
    kept.refresh_from_db()
    assert (kept.withdrawn_by, kept.withdrawn_reason) == (
        people.data_science,
        "The cases were wrong.",
    )


def test_withdrawing_twice_is_one_event(candidate: Candidate, people: People) -> None:
    (kept,) = attach_evidence(candidate, by=people.owner, measurements=[measurement()])
    for _time in range(2):
        withdraw_evidence(kept, by=people.owner, reason="The cases were wrong.")
    assert kinds_of_events(candidate.decision).count("withdraw_evidence") == 1


def test_withdrawing_needs_a_reason(candidate: Candidate, people: People) -> None:
    (kept,) = attach_evidence(candidate, by=people.owner, measurements=[measurement()])
    with pytest.raises(BadInput, match="Say why"):
        withdraw_evidence(kept, by=people.owner, reason="  ")
    assert numbers() == [1]


def test_a_withdrawn_number_is_never_given_again(candidate: Candidate, people: People) -> None:
    (kept,) = attach_evidence(candidate, by=people.owner, measurements=[measurement()])
    withdraw_evidence(kept, by=people.owner, reason="The cases were wrong.")
    (again,) = attach_evidence(candidate, by=people.owner, measurements=[measurement()])
    assert again.number == 2


@pytest.mark.parametrize(
    "fields",
    [
        {"value": float("nan")},
        {"value": float("inf")},
        {"low": float("-inf")},
        {"low": None},
        {"high": None},
        {"low": 90.0, "high": 80.0},
    ],
    ids=str,
)
def test_what_no_one_can_have_measured_is_refused_and_nothing_is_attached(
    fields: dict[str, float], candidate: Candidate, people: People
) -> None:
    before = factories.all_rows()
    with pytest.raises(BadInput, match="Accuracy"):
        attach_evidence(
            candidate,
            by=people.owner,
            measurements=[measurement("latency_p95", 40.0), measurement(**fields)],
        )
    assert factories.all_rows() == before


def test_a_measurement_without_an_interval_is_fine(candidate: Candidate, people: People) -> None:
    bare = measurement(low=None, high=None, interval_method="")
    assert attach_evidence(candidate, by=people.owner, measurements=[bare])[0].low is None
