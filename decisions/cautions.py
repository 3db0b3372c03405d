"""What holds nothing back and should be known before anyone submits or signs."""

from collections.abc import Iterator

from django.utils.translation import gettext as _

from decisions.figures import chosen_letters
from decisions.matrix import Matrix, considered
from decisions.models import Candidate


def cautions(matrix: Matrix) -> list[str]:
    """Return in sentences what the recommendation says more than was measured."""
    return [
        _(
            "%(candidate)s is recommended, but nothing measured says whether it reaches "
            "%(goal)s (must)."
        )
        % {"candidate": candidate.letter, "goal": goal}
        for candidate, goal in _unmeasured_musts(matrix)
    ]


def _unmeasured_musts(matrix: Matrix) -> Iterator[tuple[Candidate, str]]:
    """Yield each recommended candidate with each must of which it has an estimate at most."""
    chosen = chosen_letters(matrix.decision)
    for column, candidate in enumerate(considered(matrix.decision)):
        for row, asked in enumerate(matrix.table.rows):
            found = matrix.sources.get((row, column))
            if candidate.letter in chosen and asked.is_must and (not found or found.is_estimate):
                yield candidate, asked.name
