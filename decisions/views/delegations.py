"""Letting someone sign in one's place: for one record, or for a time on every record."""

from collections.abc import Iterable

from django.db.models import Prefetch
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_POST

from decisions.actions.delegation import (
    accept_delegation,
    delegate,
    delegate_for_a_time,
    end_delegation,
)
from decisions.forms.people import RecordDelegationForm, TimeDelegationForm
from decisions.forms.typed import sent
from decisions.models import Decision, Delegation, Participant, SignOff, User
from decisions.policies import ensure
from decisions.section_kinds import Text
from decisions.standing_in import StandingIn, State, state_of
from decisions.views.shared import done, get_record, page, person, posted, status_of

MOST_SHOWN = 100


def delegations(request: HttpRequest) -> HttpResponse:
    """Show who signs for whom, and let the person ask someone, for a time, on every record."""
    user = person(request)
    form = sent(request, TimeDelegationForm(user, posted(request)))
    if form.is_valid():
        said = form.cleaned_data
        taker = said.pop("email")
        delegate_for_a_time(by=user, taker=taker, **said)
        return done(request, request.path, _asked(taker))
    lines = list(_lines(user))
    context = {
        "form": form,
        "offers": [one for one in lines if one.is_taker and one.state == State.OFFERED],
        "taken": [one for one in lines if one.is_taker and one.state == State.IN_FORCE],
        "given": [one for one in lines if one.is_giver and one.is_open],
        "over": [one for one in lines if not one.is_open],
        "signs_somewhere": Participant.objects.filter(user=user, is_signatory=True).exists(),
    }
    template = "delegations/delegations.html"
    return render(request, template, context, status=status_of(form))


def delegate_record(request: HttpRequest, reference: str) -> HttpResponse:
    """Let someone sign this record in one's place."""
    decision = get_record(request, reference)
    user = person(request)
    form = sent(request, RecordDelegationForm(user, posted(request)))
    ensure("delegate", decision, user)
    if form.is_valid():
        said = form.cleaned_data
        taker = said.pop("email")
        delegate(decision, by=user, taker=taker, **said)
        return done(request, reverse("decisions:people", args=[reference]), _asked(taker))
    return page(request, "delegations/delegate.html", decision, status_of(form), form=form)


@require_POST
def accept(request: HttpRequest, pk: int) -> HttpResponse:
    """Agree to sign in someone's place."""
    delegation = _concerning(request, pk)
    accept_delegation(delegation, by=person(request))
    message = _("You can now sign in place of %(name)s.") % {"name": delegation.giver}
    return done(request, delegation.decision or "delegations", message)


@require_POST
def end(request: HttpRequest, pk: int) -> HttpResponse:
    """Decline a delegation, revoke it or give it back."""
    delegation = _concerning(request, pk)
    end_delegation(delegation, by=person(request))
    return done(request, "delegations", ENDED[state_of(delegation)])


ENDED: dict[State, Text] = {
    State.DECLINED: gettext_lazy("You have declined. Nothing will be signed by it."),
    State.CALLED_OFF: gettext_lazy("It is called off."),
    State.REVOKED: gettext_lazy("It is revoked. What was signed by it stays signed."),
    State.GIVEN_BACK: gettext_lazy("It is given back. What was signed by it stays signed."),
    State.RUN_OUT: gettext_lazy("It had run out already."),
    State.UNANSWERED: gettext_lazy("It had run out already."),
}


def _asked(taker: User) -> str:
    """Return that somebody was asked, and what follows."""
    told = _("%(name)s is asked. Until they accept, they cannot sign in your place.")
    return told % {"name": taker}


def _concerning(request: HttpRequest, pk: int) -> Delegation:
    """Return a delegation that the person gave or was offered, or raise 404."""
    return get_object_or_404(Delegation.objects.of_concern_to(person(request)), pk=pk)


def _lines(user: User) -> Iterable[StandingIn]:
    """Yield the person's delegations, newest first; a record that they may not read has no name."""
    signed = Prefetch("sign_offs", SignOff.objects.select_related("decision"))
    mine = list(Delegation.objects.of_concern_to(user).prefetch_related(signed)[:MOST_SHOWN])
    named = {one.decision_id for one in mine if one.decision_id}
    readable = Decision.objects.visible_to(user).in_bulk(list(named))
    for one in mine:
        record = readable.get(one.decision_id or 0)
        yield StandingIn(one, user, record, list(one.sign_offs.all()))
