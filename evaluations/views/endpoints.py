"""Endpoints: the model servers that administrators set up, and what was spent there."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from decisions.views.shared import done, person, posted, status_of
from evaluations.endpoints import actions
from evaluations.endpoints.checking import Checked
from evaluations.endpoints.forms import EndpointForm
from evaluations.endpoints.page import key_state, own_price, place_of, spendings
from evaluations.models import Endpoint
from evaluations.views.shared import wants_fragment


@require_safe
def endpoints(request: HttpRequest) -> HttpResponse:
    """Show all endpoints, those that are used no more last."""
    actions.ensure(person(request))
    rows = [(row, place_of(row), spendings(row)) for row in Endpoint.objects.all()]
    context = {
        "endpoints": [row for row in rows if not row[0].is_archived],
        "archived": [row for row in rows if row[0].is_archived],
    }
    return render(request, "endpoints/list.html", context)


def new(request: HttpRequest) -> HttpResponse:
    """Set up an endpoint."""
    actions.ensure(person(request))
    form = EndpointForm(posted(request))
    if form.is_valid():
        values = form.values
        row = actions.add_endpoint(by=person(request), **values)
        return done(request, row, _("The endpoint is set up. Test it before a run needs it."))
    return render(request, "endpoints/new.html", {"form": form}, status=status_of(form))


@require_safe
def endpoint(request: HttpRequest, pk: int) -> HttpResponse:
    """Show an endpoint: its settings, what was spent, and a button to test it."""
    actions.ensure(person(request))
    return _page(request, _row(pk))


def edit(request: HttpRequest, pk: int) -> HttpResponse:
    """Change an endpoint; its key is never shown."""
    actions.ensure(person(request))
    row = _row(pk)
    form = EndpointForm(posted(request), endpoint=row)
    if form.is_valid():
        actions.edit_endpoint(row, by=person(request), **form.values)
        return done(request, row, _("The endpoint is saved."))
    context = {"form": form, "endpoint": row}
    return render(request, "endpoints/edit.html", context, status=status_of(form))


@require_POST
def test(request: HttpRequest, pk: int) -> HttpResponse:
    """Try the server, and say what came of it where the button is."""
    row = _row(pk)
    model = request.POST.get("model", "")[:200]
    return _page(request, row, actions.check_endpoint(row, by=person(request), model=model), model)


@require_POST
def archive(request: HttpRequest, pk: int) -> HttpResponse:
    """Use an endpoint no more, or again."""
    row = _row(pk)
    if request.POST.get("archived") == "1":
        actions.archive_endpoint(row, by=person(request))
        return done(request, row, _("The endpoint is archived."))
    actions.restore_endpoint(row, by=person(request))
    return done(request, row, _("The endpoint is in use again."))


def _row(pk: int) -> Endpoint:
    return get_object_or_404(Endpoint.objects.select_related("created_by", "archived_by"), pk=pk)


def _page(
    request: HttpRequest, row: Endpoint, checked: Checked | None = None, model: str = ""
) -> HttpResponse:
    if checked is not None:
        row = _row(row.pk)  # what the test came to is counted
    context = {
        "endpoint": row,
        "place": place_of(row),
        "key_state": key_state(row),
        "spendings": spendings(row),
        "own_price": own_price(row),
        "checked": checked,
        "model": model,
    }
    template = "endpoints/endpoint.html"
    return render(request, f"{template}#test" if wants_fragment(request) else template, context)
