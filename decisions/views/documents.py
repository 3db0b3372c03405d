"""Exporting a record."""

from pathlib import Path

from django.http import FileResponse, Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from decisions.actions.documents import request_document
from decisions.models import DocumentState
from decisions.views.shared import done, get_record, page, person


def documents(request: HttpRequest, reference: str) -> HttpResponse:
    """Show the record's documents and how far each is; a POST asks for a new one."""
    decision = get_record(request, reference)
    if request.method == "POST":
        document = request_document(decision, by=person(request))
        ready = document.state == DocumentState.READY
        message = _("Nothing has changed: here it is.") if ready else _("The PDF is being made.")
        return done(request, reverse("decisions:documents", args=[reference]), message)
    rows = list(decision.documents.select_related("requested_by"))
    template = "decisions/documents.html"
    if request.htmx and not request.htmx.boosted:  # type: ignore[attr-defined]
        template += "#list"
    working = any(row.is_working for row in rows)
    return page(request, template, decision, documents=rows, working=working)


@require_safe
def file(request: HttpRequest, reference: str, pk: int) -> FileResponse:
    """Send a finished document; 404 too where its file has been lost."""
    decision = get_record(request, reference)
    document = get_object_or_404(decision.documents, pk=pk, state=DocumentState.READY)
    try:
        content = document.file.open("rb")
    except FileNotFoundError as error:
        raise Http404 from error
    return FileResponse(
        content,
        as_attachment="download" in request.GET,
        filename=Path(str(document.file.name)).name,
        content_type="application/pdf",
    )
