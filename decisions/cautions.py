"""What holds nothing back and should be known before anyone submits or signs."""

from collections.abc import Iterator

from django.utils.translation import gettext as _

from decisions.matrix import Matrix, considered
from decisions.models import Candidate, Decision
from decisions.section_kinds import FieldType


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
    chosen = _recommended(matrix.decision)
    for column, candidate in enumerate(considered(matrix.decision)):
        for row, asked in enumerate(matrix.table.rows):
            found = matrix.sources.get((row, column))
            if candidate.letter in chosen and asked.is_must and (not found or found.is_estimate):
                yield candidate, asked.name


def _recommended(decision: Decision) -> set[str]:
    """Return the letters of the candidates that the recommendation names."""
    return {
        letter
        for section in decision.sections.all()
        for field, value in section.values()
        if field.type == FieldType.CANDIDATES
        for letter in value or []
    }
