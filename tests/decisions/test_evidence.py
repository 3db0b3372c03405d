"""Evidence is frozen: attached, withdrawn with a reason, measured again, never edited."""

from dataclasses import asdict, replace
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from django.db import IntegrityError, transaction

from decisions.actions.evidence import (
    LARGEST_FILE,
    Measurement,
    SourceFile,
    add_evidence,
    attach_evidence,
    mark_stale,
    withdraw_evidence,
)
from decisions.actions.rows import edit_candidate
from decisions.content import current_digest
from decisions.history import sentence
from decisions.models import Attachment, Candidate, Decision, Evidence, User
from decisions.policies import BadInput, Refused
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


def estimate(**fields: Any) -> Measurement:
    """Return what a person thinks: no sample, and how low and high it may be."""
    told: dict[str, Any] = {"value": 12.0, "low": 8.0, "high": 20.0, "n": 0, "unit": "days"}
    return measurement("time_to_deliver", metric_name="Time to deliver", **told | fields)


def test_whoever_takes_part_adds_evidence_from_outside(
    candidate: Candidate, people: People
) -> None:
    (kept,) = add_evidence(candidate, by=people.ux, kind="estimate", measurements=[estimate()])
    assert (kept.kind, kept.n, kept.caveat) == ("estimate", 0, "estimate")
    assert kinds_of_events(candidate.decision)[-1] == "add_evidence"


def test_who_added_evidence_may_withdraw_it_while_they_take_part(
    candidate: Candidate, people: People
) -> None:
    kept = add_evidence(candidate, by=people.ux, kind="estimate", measurements=[estimate()])[0]
    with pytest.raises(Refused, match="its author"):
        withdraw_evidence(kept, by=people.devops, reason="No.")
    withdraw_evidence(kept, by=people.ux, reason="A slip.")
    assert numbers() == []


def test_what_is_measured_has_a_sample_and_an_estimate_has_none(
    candidate: Candidate, people: People
) -> None:
    with pytest.raises(BadInput, match="has a sample"):
        attach_evidence(candidate, by=people.owner, measurements=[measurement(n=0)])
    with pytest.raises(BadInput, match="has a sample"):
        add_evidence(candidate, by=people.ux, kind="estimate", measurements=[estimate(n=3)])
    with pytest.raises(BadInput, match="days cannot be"):
        add_evidence(candidate, by=people.ux, kind="estimate", measurements=[estimate(low=-4.0)])
    with pytest.raises(BadInput, match="not brought in"):
        add_evidence(candidate, by=people.ux, kind="run", measurements=[measurement()])


def test_the_database_keeps_measured_evidence_without_a_sample_out(
    candidate: Candidate, people: People
) -> None:
    (kept,) = attach_evidence(candidate, by=people.owner, measurements=[measurement()])
    with pytest.raises(IntegrityError, match="evidence_n_0_is_an_estimate"), transaction.atomic():
        Evidence.objects.filter(pk=kept.pk).update(n=0)


def test_an_imported_run_measures_again_what_a_run_measured(
    candidate: Candidate, people: People
) -> None:
    for kind in ("run", "imported"):
        attach_evidence(candidate, by=people.owner, measurements=[measurement()], kind=kind)
    assert numbers() == [2]


FILE = SourceFile("k6 summary.json", b'{"metrics": {}}')


def load_test(candidate: Candidate, by: User, file: SourceFile | None = FILE) -> Evidence:
    measured = measurement("latency_p95", low=None, high=None, conditions={"tool": "k6"})
    return add_evidence(candidate, by=by, kind="load_test", measurements=[measured], file=file)[0]


def test_the_file_is_kept_with_its_digest_and_stays_when_evidence_goes(
    candidate: Candidate, people: People
) -> None:
    kept = load_test(candidate, people.devops)
    file = kept.attachment
    assert file is not None
    assert (file.name, file.size, file.content_type) == (FILE.name, 15, "application/json")
    assert kept.source_digest == file.sha256 == sha256(FILE.content).hexdigest()
    assert file.file.read() == FILE.content
    withdraw_evidence(kept, by=people.devops, reason="Wrong machine.")
    assert Attachment.objects.get().file.read() == FILE.content


def test_the_same_file_is_kept_once(candidate: Candidate, people: People) -> None:
    first = load_test(candidate, people.devops)
    assert load_test(candidate, people.devops) == first
    assert Attachment.objects.count() == 1


def test_a_file_that_is_too_large_brings_nothing_in(candidate: Candidate, people: People) -> None:
    large = SourceFile("large.csv", b"x" * (LARGEST_FILE + 1))
    with pytest.raises(BadInput, match=r"large\.csv is larger than 20 MB"):
        load_test(candidate, people.devops, large)
    assert (numbers(), Attachment.objects.count()) == ([], 0)


def test_stale_evidence_says_why_and_the_content_stays(
    candidate: Candidate, people: People
) -> None:
    (kept,) = attach_evidence(candidate, by=people.owner, measurements=[measurement()])
    before = fresh(candidate.decision).digest
    assert mark_stale(candidate.decision, {kept.pk: "Version 2 has come."}) == 1
    kept.refresh_from_db()
    assert (kept.is_stale, kept.caveat) == (True, "out of date")
    assert fresh(candidate.decision).digest == before == current_digest(fresh(candidate.decision))
    event = candidate.decision.events.last()
    assert (event.kind, event.actor, event.actor_name) == ("mark_stale", None, "Countersign")
    assert sentence(event) == "marked E1 Accuracy as out of date: Version 2 has come."


def test_marking_the_same_again_writes_nothing_and_it_can_be_taken_back(
    candidate: Candidate, people: People
) -> None:
    (kept,) = attach_evidence(candidate, by=people.owner, measurements=[measurement()])
    told = [mark_stale(candidate.decision, {kept.pk: why}) for why in ("Moved.", "Moved.", "")]
    assert told == [1, 0, 1]
    assert kinds_of_events(candidate.decision)[-2:] == ["mark_stale", "mark_fresh"]


def study(candidate: Candidate, by: User, task: str, value: float = 80.0) -> Evidence:
    found = measurement(
        "task_success", value, metric_name="Task success", conditions={"task": task}
    )
    return add_evidence(candidate, by=by, kind="study", measurements=[found])[0]


OTHER_SPEC = {"technique": "prompting", "parameters": {"examples": 5}}


def respecify(candidate: Candidate, by: User, spec: dict[str, Any]) -> None:
    candidate.refresh_from_db()
    edit_candidate(candidate, by=by, token=candidate.token, spec=spec)


def test_what_is_out_of_date_is_answered_by_what_is_asked_again_and_by_nothing_else(
    candidate: Candidate, people: People
) -> None:
    for task in ("Refund", "Log in"):
        study(candidate, people.ux, task)
    respecify(candidate, people.owner, OTHER_SPEC)
    study(candidate, people.ux, "Log in")
    assert numbers() == [1, 3]
    event = candidate.decision.events.last()
    assert event.data["withdrawn"] == ["E2 Task success"]
    assert sentence(event).endswith("this withdrew E2 Task success")


def test_what_people_estimate_stands_side_by_side_and_their_own_takes_the_place_of_their_own(
    candidate: Candidate, people: People
) -> None:
    for by, value in ((people.devops, 10.0), (people.ux, 12.0), (people.ux, 13.0)):
        told = estimate(value=value, conditions={"who": str(by)})
        add_evidence(candidate, by=by, kind="estimate", measurements=[told])
    assert numbers() == [1, 3]
    # Nor does it help to write somebody else's name.
    told = estimate(value=9.0, conditions={"who": str(people.devops)})
    add_evidence(candidate, by=people.ux, kind="estimate", measurements=[told])
    assert numbers() == [1, 3, 4]


def test_what_somebody_else_brought_in_goes_only_by_who_may_withdraw_it(
    candidate: Candidate, people: People
) -> None:
    for by, value in ((people.ux, 70.0), (people.devops, 80.0), (people.owner, 90.0)):
        study(candidate, by, "Refund", value)
        assert numbers() == {70.0: [1], 80.0: [1, 2], 90.0: [3]}[value]
    assert study(candidate, people.ux, "Refund", 90.0).number == 3


def test_a_closed_record_is_not_marked(people: People) -> None:
    record = factories.approved(people)
    row = record.evidence.standing().first()
    assert mark_stale(record, {row.pk: "Version 2 has come."}) == 0


def test_another_spec_leaves_all_that_speaks_of_the_earlier_one_out_of_date(
    draft: Decision, people: People
) -> None:
    first, second, *_rest = factories.add_candidates(draft, people)
    load_test(first, people.devops)
    attach_evidence(first, by=people.owner, measurements=[measurement()])
    attach_evidence(second, by=people.owner, measurements=[measurement()])
    against = measurement(compared_with=first)
    attach_evidence(second, by=people.owner, measurements=[against], kind="comparison")
    spec = first.spec
    respecify(first, people.owner, OTHER_SPEC)
    told = Evidence.objects.standing().values_list("number", "stale_because")
    why = "How the candidate is run has changed."
    assert dict(told) == {1: why, 2: why, 3: "", 4: why}
    respecify(first, people.owner, spec)
    assert set(Evidence.objects.standing().values_list("stale_because", flat=True)) == {""}


def test_what_people_brought_in_is_fresh_again_once_its_spec_is_back(
    candidate: Candidate, people: People
) -> None:
    spec = candidate.spec
    study(candidate, people.ux, "Refund")
    respecify(candidate, people.owner, OTHER_SPEC)
    study(candidate, people.ux, "Log in")
    respecify(candidate, people.owner, spec)
    told = {one.number: bool(one.stale_because) for one in Evidence.objects.standing()}
    assert told == {1: False, 2: True}
    kinds = kinds_of_events(candidate.decision)
    assert kinds[-3:] == ["mark_fresh", "mark_stale", "edit_candidate"]


def test_the_log_names_what_an_action_withdrew_besides(
    candidate: Candidate, people: People
) -> None:
    for value in (80.0, 82.0):
        attach_evidence(candidate, by=people.owner, measurements=[measurement(value=value)])
    assert candidate.decision.events.last().data["withdrawn"] == ["E1 Accuracy"]


def test_nothing_is_brought_in_on_a_candidate_that_was_dropped(
    candidate: Candidate, people: People
) -> None:
    edit_candidate(candidate, by=people.owner, token=candidate.token, is_dropped=True)
    with pytest.raises(Refused, match="no longer considered"):
        study(candidate, people.ux, "Refund")


def test_the_same_content_keeps_each_name_it_came_under(
    candidate: Candidate, people: People
) -> None:
    first = load_test(candidate, people.devops).attachment
    second = load_test(candidate, people.devops, replace(FILE, name="other.csv")).attachment
    assert first is not None
    assert second is not None
    assert (first.name, second.name) == (FILE.name, "other.csv")
    assert first.file.name == second.file.name


def test_a_records_files_are_bounded_together(
    candidate: Candidate, people: People, settings: Any
) -> None:
    settings.LARGEST_ATTACHMENTS_MB = 1
    half = b"x" * (600 * 1024)
    load_test(candidate, people.devops, SourceFile("one.csv", half))
    load_test(candidate, people.devops, SourceFile("again.csv", half))
    with pytest.raises(BadInput, match=r"With two\.csv the files of this record"):
        load_test(candidate, people.devops, SourceFile("two.csv", half + b"y"))


def test_notes_are_kept_beside_the_source(candidate: Candidate, people: People) -> None:
    notes = SourceFile("notes.txt", b"It rained.")
    (kept,) = add_evidence(
        candidate, by=people.ux, kind="study", measurements=[measurement()], notes=notes
    )
    assert (kept.notes.name, kept.attachment) == ("notes.txt", None)
    assert kept.source_digest == measurement().source_digest


def test_a_file_goes_with_the_transaction_that_brought_it(
    candidate: Candidate, people: People, settings: Any, tmp_path: Path
) -> None:
    settings.MEDIA_ROOT = tmp_path
    with pytest.raises(BadInput, match="not a candidate of this record"):
        add_evidence(
            candidate,
            by=people.devops,
            kind="load_test",
            measurements=[measurement(), measurement(compared_with=strange(people))],
            file=FILE,
        )
    assert (Attachment.objects.count(), [one for one in tmp_path.rglob("*") if one.is_file()]) == (
        0,
        [],
    )
    with pytest.raises(RuntimeError, match="durable"), transaction.atomic():
        load_test(candidate, people.devops)


def strange(people: People) -> Candidate:
    return factories.add_candidates(factories.open_record(people, "Another"), people)[0]
