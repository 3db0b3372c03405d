"""A corpus is cut, indexed and searched the same way every time, and says what it is."""

import itertools
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from decisions.models import Decision
from decisions.policies import BadInput
from evaluations.actions import request_run
from evaluations.encoder import get_encoder
from evaluations.freezing import import_case_set
from evaluations.importers.cases import CaseFile, Columns
from evaluations.models import CaseSet
from evaluations.run_page import RunPage
from evaluations.scorers import SCORERS
from evaluations.scorers.interface import CaseView
from evaluations.techniques import TECHNIQUES, Answer, Document, Material, PrepareError, Question
from evaluations.techniques.chunking import Chunking, passages_of
from evaluations.techniques.indexes import (
    Bm25Index,
    DenseIndex,
    ReorderedIndex,
    SentenceIndex,
    marginal,
    sentences,
)
from evaluations.techniques.searching import METHODS, RERANKINGS, Search
from tests.evaluations.helpers import make_candidate, make_case_set, work_through
from tests.evaluations.test_techniques import OFFLINE, TRAIN
from tests.factories import People

DOCUMENTS = [
    Document(
        "fees",
        "A transfer abroad costs two euros. Transfers within the country are free. "
        "Cash from a machine costs one euro after the fifth time in a month.",
        "Fees",
    ),
    Document(
        "cards",
        "A new card arrives by post within five days. A stolen card is locked in the app. "
        "The code of a card is shown there as well.",
        "Cards",
    ),
    Document(
        "accounts",
        "An account is closed on the last day of a month. Two people can share one account. "
        "To open an account, show your passport to the camera.",
        "Accounts",
    ),
]
QUESTIONS = {
    "How much does a transfer abroad cost?": "fees",
    "My card was stolen, what now?": "cards",
    "Can I share an account with my wife?": "accounts",
}
methods = pytest.mark.parametrize("method", [key for key, _label in METHODS])
searches = pytest.mark.parametrize("key", ["rag/retrieval", "rag/extraction"])


def prepared(key: str, folder: Path, documents: Any = DOCUMENTS, **spec: Any) -> Any:
    return TECHNIQUES[key].prepare(spec, [], documents=documents, cache=folder)


def keys(answer: Answer) -> list[str]:
    return [one["key"] for one in answer.details["retrieved"]]


@methods
@pytest.mark.parametrize("rerank", [key for key, _label in RERANKINGS])
@pytest.mark.parametrize("unit", ["document", "tokens"])
def test_every_way_of_searching_finds_the_document_that_answers(
    method: str, rerank: str, unit: str, tmp_path: Path
) -> None:
    spec = {"method": method, "rerank": rerank, "unit": unit, "size": 20}
    answerer = prepared("rag/retrieval", tmp_path, **spec)
    assert {text: keys(answerer.answer(Question(text)))[0] for text in QUESTIONS} == QUESTIONS


@searches
@methods
def test_the_same_spec_and_corpus_give_the_same_answers(
    key: str, method: str, tmp_path: Path
) -> None:
    first, second = (prepared(key, tmp_path / part, method=method) for part in "ab")
    for text in [*QUESTIONS, "", "xyzzy", "🙂"]:
        assert first.answer(Question(text)) == second.answer(Question(text))


ANSWERS_ALL = """
import json, sys
from pathlib import Path
from evaluations.techniques import TECHNIQUES, Document, Example, Question
keys, train, documents, questions = json.loads(sys.stdin.read())
train = [Example(*one) for one in train]
documents = [Document(*one) for one in documents]
for key in keys:
    answerer = TECHNIQUES[key].prepare({}, train, documents=documents, cache=Path(sys.argv[1]))
    print(key, json.dumps([repr(answerer.answer(Question(one))) for one in questions]))
"""


@pytest.mark.slow
def test_another_process_gives_the_same_answers(tmp_path: Path) -> None:
    train = [(one.input, one.expected) for one in TRAIN]
    documents = [(one.key, one.text, one.title) for one in DOCUMENTS]
    keys = [*(one.key for one in OFFLINE), "rag/retrieval", "rag/extraction"]
    told = json.dumps([keys, train, documents, [*QUESTIONS, "my card", "xyzzy"]])
    printed = []
    for seed in "12":
        run = subprocess.run(
            [sys.executable, "-c", ANSWERS_ALL, str(tmp_path / seed)],
            input=told,
            capture_output=True,
            text=True,
            check=True,
            env=os.environ | {"PYTHONHASHSEED": seed},
        )
        printed.append(run.stdout)
    assert printed[0] == printed[1]
    assert len(printed[0].splitlines()) == len(keys)


@searches
def test_answers_and_facts_of_a_search_can_be_stored(key: str, tmp_path: Path) -> None:
    answerer = prepared(key, tmp_path, unit="tokens", size=20)
    answer = answerer.answer(Question("How much does a transfer cost?"))
    json.dumps([answer.details, dict(answerer.facts)], allow_nan=False)
    assert answerer.facts["documents"] == 3
    assert answerer.facts["chunks"] > 3
    assert answerer.facts["index_build_seconds"] > 0
    assert answerer.facts["index_bytes"] > 0


def test_what_is_found_can_be_scored_as_retrieval(tmp_path: Path) -> None:
    answer = prepared("rag/retrieval", tmp_path).answer(Question("Is my card locked?"))
    view = CaseView(relevant=("cards",)).with_details(answer.details)
    assert view.passages == (answer.output,)
    for scorer in ("recall_at_k", "mrr", "ndcg"):
        found = SCORERS[scorer].configured().score(answer.output, view)
        assert found is not None
        assert found.value == 1


def test_a_document_is_listed_once_at_the_rank_of_its_best_passage(tmp_path: Path) -> None:
    answerer = prepared("rag/retrieval", tmp_path, method="bm25", unit="characters", size=40)
    answer = answerer.answer(Question("card account card"))
    assert answerer.facts["chunks"] > 8
    assert sorted(keys(answer)) == ["accounts", "cards"]
    scores = [one["score"] for one in answer.details["retrieved"]]
    assert scores == sorted(scores, reverse=True)


def test_no_more_than_top_k_documents_are_kept(tmp_path: Path) -> None:
    answerer = prepared("rag/retrieval", tmp_path, method="dense", top_k=2)
    assert len(keys(answerer.answer(Question("card")))) == 2


@searches
def test_where_nothing_is_found_the_answer_is_empty_and_says_so(key: str, tmp_path: Path) -> None:
    answer = prepared(key, tmp_path, method="bm25").answer(Question("xyzzy"))
    assert (answer.output, answer.details) == (
        "",
        {"retrieved": [], "passages": [], "reason": "nothing was found"},
    )


@searches
@pytest.mark.parametrize("text", ["", "  ", "\x00", "?!", "long " * 5000, "日本語", "{text}"])
def test_any_question_can_be_asked_of_a_corpus(key: str, text: str, tmp_path: Path) -> None:
    json.dumps(prepared(key, tmp_path).answer(Question(text)).details)


@searches
@pytest.mark.parametrize("documents", [[], [Document("blank", " \n")]])
def test_a_corpus_without_text_is_refused_in_a_sentence(
    key: str, documents: list[Document], tmp_path: Path
) -> None:
    with pytest.raises(PrepareError, match=r"no documents to search in\.$"):
        prepared(key, tmp_path, documents)


def test_a_title_can_be_indexed_with_its_passages(tmp_path: Path) -> None:
    documents = [Document("a", "It costs one euro.", "Zebras"), Document("b", "It costs two euro.")]
    plain, titled = (
        prepared("rag/retrieval", tmp_path, documents, method="bm25", indexed=indexed)
        for indexed in ("text", "titled")
    )
    assert keys(plain.answer(Question("zebra"))) == []
    answer = titled.answer(Question("zebra"))
    assert (keys(answer), answer.output) == (["a"], "It costs one euro.")


def test_the_answer_that_is_extracted_is_the_closest_sentence_with_its_passage(
    tmp_path: Path,
) -> None:
    answerer = prepared("rag/extraction", tmp_path, unit="document")
    answer = answerer.answer(Question("How much does a transfer abroad cost?"))
    assert answer.output == "A transfer abroad costs two euros. [1]"
    assert answer.details["citations"] == [1]
    view = CaseView("two euros").with_details(answer.details)
    for scorer in ("groundedness", "citation_correctness"):
        found = SCORERS[scorer].configured().score(answer.output, view)
        assert found is not None
        assert found.value == 1


def test_an_extracted_answer_can_have_several_sentences_in_their_order(tmp_path: Path) -> None:
    answerer = prepared("rag/extraction", tmp_path, unit="document", top_k=1, sentences=2)
    answer = answerer.answer(Question("Stolen card, what is its code?"))
    assert answer.output == (
        "A stolen card is locked in the app. [1] The code of a card is shown there as well. [1]"
    )


@pytest.mark.parametrize("unit", ["characters", "tokens"])
def test_passages_are_no_longer_than_asked_and_lose_no_word(unit: str) -> None:
    text = " ".join(f"Sentence number {n} says something." for n in range(60))
    cut = passages_of([Document("long", text)], Chunking(unit, 50))
    assert len(cut) > 5
    for one in cut:
        assert text[one.start : one.start + len(one.text)] == one.text
        tokens = get_encoder()._tokenizer.encode(one.text, add_special_tokens=False)
        assert (len(one.text) if unit == "characters" else len(tokens.ids)) <= 50
    assert " ".join(one.text for one in cut) == text


def test_passages_may_overlap() -> None:
    text = " ".join(f"Sentence {n}." for n in range(30))
    cut = passages_of([Document("long", text)], Chunking("characters", 60, 30))
    for before, after in itertools.pairwise(cut):
        assert before.start < after.start <= before.start + len(before.text)
    assert any(after.start < b.start + len(b.text) for b, after in itertools.pairwise(cut))


def test_whole_documents_stay_whole() -> None:
    cut = passages_of(DOCUMENTS, Chunking("document"))
    assert [(one.key, one.text, one.title) for one in cut] == [
        (one.key, one.text, one.title) for one in DOCUMENTS
    ]


def test_an_overlap_as_long_as_a_passage_is_refused_in_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(PrepareError, match=r"overlap .* shorter than a passage\.$"):
        prepared("rag/retrieval", tmp_path, unit="tokens", size=50, overlap=50)


def test_sentences_are_cut_at_their_ends_and_lines() -> None:
    assert sentences("One is 3.5 m. Two?\n* * *\nThree") == ["One is 3.5 m.", "Two?", "Three"]
    assert sentences(" ?! ") == []


def test_a_text_is_as_close_as_its_closest_sentence(tmp_path: Path) -> None:
    material = Material(cache=tmp_path)
    texts = ["Cats purr. The train is late.", "?", "The bus is late."]
    found = SentenceIndex.build(texts, material).scores("The train is late.")
    assert found[0] == pytest.approx(1, abs=1e-5)
    assert found.shape == (3,)
    assert found[0] > found[2] > found[1]


def test_reordering_keeps_what_was_found_and_nothing_else(tmp_path: Path) -> None:
    texts = ["the red car", "the red bicycle", "a green tree", "the red red red"]
    first = Bm25Index(texts, "none")
    second = DenseIndex.build(texts, Material(cache=tmp_path))
    found = ReorderedIndex(first, second, 3).scores("red bike")
    assert list(np.flatnonzero(found)) == [0, 1, 3]
    assert found.argmax() == 1


def test_novelty_puts_what_was_said_already_last() -> None:
    vectors = np.array([[1, 0], [1, 0], [0, 1]], dtype=np.float32)
    near = np.array([0.9, 0.8, 0.5])
    assert list(marginal(near, vectors, 1.0)) == [0, 1, 2]
    assert list(marginal(near, vectors, 0.5)) == [0, 2, 1]


def test_documents_take_the_score_of_their_best_passage() -> None:
    class Told:
        facts: dict[str, Any] = {}

        def scores(self, question: str) -> Any:
            return np.array([0.0, 2.0, 1.0, 3.0, 0.0])

    texts = [Document(key, "a b. c d.") for key in ("x", "y", "z")]
    cut = passages_of(texts, Chunking("characters", 5))
    search = Search([*cut[:2], *cut[2:4], cut[4]], Told(), 0, "")
    found = search.documents_for("", 3)
    assert [(one.passage.key, one.passage.text, one.score) for one in found] == [
        ("y", "c d.", 3.0),
        ("x", "c d.", 2.0),
    ]
    assert [one.passage.key for one in search.passages_for("", 3)] == ["y", "x", "y"]


# Runs


@pytest.fixture
def questions(db: None, tmp_path: Path) -> CaseSet:
    """Questions with the documents that answer them, and their corpus."""
    told = {
        "data": [
            {
                "title": "Bank",
                "paragraphs": [
                    {
                        "context": one.text,
                        "qas": [
                            {"id": text, "question": text, "answers": [{"text": "x"}]}
                            for text, key in QUESTIONS.items()
                            if key == one.key
                        ],
                    }
                    for one in DOCUMENTS
                ],
            }
        ]
    }
    path = tmp_path / "bank.json"
    path.write_text(json.dumps(told))
    return import_case_set(name="Bank", files=[CaseFile(path)], columns=Columns("", "")).case_set


def test_a_run_searches_the_corpus_of_its_case_set(
    questions: CaseSet, draft: Decision, people: People
) -> None:
    candidate = make_candidate(draft, people, "rag/retrieval", settings={"method": "bm25"})
    run = request_run(candidate, questions, by=people.owner)
    work_through(run)

    assert questions.corpus is not None
    assert run.artefact["corpus_digest"] == questions.corpus.digest
    assert (run.artefact["documents"], run.artefact["chunks"]) == (3, 3)
    assert dict(RunPage(run).artefact)["Searches"].startswith(
        "3 documents in 3 passages, indexed in "
    )
    for result in run.results.all():
        assert result.details["retrieved"][0]["key"] == result.case.relevant[0]


def test_a_case_set_without_a_corpus_is_refused_in_a_sentence(
    draft: Decision, people: People, tmp_path: Path
) -> None:
    path = tmp_path / "answers.csv"
    path.write_text("id,input,expected\n1,What is it?,A pear\n")
    columns = Columns(input="input", label="expected")
    found = import_case_set(
        name="Answers", files=[CaseFile(path)], columns=columns, kind="free_text"
    ).case_set
    candidate = make_candidate(draft, people, "rag/retrieval")
    with pytest.raises(BadInput, match=r"searches in documents; Answers.* has no corpus\.$"):
        request_run(candidate, found, by=people.owner)


def test_a_search_has_no_labels_to_answer_with(
    case_set: CaseSet, draft: Decision, people: People
) -> None:
    candidate = make_candidate(draft, people, "rag/retrieval")
    with pytest.raises(BadInput, match=r"answers questions; .* asks for labels\.$"):
        request_run(candidate, case_set, by=people.owner)


def test_what_searches_nothing_loads_no_documents(
    case_set: CaseSet, draft: Decision, people: People, tmp_path: Path
) -> None:
    from evaluations.measuring import material_of

    run = request_run(make_candidate(draft, people), make_case_set(tmp_path), by=people.owner)
    assert material_of(run).documents == ()
