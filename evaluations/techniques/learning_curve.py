"""Learning curves: how much better a technique gets with more training examples.

Sizes are nested: with one seed a smaller draw is part of every larger one (`fine_tuning.drawn`).
Each is measured on development cases, never on test cases. Other seeds draw other examples, and
their spread says how much of a step may be luck.
"""

import asyncio
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext as _

from evaluations.techniques.interface import Memory

FIRST = (10, 50, 100, 300)  # then ten times 100 and 300, and so on
MOST_WRITTEN = 8

Measure = Callable[[int, int], tuple[float, int]]


@dataclass(frozen=True, slots=True)
class Try:
    """One draw of examples: how many answers were right (or their scores' sum) of those asked.

    `failed` is how many of them got no answer and so are wrong.
    """

    seed: int
    right: float
    asked: int
    failed: int = 0

    @property
    def share(self) -> float:
        """Return the share of right answers."""
        return self.right / self.asked if self.asked else 0.0


def point(examples: int, tries: Sequence[Try]) -> dict[str, Any]:
    """Return a point of a curve as plain values: the mean over the tries, and each of them."""
    return {
        "examples": examples,
        "share": round(math.fsum(one.share for one in tries) / len(tries), 4),
        "tries": [
            {
                "seed": one.seed,
                "right": round(one.right, 4),
                "asked": one.asked,
                "share": round(one.share, 4),
                **({"failed": one.failed} if one.failed else {}),
            }
            for one in tries
        ],
    }


def sizes_up_to(total: int) -> list[int]:
    """Return 10, 50, 100, 300, 1,000, 3,000 … below a total, and the total."""
    found, power = list(FIRST), 1000
    while power < total:
        found += [power, 3 * power]
        power *= 10
    return [size for size in found if size < total] + [total]


async def curve(
    measure: Measure, total: int, seeds: Sequence[int], memory: Memory
) -> list[dict[str, Any]]:
    """Return the curve of what computes here; `measure(size, seed)` gives (right, asked).

    With all examples there is nothing to draw, so one seed is enough there. What a size came to is
    kept, and an interrupted curve goes on after it.
    """
    found: list[dict[str, Any]] = list(memory.state.get("curve", []))
    for size in sizes_up_to(total)[len(found) :]:
        drawn_by = seeds if size < total else seeds[:1]
        tries = []
        for seed in drawn_by:
            right, asked = await asyncio.to_thread(measure, size, seed)
            tries.append(Try(seed, right, asked))
        found.append(point(size, tries))
        await memory.keep(curve=found)
    return found


def sizes_written(text: str) -> list[int]:
    """Return sizes written as 10, 50, 100; each once, in order."""
    parts = text.replace(";", ",").split(",")
    return sorted({int(part) for part in parts if part.strip()})


def sizes_problem(text: str) -> str | None:
    """Return what is wrong with written sizes, as a sentence, or None."""
    parts = [part.strip() for part in text.replace(";", ",").split(",") if part.strip()]
    if not all(part.isascii() and part.isdigit() and len(part) < 8 for part in parts):
        return _("Must be whole numbers, divided by commas.")
    if any(int(part) < FIRST[0] for part in parts) or len(parts) > MOST_WRITTEN:
        told = {"fewest": FIRST[0], "n": MOST_WRITTEN}
        return _("Must be at most %(n)s sizes of %(fewest)s or more.") % told
    return None
