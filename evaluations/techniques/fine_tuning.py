"""Fine-tuning that needs no accelerator: a head trained on frozen embeddings."""

import asyncio
import hashlib
import time
from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from numpy.typing import NDArray

from evaluations.encoder import Encoder, Vectors, encode_once, get_encoder
from evaluations.scorers import normalised
from evaluations.spec import integer, number
from evaluations.techniques.interface import (
    Answer,
    Answerer,
    Example,
    Material,
    Memory,
    PrepareError,
    Question,
    Technique,
)
from evaluations.techniques.learning_curve import curve
from evaluations.techniques.voting import ranking

MOST_STEPS = 2000


@dataclass(frozen=True, slots=True)
class EncoderHead:
    """How the head is trained."""

    examples: int | None = integer(
        None,
        gettext_lazy("Training examples"),
        gettext_lazy("Drawn evenly over the labels. Empty: all of them."),
        minimum=2,
        maximum=10_000_000,
        nullable=True,
    )
    c: float = number(
        30.0,
        gettext_lazy("Freedom (C)"),
        gettext_lazy("Higher trusts the examples more, lower keeps the head simpler."),
        minimum=0.0001,
        maximum=100_000,
    )
    seed: int = integer(
        0, gettext_lazy("Seed"), gettext_lazy("Draws other examples."), minimum=0, maximum=2**31 - 1
    )
    curve_seeds: int = integer(
        3,
        gettext_lazy("Draws on the learning curve"),
        gettext_lazy("How often each training size is tried with other examples. 0: no curve."),
        minimum=0,
        maximum=10,
    )


def drawn(train: Sequence[Example], count: int | None, seed: int) -> list[Example]:
    """Return `count` examples (None: all), each label as often as the others, in their order.

    Labels take turns, so every label is seen before one is seen twice; one that runs out leaves its
    turns to the others. The order within a label comes from a hash, so a draw is the same on every
    machine and version, and a smaller one is part of a larger one, as a learning curve wants it.
    """
    return [train[place] for place in drawn_places(train, count, seed)]


def drawn_places(train: Sequence[Example], count: int | None, seed: int) -> list[int]:
    """Return where the drawn examples stand, in order; see `drawn`."""
    if count is None or count >= len(train):
        return list(range(len(train)))
    by_label: dict[str, list[tuple[bytes, int]]] = defaultdict(list)
    for place, example in enumerate(train):
        by_label[example.expected].append((lot(example, seed), place))
    turns = [
        (turn, draw, place)
        for lots in by_label.values()
        for turn, (draw, place) in enumerate(sorted(lots))
    ]
    return sorted(place for _turn, _draw, place in sorted(turns)[:count])


def lot(example: Example, seed: int) -> bytes:
    """Return the number that an example draws."""
    return hashlib.sha256(f"{seed}\0{example.expected}\0{example.input}".encode()).digest()


def unseen(asked: Sequence[Example], known: Sequence[Example]) -> list[Example]:
    """Return the examples whose input is not among the known ones', whatever case and spacing."""
    seen = {normalised(one.input) for one in known}
    return [one for one in asked if normalised(one.input) not in seen]


@dataclass(frozen=True)
class Head:
    """A trained softmax layer: label = argmax(vector @ weights + bias)."""

    slugs: tuple[str, ...]
    weights: NDArray[np.float64]
    bias: NDArray[np.float64]

    def probabilities(self, vector: Vectors) -> NDArray[np.float64]:
        """Return one probability a label, shape (labels,)."""
        logits = vector @ self.weights + self.bias
        exponents = np.exp(logits - logits.max())
        odds: NDArray[np.float64] = exponents / exponents.sum()
        return odds

    def answers(self, vectors: Vectors) -> list[str]:
        """Return the most probable label of each vector."""
        return [self.slugs[best] for best in (vectors @ self.weights + self.bias).argmax(axis=1)]


def trained(vectors: Vectors, expected: Sequence[str], c: float) -> Head:
    """Return a head trained by multinomial logistic regression; raise PrepareError if it can't be.

    One thread, so that the sums, and with them the head, are the same on any number of cores.
    """
    from sklearn.linear_model import LogisticRegression
    from threadpoolctl import threadpool_limits

    if len(set(expected)) < 2:
        raise PrepareError(_("Training needs examples of at least two labels."))
    with threadpool_limits(limits=1):
        model = LogisticRegression(C=c, max_iter=MOST_STEPS).fit(vectors, expected)
    weights, bias = model.coef_.T, model.intercept_
    if len(model.classes_) == 2:  # scikit-learn keeps the second label's logit only
        weights, bias = np.hstack([0 * weights, weights]), np.append(0 * bias, bias)
    return Head(tuple(str(slug) for slug in model.classes_), np.ascontiguousarray(weights), bias)


@dataclass(frozen=True)
class HeadAnswerer:
    """Answers with the head's most probable label."""

    encoder: Encoder
    head: Head
    examples: int
    from_cache: bool
    seconds: float

    @property
    def facts(self) -> dict[str, Any]:
        """Return what was prepared."""
        return {
            "training_examples": self.examples,
            "training_seconds": round(self.seconds, 3),
            "labels": len(self.head.slugs),
            "index_bytes": self.head.weights.nbytes + self.head.bias.nbytes,
            "encoder": self.encoder.name,
            "encoder_digest": self.encoder.digest,
            "embeddings_from_cache": self.from_cache,
            # Its encoder is the same before and after, so there is nothing that it could forget.
            "frozen": True,
        }

    def answer(self, question: Question) -> Answer:
        """Return the most probable label; the details hold the best probabilities."""
        odds = self.head.probabilities(self.encoder.encode([question.input])[0])
        return Answer(
            self.head.slugs[int(odds.argmax())], {"labels": ranking(self.head.slugs, odds)}
        )


def prepare_head(spec: EncoderHead, material: Material) -> Answerer:
    """Return an answerer with a head trained on the drawn examples."""
    examples = drawn(material.train, spec.examples, spec.seed)
    encoder = get_encoder()
    texts = [example.input for example in examples]
    vectors, from_cache = encode_once(encoder, texts, material.cache)
    began = time.perf_counter()
    head = trained(vectors, [example.expected for example in examples], spec.c)
    seconds = time.perf_counter() - began
    return HeadAnswerer(encoder, head, len(examples), from_cache, seconds)


async def learn_curve(spec: EncoderHead, material: Material, memory: Memory) -> dict[str, Any]:
    """Return how the head gets better with more examples; {} where there are too few to tell.

    Measured on the development cases, or where there are none on a fifth of the training cases that
    is held out for this alone; never on test cases, nor on any that it is trained on.
    """
    material = replace(material, dev=unseen(material.dev, material.train))
    places = drawn_places(material.train, spec.examples, spec.seed)
    apart = _held_out(material, places, spec.seed)
    told = {normalised(material.train[place].input) for place in apart}
    left = [place for place in places if normalised(material.train[place].input) not in told]
    known = [material.train[place] for place in left]
    asked = list(material.dev) or [material.train[place] for place in sorted(apart)]
    if not spec.curve_seeds or not asked or len({one.expected for one in known}) < 2:
        return {}
    vectors, asked_vectors = await asyncio.to_thread(_encoded, material, left, apart)
    expected = [one.expected for one in asked]

    def measure(size: int, seed: int) -> tuple[float, int]:
        chosen = drawn_places(known, size, seed)
        head = trained(vectors[chosen], [known[place].expected for place in chosen], spec.c)
        said = head.answers(asked_vectors)
        return sum(one == right for one, right in zip(said, expected, strict=True)), len(asked)

    seeds = range(spec.seed, spec.seed + spec.curve_seeds)
    found = await curve(measure, len(known), seeds, memory)
    return {"learning_curve": found, **({"curve_held_out": len(apart)} if apart else {})}


def _held_out(material: Material, places: Sequence[int], seed: int) -> set[int]:
    """Return the places of a fifth of some training cases, where there are no development cases."""
    if material.dev:
        return set()
    some = [material.train[place] for place in places]
    return {places[at] for at in drawn_places(some, len(some) // 5, seed)}


def _encoded(
    material: Material, places: Sequence[int], apart: Collection[int]
) -> tuple[Vectors, Vectors]:
    """Return the vectors of some training cases, and of those held out or to develop on."""
    encoder = get_encoder()
    texts = [one.input for one in material.train]
    vectors, _cached = encode_once(encoder, texts, material.cache)
    if apart:
        return vectors[list(places)], vectors[sorted(apart)]
    asked, _cached = encode_once(encoder, [one.input for one in material.dev], material.cache)
    return vectors[list(places)], asked


ENTRIES = (
    Technique(
        key="fine_tuning/encoder_head",
        approach="fine_tuning",
        version="1",
        title=gettext_lazy("Head tuned on an encoder"),
        description=gettext_lazy(
            "Trains a classification layer on labelled examples; the encoder itself stays frozen."
        ),
        kind_note=gettext_lazy(
            "A small classifier trained on an encoder's vectors (all-MiniLM-L6-v2), "
            "not a fine-tuned language model."
        ),
        spec_class=EncoderHead,
        build=prepare_head,
        learn=learn_curve,
    ),
)
