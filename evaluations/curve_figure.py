"""The learning curve of a run as a figure: how it got better with more examples or cases."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.utils.safestring import SafeString
from django.utils.translation import gettext as _

from decisions.forest_plot import Figure
from decisions.marks import INK, RULE, SMALL, SOFT, frame, levels, line, text
from decisions.metrics import METRICS
from decisions.numbers import NOTHING, format_count, format_value
from decisions.svg import Scale, element, scale_over, text_width

WIDTH, HEIGHT, LEFT, RIGHT, TOP, BOTTOM = 760.0, 318.0, 62.0, 744.0, 34.0, 268.0
INSET, CAP = 30.0, 4.0


@dataclass(frozen=True)
class CurvePoint:
    """A point: how many examples (or cases), the mean share in percent, and the spread."""

    size: int
    mean: float
    low: float
    high: float
    tries: int

    @property
    def cells(self) -> tuple[str, str, str]:
        """Return size, mean and spread as a table shows them."""
        ends = tuple(format_value(end, unit="%") for end in (self.low, self.high))
        spread = _("%(low)s to %(high)s") % {"low": ends[0], "high": ends[1]}
        return format_count(self.size), self.words, spread if self.tries > 1 else NOTHING

    @property
    def words(self) -> str:
        """Return the mean with its unit."""
        return format_value(self.mean, unit="%")


def learning_curve(artefact: Mapping[str, Any], *, key: str = "learning-curve") -> Figure | None:
    """Return the learning curve that a run's artefact holds, if it has more than one point."""
    points = [_point(one) for one in artefact.get("learning_curve") or []]
    if len(points) < 2:
        return None
    metric = str(METRICS[artefact.get("curve_metric", "accuracy")].name)
    is_mined = _is_mined(artefact)
    size_name = _("Cases asked") if is_mined else _("Training examples")
    by_examples = _("%(metric)s by training examples") % {"metric": metric}
    title = _("Prompts by cases asked") if is_mined else by_examples
    description = _describe(points)
    spread_name = _("Prompts that were left") if is_mined else _("Over the draws")
    drawing = _Drawing(points, size_name, metric).svg(title, description, f"figure-{key}")
    headings = (size_name, metric, spread_name)
    return Figure(drawing, title, description, (), headings, tuple(one.cells for one in points))


def curve_legend(artefact: Mapping[str, Any]) -> str:
    """Return how to read the curve, on which cases it was measured, and how many failed."""
    told = artefact.get("learning_curve") or []
    parts = (_how_to_read(told, artefact), _measured_on(artefact), _failures(told))
    return " ".join(part for part in parts if part)


def _is_mined(artefact: Mapping[str, Any]) -> bool:
    """Return whether it is a search among prompts, which goes on with the best."""
    return "prompts" in artefact["learning_curve"][0]


def _point(told: Mapping[str, Any]) -> CurvePoint:
    """Return a point of either curve: of prompts the best counts, of draws the mean."""
    tried: Sequence[Mapping[str, Any]] = told.get("prompts") or told["tries"]
    shares = [100 * float(one["share"]) for one in tried]
    mean = 100 * float(told["share"]) if "share" in told else shares[0]
    size = told["examples"] if "examples" in told else told["cases"]
    return CurvePoint(int(size), mean, min(shares), max(shares), len(shares))


def _describe(points: Sequence[CurvePoint]) -> str:
    (few, low, _spread), (many, high, _spread) = points[0].cells, points[-1].cells
    told = {"low": low, "few": few, "high": high, "many": many}
    return _("From %(low)s with %(few)s to %(high)s with %(many)s.") % told


def _how_to_read(told: Sequence[Mapping[str, Any]], artefact: Mapping[str, Any]) -> str:
    if not any(_point(one).tries > 1 for one in told):
        return ""
    if _is_mined(artefact):
        return _("Disc: the best prompt of a round. Whisker: down to the worst that was left.")
    return _("Disc: the mean over the draws. Whisker: from the worst draw to the best.")


def _measured_on(artefact: Mapping[str, Any]) -> str:
    held_out = artefact.get("curve_held_out")
    if not held_out:
        return _("Measured on development cases, never on test cases.")
    sentence = _(
        "There are no development cases: measured on %(n)s training cases that were held out for "
        "this alone, never on test cases."
    )
    return sentence % {"n": format_count(held_out)}


def _failures(told: Sequence[Mapping[str, Any]]) -> str:
    """Return how many cases of a curve got no answer, in a sentence; "" where all did."""
    tries = [one for point in told for one in point.get("tries", [])]
    prompts = [one for point in told for one in point.get("prompts", []) if "failed" in one]
    tries += {one["change"]: one for one in prompts}.values()  # the last round counts those before
    failed = sum(one.get("failed", 0) for one in tries)
    if not failed:
        return ""
    counts = {"failed": format_count(failed), "n": format_count(sum(one["asked"] for one in tries))}
    return _("%(failed)s of %(n)s could not be asked and count as wrong.") % counts


class _Drawing:
    """Lays a curve out: a line through the means, with the spread of the tries around each."""

    def __init__(self, points: Sequence[CurvePoint], size_name: str, metric: str) -> None:
        self.points, self.size_name, self.metric = points, size_name, metric
        self.across = _sizes(points)
        shares = [end for one in points for end in (one.low, one.mean, one.high)]
        self.up = scale_over(shares, BOTTOM, TOP, bounded=True)

    def svg(self, title: str, description: str, key: str) -> SafeString:
        """Return the whole drawing."""
        body = [
            levels(self.up, LEFT, RIGHT, self.metric, unit="%"),
            self._axis(),
            *(self._spread(one) for one in self.points if one.tries > 1),
            self._line(),
            *(self._disc(one) for one in self.points),
            *map(self._value, (self.points[0], self.points[-1])),
        ]
        return frame(
            *body,
            title=title,
            description=description,
            key=key,
            kind="learning-curve",
            width=WIDTH,
            height=HEIGHT,
        )

    def _axis(self) -> SafeString:
        """Return the axis with the sizes that were tried, and what it shows."""
        words = self.size_name
        if self.across.is_log:
            words = _("%(axis)s, logarithmic") % {"axis": words}
        at_sizes = [(self.across(one.size), format_count(one.size)) for one in self.points]
        return element(
            "g",
            line(LEFT, BOTTOM, RIGHT, BOTTOM, "fig-axis", RULE),
            *(line(x, BOTTOM, x, BOTTOM + 4, "fig-axis", RULE) for x, _told in at_sizes),
            *(
                text(x, BOTTOM + 18, told, "middle", SMALL, soft=True)
                for x, told in _apart(at_sizes)
            ),
            text((LEFT + RIGHT) / 2, BOTTOM + 40, words, "middle", SMALL, soft=True),
        )

    def _spread(self, point: CurvePoint) -> SafeString:
        """Return the whisker from the worst to the best try."""
        x, low, high = self.across(point.size), self.up(point.low), self.up(point.high)
        return element(
            "g",
            line(x, low, x, high, "fig-interval", INK, stroke_width=1.4),
            *(line(x - CAP, y, x + CAP, y, "fig-interval", INK) for y in (low, high)),
        )

    def _line(self) -> SafeString:
        drawn = " ".join(
            f"{self.across(one.size):.2f},{self.up(one.mean):.2f}" for one in self.points
        )
        return element(
            "polyline",
            points=drawn,
            fill="none",
            class_="fig-front",
            stroke=SOFT,
            stroke_width=1.8,
        )

    def _disc(self, point: CurvePoint) -> SafeString:
        x, y = self.across(point.size), self.up(point.mean)
        return element("circle", cx=x, cy=y, r=4.5, class_="fig-point", fill=INK, stroke=INK)

    def _value(self, point: CurvePoint) -> SafeString:
        """Return a point's value, over its whisker."""
        x, y = self.across(point.size), self.up(point.high) - 10
        return text(x, y, point.words, "middle", SMALL, weight=600)


def _sizes(points: Sequence[CurvePoint]) -> Scale:
    """Return the scale of the sizes; by powers where they are far apart."""
    sizes = [one.size for one in points]
    low, high = min(sizes), max(sizes)
    is_log = low > 0 and high / low > 10
    return Scale(low, high if high > low else low + 1, LEFT + INSET, RIGHT - INSET, is_log=is_log)


def _apart(labels: Sequence[tuple[float, str]]) -> list[tuple[float, str]]:
    """Return those of (place, words) from left to right that stand clear, the last in any case."""
    kept = [labels[-1]]
    for x, words in reversed(labels[:-1]):
        beside, other = kept[-1]
        if beside - x > (text_width(words, SMALL) + text_width(other, SMALL)) / 2 + 8:
            kept.append((x, words))
    return kept[::-1]
