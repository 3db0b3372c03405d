"""Forms of blind rating: opening a round, and choosing between two answers."""

from typing import Any

from django import forms
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from decisions.forms.base import CountersignForm, multiline
from decisions.models import User
from evaluations.forms import MAKERS
from evaluations.models import Choice, RatingRound, Run
from evaluations.rating import FEWEST, MOST
from evaluations.scorers.rubric import RubricSpec
from evaluations.spec import fields_of, validated

USUAL = 30
ASKED_OF_JUDGES = ("endpoint", "model", "rubric")


class RoundForm(CountersignForm):
    """Which two runs, what is asked about them, of whom, on how many cases."""

    first = forms.ChoiceField(label=gettext_lazy("One run"))
    second = forms.ChoiceField(label=gettext_lazy("The other run"))
    question = forms.CharField(
        label=gettext_lazy("What is to be judged"),
        help_text=gettext_lazy(
            "In words the raters understand, for example: Which answer would you rather send?"
        ),
        widget=multiline(3),
        max_length=2000,
    )
    size = forms.IntegerField(
        label=gettext_lazy("Cases"),
        help_text=gettext_lazy("Drawn at random; 30 take a person about a quarter of an hour."),
        min_value=FEWEST,
        max_value=MOST,
        initial=USUAL,
    )
    raters = forms.MultipleChoiceField(
        label=gettext_lazy("Who rates"),
        widget=forms.CheckboxSelectMultiple,
        error_messages={"required": gettext_lazy("Choose at least one person to rate.")},
    )

    def __init__(self, runs: list[Run], people: list[User], *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.runs = {str(one.pk): one for one in runs}
        self.people = {str(one.pk): one for one in people}
        named = [(key, f"{one}: {one.candidate}, {one.case_set}") for key, one in self.runs.items()]
        for name in ("first", "second"):
            self.fields[name].choices = named  # type: ignore[attr-defined]
        if len(named) > 1:
            self.fields["second"].initial = named[1][0]
        self.fields["raters"].choices = [  # type: ignore[attr-defined]
            (key, str(one)) for key, one in self.people.items()
        ]

    def clean(self) -> dict[str, Any]:
        """Refuse two runs that did not answer the same cases."""
        found = super().clean() or {}
        first, second = (self.runs.get(found.get(name, "")) for name in ("first", "second"))
        if first and second:
            if first.candidate_id == second.candidate_id:
                self.add_error("second", _("Choose a run of another candidate than the first."))
            elif (first.case_set.digest, first.split) != (second.case_set.digest, second.split):
                self.add_error("second", _("The two runs answered other cases."))
        return found

    @property
    def asked(self) -> dict[str, Any]:
        """Return what `open_round` takes beside the runs."""
        told = self.cleaned_data
        raters = [self.people[key] for key in told["raters"]]
        return {"question": told["question"], "size": told["size"], "raters": raters}

    @property
    def chosen(self) -> tuple[Run, Run]:
        """Return the two runs."""
        return self.runs[self.cleaned_data["first"]], self.runs[self.cleaned_data["second"]]


class JudgeForm(CountersignForm):
    """Which model is asked about the pairs of a round, and by what it judges them."""

    def __init__(self, found: RatingRound, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        asked = [one for one in fields_of(RubricSpec) if one.name in ASKED_OF_JUDGES]
        self.fields = {one.name: MAKERS[one.type](one) for one in asked}
        last = found.judgings.last()
        self.initial = last.spec if last else {"rubric": found.question}
        self.fields["rubric"].help_text = _("At first what people were asked, so that both agree.")

    @property
    def spec(self) -> RubricSpec:
        """Return the judge that was described."""
        return validated(RubricSpec, self.cleaned_data)


class RatingForm(CountersignForm):
    """One choice between left and right."""

    place = forms.IntegerField(widget=forms.HiddenInput, min_value=1)
    choice = forms.ChoiceField(
        choices=Choice.choices, error_messages={"required": gettext_lazy("Choose one.")}
    )
    comment = forms.CharField(
        label=gettext_lazy("Comment"), widget=multiline(2), required=False, max_length=2000
    )
