"""Full tuning of the encoder, where the extra is installed; a clear sentence where it is not."""

import asyncio
import importlib.util
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from evaluations.techniques import TECHNIQUES, Example, Material, PrepareError, Probe, Question
from evaluations.techniques.encoder_tuning import by_neighbour, is_installed, recall_tuned_encoder
from evaluations.techniques.interface import Label
from tests.evaluations.helpers import WORDS
from tests.evaluations.test_mining import Notebook

TUNED = TECHNIQUES["fine_tuning/encoder"]
TRAIN = [
    Example(f"My {word} and number {place}", team)
    for team, words in WORDS.items()
    for place, word in enumerate(words)
]
needs_extra = pytest.mark.skipif(not is_installed(), reason="the extra finetune is not installed")


def test_without_the_extra_the_reason_is_a_sentence(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    find = importlib.util.find_spec

    def without(name: str, *rest: Any) -> Any:
        return None if name == "torch" else find(name, *rest)

    monkeypatch.setattr(importlib.util, "find_spec", without)
    with pytest.raises(PrepareError, match="needs the extra “finetune”"):
        TUNED.prepare({}, TRAIN, cache=tmp_path)


def test_a_case_is_known_by_its_nearest_other_case() -> None:
    vectors = np.array([[1, 0], [0.9, 0.1], [0, 1], [0.1, 0.9]], dtype=np.float32)

    assert by_neighbour(vectors, ["a", "a", "b", "b"]) == [1, 1, 1, 1]
    assert by_neighbour(vectors, ["a", "b", "b", "b"]) == [0, 0, 1, 1]


@needs_extra
@pytest.mark.slow
def test_a_tuned_encoder_answers_and_is_tuned_once_and_always_the_same(tmp_path: Path) -> None:
    spec = {"epochs": 8, "learning_rate": 0.0005}
    first, again = (TUNED.prepare(spec, TRAIN, cache=tmp_path / "one") for _ in range(2))
    elsewhere = TUNED.prepare(spec, TRAIN, cache=tmp_path / "other")

    answers: list[Any] = [first.answer(Question(one.input)) for one in TRAIN]
    right = [found.output == one.expected for found, one in zip(answers, TRAIN, strict=True)]
    assert sum(right) >= 15
    assert first.facts["training_seconds"] > 0
    assert again.facts["training_seconds"] is None
    assert first.facts["encoder_digest"] == elsewhere.facts["encoder_digest"]


@needs_extra
@pytest.mark.slow
def test_what_a_tuned_encoder_forgot_is_told_by_the_neighbours_of_a_probe(tmp_path: Path) -> None:
    probe = Probe("Probe", "0" * 64, TRAIN, [Label(team) for team in WORDS])
    material = Material(TRAIN, cache=tmp_path, probe=probe)
    found = asyncio.run(recall_tuned_encoder(TUNED.validate({}), material, Notebook()))

    assert found["forgetting"]["n"] == len(TRAIN)
    assert -1 <= found["forgetting"]["difference"] <= 1
