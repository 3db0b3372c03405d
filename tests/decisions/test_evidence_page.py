"""The evidence page of a record with many runs: what answers to a goal is drawn."""

from collections.abc import Callable
from dataclasses import replace

import pytest
from django.test import Client

from decisions.actions.evidence import attach_evidence
from decisions.evidence_groups import by_candidate
from decisions.models import Candidate, Decision, EvidenceKind
from decisions.record_page import RecordPage
from decisions.templatetags.ui import after_first_sentence, first_sentence
from tests.factories import People, add_candidates, add_goals, edit, fresh, measurement

SignIn = Callable[..., Client]


def measured(candidate: Candidate, people: People, run: int, *metrics: str) -> None:
    """Attach figures of a run on cases of its own."""
    found = [
        replace(
            measurement(metric),
            metric_name=metric,
            origin=f"Run {run}",
            origin_url=f"/runs/{run}/",
            conditions={"case_set": f"Set {run}"},
        )
        for metric in metrics
    ]
    attach_evidence(candidate, by=people.data_science, measurements=found)


@pytest.fixture
def candidates(draft: Decision, people: People) -> list[Candidate]:
    """Two candidates: one measured in six runs, the other in the first of them as well."""
    add_goals(draft, people)
    first, second = add_candidates(draft, people)[:2]
    for run in range(6):
        measured(first, people, run, "accuracy", "macro_f1")
    measured(second, people, 0, "macro_f1")
    return [first, second]


def test_of_many_figures_those_that_answer_to_a_goal_stand_open(
    candidates: list[Candidate], people: People
) -> None:
    page = RecordPage(fresh(candidates[0].decision), people.owner)
    assert len(page.figures) == 12
    assert [one.metric for one in page.drawn_figures] == ["accuracy"]
    (folded,) = page.folded_figures
    assert folded.in_short == "A 86.5\u00a0ms, B 86.5\u00a0ms"


def test_every_figure_that_counts_stands_in_a_figure_or_a_table(
    candidates: list[Candidate], people: People
) -> None:
    page = RecordPage(fresh(candidates[0].decision), people.owner)
    shown = [*page.drawn_figures, *page.folded_figures, *page.lone_figures]
    told = [row.evidence.pk for figure in shown for row in figure.rows]
    assert sorted(told) == sorted(one.pk for one in page.standing_evidence)


def test_evidence_is_listed_by_candidate_and_run_the_newest_first(
    candidates: list[Candidate], people: People
) -> None:
    groups = by_candidate(fresh(candidates[0].decision).evidence.all())
    assert [group.candidate for group in groups] == candidates
    assert [source.origin for source in groups[0].recent] == ["Run 5", "Run 4", "Run 3"]
    assert [source.cases for source in groups[0].earlier] == ["Set 2", "Set 1", "Set 0"]
    assert [one.metric for one in groups[0].recent[0].evidence] == ["accuracy", "macro_f1"]


@pytest.mark.page
def test_a_record_with_many_runs_draws_one_figure_and_folds_the_rest(
    candidates: list[Candidate], people: People, sign_in: SignIn
) -> None:
    page = sign_in(people.owner).get("/decisions/DR-1/evidence/").content.decode()
    assert page.count('<figure class="figure">') == 2
    assert "Further figures" in page
    assert "10 figures, each of one candidate alone" in page
    assert page.count("<td>Set 4</td>") == 2
    assert "3 earlier runs or comparisons" in page
    assert page.count('<details class="disclosure" id="E') == 13


def test_a_second_click_finds_evidence_withdrawn_already(
    candidates: list[Candidate], people: People, sign_in: SignIn
) -> None:
    record = candidates[0].decision
    page = f"/decisions/{record.reference}/evidence/1/withdraw/"
    browser = sign_in(people.data_science)
    for _click in range(2):
        seen = browser.post(page, {"reason": "A slip."}, follow=True)
        assert seen.status_code == 200
    assert "E1 has been withdrawn: A slip." in seen.content.decode()
    assert record.events.filter(kind="withdraw_evidence").count() == 1


def test_what_goes_with_withdrawn_evidence_and_what_refers_to_it_is_told_before(
    candidates: list[Candidate], people: People, sign_in: SignIn
) -> None:
    first, second = candidates
    told = {"compared_with": second, "conditions": {"case_set": "Set 0"}}
    (rests,) = attach_evidence(
        first,
        by=people.data_science,
        measurements=[measurement("accuracy", 3.0, **told)],
        kind=EvidenceKind.COMPARISON,
    )
    record = first.decision
    edit(record, "results_data_science", people, reading=f"It is [[{rests.reference}]].")
    browser = sign_in(people.data_science)
    page = f"/decisions/{record.reference}/evidence"
    asked = browser.get(f"{page}/1/withdraw/").content.decode()
    assert f"<li>{rests}</li>" in asked
    assert '#section-results_data_science">' in asked
    other = browser.get(f"{page}/3/withdraw/").content.decode()
    assert "With it go" not in other
    assert "refer" not in other.partition("<form")[0].partition("<main")[2]
    browser.post(f"{page}/1/withdraw/", {"reason": "A slip."})
    rests.refresh_from_db()
    assert rests.is_withdrawn


def test_a_text_is_split_after_its_first_sentence() -> None:
    told = "Not decisive: B is 8.3 points ahead of A. About 92 cases would tell."
    assert first_sentence(told) == "Not decisive: B is 8.3 points ahead of A."
    assert after_first_sentence(told) == "About 92 cases would tell."
    assert (first_sentence("No end"), after_first_sentence("No end")) == ("No end", "")
