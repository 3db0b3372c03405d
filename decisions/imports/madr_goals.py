"""A goal from the line that an exported record has for it among its drivers; pure."""

from __future__ import annotations

import re
from typing import Any

from decisions.exports.madr import driver
from decisions.imports.madr_text import LONGEST_NAME
from decisions.madr_template import roles_by_name
from decisions.models import Goal
from decisions.template_plan import goal_problems

LONGEST_UNIT = 20  # characters
LONGEST_GOAL = 500  # characters of an item that is read as a goal
_NUMBER = r"-?[\d.]+(?:e[+-]?\d+)?"
_ROLE = re.compile(r"[a-z_]{1,20}")
_GOAL = re.compile(
    rf"^(?P<name>.+): (?P<direction>at least|at most) (?P<target>{_NUMBER})(?: (?P<unit>.+?))?"
    rf" \((?P<must>a must; )?(?:worst acceptable (?P<worst>{_NUMBER})(?: (?P=unit))?; )?"
    rf"weight (?P<weight>{_NUMBER}); metric (?P<metric>[\w-]{{1,60}})"
    r"(?:; asked for by (?P<role>[A-Za-z_ ]{1,20}))?\)$"
)


def goal_of(words: str) -> dict[str, Any] | None:
    """Return the goal that a driver of an exported record names, as its row's values."""
    # No longer one is a goal, and matching takes the square of the length.
    found = _GOAL.match(words) if len(words) <= LONGEST_GOAL else None
    if not found:
        return None
    role = found["role"] or ""
    role = roles_by_name().get(role, role)
    if role and not _ROLE.fullmatch(role):
        return None
    try:
        target, weight = float(found["target"]), float(found["weight"])
        worst = float(found["worst"]) if found["worst"] else None
    except ValueError:
        return None
    goal: dict[str, Any] = {
        "metric": found["metric"],
        "name": found["name"],
        "direction": found["direction"].replace(" ", "_"),
        "target": target,
        "worst_acceptable": worst,
        "unit": found["unit"] or "",
        "weight": weight,
        "is_must": bool(found["must"]),
        "proposed_by_role": role,
    }
    fits = len(goal["name"]) <= LONGEST_NAME and len(goal["unit"]) <= LONGEST_UNIT
    return goal if fits and not any(goal_problems(goal)) else None


def says_all(goal: dict[str, Any], said: str) -> bool:
    """Return whether a goal says all that its item does: more may stand there, or an address."""
    return " ".join(said.split()) == driver(Goal(**goal))
