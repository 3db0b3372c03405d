"""Letting someone else sign: a signatory offers it, the other accepts, either may end it."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from http import HTTPStatus

from django.db import transaction
from django.utils.translation import gettext as _

from decisions import clock
from decisions.actions.base import Entry, change
from decisions.models import Decision, Delegation, Participant, User
from decisions.notify.telling import tell_of_delegation
from decisions.policies import PARTIES, BadInput, Refusal, Refused, wrong_state
from decisions.standing_in import state_of
from decisions.workflow import MOVES


def delegate(
    decision: Decision,
    *,
    by: User,
    taker: User,
    until: datetime | None = None,
    reason: str = "",
) -> Delegation:
    """Offer `taker` to sign this record in one's place, until a moment or as long as it is open.

    Raises `BadInput` for oneself, for a moment that has passed, or for who cannot sign in. Only
    one's own places are lent: there are no chains. Offered twice, it is the first offer.
    """
    with change(decision, "delegate", by=by) as entry:
        _refuse_useless(by, taker, until)
        open_ones = entry.decision.delegations.open().filter(giver=by, taker=taker)
        if twin := open_ones.filter(until=until).first():
            entry.void()
            return twin
        offered = Delegation.objects.create(
            giver=by,
            taker=taker,
            decision=entry.decision,
            until=until,
            reason=reason,
            offered_at=clock.now(),
        )
        entry.data = _told(offered)
    return offered


@transaction.atomic
def delegate_for_a_time(*, by: User, taker: User, until: datetime, reason: str = "") -> Delegation:
    """Offer `taker` to sign in one's place on every record, until a moment.

    It stands in the log of each record that is signed by it. Raises `BadInput` as `delegate` does,
    and if the person signs for no role anywhere.
    """
    _refuse_useless(by, taker, until)
    if not Participant.objects.filter(user=by, is_signatory=True).exists():
        raise BadInput(_("You sign for no role on any record, so there is nothing to delegate."))
    User.objects.select_for_update(no_key=True).get(pk=by.pk)  # one offer at a time
    open_ones = Delegation.objects.open().filter(giver=by, taker=taker, decision__isnull=True)
    if twin := open_ones.filter(until=until).first():
        return twin
    offered = Delegation.objects.create(
        giver=by, taker=taker, until=until, reason=reason, offered_at=clock.now()
    )
    tell_of_delegation(offered, by=by)
    return offered


def accept_delegation(delegation: Delegation, *, by: User) -> None:
    """Agree to sign in the giver's place; raises `Refused` if the offer no longer stands."""
    with _answering(delegation, "accept_delegation", by) as entry:
        standing = Delegation.objects.open().filter(pk=delegation.pk)
        if standing.filter(accepted_at__isnull=False).exists():
            entry.void()
            return
        if not standing.update(accepted_at=clock.now()):
            raise wrong_state(_("The offer no longer stands."))


def end_delegation(delegation: Delegation, *, by: User) -> None:
    """Decline it, revoke it or give it back; what was signed by it stays signed.

    One that has ended already, or has run out, is left as it is.
    """
    with _answering(delegation, "end_delegation", by) as entry:
        # Locked before the time is taken: no signature by it is later than the end noted here.
        open_ones = Delegation.objects.select_for_update().open()
        standing = open_ones.filter(pk=delegation.pk).first()
        if standing is None:
            entry.void()
            return
        standing.ended_at, standing.ended_by = clock.now(), by
        standing.save(update_fields=["ended_at", "ended_by"])
        entry.data |= {"how": str(state_of(standing))}


@contextmanager
def _answering(delegation: Delegation, action: str, by: User) -> Iterator[Entry]:
    """Do one action on a delegation: in its record's log if it is about one record."""
    if delegation.decision:
        with change(delegation.decision, action, by=by, subject=delegation) as entry:
            entry.data = _told(delegation)
            yield entry
    else:
        _refuse_stranger(delegation, action, by)
        with transaction.atomic():
            yield Entry(Decision(), action)
            delegation.refresh_from_db()
            tell_of_delegation(delegation, by=by)
    delegation.refresh_from_db()


def _refuse_stranger(delegation: Delegation, action: str, by: User) -> None:
    """Raise `Refused` if the table of moves gives the person no right to this action."""
    parties = MOVES[action].parties
    if not any(PARTIES[party](Decision(), by, delegation) for party in parties):
        told = _("Only the two people concerned can do that.")
        raise Refused(Refusal(told, HTTPStatus.FORBIDDEN))


def _refuse_useless(by: User, taker: User, until: datetime | None) -> None:
    """Raise `BadInput` for a delegation that could never be used."""
    if by.pk == taker.pk:
        raise BadInput(_("You cannot delegate to yourself."))
    if not taker.is_active:
        raise BadInput(_("%(name)s can no longer sign in.") % {"name": taker})
    if until is not None and until <= clock.now():
        raise BadInput(_("The last day has passed already."))


def _told(delegation: Delegation) -> dict[str, str]:
    """Return what the audit log says of a delegation."""
    until = delegation.until.isoformat() if delegation.until else ""
    return {"giver": str(delegation.giver), "taker": str(delegation.taker), "until": until}
