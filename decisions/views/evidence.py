"""The evidence on a record."""

from django.http import FileResponse, Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from decisions.actions.evidence import resting_on, withdraw_evidence
from decisions.forms.records import ReasonForm
from decisions.forms.typed import sent
from decisions.policies import ensure
from decisions.references import citing
from decisions.views.shared import done, get_record, page, person, posted, status_of


@require_safe
def evidence(request: HttpRequest, reference: str) -> HttpResponse:
    """Show a figure for each goal, and every measurement with where it comes from."""
    return page(request, "decisions/evidence.html", get_record(request, reference))


def withdraw(request: HttpRequest, reference: str, number: int) -> HttpResponse:
    """Take a piece of evidence out, with a reason; what is out already is said to be."""
    decision = get_record(request, reference)
    form = sent(request, ReasonForm(posted(request)))
    row = get_object_or_404(decision.evidence.all(), number=number)
    row.decision = decision
    to = reverse("decisions:evidence", args=[reference])
    if row.is_withdrawn:
        told = {"name": row.reference, "reason": row.withdrawn_reason}
        return done(request, to, _("%(name)s has been withdrawn: %(reason)s") % told)
    ensure("withdraw_evidence", decision, person(request), row)
    if form.is_valid():
        withdraw_evidence(row, by=person(request), reason=form.cleaned_data["reason"])
        return done(request, to, _("%(name)s is withdrawn.") % {"name": row.reference})
    falling = list(resting_on(row))
    names = [one.reference for one in (row, *falling)]
    context = {"form": form, "row": row, "falling": falling, "citing": citing(decision, names)}
    return page(request, "decisions/withdraw_evidence.html", decision, status_of(form), **context)


@require_safe
def attachment(request: HttpRequest, reference: str, pk: int) -> FileResponse:
    """Send a file that evidence was taken from, to be saved; 404 too where it has been lost.

    It came from outside: no browser is to open it as a page of this site.
    """
    row = get_object_or_404(get_record(request, reference).attachments, pk=pk)
    try:
        content = row.file.open("rb")
    except FileNotFoundError as error:
        raise Http404 from error
    response = FileResponse(
        content, as_attachment=True, filename=row.name, content_type=row.content_type
    )
    response["X-Content-Type-Options"] = "nosniff"
    response["Content-Security-Policy"] = "default-src 'none'; sandbox"
    return response
