"""The audit log in plain sentences."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from typing import Any

from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from decisions.audit import signature_digest
from decisions.models import Event, Meaning, Role, SignOff, Success, Verdict
from decisions.numbers import format_number
from decisions.section_kinds import SECTION_KINDS, Text

SENTENCES: dict[str, Text] = {
    "open": gettext_lazy("opened the decision"),
    "open_from_file": gettext_lazy("opened the decision from the file “%(file)s”"),
    "import": gettext_lazy("imported the record, elsewhere %(reference)s, from a file"),
    "edit_details": gettext_lazy("changed the details"),
    "invite": gettext_lazy("gave %(person)s the role %(role)s"),
    "invite_signatory": gettext_lazy("gave %(person)s the role %(role)s, to sign for it"),
    "change_role": gettext_lazy("gave %(person)s the role %(role)s instead of %(before)s"),
    "name_signatory": gettext_lazy("had %(person)s sign for %(role)s"),
    "release_signatory": gettext_lazy("no longer had %(person)s sign for %(role)s"),
    "remove": gettext_lazy("took the role %(role)s from %(person)s"),
    "edit_section": gettext_lazy("wrote “%(section)s”"),
    "mark_section": gettext_lazy("marked “%(section)s”: %(state)s"),
    "add_goal": gettext_lazy("added the goal “%(goal)s”"),
    "edit_goal": gettext_lazy("changed the goal “%(goal)s”"),
    "propose_goal": gettext_lazy("proposed the goal “%(goal)s”"),
    "accept_goal": gettext_lazy("accepted the goal “%(goal)s”"),
    "decline_goal": gettext_lazy("declined the goal “%(goal)s”"),
    "decline_goal_because": gettext_lazy("declined the goal “%(goal)s”: %(reason)s"),
    "remove_goal": gettext_lazy("removed the goal “%(goal)s”"),
    "apply_weights": gettext_lazy("set the weights: %(weights)s"),
    "add_candidate": gettext_lazy("put “%(candidate)s” under consideration"),
    "edit_candidate": gettext_lazy("changed the candidate “%(candidate)s”"),
    "assess": gettext_lazy("rated “%(candidate)s” for %(role)s"),
    "attach_evidence": gettext_lazy("attached evidence on “%(candidate)s”: %(evidence)s"),
    "add_evidence": gettext_lazy("added evidence on “%(candidate)s”: %(evidence)s"),
    "withdraw_evidence": gettext_lazy("withdrew %(evidence)s: %(reason)s"),
    "mark_stale": gettext_lazy("marked %(evidence)s as out of date: %(reason)s"),
    "mark_fresh": gettext_lazy("took it back that %(evidence)s is out of date"),
    "comment": gettext_lazy("commented"),
    "reply": gettext_lazy("replied to a comment"),
    "resolve": gettext_lazy("resolved a thread"),
    "unresolve": gettext_lazy("took a thread up again"),
    "review": gettext_lazy("sent a review: %(verdict)s"),
    "lift": gettext_lazy("lifted a request for changes"),
    "submit": gettext_lazy("submitted the record for review"),
    "sign": gettext_lazy("signed for %(role)s: %(meaning)s"),
    "sign_for": gettext_lazy("signed for %(role)s in place of %(for)s: %(meaning)s"),
    "delegate": gettext_lazy("asked %(taker)s to sign in their place"),
    "accept_delegation": gettext_lazy("agreed to sign in place of %(giver)s"),
    "end_delegation": gettext_lazy("ended the delegation from %(giver)s to %(taker)s"),
    "declined": gettext_lazy("declined to sign in place of %(giver)s"),
    "called_off": gettext_lazy("no longer asks %(taker)s to sign in their place"),
    "revoked": gettext_lazy("no longer lets %(taker)s sign in their place"),
    "given_back": gettext_lazy("no longer signs in place of %(giver)s"),
    "edit_comment": gettext_lazy("changed a comment"),
    "amend": gettext_lazy("noted that %(other)s amends the record"),
    "amends": gettext_lazy("noted that the record amends %(other)s"),
    "supersedes": gettext_lazy("put the record in the place of %(other)s"),
    "relate": gettext_lazy("linked the record to %(other)s"),
    "unrelate": gettext_lazy("removed the link to %(other)s"),
    "note_outcome": gettext_lazy("noted what became of it: %(success)s"),
    "approve": gettext_lazy("approved the record"),
    "withdraw": gettext_lazy("withdrew the record: %(reason)s"),
    "reopen": gettext_lazy("reopened the record: %(reason)s"),
    "supersede": gettext_lazy("superseded the record by %(successor)s"),
    "export": gettext_lazy("asked for the document"),
}


ICONS: dict[str, str] = {
    "sign": "seal",
    "approve": "seal",
    "attach_evidence": "play",
    "add_evidence": "plus",
    "comment": "comment",
    "reply": "comment",
    "review": "comment",
    "resolve": "check",
    "submit": "arrow",
    "invite": "people",
    "remove": "people",
    "change_role": "people",
    "name_signatory": "people",
    "release_signatory": "people",
    "delegate": "people",
    "accept_delegation": "people",
    "end_delegation": "people",
    "export": "file",
    "import": "file",
    "reopen": "seal-broken",
    "withdraw": "warning",
    "supersede": "warning",
    "mark_stale": "warning",
}


@dataclass(frozen=True)
class Topic:
    """What a reader may ask the history for: its name, and the kinds of event that belong to it."""

    key: str
    name: Text
    kinds: tuple[str, ...]


_TOPICS = (
    Topic(
        "content",
        gettext_lazy("What it says"),
        (
            "edit_details",
            "edit_section",
            "mark_section",
            "add_goal",
            "edit_goal",
            "propose_goal",
            "accept_goal",
            "decline_goal",
            "remove_goal",
            "apply_weights",
            "add_candidate",
            "edit_candidate",
            "assess",
        ),
    ),
    Topic(
        "evidence",
        gettext_lazy("Evidence"),
        (
            "attach_evidence",
            "add_evidence",
            "withdraw_evidence",
            "mark_stale",
            "mark_fresh",
        ),
    ),
    Topic(
        "review",
        gettext_lazy("Comments and reviews"),
        ("comment", "reply", "edit_comment", "resolve", "unresolve", "review", "lift"),
    ),
    Topic(
        "signatures",
        gettext_lazy("Signatures"),
        ("sign", "delegate", "accept_delegation", "end_delegation"),
    ),
    Topic(
        "people",
        gettext_lazy("People"),
        ("invite", "change_role", "name_signatory", "release_signatory", "remove"),
    ),
    Topic(
        "course",
        gettext_lazy("Its course"),
        ("open", "import", "submit", "approve", "reopen", "withdraw", "supersede", "note_outcome"),
    ),
    Topic(
        "relations",
        gettext_lazy("Other records"),
        ("amend", "amends", "relate", "unrelate", "supersedes"),
    ),
    Topic("documents", gettext_lazy("Documents"), ("export",)),
)
TOPICS: dict[str, Topic] = {one.key: one for one in _TOPICS}


@dataclass(frozen=True)
class Line:
    """An event and its sentence, which goes on after the actor's name.

    `words` are those of a reservation or a rejection.
    """

    event: Event
    sentence: str
    words: str = ""

    @property
    def day(self) -> date:
        """Return the day on which it happened, where the reader is."""
        return timezone.localdate(self.event.at)

    @property
    def icon(self) -> str:
        """Return the symbol for this kind of event."""
        return ICONS.get(self.event.kind, "edit")

    @property
    def changed_content(self) -> bool:
        """Return whether what the record says changed."""
        return self.event.digest_before != self.event.digest_after


def lines(events: Iterable[Event], signatures: Iterable[SignOff] = ()) -> list[Line]:
    """Return events as sentences, in their order, with the words of those `signatures`."""
    said = list(signatures)
    return [Line(event, sentence(event), _words_of(event, said)) for event in events]


def _words_of(event: Event, signatures: list[SignOff]) -> str:
    """Return the words of the signature that an event tells of, "" if there are none."""
    if event.kind != "sign" or event.data.get("meaning") == Meaning.APPROVE:
        return ""
    return next((one.text for one in signatures if _tells_of(event, one)), "")


def _tells_of(event: Event, one: SignOff) -> bool:
    """Return whether an event is that of a signature; older ones name no digest of the whole."""
    told = (event.actor_id, event.data.get("role"), event.data.get("digest"))
    if told != (one.user_id, one.role, one.digest):
        return False
    return event.data.get("signature", "") in ("", signature_digest(one))


def sentence(event: Event) -> str:
    """Return what happened; an event of an unknown kind is named by its kind."""
    words = SENTENCES.get(_told_as(event))
    if words is None:
        return event.kind.replace("_", " ")
    told = str(words) % {name: _worded(name, value) for name, value in event.data.items()}
    if gone := event.data.get("withdrawn"):
        told = _("%(told)s; this withdrew %(names)s") % {"told": told, "names": ", ".join(gone)}
    return told


def _told_as(event: Event) -> str:
    """Return under which name an event's sentence stands."""
    match event.kind:
        case "open" if "file" in event.data:
            return "open_from_file"
        case "sign" if "for" in event.data:
            return "sign_for"
        case "decline_goal" if event.data.get("reason"):
            return "decline_goal_because"
        case "invite" if event.data.get("signs"):
            return "invite_signatory"
        case "end_delegation" if event.data.get("how") in SENTENCES:
            return str(event.data["how"])
    return event.kind


def _worded(name: str, value: Any) -> Any:
    """Return an event's value in words."""
    match name:
        case "role" | "before" if value in Role.values:
            return Role(value).label
        case "section" if value in SECTION_KINDS:
            return SECTION_KINDS[value].title
        case "verdict":
            return Verdict(value).label
        case "success":
            return Success(value).label
        case "meaning":
            return Meaning(value).label
        case "state":
            return _("complete") if value == "complete" else _("not complete")
        case "evidence" if isinstance(value, list):
            return ", ".join(one["name"] for one in value)
        case "weights":
            return ", ".join(f"{one['name']} {format_number(one['weight'])}" for one in value)
    return value
