"""A model is handed what was found, answers from it and cites it; prompts are mined with it."""

import asyncio
import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from decisions.models import Decision
from evaluations.actions import request_run
from evaluations.freezing import import_case_set
from evaluations.importers.cases import CaseFile, Columns
from evaluations.measuring import measure
from evaluations.models import CaseSet, Endpoint, Run, RunState
from evaluations.run_page import RunPage
from evaluations.scorers import SCORERS
from evaluations.scorers.interface import CaseView
from evaluations.scorers.words import without_marks
from evaluations.spec import SpecError
from evaluations.techniques import (
    TECHNIQUES,
    Answer,
    Example,
    Label,
    Material,
    PrepareError,
    Question,
)
from evaluations.techniques.generation import cited
from evaluations.techniques.interface import Remote
from evaluations.techniques.reranking import order_in
from tests.evaluations.chats import Said, ToldChat
from tests.evaluations.helpers import make_candidate
from tests.evaluations.test_mining import Notebook
from tests.evaluations.test_rag import DOCUMENTS
from tests.factories import People
from tests.openai_server import ModelServer, serving

MODEL = {"endpoint": "lab", "model": "tiny"}
ASKED = "How much does a transfer abroad cost?"
Says = Callable[[Any, Any], str | Said]
generates = pytest.mark.parametrize("key", ["rag/generation", "hybrid/retrieval_and_mined_prompt"])
mines = pytest.mark.parametrize(
    "key", ["hybrid/retrieval_and_mined_prompt", "hybrid/examples_and_mined_prompt"]
)
DEV = [Example(ASKED, "two euros"), Example("How long does a new card take?", "five days")] * 4
TRAIN = [
    Example("What does a transfer abroad cost me?", "two euros"),
    Example("When does my new card arrive?", "five days"),
]


def copying(messages: Any, how: Any) -> str:
    """Answer with the first two numbered words that look like a price or a time, and cite."""
    last = messages[-1]["content"]
    passages, _text, question = last.rpartition("Question:")
    wanted = r"\w+ euros" if "transfer" in question else r"\w+ days"
    for number, passage in re.findall(r"\[(\d+)\] ([^\[]*)", passages):
        if found := re.search(wanted, passage):
            return f"{found[0]} [{number}]"
    return "I do not know."


def material(chat: ToldChat, folder: Path, **more: Any) -> Material:
    return Material(
        TRAIN, DEV, cache=folder, connect=lambda endpoint, model: chat, documents=DOCUMENTS, **more
    )


def generated(
    folder: Path, says: Says = copying, labels: Any = (), **spec: Any
) -> tuple[Answer, ToldChat]:
    """Ask the generating technique one question."""
    chat = ToldChat(says)
    technique = TECHNIQUES["rag/generation"]
    answerer: Any = technique.build(
        technique.validate(MODEL | spec), material(chat, folder, labels=labels)
    )
    assert isinstance(answerer, Remote)
    json.dumps(dict(answerer.facts))
    found = asyncio.run(answerer.answer(Question(ASKED)))
    json.dumps(found.details)
    return found, chat


def test_the_passages_found_are_numbered_in_the_prompt(tmp_path: Path) -> None:
    found, chat = generated(tmp_path, top_k=2, method="bm25", unit="document")
    prompt = chat.last_words[0]
    assert prompt.startswith(f"[1] {DOCUMENTS[0].text}\n\n[2] ")
    assert prompt.endswith(f"Question: {ASKED}")
    assert "cite its number" in chat.asked[0][0][0]["content"]
    assert found.details["retrieved"][0]["key"] == "fees"
    assert len(found.details["passages"]) == 2


def test_an_answer_keeps_its_citations_and_is_compared_without_them(tmp_path: Path) -> None:
    found, _chat = generated(tmp_path)
    assert found.output == "two euros [1]"
    assert found.details["citations"] == [1]
    view = CaseView("two euros", relevant=("fees",)).with_details(found.details)
    for scorer in (
        "exact_match",
        "token_f1",
        "rouge_l",
        "groundedness",
        "citation_correctness",
        "recall_at_k",
    ):
        score = SCORERS[scorer].configured().score(found.output, view)
        assert score is not None
        assert score.value == 1, scorer


def test_numbers_in_brackets_count_where_nothing_was_retrieved() -> None:
    found = SCORERS["exact_match"].configured().score("[1]", CaseView("[1]"))
    assert found is not None
    assert found.correct


@pytest.mark.parametrize(
    ("said", "numbers", "rest"),
    [
        ("308 [1].", [1], "308."),
        ("A [2, 3] and B[1] and C [2].", [2, 3, 1], "A and B and C."),
        ("No marks", [], "No marks"),
        ("[7]", [7], ""),
        ("[a] [1", [], "[a] [1"),
    ],
)
def test_citations_are_read_from_an_answer(said: str, numbers: list[int], rest: str) -> None:
    assert cited(said) == numbers
    assert without_marks(said) == rest


def test_a_user_waits_for_the_search_as_well_as_for_the_model(tmp_path: Path) -> None:
    found, _chat = generated(tmp_path)
    assert found.latency_ms is not None
    assert 100 < found.latency_ms < 10_000
    assert (found.input_tokens, found.output_tokens) == (10, 3)


def test_the_model_may_think_before_it_answers(tmp_path: Path) -> None:
    found, chat = generated(
        tmp_path,
        lambda messages, how: "It says so.\nAnswer: two euros [1]",
        reasoning="step_by_step",
    )
    assert found.output == "two euros [1]"
    assert "step by step" in chat.last_words[0]


def test_documents_can_help_to_choose_a_label(tmp_path: Path) -> None:
    labels = [Label("fees", "Fees"), Label("cards", "Cards")]
    found, chat = generated(
        tmp_path,
        lambda messages, how: "Fees [1]",
        labels=labels,
        message_template="{labels}\n{passages}\n{text}",
    )
    assert (found.output, found.details["said"]) == ("fees", "Fees [1]")
    assert found.details["citations"] == [1]
    assert chat.last_words[0].startswith("- fees\n- cards\n[1] ")


def test_a_model_is_asked_also_where_nothing_is_found(tmp_path: Path) -> None:
    chat = ToldChat(copying)
    technique = TECHNIQUES["rag/generation"]
    spec = technique.validate(MODEL | {"method": "bm25"})
    answerer: Any = technique.build(spec, material(chat, tmp_path))
    found = asyncio.run(answerer.answer(Question("xyzzy")))
    assert (found.output, found.details["reason"]) == ("I do not know.", "nothing was found")
    assert chat.last_words == ["Question: xyzzy"]


@generates
def test_a_prompt_without_the_passages_is_refused(key: str) -> None:
    technique = TECHNIQUES[key]
    for template in ("{text}", "{passages}", "{text} {passages} {other}"):
        with pytest.raises(SpecError) as error:
            technique.validate(MODEL | {"alternatives": "x", "message_template": template})
        assert "message_template" in error.value.problems


@generates
def test_generation_needs_a_server_and_says_where_it_searches(key: str, tmp_path: Path) -> None:
    technique = TECHNIQUES[key]
    assert technique.connects
    assert technique.needs_corpus
    spec = technique.validate(MODEL | ({"alternatives": "x"} if "mined" in key else {}))
    learned = {"mined_prompt": {"message": "{text}{passages}"}}
    with pytest.raises(PrepareError, match="needs a model server"):
        technique.build(spec, Material(documents=DOCUMENTS, cache=tmp_path, learned=learned))


def heeding(messages: Any, how: Any) -> str:
    """Answer rightly only if told to be exact."""
    told = " ".join(one["content"] for one in messages)
    if "Be exact." not in told:
        return "perhaps"
    return "two euros [1]" if "abroad" in messages[-1]["content"] else "five days [1]"


@mines
def test_a_prompt_is_mined_with_what_is_retrieved(key: str, tmp_path: Path) -> None:
    chat = ToldChat(heeding)
    technique = TECHNIQUES[key]
    assert technique.learn is not None
    spec = technique.validate(
        MODEL | {"alternatives": "Be quick.\n---\nBe exact.", "part": "context", "requests": 30}
    )
    found = material(chat, tmp_path)
    learned = asyncio.run(technique.learn(spec, found, Notebook()))  # type: ignore[arg-type]
    assert learned["mined_prompt"]["context"] == "Be exact."
    for messages, _how in chat.asked:
        told = " ".join(one["content"] for one in messages)
        assert ("[1] " in told) if "retrieval" in key else (TRAIN[0].input in told)

    answerer: Any = technique.build(spec, material(chat, tmp_path, learned=learned))
    answer = asyncio.run(answerer.answer(Question("What does a transfer abroad cost?")))
    assert answer.output == "two euros [1]"


def test_similar_examples_need_training_cases(tmp_path: Path) -> None:
    technique = TECHNIQUES["hybrid/examples_and_mined_prompt"]
    spec = technique.validate(MODEL | {"alternatives": "Be exact."})
    bare = Material(dev=DEV, cache=tmp_path, connect=lambda endpoint, model: ToldChat(heeding))
    assert technique.learn is not None
    with pytest.raises(PrepareError, match="no training examples"):
        asyncio.run(technique.learn(spec, bare, Notebook()))  # type: ignore[arg-type]


# Runs at a server that speaks the protocol


@pytest.fixture
def server() -> Iterator[ModelServer]:
    """A server whose model reads the passages in its prompt."""
    with serving(answer=lambda messages: copying(messages, {})) as found:
        yield found


@pytest.fixture
def endpoint(server: ModelServer, people: People) -> Endpoint:
    return Endpoint.objects.create(
        name="Ours",
        slug="ours",
        base_url=server.url,
        key=server.key,
        timeout=5,
        retries=2,
        concurrency=4,
        created_by=people.owner,
    )


@pytest.fixture
def questions(db: None, tmp_path: Path) -> CaseSet:
    """Two questions to test and two to develop on, with the documents that answer them."""
    asked = {"fees": (ASKED, "two euros"), "cards": ("How long does a card take?", "five days")}
    files = []
    for split in ("test", "dev"):
        paragraphs = [
            {
                "context": one.text,
                "qas": [
                    {
                        "id": f"{split} {one.key}",
                        "question": text if split == "test" else f"Please: {text}",
                        "answers": [{"text": answer}],
                    }
                    for key, (text, answer) in asked.items()
                    if key == one.key
                ],
            }
            for one in DOCUMENTS
        ]
        path = tmp_path / f"{split}.json"
        path.write_text(json.dumps({"data": [{"title": "Bank", "paragraphs": paragraphs}]}))
        files.append(CaseFile(path, split=split))
    return import_case_set(name="Bank", files=files, columns=Columns("", "")).case_set


@pytest.mark.parametrize(
    ("key", "more"),
    [
        ("rag/generation", {}),
        (
            "hybrid/retrieval_and_mined_prompt",
            {"alternatives": "{passages}\n\nThe Question: {text}", "part": "message"},
        ),
    ],
)
def test_a_run_generates_from_the_corpus_at_a_server(
    key: str,
    more: dict[str, Any],
    questions: CaseSet,
    draft: Decision,
    people: People,
    server: ModelServer,
    endpoint: Endpoint,
) -> None:
    spec = {"endpoint": "ours", "model": "small", **more}
    candidate = make_candidate(draft, people, key, settings=spec)
    run = request_run(candidate, questions, by=people.owner)
    measure(run, lambda: False)
    run.refresh_from_db()

    assert run.state == RunState.FINISHED
    assert {one.output for one in run.results.all()} == {"two euros [1]", "five days [1]"}
    for result in run.results.all():
        assert result.case.expected in result.details["passages"][0]
        assert result.details["citations"] == [1]
        assert result.input_tokens
    assert run.artefact["chunks"] > 0
    assert "[1] " in server.chats[-1].json["messages"][-1]["content"]
    assert ("learning_curve" in run.artefact) == (key == "hybrid/retrieval_and_mined_prompt")


# Ordered anew by the model


def ordering(order: str) -> Says:
    """Order passages as told, and answer by copying from the first."""

    def says(messages: Any, how: Any) -> str:
        return order if "You order numbered" in messages[0]["content"] else copying(messages, how)

    return says


RERANKED = {"rerank": "model", "method": "bm25", "unit": "document", "top_k": 2}


def test_a_model_orders_what_was_found_and_answers_from_its_first(tmp_path: Path) -> None:
    plain, _chat = generated(tmp_path, top_k=3, method="bm25", unit="document")
    keys = [one["key"] for one in plain.details["retrieved"]]

    found, chat = generated(tmp_path, ordering("[2] > [7] > [1] > [2]"), **RERANKED)

    assert [one["key"] for one in found.details["retrieved"]] == [keys[1], keys[0]]
    assert found.details["reranked"] is True
    assert len(chat.asked) == found.details["requests"] == 2
    assert (found.input_tokens, found.output_tokens) == (20, 6)
    assert found.latency_ms is not None
    assert found.latency_ms >= 200


@pytest.mark.parametrize("said", ["I cannot tell.", "", "[99]"])
def test_an_order_that_cannot_be_read_keeps_what_was_found(tmp_path: Path, said: str) -> None:
    plain, _chat = generated(tmp_path, top_k=2, method="bm25", unit="document")
    found, _chat = generated(tmp_path, ordering(said), **RERANKED)

    assert found.details["retrieved"] == plain.details["retrieved"]
    assert found.details["reranked"] is False


@pytest.mark.parametrize(
    ("said", "places"),
    [
        ("[3] > [1] > [2]", [2, 0, 1]),
        ("Of 3 passages: [2] is best, then [1].", [1, 0]),
        ("3, 1, 2", [2, 0, 1]),
        ("2", [1]),
        ("[0] > [4]", []),
        ("[123456789]", []),
    ],
)
def test_an_order_is_read_however_it_is_written(said: str, places: list[int]) -> None:
    assert order_in(said, 3) == places


def test_a_prompt_is_not_mined_with_an_order_that_a_model_gives() -> None:
    technique = TECHNIQUES["hybrid/retrieval_and_mined_prompt"]
    with pytest.raises(SpecError, match="rerank"):
        technique.validate(MODEL | {"rerank": "model", "alternatives": "a\n---\nb"})


@pytest.mark.django_db
def test_the_page_says_how_often_the_model_gave_no_order(run: Run) -> None:
    run.spec, run.state = run.spec | {"rerank": "model"}, RunState.FINISHED
    assert RunPage(run).rerank_note == ""
    run.results.filter(pk=run.results.values("pk")[:1]).update(details={"reranked": False})
    assert RunPage(run).rerank_note.startswith("To 1 question the model gave no order")
