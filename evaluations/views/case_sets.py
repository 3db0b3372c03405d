"""Case sets: the list, one of them, bringing a new one in, and what may change about one."""

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from decisions.policies import BadInput
from decisions.views.shared import done, person, posted, status_of
from evaluations import curating, uploads
from evaluations.case_set_page import CaseSetPage
from evaluations.forms import (
    CaseFilterForm,
    ColumnsForm,
    NothingToAskForm,
    ProbeForm,
    ReadersForm,
    UploadForm,
)
from evaluations.importers.cases import Columns, guessed, guessed_kind, shape_of_all
from evaluations.importers.rows import columns_of
from evaluations.intake import imported_by, material_of, request_import
from evaluations.models import CaseSet, Imports
from evaluations.previews import CasesPreview
from evaluations.views.shared import page_of, version_of, wants_fragment

CASES_PER_PAGE = 50
MOST_WITH_RESULTS = 200


@require_safe
def case_sets(request: HttpRequest) -> HttpResponse:
    """Show the newest version of every case set, and what the person is bringing in."""
    visible = CaseSet.objects.visible_to(person(request)).newest().to_choose_from()
    known = visible.select_related("created_by")
    came = known.filter(came_with_results=True)
    context = {
        "page_obj": page_of(request, known.filter(came_with_results=False), 50),
        "with_results": came[:MOST_WITH_RESULTS],
        "with_results_count": came.count(),
        "imports": imported_by(person(request), Imports.CASES),
    }
    return render(request, "evaluations/case_sets.html", context)


@require_safe
def case_set(request: HttpRequest, slug: str) -> HttpResponse:
    """Show one version of a case set, by default the newest: splits, labels and cases."""
    user = person(request)
    versions = list(CaseSet.objects.visible_to(user).filter(slug=slug).order_by("-version"))
    found = version_of(versions, request.GET.get("version", ""))
    form = CaseFilterForm(found, request.GET or None)
    context = {
        "case_set": found,
        "shown": CaseSetPage(found, user),
        "versions": versions,
        "form": form,
        "names": found.label_names(),
        "page_obj": page_of(request, _cases(found, form), CASES_PER_PAGE),
        "probe_form": ProbeForm(found, user=user),
        "readers_form": ReadersForm(initial={"visibility": found.visibility}),
        "chooses_readers": curating.may_choose_readers(found, user),
    }
    template = "evaluations/case_set.html"
    if wants_fragment(request):
        template += "#cases"
    return render(request, template, context)


@require_POST
def probe(request: HttpRequest, slug: str) -> HttpResponse:
    """Attach a general-ability probe to a version, or detach it."""
    found = _posted_version(request, slug)
    form = ProbeForm(found, request.POST, user=person(request))
    if not form.is_valid():
        raise BadInput(_("Choose one of the case sets."))
    if chosen := form.cleaned_data["probe"]:
        curating.attach_probe(found, chosen, by=person(request))
        return done(request, found, _("The probe is attached."))
    curating.detach_probe(found, by=person(request))
    return done(request, found, _("It has no probe now."))


@require_POST
def readers(request: HttpRequest, slug: str) -> HttpResponse:
    """Say who may read a version."""
    found = _posted_version(request, slug)
    curating.choose_readers(found, request.POST.get("visibility", ""), by=person(request))
    return done(request, found, _("Saved."))


def new_case_set(request: HttpRequest) -> HttpResponse:
    """Take the files of a new case set; what their columns hold is asked next."""
    form = UploadForm(posted(request), request.FILES or None, user=person(request))
    if form.is_valid():
        upload = uploads.keep(person(request), form.cleaned_data)
        return redirect("evaluations:map_case_set", upload.token)
    return render(request, "evaluations/new_case_set.html", {"form": form}, status=status_of(form))


def map_case_set(request: HttpRequest, token: str) -> HttpResponse:
    """Ask what the columns of an upload hold, show what would come in, and ask for the import."""
    upload = uploads.kept(person(request), token)
    form, columns, kind = _asked(request, upload)
    preview = CasesPreview()
    if columns is not None:
        material = {"columns": vars(columns), "kind": kind}
        preview = CasesPreview.of(lambda: material_of(upload, person(request), material))
    is_wanted = "import" in request.POST and form.is_valid()
    if is_wanted and columns is not None and not preview.problem:
        row = request_import(upload, by=person(request), columns=columns, kind=kind)
        return redirect(row)
    context = {"upload": upload, "form": form, "preview": preview}
    status = 422 if preview.problem else status_of(form)
    return render(request, "evaluations/map_case_set.html", context, status=status)


def _asked(request: HttpRequest, upload: uploads.Upload) -> tuple[Any, Columns | None, str]:
    """Return the form, and the columns and kind that it says; before it is sent, the guess.

    The columns are None as long as nobody has said, or could guess, what they hold.
    """
    if shape_of_all(upload.case_files):
        return NothingToAskForm(posted(request)), Columns("", ""), ""
    names = columns_of(upload.case_files[0].path, upload.case_files[0].title)
    has = {"has_splits": upload.has_splits, "has_corpus": bool(upload.more.get("corpus"))}
    form = ColumnsForm(names, guessed(names), posted(request), **has)
    if not form.is_bound:
        guess = {name: value for name, value in vars(guessed(names)).items() if name in form.fields}
        columns = Columns(**guess)
        is_known = bool(columns.input and columns.label)
        return form, columns if is_known else None, guessed_kind(columns)
    if form.is_valid():
        return form, form.columns, form.kind_of_cases
    return form, None, ""


def _posted_version(request: HttpRequest, slug: str) -> CaseSet:
    visible = CaseSet.objects.visible_to(person(request)).filter(slug=slug)
    versions = list(visible.order_by("-version"))
    found: CaseSet = version_of(versions, request.POST.get("version", ""))
    return found


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
