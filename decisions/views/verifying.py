"""The page that checks a document, for everybody, and what one needs to do so without it."""

from http import HTTPStatus
from pathlib import Path
from tempfile import NamedTemporaryFile

from django.contrib.auth.decorators import login_not_required
from django.core.files.uploadedfile import UploadedFile
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt, csrf_protect
from django.views.decorators.http import require_http_methods, require_safe

from decisions.exports.verify_report import Report
from decisions.forms.verifying import LARGEST_MB, VerifyForm, too_large, too_many
from decisions.sealing import seals_trusted
from decisions.throttle import Purpose, may_check, minutes_to_wait, turn_to_check
from decisions.verify_program import packed
from decisions.verifying import verified
from decisions.views.shared import is_larger, person, status_of, visitor_of


@never_cache
@csrf_exempt  # checked below: first whether to read what was sent at all
@login_not_required
@require_http_methods(["GET", "HEAD", "POST"])
def verify(request: HttpRequest) -> HttpResponse:
    """Check a file; one that is too large is not even read, nor a large one that comes too soon.

    A small form is read before it is counted: with no file in it, it costs its sender none.
    """
    if request.method != "POST":
        return _page(request, VerifyForm())
    if is_larger(request, LARGEST_MB * 1_000_000):
        return _page(request, VerifyForm(), HTTPStatus.REQUEST_ENTITY_TOO_LARGE, too_large())
    if not _is_small(request) and not may_check(Purpose.VERIFY, visitor_of(request)):
        return _too_soon(request)
    return _check(request)


def _is_small(request: HttpRequest) -> bool:
    return not is_larger(request, 0)


def _too_soon(request: HttpRequest) -> HttpResponse:
    told = too_many(minutes_to_wait(Purpose.VERIFY, visitor_of(request)))
    return _page(request, VerifyForm(), HTTPStatus.TOO_MANY_REQUESTS, told)


@csrf_protect
def _check(request: HttpRequest) -> HttpResponse:
    form = VerifyForm(request.POST, request.FILES)
    if not form.is_valid():
        return _page(request, form, status_of(form))
    if _is_small(request) and not may_check(Purpose.VERIFY, visitor_of(request)):
        return _too_soon(request)
    sent = form.cleaned_data["document"]
    by = person(request) if request.user.is_authenticated else None
    turn = turn_to_check(Purpose.VERIFY, visitor_of(request))
    with turn as is_free, NamedTemporaryFile() as file:
        if not is_free:
            told = _("Other files are being checked just now. Try again in a minute.")
            return _page(request, VerifyForm(), HTTPStatus.SERVICE_UNAVAILABLE, told)
        for chunk in sent.chunks():
            file.write(chunk)
        file.flush()
        report = verified(Path(file.name), by=by)
        return _page(request, VerifyForm(), report=report, sent=sent)


def _page(
    request: HttpRequest,
    form: VerifyForm,
    status: int = HTTPStatus.OK,
    refused: str = "",
    *,
    report: Report | None = None,
    sent: UploadedFile | None = None,
) -> HttpResponse:
    context = {
        "form": form,
        "refused": refused,
        "report": report,
        "sent": sent,
        "has_seals": bool(seals_trusted()),
    }
    return render(request, "verify.html", context, status=status)


@login_not_required
@require_safe
def seals(request: HttpRequest) -> HttpResponse:
    """Give out the certificates of the seals used here, which are public; 404 if there are none."""
    if not (certificates := seals_trusted()):
        raise Http404
    return _file(certificates, "seals.pem", "application/x-pem-file")


@login_not_required
@require_safe
def program(request: HttpRequest) -> HttpResponse:
    """Give out the program that checks a file without this installation."""
    return _file(packed(), "countersign-verify.zip", "application/zip")


def _file(content: bytes, name: str, kind: str) -> HttpResponse:
    told = {"Content-Disposition": f'attachment; filename="{name}"'}
    return HttpResponse(content, content_type=kind, headers=told)
