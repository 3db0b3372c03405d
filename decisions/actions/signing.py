"""Signing: a signature covers content, not a page."""

from http import HTTPStatus

from django.utils.translation import gettext as _

from decisions import clock
from decisions.actions.base import change
from decisions.actions.evidence import look_for_stale
from decisions.audit import signature_digest
from decisions.content import current_digest
from decisions.models import Decision, Delegation, Meaning, Role, SignOff, User
from decisions.policies import BadInput, Refusal, Refused, wrong_state
from decisions.signatures import latest_sign_offs


class ContentMoved(Exception):
    """The record says something else than what the signer was shown; nothing was signed."""

    def __init__(self, decision: Decision, seen: str) -> None:
        super().__init__("the record has changed")
        self.decision = decision
        self.seen = seen


def sign_off(
    decision: Decision,
    *,
    by: User,
    role: str,
    digest: str,
    meaning: str,
    text: str = "",
    method: str = "password",
    signed_for: User | None = None,
) -> SignOff:
    """Sign what the record said when the signer saw it, for a role.

    `digest` is that of the content shown; raises `ContentMoved` if the record has changed since.
    With `signed_for`, in the place of a signatory who has delegated that to the signer; raises
    `Refused` if nothing in force says so. Signing the same thing twice gives the first signature
    back.
    """
    with change(decision, "sign", by=by, subject=role, first=look_for_stale) as entry:
        _refuse_wordless(meaning, text)
        record = entry.decision
        delegation = _leave_to_sign(record, by, role, signed_for)
        now_says = current_digest(record)
        if now_says != digest:
            raise ContentMoved(record, digest)
        last = latest_sign_offs(record, digest).get(((signed_for or by).pk, role))
        same = (by.pk, digest, meaning, text)
        if last and (last.user_id, last.digest, last.meaning, last.text) == same:
            entry.void()
            return last
        signature = SignOff.objects.create(
            decision=record,
            user=by,
            role=role,
            printed_name=str(by),
            signed_for=signed_for,
            printed_for=str(signed_for or ""),
            delegation=delegation,
            meaning=meaning,
            text=text,
            digest=digest,
            version=record.version,
            round=record.round,
            policy=record.policy,
            method=method,
            time_zone=by.time_zone,
            signed_at=clock.now(),
        )
        entry.data = {
            "role": role,
            "meaning": meaning,
            "digest": digest,
            "signature": signature_digest(signature),
        }
        if signed_for:
            entry.data |= {"for": str(signed_for)}
    return signature


def _leave_to_sign(
    record: Decision, by: User, role: str, signed_for: User | None
) -> Delegation | None:
    """Return the delegation that lets `by` sign, None for their own place; refuse without either.

    The row is locked, so that a delegation that is being revoked is either seen or waits.
    """
    giver = signed_for or by
    if role not in Role.values:
        raise BadInput(_("Choose for which role you sign."))
    if role not in record.signing_roles_of(giver):
        sentence = _("%(name)s does not sign for %(role)s here.")
        told = sentence % {"name": giver, "role": Role(role).label}
        raise Refused(Refusal(told, HTTPStatus.FORBIDDEN))
    if signed_for is None:
        return None
    own = latest_sign_offs(record).get((giver.pk, role))
    if own and own.signed_for_id is None and own.digest == record.digest:
        sentence = _("%(name)s has signed this themself; nobody else’s signature replaces it.")
        raise wrong_state(sentence % {"name": giver})
    leave = Delegation.objects.select_for_update().in_force().filter(giver=giver, taker=by)
    found = next((one for one in leave if one.covers(record.pk)), None)
    if found is None:
        sentence = _("%(name)s has not asked you to sign for them, or no longer does.")
        raise Refused(Refusal(sentence % {"name": giver}, HTTPStatus.FORBIDDEN))
    return found


def _refuse_wordless(meaning: str, text: str) -> None:
    """Raise `BadInput` for a reservation or a rejection without words."""
    if meaning not in Meaning.values:
        raise BadInput(_("Choose what your signature means."))
    if meaning != Meaning.APPROVE and not text.strip():
        raise BadInput(_("A reservation or a rejection needs a reason."))
