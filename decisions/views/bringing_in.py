"""Bringing in a record from a file."""

from http import HTTPStatus

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.views.decorators.csrf import csrf_exempt, csrf_protect

from decisions.actions.adr_files import AdrFile, brought_in_before, import_adr, related_here
from decisions.actions.importing import AlreadyHere, Foreseen, foreseen, import_archive
from decisions.forms.bringing_in import BringInForm, too_many
from decisions.forms.typed import sent
from decisions.imports import waiting
from decisions.imports.preview import Preview
from decisions.imports.reading import BadFile, Brought, largest_file, too_large
from decisions.models import Decision
from decisions.throttle import Purpose, may_check, minutes_to_wait, turn_to_check
from decisions.views.shared import done, is_larger, person, status_of, visitor_of


@csrf_exempt  # checked below: first whether to read what was sent at all
def bring_in(request: HttpRequest) -> HttpResponse:
    """Ask for a file; show what is in it; write it once that was seen.

    One that is too large, or comes too soon, is not even read.
    """
    if request.method != "POST":
        return _asked(request)
    if is_larger(request, largest_file()):
        return _asked(request, HTTPStatus.REQUEST_ENTITY_TOO_LARGE, too_large())
    if not may_check(Purpose.BRING_IN, visitor_of(request)):
        told = too_many(minutes_to_wait(Purpose.BRING_IN, visitor_of(request)))
        return _asked(request, HTTPStatus.TOO_MANY_REQUESTS, told)
    return _bring_in(request)


def _asked(request: HttpRequest, status: int = HTTPStatus.OK, refused: str = "") -> HttpResponse:
    """Ask for a file, and say why the one that was sent was not read."""
    context = {"form": BringInForm(by=person(request)), "refused": refused}
    return render(request, "decisions/bring_in.html", context, status=status)


@csrf_protect
def _bring_in(request: HttpRequest) -> HttpResponse:
    form = sent(request, BringInForm(request.POST, request.FILES, by=person(request)))
    with turn_to_check(Purpose.BRING_IN, visitor_of(request)) as is_free:
        if is_free:
            return _brought(request, form)
    told = _("Other files are being checked just now. Try again in a minute.")
    return _asked(request, HTTPStatus.SERVICE_UNAVAILABLE, told)


def _brought(request: HttpRequest, form: BringInForm) -> HttpResponse:
    if form.is_valid() and form.archive:
        return _archive(request, form, form.archive)
    if form.is_valid() and form.adr:
        return _text(request, form, form.adr)
    return render(request, "decisions/bring_in.html", {"form": form}, status=status_of(form))


def _archive(request: HttpRequest, form: BringInForm, brought: Brought) -> HttpResponse:
    """Show what an archive holds, or write it; one that is here already is only pointed to."""
    by = person(request)
    try:
        if "write" in request.POST:
            decision = import_archive(brought, by=by, invited=form.cleaned_data["invited"])
            waiting.forget(by)
            told = {"record": decision.reference}
            return done(request, decision, _("%(record)s is here.") % told)
        return _preview(request, form, brought, foreseen(brought, by=by))
    except AlreadyHere as error:
        return _preview(request, form, brought, is_here=error.decision)
    except BadFile as error:
        form.add_error("file", str(error))
        return render(request, "decisions/bring_in.html", {"form": form}, status=status_of(form))


def _preview(
    request: HttpRequest,
    form: BringInForm,
    brought: Brought,
    found: Foreseen | None = None,
    is_here: Decision | None = None,
) -> HttpResponse:
    content = form.cleaned_data["bytes"]
    context = {
        "preview": Preview(form.cleaned_data["name"], content, brought, person(request)),
        "found": found,
        "is_here": is_here,
        "seen": waiting.keep(content, person(request)),
    }
    status = 409 if is_here else 200
    return render(request, "decisions/bring_in_archive.html", context, status=status)


def _text(request: HttpRequest, form: BringInForm, adr: AdrFile) -> HttpResponse:
    """Show a text's parts, or write them; a file that is here already is only pointed to."""
    by = person(request)
    first = brought_in_before(adr.sha256, by)
    if "write" in request.POST and not first:
        decision = import_adr(adr, by=by)
        waiting.forget(by)
        return done(request, decision, _("%(record)s is open.") % {"record": decision.reference})
    outline = adr.outline
    context = {
        "adr": adr,
        "outline": outline,
        "chosen": [outline.options[at].name for at in outline.chosen],
        "related": related_here(outline, by),
        "seen": waiting.keep(form.cleaned_data["bytes"], by),
        "first": first,
    }
    return render(request, "decisions/bring_in_preview.html", context, status=409 if first else 200)
