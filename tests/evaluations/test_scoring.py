"""What a run's answers are scored by, and the figures that every scorer gives."""

from dataclasses import replace
from typing import Any

import pytest

from decisions.models import Decision, Evidence
from decisions.policies import BadInput
from evaluations import work
from evaluations.actions import request_run, request_runs, retry_run
from evaluations.models import CaseKind, CaseSet, ResultState, Run, RunState
from evaluations.scorers import SCORERS
from evaluations.scoring import (
    OF_SUPPORT,
    ScorerProblem,
    completed,
    configured,
    scoring_of,
    usual_scorers,
)
from evaluations.summary import Outcome, figures, results_digest
from evaluations.techniques import TECHNIQUES, Answer
from tests.evaluations.helpers import make_candidate, work_through
from tests.factories import People

BM25 = TECHNIQUES["rag/bm25_knn"]
QUESTIONS = {
    "Where is the depot?": ("In Porto", "Oporto"),
    "Who drives?": ("Ana Lima",),
    "When does it open?": ("at nine",),
    "Is there a moon base?": ("",),
}
ANSWERS = {
    "Where is the depot?": "Oporto",
    "Who drives?": "Ana",
    "Is there a moon base?": "",
}


class Librarian:
    """Answers questions from a table, says what it found, and stumbles over the others."""

    facts: dict[str, Any] = {}

    def answer(self, question: Any) -> Answer:
        said = ANSWERS[question.input]
        found = [{"key": "d1", "text": "The depot is in Oporto."}, {"key": "d2", "text": "Ana"}]
        return Answer(said, {"retrieved": found})


@pytest.fixture
def librarian(monkeypatch: pytest.MonkeyPatch) -> None:
    """Put a technique that answers questions and retrieves in the place of BM25's."""
    entry = replace(
        BM25,
        build=lambda spec, material: Librarian(),
        kinds=tuple(CaseKind.values),
        needs_training=False,
        provides=("retrieved", "passages"),
    )
    monkeypatch.setitem(TECHNIQUES, BM25.key, entry)


@pytest.fixture
def questions(case_set: CaseSet) -> CaseSet:
    """Three questions with answers and one without, as an import of SQuAD's shape has them."""
    cases = list(case_set.cases.filter(split="test"))
    for case, (text, right) in zip(cases, QUESTIONS.items(), strict=False):
        case.input, case.expected, case.references = text, right[0], list(right[1:])
        case.save()
    case_set.cases.exclude(input__in=QUESTIONS).delete()
    kind = CaseKind.QUESTION_ANSWERING
    CaseSet.objects.filter(pk=case_set.pk).update(kind=kind, counts={"test": 4})
    return CaseSet.objects.get(pk=case_set.pk)


@pytest.fixture
def asked(librarian: None, draft: Decision, people: People, questions: CaseSet) -> Run:
    """A run on the questions, scored as is usual."""
    return request_run(make_candidate(draft, people), questions, by=people.owner)


def keys(run: Run) -> list[str]:
    return [one.scorer.key for one in scoring_of(run).scorers]


# Choosing


def test_labels_are_scored_by_exact_match_alone(run: Run) -> None:
    assert run.scorers == [{"key": "exact_match", "settings": {}}]
    assert run.scorer == "exact_match/1"


def test_questions_are_scored_by_what_is_usual_for_them(asked: Run) -> None:
    usual = ["token_f1", "normalised_match", "groundedness", "citation_correctness"]
    assert keys(asked) == usual
    assert asked.scorer == "token_f1/1"


def test_retrieval_is_scored_only_where_something_is_retrieved(questions: CaseSet) -> None:
    silent = replace(BM25, provides=())
    assert usual_scorers(questions, silent) == ["token_f1", "normalised_match"]


def test_what_only_retrieves_is_scored_as_retrieval(questions: CaseSet) -> None:
    questions.corpus_id = 1
    kinds = {"provides": ("retrieved",), "kinds": tuple(CaseKind.values)}
    assert usual_scorers(questions, replace(BM25, **kinds)) == ["recall_at_k", "mrr", "ndcg"]


def test_no_usual_scorer_counts_more_documents_than_are_kept(questions: CaseSet) -> None:
    questions.corpus_id = 1
    retrieval, generation = TECHNIQUES["rag/retrieval"], TECHNIQUES["rag/generation"]

    assert usual_scorers(questions, retrieval, top_k=5) == ["recall_at_k"]
    usual = usual_scorers(questions, generation, top_k=4)
    assert usual == ["token_f1", "normalised_match", *OF_SUPPORT]
    with pytest.raises(ScorerProblem, match="keeps 3 documents"):
        completed([], questions, retrieval, {"top_k": 3})


def test_a_scorer_that_counts_more_documents_than_are_kept_is_refused(questions: CaseSet) -> None:
    questions.corpus_id = 1
    technique, spec = TECHNIQUES["rag/generation"], {"top_k": 4}
    deep, shallow = ({"key": "recall_at_k", "settings": {"k": k}} for k in (5, 4))

    with pytest.raises(ScorerProblem, match=r"counts the first 5 documents; .* keeps 4 \(top k\)"):
        completed([{}, deep], questions, technique, spec)
    found = completed([{}, shallow], questions, technique, spec)
    assert "recall_at_k" in [one.scorer.key for one in found.scorers]


def test_a_scorer_that_is_not_told_how_many_counts_no_more_than_are_kept(
    questions: CaseSet,
) -> None:
    questions.corpus_id = 1
    asked: list[dict[str, Any]] = [{}, {"key": "recall_at_k"}, {"key": "mrr", "settings": {}}]
    found = completed(asked, questions, TECHNIQUES["rag/generation"], {"top_k": 4})
    depths = {one.scorer.key: one.settings.get("k") for one in found.scorers}
    assert (depths["recall_at_k"], depths["mrr"]) == (4, 4)


def test_labels_are_not_scored_as_statements(case_set: CaseSet) -> None:
    assert usual_scorers(case_set, TECHNIQUES["rag/generation"], top_k=4) == ["exact_match"]


def test_techniques_over_a_corpus_say_what_they_retrieve() -> None:
    over_corpora = [one for one in TECHNIQUES.values() if one.needs_corpus]
    assert over_corpora
    assert all("retrieved" in one.provides for one in over_corpora)


def test_a_run_without_noted_scorers_has_the_one_of_its_conditions(run: Run) -> None:
    Run.objects.filter(pk=run.pk).update(scorers=[])
    run.refresh_from_db()

    assert keys(run) == ["exact_match"]


def test_an_empty_entry_stands_for_what_is_usual(
    librarian: None, draft: Decision, people: People, questions: CaseSet
) -> None:
    scorers = [{}, {"key": "token_f1", "settings": {"language": "other"}}, {"key": "contains"}]

    run = request_run(make_candidate(draft, people), questions, by=people.owner, scorers=scorers)

    assert keys(run)[:2] == ["token_f1", "normalised_match"]
    assert keys(run)[-1] == "contains"
    assert run.scorers[0]["settings"] == {"language": "other"}


@pytest.mark.parametrize(
    ("chosen", "sentence"),
    [
        ([{"key": "taste"}], "There is no scorer “taste”; known are: exact_match"),
        ([{"key": "regex"}], "Pattern: Pattern: Must not be empty"),
        ([{"key": "regex", "settings": {"pattern": "("}}], "This pattern can't be used"),
        ([{"key": "regex", "settings": {"patern": "x"}}], "patern: There is no such setting"),
        ([{"key": "contains"}, {"key": "contains"}], "can be chosen only once"),
        ([], "Choose at least one scorer"),
    ],
)
def test_what_cannot_be_used_is_said_in_a_sentence(chosen: Any, sentence: str) -> None:
    with pytest.raises(ScorerProblem) as found:
        configured(chosen)
    assert sentence in str(found.value)


def test_a_main_scorer_that_the_technique_feeds_nothing_is_refused(
    run: Run, case_set: CaseSet, people: People
) -> None:
    with pytest.raises(BadInput, match="retrieves nothing that Reciprocal rank could score"):
        request_run(run.candidate, case_set, by=people.owner, scorers=[{"key": "mrr"}])


def test_a_further_scorer_that_no_candidate_feeds_is_refused(
    run: Run, case_set: CaseSet, people: People
) -> None:
    other = make_candidate(run.candidate.decision, people, name="Other")
    with pytest.raises(BadInput, match="no candidate retrieves anything"):
        request_runs([other], case_set, by=people.owner, scorers=[{}, {"key": "mrr"}])


def test_a_run_under_way_is_not_another_run_with_other_scorers(
    run: Run, case_set: CaseSet, people: People
) -> None:
    assert request_run(run.candidate, case_set, by=people.owner) == run
    with pytest.raises(Exception, match="still being measured"):
        request_run(run.candidate, case_set, by=people.owner, scorers=[{}, {"key": "contains"}])


# Scoring


def test_every_answer_keeps_what_each_scorer_gave_it(asked: Run) -> None:
    work_through(asked)

    told = {one.case.input: one for one in asked.results.select_related("case")}
    depot, drives = told["Where is the depot?"], told["Who drives?"]
    opens, moon = told["When does it open?"], told["Is there a moon base?"]
    assert (depot.correct, depot.score) == (None, 1.0)
    assert depot.scores["groundedness"] == 1.0
    assert drives.score == pytest.approx(2 / 3)
    assert drives.scores["normalised_match"] == 0.0
    assert (moon.score, moon.scores["normalised_match"]) == (1.0, 1.0)
    assert opens.state == ResultState.FAILED
    assert set(opens.scores.values()) == {0.0}


def test_figures_have_both_denominators(asked: Run) -> None:
    work_through(asked)

    told = asked.metrics
    assert (told["attempted"], told["failed"]) == (4, 1)
    assert told["normalised_match"]["value"] == 50
    assert told["normalised_match"]["interval_method"] == "Wilson, 95%"
    assert told["of_answered"]["normalised_match"]["value"] == pytest.approx(200 / 3)
    assert told["token_f1"]["value"] == pytest.approx(100 * (1 + 2 / 3 + 1) / 4)
    assert told["token_f1"]["interval_method"] == "BCa bootstrap, 95%"
    assert "accuracy" not in told
    assert "macro_f1" not in told


def test_every_figure_becomes_evidence_under_its_own_scorer(asked: Run) -> None:
    work_through(asked)

    found = {one.metric: one for one in Evidence.objects.filter(candidate=asked.candidate)}
    assert {"normalised_match", "token_f1", "groundedness", "latency_p50"} <= set(found)
    assert found["token_f1"].conditions["scorer"] == "token_f1/1"
    assert found["latency_p50"].conditions["scorer"] == "token_f1/1"
    method = found["token_f1"].method
    assert "Of the 3 that were answered alone it is" in method
    assert "Language: English" in method


def test_a_main_scorer_by_degrees_calls_nothing_right_or_wrong(
    librarian: None, draft: Decision, people: People, questions: CaseSet
) -> None:
    scorers = [{"key": "token_f1"}]
    run = request_run(make_candidate(draft, people), questions, by=people.owner, scorers=scorers)
    work_through(run)

    answered = run.results.filter(state=ResultState.DONE)
    assert set(answered.values_list("correct", flat=True)) == {None}
    assert run.state == RunState.FINISHED


def test_trying_again_forgets_the_scores_of_what_failed(asked: Run, people: People) -> None:
    work_through(asked)
    retry_run(asked, by=people.owner)

    assert asked.results.get(state=ResultState.PENDING).scores == {}


def test_a_case_that_is_given_up_scores_nothing(asked: Run) -> None:
    asked.results.update(
        state=ResultState.CLAIMED, attempts=5, lease_until="2020-01-01T00:00Z", claimed_by="a:b"
    )
    assert work.give_up_on_deadly_cases(asked) == 4
    assert asked.results.filter(scores__token_f1=0.0).count() == 4


def test_only_further_scorers_change_the_digest_of_results() -> None:
    one = Outcome("a", "a", "a", True, 1.0, None, "w", scores={"exact_match": 1.0})
    other = replace(one, scores={"exact_match": 0.5})

    assert results_digest([one]) == results_digest([other])
    assert results_digest([one], with_scores=True) != results_digest([other], with_scores=True)


def test_a_scorer_counts_only_the_cases_it_applies_to() -> None:
    scoring = configured([{"key": "exact_match"}, {"key": "mrr"}])
    found = [
        Outcome(str(n), "a", "a", True, 1.0, None, "w", scores={"exact_match": 1.0, "mrr": value})
        for n, value in enumerate([1.0, 0.5, None, 0.25])
    ]

    told = figures(found, scoring)

    assert told["mrr"]["n"] == 3
    assert told["mrr"]["unit"] == ""
    assert told["mrr"]["value"] == pytest.approx(1.75 / 3)


def test_every_scorer_gives_a_figure_of_the_catalogue() -> None:
    from decisions.metrics import METRICS

    assert {one.metric for one in SCORERS.values()} <= set(METRICS)


def test_cases_fail_however_often_each_was_asked() -> None:
    found = [
        Outcome(str(n), "a", "a", n >= 5, None if n < 5 else 1.0, None, "w", repeat)
        for n in range(50)
        for repeat in range(10)
    ]

    told = figures(found, configured([{"key": "exact_match"}]))["error_rate"]

    assert (told["value"], told["n"]) == (10, 50)
    assert told["low"] == pytest.approx(4.35, abs=0.01)
