"""Forms about a record as a whole."""

from typing import Any

from django import forms
from django.db.models import TextChoices
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from decisions.forms.base import CountersignForm, date_input, multiline
from decisions.models import Decision, RecordTemplate, Role, Status, User, Visibility
from decisions.record_templates import LLM


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
    """What a new decision needs: its details, and the record template it starts from."""

    template = forms.ChoiceField(label=gettext_lazy("Record template"), widget=forms.RadioSelect)
    field_order = ["title", "template", "due_on", "tags", "visibility"]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["template"].choices = [  # type: ignore[attr-defined]
            (template.key, str(template))
            for template in RecordTemplate.objects.filter(is_retired=False)
        ]
        self.fields["template"].initial = LLM


class ParticipantForm(CountersignForm):
    """Who takes part, in which role, and whether they sign for it."""

    email = forms.EmailField(label=gettext_lazy("E-mail address"))
    role = forms.ChoiceField(
        label=gettext_lazy("Role"), choices=Role.choices, widget=forms.RadioSelect
    )
    is_signatory = forms.BooleanField(label=gettext_lazy("Signs for this role"), required=False)

    def clean_email(self) -> User:
        """Return the person with this address."""
        address = self.cleaned_data["email"]
        found = User.objects.filter(email__iexact=address, is_active=True).first()
        if not found:
            raise forms.ValidationError(_("No one with this address has an account here."))
        return found


class ReasonForm(CountersignForm):
    """The reason for a step back."""

    reason = forms.CharField(
        label=gettext_lazy("Reason"),
        widget=multiline(3),
        max_length=2000,
        help_text=gettext_lazy("Everyone on the record sees it, and it stays in the history."),
    )


class SupersedeForm(CountersignForm):
    """Which newer record takes this one's place."""

    successor = forms.ModelChoiceField(
        label=gettext_lazy("Superseded by"),
        queryset=Decision.objects.none(),
        empty_label=None,
        help_text=gettext_lazy("Only approved records can take its place."),
    )

    def __init__(self, decision: Decision, user: User, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        others = Decision.objects.visible_to(user).filter(status=Status.APPROVED)
        self.fields["successor"].queryset = others.exclude(  # type: ignore[attr-defined]
            pk=decision.pk
        )


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
        choices=[("", gettext_lazy("Any status")), *Status.choices],
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


def filtered(form: FilterForm, user: User) -> Any:
    """Return the decisions that `user` may read and the form asks for, in its order."""
    asked = form.cleaned_data if form.is_valid() else {}
    found = Decision.objects.visible_to(user).select_related("owner")
    if text := asked.get("q"):
        found = found.matching(text)
    if status := asked.get("status"):
        found = found.filter(status=status)
    if role := asked.get("role"):
        found = found.held_as(user, role)
    if tag := asked.get("tag"):
        found = found.tagged(tag)
    if asked.get("whose") == Involvement.MINE:
        found = found.involving(user)
    if asked.get("whose") == Involvement.OWNED:
        found = found.filter(owner=user)
    return found.in_order(asked.get("sort") or "changed")
