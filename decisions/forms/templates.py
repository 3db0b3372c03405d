"""Forms of record templates: which parts, which goals to start with, who signs."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, cast

from django import forms
from django.utils.functional import cached_property
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from decisions.forms.base import CountersignForm, multiline
from decisions.forms.conflicts import Difference
from decisions.forms.rows import FiniteFloatField
from decisions.metrics import METRICS, grouped
from decisions.models import OWNER, Direction, RecordTemplate, Role
from decisions.plausible import impossible_limits
from decisions.section_kinds import SECTION_KINDS, SectionKind, Text
from decisions.signing_policy import Order, Quorum, SigningPolicy
from decisions.template_plan import (
    NO_WORST,
    RECOMMENDATION,
    WRONG_SIDE,
    Plan,
    lacks_worst,
    lies_wrong,
    plan_of,
    starting_goal,
)

MOST_PLACES = 99
BLANK_GOALS = 2
SIGNS = [
    ("", gettext_lazy("does not sign")),
    (Quorum.ANY.value, gettext_lazy("any one of its signatories")),
    (Quorum.ALL.value, gettext_lazy("all of its signatories")),
]


class NewTemplateForm(CountersignForm):
    """A new template starts as a copy of another."""

    title = forms.CharField(label=gettext_lazy("Title"), max_length=100)
    source = forms.ModelChoiceField(
        label=gettext_lazy("Starts as a copy of"),
        queryset=RecordTemplate.objects.none(),
        to_field_name="key",
        empty_label=None,
        widget=forms.RadioSelect,
        help_text=gettext_lazy("You change what is different on the next page."),
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["source"].queryset = RecordTemplate.objects.all()  # type: ignore[attr-defined]

    def clean_title(self) -> str:
        """Refuse the title of another template."""
        return unused_title(self.cleaned_data["title"], None)


@dataclass(frozen=True)
class PartRow:
    """One kind of section in the form: whether it is in, its place, and who writes it."""

    kind: SectionKind
    is_in: forms.BoundField
    place: forms.BoundField | None
    role: forms.BoundField | None

    @property
    def writer(self) -> Text:
        """Return who writes it where that cannot be chosen."""
        return _("Owner") if self.kind.role == OWNER else Role(self.kind.role).label


@dataclass(frozen=True)
class SignerRow:
    """One role in the form: whether and how it signs, and when."""

    role: Role
    signs: forms.BoundField
    turn: forms.BoundField


class TemplateForm(CountersignForm):
    """Everything a template says, but for the goals, which are forms of their own."""

    title = forms.CharField(label=gettext_lazy("Title"), max_length=100)
    description = forms.CharField(
        label=gettext_lazy("What it is for"), max_length=300, required=False, widget=multiline(2)
    )
    order = forms.ChoiceField(
        label=gettext_lazy("Order of the signatures"),
        choices=[
            (Order.ANY.value, gettext_lazy("In any order")),
            (Order.LISTED.value, gettext_lazy("One after another")),
        ],
        widget=forms.RadioSelect,
        help_text=gettext_lazy("One after another follows the turns that you give above."),
    )
    author_may_sign_alone = forms.BooleanField(
        label=gettext_lazy("Whoever wrote the recommendation may be its only signatory"),
        required=False,
        help_text=gettext_lazy("Leave it off to keep the duties apart."),
    )
    token = forms.IntegerField(widget=forms.HiddenInput)

    def __init__(self, template: RecordTemplate, data: Any = None) -> None:
        self.template = template
        self.saved = plan_of(template)
        self.is_outdated = False
        super().__init__(data, initial=_initial(self.saved) | {"token": template.token})
        goals = GoalForms(data, initial=self.saved.goals, prefix="goals")
        self.goals = cast(BaseGoalForms, goals)
        for kind in SECTION_KINDS.values():
            self.fields |= _part_fields(kind)
        for turn, role in enumerate(Role, start=1):
            self.fields |= _signer_fields(role, turn)

    @cached_property
    def parts_in(self) -> list[PartRow]:
        """Return the rows of the parts that are in the saved template, in its order."""
        return [self._part(SECTION_KINDS[one["kind"]]) for one in self.saved.sections]

    @cached_property
    def parts_out(self) -> list[PartRow]:
        """Return the rows of the parts that could be taken in."""
        taken = {one["kind"] for one in self.saved.sections}
        return [self._part(kind) for key, kind in SECTION_KINDS.items() if key not in taken]

    @property
    def signers(self) -> list[SignerRow]:
        """Return a row for each role."""
        return [SignerRow(role, self[f"signs_{role}"], self[f"turn_{role}"]) for role in Role]

    @property
    def plain(self) -> list[forms.BoundField]:
        """Return what stands above the parts."""
        return [self["title"], self["description"]]

    def is_valid(self) -> bool:
        """Return whether the template and all its goals can be saved."""
        goals_fit = self.goals.is_valid() if self.is_bound else False
        return super().is_valid() and goals_fit

    def clean_title(self) -> str:
        """Refuse the title of another template."""
        return unused_title(self.cleaned_data["title"], self.template)

    def clean(self) -> dict[str, Any]:
        """Refuse what makes no sense, and what someone else has changed meanwhile."""
        cleaned = super().clean() or {}
        if self.errors or not self.goals.is_valid():
            return cleaned
        for sentence in (*self._turn_problems(), *self.plan.problems):
            self.add_error(None, sentence)
        if not self.errors and cleaned["token"] != self.template.token:
            self._say_outdated()
        return cleaned

    @property
    def plan(self) -> Plan:
        """Return what the form asks the template to say."""
        said = self.cleaned_data
        return Plan(
            said["title"], said["description"], self._sections(), self.goals.plain, self._policy()
        )

    @property
    def differences(self) -> list[Difference]:
        """Return where what is saved by now and what was typed are not the same."""
        theirs, mine = self.saved.in_words(), self.plan.in_words()
        return [
            Difference(label, theirs[label], text)
            for label, text in mine.items()
            if theirs[label] != text
        ]

    def _part(self, kind: SectionKind) -> PartRow:
        if kind.key == RECOMMENDATION:
            return PartRow(kind, self[f"in_{kind.key}"], None, None)
        role = None if kind.is_bound else self[f"role_{kind.key}"]
        return PartRow(kind, self[f"in_{kind.key}"], self[f"place_{kind.key}"], role)

    def _sections(self) -> list[dict[str, str]]:
        """Return the parts that are in, by their places; one without comes after the others."""
        said = self.cleaned_data
        found = [kind for kind in SECTION_KINDS.values() if said.get(f"in_{kind.key}")]
        found.sort(key=self._place)
        return [{"kind": one.key, "role": said.get(f"role_{one.key}") or one.role} for one in found]

    def _place(self, kind: SectionKind) -> tuple[int, bool]:
        """Return where a part stands; of two in one place, the one moved there is first."""
        name = f"place_{kind.key}"
        place = self.cleaned_data.get(name)
        return (place or MOST_PLACES + 1, place == self.initial.get(name))

    def _policy(self) -> SigningPolicy:
        said = self.cleaned_data
        roles = [role for role in Role if said[f"signs_{role}"]]
        order = Order(said["order"])
        if order == Order.LISTED:
            roles.sort(key=lambda role: said[f"turn_{role}"] or len(Role) + 1)
        return SigningPolicy(
            tuple(role.value for role in roles),
            order,
            {role.value: Quorum(said[f"signs_{role}"]) for role in roles},
            said["author_may_sign_alone"],
        )

    def _turn_problems(self) -> Iterator[str]:
        """Yield a sentence if two roles that sign one after another have the same turn."""
        said = self.cleaned_data
        turns = [said[f"turn_{role}"] for role in Role if said[f"signs_{role}"]]
        if said["order"] == Order.LISTED and len(set(turns)) < len(turns):
            yield _("Give each role that signs a turn of its own.")

    def _say_outdated(self) -> None:
        """Ask to look at both versions; what was typed stays, and the next save is knowing."""
        if self.plan.row == self.saved.row:
            return
        self.is_outdated = True
        self.add_error(
            None,
            _("Someone else has changed this template. Look at both versions, then save yours."),
        )
        self.data = {**_flat(self.data), "token": self.template.token}


class StartingGoalForm(CountersignForm):
    """One goal that a record starts with; without a metric there is none."""

    metric = forms.ChoiceField(label=gettext_lazy("Metric"), required=False)
    direction = forms.ChoiceField(
        label=gettext_lazy("Direction"), choices=Direction.choices, required=False
    )
    target = FiniteFloatField(label=gettext_lazy("Target"), required=False)
    worst_acceptable = FiniteFloatField(label=gettext_lazy("Worst acceptable"), required=False)
    weight = FiniteFloatField(
        label=gettext_lazy("Weight"), min_value=0, max_value=100, initial=1, required=False
    )
    proposed_by_role = forms.ChoiceField(label=gettext_lazy("Proposed by"), required=False)
    is_must = forms.BooleanField(label=gettext_lazy("A must"), required=False)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["metric"].choices = [  # type: ignore[attr-defined]
            ("", _("no goal")),
            *((name, [(one.key, one.label) for one in metrics]) for name, metrics in grouped()),
        ]
        self.fields["proposed_by_role"].choices = [  # type: ignore[attr-defined]
            ("", _("The owner")),
            *Role.choices,
        ]

    def clean(self) -> dict[str, Any]:
        """Ask for what a goal needs, once it has a metric."""
        cleaned = super().clean() or {}
        if not cleaned.get("metric"):
            return cleaned
        if cleaned.get("target") is None and "target" not in self.errors:
            self.add_error("target", _("Fill this in."))
        if lacks_worst(cleaned) and "worst_acceptable" not in self.errors:
            self.add_error("worst_acceptable", str(NO_WORST))
        if lies_wrong(cleaned):
            self.add_error("worst_acceptable", str(WRONG_SIDE))
        metric = METRICS[cleaned["metric"]]
        for name, why in impossible_limits(cleaned | {"unit": metric.unit}):
            self.add_error(name, why)
        return cleaned

    @property
    def goal(self) -> dict[str, Any] | None:
        """Return the goal as a template keeps it, or None."""
        said = self.cleaned_data
        if not said.get("metric"):
            return None
        return starting_goal(
            said["metric"],
            direction=said["direction"] or Direction.AT_LEAST.value,
            target=said["target"],
            worst_acceptable=said["worst_acceptable"],
            weight=1.0 if said["weight"] is None else said["weight"],
            is_must=said["is_must"],
            proposed_by_role=said["proposed_by_role"],
        )


class BaseGoalForms(forms.BaseFormSet):
    """The goals a template starts with, and room for some more."""

    @property
    def plain(self) -> list[dict[str, Any]]:
        """Return the goals as a template keeps them."""
        return [form.goal for form in self.forms if form.goal]


GoalForms = forms.formset_factory(
    StartingGoalForm,
    formset=BaseGoalForms,
    extra=BLANK_GOALS,
    max_num=len(METRICS) + BLANK_GOALS,
    validate_max=True,
)


def unused_title(title: str, template: RecordTemplate | None) -> str:
    """Return the title; raise `ValidationError` if another template has it."""
    namesake = RecordTemplate.objects.filter(title__iexact=title).first()
    if namesake and namesake != template:
        raise forms.ValidationError(_("Another template has this title already."))
    return title


def _flat(data: Any) -> dict[str, Any]:
    """Return what was sent as one value a name: none of the form's fields takes several."""
    return {name: data.get(name) for name in data}


def _part_fields(kind: SectionKind) -> dict[str, forms.Field]:
    """Return the fields for one kind of section, each named for those who cannot see the row."""
    named = {"part": kind.title}
    found: dict[str, forms.Field] = {
        f"in_{kind.key}": forms.BooleanField(
            label=str(kind.title),
            required=False,
            disabled=kind.key == RECOMMENDATION,
            initial=kind.key == RECOMMENDATION,
        ),
        f"place_{kind.key}": forms.IntegerField(
            label=_("Place of “%(part)s”") % named,
            min_value=1,
            max_value=MOST_PLACES,
            required=False,
        ),
    }
    if not kind.is_bound:
        found[f"role_{kind.key}"] = forms.ChoiceField(
            label=_("Who writes “%(part)s”") % named,
            choices=Role.choices,
            initial=kind.role,
            required=False,
        )
    return found


def _signer_fields(role: Role, turn: int) -> dict[str, forms.Field]:
    """Return the fields of one role's signatures."""
    named = {"role": role.label}
    return {
        f"signs_{role}": forms.ChoiceField(
            label=_("%(role)s: who signs") % named, choices=SIGNS, required=False
        ),
        f"turn_{role}": forms.IntegerField(
            label=_("%(role)s: turn") % named,
            min_value=1,
            max_value=len(Role),
            initial=turn,
            required=False,
        ),
    }


def _initial(plan: Plan) -> dict[str, Any]:
    """Return a saved template's values for the form's fields."""
    found: dict[str, Any] = {
        "title": plan.title,
        "description": plan.description,
        "order": plan.policy.order.value,
        "author_may_sign_alone": plan.policy.author_may_sign_alone,
    }
    for place, one in enumerate(plan.sections, start=1):
        found |= {f"in_{one['kind']}": True, f"place_{one['kind']}": place}
        found |= {f"role_{one['kind']}": one["role"]}
    for turn, role in enumerate(_in_turn(plan.policy), start=1):
        signs = plan.policy.quorum_of(role).value if role in plan.policy.roles else ""
        found |= {f"signs_{role}": signs, f"turn_{role}": turn}
    return found


def _in_turn(policy: SigningPolicy) -> list[str]:
    """Return the roles that sign in their order, then the others."""
    return [*policy.roles, *(role for role in Role.values if role not in policy.roles)]
