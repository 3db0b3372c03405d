"""Which values may stand in one comparison, and in words why others may not.

Two values answer one question where all that their conditions name agrees: the digest of the case
set, the split, the scorer with its version; of a load test the tool, the load and the duration.
What stands of each metric is chosen here once, for the matrix, all pages and the document.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from decisions.section_kinds import Text

if TYPE_CHECKING:
    from decisions.models import Decision, Evidence

CONDITIONS: dict[str, Text] = {
    "case_set": gettext_lazy("Case set"),
    "case_set_digest": gettext_lazy("Digest of the case set"),
    "split": gettext_lazy("Split"),
    "scorer": gettext_lazy("Scorer"),
    "scorer_version": gettext_lazy("Version of the scorer"),
    "tool": gettext_lazy("Tool"),
    "virtual_users": gettext_lazy("Virtual users"),
    "duration": gettext_lazy("Duration"),
    "scenario": gettext_lazy("Scenario"),
    "scale": gettext_lazy("Scale"),
    "task": gettext_lazy("Task"),
    "who": gettext_lazy("Who estimates it"),
}
DIGEST = "_digest"


@dataclass(frozen=True)
class LeftOut:
    """A figure that is not compared with the others of its metric, and why."""

    evidence: Evidence
    why: str


@dataclass(frozen=True)
class Standing:
    """What one metric rests on: of each candidate one figure, all of which may be compared.

    `chosen` holds them by the candidate's key. `groups` holds every set of figures that may be
    compared with each other, the one that stands first, one figure a candidate. `left_out` is all
    that was obtained and does not stand.
    """

    chosen: Mapping[int, Evidence]
    groups: tuple[tuple[Evidence, ...], ...]
    left_out: tuple[LeftOut, ...]

    def apart(self, candidate: int) -> LeftOut | None:
        """Return the newest figure of a candidate of which none stands, None if there is none."""
        if candidate in self.chosen:
            return None
        mine = (one for one in reversed(self.left_out) if one.evidence.candidate_id == candidate)
        return next(mine, None)


def condition_name(name: str) -> Text:
    """Return what must agree before values are compared, in words."""
    return CONDITIONS.get(name, name.replace("_", " ").capitalize())


def standings(decision: Decision) -> dict[str, Standing]:
    """Return what stands of each metric: of those with a goal first, in the goals' order.

    Reads the prefetched rows.
    """
    units = {goal.metric: goal.unit for goal in decision.accepted_goals}
    measured = (one.metric for one in decision.evidence.all() if _counts(one))
    return {
        metric: standing_of(decision, metric, units.get(metric))
        for metric in dict.fromkeys([*units, *measured])
    }


def standing_of(decision: Decision, metric: str, unit: str | None = None) -> Standing:
    """Return what stands of a metric, with a `unit` only what is in it.

    It is what was measured under the question that covers most of the candidates considered; of
    several that cover as many, the one answered last. Of one candidate the newest figure stands,
    and a person's estimate only where nothing was measured.
    """
    shown = [one for one in decision.evidence.all() if one.metric == metric and _counts(one)]
    considered = {one.pk for one in decision.candidates.all() if not one.is_dropped}
    groups = _groups(shown, unit, considered)
    has_unit = bool(groups) and unit in {None, groups[0][0].unit}
    chosen = {one.candidate_id: one for one in groups[0]} if has_unit else {}
    kept = {one.pk for one in chosen.values()}
    left_out = (LeftOut(one, _why_not(one, unit, chosen)) for one in shown if one.pk not in kept)
    return Standing(chosen, groups, tuple(left_out))


def left_out_of(decision: Decision) -> list[LeftOut]:
    """Return all evidence that stands for nothing, each with why."""
    return [one for standing in standings(decision).values() for one in standing.left_out]


def _counts(evidence: Evidence) -> bool:
    """Return whether a piece of evidence is a figure of one candidate that was not withdrawn."""
    return not evidence.is_comparison and not evidence.is_withdrawn


def _groups(
    shown: Iterable[Evidence], unit: str | None, considered: Collection[int]
) -> tuple[tuple[Evidence, ...], ...]:
    """Return what may be compared with each other, the group that stands first.

    An estimate was made under no conditions: it stands, marked, beside what was measured.
    """

    def rank(members: Sequence[Evidence]) -> tuple[int, int]:
        covered = {one.candidate_id for one in members} & set(considered)
        return len(covered), max(one.number for one in members)

    by_question: dict[tuple[str, str, str], list[Evidence]] = {}
    estimates = []
    for one in shown:
        if one.is_estimate:
            estimates.append(one)
        else:
            by_question.setdefault((one.unit, _way(one), one.question), []).append(one)
    groups = sorted(by_question.values(), key=rank, reverse=True)
    for one in estimates:
        beside = (members for members in groups if members[0].unit == one.unit)
        found: list[Evidence] | None = next(beside, None)
        if found is None:
            groups.append([one])
        else:
            found.append(one)
    groups.sort(key=lambda members: members[0].unit != unit)
    return tuple(map(_of_each, groups))


def _of_each(members: Iterable[Evidence]) -> tuple[Evidence, ...]:
    """Return the figure of each candidate: the newest that was measured, else the estimate."""
    in_order = sorted(members, key=lambda one: (not one.is_estimate, one.number))
    return tuple({one.candidate_id: one for one in in_order}.values())


def _why_not(evidence: Evidence, unit: str | None, chosen: Mapping[int, Evidence]) -> str:
    """Return why a piece of evidence does not stand."""
    if unit is not None and evidence.unit != unit:
        told = {"unit": evidence.unit or _("no unit"), "asked": unit or _("no unit")}
        return _("It is in another unit (%(unit)s) than the goal (%(asked)s).") % told
    reference = min(chosen.values(), key=lambda one: (one.is_estimate, one.number))
    comparable = evidence.is_estimate and evidence.unit == reference.unit
    if not comparable and (why := why_apart(evidence, reference)):
        told = {"why": why, "other": reference.reference}
        return _("Not to be compared with %(other)s: %(why)s.") % told
    other = chosen.get(evidence.candidate_id, reference)
    if evidence.is_estimate and other.is_estimate:
        return _("%(other)s is the newest estimate.") % {"other": other.reference}
    if evidence.is_estimate:
        return _("An estimate; %(other)s was measured.") % {"other": other.reference}
    return _("%(other)s is newer.") % {"other": other.reference}


def why_apart(one: Evidence, other: Evidence) -> str:
    """Return in words why the first value may not be compared with the second, or ""."""
    if one.unit != other.unit:
        return _("in another unit")
    if _way(one) != _way(other):
        told = {"one": one.get_kind_display(), "other": other.get_kind_display()}
        return _("measured in another way: %(one)s, not %(other)s") % told
    return "; ".join(_differences(one.conditions, other.conditions))


def _way(evidence: Evidence) -> str:
    """Return the kind of measuring; a run is one wherever it ran."""
    return "run" if evidence.is_of_run else evidence.kind


def _differences(one: Mapping[str, Any], other: Mapping[str, Any]) -> Iterable[str]:
    """Yield each condition that does not agree, as "Split: test, not holdout".

    What is known by a digest is told by its name; two contents of one name are told apart.
    """
    for name in dict.fromkeys([*one, *other]):
        if f"{name}{DIGEST}" in {**one, **other} or one.get(name) == other.get(name):
            continue
        shown = name.removesuffix(DIGEST)
        mine, theirs = (str(told.get(shown) or _("not known")) for told in (one, other))
        if mine == theirs:
            yield _("%(name)s: another content under the same name") % {"name": _label(shown)}
        else:
            told = {"name": _label(shown), "one": mine, "other": theirs}
            yield _("%(name)s: %(one)s, not %(other)s") % told


def _label(name: str) -> str:
    return str(condition_name(name))
