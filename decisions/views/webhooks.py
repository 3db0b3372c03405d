"""Webhooks: what administrators set up, and the log of what was sent."""

import json

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.cache import add_never_cache_headers
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from decisions.crypto import Undecipherable, decrypt, encrypt
from decisions.forms.webhooks import WebhookForm
from decisions.models import Delivery, Webhook
from decisions.views.shared import done, person, posted, status_of
from decisions.webhooks import actions
from decisions.webhooks.page import (
    counts_of,
    is_secret_readable,
    kinds_in_words,
    log_of,
    place_of,
    signs_twice,
    with_state,
)

# Where a new secret waits in the session, encrypted, until the next page has shown it.
FRESH = "fresh_webhook_secret"


@require_safe
def webhooks(request: HttpRequest) -> HttpResponse:
    """Show all webhooks, and how the last delivery of each went."""
    actions.ensure(person(request))
    found = [(webhook, place_of(webhook)) for webhook in with_state()]
    return render(request, "webhooks/list.html", {"webhooks": found})


def new(request: HttpRequest) -> HttpResponse:
    """Set up a webhook; its secret is shown on the page that follows."""
    actions.ensure(person(request))
    form = WebhookForm(posted(request))
    if form.is_valid():
        webhook = actions.add_webhook(by=person(request), **form.values)
        _keep_for_next_page(request, webhook, webhook.secret)
        return done(request, webhook, _("The webhook is set up and on."))
    return render(request, "webhooks/new.html", {"form": form}, status=status_of(form))


@require_safe
def webhook(request: HttpRequest, pk: int) -> HttpResponse:
    """Show a webhook with its log; just after it was made, its secret, once."""
    actions.ensure(person(request))
    row = get_object_or_404(Webhook.objects.select_related("created_by"), pk=pk)
    only_failed = request.GET.get("show") == "failed"
    context = {
        "webhook": row,
        "place": place_of(row),
        "kinds": kinds_in_words(row),
        "page_obj": log_of(row, request.GET.get("page"), only_failed=only_failed),
        "only_failed": only_failed,
        "counts": counts_of(row),
        "is_readable": is_secret_readable(row),
        "signs_twice": signs_twice(row),
        "secret": _fresh_secret(request, row),
    }
    response = render(request, "webhooks/webhook.html", context)
    add_never_cache_headers(response)
    return response


def edit(request: HttpRequest, pk: int) -> HttpResponse:
    """Change what a webhook is called, where it leads, and what it is told."""
    actions.ensure(person(request))
    row = get_object_or_404(Webhook, pk=pk)
    form = WebhookForm(posted(request), webhook=row)
    if form.is_valid():
        actions.edit_webhook(row, by=person(request), **form.values)
        return done(request, row, _("The webhook is saved."))
    context = {"form": form, "webhook": row}
    return render(request, "webhooks/edit.html", context, status=status_of(form))


def renew(request: HttpRequest, pk: int) -> HttpResponse:
    """Ask, then make a new secret and show it once."""
    actions.ensure(person(request))
    row = get_object_or_404(Webhook, pk=pk)
    if request.method != "POST":
        context = {"webhook": row, "is_readable": is_secret_readable(row)}
        return render(request, "webhooks/renew.html", context)
    secret = actions.renew_secret(row, by=person(request))
    _keep_for_next_page(request, row, secret)
    return done(request, row, _("There is a new secret."))


@require_POST
def switch(request: HttpRequest, pk: int) -> HttpResponse:
    """Switch a webhook on or off."""
    row = get_object_or_404(Webhook, pk=pk)
    is_active = request.POST.get("on") == "1"
    actions.switch(row, by=person(request), is_active=is_active)
    told = _("The webhook is on.") if is_active else _("The webhook is off.")
    return done(request, row, told)


def delete(request: HttpRequest, pk: int) -> HttpResponse:
    """Ask, then delete a webhook with its log."""
    actions.ensure(person(request))
    row = get_object_or_404(Webhook, pk=pk)
    if request.method != "POST":
        context = {"webhook": row, "counts": counts_of(row)}
        return render(request, "webhooks/delete.html", context)
    actions.delete_webhook(row, by=person(request))
    return done(request, "webhooks:list", _("“%(name)s” is deleted.") % {"name": row})


@require_POST
def test(request: HttpRequest, pk: int) -> HttpResponse:
    """Have a test sent, and go to where its result shows."""
    row = get_object_or_404(Webhook, pk=pk)
    return redirect(actions.send_test(row, by=person(request)))


@require_safe
def delivery(request: HttpRequest, pk: int) -> HttpResponse:
    """Show one delivery: what was sent, and what came back of each attempt."""
    actions.ensure(person(request))
    known = Delivery.objects.select_related("webhook", "event__decision").defer(
        "webhook__secret", "webhook__former_secret"
    )
    row = get_object_or_404(known, pk=pk)
    context = {
        "delivery": row,
        "webhook": row.webhook,
        "place": place_of(row.webhook),
        "tries": list(row.tries.order_by("-at", "-pk")),
        "body": json.dumps(json.loads(row.body), ensure_ascii=False, indent=2),
    }
    template = "webhooks/delivery.html"
    if request.htmx and not request.htmx.boosted:  # type: ignore[attr-defined]
        template += "#result"
    return render(request, template, context)


@require_POST
def again(request: HttpRequest, pk: int) -> HttpResponse:
    """Have a delivery sent again."""
    row = get_object_or_404(Delivery, pk=pk)
    actions.send_again(row, by=person(request))
    return done(request, row, _("It is sent again, under the same id."))


def _keep_for_next_page(request: HttpRequest, webhook: Webhook, secret: str) -> None:
    """Hold a new secret for the next page; sessions are kept in the database, so encrypted."""
    request.session[FRESH] = [webhook.pk, encrypt(secret)]


def _fresh_secret(request: HttpRequest, webhook: Webhook) -> str:
    """Return the secret that was just made for this webhook, and forget it."""
    held = request.session.get(FRESH)
    if not held or held[0] != webhook.pk:
        return ""
    del request.session[FRESH]
    try:
        return decrypt(held[1])
    except Undecipherable:
        return ""
