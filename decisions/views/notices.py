"""Notices in the app, and the messages that were mailed of them."""

from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_POST, require_safe

from decisions.models import Mail, Notice
from decisions.notify.reading import mark_all_read, mark_read
from decisions.notify.words import lines
from decisions.views.shared import done, person

A_PAGE = 30


@require_safe
def notices(request: HttpRequest) -> HttpResponse:
    """Show what the person was told, newest first."""
    mine = Notice.objects.filter(user=person(request))
    page = Paginator(mine, A_PAGE).get_page(request.GET.get("page"))
    told = lines(page.object_list, person(request))
    newest = max((one.notice.pk for one in told), default=0)
    context = {"page_obj": page, "lines": told, "newest": newest}
    return render(request, "notices/notices.html", context)


@require_safe
def notice(request: HttpRequest, pk: int) -> HttpResponse:
    """Go on to what a notice is about, and note that it was opened.

    A link in a mail is followed by a GET. Only the person it is for can follow it, so that neither
    a mail scanner nor a neighbour marks it read; nor does a browser that only loads ahead.
    """
    told = get_object_or_404(Notice.objects.filter(user=person(request)), pk=pk)
    if request.method == "GET" and not request.headers.get("Sec-Purpose", "").startswith(
        "prefetch"
    ):
        mark_read(told)
    return redirect(told.url or "notices")


@require_POST
def read_notices(request: HttpRequest) -> HttpResponse:
    """Mark everything read that the page showed; what has come since then stays unread."""
    newest = request.POST.get("newest", "")
    up_to = int(newest) if newest.isdecimal() and len(newest) < 19 else 0
    count = mark_all_read(person(request), up_to=up_to)
    if not count:
        return done(request, "notices", _("There was nothing unread."))
    told = ngettext("One notice is marked read.", "%(count)s notices are marked read.", count)
    return done(request, "notices", told % {"count": count})


@require_safe
def mail(request: HttpRequest) -> HttpResponse:
    """Show the messages that were written to the person, newest first."""
    mine = Mail.objects.filter(user=person(request)).defer("body", "html")
    page = Paginator(mine, A_PAGE).get_page(request.GET.get("page"))
    return render(request, "notices/mail.html", {"page_obj": page})


@require_safe
def message(request: HttpRequest, pk: int) -> HttpResponse:
    """Show one message as it was sent, and how far it has come."""
    written = get_object_or_404(Mail.objects.filter(user=person(request)), pk=pk)
    return render(request, "notices/message.html", {"mail": written})
