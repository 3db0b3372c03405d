"""Texts as vectors: by the embedded encoder, or by a model at an endpoint that is paid once.

A technique takes the vectors of what it searches from its material. Where an endpoint's model makes
them and some were never asked for, it is stopped by `VectorsLacking`; whoever prepares it has them
made (`embed`, a step of learning that survives its worker) and prepares it anew. The vector of a
question is asked for within its answer.
"""

from __future__ import annotations

import asyncio
import hashlib
import inspect
import time
from collections.abc import Mapping, Sequence
from contextvars import ContextVar
from dataclasses import dataclass, field, replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
from celery.exceptions import SoftTimeLimitExceeded
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from evaluations.encoder import (
    TextEncoder,
    Vectors,
    default_cache_directory,
    embeddings_path,
    encode_once,
    get_encoder,
    write_atomically,
)
from evaluations.spec import endpoint, line
from evaluations.techniques.chat import Chat, Embedded, Usage, beside
from evaluations.techniques.interface import (
    Answer,
    Answerer,
    Halt,
    Material,
    Memory,
    Question,
    Remote,
    after,
)

BATCH = 64  # texts a request
AT_ONCE = 8  # requests between two times that is kept what they came to
# The vectors of the texts that are asked about just now, each task's own.
_at_hand: ContextVar[Mapping[str, Vectors]] = ContextVar("at_hand")


class VectorsLacking(Exception):
    """These texts have no vectors yet: the endpoint's model was never asked for them."""

    def __init__(self, texts: Sequence[str]) -> None:
        self.texts = tuple(texts)
        super().__init__(f"{len(self.texts)} texts have no vectors")


def vectors_from() -> Any:
    """Describe whose vectors are compared: the encoder's, or those of a model at an endpoint."""
    return endpoint(
        gettext_lazy("Vectors from"),
        gettext_lazy(
            "Where meanings are compared. A server is asked once for each text that is searched, "
            "and once for each question."
        ),
        empty=gettext_lazy("The embedded encoder"),
    )


def embedding_model() -> Any:
    """Describe the model that makes the vectors."""
    return line(
        "",
        gettext_lazy("Embedding model"),
        gettext_lazy("As the server calls it, such as text-embedding-3-small."),
        nullable=True,
    )


class Vectored:
    """What specs have in common whose vectors an endpoint's model may make."""

    __slots__ = ()

    embedding_endpoint: str
    embedding_model: str

    def problems(self) -> dict[str, str]:
        """Return what is wrong with server and model, by the field."""
        if self.embedding_endpoint and not (self.embedding_model or "").strip():
            return {"embedding_model": _("Name the model, as the server calls it.")}
        if self.embedding_model and not self.embedding_endpoint:
            return {"embedding_endpoint": _("Choose the server that has the embedding model.")}
        return {}


@dataclass(frozen=True)
class EndpointEncoder:
    """A model at an endpoint that turns texts into vectors, and those that are kept of it.

    `used` names the lists of texts that something was prepared with.
    """

    chat: Chat
    endpoint: str
    model: str
    cache: Path
    used: dict[str, int] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """Return the model and where it is."""
        return _("%(model)s at %(endpoint)s") % {"model": self.model, "endpoint": self.endpoint}

    @property
    def digest(self) -> str:
        """Return the SHA-256 (hex) of what the model is called: nobody here sees its weights."""
        return hashlib.sha256(f"{self.endpoint}\0{self.model}".encode()).hexdigest()

    def encode(self, texts: Sequence[str]) -> Vectors:
        """Return one unit vector a text, of those at hand; raise `VectorsLacking` for others."""
        at_hand = _at_hand.get({})
        if lacking := [one for one in texts if one not in at_hand]:
            raise VectorsLacking(lacking)
        return np.stack([at_hand[one] for one in texts])

    def kept(self, texts: Sequence[str]) -> Vectors:
        """Return one unit vector a text, asked for before; raise `VectorsLacking` if any is not."""
        parts = [self._read(batch) for batch in batches(texts)]
        found = [part for part in parts if part is not None]
        if len(found) < len(parts):
            raise VectorsLacking(texts)
        self.used[self.key_of(texts)] = len(texts)
        return np.concatenate(found)

    def has(self, texts: Sequence[str]) -> bool:
        """Return whether the vectors of these texts are kept."""
        return all(self._path(batch).exists() for batch in batches(texts))

    def key_of(self, texts: Sequence[str]) -> str:
        """Return what names a list of texts and this model: SHA-256 (hex)."""
        told = "\0".join(
            ["vectors", self.digest, *(self._path(one).stem for one in batches(texts))]
        )
        return hashlib.sha256(told.encode()).hexdigest()

    async def fetch(self, batch: Sequence[str]) -> Usage:
        """Have a batch of vectors made and keep them, unless they are kept; return what it took."""
        path = self._path(batch)
        if path.exists():
            return Usage()
        reply = await self.chat.embed(batch)
        path.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(path, lambda file: np.save(file, unit(reply.vectors)))
        return Usage.of(reply)

    async def ask(self, text: str) -> Embedded:
        """Have the vector of one text made."""
        return await self.chat.embed([text])

    def _path(self, batch: Sequence[str]) -> Path:
        return embeddings_path(self, batch, self.cache)

    def _read(self, batch: Sequence[str]) -> Vectors | None:
        try:
            found: Vectors = np.load(self._path(batch), allow_pickle=False)
        except (OSError, ValueError, EOFError):
            return None
        return found if len(found) == len(batch) else None


def batches(texts: Sequence[str]) -> list[Sequence[str]]:
    """Return texts in the parts in which they are asked for."""
    return [texts[start : start + BATCH] for start in range(0, len(texts), BATCH)]


def unit(vectors: Vectors) -> Vectors:
    """Return vectors with the length 1; what has none stays so."""
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    scaled: Vectors = (vectors / np.where(lengths > 0, lengths, 1)).astype(np.float32)
    return scaled


def encoder_of(spec: Any, material: Material) -> EndpointEncoder | None:
    """Return the endpoint's model that a spec has its vectors from; None: the embedded encoder's.

    Raises `PrepareError` if there is no such endpoint.
    """
    if not isinstance(spec, Vectored) or not spec.embedding_endpoint:
        return None
    chosen = (spec.embedding_endpoint, spec.embedding_model.strip())
    cache = material.cache or default_cache_directory()
    return EndpointEncoder(material.chat(*chosen), *chosen, cache)


def encoded(texts: Sequence[str], material: Material) -> tuple[TextEncoder, Vectors, bool]:
    """Return what encodes, one unit vector a text, and whether they were made before."""
    if isinstance(material.encoder, EndpointEncoder):
        return material.encoder, material.encoder.kept(texts), True
    encoder = get_encoder()
    return encoder, *encode_once(encoder, texts, material.cache)


def hold(texts: Sequence[str], material: Material) -> None:
    """Have the vectors of these texts at hand for what this task asks from now on."""
    if texts and isinstance(material.encoder, EndpointEncoder):
        _at_hand.set(dict(zip(texts, material.encoder.kept(texts), strict=True)))


async def embed(encoder: EndpointEncoder, texts: Sequence[str], memory: Memory) -> dict[str, Any]:
    """Have the vectors of texts made, batch by batch, and kept; return what that came to.

    A batch that is kept is never paid again. Raises `Halt` where the server does not answer.
    """
    parts = batches(texts)
    try:
        for start in range(0, len(parts), AT_ONCE):
            await _some(encoder, parts[start : start + AT_ONCE], memory)
    finally:
        await encoder.chat.close()
    return {"usage": {}, "seconds": 0.0, **memory.state}


async def _some(encoder: EndpointEncoder, parts: Sequence[Sequence[str]], memory: Memory) -> None:
    """Have some batches made at once, and keep what they came to, also where one failed."""
    began = time.perf_counter()
    said = await asyncio.gather(*map(encoder.fetch, parts), return_exceptions=True)
    usage = beside([one for one in said if isinstance(one, Usage)])
    usage = Usage.from_plain(memory.state.get("usage", {})).then(usage)
    seconds = memory.state.get("seconds", 0.0) + time.perf_counter() - began
    await memory.keep(usage=usage.plain(), seconds=round(seconds, 3))
    for one in said:
        if isinstance(one, Exception) and not isinstance(one, Halt | SoftTimeLimitExceeded):
            raise Halt(_("Not all vectors could be made: %(why)s") % {"why": one}) from one
        if isinstance(one, BaseException):
            raise one


@dataclass(frozen=True)
class QuestionsEmbedded:
    """An answerer whose questions an endpoint's model turns into vectors first.

    Its answers take that time, those tokens and that cost as well.
    """

    inner: Answerer
    encoder: EndpointEncoder

    @property
    def facts(self) -> Mapping[str, Any]:
        """Return what was prepared."""
        return self.inner.facts

    def seats(self) -> int:
        """Return how many answers may be under way now."""
        return self._remote.seats() if self._remote else self.encoder.chat.seats()

    async def close(self) -> None:
        """Give connections and seats back."""
        try:
            await self.encoder.chat.close()
        finally:
            if self._remote:
                await self._remote.close()

    async def answer(self, question: Question) -> Answer:
        """Return the answer, with what the question's vector took."""
        reply = await self.encoder.ask(question.input)
        token = _at_hand.set({question.input: unit(reply.vectors)[0]})
        began = time.perf_counter()
        try:
            awaited = self.inner.answer(question)
            answer = await awaited if inspect.isawaitable(awaited) else awaited
        finally:
            _at_hand.reset(token)
        took = answer.latency_ms or 1000 * (time.perf_counter() - began)
        told = {**answer.details, "embedding_model": reply.model}
        answer = replace(answer, latency_ms=took, details=told)
        return after(Usage.of(reply), answer if self._remote else _free(answer))

    @property
    def _remote(self) -> Remote | None:
        return self.inner if isinstance(self.inner, Remote) else None


def _free(answer: Answer) -> Answer:
    """Return an answer that was computed here as one that cost nothing."""
    return replace(answer, input_tokens=0, output_tokens=0, cost=Decimal(0))


def with_questions(answerer: Answerer, encoder: TextEncoder | None) -> Answerer:
    """Return an answerer that has its questions' vectors from where the searched texts' are."""
    if isinstance(encoder, EndpointEncoder):
        return QuestionsEmbedded(answerer, encoder)
    return answerer
