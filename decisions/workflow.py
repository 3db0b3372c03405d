"""The table of moves: which action, from which statuses, to which, by whom, held back by what.

Buttons, refusals, tests and the diagram in docs/architecture.md all read this table.
"""

from dataclasses import dataclass
from enum import StrEnum

from django.utils.translation import gettext_lazy as _

from decisions.models.decision import Status
from decisions.section_kinds import Text

DRAFT, IN_REVIEW, APPROVED = Status.DRAFT, Status.IN_REVIEW, Status.APPROVED
WITHDRAWN, SUPERSEDED = Status.WITHDRAWN, Status.SUPERSEDED


class Party(StrEnum):
    """In which capacity a person acts; see `policies.PARTIES` for what each means."""

    READER = "reader"
    PARTICIPANT = "participant"
    OWNER = "owner"
    WRITER = "writer"
    AUTHOR = "author"
    PROPOSER = "proposer"
    DATA_SCIENCE = "data_science"
    SIGNATORY = "signatory"
    STAND_IN = "stand_in"
    GIVER = "giver"
    TAKER = "taker"


PARTY_NAMES: dict[Party, Text] = {
    Party.READER: _("a reader"),
    Party.PARTICIPANT: _("a participant"),
    Party.OWNER: _("the owner"),
    Party.WRITER: _("the role that writes this part"),
    Party.AUTHOR: _("its author"),
    Party.PROPOSER: _("the role that proposed it (until it is changed or accepted)"),
    Party.DATA_SCIENCE: _("data science"),
    Party.SIGNATORY: _("a signatory"),
    Party.STAND_IN: _("someone who stands in for a signatory"),
    Party.GIVER: _("who gave the delegation"),
    Party.TAKER: _("who it was given to"),
}


class Hold(StrEnum):
    """What can hold a move back until someone puts it right; see `blockers.HOLDS`."""

    UNFINISHED = "unfinished"
    UNSIGNABLE = "unsignable"
    CHANGES_REQUESTED = "changes_requested"
    MUST_FIX = "must_fix"
    NOT_YET = "not_yet"
    UNSIGNED = "unsigned"
    SIGNED_BY_AUTHOR = "signed_by_author"


@dataclass(frozen=True)
class Move:
    """One row of the table; without a `target` the status stays as it is."""

    action: str
    verb: Text
    sources: tuple[Status, ...]
    target: Status | None
    parties: tuple[Party, ...]
    holds: tuple[Hold, ...] = ()


OPEN = (DRAFT, IN_REVIEW)
ANY = tuple(Status)
CLOSED = (APPROVED, SUPERSEDED)
OWNER, WRITER, AUTHOR, PROPOSER = Party.OWNER, Party.WRITER, Party.AUTHOR, Party.PROPOSER
PARTICIPANT, SIGNATORY, SCIENCE = Party.PARTICIPANT, Party.SIGNATORY, Party.DATA_SCIENCE
STAND_IN, GIVER, TAKER = Party.STAND_IN, Party.GIVER, Party.TAKER

# fmt: off
_TABLE = (
    # action, what it does, from, to, by, held back by
    Move("read", _("read the record"), ANY, None, (Party.READER,)),
    Move("export", _("export the record"), ANY, None, (Party.READER,)),
    Move("edit_details", _("change the details"), OPEN, None, (OWNER,)),
    Move("invite", _("change who takes part"), OPEN, None, (OWNER,)),
    Move("edit_section", _("write this part"), OPEN, None, (WRITER,)),
    Move("propose_goal", _("propose a goal"), OPEN, None, (PARTICIPANT,)),
    Move("edit_goal", _("change this goal"), OPEN, None, (OWNER, WRITER, AUTHOR)),
    Move("remove_goal", _("remove this goal"), OPEN, None, (OWNER, PROPOSER)),
    Move("accept_goal", _("decide which goals count"), OPEN, None, (OWNER,)),
    Move("apply_weights", _("set the weights"), OPEN, None, (OWNER,)),
    Move("edit_candidate", _("change the candidates"), OPEN, None, (OWNER, SCIENCE)),
    Move("assess", _("rate the candidates for this role"), OPEN, None, (WRITER,)),
    Move("measure", _("run evaluations"), OPEN, None, (OWNER, SCIENCE)),
    Move("attach_evidence", _("attach evidence"), OPEN, None, (OWNER, SCIENCE)),
    Move("add_evidence", _("add evidence from outside"), OPEN, None, (PARTICIPANT,)),
    Move("withdraw_evidence", _("withdraw evidence"), OPEN, None, (OWNER, SCIENCE, AUTHOR)),
    Move("comment", _("comment"), OPEN, None, (PARTICIPANT, STAND_IN)),
    Move("edit_comment", _("change this comment"), OPEN, None, (AUTHOR,)),
    Move("resolve", _("resolve this thread"), OPEN, None, (OWNER, AUTHOR)),
    Move("review", _("send a review"), (IN_REVIEW,), None, (PARTICIPANT, STAND_IN)),
    Move("lift", _("lift this request for changes"), OPEN, None, (AUTHOR,)),
    Move("submit", _("submit the record for review"), (DRAFT,), IN_REVIEW, (OWNER,),
         (Hold.UNFINISHED, Hold.UNSIGNABLE)),
    Move("sign", _("sign the recommendation"), (IN_REVIEW,), None, (SIGNATORY, STAND_IN),
         (Hold.UNFINISHED, Hold.NOT_YET)),
    Move("delegate", _("let someone sign in their place"), OPEN, None, (SIGNATORY,)),
    Move("accept_delegation", _("accept the delegation"), OPEN, None, (TAKER,)),
    Move("end_delegation", _("end the delegation"), ANY, None, (GIVER, TAKER)),
    Move("approve", _("approve the record"), (IN_REVIEW,), APPROVED, (OWNER,),
         (Hold.UNFINISHED, Hold.CHANGES_REQUESTED, Hold.MUST_FIX, Hold.UNSIGNED,
          Hold.SIGNED_BY_AUTHOR)),
    Move("reopen", _("reopen the record"), (IN_REVIEW, APPROVED, WITHDRAWN), DRAFT, (OWNER,)),
    Move("withdraw", _("withdraw the record"), OPEN, WITHDRAWN, (OWNER,)),
    Move("supersede", _("mark the record as superseded"), (APPROVED,), SUPERSEDED, (OWNER,)),
    Move("amend", _("say which record amends this one"), (APPROVED,), None, (OWNER,)),
    Move("relate", _("link this record to another"), ANY, None, (OWNER,)),
    Move("note_outcome", _("note what became of it"), CLOSED, None, (OWNER,)),
)
# fmt: on

MOVES: dict[str, Move] = {move.action: move for move in _TABLE}


def state_diagram() -> str:
    """Return the moves that change a status as a Mermaid state diagram."""
    lines = ["stateDiagram-v2", "    [*] --> draft"]
    for move in _TABLE:
        for source in move.sources:
            if move.target:
                by = ", ".join(move.parties)
                lines.append(f"    {source} --> {move.target}: {move.action} ({by})")
    return "\n".join([*lines, "    superseded --> [*]"])
