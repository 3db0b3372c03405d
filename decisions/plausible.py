"""What nobody can measure of a metric, and what a goal on it hardly means. Pure."""

from collections.abc import Iterable, Iterator, Mapping
from math import inf, isfinite
from typing import Any

from django.utils.translation import gettext as _

from decisions.metrics import METRICS, span_of
from decisions.models.candidate import Direction
from decisions.numbers import PERCENT, format_exact

LIMITS = ("target", "worst_acceptable")


def span_in_words(metric: str, unit: str) -> str:
    """Return between what the values of a metric lie, as a hint reads; "" if anywhere."""
    least, most = span_of(metric, unit)
    if not isfinite(least):
        return ""
    told = {"least": format_exact(least, unit)}
    if most == inf:
        return _("at least %(least)s") % told
    return _("%(least)s to %(most)s") % (told | {"most": format_exact(most, unit)})


def impossible(metric: str, unit: str, values: Iterable[float | None]) -> str:
    """Return in a sentence that one of the values cannot be, or "" where all can."""
    least, most = span_of(metric, unit)
    outside = [one for one in values if one is not None and not least <= one <= most]
    if not outside:
        return ""
    told = {"value": format_exact(outside[0], unit), "span": span_in_words(metric, unit)}
    if metric not in METRICS and unit.strip() == PERCENT:
        return (
            _(
                "%(value)s cannot be: a share is %(span)s. If it is a change and no share, write "
                "its unit as “percent”."
            )
            % told
        )
    return _("%(value)s cannot be: this metric is %(span)s.") % told


def impossible_limits(goal: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield each limit of a goal that no value can reach, by its field, with why."""
    for name in LIMITS:
        if why := impossible(goal.get("metric", ""), goal.get("unit") or "", [goal.get(name)]):
            yield name, why


def unlikely(goal: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield what is hardly meant by a goal that could be, by its field, as a question."""
    target, worst = goal["target"], goal.get("worst_acceptable")
    yield from _against_nature(goal)
    yield from _tiny_shares(goal)
    if target == worst:
        yield (
            "worst_acceptable",
            _(
                "The same as the target, so nothing lies between: a candidate gets all of this "
                "goal's weight or none."
            ),
        )
    if _reached_by_all(goal):
        yield "target", _("Whatever is measured reaches this target.")


def _against_nature(goal: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield that a goal rewards what is worse."""
    metric = METRICS.get(goal["metric"])
    if metric is None or goal["direction"] == metric.better:
        return
    told = {"metric": metric.name, "better": metric.better.label}
    if metric.better == Direction.AT_MOST:
        sentence = _("%(metric)s is the better the lower it is. Did you mean “%(better)s”?")
    else:
        sentence = _("%(metric)s is the better the higher it is. Did you mean “%(better)s”?")
    yield "direction", sentence % told


def _tiny_shares(goal: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield the limits that were likely typed as a fraction of 1, where a share is in percent."""
    if goal.get("unit") != PERCENT or goal["direction"] != Direction.AT_LEAST:
        return
    for name in LIMITS:
        value = goal.get(name)
        if value is not None and 0 < value <= 1:
            told = {"meant": format_exact(100 * value, PERCENT)}
            yield name, _("This is in percent. Did you mean %(meant)s?") % told


def _reached_by_all(goal: Mapping[str, Any]) -> bool:
    """Return whether no value can miss the target."""
    least, most = span_of(goal["metric"], goal.get("unit") or "")
    target = goal["target"]
    return bool(target <= least if goal["direction"] == Direction.AT_LEAST else target >= most)
