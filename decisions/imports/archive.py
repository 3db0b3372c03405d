"""From an archive to the rows of a record.

Whoever the file names becomes a person "as imported" (`User.known_by`), whether or not they have an
account here: what a file says that Maren signed was not signed by Maren's account. Who has an
account here under the name of somebody who takes part may be invited by whoever brings the file in;
they then take part beside that, with their own account, and on an open record sign where that one
was to sign: nobody signs as imported (`Participant.has_seat`).
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Collection, Iterable
from datetime import UTC, date, datetime
from functools import cached_property
from typing import Any

from django.contrib.auth.hashers import make_password
from django.core.exceptions import ValidationError
from django.core.files.base import ContentFile
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext as _

from decisions import clock
from decisions.content import MATERIAL
from decisions.exports.archive import FIELDS, PEOPLE, SUPERSEDED_BY, WITHDRAWN
from decisions.forms.records import DetailsForm
from decisions.forms.sections import MAKERS
from decisions.imports.reading import BadFile, Brought
from decisions.models import (
    Assessment,
    Attachment,
    Candidate,
    Comment,
    CommentEdit,
    Decision,
    DecisionLink,
    Delegation,
    Evidence,
    Goal,
    Import,
    OutcomeNote,
    Participant,
    RecordTemplate,
    Relation,
    Review,
    Section,
    SignOff,
    Status,
    Thread,
    User,
    Version,
)
from decisions.models.decision import ONCE_APPROVED
from decisions.policies import may
from decisions.section_kinds import SECTION_KINDS, Field, FieldType
from decisions.signing_policy import SigningPolicy

Said = dict[str, Any]


class Coming:
    """One record while it comes in; `left_out` says in sentences what could not.

    The caller holds the transaction, and looks whether the rows say what the file does.
    """

    def __init__(self, brought: Brought, by: User, invited: Collection[int] = ()) -> None:
        self.said = brought.archive
        self.files = brought.files
        self.by = by
        self.asked = set(invited)
        self.left_out: list[str] = []
        # Which records here were linked, and what their logs call that.
        self.linked: list[tuple[Decision, str]] = []
        self.written: list[Attachment] = []

    @property
    def status(self) -> str:
        """Return how it comes in: nobody here was asked to review it, so that is a draft."""
        status: str = self.said["record"]["status"]
        return Status.DRAFT if status == Status.IN_REVIEW else status

    def write(self, number: int) -> Decision:
        """Write all rows of the record under this number but its log; return it."""
        self._refuse_unknown_kinds()
        self._lock_others()
        self.record = self._decision(number)
        self._parts()
        self._rated()
        self._attachments()
        self._evidence()
        self._participants()
        self._versions()
        self._sign_offs()
        self._discussion()
        self._all(OutcomeNote, self.said["outcome_notes"], decision=self.record)
        self._relations()
        self._results()
        return self.record

    # --- People -----------------------------------------------------------------------------------

    @cached_property
    def people(self) -> list[User]:
        """Return whoever the file names, as imported, in its order.

        Made in one order whatever the file's: two that come in at once do not wait for each other.
        """
        named = [(one["name"], str(one["id"])) for one in self.said["people"]]
        kept = {one: as_imported(*one) for one in sorted(set(named))}
        return [kept[one] for one in named]

    @cached_property
    def invited(self) -> list[User]:
        """Return the accounts that take part themselves."""
        found = namesakes(self.said) if self.asked else {}
        return [one for accounts in found.values() for one in accounts if one.pk in self.asked]

    def _participants(self) -> None:
        """Write who takes part; who is invited sits where the file has one of their name.

        Nobody signs a closed record any more: there the file's own people keep the seats.
        """
        self._all(Participant, self.said["participants"], decision=self.record)
        for one in self.said["participants"]:
            name = self.said["people"][one["user"]]["name"]
            signs = one["is_signatory"] and self.record.is_open
            for account in self.invited:
                if str(account) == name:
                    self._invite(account, one["role"], signs)

    def _invite(self, account: User, role: str, signs: bool) -> None:
        """Give an account a role, of several of its name the seat that any of them has."""
        values: Said = {"decision": self.record, "user": account, "role": role}
        if signs:
            Participant.objects.update_or_create(**values, defaults={"is_signatory": True})
        else:
            Participant.objects.get_or_create(**values)

    # --- The content ------------------------------------------------------------------------------

    @property
    def _content(self) -> Said:
        content: Said = self.said["content"]
        return content

    def _refuse_unknown_kinds(self) -> None:
        """Raise `BadFile` for parts and templates that this installation does not have."""
        key = self._content["decision"]["template"]
        if not RecordTemplate.objects.filter(key=key).exists():
            told = _("There is no record template “%(key)s” here: add it first, then import.")
            raise BadFile(told % {"key": key})
        for one in self._content["sections"]:
            kind = SECTION_KINDS.get(one["kind"])
            if kind is None:
                told = _("This installation does not know the part “%(kind)s”.")
                raise BadFile(told % {"kind": one["kind"]})
            asked = {field.name: field for field in kind.fields}
            for name, answer in one["data"].items():
                if not self._answers(asked.get(name), answer):
                    told = _("“%(name)s” in “%(kind)s” is not an answer.")
                    raise BadFile(told % {"name": name, "kind": one["kind"]})
        try:
            DetailsForm.base_fields["tags"].clean(", ".join(self.said["record"]["tags"]))
        except ValidationError as error:
            raise BadFile(_("The file has more tags than a record can.")) from error

    def _answers(self, field: Field | None, answer: Any) -> bool:
        """Return whether a form would have taken an answer; a text may be of any length."""
        if field is None or field.type == FieldType.MARKDOWN:
            return isinstance(answer, str)
        if field.type == FieldType.CANDIDATES:
            letters = [one["letter"] for one in self._content["candidates"]]
            return isinstance(answer, list) and set(answer) <= set(letters)
        try:
            taken = MAKERS[field.type](field, Section()).clean(answer)
        except ValidationError:
            return False
        return field.type != FieldType.DATE or taken is None or taken.isoformat() == answer

    def _decision(self, number: int) -> Decision:
        told = self._content["decision"]
        values = self._values(Decision, self.said["record"]) | {"owner": self.by}
        if self.status == Status.DRAFT:
            values["policy"] = {}
        else:
            _refuse_no_policy(values["policy"])
        values |= {"status": self.status, "superseded_by": self._successor()}
        values["is_approved_elsewhere"] = self.status in ONCE_APPROVED
        return Decision.objects.create(
            number=number,
            uid=uuid.UUID(told["uid"]),
            title=told["title"],
            template_id=told["template"],
            round=told["round"],
            role_weights=told.get("role_weights", {}),
            digest=self.said["digest"],
            **values,
        )

    def _successor(self) -> Decision | None:
        """Return the record in whose favour this one was given up; raises `BadFile` without it."""
        if self.status != Status.SUPERSEDED:
            return None
        later = [one for one in self.said["relations"] if one["relation"] == SUPERSEDED_BY]
        found = self._here(later[0]) if later else None
        if found is None:
            name = later[0]["reference"] if later else "?"
            told = _("The record was superseded by %(name)s of the same place: import that first.")
            raise BadFile(told % {"name": name})
        if not found.is_approved_elsewhere:
            told = _("A file cannot say that %(other)s, which stands here, superseded the record.")
            raise BadFile(told % {"other": found.reference})
        self.linked.append((found, "supersedes"))
        return found

    def _parts(self) -> None:
        """Write the sections, the goals and the candidates in their order."""
        state = {one["kind"]: one for one in self.said["sections"]}
        if state.keys() != {one["kind"] for one in self._content["sections"]}:
            raise BadFile(_("The file does not say of every part how far it is."))
        for place, one in enumerate(self._content["sections"]):
            values = self._values(Section, state[one["kind"]]) | one
            Section.objects.create(decision=self.record, position=place, **values)
        accepted = [(one, True) for one in self._content["goals"]]
        proposed = [(one, False) for one in self.said["proposed_goals"]]
        for place, (one, holds) in enumerate(accepted + proposed):
            Goal.objects.create(decision=self.record, position=place, is_accepted=holds, **one)
        self.candidates = {
            one["letter"]: Candidate.objects.create(
                decision=self.record,
                position=place,
                **{name: one[name] for name in MATERIAL[Candidate]},
            )
            for place, one in enumerate(self._content["candidates"])
        }

    def _rated(self) -> None:
        """Write what the roles say of the candidates; who said it stands beside the content."""
        said_by = {
            (one["candidate"], one["role"], one["criterion"]): self._values(Assessment, one)
            for one in self.said["assessments"]
        }
        for candidate in self._content["candidates"]:
            for one in candidate["assessments"]:
                key = (candidate["letter"], one["role"], one["criterion"])
                if key not in said_by:
                    raise BadFile(_("The file does not say who has rated a candidate."))
                Assessment.objects.create(
                    candidate=self.candidates[candidate["letter"]], **said_by.pop(key) | one
                )
        if said_by:
            raise BadFile(_("The file says who has rated a candidate that was not rated."))

    def _evidence(self) -> None:
        """Write the evidence, also what is withdrawn, by its numbers."""
        standing = {one["number"]: one for one in self._content["evidence"]}
        for one in self.said["evidence"]:
            told = one.get("said") or standing.pop(one["number"], None)
            if told is None or told["number"] != one["number"]:
                raise BadFile(_("E%(number)s in the file says nothing.") % one)
            Evidence.objects.create(
                decision=self.record,
                **self._values(Evidence, one, WITHDRAWN),
                **{name: told[name] for name in MATERIAL[Evidence] if name != "number"},
                candidate=self._candidate(told["candidate"]),
                compared_with=told["compared_with"] and self._candidate(told["compared_with"]),
                attachment=self.attached.get(one["attachment"]),
                notes=self.attached.get(one["notes"]),
            )
        if standing:
            raise BadFile(
                _("The file does not say when E%(number)s came.") % {"number": min(standing)}
            )

    def _candidate(self, letter: str) -> Candidate:
        if letter not in self.candidates:
            raise BadFile(
                _("The file speaks of a candidate %(letter)s that is not in it.")
                % {"letter": letter}
            )
        return self.candidates[letter]

    def _attachments(self) -> None:
        """Keep the attached files whose bytes are in the file."""
        self.attached: dict[str | None, Attachment] = {}
        for one in self.said["attachments"]:
            content = self.files.get(one["sha256"])
            if content is None:
                self.left_out.append(_("The attached file %(name)s is not in it.") % one)
                continue
            kept = Attachment(decision=self.record, **self._values(Attachment, one))
            self.written.append(kept)
            # Never a name that came from outside.
            kept.file.save(one["sha256"], ContentFile(content), save=True)
            self.attached.setdefault(one["sha256"], kept)

    # --- What became of it ------------------------------------------------------------------------

    def _versions(self) -> None:
        """Keep the versions of which the file tells what they said, the present one among them."""
        for one in self.said["versions"]:
            now = one["digest"] == self.said["digest"]
            content = one.get("content") or (self._content if now else None)
            if content:
                values = self._values(Version, one)
                Version.objects.create(decision=self.record, content=content, **values)

    def _sign_offs(self) -> None:
        """Write the signatures that the file claims; none of them was given here."""
        for one in self.said["sign_offs"]:
            _refuse_no_policy(one["policy"])
            values = self._values(SignOff, one) | {"is_imported": True}
            giver = values["signed_for"]
            SignOff.objects.create(
                decision=self.record,
                delegation=self._delegation(giver, values["user"]) if giver else None,
                **values,
            )

    def _delegation(self, giver: User, taker: User) -> Delegation:
        """Return a delegation as the file implies it, ended: nobody signs by it here."""
        now = clock.now()
        ended = {"offered_at": now, "accepted_at": now, "ended_at": now, "ended_by": self.by}
        found, _is_new = Delegation.objects.get_or_create(
            giver=giver, taker=taker, decision=self.record, defaults=ended
        )
        return found

    def _discussion(self) -> None:
        """Write the reviews, and the threads with their comments and what those said before."""
        reviews = self._all(Review, self.said["reviews"], decision=self.record)
        sections = {one.kind: one for one in self.record.sections.all()}
        for told in self.said["threads"]:
            if told["section"] is not None and told["section"] not in sections:
                raise BadFile(_("The file speaks of a part that is not in it."))
            thread = Thread.objects.create(
                decision=self.record,
                section=sections.get(told["section"]),
                **self._values(Thread, told),
            )
            for one in told["comments"]:
                self._comment(thread, one, reviews)

    def _comment(self, thread: Thread, told: Said, reviews: list[Review]) -> None:
        place = told["review"]
        if place is not None and place >= len(reviews):
            raise BadFile(_("The file speaks of a review that is not in it."))
        comment = Comment.objects.create(
            thread=thread,
            review=None if place is None else reviews[place],
            **self._values(Comment, told),
        )
        self._all(CommentEdit, told["edits"], comment=comment)

    @property
    def _is_named(self) -> Q:
        return Q(uid__in=[one["uid"] for one in self.said["relations"]])

    def _lock_others(self) -> None:
        """Lock all that may be linked with it, as `both_locked` does, before any of it is."""
        visible = Decision.objects.visible_to(self.by)
        keys = visible.filter(self._is_named | Q(imported__in=self._speaking_of_it)).values("pk")
        list(Decision.objects.select_for_update().filter(pk__in=keys).order_by("pk"))

    @cached_property
    def _others(self) -> dict[str, list[Decision]]:
        """Return the records here that the file speaks of and that who imports it may read.

        Of several copies the one that was opened here stands last, before it what came in last.
        """
        found: dict[str, list[Decision]] = {}
        visible = Decision.objects.visible_to(self.by).filter(self._is_named)
        for one in visible.alias(is_ours=Q(imported=None)).order_by("is_ours", "number"):
            found.setdefault(str(one.uid), []).append(one)
        return found

    def _here(self, relation: Said) -> Decision | None:
        """Return the record here of which a file says this.

        Of what superseded it and of what it amends that is rather a copy that came from a file.
        """
        copies = self._others.get(relation["uid"], [])
        if relation["relation"] != Relation.RELATES:
            copies = sorted(copies, key=lambda one: one.is_approved_elsewhere)
        return copies[-1] if copies else None

    def _relations(self) -> None:
        """Link the record to those here, and those here to it that came in before it.

        What amends a record that was approved here is for its owner to say, not for a file.
        """
        for one in self.said["relations"]:
            if one["relation"] == SUPERSEDED_BY:
                continue
            is_amending = one["relation"] == Relation.AMENDS
            other = self._here(one)
            if other is None:
                told = _("The link to %(reference)s of the same place, until that is brought in.")
                self.left_out.append(told % one)
            elif is_amending and not self._may_be_amended(other):
                told = _("That it amends %(other)s is for the owner of that record to say.")
                self.left_out.append(told % {"other": other.reference})
            else:
                values = self._values(DecisionLink, one)
                DecisionLink.objects.create(source=self.record, target=other, **values)
                self.linked.append((other, "amend" if is_amending else "relate"))
        copies = Decision.objects.visible_to(self.by).filter(uid=self.record.uid)
        if not copies.exclude(pk=self.record.pk).exists():
            for imported in self._speaking_of_it.select_related("decision").order_by("pk"):
                self._link_back(imported)

    @property
    def _speaking_of_it(self) -> models.QuerySet[Import]:
        """Return what else the person brought in whose files name the record."""
        uid = self._content["decision"]["uid"]
        return Import.objects.filter(decision__owner=self.by, archive__contains=uid)

    def _link_back(self, imported: Import) -> None:
        """Link to the record one whose file spoke of it while it was not here."""
        people = User.objects.in_bulk(imported.people)
        for one in json.loads(imported.archive)["relations"]:
            is_amending = one["relation"] == Relation.AMENDS
            is_whole = None not in (one["made_at"], one["made_by"])
            is_link = one["relation"] in Relation.values and is_whole
            if one["uid"] != str(self.record.uid) or not is_link:
                continue
            if is_amending and not self._may_be_amended(self.record):
                continue
            _link, is_new = DecisionLink.objects.get_or_create(
                source=imported.decision,
                target=self.record,
                relation=one["relation"],
                defaults={
                    "made_at": datetime.fromisoformat(one["made_at"]).astimezone(UTC),
                    "made_by": people[imported.people[one["made_by"]]],
                },
            )
            if is_new:
                self.linked.append((imported.decision, "amends" if is_amending else "relate"))

    def _may_be_amended(self, record: Decision) -> bool:
        """Return whether a file is believed on what amends a record."""
        return record.is_approved_elsewhere and may("amend", record, self.by)

    def _results(self) -> None:
        """Say that single cases stay outside: the runs that they were of are not here.

        The evidence keeps its figures, and the digest of the results that they rest on.
        """
        if cases := len(self.said.get("results", ())):
            told = _("The %(count)s single results are not taken in, only the evidence from them.")
            self.left_out.append(told % {"count": cases})

    # --- Values -----------------------------------------------------------------------------------

    def _all(self, model: type[models.Model], told: Iterable[Said], **of: Any) -> list[Any]:
        """Write a row for each line, in their order."""
        return [model._default_manager.create(**of, **self._values(model, one)) for one in told]

    def _values(
        self, model: type[models.Model], told: Said, more: Iterable[str] = ()
    ) -> dict[str, Any]:
        """Return the values of a row that a line of the file tells of."""
        names = [*FIELDS[model], *(name for name in more if name in told)]
        names = [name for name in names if not name.endswith("_id")]
        return {name: self._value(model, name, told[name]) for name in names}

    def _value(self, model: type[models.Model], name: str, said: Any) -> Any:
        if said is None:
            return None
        if name in PEOPLE or name == "withdrawn_by":
            return self.people[said]
        match model._meta.get_field(name):
            case models.DateTimeField():
                return datetime.fromisoformat(said).astimezone(UTC)
            case models.DateField():
                return date.fromisoformat(said)
        return said


def namesakes(archive: Said) -> dict[str, list[User]]:
    """Return the accounts here by the names of those who take part, as the file tells.

    A name shows nothing: whether it is the same person, whoever brings the file in has to know.
    """
    names = {archive["people"][one["user"]]["name"] for one in archive["participants"]}
    found: dict[str, list[User]] = {}
    active = User.objects.filter(is_active=True).only("pk", "name", "username", "known_by")
    for one in active.order_by("pk"):
        if str(one) in names:
            found.setdefault(str(one), []).append(one)
    return found


def as_imported(name: str, number: str) -> User:
    """Return the person whom files know by this name and number; nobody signs in as them."""
    unknown = uuid.uuid4().hex
    found, _is_new = User.objects.get_or_create(
        known_by=number,
        name=name,
        defaults={
            "username": f"as-imported-{unknown}",
            "email": f"{unknown}@as-imported.invalid",
            "password": make_password(None),
            "is_active": False,
        },
    )
    return found


def _refuse_no_policy(policy: Said) -> None:
    try:
        SigningPolicy.from_json(policy)
    except (ValueError, TypeError, AttributeError) as error:
        raise BadFile(_("The file does not say who had to sign.")) from error
