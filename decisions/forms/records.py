"""Forms about a record as a whole."""

from collections.abc import Iterable
from datetime import date
from typing import Any, cast
from urllib.parse import parse_qsl, urlencode

from django import forms
from django.db.models import TextChoices
from django.utils.html import format_html
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from decisions import clock
from decisions.forms.base import CountersignForm, as_lines, completing, date_input, multiline
from decisions.models import (
    Decision,
    RecordTemplate,
    Role,
    Status,
    Success,
    User,
    Visibility,
)
from decisions.models.decision import APPROVED_ELSEWHERE
from decisions.record_templates import LLM

PROPOSALS = 30  # records that are proposed while a name is typed


class DetailsForm(CountersignForm):
    """Title, due date, tags and readers."""

    title = forms.CharField(
        label=gettext_lazy("Title"),
        max_length=200,
        help_text=gettext_lazy("The question the team has to settle, in one line."),
    )
    due_on = forms.DateField(label=gettext_lazy("Due"), required=False, widget=date_input())
    tags = forms.CharField(
        label=gettext_lazy("Tags"),
        required=False,
        max_length=200,
        help_text=gettext_lazy("Separated by commas."),
    )
    visibility = forms.ChoiceField(
        label=gettext_lazy("Who may read it"),
        choices=Visibility.choices,
        widget=forms.RadioSelect,
        initial=Visibility.PARTICIPANTS,
    )

    def clean_tags(self) -> list[str]:
        """Return the tags as a list, each once, in small letters."""
        tags = (tag.strip().lower() for tag in self.cleaned_data["tags"].split(","))
        return list(dict.fromkeys(tag for tag in tags if tag))


class NewDecisionForm(DetailsForm):
    """What a new decision needs: its details, and the record template it starts from.

    With `former`, a record that it may take the place of later: its people can come along.
    """

    template = forms.ChoiceField(label=gettext_lazy("Record template"), widget=forms.RadioSelect)
    with_people = forms.BooleanField(
        label=gettext_lazy("Give the same people the same roles"), required=False, initial=True
    )
    field_order = ["title", "template", "with_people", "due_on", "tags", "visibility"]

    def __init__(
        self, *args: Any, former: Decision | None = None, template: str = LLM, **kwargs: Any
    ) -> None:
        super().__init__(*args, initial={"template": template} | _known_of(former), **kwargs)
        offered = RecordTemplate.objects.filter(is_retired=False)
        choices = [(template.key, _template_label(template)) for template in offered]
        self.fields["template"].choices = choices  # type: ignore[attr-defined]
        keys = [key for key, _label in choices]
        if self.initial["template"] not in keys:
            self.initial["template"] = next(iter(keys), "")
        if former is None or not former.participants.all():
            del self.fields["with_people"]


def _known_of(former: Decision | None) -> dict[str, Any]:
    """Return what a successor starts with."""
    if former is None:
        return {}
    known = {name: getattr(former, name) for name in ("title", "visibility")}
    return known | {"template": former.template_id, "tags": ", ".join(former.tags)}


def _template_label(template: RecordTemplate) -> str:
    """Return a template's title with what it is for."""
    if not template.about:
        return str(template)
    return format_html('{} <span class="hint">{}</span>', str(template), template.about)


class ReasonForm(CountersignForm):
    """The reason for a step back."""

    reason = forms.CharField(
        label=gettext_lazy("Reason"),
        widget=multiline(3),
        max_length=2000,
        help_text=gettext_lazy("Everyone on the record sees it, and it stays in the history."),
    )


class RecordField(forms.CharField):
    """Another record by its name, `DR-7`; the newest that fit are proposed while typing."""

    def __init__(self, statuses: Iterable[str] = (), **kwargs: Any) -> None:
        widget = forms.TextInput(
            attrs={"list": "records", "placeholder": "DR-", "autocomplete": "off"}
        )
        super().__init__(max_length=20, widget=widget, **kwargs)
        self.statuses = list(statuses)
        self.others = Decision.objects.none()

    def look_beside(self, decision: Decision, user: User) -> None:
        """Look for it among what the person may read, besides the record itself."""
        self.others = Decision.objects.visible_to(user).exclude(pk=decision.pk)

    @property
    def proposals(self) -> list[Decision]:
        """Return the newest records that fit."""
        fit = self.others
        if self.statuses:
            fit = fit.filter(status__in=self.statuses, is_approved_elsewhere=False)
        return list(fit.order_by("-number")[:PROPOSALS])

    def clean(self, value: Any) -> Any:
        """Return the record of that name."""
        reference = super().clean(value).strip()
        found = self.others.by_reference(reference).first()
        if found is None:
            raise forms.ValidationError(
                _("There is no other record of this name that you may read.")
            )
        if self.statuses and found.shown_status not in self.statuses:
            told = {"record": found.reference, "status": found.status_words.lower()}
            raise forms.ValidationError(
                _("%(record)s is %(status)s. Only a record that was approved here can be chosen.")
                % told
            )
        return found


class OtherRecordForm(CountersignForm):
    """Which other record it is about; `name` is what the action calls it."""

    name: str

    def __init__(self, decision: Decision, user: User, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.picked.look_beside(decision, user)

    @property
    def picked(self) -> RecordField:
        """Return the field of the other record."""
        return cast(RecordField, self.fields[self.name])


class SupersedeForm(OtherRecordForm):
    """Which newer record takes this one's place."""

    name = "successor"
    successor = RecordField(
        [Status.APPROVED],
        label=gettext_lazy("Superseded by"),
        help_text=gettext_lazy("The name of an approved record, for example DR-7."),
    )


class AmendForm(OtherRecordForm):
    """Which newer record amends this one."""

    name = "amendment"
    amendment = RecordField(
        [Status.APPROVED],
        label=gettext_lazy("Amended by"),
        help_text=gettext_lazy("The name of an approved record, for example DR-7."),
    )


class RelateForm(OtherRecordForm):
    """Which record has to do with this one."""

    name = "other"
    other = RecordField(
        label=gettext_lazy("Record"),
        help_text=gettext_lazy("The name of the other record, for example DR-7."),
    )


class OutcomeForm(CountersignForm):
    """What became of a decision."""

    success = forms.ChoiceField(
        label=gettext_lazy("Did it work?"), choices=Success.choices, widget=forms.RadioSelect
    )
    text = forms.CharField(
        label=gettext_lazy("What became of it"),
        widget=multiline(6, **completing("evidence")),
        max_length=20_000,
        help_text=gettext_lazy(
            "What happened, what you would decide today. It is kept as you write it."
        ),
    )
    review_on = forms.DateField(
        label=gettext_lazy("Look at it again on"),
        required=False,
        widget=date_input(),
        help_text=gettext_lazy("Leave it empty if it need not come back to you."),
    )

    def __init__(self, decision: Decision, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if decision.status != Status.APPROVED:
            del self.fields["review_on"]

    def clean_text(self) -> str:
        """Return the text with Unix line ends."""
        return as_lines(self.cleaned_data["text"])

    def clean_review_on(self) -> date | None:
        """Refuse a day that has passed."""
        day: date | None = self.cleaned_data["review_on"]
        if day and day <= clock.today():
            raise forms.ValidationError(_("Choose a day that is still to come."))
        return day


class Involvement(TextChoices):
    """Whose decisions a list shows."""

    ANY = "", gettext_lazy("Anyone's")
    MINE = "mine", gettext_lazy("Mine")
    OWNED = "owned", gettext_lazy("Owned by me")


class FilterForm(CountersignForm):
    """Search, filters and order of the list of decisions; it lives in the address."""

    q = forms.CharField(label=gettext_lazy("Search"), required=False, max_length=100)
    status = forms.ChoiceField(
        label=gettext_lazy("Status"),
        required=False,
        choices=[
            ("", gettext_lazy("Any status")),
            *Status.choices,
            (APPROVED_ELSEWHERE, gettext_lazy("Approved elsewhere")),
        ],
    )
    role = forms.ChoiceField(
        label=gettext_lazy("My role"),
        required=False,
        choices=[("", gettext_lazy("Any role")), *Role.choices],
    )
    whose = forms.ChoiceField(
        label=gettext_lazy("Whose"), required=False, choices=Involvement.choices
    )
    tag = forms.CharField(label=gettext_lazy("Tag"), required=False, max_length=50)
    sort = forms.ChoiceField(
        label=gettext_lazy("Order"),
        required=False,
        choices=[
            ("changed", gettext_lazy("Last changed")),
            ("due", gettext_lazy("Due first")),
            ("number", gettext_lazy("Newest")),
            ("title", gettext_lazy("Title")),
        ],
    )

    @property
    def query(self) -> str:
        """Return what it asks for as an address has it, whatever the order; "" for all."""
        asked = self.cleaned_data if self.is_valid() else {}
        told = {name: value for name, value in asked.items() if value and name != "sort"}
        return urlencode(told)

    @property
    def in_words(self) -> str:
        """Return what it asks for in words: "Status: Approved, Tag: routing"; "" for all."""
        asked = ((name, self._word(name, one)) for name, one in parse_qsl(self.query))
        return ", ".join(f"{self.fields[name].label}: {word}" for name, word in asked)

    def _word(self, name: str, value: str) -> Any:
        """Return a chosen value in words; what was typed stays as it is."""
        return dict(getattr(self.fields[name], "choices", ())).get(value, value)


def filtered(form: FilterForm, user: User) -> Any:
    """Return the decisions that `user` may read and the form asks for, in its order."""
    asked = form.cleaned_data if form.is_valid() else {}
    found = Decision.objects.visible_to(user).select_related("owner")
    if text := asked.get("q"):
        found = found.matching(text)
    if status := asked.get("status"):
        found = found.shown_as(status)
    if role := asked.get("role"):
        found = found.held_as(user, role)
    if tag := asked.get("tag"):
        found = found.tagged(tag)
    if asked.get("whose") == Involvement.MINE:
        found = found.involving(user)
    if asked.get("whose") == Involvement.OWNED:
        found = found.filter(owner=user)
    return found.in_order(asked.get("sort") or "changed")
