"""Forms of bringing results in: the file, and which system in it is which candidate."""

from typing import Any

from django import forms
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from decisions.forms.base import CountersignForm
from decisions.models import Candidate, User
from decisions.policies import BadInput
from evaluations.bringing import refuse_double
from evaluations.endpoints.guard import address_problem
from evaluations.forms import LARGEST_UPLOAD
from evaluations.importers.results.mlflow_server import RUN_ID
from evaluations.models import CaseSet


class ResultsUploadForm(CountersignForm):
    """A file that another tool wrote, or where an MLflow server keeps a run."""

    results = forms.FileField(
        label=gettext_lazy("File"),
        required=False,
        help_text=gettext_lazy(
            "Of promptfoo, lm-evaluation-harness, Inspect, HELM (its folder as a zip), MLflow, "
            "DeepEval, Pydantic Evals, OpenAI evals or Ragas; or any table as CSV, JSON or JSON "
            "lines."
        ),
    )
    tracking_uri = forms.CharField(
        label=gettext_lazy("Or the address of an MLflow server"), required=False, max_length=300
    )
    run_id = forms.CharField(
        label=gettext_lazy("The run's id there"), required=False, max_length=64
    )
    token = forms.CharField(
        label=gettext_lazy("Token for the server"),
        required=False,
        max_length=500,
        strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "off"}),
        help_text=gettext_lazy("Or name:password. It is forgotten with the upload."),
    )

    def clean(self) -> dict[str, Any]:
        """Refuse neither, and files that are too large for a browser."""
        cleaned = super().clean() or {}
        file = cleaned.get("results")
        if file and file.size > LARGEST_UPLOAD:
            self.add_error("results", _("Larger than 300 MB: use the import_run command."))
        if not file and not self.errors and not cleaned.get("tracking_uri"):
            self.add_error("results", _("Choose a file, or name an MLflow server and a run."))
        if cleaned.get("tracking_uri") and not file:
            self._check_server(cleaned)
        return cleaned

    def _check_server(self, cleaned: dict[str, Any]) -> None:
        if problem := address_problem(cleaned["tracking_uri"]):
            self.add_error("tracking_uri", problem)
        if not RUN_ID.match(cleaned.get("run_id", "")):
            self.add_error("run_id", _("Say which run: its id has letters and digits only."))


ROLES_IN_WORDS = {
    "input": gettext_lazy("Question or input"),
    "expected": gettext_lazy("Expected answer"),
    "output": gettext_lazy("The system's answer"),
    "correct": gettext_lazy("Right or wrong"),
    "score": gettext_lazy("Score from 0 to 1"),
    "error": gettext_lazy("Error"),
    "key": gettext_lazy("Id of the case"),
    "model": gettext_lazy("Model or system"),
    "task": gettext_lazy("Task"),
    "latency": gettext_lazy("Time in milliseconds"),
    "cost": gettext_lazy("Cost in US dollars"),
}
COLUMN, SYSTEM = "column-", "system-"
FEW_SYSTEMS = 5


class ResultsForm(CountersignForm):
    """Which system of a file is which candidate; of a table also what its columns hold."""

    case_set = forms.ModelChoiceField(
        label=gettext_lazy("Case set"),
        queryset=CaseSet.objects.none(),
        empty_label=gettext_lazy("The cases in the file"),
        required=False,
        help_text=gettext_lazy(
            "Choose one that has the same questions, to compare with what was measured on it."
        ),
    )
    attach = forms.BooleanField(
        label=gettext_lazy("Attach the figures to the record"), required=False, initial=True
    )

    def __init__(
        self,
        survey: dict[str, Any],
        columns: dict[str, str],
        candidates: list[Candidate],
        *args: Any,
        user: User,
        **kwargs: Any,
    ) -> None:
        super().__init__(*args, **kwargs)
        self.survey, self.candidates = survey, {one.letter: one for one in candidates}
        visible = CaseSet.objects.visible_to(user).newest().to_choose_from()
        self.fields["case_set"].queryset = visible  # type: ignore[attr-defined]
        for at, one in enumerate(survey["systems"]):
            self.fields[f"{SYSTEM}{at}"] = self._candidate_field(one)
        for role, words in ROLES_IN_WORDS.items() if survey["columns"] else ():
            choices = [("", _("As its name suggests")), *((c, c) for c in survey["columns"])]
            self.fields[f"{COLUMN}{role}"] = forms.ChoiceField(
                label=words, choices=choices, required=False, initial=columns.get(role, "")
            )

    def clean(self) -> dict[str, Any]:
        """Refuse two systems of one task that are said to be the same candidate."""
        cleaned = super().clean() or {}
        said = ((cleaned.get(f"{SYSTEM}{at}"), one) for at, one in self._numbered())
        chosen = [(self.candidates[letter], one) for letter, one in said if letter]
        try:
            refuse_double((candidate, one["task"], one["key"]) for candidate, one in chosen)
        except BadInput as sentence:
            self.add_error(None, str(sentence))
        return cleaned

    def _candidate_field(self, one: dict[str, Any]) -> forms.ChoiceField:
        """Return the question which candidate a system is; a file's only one is asked for."""
        choices = [("", _("Leave out")), *((k, str(c)) for k, c in self.candidates.items())]
        told = filter(None, (one["model"] or one["key"], one["task"], one.get("apart")))
        label = _("Candidate that %(system)s is") % {"system": ", ".join(told)}
        return forms.ChoiceField(label=label, choices=choices, required=False)

    def rows(self) -> list[tuple[dict[str, Any], forms.BoundField]]:
        """Return each system with its question."""
        found = enumerate(self.survey["systems"])
        return [(one, self[f"{SYSTEM}{at}"]) for at, one in found]

    @property
    def is_long(self) -> bool:
        """Return whether there are so many systems that it helps to search among them."""
        return len(self.survey["systems"]) > FEW_SYSTEMS

    @property
    def has_figures_alone(self) -> bool:
        """Return whether the file has figures of a system without its answers."""
        return not all(one["answers"] for one in self.survey["systems"])

    def column_fields(self) -> list[forms.BoundField]:
        """Return the questions what the columns hold."""
        return [self[name] for name in self.fields if name.startswith(COLUMN)]

    def common(self) -> list[forms.BoundField]:
        """Return the questions about all of it."""
        return [self["case_set"], self["attach"]]

    @property
    def chosen(self) -> dict[str, Candidate]:
        """Return which system is which candidate."""
        said = ((self.cleaned_data[f"{SYSTEM}{at}"], one["key"]) for at, one in self._numbered())
        return {key: self.candidates[letter] for letter, key in said if letter}

    @property
    def columns(self) -> dict[str, str]:
        """Return what the columns hold, as far as it was said."""
        said = {name: self.cleaned_data.get(f"{COLUMN}{name}", "") for name in ROLES_IN_WORDS}
        return {role: column for role, column in said.items() if column}

    def _numbered(self) -> list[tuple[int, dict[str, Any]]]:
        return list(enumerate(self.survey["systems"]))
