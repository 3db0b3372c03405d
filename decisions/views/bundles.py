"""Exporting many records at once."""

from django.conf import settings
from django.contrib import messages
from django.http import FileResponse, Http404, HttpRequest, HttpResponse, QueryDict
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from decisions.actions.bundles import (
    TooManyUnderWay,
    cancel_bundle,
    ensure_readable,
    request_bundle,
    withheld,
)
from decisions.forms.records import FilterForm, filtered
from decisions.models import Bundle, DocumentState
from decisions.views.shared import ASKED_FOR, done, person, say_what_is_over


def exports(request: HttpRequest) -> HttpResponse:
    """Show the person's zip files and how far each is; a POST asks for one of a filtered list."""
    if request.method == "POST":
        return _ask(request)
    bundles = list(person(request).bundles.all())
    why = withheld(bundles, person(request))
    for one in bundles:
        one.withheld = why.get(one.pk, "")  # type: ignore[attr-defined]
        one.filter_in_words = FilterForm(QueryDict(one.query)).in_words  # type: ignore[attr-defined]
    context = {
        "bundles": bundles,
        "working": any(one.is_working for one in bundles),
        "days": settings.BUNDLE_DAYS,
    }
    template = "decisions/exports.html"
    if not request.htmx or request.htmx.boosted:  # type: ignore[attr-defined]
        return render(request, template, context)
    response = render(request, f"{template}#list", context)
    say_what_is_over(response, bundles)
    return response


def _ask(request: HttpRequest) -> HttpResponse:
    """Ask for a zip of what the list showed."""
    by, form = person(request), FilterForm(QueryDict(request.POST.get("query", "")))
    numbers = filtered(form, by).values_list("number", flat=True)
    format = request.POST.get("format", "")
    try:
        bundle = request_bundle(list(numbers), by=by, query=form.query, format=format)
    except TooManyUnderWay as error:
        # Where they can be waited for, or cancelled.
        messages.error(request, str(error))
        return redirect("decisions:exports")
    is_ready = bundle.state == DocumentState.READY
    message = _("Here it is.") if is_ready else ASKED_FOR
    return done(request, "decisions:exports", message)


@require_safe
def file(request: HttpRequest, pk: int) -> FileResponse:
    """Send a finished zip to who asked for it; 404 to everybody else, and once it is gone.

    So too once a record in it is no longer theirs to read.
    """
    bundle = _own(request, pk)
    if bundle.state != DocumentState.READY:
        raise Http404
    ensure_readable(bundle)
    try:
        content = bundle.file.open("rb")
    except FileNotFoundError as error:
        raise Http404 from error
    day = timezone.localdate(bundle.requested_at)
    name = f"decisions-{day.isoformat()}-{bundle.format}.zip"
    return FileResponse(content, as_attachment=True, filename=name, content_type="application/zip")


@require_POST
def cancel(request: HttpRequest, pk: int) -> HttpResponse:
    """Stop making a zip."""
    was_working = cancel_bundle(_own(request, pk))
    message = _("The export is cancelled.") if was_working else _("It was finished already.")
    return done(request, "decisions:exports", message)


def _own(request: HttpRequest, pk: int) -> Bundle:
    return get_object_or_404(person(request).bundles, pk=pk)
