"""Exporting a record."""

from pathlib import Path

from django.conf import settings
from django.http import FileResponse, Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from decisions.actions.documents import request_document, sealed_document
from decisions.exports.formats import FORMATS
from decisions.models import Document, DocumentFormat, DocumentState
from decisions.models.document import PDFS
from decisions.views.shared import ASKED_FOR, done, get_record, page, person, say_what_is_over


def documents(request: HttpRequest, reference: str) -> HttpResponse:
    """Show the record's documents and how far each is; a POST asks for a new one."""
    decision = get_record(request, reference)
    if request.method == "POST":
        format = request.POST.get("format", DocumentFormat.PDF)
        as_it_stands = "as_it_stands" in request.POST
        document = request_document(
            decision, by=person(request), format=format, as_it_stands=as_it_stands
        )
        message = _here(document) if document.state == DocumentState.READY else ASKED_FOR
        return done(request, reverse("decisions:documents", args=[reference]), message)
    sealed = sealed_document(decision)
    rows = list(decision.documents.select_related("requested_by"))
    rows.sort(key=lambda one: one != sealed)  # what holds stands above the copies of it
    is_polled = request.htmx and not request.htmx.boosted  # type: ignore[attr-defined]
    template = "decisions/documents.html"
    working = any(row.is_working for row in rows)
    own = {DocumentFormat.PDF, f"pdf-{settings.PAPER.lower()}"}
    others = [one for one in DocumentFormat if one not in own]
    response = page(
        request,
        f"{template}#list" if is_polled else template,
        decision,
        documents=rows,
        working=working,
        others=others,
        sealed=sealed,
    )
    if is_polled:
        say_what_is_over(response, rows)
    return response


def _here(document: Document) -> str:
    """Return why a kept file is served, in a sentence that is true of all that is in it."""
    if document.is_sealed:
        return _("It is sealed already: here it is, as it was sealed.")
    if document.format in PDFS:
        return _(
            "What its pages show has not changed: here it is, with its data as of when it was made."
        )
    return _("Nothing in it has changed: here it is.")


@require_safe
def file(request: HttpRequest, reference: str, pk: int) -> FileResponse:
    """Send a finished document; 404 too where its file has been lost."""
    decision = get_record(request, reference)
    document = get_object_or_404(decision.documents, pk=pk, state=DocumentState.READY)
    try:
        content = document.file.open("rb")
    except FileNotFoundError as error:
        raise Http404 from error
    form = FORMATS[document.format]
    return FileResponse(
        content,
        as_attachment="download" in request.GET or not form.is_shown,
        filename=Path(str(document.file.name)).name,
        content_type=form.content_type,
    )
