"""Every offline technique on public data, as the tables of docs/benchmarks/techniques.md.

python -m benchmarks.techniques [banking77] [xquad] [answers] [why]

Prints Markdown: Banking77 by every classifier, retrieval of XQuAD's paragraphs by every index and
two ways of cutting, extracted answers end to end, and what the differences from other figures for
the same data come from. Banking77's training messages are encoded once for all rows; nothing else
is kept from one row to the next. The data are found in $COUNTERSIGN_DATA or ../shared/data.
"""

import argparse
import os
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import django
import numpy as np

from benchmarks.banking77 import compared, data_directory, measured, read
from evaluations import scorers, statistics
from evaluations.encoder import get_encoder
from evaluations.importers.squad import questions_of, read_paragraphs
from evaluations.scorers.interface import CaseView
from evaluations.techniques import TECHNIQUES, Answer, Document, Example, Material, Question
from evaluations.techniques.chunking import whole_tokenizer
from evaluations.techniques.indexes import Bm25Index
from evaluations.techniques.prompting import FewShotCentroid, prepare_centroid

SEEDS = range(5)
SHOTS = (5, 10)
CLASSIFIERS: dict[str, tuple[str, dict[str, Any]]] = {
    "zero-shot templates": ("prompting/zero_shot", {}),
    "few-shot centroids, 5 a label": ("prompting/few_shot_centroid", {}),
    "few-shot centroids, all": ("prompting/few_shot_centroid", {"shots": None}),
    "TF-IDF kNN": ("rag/tfidf_knn", {}),
    "BM25 kNN": ("rag/bm25_knn", {}),
    "dense kNN": ("rag/dense_knn", {}),
    "BM25 and dense kNN, fused": ("rag/fused_knn", {}),
    "tuned head": ("fine_tuning/encoder_head", {}),
    "retrieval and tuned head, fused": ("hybrid/fused", {}),
}
CUTS: dict[str, dict[str, Any]] = {
    "whole paragraphs": {"unit": "document"},
    "64 tokens, overlap 16": {"unit": "tokens", "size": 64, "overlap": 16},
}
SEARCHES: dict[str, dict[str, Any]] = {
    "TF-IDF": {"method": "tfidf"},
    "BM25, words as written": {"method": "bm25", "stemming": "none"},
    "BM25": {"method": "bm25"},
    "dense": {"method": "dense"},
    "BM25 and dense, fused": {"method": "fused"},
    "TF-IDF, BM25 and dense, fused": {"method": "fused_all"},
    "fused, by the closest sentence": {"method": "fused", "rerank": "sentences"},
    "fused, by novelty (MMR)": {"method": "fused", "rerank": "diverse"},
}
ANSWERS: dict[str, tuple[str, dict[str, Any]]] = {
    "the best paragraph": ("rag/retrieval", {"unit": "document"}),
    "one sentence of three passages": ("rag/extraction", {}),
    "two sentences of three passages": ("rag/extraction", {"sentences": 2}),
}


@dataclass(frozen=True, slots=True)
class Asked:
    """A question of XQuAD, its answers, and the paragraph that has them."""

    text: str
    view: CaseView


def xquad() -> tuple[list[Document], list[Asked]]:
    """Return the paragraphs of XQuAD in English and the questions on them."""
    path = data_directory("xquad_en") / "xquad.en.json"
    with path.open(encoding="utf-8") as file:
        paragraphs = list(read_paragraphs(file))
    asked = [
        Asked(one.text, CaseView(one.answers[0], one.text, tuple(one.answers), (paragraph.key,)))
        for paragraph in paragraphs
        for one in questions_of(paragraph)
    ]
    return [Document(one.key, one.text, one.title) for one in paragraphs], asked


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return a Markdown table; its first column is text, the others are figures."""
    lines = [head, ["---", *("---:" for _one in head[1:])], *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def share(right: int, n: int) -> str:
    """Return a share with its Wilson interval."""
    found = statistics.wilson(right, n)
    return f"{right / n:.4f} [{found.low:.4f}, {found.high:.4f}]"


def banking77(cache: Path) -> str:
    """Return Banking77's 3,080 test messages by every classifier, and how sure the order is."""
    train, test = read("train.csv"), read("test.csv")
    found = {}
    for name, (key, spec) in CLASSIFIERS.items():
        found[name] = measured(key, train, test, cache, spec=spec)
        print(f"{name}: {found[name]['accuracy']}", file=sys.stderr, flush=True)
    head = ("technique", "accuracy [95% Wilson]", "macro-F1", "prepare, s", "ms a case")
    rows = [[name, *_figures(one)] for name, one in found.items()]
    ordered = "\n".join(f"- {line}" for line in compared(found))
    return f"{table(head, rows)}\n\n{ordered}\n\n{few_shot_spread(train, test, cache)}"


def _figures(one: Mapping[str, Any]) -> list[str]:
    """Return a row's figures; the time to prepare is told without embeddings that were kept."""
    kept = " + embeddings" if one["facts"].get("embeddings_from_cache") else ""
    return [
        share(sum(one["outcomes"]), one["n"]),
        f"{one['macro_f1']:.4f}",
        f"{one['prepare_seconds']:.1f}{kept}",
        f"{1000 / one['answers_per_second']:.1f}",
    ]


def few_shot_spread(train: list[Example], test: list[Example], cache: Path) -> str:
    """Return how far the drawing of few examples moves the accuracy; the messages are encoded once.

    The mean and the standard deviation are over the seeds.
    """
    messages = get_encoder().encode([one.input for one in test])
    expected = [one.expected for one in test]
    rows = []
    for shots in SHOTS:
        figures = []
        for seed in SEEDS:
            made: Any = prepare_centroid(FewShotCentroid(shots, seed), Material(train, cache=cache))
            found = (messages @ made.centres.T).argmax(axis=1)
            right = sum(
                made.slugs[one] == label for one, label in zip(found, expected, strict=True)
            )
            figures.append(right / len(test))
        over = statistics.spread(figures)
        told = (*figures, over.mean, over.sd)
        rows.append([f"{shots} a label", *(f"{figure:.4f}" for figure in told)])
    seeds = (f"seed {seed}" for seed in SEEDS)
    return table(("few-shot centroids", *seeds, "mean", "s"), rows)


@dataclass(frozen=True, slots=True)
class Answered:
    """The answers to all questions, what preparing told, and the seconds that answering took."""

    answers: list[Answer]
    facts: Mapping[str, Any]
    seconds: float


def answered(
    key: str, spec: Mapping[str, Any], documents: list[Document], asked: list[Asked], cache: Path
) -> Answered:
    """Ask a technique all questions."""
    answerer = TECHNIQUES[key].prepare(spec, [], documents=documents, cache=cache)
    began = time.perf_counter()
    answers = [answerer.answer(Question(one.text)) for one in asked]
    return Answered(answers, answerer.facts, time.perf_counter() - began)  # type: ignore[arg-type]


def scored(
    found: Answered, asked: list[Asked], scorer: str, settings: Mapping[str, Any] | None = None
) -> list[float]:
    """Return every answer's score; a question that a scorer doesn't apply to is an error."""
    configured = scorers.SCORERS[scorer].configured(settings)
    values = []
    for answer, one in zip(found.answers, asked, strict=True):
        score = configured.score(answer.output, one.view.with_details(answer.details))
        if score is None:
            raise ValueError(f"{scorer} does not apply to {one.text!r}")
        values.append(score.value)
    return values


def retrieval(cache: Path) -> str:
    """Return how well XQuAD's paragraphs are found: every index, two ways of cutting."""
    documents, asked = xquad()
    rows = []
    for cut, cutting in CUTS.items():
        for name, search in SEARCHES.items():
            found = answered(
                "rag/retrieval", search | cutting, documents, asked, cache / cut / name
            )
            first = scored(found, asked, "recall_at_k", {"k": 1})
            rows.append(
                [
                    f"{cut}: {name}",
                    share(int(sum(first)), len(first)),
                    *(f"{np.mean(scored(found, asked, one)):.4f}" for one in ("mrr", "ndcg")),
                    str(found.facts["chunks"]),
                    f"{found.facts['index_build_seconds']:.2f}",
                    f"{found.facts['index_bytes'] / 1000:.0f}",
                    f"{1000 * found.seconds / len(asked):.1f}",
                ]
            )
    head = ("retrieval", "recall@1 [95% Wilson]", "MRR@10", "nDCG@10", "passages")
    return table((*head, "build, s", "index, kB", "ms a question"), rows)


def answers(cache: Path) -> str:
    """Return how good answers are that are taken from what was found, end to end."""
    documents, asked = xquad()
    rows = []
    for name, (key, spec) in ANSWERS.items():
        found = answered(key, spec, documents, asked, cache / name)
        contains = scored(found, asked, "contains")
        rows.append(
            [
                name,
                share(int(sum(contains)), len(contains)),
                *(
                    f"{np.mean(scored(found, asked, one)):.4f}"
                    for one in ("token_f1", "groundedness", "citation_correctness")
                ),
                f"{1000 * found.seconds / len(asked):.1f}",
            ]
        )
    head = ("answer", "has a right answer [95% Wilson]", "token F1", "groundedness")
    return table((*head, "citations right", "ms a question"), rows)


def why(_cache: Path) -> str:
    """Return what recall@1 on whole paragraphs becomes with other choices of words and length."""
    documents, asked = xquad()
    texts = [one.text for one in documents]
    found = {
        f"BM25, {language}, k1 {k1}, b {b}": Bm25Index(texts, language, k1, b).scores
        for language in ("none", "english")
        for k1, b in ((1.5, 0.75), (0.9, 0.4))
    }
    encoder, tokenizer = get_encoder(), whole_tokenizer()
    questions = dict(
        zip((one.text for one in asked), encoder.encode([one.text for one in asked]), strict=True)
    )
    for most in (64, 128, 256):
        vectors = encoder.encode([beginning(text, most, tokenizer) for text in texts])
        found[f"dense, first {most} tokens"] = lambda text, vectors=vectors: (
            vectors @ questions[text]
        )
    rows = [
        [name, share(firsts(scores, documents, asked), len(asked))]
        for name, scores in found.items()
    ]
    return table(("whole paragraphs", "recall@1 [95% Wilson]"), rows)


def beginning(text: str, most: int, tokenizer: Any) -> str:
    """Return as much of a text as an encoder that stops at so many tokens reads of it."""
    offsets = tokenizer.encode(text, add_special_tokens=False).offsets
    return text[: offsets[min(most - 2, len(offsets)) - 1][1]]


def firsts(scores: Callable[[str], Any], documents: list[Document], asked: list[Asked]) -> int:
    """Return how many questions find their paragraph first."""
    return sum(
        documents[int(np.argmax(scores(one.text)))].key in one.view.relevant for one in asked
    )


PARTS: dict[str, Callable[[Path], str]] = {
    "banking77": banking77,
    "xquad": retrieval,
    "answers": answers,
    "why": why,
}


def main() -> None:
    """Print the tables that were asked for, each when it is measured."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    django.setup()  # the reader of XQuAD speaks to people
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("parts", nargs="*", choices=[*PARTS, []], default=[])
    with tempfile.TemporaryDirectory() as cache:
        for name in parser.parse_args().parts or PARTS:
            print(f"## {name}\n\n{PARTS[name](Path(cache))}\n", flush=True)


if __name__ == "__main__":
    main()
