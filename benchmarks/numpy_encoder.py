"""The same encoder in NumPy alone: the yardstick that the ONNX graph is held against.

Written from the published architecture (Devlin et al. 2019, BERT) and sharing no code with the
graph: one text at a time, no padding, no fused operators.
"""

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import load_file
from scipy.special import erf

from evaluations.encoder import load_tokenizer

Array = NDArray[Any]


class NumpyEncoder:
    """Encodes texts one by one."""

    def __init__(self, directory: Path) -> None:
        self.tokenizer = load_tokenizer(directory / "tokenizer.json")
        self.weights: dict[str, Array] = load_file(directory / "model.safetensors")

    def encode(self, texts: Sequence[str]) -> Array:
        """Return one unit vector a text, float32 of shape (len(texts), 384)."""
        return np.stack([self.encode_one(text) for text in texts])

    def encode_one(self, text: str) -> Array:
        """Return one text's unit vector."""
        ids = self.tokenizer.encode(text).ids
        hidden = self.weights["embeddings.word_embeddings.weight"][ids]
        hidden = hidden + self.weights["embeddings.position_embeddings.weight"][: len(ids)]
        hidden = hidden + self.weights["embeddings.token_type_embeddings.weight"][0]
        hidden = self.norm(hidden, "embeddings.LayerNorm")
        for layer in range(6):
            hidden = self.layer(hidden, f"encoder.layer.{layer}")
        mean = hidden.mean(axis=0)
        unit: Array = mean / np.linalg.norm(mean)
        return unit

    def layer(self, hidden: Array, name: str) -> Array:
        """Return a transformer layer's output, shape (tokens, 384)."""
        mixed = self.linear(self.attention(hidden, name), f"{name}.attention.output.dense")
        attended = self.norm(hidden + mixed, f"{name}.attention.output.LayerNorm")
        wide = self.linear(attended, f"{name}.intermediate.dense")
        active = 0.5 * wide * (1 + erf(wide / math.sqrt(2)))
        narrow = self.linear(active, f"{name}.output.dense")
        return self.norm(attended + narrow, f"{name}.output.LayerNorm")

    def attention(self, hidden: Array, name: str) -> Array:
        """Return the twelve heads' outputs side by side."""
        query, key, value = (
            self.linear(hidden, f"{name}.attention.self.{part}")
            .reshape(len(hidden), 12, 32)
            .transpose(1, 0, 2)
            for part in ("query", "key", "value")
        )
        scores = query @ key.transpose(0, 2, 1) / math.sqrt(32)
        shares = np.exp(scores - scores.max(axis=-1, keepdims=True))
        shares = shares / shares.sum(axis=-1, keepdims=True)
        heads: Array = (shares @ value).transpose(1, 0, 2)
        return heads.reshape(len(hidden), 384)

    def linear(self, values: Array, name: str) -> Array:
        """Return an affine map of the last axis."""
        moved: Array = values @ self.weights[f"{name}.weight"].T + self.weights[f"{name}.bias"]
        return moved

    def norm(self, values: Array, name: str) -> Array:
        """Return layer normalisation over the last axis."""
        centred = values - values.mean(axis=-1, keepdims=True)
        scale = np.sqrt((centred**2).mean(axis=-1, keepdims=True) + 1e-12)
        weight, bias = self.weights[f"{name}.weight"], self.weights[f"{name}.bias"]
        scaled: Array = centred / scale * weight + bias
        return scaled
