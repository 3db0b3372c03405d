"""What the views of a record share."""

import json
from collections.abc import Sequence
from typing import Any, cast

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from decisions.addresses import network_of
from decisions.forms.base import CountersignForm
from decisions.models import Bundle, Decision, Document, User
from decisions.record_page import RecordPage
from decisions.record_parts import with_parts, with_what_is_weighed
from decisions.throttle import Visitor

# What a form says besides its file, in bytes.
BESIDE_FILE = 100_000
# Said of a file that a worker makes: it stays on the page while it is made, and after.
ASKED_FOR = gettext_lazy("Asked for. It can be downloaded below once it is made.")


def person(request: HttpRequest) -> User:
    """Return who is signed in; every page but the sign-in page requires someone."""
    return cast(User, request.user)


def visitor_of(request: HttpRequest) -> Visitor:
    """Return whose files are counted: an account's, or else those from one network."""
    if request.user.is_authenticated:
        return Visitor(f"account {request.user.pk}", is_signed_in=True)
    return Visitor(f"network {network_of(request)}")


def get_record(request: HttpRequest, reference: str) -> Decision:
    """Return the record of that name with its parts, or raise 404 where it is not visible."""
    visible = Decision.objects.visible_to(person(request)).by_reference(reference)
    return get_object_or_404(with_parts(visible))


def get_weighed(request: HttpRequest, reference: str) -> Decision:
    """Return the record of that name with what is weighed of it alone, or raise 404."""
    visible = Decision.objects.visible_to(person(request)).by_reference(reference)
    return get_object_or_404(with_what_is_weighed(visible))


def posted(request: HttpRequest) -> QueryDict | None:
    """Return what was sent with a form, even if that is nothing; None where it was not sent."""
    return request.POST if request.method == "POST" else None


def is_larger(request: HttpRequest, largest: int) -> bool:
    """Return whether a form says that it brings more than a file of so many bytes; unread."""
    told = request.META.get("CONTENT_LENGTH") or "0"
    return told.isdecimal() and int(told) > largest + BESIDE_FILE


def page(
    request: HttpRequest, template: str, record: Decision, status: int = 200, **context: Any
) -> HttpResponse:
    """Render a page (or a fragment) about a record."""
    about = {"record": record, "page": RecordPage(record, person(request))}
    return render(request, template, about | context, status=status)


def done(request: HttpRequest, to: Any, message: str | Promise) -> HttpResponse:
    """Say what happened, and go on to where it shows."""
    messages.success(request, str(message))
    return redirect(to)


def say_what_is_over(response: HttpResponse, rows: Sequence[Document | Bundle]) -> None:
    """Have a polled list say in the live region what became of the last, once none is worked on."""
    over = {one.finished_at: one for one in rows if one.finished_at}
    if not over or any(one.is_working for one in rows):
        return
    last = over[max(over)]
    told = {"format": last.get_format_display(), "state": last.get_state_display().lower()}
    response["HX-Trigger"] = json.dumps({"announce": _("%(format)s: %(state)s.") % told})


def status_of(form: CountersignForm) -> int:
    """Return 422 for a form that came back with errors, 429 after too many guesses; else 200."""
    if form.is_bound and form.is_throttled:
        return 429
    return 422 if form.is_wrong else 200
