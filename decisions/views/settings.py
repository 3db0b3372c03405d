"""A person's own settings, and stopping mail without signing in."""

from django.contrib.auth.decorators import login_not_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods

from decisions.actions.settings import save_settings
from decisions.forms.settings import SettingsForm
from decisions.notify.reading import resume_mail, stop_mail
from decisions.notify.unsubscribing import Unsubscription, read_token
from decisions.views.shared import done, person, posted, status_of


def settings(request: HttpRequest) -> HttpResponse:
    """Show and keep the person's name, time zone and choice of mail."""
    form = SettingsForm(person(request), posted(request))
    if form.is_valid():
        save_settings(person(request), **form.cleaned_data)
        return done(request, "settings", _("Your settings are saved."))
    return render(request, "account/settings.html", {"form": form}, status=status_of(form))


@csrf_exempt  # the signed token is the right to do it; mail programs have no cookie (RFC 8058)
@never_cache
@login_not_required
@require_http_methods(["GET", "HEAD", "POST"])
def unsubscribe(request: HttpRequest, token: str) -> HttpResponse:
    """Stop mail by a signed link: looking changes nothing, the button does, and can be undone."""
    asked = read_token(token)
    if asked is None:
        raise Http404
    if request.method == "POST":
        _choose(request, asked)
    context = {"asked": asked, "token": token, "was_posted": request.method == "POST"}
    return render(request, "account/unsubscribe.html", context)


def _choose(request: HttpRequest, asked: Unsubscription) -> None:
    """Stop the mail, or take that back."""
    if request.POST.get("again"):
        resume_mail(asked.user, asked.kinds)
    else:
        stop_mail(asked.user, asked.kinds)
