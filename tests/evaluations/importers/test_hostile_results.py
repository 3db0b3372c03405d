"""Files from strangers: cut off, twisted or absurd, they give one sentence or a sound reading."""

import json
import random
from pathlib import Path
from typing import Any

import pytest

from evaluations.importers.measured import CaseFound, Source
from evaluations.importers.results import registry
from evaluations.importers.rows import Unreadable
from evaluations.importers.surveying import surveyed
from tests.evaluations.importers.reading import OWN

FILES = {
    path.name: path
    for path in sorted(OWN.rglob("*"))
    if path.is_file() and path.stat().st_size < 150_000
}
SENTENCE = 1_000  # characters that a sentence to a person has at most


def refused(path: Path, form: Any = None) -> str:
    """Read a file, in the format it seems to be in; return the sentence that stopped it, or ""."""
    source = Source(path, "theirs")
    try:
        survey = surveyed(source, form or registry.detected(source))
    except Unreadable as sentence:
        return str(sentence)
    json.dumps(survey.as_plain(), allow_nan=False)
    return ""


def read_safely(path: Path) -> str:
    """Read a file; return the one sentence that stopped it, which names the file, or ""."""
    said = refused(path)
    assert len(said) < SENTENCE
    assert "\n" not in said
    assert not said or "theirs" in said
    return said


@pytest.mark.parametrize("name", FILES)
def test_a_file_that_is_cut_off_is_one_sentence_or_a_sound_part(name: str, tmp_path: Path) -> None:
    whole, path = FILES[name].read_bytes(), tmp_path / "cut"
    for part in (0.1, 0.5, 0.9, 0.999):
        path.write_bytes(whole[: int(len(whole) * part)])
        said = read_safely(path)
        is_text = not name.endswith((".eval", ".csv", ".jsonl"))
        assert said or not is_text, f"{part} of {name} was taken for the whole"


@pytest.mark.slow
@pytest.mark.parametrize("name", FILES)
def test_a_file_with_turned_bytes_never_breaks_a_reader(name: str, tmp_path: Path) -> None:
    generator, path = random.Random(name), tmp_path / "turned"
    for _attempt in range(5):
        content = bytearray(FILES[name].read_bytes())
        for _byte in range(generator.randint(1, 20)):
            content[generator.randrange(len(content))] = generator.randrange(256)
        path.write_bytes(content)
        read_safely(path)


def twisted(value: Any, generator: random.Random) -> Any:
    """Return JSON of which some parts have become something else."""
    odd: list[Any] = [None, True, -1, 1e308, "", "x" * 300, [], {}, [[]], {"a": {"b": []}}, 2**70]
    if generator.random() < 0.03:
        return generator.choice(odd)
    if isinstance(value, dict):
        return {key: twisted(one, generator) for key, one in value.items()}
    return [twisted(one, generator) for one in value] if isinstance(value, list) else value


@pytest.mark.slow
@pytest.mark.parametrize("name", [one for one in FILES if one.endswith(("json", "jsonl"))])
def test_parts_of_the_wrong_kind_never_break_a_reader(name: str, tmp_path: Path) -> None:
    generator, path = random.Random(name), tmp_path / "twisted"
    lines = FILES[name].read_text().splitlines() if name.endswith("jsonl") else []
    values = [json.loads(one) for one in lines] or [json.loads(FILES[name].read_text())]
    for _attempt in range(8):
        told = (json.dumps(twisted(one, generator)) for one in values)
        path.write_text("\n".join(told))
        read_safely(path)


ABSURD = {
    "empty": b"",
    "white space": b" \n\t ",
    "a photo": bytes(range(256)) * 40,
    "deep": b"[" * 200_000 + b"]" * 200_000,
    "deep objects": b'{"a":' * 200_000 + b"1" + b"}" * 200_000,
    "not UTF-8": b'{"results": [{"input": "\xff\xfe"}]}',
    "UTF-16": '[{"input": "a", "correct": true}]'.encode("utf-16"),
    "one endless line": b'{"input": "' + b"a" * 5_000_000 + b'", "correct": true}\n{"input": "b"}',
    "endless number": b'[{"input": "a", "score": ' + b"9" * 100_000 + b"}]",
    "many columns": b",".join(b"c%d" % n for n in range(5_000)) + b"\n" + b"1," * 4_999 + b"1",
    "a zip of nothing": b"PK\x05\x06" + bytes(18),
    "a broken zip": b"PK\x03\x04" + bytes(200),
    "surrogates": b'[{"input": "\\ud800", "correct": true}]',
    "NUL": b'[{"input": "a\\u0000b", "correct": true}]',
    "twice the same key": b'{"cases": [], "cases": 1, "failures": {}, "name": []}',
    "quotes without end": b'input,correct\n"a,true\n' * 3,
}


@pytest.mark.parametrize("name", ABSURD)
def test_an_absurd_file_is_one_sentence(name: str, tmp_path: Path) -> None:
    path = tmp_path / "absurd"
    path.write_bytes(ABSURD[name])
    assert read_safely(path) or name in {"quotes without end", "endless number"}


@pytest.mark.slow
@pytest.mark.parametrize("form", registry.FORMATS, ids=lambda form: form.key)
@pytest.mark.parametrize("name", ABSURD)
def test_an_absurd_file_read_as_what_it_is_not_is_one_sentence(
    form: Any, name: str, tmp_path: Path
) -> None:
    path = tmp_path / "absurd"
    path.write_bytes(ABSURD[name])
    assert form.detect(Source(path)) in (True, False)
    assert len(refused(path, form)) < SENTENCE


def test_numbers_beyond_any_scale_are_no_scores(tmp_path: Path) -> None:
    path = tmp_path / "odd.json"
    path.write_text('[{"input": "a", "output": "b", "score": 1e999, "correct": true}]')
    source = Source(path)
    (case,) = [one for one in registry.detected(source).read(source) if isinstance(one, CaseFound)]
    assert (case.scores, case.correct) == ({"score": None}, True)
