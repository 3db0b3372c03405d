"""What the page of a run shows of tuning: facts, the learning curve, the forgetting check."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from decisions.marks import HAIRLINE, INK, SANS, SOFT
from decisions.metrics import METRICS
from decisions.numbers import format_count, format_number, format_value
from decisions.svg import Scale, element, scale_over
from evaluations.comparison import Comparison

WIDTH, HEIGHT, LEFT, RIGHT, TOP, BOTTOM = 720.0, 220.0, 52.0, 16.0, 12.0, 180.0
TEXT = 13.0


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
        mean = format_value(self.mean, unit="%")
        return format_count(self.size), mean, spread if self.tries > 1 else "–"


@dataclass(frozen=True)
class LearningCurve:
    """A drawing with its title, and a row a point; `measured_on` says on which cases."""

    svg: SafeString
    title: str
    description: str
    size_name: str
    share_name: str
    spread_name: str
    rows: tuple[tuple[str, str, str], ...]
    measured_on: str


@dataclass(frozen=True)
class Forgetting:
    """The check in sentences; `cells` are before, after and difference, none without a probe."""

    sentence: str
    note: str = ""
    cells: tuple[str, ...] = ()
    is_loss: bool = False


def learning_curve_of(artefact: Mapping[str, Any]) -> LearningCurve | None:
    """Return the learning curve that a run's artefact holds, if it has more than one point."""
    told = artefact.get("learning_curve") or []
    points = [_point(one) for one in told]
    if len(points) < 2:
        return None
    is_mined = "prompts" in told[0]
    size_name = _("Cases asked") if is_mined else _("Training examples")
    metric = METRICS[artefact.get("curve_metric", "accuracy")].name
    by_examples = _("%(metric)s by training examples") % {"metric": metric}
    title = _("Prompts by cases asked") if is_mined else by_examples
    ends = {"first": points[0].cells, "last": points[-1].cells}
    words = {
        "low": ends["first"][1],
        "few": ends["first"][0],
        "high": ends["last"][1],
        "many": ends["last"][0],
    }
    description = _("From %(low)s with %(few)s to %(high)s with %(many)s.") % words
    return LearningCurve(
        _drawing(points, title, description),
        title,
        description,
        size_name,
        str(metric),
        _("Prompts that were left") if is_mined else _("Over the draws"),
        tuple(one.cells for one in points),
        " ".join(part for part in (_measured_on(artefact), _curve_failures(told)) if part),
    )


def _point(told: Mapping[str, Any]) -> CurvePoint:
    """Return a point of either curve: of prompts the best counts, of draws the mean."""
    tried: Sequence[Mapping[str, Any]] = told.get("prompts") or told["tries"]
    shares = [100 * float(one["share"]) for one in tried]
    mean = 100 * float(told["share"]) if "share" in told else shares[0]
    size = told["examples"] if "examples" in told else told["cases"]
    return CurvePoint(int(size), mean, min(shares), max(shares), len(shares))


def _measured_on(artefact: Mapping[str, Any]) -> str:
    held_out = artefact.get("curve_held_out")
    if not held_out:
        return _("Measured on development cases, never on test cases.")
    sentence = _(
        "There are no development cases: measured on %(n)s training cases that were held out for "
        "this alone, never on test cases."
    )
    return sentence % {"n": format_count(held_out)}


def _curve_failures(told: Sequence[Mapping[str, Any]]) -> str:
    """Return how many cases of a curve got no answer, in a sentence; "" where all did."""
    tries = [one for point in told for one in point.get("tries", [])]
    prompts = [one for point in told for one in point.get("prompts", []) if "failed" in one]
    tries += {one["change"]: one for one in prompts}.values()  # the last round counts those before
    failed = sum(one.get("failed", 0) for one in tries)
    if not failed:
        return ""
    counts = {"failed": format_count(failed), "n": format_count(sum(one["asked"] for one in tries))}
    return _("%(failed)s of %(n)s could not be asked and count as wrong.") % counts


def _drawing(points: Sequence[CurvePoint], title: str, description: str) -> SafeString:
    sizes = [float(one.size) for one in points]
    is_log = sizes[0] > 0 and sizes[-1] / sizes[0] > 10
    across = Scale(sizes[0], sizes[-1], LEFT, WIDTH - RIGHT - 24, is_log=is_log)
    shares = [end for one in points for end in (one.low, one.high)]
    up = scale_over(shares, BOTTOM, TOP, bounded=True)
    line = "".join(
        f"{'L' if place else 'M'}{across(one.size):.1f} {up(one.mean):.1f}"
        for place, one in enumerate(points)
    )
    return element(
        "svg",
        element("title", title, id="curve-title"),
        element("desc", description, id="curve-desc"),
        *(_level(up, mark) for mark in up.ticks(5)),
        *(_mark(across(one.size), one) for one in points),
        *(_spread(across(one.size), up, one) for one in points if one.tries > 1),
        element("path", d=line, fill="none", stroke=INK, stroke_width=1.5, class_="fig-axis"),
        *(
            element(
                "circle", cx=across(one.size), cy=up(one.mean), r=3.5, fill=INK, class_="fig-point"
            )
            for one in points
        ),
        class_="chart",
        viewBox=f"0 0 {WIDTH:g} {HEIGHT:g}",
        role="img",
        aria_labelledby="curve-title curve-desc",
        xmlns="http://www.w3.org/2000/svg",
    )


def _level(up: Scale, mark: float) -> SafeString:
    """Return a line across at a share, with its number."""
    y = up(mark)
    grid = element("path", d=f"M{LEFT} {y:.1f}H{WIDTH - RIGHT}", class_="fig-grid", stroke=HAIRLINE)
    return element("g", grid, _words(f"{format_number(mark)} %", LEFT - 8, y + 4, "end"))


def _mark(x: float, point: CurvePoint) -> SafeString:
    return _words(format_count(point.size), x, BOTTOM + 22, "middle")


def _spread(x: float, up: Scale, point: CurvePoint) -> SafeString:
    """Return the line from the worst to the best try."""
    return element(
        "path",
        d=f"M{x:.1f} {up(point.low):.1f}V{up(point.high):.1f}",
        class_="fig-interval",
        stroke=SOFT,
        stroke_width=1.5,
    )


def _words(text: str, x: float, y: float, anchor: str) -> SafeString:
    return element(
        "text",
        text,
        x=x,
        y=y,
        text_anchor=anchor,
        font_size=TEXT,
        font_family=SANS,
        class_="fig-text fig-soft",
        fill=SOFT,
    )


def forgetting_of(artefact: Mapping[str, Any]) -> Forgetting | None:
    """Return what a run's artefact says of forgetting, None where it says nothing."""
    if artefact.get("frozen"):
        return Forgetting(
            _("Nothing can have been forgotten."),
            _("The encoder (%(digest)s…) stays as it was; only a layer was put on top of it.")
            % {"digest": str(artefact.get("encoder_digest", ""))[:8]},
        )
    told = artefact.get("forgetting")
    return _checked(told) if told else None


def _checked(told: Mapping[str, Any]) -> Forgetting:
    names = ("difference", "low", "high", "n", "method", "p", "confidence")
    found = Comparison(
        **{name: told[name] for name in names}, first=told["after"], second=told["before"]
    )
    note = _("Asked: %(probe)s. %(metric)s; %(method)s; p = %(p)s.") % {
        "probe": told["probe"],
        "metric": METRICS[told.get("metric", "accuracy")].name,
        "method": found.method,
        "p": format_number(round(found.p, 4)),
    }
    before, after, difference = (
        format_value(100 * value, unit="%")
        for value in (found.second, found.first, found.difference)
    )
    return Forgetting(
        _begun_large(found.in_words(_("the tuned model"), _("the base model"))),
        " ".join(part for part in (_unasked(told), note) if part),
        (before, after, difference.replace("%", _("points"))),
        found.decisive and found.difference < 0,
    )


def _unasked(told: Mapping[str, Any]) -> str:
    """Return how many cases either model could not be asked, in a sentence; "" where none."""
    before, after = told.get("before_failed", 0), told.get("after_failed", 0)
    if not before and not after:
        return ""
    counts = {"before": before, "after": after, "n": told["asked"]}
    return (
        _(
            "Could not be asked: %(before)s of %(n)s before tuning, %(after)s of %(n)s after; they "
            "are left out."
        )
        % counts
    )


def _begun_large(sentence: str) -> str:
    return sentence[:1].upper() + sentence[1:]


def tuning_facts(artefact: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Return (name, value) of how a model came to be tuned; a price nobody knows is said to be."""
    if not artefact.keys() & {"training_cost", "training_seconds"}:
        return []
    seconds = artefact.get("training_seconds")
    tokens = artefact.get("trained_tokens")
    facts = [
        (_("Tuned model"), artefact.get("model")),
        (_("Base model"), artefact.get("base_model")),
        (_("Tuned by"), artefact.get("tuned_by")),
        (_("Tuned when"), artefact.get("tuned_when")),
        (_("Provider's job"), artefact.get("tuning_job")),
        (_("Trained tokens"), format_count(tokens) if tokens is not None else ""),
        (_("Tuning took"), f"{format_value(seconds)} s" if seconds is not None else ""),
        (_("Cost of tuning"), _cost(artefact)),
        (_("Checks"), _findings(artefact.get("training_findings") or {})),
        (_("Source"), _("As a person told it; not seen here.") if artefact.get("as_told") else ""),
    ]
    return [(name, str(value)) for name, value in facts if value]


def _cost(artefact: Mapping[str, Any]) -> str:
    """Return what tuning cost, and how that is known; a price nobody knows is not nothing."""
    if "training_cost" not in artefact:
        return _("this machine's time alone")
    if artefact["training_cost"] is None:
        return _("cost unknown")
    told = {"cost": format_number(float(artefact["training_cost"]))}
    if artefact.get("as_told"):
        return _("%(cost)s US dollars, as a person told it") % told
    return _("%(cost)s US dollars, at the price that a person entered") % told


def _findings(found: Mapping[str, int]) -> str:
    """Return what the checks of the training examples found, in words."""
    count = found.get
    told = {
        "duplicates": ngettext(
            "%(n)s duplicate left out", "%(n)s duplicates left out", count("duplicates", 0)
        ),
        "contradictions": ngettext(
            "%(n)s question with two answers",
            "%(n)s questions with two answers",
            count("contradictions", 0),
        ),
        "labels_without_example": ngettext(
            "%(n)s label without example",
            "%(n)s labels without example",
            count("labels_without_example", 0),
        ),
    }
    return ", ".join(told[name] % {"n": n} for name, n in found.items() if name in told)
