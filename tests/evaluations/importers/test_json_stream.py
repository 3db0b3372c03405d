import json
import tracemalloc
from collections.abc import Iterator
from io import StringIO
from pathlib import Path
from typing import Any

import pytest

from evaluations.importers.measured import Format, Source
from evaluations.importers.results import json_stream, lm_eval, openai_evals, promptfoo
from evaluations.importers.results.json_stream import lines, outline, parts
from tests.evaluations.importers.reading import written

DOCUMENT = {
    "version": 3,
    "skipped": [{"deep": [1, 'a ] } " \\', {"x": None}]}, "text", 1.5e3, True],
    "results": {"rows": [{"a": 1}, [2], "three", 4, None], "more": {"b": 5}},
    "n": -12.5e-3,
}
PATTERNS = (("version",), ("results", "rows", "[]"), ("results", "*", "b"), ("n",))
FOUND = [
    (("version",), 3),
    *(
        (("results", "rows", at), value)
        for at, value in enumerate([{"a": 1}, [2], "three", 4, None])
    ),
    (("results", "more", "b"), 5),
    (("n",), -0.0125),
]


@pytest.mark.parametrize("chunk", [1, 2, 3, 7, 64, 65_536])
@pytest.mark.parametrize("indent", [None, 2])
def test_parts_are_the_same_wherever_a_chunk_ends(
    chunk: int, indent: int | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(json_stream, "CHUNK", chunk)
    file = StringIO(json.dumps(DOCUMENT, indent=indent))
    assert list(parts(file, PATTERNS)) == FOUND


def test_every_beginning_of_a_document_is_refused() -> None:
    whole = json.dumps(DOCUMENT)
    for end in range(len(whole)):
        with pytest.raises(ValueError):
            list(parts(StringIO(whole[:end]), PATTERNS))


def test_lines_are_counted_with_the_empty_ones() -> None:
    assert list(lines(StringIO('{"a": 1}\n\n[2]\n'))) == [(1, {"a": 1}), (3, [2])]


def test_an_outline_is_made_of_names_alone(tmp_path: Path) -> None:
    path = written(tmp_path, "file", {"a": {"b": [{"c": '"d": {'}]}, "e": 1})
    assert outline(path) == {("a",), ("a", "b"), ("a", "b", "[]", "c"), ("e",)}
    assert outline(written(tmp_path, "cut", '{"a": "text that goes on {"')) == {("a",)}


N = 6_000


def promptfoo_rows() -> Iterator[str]:
    for at in range(N):
        row = {"promptIdx": 0, "testIdx": at, "vars": {"a": f"{at} " * 50}, "success": True}
        yield json.dumps({**row, "response": {"output": "x" * 500}})


def samples() -> Iterator[str]:
    for at in range(N):
        told: dict[str, Any] = {"doc_id": at, "doc": {"q": f"{at} " * 50}, "target": "1"}
        yield json.dumps({**told, "filtered_resps": ["x" * 500], "acc": 1.0})


def events() -> Iterator[str]:
    yield '{"spec": {"run_id": "r"}}'
    for at in range(N):
        data = {"prompt": f"{at} " * 50, "sampled": "x" * 500, "correct": True}
        yield json.dumps({"sample_id": f"s.{at}", "type": "match", "data": data})


@pytest.mark.parametrize(
    ("form", "rows"),
    [
        (promptfoo.FORMAT, promptfoo_rows),
        (lm_eval.FORMAT, samples),
        (openai_evals.FORMAT, events),
    ],
)
def test_many_answers_pass_through_little_memory(form: Format, rows: Any, tmp_path: Path) -> None:
    path = tmp_path / "many.jsonl"
    with path.open("w") as file:
        file.writelines(f"{row}\n" for row in rows())
    tracemalloc.start()
    try:
        counted = sum(1 for _one in form.read(Source(path)))
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert counted > N
    assert path.stat().st_size > 4_000_000
    assert peak < 3_000_000  # most of it the numbers of repeats: some 100 bytes a case
