"""The canonical content of a record and its digest: what a signature covers.

Every field of the models below is MATERIAL (changing it lapses signatures), IMPLIED (material too,
but told by another part of the content) or IMMATERIAL (with the reason); a test fails when a new
field is in none. The content is plain JSON, written
canonically by RFC 8785, so the same record has the same digest on any installation.
"""

from typing import Any

from django.db.models import Model, Prefetch, prefetch_related_objects

from decisions.audit_check import hash_of
from decisions.models import Assessment, Candidate, Decision, Evidence, Goal, Section

FORMAT = "countersign/record"
FORMAT_VERSION = 1

MATERIAL: dict[type[Model], tuple[str, ...]] = {
    Decision: ("uid", "title", "template", "round", "role_weights"),
    Section: ("kind", "role", "data"),
    Goal: (
        "metric",
        "name",
        "direction",
        "target",
        "worst_acceptable",
        "unit",
        "weight",
        "is_must",
        "proposed_by_role",
    ),
    Candidate: (
        "letter",
        "name",
        "approach",
        "summary",
        "data_needed",
        "risks",
        "spec",
        "is_dropped",
    ),
    Assessment: ("role", "criterion", "rating", "reason"),
    Evidence: (
        "number",
        "kind",
        "metric",
        "metric_name",
        "value",
        "low",
        "high",
        "interval_method",
        "n",
        "unit",
        "method",
        "origin",
        "source_digest",
        "conditions",
    ),
}

IMPLIED: dict[type[Model], dict[str, str]] = {
    Section: {"decision": "the record itself", "position": "the order of the list"},
    Goal: {
        "decision": "the record itself",
        "position": "the order of the list",
        "is_accepted": "what is only proposed is left out",
    },
    Candidate: {"decision": "the record itself", "position": "the order of the list"},
    Assessment: {"candidate": "the candidate it stands in"},
    Evidence: {
        "decision": "the record itself",
        "candidate": "the candidate's letter",
        "compared_with": "the other candidate's letter",
        "withdrawn_at": "what is withdrawn is left out",
    },
}

IMMATERIAL: dict[type[Model], dict[str, str]] = {
    Decision: {
        "id": "local to this installation",
        "number": "local to this installation",
        "owner": "who drives the record is not what it says",
        "status": "moves with the workflow",
        "visibility": "who may read it is not what it says",
        "tags": "for finding it",
        "due_on": "for planning",
        "review_on": "copied from the recommendation, which is material",
        "version": "derived from the content",
        "digest": "derived from the content",
        "policy": "kept with each signature",
        "superseded_by": "a later fact about the record",
        "is_approved_elsewhere": "says who vouches for its approval, not what it says",
        "told_up_to": "says who was told, not what it says",
        "created_at": "in the audit log",
        "changed_at": "in the audit log",
    },
    Section: {
        "id": "local to this installation",
        "state": "says how far the work is, not what it says",
        "token": "guards against lost edits",
        "changed_at": "in the audit log",
        "changed_by": "in the audit log",
    },
    Goal: {
        "id": "local to this installation",
        "token": "guards against lost edits",
    },
    Candidate: {
        "id": "local to this installation",
        "token": "guards against lost edits",
    },
    Assessment: {
        "id": "local to this installation",
        "by": "in the audit log",
        "at": "in the audit log",
    },
    Evidence: {
        "id": "local to this installation",
        "origin_url": "an address on this installation",
        "attached_at": "in the audit log",
        "attached_by": "in the audit log",
        "withdrawn_by": "what is withdrawn is left out",
        "withdrawn_reason": "what is withdrawn is left out",
        "attachment": "its digest is that of the source, which is material",
        "notes": "kept beside the source; nothing was computed from them",
        "spec_digest": "the spec itself is material; what was measured with another is marked",
        "stale_because": "says what moved around the record, not what it says",
    },
}

# What is loaded already is read as it is.
PARTS = (
    "sections",
    "goals",
    "candidates__assessments",
    Prefetch("evidence", Evidence.objects.select_related("candidate", "compared_with")),
)


def content(decision: Decision) -> dict[str, Any]:
    """Return the record as plain JSON values; reads the prefetched parts where there are any."""
    prefetch_related_objects([decision], *PARTS)
    return {
        "format": FORMAT,
        "format_version": FORMAT_VERSION,
        "decision": _decision(decision),
        "sections": [_section(one) for one in decision.sections.all()],
        "goals": [_material(one) for one in decision.accepted_goals],
        "candidates": [_candidate(one) for one in decision.candidates.all()],
        "evidence": [_evidence(one) for one in decision.evidence.all() if not one.is_withdrawn],
    }


def digest(record_content: dict[str, Any] | list[Any]) -> str:
    """Return the SHA-256 of the canonical JSON (RFC 8785) of a record's content, in hex."""
    return hash_of(record_content)


def current_digest(decision: Decision) -> str:
    """Return the digest of what the record says now, computed from its rows."""
    return digest(content(decision))


def _material(row: Model) -> dict[str, Any]:
    """Return the material fields of a row."""
    return {name: getattr(row, name) for name in MATERIAL[type(row)]}


def _decision(decision: Decision) -> dict[str, Any]:
    """Return what the record says as a whole; weights that nobody set are not told."""
    told = _material(decision) | {"uid": str(decision.uid), "template": decision.template_id}
    if not decision.role_weights:
        del told["role_weights"]
    return told


def _section(section: Section) -> dict[str, Any]:
    """Return a section without its empty answers, so that blank and absent are the same."""
    answers = {name: value for name, value in section.data.items() if value not in (None, "", [])}
    return _material(section) | {"data": answers}


def _candidate(candidate: Candidate) -> dict[str, Any]:
    """Return a candidate with what each role says of it."""
    ratings = sorted(candidate.assessments.all(), key=lambda one: (one.role, one.criterion))
    return _material(candidate) | {"assessments": [_material(one) for one in ratings]}


def _evidence(evidence: Evidence) -> dict[str, Any]:
    """Return a measurement with the letters of the candidates it speaks of."""
    other = evidence.compared_with
    return _material(evidence) | {
        "candidate": evidence.candidate.letter,
        "compared_with": other.letter if other else None,
    }
