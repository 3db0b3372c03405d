"""The weights of goals and of what the roles say, as the one thing that is tried and saved."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from django.utils.translation import gettext as _

from decisions.models import Decision, Role

FIELD = "w_"


def field_of(key: str) -> str:
    """Return the name of the field for the weight of a row."""
    return f"{FIELD}{key}"


@dataclass(frozen=True)
class WeightSheet:
    """All weights of a record, as the one thing that their form edits.

    A row's key is the metric of its goal, or the role whose ratings it holds.
    """

    decision: Decision

    def __str__(self) -> str:
        return _("Weights")

    @cached_property
    def roles(self) -> list[str]:
        """Return the roles that rate candidates on this record."""
        return [role for role in Role.values if self.decision.criteria_of(role)]

    @cached_property
    def names(self) -> dict[str, str]:
        """Return what each row is called."""
        goals = {one.metric: one.name for one in self.decision.accepted_goals}
        return goals | {role: str(Role(role).label) for role in self.roles}

    @cached_property
    def weights(self) -> dict[str, float]:
        """Return the weights as they are saved; a role that nobody weighed counts 1."""
        goals = {one.metric: one.weight for one in self.decision.accepted_goals}
        given = self.decision.role_weights
        return goals | {role: float(given.get(role, 1)) for role in self.roles}

    @property
    def token(self) -> str:
        """Return what changes whenever a weight does, or there are other rows."""
        return hashlib.sha256(repr(sorted(self.weights.items())).encode()).hexdigest()[:16]

    def changes(self, weights: Mapping[str, float]) -> dict[str, float]:
        """Return those of the weights that are not saved as they are."""
        return {key: one for key, one in weights.items() if self.weights.get(key) != one}


def as_fields(weights: Mapping[str, float]) -> dict[str, Any]:
    """Return weights under the names of their form's fields."""
    return {field_of(key): weight for key, weight in weights.items()}
