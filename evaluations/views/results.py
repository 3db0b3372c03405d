"""Bringing in what another tool has measured: the file, then what is in it, then a worker."""

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.utils.translation import gettext as _

from decisions.models import Decision
from decisions.policies import ensure
from decisions.views.shared import get_record, page, person, posted, status_of
from evaluations import uploads
from evaluations.importers.results.registry import format_named
from evaluations.intake import imported_by
from evaluations.models import Import, Imports, ImportState
from evaluations.results_forms import ResultsForm, ResultsUploadForm
from evaluations.results_intake import keep_results, request_look, request_results


def bring_results(request: HttpRequest, reference: str) -> HttpResponse:
    """Take a file of results, or where a server has it, and ask a worker to look through it."""
    decision = get_record(request, reference)
    ensure("measure", decision, person(request))
    form = ResultsUploadForm(posted(request), request.FILES or None)
    if form.is_valid():
        upload = keep_results(decision, form.cleaned_data, by=person(request))
        return redirect(request_look(upload, by=person(request)))
    imports = imported_by(person(request), Imports.RESULTS)
    context = {"form": form, "imports": imports}
    template = "evaluations/bring_results.html"
    return page(request, template, decision, status_of(form), **context)


def choose_results(request: HttpRequest, reference: str, pk: int) -> HttpResponse:
    """Show what a file would come to, ask which system is which candidate, and bring it in."""
    decision = get_record(request, reference)
    ensure("measure", decision, person(request))
    look = _look(request, decision, pk)
    survey, columns = look.options["survey"], look.options.get("columns", {})
    form = ResultsForm(
        survey, columns, _candidates(decision), posted(request), user=person(request)
    )
    if form.is_valid():
        if "look" in request.POST:
            return redirect(_again(request, look, form))
        if not form.chosen:
            form.add_error(None, _("Choose at least one system, and the candidate that it is."))
        else:
            return redirect(_wanted(request, decision, look, form))
    context = {
        "look": look,
        "survey": survey,
        "form": form,
        "format": format_named(survey["format"]).title,
    }
    template = "evaluations/choose_results.html"
    return page(request, template, decision, status_of(form), **context)


def _look(request: HttpRequest, decision: Decision, pk: int) -> Import:
    """Return an import of the person's that looked through a file for this record; raise 404."""
    mine = Import.objects.visible_to(person(request))
    ended = mine.filter(what=Imports.RESULTS, state=ImportState.FINISHED)
    here = ended.filter(options__record=decision.reference, options__has_key="survey")
    return get_object_or_404(here, pk=pk)


def _candidates(decision: Decision) -> list[Any]:
    return [one for one in decision.candidates.all() if not one.is_dropped]


def _again(request: HttpRequest, look: Import, form: ResultsForm) -> Import:
    """Ask for the file to be looked through with other columns."""
    upload = uploads.kept(person(request), look.upload, Imports.RESULTS)
    form_key = look.options["survey"]["format"]
    return request_look(upload, by=person(request), format_key=form_key, columns=form.columns)


def _wanted(request: HttpRequest, decision: Decision, look: Import, form: ResultsForm) -> Import:
    return request_results(
        look,
        decision,
        form.chosen,
        by=person(request),
        case_set=form.cleaned_data["case_set"],
        attach=form.cleaned_data["attach"],
    )
