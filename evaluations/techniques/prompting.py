"""Prompting an encoder: templates around message and label, or a few examples of each label."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from evaluations.encoder import Encoder, Vectors, encode_once, get_encoder
from evaluations.spec import integer, text
from evaluations.techniques.fine_tuning import drawn
from evaluations.techniques.interface import (
    Answer,
    Answerer,
    Example,
    Label,
    Material,
    PrepareError,
    Question,
    Technique,
)
from evaluations.techniques.messages import fill, placeholders
from evaluations.techniques.voting import ranking


@dataclass(frozen=True, slots=True)
class ZeroShot:
    """The two templates. Defaults were chosen on a development split of Banking77's train file."""

    message_template: str = text(
        "A customer writes: {text}",
        gettext_lazy("Message template"),
        gettext_lazy("{text} is the message."),
        check=placeholders("text"),
    )
    label_template: str = text(
        "A customer asks about {name}: {description}",
        gettext_lazy("Label template"),
        gettext_lazy("{name} and {description} are the label's; an empty description is left out."),
        check=placeholders("name", "description"),
    )


def label_prompt(template: str, label: Label) -> str:
    """Return a label's prompt; without a description it ends where the description would begin."""
    filled = fill(template, {"name": label.title, "description": label.description.strip()})
    return filled if label.description.strip() else filled.rstrip(" \t\n:;,-–—(")


@dataclass(frozen=True)
class ZeroShotAnswerer:
    """Answers with the label whose prompt is closest to the message's."""

    spec: ZeroShot
    encoder: Encoder
    slugs: tuple[str, ...]
    prompts: Vectors

    @property
    def facts(self) -> dict[str, Any]:
        """Return what was prepared."""
        return {
            "training_examples": 0,
            "labels": len(self.slugs),
            "index_bytes": self.prompts.nbytes,
            "encoder": self.encoder.name,
            "encoder_digest": self.encoder.digest,
        }

    def answer(self, question: Question) -> Answer:
        """Return the closest label; the details hold the best cosines."""
        prompt = fill(self.spec.message_template, {"text": question.input})
        cosines = self.prompts @ self.encoder.encode([prompt])[0]
        return Answer(
            self.slugs[int(cosines.argmax())],
            {"prompt": prompt[:400], "labels": ranking(self.slugs, cosines)},
        )


def prepare_zero_shot(spec: ZeroShot, material: Material) -> Answerer:
    """Return an answerer with every label's prompt encoded."""
    if not material.labels:
        raise PrepareError(_("The case set has no labels to choose from."))
    encoder = get_encoder()
    prompts = [label_prompt(spec.label_template, label) for label in material.labels]
    slugs = tuple(label.slug for label in material.labels)
    return ZeroShotAnswerer(spec, encoder, slugs, encoder.encode(prompts))


@dataclass(frozen=True, slots=True)
class FewShotCentroid:
    """How many examples make a label's centre."""

    shots: int | None = integer(
        5,
        gettext_lazy("Examples of each label"),
        gettext_lazy("Labels with fewer give all they have. Empty: all of them."),
        minimum=1,
        maximum=100_000,
        nullable=True,
    )
    seed: int = integer(
        0, gettext_lazy("Seed"), gettext_lazy("Draws other examples."), minimum=0, maximum=2**31 - 1
    )


@dataclass(frozen=True)
class CentroidAnswerer:
    """Answers with the label whose examples have the closest mean.

    Nearest class mean; as few-shot learning: Snell et al. (2017), Prototypical Networks, section 2.
    """

    encoder: Encoder
    slugs: tuple[str, ...]
    centres: Vectors
    examples: int
    from_cache: bool

    @property
    def facts(self) -> dict[str, Any]:
        """Return what was prepared."""
        return {
            "training_examples": self.examples,
            "labels": len(self.slugs),
            "index_bytes": self.centres.nbytes,
            "encoder": self.encoder.name,
            "encoder_digest": self.encoder.digest,
            "embeddings_from_cache": self.from_cache,
        }

    def answer(self, question: Question) -> Answer:
        """Return the label of the closest centre; the details hold the best cosines."""
        cosines = self.centres @ self.encoder.encode([question.input])[0]
        return Answer(self.slugs[int(cosines.argmax())], {"labels": ranking(self.slugs, cosines)})


def prepare_centroid(spec: FewShotCentroid, material: Material) -> Answerer:
    """Return an answerer with the centre of every label's drawn examples."""
    if not material.train:
        raise PrepareError(
            _("Labels get their centres from training examples, and there are none.")
        )
    examples = _some_of_each(material.train, spec.shots, spec.seed)
    encoder = get_encoder()
    texts = [one.input for one in examples]
    vectors, from_cache = encode_once(encoder, texts, material.cache)
    slugs = tuple(sorted({one.expected for one in examples}))
    expected = np.array([one.expected for one in examples])
    means = np.stack([vectors[expected == slug].mean(axis=0) for slug in slugs])
    centres = means / np.linalg.norm(means, axis=1, keepdims=True)
    return CentroidAnswerer(encoder, slugs, centres, len(examples), from_cache)


def _some_of_each(train: Sequence[Example], shots: int | None, seed: int) -> list[Example]:
    """Return at most so many examples of each label, drawn by the seed."""
    by_label: dict[str, list[Example]] = {}
    for one in train:
        by_label.setdefault(one.expected, []).append(one)
    return [one for found in by_label.values() for one in drawn(found, shots, seed)]


ENTRIES = (
    Technique(
        key="prompting/zero_shot",
        approach="prompting",
        version="1",
        title=gettext_lazy("Zero-shot prompt templates"),
        description=gettext_lazy(
            "Fills one template with the message and one with each label, "
            "and answers with the label whose prompt means most nearly the same."
        ),
        kind_note=gettext_lazy(
            "An encoder (all-MiniLM-L6-v2), not a language model: "
            "it compares meanings and generates nothing."
        ),
        spec_class=ZeroShot,
        build=prepare_zero_shot,
        needs_training=False,
    ),
    Technique(
        key="prompting/few_shot_centroid",
        approach="prompting",
        version="1",
        title=gettext_lazy("Few-shot centroids"),
        description=gettext_lazy(
            "Takes a few examples of each label and answers with the label whose examples mean, "
            "on average, most nearly the same."
        ),
        kind_note=gettext_lazy(
            "The few-shot setting with an encoder (all-MiniLM-L6-v2), not a language model: "
            "it averages and compares meanings, and generates nothing."
        ),
        spec_class=FewShotCentroid,
        build=prepare_centroid,
    ),
)
