"""Prompting: templates around the message and around each label; no training examples."""

from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from evaluations.encoder import Encoder, Vectors, get_encoder
from evaluations.spec import text
from evaluations.techniques.interface import (
    Answer,
    Answerer,
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
)
