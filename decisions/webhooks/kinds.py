"""The kinds of event a webhook can be told of, in words that give away nothing of a record."""

from dataclasses import dataclass

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from decisions.section_kinds import Text


@dataclass(frozen=True)
class Group:
    """Kinds of event that belong together."""

    key: str
    title: Text
    kinds: dict[str, Text]


GROUPS = (
    Group(
        "way",
        gettext_lazy("The record’s way"),
        {
            "open": gettext_lazy("A decision is opened"),
            "import": gettext_lazy("A record is imported from a file"),
            "submit": gettext_lazy("A record is submitted for review"),
            "approve": gettext_lazy("A record is approved"),
            "reopen": gettext_lazy("A record is reopened"),
            "withdraw": gettext_lazy("A record is withdrawn"),
            "supersede": gettext_lazy("A record is superseded"),
            "supersedes": gettext_lazy("A record takes the place of another"),
            "amend": gettext_lazy("A record is amended by another"),
            "amends": gettext_lazy("A record amends another"),
            "relate": gettext_lazy("Two records are linked"),
            "unrelate": gettext_lazy("A link between records is removed"),
            "note_outcome": gettext_lazy("It is noted what became of a decision"),
            "export": gettext_lazy("A document is asked for"),
        },
    ),
    Group(
        "signatures",
        gettext_lazy("Signatures"),
        {
            "sign": gettext_lazy("A role signs, with or without a reservation, or rejects"),
            "delegate": gettext_lazy("Someone is asked to sign in another’s place"),
            "accept_delegation": gettext_lazy("Someone agrees to sign in another’s place"),
            "end_delegation": gettext_lazy("Signing in another’s place ends"),
        },
    ),
    Group(
        "review",
        gettext_lazy("Review"),
        {
            "review": gettext_lazy("A review is sent"),
            "lift": gettext_lazy("A request for changes is lifted"),
            "comment": gettext_lazy("A thread is begun"),
            "reply": gettext_lazy("A thread is answered"),
            "edit_comment": gettext_lazy("A comment is changed"),
            "resolve": gettext_lazy("A thread is resolved"),
            "unresolve": gettext_lazy("A thread is taken up again"),
        },
    ),
    Group(
        "content",
        gettext_lazy("What the record says"),
        {
            "edit_details": gettext_lazy("Title, due date, tags or readers change"),
            "edit_section": gettext_lazy("A part is written"),
            "mark_section": gettext_lazy("A part is marked complete, or no longer"),
            "add_goal": gettext_lazy("A goal is added"),
            "propose_goal": gettext_lazy("A role proposes a goal"),
            "accept_goal": gettext_lazy("A proposed goal is accepted"),
            "decline_goal": gettext_lazy("A proposed goal is declined"),
            "edit_goal": gettext_lazy("A goal changes"),
            "remove_goal": gettext_lazy("A goal is removed"),
            "apply_weights": gettext_lazy("The weights of goals and roles change"),
            "add_candidate": gettext_lazy("A candidate is put under consideration"),
            "edit_candidate": gettext_lazy("A candidate changes"),
            "assess": gettext_lazy("A role rates a candidate"),
            "attach_evidence": gettext_lazy("A run’s evidence is attached"),
            "add_evidence": gettext_lazy("Evidence from outside is added"),
            "withdraw_evidence": gettext_lazy("Evidence is withdrawn"),
            "mark_stale": gettext_lazy("Evidence is out of date"),
            "mark_fresh": gettext_lazy("Evidence is no longer out of date"),
        },
    ),
    Group(
        "people",
        gettext_lazy("People"),
        {
            "invite": gettext_lazy("Someone is given a role"),
            "change_role": gettext_lazy("Someone’s role changes"),
            "name_signatory": gettext_lazy("Someone is named to sign for a role"),
            "release_signatory": gettext_lazy("Someone no longer signs for a role"),
            "remove": gettext_lazy("Someone is taken off a record"),
        },
    ),
)
KINDS: dict[str, Text] = {kind: words for group in GROUPS for kind, words in group.kinds.items()}


def in_words(kind: str) -> str:
    """Return what happened without saying anything of the record; a new kind has no words yet."""
    return str(KINDS.get(kind) or _("Something happened to a record"))
