"""Goals, candidates and assessments in the browser."""

import re
from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from decisions.models import Decision, User
from tests import factories
from tests.factories import People

SignIn = Callable[[User], Client]

GOAL = {
    "metric": "accuracy",
    "direction": "at_least",
    "target": "85",
    "worst_acceptable": "70",
    "weight": "2",
    "proposed_by_role": "data_science",
}


def post(client: Client, record: Decision, page: str, /, *args: Any, **data: Any) -> Any:
    return client.post(reverse(f"decisions:{page}", args=[record.reference, *args]), data)


def test_a_role_proposes_a_goal(people: People, draft: Decision, sign_in: SignIn) -> None:
    response = post(sign_in(people.data_science), draft, "new_goal", **GOAL)
    assert response["Location"].endswith("#section-goals")
    goal = draft.goals.get()
    assert (goal.target, goal.unit, goal.proposed_by_role) == (85.0, "%", "data_science")
    page = sign_in(people.owner).get(draft.get_absolute_url()).content.decode()
    assert "One proposed goal waits for Olivia Brandt." in page


def test_a_goal_whose_worst_value_beats_its_target_is_refused_with_the_text_kept(
    people: People, draft: Decision, sign_in: SignIn
) -> None:
    none = GOAL | {"direction": "at_most", "target": "0", "worst_acceptable": ""}
    html = post(sign_in(people.data_science), draft, "new_goal", **none).content.decode()
    assert "A target of 0 needs a worst acceptable value" in html
    bad = GOAL | {"worst_acceptable": "93.5"}
    response = post(sign_in(people.data_science), draft, "new_goal", **bad)
    html = response.content.decode()
    assert response.status_code == 422
    assert "on the wrong side of the target" in html
    assert 'value="93.5"' in html


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ({"target": "120"}, "120\xa0% cannot be: this metric is 0\xa0% to 100\xa0%."),
        ({"metric": "sus", "target": "150"}, "150 cannot be: this metric is 0 to 100."),
        ({"metric": "throughput", "target": "-5", "worst_acceptable": ""}, "cannot be"),
        (
            {"metric": "own", "own_name": "Right", "own_unit": "of 8", "target": "12"},
            "0\xa0of 8 to",
        ),
    ],
)
def test_a_goal_that_nobody_can_reach_is_refused(
    said: dict[str, str], told: str, people: People, draft: Decision, sign_in: SignIn
) -> None:
    response = post(sign_in(people.data_science), draft, "new_goal", **GOAL | said)
    assert response.status_code == 422
    assert told in response.content.decode()
    assert not draft.goals.exists()


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ({"target": "0.8", "worst_acceptable": "0.7"}, "Did you mean 80\xa0%?"),
        (
            {"metric": "error_rate", "target": "5", "worst_acceptable": "2"},
            "Did you mean “at most”",
        ),
        ({"worst_acceptable": "85"}, "nothing lies between"),
        (
            {
                "metric": "error_rate",
                "direction": "at_most",
                "target": "100",
                "worst_acceptable": "",
            },
            "Whatever is measured reaches this target",
        ),
    ],
)
def test_a_goal_that_is_hardly_meant_is_asked_about_once(
    said: dict[str, str], told: str, people: People, draft: Decision, sign_in: SignIn
) -> None:
    client = sign_in(people.data_science)
    response = post(client, draft, "new_goal", **GOAL | said)
    page = response.content.decode()
    assert (response.status_code, told in page) == (422, True)
    asked = re.findall(r'name="asked" value="(\w+)"', page)
    other = post(client, draft, "new_goal", **GOAL | {"target": "1"} | {"asked": asked[0]})
    assert other.status_code == 422
    again = post(client, draft, "new_goal", **GOAL | said | {"asked": asked[0]})
    assert (again.status_code, draft.goals.count()) == (302, 1)


def test_a_goal_starts_with_the_natural_direction_and_the_role_of_who_proposes_it(
    people: People, draft: Decision, sign_in: SignIn
) -> None:
    client = sign_in(people.devops)
    page = client.get(reverse("decisions:new_goal", args=[draft.reference])).content.decode()
    assert "The owner" not in page
    assert '<option value="devops"' in page
    assert 'data-direction="at_most" data-hint="In its unit: ms."' in page
    assert 'data-hint="In its unit: %, from 0 to 100."' in page
    assert "js/goal.js" in page
    post(client, draft, "new_goal", metric="latency_p95", target="300", weight="1")
    goal = draft.goals.get()
    assert (goal.direction, goal.proposed_by_role) == ("at_most", "devops")
    owner = sign_in(people.owner)
    page = owner.get(reverse("decisions:new_goal", args=[draft.reference])).content.decode()
    assert all(f'<option value="{role}"' in page for role in ("", "ux", "devops"))
    page = owner.get(draft.get_absolute_url()).content.decode()
    assert f'<span class="soft">{people.devops}</span></td>' in page
    # As it could be proposed before: for no role.
    draft.goals.update(proposed_by_role="")
    assert f"<td>{people.devops}</td>" in owner.get(draft.get_absolute_url()).content.decode()


def test_infinity_is_no_target(people: People, draft: Decision, sign_in: SignIn) -> None:
    for target in ("inf", "nan", "1e999", "many"):
        response = post(
            sign_in(people.data_science), draft, "new_goal", **GOAL | {"target": target}
        )
        assert response.status_code == 422
    assert not draft.goals.exists()


def test_saving_a_goal_in_another_language_does_not_rename_it(
    people: People, signed: Decision, sign_in: SignIn
) -> None:
    goal = signed.goals.get(metric="accuracy")
    before = signed.digest
    same = {
        "metric": goal.metric,
        "direction": goal.direction,
        "target": goal.target,
        "worst_acceptable": goal.worst_acceptable,
        "weight": goal.weight,
        "proposed_by_role": goal.proposed_by_role,
        "token": goal.token,
        "is_must": "on",
    }
    client = sign_in(people.data_science)
    client.post(
        reverse("decisions:goal", args=[signed.reference, goal.pk]),
        same,
        headers={"accept-language": "pt-br"},
    )
    assert factories.fresh(signed).digest == before


def test_a_candidate_is_added_and_changed(people: People, draft: Decision, sign_in: SignIn) -> None:
    client = sign_in(people.data_science)
    post(client, draft, "new_candidate", name="Few-shot prompt", approach="prompting")
    candidate = draft.candidates.get()
    assert candidate.letter == "A"
    changed = {"name": "Few-shot prompt", "approach": "prompting", "risks": "Leaks examples."}
    post(client, draft, "candidate", "A", token=candidate.token, **changed)
    candidate.refresh_from_db()
    assert candidate.risks == "Leaks examples."


def test_two_people_changing_one_candidate_are_shown_both_versions(
    people: People, complete_draft: Decision, sign_in: SignIn
) -> None:
    candidate = complete_draft.candidates.get(letter="A")
    form = {"name": candidate.name, "approach": candidate.approach, "token": candidate.token}
    post(sign_in(people.data_science), complete_draft, "candidate", "A", **form, risks="First.")
    response = post(
        sign_in(people.owner), complete_draft, "candidate", "A", **form, risks="Second."
    )
    html = response.content.decode()
    assert response.status_code == 409
    assert "First" in html
    assert "Second" in html


def test_a_role_rates_a_candidate_and_goes_on_to_the_next(
    people: People, draft: Decision, sign_in: SignIn
) -> None:
    factories.add_candidates(draft, people)
    client = sign_in(people.ux)
    said = {
        "fit_rating": "4",
        "fit_reason": "Feels natural.",
        "failure_rating": "2",
        "failure_reason": "Sounds sure when wrong.",
    }
    response = post(client, draft, "assess", "A", "ux", **said)
    assert response["Location"].endswith("/candidates/B/assess/ux/")
    response = post(client, draft, "assess", "B", "ux", **said)
    assert response["Location"].endswith("#section-assessment_ux")
    assert draft.candidates.get(letter="A").assessments.count() == 2


def test_a_rating_without_a_reason_is_asked_for_it(
    people: People, draft: Decision, sign_in: SignIn
) -> None:
    factories.add_candidates(draft, people)
    response = post(sign_in(people.ux), draft, "assess", "A", "ux", fit_rating="9")
    assert response.status_code == 422
    assert not draft.candidates.get(letter="A").assessments.exists()


def test_two_people_rating_one_candidate_are_shown_both_versions(
    people: People, draft: Decision, sign_in: SignIn
) -> None:
    factories.add_candidates(draft, people)
    second = sign_in(factories.second_person(draft, "ux"))
    said = {"fit_rating": "4", "failure_rating": "2", "failure_reason": "Same.", "token": ""}
    opened = second.get(reverse("decisions:assess", args=[draft.reference, "A", "ux"]))
    said["token"] = opened.context["form"].initial["token"]
    post(sign_in(people.ux), draft, "assess", "A", "ux", **said, fit_reason="Feels natural.")
    response = post(second, draft, "assess", "A", "ux", **said, fit_reason="Gets in the way.")
    html = response.content.decode()
    assert response.status_code == 409
    assert "Feels" in html
    assert "Gets in the way." in html
    again = post(second, draft, "assess", "A", "ux", **said, fit_reason="Feels natural.")
    assert again.status_code == 302


def test_a_taken_metric_or_name_keeps_what_was_typed(
    people: People, complete_draft: Decision, sign_in: SignIn
) -> None:
    client = sign_in(people.data_science)
    goal = post(client, complete_draft, "new_goal", **GOAL | {"target": "77.25"})
    assert goal.status_code == 422
    assert 'value="77.25"' in goal.content.decode()
    named = {"name": "A tuned head", "approach": "hybrid", "risks": "None that I know."}
    candidate = post(client, complete_draft, "new_candidate", **named)
    assert candidate.status_code == 422
    assert "None that I know." in candidate.content.decode()
