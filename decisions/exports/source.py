"""Everything a document's pages show, digested: while it is the same, their file is served."""

import hashlib
from dataclasses import dataclass
from typing import Any

import rfc8785
from django.conf import settings

from decisions.content import content
from decisions.exports.change_log import status_events
from decisions.exports.document import relations_in_words
from decisions.models import Decision, Import, Review, SignOff
from decisions.signatures import policy_of

# Raise this when the document's template or styles change what it looks like.
TEMPLATE_VERSION = 15


@dataclass(frozen=True)
class DocumentSource:
    """What a document is made from, as plain values, with their digest."""

    values: dict[str, Any]
    digest: str


def document_source(decision: Decision) -> DocumentSource:
    """Return the content, the signatures and the status that the document shows."""
    values: dict[str, Any] = {
        "template_version": TEMPLATE_VERSION,
        "address": settings.PUBLIC_URL,
        "content": content(decision),
        "reference": decision.reference,
        "template": str(decision.template),
        "versions": [
            [one.number, one.digest, str(one.by), one.at.isoformat()]
            for one in decision.versions.defer("content").select_related("by")
        ],
        "course": [
            [one.kind, one.actor_name, one.data, one.at.isoformat()]
            for one in status_events(decision)
        ],
        "status": decision.shown_status,
        "owner": str(decision.owner),
        "sign_offs": [_sign_off(one) for one in decision.sign_offs.all()],
        "from_file": list(
            Import.objects.filter(decision=decision).values_list("reference", flat=True)
        ),
        "policy": policy_of(decision).to_json(),
        "people": [
            [str(one.user), one.role, one.is_signatory] for one in decision.participants.all()
        ],
        "relations": relations_in_words(decision),
        "stale": [
            [one.reference, one.stale_because]
            for one in decision.evidence.all()
            if one.is_stale and not one.is_withdrawn
        ],
        "outcomes": [
            [one.success, one.text, str(one.written_by), one.written_at.isoformat()]
            for one in decision.outcome_notes.select_related("written_by")
        ],
        "reviews": [
            _review(one) for one in decision.reviews.select_related("reviewer", "lifted_by")
        ],
    }
    return DocumentSource(values, hashlib.sha256(rfc8785.dumps(values)).hexdigest())


def _sign_off(one: SignOff) -> list[str]:
    """Return what the document says of a signature."""
    when = one.signed_at.isoformat()
    return [one.in_words, one.role, one.meaning, one.text, one.digest, when]


def _review(one: Review) -> list[str]:
    """Return what the document says of a review."""
    lifted = f"{one.lifted_by} {one.lifted_at.isoformat()}" if one.lifted_at else ""
    return [str(one.reviewer), one.verdict, one.body, one.sent_at.isoformat(), lifted]
