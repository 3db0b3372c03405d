"""The archive: everything about a record as one canonical JSON value, for reading back elsewhere.

`content` is exactly what signatures cover, so its digest is the record's on any installation; what
stands beside it (people, versions, signatures, discussion, the audit log) tells how it came to be.
Rows are told by `FIELDS`, and an import reads them by the same table. People are named once, in
`people`, and referred to by their place in that list; other records by their `uid`.

The same record gives the same bytes: nothing in an archive says when or by whom it was made.

A record that came in from a file says again what that file said: `earlier` holds the logs that it
brought along, `events` the one of this installation alone. What may differ from the file is what an
installation calls things (the references of this record and of those it is related to, keys), the
owner, who was invited, that a signature was given, and of what came in as a draft the status and
the policy.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterable
from dataclasses import asdict
from datetime import UTC, date, datetime
from functools import cached_property
from typing import Any

from django.db.models import Model, Q

from decisions.audit import event_line
from decisions.audit_check import SIGNED, canonical
from decisions.case_results import CaseResult
from decisions.content import MATERIAL, content, digest
from decisions.exports.archive_form import FORMAT, FORMAT_VERSION
from decisions.models import (
    Assessment,
    Attachment,
    Comment,
    CommentEdit,
    Decision,
    DecisionLink,
    Event,
    Evidence,
    Goal,
    Import,
    OutcomeNote,
    Participant,
    Review,
    Section,
    SignOff,
    Thread,
    User,
    Version,
)

# What is told of each row beside the content. Dates are ISO 8601, moments in UTC, people numbers.
FIELDS: dict[type[Model], tuple[str, ...]] = {
    Decision: (
        "status",
        "visibility",
        "tags",
        "due_on",
        "review_on",
        "version",
        "policy",
        "owner",
        "created_at",
        "changed_at",
    ),
    Participant: ("user", "role", "is_signatory"),
    Section: ("kind", "state", "changed_at", "changed_by"),
    Goal: MATERIAL[Goal],
    Assessment: ("role", "criterion", "by", "at"),
    Evidence: ("number", "spec_digest", "attached_at", "attached_by", "stale_because"),
    Attachment: ("name", "content_type", "size", "sha256", "added_at", "added_by"),
    Version: ("number", "step", "digest", "at", "by"),
    SignOff: ("user", "signed_for", *SIGNED, "signed_at", "delegation_id", "is_imported"),
    Review: (
        "reviewer",
        "verdict",
        "body",
        "digest",
        "round",
        "sent_at",
        "lifted_at",
        "lifted_by",
    ),
    Thread: ("quote", "must_fix", "opened_at", "resolved_at", "resolved_by"),
    Comment: ("author", "body", "written_at", "edited_at"),
    CommentEdit: ("body", "written_at"),
    OutcomeNote: ("success", "text", "written_at", "written_by"),
    DecisionLink: ("relation", "made_at", "made_by"),
}
SUPERSEDED_BY = "superseded_by"
WITHDRAWN = ("withdrawn_at", "withdrawn_by", "withdrawn_reason")


def archive(
    decision: Decision, *, with_files: bool = False, results: Iterable[CaseResult] | None = None
) -> dict[str, Any]:
    """Return the archive of a record as plain JSON values.

    `with_files` puts the attached files into it (Base64); `results` are the single cases behind its
    evidence, as whoever measured them tells them.
    """
    told = _Archive(decision).told(with_files)
    return told if results is None else told | {"results": [asdict(one) for one in results]}


def canonical_archive(decision: Decision, **wanted: Any) -> bytes:
    """Return the archive as a file: canonical JSON (RFC 8785), UTF-8."""
    return canonical(archive(decision, **wanted))


class _Archive:
    """One record while it is told."""

    def __init__(self, decision: Decision) -> None:
        self.decision = decision
        self._people: dict[int, User] = {}
        self._places: dict[int, int] = {}

    def told(self, with_files: bool) -> dict[str, Any]:
        """Return everything; people come last, once it is known who is named."""
        decision = self.decision
        signed = content(decision)
        told: dict[str, Any] = {
            "format": FORMAT,
            "format_version": FORMAT_VERSION,
            "reference": decision.reference,
            "digest": digest(signed),
            "content": signed,
            "record": self._row(decision),
            "participants": self._rows(decision.participants.select_related("user")),
            "sections": self._rows(decision.sections.all()),
            "proposed_goals": self._rows(decision.goals.filter(is_accepted=False)),
            "assessments": [
                {"candidate": candidate.letter, **self._row(one)}
                for candidate in decision.candidates.all()
                for one in candidate.assessments.all()
            ],
            "evidence": [self._evidence(one) for one in decision.evidence.all()],
            "attachments": self._attachments(with_files),
            "versions": self._versions(),
            "sign_offs": self._rows(decision.sign_offs.all()),
            "reviews": self._rows(decision.reviews.all()),
            "threads": [self._thread(one) for one in decision.threads.all()],
            "outcome_notes": self._rows(decision.outcome_notes.all()),
            "relations": self._relations(),
            "events": [
                event_line(one, str(decision.uid)) | {"hash": one.hash}
                for one in decision.events.all()
            ],
            "earlier": self._earlier(),
        }
        return told | {"people": [_person(one) for one in self._people.values()]}

    @cached_property
    def _imported(self) -> Import | None:
        return Import.objects.filter(decision=self.decision).first()

    @cached_property
    def _file(self) -> dict[str, Any]:
        """Return what the file said that the record came in from; empty for one opened here."""
        imported = self._imported
        told: dict[str, Any] = json.loads(imported.archive) if imported else {}
        return told

    def _earlier(self) -> list[dict[str, Any]]:
        """Return the logs from before the record came in here, the first one first."""
        imported = self._imported
        if imported is None:
            return []
        last = {name: self._file[name] for name in ("reference", "events")}
        return [*self._file["earlier"], last | {"file": imported.sha256}]

    @cached_property
    def _as_imported(self) -> list[User]:
        """Return whom the file names, in its order."""
        named: list[int] = self._imported.people if self._imported else []
        found = User.objects.in_bulk(named)
        return [found[one] for one in named]

    def _with_the_files(
        self, part: str, rows: list[dict[str, Any]], key: Callable[[dict[str, Any]], Any]
    ) -> list[dict[str, Any]]:
        """Return a part as the file had it, with what no row could be made of, then newer rows."""
        here = {key(one): one for one in rows}
        said = self._file.get(part, [])
        told = [here.pop(key(one)) if key(one) in here else self._again(one) for one in said]
        return [*told, *here.values()]

    def _again(self, said: dict[str, Any]) -> dict[str, Any]:
        """Return a line of the file with its people as they are numbered here."""
        people = self._as_imported
        return {
            name: self._number_of(people[value]) if name in PEOPLE and value is not None else value
            for name, value in said.items()
            if name != "bytes"
        }

    def _rows(self, rows: Iterable[Model]) -> list[dict[str, Any]]:
        return [self._row(one) for one in rows]

    def _row(self, row: Model) -> dict[str, Any]:
        return self._fields(row, FIELDS[type(row)])

    def _fields(self, row: Model, names: Iterable[str]) -> dict[str, Any]:
        return {name: self._value(getattr(row, name)) for name in names}

    def _value(self, value: Any) -> Any:
        if isinstance(value, User):
            return self._number_of(value)
        if isinstance(value, datetime):
            return value.astimezone(UTC).isoformat()
        if isinstance(value, date):
            return value.isoformat()
        return value

    def _number_of(self, user: User) -> int:
        """Return a person's place in the list, where they are put when first named."""
        self._people.setdefault(user.pk, user)
        return self._places.setdefault(user.pk, len(self._places))

    def _evidence(self, one: Evidence) -> dict[str, Any]:
        """Return how a piece of evidence stands; what is withdrawn is not in the content: whole."""
        told = self._row(one)
        for name, file in (("attachment", one.attachment), ("notes", one.notes)):
            told[name] = file.sha256 if file else self._said_of.get(one.number, {}).get(name)
        if not one.is_withdrawn:
            return told
        other = one.compared_with
        whole = self._fields(one, MATERIAL[Evidence]) | {
            "candidate": one.candidate.letter,
            "compared_with": other.letter if other else None,
        }
        return told | {"said": whole, **self._fields(one, WITHDRAWN)}

    @cached_property
    def _said_of(self) -> dict[int, dict[str, Any]]:
        """Return what the file that the record came in from said of its evidence, by number."""
        return {line["number"]: line for line in self._file.get("evidence", ())}

    def _attachments(self, with_files: bool) -> list[dict[str, Any]]:
        rows = [
            self._attachment(one, with_files)
            for one in self.decision.attachments.select_related("added_by")
        ]
        return self._with_the_files("attachments", rows, lambda one: (one["sha256"], one["name"]))

    def _attachment(self, one: Attachment, with_files: bool) -> dict[str, Any]:
        told = self._row(one)
        if with_files:
            with one.file.open("rb") as file:
                told["bytes"] = base64.b64encode(file.read()).decode()
        return told

    def _versions(self) -> list[dict[str, Any]]:
        rows = [self._version(one) for one in self.decision.versions.select_related("by")]
        return self._with_the_files("versions", rows, lambda one: (one["number"], one["step"]))

    def _version(self, one: Version) -> dict[str, Any]:
        """Return a version, with what it said if somebody has signed or reviewed just that."""
        told = self._row(one)
        return told | {"content": one.content} if one.digest in self._answered else told

    @cached_property
    def _answered(self) -> set[str]:
        signed = self.decision.sign_offs.values_list("digest", flat=True)
        return {*signed, *self.decision.reviews.values_list("digest", flat=True)}

    def _thread(self, one: Thread) -> dict[str, Any]:
        reviews = [review.pk for review in self.decision.reviews.all()]
        return {
            "section": one.section.kind if one.section else None,
            **self._row(one),
            "comments": [
                {
                    **self._row(comment),
                    "review": reviews.index(comment.review_id) if comment.review_id else None,
                    "edits": self._rows(comment.edits.all()),
                }
                for comment in one.comments.all()
            ],
        }

    def _relations(self) -> list[dict[str, Any]]:
        """Return how the record stands to others, which it knows by `uid` and reference.

        What the file said of others it says again, whether they are here or not, unless a link here
        says the same, or did and was taken back: an archive tells nobody which records are here.
        """
        out = self.decision.links_out.select_related("target", "made_by")
        told = [
            {**self._row(one), "uid": str(one.target.uid), "reference": one.target.reference}
            for one in out
        ]
        later = self.decision.superseded_by
        successor = []
        if later:
            heir = {"uid": str(later.uid), "reference": later.reference}
            successor = [{"relation": SUPERSEDED_BY, "made_at": None, "made_by": None, **heir}]
        return [*told, *self._related_elsewhere([*told, *successor]), *successor]

    def _related_elsewhere(self, told: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
        """Return what the file said of others and what is told of links here does not."""
        said = self._file.get("relations", ())
        known = {(one["relation"], one["uid"]) for one in told}
        gone = self._taken_back([one["uid"] for one in said]) if said else ()
        return [
            self._again(one)
            for one in said
            if (one["relation"], one["uid"]) not in known and one["uid"] not in gone
        ]

    def _taken_back(self, named: Iterable[str]) -> set[str]:
        """Return which of some records, by `uid`, it was linked with here until that was undone.

        Either log may tell of it: who undid it may write in one of them alone.
        """
        here = {one.reference: str(one.uid) for one in Decision.objects.filter(uid__in=named)}
        own = self.decision.reference
        undone = Event.objects.filter(kind="unrelate").select_related("decision")
        pairs = [
            {one.decision.reference, one.data["other"]}
            for one in undone.filter(Q(decision=self.decision) | Q(decision__uid__in=named))
        ]
        return {uid for reference, uid in here.items() if {own, reference} in pairs}


def _person(one: User) -> dict[str, Any]:
    """Return a person's name, and the number that the log and signatures have for them here.

    That tells namesakes apart. Their address is not told, in no form: an archive travels further
    than the people in it were asked.
    """
    return {"id": one.pk, "name": one.name or one.username}


# The names of all fields that hold a person.
PEOPLE = frozenset(
    name
    for model, names in FIELDS.items()
    for name in names
    if model._meta.get_field(name).related_model is User and not name.endswith("_id")
)
