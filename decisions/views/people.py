"""Who takes part in a decision, and who signs it."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.urls import reverse
from django.utils.translation import gettext as _

from decisions.actions.people import change_participant
from decisions.actions.records import invite, remove_participant
from decisions.forms.people import ChangeForm, ParticipantForm
from decisions.forms.typed import sent
from decisions.models import Decision, Role
from decisions.people_page import PeoplePage, other_roles, what_removal_means
from decisions.policies import ensure
from decisions.record_page import RecordPage
from decisions.views.shared import done, get_record, page, person, posted, status_of


def people(request: HttpRequest, reference: str) -> HttpResponse:
    """Show who is on the record; its owner gives roles and names signatories."""
    decision = get_record(request, reference)
    form = sent(request, ParticipantForm(person(request), posted(request)))
    if request.method == "POST":
        ensure("invite", decision, person(request))
        if form.is_valid():
            told = _invited(decision, form)
            said = form.cleaned_data
            invite(
                decision,
                by=person(request),
                user=said["email"],
                role=said["role"],
                is_signatory=said["is_signatory"],
            )
            return done(request, request.path, told)
    return _people(request, decision, form, status_of(form))


def _invited(decision: Decision, form: ParticipantForm) -> str:
    """Return what to say of an invitation: whether it brings somebody in, or what it changes."""
    said = form.cleaned_data
    names = {"name": said["email"], "role": Role(said["role"]).label}
    known = [
        one
        for one in decision.participants.all()
        if (one.user_id, one.role) == (said["email"].pk, said["role"])
    ]
    if not known:
        return _("%(name)s is on the record.") % names
    if known[0].is_signatory == said["is_signatory"]:
        return _("%(name)s already is on the record for %(role)s: nothing has changed.") % names
    if said["is_signatory"]:
        return _("%(name)s already is on the record, and signs for %(role)s now.") % names
    return _("%(name)s already is on the record, and no longer signs for %(role)s.") % names


def change(request: HttpRequest, reference: str, pk: int) -> HttpResponse:
    """Give somebody another role, or change whether they sign for theirs."""
    decision = get_record(request, reference)
    if request.method != "POST":
        return redirect("decisions:people", decision.reference)
    ensure("invite", decision, person(request))
    participant = get_object_or_404(decision.participants.select_related("user"), pk=pk)
    form = ChangeForm(participant, other_roles(decision, participant), request.POST)
    if form.is_valid():
        change_participant(
            decision, by=person(request), participant=participant, **form.cleaned_data
        )
        message = _("What %(name)s does here is changed.") % {"name": participant.user}
        return done(request, reverse("decisions:people", args=[reference]), message)
    return _people(request, decision, ParticipantForm(person(request)), 422, form)


def remove(request: HttpRequest, reference: str, pk: int) -> HttpResponse:
    """Take a role away from a person, after saying what that means."""
    decision = get_record(request, reference)
    ensure("invite", decision, person(request))
    participant = get_object_or_404(decision.participants.select_related("user"), pk=pk)
    if request.method == "POST":
        remove_participant(decision, by=person(request), participant=participant)
        message = _("%(name)s no longer holds this role.") % {"name": participant.user}
        return done(request, reverse("decisions:people", args=[reference]), message)
    means = what_removal_means(RecordPage(decision, person(request)), participant)
    template = "decisions/remove_person.html"
    return page(request, template, decision, participant=participant, means=means)


def _people(
    request: HttpRequest,
    decision: Decision,
    form: ParticipantForm,
    status: int,
    sent: ChangeForm | None = None,
) -> HttpResponse:
    shown = PeoplePage(RecordPage(decision, person(request)), sent)
    template = "decisions/people.html"
    return page(request, template, decision, status, form=form, people=shown, sent=sent)
