"""The weights of goals and of what the roles say: tried out freely, and set by the owner."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from math import isfinite
from typing import Any

from django.db.models import F
from django.utils.translation import gettext as _

from decisions.actions.base import change
from decisions.actions.sections import Conflict
from decisions.models import Decision, Role, User
from decisions.policies import BadInput
from decisions.weighing.table import HEAVIEST

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


def apply_weights(
    decision: Decision, *, by: User, weights: Mapping[str, float], token: str
) -> None:
    """Save weights (0 to 100) by the keys of their rows; those not named stay.

    `token` is that of the sheet they were tried on: raises `Conflict` if a weight has been saved
    since, and `BadInput` for a row that is not there or a weight that is none.
    """
    with change(decision, "apply_weights", by=by) as entry:
        record: Decision = entry.decision
        sheet = WeightSheet(record)
        _refuse_strange(sheet, weights)
        changed = sheet.changes(weights)
        if not changed:
            entry.void()
            return
        if sheet.token != token:
            raise Conflict(sheet, as_fields(weights))
        _write(sheet, changed)
        told = [{"name": sheet.names[key], "weight": one} for key, one in changed.items()]
        entry.data = {"weights": told}


def as_fields(weights: Mapping[str, float]) -> dict[str, Any]:
    """Return weights under the names of their form's fields."""
    return {field_of(key): weight for key, weight in weights.items()}


def _refuse_strange(sheet: WeightSheet, weights: Mapping[str, float]) -> None:
    if weights.keys() - sheet.weights.keys():
        raise BadInput(_("There is no such row to weigh."))
    if not all(isfinite(one) and 0 <= one <= HEAVIEST for one in weights.values()):
        raise BadInput(_("A weight is a number from 0 to 100."))


def _write(sheet: WeightSheet, changed: Mapping[str, float]) -> None:
    """Write what changed: with its goal, or on the record for a role."""
    record = sheet.decision
    for key, weight in changed.items():
        goals = record.goals.filter(metric=key, is_accepted=True)
        goals.update(weight=weight, token=F("token") + 1)
    roles = {role: changed.get(role, sheet.weights[role]) for role in sheet.roles}
    kept = record.role_weights | roles
    record.role_weights = {role: weight for role, weight in kept.items() if weight != 1}
    record.save(update_fields=["role_weights"])
