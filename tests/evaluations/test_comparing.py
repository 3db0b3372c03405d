"""Finished runs are held against each other; the record says who is ahead, or that it is open."""

from collections.abc import Callable
from pathlib import Path

import pytest
from django.db import connection
from django.http import HttpResponse
from django.test import Client

from decisions import clock
from decisions.actions.evidence import withdraw_evidence
from decisions.actions.rows import edit_candidate
from decisions.content import content
from decisions.exports.document import RecordDocument
from decisions.models import Candidate, Decision, Evidence, EvidenceKind
from evaluations.actions import attach_run, request_run
from evaluations.comparing import (
    Family,
    LeftOut,
    family_of,
    p_in_words,
    paired,
    rounded_up,
    sentences,
)
from evaluations.models import CaseSet, Run
from evaluations.side_by_side import offered, usual
from evaluations.views.comparisons import differing
from tests.evaluations.helpers import make_candidate, make_case_set, work_through
from tests.factories import People

SignIn = Callable[..., Client]


def measured(
    candidate: Candidate, case_set: CaseSet, team: People, right: int | None = None
) -> Run:
    """Measure a candidate through the real worker; with `right`, answer so many cases rightly."""
    run = request_run(candidate, case_set, by=team.owner, attach=right is None)
    work_through(run)
    if right is not None:
        _answer(run, right)
        attach_run(run, by=team.owner)
    return run


def _answer(run: Run, right: int) -> None:
    """Make the first answers right and the others wrong."""
    for place, result in enumerate(run.results.order_by("pk")):
        result.correct, result.score = place < right, float(place < right)
        result.save(update_fields=["correct", "score"])
    run.results_digest = f"{run.pk:060}{right:04}"
    run.save(update_fields=["results_digest"])


def standing(record: Decision) -> list[Evidence]:
    """Return the paired comparisons that count."""
    return list(record.evidence.standing().filter(kind=EvidenceKind.COMPARISON))


@pytest.fixture
def second(candidate: Candidate, people: People) -> Candidate:
    return make_candidate(candidate.decision, people, name="Second", settings={"neighbours": 3})


@pytest.fixture
def third(second: Candidate, people: People) -> Candidate:
    return make_candidate(second.decision, people, name="Third", settings={"neighbours": 7})


def test_the_second_candidate_is_compared_with_the_first(
    candidate: Candidate, second: Candidate, case_set: CaseSet, people: People
) -> None:
    measured(candidate, case_set, people, right=2)
    assert standing(candidate.decision) == []

    run = measured(second, case_set, people, right=12)

    (one,) = standing(candidate.decision)
    assert (one.candidate, one.compared_with, one.n) == (candidate, second, 12)
    assert one.value == pytest.approx(-100 * 10 / 12)
    assert one.low is not None
    assert one.low < one.value < (one.high or 0) < 0
    assert one.method.startswith(
        "Second is 83 points ahead of rag/bm25_knn (95% CI 46–95, n = 12, paired)."
    )
    assert "Only A was right on 0, only B on 10 of them." in one.method
    assert "Exact McNemar test: p = 0.002." in one.method
    assert one.conditions["case_set_digest"] == case_set.digest
    assert f"Compared with the other candidates as {one.reference}." in run.outcome


def test_what_may_be_chance_is_called_not_decisive_and_says_how_many_cases_would_tell(
    candidate: Candidate, second: Candidate, case_set: CaseSet, people: People
) -> None:
    measured(candidate, case_set, people, right=6)
    measured(second, case_set, people, right=7)

    (one,) = standing(candidate.decision)
    assert one.method.startswith("Not decisive: Second is 8 points ahead")
    assert "About 92 cases would be needed to tell." in one.method


def test_a_third_run_corrects_all_comparisons_of_the_family(
    candidate: Candidate, second: Candidate, third: Candidate, case_set: CaseSet, people: People
) -> None:
    measured(candidate, case_set, people, right=2)
    measured(second, case_set, people, right=8)
    (alone,) = standing(candidate.decision)

    measured(third, case_set, people, right=11)

    alone.refresh_from_db()
    assert alone.withdrawn_reason == "Compared again."
    now = standing(candidate.decision)
    found = {(one.candidate.letter, one.compared_with.letter): one for one in now}
    assert set(found) == {("A", "B"), ("A", "C"), ("B", "C")}
    assert "p = 0.031; corrected for 3 comparisons (Holm): p = 0.063." in found["A", "B"].method
    assert found["A", "B"].method.startswith("Not decisive: Second is 50 points ahead")
    assert "p = 0.0039; corrected for 3 comparisons (Holm): p = 0.012." in found["A", "C"].method


def test_attaching_the_same_figures_twice_changes_nothing(
    candidate: Candidate, second: Candidate, case_set: CaseSet, people: People
) -> None:
    measured(candidate, case_set, people)
    run = measured(second, case_set, people)
    record = Decision.objects.get(pk=candidate.decision_id)
    before, events = record.digest, record.events.count()

    attach_run(run, by=people.owner)

    record.refresh_from_db()
    assert (record.digest, record.events.count()) == (before, events)


def test_measuring_one_side_again_replaces_the_comparison(
    candidate: Candidate, second: Candidate, case_set: CaseSet, people: People
) -> None:
    measured(candidate, case_set, people, right=2)
    measured(second, case_set, people, right=12)
    (earlier,) = standing(candidate.decision)

    measured(candidate, case_set, people, right=11)

    earlier.refresh_from_db()
    assert earlier.withdrawn_reason == "Compared again."
    (now,) = standing(candidate.decision)
    assert now.value == pytest.approx(-100 / 12)


def test_what_cannot_be_compared_is_left_out_with_the_reason(
    candidate: Candidate, second: Candidate, case_set: CaseSet, people: People, tmp_path: Path
) -> None:
    other = make_case_set(tmp_path, name="Others", tests=2)
    measured(candidate, other, people)

    run = measured(second, case_set, people)

    assert standing(candidate.decision) == []
    assert "Not compared with A: measured on other cases (Others, version 1)." in run.outcome


def test_the_run_that_is_evidence_is_compared_and_not_one_that_answered_alike(
    candidate: Candidate, second: Candidate, case_set: CaseSet, people: People
) -> None:
    shown = measured(second, case_set, people)
    unattached = request_run(second, case_set, by=people.owner, attach=False)
    work_through(unattached)

    run = measured(candidate, case_set, people)

    assert unattached.results_digest == shown.results_digest
    assert family_of(run).runs == (run, shown)
    (one,) = standing(candidate.decision)
    assert one.origin == f"{run} and {shown}"
    assert usual(run, offered(run, people.owner)) == [shown]


def test_a_run_whose_figures_were_withdrawn_is_not_compared(
    candidate: Candidate, second: Candidate, case_set: CaseSet, people: People
) -> None:
    measured(candidate, case_set, people)
    for one in candidate.decision.evidence.standing():
        withdraw_evidence(one, by=people.owner, reason="A mistake.")

    run = measured(second, case_set, people)

    assert family_of(run).runs == (run,)


def test_what_an_earlier_spec_measured_is_not_compared_anew(
    candidate: Candidate,
    second: Candidate,
    third: Candidate,
    case_set: CaseSet,
    people: People,
) -> None:
    measured(candidate, case_set, people)
    measured(second, case_set, people)
    spec = second.spec | {"neighbours": 9}

    edit_candidate(second, by=people.owner, token=second.token, spec=spec)
    (earlier,) = standing(candidate.decision)
    assert earlier.stale_because == "How the candidate is run has changed."

    run = measured(third, case_set, people)

    (_earlier, new) = standing(candidate.decision)
    assert (new.candidate, new.compared_with, new.stale_because) == (candidate, third, "")
    assert [(one.candidate, one.why) for one in family_of(run).left_out] == [
        (second, "it is run otherwise by now")
    ]


@pytest.mark.parametrize("metrics", [["accuracy"], None])
def test_comparisons_go_with_the_figures_they_rest_on(
    candidate: Candidate,
    second: Candidate,
    third: Candidate,
    case_set: CaseSet,
    people: People,
    metrics: list[str] | None,
) -> None:
    for one in (candidate, second, third):
        measured(one, case_set, people, right=2 + one.position)
    figures = candidate.decision.evidence.standing().filter(candidate=third, kind="run")
    for one in figures.filter(metric__in=metrics) if metrics else figures:
        withdraw_evidence(one, by=people.owner, reason="Wrong data.")

    (left,) = standing(candidate.decision)
    assert (left.candidate, left.compared_with) == (candidate, second)
    gone = candidate.decision.evidence.filter(compared_with=third).last()
    assert gone is not None
    assert "which it rests on, was withdrawn" in gone.withdrawn_reason

    run = measured(candidate, case_set, people, right=12)

    assert [one.candidate for one in family_of(run).runs] == [candidate, second]


def test_a_withdrawn_latency_leaves_the_comparison_of_accuracy(
    candidate: Candidate, second: Candidate, case_set: CaseSet, people: People
) -> None:
    for one in (candidate, second):
        measured(one, case_set, people, right=2)
    (found,) = standing(candidate.decision)
    other = candidate.decision.evidence.filter(candidate=second).exclude(metric="accuracy").first()
    assert other is not None
    withdraw_evidence(other, by=people.owner, reason="Wrong clock.")

    assert standing(candidate.decision) == [found]


def test_a_dropped_candidate_is_compared_no_more(
    candidate: Candidate, second: Candidate, third: Candidate, case_set: CaseSet, people: People
) -> None:
    runs = [measured(one, case_set, people, right=2) for one in (candidate, second, third)]
    edit_candidate(third, by=people.owner, token=third.token, is_dropped=True)

    (left,) = standing(candidate.decision)
    assert left.compared_with == second

    attach_run(runs[2], by=people.owner)

    assert standing(candidate.decision) == [left]


def test_a_comparison_outside_the_family_is_withdrawn(
    candidate: Candidate, second: Candidate, third: Candidate, case_set: CaseSet, people: People
) -> None:
    for one in (candidate, second, third):
        measured(one, case_set, people, right=2)
    # As records from before hold it: the figures went, what compares them stayed.
    Evidence.objects.filter(candidate=third, kind="run").update(
        withdrawn_at=clock.now(), withdrawn_by=people.owner
    )

    measured(candidate, case_set, people, right=12)

    (left,) = standing(candidate.decision)
    assert (left.candidate, left.compared_with) == (candidate, second)


def test_a_comparison_is_of_the_scorers_figure_whatever_the_test(
    candidate: Candidate, second: Candidate, case_set: CaseSet, people: People
) -> None:
    asked = [{"key": "token_f1"}]
    for one in (candidate, second):
        work_through(request_run(one, case_set, by=people.owner, scorers=asked))

    (found,) = standing(candidate.decision)

    assert found.method.count("McNemar")
    assert (found.metric, found.metric_name) == ("token_f1", "Token F1, difference from B")


def test_cases_known_by_two_names_are_measured_once(
    candidate: Candidate, case_set: CaseSet, people: People, tmp_path: Path
) -> None:
    measured(candidate, case_set, people)
    measured(candidate, make_case_set(tmp_path, name="Same again"), people)

    (found,) = candidate.decision.evidence.standing().filter(metric="accuracy")
    assert found.conditions["case_set"] == "Same again, version 1"


def test_a_comparison_names_both_candidates_in_what_is_signed(
    candidate: Candidate, second: Candidate, case_set: CaseSet, people: People
) -> None:
    measured(candidate, case_set, people)
    measured(second, case_set, people)

    told = content(Decision.objects.get(pk=candidate.decision_id))["evidence"]

    assert [one["compared_with"] for one in told if one["kind"] == "comparison"] == ["B"]


def test_a_case_without_an_answer_counts_as_wrong(
    candidate: Candidate, second: Candidate, case_set: CaseSet, people: People
) -> None:
    first = measured(candidate, case_set, people, right=12)
    other = measured(second, case_set, people, right=12)
    other.results.filter(pk__in=list(other.results.values_list("pk", flat=True)[:3])).update(
        error="Timed out", score=None, correct=None
    )
    other.results_digest = "f" * 64

    assert paired(first, other).table == (9, 3, 0, 0)


def test_graded_scores_are_bootstrapped_and_say_how_many_cases_would_tell(
    candidate: Candidate, second: Candidate, case_set: CaseSet, people: People
) -> None:
    runs = [measured(one, case_set, people, right=0) for one in (candidate, second)]
    for run, scores in zip(runs, (0.5, 0.52), strict=True):
        for place, result in enumerate(run.results.order_by("pk")):
            result.score = scores + (0.3 if (place + run.pk) % 2 else 0.0)
            result.save(update_fields=["score"])
        run.scorer, run.results_digest = "token_f1/1", f"{run.pk:064}"
        run.save(update_fields=["scorer", "results_digest"])

    found = paired(*runs)

    assert found.table is None
    assert found.comparison.difference == pytest.approx(-0.02)
    told = sentences(*runs, found)
    assert told[0].startswith("Not decisive: Second is 2 points ahead")
    assert "cases would be needed to tell." in told[1]
    assert any(one.startswith("Paired randomisation test: p = ") for one in told)


def test_the_document_tells_comparisons_too(
    candidate: Candidate, second: Candidate, case_set: CaseSet, people: People
) -> None:
    measured(candidate, case_set, people, right=2)
    measured(second, case_set, people, right=12)

    (one,) = RecordDocument(Decision.objects.get(pk=candidate.decision_id)).comparisons.shown

    assert "Second is 83 points ahead of rag/bm25_knn" in one.method


def test_p_values_and_estimates_are_told_with_the_digits_that_count() -> None:
    assert [p_in_words(p) for p in (0.00001, 0.0123, 1.0)] == ["p < 0.0001", "p = 0.012", "p = 1"]
    assert [rounded_up(n) for n in (7, 93, 2871, 10**9)] == [7, 93, 2900, 1_000_000]


# Pages


def text(response: HttpResponse) -> str:
    return response.content.decode()


@pytest.mark.page
def test_the_comparison_shows_the_table_and_the_cases_where_they_differ(
    candidate: Candidate, second: Candidate, case_set: CaseSet, people: People, sign_in: SignIn
) -> None:
    first = measured(candidate, case_set, people, right=2)
    other = measured(second, case_set, people, right=12)
    address = f"/runs/compare/?a={first.pk}&b={other.pk}"

    page = text(sign_in(people.ux).get(address))

    assert "Second is 83 points ahead" in page
    assert "10 answers were scored differently." in page
    assert sign_in(people.outsider).get(address).status_code == 404
    assert sign_in(people.ux).get(f"/runs/compare/?a={first.pk}&b=x").status_code == 404
    assert sign_in(people.ux).get(f"/runs/compare/?a={first.pk}&b={first.pk}").status_code == 404


@pytest.mark.page
def test_runs_on_other_cases_are_refused_in_words(
    candidate: Candidate,
    second: Candidate,
    case_set: CaseSet,
    people: People,
    sign_in: SignIn,
    tmp_path: Path,
) -> None:
    first = measured(candidate, case_set, people)
    other = measured(second, make_case_set(tmp_path, name="Others", tests=2), people)

    page = text(sign_in(people.ux).get(f"/runs/compare/?a={first.pk}&b={other.pk}"))

    assert "Run" in page
    assert "was measured on other cases (Others, version 1)." in page


@pytest.mark.page
def test_the_evidence_page_says_who_is_ahead(
    candidate: Candidate, second: Candidate, case_set: CaseSet, people: People, sign_in: SignIn
) -> None:
    measured(candidate, case_set, people, right=2)
    measured(second, case_set, people, right=12)

    page = text(sign_in(people.business).get("/decisions/DR-1/evidence/"))

    assert "Head to head" in page
    assert "Second is 83 points ahead of rag/bm25_knn (95% CI" in page


def test_the_cases_on_which_two_runs_differ_are_found_by_an_index(
    candidate: Candidate, second: Candidate, case_set: CaseSet, people: People, tmp_path: Path
) -> None:
    first = measured(candidate, case_set, people, right=2)
    other = measured(second, case_set, people, right=12)
    renamed = measured(second, make_case_set(tmp_path, name="Same again"), people, right=12)

    found = [list(differing(first, one).values_list("case__key")) for one in (other, renamed)]

    assert len(found[0]) == 10
    assert found[0] == found[1]
    if connection.vendor == "sqlite":
        # Without the case among what is searched by, 3,080 cases take seconds.
        plans = [differing(first, one).explain() for one in (other, renamed)]
        assert all("(run_id=? AND case_id=? AND repeat=?)" in plan for plan in plans)


def test_many_that_are_not_compared_are_counted_by_reason() -> None:
    def left_out(letter: str, why: str) -> LeftOut:
        return LeftOut(Candidate(letter=letter), Run(), why)

    others = [left_out(letter, f"measured on other cases (Set {letter})") for letter in "ABCD"]
    family = Family((), (left_out("E", "scored in another way (x/1)"), *others))

    assert [one.sentence_part for one in family.reasons] == [
        "4 candidates: measured on other cases",
        "E: scored in another way (x/1)",
    ]
    assert Family((), tuple(others[:2])).reasons[0].sentence_part == "A, B: measured on other cases"
