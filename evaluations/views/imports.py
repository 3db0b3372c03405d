"""One import: how far it is, what came of it, and stopping it."""

import json

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from decisions.views.shared import done, person
from evaluations.intake import cancel_import
from evaluations.models import Import, Imports, ImportState
from evaluations.views.shared import wants_fragment


@require_safe
def import_(request: HttpRequest, pk: int) -> HttpResponse:
    """Show an import: progress while it works, then what came of it."""
    row = _mine(request, pk)
    if row.is_look and row.state == ImportState.FINISHED:
        return _go_on(request, row)
    template = "evaluations/import.html"
    if not wants_fragment(request):
        menu = "decisions" if row.what == Imports.RESULTS else "case_sets"
        return render(request, template, {"row": row, "menu": menu})
    response = render(request, f"{template}#import", {"row": row})
    if not row.is_open:
        told = {"import": row, "state": row.get_state_display().lower()}
        response["HX-Trigger"] = json.dumps({"announce": _("%(import)s: %(state)s.") % told})
    return response


def _go_on(request: HttpRequest, row: Import) -> HttpResponse:
    """Lead from a file that was looked through to what is in it."""
    there = reverse("evaluations:choose_results", args=[row.options["record"], row.pk])
    if not wants_fragment(request):
        return redirect(there)
    response = HttpResponse()
    response["HX-Redirect"] = there
    return response


@require_POST
def cancel(request: HttpRequest, pk: int) -> HttpResponse:
    """Stop an import."""
    row = _mine(request, pk)
    cancel_import(row, by=person(request))
    return done(request, row, _("The import is cancelled; nothing of it stays."))


def _mine(request: HttpRequest, pk: int) -> Import:
    visible = Import.objects.visible_to(person(request))
    return get_object_or_404(visible.select_related("case_set", "corpus"), pk=pk)
