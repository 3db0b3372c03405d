"""What every scorer promises, whatever it compares."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evaluations.scorers import SCORERS, CaseView, Score, Scorer
from evaluations.spec import SpecError

SETTINGS = {
    "regex": {"pattern": "a+"},
    "json_schema": {"schema": '{"type": "object"}'},
    "judge": {"endpoint": "ours", "model": "small"},
}
FULL = CaseView(
    expected="a cat sat",
    references=("the cat",),
    relevant=("d1", "d2"),
    retrieved=("d2", "d9"),
    passages=("A cat sat there.", "Dogs run."),
)
COMPUTED = sorted(key for key, scorer in SCORERS.items() if scorer.judge)
PURE = sorted(set(SCORERS) - {"embedding_similarity", "judge"})


def test_the_registry_holds_what_the_issue_asks_for() -> None:
    assert set(SCORERS) == {
        "exact_match",
        "normalised_match",
        "contains",
        "regex",
        "json_schema",
        "token_f1",
        "rouge_l",
        "embedding_similarity",
        "judge",
        "recall_at_k",
        "mrr",
        "ndcg",
        "groundedness",
        "citation_correctness",
    }


@pytest.mark.parametrize("key", COMPUTED)
def test_no_answer_is_a_failure_and_not_left_out(key: str) -> None:
    found = SCORERS[key].configured(SETTINGS.get(key)).score(None, FULL)
    assert found is not None
    assert (found.value, found.correct) == (0.0, False if SCORERS[key].decides else None)


@pytest.mark.parametrize("key", PURE)
@given(output=st.text(max_size=60))
def test_every_score_lies_between_0_and_1(key: str, output: str) -> None:
    found = SCORERS[key].configured(SETTINGS.get(key)).score(output, FULL)
    assert found is not None
    assert 0 <= found.value <= 1
    assert (found.correct is None) is not SCORERS[key].decides


@pytest.mark.parametrize("key", [key for key in PURE if "expected" in SCORERS[key].needs])
def test_a_question_without_an_answer_asks_for_silence(key: str) -> None:
    scorer = SCORERS[key].configured()
    values = [scorer.score(output, CaseView()).value for output in ("", "an answer", None)]  # type: ignore[union-attr]
    assert values == [1.0, 0.0, 0.0]


@pytest.mark.parametrize("key", [key for key in PURE if set(SCORERS[key].needs) - {"expected"}])
def test_a_case_without_what_the_scorer_needs_has_no_score(key: str) -> None:
    scorer = SCORERS[key].configured()
    assert scorer.score("an answer", CaseView(retrieved=("d1",))) is None
    assert scorer.score(None, CaseView(expected="  ")) is None


@pytest.mark.parametrize("key", [key for key in PURE if SCORERS[key].uses])
def test_a_technique_that_does_not_retrieve_has_no_score_for_it(key: str) -> None:
    case = CaseView(expected="a", relevant=("d1",))
    assert SCORERS[key].configured().score("an answer", case) is None


@pytest.mark.parametrize("key", [key for key in PURE if SCORERS[key].uses])
def test_retrieving_nothing_scores_0(key: str) -> None:
    case = CaseView(expected="a", relevant=("d1",), retrieved=(), passages=())
    assert SCORERS[key].configured().score("an answer [1].", case) == Score(0.0, None)


@pytest.mark.parametrize("key", [key for key in PURE if "retrieved" not in SCORERS[key].uses])
@pytest.mark.parametrize("output", ["", "   "])
def test_an_empty_answer_is_never_a_good_one(key: str, output: str) -> None:
    found = SCORERS[key].configured(SETTINGS.get(key)).score(output, FULL)
    assert found is not None
    assert found.value == 0


def test_settings_are_checked_field_by_field() -> None:
    with pytest.raises(SpecError) as refused:
        SCORERS["recall_at_k"].configured({"k": 0, "depth": 3})
    assert set(refused.value.problems) == {"k", "depth"}


def test_other_settings_make_another_scorer() -> None:
    recall = SCORERS["recall_at_k"]
    assert recall.configured().identity == "recall_at_k/1"
    assert recall.configured({"k": 5}).identity == "recall_at_k/1"
    other = recall.configured({"k": 10})
    assert other.identity.startswith("recall_at_k/1+")
    assert len(other.identity) <= 60
    assert other.identity.partition("/")[0] in SCORERS
    assert other.identity != recall.configured({"k": 1}).identity


@pytest.mark.parametrize("key", SCORERS)
def test_settings_are_stored_as_plain_json_and_come_back_the_same(key: str) -> None:
    configured = SCORERS[key].configured(SETTINGS.get(key))
    stored = json.loads(json.dumps(configured.settings))
    assert SCORERS[key].configured(stored) == configured


def test_a_verdict_of_a_model_or_a_person_comes_later() -> None:
    rating = Scorer("rating", "1", "Rating", "rating", None, judges="person")
    with pytest.raises(ValueError, match="judged by a person"):
        rating.configured().score("an answer", FULL)


def test_the_details_of_an_answer_say_what_was_retrieved() -> None:
    plain = CaseView("a").with_details({"retrieved": ["d1", "d2"], "passages": ["one", "two"]})
    assert (plain.retrieved, plain.passages) == (("d1", "d2"), ("one", "two"))
    rich = CaseView("a").with_details({"retrieved": [{"key": "d1", "text": "one"}]})
    assert (rich.retrieved, rich.passages) == (("d1",), ("one",))
    assert CaseView("a").with_details({"retrieved": ["d1"]}).passages is None
    assert CaseView("a").with_details({"retrieved": []}).passages == ()
    assert CaseView("a").with_details({}).retrieved is None
