"""Evidence is out of date once its cases, or its scorer, have a newer version."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from decisions import freshness
from decisions.actions.evidence import attach_evidence
from decisions.actions.lifecycle import move_once, submit
from decisions.models import Candidate, Decision, Evidence
from decisions.policies import Refused
from evaluations import scorers, staleness
from evaluations.actions import attach_run, request_run
from evaluations.models import CaseSet, Run
from evaluations.tasks import mark_stale_evidence
from tests import factories
from tests.evaluations.helpers import make_case_set, work_through
from tests.factories import People, fresh, kinds_of_events, measurement

pytestmark = pytest.mark.whole


def measured(candidate: Candidate, case_set: CaseSet, people: People) -> Run:
    run = request_run(candidate, case_set, by=people.owner)
    work_through(run)
    return Run.objects.get(pk=run.pk)


def reasons() -> dict[str, str]:
    """Return why each standing piece of evidence is out of date."""
    return {one.metric: one.stale_because for one in Evidence.objects.standing()}


def test_a_newer_version_of_its_cases_makes_evidence_stale_and_measuring_again_mends_it(
    candidate: Candidate, case_set: CaseSet, people: People, tmp_path: Path
) -> None:
    measured(candidate, case_set, people)
    assert staleness.look_at_all() == 0
    newer = make_case_set(tmp_path, tests=5)
    mark_stale_evidence()
    assert set(reasons().values()) == {"Messages, version 2 has come in since."}
    assert kinds_of_events(candidate.decision)[-1] == "mark_stale"
    assert staleness.look_at_all() == 0
    measured(candidate, newer, people)
    assert set(reasons().values()) == {""}


def test_attached_on_cases_that_have_a_newer_version_it_is_stale_from_the_start(
    candidate: Candidate, case_set: CaseSet, people: People, tmp_path: Path
) -> None:
    make_case_set(tmp_path, tests=5)
    measured(candidate, case_set, people)
    assert set(reasons().values()) == {"Messages, version 2 has come in since."}


def test_the_same_cases_under_another_name_stay_fresh(
    candidate: Candidate, case_set: CaseSet, people: People, tmp_path: Path
) -> None:
    measured(candidate, case_set, people)
    make_case_set(tmp_path, name="Other messages")
    make_case_set(tmp_path, name="Messages", tests=5)
    assert staleness.look_at_all() == 0


def test_a_scorer_that_works_otherwise_makes_its_figures_stale_until_it_is_back(
    candidate: Candidate,
    case_set: CaseSet,
    people: People,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    measured(candidate, case_set, people)
    present = scorers.SCORERS["exact_match"]
    with monkeypatch.context() as patch:
        patch.setitem(staleness.SCORERS, "exact_match", replace(present, version="99"))
        assert staleness.look_at(candidate.decision) > 0
        assert "is in version 99 by now" in reasons()["accuracy"]
    staleness.look_at(candidate.decision)
    assert set(reasons().values()) == {""}


def test_what_is_attached_twice_stays_as_it_is(
    candidate: Candidate, case_set: CaseSet, people: People
) -> None:
    run = measured(candidate, case_set, people)
    before = reasons()
    attach_run(run, by=people.owner)
    assert reasons() == before


def test_newer_cases_and_scorers_answer_what_is_out_of_date_and_other_cases_do_not(
    case_set: CaseSet, tmp_path: Path
) -> None:
    newer, other = make_case_set(tmp_path, tests=5), make_case_set(tmp_path, name="Letters")

    def told(cases: CaseSet, scorer: str = "exact_match/1", split: str = "test") -> dict[str, str]:
        known = {"case_set": str(cases), "case_set_digest": cases.digest}
        return known | {"split": split, "scorer": scorer}

    then = told(case_set)

    def answers(now: dict[str, str], then: dict[str, str]) -> bool:
        return freshness.answers(Evidence(conditions=now), Evidence(conditions=then))

    assert answers(told(newer), then)
    assert answers(told(newer, "exact_match/2"), then)
    assert not answers(told(newer, "exact_match/2+5a0c7d31"), then)
    assert not answers(told(newer, split="holdout"), then)
    assert not answers(told(newer, "lm_eval/acc"), told(case_set, "lm_eval/acc_norm"))
    assert not answers({"task": "Refund"}, {"task": "Log in"})
    # The same content under another name is known by its digest, other content is not.
    assert answers(told(other), then)
    letters = make_case_set(tmp_path, name="Letters", tests=7)
    assert not answers(told(letters), told(newer))


def test_a_case_set_that_not_everyone_may_read_is_not_named(
    candidate: Candidate, case_set: CaseSet, people: People, tmp_path: Path
) -> None:
    measured(candidate, case_set, people)
    make_case_set(tmp_path, tests=5)
    CaseSet.objects.filter(version=2).update(visibility="involved", name="Layoff letters Q3")
    staleness.look_at_all()
    assert set(reasons().values()) == {"A newer version of its cases has come in since."}


def rest_on(record: Decision, case_set: CaseSet, people: People) -> str:
    """Attach a figure on these cases, speak of it in a part, and return its name."""
    told = {"case_set": str(case_set), "case_set_digest": case_set.digest, "split": "test"}
    candidate = record.candidates.get(letter="A")
    (kept,) = attach_evidence(
        candidate, by=people.owner, measurements=[measurement("recall_at_5", conditions=told)]
    )
    factories.edit(fresh(record), "results_data_science", people, reading=f"[[{kept.reference}]]")
    return kept.reference


def go_on(record: Decision, people: People) -> None:
    """Submit a draft, and sign what is in review."""
    if record.status == "draft":
        submit(record, by=people.owner)
    else:
        factories.sign(record, people.ux, "ux")


@pytest.mark.parametrize("so_far", [factories.complete_draft, factories.in_review])
def test_newer_cases_hold_submitting_signing_and_approving_back_at_once(
    so_far: Callable[[People], Decision], case_set: CaseSet, people: People, tmp_path: Path
) -> None:
    record = so_far(people)
    name = rest_on(record, case_set, people)
    make_case_set(tmp_path, tests=5)
    with pytest.raises(Refused, match=f"refers to {name}, which is out of date"):
        go_on(fresh(record), people)
    # What was found stays written, so that the record's page says the same.
    assert kinds_of_events(record)[-1] == "mark_stale"
    if record.status == "in_review":
        with pytest.raises(Refused, match="out of date"):
            move_once(fresh(record), "approve", by=people.owner)


def test_looking_asks_no_more_often_of_many_case_sets_than_of_two(
    candidate: Candidate, people: People, tmp_path: Path
) -> None:
    counted = []
    for at in range(6):
        cases = make_case_set(tmp_path, name=f"Messages {at}", tests=3 + at)
        told = {"case_set": str(cases), "case_set_digest": cases.digest}
        measurements = [measurement(conditions=told)]
        attach_evidence(candidate, by=people.owner, measurements=measurements)
        with CaptureQueriesContext(connection) as caught:
            assert freshness.moved(candidate.decision) == {}
        counted.append(len(caught))
    assert counted[1:] == [4] * 5
