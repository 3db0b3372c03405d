"""Forms of goals, candidates and assessments."""

import math
from collections.abc import Sequence
from hashlib import sha256
from typing import Any

from django import forms
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from decisions.actions.rows import RatingSheet, as_fields
from decisions.advisor_ways import Way
from decisions.forms.base import CountersignForm, as_lines, completing, multiline
from decisions.metrics import METRICS, OWN, grouped, own_key
from decisions.models import Approach, Candidate, Decision, Direction, Goal, Role
from decisions.numbers import format_number
from decisions.plausible import impossible_limits, unlikely
from decisions.template_plan import NO_WORST, WRONG_SIDE, lacks_worst, lies_wrong

LONGEST_TEXT = 20_000  # characters
COMPLETES = completing("references")


class FiniteFloatField(forms.FloatField):
    """A number; infinity and "not a number" are refused."""

    def clean(self, value: Any) -> float | None:
        """Return a finite number."""
        number: float | None = super().clean(value)
        if number is not None and not math.isfinite(number):
            raise forms.ValidationError(_("Enter a number."))
        return number


class MetricSelect(forms.Select):
    """A choice of metrics, each of which tells its natural direction and its unit."""

    def create_option(self, name: str, value: Any, *args: Any, **kwargs: Any) -> dict[str, Any]:
        """Return an option with what static/js/goal.js fills in once it is chosen."""
        option = super().create_option(name, value, *args, **kwargs)
        if metric := METRICS.get(str(value)):
            told = {"data-direction": metric.better.value, "data-hint": _target_hint(metric.key)}
            option["attrs"] = {**option["attrs"], **told}
        return option


class GoalForm(CountersignForm):
    """What must be reached: metric, direction, target, worst acceptable value and weight.

    What is hardly meant is asked about once: sent again as it is, it is taken. `offered` are the
    roles for which the person may propose, the first of them where none is said.
    """

    metric = forms.ChoiceField(label=gettext_lazy("Metric"), widget=MetricSelect)
    own_name = forms.CharField(
        label=gettext_lazy("Its name"),
        max_length=120,
        required=False,
        help_text=gettext_lazy("Of a metric of your own, which is not in the list."),
    )
    own_unit = forms.CharField(
        label=gettext_lazy("Its unit"),
        max_length=20,
        required=False,
        help_text=gettext_lazy("For example % or hours; leave it empty where there is none."),
    )
    direction = forms.ChoiceField(
        label=gettext_lazy("Direction"),
        choices=Direction.choices,
        widget=forms.RadioSelect,
        required=False,
        help_text=gettext_lazy(
            "Left open: at least for what is better the higher it is, as quality; at most for "
            "what is better the lower it is, as latency, cost and errors."
        ),
    )
    target = FiniteFloatField(
        label=gettext_lazy("Target"),
        help_text=gettext_lazy("In the unit that stands beside the metric: %, ms, USD."),
    )
    worst_acceptable = FiniteFloatField(
        label=gettext_lazy("Worst acceptable value"),
        required=False,
        help_text=gettext_lazy("Beyond this, the candidate is worth nothing on this goal."),
    )
    weight = FiniteFloatField(label=gettext_lazy("Weight"), min_value=0, max_value=100, initial=1)
    is_must = forms.BooleanField(
        label=gettext_lazy("A must: a candidate that fails it is out"), required=False
    )
    proposed_by_role = forms.ChoiceField(label=gettext_lazy("Proposed by"), required=False)
    token = forms.IntegerField(widget=forms.HiddenInput, required=False)
    # The digest of the goal about which was asked whether it is meant.
    asked = forms.CharField(widget=forms.HiddenInput, required=False, max_length=64)

    def __init__(
        self,
        record: Decision,
        *args: Any,
        offered: Sequence[str],
        goal: Goal | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(*args, initial=_initial_goal(goal, self.base_fields), **kwargs)
        self.goal = goal
        others = [one for one in record.goals.all() if one != goal]
        self.taken = {one.metric for one in others}
        self.names = {_alike(one.name) for one in others}
        self.fields["metric"].choices = _metric_choices()  # type: ignore[attr-defined]
        known = dict.fromkeys([*([goal.proposed_by_role] if goal else []), *offered])
        self.fields["proposed_by_role"].choices = [  # type: ignore[attr-defined]
            (role, Role(role).label if role else _("The owner")) for role in known
        ]
        self.first_role = next(iter(known), "")
        if chosen := str(self["metric"].value() or ""):
            self.fields["target"].help_text = _target_hint(chosen) if chosen in METRICS else ""

    def clean_direction(self) -> str:
        """Take the natural direction of the metric where none was chosen."""
        said = str(self.cleaned_data["direction"])
        metric = METRICS.get(self.cleaned_data.get("metric", ""))
        if not said and metric is None:
            raise forms.ValidationError(_("Choose one."))
        return said or (metric.better.value if metric else "")

    def clean_proposed_by_role(self) -> str:
        """Take the person's own role where none was said."""
        said = str(self.cleaned_data["proposed_by_role"])
        offered: Any = self.fields["proposed_by_role"].choices  # type: ignore[attr-defined]
        return said if said in dict(offered) else self.first_role

    def clean_metric(self) -> str:
        """Refuse a metric that another goal is set on."""
        metric = str(self.cleaned_data["metric"])
        if metric in self.taken:
            raise forms.ValidationError(_("There is a goal with this metric already."))
        return metric

    def clean(self) -> dict[str, Any]:
        """Refuse a worst acceptable value on the wrong side of the target, or none beside 0."""
        cleaned = super().clean() or {}
        if lacks_worst(cleaned) and "worst_acceptable" not in self.errors:
            self.add_error("worst_acceptable", str(NO_WORST))
        if lies_wrong(cleaned):
            self.add_error("worst_acceptable", str(WRONG_SIDE))
        if cleaned.get("metric") == OWN and "own_name" in cleaned:
            self._check_name(cleaned["own_name"])
        if {"metric", "direction", "target"} <= cleaned.keys():
            self._weigh_up(cleaned | {"unit": self._unit(cleaned)})
        return cleaned

    def _unit(self, said: dict[str, Any]) -> str:
        """Return the unit in which the goal is said."""
        metric = METRICS.get(said["metric"])
        return metric.unit if metric else str(said.get("own_unit") or "")

    def _weigh_up(self, goal: dict[str, Any]) -> None:
        """Refuse what nobody can measure; ask about what is hardly meant, unless it was before."""
        for name, why in impossible_limits(goal):
            self.add_error(name, why)
        before = set(unlikely(vars(self.goal))) if self.goal else set()
        doubts = [one for one in unlikely(goal) if one not in before]
        limits = (goal["metric"], goal["direction"], goal["target"], goal.get("worst_acceptable"))
        asked = sha256(repr((limits, doubts)).encode()).hexdigest()
        if self.errors or not doubts or goal.get("asked") == asked:
            return
        for name, why in doubts:
            self.add_error(name, _("%(why)s If it is meant so, save it again.") % {"why": why})
        self.data = {name: self.data[name] for name in self.data} | {"asked": asked}

    def _check_name(self, name: str) -> None:
        """Refuse a metric of one's own that has no name, or that of another goal."""
        if not name:
            self.add_error("own_name", _("Give your metric a name."))
        elif _alike(name) in self.names:
            self.add_error("own_name", _("There is a goal with this name already."))

    @property
    def values(self) -> dict[str, Any]:
        """Return the goal's fields, with the key, name and unit of its metric."""
        apart = {"token", "asked", "own_name", "own_unit"}
        asked = {name: value for name, value in self.cleaned_data.items() if name not in apart}
        return asked | self._metric()

    def _metric(self) -> dict[str, str]:
        """Return what the goal's metric is called; the catalogue's name is kept while it stays."""
        chosen = str(self.cleaned_data["metric"])
        if chosen == OWN:
            name, unit = self.cleaned_data["own_name"], self.cleaned_data["own_unit"]
            kept = self.goal.metric if self.goal and _is_own(self.goal) else ""
            key = kept or own_key(name, self.taken)
            return {"metric": key, "name": name, "unit": unit}
        if self.goal and self.goal.metric == chosen:
            # A save in another language must not rename the goal.
            return {"metric": chosen, "name": self.goal.name, "unit": self.goal.unit}
        metric = METRICS[chosen]
        return {"metric": chosen, "name": str(metric.name), "unit": metric.unit}


class DeclineForm(CountersignForm):
    """Why a proposed goal, as it was shown, is not taken on."""

    reason = forms.CharField(
        label=gettext_lazy("Reason"),
        widget=multiline(2),
        max_length=500,
        help_text=gettext_lazy("Who proposed it is told, and it stays in the history."),
    )
    token = forms.IntegerField(widget=forms.HiddenInput)


class CandidateForm(CountersignForm):
    """One approach under consideration."""

    name = forms.CharField(label=gettext_lazy("Name"), max_length=120)
    approach = forms.ChoiceField(
        label=gettext_lazy("Approach"), choices=Approach.choices, widget=forms.RadioSelect
    )
    summary = forms.CharField(
        label=gettext_lazy("How it works"),
        widget=multiline(4, **COMPLETES),
        required=False,
        max_length=LONGEST_TEXT,
    )
    data_needed = forms.CharField(
        label=gettext_lazy("Data needed"),
        widget=multiline(3, **COMPLETES),
        required=False,
        max_length=LONGEST_TEXT,
    )
    risks = forms.CharField(
        label=gettext_lazy("Risks"),
        widget=multiline(3, **COMPLETES),
        required=False,
        max_length=LONGEST_TEXT,
        help_text=gettext_lazy("For example: forgets general ability, needs constant refresh."),
    )
    is_dropped = forms.BooleanField(label=gettext_lazy("No longer considered"), required=False)
    token = forms.IntegerField(widget=forms.HiddenInput, required=False)

    def __init__(
        self,
        record: Decision,
        *args: Any,
        candidate: Candidate | None = None,
        way: Way | None = None,
        **kwargs: Any,
    ) -> None:
        initial = _suggested(way) | _initial(candidate, self.base_fields)
        super().__init__(*args, initial=initial, **kwargs)
        self.taken = {one.name for one in record.candidates.all() if one != candidate}
        self.adapts_a_model = record.adapts_a_model
        if not self.adapts_a_model:
            self._ask_of_any_option()
        if candidate is None:
            del self.fields["is_dropped"]

    def _ask_of_any_option(self) -> None:
        """Leave out what only ways of adapting a model have."""
        del self.fields["approach"]
        self.fields["data_needed"].label = _("What it needs")
        self.fields["risks"].help_text = _("For example: no way back, a supplier that goes away.")

    def clean_name(self) -> str:
        """Refuse the name of another candidate."""
        name = str(self.cleaned_data["name"])
        if name in self.taken:
            raise forms.ValidationError(_("Another candidate has this name already."))
        return name

    @property
    def values(self) -> dict[str, Any]:
        """Return the candidate's fields."""
        said = {
            name: as_lines(value) if isinstance(value, str) else value
            for name, value in self.cleaned_data.items()
            if name != "token"
        }
        return said if self.adapts_a_model else said | {"approach": Approach.OTHER.value}


class AssessmentForm(CountersignForm):
    """What one role says of one candidate: a rating and a reason on each of its criteria."""

    token = forms.CharField(widget=forms.HiddenInput, required=False)

    def __init__(self, sheet: RatingSheet, *args: Any, **kwargs: Any) -> None:
        written = as_fields(sheet.ratings) | {"token": sheet.token}
        super().__init__(*args, initial=written, **kwargs)
        self.criteria = sheet.decision.criteria_of(sheet.role)
        for criterion in self.criteria:
            self.fields[f"{criterion.key}_rating"] = forms.TypedChoiceField(
                label=str(criterion.name),
                help_text=str(criterion.hint),
                choices=[(rating, str(rating)) for rating in range(1, 6)],
                coerce=int,
                widget=forms.RadioSelect,
            )
            self.fields[f"{criterion.key}_reason"] = forms.CharField(
                label=_("%(criterion)s: why") % {"criterion": criterion.name},
                widget=multiline(2),
                max_length=2000,
            )

    @property
    def ratings(self) -> dict[str, tuple[int, str]]:
        """Return criterion → (rating, reason)."""
        said = self.cleaned_data
        return {
            one.key: (said[f"{one.key}_rating"], as_lines(said[f"{one.key}_reason"]))
            for one in self.criteria
        }


def _alike(name: str) -> str:
    """Return what two names of goals share that people read as one."""
    return " ".join(name.casefold().split())


def _is_own(goal: Goal | None) -> bool:
    """Return whether a goal is set on a metric that is not in the catalogue."""
    return goal is not None and goal.metric not in METRICS


def _target_hint(metric: str) -> str:
    """Return in which unit a target on a metric of the catalogue is said, and what it can be."""
    unit, (least, most) = METRICS[metric].unit, METRICS[metric].span
    told = {"unit": unit, "least": format_number(least), "most": format_number(most)}
    if most == math.inf:
        return _("In its unit: %(unit)s.") % told if unit else _("On the scale that is asked on.")
    if unit:
        return _("In its unit: %(unit)s, from %(least)s to %(most)s.") % told
    return _("From %(least)s to %(most)s.") % told


def _metric_choices() -> list[tuple[str, Any]]:
    """Return the metrics to choose from, in groups, and one's own."""
    groups = [(name, [(one.key, one.label) for one in metrics]) for name, metrics in grouped()]
    return [*groups, (_("Another one"), [(OWN, _("A metric of your own"))])]


def _initial_goal(goal: Goal | None, fields: dict[str, forms.Field]) -> dict[str, Any]:
    """Return a goal's values for its form."""
    plain = {name: field for name, field in fields.items() if hasattr(Goal, name)}
    if goal is None or not _is_own(goal):
        return _initial(goal, plain)
    own = {"metric": OWN, "own_name": goal.name, "own_unit": goal.unit}
    return _initial(goal, plain) | own


def _initial(row: Any, fields: dict[str, forms.Field]) -> dict[str, Any]:
    """Return a row's values for the form's fields."""
    return {name: getattr(row, name) for name in fields} if row else {}


def _suggested(way: Way | None) -> dict[str, Any]:
    """Return where a candidate of an advised way starts; nothing is added until it is saved."""
    if way is None or not way.is_candidate:
        return {}
    return {
        "name": str(way.name),
        "approach": way.approach.value,
        "summary": str(way.summary),
        "data_needed": str(way.needs),
        "risks": str(way.risks),
    }
