"""Cases whose file says by its shape what they are, other kinds of cases, and JSON in pieces."""

import io
import json
import time
from pathlib import Path
from typing import Any

import pytest

from benchmarks.banking77 import data_directory
from decisions.policies import BadInput
from evaluations.freezing import CaseMaterial, import_case_set, import_corpus
from evaluations.importers.cases import (
    CaseFile,
    Columns,
    guessed,
    guessed_kind,
    shape_of,
)
from evaluations.importers.documents import DocumentFile
from evaluations.importers.json_rows import read_array
from evaluations.importers.json_stream import JsonStream
from evaluations.models import CaseKind, CaseSet, Corpus
from evaluations.previews import CasesPreview

NO_COLUMNS = Columns("", "")
DATASETS = data_directory("")
QUESTIONS = Columns("question", "answer", "id", references="references", relevant="relevant")


def squad(**more: Any) -> dict[str, Any]:
    """Two paragraphs with three questions: one answered twice, one once, one not at all."""
    river = {
        "context": "The Minho rises in Galicia and meets the sea at Caminha.",
        "qas": [
            {
                "id": "q1",
                "question": "Where does the Minho rise?",
                "answers": [
                    {"text": "Galicia", "answer_start": 19},
                    {"text": "Galicia", "answer_start": 19},
                    {"text": "in Galicia", "answer_start": 16},
                ],
            },
            {"id": "q2", "question": "How long is it?", "answers": [], "is_impossible": True},
        ],
    }
    bridge = {
        "context": "The bridge at Valença was built in 1886.",
        "qas": [
            {"id": "q3", "question": "When was it built?", "answers": [{"text": "1886"}]},
            {"id": "q4", "question": "Who built it?", "answers": []},
        ],
    }
    return {
        "version": "2.0",
        **more,
        "data": [{"title": "Minho_river", "paragraphs": [river, bridge]}],
    }


def written(folder: Path, told: Any, name: str = "cases.json") -> CaseFile:
    path = folder / name
    path.write_text(told if isinstance(told, str) else json.dumps(told), encoding="utf-8")
    return CaseFile(path)


def bring_in(*files: CaseFile, columns: Columns = NO_COLUMNS, **fields: Any) -> CaseSet:
    return import_case_set(name="Rivers", files=files, columns=columns, **fields).case_set


def test_the_paragraphs_of_squad_become_the_corpus_and_its_questions_the_cases(
    db: None, tmp_path: Path
) -> None:
    found = bring_in(written(tmp_path, squad()))

    first, impossible, third = found.cases.all()
    assert found.kind == CaseKind.QUESTION_ANSWERING
    assert (first.key, first.expected, first.references) == ("q1", "Galicia", ["in Galicia"])
    assert (first.relevant, third.relevant) == (["1.1"], ["1.2"])
    assert (impossible.expected, impossible.references, impossible.relevant) == ("", [], [])
    assert found.labels == []
    assert found.corpus is not None
    told = list(found.corpus.documents.values_list("key", "title"))
    assert told == [("1.1", "Minho river"), ("1.2", "Minho river")]


def test_a_preview_of_squad_says_what_would_come_in_and_what_is_left_out(
    db: None, tmp_path: Path
) -> None:
    files = [written(tmp_path, squad())]

    preview = CasesPreview.of(lambda: CaseMaterial(files, NO_COLUMNS))

    assert (preview.shape, preview.kind) == ("SQuAD", "Question answering with passages")
    assert preview.survey is not None
    assert preview.survey.counts == {"test": 3}
    assert (preview.passages, preview.survey.unanswerable) == (2, 1)
    assert preview.left_out == [("questions that name no answer", 1)]
    assert not CaseSet.objects.exists()


def test_the_same_squad_file_again_is_the_same_case_set_and_corpus(
    db: None, tmp_path: Path
) -> None:
    file = written(tmp_path, squad())

    assert bring_in(file) == bring_in(file)
    assert (CaseSet.everything.count(), Corpus.everything.count()) == (1, 1)


def test_another_paragraph_makes_the_cases_another_version(db: None, tmp_path: Path) -> None:
    first = bring_in(written(tmp_path, squad()))
    told = squad()
    told["data"][0]["paragraphs"][1]["context"] += " It is of iron."

    second = bring_in(written(tmp_path, told))

    assert (first.version, second.version) == (1, 2)
    assert list(Corpus.objects.order_by("version").values_list("version", flat=True)) == [1, 2]


def test_paragraphs_of_two_files_are_kept_apart(db: None, tmp_path: Path) -> None:
    other = squad()
    for paragraph in other["data"][0]["paragraphs"]:
        for question in paragraph["qas"]:
            question["id"] = f"train-{question['id']}"
    train = written(tmp_path, other, "train.json")
    test = written(tmp_path, squad(), "test.json")

    found = bring_in(CaseFile(train.path, "train"), CaseFile(test.path, "test"))

    assert found.corpus is not None
    assert found.corpus.documents_count == 4
    assert found.cases.get(key="train-q1").relevant == ["train-1.1"]


@pytest.mark.skipif(not DATASETS.exists(), reason="the data sets are not here")
def test_xquad_comes_in_whole(db: None) -> None:
    found = bring_in(CaseFile(DATASETS / "xquad_en" / "xquad.en.json"))

    told = json.loads((DATASETS / "xquad_en" / "xquad.en.json").read_text(encoding="utf-8"))
    paragraphs = [one for article in told["data"] for one in article["paragraphs"]]
    questions = [one for paragraph in paragraphs for one in paragraph["qas"]]
    assert found.counts == {"test": len(questions)} == {"test": 1190}
    assert found.corpus is not None
    texts = list(found.corpus.documents.values_list("text", flat=True))
    assert texts == [one["context"] for one in paragraphs]
    keys = set(found.corpus.documents.values_list("key", flat=True))
    assert {key for case in found.cases.all() for key in case.relevant} <= keys


@pytest.mark.skipif(not DATASETS.exists(), reason="the data sets are not here")
def test_banking77_comes_in_whole(db: None) -> None:
    files = [
        CaseFile(DATASETS / "banking77" / f"{split}.csv", split) for split in ("train", "test")
    ]
    found = bring_in(*files, columns=Columns("text", "category"))

    assert found.counts == {"train": 10_003, "test": 3_080}
    assert len(found.labels) == 77


def test_clinc150_is_known_by_its_shape_and_says_the_splits(db: None, tmp_path: Path) -> None:
    told = {
        "oos_val": [["sing me a song", "oos"]],
        "val": [["what is my balance", "balance"]],
        "train": [["how much money do i have", "balance"], ["book a flight", "book_flight"]],
        "oos_test": [["who are you", "oos"]],
        "test": [["balance please", "balance"]],
        "oos_train": [],
    }
    file = written(tmp_path, told)

    found = bring_in(file)

    shape = shape_of(file.path)
    assert shape is not None
    assert shape.key == "clinc150"
    assert found.counts == {"dev": 2, "train": 2, "test": 2}
    assert [label["slug"] for label in found.labels] == ["balance", "book_flight", "oos"]
    assert found.cases.get(key="dev-2").input == "what is my balance"


@pytest.mark.parametrize(
    ("told", "says"),
    [
        ({"train": [["a", "b"], ["a"]]}, "train, entry 2 is not a text and a label"),
        ({"train": [["a", "b"]], "more": []}, "“more” is not a part of CLINC150"),
        ({"train": [["a", " "]]}, "row 1: the label is empty"),
        ({"data": [{"paragraphs": [{"qas": []}]}]}, "article 1, paragraph 1 has no text"),
        (
            {"data": [{"paragraphs": [{"context": "a", "qas": [{"question": "b"}]}]}]},
            "paragraph 1.1, question 1 has no id or no text",
        ),
        (
            {"data": [{"paragraphs": [{"context": "a", "qas": [{"id": 1, "question": "b"}]}]}]},
            "paragraph 1.1, question 1 has no list of answers",
        ),
        ('{"data": [{"paragraphs": [{"context": "a", "qas": [', "not valid JSON"),
        ('{"train": [["a", "b"]]} {"test": []}', "something follows the end of the JSON"),
        ({"train": [["a", "b\0"]]}, "characters that are not text"),
    ],
)
def test_a_broken_shape_gets_one_sentence_and_leaves_nothing(
    db: None, tmp_path: Path, told: Any, says: str
) -> None:
    with pytest.raises(BadInput, match=r"cases\.json") as refused:
        bring_in(written(tmp_path, told))

    assert says in str(refused.value)
    assert not CaseSet.everything.exists()
    assert not Corpus.everything.exists()


def test_files_of_different_shapes_are_not_mixed(db: None, tmp_path: Path) -> None:
    rows = written(tmp_path, "text,label\na,x\n", "rows.csv")

    with pytest.raises(BadInput, match="do not have the same shape"):
        bring_in(written(tmp_path, squad()), rows)


# Other kinds, from rows


def handbook(folder: Path) -> Corpus:
    path = folder / "handbook.jsonl"
    path.write_text('{"id": "a", "text": "One"}\n{"id": "b", "text": "Two"}\n')
    return import_corpus(name="Handbook", files=[DocumentFile(path)]).corpus


def test_rows_name_other_right_answers_and_the_documents_that_hold_them(
    db: None, tmp_path: Path
) -> None:
    corpus = handbook(tmp_path)
    rows = (
        "id,question,answer,references,relevant\n"
        "1,How many?,One,1 | one,a\n"
        '2,And then?,Two,"[""2"", ""two""]",a|b\n'
    )
    found = bring_in(
        written(tmp_path, rows),
        columns=QUESTIONS,
        kind=CaseKind.QUESTION_ANSWERING,
        corpus=corpus,
    )

    told = list(found.cases.values_list("expected", "references", "relevant"))
    assert told == [("One", ["1", "one"], ["a"]), ("Two", ["2", "two"], ["a", "b"])]
    assert found.corpus == corpus


def test_a_list_of_answers_is_the_expected_one_and_the_others(db: None, tmp_path: Path) -> None:
    row = {"question": "Why?", "answers": ["because", "so", "because"]}

    found = bring_in(
        written(tmp_path, [row]), columns=Columns("question", "answers"), kind=CaseKind.FREE_TEXT
    )

    case = found.cases.get()
    assert (case.expected, case.references) == ("because", ["so"])


def test_every_part_of_a_case_is_hashed(db: None, tmp_path: Path) -> None:
    corpus = handbook(tmp_path)
    head = "id,question,answer,references,relevant\n"
    rows = ["1,q,a,b,a\n", "1,q,a,c,a\n", "1,q,a,b,b\n", "1,q,a,,a\n", "1,q,a,b,\n", "1,q,b,a,a\n"]
    kinds = [CaseKind.QUESTION_ANSWERING, CaseKind.FREE_TEXT]
    digests = {
        bring_in(written(tmp_path, head + row), columns=QUESTIONS, kind=kind, corpus=corpus).digest
        for row in rows
        for kind in kinds
    }

    assert len(digests) == len(rows) * len(kinds)


def test_a_document_that_the_corpus_lacks_is_named_and_leaves_nothing(
    db: None, tmp_path: Path
) -> None:
    file = written(tmp_path, "id,question,answer,references,relevant\n1,q,a,,z\n")

    with pytest.raises(BadInput, match="Case “1” names the document “z”, which Handbook"):
        bring_in(
            file, columns=QUESTIONS, kind=CaseKind.QUESTION_ANSWERING, corpus=handbook(tmp_path)
        )
    with pytest.raises(BadInput, match="it names documents, but no corpus was chosen"):
        bring_in(file, columns=QUESTIONS, kind=CaseKind.QUESTION_ANSWERING)
    assert not CaseSet.everything.exists()


def test_free_text_has_no_labels_and_no_limit_on_different_answers(
    db: None, tmp_path: Path
) -> None:
    rows = "\n".join(f"text {n},answer {n} {'x' * 300}" for n in range(5100))

    found = bring_in(
        written(tmp_path, f"text,answer\n{rows}\n"),
        columns=Columns("text", "answer"),
        kind=CaseKind.FREE_TEXT,
    )

    assert (found.total, found.labels) == (5100, [])


@pytest.mark.parametrize(
    ("names", "kind"),
    [
        (["text", "label"], CaseKind.CLASSIFICATION),
        (["question", "answer"], CaseKind.QUESTION_ANSWERING),
        (["text", "reference"], CaseKind.FREE_TEXT),
        (["query", "expected", "relevant"], CaseKind.QUESTION_ANSWERING),
        (["text", "category", "document"], CaseKind.CLASSIFICATION),
    ],
)
def test_the_kind_is_guessed_by_the_names_of_the_columns(names: list[str], kind: str) -> None:
    assert guessed_kind(guessed(names)) == kind


# JSON in pieces


def test_json_is_walked_without_holding_it() -> None:
    text = json.dumps(
        {"skip": {"a": [1, {"b": "]}"}] * 9}, "rows": [[n, "x" * 50] for n in range(9000)]}
    )
    stream, rows = JsonStream(io.StringIO(text)), []
    for key in stream.items():
        if key == "rows":
            rows = [stream.value() for _element in stream.elements()]
        else:
            stream.skip()
    stream.end()

    assert len(rows) == 9000
    assert len(stream._text) < 200_000


@pytest.mark.parametrize(
    "text", ["{", '{"a"', '{"a": [1, 2', "[" * 100_000, '{"a": 1,}', "nonsense"]
)
def test_json_that_is_none_is_refused_in_a_sentence(text: str) -> None:
    stream = JsonStream(io.StringIO(text))

    with pytest.raises(ValueError, match=r"\.$"):
        stream.skip()


def test_an_array_is_read_in_proportion_to_its_length() -> None:
    """Small rows in a large buffer, and one row of many buffers: both were quadratic once."""

    def seconds(text: str) -> float:
        began = time.perf_counter()
        assert sum(1 for _row in read_array(io.StringIO(text)))
        return time.perf_counter() - began

    small = json.dumps([{"a": 1}] * 40_000)
    large = json.dumps([{"a": "x" * 3_500_000}])
    assert seconds(small) < 2
    assert seconds(large) < 2
