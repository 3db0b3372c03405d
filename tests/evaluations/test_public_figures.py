"""What the techniques reach on public data stays what it was.

Of Banking77 a part is enough to see that; docs/benchmarks/techniques.md has those of the whole.
"""

from pathlib import Path
from typing import Any

import pytest

from benchmarks.banking77 import data_directory, measured, read
from benchmarks.techniques import Asked, answered, scored, xquad
from evaluations.techniques import Document

# All in one process, for they share their embeddings.
pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("public figures")]
LEARNED = 4  # of Banking77's training messages, every fourth: 2,501
EVERY = 10  # of its test messages, every tenth: 308
# Key, accuracy on those. Nearly equal scores may fall otherwise on another processor.
ACCURACIES = [
    ("prompting/zero_shot", 0.6461),
    ("prompting/few_shot_centroid", 0.7955),
    ("rag/tfidf_knn", 0.7825),
    ("rag/bm25_knn", 0.7922),
    ("rag/dense_knn", 0.9383),
    ("rag/fused_knn", 0.9318),
    ("fine_tuning/encoder_head", 0.9351),
    ("hybrid/fused", 0.9545),
]
RECALLS = [
    ({"method": "tfidf", "unit": "document"}, 0.9218),
    ({"method": "bm25", "unit": "document"}, 0.9294),
    ({"method": "dense", "unit": "document"}, 0.8849),
    ({"method": "fused", "unit": "document"}, 0.9319),
    ({"method": "tfidf", "unit": "tokens", "size": 64, "overlap": 16}, 0.9118),
    ({"method": "bm25", "unit": "tokens", "size": 64, "overlap": 16}, 0.9176),
    ({"method": "dense", "unit": "tokens", "size": 64, "overlap": 16}, 0.9118),
    ({"method": "fused", "unit": "tokens", "size": 64, "overlap": 16}, 0.9471),
]


def needs(folder: str) -> None:
    if not data_directory(folder).is_dir():
        pytest.skip(f"{folder} is absent: COUNTERSIGN_DATA names the folder of shared data")


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Embeddings are computed once for all tests here."""
    return tmp_path_factory.mktemp("embeddings")


@pytest.fixture(scope="module")
def paragraphs() -> tuple[list[Document], list[Asked]]:
    """XQuAD in English."""
    needs("xquad_en")
    return xquad()


@pytest.mark.parametrize(("key", "accuracy"), ACCURACIES)
def test_a_classifier_reaches_on_banking77_what_it_did(
    key: str, accuracy: float, cache: Path
) -> None:
    needs("banking77")
    found = measured(key, read("train.csv")[::LEARNED], read("test.csv")[::EVERY], cache)
    assert found["accuracy"] == pytest.approx(accuracy, abs=0.01)


@pytest.mark.parametrize(("spec", "recall"), RECALLS)
def test_a_search_finds_in_xquad_what_it_did(
    spec: dict[str, Any],
    recall: float,
    paragraphs: tuple[list[Document], list[Asked]],
    cache: Path,
) -> None:
    found = answered("rag/retrieval", spec, *paragraphs, cache)
    first = scored(found, paragraphs[1], "recall_at_k", {"k": 1})
    assert len(first) == 1190
    assert sum(first) / len(first) == pytest.approx(recall, abs=0.005)


def test_an_extracted_sentence_is_grounded_in_what_it_cites(
    paragraphs: tuple[list[Document], list[Asked]], cache: Path
) -> None:
    documents, asked = paragraphs
    found = answered("rag/extraction", {}, documents, asked[::10], cache)
    for scorer in ("groundedness", "citation_correctness"):
        assert min(scored(found, asked[::10], scorer)) == 1
