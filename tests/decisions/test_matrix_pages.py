"""The matrix in the browser: trying weights, saving them, and figures as files."""

from collections.abc import Callable
from typing import Any
from xml.etree import ElementTree

import pytest
from django.core.cache import cache
from django.test import Client
from django.urls import reverse

from decisions.actions.evidence import (
    add_evidence,
    attach_evidence,
    mark_stale,
    withdraw_evidence,
)
from decisions.actions.lifecycle import submit, withdraw
from decisions.actions.rows import add_goal, edit_goal
from decisions.exports.document import record_document
from decisions.exports.pdf import render_html
from decisions.matrix_page import MatrixPage, figure_named
from decisions.models import Decision, EvidenceKind, User
from decisions.record_parts import with_what_is_weighed
from decisions.weighing.scores import simulate
from decisions.weights import WeightSheet
from tests import factories
from tests.factories import People, fresh, measurement

SignIn = Callable[[User], Client]
HTMX = {"HX-Request": "true"}


def url(record: Decision, name: str = "matrix", /, *args: Any) -> str:
    return reverse(f"decisions:{name}", args=[record.reference, *args])


def test_the_page_says_the_verdict_and_why(
    people: People, complete_draft: Decision, sign_in: SignIn
) -> None:
    html = sign_in(people.ux).get(url(complete_draft)).content.decode()
    assert "No clear winner." in html
    assert "which is a must, is not decisive" in html
    assert "What would change the order" in html
    assert "heat-table" in html
    assert "What if" not in html


def test_what_was_measured_and_may_not_be_compared_is_said_in_its_cell_and_everywhere(
    people: People, complete_draft: Decision, sign_in: SignIn
) -> None:
    """A k6 file for one and a CSV for the other: neither page counts both, and both say so."""
    withdraw_all(complete_draft, people, "latency_p95")
    k6, csv = ({"tool": tool, "virtual_users": "20", "duration": "60 s"} for tool in ("k6", "CSV"))
    for candidate, told, value in zip(
        complete_draft.candidates.all(), (k6, csv), (791.0, 780.0), strict=True
    ):
        measured = measurement("latency_p95", value, low=None, high=None, conditions=told)
        add_evidence(candidate, by=people.devops, kind="load_test", measurements=[measured])
    client, why = sign_in(people.owner), "Not to be compared with E6: Tool: k6, not CSV."
    matrix = client.get(url(complete_draft)).content.decode()
    assert "1 cell counts as nothing" in matrix
    assert ">791 ms (E5)</text>" in matrix
    assert ">not comparable</text>" in matrix
    for page in ("matrix", "evidence", "candidates"):
        assert why in client.get(url(complete_draft, page)).content.decode()
    assert (
        '<a href="#left-out">not comparable</a>'
        in client.get(url(complete_draft, "evidence")).content.decode()
    )
    printed = render_html(record_document(complete_draft))
    assert printed.count(why) == 2  # beside the matrix, and in the table of further figures
    assert printed.count('<tr id="E5">') == printed.count('<tr id="E6">') == 1
    assert "791\u00a0ms (E5), not comparable" in printed


def test_a_comparison_that_is_out_of_date_says_so_head_to_head(
    people: People, complete_draft: Decision, sign_in: SignIn
) -> None:
    first, second = complete_draft.candidates.all()
    told = measurement(value=-8, compared_with=second, method="B is ahead. By far.", unit="points")
    (one,) = attach_evidence(
        first, by=people.data_science, measurements=[told], kind=EvidenceKind.COMPARISON
    )
    mark_stale(complete_draft, {one.pk: "There is a newer set."})
    html = sign_in(people.owner).get(url(complete_draft)).content.decode()
    pairs = html[html.index('id="pairs-title"') : html.index('id="sources-title"')]
    assert "B is ahead. By far." in pairs
    assert '<span class="caveat">out of date</span>' in pairs


def withdraw_all(record: Decision, people: People, metric: str) -> None:
    for one in record.evidence.filter(metric=metric):
        withdraw_evidence(one, by=people.owner, reason="To be measured under load.")


def test_an_empty_record_says_what_belongs_here(
    people: People, draft: Decision, sign_in: SignIn
) -> None:
    html = sign_in(people.owner).get(url(draft)).content.decode()
    assert "Go to the goals" in html


def test_trying_weights_answers_with_what_they_change_and_saves_nothing(
    people: People, complete_draft: Decision, sign_in: SignIn
) -> None:
    client = sign_in(people.owner)
    before = factories.all_rows()
    response = client.get(url(complete_draft), {"w_accuracy": "0.5", "w_ux": "9"}, headers=HTMX)
    html = response.content.decode()
    assert "<html" not in html
    assert "these weights are not saved" in html
    assert 'name="w_accuracy" value="0.5"' in html
    assert 'name="w_ux" value="9"' in html
    assert "No clear winner." in response["HX-Trigger"]
    assert factories.all_rows() == before


@pytest.mark.parametrize("typed", ["", "many", "-1", "101", "nan", "1e999"])
def test_what_is_no_weight_leaves_the_saved_one(
    typed: str, people: People, complete_draft: Decision, sign_in: SignIn
) -> None:
    client = sign_in(people.owner)
    response = client.get(url(complete_draft), {"w_accuracy": typed}, headers=HTMX)
    html = response.content.decode()
    assert response.status_code == 200
    assert ("is not a weight from 0 to 100" in html) is bool(typed)
    assert "these weights are not saved" not in html


def test_the_owner_saves_the_weights_that_were_tried(
    people: People, complete_draft: Decision, sign_in: SignIn
) -> None:
    token = WeightSheet(complete_draft).token
    data = {"token": token, "w_accuracy": "4", "w_ux": "0.5"}
    response = sign_in(people.owner).post(url(complete_draft, "apply_weights"), data)
    assert response["Location"] == url(complete_draft)
    record = fresh(complete_draft)
    assert record.goals.get(metric="accuracy").weight == 4.0
    assert record.role_weights == {"ux": 0.5}


def test_two_people_saving_weights_are_shown_both(
    people: People, complete_draft: Decision, sign_in: SignIn
) -> None:
    client, token = sign_in(people.owner), WeightSheet(complete_draft).token
    client.post(url(complete_draft, "apply_weights"), {"token": token, "w_ux": "2"})
    late = client.post(url(complete_draft, "apply_weights"), {"token": token, "w_ux": "3"})
    html = late.content.decode()
    assert late.status_code == 409
    assert "Two versions of “Weights”" in html
    assert 'value="3.0"' in html
    assert fresh(complete_draft).role_weights == {"ux": 2.0}


def test_only_the_owner_of_an_open_record_saves_weights(
    people: People, complete_draft: Decision, sign_in: SignIn
) -> None:
    data = {"token": WeightSheet(complete_draft).token, "w_ux": "2"}
    page = url(complete_draft, "apply_weights")
    assert sign_in(people.ux).post(page, data).status_code == 403
    submit(complete_draft, by=people.owner)
    assert sign_in(people.owner).post(page, data).status_code == 302
    assert fresh(complete_draft).role_weights == {"ux": 2.0}
    withdraw(fresh(complete_draft), by=people.owner, reason="No longer needed.")
    data["w_ux"] = "3"
    assert sign_in(people.owner).post(page, data).status_code == 409
    tried = sign_in(people.owner).get(url(complete_draft), {"w_ux": "3"}).content.decode()
    assert "To set the weights it has to be: draft / in review." in tried
    assert sign_in(people.owner).post(page, data | {"w_ux": "inf"}).status_code == 409


def test_figures_are_files_for_who_may_read_the_record(
    people: People, complete_draft: Decision, sign_in: SignIn
) -> None:
    client = sign_in(people.ux)
    for name in ("matrix", "tornado", "front-latency_p95", "goal-accuracy", "goal-latency_p95"):
        response = client.get(url(complete_draft, "figure", name))
        assert response["Content-Type"].startswith("image/svg+xml")
        assert f"{complete_draft.reference}-{name}.svg" in response["Content-Disposition"]
        root = ElementTree.fromstring(response.content)  # noqa: S314  (our own)
        assert root.find("{http://www.w3.org/2000/svg}title") is not None
    assert client.get(url(complete_draft, "figure", "nothing")).status_code == 404
    outsider = sign_in(people.outsider)
    assert outsider.get(url(complete_draft, "figure", "matrix")).status_code == 404
    assert outsider.get(url(complete_draft)).status_code == 404


def test_a_proposal_is_accepted_or_declined_by_the_owner_alone(
    people: People, draft: Decision, sign_in: SignIn
) -> None:
    goal = add_goal(draft, by=people.devops, proposed_by_role="devops", **factories.GOALS[1][1])
    accept = url(draft, "accept_goal", goal.pk)
    assert sign_in(people.devops).post(accept, {"token": "0"}).status_code == 403
    owner = sign_in(people.owner)
    html = owner.get(draft.get_absolute_url()).content.decode()
    assert "Proposed, not accepted yet" in html
    assert owner.post(accept, {"token": "7"}).status_code == 409
    assert not draft.goals.get().is_accepted
    owner.post(accept, {"token": "0"})
    assert draft.goals.get().is_accepted
    other = add_goal(draft, by=people.ux, proposed_by_role="ux", **factories.GOALS[0][1])
    edit_goal(other, by=people.ux, token=0, target=99.0)
    for action in ("decline_goal", "remove_goal"):
        response = owner.post(url(draft, action, other.pk), {"token": "0", "reason": "No."})
        assert response.status_code == 409
        assert "The goal was changed meanwhile." in response.content.decode()
    html = owner.get(url(draft, "decline_goal", other.pk)).content.decode()
    assert f"Proposed by UX, {people.ux}." in html
    assert 'name="token" value="1"' in html
    assert owner.post(url(draft, "decline_goal", other.pk), {"token": "1"}).status_code == 422
    owner.post(url(draft, "decline_goal", other.pk), {"token": "1", "reason": "Too much."})
    assert draft.goals.count() == 1
    assert factories.kinds_of_events(draft)[-1] == "decline_goal"


def test_what_the_owner_accepted_is_a_proposal_again_once_the_role_changes_it(
    people: People, complete_draft: Decision, sign_in: SignIn
) -> None:
    goal = complete_draft.goals.get(metric="latency_p95")
    said = {
        "metric": goal.metric,
        "direction": goal.direction,
        "target": "900",
        "weight": "1",
        "proposed_by_role": "devops",
        "token": str(goal.token),
    }
    devops = sign_in(people.devops)
    assert (
        "Remove this goal" not in devops.get(url(complete_draft, "goal", goal.pk)).content.decode()
    )
    removal = url(complete_draft, "remove_goal", goal.pk)
    assert devops.post(removal, {"token": str(goal.token)}).status_code == 403
    response = devops.post(url(complete_draft, "goal", goal.pk), said, follow=True)
    assert "It counts once the owner has accepted it." in response.content.decode()
    assert [one.metric for one in fresh(complete_draft).accepted_goals] == ["accuracy"]


def test_a_goal_is_set_on_a_metric_of_ones_own(
    people: People, draft: Decision, sign_in: SignIn
) -> None:
    client = sign_in(people.owner)
    said = {"metric": "own", "direction": "at_most", "target": "2", "weight": "1"}
    missing = client.post(url(draft, "new_goal"), said)
    assert missing.status_code == 422
    assert "Give your metric a name." in missing.content.decode()
    client.post(url(draft, "new_goal"), said | {"own_name": "Hand-overs", "own_unit": "a week"})
    goal = draft.goals.get()
    assert (goal.metric, goal.name, goal.unit) == ("own_hand_overs", "Hand-overs", "a week")
    again = client.post(url(draft, "new_goal"), said | {"own_name": "hand-overs "})
    assert again.status_code == 422
    assert "There is a goal with this name already." in again.content.decode()
    assert draft.goals.count() == 1
    html = client.get(url(draft, "goal", goal.pk)).content.decode()
    assert 'value="Hand-overs"' in html
    renamed = said | {"own_name": "Passed on", "own_unit": "a week", "token": str(goal.token)}
    client.post(url(draft, "goal", goal.pk), renamed)
    goal.refresh_from_db()
    assert (goal.metric, goal.name) == ("own_hand_overs", "Passed on")


def test_odd_weights_still_make_a_page(
    people: People, complete_draft: Decision, sign_in: SignIn
) -> None:
    client = sign_in(people.owner)
    nothing = {f"w_{key}": "0" for key in WeightSheet(complete_draft).weights}
    html = client.get(url(complete_draft), nothing).content.decode()
    assert "Nothing has a weight, so nothing is weighed." in html
    assert "Nothing has a weight, so nobody is ranked." in html
    assert "What would" not in html
    lone = nothing | {"w_accuracy": "3"}
    html = client.get(url(complete_draft), lone).content.decode()
    assert "Only Accuracy has a weight: at 0 nothing is weighed, and nobody comes first." in html
    # As a record may say that was written before weights were bounded.
    complete_draft.goals.filter(metric="accuracy").update(weight=150.0)
    assert client.get(url(complete_draft)).status_code == 200
    assert client.get(url(complete_draft, "figure", "matrix"), nothing).status_code == 200
    assert client.get(url(complete_draft, "figure", "tornado"), nothing).status_code == 404
    heavy = {"w_ux": "100", "w_nobody": "3"}
    html = client.get(url(complete_draft), heavy, headers=HTMX).content.decode()
    assert 'name="w_ux" value="100"' in html
    assert "w_nobody" not in html


def test_what_a_verdict_rests_on_is_said_on_every_page_that_says_it(
    people: People, complete_draft: Decision, sign_in: SignIn
) -> None:
    stale = complete_draft.evidence.get(number=1)
    mark_stale(complete_draft, {stale.pk: "There is a newer set."})
    client = sign_in(people.ux)
    for page in (
        url(complete_draft),
        url(complete_draft, "candidates"),
        complete_draft.get_absolute_url(),
    ):
        html = client.get(page).content.decode()
        assert "It rests on 1 figure that is out of date." in html


def test_an_unknown_must_is_told_in_the_ranking(
    people: People, complete_draft: Decision, sign_in: SignIn
) -> None:
    first = complete_draft.evidence.get(number=1)
    withdraw_evidence(first, by=people.owner, reason="A slip.")
    html = sign_in(people.ux).get(url(complete_draft)).content.decode()
    assert "nothing known of Accuracy" in html
    assert "of draws the best is a candidate of which nothing shows that it meets a must" in html


def test_what_was_drawn_is_drawn_once_until_the_table_says_something_else(
    people: People,
    complete_draft: Decision,
    sign_in: SignIn,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    drawn = []
    monkeypatch.setattr(
        "decisions.matrix.simulate", lambda table: drawn.append(table) or simulate(table)
    )
    client = sign_in(people.owner)
    for _time in range(2):
        client.get(complete_draft.get_absolute_url())
        client.get(url(complete_draft))
    assert len(drawn) == 1
    client.get(url(complete_draft), {"w_ux": "2"}, headers=HTMX)
    assert len(drawn) == 2
    mark_stale(complete_draft, {complete_draft.evidence.get(number=1).pk: "There is a newer set."})
    client.get(url(complete_draft))
    assert len(drawn) == 3
    kind = type(cache._connections[cache._alias])  # type: ignore[attr-defined]
    monkeypatch.setattr(kind, "get", refuse)
    assert client.get(url(complete_draft)).status_code == 200
    assert len(drawn) == 4


def refuse(*_asked: object) -> None:
    """Be a cache that cannot be reached."""
    raise ConnectionError


def test_a_figure_that_is_asked_for_is_drawn_alone(
    people: People, complete_draft: Decision, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("decisions.matrix_figures.heat_table", refuse)
    record = with_what_is_weighed(Decision.objects.all()).get(pk=complete_draft.pk)
    page = MatrixPage(record, people.ux, {})
    assert figure_named(page, "tornado")
    assert figure_named(page, "front-latency_p95")


def test_candidates_that_all_fail_a_must_are_all_out(
    people: People, complete_draft: Decision, sign_in: SignIn
) -> None:
    goal = complete_draft.goals.get(metric="accuracy")
    edit_goal(goal, by=people.owner, token=goal.token, target=99.9, worst_acceptable=99.0)
    html = sign_in(people.ux).get(url(complete_draft)).content.decode()
    assert "Every candidate fails a must." in html
    assert html.count("out: misses Accuracy") == 2


def test_goals_without_evidence_and_ratings_are_weighed_as_unknown(
    people: People, draft: Decision, sign_in: SignIn
) -> None:
    factories.add_goals(draft, people)
    factories.add_candidates(draft, people)
    client = sign_in(people.owner)
    html = client.get(url(draft)).content.decode()
    assert "No clear winner." in html
    assert "no evidence" in html
    assert 'id="weighed-line"' not in client.get(draft.get_absolute_url()).content.decode()
    factories.measure(draft.candidates.get(letter="A"), people)
    assert 'id="weighed-line"' in client.get(draft.get_absolute_url()).content.decode()
