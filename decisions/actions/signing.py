"""Signing: a signature covers content, not a page."""

from django.utils.translation import gettext as _

from decisions import clock
from decisions.actions.base import change
from decisions.content import current_digest
from decisions.models import Decision, Meaning, SignOff, User
from decisions.policies import BadInput


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
) -> SignOff:
    """Sign what the record said when the signer saw it, for a role.

    `digest` is that of the content shown; raises `ContentMoved` if the record has changed since.
    Signing the same thing twice gives the first signature back.
    """
    with change(decision, "sign", by=by, subject=role) as entry:
        _refuse_wordless(meaning, text)
        record = entry.decision
        now_says = current_digest(record)
        if now_says != digest:
            raise ContentMoved(record, digest)
        last = record.sign_offs.filter(user=by, role=role).last()
        if last and (last.digest, last.meaning, last.text) == (digest, meaning, text):
            entry.void()
            return last
        signature = SignOff.objects.create(
            decision=record,
            user=by,
            role=role,
            printed_name=str(by),
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
        entry.data = {"role": role, "meaning": meaning, "digest": digest}
    return signature


def _refuse_wordless(meaning: str, text: str) -> None:
    """Raise `BadInput` for a reservation or a rejection without words."""
    if meaning not in Meaning.values:
        raise BadInput(_("Choose what your signature means."))
    if meaning != Meaning.APPROVE and not text.strip():
        raise BadInput(_("A reservation or a rejection needs a reason."))
