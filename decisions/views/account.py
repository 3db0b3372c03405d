"""Signing in and out, and how the pages look."""

from http import HTTPStatus
from typing import Any

from django.contrib.auth import login, views
from django.contrib.auth.decorators import login_not_required
from django.core.exceptions import NON_FIELD_ERRORS
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import redirect
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.http import require_POST

from decisions import demo
from decisions.context_processors import THEMES
from decisions.forms.base import THROTTLED
from decisions.forms.signing_in import SignInForm

YEAR = 365 * 24 * 3600


class SignIn(views.LoginView):
    """The sign-in page; in the demo it offers the sample people."""

    redirect_authenticated_user = True
    form_class = SignInForm

    def form_invalid(self, form: SignInForm) -> HttpResponse:  # type: ignore[override]
        """Show the page again: with 429 after too many guesses."""
        response = super().form_invalid(form)
        if form.has_error(NON_FIELD_ERRORS, THROTTLED):
            response.status_code = HTTPStatus.TOO_MANY_REQUESTS
        return response

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        """Add the sample people, in the demo only."""
        return super().get_context_data(**kwargs) | {
            "demo_people": _sample_people() if demo.is_on() else [],
            "demo_password": demo.PASSWORD if demo.is_on() else "",
        }


class SignOut(views.LogoutView):
    """Sign out."""


def _sample_people() -> list[dict[str, Any]]:
    """Return the loaded sample people with a line on each."""
    lines = {person.username: person for person in demo.PEOPLE}
    return [
        {
            "pk": user.pk,
            "name": user.name,
            "line": lines[user.username].line,
            "role": lines[user.username].role,
        }
        for user in demo.sample_users()
    ]


@login_not_required
@require_POST
def demo_sign_in(request: HttpRequest) -> HttpResponse:
    """Sign in as a sample person with one click; there is no such page outside the demo."""
    if not demo.is_on():
        raise Http404
    offered = {str(user.pk): user for user in demo.sample_users()}
    user = offered.get(request.POST.get("person", ""))
    if user is None:
        raise Http404
    login(request, user, backend="decisions.backends.EmailBackend")
    return redirect(_safe_next(request))


@login_not_required
@require_POST
def theme(request: HttpRequest) -> HttpResponse:
    """Remember light, dark or the system's own choice."""
    response = HttpResponseRedirect(_safe_next(request))
    chosen = request.POST.get("theme", "")
    if chosen in THEMES:
        response.set_cookie("theme", chosen, max_age=YEAR, samesite="Lax", httponly=True)
    return response


def _safe_next(request: HttpRequest) -> str:
    """Return where to go on to, if it is on this site; the desk otherwise."""
    to = request.POST.get("next", "")
    hosts = {request.get_host()}
    if url_has_allowed_host_and_scheme(to, hosts, require_https=request.is_secure()):
        return to
    return "/"
