"""What a template of records says, as a value: whether it makes sense, and in words."""

import math
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from django.utils import translation
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from decisions.metrics import METRICS
from decisions.models import OWNER, Direction, RecordTemplate, Role
from decisions.numbers import format_exact, format_number
from decisions.plausible import impossible_limits
from decisions.policy_words import policy_in_words
from decisions.section_kinds import SECTION_KINDS, Rows, SectionKind, Text
from decisions.signing_policy import SigningPolicy

RECOMMENDATION = "recommendation"
WRONG_SIDE = gettext_lazy("The worst acceptable value lies on the wrong side of the target.")
NO_WORST = gettext_lazy(
    "A target of 0 needs a worst acceptable value: else nothing says how far from it is too far."
)


@dataclass(frozen=True)
class Plan:
    """What a template says: its parts as {"kind", "role"}, its goals, and who signs."""

    title: str
    description: str
    sections: list[dict[str, str]]
    goals: list[dict[str, Any]]
    policy: SigningPolicy

    @property
    def in_order(self) -> list[dict[str, str]]:
        """Return the parts with those of one chapter together, the recommendation last."""
        chapters: dict[Text, list[dict[str, str]]] = {}
        for one in self.sections:
            chapters.setdefault(str(SECTION_KINDS[one["kind"]].chapter), []).append(one)
        found = [one for members in chapters.values() for one in members]
        return sorted(found, key=lambda one: one["kind"] == RECOMMENDATION)

    @property
    def row(self) -> dict[str, Any]:
        """Return the values of the template's row."""
        return {
            "title": self.title,
            "description": self.description,
            "sections": self.in_order,
            "goals": self.goals,
            "policy": self.policy.to_json(),
        }

    @property
    def problems(self) -> list[str]:
        """Return what makes no sense, in sentences; a plan without any can be saved."""
        return [*self._part_problems(), *self._goal_problems(), *self._policy_problems()]

    def _part_problems(self) -> Iterator[str]:
        kinds = [one["kind"] for one in self.sections]
        if unknown := [one for one in kinds if one not in SECTION_KINDS]:
            yield _("There is no part of the kind “%(kind)s”.") % {"kind": unknown[0]}
            return
        for kind, times in Counter(kinds).items():
            if times > 1:
                yield _("“%(part)s” can stand in a record only once.") % {
                    "part": SECTION_KINDS[kind].title
                }
        if RECOMMENDATION not in kinds:
            yield _("A record needs the recommendation: it is what the team signs.")
        yield from self._row_problems()
        yield from self._role_problems()

    def _row_problems(self) -> Iterator[str]:
        """Yield what is wrong with the parts that hold rows: each list stands somewhere once."""
        lists = [one for one in self._kinds if one.rows == Rows.CANDIDATES]
        if len(lists) != 1:
            names = [k.title for k in SECTION_KINDS.values() if k.rows == Rows.CANDIDATES]
            yield _("Choose one part for what is chosen from: %(parts)s.") % {
                "parts": _either(names)
            }
        rating = Counter(one["role"] for one, kind in self._pairs if kind.rows == Rows.ASSESSMENTS)
        for role, times in rating.items():
            if times > 1:
                yield _("%(role)s would rate every candidate twice: keep one of its ratings.") % {
                    "role": _role(role)
                }
        if self.goals and not any(one.rows == Rows.GOALS for one in self._kinds):
            yield _("Goals to start with need the part “%(part)s”.") % {
                "part": SECTION_KINDS["goals"].title
            }

    def _role_problems(self) -> Iterator[str]:
        for one, kind in self._pairs:
            if one["role"] not in {*Role.values, OWNER}:
                yield _("“%(part)s” needs a role that writes it.") % {"part": kind.title}
            elif kind.is_bound and one["role"] != kind.role:
                yield _("“%(part)s” is always written by: %(role)s.") % {
                    "part": kind.title,
                    "role": _role(kind.role),
                }
            elif one["role"] == OWNER and not kind.is_bound:
                yield _("“%(part)s” is written by a role, not by the owner.") % {"part": kind.title}

    def _goal_problems(self) -> Iterator[str]:
        for metric, times in Counter(one["metric"] for one in self.goals).items():
            if metric not in METRICS:
                yield _("There is no metric “%(metric)s”.") % {"metric": metric}
            elif times > 1:
                yield _("Set one goal on “%(metric)s”, not several.") % {
                    "metric": METRICS[metric].name
                }
        yield from dict.fromkeys(problem for one in self.goals for problem in goal_problems(one))

    def _policy_problems(self) -> Iterator[str]:
        if not self.policy.roles:
            yield _("Choose at least one role that signs: nobody could approve such a record.")
        if len(set(self.policy.roles)) < len(self.policy.roles):
            yield _("A role signs only once.")

    @property
    def _pairs(self) -> list[tuple[dict[str, str], SectionKind]]:
        return [(one, SECTION_KINDS[one["kind"]]) for one in self.sections]

    @property
    def _kinds(self) -> list[SectionKind]:
        return [kind for _one, kind in self._pairs]

    def in_words(self) -> dict[Text, str]:
        """Return everything it says as name → text, to set two versions side by side."""
        return {
            gettext_lazy("Title"): self.title,
            gettext_lazy("What it is for"): self.description,
            gettext_lazy("Parts"): "; ".join(
                f"{kind.title} ({_role(one['role'])})" for one, kind in self._pairs
            ),
            gettext_lazy("Goals to start with"): "; ".join(map(goal_in_words, self.goals)),
            gettext_lazy("Who signs"): " ".join(policy_in_words(self.policy)),
        }


def plan_of(template: RecordTemplate) -> Plan:
    """Return what a template says now."""
    return Plan(
        template.title,
        template.description,
        template.sections,
        template.goals,
        template.signing_policy,
    )


def starting_goal(metric: str, **values: Any) -> dict[str, Any]:
    """Return a goal as a template keeps it; its name and unit are the metric's."""
    known = METRICS[metric]
    # Kept in the language it was written in, as the rows of records are.
    with translation.override(None):
        return {"metric": metric, "name": str(known.name), "unit": known.unit, **values}


def goal_in_words(goal: Mapping[str, Any]) -> str:
    """Return a goal in one line: "Accuracy ≥ 85 %, a must"."""
    sign = "≥" if goal["direction"] == Direction.AT_LEAST else "≤"
    words = [f"{goal['name']} {sign} {format_exact(goal['target'], goal['unit'])}"]
    if goal.get("worst_acceptable") is not None:
        worst = format_exact(goal["worst_acceptable"], goal["unit"])
        words.append(_("worst acceptable %(worst)s") % {"worst": worst})
    words.append(_("weight %(weight)s") % {"weight": format_number(goal["weight"])})
    return ", ".join([*words, _("a must")] if goal["is_must"] else words)


def by_chapter(parts: Iterable[tuple[SectionKind, str]]) -> list[tuple[Text, list[Any]]]:
    """Return parts grouped by their chapters."""
    groups = groupby(parts, key=lambda part: part[0].chapter)
    return [(chapter, list(members)) for chapter, members in groups]


def goal_problems(goal: Mapping[str, Any]) -> Iterator[str]:
    """Give what makes no sense in a goal's values, in sentences."""
    if not _is_goal(goal):
        yield _("A goal needs a direction, a target, and a weight from 0 to 100.")
    if lies_wrong(goal):
        yield str(WRONG_SIDE)
    if lacks_worst(goal):
        yield str(NO_WORST)
    if _is_goal(goal):
        yield from (why for _name, why in impossible_limits(goal))


def lacks_worst(goal: Mapping[str, Any]) -> bool:
    """Return whether nothing says what is worth nothing: there is no multiple of a target of 0."""
    return goal.get("target") == 0 and goal.get("worst_acceptable") is None


def lies_wrong(goal: Mapping[str, Any]) -> bool:
    """Return whether the worst acceptable value lies on the wrong side of the target."""
    worst, target = goal.get("worst_acceptable"), goal.get("target")
    if worst is None or target is None:
        return False
    at_least = goal.get("direction") == Direction.AT_LEAST
    return bool(worst > target if at_least else worst < target)


def _is_goal(goal: Mapping[str, Any]) -> bool:
    """Return whether a goal's values can be written into a record."""
    numbers = [goal.get("target"), goal.get("weight", 1), goal.get("worst_acceptable") or 0]
    if not all(isinstance(one, int | float) and math.isfinite(one) for one in numbers):
        return False
    roles = {"", *Role.values}
    fits = goal.get("direction") in Direction.values and goal.get("proposed_by_role", "") in roles
    return fits and 0 <= goal.get("weight", 1) <= 100


def _role(role: str) -> str:
    if role == OWNER:
        return _("the owner")
    return str(Role(role).label) if role in Role.values else role


def _either(names: list[Text]) -> str:
    return _(" or ").join(f"“{one}”" for one in names)
