"""Case sets: the list, one of them, and bringing a new one in."""

from dataclasses import replace
from itertools import islice
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from decisions.policies import BadInput
from decisions.views.shared import done, person, posted, status_of
from evaluations import uploads
from evaluations.actions import import_case_set, survey_of
from evaluations.forms import CaseFilterForm, ColumnsForm, UploadForm
from evaluations.importers.cases import Columns, Survey, guessed, read_cases, read_labels
from evaluations.importers.rows import columns_of
from evaluations.models import CaseSet
from evaluations.views.shared import page_of, wants_fragment

CASES_PER_PAGE = 50
PREVIEWED = 8


@require_safe
def case_sets(request: HttpRequest) -> HttpResponse:
    """Show the newest version of every case set."""
    found = CaseSet.objects.newest().select_related("created_by")
    context = {"page_obj": page_of(request, found, 50)}
    return render(request, "evaluations/case_sets.html", context)


@require_safe
def case_set(request: HttpRequest, slug: str) -> HttpResponse:
    """Show one version of a case set, by default the newest: splits, labels and cases."""
    versions = list(CaseSet.objects.filter(slug=slug).order_by("-version"))
    found = _version(versions, request.GET.get("version", ""))
    form = CaseFilterForm(found, request.GET or None)
    context = {
        "case_set": found,
        "versions": versions,
        "form": form,
        "names": found.label_names(),
        "page_obj": page_of(request, _cases(found, form), CASES_PER_PAGE),
    }
    template = "evaluations/case_set.html"
    if wants_fragment(request):
        template += "#cases"
    return render(request, template, context)


def new_case_set(request: HttpRequest) -> HttpResponse:
    """Take the files of a new case set; what their columns hold is asked next."""
    form = UploadForm(posted(request), request.FILES or None)
    if form.is_valid():
        upload = uploads.keep(person(request), form.cleaned_data)
        return redirect("evaluations:map_case_set", upload.token)
    return render(request, "evaluations/new_case_set.html", {"form": form}, status=status_of(form))


def map_case_set(request: HttpRequest, token: str) -> HttpResponse:
    """Ask what the columns of an upload hold, show what would come in, and bring it in."""
    upload = uploads.kept(person(request), token)
    names = columns_of(upload.case_files[0].path, upload.case_files[0].title)
    form = ColumnsForm(names, guessed(names), posted(request), has_splits=upload.has_splits)
    if form.is_valid() and "import" in request.POST:
        return _import(request, upload, form.columns)
    context = {"upload": upload, "form": form, **_preview(upload, _columns(form, names))}
    status = 422 if context["problem"] else status_of(form)
    return render(request, "evaluations/map_case_set.html", context, status=status)


def _import(request: HttpRequest, upload: uploads.Upload, columns: Columns) -> HttpResponse:
    imported = import_case_set(
        name=upload.name,
        files=upload.case_files,
        columns=columns,
        labels=_labels(upload),
        origin=upload.origin,
        licence=upload.licence,
        by=person(request),
    )
    uploads.forget(upload)
    news = _("%(name)s is imported.") if imported.is_new else _("%(name)s was there already.")
    return done(request, imported.case_set, news % {"name": imported.case_set})


def _columns(form: ColumnsForm, names: list[str]) -> Columns:
    """Return what the form says, before it is sent the guess."""
    if form.is_bound:
        return form.columns if form.is_valid() else Columns("", "")
    guess = guessed(names)
    return guess if "split" in form.fields else replace(guess, split="")


def _preview(upload: uploads.Upload, columns: Columns) -> dict[str, Any]:
    """Return the first cases and what all of them come to, or the sentence that stops them."""
    try:
        labels = _labels(upload)
        rows = islice(read_cases(upload.case_files, columns, Survey(labels or [])), PREVIEWED)
        found = {"rows": list(rows), "survey": survey_of(upload.case_files, columns, labels)}
        return found | {"problem": ""}
    except BadInput as sentence:
        return {"rows": [], "survey": None, "problem": str(sentence)}


def _labels(upload: uploads.Upload) -> list[dict[str, str]] | None:
    return read_labels(upload.labels, upload.files["labels"]) if upload.labels else None


def _version(versions: list[CaseSet], wanted: str) -> CaseSet:
    """Return the wanted version, or the newest; raise 404."""
    for one in versions:
        if not wanted or str(one.version) == wanted:
            return one
    raise Http404


def _cases(found: CaseSet, form: CaseFilterForm) -> Any:
    """Return the cases that the form asks for, in their order."""
    asked = form.cleaned_data if form.is_valid() else {}
    cases = found.cases.order_by("position")
    if text := asked.get("q"):
        cases = cases.matching(text)
    if split := asked.get("split"):
        cases = cases.filter(split=split)
    if label := asked.get("label"):
        cases = cases.filter(expected=label)
    return cases
