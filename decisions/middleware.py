"""What every request shares: refusals become responses, messages reach htmx, times are local."""

from collections.abc import Callable
from http import HTTPStatus

from django.conf import settings
from django.contrib.messages import get_messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render, resolve_url
from django.template.loader import render_to_string
from django.utils import timezone
from django.utils.translation import gettext as _

from decisions.actions.importing import AlreadyHere
from decisions.actions.sections import Conflict
from decisions.actions.signing import ContentMoved
from decisions.addresses import address_of
from decisions.audit import acting_from
from decisions.content import current_digest
from decisions.crypto import Undecipherable
from decisions.forms.conflicts import reconcile
from decisions.forms.typed import typed_in
from decisions.models import Decision
from decisions.policies import BadInput, Refusal, Refused
from decisions.versions import changes_between
from decisions.views.shared import person
from decisions.zones import zone_of

Handler = Callable[[HttpRequest], HttpResponse]


class refusals:
    """Turn what actions raise into pages: 403, 409 or 422, each with its sentence."""

    def __init__(self, get_response: Handler) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        with acting_from(address_of(request)):
            response = self.get_response(request)
        if response.status_code == HTTPStatus.NOT_FOUND:
            return _not_found(request) or response
        return response

    def process_exception(self, request: HttpRequest, error: Exception) -> HttpResponse | None:
        """Return the response for a refusal or a conflict; anything else goes on."""
        match error:
            case AlreadyHere():
                return _refused(request, error.refusal, error.decision)
            case Refused():
                return _refused(request, error.refusal)
            case BadInput():
                return _refused(request, Refusal(str(error), HTTPStatus.UNPROCESSABLE_ENTITY))
            case Conflict():
                return _conflict(request, error)
            case ContentMoved():
                return _content_moved(request, error)
            case Undecipherable():
                return _undecipherable(request)
        return None


def _not_found(request: HttpRequest) -> HttpResponse | None:
    """Give back what was typed for a page that is gone, as when the right to read it is.

    The demo runs with DEBUG on, whose own page is made for programmers.
    """
    typed = [] if getattr(request, "htmx", False) else typed_in(request)
    if not typed and not settings.DEMO:
        return None
    return render(request, "404.html", {"typed": typed}, status=HTTPStatus.NOT_FOUND)


def _refused(
    request: HttpRequest, refusal: Refusal, is_here: Decision | None = None
) -> HttpResponse:
    """Say why and give back what was typed; to htmx in the live region: there the text stays.

    `is_here` is the record that need not come again, which the person may read.
    """
    context = {
        "refusal": refusal,
        "record": _record_of(request),
        "is_here": is_here,
        "typed": typed_in(request),
    }
    if not getattr(request, "htmx", False):
        return render(request, "decisions/refused.html", context, status=refusal.status)
    return _sentence(request, refusal)


def _sentence(request: HttpRequest, refusal: Refusal) -> HttpResponse:
    """Say why, in htmx's live region."""
    context = {"refusal": refusal}
    response = render(request, "decisions/refused.html#sentence", context, status=refusal.status)
    response["HX-Retarget"], response["HX-Reswap"] = "#messages", "innerHTML"
    return response


def _record_of(request: HttpRequest) -> Decision | None:
    """Return the record that the address names, if there is one and the person may read it."""
    match = request.resolver_match
    reference = match.kwargs.get("reference") if match else None
    if not reference:
        return None
    return Decision.objects.visible_to(person(request)).by_reference(reference).first()


def _conflict(request: HttpRequest, error: Conflict) -> HttpResponse:
    """Show both versions and a form to bring them together; to htmx in the form's place."""
    template = "decisions/conflict.html"
    if getattr(request, "htmx", False):
        template += "#both"
    context = {"both": reconcile(error), "record": error.row.decision}
    return render(request, template, context, status=HTTPStatus.CONFLICT)


def _content_moved(request: HttpRequest, error: ContentMoved) -> HttpResponse:
    """Show what changed since the signer was shown the record; nothing was signed."""
    changes = changes_between(error.decision, error.seen, current_digest(error.decision))
    context = {"record": error.decision, "changes": changes, "typed": typed_in(request)}
    return render(request, "decisions/content_moved.html", context, status=HTTPStatus.CONFLICT)


def _undecipherable(request: HttpRequest) -> HttpResponse:
    """Say what to do about a secret that was encrypted under a key the settings do not name."""
    return render(request, "undecipherable.html", status=HTTPStatus.INTERNAL_SERVER_ERROR)


def lost_sessions(get_response: Handler) -> Handler:
    """Tell htmx in a sentence that the session is over, so that no page takes a form's place.

    A sign-in in another tab makes a new session, which refuses what the old page sends.
    """

    def handle(request: HttpRequest) -> HttpResponse:
        response = get_response(request)
        htmx = getattr(request, "htmx", None)
        if not htmx or htmx.boosted or not _is_about_the_session(response):
            return response
        told = _("Your session is over. Copy what you wrote, then load the page again.")
        return _sentence(request, Refusal(told, HTTPStatus.FORBIDDEN))

    return handle


def _is_about_the_session(response: HttpResponse) -> bool:
    """Return whether a response asks to sign in, or comes from the check against forged forms."""
    if response.status_code == HTTPStatus.FORBIDDEN:
        return "HX-Retarget" not in response
    to = response.get("Location", "")
    return to.partition("?")[0] == resolve_url(settings.LOGIN_URL)


def htmx_messages(get_response: Handler) -> Handler:
    """Append waiting messages to htmx fragments, so that a swap announces what happened."""

    def handle(request: HttpRequest) -> HttpResponse:
        response = get_response(request)
        if not getattr(request, "htmx", False) or "HX-Redirect" in response.headers:
            return response
        if 300 <= response.status_code < 400 or response.streaming:
            return response
        if messages := get_messages(request):
            html = render_to_string("_messages.html", {"messages": messages, "oob": True}, request)
            response.write(html)
        return response

    return handle


def time_zone(get_response: Handler) -> Handler:
    """Show times in the signed-in person's own time zone; an unknown zone counts as UTC."""

    def handle(request: HttpRequest) -> HttpResponse:
        with timezone.override(zone_of(getattr(request.user, "time_zone", ""))):
            return get_response(request)

    return handle
