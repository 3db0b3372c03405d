"""Who takes part in a decision."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from decisions.actions.records import invite, remove_participant
from decisions.forms.records import ParticipantForm
from decisions.policies import ensure
from decisions.views.shared import done, get_record, page, person, posted, status_of


def people(request: HttpRequest, reference: str) -> HttpResponse:
    """Show who is on the record; its owner gives roles and names signatories."""
    decision = get_record(request, reference)
    form = ParticipantForm(posted(request))
    if request.method == "POST":
        ensure("invite", decision, person(request))
        if form.is_valid():
            said = form.cleaned_data
            invite(
                decision,
                by=person(request),
                user=form.cleaned_data["email"],
                role=said["role"],
                is_signatory=said["is_signatory"],
            )
            message = _("%(name)s is on the record.") % {"name": said["email"]}
            return done(request, request.path, message)
    return page(request, "decisions/people.html", decision, status_of(form), form=form)


@require_POST
def remove(request: HttpRequest, reference: str, pk: int) -> HttpResponse:
    """Take a role away from a person."""
    decision = get_record(request, reference)
    participant = get_object_or_404(decision.participants.select_related("user"), pk=pk)
    remove_participant(decision, by=person(request), participant=participant)
    message = _("%(name)s no longer holds this role.") % {"name": participant.user}
    return done(request, reverse("decisions:people", args=[reference]), message)
