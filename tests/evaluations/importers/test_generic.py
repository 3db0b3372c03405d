"""Tables that no particular tool wrote: their columns are guessed, or said."""

from pathlib import Path
from typing import Any

import pytest

from evaluations.importers.measured import CaseFound, Source
from evaluations.importers.results import registry
from evaluations.importers.results.generic import FORMAT, columns_of
from evaluations.importers.rows import Unreadable
from tests.evaluations.importers.reading import Read, read, written

CSV = """id,question,prediction,label,correct,latency_ms,cost_usd,error
q1,Where is my card?,lost_card,lost_card,true,120.5,0.002,
q2,Top up?,refund,top_up,false,80,0.001,
q3,Fees?,,fees,,,,timeout
"""


def cases_of(folder: Path, content: str, **columns: str) -> list[CaseFound]:
    """Return the cases of a table whose columns are said, as far as they are."""
    source = Source(written(folder, "table.csv", content), columns=columns)
    return [one for one in FORMAT.read(source) if isinstance(one, CaseFound)]


def test_columns_are_known_by_usual_names(tmp_path: Path) -> None:
    found = read(FORMAT, written(tmp_path, "table.csv", CSV))
    assert found.verdicts("system") == (3, 1, 1, 1)
    first, _second, failed = found.cases["system"]
    assert (first.key, first.input, first.expected) == ("q1", "Where is my card?", "lost_card")
    assert (first.output, first.latency_ms, str(first.cost)) == ("lost_card", 120.5, "0.002")
    assert (failed.error, failed.output, failed.latency_ms) == ("timeout", None, None)


def test_a_row_without_an_answer_is_a_case_that_got_none(tmp_path: Path) -> None:
    content = "id,question,output,correct\nq1,A?,a,true\nq2,B?, ,\nq3,C?,,true\n"
    _right, lacking, silent = cases_of(tmp_path, content)
    assert (lacking.error, lacking.output) == ("The file has no answer here.", None)
    assert (silent.error, silent.correct) == ("", True)  # nothing was the right answer


def test_columns_can_be_said(tmp_path: Path) -> None:
    content = "frage;antwort;soll;note\nWer?;ich;ich;0.5\nWo?;hier;dort;1\n"
    said = {"input": "frage", "output": "antwort", "expected": "soll", "treue": "note"}
    first, second = cases_of(tmp_path, content, **said)
    assert (first.input, first.output, first.expected) == ("Wer?", "ich", "ich")
    assert (first.scores, second.scores) == ({"treue": 0.5}, {"treue": 1.0})


def test_a_column_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(Unreadable, match="it has no column “frage”; it has: question, output"):
        cases_of(tmp_path, "question,output\na,b\n", input="frage")


def test_a_table_without_known_columns_asks_for_them(tmp_path: Path) -> None:
    with pytest.raises(Unreadable, match="map them; it has: eins, zwei"):
        cases_of(tmp_path, "eins,zwei\na,b\n")


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.csv", "question,answer\nWho?,me\n"),
        ("a.tsv", "question\tanswer\nWho?\tme\n"),
        ("a.jsonl", '{"question": "Who?", "answer": "me"}\n{"question": "Who?", "answer": "me"}'),
        ("a.json", '[{"question": "Who?", "answer": "me"}]'),
        ("b.json", '{"results": [{"question": "Who?", "answer": "me"}], "by": "us"}'),
    ],
)
def test_a_tables_columns_are_named_in_any_shape(name: str, content: str, tmp_path: Path) -> None:
    source = Source(written(tmp_path, name, content))
    assert sorted(columns_of(source)) == ["answer", "question"]
    assert registry.detected(source).key == "generic"
    found = read(FORMAT, source.path)
    assert found.cases["system"][0].output == "me"


def test_a_column_of_models_makes_a_system_of_each(tmp_path: Path) -> None:
    content = "model,input,output,correct\na,Who?,me,1\nb,Who?,you,0\na,Why?,so,1\n"
    found = read(FORMAT, written(tmp_path, "t.csv", content))
    assert found.verdicts("a") == (2, 2, 0, 0)
    assert found.verdicts("b") == (1, 0, 1, 0)


def test_repeats_are_counted_or_said_from_nought_or_one(tmp_path: Path) -> None:
    plain = read(FORMAT, written(tmp_path, "a.csv", "id,input,output\nx,Who?,a\nx,Who?,b\n"))
    assert [one.repeat for one in plain.cases["system"]] == [0, 1]
    for start in (0, 1):
        lines = [f"x,Who?,a,{start + n}" for n in range(3)]
        content = "\n".join(["id,input,output,repeat", *lines])
        found = read(FORMAT, written(tmp_path, "b.csv", content))
        assert [one.repeat for one in found.cases["system"]] == [0, 1, 2]


def test_a_table_of_models_with_numbers_is_figures_alone(tmp_path: Path) -> None:
    content = "model,accuracy,p50_ms\nsmall,0.8,120\nlarge,0.9,800\n"
    found = read(FORMAT, written(tmp_path, "t.csv", content))
    assert not found.cases
    assert found.figures["large", "accuracy"].value == 0.9
    assert (found.figures["small", "p50_ms"].value, found.figures["small", "p50_ms"].unit) == (
        120,
        "ms",
    )


@pytest.mark.parametrize("value", ["nan", "NaN", "inf", "1e999", "n/a", "5", "-1", "x"])
def test_what_is_no_share_is_no_score(value: str, tmp_path: Path) -> None:
    content = f"input,output,score\nWho?,me,0.5\nWhy?,so,{value}\n"
    found = read(FORMAT, written(tmp_path, "t.csv", content))
    assert [one.scores["score"] for one in found.cases["system"]] == [0.5, None]
    assert "“score” has no score from 0 to 1" in found.lost_text


def test_what_has_no_place_is_kept_and_told(tmp_path: Path) -> None:
    content = "input,output,correct,note\nWho?,me,true,odd\n"
    found = read(FORMAT, written(tmp_path, "t.csv", content))
    assert found.cases["system"][0].details["note"] == "odd"
    assert "note: a column that has no place in a run" in found.lost_text


def values(found: Read, field: str) -> list[Any]:
    """Return one field of all cases."""
    return [getattr(one, field) for one in found.cases["system"]]


def test_a_verdict_that_is_neither_is_told(tmp_path: Path) -> None:
    content = "input,output,correct\nWho?,me,maybe\nWhy?,so,yes\n"
    found = read(FORMAT, written(tmp_path, "t.csv", content))
    assert values(found, "correct") == [None, True]
    assert "neither right nor wrong" in found.lost_text
