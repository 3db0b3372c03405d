"""Goals, candidates and assessments."""

import math

import pytest

from decisions.actions.rows import (
    LETTERS,
    RatingSheet,
    add_candidate,
    add_goal,
    assess,
    edit_candidate,
    edit_goal,
    remove_goal,
)
from decisions.actions.sections import Conflict
from decisions.models import Assessment, Candidate, Decision, Goal
from decisions.policies import BadInput, Refused
from tests import factories
from tests.factories import People, fresh, kinds_of_events, section_of

LOAD = {"metric": "throughput", "name": "Load", "direction": "at_least", "target": 9.0}


def test_every_role_may_propose_a_goal_in_its_own_name(draft: Decision, people: People) -> None:
    goal = add_goal(draft, by=people.devops, proposed_by_role="devops", **LOAD)
    assert (goal.proposed_by_role, goal.position) == ("devops", 0)
    assert section_of(draft, "goals").state == "in_progress"


def test_nobody_proposes_in_another_roles_name_but_the_owner_may_write_it_down(
    draft: Decision, people: People
) -> None:
    with pytest.raises(BadInput, match="only for a role that you hold"):
        add_goal(draft, by=people.ux, proposed_by_role="devops", **LOAD)
    assert add_goal(draft, by=people.owner, proposed_by_role="devops", **LOAD).pk


def test_there_is_one_goal_a_metric(draft: Decision, people: People) -> None:
    quality, latency = factories.add_goals(draft, people)
    with pytest.raises(Refused, match="There is a goal with this metric already"):
        add_goal(draft, by=people.owner, **LOAD | {"metric": "accuracy"})
    with pytest.raises(Refused, match="There is a goal with this metric already"):
        edit_goal(latency, by=people.owner, token=latency.token, metric=quality.metric)
    edit_goal(latency, by=people.owner, token=latency.token, metric=latency.metric, target=1.0)


@pytest.mark.parametrize(
    ("values", "problem"),
    [
        ({"target": -5.0}, "−5 cannot be"),
        ({"weight": 150.0}, "a weight from 0 to 100"),
        ({"weight": math.nan}, "a weight from 0 to 100"),
        ({"target": 5.0, "worst_acceptable": 99.0}, "on the wrong side"),
        ({"target": 0.0}, "A target of 0 needs a worst acceptable value"),
    ],
)
def test_values_that_make_no_goal_are_refused(
    values: dict[str, float], problem: str, draft: Decision, people: People
) -> None:
    with pytest.raises(BadInput, match=problem):
        add_goal(draft, by=people.owner, **LOAD | {"worst_acceptable": None} | values)
    goal = add_goal(draft, by=people.owner, **LOAD | {"worst_acceptable": None})
    with pytest.raises(BadInput, match=problem):
        edit_goal(goal, by=people.owner, token=goal.token, **values)
    zero = {"direction": "at_most", "target": 0.0, "worst_acceptable": 9.0}
    edit_goal(goal, by=people.owner, token=goal.token, **zero)


def test_changing_a_goal_raises_its_token_and_the_digest(draft: Decision, people: People) -> None:
    goal = factories.add_goals(draft, people)[0]
    before = fresh(draft).digest
    edit_goal(goal, by=people.business, token=0, target=90.0)
    assert (goal.target, goal.token) == (90.0, 1)
    assert fresh(draft).digest != before


def test_changing_nothing_of_a_goal_or_a_candidate_writes_nothing(
    draft: Decision, people: People
) -> None:
    goal = factories.add_goals(draft, people)[0]
    candidate = factories.add_candidates(draft, people)[0]
    before = factories.all_rows()
    edit_goal(goal, by=people.owner, token=0, target=goal.target, name=goal.name)
    edit_candidate(candidate, by=people.owner, token=0, summary=candidate.summary)
    assert factories.all_rows() == before


def test_a_goal_or_candidate_changed_meanwhile_is_a_conflict_with_both_versions(
    draft: Decision, people: People
) -> None:
    goal = factories.add_goals(draft, people)[0]
    candidate = factories.add_candidates(draft, people)[0]
    edit_goal(Goal.objects.get(pk=goal.pk), by=people.owner, token=0, target=90.0)
    edit_candidate(
        Candidate.objects.get(pk=candidate.pk), by=people.owner, token=0, summary="Theirs"
    )
    before = factories.all_rows()
    with pytest.raises(Conflict) as on_goal:
        edit_goal(goal, by=people.business, token=0, target=95.0)
    with pytest.raises(Conflict) as on_candidate:
        edit_candidate(candidate, by=people.data_science, token=0, summary="Mine")
    assert (on_goal.value.row.target, on_goal.value.mine) == (90.0, {"target": 95.0})
    assert (on_candidate.value.row.summary, on_candidate.value.mine) == (
        "Theirs",
        {"summary": "Mine"},
    )
    assert factories.all_rows() == before


def test_a_removed_goal_stays_in_the_history(draft: Decision, people: People) -> None:
    goal = factories.add_goals(draft, people)[0]
    remove_goal(goal, by=people.owner, token=goal.token)
    assert not draft.goals.filter(metric="accuracy").exists()
    last = draft.events.order_by("sequence").last()
    assert (last.kind, last.data) == ("remove_goal", {"goal": "Accuracy"})


def test_an_edit_of_a_goal_that_someone_else_removed_says_so(
    draft: Decision, people: People
) -> None:
    goal = factories.add_goals(draft, people)[0]
    open_form = Goal.objects.get(pk=goal.pk)
    remove_goal(goal, by=people.owner, token=goal.token)
    with pytest.raises(Refused, match="removed it meanwhile"):
        edit_goal(open_form, by=people.owner, token=open_form.token, target=95.0)


def test_removing_a_goal_twice_is_one_event(draft: Decision, people: People) -> None:
    goal = factories.add_goals(draft, people)[0]
    again = Goal.objects.get(pk=goal.pk)
    remove_goal(goal, by=people.owner, token=goal.token)
    remove_goal(again, by=people.owner, token=again.token)
    assert kinds_of_events(draft).count("remove_goal") == 1


def test_candidates_get_letters_in_order(draft: Decision, people: People) -> None:
    factories.add_candidates(draft, people)
    for number in range(26):
        added = add_candidate(draft, by=people.owner, name=f"No. {number}", approach="other")
    assert [one.letter for one in draft.candidates.all()][:3] == ["A", "B", "C"]
    assert (added.letter, added.position) == ("AB", 27)


def test_once_all_letters_are_taken_a_candidate_is_refused(draft: Decision, people: People) -> None:
    Candidate.objects.bulk_create(
        Candidate(decision=draft, letter=letter, name=letter, approach="other")
        for letter in LETTERS
    )
    with pytest.raises(Refused, match="at most 52 candidates"):
        add_candidate(draft, by=people.owner, name="One more", approach="other")


def test_two_candidates_cannot_have_one_name(draft: Decision, people: People) -> None:
    first, second = factories.add_candidates(draft, people)
    with pytest.raises(Refused, match="Another candidate has this name already"):
        add_candidate(draft, by=people.owner, name=first.name, approach="other")
    with pytest.raises(Refused, match="Another candidate has this name already"):
        edit_candidate(second, by=people.owner, token=second.token, name=first.name)
    edit_candidate(second, by=people.owner, token=second.token, name=second.name, risks="None.")


def test_a_role_rates_on_its_own_criteria_with_a_reason(draft: Decision, people: People) -> None:
    candidate = factories.add_candidates(draft, people)[0]
    assess(candidate, by=people.ux, role="ux", ratings={"fit": (5, "Natural.")})
    said = Assessment.objects.get(candidate=candidate)
    assert (said.role, said.criterion, said.rating, said.reason) == ("ux", "fit", 5, "Natural.")
    assert said.by == people.ux
    assert section_of(draft, "assessment_ux").state == "in_progress"


@pytest.mark.parametrize("rating", [0, 6, 2.5])
def test_a_rating_is_a_whole_number_from_1_to_5(
    rating: int, draft: Decision, people: People
) -> None:
    candidate = factories.add_candidates(draft, people)[0]
    with pytest.raises(BadInput, match="whole number from 1 to 5"):
        assess(candidate, by=people.ux, role="ux", ratings={"fit": (rating, "?")})


def test_a_role_does_not_rate_on_another_roles_criteria(draft: Decision, people: People) -> None:
    candidate = factories.add_candidates(draft, people)[0]
    with pytest.raises(BadInput, match="does not rate that criterion"):
        assess(candidate, by=people.ux, role="ux", ratings={"cost": (3, "?")})
    with pytest.raises(BadInput, match="does not rate that criterion"):
        assess(candidate, by=people.owner, role="owner", ratings={"fit": (3, "?")})


def test_rating_again_changes_the_rating_and_saying_the_same_writes_nothing(
    draft: Decision, people: People
) -> None:
    candidate = factories.add_candidates(draft, people)[0]
    for reason in ("Natural.", "Less so."):
        assess(candidate, by=people.ux, role="ux", ratings={"fit": (4, reason)})
    before = factories.all_rows()
    assess(candidate, by=people.ux, role="ux", ratings={"fit": (4, "Less so.")})
    assert factories.all_rows() == before
    assert Assessment.objects.get(candidate=candidate).reason == "Less so."


def test_an_event_names_only_the_criteria_that_changed(draft: Decision, people: People) -> None:
    candidate = factories.add_candidates(draft, people)[0]
    assess(candidate, by=people.ux, role="ux", ratings={"fit": (4, "a"), "failure": (4, "b")})
    assess(candidate, by=people.ux, role="ux", ratings={"fit": (4, "a"), "failure": (2, "c")})
    assert draft.events.order_by("sequence").last().data["criteria"] == ["failure"]


def test_two_people_rating_for_one_role_lose_nothing(draft: Decision, people: People) -> None:
    second = factories.second_person(draft, "ux")
    candidate = factories.add_candidates(draft, people)[0]
    seen = RatingSheet(candidate, "ux").token
    assess(candidate, by=people.ux, role="ux", ratings={"fit": (4, "Theirs")}, seen=seen)
    before = factories.all_rows()
    with pytest.raises(Conflict) as raised:
        assess(candidate, by=second, role="ux", ratings={"fit": (2, "Mine")}, seen=seen)
    assert raised.value.row.ratings == {"fit": (4, "Theirs")}
    assert "Mine" in raised.value.mine.values()
    assess(candidate, by=second, role="ux", ratings={"fit": (4, "Theirs")}, seen=seen)
    assert factories.all_rows() == before
