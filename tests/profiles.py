"""Product profiles for tests of the advisor."""

from random import Random

from decisions.advisor import questions


def full_profiles(count: int, seed: int = 5) -> list[dict[str, str]]:
    """Return profiles with every question answered, at random."""
    draw = Random(seed)
    asked = questions().items()
    return [{name: draw.choice(one.answers) for name, one in asked} for _ in range(count)]
