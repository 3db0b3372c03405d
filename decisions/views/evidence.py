"""The evidence on a record."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from decisions.actions.evidence import withdraw_evidence
from decisions.forms.records import ReasonForm
from decisions.forms.typed import sent
from decisions.policies import ensure
from decisions.views.shared import done, get_record, page, person, posted, status_of


@require_safe
def evidence(request: HttpRequest, reference: str) -> HttpResponse:
    """Show a figure for each goal, and every measurement with where it comes from."""
    return page(request, "decisions/evidence.html", get_record(request, reference))


def withdraw(request: HttpRequest, reference: str, number: int) -> HttpResponse:
    """Take a piece of evidence out, with a reason."""
    decision = get_record(request, reference)
    form = sent(request, ReasonForm(posted(request)))
    ensure("withdraw_evidence", decision, person(request))
    row = get_object_or_404(decision.evidence.standing(), number=number)
    row.decision = decision
    if form.is_valid():
        withdraw_evidence(row, by=person(request), reason=form.cleaned_data["reason"])
        to = reverse("decisions:evidence", args=[reference])
        return done(request, to, _("%(name)s is withdrawn.") % {"name": row.reference})
    context = {"form": form, "row": row}
    return page(request, "decisions/withdraw_evidence.html", decision, status_of(form), **context)
