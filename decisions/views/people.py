"""Who takes part in a decision, and who signs it."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.urls import reverse
from django.utils.translation import gettext as _

from decisions.actions.people import change_participant
from decisions.actions.records import invite, remove_participant
from decisions.forms.people import ChangeForm, ParticipantForm
from decisions.models import Decision
from decisions.people_page import PeoplePage, other_roles, what_removal_means
from decisions.policies import ensure
from decisions.record_page import RecordPage
from decisions.views.shared import done, get_record, page, person, posted, status_of


def people(request: HttpRequest, reference: str) -> HttpResponse:
    """Show who is on the record; its owner gives roles and names signatories."""
    decision = get_record(request, reference)
    form = ParticipantForm(person(request), posted(request))
    if request.method == "POST":
        ensure("invite", decision, person(request))
        if form.is_valid():
            said = form.cleaned_data
            invite(
                decision,
                by=person(request),
                user=said["email"],
                role=said["role"],
                is_signatory=said["is_signatory"],
            )
            message = _("%(name)s is on the record.") % {"name": said["email"]}
            return done(request, request.path, message)
    return _people(request, decision, form, status_of(form))


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
