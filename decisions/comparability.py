"""Which values may stand in one comparison, and in words why others may not. Pure.

Two values answer one question where all that their conditions name agrees: the digest of the case
set, the split, the scorer with its version; of a load test the tool, the load and the duration.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from decisions.section_kinds import Text

if TYPE_CHECKING:
    from decisions.figures import GoalFigure
    from decisions.models import Evidence

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

    evidence: "Evidence"
    why: str


def condition_name(name: str) -> Text:
    """Return what must agree before values are compared, in words."""
    return CONDITIONS.get(name, name.replace("_", " ").capitalize())


def left_out(figures: "Iterable[GoalFigure]") -> list[LeftOut]:
    """Return what stands outside the first figure of its metric and unit, with the reason."""
    first: dict[tuple[str, str], Evidence] = {}
    found = []
    for figure in figures:
        of = figure.rows[0].evidence
        main = first.setdefault((figure.metric, figure.unit), of)
        if main != of:
            found += [LeftOut(row.evidence, why_apart(row.evidence, main)) for row in figure.rows]
    return found


def why_apart(one: "Evidence", other: "Evidence") -> str:
    """Return in words why the first value may not be compared with the second, or ""."""
    if one.unit != other.unit:
        return _("in another unit")
    if _way(one) != _way(other):
        told = {"one": one.get_kind_display(), "other": other.get_kind_display()}
        return _("measured in another way: %(one)s, not %(other)s") % told
    return "; ".join(_differences(one.conditions, other.conditions))


def _way(evidence: "Evidence") -> str:
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
