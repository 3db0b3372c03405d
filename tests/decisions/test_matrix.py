"""Which evidence fills which cell of the matrix, and what comes of it."""

from dataclasses import replace

import pytest
from django.test import Client

from decisions.actions.evidence import attach_evidence, mark_stale, withdraw_evidence
from decisions.actions.rows import accept_goal, add_goal, edit_candidate, edit_goal
from decisions.actions.sections import Conflict
from decisions.actions.weights import apply_weights
from decisions.content import content
from decisions.exports.document import record_document
from decisions.exports.pdf import render_html
from decisions.figures import evidence_figures
from decisions.matrix import Matrix, Weighing, matrix_of
from decisions.metrics import METRICS, grouped, own_key
from decisions.models import Candidate, Decision, EvidenceKind
from decisions.outcomes import Outcome
from decisions.policies import BadInput
from decisions.record_parts import with_parts
from decisions.weights import WeightSheet
from tests import factories
from tests.factories import People, measurement


def loaded(record: Decision) -> Decision:
    return with_parts(Decision.objects.all()).get(pk=record.pk)


def matrix(record: Decision) -> Matrix:
    return matrix_of(loaded(record))


def attach(candidate: Candidate, people: People, value: float, **fields: object) -> None:
    told = measurement("accuracy", value, **fields)
    attach_evidence(candidate, by=people.data_science, measurements=[told])


def names(found: Matrix, row: int = 0) -> list[str]:
    """Return the evidence of a row, "" where there is none."""
    cells = [found.sources.get((row, at)) for at in range(len(found.table.columns))]
    return [one.reference if one else "" for one in cells]


def test_rows_are_accepted_goals_then_roles_and_columns_are_considered_candidates(
    complete_draft: Decision, people: People
) -> None:
    add_goal(
        complete_draft,
        by=people.ux,
        proposed_by_role="ux",
        metric="satisfaction",
        name="Satisfaction",
        direction="at_least",
        target=4.0,
    )
    table = matrix(complete_draft).table
    assert [row.key for row in table.rows] == [
        "accuracy",
        "latency_p95",
        "business",
        "data_science",
        "devops",
        "ux",
    ]
    assert [column.letter for column in table.columns] == ["A", "B"]
    assert [row.is_must for row in table.rows][:2] == [True, False]
    assert [row.one for row in table.rows][:2] == [85.0, 300.0]
    assert table.value[2:, :].tolist() == [[4.0, 4.0]] * 4


def test_a_dropped_candidate_is_no_column(complete_draft: Decision, people: People) -> None:
    first = complete_draft.candidates.get(letter="A")
    edit_candidate(first, by=people.owner, token=first.token, is_dropped=True)
    found = matrix(complete_draft)
    assert [column.letter for column in found.table.columns] == ["B"]
    assert {one.why for one in found.left_out} == {"A. A better prompt is no longer considered."}


def test_of_several_questions_the_one_that_covers_most_candidates_fills_the_row(
    complete_draft: Decision, people: People
) -> None:
    first = complete_draft.candidates.get(letter="A")
    other = {"case_set_digest": "other", "case_set": "Night", "split": "dev", "scorer": "exact"}
    attach(first, people, 99.0, conditions=other)
    found = matrix(complete_draft)
    assert names(found) == ["E1", "E3"]
    assert [(one.evidence.reference, one.why) for one in found.left_out] == [
        ("E5", "Not to be compared with E1: Case set: Night, not 9f2c; Split: dev, not test.")
    ]


def test_of_questions_that_cover_as_many_the_newest_fills_the_row(
    complete_draft: Decision, people: People
) -> None:
    for candidate in complete_draft.candidates.all():
        attach(candidate, people, 99.0, conditions={"split": "dev"})
    assert names(matrix(complete_draft)) == ["E5", "E6"]


def test_withdrawn_evidence_and_comparisons_fill_no_cell(
    complete_draft: Decision, people: People
) -> None:
    first = complete_draft.evidence.get(number=1)
    withdraw_evidence(first, by=people.owner, reason="A slip.")
    found = matrix(complete_draft)
    assert names(found) == ["", "E3"]
    assert found.left_out == ()
    assert found.table.outcomes[0][0] is None


def test_another_unit_than_the_goals_is_left_out_with_the_reason(
    complete_draft: Decision, people: People
) -> None:
    goal = complete_draft.goals.get(metric="latency_p95")
    edit_goal(goal, by=people.owner, token=goal.token, unit="s")
    found = matrix(complete_draft)
    assert names(found, 1) == ["", ""]
    assert {one.why for one in found.left_out} == {"It is in another unit (ms) than the goal (s)."}


def test_cells_say_whether_the_goal_is_met(complete_draft: Decision, people: People) -> None:
    attach(complete_draft.candidates.get(letter="A"), people, 60.0)
    found = matrix(complete_draft)
    assert [str(one) for one in found.table.outcomes[0]] == [Outcome.MISSED, Outcome.OPEN]
    weighing = Weighing(found)
    assert weighing.weighed.is_out.tolist() == [True, False]
    ((_table, front),) = weighing.fronts
    assert [(one.is_out, one.is_on_front) for one in front.points] == [(True, False), (False, True)]
    assert not weighing.verdict.is_clear
    assert "not decisive" in " ".join(weighing.verdict.reasons)


def test_the_front_is_of_the_heaviest_quality_against_what_is_known_of_latency(
    complete_draft: Decision,
) -> None:
    ((_table, front),) = Weighing(matrix(complete_draft)).fronts
    assert (front.quality.key, front.against.key) == ("accuracy", "latency_p95")
    assert [one.column for one in front.points] == [0, 1]


def test_cost_that_was_measured_is_drawn_without_a_goal(
    complete_draft: Decision, people: People
) -> None:
    """Of one alone there is no front: then what both have is drawn, such as the one-off cost."""
    cost = replace(measurement("latency_p95", 2.5), metric="cost_per_1000", unit="USD")
    once = replace(cost, metric="one_off_cost")
    first, second = complete_draft.candidates.all()
    attach_evidence(first, by=people.data_science, measurements=[cost])

    def fronts() -> list[str]:
        found = Weighing(matrix(complete_draft)).fronts
        return [one.against.key for _table, one in found]

    assert fronts() == ["latency_p95"]
    for one in (first, second):
        attach_evidence(one, by=people.data_science, measurements=[once])
    assert fronts() == ["one_off_cost", "latency_p95"]
    attach_evidence(second, by=people.data_science, measurements=[cost])
    assert fronts() == ["cost_per_1000", "latency_p95"]
    goal = complete_draft.goals.get(metric="latency_p95")
    edit_goal(goal, by=people.owner, token=goal.token, metric="latency_p50")
    assert fronts() == ["cost_per_1000", "latency_p95"]


def test_a_matrix_reads_only_what_was_loaded(
    complete_draft: Decision, django_assert_num_queries: object
) -> None:
    record = loaded(complete_draft)
    with django_assert_num_queries(0):  # type: ignore[operator]
        assert Weighing(matrix_of(record)).verdict


def test_weights_that_are_tried_change_no_saved_one(complete_draft: Decision) -> None:
    found = matrix(complete_draft)
    tried = Weighing(found, {"accuracy": 0.0, "ux": 7.0})
    assert tried.table.weights.tolist() == [0.0, 1.0, 1.0, 1.0, 1.0, 7.0]
    assert found.table.weights.tolist() == [3.0, 1.0, 1.0, 1.0, 1.0, 1.0]


def test_the_owner_sets_weights_of_goals_and_roles(
    complete_draft: Decision, people: People
) -> None:
    before = complete_draft.digest
    token = WeightSheet(complete_draft).token
    wanted = {"accuracy": 4.0, "latency_p95": 1.0, "ux": 2.5, "devops": 1.0}
    apply_weights(complete_draft, by=people.owner, weights=wanted, token=token)
    assert complete_draft.role_weights == {"ux": 2.5}
    assert complete_draft.goals.get(metric="accuracy").weight == 4.0
    assert complete_draft.digest != before
    assert content(complete_draft)["decision"]["role_weights"] == {"ux": 2.5}
    last = complete_draft.events.order_by("sequence").last()
    assert last is not None
    assert last.data["weights"] == [
        {"name": "Accuracy", "weight": 4.0},
        {"name": "UX", "weight": 2.5},
    ]
    apply_weights(
        complete_draft, by=people.owner, weights={"ux": 1}, token=WeightSheet(complete_draft).token
    )
    assert "role_weights" not in content(complete_draft)["decision"]


def test_weights_set_by_someone_else_meanwhile_are_a_conflict(
    complete_draft: Decision, people: People
) -> None:
    token = WeightSheet(complete_draft).token
    apply_weights(complete_draft, by=people.owner, weights={"ux": 2.0}, token=token)
    before = factories.all_rows()
    with pytest.raises(Conflict) as conflict:
        apply_weights(complete_draft, by=people.owner, weights={"ux": 3.0}, token=token)
    assert conflict.value.mine == {"w_ux": 3.0}
    assert factories.all_rows() == before


@pytest.mark.parametrize("weight", [-1.0, 100.5, float("nan"), float("inf")])
def test_a_weight_is_a_number_from_0_to_100(
    weight: float, complete_draft: Decision, people: People
) -> None:
    token = WeightSheet(complete_draft).token
    with pytest.raises(BadInput, match="from 0 to 100"):
        apply_weights(complete_draft, by=people.owner, weights={"ux": weight}, token=token)


def test_a_proposal_counts_once_accepted_and_not_before(draft: Decision, people: People) -> None:
    before = draft.digest
    proposed = add_goal(draft, by=people.devops, proposed_by_role="devops", **factories.GOALS[1][1])
    assert (proposed.is_accepted, draft.digest) == (False, before)
    assert matrix(draft).table.rows[0].is_role
    accept_goal(proposed, by=people.owner, token=proposed.token)
    assert factories.fresh(draft).digest != before
    assert matrix(draft).table.rows[0].key == "latency_p95"


def estimated(candidate: Candidate, people: People, value: float, who: str = "") -> None:
    told = measurement("accuracy", value, n=0, low=value - 10, high=value + 10)
    told = replace(told, conditions={"who": who})
    attach_evidence(
        candidate, by=people.data_science, measurements=[told], kind=EvidenceKind.ESTIMATE
    )


def test_an_estimate_stands_only_where_nothing_was_measured(
    complete_draft: Decision, people: People
) -> None:
    for candidate in complete_draft.candidates.all():
        estimated(candidate, people, 80.0)
    withdraw_evidence(complete_draft.evidence.get(number=1), by=people.owner, reason="A slip.")
    found = matrix(complete_draft)
    assert names(found) == ["E5", "E3"]
    assert found.table.is_estimate[0].tolist() == [True, False]
    assert [one.why for one in found.left_out] == ["An estimate; E3 was measured."]


def test_of_several_estimates_the_newest_fills_the_cell_and_all_are_shown(
    draft: Decision, people: People, client: Client
) -> None:
    factories.add_goals(draft, people)
    candidate = factories.add_candidates(draft, people)[0]
    for who in ("Devi", "Uma"):
        estimated(candidate, people, 80.0, who)
    found = matrix(draft)
    assert names(found)[0] == "E2"
    assert [(one.evidence.reference, one.why) for one in found.left_out] == [
        ("E1", "E2 is the newest estimate.")
    ]
    (figure,) = evidence_figures(loaded(draft))
    assert [row.evidence.reference for row in figure.rows] == ["E2"]
    client.force_login(people.ux)
    html = client.get(f"{draft.get_absolute_url()}evidence/").content.decode()
    assert all(f'id="E{number}"' in html for number in (1, 2))


def test_evidence_out_of_date_fills_its_cell_and_is_named(
    complete_draft: Decision, people: People
) -> None:
    mark_stale(complete_draft, {complete_draft.evidence.get(number=3).pk: "There is a newer set."})
    weighing = Weighing(matrix(complete_draft))
    assert [one.reference for one in weighing.stale] == ["E3"]
    assert names(weighing.matrix) == ["E1", "E3"]


def test_every_metric_of_the_catalogue_is_offered_once_in_a_named_group() -> None:
    offered = [one.key for _name, metrics in grouped() for one in metrics]
    assert sorted(offered) == sorted(METRICS)
    assert "Other" not in [name for name, _metrics in grouped()]


def test_a_metric_of_ones_own_gets_a_key_that_is_free() -> None:
    assert own_key("Hand-overs a week", []) == "own_hand_overs_a_week"
    assert own_key("Hand-overs", ["own_hand_overs"]) == "own_hand_overs_2"
    assert own_key("耐久性", ["own"]) == "own_2"


def test_the_document_says_the_verdict_and_what_would_flip_it(
    complete_draft: Decision, people: People
) -> None:
    slow = measurement("latency_p95", 400.0)
    second = complete_draft.candidates.get(letter="B")
    attach_evidence(second, by=people.data_science, measurements=[slow])
    document = record_document(complete_draft)
    titles = [str(one.title) for one in document.chapters]
    assert titles.index("Matrix") == titles.index("Evidence") + 1
    html = render_html(document)
    assert "No clear winner." in html
    assert "What would change the order" in html
    assert "Nobody is clearly ahead. By the scores alone" in html
    assert "No weight from 0 to 100 of these alone changes who comes first" in html
    assert "What would flip it" not in html
    assert all(f'id="figure-{name}-title"' in html for name in document.weighing_figures)


def test_what_is_only_proposed_is_not_printed(draft: Decision, people: People) -> None:
    add_goal(draft, by=people.devops, proposed_by_role="devops", **factories.GOALS[1][1])
    assert "95th percentile" not in render_html(record_document(factories.fresh(draft)))
