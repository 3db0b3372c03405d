"""Setting the weights of goals and of what the roles say."""

from __future__ import annotations

from collections.abc import Mapping
from math import isfinite

from django.db.models import F
from django.utils.translation import gettext as _

from decisions.actions.base import change
from decisions.actions.sections import Conflict
from decisions.models import Decision, User
from decisions.policies import BadInput
from decisions.weighing.table import HEAVIEST
from decisions.weights import WeightSheet, as_fields


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
