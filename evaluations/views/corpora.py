"""Corpora: the list, one of them, bringing a new one in, and who may read one."""

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from decisions.views.shared import done, person, posted, status_of
from evaluations import curating, uploads
from evaluations.forms import CorpusForm, DocumentFilterForm, ReadersForm
from evaluations.intake import imported_by, request_import
from evaluations.models import CaseSet, Corpus, Imports
from evaluations.previews import DocumentsPreview
from evaluations.views.shared import page_of, version_of, wants_fragment

DOCUMENTS_PER_PAGE = 25


@require_safe
def corpora(request: HttpRequest) -> HttpResponse:
    """Show the newest version of every corpus, and what the person is bringing in."""
    visible = Corpus.objects.visible_to(person(request))
    context = {
        "page_obj": page_of(request, visible.newest().select_related("created_by"), 50),
        "imports": imported_by(person(request), Imports.DOCUMENTS),
    }
    return render(request, "evaluations/corpora.html", context)


@require_safe
def corpus(request: HttpRequest, slug: str) -> HttpResponse:
    """Show one version of a corpus, by default the newest, and its documents."""
    user = person(request)
    versions = list(Corpus.objects.visible_to(user).filter(slug=slug).order_by("-version"))
    found = version_of(versions, request.GET.get("version", ""))
    form = DocumentFilterForm(request.GET or None)
    context = {
        "corpus": found,
        "versions": versions,
        "form": form,
        "page_obj": page_of(request, _documents(found, form), DOCUMENTS_PER_PAGE),
        "case_sets": CaseSet.objects.visible_to(user).filter(corpus=found),
        "readers_form": ReadersForm(initial={"visibility": found.visibility}),
        "chooses_readers": curating.may_choose_readers(found, user),
    }
    template = "evaluations/corpus.html"
    if wants_fragment(request):
        template += "#documents"
    return render(request, template, context)


@require_POST
def readers(request: HttpRequest, slug: str) -> HttpResponse:
    """Say who may read a version."""
    visible = Corpus.objects.visible_to(person(request)).filter(slug=slug)
    found = version_of(list(visible.order_by("-version")), request.POST.get("version", ""))
    curating.choose_readers(found, request.POST.get("visibility", ""), by=person(request))
    return done(request, found, _("Saved."))


def new_corpus(request: HttpRequest) -> HttpResponse:
    """Take the files of a new corpus; what would come in is shown next."""
    form = CorpusForm(posted(request), request.FILES or None)
    if form.is_valid():
        upload = uploads.keep(person(request), form.cleaned_data, Imports.DOCUMENTS)
        return redirect("evaluations:preview_corpus", upload.token)
    return render(request, "evaluations/new_corpus.html", {"form": form}, status=status_of(form))


def preview_corpus(request: HttpRequest, token: str) -> HttpResponse:
    """Show what would come in, and ask for the import."""
    upload = uploads.kept(person(request), token, Imports.DOCUMENTS)
    preview = DocumentsPreview.of(upload.document_files)
    if request.method == "POST" and not preview.problem:
        return redirect(request_import(upload, by=person(request)))
    context = {"upload": upload, "preview": preview}
    status = 422 if preview.problem else 200
    return render(request, "evaluations/preview_corpus.html", context, status=status)


def _documents(found: Corpus, form: DocumentFilterForm) -> Any:
    """Return the documents that the form asks for, in their order."""
    documents = found.documents.order_by("position")
    text = form.cleaned_data.get("q") if form.is_valid() else ""
    return documents.matching(text) if text else documents
