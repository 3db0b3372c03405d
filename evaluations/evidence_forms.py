"""Forms of what people bring in from outside: load tests, studies, estimates."""

import json
from abc import abstractmethod
from hashlib import sha256
from typing import Any, cast

from django import forms
from django.core.files.uploadedfile import UploadedFile
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from decisions import clock
from decisions.actions.evidence import LARGEST_FILE, Measurement, SourceFile
from decisions.forms.base import CountersignForm, as_lines, date_input, multiline
from decisions.forms.rows import FiniteFloatField
from decisions.metrics import METRICS
from decisions.models import Candidate, Decision, User
from decisions.numbers import PERCENT, format_number
from decisions.plausible import impossible
from decisions.section_kinds import Text
from evaluations import studies
from evaluations.estimates import estimated
from evaluations.importers.load import requests
from evaluations.importers.load.columns import NONE, UNIT_NAMES
from evaluations.importers.load.found import LONGEST_TEST, SHORTEST_TEST, LoadFile, LoadTest
from evaluations.importers.rows import Unreadable
from evaluations.load_tests import Circumstances, told_duration
from evaluations.outside_figures import OutsideFigure
from evaluations.studies import (
    MOST_PEOPLE,
    SUS_HIGHEST,
    SUS_LOWEST,
    Unusable,
    mean_of_summary,
    numbers_of,
    scale_mean,
    sus_scores,
    task_success,
    time_on_task,
)

LONGEST_TEXT = 4_000  # characters
LONGEST_LINE = 120
PASTED = "numbers.txt"
NOT_TYPED = ("file", "seen", "kept")
MOST_USERS = 10_000_000
# How far the planned duration may be from the one that a file says: a test runs on to its last
# answer, or ends with its last request.
PLANNED_WITHIN = 0.05


class FileField(forms.FileField):
    """A file that is kept beside the evidence: bounded, and never empty."""

    def clean(self, data: Any, initial: Any = None) -> Any:
        """Refuse what is larger than an attachment may be."""
        found = super().clean(data, initial)
        if found and found.size > LARGEST_FILE:
            told = {"size": LARGEST_FILE // 1024**2}
            raise forms.ValidationError(_("Larger than %(size)s MB.") % told)
        return found


class PastDateField(forms.DateField):
    """A day on which something was done: not one to come."""

    widget = date_input()

    def validate(self, value: Any) -> None:
        """Refuse a day that has not come."""
        super().validate(value)
        if value and value > clock.today():
            raise forms.ValidationError(_("This day has not come yet."))


class OneCandidateForm(CountersignForm):
    """A form about one candidate that is still considered."""

    candidate = forms.ChoiceField(label=gettext_lazy("Candidate"), widget=forms.RadioSelect)

    def __init__(self, decision: Decision, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        considered = [one for one in decision.candidates.all() if not one.is_dropped]
        for one in considered:
            one.decision = decision
        self.considered = {one.letter: one for one in considered}
        choices = [(letter, str(one)) for letter, one in self.considered.items()]
        self.fields["candidate"].choices = choices  # type: ignore[attr-defined]

    @property
    def chosen(self) -> Candidate:
        """Return the candidate that was chosen."""
        return self.considered[self.cleaned_data["candidate"]]


# Load tests


class LoadFileForm(OneCandidateForm):
    """What a load tester wrote, and which candidate it was run against."""

    file = FileField(
        label=gettext_lazy("File"),
        help_text=gettext_lazy(
            "A summary of k6 as JSON, Locust's table of statistics, what hey or wrk printed, or "
            "any CSV with a row a request."
        ),
    )


class LoadTestForm(CountersignForm):
    """Under what a load test ran; of a table of requests also what its columns hold."""

    scenario = forms.CharField(
        label=gettext_lazy("Scenario"),
        max_length=LONGEST_LINE,
        help_text=gettext_lazy(
            "What was asked of which machine, in a few words: “busy hour, 2 cores”. Only tests of "
            "the same scenario, load and duration are compared."
        ),
    )
    users = forms.IntegerField(
        label=gettext_lazy("Virtual users or connections"),
        min_value=1,
        max_value=MOST_USERS,
        help_text=gettext_lazy("How many asked at the same time."),
    )
    duration = FiniteFloatField(
        label=gettext_lazy("Duration in seconds"),
        min_value=SHORTEST_TEST,
        max_value=LONGEST_TEST,
    )
    tested_on = PastDateField(label=gettext_lazy("Tested on"), required=False)

    def __init__(self, test: LoadTest | None, columns: list[str], *args: Any, **kw: Any) -> None:
        super().__init__(*args, **kw)
        self.told_duration = test and test.duration
        if test is not None:
            self._take(test)
        self.asked: list[str] = []
        if columns:
            self._ask_columns(columns)

    def _take(self, test: LoadTest) -> None:
        """Take over what the file says: the load as it is, the duration up to what was planned."""
        if test.users is not None:
            self.fields["users"].disabled = True
            self.fields["users"].help_text = _("As the file says.")
            self.initial = {**self.initial, "users": test.users}
        if test.duration is not None:
            told = told_duration(test.duration)
            self.fields["duration"].initial = told
            self.fields["duration"].help_text = _(
                "The file says %(told)s s. What was planned may be up to 5%% off."
            ) % {"told": format_number(told)}

    def clean_duration(self) -> float:
        """Refuse a duration that is not the one the file says, planned or to the last answer."""
        said, told = float(self.cleaned_data["duration"]), self.told_duration
        if told and abs(said - told) > PLANNED_WITHIN * told:
            raise forms.ValidationError(
                _("The file says %(told)s s.") % {"told": format_number(told_duration(told))}
            )
        return said

    def _ask_columns(self, columns: list[str]) -> None:
        """Ask what the columns hold, as far as their names do not say."""
        named: list[tuple[str, Text]] = [
            ("", _("As its name suggests")),
            *((one, one) for one in columns),
        ]
        or_none = [*named, (NONE, _("No column"))]
        units: list[tuple[str, Text]] = [("", _("As its name suggests")), *UNIT_NAMES.items()]
        asked: dict[str, tuple[str, list[tuple[str, Text]]]] = {
            "latency": (_("Column: how long a request took"), named),
            "unit": (_("Unit of its times"), units),
            "outcome": (_("Column: whether it succeeded"), or_none),
            "at": (_("Column: when it was sent"), or_none),
            "at_unit": (_("Unit in which that counts"), units),
        }
        for name, (label, choices) in asked.items():
            self.fields[name] = forms.ChoiceField(label=label, choices=choices, required=False)
        self.asked = list(asked)

    @property
    def columns(self) -> dict[str, str]:
        """Return what the columns hold, as far as it was said."""
        said = {name: str(self.data.get(name, "")) for name in self.asked}
        return {name: value for name, value in said.items() if value}

    @property
    def circumstances(self) -> Circumstances:
        """Return under what the test ran."""
        said = self.cleaned_data
        return Circumstances(
            said["scenario"].strip(), said["users"], said["duration"], said["tested_on"]
        )

    def column_fields(self) -> list[forms.BoundField]:
        """Return the questions what the columns hold."""
        return [self[name] for name in self.asked]

    def common(self) -> list[forms.BoundField]:
        """Return the questions about the test."""
        return [self[name] for name in self.fields if name not in self.asked]


def columns_in(name: str, text: str) -> list[str]:
    """Return the columns of a table of requests; raise `Unreadable`."""
    try:
        return requests.header_of(LoadFile(name, text))
    except ValueError as error:
        raise Unreadable(f"{name}: {error}") from error


# Studies


class StudyForm(OneCandidateForm):
    """What every study says beside its numbers; each kind of study adds its own fields."""

    task = forms.CharField(
        label=gettext_lazy("Task"),
        max_length=LONGEST_LINE,
        help_text=gettext_lazy(
            "What people were asked to do, in a few words. Only the same task is compared."
        ),
    )
    participants = forms.CharField(
        label=gettext_lazy("Who took part"), widget=multiline(2), max_length=LONGEST_TEXT
    )
    method = forms.CharField(
        label=gettext_lazy("How it was done"), widget=multiline(4), max_length=LONGEST_TEXT
    )
    studied_on = PastDateField(label=gettext_lazy("When"))
    file = FileField(
        label=gettext_lazy("File"),
        required=False,
        help_text=gettext_lazy("Optional: notes or a table, kept beside the figure."),
    )

    # The name of what must agree before two studies are compared.
    agree = "task"
    # Whether what was read is shown before it is attached.
    shows_first = False
    order: tuple[str, ...] = ()
    # The metric of the catalogue that it is a figure of, and the units (None: any) of the goals on
    # a metric of one's own that it can answer instead.
    metric = ""
    answers_in: tuple[str, ...] | None = ()

    def __init__(self, decision: Decision, *args: Any, **kwargs: Any) -> None:
        super().__init__(decision, *args, **kwargs)
        self.own_goals = {
            one.metric: one
            for one in decision.goals.all()
            if one.metric not in METRICS
            and (self.answers_in is None or one.unit.strip() in self.answers_in)
        }
        if self.own_goals:
            self._ask_what_it_answers()
        self.order_fields(["candidate", "answers", "task", *self.order])

    def _ask_what_it_answers(self) -> None:
        """Ask whether the figure is one of the catalogue, or of a goal of the team's own."""
        own = [
            (key, f"{one.name} ({one.unit})" if one.unit else one.name)
            for key, one in self.own_goals.items()
        ]
        self.fields["answers"] = forms.ChoiceField(
            label=_("What it is a figure of"),
            choices=[("", METRICS[self.metric].label), *own],
            required=False,
        )

    def _as_asked(self, figure: OutsideFigure) -> OutsideFigure:
        """Return the figure as one of the goal of the team's own that it answers, if it does.

        Raises `Unusable` for what cannot be in the unit of that goal.
        """
        goal = self.own_goals.get(self.cleaned_data.get("answers", ""))
        if goal is None:
            return figure
        if why := impossible(goal.metric, goal.unit, [figure.value, figure.low, figure.high]):
            raise Unusable(why)
        return figure.of(goal.metric, goal.name, goal.unit)

    @abstractmethod
    def figure(self) -> OutsideFigure:
        """Return what the numbers come to; raise `Unusable`."""

    def clean(self) -> dict[str, Any]:
        """Work the figure out, so that numbers that cannot be are refused here."""
        cleaned = super().clean() or {}
        if not self.errors:
            try:
                self.found = self._as_asked(self.figure())
            except Unusable as why:
                self.add_error(self.order[0], str(why))
        return cleaned

    @property
    def conditions(self) -> dict[str, str]:
        """Return what must agree before another study's figure is compared with this one."""
        return {self.agree: " ".join(self.cleaned_data["task"].split())}

    @property
    def is_settled(self) -> bool:
        """Return whether what it comes to has been seen as it is now."""
        return not self.shows_first or self.cleaned_data["seen"] == self._digest

    @property
    def source(self) -> SourceFile | None:
        """Return what the figure was worked out from, as a file; None where all is said of it."""
        return None

    @property
    def notes(self) -> SourceFile | None:
        """Return the file that came beside it."""
        uploaded = source_file(self.cleaned_data.get("file"))
        return None if uploaded == self.source else uploaded

    @property
    def _digest(self) -> str:
        return sha256(repr(self.found).encode()).hexdigest()

    def measurement(self) -> Measurement:
        """Return the figure as the record takes it in."""
        said = self.cleaned_data
        about = studies.Circumstances(
            as_lines(said["participants"]),
            as_lines(said["method"]),
            said["studied_on"],
            self.conditions,
        )
        return studies.measurement(self.found, about, source_digest=digest_of_typed(said))


class SuccessForm(StudyForm):
    """How many people did what they were asked to."""

    people = forms.IntegerField(
        label=gettext_lazy("People who tried"), min_value=1, max_value=MOST_PEOPLE
    )
    successes = forms.IntegerField(
        label=gettext_lazy("People who succeeded"), min_value=0, max_value=MOST_PEOPLE
    )
    order = ("successes", "people")
    metric, answers_in = "task_success", (PERCENT,)

    def figure(self) -> OutsideFigure:
        """Return the share who succeeded."""
        return task_success(self.cleaned_data["successes"], self.cleaned_data["people"])


class NumbersForm(StudyForm):
    """Numbers of people, pasted or in a file."""

    numbers = forms.CharField(
        label=gettext_lazy("Numbers"),
        widget=multiline(6),
        required=False,
        max_length=200_000,
        help_text=gettext_lazy(
            "One a person, each on a line of its own, with a point before decimals. Left empty, "
            "they are read from the file."
        ),
    )
    # What was shown, and under which token the file is kept until it is attached.
    seen = forms.CharField(required=False, max_length=64, widget=forms.HiddenInput)
    kept = forms.CharField(required=False, max_length=64, widget=forms.HiddenInput)
    order: tuple[str, ...] = ("numbers",)
    shows_first = True

    def show(self, kept: str) -> None:
        """Show what was read, to be sent again as it is; `kept` is the token of its file, or ""."""
        self.shown = [self.found]
        sent = {name: self.data[name] for name in self.data}
        self.data = sent | {"seen": self._digest, "kept": kept}

    @property
    def read_from(self) -> str:
        """Return the name of the file that numbers were read from, "" where they were pasted."""
        uploaded = self.cleaned_data.get("file")
        return str(uploaded.name) if uploaded and self.notes is None else ""

    @property
    def source(self) -> SourceFile | None:
        """Return the numbers that were pasted, or else the file that holds them."""
        pasted = str(self.cleaned_data.get("numbers") or "")
        if pasted.strip():
            return SourceFile(PASTED, pasted.encode())
        return source_file(self.cleaned_data.get("file"))

    @property
    def text(self) -> str:
        """Return the numbers as text, "" where there are none; raise `Unusable`."""
        source = self.source
        try:
            return source.content.decode("utf-8-sig") if source else ""
        except UnicodeDecodeError as error:
            raise Unusable(_("The file is no text; paste the numbers.")) from error


class SusForm(NumbersForm):
    """Scores of the System Usability Scale."""

    metric = "sus"

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["numbers"].help_text = _(
            "One score from 0 to 100 a line, or the ten answers (1 to 5) of each person on a line, "
            "and nothing else. Left empty, they are read from the file."
        )

    def figure(self) -> OutsideFigure:
        """Return the mean score."""
        return scale_mean(sus_scores(self.text), SUS_LOWEST, SUS_HIGHEST, "sus")


class TimeForm(NumbersForm):
    """Seconds that people took who succeeded."""

    metric, answers_in = "time_on_task", ("s",)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["numbers"].label = _("Seconds of each person who succeeded")

    def figure(self) -> OutsideFigure:
        """Return the geometric mean."""
        return time_on_task(numbers_of(self.text))


class ScaleForm(NumbersForm):
    """Scores on any scale, or what they come to."""

    lowest = FiniteFloatField(label=gettext_lazy("Lowest score of the scale"), initial=1)
    highest = FiniteFloatField(label=gettext_lazy("Highest score of the scale"), initial=7)
    n = forms.IntegerField(
        label=gettext_lazy("Or: number of scores"),
        min_value=1,
        max_value=MOST_PEOPLE,
        required=False,
        help_text=gettext_lazy("Where the scores themselves are not at hand."),
    )
    mean = FiniteFloatField(label=gettext_lazy("Their mean"), required=False)
    sd = FiniteFloatField(
        label=gettext_lazy("Their standard deviation"), required=False, min_value=0
    )
    agree = "scale"
    metric = "satisfaction"
    answers_in = None
    order = ("numbers", "lowest", "highest", "n", "mean", "sd")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["task"].label = _("Scale")
        self.fields["task"].help_text = _(
            "The questionnaire or the question, in a few words; higher is better. Only the same "
            "scale is compared."
        )

    @property
    def conditions(self) -> dict[str, str]:
        """Return the scale, with where it starts and ends."""
        said = self.cleaned_data
        (name,) = super().conditions.values()
        return {self.agree: f"{name}, {said['lowest']:g}–{said['highest']:g}"}

    @property
    def summary(self) -> list[Any]:
        """Return number, mean and spread of the scores, each None where it is not said."""
        return [self.cleaned_data.get(name) for name in ("n", "mean", "sd")]

    @property
    def source(self) -> SourceFile | None:
        """Return the scores; where only what they come to is said, that is all there is."""
        return super().source if self.summary == [None] * 3 else None

    def figure(self) -> OutsideFigure:
        """Return the mean score, from the scores or from what they come to."""
        said, summary = self.cleaned_data, self.summary
        if any(one is not None for one in summary):
            if None in summary or self.cleaned_data.get("numbers"):
                raise Unusable(_("Give the scores, or their number, mean and spread."))
            n, mean, sd = cast(tuple[int, float, float], tuple(summary))
            return mean_of_summary(n, mean, sd, said["lowest"], said["highest"])
        return scale_mean(numbers_of(self.text), said["lowest"], said["highest"])


STUDIES: dict[str, type[StudyForm]] = {
    "success": SuccessForm,
    "time": TimeForm,
    "sus": SusForm,
    "scale": ScaleForm,
}
STUDY_NAMES = {
    "success": gettext_lazy("Task success"),
    "time": gettext_lazy("Time on task"),
    "sus": gettext_lazy("System Usability Scale"),
    "scale": gettext_lazy("Another scale"),
}


# Estimates


class EstimateForm(OneCandidateForm):
    """What a person thinks a figure will be, how low and how high, and why."""

    metric = forms.ChoiceField(label=gettext_lazy("What is estimated"))
    low = FiniteFloatField(
        label=gettext_lazy("Low"),
        help_text=gettext_lazy("Hardly likely to be lower than this."),
    )
    value = FiniteFloatField(label=gettext_lazy("Most likely"))
    high = FiniteFloatField(
        label=gettext_lazy("High"), help_text=gettext_lazy("Hardly likely to be higher.")
    )
    reason = forms.CharField(
        label=gettext_lazy("What it rests on"), widget=multiline(4), max_length=LONGEST_TEXT
    )
    who = forms.CharField(label=gettext_lazy("Who estimates it"), max_length=LONGEST_LINE)

    def __init__(self, decision: Decision, *args: Any, user: User, **kwargs: Any) -> None:
        super().__init__(decision, *args, **kwargs)
        self.fields["who"].initial = str(user)
        self.named = {one.key: (str(one.name), one.unit) for one in METRICS.values()}
        self.goals = {one.metric: (one.name, one.unit) for one in decision.goals.all()}
        self.named |= self.goals
        self.fields["metric"].choices = [  # type: ignore[attr-defined]
            (_("Goals of this record"), self._choices(list(self.goals))),
            (_("Other"), self._choices([one for one in self.named if one not in self.goals])),
        ]

    def _choices(self, keys: list[str]) -> list[tuple[str, str]]:
        told = ((key, *self.named[key]) for key in keys)
        return [(key, f"{name} ({unit})" if unit else name) for key, name, unit in told]

    def clean(self) -> dict[str, Any]:
        """Refuse a range that the most likely value is not in, and values that cannot be."""
        cleaned = super().clean() or {}
        said = [cleaned.get(name) for name in ("low", "value", "high")]
        if None in said:
            return cleaned
        low, value, high = cast(tuple[float, float, float], tuple(said))
        if not low <= value <= high:
            self.add_error("value", _("The most likely value lies between low and high."))
        metric = cleaned.get("metric", "")
        unit = self.named.get(metric, ("", ""))[1]
        for name in ("low", "high"):
            if why := impossible(metric, unit, [cleaned[name]]):
                self.add_error(name, why)
        return cleaned

    def measurement(self) -> Measurement:
        """Return the estimate as the record takes it in: no sample, marked as what it is."""
        said = self.cleaned_data
        name, unit = self.named[said["metric"]]
        return estimated(
            said["metric"],
            name,
            unit,
            (said["low"], said["value"], said["high"]),
            reason=as_lines(said["reason"]),
            who=said["who"],
            source_digest=digest_of_typed(said),
        )


def source_file(uploaded: UploadedFile | None) -> SourceFile | None:
    """Return an uploaded file with its content; its size was checked."""
    if not uploaded:
        return None
    uploaded.seek(0)
    return SourceFile(str(uploaded.name), uploaded.read())


def digest_of_typed(said: dict[str, Any]) -> str:
    """Return the SHA-256 (hex) of what somebody typed: the digest of a source without a file."""
    told = {name: str(value) for name, value in said.items() if name not in NOT_TYPED}
    return sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()
