"""Full tuning of a small encoder: every weight moves, not only the layer on top.

Needs the extra `finetune` (sentence-transformers and PyTorch), which is looked for only when such a
candidate is run. The tuned weights are kept in the cache folder, and tuned again if it is emptied.
"""

import asyncio
import hashlib
import importlib.util
import time
from collections.abc import Sequence
from dataclasses import astuple, dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from evaluations.encoder import (
    Vectors,
    default_cache_directory,
    exclusive,
    file_digest,
    get_encoder,
    model_directory,
    write_atomically,
)
from evaluations.spec import integer, number
from evaluations.techniques.fine_tuning import drawn
from evaluations.techniques.forgetting import told
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
from evaluations.techniques.voting import ranking

if TYPE_CHECKING:
    from collections.abc import Mapping

    import torch

NEEDED = ("torch", "sentence_transformers")
SHARPNESS = 16.0  # unit vectors times this, so that the layer on top can tell labels apart
FASTER = 20.0  # times the encoder's rate, at which the new layer learns


@dataclass(frozen=True, slots=True)
class EncoderTuned:
    """How the encoder is tuned."""

    examples: int | None = integer(
        None,
        gettext_lazy("Training examples"),
        gettext_lazy("Drawn evenly over the labels. Empty: all of them."),
        minimum=2,
        maximum=10_000_000,
        nullable=True,
    )
    epochs: int = integer(3, gettext_lazy("Epochs"), minimum=1, maximum=100)
    learning_rate: float = number(
        0.0001, gettext_lazy("Learning rate"), minimum=0.0000001, maximum=0.1
    )
    batch: int = integer(16, gettext_lazy("Examples a step"), minimum=1, maximum=512)
    seed: int = integer(0, gettext_lazy("Seed"), minimum=0, maximum=2**31 - 1)


@dataclass(frozen=True)
class TunedEncoder:
    """An encoder whose weights were tuned, and the layer on top of it, as they are kept."""

    path: Path
    slugs: tuple[str, ...]
    examples: int
    seconds: float | None

    @cached_property
    def _parts(self) -> "tuple[Any, Mapping[str, torch.Tensor]]":
        from safetensors.torch import load_file

        kept = load_file(self.path)
        layer = {name: kept.pop(name) for name in ("layer.weight", "layer.bias")}
        model = _base()
        model.load_state_dict(kept)
        return model, layer

    def encode(self, texts: Sequence[str]) -> Vectors:
        """Return texts as unit vectors."""
        found: Vectors = self._parts[0].encode(
            list(texts), normalize_embeddings=True, show_progress_bar=False
        )
        return found

    def odds(self, text: str) -> Vectors:
        """Return one probability a label."""
        layer = self._parts[1]
        vector = SHARPNESS * self.encode([text])[0]
        logits = layer["layer.weight"].numpy() @ vector + layer["layer.bias"].numpy()
        exponents = np.exp(logits - logits.max())
        found: Vectors = exponents / exponents.sum()
        return found


@dataclass(frozen=True)
class TunedEncoderAnswerer:
    """Answers with the most probable label."""

    tuned: TunedEncoder

    @property
    def facts(self) -> dict[str, Any]:
        """Return what was prepared."""
        return {
            "training_examples": self.tuned.examples,
            "training_seconds": self.tuned.seconds,
            "labels": len(self.tuned.slugs),
            "index_bytes": self.tuned.path.stat().st_size,
            "base_model": get_encoder().name,
            "encoder_digest": file_digest(self.tuned.path),
        }

    def answer(self, question: Question) -> Answer:
        """Return the most probable label; the details hold the best probabilities."""
        odds = self.tuned.odds(question.input)
        best = self.tuned.slugs[int(odds.argmax())]
        return Answer(best, {"labels": ranking(self.tuned.slugs, odds)})


def is_installed() -> bool:
    """Return whether the extra is there."""
    return all(importlib.util.find_spec(name) for name in NEEDED)


def lacking_extra(_spec: Any = None, has_dev: bool = True) -> str:
    """Return that the extra is not installed here, "" where it is; no cases make up for it."""
    if is_installed():
        return ""
    return _("Full tuning needs the extra “finetune”, which is not installed here.")


def tuned_encoder(spec: EncoderTuned, material: Material) -> TunedEncoder:
    """Return the encoder tuned on the drawn examples, tuning it unless that was done here before.

    Of several workers one tunes and the others wait.
    """
    if problem := lacking_extra():
        raise PrepareError(problem)
    examples = drawn(material.train, spec.examples, spec.seed)
    slugs = tuple(sorted({one.expected for one in examples}))
    if len(slugs) < 2:
        raise PrepareError(_("Training needs examples of at least two labels."))
    path = _place(spec, examples, material.cache or default_cache_directory())
    path.parent.mkdir(parents=True, exist_ok=True)
    began = time.perf_counter()
    seconds = None
    with exclusive(path.with_suffix(".lock")):
        if not path.exists():
            content = _trained(spec, examples, slugs)
            write_atomically(path, lambda file: file.write(content))
            seconds = round(time.perf_counter() - began, 1)
    return TunedEncoder(path, slugs, len(examples), seconds)


def _place(spec: EncoderTuned, examples: Sequence[Example], cache: Path) -> Path:
    """Return the file for the weights: named after all that they come from."""
    told = repr((get_encoder().digest, astuple(spec), [astuple(one) for one in examples]))
    digest = hashlib.sha256(told.encode("utf-8", "surrogatepass")).hexdigest()
    return cache / "tuned" / f"{digest}.safetensors"


def _base() -> Any:
    """Return the encoder as it was before, on the processor.

    One thread, so that the sums, and with them the weights, are the same on any number of cores.
    """
    import torch
    from sentence_transformers import SentenceTransformer

    torch.set_num_threads(1)
    return SentenceTransformer(str(model_directory()), device="cpu", local_files_only=True)


def _trained(spec: EncoderTuned, examples: Sequence[Example], slugs: Sequence[str]) -> bytes:
    """Return the tuned weights as a safetensors file: cross-entropy, AdamW, seeded batches."""
    import torch
    from safetensors.torch import save
    from torch.nn.functional import cross_entropy, normalize

    torch.manual_seed(spec.seed)
    model = _base()
    layer = torch.nn.Linear(get_encoder().dimensions, len(slugs))
    rates = [
        {"params": model.parameters(), "lr": spec.learning_rate},
        {"params": layer.parameters(), "lr": FASTER * spec.learning_rate},
    ]
    steps = torch.optim.AdamW(rates)
    generator = np.random.default_rng(spec.seed)
    model.train()
    for _epoch in range(spec.epochs):
        order = generator.permutation(len(examples))
        for start in range(0, len(order), spec.batch):
            some = [examples[place] for place in order[start : start + spec.batch]]
            features = model.preprocess([one.input for one in some])
            vectors = normalize(model(features)["sentence_embedding"])
            wanted = torch.tensor([slugs.index(one.expected) for one in some])
            steps.zero_grad()
            cross_entropy(layer(SHARPNESS * vectors), wanted).backward()
            steps.step()
    weights = {**model.state_dict(), "layer.weight": layer.weight, "layer.bias": layer.bias}
    return save({name: one.detach().contiguous() for name, one in weights.items()})


def prepare_tuned_encoder(spec: EncoderTuned, material: Material) -> Answerer:
    """Return an answerer with the tuned encoder."""
    return TunedEncoderAnswerer(tuned_encoder(spec, material))


async def recall_tuned_encoder(
    spec: EncoderTuned, material: Material, _memory: Memory
) -> dict[str, Any]:
    """Return the forgetting check of an encoder: are a probe's neighbours still of its kind?

    An encoder answers nothing by itself, so each case of the probe is given the label of the
    nearest other case: by the base encoder's vectors before, by the tuned one's after.
    """
    probe = material.probe
    if probe is None or not probe.labels or len(probe.examples) < 2:
        return {}
    tuned = await asyncio.to_thread(tuned_encoder, spec, material)
    texts = [one.input for one in probe.examples]
    labels = [one.expected for one in probe.examples]
    before = by_neighbour(await asyncio.to_thread(get_encoder().encode, texts), labels)
    after = by_neighbour(await asyncio.to_thread(tuned.encode, texts), labels)
    return {"forgetting": told(probe, [*before], [*after])}


def by_neighbour(vectors: Vectors, labels: Sequence[str]) -> list[float]:
    """Return 1 for each case whose nearest other case has its label, else 0."""
    found = []
    for place, vector in enumerate(vectors):
        cosines = vectors @ vector
        cosines[place] = -2.0
        found.append(float(labels[int(cosines.argmax())] == labels[place]))
    return found


ENTRIES = (
    Technique(
        key="fine_tuning/encoder",
        approach="fine_tuning",
        version="1",
        title=gettext_lazy("Encoder tuned in full"),
        description=gettext_lazy(
            "Trains all weights of the encoder and a layer on top. Needs the extra “finetune”."
        ),
        kind_note=gettext_lazy(
            "A small encoder (all-MiniLM-L6-v2) tuned in full for these labels, not a language "
            "model."
        ),
        spec_class=EncoderTuned,
        build=prepare_tuned_encoder,
        obstacle=lacking_extra,
        recall=recall_tuned_encoder,
    ),
)
