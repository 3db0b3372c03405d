"""The matrix: what the candidates come to, and what other weights would change."""

import json

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST

from decisions.actions.weights import apply_weights
from decisions.forms.typed import sent
from decisions.forms.weights import WeightsForm
from decisions.matrix_page import MatrixPage, figure_named
from decisions.policies import BadInput, ensure
from decisions.views.shared import done, get_record, get_weighed, page, person
from decisions.weights import WeightSheet


@require_GET
def matrix(request: HttpRequest, reference: str) -> HttpResponse:
    """Weigh the candidates, under the weights that the address names; nothing is saved."""
    if request.htmx and not request.htmx.boosted:  # type: ignore[attr-defined]
        return _answer(request, reference)
    record = get_record(request, reference)
    shown = MatrixPage(record, person(request), request.GET)
    return page(request, "decisions/matrix.html", record, matrix=shown)


def _answer(request: HttpRequest, reference: str) -> HttpResponse:
    """Return what other weights change on the page, and say the verdict."""
    record = get_weighed(request, reference)
    shown = MatrixPage(record, person(request), request.GET)
    context = {"record": record, "matrix": shown, "oob": True}
    response = render(request, "decisions/matrix.html#answer", context)
    if not shown.weighing.is_empty:
        response["HX-Trigger"] = json.dumps({"announce": shown.weighing.verdict.sentence})
    return response


@require_POST
def apply(request: HttpRequest, reference: str) -> HttpResponse:
    """Save the weights that were tried."""
    record = get_record(request, reference)
    form = sent(request, WeightsForm(WeightSheet(record), request.POST))
    ensure("apply_weights", record, person(request))
    if not form.is_valid():
        raise BadInput(_("A weight is a number from 0 to 100."))
    token = form.cleaned_data["token"]
    apply_weights(record, by=person(request), weights=form.weights, token=token)
    return done(request, reverse("decisions:matrix", args=[reference]), _("The weights are saved."))


@require_GET
def figure(request: HttpRequest, reference: str, name: str) -> HttpResponse:
    """Send one figure as a file, as the page draws it."""
    record = get_weighed(request, reference)
    shown = MatrixPage(record, person(request), request.GET)
    drawing = figure_named(shown, name)
    response = HttpResponse(drawing.svg, content_type="image/svg+xml; charset=utf-8")
    response["Content-Disposition"] = f'attachment; filename="{reference}-{name}.svg"'
    return response
