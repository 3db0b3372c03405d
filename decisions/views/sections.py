"""Reading and writing one part of a record, in place or on a page of its own."""

from urllib.parse import urlsplit

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST
from django_htmx.http import HttpResponseClientRedirect

from decisions.actions.sections import mark_section, save_section
from decisions.forms.sections import SectionForm
from decisions.forms.typed import sent
from decisions.models import Section
from decisions.policies import ensure
from decisions.views.shared import done, get_record, page, person, posted, status_of


def section(request: HttpRequest, reference: str, kind: str) -> HttpResponse:
    """Show the form of a part, and save it. With htmx, in the part's place on the record's page."""
    decision = get_record(request, reference)
    part = get_object_or_404(decision.sections, kind=kind)
    part.decision = decision
    if request.htmx and request.method == "GET" and "read" in request.GET:  # type: ignore[attr-defined]
        return _in_its_place(request, part)
    form = sent(request, SectionForm(part, posted(request)))
    ensure("edit_section", decision, person(request), part)
    if form.is_valid():
        _save(request, part, form)
        return _saved(request, part, _("Saved."))
    template = "decisions/section.html"
    if request.htmx:  # type: ignore[attr-defined]
        template += "#form"
    return page(request, template, decision, status_of(form), section=part, form=form)


@require_POST
def mark(request: HttpRequest, reference: str, kind: str) -> HttpResponse:
    """Mark a part complete, or not."""
    decision = get_record(request, reference)
    part = get_object_or_404(decision.sections, kind=kind)
    part.decision = decision
    complete = request.POST.get("complete") == "1"
    mark_section(part, by=person(request), complete=complete)
    return _saved(request, part, _("Marked complete.") if complete else _("No longer complete."))


def _save(request: HttpRequest, part: Section, form: SectionForm) -> None:
    save_section(
        part,
        by=person(request),
        data=form.answers,
        token=form.cleaned_data["token"],
        complete=form.cleaned_data["complete"],
    )


def _saved(request: HttpRequest, part: Section, message: str) -> HttpResponse:
    """Answer a save: the part with the rails brought up to date, or back to the record."""
    if not request.htmx:  # type: ignore[attr-defined]
        return done(request, part.get_absolute_url(), message)
    done(request, part.get_absolute_url(), message)
    return _in_its_place(request, part)


def _in_its_place(request: HttpRequest, part: Section) -> HttpResponse:
    """Answer with the part to read, in its place; from a page of its own, go to the record's."""
    if urlsplit(request.htmx.current_url or "").path == request.path:  # type: ignore[attr-defined]
        return HttpResponseClientRedirect(part.get_absolute_url())
    decision = get_record(request, part.decision.reference)
    return page(request, "decisions/record.html#saved", decision, kind=part.kind)
