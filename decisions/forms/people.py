"""Forms about people: who takes part, and who signs in whose place."""

from datetime import date, datetime, time, timedelta
from functools import cached_property
from typing import Any

from django import forms
from django.db.models import QuerySet
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from decisions import clock
from decisions.forms.base import CountersignForm, date_input
from decisions.known_people import known_to
from decisions.models import Participant, Role, User

LONGEST = timedelta(days=366)


class SomeoneForm(CountersignForm):
    """Names a person by e-mail address, completed over those whom the asker already knows."""

    email = forms.EmailField(
        label=gettext_lazy("E-mail address"),
        widget=forms.EmailInput(attrs={"list": "known-people", "autocomplete": "off"}),
    )

    def __init__(self, asker: User, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.asker = asker

    @cached_property
    def known(self) -> QuerySet[User]:
        """Return whose addresses are offered for completion."""
        return known_to(self.asker)

    def clean_email(self) -> User:
        """Return the person with this address."""
        address = self.cleaned_data["email"]
        found = User.objects.filter(email__iexact=address, is_active=True).first()
        if not found:
            raise forms.ValidationError(_("No one with this address has an account here."))
        return found


class ParticipantForm(SomeoneForm):
    """Who takes part, in which role, and whether they sign for it."""

    role = forms.ChoiceField(
        label=gettext_lazy("Role"), choices=Role.choices, widget=forms.RadioSelect
    )
    is_signatory = forms.BooleanField(label=gettext_lazy("Signs for this role"), required=False)


class ChangeForm(CountersignForm):
    """What somebody who is on the record does there."""

    role = forms.ChoiceField(label=gettext_lazy("Role"), choices=Role.choices)
    is_signatory = forms.BooleanField(label=gettext_lazy("Signs for this role"), required=False)

    def __init__(self, participant: Participant, others: set[str], *args: Any) -> None:
        """Take the participant and the roles that the person holds besides."""
        known = {"role": participant.role, "is_signatory": participant.is_signatory}
        super().__init__(*args, initial=known, prefix=f"person-{participant.pk}")
        self.participant = participant
        self.others = others
        if participant.user.known_by:
            signs = self.fields["is_signatory"]
            signs.disabled = True
            signs.help_text = _("As the file says. Who is only named in it cannot sign here.")

    def clean_role(self) -> str:
        """Refuse a role that the person holds as well."""
        role = str(self.cleaned_data["role"])
        if role in self.others:
            names = {"name": self.participant.user, "role": Role(role).label}
            raise forms.ValidationError(
                _("%(name)s holds the role %(role)s already.") % names, code="held"
            )
        return role


class DelegationForm(SomeoneForm):
    """Who is asked to sign in one's place, until when, and why."""

    until = forms.DateField(
        label=gettext_lazy("Until the end of"), required=False, widget=date_input()
    )
    reason = forms.CharField(
        label=gettext_lazy("Reason"),
        required=False,
        max_length=300,
        help_text=gettext_lazy("Only the two of you read it."),
    )

    def __init__(self, asker: User, *args: Any, **kwargs: Any) -> None:
        super().__init__(asker, *args, **kwargs)
        days = {"min": clock.today().isoformat(), "max": (clock.today() + LONGEST).isoformat()}
        self.fields["until"].widget.attrs |= days

    def clean_email(self) -> User:
        """Return the person who is asked; nobody stands in for themself."""
        found = super().clean_email()
        if found == self.asker:
            raise forms.ValidationError(_("This is your own address."))
        return found

    def clean_until(self) -> datetime | None:
        """Return the last moment of that day on the giver's clock, which the request has set."""
        day: date | None = self.cleaned_data["until"]
        if day is None:
            return None
        if day < clock.today():
            raise forms.ValidationError(_("This day has passed already."))
        if day > clock.today() + LONGEST:
            raise forms.ValidationError(_("At most a year from now; you can do it again then."))
        return timezone.make_aware(datetime.combine(day, time.max))


class RecordDelegationForm(DelegationForm):
    """A delegation for one record, which needs no last day."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["until"].help_text = _(
            "Leave it empty for as long as the record is open. You can revoke it at any time."
        )


class TimeDelegationForm(DelegationForm):
    """A delegation for every record, which has a last day."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["until"].required = True
        self.fields["until"].help_text = _(
            "That day included, on your clock. You can revoke it at any time."
        )
