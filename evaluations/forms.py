"""Forms of measuring: choosing what to run, how a candidate is run, and bringing cases in."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from django import forms
from django.db.models import TextChoices
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from decisions.forms.base import CountersignForm, as_lines, multiline
from decisions.models import Candidate, User
from decisions.policies import BadInput
from evaluations.actions import MOST_SEEDS, digest_of, runnable
from evaluations.candidate_specs import (
    TunedModel,
    connects,
    draws_by_seed,
    settings_in_words,
    technique_of,
)
from evaluations.importers.cases import Columns, guessed_kind
from evaluations.models import CaseKind, CaseSet, Corpus, Endpoint, Readers, Run, Split
from evaluations.models.run import MOST_AT_ONCE, MOST_REPEATS
from evaluations.scorer_forms import (
    FURTHER,
    MAIN,
    ScorerGroup,
    asked_scorers,
    check_scorers,
    scorer_fields,
    scorer_groups,
    scorers_here,
)
from evaluations.techniques import Field, SpecError, Technique

LARGEST_UPLOAD = 300 * 1024 * 1024
MOST_COUNTED = 10**15


class RunForm(CountersignForm):
    """Which candidates to measure, on which case set."""

    case_set = forms.ModelChoiceField(
        label=gettext_lazy("Case set"), queryset=CaseSet.objects.none(), empty_label=None
    )
    candidates = forms.MultipleChoiceField(
        label=gettext_lazy("Candidates"),
        widget=forms.CheckboxSelectMultiple,
        error_messages={"required": gettext_lazy("Choose at least one candidate.")},
    )

    repeats = forms.IntegerField(
        label=gettext_lazy("Answers per case"),
        help_text=gettext_lazy("More than one shows how much a model's answers vary."),
        min_value=1,
        max_value=MOST_REPEATS,
        initial=1,
        required=False,
    )
    concurrency = forms.IntegerField(
        label=gettext_lazy("At once"),
        help_text=gettext_lazy(
            "Requests to a model server at the same time. Up to 8, latency is measured too; what "
            "computes here answers one case after the other."
        ),
        min_value=1,
        max_value=MOST_AT_ONCE,
        initial=8,
        required=False,
    )

    seeds = forms.IntegerField(
        label=gettext_lazy("Seeds"),
        help_text=gettext_lazy(
            "More than one repeats what draws by a seed with those that follow, to show how far "
            "the figures spread. Each is a run of its own; only the first is attached."
        ),
        min_value=1,
        max_value=MOST_SEEDS,
        initial=1,
        required=False,
    )

    def __init__(self, candidates: list[Candidate], *args: Any, user: User, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.known = {one.letter: one for one in candidates}
        visible = CaseSet.objects.visible_to(user)
        self.fields["case_set"].queryset = visible.newest().to_run_on()  # type: ignore[attr-defined]
        self.fields["candidates"].choices = [  # type: ignore[attr-defined]
            (letter, str(one)) for letter, one in self.known.items()
        ]
        # What asks a model server may cost something: that is ticked by hand.
        free = [letter for letter, one in self.known.items() if not connects(one)]
        self.fields["candidates"].initial = free
        if not any(draws_by_seed(one) for one in candidates):
            del self.fields["seeds"]
        self.about_scorers = scorer_fields(lambda one: MAKERS[one.type](one))
        self.fields |= self.about_scorers
        is_judged = any(one.judges == "model" for one in scorers_here())
        if is_judged or any(connects(one) for one in candidates):
            self.fields |= budget_fields()

    def clean(self) -> dict[str, Any]:
        """Hold the scorers' settings against the scorers, the candidates against the cases."""
        cleaned = super().clean() or {}
        check_scorers(self, cleaned)
        if case_set := cleaned.get("case_set"):
            self._check_runnable(case_set, cleaned.get("candidates", []))
        return cleaned

    def _check_runnable(self, case_set: CaseSet, letters: list[str]) -> None:
        for letter in letters:
            try:
                runnable(self.known[letter], case_set)
            except BadInput as problem:
                self.add_error("candidates", str(problem))

    @property
    def plain_fields(self) -> list[forms.BoundField]:
        """Return the fields that don't ask for scorers."""
        return [one for one in self.visible_fields() if one.name not in self.about_scorers]

    @property
    def scorer_groups(self) -> list[ScorerGroup]:
        """Return what can be set on scorers, scorer by scorer."""
        return list(scorer_groups(self))

    @property
    def scorers_chosen(self) -> bool:
        """Return whether somebody chose scorers in a form that has come back."""
        return self.is_bound and bool(self.data.get(MAIN) or self.data.get(FURTHER))

    @property
    def asked(self) -> dict[str, Any]:
        """Return what is asked of every run; what was left empty is left to the action."""
        names = ("case_set", "repeats", "concurrency", "seeds")
        asked = {name: self.cleaned_data.get(name) for name in names}
        asked["budget"] = budget_of(self.cleaned_data)
        asked["scorers"] = asked_scorers(self.cleaned_data)
        return {name: value for name, value in asked.items() if value is not None}

    @property
    def chosen(self) -> list[Candidate]:
        """Return the chosen candidates."""
        return [self.known[letter] for letter in self.cleaned_data["candidates"]]


def budget_fields() -> dict[str, forms.Field]:
    """Return what a run may be allowed to spend at model servers."""
    words = gettext_lazy("Empty: as much as the endpoint allows.")
    counts: dict[str, Any] = {
        "min_value": 0,
        "max_value": MOST_COUNTED,
        "required": False,
        "help_text": words,
    }
    return {
        "budget_requests": forms.IntegerField(label=gettext_lazy("Most requests"), **counts),
        "budget_tokens": forms.IntegerField(label=gettext_lazy("Most tokens"), **counts),
        "budget_money": forms.DecimalField(
            label=gettext_lazy("Most money (US dollars)"),
            help_text=gettext_lazy("Where nobody knows what a model costs, nothing is asked then."),
            min_value=0,
            max_digits=14,
            decimal_places=2,
            required=False,
        ),
    }


def budget_of(cleaned: Mapping[str, Any]) -> dict[str, Any]:
    """Return the limits that were filled in."""
    asked = {one: cleaned.get(f"budget_{one}") for one in ("requests", "tokens", "money")}
    return {which: limit for which, limit in asked.items() if limit is not None}


class BudgetForm(CountersignForm):
    """What a run may spend at model servers."""

    def __init__(self, run: Run, *args: Any, **kwargs: Any) -> None:
        initial = {f"budget_{which}": limit for which, limit in run.budget.items()}
        super().__init__(*args, initial=initial, **kwargs)
        self.fields |= budget_fields()

    @property
    def budget(self) -> dict[str, Any]:
        """Return the limits that were filled in."""
        return budget_of(self.cleaned_data)


TUNED = "tuned_model"


class SpecForm(CountersignForm):
    """What is set on a technique; the fields are those that the technique describes.

    Where it asks for a model, one of those tuned here may be chosen instead of naming it.
    """

    seen = forms.CharField(widget=forms.HiddenInput)

    def __init__(
        self,
        technique: Technique,
        candidate: Candidate,
        *args: Any,
        tuned: Sequence[TunedModel] = (),
        **kwargs: Any,
    ) -> None:
        current = candidate.spec if candidate.spec.get("technique") == technique.key else {}
        kwargs["initial"] = {**current, "seen": digest_of(candidate.spec)}
        super().__init__(*args, **kwargs)
        self.technique, self.candidate = technique, candidate
        # Whether someone else saved another spec since the form was made.
        self.is_conflict = False
        asked = {one.name: MAKERS[one.type](one) for one in technique.fields}
        self.tuned = {
            str(one.run.pk): one for one in tuned if {"endpoint", "model"} <= asked.keys()
        }
        if self.tuned:
            asked = {TUNED: _tuned_field(self.tuned), **asked}
        self.fields = {**asked, **self.fields}

    def clean(self) -> dict[str, Any]:
        """Hold the values against the technique, and against what was saved meanwhile."""
        cleaned = super().clean() or {}
        self._take_tuned(cleaned)
        if not self.errors:
            self._check(self._raw(cleaned))
        has_moved = cleaned.get("seen") != digest_of(self.candidate.spec)
        if not self.errors and has_moved and self.spec != self.candidate.spec:
            self.is_conflict = True
            self._take_over()
            sentence = _("Someone else saved this while you were writing. Saved now: %(spec)s.")
            told = {"spec": in_words(self.candidate.spec)}
            again = _("Save again to put your version in its place.")
            raise forms.ValidationError([sentence % told, again])
        return cleaned

    def _take_tuned(self, cleaned: dict[str, Any]) -> None:
        """Let the tuned model that was chosen stand for what was typed as server and model."""
        if chosen := self.tuned.get(cleaned.get(TUNED) or ""):
            cleaned |= {"endpoint": chosen.endpoint, "model": chosen.model}
            for name in ("endpoint", "model"):
                self.errors.pop(name, None)

    def _take_over(self) -> None:
        """Let the form, shown again, be one that was made from what is saved now."""
        self.data = {**self.data.dict(), "seen": digest_of(self.candidate.spec)}  # type: ignore[attr-defined]

    @property
    def spec(self) -> dict[str, Any]:
        """Return the whole spec, ready to be stored."""
        return self.technique.complete(self._raw(self.cleaned_data))

    def _raw(self, cleaned: dict[str, Any]) -> dict[str, Any]:
        names = [one.name for one in self.technique.fields]
        return {name: _plain(cleaned.get(name)) for name in names}

    def _check(self, raw: dict[str, Any]) -> None:
        try:
            self.technique.validate(raw)
        except SpecError as error:
            for name, problem in error.problems.items():
                self.add_error(name if name in self.fields else None, problem)


def in_words(spec: dict[str, Any]) -> str:
    """Return a spec on one line, by the names that people see."""
    technique = technique_of(spec)
    title = technique.title if technique else spec.get("technique", _("none"))
    told = [(_("Technique"), title), *settings_in_words(spec)]
    return "; ".join(f"{name}: {value}" for name, value in told)


def _plain(value: Any) -> Any:
    return as_lines(value) if isinstance(value, str) else value


def _common(field: Field) -> dict[str, Any]:
    return {
        "label": field.label,
        "help_text": field.help,
        "required": not field.nullable,
        "initial": field.default,
    }


def _range(field: Field) -> dict[str, Any]:
    return {"min_value": field.minimum, "max_value": field.maximum}


def _text(field: Field) -> forms.Field:
    return forms.CharField(widget=multiline(3), strip=False, **_common(field))


def _line(field: Field) -> forms.Field:
    return forms.CharField(**_common(field))


def _choice(field: Field) -> forms.Field:
    return forms.ChoiceField(choices=field.choices, **_common(field))


def _endpoint(field: Field) -> forms.Field:
    """Return the choice of a model server; one that is stored and gone shows as such."""
    known = Endpoint.objects.usable().values_list("slug", "name")
    unchosen = _("Choose one") if known else _("None is set up yet: ask an administrator")
    nothing = field.choices[0] if field.choices else ("", unchosen)
    return forms.ChoiceField(choices=[nothing, *known], **_common(field))


def _tuned_field(known: Mapping[str, TunedModel]) -> forms.Field:
    """Return the choice of a model that was tuned here."""
    return forms.ChoiceField(
        label=gettext_lazy("A model tuned here"),
        help_text=gettext_lazy("Stands for server and model below; the spec keeps its name."),
        choices=[("", gettext_lazy("None: as named below")), *known.items()],
        required=False,
    )


def _integer(field: Field) -> forms.Field:
    return forms.IntegerField(**_range(field), **_common(field))


def _number(field: Field) -> forms.Field:
    widget = forms.NumberInput(attrs={"step": "any"})
    return forms.FloatField(widget=widget, **_range(field), **_common(field))


MAKERS: dict[str, Callable[[Field], forms.Field]] = {
    "text": _text,
    "line": _line,
    "endpoint": _endpoint,
    "choice": _choice,
    "integer": _integer,
    "number": _number,
}


class Show(TextChoices):
    """Which of a run's cases are shown, and in which order."""

    ERRORS_FIRST = "", gettext_lazy("Errors first")
    WRONG = "wrong", gettext_lazy("Only wrong or failed")
    DIFFERING = "differing", gettext_lazy("Where the marks differ")
    IN_ORDER = "all", gettext_lazy("All, in their order")


class ResultFilterForm(CountersignForm):
    """Search among the cases of a run, and what stands beside them; it lives in the address."""

    q = forms.CharField(label=gettext_lazy("Words"), required=False, max_length=200)
    show = forms.ChoiceField(label=gettext_lazy("Show"), required=False, choices=Show.choices)

    def __init__(self, known: list[Run], beside: list[Run], *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if known:
            self.fields["with"] = forms.MultipleChoiceField(
                label=gettext_lazy("Beside"),
                choices=[(str(one.pk), _run_in_words(one)) for one in known],
                initial=[str(one.pk) for one in beside],
                widget=forms.CheckboxSelectMultiple,
                required=False,
            )
            if self.is_bound:
                shown = self.data.copy()  # type: ignore[attr-defined]
                shown.setlist("with", self.fields["with"].initial)
                self.data = shown


def _run_in_words(run: Run) -> str:
    """Return a run as a choice: its candidate, its record and its number."""
    told = {"run": run, "candidate": run.candidate, "record": run.candidate.decision.reference}
    return _("%(candidate)s (%(record)s, %(run)s)") % told


class CaseFilterForm(CountersignForm):
    """Search among the cases of a case set; it lives in the address."""

    q = forms.CharField(label=gettext_lazy("Words"), required=False, max_length=200)
    split = forms.ChoiceField(
        label=gettext_lazy("Split"),
        required=False,
        choices=[("", gettext_lazy("Every split")), *Split.choices],
    )
    label = forms.ChoiceField(label=gettext_lazy("Label"), required=False)

    def __init__(self, case_set: CaseSet, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if not case_set.is_classification:
            del self.fields["label"]
            return
        self.fields["label"].choices = [  # type: ignore[attr-defined]
            ("", _("Every label")),
            *case_set.label_names().items(),
        ]


def readers_field() -> forms.ChoiceField:
    """Return the question who may read what is brought in."""
    return forms.ChoiceField(
        label=gettext_lazy("Who may read it"),
        choices=[
            ("", gettext_lazy("As the version before; a first one: everyone")),
            *Readers.choices,
        ],
        required=False,
        help_text=gettext_lazy("Choose the narrower one where customers' messages are in it."),
    )


class UploadForm(CountersignForm):
    """The files of a new case set, and what is known of them."""

    name = forms.CharField(
        label=gettext_lazy("Name"),
        max_length=100,
        help_text=gettext_lazy("Under a name that is taken, other content is its next version."),
    )
    cases = forms.FileField(
        label=gettext_lazy("Cases"),
        help_text=gettext_lazy(
            "CSV or TSV with a header line, JSON lines, a JSON array, or a file in the shape of "
            "SQuAD or CLINC150."
        ),
    )
    train = forms.FileField(
        label=gettext_lazy("Cases to train on, if they are in a file of their own"),
        required=False,
        help_text=gettext_lazy("The first file then holds the test cases."),
    )
    labels = forms.FileField(
        label=gettext_lazy("Labels"),
        required=False,
        help_text=gettext_lazy("JSON: an object of label → name and description."),
    )
    corpus = forms.ModelChoiceField(
        label=gettext_lazy("Corpus"),
        queryset=Corpus.objects.none(),
        empty_label=gettext_lazy("None, or the file's own paragraphs"),
        required=False,
        help_text=gettext_lazy("Where the cases name the documents that answer them."),
    )
    origin = forms.CharField(
        label=gettext_lazy("Where they come from"), required=False, max_length=2000
    )
    licence = forms.CharField(label=gettext_lazy("Licence"), required=False, max_length=200)
    visibility = readers_field()

    def __init__(self, *args: Any, user: User, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        corpora = Corpus.objects.visible_to(user).newest()
        self.fields["corpus"].queryset = corpora  # type: ignore[attr-defined]

    def clean(self) -> dict[str, Any]:
        """Refuse files that are too large for a browser."""
        cleaned = super().clean() or {}
        for name, value in cleaned.items():
            if getattr(value, "size", 0) > LARGEST_UPLOAD:
                self.add_error(name, _("Larger than 300 MB: use the import_cases command."))
        return cleaned


class SeveralFilesInput(forms.ClearableFileInput):
    """The browser's control for files, of which several can be chosen."""

    allow_multiple_selected = True


class SeveralFilesField(forms.FileField):
    """Several files at once."""

    widget = SeveralFilesInput

    def clean(self, data: Any, initial: Any = None) -> Any:
        """Return the list of files, each of which has to be one."""
        files = data if isinstance(data, list | tuple) else [data]
        one = super().clean
        return [one(file, initial) for file in files or [None]]


class CorpusForm(CountersignForm):
    """The files of a new corpus, and what is known of them."""

    name = forms.CharField(
        label=gettext_lazy("Name"),
        max_length=100,
        help_text=gettext_lazy("Under a name that is taken, other content is its next version."),
    )
    documents = SeveralFilesField(
        label=gettext_lazy("Documents"),
        help_text=gettext_lazy(
            "Text or Markdown files, one document each; JSON lines or CSV with a column “text”, "
            "one document a row; or a zip of such files. Several can be chosen."
        ),
    )
    origin = forms.CharField(
        label=gettext_lazy("Where they come from"), required=False, max_length=2000
    )
    licence = forms.CharField(label=gettext_lazy("Licence"), required=False, max_length=200)
    visibility = readers_field()

    def clean(self) -> dict[str, Any]:
        """Refuse files that are too many or too large for a browser."""
        cleaned = super().clean() or {}
        files = cleaned.get("documents") or []
        if sum(one.size for one in files) > LARGEST_UPLOAD:
            self.add_error("documents", _("Larger than 300 MB: use the import_corpus command."))
        return cleaned


class DocumentFilterForm(CountersignForm):
    """Search among the documents of a corpus; it lives in the address."""

    q = forms.CharField(label=gettext_lazy("Words"), required=False, max_length=200)


class ProbeForm(CountersignForm):
    """Which cases a tuned model must not have forgotten."""

    probe = forms.ModelChoiceField(
        label=gettext_lazy("General-ability probe"),
        queryset=CaseSet.objects.none(),
        empty_label=gettext_lazy("None"),
        required=False,
        help_text=gettext_lazy("Asked before and after tuning, to see what was forgotten."),
    )

    def __init__(self, case_set: CaseSet, *args: Any, user: User, **kwargs: Any) -> None:
        super().__init__(*args, initial={"probe": case_set.probe_id}, **kwargs)
        others = CaseSet.objects.visible_to(user).exclude(slug=case_set.slug)
        self.fields["probe"].queryset = others.newest().to_run_on()  # type: ignore[attr-defined]


class ReadersForm(CountersignForm):
    """Who may read a version."""

    visibility = forms.ChoiceField(label=gettext_lazy("Who may read it"), choices=Readers.choices)


NOTHING = [("", gettext_lazy("No such column"))]
CHOOSE = [("", gettext_lazy("Choose a column"))]


class ColumnsForm(CountersignForm):
    """Which column holds what; a file whose shape says it all has nothing to ask."""

    kind = forms.ChoiceField(
        label=gettext_lazy("Kind"),
        choices=[("", gettext_lazy("What the columns suggest")), *CaseKind.choices],
        required=False,
    )
    input = forms.ChoiceField(label=gettext_lazy("Input"))
    label = forms.ChoiceField(label=gettext_lazy("Expected label or answer"))
    key = forms.ChoiceField(
        label=gettext_lazy("Id"),
        required=False,
        help_text=gettext_lazy("Without one the cases are numbered."),
    )
    split = forms.ChoiceField(
        label=gettext_lazy("Split"),
        required=False,
        help_text=gettext_lazy("Holds train, dev or test. Without one all are test cases."),
    )
    references = forms.ChoiceField(
        label=gettext_lazy("Other right answers"),
        required=False,
        help_text=gettext_lazy("A list, or texts with “|” between them."),
    )
    relevant = forms.ChoiceField(
        label=gettext_lazy("Documents that answer it"),
        required=False,
        help_text=gettext_lazy("Their ids in the corpus: a list, or with “|” between them."),
    )

    def __init__(
        self,
        names: list[str],
        guess: Columns,
        *args: Any,
        has_splits: bool = False,
        has_corpus: bool = False,
        **kwargs: Any,
    ) -> None:
        kwargs["initial"] = vars(guess)
        super().__init__(*args, **kwargs)
        if has_splits:
            del self.fields["split"]
        if not has_corpus:
            del self.fields["relevant"]
        for name, field in self.fields.items():
            if name != "kind":
                nothing = CHOOSE if name in {"input", "label"} else NOTHING
                field.choices = [*nothing, *((one, one) for one in names)]  # type: ignore[attr-defined]

    @property
    def columns(self) -> Columns:
        """Return the chosen columns."""
        said = {name: value for name, value in self.cleaned_data.items() if name != "kind"}
        return Columns(**said)

    @property
    def kind_of_cases(self) -> str:
        """Return the chosen kind, or the one that the columns suggest."""
        return self.cleaned_data["kind"] or guessed_kind(self.columns)


class NothingToAskForm(CountersignForm):
    """A file whose shape says what everything in it is."""

    columns = Columns("", "")
