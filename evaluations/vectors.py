"""Vectors that an endpoint's model makes: by one worker, once for all runs on the same texts."""

from collections.abc import Sequence
from functools import partial
from typing import Any

from evaluations.encoder import TextEncoder
from evaluations.learning import learned
from evaluations.models import Preparation
from evaluations.shift import Stop
from evaluations.techniques import Material
from evaluations.techniques.chat import Usage
from evaluations.techniques.embedding import EndpointEncoder, embed


def have_vectors(texts: Sequence[str], material: Material, stop: Stop, rests: Stop) -> None:
    """Have an endpoint's model make the vectors of texts, under a lease; raises as `learned` does.

    Where they were made before and their files are gone, they are made again.
    """
    encoder = material.encoder
    if not isinstance(encoder, EndpointEncoder):
        raise TypeError("The embedded encoder lacks no vectors.")
    key = encoder.key_of(texts)
    if not encoder.has(texts):
        Preparation.objects.filter(key=key, learned__isnull=False).delete()
    learned(key, partial(embed, encoder, texts), stop, rests)


def vectors_told(encoder: TextEncoder | None) -> dict[str, Any]:
    """Return what making the vectors that were used came to, whoever paid for them; as facts."""
    if not isinstance(encoder, EndpointEncoder) or not encoder.used:
        return {}
    made = Preparation.objects.filter(key__in=encoder.used, learned__isnull=False)
    total, seconds = Usage(), 0.0
    for one in made:
        told = one.learned or {}
        seconds += told["seconds"]
        total = total.then(Usage.from_plain(told["usage"]))
    texts = sum(encoder.used.values())
    return {"embedding": {"texts": texts, "seconds": round(seconds, 3), **total.plain()}}
