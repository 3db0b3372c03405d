"""The JSON Schema (2020-12) of an archive, made from the tables that write it and from the models.

It is published as docs/schema/archive-1.json; `manage.py archive_schema --write` writes that file.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import fields
from typing import Any

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models

from decisions import content
from decisions.case_results import CaseResult
from decisions.content import MATERIAL
from decisions.exports import archive_form
from decisions.exports.archive import FIELDS, SUPERSEDED_BY, WITHDRAWN
from decisions.models import (
    Assessment,
    Attachment,
    Candidate,
    Comment,
    CommentEdit,
    Decision,
    DecisionLink,
    Evidence,
    Goal,
    OutcomeNote,
    Participant,
    Review,
    Section,
    SignOff,
    Thread,
    Version,
)

Schema = dict[str, Any]

ID = "urn:countersign:archive:1"
DAY = "(19|20|21)[0-9]{2}-[0-9]{2}-[0-9]{2}"
PERSON: Schema = {"$ref": "#/$defs/person_number"}
SHA256: Schema = {"$ref": "#/$defs/sha256"}
MOMENT: Schema = {"$ref": "#/$defs/moment"}
NULL: Schema = {"type": "null"}
LETTER: Schema = {"type": "string", "minLength": 1, "maxLength": 3}
COUNT: Schema = {"type": "integer", "minimum": 0, "maximum": 2147483647}
TEXT: Schema = {"type": "string"}
KEY: Schema = {"type": "integer", "description": "A number that this installation alone knows."}

DEFINITIONS: dict[str, Schema] = {
    "person_number": COUNT | {"description": "A place in `people`, counted from 0."},
    "sha256": {"type": "string", "pattern": "^[0-9a-f]{64}$", "maxLength": 64},
    "uid": {
        "type": "string",
        "pattern": "^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$",
        "maxLength": 36,
    },
    "day": {"type": "string", "pattern": f"^{DAY}$", "maxLength": 10},
    "moment": {
        "type": "string",
        "pattern": f"^{DAY}T[0-9]{{2}}:[0-9]{{2}}:[0-9]{{2}}(\\.[0-9]{{6}})?\\+00:00$",
        "maxLength": 32,
        "description": "A moment in UTC, to the microsecond where it is known.",
    },
}

# What the JSON columns hold.
JSON_COLUMNS: dict[str, Schema] = {
    "tags": {"type": "array", "items": TEXT},
    "role_weights": {"type": "object", "additionalProperties": {"type": "number", "minimum": 0}},
    "spec": {
        "type": "object",
        "properties": {"technique": TEXT, "parameters": {"type": "object"}},
    },
    "data": {
        "type": "object",
        "additionalProperties": {"anyOf": [TEXT, {"type": "array", "items": TEXT}]},
    },
    "policy": {"type": "object"},
    "conditions": {"type": "object"},
}
# It becomes a header of what is downloaded; `$` alone lets a last line end through.
CONTENT_TYPE: Schema = {
    "type": "string",
    "pattern": "^[A-Za-z0-9.+_-]+/[A-Za-z0-9.+_-]+(?!\\n)$",
    "maxLength": 100,
}


def archive_schema() -> Schema:
    """Return the schema of a whole archive; nothing may stand in it that is not in here."""
    parts = _parts()
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": ID,
        "title": "Countersign archive, version 1",
        "description": "Everything about one decision record, as canonical JSON (RFC 8785).",
        **_object(parts, optional=("results",)),
        "$defs": {**DEFINITIONS, "content": _content(), "event": _event()},
    }


def _parts() -> dict[str, Schema]:
    """Return the parts of an archive."""
    return {
        "format": {"const": archive_form.FORMAT},
        "format_version": {"const": archive_form.FORMAT_VERSION},
        "reference": {"type": "string", "pattern": "^DR-[1-9][0-9]{0,8}$", "maxLength": 12},
        "digest": SHA256,
        "content": {"$ref": "#/$defs/content"},
        "record": _row(Decision),
        "people": _list(_object({"id": KEY, "name": _text(150)})),
        "participants": _list(_row(Participant)),
        "sections": _list(_row(Section)),
        "proposed_goals": _list(_row(Goal)),
        "assessments": _list(_row(Assessment, candidate=LETTER)),
        "evidence": _list(_standing()),
        "attachments": _list(
            _row(Attachment, optional=("bytes",), content_type=CONTENT_TYPE, bytes=_base64())
        ),
        "versions": _list(
            _row(Version, optional=("content",), content={"$ref": "#/$defs/content"})
        ),
        "sign_offs": _list(_row(SignOff)),
        "reviews": _list(_row(Review)),
        "threads": _list(_thread()),
        "outcome_notes": _list(_row(OutcomeNote)),
        "relations": _list(_relation()),
        "events": _list({"$ref": "#/$defs/event"}),
        "earlier": _list(
            _object({"reference": _text(20), "file": SHA256, "events": _list(_ref("event"))})
        ),
        "results": _list(_result()),
    }


def _content() -> Schema:
    """Return the schema of what signatures cover."""
    decision = _of(Decision, MATERIAL[Decision]) | {"template": _text(50)}
    return _object(
        {
            "format": {"const": content.FORMAT},
            "format_version": {"const": content.FORMAT_VERSION},
            "decision": _object(decision, optional=("role_weights",)),
            "sections": _list(_material(Section)),
            "goals": _list(_material(Goal)),
            "candidates": _list(_material(Candidate, assessments=_list(_material(Assessment)))),
            "evidence": _list(_measurement()),
        }
    )


def _measurement() -> Schema:
    """Return the schema of a measurement with the letters of the candidates it speaks of."""
    return _material(Evidence, candidate=LETTER, compared_with=_or_null(LETTER))


def _standing() -> Schema:
    """Return the schema of how evidence stands; of what is withdrawn, all that it says."""
    withdrawn = _of(Evidence, WITHDRAWN) | {"said": _measurement()}
    withdrawn |= {"withdrawn_at": MOMENT, "withdrawn_by": PERSON}
    files = {"attachment": _or_null(SHA256), "notes": _or_null(SHA256)}
    told = _object(_of(Evidence, FIELDS[Evidence]) | files | withdrawn, optional=withdrawn)
    return told | {
        "dependentRequired": {name: sorted(withdrawn.keys() - {name}) for name in withdrawn}
    }


def _thread() -> Schema:
    """Return the schema of a discussion with its comments; `review` is a place in `reviews`."""
    comment = _row(Comment, review=_or_null(COUNT), edits=_list(_row(CommentEdit)))
    return _row(Thread, section=_or_null(_text(50)), comments=_list(comment))


def _relation() -> Schema:
    """Return the schema of a relation to another record."""
    of = _of(DecisionLink, FIELDS[DecisionLink])
    kinds = [*of["relation"]["enum"], SUPERSEDED_BY]
    return _object(
        of
        | {
            "relation": {"enum": kinds},
            "made_at": _or_null(MOMENT),
            "made_by": _or_null(PERSON),
            "uid": _ref("uid"),
            "reference": _text(20),
        }
    )


def _result() -> Schema:
    """Return the schema of one case behind the evidence."""
    number = _or_null({"type": "number"})
    told: dict[str, Schema] = {
        "source": SHA256,
        "case": TEXT,
        "repeat": COUNT,
        "state": TEXT,
        "answer": TEXT,
        "correct": _or_null({"type": "boolean"}),
        "score": number,
        "scores": {"type": "object", "additionalProperties": number},
        "latency_ms": number,
        "error": TEXT,
    }
    return _object({one.name: told[one.name] for one in fields(CaseResult)})


def _event() -> Schema:
    """Return the schema of a line of the audit log."""
    before = {"anyOf": [SHA256, {"const": ""}]}
    return _object(
        {
            "decision": _ref("uid"),
            "sequence": COUNT | {"minimum": 1},
            "kind": _text(50),
            "at": MOMENT,
            "actor_id": _or_null(KEY),
            "actor": _text(150),
            "data": {"type": "object"},
            "digest_before": before,
            "digest_after": before,
            "address": _or_null(_text(45)),
            "previous_hash": SHA256,
            "hash": SHA256,
        }
    )


def _row(model: type[models.Model], optional: Iterable[str] = (), **more: Schema) -> Schema:
    return _object(_of(model, FIELDS[model]) | more, optional)


def _material(model: type[models.Model], **more: Schema) -> Schema:
    return _object(_of(model, MATERIAL[model]) | more)


def _of(model: type[models.Model], names: Iterable[str]) -> dict[str, Schema]:
    """Return the schemas of some fields of a model."""
    return {
        name: _or_null(KEY) if name.endswith("_id") else _field(model._meta.get_field(name))
        for name in names
    }


def _field(field: Any) -> Schema:
    """Return the schema of a column's values."""
    if field.name in JSON_COLUMNS:
        return JSON_COLUMNS[field.name]
    told = _type(field)
    return _or_null(told) if field.null else told


def _type(field: Any) -> Schema:
    choices = [str(value) for value, _label in field.flatchoices if str(value)]
    match field:
        case models.ForeignKey():
            return PERSON
        case models.UUIDField():
            return _ref("uid")
        case models.DateTimeField():
            return MOMENT
        case models.DateField():
            return _ref("day")
        case models.BooleanField():
            return {"type": "boolean"}
        case models.FloatField():
            return {"type": "number"} | _bounds(field)
        case models.PositiveSmallIntegerField():
            return COUNT | {"maximum": 32767} | _bounds(field)
        case models.IntegerField():
            return COUNT | _bounds(field)
    if choices:
        return {"enum": [*choices, ""] if field.blank else choices}
    if field.name.endswith(("sha256", "digest")):
        return {"anyOf": [SHA256, {"const": ""}]} if field.blank else SHA256
    return _text(field.max_length) if field.max_length else TEXT


def _bounds(field: Any) -> Schema:
    """Return the least and the greatest value that a column's validators allow."""
    words = {MinValueValidator: "minimum", MaxValueValidator: "maximum"}
    return {words[type(one)]: one.limit_value for one in field._validators if type(one) in words}


def _object(properties: dict[str, Schema], optional: Iterable[str] = ()) -> Schema:
    left_open = set(optional)
    return {
        "type": "object",
        "properties": properties,
        "required": [name for name in properties if name not in left_open],
        "additionalProperties": False,
    }


def _list(items: Schema) -> Schema:
    return {"type": "array", "items": items}


def _text(longest: int) -> Schema:
    return {"type": "string", "maxLength": longest}


def _base64() -> Schema:
    return {"type": "string", "contentEncoding": "base64"}


def _or_null(told: Schema) -> Schema:
    return {"anyOf": [told, NULL]}


def _ref(name: str) -> Schema:
    return {"$ref": f"#/$defs/{name}"}
