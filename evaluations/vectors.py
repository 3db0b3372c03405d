"""Vectors that an endpoint's model makes: by one worker, once for all runs on the same texts."""

from collections.abc import Sequence
from typing import Any

from evaluations.encoder import TextEncoder
from evaluations.learning import learned
from evaluations.models import Preparation
from evaluations.shift import Stop
from evaluations.techniques import Material, Memory
from evaluations.techniques.chat import Usage
from evaluations.techniques.embedding import EndpointEncoder, embed


def have_vectors(
    texts: Sequence[str], material: Material, stop: Stop, rests: Stop, run: int
) -> None:
    """Have an endpoint's model make the vectors of texts, under a lease; raises as `learned` does.

    Where they were made before and their files are gone, they are made again. It is kept for which
    run they were made first.
    """
    encoder = material.encoder
    if not isinstance(encoder, EndpointEncoder):
        raise TypeError("The embedded encoder lacks no vectors.")
    key = encoder.key_of(texts)
    if not encoder.has(texts):
        Preparation.objects.filter(key=key, learned__isnull=False).delete()

    async def lesson(memory: Memory) -> dict[str, Any]:
        return {**await embed(encoder, texts, memory), "run": run}

    learned(key, lesson, stop, rests)


def vectors_told(encoder: TextEncoder | None) -> dict[str, Any]:
    """Return what making the vectors that were used came to, whoever paid for them; as facts."""
    if not isinstance(encoder, EndpointEncoder) or not encoder.used:
        return {}
    made = Preparation.objects.filter(key__in=encoder.used, learned__isnull=False)
    total, seconds, runs = Usage(), 0.0, set()
    for one in made:
        told = one.learned or {}
        seconds += told["seconds"]
        total = total.then(Usage.from_plain(told["usage"]))
        runs |= {told["run"]} if "run" in told else set()
    texts = sum(encoder.used.values())
    told = {"texts": texts, "seconds": round(seconds, 3), **total.plain()}
    return {"embedding": told, "embedded_for": sorted(runs)}
